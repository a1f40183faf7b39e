package homeweb

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/platform/webkit/webkittest"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

// rooms stands for the rooms that the pages ask.
type rooms struct {
	alerts    []alert.Alert
	slos      []slo.Standing
	pages     []oncall.Page
	now       []oncall.Now
	turns     map[string][]oncall.Turn
	incidents []incident.Incident
	config    Config
	health    httpd.Health
}

func (r *rooms) Alerts(context.Context, alert.Query) ([]alert.Alert, error)     { return r.alerts, nil }
func (r *rooms) All() []slo.Standing                                            { return r.slos }
func (r *rooms) Pages(context.Context, oncall.PageQuery) ([]oncall.Page, error) { return r.pages, nil }

func (r *rooms) OnCallNow(context.Context) ([]oncall.Now, error) { return r.now, nil }

func (r *rooms) Incidents(context.Context, incident.Query) ([]incident.Incident, error) {
	return r.incidents, nil
}

func (r *rooms) Turns(context.Context, time.Time, time.Time) (map[string][]oncall.Turn, []oncall.Adjustment, error) {
	return r.turns, nil, nil
}

// news is an event of any name.
type news struct {
	name string
	body map[string]any
}

func (n news) EventName() string            { return n.name }
func (n news) MarshalJSON() ([]byte, error) { return json.Marshal(n.body) }

type house struct {
	t       *testing.T
	rooms   *rooms
	log     *bus.Log
	db      *store.DB
	kit     *webkit.Kit
	handler http.Handler
	gate    *auth.Gate
	cookie  string
}

func build(t *testing.T, mode auth.Mode) *house {
	t.Helper()
	h := &house{t: t, rooms: &rooms{config: Config{Folder: "config", Sum: "abc"}, health: httpd.Health{Ready: true, Checks: []httpd.CheckResult{{Name: "database", OK: true}}}}}
	clock := func() time.Time { return t0 }
	n := 0
	newID := func() string { n++; return fmt.Sprintf("id%04d", n) }
	h.db = testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "auth", Files: auth.Migrations})
	h.log = bus.New(h.db, clock, newID)
	quiet := slog.New(slog.DiscardHandler)
	cfg := auth.Default()
	cfg.Mode = mode
	h.gate = auth.New(auth.Options{DB: h.db, Events: h.log, Log: quiet, Now: clock, NewID: newID, Config: cfg})
	people := catalog.New()
	people.Replace(&catalog.Snapshot{Services: []catalog.Service{{ID: "checkout", Name: "Checkout", Team: "shop", Tier: 1}}, People: []catalog.Person{{ID: "aoi", Name: "Aoi Tanaka", Email: "aoi@shop.example"}}})
	var err error
	h.kit, err = webkit.New(webkit.Options{Log: quiet, Nav: Nav(), Text: []webkit.Catalogue{Text, sloweb.Text}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	d := Deps{
		Kit: h.kit, Log: quiet, Now: clock, Gate: h.gate, Events: h.log, Catalog: people, Alerts: h.rooms, SLOs: h.rooms, Pager: h.rooms, Desk: h.rooms,
		Config: func() Config { return h.rooms.config }, Kinds: catalog.Kinds(), Health: func(context.Context) httpd.Health { return h.rooms.health },
	}
	api := httpd.NewAPI(quiet, "test")
	API(api, d)
	h.handler, err = httpd.Handler(quiet, httpd.Default(), h.gate.Guard, clock, slices.Concat(Routes(d), h.gate.Routes(), api.Routes())...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) publish(ago time.Duration, name, subject string, body map[string]any) {
	h.t.Helper()
	err := h.db.Write(h.t.Context(), func(tx store.Tx) error {
		return h.log.Publish(h.t.Context(), tx, event.Fact{Event: news{name, body}, At: t0.Add(-ago), Service: "checkout", Subject: subject, Actor: "person/aoi", Source: "test"})
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) do(method, path, lang string, form url.Values) *httptest.ResponseRecorder {
	h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Language", lang)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Target", "main#main")
	if h.cookie != "" {
		r.Header.Set("Cookie", h.cookie)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) get(path, lang string, want int) string {
	h.t.Helper()
	w := h.do(http.MethodGet, path, lang, nil)
	if w.Code != want || strings.Contains(w.Body.String(), "⟦") {
		h.t.Fatalf("%s in %s: got status %d, want %d, and text for every key:\n%.800s", path, lang, w.Code, want, w.Body)
	}
	return w.Body.String()
}

func (h *house) golden(name, path string) {
	h.t.Helper()
	h.get(path, "ja", http.StatusOK)
	text := regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(h.get(path, "en", http.StatusOK), "…hash…")
	webkittest.Compare(h.t, filepath.Join("testdata", name+".golden"), webkittest.Normal(text), *update)
}

// standing is an objective with a share of bad events over every window.
func standing(t *testing.T, id string, bad float64) slo.Standing {
	t.Helper()
	target, err := slo.ParseTarget("99.9", true)
	if err != nil {
		t.Fatal(err)
	}
	o := slo.Objective{ID: id, Name: "Orders are taken", Service: "checkout", Target: target, Window: 720 * time.Hour, Pairs: slo.DefaultPairs(720*time.Hour, target)}
	counts := map[time.Duration]slo.Count{}
	for _, w := range o.Windows() {
		counts[w] = slo.Count{Good: int64(1e6*(1-bad) + 0.5), Total: 1e6, Known: true}
	}
	counts[o.Window] = slo.Count{Good: 1e6 - 400, Total: 1e6, Known: true}
	return slo.Standing{Objective: o, Status: slo.Judge(o, counts, t0)}
}

func trouble(t *testing.T) *rooms {
	return &rooms{
		alerts: []alert.Alert{
			{ID: "a1", Source: "slo", Rule: "orders", Service: "checkout", Severity: alert.Page, Summary: "Orders are taken burns 16×", OpenedAt: t0.Add(-3 * time.Minute)},
			{ID: "a2", Source: "api", Rule: "disk", Service: "search", Severity: alert.Ticket, Summary: "disk is 91 % full", OpenedAt: t0.Add(-2 * time.Hour)},
			{ID: "a3", Source: "api", Rule: "cert", Service: "search", Severity: alert.Ticket, Summary: "certificate ends in 9 d", OpenedAt: t0.Add(-4 * time.Hour), AckedAt: t0, AckedBy: "aoi"},
		},
		slos:      []slo.Standing{standing(t, "orders", 0.02), standing(t, "slow", 0.004)},
		pages:     []oncall.Page{{ID: "p1", Service: "checkout", Summary: "Orders are taken burns 16×", Alerts: []string{"a1"}, State: oncall.Calling, OpenedAt: t0.Add(-3 * time.Minute)}},
		now:       []oncall.Now{{Rota: "primary", Name: "Primary", On: []oncall.Turn{{Person: "aoi", End: t0.Add(48 * time.Hour)}}, Until: t0.Add(48 * time.Hour)}, {Rota: "night", Name: "Night", On: []oncall.Turn{{End: t0.Add(time.Hour)}}}},
		turns:     map[string][]oncall.Turn{"night": {{Start: t0, End: t0.Add(time.Hour)}, {Start: t0.Add(time.Hour), End: t0.Add(2 * time.Hour)}, {Person: "aoi", Start: t0.Add(2 * time.Hour), End: t0.Add(50 * time.Hour)}, {Start: t0.Add(50 * time.Hour), End: t0.Add(60 * time.Hour)}}},
		incidents: []incident.Incident{{ID: "i1", Number: 7, Title: "search is slow", Service: "search", Severity: 3, Status: incident.MitigatedNow, DetectedAt: t0.Add(-5 * time.Hour), Roles: map[incident.Role]string{incident.Commander: "aoi"}}},
		config:    Config{Folder: "config", Sum: "abc", Documents: []ConfigDocument{{"hinoban/v1", "Service", "checkout", "services.yaml", 3}, {"", "CodeOwners", "", "CODEOWNERS", 1}}, Problems: []ascode.Problem{{File: "slos.yaml", Line: 7, Column: 3, Message: `unknown field "teir"`, Fix: `did you mean "tier"?`}}},
		health:    httpd.Health{Ready: true, Checks: []httpd.CheckResult{{Name: "database", OK: true}, {Name: "metrics", Soft: true, Detail: "no answer within 3 s"}, {Name: "config", Soft: true, Detail: "1 problem"}}},
	}
}

func TestItems(t *testing.T) {
	r := trouble(t)
	f := facts{now: t0, pages: r.pages, alerts: r.alerts, incidents: r.incidents, slos: r.slos, turns: r.turns, problems: r.config.Problems, health: r.health}
	line := func(list []Item) string {
		var out []string
		for _, i := range list {
			out = append(out, string(i.Kind)+" "+i.Href+" "+string(i.State))
		}
		return strings.Join(out, "\n")
	}
	want := strings.TrimSpace(`
page /pages/p1 firing
gap /oncall firing
incident /incidents/i1 warning
alert /alerts/a2 warning
slo /slos/slow warning
gap /oncall warning
health /health warning
config /config warning
alert /alerts/a3 muted`)
	if got := line(items(f)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// An incident speaks for its alerts and for the page that somebody answered.
	f.incidents[0].Alerts = []string{"a1", "a2", "a3"}
	f.pages[0].State, f.pages[0].AckedBy = oncall.Answered, "aoi"
	if got := line(items(f)); strings.Contains(got, "/pages/") || strings.Contains(got, "/alerts/") {
		t.Errorf("one matter is told twice:\n%s", got)
	}
	// Without a page or an alert an objective speaks for itself.
	f = facts{now: t0, slos: r.slos}
	if got := line(items(f)); got != "slo /slos/orders firing\nslo /slos/slow warning" {
		t.Errorf("got\n%s", got)
	}
	if got := items(facts{now: t0, health: httpd.Health{Ready: true}}); len(got) != 0 {
		t.Errorf("in peace: got %v", got)
	}
}

func TestGapsAreJoined(t *testing.T) {
	got := gaps(trouble(t).turns, t0)
	if len(got) != 2 || !got[0].Until.Equal(t0.Add(2*time.Hour)) || got[0].State != webkit.Firing || got[1].State != webkit.Warning {
		t.Errorf("got %+v", got)
	}
}

// Who has a thousand matters is shown a hundred, and told of the others.
func TestNowShowsAHundred(t *testing.T) {
	h := build(t, auth.Off)
	for i := range 1000 {
		h.rooms.slos = append(h.rooms.slos, standing(t, fmt.Sprintf("s%d", i), 0.02))
	}
	page := h.get("/", "en", http.StatusOK)
	if n := strings.Count(page, "data-row"); n != 100 || !strings.Contains(page, "900 more are on the pages") {
		t.Errorf("%d rows, want 100 and a word of the other 900", n)
	}
}

func TestPagesAreAsBefore(t *testing.T) {
	h := build(t, auth.Off)
	h.golden("peace", "/")
	*h.rooms = *trouble(t)
	h.publish(2*time.Hour, "slo.burning", "slo/orders", map[string]any{"name": "Orders", "sentence": "burns 16×"})
	h.publish(time.Hour, "slo.recovered", "slo/orders", map[string]any{"name": "Orders"})
	h.publish(50*time.Minute, "oncall.acked", "page/01890a5d-ac96-774b-bcce-b302099a8057", map[string]any{"by": "aoi"})
	h.publish(40*time.Minute, "config.applied", "config", map[string]any{"documents": 12, "total": 3})
	h.publish(30*time.Minute, "incident.declared", "incident/i1", map[string]any{"number": 7, "title": "search is slow"})
	for name, path := range map[string]string{
		"now": "/", "log": "/log", "log-none": "/log?q=nothing+like+that", "record": "/log/3", "verify": "/log/verify", "config": "/config", "health": "/health",
		"login-off": "/login", "settings-off": "/settings", "people": "/people",
	} {
		h.golden(name, path)
	}
	if page := h.get("/log?subject=slo/orders", "en", http.StatusOK); strings.Count(page, "data-row") != 2 {
		t.Errorf("by subject: got %d rows, want 2", strings.Count(page, "data-row"))
	}
	if page := h.get("/log?name=config.applied,oncall.acked", "en", http.StatusOK); strings.Count(page, "data-row") != 2 {
		t.Errorf("by name: got %d rows, want 2", strings.Count(page, "data-row"))
	}
	h.get("/log/99", "en", http.StatusNotFound)
	h.get("/log/x", "en", http.StatusNotFound)
	h.get("/config/schema/hinoban/v1/Service", "en", http.StatusOK)
	h.get("/config/schema/hinoban/v1/Nope", "en", http.StatusNotFound)
	h.rooms.health.Ready = false
	h.get("/health", "ja", http.StatusOK)
}

func TestLogPagesByCursor(t *testing.T) {
	h := build(t, auth.Off)
	for i := range 130 {
		h.publish(time.Duration(200-i)*time.Minute, "test.happened", "slo/x", map[string]any{"n": i})
	}
	first := h.get("/log", "en", http.StatusOK)
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(first)
	if strings.Count(first, "data-row") != logRows || next == nil || next[1] != "/log?after=31" {
		t.Fatalf("first page: %d rows, next %v", strings.Count(first, "data-row"), next)
	}
	if second := h.get(next[1], "en", http.StatusOK); strings.Count(second, "data-row") != 30 || strings.Contains(second, `rel="next"`) {
		t.Errorf("second page: %d rows, want the last 30", strings.Count(second, "data-row"))
	}
}

func TestAnEditedLogIsSaid(t *testing.T) {
	h := build(t, auth.Off)
	h.publish(time.Hour, "test.happened", "slo/x", map[string]any{"n": 1})
	h.publish(time.Hour, "test.happened", "slo/x", map[string]any{"n": 2})
	err := h.db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE bus_event SET payload = '{"n":3}' WHERE seq = 2`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if page := h.get("/log/verify", "en", http.StatusOK); !strings.Contains(page, "record 2 does not fit") {
		t.Errorf("got %s", page)
	}
}

func TestSubjectHref(t *testing.T) {
	for subject, want := range map[string]string{
		"alert/1": "/alerts/1", "page/1": "/pages/1", "incident/1": "/incidents/1", "slo/a b": "/slos/a%20b", "postmortem/1": "/postmortems/1",
		"person/aoi": "/people#person-aoi", "rota/x": "/oncall", "config": "", "alert/": "", "": "", "auth/login": "",
	} {
		if got := subjectHref(subject); got != want {
			t.Errorf("%q: got %q, want %q", subject, got, want)
		}
	}
}

func TestAPI(t *testing.T) {
	h := build(t, auth.Off)
	*h.rooms = *trouble(t)
	h.publish(time.Hour, "test.happened", "slo/x", map[string]any{"n": 1})
	var now Now
	if err := json.Unmarshal([]byte(h.get("/api/v1/now", "en", http.StatusOK)), &now); err != nil || len(now.Items) != 9 || len(now.OnCall) != 2 || now.OnCall[0].Name != "Aoi Tanaka" {
		t.Errorf("now: %v, %+v", err, now)
	}
	var rec event.Record
	if err := json.Unmarshal([]byte(h.get("/api/v1/log/1", "en", http.StatusOK)), &rec); err != nil || rec.Name != "test.happened" {
		t.Errorf("record: %v, %+v", err, rec)
	}
	h.get("/api/v1/log/2", "en", http.StatusNotFound)
	h.get("/api/v1/config", "en", http.StatusOK)
	h.get("/api/v1/health", "en", http.StatusOK)
}

func TestPalette(t *testing.T) {
	h := build(t, auth.Off)
	*h.rooms = *trouble(t)
	tests := []struct{ q, first, group string }{
		{"", "Orders are taken burns 16×", "Open pages"},
		{"check", "Checkout", "Services"},
		{"aoi", "Aoi Tanaka", "People"},
		{"7", "#7 search is slow", "Incidents"},
		{"orders", "Orders are taken burns 16×", "Open pages"},
		{"declare", "Declare an incident", "Commands"},
		{"nothing like that", "", ""},
	}
	for _, tt := range tests {
		var hits []hit
		text := h.get("/api/palette?q="+url.QueryEscape(tt.q), "en", http.StatusOK)
		if err := json.Unmarshal([]byte(text), &hits); err != nil {
			t.Fatalf("%q: %v", tt.q, err)
		}
		first := hit{}
		if len(hits) > 0 {
			first = hits[0]
		}
		if first.Title != tt.first || first.Group != tt.group {
			t.Errorf("%q: got %+v, want %q in %q", tt.q, first, tt.first, tt.group)
		}
	}
	h.get("/api/palette?q=", "ja", http.StatusOK)
}

// A person comes in by a link, makes a token and revokes it, adds another
// person, and changes the password.
func TestAccounts(t *testing.T) {
	h := build(t, auth.On)
	link, err := h.gate.AdminLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if page := h.get(link, "en", http.StatusOK); !strings.Contains(page, "first admin") {
		t.Errorf("welcome: %s", page)
	}
	h.get("/welcome?token=nope", "ja", http.StatusOK)
	for _, q := range []string{"", "?problem=credentials", "?problem=throttled&after=30", "?problem=busy", "?problem=form"} {
		h.get("/login"+q, "ja", http.StatusOK)
	}
	token := strings.TrimPrefix(link, "/welcome?token=")
	w := h.do(http.MethodPost, "/welcome", "en", url.Values{"token": {token}, "id": {"aoi"}, "name": {"Aoi"}, "password": {"a long password"}})
	if w.Code != http.StatusSeeOther || len(w.Result().Cookies()) == 0 {
		t.Fatalf("welcome: status %d", w.Code)
	}
	h.cookie = w.Result().Cookies()[0].Name + "=" + w.Result().Cookies()[0].Value

	w = h.do(http.MethodPost, "/settings/tokens", "en", url.Values{"name": {"prometheus"}, "scope": {"ingest", "read"}, "days": {"30"}})
	secret := regexp.MustCompile(`hbt_[A-Za-z0-9_-]+`).FindString(w.Body.String())
	if w.Code != http.StatusOK || secret == "" {
		t.Fatalf("token: status %d, secret %q", w.Code, secret)
	}
	page := h.get("/settings", "ja", http.StatusOK)
	if strings.Contains(page, secret) || !strings.Contains(page, "prometheus") {
		t.Error("the secret is shown twice, or the token is not listed")
	}
	if w := h.do(http.MethodPost, "/settings/tokens", "en", url.Values{"name": {"x"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a token without scopes: status %d", w.Code)
	}
	id := regexp.MustCompile(`/settings/tokens/([^/]+)/revoke`).FindStringSubmatch(page)
	if w := h.do(http.MethodPost, "/settings/tokens/"+id[1]+"/revoke", "en", url.Values{}); w.Code != http.StatusSeeOther {
		t.Errorf("revoke: status %d", w.Code)
	}

	w = h.do(http.MethodPost, "/people", "en", url.Values{"id": {"ren"}, "name": {"Ren"}, "role": {"responder"}})
	if !strings.Contains(w.Body.String(), "http://127.0.0.1/welcome?token=") {
		t.Errorf("no link for a new person: status %d", w.Code)
	}
	if w := h.do(http.MethodPost, "/people", "en", url.Values{"id": {"ren"}, "role": {"responder"}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "is taken") {
		t.Errorf("twice the same handle: status %d", w.Code)
	}
	for _, change := range []url.Values{{"role": {"viewer"}}, {"disabled": {"true"}}, {"disabled": {"false"}}} {
		if w := h.do(http.MethodPost, "/people/ren", "en", change); w.Code != http.StatusOK {
			t.Errorf("change %v: status %d", change, w.Code)
		}
	}
	if w := h.do(http.MethodPost, "/people/aoi", "en", url.Values{"role": {"viewer"}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "last admin") {
		t.Errorf("the last admin goes: status %d", w.Code)
	}
	h.get("/people", "ja", http.StatusOK)

	if w := h.do(http.MethodPost, "/settings/password", "en", url.Values{"old": {"wrong"}, "new": {"another password"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong old password: status %d", w.Code)
	}
	if w := h.do(http.MethodPost, "/settings/password", "en", url.Values{"old": {"a long password"}, "new": {"another password"}}); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "is changed") {
		t.Errorf("change the password: status %d", w.Code)
	}
	for _, m := range h.kit.Missing() {
		t.Error(m)
	}
}
