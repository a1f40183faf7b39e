package slotest

import (
	"context"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// Source is the samples of a test, which come as its clock is turned. It is not
// safe for concurrent use.
type Source struct {
	start   int64 // of the first values, in milliseconds since 1970
	step    int64
	next    int // the values that have not come yet begin here
	series  []metrics.InputSeries
	watches []watch
	lines   []line
	tap     metrics.Tap
	batch   []metrics.Sample
	points  metrics.Points
	longest int
}

var _ metrics.Source = (*Source)(nil)

type watch struct {
	metrics.Watch

	ended bool
}

// line is a series that a watch selects.
type line struct {
	series, watch int
	told          bool
}

// NewSource returns a source whose series have their first values at start, and
// one more after each step. Of series with equal labels the last one counts.
func NewSource(start time.Time, step time.Duration, series []metrics.InputSeries) *Source {
	s := &Source{start: start.UnixMilli(), step: step.Milliseconds()}
	at := map[string]int{}
	for _, one := range series {
		key := metrics.Series{Labels: one.Labels}.Key()
		if i, twice := at[key]; twice {
			s.series[i] = one
			continue
		}
		at[key] = len(s.series)
		s.series = append(s.series, one)
	}
	for _, one := range s.series {
		s.longest = max(s.longest, len(one.Values))
	}
	return s
}

// Advance lets all samples come up to a time. fresh says that a series came for
// the first time.
func (s *Source) Advance(to time.Time) (fresh bool) {
	until := to.UnixMilli()
	for ; s.next < s.longest; s.next++ {
		at := s.start + int64(s.next)*s.step
		if at > until {
			return fresh
		}
		s.batch = s.batch[:0]
		for i := range s.lines {
			l := &s.lines[i]
			v, ok := s.value(l.series, s.next, s.watches[l.watch].Watch)
			if !ok || s.watches[l.watch].ended {
				continue
			}
			if !l.told {
				l.told, fresh = true, true
				s.tap.Line(int32(i), l.watch, s.series[l.series].Labels)
			}
			s.batch = append(s.batch, metrics.Sample{Line: int32(i), T: at, V: v})
		}
		if len(s.batch) > 0 {
			s.tap.Committed(s.batch)
		}
	}
	return fresh
}

// value is the k-th value of a series as a watch has it; ok is false where it has
// none.
func (s *Source) value(series, k int, w metrics.Watch) (v float64, ok bool) {
	values := s.series[series].Values
	if k >= len(values) || values[k].Missing {
		return 0, false
	}
	x := values[k]
	if x.Histogram == nil {
		return x.V, !w.Histogram || x.V != x.V // a stale marker ends histograms too
	}
	if !w.Histogram {
		return 0, false
	}
	return x.Histogram.Upto(w.Upper), true
}

// Tap implements metrics.Source.
func (s *Source) Tap(t metrics.Tap) { s.tap = t }

// Watch implements metrics.Source.
func (s *Source) Watch(w metrics.Watch) (int, error) {
	n := len(s.watches)
	s.watches = append(s.watches, watch{Watch: w})
	for i := range s.series {
		if selects(w.Selector, s.series[i].Labels) {
			s.lines = append(s.lines, line{series: i, watch: n})
		}
	}
	return n, nil
}

func selects(sel metrics.Selector, labels map[string]string) bool {
	return !slices.ContainsFunc(sel, func(m metrics.Matcher) bool { return !m.Matches(labels[m.Name]) })
}

// Unwatch implements metrics.Source.
func (s *Source) Unwatch(n int) { s.watches[n].ended = true }

// Still implements metrics.Source: nothing comes but by Advance.
func (s *Source) Still(fn func() error) error { return fn() }

// Read implements metrics.Reader over what has come.
func (s *Source) Read(ctx context.Context, w metrics.Watch, from, to time.Time, fn func(metrics.Points) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	first := max(0, (from.UnixMilli()-s.start)/s.step+1)
	if from.UnixMilli() < s.start {
		first = 0
	}
	for i := range s.series {
		if !selects(w.Selector, s.series[i].Labels) {
			continue
		}
		p := &s.points
		p.Labels, p.T, p.V = s.series[i].Labels, p.T[:0], p.V[:0]
		for k := int(first); k < s.next && k < len(s.series[i].Values); k++ {
			at := s.start + int64(k)*s.step
			if at > to.UnixMilli() {
				break
			}
			if v, ok := s.value(i, k, w); ok {
				p.T, p.V = append(p.T, at), append(p.V, v)
			}
		}
		if len(p.T) == 0 {
			continue
		}
		if err := fn(*p); err != nil {
			return err
		}
	}
	return nil
}
