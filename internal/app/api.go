package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// logInput asks for records of the log.
type logInput struct {
	After   int64     `query:"after" doc:"Only records with a greater seq."`
	Before  int64     `query:"before" doc:"Only records with a smaller seq: the cursor of newest=true."`
	Service string    `query:"service"`
	Subject string    `query:"subject" doc:"Such as alert/0197…"`
	Name    string    `query:"name" doc:"Event names, separated by commas."`
	Query   string    `query:"q" doc:"Text anywhere in the record."`
	From    time.Time `query:"from"`
	To      time.Time `query:"to"`
	Newest  bool      `query:"newest"`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// LogPage is one page of the log.
type LogPage struct {
	Records []event.Record `json:"records"`
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func (a *App) logAPI(api *httpd.API) {
	httpd.Get(api, "/api/v1/log", httpd.Op{ID: "list-log", Tag: "log", Summary: "Records of the one log"}, func(ctx context.Context, in *logInput) (LogPage, error) {
		records, err := a.bus.Events(ctx, event.Query{
			After: in.After, Before: in.Before, Services: split(in.Service), Subjects: split(in.Subject), Names: split(in.Name),
			Text: in.Query, From: in.From, To: in.To, Newest: in.Newest, Limit: in.Limit,
		})
		if records == nil {
			records = []event.Record{}
		}
		return LogPage{records}, err
	})
	httpd.Get(api, "/api/v1/log/verify", httpd.Op{ID: "verify-log", Tag: "log", Summary: "Recompute the hash chain of the whole log"}, func(ctx context.Context, _ *struct{}) (bus.Report, error) {
		return a.bus.Verify(ctx)
	})
}

// planInput is a folder to compare with what is in use.
type planInput struct {
	Body struct {
		Files map[string]string `json:"files" doc:"Path to text of every file of the folder."`
	}
}

// Planned is what a folder would change.
type Planned struct {
	Problems []ascode.Problem `json:"problems"`
	Changes  []ascode.Change  `json:"changes"`
}

func (a *App) configAPI(api *httpd.API) {
	a.replayAPI(api)
	httpd.Post(api, "/api/v1/config/plan", httpd.Op{ID: "plan-config", Tag: "config", Summary: "What a folder would change; it shows lines of documents, and so takes an admin", Access: httpd.Admin}, func(_ context.Context, in *planInput) (Planned, error) {
		set, problems := ascode.Parse(in.Body.Files, Kinds())
		p, more := build(set)
		out := Planned{Problems: append(append([]ascode.Problem{}, problems...), more...), Changes: []ascode.Change{}}
		if len(out.Problems) == 0 {
			out.Changes = append(out.Changes, a.planned(set, p)...)
		}
		return out, nil
	})
}

// describe mounts the description of the API.
func (a *App) describe() httpd.Route {
	return httpd.Route{Pattern: "GET /api", Access: httpd.Public, Handler: http.RedirectHandler("/api/openapi.json", http.StatusSeeOther)}
}

// VerifyLog recomputes the chain of a database without a running server.
func VerifyLog(ctx context.Context, cfg Config) (rep bus.Report, err error) {
	err = withLog(ctx, cfg, func(l *bus.Log) error {
		rep, err = l.Verify(ctx)
		return err
	})
	return rep, err
}

// Parked lists the events that a room could not handle and, with retry, has
// them delivered again.
func Parked(ctx context.Context, cfg Config, retry bool) (parked []bus.ParkedEvent, err error) {
	err = withLog(ctx, cfg, func(l *bus.Log) error {
		if parked, err = l.ListParked(ctx); err != nil || !retry {
			return err
		}
		return l.RetryParked(ctx)
	})
	return parked, err
}

// withLog opens the log of a database, with or without a server on it.
func withLog(ctx context.Context, cfg Config, fn func(*bus.Log) error) error {
	if err := cfg.complete(); err != nil {
		return err
	}
	if _, err := os.Stat(cfg.Database); err != nil && !strings.HasPrefix(cfg.Database, "postgres") {
		return errs.New(errs.NotFound, "there is no database: %w", err)
	}
	db, err := store.Open(ctx, cfg.Database)
	if err != nil {
		return err
	}
	return errors.Join(fn(bus.New(db, time.Now, id.New)), db.Close())
}

// FreshAdminLink makes an admin link in a database, whether or not a server
// runs on it.
func FreshAdminLink(ctx context.Context, log *slog.Logger, cfg Config) (string, error) {
	if err := cfg.complete(); err != nil {
		return "", err
	}
	a := &App{cfg: cfg, log: log, now: time.Now}
	if err := a.openFolder(ctx); err != nil {
		return "", err
	}
	if err := a.openDatabase(ctx); err != nil {
		return "", errors.Join(err, a.Close())
	}
	path, err := a.gate.AdminLink(ctx)
	return cfg.BaseURL + path, errors.Join(err, a.Close())
}

// Describe returns the OpenAPI description of the whole API, indented, without
// a server: what api/openapi.json holds.
func Describe(ctx context.Context, version string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "hinoban-describe-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder; the system sweeps it
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.Version = dir, "127.0.0.1:0", version
	a, err := New(ctx, slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		return nil, err
	}
	text, err := a.api.OpenAPI()
	if err := errors.Join(err, a.Close()); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Indent(&out, text, "", "  ")
	return out.Bytes(), err
}
