package app

import (
	"context"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// routeBook is what the pages of the room see of the routes.
func (a *App) routeBook() alertweb.RouteBook {
	r := a.routing
	return alertweb.RouteBook{
		State: r.state, Live: r.live, Filters: alertdb.NewFilters(a.db),
		Plan: func() *dispatch.Plan { return r.api.Config().Plan },
		Notices: func(ctx context.Context, fp model.Fingerprint, from, to time.Time) ([]alertweb.Notice, error) {
			all, err := r.kept.Notices(ctx, fp, from, to)
			out := make([]alertweb.Notice, 0, len(all))
			for _, n := range all {
				out = append(out, alertweb.Notice{
					Receiver: n.Key.Receiver, Integration: n.Key.Integration, Group: n.Key.Group, Due: n.Decided, At: n.At, Reason: n.Reason, Attempts: n.Tries, Error: n.Error, Late: n.At.Sub(n.Decided).Seconds(),
				})
			}
			return out, err
		},
	}
}

// wireRoutePages adds the pages of silences and routes to the module that tells
// along them.
func (a *App) wireRoutePages(m module.Module) module.Module {
	deps := alertweb.Deps{Log: a.log, Now: a.now, NewID: id.New, Inbox: a.inbox, Events: a.bus, Catalog: a.catalog}
	m.API = func(api *httpd.API) {
		deps.Routes = a.routeBook()
		alertweb.SilenceAPI(api, deps)
		alertweb.RouteAPI(api, deps)
	}
	m.Pages = func(kit *webkit.Kit, _ []module.Panel) []httpd.Route {
		deps.Kit, deps.Routes = kit, a.routeBook()
		return append(alertweb.SilenceRoutes(deps), alertweb.ExplorerRoutes(deps)...)
	}
	return m
}
