package meter

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budget"
	"github.com/hinoban/hinoban/internal/slo/burn"
)

var _ slo.Stream = (*Meter)(nil)

// portion is bad of total in millionths, rounded down.
func portion(bad, total int64) int64 {
	hi, lo := bits.Mul64(uint64(max(bad, 0)), Scale)
	q, _ := bits.Div64(hi, lo, uint64(total))
	return int64(q)
}

// tooBad reports whether more of a slice is bad than its target leaves.
func tooBad(t budget.Target, bad, total int64) bool {
	l := t.Limit()
	hi, lo := bits.Mul64(uint64(bad), l.Den)
	bhi, blo := bits.Mul64(uint64(total), l.Num)
	return hi > bhi || (hi == bhi && lo > blo)
}

// Windows implements slo.Counter: every window of o that ends at a time.
func (m *Meter) Windows(_ context.Context, o slo.Objective, at time.Time) (map[time.Duration]slo.Count, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	windows := o.Windows()
	out := make(map[time.Duration]slo.Count, len(windows))
	for _, w := range windows {
		from := at.Add(-w)
		if w == o.Window {
			from = o.PeriodStart(at)
		}
		c, err := m.between(o, from, at)
		if err != nil {
			return nil, err
		}
		out[w] = c
	}
	return out, nil
}

// Sums implements slo.Stream.
func (m *Meter) Sums(o *slo.Objective, windows []time.Duration, at time.Time, into []budget.Sum) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	in, ok := m.instances[o.ID]
	if !ok {
		return errs.New(errs.NotFound, "nothing is counted for %s", o.ID)
	}
	to := at.UnixMilli()
	plain := in.live && o.Calendar == nil && (o.Composite == nil || !byWindow(*o)) && len(windows) > 0 &&
		(m.opts.Corrected == nil || len(m.opts.Corrected(in.o, at.Add(-windows[len(windows)-1]), at)) == 0)
	for i, w := range windows {
		if !plain {
			from := at.Add(-w)
			if w == o.Window {
				from = o.PeriodStart(at)
			}
			c, err := m.between(*o, from, at)
			if err != nil {
				return err
			}
			into[i] = c.Sum()
			continue
		}
		c, err := m.eng.Over(in.column(), to-w.Milliseconds(), to)
		if err != nil {
			return errs.New(errs.Unavailable, "count %s: %w", o.ID, err)
		}
		into[i] = in.count(c).Sum()
	}
	return nil
}

// Count implements slo.Counter.
func (m *Meter) Count(_ context.Context, o slo.Objective, window time.Duration, at time.Time) (slo.Count, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.between(o, at.Add(-window), at)
}

// Between counts what happened to an instance over (from, to].
func (m *Meter) Between(o slo.Objective, from, to time.Time) (slo.Count, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.between(o, from, to)
}

func (m *Meter) between(o slo.Objective, from, to time.Time) (slo.Count, error) {
	in, ok := m.instances[o.ID]
	if !ok {
		return slo.Count{}, errs.New(errs.NotFound, "nothing is counted for %s", o.ID)
	}
	if o.Composite != nil && byWindow(o) {
		return m.combined(in, from, to)
	}
	if !in.live {
		return slo.Count{At: to}, m.loading(in)
	}
	c, err := m.eng.Over(in.column(), from.UnixMilli(), to.UnixMilli())
	if err != nil {
		m.forsake(err)
		return slo.Count{}, errs.New(errs.Unavailable, "count %s: %w", o.ID, err)
	}
	out := in.count(c)
	if m.opts.Corrected != nil {
		if err := m.correct(in, &out, from, to); err != nil {
			return slo.Count{}, err
		}
	}
	out.At = to
	return out, nil
}

func (m *Meter) loading(in *instance) error {
	if in.trouble != "" {
		return errs.New(errs.Unavailable, "%s is not loaded: %s", in.o.ID, in.trouble)
	}
	return slo.ErrLoading
}

func (in *instance) column() burn.Column {
	if in.cut >= 0 {
		return in.cut
	}
	return in.raw
}

// count makes a cell a Count. Never more is bad than there was.
func (in *instance) count(c burn.Cell) slo.Count {
	total := max(0, c.Total)
	bad := min(max(c.Part, 0), total)
	if in.cut < 0 {
		bad = in.bad(c)
	}
	filled := in.cut >= 0 && c.Total > 0 && c.Samples <= 0 // as the policy for no data has it
	return slo.Count{Good: total - bad, Total: total, Known: c.Samples > 0 || filled, Silent: filled, Unit: in.owner.plan.unit}
}

// correct takes out what does not count: events, or the badness of slices, for a
// budget of slices is a fixed number of them. Intervals come in their order and are
// widened to whole five minutes, in which rows are kept.
func (m *Meter) correct(in *instance, c *slo.Count, from, to time.Time) error {
	done := from.UnixMilli() // what was taken out is gone
	for _, x := range m.opts.Corrected(in.o, from, to) {
		a := max(x.From.UnixMilli()/burn.Coarse*burn.Coarse, done)
		b := min(ceilTo(x.To.UnixMilli(), burn.Coarse), to.UnixMilli())
		if a >= b {
			continue
		}
		done = b
		cell, err := m.eng.Over(in.column(), a, b)
		if err != nil {
			return errs.New(errs.Unavailable, "count a correction of %s: %w", in.o.ID, err)
		}
		d := in.count(cell)
		if in.cut >= 0 {
			c.Good += d.Bad()
			continue
		}
		c.Good, c.Total = c.Good-d.Good, c.Total-d.Total
	}
	c.Total = max(c.Total, 0)
	c.Good = min(max(c.Good, 0), c.Total)
	return nil
}

// Counts returns one Count for each end. An end without data is not known.
func (m *Meter) Counts(_ context.Context, o slo.Objective, e slo.Ends) ([]slo.Count, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []slo.Count
	for t := e.From; !t.After(e.To); t = t.Add(e.Step) {
		c, err := m.between(o, t.Add(-e.Window), t)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// Silent is how much of (from, to] had no data, in whole five minutes.
func (m *Meter) Silent(o slo.Objective, from, to time.Time) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in, ok := m.instances[o.ID]
	if !ok || in.raw < 0 || !in.live {
		return 0, nil
	}
	a, b := ceilTo(from.UnixMilli(), burn.Coarse), to.UnixMilli()/burn.Coarse*burn.Coarse
	if in.first > 0 {
		a = max(a, in.first/burn.Coarse*burn.Coarse)
	}
	if a >= b {
		return 0, nil
	}
	cells, err := m.eng.Line(in.raw, a, b, burn.Coarse)
	if err != nil {
		return 0, errs.New(errs.Unavailable, "count %s: %w", o.ID, err)
	}
	silent := time.Duration(0)
	for k := 1; k < len(cells); k++ {
		if cells[k].Samples == cells[k-1].Samples {
			silent += 5 * time.Minute
		}
	}
	return silent, nil
}

// Expr implements slo.Counter.
func (m *Meter) Expr(o slo.Objective, window time.Duration) string { return expr(o, window) }

// expr is what is compared, as PromQL that people can ask a Prometheus.
func expr(o slo.Objective, window time.Duration) string {
	s := o.SLI
	fn := "sum_over_time"
	if s.Counter {
		fn = "increase"
	}
	over := func(q, fn string) string {
		out, err := metrics.OverWindow(q, fn, window)
		if err != nil {
			return q
		}
		return out
	}
	var share string
	switch {
	case s.Threshold != "":
		op := map[string]string{"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}[s.Op]
		share = fmt.Sprintf("1 - avg_over_time(((%s) %s bool %g)[%s:])", s.Threshold, op, s.Value, slo.Short(window))
	case s.Raw != "" && s.RawFails:
		share = over(s.Raw, "avg_over_time")
	case s.Raw != "":
		share = "1 - (" + over(s.Raw, "avg_over_time") + ")"
	case s.Good != "":
		share = fmt.Sprintf("1 - (%s)\n  /\n(%s)", over(s.Good, fn), over(s.Total, fn))
	case s.Total == "":
		return ""
	default:
		return fmt.Sprintf("(%s)\n  /\n(%s)\n  / %s", over(s.Bad, fn), over(s.Total, fn), slo.Number(o.Target.Budget()))
	}
	return fmt.Sprintf("(%s)\n  / %s", share, slo.Number(o.Target.Budget()))
}

// Events is what was counted of an instance since its column began: two counters.
func (m *Meter) Events(o slo.Objective) slo.Count {
	m.mu.Lock()
	defer m.mu.Unlock()
	in, ok := m.instances[o.ID]
	if !ok || in.raw < 0 || !in.live {
		return slo.Count{}
	}
	return in.count(m.eng.Now(in.column()))
}
