package app

import (
	"context"

	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/slodb"
)

func (a *App) wireSLO() module.Module {
	a.evaluator = slo.New(a.cfg.SLO, slo.PromCounter{Engine: a.engine}, slodb.New(a.db, a.bus), a.inbox, a.now)
	return module.Module{
		Name: "slo", Migrations: slodb.Migrations,
		// Samples arrive in bursts of targets; the pause lets a burst end.
		Loops: []run.Loop{{Name: "slo.evaluate", Every: a.cfg.SLO.Every, Do: a.evaluator.Evaluate}},
		On: []bus.Handler{
			bus.On(func(ctx context.Context, r event.Record, e slo.Burning) error {
				return a.evaluator.TellBurning(ctx, r.ID, r.At, e)
			}),
			bus.On(func(ctx context.Context, r event.Record, e slo.Recovered) error {
				return a.evaluator.TellRecovered(ctx, r.ID, r.At, e)
			}),
		},
	}
}
