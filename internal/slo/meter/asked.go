package meter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/burn"
)

// askSpan is how much of the past one query asks for: servers answer at most
// 11,000 points a series.
const askSpan = 7 * 24 * time.Hour

// queries are what is asked of an SLI that cannot be taken apart: what happened
// over each minute.
func queries(o slo.Objective) (part, total string, err error) {
	s := o.SLI
	switch {
	case s.Threshold != "":
		return s.Threshold, "", nil
	case s.Raw != "":
		q, err := metrics.OverWindow(s.Raw, "avg_over_time", time.Minute)
		return q, "", err
	}
	fn := "sum_over_time"
	if s.Counter {
		fn = "increase"
	}
	side := s.Good
	if s.Good == "" {
		side = s.Bad
	}
	if part, err = metrics.OverWindow(side, fn, time.Minute); err != nil {
		return "", "", err
	}
	total, err = metrics.OverWindow(s.Total, fn, time.Minute)
	return part, total, err
}

// ask brings what happened over the minutes that end in (from, to], both whole
// minutes, to a sink.
func (m *Meter) ask(ctx context.Context, in *instance, from, to int64, sink sink) error {
	part, total, err := queries(in.o)
	if err != nil {
		return err
	}
	for start := from + burn.Fine; start <= to; start += askSpan.Milliseconds() {
		end := min(to, start+askSpan.Milliseconds()-burn.Fine)
		parts, err := m.line(ctx, part, start, end)
		if err != nil {
			return err
		}
		totals := parts
		if total != "" {
			if totals, err = m.line(ctx, total, start, end); err != nil {
				return err
			}
		}
		for t := start; t <= end; t += burn.Fine {
			if all, ok := totals[t]; ok {
				in.minute(t, parts[t], all, sink)
			}
		}
	}
	return nil
}

// minute counts one minute. What is left of a whole event goes to the next.
func (in *instance) minute(t int64, part, total float64, to sink) {
	c := burn.Cell{Samples: 1}
	switch s := in.o.SLI; {
	case s.Threshold != "":
		c.Total = 1
		if meets(part, s.Op, s.Value) {
			c.Part = 1
		}
	case s.Raw != "":
		c.Total, c.Part = Scale, int64(math.Round(min(max(part, 0), 1)*Scale))
	default:
		c.Part, in.carry[0] = split(in.carry[0] + part)
		c.Total, in.carry[1] = split(in.carry[1] + total)
	}
	in.first = firstOf(in.first, t)
	in.last = max(in.last, t)
	to.Add(t, c)
}

func firstOf(first, t int64) int64 {
	if first == 0 || t < first {
		return t
	}
	return first
}

func split(v float64) (int64, float64) {
	n := math.Floor(v)
	return int64(n), v - n
}

// line sums the series of a query at each minute.
func (m *Meter) line(ctx context.Context, query string, from, to int64) (map[int64]float64, error) {
	series, err := m.opts.Engine.Range(ctx, query, ms(from), ms(to), time.Minute)
	if err != nil {
		return nil, err
	}
	out := map[int64]float64{}
	for _, s := range series {
		for _, p := range s.Points {
			if usable(p.V) {
				out[p.T.UnixMilli()] += p.V
			}
		}
	}
	return out, nil
}

func (m *Meter) askPast(ctx context.Context, in *instance, p *past, horizon int64) error {
	if len(p.minutes) == 0 {
		return nil
	}
	return m.ask(ctx, in, p.from, horizon, p)
}

// askAll asks for the minutes that have passed since the last time.
func (m *Meter) askAll(ctx context.Context) error {
	now := m.opts.Now().UnixMilli()
	until := now - now%burn.Fine
	var failed []error
	for _, ob := range m.pending(func(in *instance) bool {
		return in.live && in.owner.plan.why != "" && in.owner.o.Composite == nil && in.asked < until
	}) {
		for _, in := range ob.list {
			heard := &minutes{}
			if err := m.ask(ctx, in, in.asked, until, heard); err != nil {
				failed = append(failed, m.troubled([]*instance{in}, fmt.Errorf("ask: %w", err)))
				continue
			}
			m.mu.Lock()
			for k, t := range heard.at {
				in.Add(t, heard.d[k])
			}
			in.asked, in.touched, in.trouble = until, true, ""
			m.mu.Unlock()
		}
	}
	return errors.Join(failed...)
}

// minutes holds what was asked until it is counted.
type minutes struct {
	at []int64
	d  []burn.Cell
}

// Add implements sink.
func (h *minutes) Add(t int64, d burn.Cell) { h.at, h.d = append(h.at, t), append(h.d, d) }

// After implements sink.
func (h *minutes) After(t, _ int64, d burn.Cell) { h.Add(t, d) }

// poll fetches the samples since the last time, where the store does not bring
// them.
func (m *Meter) poll(ctx context.Context) error {
	now := m.opts.Now()
	if now.Sub(m.polled) < 10*time.Second && !now.Before(m.polled) {
		return nil
	}
	from := m.polled.Add(-2 * time.Minute)
	if m.polled.IsZero() || now.Before(m.polled) {
		from = now.Add(-behind)
	}
	m.mu.Lock()
	watches := make([]*watching, 0, len(m.watches))
	for _, w := range m.watches {
		watches = append(watches, w)
	}
	m.mu.Unlock()
	for _, w := range watches {
		err := m.opts.Reader.Read(ctx, w.watch, from, now, func(p metrics.Points) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.takeNew(m.seriesOf(w, p.Labels), p)
			return nil
		})
		if err != nil {
			return err
		}
	}
	m.polled = now
	return nil
}

// takeNew counts the samples that come after the last one.
func (m *Meter) takeNew(s *series, p metrics.Points) {
	for k, t := range p.T {
		if t > s.at && usable(p.V[k]) {
			m.take(s, t, p.V[k])
		}
	}
}
