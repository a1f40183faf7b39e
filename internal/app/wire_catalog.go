package app

import (
	"context"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/catalog/catalogweb"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
)

func (a *App) wireCatalog() module.Module {
	a.catalog = catalog.New()
	deps := catalogweb.Deps{Log: a.log, Now: a.now, Catalog: a.catalog}
	cells := func(say func(context.Context, slo.Standing) string) func(context.Context) func(catalog.Service) catalogweb.Cells {
		return func(ctx context.Context) func(catalog.Service) catalogweb.Cells { return a.serviceCells(ctx, say) }
	}
	return module.Module{
		Name: "catalog", Text: catalogweb.Text, Nav: catalogweb.Nav(), Panels: catalogweb.Panels(),
		API: func(api *httpd.API) {
			in := deps
			in.Columns = cells(func(_ context.Context, s slo.Standing) string { return s.Status.Sentence(s.Objective) })
			catalogweb.API(api, in)
		},
		Pages: func(kit *webkit.Kit, all []module.Panel) []httpd.Route {
			in := deps
			in.Kit, in.Panels, in.Columns = kit, all, cells(sloweb.Sentence)
			return catalogweb.Routes(in)
		},
	}
}

// serviceCells gathers what higher rooms know of services, once for a page: the
// catalog may not ask them itself. say puts an objective into words. What cannot be had is left out: the service's
// own page and the first page say so.
func (a *App) serviceCells(ctx context.Context, say func(context.Context, slo.Standing) string) func(catalog.Service) catalogweb.Cells {
	objectives := map[string][]slo.Standing{}
	for _, s := range a.evaluator.All() {
		objectives[s.Objective.Service] = append(objectives[s.Objective.Service], s)
	}
	open := map[string]int{}
	alerts, err := a.inbox.Alerts(ctx, alert.Query{Unresolved: true, Limit: 500})
	if err != nil {
		a.log.WarnContext(ctx, "alerts not counted", "err", err)
	}
	for _, al := range alerts {
		open[al.Service]++
	}
	onCall := a.onCallByRota(ctx)
	return func(s catalog.Service) catalogweb.Cells {
		c := catalogweb.Cells{Alerts: open[s.ID], OnCall: a.onCallFor(ctx, onCall, s)}
		own := objectives[s.ID]
		if len(own) == 0 {
			return c
		}
		first, bad := sloweb.Worst(own)
		if !bad {
			first = own[0] // the one with the least left speaks for all
			for _, o := range own {
				if o.Status.Known && (!first.Status.Known || o.Status.Remaining < first.Status.Remaining) {
					first = o
				}
			}
		}
		c.State, c.SLORef = sloweb.State(first.Status), "/slos/"+first.Objective.ID
		c.SLO = say(ctx, first)
		return c
	}
}

// onCallByRota is who is on call now in each rota; nobody is not in it.
func (a *App) onCallByRota(ctx context.Context) map[string]string {
	turns, err := a.pager.OnCallNow(ctx)
	if err != nil {
		a.log.WarnContext(ctx, "on-call not known", "err", err)
	}
	out := map[string]string{}
	for _, t := range turns {
		if on := t.People(); len(on) > 0 {
			out[t.Rota] = on[0]
		}
	}
	return out
}

// onCallFor is the name of who would be told first about a service.
func (a *App) onCallFor(ctx context.Context, onCall map[string]string, s catalog.Service) string {
	policy, ok := a.pager.Plan().PolicyFor(s.ID, s.Team)
	if !ok || len(policy.Steps) == 0 {
		return ""
	}
	step := policy.Steps[0]
	for _, r := range step.Rotas {
		if who := onCall[r]; who != "" {
			return a.nameOf(ctx, who)
		}
	}
	for _, who := range step.People {
		return a.nameOf(ctx, who)
	}
	return ""
}

// nameOf is a person's name, or the id where the catalog has none.
func (a *App) nameOf(ctx context.Context, id string) string {
	if p, err := a.catalog.Person(ctx, id); err == nil {
		return p.Name
	}
	return id
}
