package promstore

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

var errClosed = errs.New(errs.Unavailable, "metrics store is closed")

// Store is the embedded store. All its methods are safe for concurrent use.
type Store struct {
	opts    Options
	db      *tsdb.DB
	engine  *promql.Engine
	parser  parser.Parser
	slots   chan struct{} // one per query that runs
	series  *seriesGuard
	flush   *flusher
	tell    telemetry
	about   *catalogue
	tap     *tap
	scraper scraper
	trouble atomic.Pointer[error] // of the last commit; nil when it went well

	mu     sync.Mutex
	closed bool
	active sync.WaitGroup // batches, queries and Run; grows only under mu while not closed
	stop   context.CancelFunc
}

// Open opens the store under o.Dir and replays its log. It is of kind
// Unavailable when the folder cannot be used, Invalid when o is wrong; a scrape
// configuration that does not load is Invalid too.
func Open(_ context.Context, o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Store{
		opts:   o,
		parser: metrics.NewParser(),
		slots:  make(chan struct{}, o.MaxQueries),
		series: &seriesGuard{limit: int64(o.Limits.MaxSeries)},
		flush:  newFlusher(o.Dir),
		tell:   newTelemetry(o.Registerer),
		about:  newCatalogue(),
		tap:    newTap(),
	}
	s.series.gone = s.tap.gone
	if o.ScrapeConfig != "" {
		cfg, err := readScrapeConfig(o.ScrapeConfig, o.Log)
		if err != nil {
			return nil, err
		}
		s.scraper.cfg = cfg
		s.tell.loaded(o.Now())
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, errs.New(errs.Unavailable, "open metrics store: %w", err)
	}
	db, err := tsdb.Open(o.Dir, o.Log, o.Registerer, s.tsdbOptions(), nil)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "open metrics store %s: %w", o.Dir, err)
	}
	s.db = db
	s.series.armed.Store(true)
	s.engine = promql.NewEngine(promql.EngineOpts{
		Logger: o.Log, Reg: o.Registerer, Parser: s.parser,
		MaxSamples: o.MaxSamples, Timeout: o.QueryTimeout, LookbackDelta: Lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true,
	})
	return s, nil
}

func (s *Store) tsdbOptions() *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.RetentionDuration = s.opts.Retention.Milliseconds()
	o.MaxBytes = s.opts.MaxBytes
	o.OutOfOrderTimeWindow = s.opts.OutOfOrder.Milliseconds()
	o.SeriesLifecycleCallback = s.series
	o.EnableExemplarStorage, o.MaxExemplars = true, maxExemplars
	// As Prometheus itself does: blocks of a tenth of the retention, at most 31
	// days, so that dropping the oldest block frees little at a time.
	o.MaxBlockDuration = max(o.MinBlockDuration, min((31*24*time.Hour).Milliseconds(), o.RetentionDuration/10))
	return o
}

// Close stops scraping, waits for the queries and batches at work, and closes
// the database. A second call does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	was, stop := s.closed, s.stop
	s.closed = true
	s.mu.Unlock()
	if was {
		return nil
	}
	if stop != nil {
		stop()
	}
	s.active.Wait()
	if err := errors.Join(s.engine.Close(), s.db.Close()); err != nil {
		return errs.New(errs.Unavailable, "close metrics store: %w", err)
	}
	return nil
}

// Health says why the store cannot take or answer, or nil.
func (s *Store) Health(context.Context) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	switch p := s.trouble.Load(); {
	case closed:
		return errClosed
	case s.flush.broken() != nil:
		return s.flush.broken()
	case p != nil:
		return *p
	}
	if _, err := os.Stat(s.opts.Dir); err != nil {
		return errs.New(errs.Unavailable, "metrics store: %w", err)
	}
	return nil
}

// enter keeps the database open until leave.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.active.Add(1)
	return nil
}

func (s *Store) leave() { s.active.Done() }
