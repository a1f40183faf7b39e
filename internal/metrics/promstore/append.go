package promstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

const maxExemplars = 20_000 // in memory, of all series together

// Sample is one value to be stored: a float, or a native histogram where H or
// FH is set. Times are in milliseconds since 1970, as the TSDB has them.
type Sample struct {
	T, Start  int64 // Start is when a counter began; 0 is unknown
	V         float64
	H         *histogram.Histogram
	FH        *histogram.FloatHistogram
	Exemplars []exemplar.Exemplar // sorted by time
}

// Batch is the samples of one request. It must end with Commit or Rollback and
// is not safe for concurrent use.
type Batch struct {
	s         *Store
	app       storage.AppenderV2
	samples   int
	exemplars int
	heard     heard
	oldest    int64 // that is taken, in ms
	newest    int64
}

// Batch begins a batch. The error is Unavailable.
func (s *Store) Batch(ctx context.Context) (*Batch, error) {
	if err := s.flush.broken(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	b := &Batch{s: s, app: s.db.AppenderV2(ctx)}
	b.oldest, b.newest = s.span()
	return b, nil
}

// span returns the times of the oldest and the newest sample that are taken. A
// store that holds data refuses late ones itself; an empty one would take a
// sample of 1970 and then cut the years since into blocks of two hours.
func (s *Store) span() (oldest, newest int64) {
	now := s.opts.Now()
	return now.Add(-s.opts.Limits.MaxBehind).UnixMilli(), now.Add(s.opts.Limits.MaxAhead).UnixMilli()
}

// Limits returns the limits that the store enforces.
func (s *Store) Limits() Limits { return s.opts.Limits }

// Exemplars returns how many exemplars were taken so far.
func (b *Batch) Exemplars() int { return b.exemplars }

// Add adds a sample of the series ls, whose labels are checked when ref is 0;
// ref is what an earlier Add of the same series in this batch returned. An
// error of kind Invalid is about this sample and the batch goes on; any other
// is Unavailable and the batch should be rolled back.
func (b *Batch) Add(ref storage.SeriesRef, ls labels.Labels, x Sample) (storage.SeriesRef, error) {
	if ref == 0 {
		if err := b.s.opts.Limits.CheckLabels(ls); err != nil {
			b.s.tell.refused.WithLabelValues("labels").Inc()
			return 0, err
		}
	}
	if x.T < b.oldest {
		return ref, b.s.refuse(ls, fmt.Errorf("the sample is of %s: %w", timeOf(x.T).Format(time.RFC3339), storage.ErrTooOldSample))
	}
	if x.T > b.newest {
		b.s.tell.refused.WithLabelValues("future").Inc()
		return ref, errs.New(errs.Invalid, "%s: the sample is of %s, too far in the future", ls, timeOf(x.T).Format(time.RFC3339))
	}
	if err := coarsen(x); err != nil {
		return ref, errs.New(errs.Invalid, "%s: %w", ls, err)
	}
	got, err := b.app.Append(ref, ls, x.Start, x.T, x.V, x.H, x.FH, storage.AOptions{Exemplars: x.Exemplars})
	lost, err := (*storage.AppendPartialError)(nil).Handle(err)
	if err != nil {
		return ref, b.s.refuse(ls, err)
	}
	b.samples++
	b.s.tap.hear(&b.heard, got, ls, x.T, x.V, x.H, x.FH)
	b.exemplars += len(x.Exemplars)
	if lost != nil {
		b.exemplars -= min(len(x.Exemplars), len(lost.ExemplarErrors))
	}
	return got, nil
}

// coarsen brings an exponential histogram of a resolution that the TSDB cannot
// hold down to the finest that it can.
func coarsen(x Sample) error {
	switch {
	case x.H != nil && histogram.IsExponentialSchemaReserved(x.H.Schema) && x.H.Schema > histogram.ExponentialSchemaMax:
		return x.H.ReduceResolution(histogram.ExponentialSchemaMax)
	case x.FH != nil && histogram.IsExponentialSchemaReserved(x.FH.Schema) && x.FH.Schema > histogram.ExponentialSchemaMax:
		return x.FH.ReduceResolution(histogram.ExponentialSchemaMax)
	}
	return nil
}

// refuse counts and classifies an error of Append.
func (s *Store) refuse(ls labels.Labels, err error) error {
	var reason string
	switch many := (tooManySeriesError{}); {
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		reason = "duplicate"
	case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrOutOfBounds), errors.Is(err, storage.ErrTooOldSample):
		reason = "late"
	case errors.As(err, &many):
		reason = "series_limit"
	case isHistogramError(err):
		reason = "histogram"
	default:
		return errs.New(errs.Unavailable, "store a sample of %s: %w", ls, err)
	}
	s.tell.refused.WithLabelValues(reason).Inc()
	return errs.New(errs.Invalid, "%s: %w", ls, err)
}

func isHistogramError(err error) bool {
	_, ok := errors.AsType[histogram.Error](err)
	return ok
}

// Commit stores the batch and returns when it is on disk. The error is
// Unavailable, and then nothing may be relied on: the sender has to try again.
func (b *Batch) Commit(ctx context.Context) error {
	defer b.s.leave()
	if err := b.s.commit(b.app, b.samples, &b.heard); err != nil {
		return err
	}
	if b.samples == 0 && b.exemplars == 0 {
		return nil
	}
	return b.s.flush.wait(ctx)
}

// Rollback gives the batch up.
func (b *Batch) Rollback() {
	defer b.s.leave()
	// Nothing of the batch was kept, whatever the answer is.
	_ = b.app.Rollback()
}

func (s *Store) commit(app interface{ Commit() error }, n int, h *heard) error {
	s.tap.gate.RLock()
	err := app.Commit()
	if err == nil {
		s.tap.tell(h)
	}
	s.tap.gate.RUnlock()
	if err != nil {
		err = errs.New(errs.Unavailable, "commit samples: %w", err)
		s.trouble.Store(&err)
		return err
	}
	s.trouble.Store(nil)
	s.tell.appended.Add(float64(n))
	if n > 0 && s.opts.OnCommit != nil {
		s.opts.OnCommit()
	}
	return nil
}

// scraped is the appendable that scrapes write to: with the limits and
// the counts of a batch, without its wait for the disk.
type scraped struct{ s *Store }

// AppenderV2 implements storage.AppendableV2.
func (x scraped) AppenderV2(ctx context.Context) storage.AppenderV2 {
	a := &scrapeAppender{AppenderV2: x.s.db.AppenderV2(ctx), s: x.s}
	a.oldest, _ = x.s.span() // the scraper itself refuses the future
	return a
}

type scrapeAppender struct {
	storage.AppenderV2

	s       *Store
	oldest  int64
	samples int
	heard   heard
}

// Append implements storage.AppenderV2.
func (a *scrapeAppender) Append(ref storage.SeriesRef, ls labels.Labels, st, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AOptions) (storage.SeriesRef, error) {
	if ref == 0 {
		if err := a.s.opts.Limits.CheckLabels(ls); err != nil {
			a.s.tell.refused.WithLabelValues("labels").Inc()
			return 0, err
		}
	}
	if t < a.oldest {
		a.s.tell.refused.WithLabelValues("late").Inc()
		return ref, storage.ErrOutOfBounds
	}
	got, err := a.AppenderV2.Append(ref, ls, st, t, v, h, fh, o)
	if many := (tooManySeriesError{}); errors.As(err, &many) {
		a.s.tell.refused.WithLabelValues("series_limit").Inc()
	}
	if err == nil {
		a.samples++
		a.s.tap.hear(&a.heard, got, ls, t, v, h, fh)
	}
	return got, err
}

// Commit implements storage.AppenderTransaction.
func (a *scrapeAppender) Commit() error {
	return a.s.commit(a.AppenderV2, a.samples, &a.heard)
}

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
