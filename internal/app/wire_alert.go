package app

import (
	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

func (a *App) wireAlert() module.Module {
	store := alertdb.New(a.db, a.bus, id.New)
	a.inbox = alert.NewInbox(store, a.now)
	a.judge(store)
	m := module.Module{Name: "alert", Migrations: alertdb.Migrations, Text: alertweb.Text(), Nav: alertweb.Nav(), Panels: alertweb.Panels()}
	deps := alertweb.Deps{Log: a.log, Now: a.now, NewID: id.New, Inbox: a.inbox, Events: a.bus, Catalog: a.catalog, Judge: a.judgingDeps(), Tests: store, Rules: alertweb.RuleBook{Set: a.rules.set.Load}}
	m.Loops, m.On = []run.Loop{a.tellWeekly()}, []bus.Handler{a.heardIncidents()}
	m.API = func(api *httpd.API) {
		deps.Routes = a.routeBook()
		alertweb.API(api, deps)
	}
	m.Pages = func(kit *webkit.Kit, all []module.Panel) []httpd.Route {
		deps.Kit, deps.Panels, deps.Routes = kit, all, a.routeBook()
		return alertweb.Routes(deps)
	}
	return m
}
