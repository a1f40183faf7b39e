package promstore

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
)

// Vector answers an instant query as rules ask it: a scalar is a sample without
// labels. The answer may be kept.
func (s *Store) Vector(ctx context.Context, q string, at time.Time) (promql.Vector, error) {
	var out promql.Vector
	err := s.Exec(ctx, Query{Expr: q, To: at}, func(r *promql.Result) error {
		switch v := r.Value.(type) {
		case promql.Vector:
			out = append(out, v...)
		case promql.Scalar:
			out = promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}
		}
		return nil
	})
	return out, err
}

// Recorded is where rules write: with the limits of a batch, and without its wait
// for the disk, for nobody is told that it is there.
func (s *Store) Recorded() storage.Appendable { return recorded{s} }

// Querier implements storage.Queryable.
func (s *Store) Querier(from, to int64) (storage.Querier, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	q, err := s.db.Querier(from, to)
	if err != nil {
		s.leave()
		return nil, err
	}
	return &leaving{q, s}, nil
}

// leaving is a querier that keeps the database open until it is closed.
type leaving struct {
	storage.Querier

	s *Store
}

// Close implements storage.Querier.
func (l *leaving) Close() error {
	defer l.s.leave()
	return l.Querier.Close()
}

type recorded struct{ s *Store }

// Appender implements storage.Appendable.
func (r recorded) Appender(ctx context.Context) storage.Appender {
	if err := r.s.enter(); err != nil {
		return closedAppender{err: err}
	}
	return &ruleAppender{Appender: r.s.db.Appender(ctx), s: r.s}
}

// ruleAppender tells the tap of what rules record.
type ruleAppender struct {
	storage.Appender

	s       *Store
	samples int
	heard   heard
}

// Append implements storage.Appender.
func (a *ruleAppender) Append(ref storage.SeriesRef, ls labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	if err := a.check(ref, ls); err != nil {
		return 0, err
	}
	got, err := a.Appender.Append(ref, ls, t, v)
	if err == nil {
		a.samples++
		a.s.tap.hear(&a.heard, got, ls, t, v, nil, nil)
	}
	return got, err
}

// AppendHistogram implements storage.Appender.
func (a *ruleAppender) AppendHistogram(ref storage.SeriesRef, ls labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	if err := a.check(ref, ls); err != nil {
		return 0, err
	}
	got, err := a.Appender.AppendHistogram(ref, ls, t, h, fh)
	if err == nil {
		a.samples++
		a.s.tap.hear(&a.heard, got, ls, t, 0, h, fh)
	}
	return got, err
}

func (a *ruleAppender) check(ref storage.SeriesRef, ls labels.Labels) error {
	if ref != 0 {
		return nil
	}
	err := a.s.opts.Limits.CheckLabels(ls)
	if err != nil {
		a.s.tell.refused.WithLabelValues("labels").Inc()
	}
	return err
}

// Commit implements storage.AppenderTransaction.
func (a *ruleAppender) Commit() error {
	defer a.s.leave()
	return a.s.commit(a.Appender, a.samples, &a.heard)
}

// Rollback implements storage.AppenderTransaction.
func (a *ruleAppender) Rollback() error {
	defer a.s.leave()
	return a.Appender.Rollback()
}

// closedAppender refuses everything: the store is closed.
type closedAppender struct {
	storage.Appender

	err error
}

// SetOptions implements storage.Appender.
func (closedAppender) SetOptions(*storage.AppendOptions) {}

// Append implements storage.Appender.
func (c closedAppender) Append(storage.SeriesRef, labels.Labels, int64, float64) (storage.SeriesRef, error) {
	return 0, c.err
}

// AppendHistogram implements storage.Appender.
func (c closedAppender) AppendHistogram(storage.SeriesRef, labels.Labels, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, c.err
}

// Commit implements storage.AppenderTransaction.
func (c closedAppender) Commit() error { return c.err }

// Rollback implements storage.AppenderTransaction.
func (closedAppender) Rollback() error { return nil }
