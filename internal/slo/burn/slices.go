package burn

// slicer counts whole slices of one column as events of another.
type slicer struct {
	into   Column
	length int64
	judge  func(end int64, c Cell) Cell
	stale  bool // something came late for a slice that was cut
}

// Slice cuts the column from into slices of the given length, which is whole
// minutes and at most an hour, and counts what judge says of each, given its end, in the column
// into. Slices end at multiples of their length since 1970. Afterthoughts change
// no slice: after a gap nobody knows in which they happened.
func (e *Engine) Slice(from, into Column, length int64, judge func(end int64, c Cell) Cell) {
	e.slicers[from] = &slicer{into: into, length: length, judge: judge}
}

// late marks the slices of c to be cut again.
func (e *Engine) late(c Column) {
	if s, ok := e.slicers[c]; ok {
		s.stale = true
	}
}

// cut closes the slices that end at an edge.
func (e *Engine) cut(edge int64) {
	for from, s := range e.slicers {
		if edge%s.length != 0 {
			continue
		}
		d := s.judge(edge, e.sliceAt(from, s, edge))
		dst, i := e.slabs[s.into.slab()], s.into.place()
		dst.now[i] = dst.now[i].Plus(d)
		dst.hot[hotIndex(edge)+i] = dst.now[i]
	}
}

// sliceAt is what the slice that ends at an edge counted.
func (e *Engine) sliceAt(from Column, s *slicer, edge int64) Cell {
	src, i := e.slabs[from.slab()], from.place()
	a, err := e.row(src, i, edge-s.length)
	if err != nil {
		return Cell{} // no data: the policy for that says what the slice is
	}
	b, err := e.row(src, i, edge)
	if err != nil {
		return Cell{}
	}
	return b.Minus(a)
}

// Refresh cuts the slices again for which something came late.
func (e *Engine) Refresh() {
	for from, s := range e.slicers {
		if s.stale {
			s.stale = false
			e.recut(from, s)
		}
	}
}

// recut counts the slices that ended after the horizon again.
func (e *Engine) recut(from Column, s *slicer) {
	dst, i := e.slabs[s.into.slab()], s.into.place()
	sum := dst.hot[hotIndex(e.horizon)+i]
	for x := e.horizon + Slot; x <= e.edge; x += Slot {
		if x%s.length == 0 {
			sum = sum.Plus(s.judge(x, e.sliceAt(from, s, x)))
		}
		dst.hot[hotIndex(x)+i] = sum
	}
	dst.now[i] = sum
}
