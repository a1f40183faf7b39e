package burn

import (
	"fmt"
	"slices"
)

// Fill gives a column its past: minutes[k] is what happened over the minute that
// ends at from + (k+1)·Fine, and the last of them ends at the horizon. from is a
// coarse edge. What the column counted before is dropped; it is to be counted
// again from the horizon on with [Engine.Recount].
func (e *Engine) Fill(c Column, from int64, minutes []Cell) error {
	s, i := e.slabs[c.slab()], c.place()
	s.after[i] = nil
	for len(minutes) >= int(Coarse/Fine) && emptyAll(minutes[:Coarse/Fine]) {
		minutes, from = minutes[Coarse/Fine:], from+Coarse // it begins when something begins
	}
	return e.extend(s, i, from, Cell{}, from, minutes)
}

func emptyAll(cells []Cell) bool {
	for _, c := range cells {
		if c != (Cell{}) {
			return false
		}
	}
	return true
}

// Extend goes on where a kept column ended, at from; minutes are as for Fill.
func (e *Engine) Extend(c Column, from int64, minutes []Cell) error {
	s, i := e.slabs[c.slab()], c.place()
	base, err := s.cell(i, s.origin[i], from)
	if err != nil {
		return err
	}
	return e.extend(s, i, from, base, s.origin[i], minutes)
}

func (e *Engine) extend(s *slab, i int, from int64, base Cell, origin int64, minutes []Cell) error {
	if from%Coarse != 0 || from+int64(len(minutes))*Fine != e.horizon {
		return fmt.Errorf("minutes from %d do not end at the horizon %d", from, e.horizon)
	}
	fine := make([]Cell, 0, len(minutes))
	coarse := make([]Cell, 0, len(minutes)/int(Coarse/Fine))
	sum := base
	for k, d := range minutes {
		sum = sum.Plus(d)
		fine = append(fine, sum)
		if (k+1)%int(Coarse/Fine) == 0 {
			coarse = append(coarse, sum)
		}
	}
	if err := writeColumn(s.rows, FineTier(), i, from+Fine, fine); err != nil {
		return err
	}
	if err := writeColumn(s.rows, s.coarse, i, from+Coarse, coarse); err != nil {
		return err
	}
	s.near = nil
	s.origin[i] = origin
	s.after[i] = slices.DeleteFunc(s.after[i], func(a afterthought) bool { return a.seen > from }) // they come again
	s.reset(i, sum, e.horizon, e.edge)
	return nil
}

// writeColumn writes the last of cells that the tier keeps.
func writeColumn(rows Rows, t Tier, i int, from int64, cells []Cell) error {
	if extra := int64(len(cells)) - (t.Rows - 1); extra > 0 {
		cells, from = cells[extra:], from+extra*t.Step
	}
	if len(cells) == 0 {
		return nil
	}
	return rows.WriteColumn(t, i, from, cells)
}

// reset puts base in every hot row of a column.
func (s *slab) reset(i int, base Cell, horizon, edge int64) {
	for x := horizon; x <= edge; x += Slot {
		s.hot[hotIndex(x)+i] = base
	}
	s.now[i] = base
}

// Origin is the edge from which on a column counts.
func (e *Engine) Origin(c Column) int64 { return e.slabs[c.slab()].origin[c.place()] }

// Afterthoughts are those that were seen up to the horizon.
func (e *Engine) Afterthoughts(c Column) (out []Afterthought) {
	for _, a := range e.slabs[c.slab()].after[c.place()] {
		if a.seen <= e.horizon {
			out = append(out, Afterthought{a.edge, a.seen, a.d})
		}
	}
	return out
}

// Recount counts one column again from the horizon on. Between Recount and Done
// nothing may be added to the column but through it.
type Recount struct {
	e     *Engine
	c     Column
	slots []Cell // one for each hot edge after the horizon, and one for now
}

// Recount begins to count c again. What was seen after the horizon is dropped.
func (e *Engine) Recount(c Column) *Recount {
	s, i := e.slabs[c.slab()], c.place()
	kept := s.after[i][:0]
	for _, a := range s.after[i] {
		if a.seen <= e.horizon {
			kept = append(kept, a)
		}
	}
	s.after[i] = kept
	n := 0
	for _, b := range e.ahead {
		if b.c != c {
			e.ahead[n] = b
			n++
		}
	}
	e.ahead = e.ahead[:n]
	return &Recount{e: e, c: c, slots: make([]Cell, (e.edge-e.horizon)/Slot+1)}
}

// Add counts events of the time t, which is after the horizon.
func (r *Recount) Add(t int64, d Cell) {
	switch {
	case t > r.e.edge+Slot:
		r.e.ahead = append(r.e.ahead, booking{t, r.c, d})
	case t > r.e.horizon:
		k := (ceil(t, Slot)-r.e.horizon)/Slot - 1
		r.slots[k] = r.slots[k].Plus(d)
	}
}

// After counts an afterthought: see [Engine.After].
func (r *Recount) After(t, seen int64, d Cell) { r.e.After(r.c, t, seen, d) }

// Done puts the new count in place.
func (r *Recount) Done() {
	e, s, i := r.e, r.e.slabs[r.c.slab()], r.c.place()
	sum := s.hot[hotIndex(e.horizon)+i]
	for k, d := range r.slots {
		sum = sum.Plus(d)
		if x := e.horizon + int64(k+1)*Slot; x <= e.edge {
			s.hot[hotIndex(x)+i] = sum
		}
	}
	s.now[i] = sum
	e.late(r.c)
}

// Line is a column's cells at from, from+step … up to and including to: what
// charts and back-tests are drawn from.
func (e *Engine) Line(c Column, from, to, step int64) ([]Cell, error) {
	if step <= 0 || to < from {
		return nil, fmt.Errorf("no line from %d to %d by %d", from, to, step)
	}
	s, i := e.slabs[c.slab()], c.place()
	out := make([]Cell, 0, (to-from)/step+1)
	old, oldest, err := s.past(i, e.horizon, from)
	if err != nil {
		return nil, err
	}
	var late Cell
	list := s.after[i]
	for t := from; t <= to; t += step {
		for len(list) > 0 && list[0].edge <= t {
			late, list = late.Plus(list[0].d), list[1:]
		}
		var x Cell
		switch {
		case t > e.edge:
			x = s.now[i]
		case t <= s.origin[i]:
		case t < e.horizon-FineSpan && len(old) > 0:
			x = interpolated(old, oldest, t)
		default:
			if x, err = e.row(s, i, t); err != nil {
				return nil, err
			}
		}
		out = append(out, x.Plus(late))
	}
	return out, nil
}

// past reads the coarse cells of a column from a time to where the fine rows begin.
func (s *slab) past(i int, horizon, from int64) (cells []Cell, first int64, err error) {
	first = floor(max(from, s.origin[i], horizon-s.coarse.Step*(s.coarse.Rows-1)), Coarse)
	last := ceil(horizon-FineSpan, Coarse)
	if from > horizon-FineSpan || last <= first {
		return nil, 0, nil
	}
	cells = make([]Cell, (last-first)/Coarse+1)
	skip := 0
	if first <= s.origin[i] {
		skip = 1 // nothing was counted yet
	}
	err = s.rows.ReadColumn(s.coarse, i, first+int64(skip)*Coarse, cells[skip:])
	return cells, first, err
}

func interpolated(cells []Cell, first, t int64) Cell {
	if t <= first {
		return cells[0]
	}
	k := (t - first) / Coarse
	if int(k)+1 >= len(cells) {
		return cells[len(cells)-1]
	}
	return cells[k].between(cells[k+1], (t-first)%Coarse, Coarse)
}
