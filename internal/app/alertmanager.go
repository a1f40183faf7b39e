package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/handed"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// AlertmanagerConfig is what Alertmanager's flags say.
type AlertmanagerConfig struct {
	File        string // alertmanager.yml
	Data        string // folder of the database
	Database    string // postgres://…; "" is a file in Data
	Retention   time.Duration
	StartDelay  time.Duration
	Limit       int // alerts of one name; 0: no limit
	ExternalURL string
	Prefix      string
	CORS        string // regular expression of origins
	Gets        int
	Timeout     time.Duration
	Cluster     am.GossipOptions // no Bind: no cluster
	Listen      []string
	WebConfig   string // TLS and basic authentication
	Features    string
	Native      bool // the departures from Alertmanager that serve makes
	Version     string
	Reload      <-chan struct{}
}

// alertmanager is an Alertmanager that runs.
type alertmanager struct {
	cfg      AlertmanagerConfig
	log      *slog.Logger
	db       *store.DB
	kept     dispatch.Store
	state    *dispatch.State
	live     *dispatch.Live
	runner   *dispatch.Runner
	api      *am.API
	gossip   *am.Gossip
	crew     *alertdb.Crew // nil: this server is alone on its database
	book     *handed.Journal
	external *url.URL
	registry *prometheus.Registry
	loading  sync.Mutex
}

// RunAlertmanager serves Alertmanager's API and tells receivers as Alertmanager
// does, until ctx ends.
func RunAlertmanager(ctx context.Context, log *slog.Logger, cfg AlertmanagerConfig) (err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // it holds much and allocates little
	}
	m := &alertmanager{cfg: cfg, log: log, registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	listeners, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 30 * time.Second}
	defer func() {
		for _, l := range listeners {
			_ = l.Close() // closed already where the server ran
		}
	}()
	if m.external, err = externalURL(cfg.ExternalURL, listeners[0]); err != nil {
		return err
	}
	if err := am.Features(log, cfg.Features); err != nil {
		return err
	}
	if err := m.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.db.Close()) }()
	defer func() {
		if m.book != nil {
			err = errors.Join(err, m.book.Close())
		}
	}()
	if err := m.join(ctx); err != nil {
		return err
	}
	if server.Handler, err = m.handler(); err != nil {
		return err
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers.Go(func() { m.work(ctx) })
	served := make(chan error, 1)
	go func() {
		served <- web.ServeMultiple(listeners, server, &web.FlagConfig{WebListenAddresses: &cfg.Listen, WebSystemdSocket: new(bool), WebConfigFile: &cfg.WebConfig}, log)
	}()
	for {
		select {
		case <-cfg.Reload:
			_ = m.load() // said in the log; the last good one stays
		case err := <-served:
			return fmt.Errorf("serve: %w", err)
		case <-ctx.Done():
			stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
			defer done()
			return server.Shutdown(stop)
		}
	}
}

func listen(ctx context.Context, addrs []string) (out []net.Listener, err error) {
	for _, a := range addrs {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a)
		if err != nil {
			for _, o := range out {
				_ = o.Close()
			}
			return nil, errs.New(errs.Unavailable, "listen on %s: %w", a, err)
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, errs.New(errs.Invalid, "--web.listen-address is empty")
	}
	return out, nil
}

func externalURL(given string, l net.Listener) (*url.URL, error) {
	if given == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		given = "http://" + net.JoinHostPort(host, port) + "/"
	}
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errs.New(errs.Invalid, "--web.external-url %q: want http://… or https://…", given)
	}
	if u.Path = strings.TrimRight(u.Path, "/"); u.Path != "" && !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	return u, nil
}

// open reads the configuration and what the disk keeps.
func (m *alertmanager) open(ctx context.Context) (err error) {
	c, err := m.read()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(m.cfg.Data, 0o700); err != nil {
		return errs.New(errs.Unavailable, "make data folder: %w", err)
	}
	if m.db, err = store.Open(ctx, cmp.Or(m.cfg.Database, filepath.Join(m.cfg.Data, "alertmanager.db"))); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.db.Close())
		}
	}()
	if err := errors.Join(m.db.Migrate(ctx, "bus", bus.Migrations), m.db.Migrate(ctx, "alert", alertdb.Migrations)); err != nil {
		return err
	}
	now := time.Now
	opts := dispatch.Options{Retention: m.cfg.Retention, Limit: m.cfg.Limit}
	if m.cfg.StartDelay > 0 {
		opts.StartAt = now().Add(m.cfg.StartDelay)
	}
	kept := alertdb.NewLive(m.db, bus.New(m.db, now, id.New), id.New, false)
	m.kept = kept
	if sharesWork(m.db) {
		if len(m.cfg.Cluster.Peers) > 0 {
			return errs.New(errs.Invalid, "--cluster.peer beside --database: servers on one PostgreSQL share the work through it; leave --cluster.peer out")
		}
		m.cfg.Cluster.Bind = ""
		if m.crew, err = newCrew(m.cfg.Data, kept, m.log, now, m.registry); err != nil {
			return err
		}
		opts.Owns, opts.Token = m.crew.Owns, m.crew.Token
	}
	m.state = dispatch.New(c.Plan, opts)
	m.api = &am.API{State: m.state, Log: m.log, Now: now, Uptime: now(), Version: am.VersionOf(m.cfg.Version), Count: am.NewCounters(m.registry, m.state, now)}
	m.api.Use(c)
	m.api.Count.Loaded(nil)
	return nil
}

func (m *alertmanager) read() (*am.Config, error) {
	c, err := am.Load(m.cfg.File, am.Options{ExternalURL: m.external, Strict: !m.cfg.Native, Log: m.log})
	if err != nil {
		return nil, err
	}
	m.log.Info("configuration loaded", "file", m.cfg.File, "has", c.String())
	return c, nil
}

// load reads the configuration anew. A broken one changes nothing.
func (m *alertmanager) load() error {
	m.loading.Lock()
	defer m.loading.Unlock()
	c, err := m.read()
	m.api.Count.Loaded(err)
	if err != nil {
		m.log.Error("configuration not loaded, the last one stays", "file", m.cfg.File, "err", err)
		return err
	}
	m.api.Use(c)
	m.state.Reload(c.Plan, time.Now())
	return nil
}

// join enters the cluster, if there is one, and makes what works on the store.
func (m *alertmanager) join(ctx context.Context) error {
	rows, ok := m.kept.(am.RowStore)
	if m.cfg.Cluster.Bind != "" && ok {
		g, err := am.JoinCluster(ctx, m.cfg.Cluster, rows, m.state, m.cfg.Retention, m.registry, m.log, time.Now)
		if err != nil {
			return errs.New(errs.Unavailable, "unable to initialize gossip mesh: %w", err)
		}
		m.gossip, m.kept, m.api.Peers = g, g, g.Cluster
	}
	m.live = dispatch.NewLive(m.state, m.kept, time.Now, id.New, nil)
	m.api.Live = m.live
	if m.crew != nil {
		// The others cannot read a journal: a message counts as told when the database has it.
		m.runner = dispatch.NewRunner(m.state, m.kept, m.crew, nil, m.api.Count, m.log, time.Now)
		return m.live.Start(ctx, nil)
	}
	book, err := handed.Open(m.cfg.Data)
	if err != nil {
		return err
	}
	m.book = book
	m.runner = dispatch.NewRunner(m.state, m.kept, nil, book, m.api.Count, m.log, time.Now)
	if m.gossip != nil {
		m.runner.Wait(m.gossip.Wait)
	}
	return m.live.Start(ctx, book)
}

func (m *alertmanager) handler() (http.Handler, error) {
	o := am.ServerOptions{Prefix: cmp.Or(m.cfg.Prefix, m.external.Path), Reload: m.load, Gather: m.registry, Timeout: m.cfg.Timeout, Gets: m.cfg.Gets}
	if o.Gets <= 0 {
		o.Gets = max(8, runtime.GOMAXPROCS(0))
	}
	o.Prefix = "/" + strings.Trim(o.Prefix, "/")
	if m.cfg.CORS != "" {
		re, err := regexp.Compile("^(?:" + m.cfg.CORS + ")$")
		if err != nil {
			return nil, errs.New(errs.Invalid, "--web.cors.origin: %w", err)
		}
		o.Origin = re.MatchString
	}
	return m.api.Handler(o), nil
}

// work tells receivers and prunes the disk until ctx ends.
func (m *alertmanager) work(ctx context.Context) {
	workers := []run.Worker{
		{Name: "alert.dispatch", Run: func(ctx context.Context) error {
			if m.gossip != nil {
				if err := m.gossip.Ready(ctx); err != nil {
					return nil //nolint:nilerr // ctx ended before the cluster settled
				}
			}
			return m.runner.Run(ctx)
		}},
		{Name: "alert.prune", Run: func(ctx context.Context) error {
			tick := time.NewTicker(time.Minute)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return nil
				case <-tick.C:
				}
				keep := time.Hour
				if m.crew != nil {
					keep = keepShared
				}
				if err := m.live.Prune(ctx, keep, m.cfg.Retention); err != nil {
					m.log.ErrorContext(ctx, "what is over could not be pruned", "err", err)
				}
			}
		}},
	}
	err := withCrew(ctx, m.log, m.crew, m.state, func(ctx context.Context) error {
		return run.All(ctx, m.log, stopWithin+5*time.Second, workers...)
	})
	if err != nil {
		m.log.ErrorContext(ctx, "stopped late", "err", err)
	}
	if m.gossip != nil {
		if err := m.gossip.Leave(); err != nil {
			m.log.WarnContext(ctx, "left the cluster without a farewell", "err", err)
		}
	}
}
