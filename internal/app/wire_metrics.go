package app

import (
	"github.com/hinoban/hinoban/internal/metrics/metricsweb"
	"github.com/hinoban/hinoban/internal/metrics/promrules"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
)

func (a *App) wireMetrics() module.Module {
	m := module.Module{Name: "metrics", Routes: metricsweb.Routes(metricsweb.Options{
		Store: a.tsdb, Remote: a.remote, Log: a.log, Now: a.now, Version: a.cfg.Version, Registerer: a.telemetry.Registry,
		Rules: func() []promrules.Group { return a.rules.engine.Groups() },
	})}
	if a.tsdb == nil {
		m.Health = []httpd.HealthCheck{{Name: "metrics", Probe: a.remote.Health}}
		return m
	}
	m.Workers = []run.Worker{{Name: "metrics.scrape", Run: a.tsdb.Run, Each: true}}
	m.Health = []httpd.HealthCheck{{Name: "metrics", Probe: a.tsdb.Health}}
	return m
}
