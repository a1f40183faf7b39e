package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/event"
)

func judged(t *testing.T, a *App) []event.Record {
	t.Helper()
	all, err := a.Events(t.Context(), event.Query{Names: []string{"alert.judged"}})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A message carries four links. Looking at one changes nothing, however often;
// sending its form records the verdict once.
func TestAMessageIsJudgedInOneTap(t *testing.T) {
	a := lived(t)
	pages, err := a.pager.Pages(t.Context(), oncall.PageQuery{})
	if err != nil || len(pages) == 0 {
		t.Fatalf("got %d pages, %v", len(pages), err)
	}
	ask := a.askJudgement(t.Context(), pages[0], "aoi", "ja", "slack")
	if len(ask.Answers) != 4 || ask.Text != "役に立ちましたか？" {
		t.Fatalf("got %+v, want four answers", ask)
	}
	link := strings.TrimPrefix(ask.Answers[2].URL, a.cfg.BaseURL)
	for range 3 {
		if w := fetch(a, link, "en"); w.Code != 200 || !strings.Contains(w.Body.String(), `data-verdict="noise"`) {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	if got := judged(t, a); len(got) != 0 {
		t.Fatalf("looking at a link judged: %v", got)
	}
	path, _, _ := strings.Cut(link, "?")
	tap := func(path, verdict string) int {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+path, strings.NewReader(url.Values{"verdict": {verdict}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		return w.Code
	}
	for range 2 {
		if code := tap(path, "noise"); code != http.StatusSeeOther {
			t.Fatalf("got %d", code)
		}
	}
	got := judged(t, a)
	if len(got) != 1 || got[0].Actor != "person/aoi" || got[0].Source != "slack" || !strings.Contains(string(got[0].Payload), `"actionable":false`) {
		t.Fatalf("got %+v, want one judgement of aoi by slack", got)
	}
	if w := fetch(a, path, "en"); !strings.Contains(w.Body.String(), "Recorded: Noise") {
		t.Errorf("it does not say what was recorded: %s", w.Body)
	}
	tap(path, "actionable")
	if got := judged(t, a); len(got) != 2 || !strings.Contains(string(got[1].Payload), `"now":"actionable"`) {
		t.Errorf("a changed mind: got %+v", got)
	}
	if code := tap(path[:len(path)-2]+"xx", "noise"); code != http.StatusForbidden {
		t.Errorf("a forged link: got %d, want 403", code)
	}
	old := a.judging.signer.Token(alert.Ballot{Alert: "x", Person: "aoi", Expires: time.Now().Add(-time.Second).Unix()})
	if code := tap("/judge/"+old, "noise"); code != http.StatusForbidden {
		t.Errorf("an old link: got %d, want 403", code)
	}
	if code := tap(path, "perhaps"); code != http.StatusUnprocessableEntity {
		t.Errorf("no verdict: got %d, want 422", code)
	}
}

func TestWhatNobodyWasToldOfIsMissed(t *testing.T) {
	a := lived(t)
	hear := a.bus.Subscriber(a.log, "test", a.heardIncidents())
	for _, d := range []incident.Declaration{
		{Title: "Nobody was told", Service: "storefront", Severity: 2, By: "aoi"},
		{Title: "Somebody was", Service: "payment", Severity: 2, By: "aoi"},
	} {
		if _, err := a.desk.Declare(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // heard twice is missed once
		for {
			n, err := hear.Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
	}
	all, err := a.judging.jury.Misses(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil || len(all) != 1 || all[0].What != "Nobody was told" || all[0].Incident == "" {
		t.Errorf("got %+v, %v; want the first one", all, err)
	}
	w := send(a, http.MethodPost, "/api/v1/alerts/missed", `{"service":"payment","at":"`+time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)+`","what":"cards were refused","rule":"card-errors","as":"aoi"}`)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"card-errors"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := send(a, http.MethodPost, "/api/v1/alerts/missed", `{"service":"payment","at":"2999-01-01T00:00:00Z","what":"x"}`); w.Code != 422 {
		t.Errorf("of the future: got %d %s", w.Code, w.Body)
	}
}

// Each team is told once, whatever happens in between; a failure is tried again.
func TestATeamIsToldOfItsWeekOnce(t *testing.T) {
	a := lived(t)
	var mu sync.Mutex
	var got []string
	refuse := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if refuse {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, r.Header.Get("Idempotency-Key")+" "+string(b))
	}))
	t.Cleanup(srv.Close)
	a.cfg.Webhook.AllowPrivate = true
	a.ways = a.channels()
	services := a.catalog.Services(t.Context())
	for i := range services {
		services[i].Team = "shop"
	}
	a.catalog.Replace(&catalog.Snapshot{Services: services, Teams: []catalog.Team{{ID: "shop", Tell: &catalog.Tell{Channel: "webhook", Address: srv.URL + "/x", Zone: "Asia/Tokyo", Lang: "ja"}}, {ID: "quiet"}}})
	now := time.Date(2026, 11, 22, 23, 59, 0, 0, time.UTC) // Monday 08:59 in Tokyo
	a.now = func() time.Time { return now }
	tell := a.tellWeekly()
	step := func(d time.Duration) { now = now.Add(d); _ = tell.Do(t.Context()) } // a failure is what is tried
	step(0)
	step(2 * time.Minute) // 09:01: refused
	mu.Lock()
	refuse = false
	mu.Unlock()
	step(time.Minute) // the lease runs still
	if len(got) != 0 {
		t.Fatalf("got %v before the lease was over", got)
	}
	step(weekLease)
	step(weekLease)
	step(48 * time.Hour)
	if len(got) != 1 || !strings.Contains(got[0], "2026-W47") || !strings.HasPrefix(got[0], "week-2026-w47-") || !strings.Contains(got[0], "呼び出し") {
		t.Fatalf("got %d messages: %v; want one of week 47", len(got), got)
	}
	step(5 * 24 * time.Hour) // the next week
	if len(got) != 2 || !strings.Contains(got[1], "2026-W48") {
		t.Fatalf("got %d messages: %v; want week 48 too", len(got), got)
	}
}

func TestScoresOverTheAPI(t *testing.T) {
	a := lived(t)
	for _, path := range []string{"/api/v1/rule-scores", "/api/v1/rule-proposals", "/api/v1/alerts/weekly", "/api/v1/alerts/weekly?week=2026-W47&zone=Asia/Tokyo"} {
		w := send(a, http.MethodGet, path, "")
		var got map[string]json.RawMessage
		if err := json.Unmarshal(w.Body.Bytes(), &got); w.Code != 200 || err != nil {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/api/v1/alerts/weekly?week=2026-W54", "/api/v1/alerts/weekly?zone=Mars", "/alerts/weekly?week=soon"} {
		if w := send(a, http.MethodGet, path, ""); w.Code != 422 {
			t.Errorf("%s: got %d, want 422", path, w.Code)
		}
	}
}
