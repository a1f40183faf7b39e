package app

import (
	"bytes"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/examples"
	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/slo"
)

// lived is a product with the demo's shop, an alert that pages, an incident and
// its postmortem.
func lived(t *testing.T) *App {
	t.Helper()
	ctx, folder := t.Context(), filepath.Join(t.TempDir(), "config")
	shop, err := fs.Sub(examples.Files, "demo-shop")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(folder, shop); err != nil {
		t.Fatal(err)
	}
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.Folder, cfg.Auth.Mode = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", folder, auth.Off
	a, err := New(ctx, slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	do := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	do("evaluate", a.evaluator.Evaluate(ctx))
	at := time.Now().Add(-10 * time.Minute)
	do("burn", a.evaluator.TellBurning(ctx, "1", at, slo.Burning{Objective: "payment-availability", Name: "Payments", Service: "payment", Severity: alert.Page, Sentence: "burns 58×"}))
	alerts, err := a.inbox.Alerts(ctx, alert.Query{})
	do("list alerts", err)
	do("page", a.pager.AlertFired(ctx, alerts[0].ID))
	do("escalate", a.pager.Escalate(ctx))
	do("deliver", a.pager.Deliver(ctx))
	i, err := a.desk.Declare(ctx, incident.Declaration{Title: "Payments fail", Service: "payment", Severity: 1, By: "aoi"})
	do("declare", err)
	_, err = a.desk.Resolve(ctx, i.ID, "aoi")
	do("resolve", err)
	_, err = a.writer.Draft(ctx, i.ID)
	do("draft", err)
	_, _, err = a.sources.Create(ctx, ingest.Source{Name: "shop-json", Kind: ingest.Generic}, "", "aoi")
	do("source", err)
	_, err = a.routing.live.SetSilence(ctx, dispatch.Silence{Matchers: []dispatch.Matcher{{Name: "service", Value: "shop"}}, StartsAt: time.Now(), EndsAt: time.Now().Add(time.Hour), CreatedBy: "aoi", Comment: "a test"}, am.ValidName)
	do("silence", err)
	return a
}

func fetch(a *App, path, lang string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil)
	r.Header.Set("Accept-Language", lang)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w
}

var link = regexp.MustCompile(`(?:href|hx-get|src)="(/[^"#]*)`)

// Every page that can be reached by links answers, in both languages, with text
// for every key; and every page that is mounted can be reached.
func TestEveryPageIsReachedAndHasItsText(t *testing.T) {
	a := lived(t)
	mux, seen := http.NewServeMux(), map[string]bool{}
	for _, p := range a.pages {
		mux.Handle(p.Pattern, http.NotFoundHandler())
	}
	// Nobody is sent there by a link: a message, a script or a menu of the signed
	// in does it.
	todo := []string{"/", "/config", "/health", "/settings", "/people", "/teams", "/owners", "/me", "/pages", "/inbox/aoi", "/incidents/new", "/welcome", "/login", "/api/palette?q=pay"}
	alerts, err := a.inbox.Alerts(t.Context(), alert.Query{})
	if err != nil || len(alerts) == 0 {
		t.Fatalf("got %d alerts, %v", len(alerts), err)
	}
	ledger, err := a.pager.Deliveries(t.Context(), oncall.LedgerQuery{Limit: 1})
	if err != nil || len(ledger) == 0 {
		t.Fatalf("%d deliveries (%v)", len(ledger), err)
	}
	todo = append(todo, "/a/"+a.pager.Token(ledger[0].ID))
	todo = append(todo, "/judge/"+a.judging.signer.Token(alert.Ballot{Alert: alerts[0].ID, Person: "aoi", Expires: time.Now().Add(time.Hour).Unix()})+"?v=noise")
	asked := map[string]bool{}
	for len(todo) > 0 && len(asked) < 600 {
		path := strings.ReplaceAll(todo[0], "&amp;", "&")
		todo = todo[1:]
		r := httptest.NewRequest(http.MethodGet, path, nil)
		_, pattern := mux.Handler(r)
		plain, _, _ := strings.Cut(path, "?")
		if asked[plain] || (pattern == "" && !strings.HasPrefix(path, "/api/palette")) {
			continue // not a page: a file, the API, or a variant that was seen
		}
		asked[plain], seen[pattern] = true, true
		for _, lang := range []string{"en", "ja"} {
			w := fetch(a, path, lang)
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "⟦") {
				t.Errorf("%s in %s: status %d, or a key without text", path, lang, w.Code)
			}
			for _, m := range link.FindAllStringSubmatch(w.Body.String(), -1) {
				todo = append(todo, m[1])
			}
		}
	}
	for _, p := range a.pages {
		if strings.HasPrefix(p.Pattern, "GET ") && !seen[p.Pattern] {
			t.Errorf("no link leads to %s", p.Pattern)
		}
	}
	for _, m := range a.kit.Missing() {
		t.Error(m)
	}
	t.Logf("%d pages of %d patterns", len(asked), len(seen))
}

// Every page has its twin under /api/v1, by the same name, or here is why not.
func TestEveryPageHasATwin(t *testing.T) {
	a := lived(t)
	operations := map[string]bool{}
	for _, r := range a.api.Routes() {
		operations[r.Pattern] = true
	}
	same := map[string]string{ // the twin has another name
		"GET /{$}":                "GET /api/v1/now",
		"GET /settings":           "GET /api/v1/sessions",
		"GET /owners":             "GET /api/v1/owners",
		"GET /slos/{id}/spark":    "GET /api/v1/slos/{id}/history",
		"GET /services/{id}/slos": "GET /api/v1/slos",
		"GET /rules":              "GET /api/v1/rule-scores",
		"GET /rules/proposals":    "GET /api/v1/rule-proposals",
		"GET /a/{token}":          "POST /api/v1/pages/{id}/ack",
		"GET /judge/{token}":      "POST /api/v1/alerts/{id}/judgement",
		"GET /burn-rates/try":     "POST /api/v1/slos/{id}/backtest",
	}
	none := map[string]string{
		"GET /login":                           "POST /login takes JSON",
		"GET /welcome":                         "POST /welcome takes JSON",
		"GET /api/palette":                     "is JSON itself",
		"GET /incidents/new":                   "a form: POST /api/v1/incidents",
		"GET /sources/new":                     "a form: POST /api/v1/sources",
		"GET /oncall/change":                   "a form: POST /api/v1/oncall/adjustments",
		"GET /silences/new":                    "a form: POST /api/v1/silences",
		"GET /postmortems/{id}/edit/{section}": "a form of /postmortems/{id}",
		"GET /postmortems/{id}/report.md":      "is Markdown for programs itself",
		"GET /slos/report.csv":                 "is CSV for programs itself",

		"GET /config/schema/{group}/{version}/{kind}": "is JSON itself",
	}
	panels := map[string]bool{}
	hole := regexp.MustCompile(`\{[a-z]+\}`)
	for _, m := range a.modules {
		for _, p := range m.Panels {
			panels[hole.ReplaceAllString(p.URL, "{}")] = true
		}
	}
	for _, p := range a.pages {
		path, isGet := strings.CutPrefix(p.Pattern, "GET ")
		twin := "GET /api/v1" + path
		if other, ok := same[p.Pattern]; ok {
			twin = other
		}
		switch {
		case !isGet, none[p.Pattern] != "", operations[twin], panels[hole.ReplaceAllString(path, "{}")]:
			continue // a panel shows a list that has its own operation
		}
		if !slices.ContainsFunc(a.api.Routes(), func(r httpd.Route) bool {
			return hole.ReplaceAllString(r.Pattern, "{}") == hole.ReplaceAllString(twin, "{}")
		}) {
			t.Errorf("%s has no %s", p.Pattern, twin)
		}
	}
	for pattern := range same {
		if !slices.ContainsFunc(a.pages, func(r httpd.Route) bool { return r.Pattern == pattern }) {
			t.Errorf("%s is explained and not mounted", pattern)
		}
	}
}

// api/openapi.json is what the handlers are: `make gen` writes it again.
func TestOpenAPIIsFresh(t *testing.T) {
	want, err := os.ReadFile("../../api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Describe(t.Context(), "dev")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
		t.Errorf("api/openapi.json is %d bytes, the handlers say %d: run make gen", len(want), len(got))
	}
}
