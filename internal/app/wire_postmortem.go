package app

import (
	"context"

	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/postmortem"
	"github.com/hinoban/hinoban/internal/postmortem/postmortemdb"
)

func (a *App) wirePostmortem() module.Module {
	a.writer = postmortem.New(postmortem.Deps{
		Store: postmortemdb.New(a.db, a.bus), Incidents: a.desk, Catalog: a.catalog, Log: a.bus, Now: a.now, NewID: id.New, Lang: a.cfg.Lang,
	})
	return module.Module{
		Name: "postmortem", Migrations: postmortemdb.Migrations,
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e incident.ResolvedEvent) error {
				_, err := a.writer.Draft(ctx, e.Incident)
				return err
			}),
		},
	}
}
