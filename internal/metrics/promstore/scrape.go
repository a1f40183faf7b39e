package promstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/scrape"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// settle is how long a change of targets may wait for others to join it.
const settle = time.Second

// scraper holds what scraping has: its configuration always, its managers
// while Run runs.
type scraper struct {
	loading sync.Mutex // one change of configuration at a time

	mu      sync.Mutex
	cfg     *config.Config // the last good one; nil scrapes nothing
	failed  error          // of the last attempt to load; nil when it went well
	targets *scrape.Manager
	finder  *discovery.Manager
}

// Run scrapes until ctx ends or the store is closed. It may be called once.
func (s *Store) Run(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	again := s.stop != nil
	s.stop = cancel
	closed := s.closed
	s.mu.Unlock()
	if again || closed {
		return errs.New(errs.Conflict, "scraping was started before")
	}
	finder, targets, err := s.managers(ctx)
	if err != nil {
		return err
	}
	if err := s.scraper.start(finder, targets); err != nil {
		return err
	}
	var wg sync.WaitGroup
	// Both end with ctx: the finder by itself, the scraper by Stop.
	wg.Go(func() { _ = finder.Run() })
	wg.Go(func() { _ = targets.Run(finder.SyncCh()) })
	<-ctx.Done()
	s.scraper.detach()
	targets.Stop()
	wg.Wait()
	return nil
}

func (s *Store) managers(ctx context.Context) (*discovery.Manager, *scrape.Manager, error) {
	sd, err := discovery.CreateAndRegisterSDMetrics(s.opts.Registerer)
	if err != nil {
		return nil, nil, errs.New(errs.Internal, "start scraping: %w", err)
	}
	finder := discovery.NewManager(ctx, s.opts.Log, s.opts.Registerer, sd, discovery.Name("scrape"), discovery.Updatert(settle))
	if finder == nil {
		return nil, nil, errs.New(errs.Internal, "start scraping: target discovery did not start")
	}
	targets, err := scrape.NewManager(&scrape.Options{
		DiscoveryReloadInterval: model.Duration(settle), DiscoveryReloadOnStartup: true,
	}, s.opts.Log, nil, nil, scraped{s}, s.opts.Registerer)
	if err != nil {
		return nil, nil, errs.New(errs.Internal, "start scraping: %w", err)
	}
	return finder, targets, nil
}

func (x *scraper) start(finder *discovery.Manager, targets *scrape.Manager) error {
	x.loading.Lock()
	defer x.loading.Unlock()
	x.mu.Lock()
	x.finder, x.targets = finder, targets
	cfg := x.cfg
	x.mu.Unlock()
	if cfg == nil {
		return nil
	}
	return apply(finder, targets, cfg)
}

func (x *scraper) detach() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.finder = nil // targets stays: its list is asked for until the end
}

// apply hands cfg to the managers. The caller holds loading.
func apply(finder *discovery.Manager, targets *scrape.Manager, cfg *config.Config) error {
	found, err := discoveries(cfg)
	if err != nil {
		return errs.New(errs.Invalid, "apply the scrape configuration: %w", err)
	}
	if err := errors.Join(targets.ApplyConfig(cfg), finder.ApplyConfig(found)); err != nil {
		return errs.New(errs.Invalid, "apply the scrape configuration: %w", err)
	}
	return nil
}

// Reload reads the scrape configuration again. When it does not load, the last
// good one stays at work, the error (Invalid) says why, and ConfigError repeats
// it until a load goes well.
func (s *Store) Reload(context.Context) error {
	if s.opts.ScrapeConfig == "" {
		return nil
	}
	cfg, err := readScrapeConfig(s.opts.ScrapeConfig, s.opts.Log)
	return s.use(cfg, err)
}

// SetScrapeConfig scrapes by data from now on, as Reload does by the file.
// Relative paths in it are taken from the folder of name.
func (s *Store) SetScrapeConfig(name string, data []byte) error {
	cfg, err := parseScrapeConfig(name, data, s.opts.Log)
	return s.use(cfg, err)
}

func (s *Store) use(cfg *config.Config, err error) error {
	x := &s.scraper
	x.loading.Lock()
	defer x.loading.Unlock()
	x.mu.Lock()
	finder, targets, good := x.finder, x.targets, x.cfg
	x.mu.Unlock()
	if err == nil && finder != nil {
		if err = apply(finder, targets, cfg); err != nil && good != nil {
			err = errors.Join(err, apply(finder, targets, good))
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failed = err
	if err != nil {
		s.tell.reloads.WithLabelValues("failed").Inc()
		return err
	}
	x.cfg = cfg
	s.tell.loaded(s.opts.Now())
	return nil
}

// ConfigError returns why the last load of the scrape configuration failed, or
// nil when it went well.
func (s *Store) ConfigError() error {
	s.scraper.mu.Lock()
	defer s.scraper.mu.Unlock()
	return s.scraper.failed
}

// ScrapeConfig returns the configuration at work as YAML, secrets masked.
func (s *Store) ScrapeConfig() string {
	s.scraper.mu.Lock()
	defer s.scraper.mu.Unlock()
	if s.scraper.cfg == nil {
		return ""
	}
	return s.scraper.cfg.String()
}

// Targets returns what is scraped, sorted by job and URL; empty before Run.
func (s *Store) Targets() []metrics.Target {
	var out []metrics.Target
	for job, ts := range s.scraper.active() {
		for _, t := range ts {
			out = append(out, targetOf(job, t))
		}
	}
	slices.SortFunc(out, func(a, b metrics.Target) int {
		return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.URL, b.URL))
	})
	return out
}

// Dropped returns how many targets of each job relabelling dropped.
func (s *Store) Dropped() map[string]int {
	s.scraper.mu.Lock()
	m := s.scraper.targets
	s.scraper.mu.Unlock()
	if m == nil {
		return map[string]int{}
	}
	return m.TargetsDroppedCounts()
}

func (x *scraper) active() map[string][]*scrape.Target {
	x.mu.Lock()
	m := x.targets
	x.mu.Unlock()
	if m == nil {
		return nil
	}
	return m.TargetsActive()
}

func (x *scraper) metadata() map[string][]metadata.Metadata {
	out := map[string][]metadata.Metadata{}
	for _, ts := range x.active() {
		for _, t := range ts {
			for _, m := range t.ListMetadata() {
				out[m.MetricFamily] = appendNew(out[m.MetricFamily], metadata.Metadata{Type: m.Type, Unit: m.Unit, Help: m.Help})
			}
		}
	}
	return out
}

func targetOf(job string, t *scrape.Target) metrics.Target {
	b := labels.NewBuilder(labels.EmptyLabels())
	out := metrics.Target{
		Job: job, URL: t.URL().String(),
		Labels: t.Labels(b).Map(), Discovered: t.DiscoveredLabels(b).Map(),
		Health: metrics.Health(t.Health()), LastScrape: t.LastScrape(), LastDuration: t.LastScrapeDuration(),
		Interval: span(t.GetValue(model.ScrapeIntervalLabel)), Timeout: span(t.GetValue(model.ScrapeTimeoutLabel)),
	}
	if err := t.LastError(); err != nil {
		out.LastError = err.Error()
	}
	return out
}

// span reads a duration that the scrape manager has checked: 0 is "not given".
func span(s string) time.Duration {
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0
	}
	return time.Duration(d)
}
