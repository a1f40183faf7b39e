package meter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/burn"
)

// behind is how far the horizon stays behind now: the store of samples takes what
// is an hour late, and a silence is told from a gap after the lookback.
const behind = 65 * time.Minute

// Keeper keeps the settled rows and the checkpoint.
type Keeper interface {
	// Open gives the rows of the n-th slab.
	Open(n int, coarse burn.Tier) (burn.Rows, error)
	// Load returns the last checkpoint, or a zero one.
	Load() (Checkpoint, error)
	// Save puts the rows, then c, on disk.
	Save(c Checkpoint) error
}

// Options are what a Meter needs.
type Options struct {
	Reader    metrics.Reader // raw samples; a metrics.Source brings them as they come
	Engine    metrics.Engine // for what has to be asked
	Keeper    Keeper
	Now       func() time.Time
	MaxGroups int                                                  // instances of one objective; default 500
	Corrected func(o slo.Objective, from, to time.Time) []Interval // in their order; may be nil
}

// Interval is a stretch of time that does not count: (From, To].
type Interval struct{ From, To time.Time }

// Meter counts. It is safe for concurrent use.
type Meter struct {
	opts   Options
	source metrics.Source // nil where samples have to be fetched
	upkeep sync.Mutex     // one Upkeep or Replace at a time
	asking atomic.Int32   // how many wait to Replace: loading gives way to them

	mu         sync.Mutex
	eng        *burn.Engine
	objectives map[string]*objective
	instances  map[string]*instance
	ids        []string // see sorted
	listed     int      // the edition that they are of
	watches    map[string]*watching
	byNumber   map[int]*watching
	lines      []*series
	gaps       map[*series][]gap
	kept       Checkpoint // what the last run left, until it is claimed
	idle       map[string]Idle
	polled     time.Time
	saved      time.Time
	edition    int   // of the list of instances
	longest    int64 // period, in milliseconds

	newMu sync.Mutex // never held while another lock is asked for
	new   []newLine
}

// objective is one document at work.
type objective struct {
	o         slo.Objective
	print     string
	plan      plan
	instances map[string]*instance // by their group
	capped    map[string]bool      // groups beyond the cap
	found     bool                 // the store was asked for groups
}

// instance is one line of an objective.
type instance struct {
	m       *Meter
	o       slo.Objective
	owner   *objective
	labels  map[string]string // of its group
	raw     burn.Column
	cut     burn.Column // of slices; -1 where the budget is of events
	live    bool
	dirty   int64 // the time since which its counts are wrong; 0 where they are not
	touched bool
	first   int64      // the earliest sample of its total
	last    int64      // the latest sample of all
	carry   [2]float64 // what is left of an event in what is asked
	asked   int64
	resume  int64 // the horizon of the run before, whose rows were kept; 0 where none were
	again   int64 // when to count it once more: what was being committed while it was loaded
	trouble string
}

// watching is one selector at work.
type watching struct {
	key    string
	watch  metrics.Watch
	number int // of the store; -1 where it is fetched
	uses   []use
	series map[string]*series
}

type use struct {
	owner *objective
	term  *term
}

// New returns a Meter that goes on where the keeper's checkpoint ends.
func New(o Options) (*Meter, error) {
	if o.MaxGroups == 0 {
		o.MaxGroups = 500
	}
	m := &Meter{
		opts: o, objectives: map[string]*objective{}, instances: map[string]*instance{},
		watches: map[string]*watching{}, byNumber: map[int]*watching{}, gaps: map[*series][]gap{}, idle: map[string]Idle{},
	}
	m.source, _ = o.Reader.(metrics.Source)
	var err error
	if m.kept, err = o.Keeper.Load(); err != nil {
		// What is kept can be had again from the store of samples.
		m.kept = Checkpoint{}
	}
	m.begin()
	if m.source != nil {
		m.source.Tap(m)
	}
	return m, nil
}

// begin makes an engine whose horizon is the checkpoint's, or where that is too
// old, as old as the hot ring allows.
func (m *Meter) begin() {
	now := m.opts.Now().UnixMilli()
	horizon := now - behind.Milliseconds()
	if h := m.kept.Horizon; h > 0 && h <= now && now-h < burn.HotSpan-2*burn.Coarse {
		horizon = h
	}
	m.eng = burn.New(m.opts.Keeper.Open, horizon)
	for _, i := range m.kept.Idle {
		m.idle[baseKey(i.Watch, keyOf(i.Labels))] = i
	}
	// An error is met again by the first tick, which reports it.
	_ = m.eng.Advance(now)
}

// Replace puts objectives in use. What is counted of those whose SLI did not
// change is kept; the others are loaded by the next Upkeep.
func (m *Meter) Replace(list []slo.Objective) error {
	m.asking.Add(1)
	m.upkeep.Lock()
	m.asking.Add(-1)
	defer m.upkeep.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[string]slo.Objective{}
	for _, o := range list {
		next[o.ID] = o
	}
	for id, old := range m.objectives {
		// Composites are made anew: their parts may be.
		o, ok := next[id]
		if !ok || fingerprint(o) != old.print || (o.Composite != nil && !byWindow(o)) {
			m.remove(old)
			continue
		}
		old.o = o
		for _, in := range old.instances {
			in.o = instanceOf(o, in.o.Group, in.o.ID)
		}
	}
	var failed []error
	for _, o := range list {
		if _, ok := m.objectives[o.ID]; !ok && o.Composite == nil {
			failed = append(failed, m.add(o))
		}
	}
	failed = append(failed, m.compose(list))
	m.edition++
	m.longest = 0
	for _, ob := range m.objectives {
		m.longest = max(m.longest, periodOf(ob.o).Milliseconds())
	}
	return errors.Join(failed...)
}

// sorted are the ids of the instances, in order.
func (m *Meter) sorted() []string {
	if len(m.ids) != len(m.instances) || m.listed != m.edition {
		m.ids, m.listed = slices.Sorted(maps.Keys(m.instances)), m.edition
	}
	return m.ids
}

func instanceOf(o slo.Objective, group, id string) slo.Objective {
	if group != "" {
		o.Parent, o.Group, o.ID = o.ID, group, id
		o.Name += " " + group
	}
	return o
}

// add begins to count an objective: its instance, or where it is grouped those
// that the last run knew.
func (m *Meter) add(o slo.Objective) error {
	ob := &objective{o: o, print: fingerprint(o), plan: planOf(o), instances: map[string]*instance{}, capped: map[string]bool{}}
	m.objectives[o.ID] = ob
	var failed []error
	for i := range ob.plan.terms {
		failed = append(failed, m.use(ob, &ob.plan.terms[i]))
	}
	if len(ob.plan.by) == 0 {
		_, err := m.instance(ob, nil)
		failed = append(failed, err)
	}
	for _, k := range m.kept.Instances {
		if k.Objective == o.ID && k.Print == ob.print && len(k.Labels) > 0 {
			_, err := m.instance(ob, k.Labels)
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (m *Meter) use(ob *objective, t *term) error {
	w, ok := m.watches[t.key]
	if !ok {
		w = &watching{key: t.key, watch: t.watch, number: -1, series: map[string]*series{}}
		if m.source != nil {
			n, err := m.source.Watch(t.watch)
			if err != nil {
				return fmt.Errorf("objective %s: %w", ob.o.ID, err)
			}
			w.number = n
			m.byNumber[n] = w
		}
		m.watches[t.key] = w
	}
	w.uses = append(w.uses, use{ob, t})
	for key, s := range w.series {
		m.feed(s, use{ob, t}, labelsOf(key))
	}
	return nil
}

// remove ends an objective.
func (m *Meter) remove(ob *objective) {
	delete(m.objectives, ob.o.ID)
	for _, in := range ob.instances {
		m.give(in)
		delete(m.instances, in.o.ID)
	}
	for key, w := range m.watches {
		w.uses = slices.DeleteFunc(w.uses, func(u use) bool { return u.owner == ob })
		for _, s := range w.series {
			s.feeds = slices.DeleteFunc(s.feeds, func(f feed) bool { return f.to.owner == ob })
		}
		if len(w.uses) > 0 {
			continue
		}
		delete(m.watches, key)
		delete(m.byNumber, w.number)
		if m.source != nil {
			m.source.Unwatch(w.number)
		}
	}
}

// give gives the columns of an instance back: it is at its end.
func (m *Meter) give(in *instance) {
	for _, c := range []burn.Column{in.cut, in.raw} {
		if c >= 0 {
			m.eng.Give(c)
		}
	}
	in.raw, in.cut, in.live = -1, -1, false
}

// instance returns the instance of a group, and makes it where it is new; nil
// where there are too many.
func (m *Meter) instance(ob *objective, labels map[string]string) (*instance, error) {
	group := groupOf(ob.plan.by, labels)
	if in, ok := ob.instances[group]; ok {
		return in, nil
	}
	if len(ob.instances) >= m.opts.MaxGroups {
		ob.capped[group] = true
		return nil, nil
	}
	in := &instance{m: m, owner: ob, raw: -1, cut: -1, labels: map[string]string{}}
	for _, l := range ob.plan.by {
		in.labels[l] = labels[l]
	}
	in.o = instanceOf(ob.o, group, ob.o.ID+groupID(ob.plan.by, labels))
	if err := m.columns(in); err != nil {
		return nil, errs.New(errs.Unavailable, "count %s: %w", in.o.ID, err)
	}
	ob.instances[group] = in
	m.instances[in.o.ID] = in
	m.edition++
	return in, nil
}

// columns gives an instance its columns: those that it had, or new ones.
func (m *Meter) columns(in *instance) error {
	period := periodOf(in.o).Milliseconds()
	for i, k := range m.kept.Instances {
		if k.Objective != in.owner.o.ID || groupOf(in.owner.plan.by, k.Labels) != in.o.Group || k.Print != in.owner.print {
			continue
		}
		m.kept.Instances = slices.Delete(m.kept.Instances, i, i+1)
		if m.reclaim(in, k, period) {
			return nil
		}
		break
	}
	var err error
	if in.raw, err = m.eng.Take(period); err != nil || !sliced(in.o) {
		return err
	}
	if in.cut, err = m.eng.Take(period); err != nil {
		return err
	}
	m.eng.Slice(in.cut, in.o.Slice.Length.Milliseconds(), in.judgeOne, in.raw)
	return nil
}

func sliced(o slo.Objective) bool {
	return o.Method == slo.Timeslices || o.Method == slo.RatioTimeslices
}

// judgeOne is judge as the engine asks it.
func (in *instance) judgeOne(end int64, cells []burn.Cell) burn.Cell { return in.judge(end, cells[0]) }

// judge says what the slice that ends at a time counts. Before the first sample
// there was nothing to promise.
func (in *instance) judge(end int64, c burn.Cell) burn.Cell {
	unit := in.owner.plan.unit
	if c.Samples == 0 {
		switch {
		case in.first == 0 || end <= in.first || in.o.NoData == slo.NoDataIgnore:
			return burn.Cell{}
		case in.o.NoData == slo.NoDataBad:
			return burn.Cell{Part: unit, Total: unit}
		}
		return burn.Cell{Total: unit}
	}
	bad := in.bad(c)
	out := burn.Cell{Total: unit, Samples: 1}
	switch {
	case c.Total <= 0 && in.o.Method == slo.RatioTimeslices:
		return burn.Cell{Samples: 1} // nothing happened, so there is no share
	case c.Total <= 0:
	case in.o.Method == slo.RatioTimeslices:
		out.Part = portion(bad, c.Total)
	case tooBad(in.o.Slice.Target, bad, c.Total):
		out.Part = unit
	}
	return out
}

// bad is the number of bad events of a raw cell, within what there was.
func (in *instance) bad(c burn.Cell) int64 {
	if in.owner.plan.bad {
		return min(max(c.Part, 0), max(c.Total, 0))
	}
	return min(max(c.Total-c.Part, 0), max(c.Total, 0))
}

// groupOf is the group of a series: region="eu",zone="a".
func groupOf(by []string, labels map[string]string) string {
	parts := make([]string, len(by))
	for i, l := range by {
		parts[i] = fmt.Sprintf("%s=%q", l, labels[l])
	}
	return strings.Join(parts, ",")
}

// groupID is the tail of an instance's id: letters, digits and dashes of the
// group's values, and a mark where those alone would not tell it from another.
func groupID(by []string, labels map[string]string) string {
	var b strings.Builder
	lossy := false
	for _, l := range by {
		b.WriteByte('.')
		for _, r := range labels[l] {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
				b.WriteRune(r)
			default:
				b.WriteByte('-')
				lossy = true
			}
		}
	}
	if lossy {
		h := uint32(2166136261)
		for _, c := range []byte(groupOf(by, labels)) {
			h = (h ^ uint32(c)) * 16777619
		}
		fmt.Fprintf(&b, "-%08x", h)
	}
	return b.String()
}

// Instances are the objectives as they are counted: grouped ones once for each
// group, in the order of their ids. edition changes whenever they do.
func (m *Meter) Instances() (list []slo.Objective, edition int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list = make([]slo.Objective, 0, len(m.instances))
	for _, id := range m.sorted() {
		list = append(list, m.instances[id].o)
	}
	return list, m.edition
}

// Complete implements slo.Stream.
func (m *Meter) Complete() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ob := range m.objectives {
		if len(ob.plan.by) > 0 && !ob.found {
			return false
		}
	}
	return true
}

// Tick closes the edges that have passed. It is short.
func (m *Meter) Tick() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.eng.Advance(m.opts.Now().UnixMilli())
	m.eng.Refresh()
	if err != nil {
		return errs.New(errs.Unavailable, "count events: %w", err)
	}
	return nil
}

// Touched returns the ids of the instances for which events came since the last
// call, sorted.
func (m *Meter) Touched() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for id, in := range m.instances {
		if in.touched {
			in.touched = false
			out = append(out, id)
		}
	}
	for id, in := range m.instances {
		if in.o.Composite != nil && slices.ContainsFunc(in.o.Composite.Parts, func(p slo.Component) bool { return slices.Contains(out, p.Objective) }) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Add implements sink.
func (in *instance) Add(t int64, d burn.Cell) { in.m.eng.Add(in.raw, t, d) }

// After implements sink.
func (in *instance) After(t, seen int64, d burn.Cell) { in.m.eng.After(in.raw, t, seen, d) }

// Health says why counts may be old, or nil.
func (m *Meter) Health(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range m.sorted() {
		if in := m.instances[id]; in.trouble != "" {
			return errs.New(errs.Unavailable, "objective %s: %s", id, in.trouble)
		}
	}
	return nil
}
