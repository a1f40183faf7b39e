package app

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/feed"
	"github.com/hinoban/hinoban/internal/alert/handed"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
)

// noticesFor is how long it is kept who was told what.
const noticesFor = 90 * 24 * time.Hour

// routing is the part of the alert room that tells of alerts along routes.
type routing struct {
	kept   *alertdb.Live
	state  *dispatch.State
	live   *dispatch.Live
	runner *dispatch.Runner
	feeder *feed.Feeder
	api    *am.API
}

// wireDispatch makes the routes, and Alertmanager's API in front of them.
func (a *App) wireDispatch() module.Module {
	none, err := am.Set{}.Build("", nil, a.cfg.Lang, am.Options{Log: a.log})
	if err != nil {
		panic("app: the empty routes: " + err.Error()) // a constant: the tests find it
	}
	r := &routing{kept: a.kept, feeder: feed.New(a.inbox, a.log, a.now)}
	opts := dispatch.Options{}
	if a.crew != nil {
		opts.Owns, opts.Token = a.crew.Owns, a.crew.Token
		a.crew.Heard, a.crew.Own = a.heard, a.leads
	}
	r.state = dispatch.New(none.Plan, opts)
	r.live = dispatch.NewLive(r.state, r.kept, a.now, id.New, a.heard)
	r.api = &am.API{
		State: r.state, Live: r.live, Log: a.log, Now: a.now, Uptime: a.now(), Version: am.VersionOf(a.cfg.Version),
		Count: am.NewCounters(a.telemetry.Registry, r.state, a.now), Actor: func(req *http.Request, name string) string { return auth.Actor(req.Context(), name) },
	}
	r.api.Use(none)
	a.routing = r
	return a.wireRoutePages(module.Module{
		Name: "dispatch", Routes: r.routes(), Workers: []run.Worker{{Name: "alert.dispatch", Each: true, Run: func(ctx context.Context) error { return r.runner.Run(ctx) }}, {Name: "alert.feed", Run: r.feeder.Run}},
		Loops: []run.Loop{{Name: "alert.prune", Every: time.Minute, Do: a.pruneAlerts}},
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e alert.Fired) error { return a.tell(ctx, e.Alert) }),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Raised) error { return a.tellRaised(ctx, e) }),
			bus.On(func(ctx context.Context, _ event.Record, e alert.ResolvedEvent) error { return a.tell(ctx, e.Alert) }),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Acked) error { return a.ackRouted(ctx, e.Alert) }),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Unacked) error { return a.ackRouted(ctx, e.Alert) }),
		},
	})
}

// openRoutes loads what the disk keeps, once the tables are there.
func (a *App) openRoutes(ctx context.Context) error {
	r := a.routing
	if a.crew != nil {
		// The others cannot read a journal: a message counts as told when the database has it.
		r.runner = dispatch.NewRunner(r.state, r.kept, a.crew, nil, r.api.Count, a.log, a.now)
		return r.live.Start(ctx, nil)
	}
	book, err := handed.Open(a.cfg.Data)
	if err != nil {
		return err
	}
	a.onClose("journal", book.Close)
	r.runner = dispatch.NewRunner(r.state, r.kept, nil, book, r.api.Count, a.log, a.now)
	return r.live.Start(ctx, book)
}

// routes are Alertmanager's API at its own paths.
func (r *routing) routes() (out []httpd.Route) {
	for pattern, fn := range r.api.Routes() {
		access := httpd.Viewer
		switch pattern {
		case "POST /api/v2/alerts":
			access = httpd.Ingest
		case "POST /api/v2/silences", "DELETE /api/v2/silence/{id}":
			access = httpd.Responder
		}
		out = append(out, httpd.Route{Pattern: pattern, Access: access, Handler: fn, MaxBody: 10 << 20})
	}
	return out
}

// tell has the routes tell of an alert of the inbox as it stands, unless it came
// from there.
func (a *App) tell(ctx context.Context, alertID string) error {
	one, err := a.inbox.Alert(ctx, alertID)
	if err != nil || one.Source == feed.Source {
		return err
	}
	return a.routing.live.Take(ctx, feed.Alert(one))
}

// tellRaised is tell, and ends what the alert was before: how bad it is is one of
// its labels, and routes know it by them.
func (a *App) tellRaised(ctx context.Context, e alert.Raised) error {
	one, err := a.inbox.Alert(ctx, e.Alert)
	if err != nil || one.Source == feed.Source {
		return err
	}
	is, was := feed.Alert(one), one
	was.Severity = e.From
	if label, _ := alert.Word(one.Labels); label != "" {
		was.Labels = maps.Clone(one.Labels)
		if was.Labels[label] = e.FromWord; e.FromWord == "" {
			delete(was.Labels, label)
		}
	}
	old := feed.Alert(was)
	if old.Labels == is.Labels {
		return a.routing.live.Take(ctx, is)
	}
	old.UpdatedAt = a.now()
	old.EndsAt = old.UpdatedAt
	return a.routing.live.Take(ctx, is, old)
}

// ackRouted lets the routes know who has an alert.
func (a *App) ackRouted(ctx context.Context, alertID string) error {
	one, err := a.inbox.Alert(ctx, alertID)
	if err != nil {
		return err
	}
	return a.routing.live.Acked(ctx, liveSet(one), one.AckedBy)
}

func (a *App) pruneAlerts(ctx context.Context) error {
	keep := time.Hour
	if a.crew != nil {
		keep = keepShared
	}
	if err := a.routing.live.Prune(ctx, keep, 120*time.Hour); err != nil {
		return err
	}
	_, err := a.routing.kept.PruneNotices(ctx, a.now().Add(-noticesFor))
	return err
}

// useRoutes puts the routes of a set to work.
func (a *App) useRoutes(set am.Set) error {
	c, err := a.buildRoutes(set)
	a.routing.api.Count.Loaded(err)
	if err != nil {
		return err
	}
	a.routing.api.Use(c)
	a.routing.state.Reload(c.Plan, a.now())
	return nil
}

func (a *App) buildRoutes(set am.Set) (*am.Config, error) {
	base, err := url.Parse(a.cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base url: %w", err)
	}
	ch := am.Channels{}
	for _, c := range a.channels() {
		ch[c.Name()] = c
	}
	return set.Build(a.cfg.Folder, ch, a.cfg.Lang, am.Options{ExternalURL: base, Log: a.log, Ask: a.askRouted})
}
