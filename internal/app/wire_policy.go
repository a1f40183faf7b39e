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
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/correction"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
	"github.com/hinoban/hinoban/internal/slo/review"
	"github.com/hinoban/hinoban/internal/slo/slodb"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
)

// budgets is what governs error budgets.
type budgets struct {
	gate        *policy.Gate
	corrections *correction.Book
	store       *slodb.Store
	ledger      *ledger.Keeper
	reviews     *review.Desk
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
	a.budgets.ledger = &ledger.Keeper{
		Slots: ledger.ByWindow{Counts: rawCounts{a.meter}}, Events: a.bus, Corrections: a.budgets.corrections, Services: a.catalog,
		Store: store, Objectives: a.evaluator.Objectives, Now: a.now,
	}
	a.budgets.reviews = &review.Desk{
		Gate: a.budgets.gate, Ledgers: a.budgets.ledger, Events: a.bus, Store: store, Objectives: a.evaluator.Objectives, Now: a.now, NewID: id.New,
	}
	deps := func(kit *webkit.Kit) sloweb.Deps {
		return sloweb.Deps{Kit: kit, Log: a.log, Now: a.now, SLOs: a.evaluator, History: a.meter, Events: a.bus, Service: a.serviceName, Governed: a.governed()}
	}
	m := module.Module{
		Name: "slo.policy", Routes: sloweb.PolicyProtocols(deps(nil)),
		Nav: sloweb.PolicyNav(),
		API: func(api *httpd.API) {
			sloweb.PolicyAPI(api, deps(nil))
			sloweb.ReviewAPI(api, deps(nil))
		},
		Pages: func(kit *webkit.Kit, _ []module.Panel) []httpd.Route { return sloweb.PolicyRoutes(deps(kit)) },
		Loops: []run.Loop{
			{Name: "slo.gate", Every: 10 * time.Second, Do: a.budgets.gate.Sweep},
			{Name: "slo.overspent", Every: 5 * time.Minute, Do: a.budgets.ledger.Sweep},
		},
	}
	if a.crew != nil { // what people enter at another server
		m.Loops = append(m.Loops, run.Loop{Name: "slo.corrections", Every: 5 * time.Second, Do: a.loadBudgets, Each: true})
	}
	return m
}

// governed is what the pages of objectives know of policies.
func (a *App) governed() sloweb.Governed {
	return sloweb.Governed{
		Gate: a.budgets.gate, Corrections: a.budgets.corrections, Recorder: a.budgets.store, Services: a.catalog, Ledger: a.budgets.ledger, Reviews: a.budgets.reviews,
		Sender: a.changeSender,
		People: func(ctx context.Context) (out []webkit.Choice) {
			for _, p := range a.catalog.People(ctx) {
				out = append(out, webkit.Choice{Value: p.ID, Text: p.Name})
			}
			return out
		},
	}
}

// loadBudgets reads what people made.
func (a *App) loadBudgets(ctx context.Context) error { return a.budgets.corrections.Load(ctx) }

// corrected are the stretches that do not count for an objective, as the meter
// asks for them. Nothing is corrected before the rooms are built.
func (a *App) corrected(o slo.Objective, from, to time.Time) (out []meter.Interval) {
	if a.budgets.corrections == nil {
		return nil
	}
	for _, i := range a.budgets.corrections.For(o, from, to) {
		out = append(out, meter.Interval{From: i.Start, To: i.End})
	}
	return out
}

// rawCounts counts what happened, corrections or not, for the ledger.
type rawCounts struct{ meter *meter.Meter }

// Counts implements ledger.Counts.
func (r rawCounts) Counts(ctx context.Context, o slo.Objective, e slo.Ends) ([]slo.Count, error) {
	return r.meter.Raw(ctx, o, e)
}
