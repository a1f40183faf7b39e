package alertweb_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type plainText struct{}

func (plainText) Seal(text, _ string) (string, error)   { return text, nil }
func (plainText) Unseal(text, _ string) (string, error) { return text, nil }

const testKey = "0123456789abcdef0123456789abcdef"

// gate is the pages and doors of sources with a database.
func gate(t *testing.T) *house {
	h := &house{t: t, now: t0, as: auth.Local("127.0.0.1")}
	clock := func() time.Time { return h.now }
	n := 0
	newID := func() string { n++; return fmt.Sprintf("id%04d", n) }
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: alertdb.Migrations})
	store := alertdb.New(db, bus.New(db, clock, newID), newID)
	h.inbox = alert.NewInbox(store, clock)
	keys := 0
	reg := ingest.NewRegistry(ingest.Options{Store: store, Inbox: h.inbox, Sealer: plainText{}, Now: clock, Started: t0, NewID: newID, NewKey: func() string { keys++; return fmt.Sprintf("%s%02d", testKey[:30], keys) }})
	people := catalog.New()
	people.Replace(&catalog.Snapshot{Services: []catalog.Service{{ID: "checkout"}}, People: []catalog.Person{{ID: "aoi", Name: "Aoi"}}})
	quiet := slog.New(slog.DiscardHandler)
	kit, err := webkit.New(webkit.Options{Log: quiet, Nav: alertweb.Nav(), Text: []webkit.Catalogue{alertweb.Text()}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	h.kit = kit
	d := alertweb.SourceDeps{Kit: kit, Log: quiet, Now: clock, Registry: reg, Catalog: people, BaseURL: "https://hinoban.example"}
	api := httpd.NewAPI(quiet, "test")
	alertweb.SourceAPI(api, d)
	guard := func(_ httpd.Access, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(auth.With(r.Context(), h.as)))
		})
	}
	routes := append(append(alertweb.SourceRoutes(d), api.Routes()...), alertweb.SourceProtocols(quiet, clock, reg)...)
	h.handler, err = httpd.Handler(quiet, httpd.Default(), guard, clock, routes...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) sees(target string, want ...string) string {
	h.t.Helper()
	h.main(target, "ja")
	html := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(h.main(target, "en"))
	for _, w := range want {
		if !strings.Contains(html, w) {
			h.t.Errorf("%s: no %q in\n%s", target, w, html)
		}
	}
	return html
}

func (h *house) follows(w *httptest.ResponseRecorder, to string) {
	h.t.Helper()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
		h.t.Fatalf("got %d to %q: %s; want to be sent to %s", w.Code, w.Header().Get("Location"), w.Body, to)
	}
}

// A source is made on the page, waits, is heard, and shows what it sent.
func TestASourceFromItsFirstDayOn(t *testing.T) {
	h := gate(t)
	h.sees("/sources", "Nothing sends alerts here yet", "/sources/new")
	h.sees("/sources/new", "kind=alertmanager", "kind=heartbeat", "Any JSON")
	h.sees("/sources/new?kind=alertmanager", `name="name"`, "checkout")
	w := h.form("/sources", "kind", "alertmanager", "name", "Prod!", "severity", "ticket", "silence", "ticket")
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "lower-case letters") || !strings.Contains(w.Body.String(), `value="Prod!"`) {
		t.Errorf("a bad name: got %d %s", w.Code, w.Body)
	}
	h.follows(h.form("/sources", "kind", "alertmanager", "name", "prod", "severity", "ticket", "silence", "page", "every", "5m"), "/sources/prod")
	key := testKey[:30] + "01"
	h.sees("/sources/prod", "waiting for the first event", "https://hinoban.example/ingest/alertmanager/"+key, "webhook_configs", "5 m")
	body := `{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"<Down>","job":"checkout"},"startsAt":"2026-11-20T02:10:00Z"},{"status":"x"}]}`
	if w := h.do(http.MethodPost, "/ingest/alertmanager/"+key, body); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	h.pass(2 * time.Minute)
	h.sees("/sources/prod", "heard 2 m ago", "1 taken, 1 refused", "alerts[1].status", "&lt;Down&gt;", "/alerts/id")
	h.sees("/sources", "prod", "heard 2 m ago")
	h.follows(h.form("/sources/prod/rotate"), "/sources/prod")
	if w := h.do(http.MethodPost, "/ingest/alertmanager/"+key, body); w.Code != http.StatusNotFound {
		t.Errorf("the old key: got %d", w.Code)
	}
	h.follows(h.form("/sources/prod", "service", "checkout", "severity", "page", "silence", "info", "every", "24h"), "/sources/prod")
	h.sees("/sources/prod", `value="24h"`)
	if w := h.form("/sources/prod", "every", "soon"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "not a duration") {
		t.Errorf("a bad interval: got %d", w.Code)
	}
	h.follows(h.form("/sources/prod/pause"), "/sources/prod")
	h.sees("/sources/prod", "paused")
	h.follows(h.form("/sources/prod/resume"), "/sources/prod")
	h.as = auth.Principal{ID: "ren", Kind: auth.ByPerson, Role: auth.Viewer}
	if html := h.sees("/sources/prod", "only those who may act"); strings.Contains(html, testKey[:30]) {
		t.Error("who may only look sees the key")
	}
	h.as = auth.Local("127.0.0.1")
	h.follows(h.form("/sources/prod/delete"), "/sources")
	if w := h.do(http.MethodGet, "/sources/prod", ""); w.Code != http.StatusNotFound {
		t.Errorf("deleted: got %d", w.Code)
	}
}

// A mapping is tried on what was sent, and saved when it fits.
func TestAMappingIsTriedOnThePage(t *testing.T) {
	h := gate(t)
	h.follows(h.form("/sources", "kind", "generic", "name", "ci", "severity", "ticket", "silence", "ticket"), "/sources/ci")
	key := testKey[:30] + "01"
	h.do(http.MethodPost, "/ingest/generic/"+key, `{"build":{"n":7,"broken":true},"text":"tests fail"}`)
	fields := []string{"m_rule", `"build " + string(it.build.n)`, "m_firing", `it.build.broken`, "m_summary", `it.text`}
	w := h.form("/sources/ci/try", fields...)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "build 7") || !strings.Contains(w.Body.String(), "tests fail") {
		t.Errorf("tried: got %d %s", w.Code, w.Body)
	}
	if w := h.form("/sources/ci/try", "m_rule", "it."); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "mapping.rule") {
		t.Errorf("a bad one: got %d %s", w.Code, w.Body)
	}
	h.follows(h.form("/sources/ci", append(fields, "part", "mapping")...), "/sources/ci")
	h.do(http.MethodPost, "/ingest/generic/"+key, `{"build":{"n":8,"broken":true},"text":"tests fail"}`)
	got, err := h.inbox.Alerts(t.Context(), alert.Query{Source: "ci"})
	if err != nil || len(got) != 2 || got[0].Rule != "build 8" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSourcesOverTheAPI(t *testing.T) {
	h := gate(t)
	for _, k := range ingest.Kinds() {
		var out alertweb.SourceDetail
		h.json(http.MethodPost, "/api/v1/sources", fmt.Sprintf(`{"name":"x-%s","kind":"%s","every":"1h","as":"aoi"}`, k, k), http.StatusCreated, &out)
		if out.Key == "" || !strings.Contains(fmt.Sprint(out.Snippets), "hinoban.example") || out.State != ingest.Waiting {
			t.Errorf("%s: got %+v", k, out)
		}
		h.sees("/sources/x-"+string(k), "waiting for the first event", "hinoban.example")
		h.sees("/sources/new?kind="+url.QueryEscape(string(k)), `name="every"`)
	}
	if m := h.kit.Missing(); len(m) > 0 {
		t.Log(m) // the inbox's own pages are not mounted here
	}
	var list alertweb.SourceList
	h.json(http.MethodGet, "/api/v1/sources", "", 200, &list)
	if len(list.Sources) != len(ingest.Kinds()) || list.Sources[0].DueAt != t0.Add(time.Hour) {
		t.Errorf("got %+v", list)
	}
	h.json(http.MethodPost, "/api/v1/sources", `{"name":"x-generic","kind":"generic"}`, http.StatusConflict, nil)
	h.json(http.MethodPost, "/api/v1/sources", `{"name":"y","kind":"generic","every":"soon"}`, http.StatusUnprocessableEntity, nil)
	h.json(http.MethodPost, "/api/v1/sources", `{"name":"y","kind":"generic","mapping":{"rule":"("}}`, http.StatusUnprocessableEntity, nil)
	h.json(http.MethodPut, "/api/v1/sources/x-generic", `{"service":"checkout","mapping":{"rule":"it.r"}}`, 200, nil)
	h.json(http.MethodPost, "/api/v1/sources/x-generic/try", `{"mapping":{"rule":"it.r"}}`, http.StatusConflict, nil)
	var trial alertweb.SourceTrial
	payload, err := json.Marshal(`{"r":"disk"}`)
	if err != nil {
		t.Fatal(err)
	}
	h.json(http.MethodPost, "/api/v1/sources/x-generic/try", `{"mapping":{"rule":"it.r"},"payload":`+string(payload)+`}`, 200, &trial)
	if len(trial.Signals) != 1 || trial.Signals[0].Rule != "disk" {
		t.Errorf("got %+v", trial)
	}
	var one alertweb.SourceDetail
	for verb, want := range map[string]ingest.State{"rotate": "", "pause": ingest.Paused} {
		h.json(http.MethodPost, "/api/v1/sources/x-generic/"+verb, `{"as":"aoi"}`, 200, &one)
		if want != "" && one.State != want {
			t.Errorf("%s: got %s", verb, one.State)
		}
	}
	h.json(http.MethodPost, "/api/v1/sources/x-generic/resume", "", 200, &one)
	h.json(http.MethodDelete, "/api/v1/sources/x-generic?as=aoi", "", 200, nil)
	h.json(http.MethodGet, "/api/v1/sources/x-generic", "", 404, nil)
}
