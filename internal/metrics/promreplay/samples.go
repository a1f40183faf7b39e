package promreplay

import (
	"context"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// line is one series. Its samples are shared and never changed; what rules record is
// appended to lines of their own.
type line struct {
	labels labels.Labels
	t      []int64
	v      []float64
}

// Samples are series in memory. It is not safe for concurrent use.
type Samples struct {
	byName map[string][]*line
	own    map[string]bool // names whose list is not shared with the Samples it came of
}

var (
	_ storage.Queryable = (*Samples)(nil)
	_ metrics.Reader    = (*Samples)(nil)
)

// NewSamples returns Samples of series, oldest sample first. What it is given must
// not be changed afterwards.
func NewSamples(series []metrics.Points) *Samples {
	s := &Samples{byName: map[string][]*line{}, own: map[string]bool{}}
	for _, p := range series {
		n := p.Labels[metrics.NameLabel]
		s.byName[n], s.own[n] = append(s.byName[n], lineOf(p)), true
	}
	for _, all := range s.byName {
		slices.SortFunc(all, func(a, b *line) int { return labels.Compare(a.labels, b.labels) })
	}
	return s
}

func lineOf(p metrics.Points) *line { return &line{labels.FromMap(p.Labels), p.T, p.V} }

// With returns Samples in which series stand in the place of those of the same
// labels, or beside the others where there are none. The rest is shared.
func (s *Samples) With(series []metrics.Points) *Samples {
	out := &Samples{byName: maps.Clone(s.byName), own: map[string]bool{}}
	for _, p := range series {
		out.put(p.Labels[metrics.NameLabel], lineOf(p))
	}
	return out
}

// put adds or replaces a line.
func (s *Samples) put(name string, l *line) {
	if !s.own[name] {
		s.byName[name], s.own[name] = slices.Clone(s.byName[name]), true
	}
	all := s.byName[name]
	i, found := slices.BinarySearchFunc(all, l, func(a, b *line) int { return labels.Compare(a.labels, b.labels) })
	if found {
		all[i] = l
		return
	}
	s.byName[name] = slices.Insert(all, i, l)
}

// Has reports whether there is a series of a name.
func (s *Samples) Has(name string) bool { return len(s.byName[name]) > 0 }

// record appends what a rule recorded.
func (s *Samples) record(ls labels.Labels, t int64, v float64) {
	name := ls.Get(metrics.NameLabel)
	all := s.byName[name]
	i, found := slices.BinarySearchFunc(all, ls, func(a *line, b labels.Labels) int { return labels.Compare(a.labels, b) })
	if !found {
		s.put(name, &line{labels: ls, t: []int64{t}, v: []float64{v}})
		return
	}
	l := all[i]
	if !s.own[name] || cap(l.t) == len(l.t) || len(l.t) > 0 && l.t[len(l.t)-1] >= t {
		// What was recorded before, in production, ends where this begins.
		n := sort.Search(len(l.t), func(k int) bool { return l.t[k] >= t })
		l = &line{labels: ls, t: append(make([]int64, 0, n+64), l.t[:n]...), v: append(make([]float64, 0, n+64), l.v[:n]...)}
		s.put(name, l)
	}
	l.t, l.v = append(l.t, t), append(l.v, v)
}

// Read implements metrics.Reader. Histograms are none here.
func (s *Samples) Read(ctx context.Context, w metrics.Watch, from, to time.Time, fn func(metrics.Points) error) error {
	if w.Histogram {
		return errs.New(errs.Invalid, "read %s: there are no native histograms in a replay", w.Selector)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for name, all := range s.byName {
		if slices.ContainsFunc(w.Selector, func(m metrics.Matcher) bool { return m.Name == metrics.NameLabel && !m.Matches(name) }) {
			continue
		}
		for _, l := range all {
			i, j := l.span(from.UnixMilli()+1, to.UnixMilli())
			if i == j || slices.ContainsFunc(w.Selector, func(m metrics.Matcher) bool { return !m.Matches(l.labels.Get(m.Name)) }) {
				continue
			}
			if err := fn(metrics.Points{Labels: l.labels.Map(), T: l.t[i:j], V: l.v[i:j]}); err != nil {
				return err
			}
		}
	}
	return nil
}

// span are the samples from mint to maxt, both included.
func (l *line) span(mint, maxt int64) (i, j int) {
	i = sort.Search(len(l.t), func(k int) bool { return l.t[k] >= mint })
	return i, i + sort.Search(len(l.t)-i, func(k int) bool { return l.t[i+k] > maxt })
}

// Querier implements storage.Queryable.
func (s *Samples) Querier(mint, maxt int64) (storage.Querier, error) {
	return querier{s, mint, maxt}, nil
}

type querier struct {
	s          *Samples
	mint, maxt int64
}

// Select implements storage.Querier.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	var found []*line
	take := func(all []*line) {
		for _, l := range all {
			if !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches(l.labels.Get(m.Name)) }) {
				found = append(found, l)
			}
		}
	}
	for _, m := range ms {
		if m.Name == metrics.NameLabel && m.Type == labels.MatchEqual {
			take(q.s.byName[m.Value])
			return &set{lines: found, q: q, at: -1}
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(q.s.byName), strings.Compare) {
		take(q.s.byName[n])
	}
	slices.SortFunc(found, func(a, b *line) int { return labels.Compare(a.labels, b.labels) })
	return &set{lines: found, q: q, at: -1}
}

// LabelValues implements storage.Querier: PromQL asks for none.
func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier: PromQL asks for none.
func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close implements storage.Querier.
func (querier) Close() error { return nil }

type set struct {
	lines []*line
	q     querier
	at    int
}

// Next implements storage.SeriesSet.
func (s *set) Next() bool {
	s.at++
	return s.at < len(s.lines)
}

// At implements storage.SeriesSet.
func (s *set) At() storage.Series { return one{s.lines[s.at], s.q.mint, s.q.maxt} }

// Err implements storage.SeriesSet.
func (*set) Err() error { return nil }

// Warnings implements storage.SeriesSet.
func (*set) Warnings() annotations.Annotations { return nil }

type one struct {
	*line

	mint, maxt int64
}

// Labels implements storage.Series.
func (o one) Labels() labels.Labels { return o.labels }

// Iterator implements storage.Series.
func (o one) Iterator(old chunkenc.Iterator) chunkenc.Iterator {
	i, j := o.span(o.mint, o.maxt)
	w := &window{t: o.t[i:j], v: o.v[i:j]}
	if it, ok := old.(interface{ Reset(samples storage.Samples) }); ok {
		it.Reset(w)
		return old
	}
	return storage.NewListSeriesIterator(w)
}

// window is some samples of a line. It hands out one cell again and again: whoever
// iterates looks at one sample at a time.
type window struct {
	t []int64
	v []float64
	c cell
}

// Get implements storage.Samples.
func (w *window) Get(i int) chunks.Sample {
	w.c = cell{w.t[i], w.v[i]}
	return &w.c
}

// Len implements storage.Samples.
func (w *window) Len() int { return len(w.t) }

// cell is a chunks.Sample.
type cell struct {
	t int64
	v float64
}

func (c *cell) T() int64                      { return c.t }
func (c *cell) ST() int64                     { return 0 }
func (c *cell) F() float64                    { return c.v }
func (c *cell) H() *histogram.Histogram       { return nil }
func (c *cell) FH() *histogram.FloatHistogram { return nil }
func (c *cell) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (c *cell) Copy() chunks.Sample           { return &cell{c.t, c.v} }

// recorder takes what rules record; of histograms nothing.
type recorder struct{ s *Samples }

// Appender implements storage.Appendable.
func (r recorder) Appender(context.Context) storage.Appender { return appender{s: r.s} }

// appender stores samples at once: a round of rules reads what the one before it
// in its group recorded.
type appender struct {
	storage.Appender

	s *Samples
}

// SetOptions implements storage.Appender.
func (appender) SetOptions(*storage.AppendOptions) {}

// Append implements storage.Appender.
func (a appender) Append(_ storage.SeriesRef, ls labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	a.s.record(ls, t, v)
	return 0, nil
}

// AppendHistogram implements storage.Appender.
func (appender) AppendHistogram(storage.SeriesRef, labels.Labels, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, nil
}

// AppendExemplar implements storage.Appender.
func (appender) AppendExemplar(storage.SeriesRef, labels.Labels, exemplar.Exemplar) (storage.SeriesRef, error) {
	return 0, nil
}

// Commit implements storage.AppenderTransaction.
func (appender) Commit() error { return nil }

// Rollback implements storage.AppenderTransaction.
func (appender) Rollback() error { return nil }
