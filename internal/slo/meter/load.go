package meter

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo/burn"
)

// point is a series' last sample before a time.
type point struct {
	at int64
	v  float64
}

// bases are the last samples of series at the horizon, by watch and series.
type bases map[string]point

func baseKey(watch, series string) string { return watch + "\x00" + series }

// past collects what happened before the horizon, minute by minute.
type past struct {
	from    int64
	minutes []burn.Cell
	after   []burn.Cell
	edges   []int64
	seen    []int64
}

// Add implements sink.
func (p *past) Add(t int64, d burn.Cell) {
	k := (t - p.from - 1) / burn.Fine
	if t > p.from && int(k) < len(p.minutes) {
		p.minutes[k] = p.minutes[k].Plus(d)
	}
}

// After implements sink.
func (p *past) After(t, seen int64, d burn.Cell) {
	p.edges, p.seen, p.after = append(p.edges, t), append(p.seen, seen), append(p.after, d)
}

// batch is how many instances of a grouped objective are loaded in one pass: each
// takes a megabyte for a month.
const batch = 64

// load gives instances of one objective their past, and makes them live.
func (m *Meter) load(ctx context.Context, ob *objective, list []*instance) error {
	for len(list) > 0 {
		n := min(batch, len(list))
		if err := m.loadSome(ctx, ob, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (m *Meter) loadSome(ctx context.Context, ob *objective, list []*instance) error {
	for range 3 {
		m.mu.Lock()
		horizon := m.eng.Horizon()
		m.mu.Unlock()
		pasts, base, err := m.readPast(ctx, ob, list, horizon)
		if err != nil {
			return err
		}
		recent, err := m.fetch(ctx, ob, list)
		if err != nil {
			return err
		}
		done := false
		err = m.still(func() error {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.eng.Horizon() != horizon {
				return nil // the rows went on meanwhile: once more
			}
			for in, p := range pasts {
				if err := m.fill(in, p); err != nil {
					m.forsake(err)
					return err
				}
			}
			done = true
			return m.recount(ctx, ob, list, base, recent)
		})
		if done || (err != nil && !errors.Is(err, burn.ErrDamaged)) {
			return err
		}
	}
	return errors.New("reading its past takes longer than the rows stay open")
}

// still runs fn while nothing is committed.
func (m *Meter) still(fn func() error) error {
	if m.source == nil {
		return fn()
	}
	return m.source.Still(fn)
}

// readPast reads what the store holds of the instances up to the horizon: all, or
// where rows were kept from an earlier run, what came after them.
func (m *Meter) readPast(ctx context.Context, ob *objective, list []*instance, horizon int64) (map[*instance]*past, bases, error) {
	pasts := map[*instance]*past{}
	start := horizon
	for _, in := range list {
		from := in.resume
		if from == 0 {
			from = horizon - ceilTo(periodOf(in.o).Milliseconds(), burn.Coarse)
		}
		start = min(start, from)
		pasts[in] = &past{from: from, minutes: make([]burn.Cell, max(0, (horizon-from)/burn.Fine))}
	}
	base := bases{}
	if ob.plan.why != "" {
		for _, in := range list {
			if err := m.askPast(ctx, in, pasts[in], horizon); err != nil {
				return nil, nil, err
			}
		}
		return pasts, base, nil
	}
	if start == horizon {
		return pasts, base, nil // rows reach the horizon; silences are in m.idle
	}
	if err := m.findFirst(ctx, ob, list, start, horizon); err != nil {
		return nil, nil, err
	}
	for i := range ob.plan.terms {
		if err := m.readTerm(ctx, ob, &ob.plan.terms[i], list, pasts, base, start, horizon); err != nil {
			return nil, nil, err
		}
	}
	return pasts, base, nil
}

// readTerm reads the samples of one selector in (start, horizon], and what came
// right before.
func (m *Meter) readTerm(ctx context.Context, ob *objective, t *term, list []*instance, pasts map[*instance]*past, base bases, start, horizon int64) error {
	last := bases{} // of this term: another one may have the same selector
	err := m.opts.Reader.Read(ctx, narrowed(t.watch, ob, list), ms(start-burn.Lookback), ms(horizon), func(p metrics.Points) error {
		s := series{key: keyOf(p.Labels)}
		in := ob.find(groupOf(ob.plan.by, p.Labels), list)
		if in == nil {
			return nil
		}
		if b, ok := last[baseKey(t.key, s.key)]; ok { // the samples came in several parts
			s.at, s.v = b.at, b.v
		} else if b, ok := m.idleOf(t.key, s.key); ok && b.at <= p.T[0] {
			s.at, s.v = b.at, b.v
		}
		m.mu.Lock()
		in.last = max(in.last, p.T[len(p.T)-1])
		if t.total {
			in.first = firstOf(in.first, p.T[0])
		}
		m.mu.Unlock()
		to := pasts[in]
		for k, at := range p.T {
			if !usable(p.V[k]) || at <= s.at {
				continue
			}
			if at > to.from {
				feedOne(t, &s, in.born(at), at, p.V[k], to)
			}
			s.at, s.v = at, p.V[k]
		}
		last[baseKey(t.key, s.key)] = point{s.at, s.v}
		return nil
	})
	maps.Copy(base, last)
	return err
}

func ceilTo(v, step int64) int64 { return (v + step - 1) / step * step }

func ms(t int64) time.Time { return time.UnixMilli(t).UTC() }

func (ob *objective) find(group string, list []*instance) *instance {
	for _, in := range list {
		if in.o.Group == group {
			return in
		}
	}
	return nil
}

func (m *Meter) idleOf(watch, series string) (point, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.idle[baseKey(watch, series)]
	return point{i.At, i.V}, ok
}

// findFirst learns when the first sample of each instance's total came, where that
// decides what a first sample counts or what a slice without data is.
func (m *Meter) findFirst(ctx context.Context, ob *objective, list []*instance, start, horizon int64) error {
	for i := range ob.plan.terms {
		t := &ob.plan.terms[i]
		if !t.total || (!t.zero && !sliced(ob.o)) {
			continue
		}
		err := m.opts.Reader.Read(ctx, narrowed(t.watch, ob, list), ms(start-burn.Lookback), ms(horizon), func(p metrics.Points) error {
			if in := ob.find(groupOf(ob.plan.by, p.Labels), list); in != nil {
				m.mu.Lock()
				in.first = firstOf(in.first, p.T[0])
				m.mu.Unlock()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fill puts a past into the columns of an instance.
func (m *Meter) fill(in *instance, p *past) error {
	if in.resume == 0 {
		if err := m.eng.Fill(in.raw, p.from, p.minutes); err != nil {
			return err
		}
		for k, d := range p.after {
			m.eng.After(in.raw, p.edges[k], p.seen[k], d)
		}
		if in.cut >= 0 {
			return m.eng.Fill(in.cut, p.from, in.slices(p, 0))
		}
		return nil
	}
	if err := m.eng.Extend(in.raw, p.from, p.minutes); err != nil {
		return err
	}
	for k, d := range p.after {
		m.eng.After(in.raw, p.edges[k], p.seen[k], d)
	}
	if in.cut < 0 {
		return nil
	}
	// A slice may have begun before the rows that were kept end.
	length := in.o.Slice.Length.Milliseconds()
	head, err := m.eng.Line(in.raw, p.from-length, p.from, burn.Fine)
	if err != nil {
		return err
	}
	whole := &past{from: p.from - length}
	for k := 1; k < len(head); k++ {
		whole.minutes = append(whole.minutes, head[k].Minus(head[k-1]))
	}
	whole.minutes = append(whole.minutes, p.minutes...)
	return m.eng.Extend(in.cut, p.from, in.slices(whole, int(length/burn.Fine)))
}

// slices are the slices of a past, each in the minute that ends it; the first skip
// minutes are left out.
func (in *instance) slices(p *past, skip int) []burn.Cell {
	out := make([]burn.Cell, len(p.minutes))
	length := in.o.Slice.Length.Milliseconds()
	for k := range p.minutes {
		end := p.from + int64(k+1)*burn.Fine
		if end%length != 0 || end-length < p.from {
			continue
		}
		var sum burn.Cell
		for _, d := range p.minutes[k+1-int(length/burn.Fine) : k+1] {
			sum = sum.Plus(d)
		}
		out[k] = in.judge(end, sum)
	}
	return out[skip:]
}

// recount counts instances of one objective again from the horizon on. Nothing is
// committed meanwhile, and the caller holds the lock. Where it fails they stay dirty.
func (m *Meter) recount(ctx context.Context, ob *objective, list []*instance, base bases, recent fetched) error {
	m.learn()
	sinks := map[*instance]*burn.Recount{}
	for _, in := range list {
		in.dirty = firstOf(in.dirty, m.eng.Horizon()+1)
		sinks[in] = m.eng.Recount(in.raw)
	}
	if err := m.recountAll(ctx, ob, sinks, base, recent); err != nil {
		return err
	}
	for in, r := range sinks {
		r.Done()
		in.live, in.dirty, in.touched = true, 0, true
		in.resume, in.trouble = 0, ""
	}
	return nil
}

func (m *Meter) recountAll(ctx context.Context, ob *objective, sinks map[*instance]*burn.Recount, base bases, recent fetched) error {
	now := m.opts.Now()
	for in, h := range recent.asked {
		for k, t := range h.at {
			sinks[in].Add(t, h.d[k])
		}
		in.asked = recent.until
	}
	// The totals first: they tell since when the SLI has data.
	for _, totals := range []bool{true, false} {
		for i := range ob.plan.terms {
			if t := &ob.plan.terms[i]; t.total == totals {
				if err := m.recountTerm(ctx, ob, t, sinks, base, now, recent); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (m *Meter) recountTerm(ctx context.Context, ob *objective, t *term, sinks map[*instance]*burn.Recount, base bases, now time.Time, recent fetched) error {
	w := m.watches[t.key]
	horizon := m.eng.Horizon()
	watch := narrowed(t.watch, ob, slices.Collect(maps.Keys(sinks)))
	read := m.opts.Reader.Read
	if m.source == nil {
		read = recent.reader(t.key)
	}
	// What is ahead of our clock is in the store too.
	return read(ctx, watch, ms(horizon-burn.Lookback), now.Add(time.Hour), func(p metrics.Points) error {
		in := ob.instances[groupOf(ob.plan.by, p.Labels)]
		to := sinks[in]
		if in == nil || to == nil {
			return nil
		}
		s := m.seriesOf(w, p.Labels)
		m.share(s, p, sinks)
		cur := series{}
		cur.at, cur.v = m.baseOf(w, s, base, horizon)
		var gaps []gap
		for k, at := range p.T {
			if !usable(p.V[k]) || at <= cur.at {
				continue
			}
			if at > horizon {
				in.saw(t, at)
				feedOne(t, &cur, in.born(at), at, p.V[k], to)
				if cur.at != 0 && at-cur.at > burn.Lookback {
					gaps = append(gaps, gap{cur.at, cur.v, at})
				}
			}
			cur.at, cur.v = at, p.V[k]
		}
		s.at, s.v = cur.at, cur.v
		delete(m.gaps, s)
		if len(gaps) > 0 {
			m.gaps[s] = gaps
		}
		return nil
	})
}

// share gives samples that were fetched and are new to the other instances that
// count them: to be fetched again they are not new any more.
func (m *Meter) share(s *series, p metrics.Points, sinks map[*instance]*burn.Recount) {
	if m.source != nil {
		return
	}
	for in := range sinks {
		was := in.live
		in.live = false
		defer func() { in.live = was }()
	}
	m.takeNew(s, p)
}

// narrowed is a watch for a few groups of a grouped objective.
func narrowed(w metrics.Watch, ob *objective, list []*instance) metrics.Watch {
	if len(ob.plan.by) == 0 || len(list) > batch || len(list) == len(ob.instances) {
		return w
	}
	values := map[string]bool{}
	label := ob.plan.by[0]
	for _, in := range list {
		values[regexp.QuoteMeta(in.labels[label])] = true
	}
	w.Selector = append(slices.Clone(w.Selector), metrics.Matcher{Name: label, Op: "=~", Value: strings.Join(slices.Sorted(maps.Keys(values)), "|")})
	return w
}

// baseOf is the last sample of a series that is known to be before the horizon.
func (m *Meter) baseOf(w *watching, s *series, base bases, horizon int64) (int64, float64) {
	if b, ok := base[baseKey(w.key, s.key)]; ok {
		return b.at, b.v
	}
	if s.at != 0 && s.at <= horizon {
		return s.at, s.v
	}
	for _, g := range m.gaps[s] {
		if g.from <= horizon && g.to > horizon {
			return g.from, g.v
		}
	}
	if i, ok := m.idle[baseKey(w.key, s.key)]; ok && i.At <= horizon {
		return i.At, i.V
	}
	return 0, 0
}
