package promstore

import (
	"context"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

var _ metrics.Writer = (*Store)(nil)

// Write implements metrics.Writer.
func (s *Store) Write(ctx context.Context, series []metrics.Series) error {
	b, err := s.Batch(ctx)
	if err != nil {
		return err
	}
	var refused error
	for _, one := range series {
		ls, ref := labels.FromMap(one.Labels), storage.SeriesRef(0)
		for _, p := range one.Points {
			ref, err = b.Add(ref, ls, Sample{T: p.T.UnixMilli(), V: p.V})
			switch {
			case errs.KindOf(err) == errs.Invalid:
				if refused == nil {
					refused = err
				}
			case err != nil:
				b.Rollback()
				return err
			}
		}
	}
	if err := b.Commit(ctx); err != nil {
		return err
	}
	return refused
}
