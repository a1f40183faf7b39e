package app

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// mount builds the pages and one handler of all routes.
func (a *App) mount(context.Context) error {
	a.modules = append(a.modules, a.config.module(), a.wireHome(), a.wireBuddy())
	if err := a.makeKit(); err != nil {
		return err
	}
	a.api = httpd.NewAPI(a.log, a.cfg.Version)
	a.gate.API(a.api)
	a.logAPI(a.api)
	a.configAPI(a.api)
	checks := a.health()
	routes := slices.Concat(a.kit.Routes(), a.gate.Routes(), a.telemetry.Routes(), httpd.HealthRoutes(checks))
	routes = append(routes, a.describe())
	panels := a.panels()
	for _, m := range a.modules {
		routes = append(routes, m.Routes...)
		if m.Pages != nil {
			pages := m.Pages(a.kit, panels)
			a.pages = append(a.pages, pages...)
			routes = append(routes, pages...)
		}
		if m.API != nil {
			m.API(a.api)
		}
	}
	routes = a.doors(append(routes, a.api.Routes()...))
	var err error
	a.handler, err = httpd.Handler(a.log, a.cfg.HTTP, a.gate.Guard, a.now, routes...)
	return err
}

func (a *App) health() []httpd.HealthCheck {
	checks := []httpd.HealthCheck{
		{Name: "database", Probe: a.db.Ping},
		{Name: "log", Soft: true, Probe: func(ctx context.Context) error {
			n, err := a.bus.Parked(ctx)
			if err == nil && n > 0 {
				err = errs.New(errs.Conflict, "%d event(s) could not be handled and are parked: see the program's log, then `hinoban log parked`", n)
			}
			return err
		}},
	}
	if a.crew != nil && a.tsdb != nil {
		checks = append(checks, httpd.HealthCheck{Name: "servers", Soft: true, Probe: a.ownSamples})
	}
	for _, m := range a.modules {
		checks = append(checks, m.Health...)
	}
	return checks
}

func (a *App) makeKit() (err error) {
	opts := webkit.Options{Log: a.log, Zone: time.UTC, Now: a.now, Person: a.viewer, OnCall: a.onCallLine, Hub: a.hub, Palette: true}
	for _, m := range a.modules {
		opts.Nav = append(opts.Nav, m.Nav...)
		if m.Text != nil {
			opts.Text = append(opts.Text, m.Text)
		}
	}
	a.kit, err = webkit.New(opts)
	return err
}

// viewer is who looks at a page.
func (a *App) viewer(r *http.Request) webkit.Person {
	p := auth.From(r.Context())
	return webkit.Person{ID: p.ID, Name: p.Name, Local: p.Kind == auth.ByLocal}
}

// panels are all panels of all rooms.
func (a *App) panels() []module.Panel {
	var out []module.Panel
	for _, m := range a.modules {
		out = append(out, m.Panels...)
	}
	return out
}

// publishLive tells open pages what changed: each record's room, its subject,
// and the inboxes that a message went to.
func (a *App) publishLive(ctx context.Context) error {
	last, _, err := a.bus.Last(ctx)
	if err != nil {
		return err // it is started again, and begins where the log is then
	}
	defer a.hub.Close() // below, only the end of ctx leads out
	for {
		changed := a.bus.Changed()
		records, err := a.bus.Events(ctx, event.Query{After: last, Limit: 200})
		if err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "log not read for open pages", "err", err)
		}
		for _, r := range records {
			last = r.Seq
			room, _, _ := strings.Cut(r.Name, ".")
			topics := []string{"log", room, r.Subject}
			if r.Name == "oncall.delivered" {
				topics = append(topics, "inbox")
			}
			a.hub.Publish(topics...)
		}
		if len(records) > 0 {
			continue
		}
		t := time.NewTimer(2 * time.Second)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-changed:
		case <-t.C:
		}
		t.Stop()
	}
}
