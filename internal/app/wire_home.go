package app

import (
	"context"

	"github.com/hinoban/hinoban/internal/app/homeweb"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// wireHome is what belongs to no room: it is wired when all rooms are.
func (a *App) wireHome() module.Module {
	deps := func(kit *webkit.Kit) homeweb.Deps {
		return homeweb.Deps{
			Kit: kit, Log: a.log, Now: a.now, Gate: a.gate, Events: a.bus, Catalog: a.catalog, Alerts: a.inbox, SLOs: a.evaluator,
			Pager: a.pager, Desk: a.desk, Config: a.configState, Kinds: Kinds(),
			Health: func(ctx context.Context) httpd.Health { return httpd.CheckAll(ctx, a.health()) },
		}
	}
	return module.Module{
		Name: "home", Text: homeweb.Text, Nav: homeweb.Nav(), Panels: homeweb.Panels(),
		API:   func(api *httpd.API) { homeweb.API(api, deps(nil)) },
		Pages: func(kit *webkit.Kit, _ []module.Panel) []httpd.Route { return homeweb.Routes(deps(kit)) },
	}
}

// configState is what is configured, for people and programs.
func (a *App) configState() homeweb.Config {
	set := a.config.Set()
	out := homeweb.Config{Folder: a.cfg.Folder, Sum: set.Sum(), Documents: []homeweb.ConfigDocument{}, Problems: append([]ascode.Problem{}, a.config.Problems()...)}
	for _, d := range set.Documents {
		out.Documents = append(out.Documents, homeweb.ConfigDocument{APIVersion: d.APIVersion, Kind: d.Kind, Name: d.Metadata.Name, File: d.File, Line: d.Line})
	}
	return out
}

// onCallLine is what the top bar says: who is on call, and until when.
func (a *App) onCallLine(ctx context.Context) string {
	turns, err := a.pager.OnCallNow(ctx)
	if err != nil {
		return ""
	}
	return homeweb.OnCallLine(ctx, turns, func(id string) string { return a.nameOf(ctx, id) })
}
