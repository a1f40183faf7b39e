package slo

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// PromCounter counts with PromQL queries: the simple evaluator, right and not
// fast. Its zero value is not usable; set Engine.
type PromCounter struct{ Engine metrics.Engine }

// Count implements Counter with one query for each side of the ratio.
func (c PromCounter) Count(ctx context.Context, o Objective, window time.Duration, at time.Time) (Count, error) {
	total, ok, err := c.sum(ctx, o.SLI, o.SLI.Total, window, at)
	if err != nil || !ok {
		return Count{}, err
	}
	if o.SLI.Good != "" {
		good, _, err := c.sum(ctx, o.SLI, o.SLI.Good, window, at)
		return Count{Good: whole(min(good, total)), Total: whole(total), Known: err == nil}, err
	}
	// No series of bad events yet means that none was bad.
	bad, _, err := c.sum(ctx, o.SLI, o.SLI.Bad, window, at)
	return Count{Good: whole(max(0, total-bad)), Total: whole(total), Known: err == nil}, err
}

func whole(v float64) int64 { return int64(math.Round(v)) }

// Expr implements Counter.
func (c PromCounter) Expr(o Objective, window time.Duration) string {
	total, err := c.query(o.SLI, o.SLI.Total, window)
	if err != nil {
		return ""
	}
	side, form := o.SLI.Bad, "(%s)\n  /\n(%s)\n  / %s"
	if o.SLI.Good != "" {
		side, form = o.SLI.Good, "(1 - (%s)\n  /\n(%s))\n  / %s"
	}
	part, err := c.query(o.SLI, side, window)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(form, part, total, Number(o.Target.Budget()))
}

func (c PromCounter) query(s SLI, q string, window time.Duration) (string, error) {
	fn := "sum_over_time"
	if s.Counter {
		fn = "increase"
	}
	return metrics.OverWindow(q, fn, window)
}

func (c PromCounter) sum(ctx context.Context, s SLI, q string, window time.Duration, at time.Time) (sum float64, ok bool, err error) {
	text, err := c.query(s, q, window)
	if err != nil {
		return 0, false, err
	}
	series, err := c.Engine.Instant(ctx, text, at)
	if err != nil {
		return 0, false, err
	}
	for _, line := range series {
		p, has := line.Last()
		if !has || math.IsNaN(p.V) || math.IsInf(p.V, 0) {
			continue
		}
		sum, ok = sum+p.V, true
	}
	return sum, ok, nil
}
