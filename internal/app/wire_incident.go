package app

import (
	"context"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/incident/incidentdb"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
)

func (a *App) wireIncident() module.Module {
	a.desk = incident.New(incident.Deps{
		Store: incidentdb.New(a.db, a.bus), Alerts: a.inbox, Services: a.catalog, Log: a.bus, Now: a.now, NewID: id.New,
	})
	return module.Module{
		Name: "incident", Migrations: incidentdb.Migrations,
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e alert.Fired) error { return a.desk.AlertFired(ctx, e.Alert) }),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Raised) error {
				return a.desk.AlertFired(ctx, e.Alert)
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
