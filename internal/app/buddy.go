package app

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/run"
)

// BuddyConfig pairs a server with its buddy: a second host that pages when the
// server is dead.
type BuddyConfig struct {
	Secret    string        // both have it; "" is no pair
	Of        string        // the server's address, where this is the buddy
	DeadAfter time.Duration // without a good heartbeat
	Policy    string        // whom to tell that the server is dead; "" is the default policy
}

// completeBuddy refuses, as Invalid, what cannot work.
func (c *Config) completeBuddy() error {
	b := &c.Buddy
	b.Of = strings.TrimRight(b.Of, "/")
	if b.Secret == "" {
		if b.Of != "" {
			return errs.New(errs.Invalid, "a buddy needs the secret that its server has: HINOBAN_BUDDY_SECRET")
		}
		return nil
	}
	if _, err := buddy.NewKeys(b.Secret); err != nil {
		return err
	}
	if strings.HasPrefix(c.Database, "postgres") {
		return errs.New(errs.Invalid, "a buddy is for a server with a database of its own: several servers on one PostgreSQL take over from each other without one")
	}
	if b.Of == "" {
		return nil
	}
	if !strings.HasPrefix(b.Of, "http://") && !strings.HasPrefix(b.Of, "https://") {
		return errs.New(errs.Invalid, "the server's address %q is not like https://hinoban.example.org", b.Of)
	}
	return buddy.Config{DeadAfter: b.DeadAfter}.Validate()
}

// pair is what both sides have.
type pair struct {
	app    *App
	keys   buddy.Keys
	kept   *oncalldb.Store
	alerts *alertdb.Store
	client *http.Client

	rounds sync.RWMutex // a round of the pager holds it for reading
	doors  sync.RWMutex // of a buddy: a request that it may take holds it for reading
}

// openBuddy reads what the two know of each other. A buddy that holds no plan
// yet asks for one: without it could help nobody.
func (a *App) openBuddy(ctx context.Context) error {
	cfg := a.cfg.Buddy
	if cfg.Secret == "" {
		return nil
	}
	keys, err := buddy.NewKeys(cfg.Secret)
	if err != nil {
		return err
	}
	if err := a.db.Migrate(ctx, "oncall", oncalldb.Migrations); err != nil {
		return err
	}
	p := &pair{app: a, keys: keys, kept: oncalldb.New(a.db, a.bus), alerts: alertdb.New(a.db, a.bus, id.New)}
	if cfg.Of == "" {
		p.client = httpc.New(httpc.Options{Timeout: forwardTime, AllowPrivate: true})
		a.paired = &pairedServer{pair: p, counts: buddy.Counts{}}
		return a.paired.open(ctx)
	}
	watch := buddy.Config{DeadAfter: cfg.DeadAfter}
	p.client = httpc.New(httpc.Options{Timeout: forwardTime, AllowPrivate: true})
	a.standby = &standby{pair: p, cfg: watch, beats: httpc.New(httpc.Options{Timeout: watch.Timeout(), AllowPrivate: true})}
	return a.standby.open(ctx)
}

// derive returns a key for one purpose. A buddy uses its server's, so that what
// one has signed is good on the other.
func (a *App) derive(purpose string) []byte {
	if a.standby != nil {
		if k := a.standby.held().Keys[purpose]; len(k) > 0 {
			return k
		}
	}
	return a.sealer.Derive(purpose)
}

// sharedKeys are the purposes whose keys a buddy gets.
func sharedKeys() []string { return []string{"oncall.answer", "notify.webpush", "notify.mattermost"} }

// asks is the question below a page. A buddy asks nothing: what it would be
// answered is kept by its server alone.
func (a *App) asks() func(ctx context.Context, page oncall.Page, person, lang, channel string) notify.Ask {
	if a.cfg.Buddy.Of != "" {
		return nil
	}
	return a.askJudgement
}

// pagesNow reports whether this host is the one that pages now.
func (a *App) pagesNow() bool {
	switch {
	case a.standby != nil:
		return a.standby.pages()
	case a.paired != nil:
		return a.paired.role() == buddy.Active
	}
	return true
}

// whilePaging passes over rounds of the pager while the other host pages.
func (a *App) whilePaging(do func(context.Context) error) func(context.Context) error {
	gate := a.rounds()
	if gate == nil {
		return do
	}
	return func(ctx context.Context) error {
		gate.RLock()
		defer gate.RUnlock()
		if !a.pagesNow() {
			a.delivered()
			return nil
		}
		return do(ctx)
	}
}

// delivers is a round of deliveries, whose success is a part of the heartbeat.
func (a *App) delivers(ctx context.Context) error {
	err := a.pager.Deliver(ctx)
	if err == nil {
		a.delivered()
	}
	return err
}

func (a *App) delivered() {
	if a.paired != nil {
		a.paired.delivered()
	}
}

func (a *App) rounds() *sync.RWMutex {
	switch {
	case a.standby != nil:
		return &a.standby.rounds
	case a.paired != nil:
		return &a.paired.rounds
	}
	return nil
}

const hearLooks = 500 * time.Millisecond

// hearWhilePaging lets the host that pages hear the answers: providers hand each
// of them to one of those that listen.
func (a *App) hearWhilePaging(workers []run.Worker) []run.Worker {
	if a.rounds() == nil {
		return workers
	}
	var out []run.Worker
	for _, w := range workers {
		out = append(out, run.Worker{Name: w.Name, Each: w.Each, Run: func(ctx context.Context) error {
			for ctx.Err() == nil {
				if a.pagesNow() {
					if err := a.hearOnce(ctx, w); err != nil {
						return err
					}
				}
				pauseFor(ctx, hearLooks)
			}
			return nil
		}})
	}
	return out
}

// hearOnce runs w as long as this host pages.
func (a *App) hearOnce(ctx context.Context, w run.Worker) error {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.Run(own) }()
	for a.pagesNow() && ctx.Err() == nil {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
		case <-time.After(hearLooks):
		}
	}
	cancel()
	return <-done
}

func pauseFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// standbyWorks reports whether a room works on a buddy. The others have nothing to
// do there: it measures nothing, and tells no routes.
func standbyWorks(name string) bool { return name == "oncall" || name == "buddy" }

// wireBuddy mounts what the two say to each other.
func (a *App) wireBuddy() module.Module {
	switch {
	case a.standby != nil:
		a.standby.measure(a.telemetry.Registry)
		return module.Module{Name: "buddy", Routes: a.standby.routes(), Loops: a.standby.loops(), Health: a.standby.health()}
	case a.paired != nil:
		a.paired.start()
		a.paired.measure(a.telemetry.Registry)
		return module.Module{Name: "buddy", Routes: a.paired.routes(), Health: a.paired.health()}
	}
	return module.Module{Name: "buddy"}
}

func gauge(r prometheus.Registerer, name, help string, value func() float64) {
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// senders reports whether a route takes what senders post.
func senders(pattern string) bool {
	_, path, _ := strings.Cut(pattern, " ")
	return slices.ContainsFunc([]string{"/ingest/", "/v2/enqueue", "/v2/change/enqueue", "/hb/", "/v2/alerts", "/v2/heartbeats/"}, func(p string) bool { return strings.HasPrefix(path, p) })
}

// doors puts the routes of senders behind whoever pages now.
func (a *App) doors(routes []httpd.Route) []httpd.Route {
	if a.rounds() == nil {
		return routes
	}
	for i, r := range routes {
		if r.Access != httpd.Keyed || !senders(r.Pattern) {
			continue
		}
		if a.standby != nil {
			routes[i].Handler = a.standby.door(r.Handler)
		} else {
			routes[i].Handler = a.paired.door(r.Handler)
		}
	}
	return routes
}

// keepDoc and readDoc keep small things by name.
func (p *pair) keepDoc(ctx context.Context, name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.kept.PutBuddyDoc(ctx, name, string(text))
}

func (p *pair) readDoc(ctx context.Context, name string, v any) error {
	text, err := p.kept.BuddyDoc(ctx, name)
	if err != nil || text == "" {
		return err
	}
	return json.Unmarshal([]byte(text), v)
}
