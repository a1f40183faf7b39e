package burn

// Tier is one resolution of settled rows.
type Tier struct {
	Step int64 // between two rows, in milliseconds
	Rows int64 // that are kept
}

// Index is the place of the row at edge in a ring of rows.
func (t Tier) Index(edge int64) int64 {
	i := (edge / t.Step) % t.Rows
	if i < 0 {
		i += t.Rows
	}
	return i
}

// FineTier keeps three days and what is read beside them; and as much as can be
// settled after the last checkpoint, so that a crash does not take it.
func FineTier() Tier { return Tier{Fine, (FineSpan+HotSpan)/Fine + 3} }

// CoarseTier keeps a period (in milliseconds) and what is read beside it.
func CoarseTier(period int64) Tier {
	return Tier{Coarse, ceil(period, Coarse)/Coarse + HotSpan/Coarse + 3}
}

// Rows keeps the settled rows of one slab. A row that is asked for was written
// before; where it is not there any more the error is [ErrDamaged].
type Rows interface {
	// Read fills dst, of [Columns] cells, with the row at edge.
	Read(t Tier, edge int64, dst []Cell) error
	// Write puts the row at edge in the place of the oldest.
	Write(t Tier, edge int64, src []Cell) error
	// ReadColumn fills dst with one column of the rows from, from+Step, …
	ReadColumn(t Tier, column int, from int64, dst []Cell) error
	// WriteColumn puts one column of the rows from, from+Step, …
	WriteColumn(t Tier, column int, from int64, src []Cell) error
	// Clear forgets all rows.
	Clear() error
}

// Memory is a Rows that forgets: for tests, back-tests and small sets.
type Memory struct{ tiers map[Tier][]Cell }

var _ Rows = (*Memory)(nil)

func (m *Memory) row(t Tier, edge int64) []Cell {
	if m.tiers == nil {
		m.tiers = map[Tier][]Cell{}
	}
	rows, ok := m.tiers[t]
	if !ok {
		rows = make([]Cell, t.Rows*Columns)
		m.tiers[t] = rows
	}
	i := t.Index(edge) * Columns
	return rows[i : i+Columns]
}

// Clear implements Rows.
func (m *Memory) Clear() error {
	m.tiers = nil
	return nil
}

// Read implements Rows.
func (m *Memory) Read(t Tier, edge int64, dst []Cell) error {
	copy(dst, m.row(t, edge))
	return nil
}

// Write implements Rows.
func (m *Memory) Write(t Tier, edge int64, src []Cell) error {
	copy(m.row(t, edge), src)
	return nil
}

// ReadColumn implements Rows.
func (m *Memory) ReadColumn(t Tier, column int, from int64, dst []Cell) error {
	for i := range dst {
		dst[i] = m.row(t, from+int64(i)*t.Step)[column]
	}
	return nil
}

// WriteColumn implements Rows.
func (m *Memory) WriteColumn(t Tier, column int, from int64, src []Cell) error {
	for i := range src {
		m.row(t, from+int64(i)*t.Step)[column] = src[i]
	}
	return nil
}
