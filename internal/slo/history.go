package slo

import (
	"context"
	"math"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// Ends are windows of one length that end at From, From+Step … up to and
// including To.
type Ends struct {
	Window   time.Duration
	From, To time.Time
	Step     time.Duration
}

// Counts returns one Count for each end. An end without data is not known.
func (c PromCounter) Counts(ctx context.Context, o Objective, e Ends) ([]Count, error) {
	total, err := c.line(ctx, o.SLI, o.SLI.Total, e)
	if err != nil {
		return nil, err
	}
	side := o.SLI.Bad
	if o.SLI.Good != "" {
		side = o.SLI.Good
	}
	part, err := c.line(ctx, o.SLI, side, e)
	if err != nil {
		return nil, err
	}
	var out []Count
	for t := e.From; !t.After(e.To); t = t.Add(e.Step) {
		n := Count{At: t}
		if all, ok := total[t.UnixMilli()]; ok {
			good := min(part[t.UnixMilli()], all)
			if o.SLI.Good == "" {
				good = max(0, all-part[t.UnixMilli()])
			}
			n.Good, n.Total, n.Known = whole(good), whole(all), true
		}
		out = append(out, n)
	}
	return out, nil
}

// line sums the series of one side of the ratio at each end.
func (c PromCounter) line(ctx context.Context, s SLI, q string, e Ends) (map[int64]float64, error) {
	text, err := c.query(s, q, e.Window)
	if err != nil {
		return nil, err
	}
	series, err := c.Engine.Range(ctx, text, e.From, e.To, e.Step)
	if err != nil {
		return nil, err
	}
	return sumUp(series), nil
}

func sumUp(series []metrics.Series) map[int64]float64 {
	out := map[int64]float64{}
	for _, s := range series {
		for _, p := range s.Points {
			if !math.IsNaN(p.V) && !math.IsInf(p.V, 0) {
				out[p.T.UnixMilli()] += p.V
			}
		}
	}
	return out
}

// Left is what was left of a budget at one time.
type Left struct {
	At    time.Time
	Ratio float64 // 1 is untouched; below 0 when overspent
	Known bool    // false where there was no data
}

// BurnDown says how the budget of the window that the steps fill was spent: 1 at
// its beginning, what is left now at its end. The budget is the share of all
// events of the window that may be bad. It is pure.
func BurnDown(o Objective, steps []Count) []Left {
	var all float64
	for _, c := range steps {
		if c.Known {
			all += float64(c.Total)
		}
	}
	out := make([]Left, 0, len(steps))
	allowed, bad := all*o.Target.Budget(), 0.0
	for _, c := range steps {
		l := Left{At: c.At}
		if c.Known && allowed > 0 {
			bad += float64(c.Bad())
			l.Ratio, l.Known = 1-bad/allowed, true
		}
		out = append(out, l)
	}
	return out
}
