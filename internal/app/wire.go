package app

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/incident/incidentdb"
	"github.com/hinoban/hinoban/internal/metrics/metricsweb"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/inbox"
	"github.com/hinoban/hinoban/internal/platform/notify/mail"
	"github.com/hinoban/hinoban/internal/platform/notify/slack"
	"github.com/hinoban/hinoban/internal/platform/notify/webhook"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/postmortem"
	"github.com/hinoban/hinoban/internal/postmortem/postmortemdb"
)

func (a *App) wireMetrics() module.Module {
	m := module.Module{Name: "metrics", Routes: metricsweb.Routes(metricsweb.Options{
		Store: a.tsdb, Remote: a.remote, Log: a.log, Now: a.now, Version: a.cfg.Version, Registerer: a.telemetry.Registry,
	})}
	if a.tsdb == nil {
		m.Health = []httpd.HealthCheck{{Name: "metrics", Probe: a.remote.Health}}
		return m
	}
	m.Workers = []run.Worker{{Name: "metrics.scrape", Run: a.tsdb.Run}}
	m.Health = []httpd.HealthCheck{{Name: "metrics", Probe: a.tsdb.Health}}
	return m
}

func (a *App) wireAlert() module.Module {
	a.inbox = alert.NewInbox(alertdb.New(a.db, a.bus, id.New), a.now)
	return module.Module{Name: "alert", Migrations: alertdb.Migrations}
}

func (a *App) wireOnCall() module.Module {
	a.messages = oncalldb.NewInbox(a.db)
	a.pager = oncall.New(a.cfg.OnCall, oncall.Deps{
		Store: oncalldb.New(a.db, a.bus), Alerts: a.inbox, Catalog: a.catalog, Channels: a.channels(), Now: a.now, NewID: id.New,
	})
	return module.Module{
		Name: "oncall", Migrations: oncalldb.Migrations,
		Loops: []run.Loop{
			{Name: "oncall.escalate", Every: 500 * time.Millisecond, Wake: a.bus.Changed, Do: a.pager.Escalate},
			{Name: "oncall.deliver", Every: 500 * time.Millisecond, Wake: a.bus.Changed, Do: a.pager.Deliver},
		},
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e alert.Fired) error {
				return a.pager.AlertFired(ctx, e.Alert)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Raised) error {
				return a.pager.AlertFired(ctx, e.Alert)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Acked) error {
				return a.pager.AlertAcked(ctx, e.Service, e.Alert, e.By)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Unacked) error {
				return a.pager.AlertUnacked(ctx, e.Service, e.Alert, e.By)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e alert.ResolvedEvent) error {
				return a.pager.AlertResolved(ctx, e.Service, e.Alert)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e oncall.PageAcked) error { return a.pager.PageAcked(ctx, e) }),
		},
	}
}

// channels are the ways to reach people that this server has.
func (a *App) channels() []notify.Channel {
	out := []notify.Channel{inbox.New(a.messages), webhook.New(a.cfg.Webhook, a.now), slack.New(a.cfg.Slack, a.now)}
	if a.cfg.Mail.Host != "" {
		out = append(out, mail.New(a.cfg.Mail))
	}
	return out
}

func (a *App) wireIncident() module.Module {
	a.desk = incident.New(incident.Deps{
		Store: incidentdb.New(a.db, a.bus), Alerts: a.inbox, Services: a.catalog, Pages: a.pager, Log: a.bus, Now: a.now, NewID: id.New,
	})
	return module.Module{
		Name: "incident", Migrations: incidentdb.Migrations,
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e alert.Fired) error { return a.desk.AlertFired(ctx, e.Alert) }),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Raised) error {
				return a.desk.AlertFired(ctx, e.Alert)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e alert.ResolvedEvent) error {
				return a.desk.AlertResolved(ctx, e.Service, e.Alert)
			}),
			bus.On(func(ctx context.Context, r event.Record, e oncall.PageAcked) error {
				return a.desk.PageAcked(ctx, e.Service, e.By, r.At)
			}),
		},
	}
}

func (a *App) wirePostmortem() module.Module {
	a.writer = postmortem.New(postmortem.Deps{
		Store: postmortemdb.New(a.db, a.bus), Incidents: a.desk, Catalog: a.catalog, Log: a.bus, Now: a.now, NewID: id.New, Lang: a.cfg.Lang,
	})
	return module.Module{
		Name: "postmortem", Migrations: postmortemdb.Migrations,
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e incident.ResolvedEvent) error {
				_, err := a.writer.Draft(ctx, e.Incident)
				return err
			}),
		},
	}
}
