package alertweb_test

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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

// house is the room with a database, standing still at its own time.
type house struct {
	t       *testing.T
	now     time.Time
	inbox   *alert.Inbox
	kit     *webkit.Kit
	handler http.Handler
	as      auth.Principal
	state   *dispatch.State
	live    *dispatch.Live
	plan    *dispatch.Plan
	notices []alertweb.Notice
}

func build(t *testing.T) *house {
	h := &house{t: t, now: t0, as: auth.Local("127.0.0.1")}
	clock := func() time.Time { return h.now }
	n := 0
	newID := func() string { n++; return fmt.Sprintf("id%04d", n) }
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: alertdb.Migrations})
	events := 0
	log := bus.New(db, clock, func() string { events++; return fmt.Sprintf("ev%04d", events) })
	kept := alertdb.New(db, log, newID)
	h.inbox = alert.NewInbox(kept, clock)
	people := catalog.New()
	people.Replace(&catalog.Snapshot{Services: []catalog.Service{{ID: "checkout", Team: "shop"}, {ID: "search", Team: "find"}}, Teams: []catalog.Team{{ID: "shop", Members: []string{"aoi"}}, {ID: "find", Members: []string{"ren"}}}, People: []catalog.Person{{ID: "aoi", Name: "Aoi Tanaka"}, {ID: "ren", Name: "Ren"}}})
	quiet := slog.New(slog.DiscardHandler)
	kit, err := webkit.New(webkit.Options{Log: quiet, Nav: alertweb.Nav(), Text: []webkit.Catalogue{alertweb.Text()}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	h.kit = kit
	h.route(planOf(t, am.NoRoutes), alertdb.NewLive(db, log, newID, true))
	book := alertweb.RouteBook{
		State: h.state, Live: h.live, Plan: func() *dispatch.Plan { return h.plan }, Filters: alertdb.NewFilters(db),
		Notices: func(context.Context, model.Fingerprint, time.Time, time.Time) ([]alertweb.Notice, error) {
			return h.notices, nil
		},
	}
	d := alertweb.Deps{Routes: book, Kit: kit, Log: quiet, Now: clock, NewID: newID, Inbox: h.inbox, Events: log, Catalog: people, Panels: []module.Panel{{Slot: "alert.detail", TitleKey: "alerts.title", URL: "/alerts/{id}/calls"}}}
	d.Judge = &alertweb.Judging{
		Jury: alert.NewJury(kept, clock), Signer: alert.NewSigner([]byte("a key of thirty-two bytes, at last")),
		Bench: score.NewBench(kept, log, rules, clock), Team: func(string) string { return "shop" },
	}
	api := httpd.NewAPI(quiet, "test")
	alertweb.API(api, d)
	alertweb.SilenceAPI(api, d)
	alertweb.RouteAPI(api, d)
	guard := func(_ httpd.Access, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(auth.With(r.Context(), h.as)))
		})
	}
	h.handler, err = httpd.Handler(quiet, httpd.Default(), guard, clock, slices.Concat(alertweb.Routes(d), alertweb.SilenceRoutes(d), alertweb.ExplorerRoutes(d), api.Routes())...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// rules is a folder with a rule file.
func rules() (string, map[string]string) {
	return "1", map[string]string{"rules/shop.yml": "groups:\n- name: shop\n  rules:\n  - alert: flappy\n    expr: x > 1\n    for: 1m\n    labels:\n      severity: page\n  - alert: never-fires\n    expr: y > 1\n"}
}

func planOf(t *testing.T, text string) *dispatch.Plan {
	t.Helper()
	c, err := am.Set{File: &am.File{Path: "alertmanager.yml", Text: text}}.Build("", nil, "en", am.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Plan
}

func (h *house) route(plan *dispatch.Plan, kept dispatch.Store) {
	h.plan = plan
	h.state = dispatch.New(plan, dispatch.Options{})
	n := 0
	h.live = dispatch.NewLive(h.state, kept, func() time.Time { return h.now }, func() string { n++; return fmt.Sprintf("sil%04d", n) }, nil)
}

func (h *house) take(service, rule string, sev alert.Severity, firing bool) alert.Alert {
	h.t.Helper()
	a, err := h.inbox.Take(h.t.Context(), alert.Signal{
		ID: fmt.Sprint(service, rule, h.now.UnixNano(), firing), Firing: firing, Source: "api", Service: service, Rule: rule, Severity: sev,
		Summary: rule + " burns 14.2×", Expr: "burn(1h) > 14.4 and burn(5m) > 14.4", URL: "/slos/" + rule, At: h.now,
		Evidence: []alert.Evidence{{Name: "burn over 1h", Value: "21.4×", Limit: "14.4×"}, {Name: "burn over 5m", Value: "36×", Limit: "14.4×", Detail: "n = 1,204"}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) pass(d time.Duration) { h.now = h.now.Add(d) }

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

func (h *house) json(method, target, body string, want int, out any) string {
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
	return w.Body.String()
}

// story is a night: two past alerts, one page unanswered, one held, a ticket
// and something for information.
func (h *house) story() (page, held alert.Alert) {
	h.take("checkout", "availability", alert.Page, true)
	h.pass(2 * time.Minute)
	h.as = auth.Principal{ID: "aoi", Kind: auth.ByPerson, Role: auth.Responder}
	h.form("/alerts/id0001/ack")
	h.pass(16 * time.Minute)
	h.take("checkout", "availability", alert.Page, false)
	h.pass(time.Hour)
	held = h.take("search", "latency", alert.Page, true)
	h.form("/alerts/" + held.ID + "/ack")
	h.pass(time.Minute)
	h.take("search", "freshness", alert.Ticket, true)
	h.take("ledger", "certificate", alert.Info, true)
	page = h.take("checkout", "availability", alert.Page, true)
	h.pass(3 * time.Minute)
	h.take("checkout", "availability", alert.Page, true)
	h.as = auth.Local("127.0.0.1")
	return page, held
}

func TestPagesAreAsBefore(t *testing.T) {
	h := build(t)
	page, _ := h.story()
	for name, target := range map[string]string{
		"list": "/alerts", "resolved": "/alerts?state=resolved", "filtered": "/alerts?service=search&q=latency", "nothing": "/alerts?q=nothing",
		"detail": "/alerts/" + page.ID, "over": "/alerts/id0001", "panel": "/services/checkout/alerts",
	} {
		h.main(target, "ja")
		compare(t, name, h.main(target, "en"))
	}
	compare(t, "empty", build(t).main("/alerts", "en"))
	build(t).main("/alerts", "ja")
	if m := h.kit.Missing(); len(m) > 0 {
		t.Errorf("missing text:\n%s", strings.Join(m, "\n"))
	}
}

func compare(t *testing.T, name, html string) {
	t.Helper()
	got := strings.TrimSpace(regexp.MustCompile(`>\s*<`).ReplaceAllString(regexp.MustCompile(` d="[^"]*"`).ReplaceAllString(html, ""), ">\n<")) + "\n"
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

func TestTheListSaysTheWorstFirst(t *testing.T) {
	h := build(t)
	tests := []struct {
		do   func()
		want string
	}{
		{func() {}, "Nothing needs you"},
		{func() { h.take("a", "r1", alert.Ticket, true) }, "1 ticket waits, nothing wakes anybody"},
		{func() { h.take("a", "r2", alert.Page, true) }, "a: r2 burns 14.2×"},
		{func() { h.form("/alerts/id0002/ack", "as", "ren") }, "1 page-level alert is open, and somebody has it"},
	}
	for _, tt := range tests {
		tt.do()
		if got := h.main("/alerts", "en"); !strings.Contains(got, tt.want) {
			t.Errorf("want the page to say %q", tt.want)
		}
	}
}

func TestPeopleAct(t *testing.T) {
	h := build(t)
	a := h.take("checkout", "availability", alert.Page, true)
	check := func(what string, w *httptest.ResponseRecorder, to string, state alert.State, by string) {
		t.Helper()
		got, err := h.inbox.Alert(t.Context(), a.ID)
		if err != nil || w.Code != http.StatusSeeOther || w.Header().Get("Location") != to || got.State() != state || got.AckedBy != by {
			t.Errorf("%s: got %d to %q, %s by %q (%v); want 303 to %q, %s by %q", what, w.Code, w.Header().Get("Location"), got.State(), got.AckedBy, err, to, state, by)
		}
	}
	own := "/alerts/" + a.ID
	w := h.form(own+"/ack", "as", "ren", "back", "/alerts?service=checkout")
	check("ack from the list", w, "/alerts?service=checkout", alert.Held, "ren")
	if c := w.Result().Cookies(); len(c) == 0 || c[0].Value != "ren" {
		t.Errorf("the choice of a person is not kept: %v", c)
	}
	check("nobody cannot act: the alert's page asks who", h.form(own+"/unack"), own, alert.Held, "ren")
	check("give it back", h.form(own+"/unack", "as", "ren", "back", "https://evil.example/"), own, alert.Open, "")
	h.as = auth.Principal{ID: "aoi", Kind: auth.ByPerson, Role: auth.Responder}
	check("signed in, nobody else's name counts", h.form(own+"/ack", "as", "ren"), own, alert.Held, "aoi")
	check("resolve", h.form(own+"/resolve"), own, alert.Resolved, "aoi")
	if w := h.form(own + "/ack"); w.Code != http.StatusConflict {
		t.Errorf("ack of what is over: got %d, want 409", w.Code)
	}
	if w := h.form("/alerts/none/ack"); w.Code != http.StatusNotFound {
		t.Errorf("ack of nothing: got %d, want 404", w.Code)
	}
}

func TestTenThousandAlertsPageByCursor(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 10,000 alerts")
	}
	h := build(t)
	const n = 10_000
	queue := make(chan int)
	done := make(chan error, 64)
	for range cap(done) {
		go func() {
			var first error
			for i := range queue {
				_, err := h.inbox.Take(t.Context(), alert.Signal{ID: fmt.Sprint(i), Firing: true, Source: "api", Service: fmt.Sprint("svc", i%7), Rule: fmt.Sprint(i), Severity: alert.Ticket, At: t0})
				if err != nil && first == nil {
					first = err
				}
			}
			done <- first
		}()
	}
	for i := range n {
		queue <- i
	}
	close(queue)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	rows := regexp.MustCompile(`id="a-`)
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	if got := len(rows.FindAllString(h.main("/alerts", "en"), -1)); got != 30 {
		t.Errorf("the overview has %d rows, want 30", got)
	}
	seen, to := 0, "/alerts?severity=ticket"
	for to != "" {
		html := h.main(to, "en")
		got := len(rows.FindAllString(html, -1))
		if got > 100 {
			t.Fatalf("%s has %d rows, want at most 100", to, got)
		}
		seen += got
		m := next.FindStringSubmatch(html)
		to = ""
		if m != nil {
			to = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	if seen != n {
		t.Errorf("the pages have %d rows, want %d", seen, n)
	}
}

func TestAPI(t *testing.T) {
	h := build(t)
	h.story()
	var list alertweb.AlertList
	h.json("GET", "/api/v1/alerts?limit=2", "", 200, &list)
	if len(list.Alerts) != 2 || list.Next != list.Alerts[1].ID {
		t.Fatalf("got %d alerts, next %q", len(list.Alerts), list.Next)
	}
	first := list.Next
	h.json("GET", "/api/v1/alerts?state=all&after="+first, "", 200, &list)
	if len(list.Alerts) != 3 || list.Alerts[0].ID >= first {
		t.Errorf("after %s: got %d alerts", first, len(list.Alerts))
	}
	var one alertweb.AlertDetail
	h.json("GET", "/api/v1/alerts/id0001", "", 200, &one)
	if len(one.History) != 3 || one.Alert.AckedBy != "aoi" || one.Similar == nil {
		t.Errorf("got %+v", one)
	}
	h.json("GET", "/api/v1/alerts/none", "", 404, nil)
	h.json("GET", "/api/v1/alerts?state=odd", "", 422, nil)
	var ans alertweb.AlertAnswer
	h.json("POST", "/api/v1/alerts/"+first+"/ack", `{"as":"ren"}`, 200, &ans)
	if ans.Alert.AckedBy != "ren" {
		t.Errorf("acked by %q, want ren", ans.Alert.AckedBy)
	}
	h.json("POST", "/api/v1/alerts/"+first+"/resolve", "", 200, &ans)
	h.json("POST", "/api/v1/alerts/"+first+"/unack", "", 409, nil)
}

func TestSignals(t *testing.T) {
	h := build(t)
	var ans alertweb.AlertAnswer
	h.json("POST", "/api/v1/signals", `{"service":"checkout","rule":"orders-stuck"}`, 202, &ans)
	if a := ans.Alert; a.Severity != alert.Page || a.Source != "api" || !a.OpenedAt.Equal(t0) || a.ID == "" {
		t.Errorf("got %+v, want a page of api, now", a)
	}
	for range 2 {
		h.json("POST", "/api/v1/signals", `{"id":"x1","service":"checkout","rule":"orders-stuck","summary":"again"}`, 202, &ans)
	}
	if ans.Alert.Count != 2 {
		t.Errorf("a repeated id: got ×%d, want ×2", ans.Alert.Count)
	}
	h.json("POST", "/api/v1/signals", `{"service":"checkout","rule":"orders-stuck","firing":false}`, 202, &ans)
	if ans.Alert.State() != alert.Resolved {
		t.Errorf("got %s, want resolved", ans.Alert.State())
	}
	for body, field := range map[string]string{
		`{"service":"checkout"}`: "rule", `{"rule":"r","severity":"sev1"}`: "severity", `{"rule":"r","at":"yesterday"}`: "at",
		`{"rule":"r","at":"2026-11-20T09:00:00Z"}`: "at", `{"rule":"r","colour":"red"}`: "colour",
	} {
		if got := h.json("POST", "/api/v1/signals", body, 422, nil); !strings.Contains(got, field) {
			t.Errorf("%s: got %s, want it to name %s", body, got, field)
		}
	}
}

func TestWhoOnlyLooksHasNoButtons(t *testing.T) {
	h := build(t)
	page, _ := h.story()
	h.as = auth.Principal{ID: "vic", Kind: auth.ByPerson, Role: auth.Viewer}
	for _, target := range []string{"/alerts", "/alerts/" + page.ID} {
		if strings.Contains(h.main(target, "en"), `method="post"`) {
			t.Errorf("%s offers a viewer what is refused to viewers", target)
		}
	}
}
