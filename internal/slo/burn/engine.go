package burn

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Column is the place of one instance: its slab and its place there.
type Column int32

func (c Column) slab() int  { return int(c) / Columns }
func (c Column) place() int { return int(c) % Columns }

// Opener gives the settled rows of the n-th slab, whose coarse tier is given.
type Opener func(n int, coarse Tier) (Rows, error)

// ErrBehind says that the clock has gone on further than the hot ring reaches
// and the rows could not be settled: the columns have to be counted again.
var ErrBehind = errors.New("the hot ring is too short for the time that has passed")

// ErrDamaged says that settled rows cannot be read any more: all columns have to
// be counted again.
var ErrDamaged = errors.New("settled rows are damaged")

// Engine counts. See the package's rules.
type Engine struct {
	open    Opener
	slabs   []*slab
	edge    int64 // the last one that is closed
	horizon int64 // rows up to here are settled
	ahead   []booking
	slicers []*slicer // what is cut from others comes after them
	cells   []Cell    // of one slice, used again
}

// booking is events that belong to a time yet to come.
type booking struct {
	at int64
	c  Column
	d  Cell
}

// New returns an engine whose horizon is the coarse edge at or before the time
// given.
func New(open Opener, horizon int64) *Engine {
	h := floor(horizon, Coarse)
	return &Engine{open: open, edge: h, horizon: h}
}

// Horizon is the edge up to which rows are settled.
func (e *Engine) Horizon() int64 { return e.horizon }

// Edge is the last edge that is closed.
func (e *Engine) Edge() int64 { return e.edge }

// Take gives a free column for a period in milliseconds. It is counted from
// nothing.
func (e *Engine) Take(period int64) (Column, error) {
	tier := CoarseTier(period)
	for n, s := range e.slabs {
		if s.coarse != tier || s.taken == ^uint64(0) {
			continue
		}
		i := 0
		for s.taken&(1<<i) != 0 {
			i++
		}
		return e.claim(n, i)
	}
	if err := e.openSlab(len(e.slabs), tier); err != nil {
		return 0, err
	}
	return e.claim(len(e.slabs)-1, 0)
}

// openSlab opens the n-th slab, which is the next one or nobody's.
func (e *Engine) openSlab(n int, tier Tier) error {
	rows, err := e.open(n, tier)
	if err != nil {
		return fmt.Errorf("open rows: %w", err)
	}
	if n == len(e.slabs) {
		e.slabs = append(e.slabs, nil)
	}
	e.slabs[n] = newSlab(tier, rows)
	return nil
}

// Keep takes a column that an earlier engine had, with its settled rows up to a
// coarse edge. It must be counted again from the horizon on. Where the rows end
// earlier, Extend comes next.
func (e *Engine) Keep(c Column, period, origin, until int64) error {
	tier := CoarseTier(period)
	for len(e.slabs) <= c.slab() {
		if err := e.openSlab(len(e.slabs), tier); err != nil {
			return err
		}
	}
	if s := e.slabs[c.slab()]; s.taken == 0 && s.coarse != tier {
		if err := e.openSlab(c.slab(), tier); err != nil {
			return err
		}
	}
	s, i := e.slabs[c.slab()], c.place()
	if s.coarse != tier || s.taken&(1<<i) != 0 {
		return fmt.Errorf("column %d is not free for this period", c)
	}
	base, err := s.cell(i, origin, until)
	if err != nil {
		return err
	}
	s.taken |= 1 << i
	s.origin[i] = origin
	s.reset(i, base, e.horizon, e.edge)
	return nil
}

// Clear forgets all settled rows: every column is to be filled again.
func (e *Engine) Clear() error {
	var failed []error
	for _, s := range e.slabs {
		s.near = nil
		failed = append(failed, s.rows.Clear())
	}
	return errors.Join(failed...)
}

func (e *Engine) claim(n, i int) (Column, error) {
	s, c := e.slabs[n], Column(n*Columns+i)
	s.taken |= 1 << i
	return c, e.Fill(c, e.horizon, nil) // writes nothing: the column counts from here on
}

// Give gives a column back.
func (e *Engine) Give(c Column) {
	s := e.slabs[c.slab()]
	s.taken &^= 1 << c.place()
	s.after[c.place()] = nil
	e.uncut(c)
	e.ahead = slices.DeleteFunc(e.ahead, func(b booking) bool { return b.c == c })
}

// Add counts events of the time t.
func (e *Engine) Add(c Column, t int64, d Cell) {
	s, i := e.slabs[c.slab()], c.place()
	switch {
	case t > e.edge+Slot:
		e.ahead = append(e.ahead, booking{t, c, d})
		return
	case t <= e.horizon:
		s.note(i, afterthought{ceil(t, Slot), t, d})
		return
	}
	s.now[i] = s.now[i].Plus(d)
	for x := ceil(t, Slot); x <= e.edge; x += Slot {
		s.hot[hotIndex(x)+i] = s.hot[hotIndex(x)+i].Plus(d)
	}
	if t <= e.edge {
		e.late(c)
	}
}

// After counts events that belong to the time t and were seen only at the time
// given, after a gap.
func (e *Engine) After(c Column, t, seen int64, d Cell) {
	e.slabs[c.slab()].note(c.place(), afterthought{ceil(t, Slot), seen, d})
}

// Advance closes the edges up to the time at. Where that would leave the hot ring
// it settles rows first; an error is that of their writing, or ErrBehind.
func (e *Engine) Advance(at int64) error {
	for next := e.edge + Slot; next <= at; next += Slot {
		if next-e.horizon > HotSpan {
			if err := e.Settle(e.horizon + Coarse); err != nil {
				return errors.Join(ErrBehind, err)
			}
		}
		e.close(next)
	}
	return nil
}

func (e *Engine) close(next int64) {
	if len(e.ahead) > 0 {
		e.arrive(next)
	}
	for _, s := range e.slabs {
		copy(s.hot[hotIndex(next):hotIndex(next)+Columns], s.now[:])
	}
	e.edge = next
	e.cut(next)
}

// arrive counts what was ahead of its time until now.
func (e *Engine) arrive(until int64) {
	slices.SortStableFunc(e.ahead, func(a, b booking) int { return cmp.Compare(a.at, b.at) })
	n := 0
	for n < len(e.ahead) && e.ahead[n].at <= until {
		b := e.ahead[n]
		s := e.slabs[b.c.slab()]
		s.now[b.c.place()] = s.now[b.c.place()].Plus(b.d)
		n++
	}
	e.ahead = slices.Delete(e.ahead, 0, n)
}

// Settle writes the rows up to the coarse edge at or before the time to. What
// comes late for them is an afterthought from then on.
func (e *Engine) Settle(to int64) error {
	to = floor(min(to, e.edge), Coarse)
	if to <= e.horizon {
		return nil
	}
	e.Refresh()
	for _, s := range e.slabs {
		if s.taken == 0 {
			continue
		}
		for x := e.horizon + Fine; x <= to; x += Fine {
			row := s.hot[hotIndex(x) : hotIndex(x)+Columns]
			if err := s.rows.Write(FineTier(), x, row); err != nil {
				return err
			}
			if x%Coarse != 0 {
				continue
			}
			if err := s.rows.Write(s.coarse, x, row); err != nil {
				return err
			}
		}
		s.forget(to - s.coarse.Step*(s.coarse.Rows-1))
	}
	e.horizon = to
	return nil
}

// Now is what was counted until now.
func (e *Engine) Now(c Column) Cell {
	s, i := e.slabs[c.slab()], c.place()
	out := s.now[i]
	for _, a := range s.after[i] {
		out = out.Plus(a.d)
	}
	return out
}

// At is what was counted up to the time t.
func (e *Engine) At(c Column, t int64) (Cell, error) {
	s, i := e.slabs[c.slab()], c.place()
	if t > e.edge {
		return e.Now(c), nil
	}
	var out Cell
	var err error
	if t > s.origin[i] {
		out, err = e.row(s, i, t)
	}
	for _, a := range s.after[i] {
		if a.edge > t {
			break
		}
		out = out.Plus(a.d)
	}
	return out, err
}

// Over is what was counted over (from, to].
func (e *Engine) Over(c Column, from, to int64) (Cell, error) {
	a, err := e.At(c, from)
	if err != nil {
		return Cell{}, err
	}
	b, err := e.At(c, to)
	return b.Minus(a), err
}

// row is the cell at t of column i without afterthoughts; t is after its origin.
func (e *Engine) row(s *slab, i int, t int64) (Cell, error) {
	if t >= e.horizon {
		lo := floor(t, Slot)
		a := s.hot[hotIndex(lo)+i]
		if lo == t {
			return a, nil
		}
		if lo+Slot > e.edge {
			return a.between(s.now[i], t-lo, Slot), nil
		}
		return a.between(s.hot[hotIndex(lo+Slot)+i], t-lo, Slot), nil
	}
	tier := FineTier()
	if t < e.horizon-FineSpan {
		tier = s.coarse
		t = max(t, e.horizon-tier.Step*(tier.Rows-1))
	}
	lo := floor(t, tier.Step)
	var a []Cell
	var err error
	if lo > s.origin[i] {
		if a, err = s.settled(tier, lo); err != nil {
			return Cell{}, err
		}
	}
	if lo == t {
		return at(a, i), nil
	}
	b, err := s.settled(tier, lo+tier.Step)
	return at(a, i).between(at(b, i), t-lo, tier.Step), err
}

func at(row []Cell, i int) Cell {
	if row == nil {
		return Cell{}
	}
	return row[i]
}
