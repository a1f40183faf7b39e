package oncallweb_test

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
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/oncall/oncallweb"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/inbox"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC) // a Friday

// house is the two rooms with a database, standing still at its own time.
type house struct {
	t       *testing.T
	now     time.Time
	alerts  *alert.Inbox
	pager   *oncall.Pager
	kit     *webkit.Kit
	handler http.Handler
	as      auth.Principal
}

func build(t *testing.T) *house {
	h := &house{t: t, now: t0, as: auth.Local("127.0.0.1")}
	clock := func() time.Time { return h.now }
	counter := func(prefix string) func() string {
		n := 0
		return func() string { n++; return fmt.Sprintf("%s%04d", prefix, n) }
	}
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations},
		testkit.Tables{Room: "alert", Files: alertdb.Migrations}, testkit.Tables{Room: "oncall", Files: oncalldb.Migrations})
	log := bus.New(db, clock, counter("ev"))
	h.alerts = alert.NewInbox(alertdb.New(db, log, counter("al")), clock)
	people := catalog.New()
	people.Replace(&catalog.Snapshot{
		Services: []catalog.Service{{ID: "checkout", Team: "shop", Runbook: "https://wiki.example/checkout", Links: []catalog.Link{{Title: "Dashboard", URL: "https://grafana.example/d/1"}}}, {ID: "search"}},
		People: []catalog.Person{
			{ID: "aoi", Name: "Aoi Tanaka", Lang: "ja", Devices: []catalog.Device{{ID: "inbox", Channel: "inbox", Address: "aoi"}, {ID: "hook", Channel: "webhook", Address: "https://push.example/secret", After: 2 * time.Minute}}},
			{ID: "ren", Name: "Ren", Lang: "en", Devices: []catalog.Device{{ID: "inbox", Channel: "inbox", Address: "ren"}}},
		},
	})
	box := oncalldb.NewInbox(db)
	cfg := oncall.Default()
	cfg.BaseURL = "http://hinoban.example"
	kept := oncalldb.New(db, log)
	h.pager = oncall.New(cfg, oncall.Deps{Store: kept, Ledger: kept, Adjustments: kept, Key: []byte(strings.Repeat("k", 32)), Alerts: h.alerts, Catalog: people, Channels: []notify.Channel{inbox.New(box)}, Now: clock, NewID: counter("pg")})
	tokyo, err := rota.LoadZone("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	h.replace(&oncall.Plan{
		Rotas: []oncall.Rota{
			weekly("primary", "Primary", tokyo, rota.Slot{"aoi"}, nil, rota.Slot{"ren"}),
			weekly("backup", "Backup", rota.NewZone(time.UTC), rota.Slot{"ren"}),
		},
		Policies: []oncall.Policy{{ID: "shop", Name: "Shop", Teams: []string{"shop"}, Repeat: 1, Source: "oncall.yaml:9", Steps: []oncall.Step{{Rotas: []string{"primary"}, Wait: 5 * time.Minute}, {People: []string{"ren"}, Wait: 10 * time.Minute}}}},
	})
	quiet := slog.New(slog.DiscardHandler)
	if h.kit, err = webkit.New(webkit.Options{Log: quiet, Nav: oncallweb.Nav(), Text: []webkit.Catalogue{oncallweb.Text()}, Now: clock}); err != nil {
		t.Fatal(err)
	}
	d := oncallweb.Deps{Kit: h.kit, Log: quiet, Now: clock, Pager: h.pager, Inbox: box, Alerts: h.alerts, Events: log, Catalog: people}
	api := httpd.NewAPI(quiet, "test")
	oncallweb.API(api, d)
	guard := func(_ httpd.Access, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(auth.With(r.Context(), h.as)))
		})
	}
	if h.handler, err = httpd.Handler(quiet, httpd.Default(), guard, clock, append(oncallweb.Routes(d), api.Routes()...)...); err != nil {
		t.Fatal(err)
	}
	return h
}

// weekly is a rota that hands over on Mondays at 09:00, the first time on
// 2026-11-16.
func weekly(id, name string, zone *rota.Zone, members ...rota.Slot) oncall.Rota {
	r := rota.Rotation{Name: "rotation", Zone: zone, Day: rota.DayOf(2026, time.November, 16), Minute: 9 * 60, Every: 1, Unit: rota.Weekly, Members: members}
	return oncall.Rota{ID: id, Name: name, Editions: []oncall.Edition{{Schedule: rota.Schedule{ID: id, Zone: zone, Rotations: []rota.Rotation{r}}}}}
}

func (h *house) replace(p *oncall.Plan) {
	h.t.Helper()
	if err := h.pager.Replace(h.t.Context(), p); err != nil {
		h.t.Fatal(err)
	}
}

// fire opens a page for checkout and has its first step told.
func (h *house) fire() oncall.Page {
	h.t.Helper()
	a, err := h.alerts.Take(h.t.Context(), alert.Signal{ID: h.now.String(), Firing: true, Source: "slo", Service: "checkout", Rule: "availability", Severity: alert.Page, Summary: "availability burns 14.2×", At: h.now, Evidence: []alert.Evidence{{Name: "burn over 1h", Value: "21.4×", Limit: "14.4×"}}})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.pager.AlertFired(h.t.Context(), a.ID); err != nil {
		h.t.Fatal(err)
	}
	h.work()
	ps, err := h.pager.Pages(h.t.Context(), oncall.PageQuery{Open: true})
	if err != nil || len(ps) != 1 {
		h.t.Fatalf("got %d open pages (%v), want 1", len(ps), err)
	}
	return ps[0]
}

func (h *house) work() {
	h.t.Helper()
	for _, do := range []func(context.Context) error{h.pager.Escalate, h.pager.Deliver} {
		if err := do(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := h.pager.Drain(h.t.Context(), time.Minute); err != nil {
		h.t.Fatal(err)
	}
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

func (h *house) shots(pages map[string]string) {
	h.t.Helper()
	for name, target := range pages {
		h.main(target, "ja")
		compare(h.t, name, h.main(target, "en"))
	}
}

func TestPagesAreAsBefore(t *testing.T) {
	h := build(t)
	h.shots(map[string]string{"quiet": "/pages", "service-quiet": "/services/search/oncall", "inbox-empty": "/inbox/ren"})
	p := h.fire()
	h.pass(3 * time.Minute)
	own := "/pages/" + p.ID
	h.shots(map[string]string{"calling": own, "inbox": "/inbox/aoi", "me-called": "/me?as=aoi", "service": "/services/checkout/oncall", "alert": "/alerts/al0001/page"})
	h.pass(3 * time.Minute)
	h.work()
	h.form(own+"/ack", "as", "ren")
	h.shots(map[string]string{
		"answered": own, "pages": "/pages", "me": "/me?as=ren", "who": "/me",
		"schedule": "/oncall", "month": "/oncall?view=month&from=2026-12-02", "uncovered": "/oncall/simulate?service=search", "simulate": "/oncall/simulate?service=checkout&at=2026-11-21T09:00", "change": "/oncall/change?kind=shadow", "fairness": "/oncall/fairness?rota=primary", "deliveries": "/oncall/deliveries?person=aoi",
	})
	if err := h.pager.AlertResolved(t.Context(), "checkout", "al0001"); err != nil {
		t.Fatal(err)
	}
	h.shots(map[string]string{"closed": own})
	h.replace(&oncall.Plan{})
	h.shots(map[string]string{"norota": "/oncall"})
	h.form("/oncall/changes", "rota", "primary") // says what is wrong, in a sentence of its own
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

func TestTheAnswerOfOneThumb(t *testing.T) {
	h := build(t)
	p := h.fire()
	own := "/pages/" + p.ID
	state := func(what string, w *httptest.ResponseRecorder, code int, want oncall.PageState, step int) {
		t.Helper()
		got, _, err := h.pager.Page(t.Context(), p.ID)
		if err != nil || w.Code != code || got.State != want || got.Step != step {
			t.Errorf("%s: got %d, %s at step %d (%v); want %d, %s at step %d", what, w.Code, got.State, got.Step, err, code, want, step)
		}
	}
	h.pass(10 * time.Second)
	state("declined", h.form(own+"/decline", "as", "aoi", "firing", "1"), 303, oncall.Calling, 2)
	h.work()
	state("a second tap skips nobody", h.form(own+"/decline", "as", "aoi", "firing", "1"), 303, oncall.Calling, 2)
	h.work()
	state("and calls nobody", h.do("GET", own, ""), 200, oncall.Calling, 2)
	state("answered", h.form(own+"/ack", "as", "ren"), 303, oncall.Answered, 2)
	state("another's answer stays", h.form(own+"/decline", "as", "aoi"), 409, oncall.Answered, 2)
	state("nothing there", h.form("/pages/none/ack"), 404, oncall.Answered, 2)
}

func TestTheInboxIsRead(t *testing.T) {
	h := build(t)
	h.fire()
	var box oncallweb.InboxMessages
	h.json("GET", "/api/v1/inbox/aoi", "", 200, &box)
	if box.Unread != 1 || len(box.Messages) != 1 {
		t.Fatalf("got %+v, want one unread", box)
	}
	if html := h.main("/inbox/aoi", "en"); !strings.Contains(html, `href="/pages/pg0001"`) || !strings.Contains(html, "(1) Inbox of Aoi") {
		t.Error("the message does not lead to its page, or the title does not count it")
	}
	h.as = auth.Principal{ID: "ren", Kind: auth.ByPerson, Role: auth.Responder}
	if w := h.form("/inbox/aoi/read", "up_to", box.Messages[0].ID); w.Code != 403 {
		t.Errorf("somebody else marks it: got %d, want 403", w.Code)
	}
	h.as.ID = "aoi"
	h.form("/inbox/aoi/read", "up_to", "0") // an older page than the message
	if h.json("GET", "/api/v1/inbox/aoi", "", 200, &box); box.Unread != 1 {
		t.Errorf("a message that was not seen is marked")
	}
	h.form("/inbox/aoi/read", "up_to", box.Messages[0].ID)
	if h.json("GET", "/api/v1/inbox/aoi", "", 200, &box); box.Unread != 0 {
		t.Errorf("got %d unread, want none", box.Unread)
	}
	h.json("GET", "/api/v1/inbox/nobody", "", 404, nil)
}

func TestDeviceTest(t *testing.T) {
	h := build(t)
	if w := h.form("/me/devices/inbox/test", "as", "aoi"); w.Code != 303 {
		t.Errorf("got %d %s, want 303", w.Code, w.Body)
	}
	if !strings.Contains(h.main("/inbox/aoi", "en"), "テスト") {
		t.Error("the test did not arrive in aoi's language")
	}
	if w := h.form("/me/devices/hook/test", "as", "aoi"); w.Code != 409 {
		t.Errorf("a channel that is not set up: got %d, want 409", w.Code)
	}
	if html := h.main("/me?as=aoi", "en"); strings.Contains(html, "secret") {
		t.Error("the page shows the secret part of a webhook")
	}
}

func TestAPI(t *testing.T) {
	h := build(t)
	p := h.fire()
	var state oncallweb.OnCallState
	h.json("GET", "/api/v1/oncall", "", 200, &state)
	if len(state.Rotas) != 2 || state.Rotas[0].On[0].Person != "aoi" || len(state.Gaps) != 1 || state.Gaps[0].Rota != "primary" {
		t.Errorf("got %+v", state)
	}
	var turns oncallweb.OnCallSchedule
	h.json("GET", "/api/v1/oncall/turns?from=2026-11-16T00:00:00Z&to=2026-12-14T00:00:00Z", "", 200, &turns)
	if len(turns.Turns["primary"]) != 4 || turns.Adjustments == nil {
		t.Errorf("got %+v", turns)
	}
	h.json("GET", "/api/v1/oncall/turns?from=2026-11-16T00:00:00Z&to=2026-11-15T00:00:00Z", "", 422, nil)
	var o oncall.Adjustment
	h.json("POST", "/api/v1/oncall/adjustments", `{"kind":"override","rota":"primary","person":"ren","of":"*","start":"2026-11-24T00:00:00Z","end":"2026-11-25T00:00:00Z","as":"aoi"}`, 200, &o)
	h.json("DELETE", "/api/v1/oncall/adjustments/"+o.ID+"?as=aoi", "", 200, nil)
	h.json("DELETE", "/api/v1/oncall/adjustments/"+o.ID, "", 404, nil)
	var sim oncallweb.SimulatedPage
	h.json("GET", "/api/v1/oncall/simulate?service=checkout", "", 200, &sim)
	if len(sim.Calls) != 6 || sim.Calls[1].AfterSeconds != 120 || sim.Calls[2].Person != "ren" {
		t.Errorf("got %+v", sim)
	}
	h.json("GET", "/api/v1/oncall/simulate?service=search", "", 404, nil)
	var list oncallweb.PageList
	h.json("GET", "/api/v1/pages?open=true", "", 200, &list)
	var one oncallweb.PageDetail
	h.json("GET", "/api/v1/pages/"+p.ID, "", 200, &one)
	if len(list.Pages) != 1 || len(one.Deliveries) != 2 || one.Deliveries[0].State != oncall.Sent {
		t.Errorf("got %+v, %+v", list, one)
	}
	h.json("POST", "/api/v1/pages/"+p.ID+"/decline", "", 200, nil)
	var ans oncallweb.PageAnswer
	h.json("POST", "/api/v1/pages/"+p.ID+"/ack", `{"as":"ren"}`, 200, &ans)
	if ans.Page.AckedBy != "ren" {
		t.Errorf("answered by %q, want ren", ans.Page.AckedBy)
	}
}

// A tap in a tab of long ago passes on nothing that was called since, though it is
// the same step again.
func TestAnOldTabSkipsNobody(t *testing.T) {
	h := build(t)
	p := h.fire()
	own := "/pages/" + p.ID
	h.pass(10 * time.Second)
	h.form(own+"/decline", "as", "aoi", "firing", "1")
	h.work()
	h.form(own+"/ack", "as", "ren")
	h.pass(15 * time.Minute)
	h.form(own+"/decline", "as", "ren", "firing", "2") // of the last step: the first is called again
	h.work()
	before := h.state(p.ID)
	if before.Step != 1 || before.Firing != 3 {
		t.Fatalf("step %d, firing %d: want the first again", before.Step, before.Firing)
	}
	h.form(own+"/decline", "as", "aoi", "firing", "1")
	if got := h.state(p.ID); got.Firing != before.Firing || got.Step != before.Step {
		t.Errorf("step %d, firing %d; want it left alone", got.Step, got.Firing)
	}
}

// A page that finds nobody says so, and that it looks again.
func TestAPageThatFindsNobodySaysSo(t *testing.T) {
	h := build(t)
	h.replace(&oncall.Plan{Rotas: []oncall.Rota{weekly("primary", "Primary", rota.NewZone(time.UTC), nil)}, Policies: []oncall.Policy{{ID: "shop", Default: true, Steps: []oncall.Step{{Rotas: []string{"primary"}, Wait: 5 * time.Minute}}}}})
	p := h.fire()
	if body := h.do("GET", "/pages/"+p.ID, "", "Accept-Language", "en").Body.String(); !strings.Contains(body, "looks again every minute") || strings.Contains(body, "Every step was taken") {
		t.Errorf("it is %s: %s", p.State, body)
	}
}
