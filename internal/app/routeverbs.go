package app

import (
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// RouteTest is the tree and the path of one alert through it.
type RouteTest = alertweb.RouteAnswer

// AlertExplained is all that is known of why an alert is there and who was told.
type AlertExplained = alertweb.Explained

// TestRoute says what becomes of an alert with these labels (in any form that the
// explorer reads) in the routes of a folder of documents, or of an alertmanager.yml.
func TestRoute(config, labels string, at time.Time) (RouteTest, ascode.Problems, error) {
	set, err := am.ParseLabels(labels)
	if err != nil {
		return RouteTest{}, nil, err
	}
	if len(set) == 0 {
		return RouteTest{}, nil, errs.New(errs.Invalid, "give at least one label: alertname=FullDisk service=shop severity=page")
	}
	info, err := os.Stat(config)
	if err != nil {
		return RouteTest{}, nil, errs.New(errs.NotFound, "read the routes: %w", err)
	}
	o := am.Options{ExternalURL: &url.URL{Scheme: "http", Host: "localhost"}, Log: slog.New(slog.DiscardHandler)}
	if !info.IsDir() {
		c, err := am.Load(config, o)
		if err != nil {
			return RouteTest{}, nil, err
		}
		return alertweb.ExplainRoute(c.Plan, set, at), nil, nil
	}
	return testFolder(os.DirFS(config), config, set, at, o)
}

func testFolder(folder fs.FS, dir string, set map[string]string, at time.Time, o am.Options) (RouteTest, ascode.Problems, error) {
	docs, problems := loadFolder(folder)
	routes, more := am.Of(docs)
	if problems = append(problems, more...); len(problems) > 0 {
		return RouteTest{}, problems, errs.New(errs.Invalid, "the folder has %d problem(s): mend them first", len(problems))
	}
	c, err := routes.Build(dir, nil, "en", o)
	if err != nil {
		return RouteTest{}, nil, err
	}
	return alertweb.ExplainRoute(c.Plan, set, at), nil, nil
}
