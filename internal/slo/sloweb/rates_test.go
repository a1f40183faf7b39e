package sloweb

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/platform/webkit/webkittest"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/replay"
)

const ratesYAML = `apiVersion: hinoban/v1
kind: BurnRateCatalogue
metadata: {name: std, version: 3, owner: sre, reviewBy: 2026-10-01, displayName: Ours}
spec:
  entries:
  - id: tier1
    match: {period: [30d], target: [0.995, 0.9999]}
    pairs:
    - {severity: page, budget: 2%, long: 1h, short: 5m}
    - {severity: ticket, budget: 10%, long: 3d, short: 6h}
    rationale: As the book has it.
  - {id: wrong, pairs: [{severity: page, burnRate: 0.7, long: 1h}]}
`

// rated is the shop with a catalogue, a past and incidents.
type rated struct {
	*fakes

	set *catalogue.Set
	err error
}

// History has an outage of an hour, a week ago.
func (f *rated) History(_ context.Context, _ slo.Objective, from, to time.Time) (replay.History, error) {
	n := int(to.Sub(from)/time.Minute) + 1
	h := replay.History{Start: from, Step: time.Minute, Bad: make([]int64, n), Total: make([]int64, n)}
	for i := 1; i < n; i++ {
		h.Total[i], h.Bad[i] = h.Total[i-1]+100, h.Bad[i-1]
		if at := h.Start.Add(time.Duration(i) * time.Minute); at.After(t0.Add(-7*day)) && !at.After(t0.Add(-7*day+time.Hour)) {
			h.Bad[i] += 50
		}
	}
	return h, f.err
}

type told struct{ name string }

func (e told) EventName() string { return e.name }

func (f *rated) Events(ctx context.Context, q event.Query) ([]event.Record, error) {
	if len(q.Names) == 1 && q.Names[0] == "slo.burning" {
		if q.After > 0 {
			return nil, nil
		}
		return f.records[:1], nil
	}
	return f.fakes.Events(ctx, q)
}

func rates(t testing.TB) (*rated, http.Handler, *webkit.Kit) {
	t.Helper()
	own, problems := catalogue.Read("std.yaml", ratesYAML)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f := &rated{fakes: shop(t), set: catalogue.NewSet(own)}
	f.all[0].Objective.BurnRates, f.all[1].Objective.BurnRates, f.all[2].Objective.BurnRates = "std/tier1@3", "google-30d", "gone@1"
	f.records = append(
		f.records,
		record(1, 7*day, "incident/1", "checkout", told{"incident.declared"}),
		record(2, 7*day-time.Hour, "incident/1", "checkout", told{"incident.resolved"}),
	)
	quiet := slog.New(slog.DiscardHandler)
	now := func() time.Time { return t0 }
	kit, err := webkit.New(webkit.Options{Log: quiet, Nav: Nav(), Text: []webkit.Catalogue{Text}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	d := Deps{Kit: kit, Log: quiet, Now: now, SLOs: f, History: f, Events: f, Past: f, Rates: func() *catalogue.Set { return f.set }}
	api := httpd.NewAPI(quiet, "test")
	in := d
	in.Kit = nil
	API(api, in)
	h, err := httpd.Handler(quiet, httpd.Default(), httpd.Open, now, append(Routes(d), api.Routes()...)...)
	if err != nil {
		t.Fatal(err)
	}
	return f, h, kit
}

func TestRatesPages(t *testing.T) {
	_, h, kit := rates(t)
	try := "/burn-rates/try?" + url.Values{"slo": {"answers"}, "days": {"30"}, "catalogue": {ratesYAML}}.Encode()
	for name, path := range map[string]string{
		"rates":       "/burn-rates",
		"rates-entry": "/burn-rates?entry=elastic/elastic-7d&target=99",
		"rates-try":   try,
		"rates-bad":   "/burn-rates/try?slo=answers&days=30&catalogue=kind:+Cat",
	} {
		get(t, h, path, "ja", http.StatusOK)
		webkittest.Compare(t, filepath.Join("testdata", name+".golden"), webkittest.Normal(get(t, h, path, "en", http.StatusOK)), *update)
	}
	for _, bad := range []string{"/burn-rates/try?slo=nope&days=30", "/burn-rates/try?slo=answers&days=x", "/burn-rates?target=abc"} {
		get(t, h, bad, "en", http.StatusOK)
	}
	for _, m := range kit.Missing() {
		t.Error(m)
	}
}

func postJSON(t *testing.T, h http.Handler, path string, in any, want int) string {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, io.NopCloser(bytes.NewReader(text)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != want {
		t.Fatalf("%s: got status %d, want %d: %s", path, w.Code, want, w.Body)
	}
	return w.Body.String()
}

func TestRatesAPI(t *testing.T) {
	f, h, _ := rates(t)
	var page RatesPage
	decode(t, get(t, h, "/api/v1/burn-rates", "en", http.StatusOK), &page)
	first := page.Catalogues[0]
	if first.Ref != "std@3" || !first.Overdue || len(first.Entries) != 2 || first.Entries[0].UsedBy[0] != "answers" || first.Entries[0].PagesPerWeek != 0.25 || len(first.Entries[1].Problems) != 1 {
		t.Errorf("first: %+v", first)
	}
	if p := first.Entries[0].Pairs[0]; p.Rate != 14.4 || len(p.Promise) != 6 || p.Promise[0].AfterSeconds < 51 || p.Promise[0].AfterSeconds > 52 || len(page.Without) != 3 {
		t.Errorf("pair: %+v, without %v", p, page.Without)
	}
	get(t, h, "/api/v1/burn-rates?target=101", "en", http.StatusUnprocessableEntity)

	var tried Backtested
	decode(t, postJSON(t, h, "/api/v1/slos/answers/backtest", map[string]any{"days": 30, "catalogue": ratesYAML, "zone": "Asia/Tokyo"}, http.StatusOK), &tried)
	if len(tried.Results) != 2 || tried.Results[0].Name != "now" || tried.Results[1].Name != "std/tier1@3" || tried.Incidents != 1 || tried.Step != 60 {
		t.Errorf("tried: %+v", tried)
	}
	if r := tried.Results[1]; r.Pages != 1 || r.Recall == nil || *r.Recall != 1 || *r.Precision != 1 || *r.DetectionSeconds != 120 {
		t.Errorf("result: %+v", r)
	}
	decode(t, postJSON(t, h, "/api/v1/slos/answers/backtest", map[string]any{"days": 30}, http.StatusOK), &tried)
	if len(tried.Results) < 8 {
		t.Errorf("without a catalogue every one is tried: got %d", len(tried.Results))
	}
	postJSON(t, h, "/api/v1/slos/nope/backtest", map[string]any{"days": 30}, http.StatusNotFound)
	postJSON(t, h, "/api/v1/slos/answers/backtest", map[string]any{"days": 30, "zone": "Mars"}, http.StatusUnprocessableEntity)
	if got := postJSON(t, h, "/api/v1/slos/answers/backtest", map[string]any{"days": 30, "catalogue": strings.Replace(ratesYAML, "2%", "2", 1)}, http.StatusUnprocessableEntity); !strings.Contains(got, "catalogue.yaml:9:") {
		t.Errorf("what is wrong has a place: %s", got)
	}

	var fitted FittedRates
	decode(t, postJSON(t, h, "/api/v1/slos/answers/fit", map[string]any{"days": 30, "max_pages_per_week": 2, "min_recall": 0.95}, http.StatusOK), &fitted)
	if !fitted.Kept || fitted.Best.Recall != 1 || len(fitted.Curve) == 0 {
		t.Errorf("fitted: %+v", fitted)
	}
	if _, problems := catalogue.Read("fitted.yaml", fitted.Catalogue); len(problems) > 0 {
		t.Errorf("what is proposed can be pasted: %v", problems)
	}
	f.err = context.DeadlineExceeded
	postJSON(t, h, "/api/v1/slos/answers/fit", map[string]any{"days": 30, "max_pages_per_week": 2, "min_recall": 0.95}, http.StatusInternalServerError)
}
