package metrics

import (
	"context"
	"time"
)

// Engine answers PromQL. Implementations are safe for concurrent use, bound
// the time and the memory of a query themselves, and return errors of kind
// Invalid (the query cannot be answered) or Unavailable (not now).
//
// A native histogram has no single value: a query whose result is one is
// Invalid; wrap it in histogram_quantile, histogram_count or histogram_sum.
type Engine interface {
	// Instant evaluates query at one time, in no particular order of series.
	// A scalar is one series without labels.
	Instant(ctx context.Context, query string, at time.Time) ([]Series, error)

	// Range evaluates query at from, from+step … up to and including to.
	Range(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]Series, error)
}
