// Package module says what a room hands to the application. A Module is data:
// nothing registers itself, nothing runs before main.
package module

import (
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Module is one room, ready to be mounted.
type Module struct {
	Name       string
	Migrations fs.FS
	Routes     []httpd.Route // protocols: what needs no kit
	Pages      func(kit *webkit.Kit, all []Panel) []httpd.Route
	API        func(*httpd.API) // typed operations
	On         []bus.Handler    // what it hears from the log
	Abreast    int              // how many subjects it hears of side by side; 0 is one
	Loops      []run.Loop
	Workers    []run.Worker
	Kinds      []ascode.Kind
	Text       webkit.Catalogue // of its pages
	Nav        []webkit.NavItem
	Panels     []Panel
	Health     []httpd.HealthCheck
}

// Panel is a fragment that this room offers to a page of a room below it.
type Panel struct {
	Slot     string // e.g. "catalog.service"
	TitleKey string // in the room's text
	URL      string // with {id}; shows a fragment to htmx and a whole page to others
	Order    int
}

// In returns the panels of slot, in their order, with {id} filled in.
func In(panels []Panel, slot, id string) []Panel {
	var out []Panel
	for _, p := range panels {
		if p.Slot == slot {
			p.URL = strings.ReplaceAll(p.URL, "{id}", url.PathEscape(id))
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Panel) int { return a.Order - b.Order })
	return out
}
