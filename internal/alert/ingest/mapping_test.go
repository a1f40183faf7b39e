package ingest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func mapped(t *testing.T, m ingest.Mapping, body string) (ingest.Batch, error) {
	t.Helper()
	p, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Map(t.Context(), ingest.Source{Name: "ci", Kind: ingest.Generic, Severity: alert.Ticket}, p, ingest.Delivery{Body: []byte(body), At: t0})
}

func TestTheDefaultMappingReadsUsualNames(t *testing.T) {
	for body, want := range map[string]string{
		`{"rule":"r","service":"s","severity":"page","summary":"x"}`:                          "firing page s|r||x|02:13:00\n",
		`{"title":"t","status":"resolved","level":"warning","id":7}`:                          "resolved ticket |t|7|t|02:13:00\n",
		`{"name":"n","firing":false,"message":"m"}`:                                           "resolved ticket |n||m|02:13:00\n",
		`{"alerts":[{"alertname":"a","state":"OK"},{"alertname":"b","severity":"critical"}]}`: "resolved ticket |a||a|02:13:00\nfiring page |b||b|02:13:00\n",
		`{}`: "firing ticket |event||event|02:13:00\n",
	} {
		b, err := mapped(t, ingest.Mapping{}, body)
		if got := told(b); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", body, got, err, want)
		}
	}
}

func TestAMappingReadsAnyShape(t *testing.T) {
	m := ingest.Mapping{
		Each: `filter(body.checks, .id != "")`, Firing: `it.state == "bad"`, Rule: `upper(it.title)`, Service: `trimPrefix(body.event.host, "build-")`,
		Key: `it.id`, Severity: `body.event.level`, Summary: `it.text + " (" + body.event.kind + ")"`, Labels: `{"kind": body.event.kind, "n": len(body.checks)}`, URL: `it.href`,
	}
	b, err := mapped(t, m, string(recorded(t, "generic.json")))
	want := "firing page 3|DISK|c1|disk of build-3 is full (deploy-check)|02:13:00\nresolved page 3|MEMORY|c2|memory is fine (deploy-check)|02:13:00\n"
	if got := told(b); err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	if s := b.Signals[0]; s.Labels["n"] != "2" || s.URL != "https://ci.example/c1" {
		t.Errorf("got %+v", s)
	}
}

func TestAMappingSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		m    ingest.Mapping
		says string
	}{
		{ingest.Mapping{Rule: `it.`}, "mapping.rule"},
		{ingest.Mapping{Rule: `repeat("x", 1000000000)`}, "mapping.rule: unknown name repeat"},
		{ingest.Mapping{Rule: `let x = it.a; x + x`}, "let is not available"},
		{ingest.Mapping{Each: `1..1000000`}, "ranges"},
		{ingest.Mapping{Firing: `any(body.a, any(body.a, # > 1))`}, "a condition inside of a condition"},
		{ingest.Mapping{Firing: `"yes"`}, "mapping.firing"},
		{ingest.Mapping{Each: `map(body.a, # + body.b)`}, "mapping.each: unknown name map"},
		{ingest.Mapping{Summary: strings.Repeat("it.a + ", 120) + "it.a"}, "mapping.summary"},
		{ingest.Mapping{Summary: strings.Repeat(" ", 1001) + "1"}, ""},
		{ingest.Mapping{Summary: `"` + strings.Repeat("x", 1001) + `"`}, "more than 1000 bytes"},
	} {
		_, err := tt.m.Compile()
		if tt.says == "" {
			if err != nil {
				t.Errorf("got %v", err)
			}
			continue
		}
		if errs.KindOf(err) != errs.Invalid || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: got %v, want %q", tt.m, err, tt.says)
		}
	}
}

func TestAMappingRefusesWhatItDoesNotFit(t *testing.T) {
	b, err := mapped(t, ingest.Mapping{Each: `body.all`, Rule: `it.name`, Labels: `it.labels`}, `{"all":[{"name":"a"},{"name":""},{"name":"b","labels":7},"text"]}`)
	if err != nil || len(b.Signals) != 1 || len(b.Refused) != 3 || b.Refused[0].Path != "each[1]" {
		t.Errorf("got %s, %v", told(b), err)
	}
	if _, err := mapped(t, ingest.Mapping{Each: `body.name`}, `{"name":"x"}`); errs.KindOf(err) != errs.Invalid {
		t.Errorf("no list: got %v", err)
	}
}

// The dearest expression on the largest payload that is taken is over in time.
func TestAMappingIsBounded(t *testing.T) {
	items := make([]map[string]string, 900)
	for i := range items {
		items[i] = map[string]string{"name": strings.Repeat("x", 300), "b": "1", "c": "2"}
	}
	body, err := json.Marshal(map[string]any{"all": items})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	m := ingest.Mapping{Each: `body.all`, Rule: `string(count(body.all, lower(.name + .name + .name) matches "(x+x+)+y"))`, Summary: `string(count(body.all, lower(.name + .name) matches "(x+x+)+y"))`}
	p, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextFor(t, 500*time.Millisecond)
	defer cancel()
	_, err = ingest.Map(ctx, ingest.Source{Name: "ci", Kind: ingest.Generic, Severity: alert.Ticket}, p, ingest.Delivery{Body: body, At: t0})
	if took := time.Since(start); errs.KindOf(err) != errs.Unavailable || took > 5*time.Second {
		t.Errorf("got %v after %s, want it given up at half a second", err, took)
	}
}
