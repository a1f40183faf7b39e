// Package sloweb shows objectives: as pages, as panels, as JSON.
package sloweb

import (
	"context"
	_ "embed"
	"log/slog"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
)

// Text is what the pages say, in English and Japanese.
//
//go:embed text.json
var Text []byte

// Evaluator is the part of the core that the pages ask.
type Evaluator interface {
	All() []slo.Standing
	Objective(id string) (slo.Objective, slo.Status, bool)
}

// History counts the past.
type History interface {
	Counts(ctx context.Context, o slo.Objective, e slo.Ends) ([]slo.Count, error)
	Expr(o slo.Objective, window time.Duration) string
}

// Events is the part of the log that the pages read.
type Events interface {
	Events(ctx context.Context, q event.Query) ([]event.Record, error)
}

// Deps are what the front door needs. The API does without Kit.
type Deps struct {
	Kit      *webkit.Kit
	Log      *slog.Logger
	Now      func() time.Time
	SLOs     Evaluator
	History  History
	Events   Events
	Counting Counting                                    // how objectives are counted; nil says nothing
	Past     Histories                                   // nil: back-tests are not to be had
	Rates    func() *catalogue.Set                       // the catalogues in use; nil: the seeds
	Service  func(ctx context.Context, id string) string // a service's name; nil for its id

	Governed Governed // of policies, corrections and reviews; zero where none are mounted
}

// door is the front door at work.
type door struct {
	Deps

	past *past
}

func open(d Deps) *door {
	if d.Service == nil {
		d.Service = func(_ context.Context, id string) string { return id }
	}
	return &door{Deps: d, past: newPast(d.History, d.Now)}
}

// Routes are the pages and their fragments.
func Routes(d Deps) []httpd.Route {
	w := open(d)
	return []httpd.Route{
		{Pattern: "GET /slos", Access: httpd.Viewer, Handler: d.Kit.Page(w.list)},
		{Pattern: "GET /slos/{id}", Access: httpd.Viewer, Handler: d.Kit.Page(w.show)},
		{Pattern: "GET /slos/{id}/what-if", Access: httpd.Viewer, Handler: d.Kit.Page(w.whatIfPart)},
		{Pattern: "GET /slos/{id}/spark", Access: httpd.Viewer, Handler: d.Kit.Page(w.spark)},
		{Pattern: "GET /burn-rates", Access: httpd.Viewer, Handler: d.Kit.Page(w.ratesPage)},
		{Pattern: "GET /burn-rates/try", Access: httpd.Viewer, Handler: d.Kit.Page(w.tryPage)},
		{Pattern: "GET /services/{id}/slos", Access: httpd.Viewer, Handler: d.Kit.Page(w.panel)},
	}
}

// Nav is the room's entry in the rail.
func Nav() []webkit.NavItem {
	return []webkit.NavItem{{Key: "slos", Href: "/slos", TextKey: "slo.nav", Icon: "slos", Hotkey: "o", Order: 30}, {Key: "burn-rates", Href: "/burn-rates", TextKey: "slo.rates.nav", Icon: "burnrates", Order: 31}}
}

// Panels are what the room shows on pages of lower rooms.
func Panels() []module.Panel {
	return []module.Panel{{Slot: "catalog.service", TitleKey: "slo.nav", URL: "/services/{id}/slos", Order: 10}}
}

// subpage is one of the pages about objectives that lead to each other.
type subpage struct{ Key, Href, Text string }

func subpages() []subpage {
	return []subpage{
		{"slos", "/slos", "slo.nav"},
		{"burn-rates", "/burn-rates", "slo.rates.nav"},
		{"gate", "/gate", "gate.nav"},
		{"reviews", "/slos/reviews", "gate.to.reviews"},
		{"report", "/slos/report", "report.nav"},
	}
}
