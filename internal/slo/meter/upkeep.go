package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/burn"
)

// Checkpoint is what the settled rows do not hold. All times are in milliseconds
// since 1970.
type Checkpoint struct {
	Horizon   int64      `json:"horizon"` // the rows are settled up to here
	Instances []Instance `json:"instances"`
	Idle      []Idle     `json:"idle,omitempty"`
}

// Instance says whose a column is.
type Instance struct {
	Objective string            `json:"objective"`
	Labels    map[string]string `json:"labels,omitempty"` // of its group
	Print     string            `json:"print"`            // of what is counted
	Raw       int32             `json:"raw"`
	Cut       int32             `json:"cut"`
	Origin    int64             `json:"origin"`
	CutOrigin int64             `json:"cut_origin,omitempty"`
	First     int64             `json:"first,omitempty"`
	Last      int64             `json:"last,omitempty"`
	After     []After           `json:"after,omitempty"`
}

// After is an afterthought: see package burn.
type After = burn.Afterthought

// Idle is the last sample of a series that fell silent before the horizon.
type Idle struct {
	Watch  string            `json:"watch"`
	Labels map[string]string `json:"labels"`
	At     int64             `json:"at"`
	V      float64           `json:"v"`
}

// reclaim gives an instance the columns that it had in the last run.
func (m *Meter) reclaim(in *instance, k Instance, period int64) bool {
	raw, cut := burn.Column(k.Raw), burn.Column(k.Cut)
	until := m.kept.Horizon
	if sliced(in.o) != (cut >= 0) || until > m.eng.Horizon() || until <= m.eng.Horizon()-period {
		return false
	}
	if m.eng.Keep(raw, period, k.Origin, until) != nil {
		return false
	}
	if cut >= 0 {
		if m.eng.Keep(cut, period, k.CutOrigin, until) != nil {
			m.eng.Give(raw)
			return false
		}
		m.eng.Slice(cut, in.o.Slice.Length.Milliseconds(), in.judgeOne, raw)
	}
	for _, a := range k.After {
		m.eng.After(raw, a.Edge, a.Seen, a.Cell)
	}
	in.raw, in.cut, in.resume = raw, cut, until
	in.first, in.last = k.First, k.Last
	return true
}

// Upkeep does what takes longer: it loads what is new, counts again what is
// dirty, asks what has to be asked, and once a minute settles rows and saves a
// checkpoint. It is one round of a worker.
func (m *Meter) Upkeep(ctx context.Context) error {
	m.upkeep.Lock()
	defer m.upkeep.Unlock()
	failed := []error{m.loadAll(ctx), m.loadComposites(ctx)}
	if m.source == nil {
		failed = append(failed, m.poll(ctx))
	}
	failed = append(failed, m.askAll(ctx), m.repair(ctx))
	if now := m.opts.Now(); now.Sub(m.saved) >= time.Minute || now.Before(m.saved) {
		m.saved = now
		failed = append(failed, m.checkpoint(now))
	}
	return errors.Join(failed...)
}

// loadAll loads the instances that are not live, one objective at a time.
func (m *Meter) loadAll(ctx context.Context) error {
	var failed []error
	for _, ob := range m.pending(func(in *instance) bool { return !in.live }) {
		if err := m.discover(ctx, ob.owner); err != nil {
			failed = append(failed, m.troubled(ob.list, err))
			continue
		}
		list := m.among(ob.owner, func(in *instance) bool { return !in.live })
		if err := m.load(ctx, ob.owner, list); err != nil {
			failed = append(failed, m.troubled(list, err))
			continue
		}
		m.mu.Lock()
		for _, in := range list {
			in.again = m.opts.Now().Add(2 * time.Minute).UnixMilli()
		}
		m.mu.Unlock()
		if ctx.Err() != nil || m.asking.Load() > 0 {
			break
		}
	}
	return errors.Join(failed...)
}

type todo struct {
	owner *objective
	list  []*instance
}

// pending lists the objectives that have instances for which want holds, and those
// grouped ones that have none yet.
func (m *Meter) pending(want func(*instance) bool) (out []todo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[*objective]int{}
	for _, id := range m.sorted() {
		in := m.instances[id]
		if !want(in) || in.raw < 0 {
			continue
		}
		k, ok := seen[in.owner]
		if !ok {
			k = len(out)
			seen[in.owner] = k
			out = append(out, todo{owner: in.owner})
		}
		out[k].list = append(out[k].list, in)
	}
	for _, ob := range m.objectives {
		if len(ob.plan.by) > 0 && !ob.found {
			if _, ok := seen[ob]; !ok {
				out = append(out, todo{owner: ob})
			}
		}
	}
	return out
}

func (m *Meter) among(ob *objective, want func(*instance) bool) (out []*instance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, in := range ob.instances {
		if want(in) {
			out = append(out, in)
		}
	}
	return out
}

// discover finds the groups that the store knows of a grouped objective.
func (m *Meter) discover(ctx context.Context, ob *objective) error {
	if len(ob.plan.by) == 0 || ob.found {
		return nil
	}
	now := m.opts.Now()
	for i := range ob.plan.terms {
		t := &ob.plan.terms[i]
		if !t.total {
			continue
		}
		err := m.opts.Reader.Read(ctx, t.watch, now.Add(-periodOf(ob.o)), now.Add(time.Hour), func(p metrics.Points) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			_, err := m.instance(ob, p.Labels)
			return err
		})
		if err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ob.found = true
	return nil
}

func (m *Meter) troubled(list []*instance, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, in := range list {
		in.trouble = err.Error()
	}
	if len(list) == 0 {
		return err
	}
	return fmt.Errorf("load %s: %w", list[0].o.ID, err)
}

// repair counts dirty instances again.
func (m *Meter) repair(ctx context.Context) error {
	now := m.opts.Now().UnixMilli()
	var failed []error
	for _, ob := range m.pending(func(in *instance) bool {
		return in.live && (in.dirty != 0 || (in.again != 0 && in.again <= now))
	}) {
		recent, err := m.fetch(ctx, ob.owner, ob.list)
		if err == nil {
			err = m.still(func() error {
				m.mu.Lock()
				defer m.mu.Unlock()
				for _, in := range ob.list {
					in.again = 0
				}
				return m.recount(ctx, ob.owner, ob.list, nil, recent)
			})
		}
		if err != nil {
			failed = append(failed, m.troubled(ob.list, err))
		}
	}
	return errors.Join(failed...)
}

// checkpoint settles rows and saves what they do not hold.
func (m *Meter) checkpoint(now time.Time) error {
	m.mu.Lock()
	err := m.eng.Advance(now.UnixMilli())
	for _, in := range m.instances {
		if !in.live && in.resume != 0 {
			m.mu.Unlock()
			return err // the kept rows of what is not loaded yet end at the old horizon
		}
	}
	if err == nil {
		to := now.Add(-behind).UnixMilli()
		m.unload(to)
		err = m.eng.Settle(to)
	}
	if err != nil {
		m.mu.Unlock()
		return errs.New(errs.Unavailable, "settle what was counted: %w", err)
	}
	m.kept = Checkpoint{}
	m.expire(now)
	clear(m.idle)
	c := m.snapshot()
	m.mu.Unlock()
	if err := m.opts.Keeper.Save(c); err != nil {
		return errs.New(errs.Unavailable, "save what was counted: %w", err)
	}
	return nil
}

// unload makes instances that could not be counted again in time, before rows are
// settled up to a time, be loaded again: rows never change.
func (m *Meter) unload(to int64) {
	for _, in := range m.instances {
		if in.live && in.dirty != 0 && in.dirty <= to/burn.Coarse*burn.Coarse && in.raw >= 0 {
			in.live, in.dirty = false, 0
		}
	}
}

// snapshot is the checkpoint of the rows as they are settled.
func (m *Meter) snapshot() Checkpoint {
	h := m.eng.Horizon()
	c := Checkpoint{Horizon: h}
	for _, id := range m.sorted() {
		in := m.instances[id]
		if in.raw < 0 || !in.live {
			continue
		}
		k := Instance{
			Objective: in.owner.o.ID, Labels: in.labels, Print: in.owner.print, Raw: int32(in.raw), Cut: int32(in.cut),
			Origin: m.eng.Origin(in.raw), First: in.first, Last: in.last, After: m.eng.Afterthoughts(in.raw),
		}
		if in.cut >= 0 {
			k.CutOrigin = m.eng.Origin(in.cut)
		}
		c.Instances = append(c.Instances, k)
	}
	for _, w := range m.watches {
		for key, s := range w.series {
			at, v := m.lastBefore(s, h)
			switch {
			case at == 0 || at > h-burn.Lookback:
			case h-at <= m.longest:
				c.Idle = append(c.Idle, Idle{w.key, labelsOf(key), at, v})
			case s.at <= h:
				m.drop(w, key, s)
			}
		}
	}
	return c
}

// lastBefore is the last sample of a series before the horizon, where a gap that
// ended later tells of it; it forgets the gaps that ended before.
func (m *Meter) lastBefore(s *series, horizon int64) (at int64, v float64) {
	if s.at <= horizon {
		return s.at, s.v
	}
	gaps := m.gaps[s]
	for _, g := range gaps {
		if g.from <= horizon && g.to > horizon {
			at, v = g.from, g.v
		}
	}
	if len(gaps) > 0 && gaps[len(gaps)-1].to <= horizon {
		delete(m.gaps, s)
	}
	return at, v
}

// forsake gives up all settled rows where they are damaged: they are counted again
// from samples.
func (m *Meter) forsake(why error) {
	if !errors.Is(why, burn.ErrDamaged) {
		return
	}
	why = errors.Join(why, m.eng.Clear())
	for _, in := range m.instances {
		if in.raw >= 0 || in.cut >= 0 {
			in.live, in.resume, in.trouble = false, 0, why.Error()+": counting again from samples"
		}
	}
}

// drop forgets a series that has been silent for longer than any window. Where it
// comes again it gets a line again.
func (m *Meter) drop(w *watching, key string, s *series) {
	delete(w.series, key)
	delete(m.gaps, s)
	s.feeds = nil
}

// expire ends the instances of groups that have had no sample for a whole period.
// Their series stay, for other objectives may count them: see revive.
func (m *Meter) expire(now time.Time) {
	for id, in := range m.instances {
		if in.o.Group == "" || !in.live || in.last == 0 || now.Sub(ms(in.last)) < periodOf(in.o) {
			continue
		}
		m.give(in)
		delete(m.instances, id)
		delete(in.owner.instances, in.o.Group)
		m.edition++
	}
}

// Problem says what is wrong with the counts of an instance, or "".
func (m *Meter) Problem(id string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if in := m.instances[id]; in != nil {
		return in.trouble
	}
	return ""
}

// About says how an objective is counted, for people.
type About struct {
	Asked       string // why it is asked with queries; "" where samples are counted as they come
	Unit        int64  // parts of one event
	Last        time.Time
	Capped      int // groups that are not counted
	Live        bool
	FirstSample slo.FirstSample
}

// About returns how an instance is counted.
func (m *Meter) About(id string) (a About, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in := m.instances[id]
	if in == nil {
		return a, false
	}
	a = About{Asked: in.owner.plan.why, Unit: max(1, in.owner.plan.unit), Capped: len(in.owner.capped), Live: in.live, FirstSample: in.o.SLI.First}
	if in.last > 0 {
		a.Last = ms(in.last)
	}
	return a, true
}
