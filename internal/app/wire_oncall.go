package app

import (
	"context"
	"errors"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/oncall/oncallweb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

func (a *App) wireOnCall() module.Module {
	a.messages = oncalldb.NewInbox(a.db)
	a.ways = a.channels()
	kept := oncalldb.New(a.db, a.bus)
	a.pager = oncall.New(a.cfg.OnCall, oncall.Deps{
		Store: kept, Ledger: kept, Adjustments: kept, Journal: a.handed(), Key: a.derive("oncall.answer"), Alerts: a.inbox, Catalog: a.catalog, Channels: a.ways, Now: a.now, NewID: id.New, Ask: a.asks(),
	})
	routes, workers := a.hearBack(a.pager)
	a.openPagingWatch()
	deps := oncallweb.Deps{Log: a.log, Now: a.now, Pager: a.pager, Inbox: a.messages, Alerts: a.inbox, Events: a.bus, Catalog: a.catalog}
	return module.Module{
		Text: oncallweb.Text(), Nav: oncallweb.Nav(), Panels: oncallweb.Panels(),
		API: func(api *httpd.API) { oncallweb.API(api, deps) },
		Pages: func(kit *webkit.Kit, all []module.Panel) []httpd.Route {
			deps.Kit, deps.Panels = kit, all
			return oncallweb.Routes(deps)
		},
		Abreast: 32, // a storm of alerts shares commits
		Name:    "oncall", Migrations: oncalldb.Migrations,
		Loops: []run.Loop{
			{Name: "oncall.released", Every: 5 * time.Second, Do: a.pageReleased},
			{Name: "oncall.tend", Every: 3 * time.Second, Do: a.pager.Tend, Each: true},
			{Name: "oncall.canary", Every: 20 * time.Second, Do: a.whilePaging(a.pager.SendCanaries)},
			{Name: "oncall.health", Every: 15 * time.Second, Do: a.whilePaging(a.watchPaging)},
			{Name: "oncall.escalate", Every: 500 * time.Millisecond, Wake: a.bus.Changed, Do: a.whilePaging(a.pager.Escalate), Each: true},
		},
		Routes: append(routes, oncallweb.FeedRoutes(deps)...), Workers: append(a.hearWhilePaging(workers), a.deliverer()),
		On: []bus.Handler{
			bus.On(func(ctx context.Context, _ event.Record, e alert.Fired) error { return a.pageUnlessHeld(ctx, e.Alert) }),
			bus.On(func(ctx context.Context, _ event.Record, e alert.Raised) error { return a.pageUnlessHeld(ctx, e.Alert) }),
			bus.On(func(ctx context.Context, r event.Record, e alert.Acked) error {
				return a.pager.AlertAcked(ctx, e, r.Source)
			}),
			bus.On(func(ctx context.Context, r event.Record, e alert.Unacked) error {
				if err := a.pager.AlertUnacked(ctx, e, r.Source, r.At); err != nil {
					return err
				}
				return a.pageUnlessHeld(ctx, e.Alert) // it may never have had a page
			}),
			bus.On(func(ctx context.Context, _ event.Record, e alert.ResolvedEvent) error {
				return a.pager.AlertResolved(ctx, e.Service, e.Alert)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e oncall.PageAcked) error { return a.pager.PageAcked(ctx, e) }),
			bus.On(func(ctx context.Context, _ event.Record, e oncall.Declined) error {
				return a.pager.PageFreed(ctx, e.Page, e.By)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e oncall.Retriggered) error {
				return a.pager.PageFreed(ctx, e.Page, e.By)
			}),
			bus.On(func(ctx context.Context, _ event.Record, e oncall.PageClosed) error {
				return a.pager.PageClosed(ctx, e.Page)
			}),
		},
	}
}

// handed is the journal of messages that providers took, or nil where it cannot be
// opened: then a crash may repeat some more.
func (a *App) handed() oncall.Journal {
	j, err := oncalldb.OpenJournal(a.cfg.Data)
	if err != nil {
		a.log.Warn("no journal of messages", "err", err)
		return nil
	}
	a.onClose("journal of messages", j.Close)
	return j
}

// deliverer hands messages over and, when it is told to stop, waits for those
// in hand.
func (a *App) deliverer() run.Worker {
	loop := run.Loop{Name: "oncall.deliver", Every: 500 * time.Millisecond, Wake: a.bus.Changed, Do: a.whilePaging(a.delivers)}.Worker(a.log, a.telemetry, a.now)
	return run.Worker{Name: loop.Name, Each: true, Run: func(ctx context.Context) error {
		err := loop.Run(ctx)
		return errors.Join(err, a.pager.Drain(ctx, 0))
	}}
}
