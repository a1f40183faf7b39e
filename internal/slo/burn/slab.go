package burn

import (
	"cmp"
	"slices"
)

// slab is up to 64 columns that share their rows.
type slab struct {
	coarse Tier
	rows   Rows
	taken  uint64 // a bit for each column
	now    [Columns]Cell
	origin [Columns]int64 // a column counts from here on
	hot    []Cell         // a ring of rows, 10 s apart
	after  [Columns][]afterthought
	near   []settledRow // rows that were read lately, the oldest first
}

// Afterthought is events that were seen after a gap, as a checkpoint keeps them.
type Afterthought struct {
	Edge int64 `json:"edge"`
	Seen int64 `json:"seen"`
	Cell Cell  `json:"cell"`
}

// afterthought is events that belong to a time that may be settled.
type afterthought struct {
	edge int64 // the first that has them
	seen int64
	d    Cell
}

type settledRow struct {
	tier Tier
	edge int64
	row  []Cell
}

// nearRows is how many settled rows a slab keeps at hand: two for each of its long
// windows, and some.
const nearRows = 24

func newSlab(coarse Tier, rows Rows) *slab {
	return &slab{coarse: coarse, rows: rows, hot: make([]Cell, hotRows*Columns)}
}

func hotIndex(edge int64) int {
	return int((edge/Slot)%hotRows) * Columns
}

// note keeps an afterthought, in the order of edges; equal ones become one.
func (s *slab) note(i int, a afterthought) {
	list := s.after[i]
	at, _ := slices.BinarySearchFunc(list, a, byEdge)
	if at < len(list) && list[at].edge == a.edge && list[at].seen == a.seen {
		list[at].d = list[at].d.Plus(a.d)
		return
	}
	s.after[i] = slices.Insert(list, at, a)
}

func byEdge(a, b afterthought) int {
	return cmp.Or(cmp.Compare(a.edge, b.edge), cmp.Compare(a.seen, b.seen))
}

// forget drops afterthoughts that every row that can be asked for has.
func (s *slab) forget(oldest int64) {
	for i, list := range s.after {
		n := 0
		for n < len(list) && list[n].edge <= oldest {
			n++
		}
		if n > 0 {
			s.after[i] = slices.Delete(list, 0, n)
		}
	}
}

// cell reads the settled cell of a column at a coarse edge.
func (s *slab) cell(i int, origin, edge int64) (Cell, error) {
	if edge <= origin {
		return Cell{}, nil
	}
	row := make([]Cell, Columns)
	err := s.rows.Read(s.coarse, edge, row)
	return row[i], err
}

// settled reads a row, and keeps it at hand for the columns beside.
func (s *slab) settled(t Tier, edge int64) ([]Cell, error) {
	for i := len(s.near) - 1; i >= 0; i-- {
		if r := &s.near[i]; r.edge == edge && r.tier == t {
			return r.row, nil
		}
	}
	var r settledRow
	if len(s.near) >= nearRows {
		r = s.near[0]
		s.near = slices.Delete(s.near, 0, 1)
	} else {
		r.row = make([]Cell, Columns)
	}
	r.tier, r.edge = t, edge
	if err := s.rows.Read(t, edge, r.row); err != nil {
		return nil, err
	}
	s.near = append(s.near, r)
	return r.row, nil
}
