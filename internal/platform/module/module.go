// Package module says what a room hands to the application. A Module is data:
// nothing registers itself, nothing runs before main.
package module

import (
	"context"
	"io/fs"

	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/run"
)

// Module is one room, ready to be mounted.
type Module struct {
	Name       string
	Migrations fs.FS
	Routes     []httpd.Route
	Workers    []run.Worker
	Panels     []Panel
	Health     []Check
}

// Panel is a fragment that this room offers to a page of a room below it.
type Panel struct {
	Slot  string // e.g. "catalog.service"
	Order int
	URL   string // with {id}
}

// Check says whether a part of the room is fit to work: nil, or what is wrong
// and what to do about it.
type Check struct {
	Name  string
	Probe func(ctx context.Context) error
}
