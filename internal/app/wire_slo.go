package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
	"github.com/hinoban/hinoban/internal/slo/slodb"
	"github.com/hinoban/hinoban/internal/slo/sloth"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
)

// openCounts opens what counts the events of objectives.
func (a *App) openCounts(context.Context) error {
	keep, err := ringfile.Open(filepath.Join(a.cfg.Data, "slo"))
	if err != nil {
		return err
	}
	a.onClose("counts", keep.Close)
	o := meter.Options{Reader: a.tsdb, Engine: a.engine, Keeper: keep, Now: a.now, Corrected: a.corrected}
	if a.tsdb == nil {
		o.Reader = a.remote
	}
	a.meter, err = meter.New(o)
	return err
}

func (a *App) wireSLO() module.Module {
	a.cfg.SLO.Acts = a.leads
	a.evaluator = slo.New(a.cfg.SLO, a.meter, slodb.New(a.db, a.bus), a.inbox, a.now)
	deps := func(kit *webkit.Kit) sloweb.Deps {
		return sloweb.Deps{
			Kit: kit, Log: a.log, Now: a.now, SLOs: a.evaluator, History: a.meter, Events: a.bus, Service: a.serviceName,
			Governed: a.governed(), Past: pastOf{a.meter}, Rates: a.rates.Load, Counting: a.meter,
		}
	}
	return module.Module{
		Name: "slo", Migrations: slodb.Migrations, Text: sloweb.Text, Nav: sloweb.Nav(), Panels: sloweb.Panels(),
		API:    func(api *httpd.API) { sloweb.API(api, deps(nil)) },
		Pages:  func(kit *webkit.Kit, _ []module.Panel) []httpd.Route { return sloweb.Routes(deps(kit)) },
		Health: []httpd.HealthCheck{{Name: "counts", Soft: true, Probe: a.meter.Health}},
		// Samples arrive all the time; the gap lets a burst of targets end.
		Loops: []run.Loop{
			{Name: "slo.evaluate", Every: time.Second, Gap: 500 * time.Millisecond, Wake: a.committed.wait, Do: a.evaluator.Evaluate, Each: true},
			{Name: "slo.upkeep", Every: 2 * time.Second, Do: a.meter.Upkeep, Each: true},
			{Name: "slo.record", Every: time.Minute, Do: a.recordSLOs, Each: true},
		},
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

// recordBatch is how many series are written at once.
const recordBatch = 5000

// recordSLOs writes what Sloth's rules would have recorded, so that dashboards over
// those series go on working.
func (a *App) recordSLOs(ctx context.Context) error {
	if a.tsdb == nil || !a.cfg.RecordSLOs {
		return nil
	}
	at := a.now()
	var batch []metrics.Series
	flush := func() error {
		err := a.tsdb.Write(ctx, batch)
		batch = batch[:0]
		return err
	}
	for _, s := range a.evaluator.All() {
		if s.Objective.PartOf != "" {
			continue
		}
		batch = append(batch, sloth.Series(s.Objective, s.Status, a.meter.Events(s.Objective), at)...)
		if len(batch) < recordBatch {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}

// serviceName is a service's name, or the id where the catalog has none.
func (a *App) serviceName(ctx context.Context, id string) string {
	if s, err := a.catalog.Service(ctx, id); err == nil {
		return s.Name
	}
	return id
}
