package change

import (
	"encoding/json"
	"testing"
	"time"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func TestPagerDutyChange(t *testing.T) {
	text := `{"routing_key": "R0", "payload": {"summary": "Build Success - Increase snapshot create timeout to 30 seconds", "timestamp": "2026-11-20T02:00:00.000+0000",
	"source": "checkout", "custom_details": {"build_state": "passed", "build_number": 220}}, "links": [{"href": "https://ci.example/220", "text": "build"}], "images": [{"src": "x"}]}`
	var p PagerDuty
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	r, at, err := p.Recorded(t0, func(s string) bool { return s == "checkout" })
	if err != nil || r.Service != "checkout" || r.Kind != "deploy" || r.URL != "https://ci.example/220" || r.Details["build_number"] != "220" || !at.Equal(t0.Add(-13*time.Minute)) {
		t.Errorf("got %+v at %s, %v", r, at, err)
	}
	f, err := Fact(r, at, t0, "", "pagerduty")
	if err != nil || f.Service != "checkout" || f.Subject != "change/checkout" || f.Event.EventName() != "change.recorded" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	good := Recorded{Service: "checkout", Kind: "deploy", Summary: "v42"}
	for name, tt := range map[string]struct {
		r  Recorded
		at time.Time
	}{
		"no summary": {Recorded{Kind: "deploy"}, t0}, "no kind": {Recorded{Kind: "dance", Summary: "x"}, t0},
		"tomorrow": {good, t0.Add(24 * time.Hour)}, "long ago": {good, t0.AddDate(-11, 0, 0)},
	} {
		if _, err := Fact(tt.r, tt.at, t0, "", ""); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, _, err := (PagerDuty{Payload: PagerDutyPayload{Summary: "x", Timestamp: "yesterday"}}).Recorded(t0, func(string) bool { return false }); err == nil {
		t.Error("a timestamp that is none is accepted")
	}
}

func FuzzPagerDuty(f *testing.F) {
	f.Add([]byte(`{"payload": {"summary": "x", "timestamp": "2026-11-20T02:00:00Z", "custom_details": {"a": {"b": 1}}}, "links": [{"href": "javascript:x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p PagerDuty
		if json.Unmarshal(text, &p) != nil {
			return
		}
		r, at, err := p.Recorded(t0, func(string) bool { return false })
		if err == nil && (r.Summary == "" || at.IsZero() && p.Payload.Timestamp == "") {
			t.Errorf("%s: got %+v at %s", text, r, at)
		}
	})
}
