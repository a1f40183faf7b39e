package sim

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/incident/incidentdb"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/postmortem"
	"github.com/hinoban/hinoban/internal/postmortem/postmortemdb"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/dialect"
	"github.com/hinoban/hinoban/internal/slo/slodb"
)

const team = `
apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi}
spec: {devices: [{channel: inbox}, {channel: webhook, address: "http://x", after: 2m}]}
---
apiVersion: hinoban/v1
kind: Person
metadata: {name: ren}
spec: {devices: [{channel: inbox}]}
---
apiVersion: hinoban/v1
kind: Person
metadata: {name: yui}
spec: {devices: [{channel: inbox}]}
---
apiVersion: hinoban/v1
kind: Team
metadata: {name: shop}
spec: {members: [aoi, ren, yui]}
---
apiVersion: hinoban/v1
kind: Service
metadata: {name: pay}
spec: {team: shop, tier: 1}
---
apiVersion: hinoban/v1
kind: Service
metadata: {name: web}
spec: {team: shop, tier: 2}
---
apiVersion: hinoban/v1
kind: Rota
metadata: {name: shop}
spec: {timeZone: America/Chicago, start: 2026-02-16 09:00, members: [aoi, ren, yui, ""], gaps: accept}
---
apiVersion: hinoban/v1
kind: Escalation
metadata: {name: shop}
spec:
  default: true
  repeat: 1
  steps:
  - {rotas: [shop], wait: 5m}
  - {people: [ren, yui], wait: 10m}
`

func objectiveYAML(service string) string {
	return fmt.Sprintf(`
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: %[1]s-ok}
spec:
  service: %[1]s
  budgetingMethod: Occurrences
  indicator: {spec: {ratioMetric: {counter: true, bad: {metricSource: {spec: {query: bad}}}, total: {metricSource: {spec: {query: all}}}}}}
  objectives: [{targetPercent: 99.9}]
`, service)
}

// traffic is what really happened to a service, minute by minute: prefix sums
// of total and bad events.
type traffic struct{ total, bad []float64 }

// world is the whole house without its doors.
type world struct {
	t     *testing.T
	rnd   *rand.Rand
	start time.Time
	now   time.Time
	seq   int

	db        *store.DB
	log       *bus.Log
	inbox     *alert.Inbox
	evaluator *slo.Evaluator
	pager     *oncall.Pager
	desk      *incident.Desk
	writer    *postmortem.Writer
	subs      []*bus.Subscriber
	plan      *oncall.Plan

	traffic map[string]*traffic
	failing map[string]int // minutes of trouble left
	phone   *phone
	told    int64          // the last seq that the rooms have heard of
	handled map[string]int // room + record id -> times
	asleep  map[string]bool
}

// phone is the outside world: it takes messages, or fails.
type phone struct {
	mu   *sync.Mutex
	w    *world
	name string
	took map[string]int // message id -> times taken
}

func (p *phone) Name() string       { return p.name }
func (p *phone) Check(string) error { return nil }
func (p *phone) Send(_ context.Context, _ string, m notify.Message) (notify.Receipt, error) {
	p.mu.Lock() // lanes of two devices send side by side
	defer p.mu.Unlock()
	if p.w.rnd.IntN(10) == 0 {
		return notify.Receipt{}, errs.New(errs.Unavailable, "the provider hiccups")
	}
	p.took[m.ID]++
	return notify.Receipt{ProviderID: m.ID}, nil
}

// Windows implements slo.Counter.
func (w *world) Windows(ctx context.Context, o slo.Objective, at time.Time) (map[time.Duration]slo.Count, error) {
	out := map[time.Duration]slo.Count{}
	for _, d := range o.Windows() {
		out[d], _ = w.Count(ctx, o, d, at)
	}
	return out, nil
}

// Count implements slo.Counter over the traffic.
func (w *world) Count(_ context.Context, o slo.Objective, window time.Duration, at time.Time) (slo.Count, error) {
	tr := w.traffic[o.Service]
	end := len(tr.total) - 1
	from := max(0, end-int(window/time.Minute))
	total, bad := tr.total[end]-tr.total[from], tr.bad[end]-tr.bad[from]
	return slo.Count{Good: int64(total - bad + 0.5), Total: int64(total + 0.5), Known: total > 0, At: at}, nil
}

// Expr implements slo.Counter.
func (w *world) Expr(slo.Objective, time.Duration) string { return "bad / all" }

func (w *world) newID() string {
	w.seq++
	return fmt.Sprintf("%08d-%x", w.seq, w.rnd.Uint64())
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, rnd: rand.New(rand.NewPCG(seed, 1)), start: time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC),
		traffic: map[string]*traffic{}, failing: map[string]int{}, handled: map[string]int{}, asleep: map[string]bool{},
	}
	w.now = w.start
	clock := func() time.Time { return w.now }
	w.db = testkit.Open(t, t.TempDir()+"/sim.db", testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: alertdb.Migrations},
		testkit.Tables{Room: "slo", Files: slodb.Migrations}, testkit.Tables{Room: "oncall", Files: oncalldb.Migrations},
		testkit.Tables{Room: "incident", Files: incidentdb.Migrations}, testkit.Tables{Room: "postmortem", Files: postmortemdb.Migrations})
	w.log = bus.New(w.db, clock, w.newID)

	var folder fs.FS = fstest.MapFS{"team.yaml": {Data: []byte(team + objectiveYAML("pay") + objectiveYAML("web"))}}
	set, problems := app.Check(folder)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	snapshot, _ := catalog.Build(set)
	cat := catalog.New()
	cat.Replace(snapshot)
	objectives := dialect.Build(set, dialect.Deps{HasService: func(string) bool { return true }}).Objectives
	w.plan, _ = oncall.Build(set)

	w.inbox = alert.NewInbox(alertdb.New(w.db, w.log, w.newID), clock)
	w.evaluator = slo.New(slo.Config{Every: time.Minute}, w, slodb.New(w.db, w.log), w.inbox, clock)
	w.evaluator.Replace(objectives)
	w.phone = &phone{mu: &sync.Mutex{}, w: w, name: "inbox", took: map[string]int{}}
	hook := &phone{mu: w.phone.mu, w: w, name: "webhook", took: w.phone.took}
	kept := oncalldb.New(w.db, w.log)
	w.pager = oncall.New(oncall.Config{Timeout: time.Second, Senders: 1}, oncall.Deps{
		Store: kept, Ledger: kept, Adjustments: kept, Key: make([]byte, 32), Alerts: w.inbox, Catalog: cat, Channels: []notify.Channel{w.phone, hook}, Now: clock, NewID: w.newID,
	})
	w.must(w.pager.Replace(t.Context(), w.plan))
	w.desk = incident.New(incident.Deps{Store: incidentdb.New(w.db, w.log), Alerts: w.inbox, Services: cat, Log: w.log, Now: clock, NewID: w.newID})
	w.writer = postmortem.New(postmortem.Deps{Store: postmortemdb.New(w.db, w.log), Incidents: w.desk, Catalog: cat, Log: w.log, Now: clock, NewID: w.newID, Lang: "en"})
	w.subscribe()
	for _, s := range []string{"pay", "web"} {
		w.traffic[s] = &traffic{total: []float64{0}, bad: []float64{0}}
	}
	return w
}

// on counts how often a room handles each record.
func on[E event.Event](w *world, room string, fn func(context.Context, event.Record, E) error) bus.Handler {
	return bus.On(func(ctx context.Context, r event.Record, e E) error {
		w.handled[room+" "+r.ID]++
		return fn(ctx, r, e)
	})
}

func (w *world) subscribe() {
	silent := slog.New(slog.DiscardHandler)
	w.subs = []*bus.Subscriber{
		w.log.Subscriber(silent, "slo",
			on(w, "slo", func(ctx context.Context, r event.Record, e slo.Burning) error {
				return w.evaluator.TellBurning(ctx, r.ID, r.At, e)
			}),
			on(w, "slo", func(ctx context.Context, r event.Record, e slo.Recovered) error {
				return w.evaluator.TellRecovered(ctx, r.ID, r.At, e)
			})),
		w.log.Subscriber(silent, "oncall",
			on(w, "oncall", func(ctx context.Context, _ event.Record, e alert.Fired) error {
				return w.pager.AlertFired(ctx, e.Alert)
			}),
			on(w, "oncall", func(ctx context.Context, _ event.Record, e alert.Raised) error {
				return w.pager.AlertFired(ctx, e.Alert)
			}),
			on(w, "oncall", func(ctx context.Context, _ event.Record, e alert.ResolvedEvent) error {
				return w.pager.AlertResolved(ctx, e.Service, e.Alert)
			}),
			on(w, "oncall", func(ctx context.Context, _ event.Record, e oncall.PageAcked) error { return w.pager.PageAcked(ctx, e) })),
		w.log.Subscriber(silent, "incident",
			on(w, "incident", func(ctx context.Context, _ event.Record, e alert.Fired) error { return w.desk.AlertFired(ctx, e.Alert) }),
			on(w, "incident", func(ctx context.Context, _ event.Record, e alert.Raised) error {
				return w.desk.AlertFired(ctx, e.Alert)
			}),
			on(w, "incident", func(ctx context.Context, _ event.Record, e alert.ResolvedEvent) error {
				return w.desk.AlertResolved(ctx, e.Service, e.Alert)
			}),
			on(w, "incident", func(ctx context.Context, r event.Record, e oncall.PageAcked) error {
				return w.desk.PageAcked(ctx, e.Service, e.By, r.At)
			})),
		w.log.Subscriber(silent, "postmortem",
			on(w, "postmortem", func(ctx context.Context, _ event.Record, e incident.ResolvedEvent) error {
				_, err := w.writer.Draft(ctx, e.Incident)
				return err
			})),
	}
}

// minute lets one minute of the world and of the house pass.
func (w *world) minute(ctx context.Context) {
	w.now = w.now.Add(time.Minute)
	for _, s := range []string{"pay", "web"} {
		tr := w.traffic[s]
		total, share := float64(600+w.rnd.IntN(200)), 0.0002
		switch {
		case w.failing[s] > 0:
			w.failing[s]--
			share = 0.3
		case w.rnd.IntN(3*24*60) == 0: // about every third day
			w.failing[s] = 5 + w.rnd.IntN(40)
		}
		tr.total = append(tr.total, tr.total[len(tr.total)-1]+total)
		tr.bad = append(tr.bad, tr.bad[len(tr.bad)-1]+float64(int(total*share+w.rnd.Float64())))
	}
	w.must(w.evaluator.Evaluate(ctx))
	w.must(w.pager.Escalate(ctx))
	w.must(w.pager.Deliver(ctx))
	w.must(w.pager.Drain(ctx, time.Minute))
	w.settle(ctx)
}

// settle lets news travel up through the rooms until there is none.
func (w *world) settle(ctx context.Context) {
	for {
		last, _, err := w.log.Last(ctx)
		w.must(err)
		if last == w.told {
			return
		}
		w.told = last
		w.deliver(ctx)
		w.must(w.pager.Escalate(ctx))
		w.must(w.pager.Deliver(ctx))
		w.must(w.pager.Drain(ctx, time.Minute))
	}
}

func (w *world) deliver(ctx context.Context) {
	for _, s := range w.subs {
		for {
			n, err := s.Step(ctx)
			w.must(err)
			if n == 0 {
				break
			}
		}
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("at %s: %v", w.now, err)
	}
}

// people answer pages, most of the time.
func (w *world) people(ctx context.Context) {
	pages, err := w.pager.Pages(ctx, oncall.PageQuery{Open: true})
	w.must(err)
	for _, p := range pages {
		if p.State != oncall.Calling {
			continue
		}
		_, ledger, err := w.pager.Page(ctx, p.ID)
		w.must(err)
		for _, d := range ledger {
			if d.State != oncall.Sent || d.Kind != "page" || w.rnd.IntN(8) != 0 {
				continue
			}
			if w.rnd.IntN(6) == 0 {
				_, err = w.pager.Decline(ctx, p.ID, d.Person)
			} else {
				_, err = w.pager.Ack(ctx, p.ID, d.Person, "phone")
			}
			w.must(err)
			break
		}
	}
	// A missed hand-over: now and then somebody takes over for some hours.
	if w.rnd.IntN(2*24*60) == 0 {
		who := []string{"aoi", "ren", "yui"}[w.rnd.IntN(3)]
		_, err := w.pager.Adjust(ctx, oncall.Adjustment{Kind: rota.Override, Of: rota.Everybody, Rota: "shop", Person: who, Start: w.now.Add(time.Hour), End: w.now.Add(time.Duration(2+w.rnd.IntN(12)) * time.Hour), By: "ren"})
		w.must(err)
	}
}
