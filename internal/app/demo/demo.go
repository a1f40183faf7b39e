package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hinoban/hinoban/examples"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Options are what a demo can be asked.
type Options struct {
	Listen     string
	Data       string        // "" is a fresh temporary folder that is removed at the end
	Lang       string        // of drafts
	FaultAfter time.Duration // until payment begins to fail; 0 never
	Version    string
}

// Demo is a running product with its shop.
type Demo struct {
	opts Options
	log  *slog.Logger
	shop *Shop
	app  *app.App
	data string

	fresh bool // the history was written by this run
}

// Injected says that a visitor, or the demo itself, broke or mended a service.
type Injected struct {
	Service string `json:"service"`
	Fault   Fault  `json:"fault"`
}

// EventName implements event.Event.
func (Injected) EventName() string { return "demo.fault_injected" }

// Open writes the history where the data folder is new, and starts the server.
func Open(ctx context.Context, log *slog.Logger, o Options) (d *Demo, err error) {
	d = &Demo{opts: o, log: log, data: o.Data}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.cleanUp())
		}
	}()
	if d.data == "" {
		if d.data, err = os.MkdirTemp("", "hinoban-demo-"); err != nil {
			return d, err
		}
	}
	if d.shop, err = OpenShop(ctx, [3]int{8121, 8122, 8123}); err != nil {
		return d, err
	}
	folder := filepath.Join(d.data, "config")
	if err := d.writeConfig(folder); err != nil {
		return d, fmt.Errorf("write the configuration: %w", err)
	}
	if err := d.writeHistory(ctx); err != nil {
		return d, fmt.Errorf("write the history: %w", err)
	}
	cfg := app.Default()
	cfg.Listen, cfg.Data, cfg.Folder, cfg.Lang, cfg.Version = o.Listen, d.data, folder, o.Lang, o.Version
	cfg.Auth.Mode = "off"
	cfg.Webhook.AllowPrivate = true
	if !app.Loopback(cfg.Listen) {
		return d, fmt.Errorf("the demo has no passwords and listens on loopback only, not on %s", cfg.Listen)
	}
	d.app, err = app.New(ctx, log, cfg, d.module())
	return d, err
}

func (d *Demo) writeConfig(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := writeCorrection(filepath.Join(folder, "corrections.yaml"), time.Now()); err != nil {
		return err
	}
	return fs.WalkDir(examples.Files, "demo-shop", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(examples.Files, p)
		if err != nil {
			return err
		}
		ports := strings.NewReplacer("127.0.0.1:8121", d.shop.Addr("storefront"), "127.0.0.1:8122", d.shop.Addr("checkout"), "127.0.0.1:8123", d.shop.Addr("payment"))
		return os.WriteFile(filepath.Join(folder, e.Name()), []byte(ports.Replace(string(text))), 0o600)
	})
}

func (d *Demo) writeHistory(ctx context.Context) error {
	dir := filepath.Join(d.data, "metrics")
	if _, err := os.Stat(dir); err == nil {
		return nil // it goes on from an earlier run
	}
	d.fresh = true
	to := time.Now().Truncate(step)
	from := to.Add(-Span)
	n, err := promstore.Backfill(ctx, dir, from, to, points(history(from), from))
	d.log.InfoContext(ctx, "history written", "samples", n, "marked", "origin="+origin)
	return err
}

// URL is where people reach the demo.
func (d *Demo) URL() string { return d.app.URL() }

// Run runs the shop, the server and the first fault until ctx ends.
func (d *Demo) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 2)
	go func() { done <- d.shop.Run(ctx) }()
	go func() { d.remember(ctx); d.play(ctx); done <- nil }()
	err := d.app.Run(ctx)
	cancel()
	return errors.Join(err, <-done, <-done, d.cleanUp())
}

func (d *Demo) cleanUp() error {
	if d.opts.Data != "" || d.data == "" {
		return nil
	}
	return os.RemoveAll(d.data)
}

// Break gives a service a fault and says so in the log.
func (d *Demo) Break(ctx context.Context, service string, f Fault, by string) error {
	if !d.shop.Break(service, f) {
		return fmt.Errorf("there is no service %q or no fault %q", service, f)
	}
	return d.app.Publish(ctx, event.Fact{Event: Injected{service, f}, At: time.Now(), Subject: "demo/" + service, Actor: by, Source: "demo"})
}

// play breaks payment once, and mends it a while after somebody answered.
func (d *Demo) play(ctx context.Context) {
	const atMost, afterAnswer = 5 * time.Minute, 25 * time.Second
	if d.opts.FaultAfter <= 0 {
		return
	}
	hold(ctx, d.opts.FaultAfter)
	if ctx.Err() != nil {
		return
	}
	d.deploy(ctx)
	if err := d.Break(ctx, "payment", Errors, "demo"); err != nil {
		d.log.WarnContext(ctx, "fault not injected", "err", err)
		return
	}
	began, answered := time.Now(), time.Time{}
	for ctx.Err() == nil && time.Since(began) < atMost {
		hold(ctx, time.Second)
		if d.shop.FaultOf("payment") != Errors {
			return // a visitor took over
		}
		if answered.IsZero() {
			records, err := d.app.Events(ctx, event.Query{Names: []string{"oncall.acked"}, Services: []string{"payment"}, From: began, Limit: 1})
			if err == nil && len(records) > 0 {
				answered = time.Now()
			}
			continue
		}
		if time.Since(answered) > afterAnswer {
			break
		}
	}
	if ctx.Err() == nil {
		if err := d.Break(ctx, "payment", NoFault, "demo"); err != nil {
			d.log.WarnContext(ctx, "fault not taken away", "err", err)
		}
	}
}
