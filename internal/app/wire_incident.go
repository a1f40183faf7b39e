package app

import (
	"context"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/incident/incidentdb"
	"github.com/hinoban/hinoban/internal/incident/incidentweb"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

func (a *App) wireIncident() module.Module {
	a.desk = incident.New(incident.Deps{
		Store: incidentdb.New(a.db, a.bus), Alerts: a.inbox, Services: a.catalog, Log: a.bus, Now: a.now, NewID: id.New,
	})
	deps := incidentweb.Deps{Log: a.log, Now: a.now, Desk: a.desk, Catalog: a.catalog}
	return module.Module{
		Name: "incident", Migrations: incidentdb.Migrations, Text: incidentweb.Text, Nav: incidentweb.Nav(), Panels: incidentweb.Panels(),
		Pages: func(kit *webkit.Kit, all []module.Panel) []httpd.Route {
			deps.Kit, deps.Panels = kit, all
			return incidentweb.Routes(deps)
		},
		API: func(api *httpd.API) { incidentweb.API(api, deps) },
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e alert.Fired) error {
				return a.unlessCanary(a.desk.AlertFired)(ctx, e.Alert)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Raised) error {
				return a.unlessCanary(a.desk.AlertFired)(ctx, e.Alert)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e alert.ResolvedEvent) error {
				return a.desk.AlertResolved(ctx, e.Service, e.Alert)
			}),
			bus.On(func(ctx context.Context, r event.Record, e oncall.PageAcked) error {
				return a.desk.PageAcked(ctx, e.Service, e.By, r.At)
			}),
		},
	}
}
