package promstore

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/prometheus/prometheus/model/value"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Lookback is how old the newest sample of a series may be to count as current.
const Lookback = 5 * time.Minute

var _ metrics.Engine = (*Store)(nil)

// Query is one PromQL query: at one time where Step is zero, else over a range.
type Query struct {
	Expr     string
	From, To time.Time // an instant query is at To
	Step     time.Duration
	Lookback time.Duration // 0 is the store's
}

// Exec runs q and hands the result to use, which must not keep it: its memory
// is used again. A result with an error in it does not reach use.
func (s *Store) Exec(ctx context.Context, q Query, use func(*promql.Result) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.slot(ctx); err != nil {
		return classify(q.Expr, err)
	}
	defer func() { <-s.slots }()
	run, err := s.prepare(ctx, q)
	if err != nil {
		return errs.New(errs.Invalid, "%w", err)
	}
	defer run.Close()
	res := run.Exec(ctx)
	if res.Err != nil {
		return classify(q.Expr, res.Err)
	}
	return use(res)
}

// slot waits until fewer than Options.MaxQueries are at work.
func (s *Store) slot(ctx context.Context) error {
	const where = "waiting for a free slot"
	if ctx.Err() == nil {
		select {
		case s.slots <- struct{}{}:
			return nil
		case <-ctx.Done():
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return promql.ErrQueryTimeout(where)
	}
	return promql.ErrQueryCanceled(where)
}

func (s *Store) prepare(ctx context.Context, q Query) (promql.Query, error) {
	opts := promql.NewPrometheusQueryOpts(false, q.Lookback)
	if q.Step == 0 {
		return s.engine.NewInstantQuery(ctx, s.db, opts, q.Expr, q.To)
	}
	if q.Step < time.Millisecond || q.To.Before(q.From) {
		return nil, errors.New("the range ends before it starts, or its step is below 1 ms")
	}
	return s.engine.NewRangeQuery(ctx, s.db, opts, q.Expr, q.From, q.To, q.Step)
}

// classify gives an error of the PromQL engine its kind.
func classify(expr string, err error) error {
	if _, ok := errors.AsType[promql.ErrStorage](err); ok {
		return errs.New(errs.Unavailable, "query %q: %w", expr, err)
	}
	if _, ok := errors.AsType[promql.ErrQueryTimeout](err); ok {
		return errs.New(errs.Unavailable, "query %q: %w", expr, err)
	}
	if _, ok := errors.AsType[promql.ErrQueryCanceled](err); ok || errors.Is(err, context.Canceled) {
		return errs.New(errs.Unavailable, "query %q: %w", expr, err)
	}
	return errs.New(errs.Invalid, "query %q: %w", expr, err)
}

// Instant implements metrics.Engine.
func (s *Store) Instant(ctx context.Context, query string, at time.Time) ([]metrics.Series, error) {
	return s.collect(ctx, Query{Expr: query, To: at})
}

// Range implements metrics.Engine.
func (s *Store) Range(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]metrics.Series, error) {
	if step <= 0 {
		return nil, errs.New(errs.Invalid, "query %q: the step %s is not positive", query, step)
	}
	return s.collect(ctx, Query{Expr: query, From: from, To: to, Step: step})
}

func (s *Store) collect(ctx context.Context, q Query) ([]metrics.Series, error) {
	var out []metrics.Series
	err := s.Exec(ctx, q, func(r *promql.Result) (err error) {
		out, err = seriesOf(q.Expr, r.Value)
		return err
	})
	return out, err
}

func seriesOf(expr string, v parser.Value) ([]metrics.Series, error) {
	switch v := v.(type) {
	case promql.Scalar:
		return []metrics.Series{{Labels: map[string]string{}, Points: []metrics.Point{{T: timeOf(v.T), V: v.V}}}}, nil
	case promql.Vector:
		out := make([]metrics.Series, 0, len(v))
		for _, x := range v {
			if x.H != nil {
				return nil, errHistogram(expr)
			}
			out = append(out, metrics.Series{Labels: x.Metric.Map(), Points: []metrics.Point{{T: timeOf(x.T), V: x.F}}})
		}
		return out, nil
	case promql.Matrix:
		out := make([]metrics.Series, 0, len(v))
		for _, x := range v {
			if len(x.Histograms) > 0 {
				return nil, errHistogram(expr)
			}
			one := metrics.Series{Labels: x.Metric.Map(), Points: make([]metrics.Point, len(x.Floats))}
			for i, p := range x.Floats {
				one.Points[i] = metrics.Point{T: timeOf(p.T), V: p.F}
			}
			out = append(out, one)
		}
		return out, nil
	}
	return nil, errs.New(errs.Invalid, "query %q: the result is a string, not series", expr)
}

func errHistogram(expr string) error {
	return errs.New(errs.Invalid, "query %q: the result is a native histogram, which has no single value: use histogram_quantile, histogram_count or histogram_sum", expr)
}

// Selection picks series: those that match any of the sets of matchers (all,
// where there is none), in a range of time. Limit 0 is none.
type Selection struct {
	Match    [][]*labels.Matcher
	From, To time.Time
	Limit    int
}

// querier runs fn with a querier over the range.
func (s *Store) querier(sel Selection, fn func(storage.Querier) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	q, err := s.db.Querier(sel.From.UnixMilli(), sel.To.UnixMilli())
	if err != nil {
		return errs.New(errs.Unavailable, "read metrics: %w", err)
	}
	defer q.Close() //nolint:errcheck // it reads: nothing is lost with its error
	if err := fn(q); err != nil {
		return errs.New(errs.Unavailable, "read metrics: %w", err)
	}
	return nil
}

// SeriesLabels returns the label sets of the selected series, sorted.
func (s *Store) SeriesLabels(ctx context.Context, sel Selection) ([]labels.Labels, error) {
	var out []labels.Labels
	hints := &storage.SelectHints{Start: sel.From.UnixMilli(), End: sel.To.UnixMilli(), Func: "series", Limit: sel.Limit}
	err := s.querier(sel, func(q storage.Querier) error {
		sets := make([]storage.SeriesSet, 0, len(sel.Match))
		for _, ms := range sel.Match {
			sets = append(sets, q.Select(ctx, true, hints, ms...))
		}
		all := storage.NewMergeSeriesSet(sets, sel.Limit, storage.ChainedSeriesMerge)
		for all.Next() && (sel.Limit == 0 || len(out) < sel.Limit) {
			out = append(out, all.At().Labels().Copy())
		}
		return all.Err()
	})
	return out, err
}

// LabelNames returns the label names of the selected series, sorted.
func (s *Store) LabelNames(ctx context.Context, sel Selection) ([]string, error) {
	return s.names(sel, func(q storage.Querier, ms []*labels.Matcher) (out []string, err error) {
		out, _, err = q.LabelNames(ctx, &storage.LabelHints{Limit: sel.Limit}, ms...)
		return out, err
	})
}

// LabelValues returns the values of a label in the selected series, sorted.
func (s *Store) LabelValues(ctx context.Context, name string, sel Selection) ([]string, error) {
	return s.names(sel, func(q storage.Querier, ms []*labels.Matcher) (out []string, err error) {
		out, _, err = q.LabelValues(ctx, name, &storage.LabelHints{Limit: sel.Limit}, ms...)
		return out, err
	})
}

// Latest calls fn with the newest float sample of each selected series, sorted
// by labels, that is not stale and not older than Lookback at sel.To.
func (s *Store) Latest(ctx context.Context, sel Selection, fn func(ls labels.Labels, at time.Time, v float64)) error {
	sel.From = sel.To.Add(-Lookback)
	return s.querier(sel, func(q storage.Querier) error {
		sets := make([]storage.SeriesSet, 0, len(sel.Match))
		for _, ms := range sel.Match {
			sets = append(sets, q.Select(ctx, true, nil, ms...))
		}
		all := storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
		var it chunkenc.Iterator
		for all.Next() {
			it = all.At().Iterator(it)
			t, v, ok := newest(it)
			if err := it.Err(); err != nil {
				return err
			}
			if ok && !value.IsStaleNaN(v) {
				fn(all.At().Labels(), timeOf(t), v)
			}
		}
		return all.Err()
	})
}

func newest(it chunkenc.Iterator) (t int64, v float64, ok bool) {
	for k := it.Next(); k != chunkenc.ValNone; k = it.Next() {
		if ok = k == chunkenc.ValFloat; ok {
			t, v = it.At()
		}
	}
	return t, v, ok
}

// Exemplars returns the exemplars of the series that expr selects.
func (s *Store) Exemplars(ctx context.Context, expr string, from, to time.Time) ([]exemplar.QueryResult, error) {
	e, err := s.parser.ParseExpr(expr)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	selectors := parser.ExtractSelectors(e)
	if len(selectors) == 0 {
		return nil, nil
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	q, err := s.db.ExemplarQuerier(ctx)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "read exemplars: %w", err)
	}
	out, err := q.Select(from.UnixMilli(), to.UnixMilli(), selectors...)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "read exemplars: %w", err)
	}
	return out, nil
}

// Stats says how much the store holds.
type Stats struct {
	Series           int64 // in the head
	Blocks           int
	Oldest, Newest   time.Time // zero while empty
	BlockBytes       int64
	SamplesInBlocks  uint64
	SeriesLimit      int
	OutOfOrderWindow time.Duration
}

// Stats returns what the store holds now.
func (s *Store) Stats() (Stats, error) {
	if err := s.enter(); err != nil {
		return Stats{}, err
	}
	defer s.leave()
	out := Stats{Series: s.series.n.Load(), SeriesLimit: s.opts.Limits.MaxSeries, OutOfOrderWindow: s.opts.OutOfOrder}
	oldest, newest := s.db.Head().MinTime(), s.db.Head().MaxTime()
	for _, b := range s.db.Blocks() {
		m := b.Meta()
		out.Blocks++
		out.BlockBytes += b.Size()
		out.SamplesInBlocks += m.Stats.NumSamples
		oldest, newest = min(oldest, m.MinTime), max(newest, m.MaxTime-1)
	}
	if oldest <= newest {
		out.Oldest, out.Newest = timeOf(oldest), timeOf(newest)
	}
	return out, nil
}
