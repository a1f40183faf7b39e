// Package oncallweb shows who is on call, the pages and the inbox: its pages,
// its parts of other rooms' pages, and its API.
package oncallweb

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

//go:embed text.json
var text []byte

// Alerts is the part of the alert room that the pages ask.
type Alerts interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
}

// Events is the log.
type Events interface {
	Events(ctx context.Context, q event.Query) ([]event.Record, error)
}

// Catalog is the part of the catalog that the pages ask.
type Catalog interface {
	Service(ctx context.Context, id string) (catalog.Service, error)
	Services(ctx context.Context) []catalog.Service
	Person(ctx context.Context, id string) (catalog.Person, error)
	People(ctx context.Context) []catalog.Person
}

// Deps are what the pages need.
type Deps struct {
	Kit     *webkit.Kit
	Log     *slog.Logger
	Now     func() time.Time
	Pager   *oncall.Pager
	Inbox   oncall.InboxStore
	Alerts  Alerts
	Events  Events
	Catalog Catalog
	Panels  []module.Panel // of all rooms; those of slot "oncall.page" are shown for each alert
}

// Text is the room's text.
func Text() webkit.Catalogue { return text }

// Nav is the room's place in the rail.
func Nav() []webkit.NavItem {
	return []webkit.NavItem{{Key: "oncall", Href: "/oncall", TextKey: "oncall.nav", Icon: "oncall", Hotkey: "c", Order: 50}}
}

// Panels are the room's parts of other rooms' pages.
func Panels() []module.Panel {
	return []module.Panel{
		{Slot: "catalog.service", TitleKey: "oncall.panel.service", URL: "/services/{id}/oncall", Order: 10},
		{Slot: "alert.detail", TitleKey: "oncall.panel.alert", URL: "/alerts/{id}/page", Order: 10},
	}
}

// names maps ids of people to their names.
type names map[string]string

func (d Deps) names(ctx context.Context) names {
	out := names{}
	for _, p := range d.Catalog.People(ctx) {
		out[p.ID] = p.Name
	}
	return out
}

func (n names) of(id string) string {
	if name := n[id]; name != "" {
		return name
	}
	return id
}

// list is names as one speaks them.
func (n names) list(ctx context.Context, ids []string) string {
	return strings.Join(n.all(ids), webkit.T(ctx, "oncall.and"))
}

func (n names) all(ids []string) []string {
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		out = append(out, n.of(id))
	}
	return out
}

// local reports whether nobody is signed in, because nobody needs to.
func local(r *http.Request) bool { return auth.From(r.Context()).Kind == auth.ByLocal }

// me is the person who looks: who is signed in, else the one asked for; ""
// where that is nobody of the catalog.
func (d Deps) me(r *http.Request) string {
	id := auth.Actor(r.Context(), webkit.AskedAs(r))
	if _, err := d.Catalog.Person(r.Context(), id); err != nil {
		return ""
	}
	return id
}

// actAs offers the people of the catalog where nobody is signed in; likely is
// chosen where nobody was chosen before.
func (d Deps) actAs(r *http.Request, likely string) webkit.ActAs {
	if !local(r) {
		return webkit.ActAs{}
	}
	v := webkit.ActAs{Value: webkit.AskedAs(r)}
	if v.Value == "" {
		v.Value = likely
	}
	for _, p := range d.Catalog.People(r.Context()) {
		v.Choices = append(v.Choices, webkit.Choice{Value: p.ID, Text: p.Name})
	}
	return v
}
