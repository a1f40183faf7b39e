// Package alertweb shows the inbox: its pages, its part of other rooms' pages,
// and its API.
package alertweb

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"log/slog"
	"maps"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

//go:embed text/*.json
var texts embed.FS

// Inbox is what the pages ask of the room: *alert.Inbox.
type Inbox interface {
	Take(ctx context.Context, s alert.Signal) (alert.Alert, error)
	Ack(ctx context.Context, id, by, source string) (alert.Alert, error)
	Unack(ctx context.Context, id, by, source string) (alert.Alert, error)
	Resolve(ctx context.Context, id, by, source string) (alert.Alert, error)
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Alerts(ctx context.Context, q alert.Query) ([]alert.Alert, error)
	Counts(ctx context.Context) (map[alert.Severity]int, error)
}

// Events is the log.
type Events interface {
	Events(ctx context.Context, q event.Query) ([]event.Record, error)
}

// Catalog is the part of the catalog that the pages ask.
type Catalog interface {
	Services(ctx context.Context) []catalog.Service
	People(ctx context.Context) []catalog.Person
	Teams(ctx context.Context) []catalog.Team
	Owner(ctx context.Context, q catalog.Question) (catalog.Owner, error)
}

// Deps are what the pages need.
type Deps struct {
	Kit     *webkit.Kit
	Log     *slog.Logger
	Now     func() time.Time
	NewID   func() string // of signals that come without an id
	Inbox   Inbox
	Events  Events
	Catalog Catalog
	Rules   RuleBook
	Routes  RouteBook
	Panels  []module.Panel // of all rooms; those of slot "alert.detail" are shown
	Judge   *Judging       // nil: nothing is judged
	Tests   Tests          // of rules by mutation; nil: none are kept
	// Canaries are what was measured with faults made on purpose.
	Canaries func(ctx context.Context) ([]canary.Summary, error)
}

// Text is the room's text: one file for each part of the room.
func Text() webkit.Catalogue {
	all := map[string]map[string]string{}
	files, err := fs.Glob(texts, "text/*.json")
	for _, f := range files {
		var part map[string]map[string]string
		b, readErr := texts.ReadFile(f)
		if err = cmp.Or(err, readErr, json.Unmarshal(b, &part)); err != nil {
			break
		}
		maps.Copy(all, part)
	}
	out, encodeErr := json.Marshal(all)
	if err = cmp.Or(err, encodeErr); err != nil {
		panic("alertweb: text: " + err.Error()) // embedded: the tests find it
	}
	return out
}

// Nav is the room's place in the rail.
func Nav() []webkit.NavItem {
	return []webkit.NavItem{{Key: "alerts", Href: "/alerts", TextKey: "alerts.nav", Icon: "alerts", Hotkey: "a", Order: 40}}
}

// Panels are the room's parts of other rooms' pages.
func Panels() []module.Panel {
	return []module.Panel{{Slot: "oncall.page", TitleKey: "judge.title", URL: "/alerts/{id}/judge", Order: 10}, {Slot: "catalog.service", TitleKey: "alerts.panel", URL: "/services/{id}/alerts", Order: 20}}
}
