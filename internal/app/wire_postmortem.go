package app

import (
	"context"

	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/postmortem"
	"github.com/hinoban/hinoban/internal/postmortem/postmortemdb"
	"github.com/hinoban/hinoban/internal/postmortem/postmortemweb"
)

func (a *App) wirePostmortem() module.Module {
	a.writer = postmortem.New(postmortem.Deps{
		Store: postmortemdb.New(a.db, a.bus), Incidents: a.desk, Catalog: a.catalog, Log: a.bus, Now: a.now, NewID: id.New, Lang: a.cfg.Lang,
	})
	deps := postmortemweb.Deps{Log: a.log, Now: a.now, Writer: a.writer, Incidents: a.desk, Catalog: a.catalog}
	return module.Module{
		Name: "postmortem", Migrations: postmortemdb.Migrations, Text: postmortemweb.Text, Nav: postmortemweb.Nav(), Panels: postmortemweb.Panels(),
		Pages: func(kit *webkit.Kit, _ []module.Panel) []httpd.Route {
			deps.Kit = kit
			return postmortemweb.Routes(deps)
		},
		API: func(api *httpd.API) { postmortemweb.API(api, deps) },
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e incident.ResolvedEvent) error {
				_, err := a.writer.Draft(ctx, e.Incident)
				return err
			}),
		},
	}
}
