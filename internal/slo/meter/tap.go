package meter

import (
	"strings"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo/burn"
)

var _ metrics.Tap = (*Meter)(nil)

// Line implements metrics.Tap.
func (m *Meter) Line(line int32, watch int, labels map[string]string) {
	m.newMu.Lock()
	defer m.newMu.Unlock()
	m.new = append(m.new, newLine{line, watch, labels})
}

// newLine is a line that was told of and not looked at yet.
type newLine struct {
	line   int32
	watch  int
	labels map[string]string
}

// learn looks at the lines that were told of. They come while the store holds its
// own lock, so they must not wait for ours.
func (m *Meter) learn() {
	m.newMu.Lock()
	fresh := m.new
	m.new = nil
	m.newMu.Unlock()
	for _, n := range fresh {
		for len(m.lines) <= int(n.line) {
			m.lines = append(m.lines, nil)
		}
		if w := m.byNumber[n.watch]; w != nil {
			m.lines[n.line] = m.seriesOf(w, n.labels)
		}
	}
}

// Committed implements metrics.Tap.
func (m *Meter) Committed(samples []metrics.Sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.learn()
	for i := range samples {
		if s := m.lines[samples[i].Line]; s != nil && usable(samples[i].V) {
			m.take(s, samples[i].T, samples[i].V)
		}
	}
}

// take counts one sample.
func (m *Meter) take(s *series, t int64, v float64) {
	switch {
	case t == s.at:
		return // the store keeps the first
	case t < s.at:
		m.takeLate(s, t)
		return
	}
	if s.at != 0 && t-s.at > burn.Lookback {
		m.gaps[s] = append(m.gaps[s], gap{s.at, s.v, t})
		m.revive(s)
	}
	for i := range s.feeds {
		f := &s.feeds[i]
		if !f.to.live {
			continue
		}
		f.to.saw(f.term, t)
		feedOne(f.term, s, f.to.born(t), t, v, f.to)
	}
	s.at, s.v = t, v
}

// revive leads a series that comes again to new instances in place of those that
// expired while it was silent.
func (m *Meter) revive(s *series) {
	for i := range s.feeds {
		f := &s.feeds[i]
		if f.to.raw >= 0 {
			continue
		}
		if in, err := m.instance(f.to.owner, f.to.labels); err == nil && in != nil {
			f.to = in
		}
	}
}

// takeLate takes a sample that came after a newer one. Of a counter it changes what
// both neighbours mean, and any may be one that the store has already: only the
// store knows.
func (m *Meter) takeLate(s *series, t int64) {
	for i := range s.feeds {
		in := s.feeds[i].to
		in.dirty = firstOf(in.dirty, t)
	}
}

// saw notes that a sample came.
func (in *instance) saw(f *term, t int64) {
	in.touched = true
	in.last = max(in.last, t)
	if f.total {
		in.first = firstOf(in.first, t)
	}
}

// born reports whether a series whose first sample is of the time t was born under
// our eyes.
func (in *instance) born(t int64) bool { return in.first != 0 && t > in.first+burn.Lookback }

// seriesOf finds or makes the series of a watch with these labels.
func (m *Meter) seriesOf(w *watching, labels map[string]string) *series {
	key := keyOf(labels)
	s, ok := w.series[key]
	if !ok {
		s = &series{key: key}
		w.series[key] = s
		for _, u := range w.uses {
			m.feed(s, u, labels)
		}
	}
	return s
}

// feed leads the samples of a series to the instance that they belong to.
func (m *Meter) feed(s *series, u use, labels map[string]string) {
	in, err := m.instance(u.owner, labels)
	if err == nil && in != nil {
		s.feeds = append(s.feeds, feed{in, u.term})
	}
}

// labelsOf undoes keyOf.
func labelsOf(key string) map[string]string {
	parts := strings.Split(key, "\xff")
	out := make(map[string]string, len(parts)/2)
	for i := 0; i+1 < len(parts); i += 2 {
		out[parts[i]] = parts[i+1]
	}
	return out
}
