package meter

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budgeting"
	"github.com/hinoban/hinoban/internal/slo/burn"
	"github.com/hinoban/hinoban/internal/slo/composite"
)

// byWindow reports whether a composite is computed from what its parts counted over
// a whole window, as OpenSLO has it for Occurrences. The others are computed slice
// by slice: only that tells what happened together.
func byWindow(o slo.Objective) bool {
	return o.Method == slo.Occurrences && o.Composite.Method != composite.EventProduct && o.Composite.Method != composite.AnyBad
}

// sliceOf is the length of a composite's slices.
func sliceOf(o slo.Objective) time.Duration {
	if o.Slice.Length > 0 {
		return o.Slice.Length
	}
	return time.Minute
}

// compose begins to count the composites, those first that others are made of.
func (m *Meter) compose(list []slo.Objective) error {
	left := map[string]slo.Objective{}
	for _, o := range list {
		if _, ok := m.objectives[o.ID]; !ok && o.Composite != nil {
			left[o.ID] = o
		}
	}
	for len(left) > 0 {
		before := len(left)
		for _, o := range list {
			if _, ok := left[o.ID]; !ok {
				continue
			}
			waits := slices.ContainsFunc(o.Composite.Parts, func(p slo.Component) bool { _, ok := left[p.Objective]; return ok })
			if waits {
				continue
			}
			delete(left, o.ID)
			if err := m.composed(o); err != nil {
				return err
			}
		}
		if len(left) == before {
			return errs.New(errs.Invalid, "composites are made of one another")
		}
	}
	return nil
}

func (m *Meter) composed(o slo.Objective) error {
	ob := &objective{o: o, print: fingerprint(o), plan: plan{bad: true, unit: Scale}}
	in := &instance{m: m, o: o, owner: ob, raw: -1, cut: -1, live: byWindow(o)}
	ob.instances = map[string]*instance{"": in}
	m.objectives[o.ID] = ob
	m.instances[o.ID] = in
	m.edition++
	if byWindow(o) {
		return nil
	}
	from, err := m.sources(o)
	if err != nil {
		in.trouble = err.Error()
		return err
	}
	if in.cut, err = m.eng.Take(periodOf(o).Milliseconds()); err != nil {
		return err
	}
	m.eng.Slice(in.cut, sliceOf(o).Milliseconds(), in.judgeParts, from...)
	return nil
}

// sources are the columns of a composite's parts: what happened, or for a part
// that is a composite itself its slices.
func (m *Meter) sources(o slo.Objective) ([]burn.Column, error) {
	var out []burn.Column
	for _, p := range o.Composite.Parts {
		in, ok := m.instances[p.Objective]
		if !ok {
			return nil, errs.New(errs.NotFound, "%s is made of %s, which is not counted", o.ID, p.Objective)
		}
		switch {
		case in.raw >= 0:
			out = append(out, in.raw)
		case in.cut >= 0:
			out = append(out, in.cut)
		default:
			return nil, errs.New(errs.Invalid, "%s is made slice by slice, and its part %s by windows", o.ID, p.Objective)
		}
	}
	return out, nil
}

// judgeParts is what one slice of a composite counts.
func (in *instance) judgeParts(_ int64, cells []burn.Cell) burn.Cell {
	parts := make([]composite.Part, len(cells))
	for i, c := range cells {
		of, ok := in.m.instances[in.o.Composite.Parts[i].Objective]
		if !ok {
			continue
		}
		n := of.count(c)
		if of.raw >= 0 { // what happened, whether its own budget is of slices or not
			n = slo.Count{Good: max(0, c.Total) - of.bad(c), Total: max(0, c.Total), Known: c.Samples > 0}
		}
		parts[i] = in.part(i, n, of.o.Target)
	}
	s := composite.Slice(in.o.Composite.Method, parts)
	if !s.Known {
		return burn.Cell{}
	}
	return burn.Cell{Part: s.Total - s.Good, Total: s.Total, Samples: 1}
}

func (in *instance) part(i int, n slo.Count, target slo.Target) composite.Part {
	p := in.o.Composite.Parts[i]
	return composite.Part{
		Slot: budgeting.Slot{Good: n.Good, Total: n.Total, Known: n.Known}, Target: target,
		Weight: composite.Weight(p.Weight), Delayed: slo.NoData(p.Delayed),
	}
}

// combined is a composite over one window.
func (m *Meter) combined(in *instance, from, to time.Time) (slo.Count, error) {
	var parts []composite.Part
	for i, p := range in.o.Composite.Parts {
		of, ok := m.instances[p.Objective]
		if !ok {
			return slo.Count{}, errs.New(errs.NotFound, "%s is made of %s, which is not counted", in.o.ID, p.Objective)
		}
		n, err := m.between(of.o, from, to)
		if err != nil {
			return slo.Count{}, err
		}
		parts = append(parts, in.part(i, n, of.o.Target))
	}
	s := composite.Slice(in.o.Composite.Method, parts)
	minutes := max(1, int64(to.Sub(from)/time.Minute)) // so that windows of one composite can be compared
	return slo.Count{Good: s.Good * minutes, Total: s.Total * minutes, Known: s.Known, Unit: Scale, At: to}, nil
}

// loadComposites gives composites that are counted in slices their past, from the
// past of their parts, once those have theirs.
func (m *Meter) loadComposites(ctx context.Context) error {
	for range composite.MaxDepth {
		m.mu.Lock()
		done, err := m.loadReady()
		m.mu.Unlock()
		if done || err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// loadReady loads the composites whose parts are all live; done is true where there
// was none.
func (m *Meter) loadReady() (done bool, err error) {
	done = true
	for _, id := range m.sorted() {
		in := m.instances[id]
		if in.o.Composite == nil || in.live || in.cut < 0 {
			continue
		}
		waits := slices.ContainsFunc(in.o.Composite.Parts, func(p slo.Component) bool {
			of, ok := m.instances[p.Objective]
			return !ok || !of.live
		})
		if waits {
			continue
		}
		done = false
		if err := m.loadComposite(in); err != nil {
			m.forsake(err)
			in.trouble = err.Error()
			return false, fmt.Errorf("load %s: %w", id, err)
		}
		in.live, in.trouble = true, ""
	}
	return done, nil
}

// loadComposite fills a composite's slices. Beyond three days the rows of its parts
// are five minutes apart, and so shorter slices are shares of those.
func (m *Meter) loadComposite(in *instance) error {
	from, err := m.sources(in.o)
	if err != nil {
		return err
	}
	horizon, length := m.eng.Horizon(), sliceOf(in.o).Milliseconds()
	start := horizon - ceilTo(periodOf(in.o).Milliseconds(), max(length, burn.Coarse)*burn.Coarse/burn.Fine)
	lines := make([][]burn.Cell, len(from))
	for i, c := range from {
		if lines[i], err = m.eng.Line(c, start, horizon, burn.Fine); err != nil {
			return err
		}
	}
	minutes := make([]burn.Cell, (horizon-start)/burn.Fine)
	each := int(length / burn.Fine)
	cells := make([]burn.Cell, len(from))
	for k := range minutes {
		end := start + int64(k+1)*burn.Fine
		if end%length != 0 || k+1 < each {
			continue
		}
		for i := range lines {
			cells[i] = lines[i][k+1].Minus(lines[i][k+1-each])
		}
		minutes[k] = in.judgeParts(end, cells)
	}
	if err := m.eng.Fill(in.cut, start, minutes); err != nil {
		return err
	}
	m.eng.Recut(in.cut)
	m.eng.Refresh()
	return nil
}
