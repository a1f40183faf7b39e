// Package app wires the rooms. It is the only package that knows them all.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/metrics/remotestore"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/hookout"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/secret"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/telemetry"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/postmortem"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/correction"
	"github.com/hinoban/hinoban/internal/slo/dialect"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/policy"
)

// stopWithin is how long everything may take to stop.
const stopWithin = 10 * time.Second

// App is one instance. Make it with [New], then [App.Run] it; [App.Close] undoes
// New where Run was not called.
type App struct {
	cfg Config
	log *slog.Logger
	now func() time.Time

	db        *store.DB
	kept      *alertdb.Live
	crew      *alertdb.Crew // nil: this server is alone on its database
	bus       *bus.Log
	telemetry *telemetry.Metrics
	gate      *auth.Gate
	kit       *webkit.Kit
	hub       *webkit.Hub

	tsdb      *promstore.Store   // nil where the metrics are remote
	remote    *remotestore.Store // nil where they are embedded
	engine    metrics.Engine
	committed *signal // wakes the evaluator when samples arrive
	catalog   *catalog.Catalog
	inbox     *alert.Inbox
	routing   *routing
	held      heldPages
	sources   *ingest.Registry
	sealer    *secret.Sealer
	judging   judging
	ways      []notify.Channel // to reach people
	meter     *meter.Meter
	evaluator *slo.Evaluator
	budgets   budgets
	rates     atomic.Pointer[catalogue.Set]
	rules     ruleRoom
	canaries  canaryRoom
	pager     *oncall.Pager
	hooks     *hookout.Hooks
	messages  *oncalldb.Inbox
	paging    pagingWatch
	desk      *incident.Desk
	writer    *postmortem.Writer
	config    *configRoom
	paired    *pairedServer // nil: it has no buddy
	standby   *standby      // nil: it is no buddy
	modules   []module.Module
	api       *httpd.API
	pages     []httpd.Route // of all rooms, as mounted
	handler   http.Handler
	listener  net.Listener
	closers   []closer
	extra     []module.Module
}

type closer struct {
	name string
	fn   func() error
}

// New opens everything that cfg names, builds the rooms in the order of their
// ranks, and listens. Extra modules are mounted beside the rooms' (the demo's
// switches). Where it fails it closes what it had opened.
func New(ctx context.Context, log *slog.Logger, cfg Config, extra ...module.Module) (_ *App, err error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: log, now: time.Now, extra: extra}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"data folder", a.openFolder},
		{"key", a.openSecret},
		{"database", a.openDatabase},
		{"servers", a.openServers},
		{"buddy", a.openBuddy},
		{"metrics", a.openMetrics},
		{"counts", a.openCounts},
		{"rooms", a.buildRooms},
		{"configuration", a.openConfig},
		{"pages", a.mount},
		{"listen", a.listen},
	} {
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("start %s: %w", step.name, err)
		}
	}
	return a, nil
}

func (a *App) openFolder(context.Context) error {
	return os.MkdirAll(a.cfg.Data, 0o700)
}

func (a *App) openDatabase(ctx context.Context) (err error) {
	if a.db, err = store.Open(ctx, a.cfg.Database); err != nil {
		return err
	}
	a.onClose("database", a.db.Close)
	if err := a.db.Migrate(ctx, "bus", bus.Migrations); err != nil {
		return err
	}
	a.bus = bus.New(a.db, a.now, id.New)
	a.telemetry = telemetry.New(a.cfg.Version, a.now)
	if err := a.db.Migrate(ctx, "auth", auth.Migrations); err != nil {
		return err
	}
	a.gate = auth.New(auth.Options{DB: a.db, Events: a.bus, Log: a.log, Now: a.now, NewID: id.New, Config: a.cfg.Auth})
	return nil
}

func (a *App) openMetrics(ctx context.Context) (err error) {
	a.committed = newSignal()
	if a.cfg.MetricsURL != "" {
		a.remote, err = remotestore.New(remotestore.Options{URL: a.cfg.MetricsURL, Bearer: a.cfg.MetricsToken})
		a.engine = a.remote
		return err
	}
	a.tsdb, err = promstore.Open(ctx, promstore.Options{
		Dir: filepath.Join(a.cfg.Data, "metrics"), Retention: a.cfg.Retention, Log: telemetry.Quieter(a.log, slog.LevelWarn), Registerer: a.telemetry.Registry, Now: a.now, OnCommit: a.committed.wake,
	})
	if err != nil {
		return err
	}
	a.onClose("metrics", a.tsdb.Close)
	a.engine = a.tsdb
	return nil
}

func (a *App) buildRooms(ctx context.Context) error {
	a.hub = webkit.NewHub(webkit.HubOptions{})
	for _, wire := range []func() module.Module{
		a.wireCatalog, a.wireMetrics, a.wireAlert, a.wireIngest, a.wireRules, a.wireCanary, a.wireSLO, a.wirePolicy, a.wireOnCall, a.wireHookout, a.wireChannels, a.wireDispatch, a.wireIncident, a.wirePostmortem,
	} {
		m := wire()
		if m.Migrations != nil {
			if err := a.db.Migrate(ctx, m.Name, m.Migrations); err != nil {
				return err
			}
		}
		a.modules = append(a.modules, m)
	}
	a.modules = append(a.modules, a.extra...)
	if err := a.openRoutes(ctx); err != nil {
		return err
	}
	return a.loadBudgets(ctx)
}

func (a *App) listen(ctx context.Context) (err error) {
	a.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return err
	}
	a.onClose("listener", func() error {
		if err := a.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

func (a *App) onClose(name string, fn func() error) { a.closers = append(a.closers, closer{name, fn}) }

// Close closes what New opened, the last first. A second call does nothing.
func (a *App) Close() error {
	var failed []error
	for len(a.closers) > 0 {
		last := a.closers[len(a.closers)-1]
		a.closers = a.closers[:len(a.closers)-1]
		if err := last.fn(); err != nil {
			failed = append(failed, fmt.Errorf("close %s: %w", last.name, err))
		}
	}
	return errors.Join(failed...)
}

// Addr is where the server listens.
func (a *App) Addr() net.Addr { return a.listener.Addr() }

// URL is where people reach it.
func (a *App) URL() string { return a.cfg.BaseURL }

// Run serves and works until ctx ends, then stops in good order.
func (a *App) Run(ctx context.Context) error {
	workers := a.workers()
	if a.crew != nil {
		workers = a.underLead(workers)
	}
	err := withCrew(ctx, a.log, a.crew, a.routing.state, func(ctx context.Context) error {
		return run.All(ctx, a.log, stopWithin, append(workers,
			run.Worker{Name: "http", Run: func(ctx context.Context) error {
				return httpd.Serve(ctx, a.log, a.listener, a.handler, stopWithin/2)
			}},
			run.Worker{Name: "pages.live", Run: a.publishLive},
		)...)
	})
	return errors.Join(err, a.Close())
}

// workers are those of the rooms.
func (a *App) workers() (workers []run.Worker) {
	for _, m := range a.modules {
		if a.standby != nil && !standbyWorks(m.Name) {
			continue
		}
		workers = append(workers, m.Workers...)
		for _, l := range m.Loops {
			workers = append(workers, l.Worker(a.log, a.telemetry, a.now))
		}
		if len(m.On) > 0 {
			workers = append(workers, run.Worker{Name: m.Name + ".hear", Run: a.bus.Subscriber(a.log, m.Name, m.On...).Abreast(m.Abreast).Run})
		}
	}
	return workers
}

// AdminLink returns the address at which the first admin sets a password, or
// "" where nobody needs it.
func (a *App) AdminLink(ctx context.Context) (string, error) {
	need, err := a.gate.NeedsAdmin(ctx)
	if err != nil || !need || a.cfg.Auth.Mode == auth.Off {
		return "", err
	}
	path, err := a.gate.AdminLink(ctx)
	return a.cfg.BaseURL + path, err
}

// Kinds are the kinds of document that the product reads.
func Kinds() []ascode.Kind {
	var out []ascode.Kind
	for _, kinds := range [][]ascode.Kind{catalog.Kinds(), {scrapeKind()}, rule.Kinds(), canary.Kinds(), dialect.Kinds(), {catalogue.Kind()}, policy.Kinds(), correction.Kinds(), oncall.Kinds(), hookout.Kinds(), am.Kinds()} {
		out = append(out, kinds...)
	}
	return out
}

// Publish writes facts to the log on their own. It is for what has no state of
// its own, such as a fault that the demo injects.
func (a *App) Publish(ctx context.Context, facts ...event.Fact) error {
	return a.db.Write(ctx, func(tx store.Tx) error { return a.bus.Publish(ctx, tx, facts...) })
}

// Events reads the log.
func (a *App) Events(ctx context.Context, q event.Query) ([]event.Record, error) {
	return a.bus.Events(ctx, q)
}

// signal wakes those who wait, as often as it is asked.
type signal struct{ ch chan chan struct{} }

func newSignal() *signal {
	s := &signal{ch: make(chan chan struct{}, 1)}
	s.ch <- make(chan struct{})
	return s
}

// wait returns a channel that the next wake closes.
func (s *signal) wait() <-chan struct{} {
	c := <-s.ch
	s.ch <- c
	return c
}

func (s *signal) wake() {
	close(<-s.ch)
	s.ch <- make(chan struct{})
}
