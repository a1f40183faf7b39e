package incidentweb_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/incident/incidentdb"
	"github.com/hinoban/hinoban/internal/incident/incidentweb"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// alerts is the inbox as far as the desk sees it.
type alerts map[string]alert.Alert

func (a alerts) Alert(_ context.Context, id string) (alert.Alert, error) { return a[id], nil }

// house is the room with a database, standing still at its own time.
type house struct {
	t       *testing.T
	now     time.Time
	db      *store.DB
	log     *bus.Log
	desk    *incident.Desk
	kit     *webkit.Kit
	handler http.Handler
	as      auth.Principal
}

func build(t *testing.T) *house {
	h := &house{t: t, now: time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC), as: auth.Local("127.0.0.1")}
	clock := func() time.Time { return h.now }
	h.db = testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "incident", Files: incidentdb.Migrations})
	n, events := 0, 0
	h.log = bus.New(h.db, clock, func() string { events++; return fmt.Sprintf("ev%04d", events) })
	people := catalog.New()
	people.Replace(&catalog.Snapshot{
		Services: []catalog.Service{{ID: "payment", Name: "Payment", Tier: 1, Runbook: "https://wiki.example/payment", Links: []catalog.Link{{Title: "Bank", URL: "https://bank.example"}}}, {ID: "search", Name: "Search"}},
		People:   []catalog.Person{{ID: "aoi", Name: "佐藤 葵"}, {ID: "ren", Name: "Ren"}},
	})
	h.desk = incident.New(incident.Deps{
		Store: incidentdb.New(h.db, h.log), Log: h.log, Services: people, Now: clock, NewID: func() string { n++; return fmt.Sprintf("id%04d", n) },
		Alerts: alerts{"a1": {ID: "a1", Service: "payment", Rule: "pay", Source: "slo", Severity: alert.Page, Summary: "Payments burns 21×", OpenedAt: h.now}},
	})
	quiet := slog.New(slog.DiscardHandler)
	var err error
	if h.kit, err = webkit.New(webkit.Options{Log: quiet, Nav: incidentweb.Nav(), Text: []webkit.Catalogue{incidentweb.Text}, Now: clock}); err != nil {
		t.Fatal(err)
	}
	d := incidentweb.Deps{Kit: h.kit, Log: quiet, Now: clock, Desk: h.desk, Catalog: people, Panels: []module.Panel{{Slot: "incident.detail", TitleKey: "incident.panel", URL: "/panels/{id}"}}}
	api := httpd.NewAPI(quiet, "test")
	incidentweb.API(api, d)
	guard := func(_ httpd.Access, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(auth.With(r.Context(), h.as)))
		})
	}
	if h.handler, err = httpd.Handler(quiet, httpd.Default(), guard, clock, append(incidentweb.Routes(d), api.Routes()...)...); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) main(target, lang string) string {
	h.t.Helper()
	w := h.do(http.MethodGet, target, "", "HX-Request", "true", "HX-Target", "main#main", "Accept-Language", lang)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "⟦") {
		h.t.Fatalf("%s in %s: status %d, or a key without text: %s", target, lang, w.Code, w.Body)
	}
	return w.Body.String()
}

func (h *house) form(target string, pairs ...string) *httptest.ResponseRecorder {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return h.do(http.MethodPost, target, v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (h *house) json(method, target, body string, want int, out any) {
	h.t.Helper()
	w := h.do(method, target, body, "Content-Type", "application/json")
	if w.Code != want {
		h.t.Fatalf("%s %s: got %d %s, want %d", method, target, w.Code, w.Body, want)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) publish(facts ...event.Fact) {
	h.t.Helper()
	if err := h.db.Write(h.t.Context(), func(tx store.Tx) error { return h.log.Publish(h.t.Context(), tx, facts...) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// night is an incident that its alert declared, answered after three minutes.
func (h *house) night() {
	ctx := h.t.Context()
	h.publish(
		event.Fact{Event: slo.Burning{Objective: "pay", Name: "Payments", Service: "payment", Pair: "14.4× over 1h and 5m", Burn: 21.4, Remaining: 0.62}, At: h.now, Service: "payment", Subject: slo.Subject("pay"), Actor: "slo.evaluator", Source: "slo"},
		event.Fact{Event: alert.Fired{Alert: "a1", Service: "payment", Rule: "pay", Source: "slo", Severity: alert.Page}, At: h.now, Service: "payment", Subject: alert.Subject("a1"), Actor: "alert.inbox", Source: "slo"},
	)
	h.must(h.desk.AlertFired(ctx, "a1"))
	h.publish(event.Fact{Event: oncall.PageOpened{Page: "p1", Service: "payment", Alert: "a1"}, At: h.now, Service: "payment", Subject: oncall.Subject("p1"), Source: "oncall"})
	h.now = h.now.Add(3 * time.Minute)
	h.publish(event.Fact{Event: oncall.PageAcked{Page: "p1", Service: "payment", By: "ren", AfterSeconds: 180}, At: h.now, Service: "payment", Subject: oncall.Subject("p1"), Actor: "person/ren", Source: "web"})
	h.must(h.desk.PageAcked(ctx, "payment", "ren", h.now))
	h.now = h.now.Add(10 * time.Second)
	_, err := h.desk.Note(ctx, "1", "every third charge\n502 from <the bank>", "aoi")
	h.must(err)
}

func TestPagesAreAsBefore(t *testing.T) {
	h := build(t)
	golden(t, "empty", h.main("/incidents", "en"))
	h.night()
	golden(t, "room", h.main("/incidents/1", "en"))
	golden(t, "new", h.main("/incidents/new?service=payment", "en"))
	_, err := h.desk.Declare(t.Context(), incident.Declaration{Title: "Office network is slow", Severity: 4, By: "aoi"})
	h.must(err)
	_, err = h.desk.Mitigate(t.Context(), "1", "rolled back", "ren")
	h.must(err)
	h.now = h.now.Add(20 * time.Minute)
	h.must(h.desk.AlertResolved(t.Context(), "payment", "a1"))
	golden(t, "list", h.main("/incidents", "en"))
	golden(t, "panel", h.main("/incidents/of/payment", "en"))
	h.as = auth.Principal{ID: "ren", Kind: auth.ByPerson, Role: auth.Responder}
	golden(t, "resolved", h.main("/incidents/1", "ja"))
	for _, target := range []string{"/incidents?state=open&severity=4", "/incidents?service=search", "/incidents/id0001?source=slo,alert&order=newest", "/incidents/2", "/incidents/of/search", "/incidents?after=2"} {
		h.main(target, "en")
		h.main(target, "ja")
	}
	if m := h.kit.Missing(); len(m) > 0 {
		t.Errorf("missing text:\n%s", strings.Join(m, "\n"))
	}
}

func TestRoomSaysItInOneSentence(t *testing.T) {
	h := build(t)
	h.night()
	for _, c := range []struct{ lang, want string }{
		{"en", "Payment: investigating for 3 m 10 s, severity 2, Ren commands"},
		{"ja", "Payment: 調査中 3分10秒、重大度 2、指揮はRen"},
	} {
		if got := strings.ReplaceAll(h.main("/incidents/1", c.lang), "\u00a0", " "); !strings.Contains(got, c.want) {
			t.Errorf("%s: the page does not say %q", c.lang, c.want)
		}
	}
	got := h.main("/incidents/1?source=people", "en")
	if strings.Contains(got, "burns its budget at 21.4× (limit") || !strings.Contains(got, "502 from &lt;the bank&gt;") {
		t.Error("the filter by source does not keep what people did, and only that")
	}
}

func TestFormsWorkTheRoom(t *testing.T) {
	h := build(t)
	if w := h.form("/incidents", "title", " ", "severity", "2", "as", "aoi"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "needs a title") {
		t.Fatalf("no title: got %d %s", w.Code, w.Body)
	}
	w := h.form("/incidents", "title", "cards fail", "service", "payment", "severity", "3", "as", "aoi")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/incidents/1" {
		t.Fatalf("declare: got %d to %q", w.Code, w.Header().Get("Location"))
	}
	for _, c := range []struct {
		path  string
		pairs []string
		want  func(incident.Incident) bool
	}{
		{"severity", []string{"severity", "1"}, func(i incident.Incident) bool { return i.Severity == 1 }},
		{"roles", []string{"role", "scribe", "person", "ren"}, func(i incident.Incident) bool { return i.Roles[incident.Scribe] == "ren" }},
		{"notes", []string{"text", "seen"}, func(incident.Incident) bool { return true }},
		{"mitigate", []string{"how", "rolled back"}, func(i incident.Incident) bool { return i.Status == incident.MitigatedNow }},
		{"mitigate", []string{"how", "again"}, func(i incident.Incident) bool { return i.Status == incident.MitigatedNow }}, // somebody was quicker
		{"resolve", nil, func(i incident.Incident) bool { return i.Status == incident.Resolved }},
		{"reopen", []string{"reason", "it came back"}, func(i incident.Incident) bool { return i.Status == incident.Investigating }},
	} {
		w := h.form("/incidents/1/"+c.path, append(c.pairs, "as", "aoi")...)
		i, err := h.desk.Incident(t.Context(), "1")
		h.must(err)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/incidents/1" || !c.want(i) {
			t.Errorf("%s: got %d to %q, %+v", c.path, w.Code, w.Header().Get("Location"), i)
		}
	}
	if w := h.form("/incidents/9/resolve", "as", "aoi"); w.Code != http.StatusNotFound {
		t.Errorf("no such incident: got %d", w.Code)
	}
}

func TestAPI(t *testing.T) {
	h := build(t)
	var i incident.Incident
	h.json("POST", "/api/v1/incidents", `{"title":"cards fail","service":"payment","severity":2,"as":"ren"}`, 200, &i)
	if i.Number != 1 || i.DeclaredBy != "ren" || i.Roles[incident.Commander] != "ren" {
		t.Errorf("declared: %+v", i)
	}
	h.json("POST", "/api/v1/incidents", `{"title":"cards fail","severity":9}`, 422, nil)
	h.json("POST", "/api/v1/incidents", `{"title":"x","severity":2,"service":"ghost"}`, 422, nil)
	h.json("POST", "/api/v1/incidents/1/notes?as=aoi", `{"text":"seen"}`, 200, nil)
	h.json("POST", "/api/v1/incidents/1/severity", `{"severity":1}`, 200, nil)
	h.json("POST", "/api/v1/incidents/1/roles", `{"role":"liaison","person":"aoi"}`, 200, nil)
	h.json("POST", "/api/v1/incidents/1/roles", `{"role":"liaison","person":"ghost"}`, 422, nil)
	h.json("POST", "/api/v1/incidents/1/mitigate", `{"how":"rolled back"}`, 200, nil)
	h.json("POST", "/api/v1/incidents/1/resolve", `{}`, 200, nil)
	h.json("POST", "/api/v1/incidents/1/resolve", "", 409, nil)
	h.json("POST", "/api/v1/incidents/1/reopen", `{"reason":"no"}`, 200, &i)
	if i.Severity != 1 || i.Roles[incident.Liaison] != "aoi" || i.Status != incident.Investigating {
		t.Errorf("in the end: %+v", i)
	}
	for range 2 {
		h.json("POST", "/api/v1/incidents", `{"title":"more","severity":4}`, 200, nil)
	}
	var page incidentweb.IncidentPage
	h.json("GET", "/api/v1/incidents?limit=2", "", 200, &page)
	if len(page.Incidents) != 2 || page.Next != "2" {
		t.Errorf("first page: %d incidents, next %q", len(page.Incidents), page.Next)
	}
	h.json("GET", "/api/v1/incidents?limit=2&after="+page.Next, "", 200, &page)
	if len(page.Incidents) != 1 || page.Incidents[0].Number != 1 {
		t.Errorf("second page: %+v", page)
	}
	var room incidentweb.Room
	h.json("GET", "/api/v1/incidents/1?lang=ja&source=people", "", 200, &room)
	if len(room.Timeline) == 0 || room.Timeline[1].Text != "佐藤 葵 のメモ: 「seen」" || room.Timeline[1].Origin != "people" {
		t.Errorf("timeline: %+v", room.Timeline)
	}
	h.json("GET", "/api/v1/incidents/99", "", 404, nil)
}

func golden(t *testing.T, name, html string) {
	t.Helper()
	got := strings.TrimSpace(regexp.MustCompile(`>\s*<`).ReplaceAllString(html, ">\n<")) + "\n"
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d: got %s\nwant %s\n(rewrite with -update and explain the change)", file, i+1, g[i], w[i])
		}
	}
	if len(g) != len(w) {
		t.Fatalf("%s: got %d lines, want %d", file, len(g), len(w))
	}
}

func TestWhoOnlyLooksHasNoForms(t *testing.T) {
	h := build(t)
	h.night()
	h.as = auth.Principal{ID: "vic", Kind: auth.ByPerson, Role: auth.Viewer}
	for _, page := range []string{"/incidents", "/incidents/1"} {
		if body := h.main(page, "en"); strings.Contains(body, `method="post"`) || strings.Contains(body, "/incidents/new") {
			t.Errorf("%s offers a viewer what is refused to viewers", page)
		}
	}
}

func TestTheFormsRememberWhoActs(t *testing.T) {
	h := build(t)
	h.night()
	w := h.form("/incidents/1/notes", "text", "rolled back", "as", "ren")
	if len(w.Result().Cookies()) == 0 {
		t.Fatal("no cookie holds who acted")
	}
	w = h.do(http.MethodGet, "/incidents/1", "", "Cookie", w.Header().Get("Set-Cookie"))
	if !strings.Contains(w.Body.String(), `<option value="ren" selected>`) {
		t.Error("the name is to be chosen again")
	}
}
