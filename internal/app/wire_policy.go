package app

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo/correction"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
	"github.com/hinoban/hinoban/internal/slo/slodb"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
)

// budgets is what governs error budgets.
type budgets struct {
	gate        *policy.Gate
	corrections *correction.Book
	store       *slodb.Store
}

func (b budgets) replace(p plans) {
	b.gate.Replace(p.policies)
	b.corrections.Replace(p.corrected)
}

// buildBudgets makes the policies and the corrections of a set whose services
// and objectives are in p.
func buildBudgets(set *ascode.Set, p plans) ([]policy.Policy, []period.Correction, ascode.Problems) {
	services, objectives := map[string]bool{}, map[string]bool{}
	for _, s := range p.catalog.Services {
		services[s.ID] = true
	}
	for _, o := range p.objectives {
		objectives[o.ID], objectives[o.Parent] = true, true
	}
	known := func(in map[string]bool) func(string) bool { return func(id string) bool { return in[id] } }
	policies, problems := policy.Build(set, known(services))
	corrected, bad := correction.Build(set, known(services), known(objectives))
	return policies, corrected, append(problems, bad...)
}

// wirePolicy is the part of the room slo that decides about changes. Its tables
// are the room's.
func (a *App) wirePolicy() module.Module {
	store := slodb.New(a.db, a.bus)
	a.budgets = budgets{
		gate:        policy.NewGate(a.evaluator, a.catalog, store, a.now, id.New),
		corrections: correction.NewBook(store, a.now, id.New),
		store:       store,
	}
	deps := func(kit *webkit.Kit) sloweb.Deps {
		return sloweb.Deps{Kit: kit, Log: a.log, Now: a.now, SLOs: a.evaluator, History: a.meter, Events: a.bus, Service: a.serviceName, Governed: a.governed()}
	}
	return module.Module{
		Name: "slo.policy", Routes: sloweb.PolicyProtocols(deps(nil)),
		API: func(api *httpd.API) { sloweb.PolicyAPI(api, deps(nil)) },
		Loops: []run.Loop{
			{Name: "slo.gate", Every: 10 * time.Second, Do: a.budgets.gate.Sweep},
		},
	}
}

// governed is what the pages of objectives know of policies.
func (a *App) governed() sloweb.Governed {
	return sloweb.Governed{Gate: a.budgets.gate, Corrections: a.budgets.corrections, Recorder: a.budgets.store, Services: a.catalog}
}

// loadBudgets reads what people made.
func (a *App) loadBudgets(ctx context.Context) error { return a.budgets.corrections.Load(ctx) }
