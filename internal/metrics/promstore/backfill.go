package promstore

import (
	"context"
	"iter"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// backfillBlock is the length of the blocks that Backfill writes: one of the
// steps (2 h × 3ⁿ) in which the TSDB itself compacts, so that it leaves them be.
const backfillBlock = 54 * time.Hour

// History yields the series that have points in [from, to), their points
// oldest first. It is asked once for each stretch of a few days.
type History func(from, to time.Time) iter.Seq[metrics.Series]

// Backfill writes the past [from, to) into dir, which must hold no store yet,
// and returns how many samples that was. Open the store on dir afterwards; to
// should be in the past, for the store takes only newer samples from then on.
func Backfill(ctx context.Context, dir string, from, to time.Time, past History) (int, error) {
	if files, err := os.ReadDir(dir); err == nil && len(files) > 0 {
		return 0, errs.New(errs.Conflict, "backfill metrics: %s is not empty", dir)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return 0, errs.New(errs.Unavailable, "backfill metrics: %w", err)
	}
	total := 0
	for start := blockOf(from); start.Before(to); start = start.Add(backfillBlock) {
		a, b := later(start, from), earlier(start.Add(backfillBlock), to)
		n, err := backfillStretch(ctx, dir, past(a, b), a, b)
		if err != nil {
			return total, errs.New(errs.Unavailable, "backfill metrics from %s: %w", a.Format(time.RFC3339), err)
		}
		total += n
	}
	return total, nil
}

func backfillStretch(ctx context.Context, dir string, series iter.Seq[metrics.Series], from, to time.Time) (n int, err error) {
	// Twice the length: the writer refuses what is older than half its range.
	w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), dir, 2*backfillBlock.Milliseconds())
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := w.Close(); err == nil {
			err = cerr
		}
	}()
	app, held := w.AppenderV2(ctx), 0
	for s := range series {
		ls, ref := labels.FromMap(s.Labels), storage.SeriesRef(0)
		for _, p := range s.Points {
			if p.T.Before(from) || !p.T.Before(to) {
				continue
			}
			if ref, err = app.Append(ref, ls, 0, p.T.UnixMilli(), p.V, nil, nil, storage.AOptions{}); err != nil {
				return n, err
			}
			n, held = n+1, held+1
		}
		if held < 5000 {
			continue
		}
		if err = app.Commit(); err != nil {
			return n, err
		}
		if err = ctx.Err(); err != nil {
			return n, err
		}
		app, held = w.AppenderV2(ctx), 0
	}
	if err = app.Commit(); err != nil || n == 0 {
		return n, err
	}
	_, err = w.Flush(ctx)
	return n, err
}

// blockOf returns the start of t's block, counted from 1970 as the TSDB does.
func blockOf(t time.Time) time.Time {
	ms, size := t.UnixMilli(), backfillBlock.Milliseconds()
	return timeOf(ms - (ms%size+size)%size)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
