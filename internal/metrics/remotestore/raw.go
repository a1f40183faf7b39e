package remotestore

import (
	"context"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

var _ metrics.Reader = (*Store)(nil)

// readSpan is how much one question for raw samples spans: an answer is held in
// memory.
const readSpan = 6 * time.Hour

// Read implements metrics.Reader by asking for ranges as they are. The samples of a
// series that is longer than one answer come in several calls, in their order.
func (s *Store) Read(ctx context.Context, w metrics.Watch, from, to time.Time, fn func(metrics.Points) error) error {
	if w.Histogram {
		return errs.New(errs.Invalid, "read %s: raw histograms cannot be had from a remote store", w.Selector)
	}
	for start := from; start.Before(to); start = start.Add(readSpan) {
		end := start.Add(readSpan)
		if end.After(to) {
			end = to
		}
		// A range is open on its left, as (from, to] is.
		got, err := s.Instant(ctx, fmt.Sprintf("%s[%dms]", w.Selector, end.Sub(start).Milliseconds()), end)
		if err != nil {
			return err
		}
		for _, one := range got {
			p := metrics.Points{Labels: one.Labels}
			for _, x := range one.Points {
				p.T, p.V = append(p.T, x.T.UnixMilli()), append(p.V, x.V)
			}
			if len(p.T) == 0 {
				continue
			}
			if err := fn(p); err != nil {
				return err
			}
		}
	}
	return nil
}
