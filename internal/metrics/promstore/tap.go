package promstore

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser/posrange"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

var _ metrics.Source = (*Store)(nil)

// tap knows who wants which samples. Commits hold gate for reading from before
// they are stored until they were told, so that who holds it for writing sees a
// store whose every sample was told.
type tap struct {
	gate sync.RWMutex
	to   atomic.Pointer[metrics.Tap]

	mu      sync.RWMutex
	watches []watched
	byLabel map[labels.Label][]int // watches by one label that they ask for
	open    []int                  // those that ask for none
	known   map[storage.SeriesRef]*listed
	nobody  *listed // for all series that nobody wants
	lines   int32
}

type watched struct {
	metrics.Watch

	matchers []*labels.Matcher
	ended    bool
}

// listed is a series that some watches were held against.
type listed struct {
	tried int // watches, from the first on
	lines []line
}

type line struct {
	n     int32
	watch int32
	hist  bool
	upper float64
}

func newTap() *tap {
	return &tap{byLabel: map[labels.Label][]int{}, known: map[storage.SeriesRef]*listed{}}
}

// Tap implements metrics.Source.
func (s *Store) Tap(t metrics.Tap) { s.tap.to.Store(&t) }

// Watch implements metrics.Source. The error is Invalid.
func (s *Store) Watch(w metrics.Watch) (int, error) {
	ms, err := matchersOf(w.Selector)
	if err != nil {
		return 0, err
	}
	t := s.tap
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.watches)
	t.watches = append(t.watches, watched{Watch: w, matchers: ms})
	rarest, found := labels.Label{}, false
	for _, m := range ms {
		if l := (labels.Label{Name: m.Name, Value: m.Value}); m.Type == labels.MatchEqual && m.Value != "" {
			if !found || len(t.byLabel[l]) < len(t.byLabel[rarest]) {
				rarest, found = l, true
			}
		}
	}
	if found {
		t.byLabel[rarest] = append(t.byLabel[rarest], n)
	} else {
		t.open = append(t.open, n)
	}
	return n, nil
}

// Unwatch implements metrics.Source.
func (s *Store) Unwatch(n int) {
	s.tap.mu.Lock()
	defer s.tap.mu.Unlock()
	s.tap.watches[n].ended = true
}

// Still implements metrics.Source.
func (s *Store) Still(fn func() error) error {
	s.tap.gate.Lock()
	defer s.tap.gate.Unlock()
	return fn()
}

func matchersOf(sel metrics.Selector) ([]*labels.Matcher, error) {
	out := make([]*labels.Matcher, 0, len(sel))
	for _, m := range sel {
		op, ok := map[string]labels.MatchType{"=": labels.MatchEqual, "!=": labels.MatchNotEqual, "=~": labels.MatchRegexp, "!~": labels.MatchNotRegexp}[m.Op]
		if !ok {
			return nil, errs.New(errs.Invalid, "selector %s: %q is no operator", sel, m.Op)
		}
		lm, err := labels.NewMatcher(op, m.Name, m.Value)
		if err != nil {
			return nil, errs.New(errs.Invalid, "selector %s: %w", sel, err)
		}
		out = append(out, lm)
	}
	return out, nil
}

// heard is what one appender will tell when it commits.
type heard struct {
	lines [][]line
	t     []int64
	v     []float64
	fh    []*histogram.FloatHistogram
}

// hear notes a sample that was taken, where somebody wants it.
func (t *tap) hear(h *heard, ref storage.SeriesRef, ls labels.Labels, at int64, v float64, ih *histogram.Histogram, fh *histogram.FloatHistogram) {
	if t.to.Load() == nil {
		return
	}
	lines := t.linesOf(ref, ls)
	if len(lines) == 0 {
		return
	}
	if ih != nil {
		fh = ih.ToFloat(nil)
	} else if fh != nil {
		fh = fh.Copy()
	}
	h.lines, h.t, h.v, h.fh = append(h.lines, lines), append(h.t, at), append(h.v, v), append(h.fh, fh)
}

func (t *tap) linesOf(ref storage.SeriesRef, ls labels.Labels) []line {
	t.mu.RLock()
	k, n := t.known[ref], len(t.watches)
	if k != nil && k.tried == n {
		t.mu.RUnlock()
		return k.lines
	}
	t.mu.RUnlock()
	return t.try(ref, ls)
}

// try holds a series against the watches that it was not held against yet.
func (t *tap) try(ref storage.SeriesRef, ls labels.Labels) []line {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := &listed{}
	if old := t.known[ref]; old != nil {
		*k = *old // readers may hold the old one
	}
	lines := slices.Clip(k.lines)
	to := *t.to.Load()
	hold := func(some []int) {
		for _, n := range some {
			if w := &t.watches[n]; n >= k.tried && !w.ended && matches(w.matchers, ls) {
				lines = append(lines, line{t.lines, int32(n), w.Histogram, w.Upper})
				to.Line(t.lines, n, ls.Map())
				t.lines++
			}
		}
	}
	ls.Range(func(l labels.Label) { hold(t.byLabel[l]) })
	hold(t.open)
	if k.lines, k.tried = lines, len(t.watches); len(lines) == 0 {
		if t.nobody == nil || t.nobody.tried != k.tried {
			t.nobody = k
		}
		k = t.nobody
	}
	t.known[ref] = k
	return lines
}

func matches(ms []*labels.Matcher, ls labels.Labels) bool {
	for _, m := range ms {
		if !m.Matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}

// gone forgets series that the store has dropped from memory.
func (t *tap) gone(refs map[chunks.HeadSeriesRef]labels.Labels) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ref := range refs {
		delete(t.known, storage.SeriesRef(ref))
	}
}

// tell gives what was heard to the tap.
func (t *tap) tell(h *heard) {
	if len(h.lines) == 0 {
		return
	}
	out := make([]metrics.Sample, 0, len(h.lines))
	for i, lines := range h.lines {
		for _, l := range lines {
			if v, ok := reading(l.hist, l.upper, h.v[i], h.fh[i]); ok {
				out = append(out, metrics.Sample{Line: l.n, T: h.t[i], V: v})
			}
		}
	}
	(*t.to.Load()).Committed(out)
}

// reading is what a watch makes of a sample; ok is false where it is of the other
// sort.
func reading(hist bool, upper, v float64, fh *histogram.FloatHistogram) (float64, bool) {
	if fh == nil {
		return v, !hist || value.IsStaleNaN(v)
	}
	if !hist {
		return 0, false
	}
	if value.IsStaleNaN(fh.Sum) {
		return fh.Sum, true
	}
	if math.IsInf(upper, 1) || fh.Count == 0 {
		return fh.Count, true
	}
	share, _ := promql.HistogramFraction(math.Inf(-1), upper, fh, "", posrange.PositionRange{})
	return share * fh.Count, true
}

// Read implements metrics.Reader.
func (s *Store) Read(ctx context.Context, w metrics.Watch, from, to time.Time, fn func(metrics.Points) error) error {
	ms, err := matchersOf(w.Selector)
	if err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	q, err := s.db.Querier(from.UnixMilli()+1, to.UnixMilli())
	if err != nil {
		return errs.New(errs.Unavailable, "read %s: %w", w.Selector, err)
	}
	defer q.Close() //nolint:errcheck // it was read to the end, or its error is told
	set := q.Select(ctx, false, nil, ms...)
	var it chunkenc.Iterator
	var p metrics.Points
	for set.Next() {
		one := set.At()
		it = one.Iterator(it)
		if err := readPoints(it, w, &p); err != nil {
			return errs.New(errs.Unavailable, "read %s: %w", w.Selector, err)
		}
		if len(p.T) == 0 {
			continue
		}
		p.Labels = one.Labels().Map()
		if err := fn(p); err != nil {
			return err
		}
	}
	if err := set.Err(); err != nil {
		return errs.New(errs.Unavailable, "read %s: %w", w.Selector, err)
	}
	return nil
}

func readPoints(it chunkenc.Iterator, w metrics.Watch, p *metrics.Points) error {
	p.T, p.V = p.T[:0], p.V[:0]
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		var t int64
		var v float64
		var fh *histogram.FloatHistogram
		switch kind {
		case chunkenc.ValFloat:
			t, v = it.At()
		case chunkenc.ValHistogram, chunkenc.ValFloatHistogram:
			t, fh = it.AtFloatHistogram(nil)
		default:
			continue
		}
		if x, ok := reading(w.Histogram, w.Upper, v, fh); ok {
			p.T, p.V = append(p.T, t), append(p.V, x)
		}
	}
	return it.Err()
}
