package hookout_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/hookout"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

func record(name, actor, payload string) event.Record {
	return event.Record{ID: "e", Seq: 7, Name: name, Actor: actor, Payload: json.RawMessage(payload)}
}

func TestWhatAnEventMeans(t *testing.T) {
	acked, declined := record("oncall.acked", "person/aoi", `{}`), record("oncall.declined", "person/aoi", `{}`)
	for _, tt := range []struct {
		name, payload string
		before        *event.Record
		want          string
	}{
		{"oncall.page_opened", `{"page":"p"}`, nil, "incident.triggered [] oncall.pager"},
		{"oncall.step_fired", `{"page":"p","step":0,"people":["aoi"]}`, nil, ""},
		{"oncall.step_fired", `{"page":"p","step":1,"people":["ren"]}`, nil, "incident.escalated [ren] oncall.pager"},
		{"oncall.step_fired", `{"page":"p","step":0,"round":1,"people":["aoi"]}`, nil, "incident.escalated [aoi] oncall.pager"},
		{"oncall.step_fired", `{"page":"p","step":1,"people":["ren"]}`, &declined, "incident.escalated [ren] person/aoi"},
		{"oncall.step_fired", `{"page":"p","step":0,"people":["aoi"]}`, &acked, "incident.unacknowledged [aoi] oncall.pager"},
		{"oncall.step_fired", `{"page":"p","step":0,"people":["aoi"]}`, &declined, ""},
		{"oncall.acked", `{"page":"p","by":"aoi"}`, nil, "incident.acknowledged [aoi] oncall.pager"},
		{"oncall.declined", `{"page":"p","by":"aoi"}`, &acked, "incident.unacknowledged [] oncall.pager"},
		{"oncall.declined", `{"page":"p","by":"aoi"}`, nil, ""},
		{"oncall.page_closed", `{"page":"p"}`, &acked, "incident.resolved [] oncall.pager"},
		{"oncall.delivered", `{"page":"p"}`, nil, ""},
	} {
		got := ""
		n, ok, err := hookout.Of(record(tt.name, "oncall.pager", tt.payload), tt.before)
		if ok {
			got = fmt.Sprint(n.Type, " ", n.People, " ", n.Agent)
		}
		if err != nil || got != tt.want {
			t.Errorf("%s %s: got %q, %v; want %q", tt.name, tt.payload, got, err, tt.want)
		}
	}
	if _, _, err := hookout.Of(record("oncall.acked", "x", `[`), nil); errs.KindOf(err) != errs.Invalid {
		t.Errorf("got %v, want an Invalid error", err)
	}
}

// The body is PagerDuty's, field by field, and signed as PagerDuty signs.
func TestBodyAndSignature(t *testing.T) {
	told := hookout.Told{
		ID: "01AB", At: time.Date(2026, 11, 28, 2, 13, 0, 5e6, time.UTC), BaseURL: "https://hinoban.example", Team: "shop",
		News:  hookout.News{Type: hookout.Acknowledged, Page: "p1", People: []string{"aoi"}, Agent: "person/aoi"},
		Page:  oncall.Page{ID: "p1", Service: "checkout", Policy: "shop", Summary: "errors", OpenedAt: time.Date(2026, 11, 28, 2, 10, 0, 0, time.UTC)},
		Names: map[string]string{"service/checkout": "Checkout", "user/aoi": "Aoi Kato", "team/shop": "Shop"},
	}
	body, err := told.Body()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"event":{"id":"01AB","event_type":"incident.acknowledged","resource_type":"incident","occurred_at":"2026-11-28T02:13:00.005Z",`+
		`"agent":{"html_url":null,"id":"aoi","self":null,"summary":"Aoi Kato","type":"user_reference"},"client":null,`+
		`"data":{"id":"p1","type":"incident","self":"https://hinoban.example/api/v1/pages/p1","html_url":"https://hinoban.example/pages/p1","number":%d,`+
		`"status":"acknowledged","incident_key":"p1","created_at":"2026-11-28T02:10:00.000Z","title":"errors",`+
		`"service":{"html_url":"https://hinoban.example/services/checkout","id":"checkout","self":"https://hinoban.example/api/v1/services/checkout","summary":"Checkout","type":"service_reference"},`+
		`"assignees":[{"html_url":null,"id":"aoi","self":null,"summary":"Aoi Kato","type":"user_reference"}],`+
		`"escalation_policy":{"html_url":null,"id":"shop","self":null,"summary":"shop","type":"escalation_policy_reference"},`+
		`"teams":[{"html_url":"https://hinoban.example/teams/shop","id":"shop","self":"https://hinoban.example/api/v1/teams/shop","summary":"Shop","type":"team_reference"}],`+
		`"priority":null,"urgency":"high","conference_bridge":null,"resolve_reason":null}}}`, hookout.Number("p1"))
	if diff := gocmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
	// echo -n hello | openssl dgst -sha256 -hmac key
	if got := hookout.Signature("key", []byte("hello")); got != "v1=9307b3b915efb5171ff14d8cb55fbcc798c6c0ef1456d66ded1a6aa723a58b7b" {
		t.Errorf("got %s", got)
	}
}

func TestPausesGrowToAnHour(t *testing.T) {
	var total time.Duration
	n := 0
	for last := time.Duration(0); total < hookout.GiveUp; n++ {
		p := hookout.Pause(n)
		if p < last || p > time.Hour {
			t.Errorf("after %d attempts: %s, before it %s", n, p, last)
		}
		total, last = total+p, p
	}
	if n < 50 || n > 65 {
		t.Errorf("%d attempts in 48 hours", n)
	}
}

func TestDocuments(t *testing.T) {
	doc := func(spec string) string {
		return "apiVersion: hinoban/v1\nkind: WebhookSubscription\nmetadata: {name: bot}\nspec: " + spec + "\n"
	}
	for _, tt := range []struct{ spec, want string }{
		{`{url: "https://bot.example.org/x"}`, ""},
		{`{url: "https://bot.example.org/x", events: [incident.triggered, incident.reopened], secretEnv: HOOK}`, ""},
		{`{url: "ftp://bot.example.org/x"}`, "no address to post to"},
		{`{url: "https://u:p@bot.example.org/x"}`, "no address to post to"},
		{`{url: "https://bot.example.org/x", events: [incident.exploded]}`, "there is no event"},
		{`{url: "https://bot.example.org/x", secretEnv: "s3cret-value"}`, "no name of an environment variable"},
		{`{url: "https://bot.example.org/x", services: [nope]}`, "there is no service"},
		{`{url: "https://bot.example.org/x", teams: [nope]}`, "there is no team"},
	} {
		set, problems := ascode.Parse(map[string]string{"a.yaml": doc(tt.spec)}, append(catalog.Kinds(), hookout.Kinds()...))
		_, more := hookout.Build(set)
		problems = append(problems, more...)
		if got := problems.Error(); (tt.want == "") != (len(problems) == 0) || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %q", tt.spec, got, tt.want)
		}
	}
}

// house is hooks with a database and a log, and what is posted written down.
type house struct {
	t     *testing.T
	db    *store.DB
	log   *bus.Log
	hooks *hookout.Hooks
	pages map[string]oncall.Page
	seen  int64
	start time.Time

	mu     sync.Mutex
	posted []string
	answer func(sub string, m hookout.Message) hookout.Outcome
}

func build(t *testing.T) *house {
	h := &house{t: t, pages: map[string]oncall.Page{}, start: time.Now()}
	h.db = testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "oncall", Files: oncalldb.Migrations})
	h.log = bus.New(h.db, time.Now, id.New)
	h.answer = func(string, hookout.Message) hookout.Outcome { return hookout.Outcome{Status: 200} }
	h.open()
	return h
}

// open starts the hooks on what is on disk.
func (h *house) open() {
	people := catalog.New()
	people.Replace(&catalog.Snapshot{Services: []catalog.Service{{ID: "checkout", Team: "shop"}, {ID: "search", Team: "find"}}})
	h.hooks = hookout.New(oncalldb.NewHooks(h.db, h.log), hookout.Asks{
		Page: func(_ context.Context, id string) (oncall.Page, error) { return h.pages[id], nil },
		Before: func(ctx context.Context, page string, seq int64) (*event.Record, error) {
			found, err := h.log.Events(ctx, event.Query{Subjects: []string{oncall.Subject(page)}, Names: hookout.Heard(), Before: seq, Newest: true, Limit: 1})
			if len(found) == 0 {
				return nil, err
			}
			return &found[0], err
		},
		Called:  func(context.Context, string, time.Time) []string { return []string{"aoi"} },
		Catalog: people, Post: h.post,
	}, "https://hinoban.example", time.Now, id.New)
	h.hooks.Replace([]hookout.Subscription{{Name: "all"}, {Name: "find", Teams: []string{"find"}, Events: []hookout.Type{hookout.Resolved}}})
}

func (h *house) post(_ context.Context, s hookout.Subscription, m hookout.Message) hookout.Outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.answer(s.Name, m)
	h.posted = append(h.posted, fmt.Sprintf("%s %s %s %s %d", time.Since(h.start).Round(time.Second), s.Name, m.Page, strings.TrimPrefix(string(m.Type), "incident."), o.Status))
	return o
}

func (h *house) took() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.posted
	h.posted = nil
	return out
}

// happens publishes events of a page and hands them to the hooks, twice.
func (h *house) happens(page, service string, events ...event.Event) {
	h.t.Helper()
	h.pages[page] = oncall.Page{ID: page, Service: service, Summary: "s", OpenedAt: time.Now()}
	for _, e := range events {
		err := h.db.Write(h.t.Context(), func(tx store.Tx) error {
			return h.log.Publish(h.t.Context(), tx, event.Fact{Event: e, At: time.Now(), Service: service, Subject: oncall.Subject(page), Actor: "oncall.pager", Source: "oncall"})
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	records, err := h.log.Events(h.t.Context(), event.Query{After: h.seen})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range records {
		h.seen = r.Seq
		for range 2 {
			if err := h.hooks.Hear(h.t.Context(), r); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// passes lets time pass, with a round again and again.
func (h *house) passes(d time.Duration, each time.Duration) {
	h.t.Helper()
	for end := time.Now().Add(d); ; time.Sleep(each) {
		if err := h.hooks.Send(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
		synctest.Wait()
		if !time.Now().Before(end) {
			return
		}
	}
}

func (h *house) wants(name string, want ...string) {
	h.t.Helper()
	got := h.took()
	slices.SortStableFunc(got, func(a, b string) int { return cmp.Compare(key(a), key(b)) })
	if diff := gocmp.Diff(want, got); diff != "" {
		h.t.Errorf("%s: %s", name, diff)
	}
}

// key is subscription and page of a line.
func key(line string) string {
	f := strings.Fields(line)
	return f[1] + " " + f[2]
}

func TestMessagesComeInOrderAndAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t)
		if err := h.hooks.Send(t.Context()); err != nil { // subscriptions begin now
			t.Fatal(err)
		}
		down := true
		h.answer = func(sub string, m hookout.Message) hookout.Outcome {
			if down && sub == "all" && m.Page == "p1" {
				return hookout.Outcome{Status: 503, Err: errs.New(errs.Unavailable, "answered 503")}
			}
			return hookout.Outcome{Status: 202}
		}
		h.happens("p1", "checkout", oncall.PageOpened{Page: "p1"}, oncall.StepFired{Page: "p1"}, oncall.PageAcked{Page: "p1", By: "aoi"}, oncall.PageClosed{Page: "p1"})
		h.happens("p2", "search", oncall.PageOpened{Page: "p2"}, oncall.PageClosed{Page: "p2"})
		h.passes(25*time.Second, time.Second)
		h.wants("p1 is refused, and holds up nobody else",
			"0s all p1 triggered 503", "5s all p1 triggered 503", "20s all p1 triggered 503", "0s all p2 triggered 202", "0s all p2 resolved 202", "0s find p2 resolved 202")
		// A restart loses nothing and repeats nothing.
		h.hooks.Drain()
		h.open()
		down = false
		h.passes(40*time.Second, time.Second)
		h.wants("it is there again", "50s all p1 triggered 202", "50s all p1 acknowledged 202", "50s all p1 resolved 202")
	})
}

func TestWhatIsNeverTakenIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t)
		if err := h.hooks.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.answer = func(sub string, m hookout.Message) hookout.Outcome {
			if m.Page == "p9" {
				return hookout.Outcome{Status: 410, Err: errs.New(errs.NotFound, "answered 410 Gone")}
			}
			if sub == "all" {
				return hookout.Outcome{Err: errs.New(errs.Unavailable, "no answer")}
			}
			return hookout.Outcome{Status: 200}
		}
		h.happens("p1", "search", oncall.PageOpened{Page: "p1"}, oncall.PageClosed{Page: "p1"})
		h.happens("p9", "checkout", oncall.PageOpened{Page: "p9"})
		h.passes(49*time.Hour, time.Minute)
		standing, err := h.hooks.Standing(t.Context())
		if err != nil || len(standing) != 2 {
			t.Fatalf("got %+v, %v", standing, err)
		}
		all, find := standing[0], standing[1]
		if all.Waiting != 0 || all.GivenUp != 3 || all.Last == nil || all.Last.Error != "no answer" || find.GivenUp != 0 || find.Last.State != hookout.Sent {
			t.Errorf("got %+v and %+v", all, find)
		}
		failed, err := h.log.Events(t.Context(), event.Query{Names: []string{"oncall.hook_failed"}})
		if err != nil || len(failed) != 3 {
			t.Fatalf("got %d failures, %v; want 3", len(failed), err)
		}
		for i, want := range []string{`"error":"answered 410 Gone"`, `"type":"incident.triggered"`, `"type":"incident.resolved"`} {
			if !strings.Contains(string(failed[i].Payload), want) {
				t.Errorf("got %s, want %s", failed[i].Payload, want)
			}
		}
		if after := failed[1].At.Sub(h.start); after < hookout.GiveUp || after > hookout.GiveUp+2*time.Minute {
			t.Errorf("given up after %s, want 48 h", after)
		}
		n := len(h.took())
		h.passes(time.Hour, 10*time.Minute)
		if more := len(h.took()); n < 50 || n > 130 || more != 0 {
			t.Errorf("%d attempts, and %d after the end", n, more)
		}
	})
}

// What happened before a subscription was there is not told, and what waits for
// one that is removed is forgotten.
func TestSubscriptionsBeginAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t)
		h.hooks.Replace(nil)
		h.happens("p1", "checkout", oncall.PageOpened{Page: "p1"})
		time.Sleep(time.Minute)
		h.hooks.Replace([]hookout.Subscription{{Name: "all"}})
		h.passes(2*time.Second, time.Second)
		h.seen = 0
		h.happens("p1", "checkout", oncall.PageClosed{Page: "p1"})
		h.hooks.Replace([]hookout.Subscription{{Name: "other"}})
		h.passes(2*time.Second, time.Second)
		h.hooks.Replace([]hookout.Subscription{{Name: "all"}})
		h.passes(2*time.Second, time.Second)
		h.wants("nothing is left")
		h.happens("p2", "checkout", oncall.PageOpened{Page: "p2"})
		h.passes(0, time.Second)
		h.wants("what comes now is told", "1m6s all p2 triggered 200")
	})
}
