package promtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// maxSamples is how many samples a query of a test may hold. promtool has 10,000,
// which is a week of minutes.
const maxSamples = 20_000_000

// database is a TSDB in a folder of its own that is filled as time passes.
type database struct {
	*tsdb.DB

	dir    string
	engine *promql.Engine
	left   []*pending
}

// pending is what of a series is not in the database yet.
type pending struct {
	labels labels.Labels
	values []metrics.InputValue
	next   int
	start  int64 // of the first value, ms
	step   int64
}

// open makes a database for a test. What it cannot do is Unavailable.
func open(t metrics.RuleTest) (*database, error) {
	dir, err := os.MkdirTemp("", "hinoban-test")
	if err != nil {
		return nil, errs.New(errs.Unavailable, "make a folder for the test: %w", err)
	}
	opts := tsdb.DefaultOptions()
	// The blocks are long, for a test's time goes by in leaps; there is no log, for
	// nothing is to outlive the test.
	opts.MinBlockDuration = (24 * time.Hour).Milliseconds()
	opts.MaxBlockDuration = opts.MinBlockDuration
	opts.RetentionDuration, opts.OutOfOrderTimeWindow, opts.WALSegmentSize = 0, 0, -1
	db, err := tsdb.Open(dir, nil, nil, opts, tsdb.NewDBStats())
	if err != nil {
		return nil, errs.New(errs.Unavailable, "open a database for the test: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	d := &database{DB: db, dir: dir}
	d.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: maxSamples, Timeout: 100 * time.Second, EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return t.Every.Milliseconds() },
		Parser:                   metrics.NewParser(),
	})
	byKey := map[string]int{}
	for _, in := range t.Input {
		p := &pending{labels: labels.FromMap(in.Labels), values: in.Values, start: startOf(t).UnixMilli(), step: t.Interval.Milliseconds()}
		if i, twice := byKey[p.labels.String()]; twice {
			d.left[i] = p // as promtool has it, the last one counts
			continue
		}
		byKey[p.labels.String()] = len(d.left)
		d.left = append(d.left, p)
	}
	return d, nil
}

func startOf(t metrics.RuleTest) time.Time {
	if t.Start.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.Start.UTC()
}

// Close removes the database.
func (d *database) Close() error {
	return errors.Join(d.engine.Close(), d.DB.Close(), os.RemoveAll(d.dir))
}

// fill stores the values up to a time, in milliseconds.
func (d *database) fill(ctx context.Context, until int64) error {
	app := d.AppenderV2(ctx)
	for _, p := range d.left {
		for ; p.next < len(p.values); p.next++ {
			at := p.start + int64(p.next)*p.step
			if at > until {
				break
			}
			v := p.values[p.next]
			var err error
			switch h, native := v.Histogram.(observations); {
			case v.Missing:
			case native:
				_, err = app.Append(0, p.labels, 0, at, 0, nil, h.h, storage.AppendV2Options{})
			default:
				_, err = app.Append(0, p.labels, 0, at, v.V, nil, nil, storage.AppendV2Options{})
			}
			if err != nil {
				return errors.Join(fmt.Errorf("store %s: %w", p.labels, err), app.Rollback())
			}
		}
	}
	return app.Commit()
}

// query answers an instant query; a scalar is a sample without labels.
func (d *database) query(ctx context.Context, q string, at time.Time) (promql.Vector, error) {
	run, err := d.engine.NewInstantQuery(ctx, d.DB, nil, q, at)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	res := run.Exec(ctx)
	if res.Err != nil {
		return nil, res.Err
	}
	switch v := res.Value.(type) {
	case promql.Vector:
		return append(promql.Vector{}, v...), nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	}
	return nil, errs.New(errs.Invalid, "the result is neither a vector nor a scalar")
}

// Engine answers PromQL over the series of a test. It holds all of them, what is
// to come too.
type Engine struct {
	t metrics.RuleTest
	d *database
}

var _ metrics.Engine = (*Engine)(nil)

// NewEngine returns an Engine that opens its database with the first query.
func NewEngine(t metrics.RuleTest) *Engine {
	if t.Every == 0 {
		t.Every = time.Minute
	}
	return &Engine{t: t}
}

// Close removes the database.
func (e *Engine) Close() error {
	if e.d == nil {
		return nil
	}
	return e.d.Close()
}

func (e *Engine) ready(ctx context.Context) (err error) {
	if e.d != nil {
		return nil
	}
	if e.d, err = open(e.t); err != nil {
		return err
	}
	if err := e.d.fill(ctx, math.MaxInt64); err != nil {
		return errs.New(errs.Unavailable, "%w", err)
	}
	return nil
}

// Instant implements metrics.Engine.
func (e *Engine) Instant(ctx context.Context, q string, at time.Time) ([]metrics.Series, error) {
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	v, err := e.d.query(ctx, q, at)
	if err != nil {
		return nil, errs.New(errs.Invalid, "query %q: %w", q, err)
	}
	out := make([]metrics.Series, 0, len(v))
	for _, x := range v {
		if x.H != nil {
			return nil, errs.New(errs.Invalid, "query %q: the result is a native histogram, which has no single value", q)
		}
		out = append(out, metrics.Series{Labels: x.Metric.Map(), Points: []metrics.Point{{T: time.UnixMilli(x.T).UTC(), V: x.F}}})
	}
	return out, nil
}

// Range implements metrics.Engine.
func (e *Engine) Range(ctx context.Context, q string, from, to time.Time, step time.Duration) ([]metrics.Series, error) {
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	run, err := e.d.engine.NewRangeQuery(ctx, e.d.DB, nil, q, from, to, step)
	if err != nil {
		return nil, errs.New(errs.Invalid, "query %q: %w", q, err)
	}
	defer run.Close()
	m, err := run.Exec(ctx).Matrix()
	if err != nil {
		return nil, errs.New(errs.Invalid, "query %q: %w", q, err)
	}
	out := make([]metrics.Series, 0, len(m))
	for _, x := range m {
		if len(x.Histograms) > 0 {
			return nil, errs.New(errs.Invalid, "query %q: the result is a native histogram, which has no single value", q)
		}
		one := metrics.Series{Labels: x.Metric.Map(), Points: make([]metrics.Point, len(x.Floats))}
		for i, p := range x.Floats {
			one.Points[i] = metrics.Point{T: time.UnixMilli(p.T).UTC(), V: p.F}
		}
		out = append(out, one)
	}
	return out, nil
}
