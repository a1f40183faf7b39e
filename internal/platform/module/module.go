// Package module says what a room hands to the application. A Module is data:
// nothing registers itself, nothing runs before main.
package module

import (
	"io/fs"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/run"
)

// Module is one room, ready to be mounted.
type Module struct {
	Name       string
	Migrations fs.FS
	Routes     []httpd.Route    // pages and protocols
	API        func(*httpd.API) // typed operations
	On         []bus.Handler    // what it hears from the log
	Loops      []run.Loop
	Workers    []run.Worker
	Kinds      []ascode.Kind
	Panels     []Panel
	Health     []httpd.HealthCheck
}

// Panel is a fragment that this room offers to a page of a room below it.
type Panel struct {
	Slot  string // e.g. "catalog.service"
	Order int
	URL   string // with {id}
}
