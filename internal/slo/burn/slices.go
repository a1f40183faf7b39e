package burn

import "slices"

// slicer counts whole slices of some columns as events of another.
type slicer struct {
	from   []Column
	into   Column
	length int64
	judge  Judge
	stale  bool // something came late for a slice that was cut
}

// Judge says what the slice that ends at a time counts, given what each of its
// columns counted in it. It must not keep cells.
type Judge func(end int64, cells []Cell) Cell

// Slice cuts the columns from into slices of the given length, which is whole
// minutes and at most an hour, and counts what judge says of each in the column
// into. Slices end at multiples of their length since 1970. Afterthoughts change
// no slice: after a gap nobody knows in which they happened. A column that is cut
// from others is cut after them where it was asked for after them.
func (e *Engine) Slice(into Column, length int64, judge Judge, from ...Column) {
	e.slicers = append(e.slicers, &slicer{into: into, from: from, length: length, judge: judge})
}

// late marks the slices of c to be cut again, and those that are cut from them.
func (e *Engine) late(c Column) {
	for _, s := range e.slicers {
		if !s.stale && slices.Contains(s.from, c) {
			s.stale = true
			e.late(s.into)
		}
	}
}

// uncut forgets the slices of a column that is given back.
func (e *Engine) uncut(c Column) {
	e.slicers = slices.DeleteFunc(e.slicers, func(s *slicer) bool { return s.into == c || slices.Contains(s.from, c) })
}

// cut closes the slices that end at an edge.
func (e *Engine) cut(edge int64) {
	for _, s := range e.slicers {
		if edge%s.length != 0 {
			continue
		}
		d := s.judge(edge, e.sliceAt(s, edge))
		dst, i := e.slabs[s.into.slab()], s.into.place()
		dst.now[i] = dst.now[i].Plus(d)
		dst.hot[hotIndex(edge)+i] = dst.now[i]
	}
}

// sliceAt is what each column counted in the slice that ends at an edge. What
// cannot be read counts as no data: the policy for that says what the slice is.
func (e *Engine) sliceAt(s *slicer, edge int64) []Cell {
	e.cells = e.cells[:0]
	for _, c := range s.from {
		src, i := e.slabs[c.slab()], c.place()
		var d Cell
		if edge > src.origin[i] {
			var a Cell
			var err error
			if edge-s.length > src.origin[i] {
				a, err = e.row(src, i, edge-s.length)
			}
			b, berr := e.row(src, i, edge)
			if err == nil && berr == nil {
				d = b.Minus(a)
			}
		}
		e.cells = append(e.cells, d)
	}
	return e.cells
}

// Refresh cuts the slices again for which something came late.
func (e *Engine) Refresh() {
	for _, s := range e.slicers {
		if s.stale {
			s.stale = false
			e.recut(s)
		}
	}
}

// Recut cuts the slices of a column that ended after the horizon again.
func (e *Engine) Recut(into Column) {
	for _, s := range e.slicers {
		if s.into == into {
			s.stale = true
			e.late(into)
		}
	}
}

func (e *Engine) recut(s *slicer) {
	dst, i := e.slabs[s.into.slab()], s.into.place()
	sum := dst.hot[hotIndex(e.horizon)+i]
	for x := e.horizon + Slot; x <= e.edge; x += Slot {
		if x%s.length == 0 {
			sum = sum.Plus(s.judge(x, e.sliceAt(s, x)))
		}
		dst.hot[hotIndex(x)+i] = sum
	}
	dst.now[i] = sum
}
