package oncall_test

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

// ring is one message that arrived.
type ring struct {
	after time.Duration
	text  string
}

// phone is a channel that writes down when it rang; it is out of order until
// the given time.
type phone struct {
	start, broken time.Time
	has           string // an id that Find finds

	mu   sync.Mutex
	rang []ring
	last notify.Message
}

func (*phone) Name() string       { return "phone" }
func (*phone) Check(string) error { return nil }

func (p *phone) Send(_ context.Context, address string, m notify.Message) (notify.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Before(p.broken) {
		return notify.Receipt{}, errs.New(errs.Unavailable, "out of order")
	}
	p.last = m
	p.rang = append(p.rang, ring{now.Sub(p.start).Round(time.Second), string(m.Kind) + " " + address})
	return notify.Receipt{ProviderID: m.ID}, nil
}

// Find implements notify.Finder.
func (p *phone) Find(_ context.Context, _ string, m notify.Message) (notify.Receipt, bool, error) {
	return notify.Receipt{ProviderID: "found"}, m.ID == p.has, nil
}

func (p *phone) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Several are handed over at the same time, in any order.
	slices.SortFunc(p.rang, func(a, b ring) int { return cmp.Or(cmp.Compare(a.after, b.after), strings.Compare(a.text, b.text)) })
	var out []string
	for _, r := range p.rang {
		out = append(out, r.after.String()+" "+r.text)
	}
	p.rang = nil
	return strings.Join(out, ", ")
}

// house is the two rooms with a database and a log between them.
type house struct {
	t     *testing.T
	inbox *alert.Inbox
	pager *oncall.Pager
	log   *bus.Log
	phone *phone
	kept  *oncalldb.Store
	seen  int64
}

func build(t *testing.T) *house {
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations},
		testkit.Tables{Room: "alert", Files: alertdb.Migrations}, testkit.Tables{Room: "oncall", Files: oncalldb.Migrations})
	log := bus.New(db, time.Now, id.New)
	h := &house{t: t, log: log, phone: &phone{start: time.Now()}, inbox: alert.NewInbox(alertdb.New(db, log, id.New), time.Now)}
	people := catalog.New()
	device := func(who string, n int, after time.Duration) catalog.Device {
		return catalog.Device{ID: fmt.Sprint("d", n), Channel: "phone", Address: fmt.Sprint(who, n), After: after}
	}
	people.Replace(&catalog.Snapshot{
		Services: []catalog.Service{{ID: "checkout", Team: "shop"}},
		People: []catalog.Person{
			{ID: "aoi", Lang: "ja", Devices: []catalog.Device{device("aoi", 1, 0), device("aoi", 2, 2*time.Minute)}},
			{ID: "ren", Devices: []catalog.Device{device("ren", 1, 0)}},
		},
	})
	kept := oncalldb.New(db, log)
	h.kept = kept
	h.pager = oncall.New(oncall.Default(), oncall.Deps{Store: kept, Ledger: kept, Adjustments: kept, Key: make([]byte, 32), Alerts: h.inbox, Catalog: people, Channels: []notify.Channel{h.phone}, Now: time.Now, NewID: id.New})
	h.replace(&oncall.Plan{
		Rotas:    []oncall.Rota{always("first", "aoi")},
		Policies: []oncall.Policy{{ID: "shop", Teams: []string{"shop"}, Repeat: 1, Steps: []oncall.Step{{Rotas: []string{"first"}, Wait: 5 * time.Minute}, {People: []string{"ren"}, Wait: 10 * time.Minute}}}},
	})
	return h
}

func (h *house) replace(plan *oncall.Plan) {
	h.t.Helper()
	if err := h.pager.Replace(h.t.Context(), plan); err != nil {
		h.t.Fatal(err)
	}
}

// always is a rota of people who are on call together.
func always(id string, people ...string) oncall.Rota {
	utc := rota.NewZone(time.UTC)
	r := rota.Rotation{Name: "all", Zone: utc, Every: 1, Unit: rota.Weekly, All: true, Members: []rota.Slot{people}}
	return oncall.Rota{ID: id, Name: id, Editions: []oncall.Edition{{Schedule: rota.Schedule{ID: id, Zone: utc, Rotations: []rota.Rotation{r}}}}}
}

// run is what the workers of the product do, every second for so long; seconds at
// which nothing is due are passed over.
func (h *house) run(d time.Duration) {
	h.t.Helper()
	for end := time.Now().Add(d); ; time.Sleep(h.quiet(end)) {
		h.hear()
		for _, do := range []func(context.Context) error{h.pager.Escalate, h.pager.Deliver} {
			if err := do(h.t.Context()); err != nil {
				h.t.Fatal(err)
			}
		}
		h.drain()
		if !time.Now().Before(end) {
			return
		}
	}
}

// quiet is how many whole seconds pass until something is due.
func (h *house) quiet(end time.Time) time.Duration {
	h.t.Helper()
	next := end
	put := func(at time.Time) {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	pages, err := h.pager.Pages(h.t.Context(), oncall.PageQuery{Open: true, Limit: 500})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, p := range pages {
		put(p.StepAt)
	}
	waiting, err := h.pager.Deliveries(h.t.Context(), oncall.LedgerQuery{State: oncall.Pending, Limit: 500})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, d := range waiting {
		put(d.DueAt)
	}
	return max(time.Second, (time.Until(next) + time.Second - 1).Truncate(time.Second))
}

// drain waits for all that is in hand.
func (h *house) drain() {
	h.t.Helper()
	if err := h.pager.Drain(h.t.Context(), 24*time.Hour); err != nil {
		h.t.Fatal(err)
	}
}

// hear hands the news to the pager until there is no more.
func (h *house) hear() {
	h.t.Helper()
	for range 50 {
		rs, err := h.log.Events(h.t.Context(), event.Query{After: h.seen})
		if err != nil {
			h.t.Fatal(err)
		}
		if len(rs) == 0 {
			return
		}
		for _, r := range rs {
			h.seen = r.Seq
			for _, on := range h.handlers() {
				if on.Event != r.Name {
					continue
				}
				for range 2 { // news comes at least once
					if err := on.Handle(h.t.Context(), r); err != nil {
						h.t.Fatalf("%s: %v", r.Name, err)
					}
				}
			}
		}
	}
	h.t.Fatal("the news never ends")
}

func (h *house) handlers() []bus.Handler {
	p := h.pager
	return []bus.Handler{
		bus.On(func(ctx context.Context, _ event.Record, e alert.Fired) error { return p.AlertFired(ctx, e.Alert) }),
		bus.On(func(ctx context.Context, _ event.Record, e alert.Raised) error { return p.AlertFired(ctx, e.Alert) }),
		bus.On(func(ctx context.Context, r event.Record, e alert.Acked) error {
			return p.AlertAcked(ctx, e, r.Source)
		}),
		bus.On(func(ctx context.Context, r event.Record, e alert.Unacked) error {
			if err := p.AlertUnacked(ctx, e, r.Source, r.At); err != nil {
				return err
			}
			return p.AlertFired(ctx, e.Alert)
		}),
		bus.On(func(ctx context.Context, _ event.Record, e oncall.Declined) error {
			return p.PageFreed(ctx, e.Page, e.By)
		}),
		bus.On(func(ctx context.Context, _ event.Record, e oncall.Retriggered) error {
			return p.PageFreed(ctx, e.Page, e.By)
		}),
		bus.On(func(ctx context.Context, _ event.Record, e alert.ResolvedEvent) error {
			return p.AlertResolved(ctx, e.Service, e.Alert)
		}),
		bus.On(func(ctx context.Context, _ event.Record, e oncall.PageAcked) error { return p.PageAcked(ctx, e) }),
		bus.On(func(ctx context.Context, _ event.Record, e oncall.PageClosed) error { return p.PageClosed(ctx, e.Page) }),
	}
}

func (h *house) signal(rule string, firing bool, sev alert.Severity) alert.Alert {
	h.t.Helper()
	a, err := h.inbox.Take(h.t.Context(), alert.Signal{ID: id.New(), Firing: firing, Source: "slo", Service: "checkout", Rule: rule, Severity: sev, Summary: "burns 14.2×", At: time.Now()})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) page() oncall.Page {
	h.t.Helper()
	ps, err := h.pager.Pages(h.t.Context(), oncall.PageQuery{})
	if err != nil || len(ps) != 1 {
		h.t.Fatalf("got %d pages (%v), want 1", len(ps), err)
	}
	return ps[0]
}

func (h *house) expect(what, want string) {
	h.t.Helper()
	if got := h.phone.take(); got != want {
		h.t.Errorf("%s: rang %q, want %q", what, got, want)
	}
}

// sleep lets the time of the story pass.
func (*house) sleep(d time.Duration) { time.Sleep(d) }

// night runs a story on a clock of its own.
func night(t *testing.T, story func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) { story(t, build(t)) })
}

func TestSilenceEscalatesUntilSomebodyAnswers(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		a := h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		h.expect("at first", "0s page aoi1")
		h.signal("availability", true, alert.Page) // a repeat does not ring
		h.run(3 * time.Minute)
		h.expect("no answer", "2m0s page aoi2")
		h.run(90 * time.Second)
		h.expect("silence", "5m0s page ren1")
		if _, err := h.pager.Ack(t.Context(), h.page().ID, "ren", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(time.Hour)
		h.expect("answered", "")
		if got, err := h.inbox.Alert(t.Context(), a.ID); err != nil || got.AckedBy != "ren" {
			t.Errorf("the alert is with %q (%v), want ren", got.AckedBy, err)
		}
		h.signal("availability", false, alert.Page)
		h.run(time.Minute)
		h.expect("well again", "1h5m30s resolved aoi1, 1h5m30s resolved aoi2, 1h5m30s resolved ren1")
		if p := h.page(); p.State != oncall.Closed {
			t.Errorf("the page is %s, want closed", p.State)
		}
	})
}

func TestNobodyAnswersAtAll(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.signal("availability", true, alert.Page)
		h.run(2 * time.Hour)
		h.expect("two rounds", "0s page aoi1, 2m0s page aoi2, 5m0s page ren1, 15m0s page aoi1, 17m0s page aoi2, 20m0s page ren1")
		if p := h.page(); p.State != oncall.Unheard {
			t.Errorf("the page is %s, want unheard", p.State)
		}
		h.signal("latency", true, alert.Page)
		h.run(time.Minute)
		h.expect("one more alert begins again", "2h0m0s page aoi1")
	})
}

func TestNotAvailableCallsTheNextAtOnce(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.signal("availability", true, alert.Page)
		h.run(10 * time.Second)
		if _, err := h.pager.Decline(t.Context(), h.page().ID, "aoi"); err != nil {
			t.Fatal(err)
		}
		h.run(10 * time.Second)
		h.expect("declined", "0s page aoi1, 10s page ren1")
	})
}

func TestAPhoneOutOfOrderIsTriedAgain(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		h.phone.broken = time.Now().Add(40 * time.Second)
		h.signal("availability", true, alert.Page)
		h.run(100 * time.Second)
		h.expect("after the repair", "45s page aoi1")
	})
}

func TestATicketThatBecomesAPageRings(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		a := h.signal("availability", true, alert.Ticket)
		if _, err := h.inbox.Ack(t.Context(), a.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(time.Minute)
		h.expect("a ticket", "")
		h.signal("availability", true, alert.Page)
		h.run(time.Second)
		h.expect("a page", "1m0s page aoi1")
	})
}

// Two who acknowledge at the same moment, one the page and one the alert, or
// both the alert, end with one of them, and the log comes to rest.
func TestTwoWhoAnswerAtOnceAgree(t *testing.T) {
	for _, first := range []string{"page", "alert"} {
		night(t, func(t *testing.T, h *house) {
			a := h.signal("availability", true, alert.Page)
			h.signal("latency", true, alert.Page)
			h.run(time.Second)
			if _, err := h.inbox.Ack(t.Context(), a.ID, "aoi", "web"); err != nil {
				t.Fatal(err)
			}
			var err error
			if first == "page" {
				_, err = h.pager.Ack(t.Context(), h.page().ID, "ren", "web")
			} else {
				_, err = h.inbox.Ack(t.Context(), a.ID, "ren", "web")
			}
			if err != nil {
				t.Fatal(err)
			}
			h.run(time.Second)
			got, err := h.inbox.Alert(t.Context(), a.ID)
			if p := h.page(); err != nil || p.State != oncall.Answered || p.AckedBy != got.AckedBy {
				t.Errorf("%s: the page is with %q, the alert with %q (%v)", first, p.AckedBy, got.AckedBy, err)
			}
		})
	}
}

func TestUnackCallsAgain(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		a := h.signal("availability", true, alert.Page)
		h.run(time.Second)
		if _, err := h.inbox.Ack(t.Context(), a.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(time.Minute)
		if _, err := h.inbox.Unack(t.Context(), a.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(time.Second)
		h.expect("given back", "0s page aoi1, 1m1s page aoi1")
	})
}

func TestSimulateSaysWhatWouldHappen(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		calls, err := h.pager.Simulate(t.Context(), "checkout", "", time.Now())
		var got []string
		for _, c := range calls {
			got = append(got, fmt.Sprintf("%s %s/%s step %d", c.After, c.Person, c.Device, c.Step))
		}
		want := "0s aoi/d1 step 0, 2m0s aoi/d2 step 0, 5m0s ren/d1 step 1, 15m0s aoi/d1 step 0, 17m0s aoi/d2 step 0, 20m0s ren/d1 step 1"
		if s := strings.Join(got, ", "); err != nil || s != want {
			t.Errorf("got %s (%v), want %s", s, err, want)
		}
		if _, err := h.pager.Simulate(t.Context(), "unknown", "", time.Now()); errs.KindOf(err) != errs.NotFound {
			t.Errorf("got %v, want NotFound", err)
		}
	})
}

func TestAnOverrideFindsItsRotaInAnyCase(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		o, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Override, Of: rota.Everybody, Rota: "FIRST", Person: "ren", Start: time.Now(), End: time.Now().Add(time.Hour), By: "aoi"})
		if err != nil {
			t.Fatal(err)
		}
		h.signal("availability", true, alert.Page)
		h.run(time.Second)
		h.expect("overridden", "0s page ren1")
		if err := h.pager.EndAdjustment(t.Context(), o.ID, "aoi"); err != nil {
			t.Fatal(err)
		}
		if on, err := h.pager.OnCallNow(t.Context()); err != nil || on[0].On[0].Person != "aoi" {
			t.Errorf("got %+v (%v), want aoi", on, err)
		}
	})
}
