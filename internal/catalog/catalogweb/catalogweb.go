// Package catalogweb shows the catalog: services, teams, and who owns what, as
// pages and as JSON.
package catalogweb

import (
	"context"
	_ "embed"
	"log/slog"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Text is what the pages say, in English and Japanese.
//
//go:embed text.json
var Text []byte

// Catalog is the part of the core that the pages ask.
type Catalog interface {
	Services(ctx context.Context) []catalog.Service
	Service(ctx context.Context, id string) (catalog.Service, error)
	Dependents(ctx context.Context, id string) []string
	Teams(ctx context.Context) []catalog.Team
	Team(ctx context.Context, id string) (catalog.Team, error)
	People(ctx context.Context) []catalog.Person
	Person(ctx context.Context, id string) (catalog.Person, error)
	Owner(ctx context.Context, q catalog.Question) (catalog.Owner, error)
}

// Cells are what higher rooms say of a service in a table.
type Cells struct {
	SLO    string       `json:"slo,omitempty" doc:"The worst objective and how it stands, in words."`
	SLORef string       `json:"slo_href,omitempty"`
	State  webkit.State `json:"state,omitempty" enum:"ok,warning,firing,unknown,muted"`
	Alerts int          `json:"open_alerts"`
	OnCall string       `json:"on_call,omitempty"`
}

// Deps are what the front door needs. The API does without Kit.
type Deps struct {
	Kit     *webkit.Kit
	Log     *slog.Logger
	Now     func() time.Time
	Catalog Catalog
	// Columns gathers, once for a page, what other rooms know of services; nil
	// for nothing.
	Columns func(ctx context.Context) func(catalog.Service) Cells
	Panels  []module.Panel // of all rooms; those of the slot catalog.service are shown
}

// door is the front door at work.
type door struct{ Deps }

func open(d Deps) *door {
	if d.Columns == nil {
		d.Columns = func(context.Context) func(catalog.Service) Cells {
			return func(catalog.Service) Cells { return Cells{} }
		}
	}
	return &door{d}
}

// Routes are the pages.
func Routes(d Deps) []httpd.Route {
	w := open(d)
	return []httpd.Route{
		{Pattern: "GET /services", Access: httpd.Viewer, Handler: d.Kit.Page(w.list)},
		{Pattern: "GET /services/{id}", Access: httpd.Viewer, Handler: d.Kit.Page(w.show)},
		{Pattern: "GET /teams", Access: httpd.Viewer, Handler: d.Kit.Page(w.teams)},
		{Pattern: "GET /teams/{id}", Access: httpd.Viewer, Handler: d.Kit.Page(w.team)},
		{Pattern: "GET /owners", Access: httpd.Viewer, Handler: d.Kit.Page(w.owners)},
	}
}

// Nav is the room's entry in the rail.
func Nav() []webkit.NavItem {
	return []webkit.NavItem{{Key: "services", Href: "/services", TextKey: "catalog.nav", Icon: "services", Hotkey: "s", Order: 20}}
}

// Panels are what the room shows on pages of lower rooms: there are none below.
func Panels() []module.Panel { return nil }
