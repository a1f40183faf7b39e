package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// keepShared is how long alerts that are over stay on disk where several servers
// share it: one that stood still for less finds their end there.
const keepShared = 120 * time.Hour

// sharesWork reports whether other servers may be on db.
func sharesWork(db *store.DB) bool { return db.Engine == "postgres" }

// serverID is the name of this server among those on one database. It is kept in
// the data folder, so that after a restart what it held is still its own.
func serverID(folder string) (string, error) {
	path := filepath.Join(folder, "server-id")
	b, err := os.ReadFile(path)
	if name := strings.TrimSpace(string(b)); err == nil && name != "" {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", errs.New(errs.Unavailable, "read the server's name: %w", err)
	}
	name := id.New()
	if err := os.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
		return "", errs.New(errs.Unavailable, "keep the server's name: %w", err)
	}
	return name, nil
}

// newCrew makes this server one of those on its database, and shows in metrics how
// the work is shared.
func newCrew(folder string, live *alertdb.Live, log *slog.Logger, now func() time.Time, r prometheus.Registerer) (*alertdb.Crew, error) {
	name, err := serverID(folder)
	if err != nil {
		return nil, err
	}
	c := alertdb.NewCrew(alertdb.CrewOptions{ID: name, Live: live, Log: log, Now: now})
	leads := func() float64 {
		if c.Leads() {
			return 1
		}
		return 0
	}
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hinoban_servers", Help: "Servers that share the work, as this one sees it."}, func() float64 { return float64(c.Servers()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hinoban_alert_seats", Help: "Parts of the work, of 32, that this server has."}, func() float64 { return float64(c.Seats()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hinoban_leader", Help: "Whether this server does what only one may do."}, leads),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hinoban_alert_fenced_total", Help: "Writes refused because the lease they were decided under had ended."}, func() float64 { return float64(live.Fenced()) }),
	)
	return c, nil
}

// withCrew runs fn as one of the servers on a database: the leases last until fn
// has stopped, and are then given back. c may be nil.
func withCrew(ctx context.Context, log *slog.Logger, c *alertdb.Crew, state *dispatch.State, fn func(context.Context) error) error {
	if c == nil {
		return fn(ctx)
	}
	defer context.AfterFunc(ctx, c.Stay)()
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		stopped <- run.All(own, log, stopWithin, run.Worker{Name: "alert.servers", Run: func(ctx context.Context) error { return c.Run(ctx, state) }})
	}()
	err := fn(ctx)
	cancel()
	err = errors.Join(err, <-stopped)
	bye, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin/2)
	defer done()
	return errors.Join(err, c.Leave(bye))
}

// openServers says whether this server shares its database with others.
func (a *App) openServers(context.Context) (err error) {
	a.kept = alertdb.NewLive(a.db, a.bus, id.New, true)
	if sharesWork(a.db) {
		a.crew, err = newCrew(a.cfg.Data, a.kept, a.log, a.now, a.telemetry.Registry)
	}
	return err
}

// leads reports whether this server does what only one may do.
func (a *App) leads() bool { return a.crew == nil || a.crew.Leads() }

// underLead puts what only one server may do under the leader's lease.
func (a *App) underLead(workers []run.Worker) (out []run.Worker) {
	var lead []run.Worker
	for _, w := range workers {
		if w.Each {
			out = append(out, w)
		} else {
			lead = append(lead, w)
		}
	}
	return append(out, a.crew.Leader("leader", func(ctx context.Context) error {
		a.rules.began = a.now() // rules are restored, as after a start
		a.held.looking(false)
		a.paging.burning, a.paging.looked = nil, false
		all, err := a.kept.Recent(ctx, a.now().Add(-time.Hour))
		if err != nil {
			return err
		}
		a.routing.feeder.Heard(all)
		return run.All(ctx, a.log, stopWithin, lead...)
	}))
}

// heard brings what senders say to the inbox, where this server is the one that
// does; another that comes to lead begins with what is on disk.
func (a *App) heard(all []dispatch.Alert) {
	if a.leads() {
		a.routing.feeder.Heard(all)
	}
}

// ownSamples says that several servers count on samples of their own, each.
func (a *App) ownSamples(context.Context) error {
	if n := a.crew.Servers(); n > 1 {
		return errs.New(errs.Conflict, "%d servers share the database and each has samples of its own: start all with --metrics-url", n)
	}
	return nil
}
