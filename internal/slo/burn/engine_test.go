package burn

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const t0 = int64(1_772_323_200_000) // a midnight

func inMemory(int, Tier) (Rows, error) { return &Memory{}, nil }

// fact is one count as the engine is told of it.
type fact struct {
	col  int
	at   int64
	seen int64 // 0: at its time; else an afterthought
	d    Cell
}

// upTo is what the engine must say: the sum of what belongs to a time up to t.
func upTo(facts []fact, col int, t int64) (sum Cell) {
	for _, f := range facts {
		if f.col == col && (f.seen == 0 && f.at <= t || f.seen != 0 && ceil(f.at, Slot) <= t) {
			sum = sum.Plus(f.d)
		}
	}
	return sum
}

func check(t interface{ Fatalf(string, ...any) }, e *Engine, cols []Column, facts []fact, at int64) {
	for i, c := range cols {
		got, err := e.At(c, at)
		if err != nil {
			t.Fatalf("at %d: %v", at-t0, err)
		}
		if want := upTo(facts, i, at); got != want {
			t.Fatalf("column %d at +%d s: got %+v, want %+v", i, (at-t0)/1000, got, want)
		}
	}
}

// Whatever comes, late, early or as an afterthought, and however rows are settled
// between: on every edge the engine holds what belongs to the time before it.
func TestCellsHoldWhatBelongsBeforeTheirEdge(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		e := New(inMemory, t0)
		var cols []Column
		for range 2 {
			c, err := e.Take(FineSpan)
			if err != nil {
				r.Fatal(err)
			}
			cols = append(cols, c)
		}
		var facts []fact
		now := t0
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			now += rapid.Int64Range(1, 400_000).Draw(r, "passes")
			if err := e.Advance(now); err != nil {
				r.Fatal(err)
			}
			f := fact{
				col: rapid.IntRange(0, 1).Draw(r, "column"),
				at:  now + rapid.Int64Range(-3_000_000, 30_000).Draw(r, "off"),
				d:   Cell{rapid.Int64Range(0, 50).Draw(r, "part"), rapid.Int64Range(0, 100).Draw(r, "total"), 1},
			}
			if f.at <= t0 {
				continue
			}
			if rapid.IntRange(0, 4).Draw(r, "kind") == 0 && f.at < now {
				f.seen = now
				e.After(cols[f.col], f.at, now, f.d)
			} else {
				e.Add(cols[f.col], f.at, f.d)
			}
			if f.at <= e.Horizon() && f.seen == 0 {
				f.seen = f.at // too late for the rows: kept beside them, to the next edge
			}
			facts = append(facts, f)
			if rapid.IntRange(0, 3).Draw(r, "settle") == 0 {
				if err := e.Settle(now - rapid.Int64Range(0, 3_600_000).Draw(r, "behind")); err != nil {
					r.Fatal(err)
				}
			}
		}
		h := e.Horizon()
		for x := floor(e.Edge(), Slot); x > h; x -= Slot {
			check(r, e, cols, facts, x)
		}
		for x := floor(h, Fine); x > t0; x -= Fine {
			check(r, e, cols, facts, x)
		}
		line, err := e.Line(cols[0], t0, e.Edge(), Coarse)
		if err != nil {
			r.Fatal(err)
		}
		for k, got := range line {
			if want := upTo(facts, 0, t0+int64(k)*Coarse); got != want {
				r.Fatalf("line at +%d: got %+v, want %+v", k, got, want)
			}
		}
	})
}

// Two engines that are told the same in another order and settle at other times
// agree bit for bit.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(r, "facts")
		facts := make([]fact, n)
		for i := range facts {
			facts[i] = fact{at: t0 + rapid.Int64Range(1, 3_600_000).Draw(r, "at"), d: Cell{1, rapid.Int64Range(1, 9).Draw(r, "total"), 1}}
		}
		run := func(list []fact, settle bool) []Cell {
			e := New(inMemory, t0)
			c, err := e.Take(FineSpan)
			if err != nil {
				r.Fatal(err)
			}
			if err := e.Advance(t0 + 3_600_000); err != nil {
				r.Fatal(err)
			}
			for _, f := range list {
				e.Add(c, f.at, f.d)
			}
			if settle {
				if err := e.Settle(t0 + 3_600_000); err != nil {
					r.Fatal(err)
				}
			}
			line, err := e.Line(c, t0, t0+3_600_000, Fine)
			if err != nil {
				r.Fatal(err)
			}
			return line
		}
		other := slices.Clone(facts)
		slices.Reverse(other)
		if a, b := run(facts, false), run(other, true); !slices.Equal(a, b) {
			r.Fatalf("%v\n%v", a, b)
		}
	})
}

func TestBetweenEdgesWholeNumbersAreInterpolated(t *testing.T) {
	e := New(inMemory, t0)
	c, _ := e.Take(FineSpan)
	_ = e.Advance(t0 + 2*Slot)
	e.Add(c, t0+Slot, Cell{Total: 10})
	e.Add(c, t0+2*Slot, Cell{Total: 7})
	for at, want := range map[int64]int64{t0: 0, t0 + Slot/2: 5, t0 + Slot: 10, t0 + Slot + Slot/2: 13, t0 + 2*Slot: 17} {
		if got, _ := e.At(c, at); got.Total != want {
			t.Errorf("at +%d ms: got %d, want %d", at-t0, got.Total, want)
		}
	}
}

func TestSharesDoNotOverflow(t *testing.T) {
	const most = int64(1) << 62
	if got := share(most, Coarse-1, Coarse); got != most-most/Coarse-1 && got != most-most/Coarse {
		t.Errorf("got %d", got)
	}
	if got := share(-most, 1, 2); got != -most/2 {
		t.Errorf("got %d", got)
	}
}

// A slice is judged as a whole, again when something comes late for it, and the
// same after its column was filled from the past.
func TestSlicesFollowTheirEvents(t *testing.T) {
	e := New(inMemory, t0)
	raw, _ := e.Take(FineSpan)
	cut, _ := e.Take(FineSpan)
	e.Slice(cut, Fine, func(_ int64, cells []Cell) Cell {
		switch c := cells[0]; {
		case c.Samples == 0:
			return Cell{}
		case c.Part > 0:
			return Cell{1, 1, 1}
		}
		return Cell{0, 1, 1}
	}, raw)
	_ = e.Advance(t0)
	e.Add(raw, t0+30_000, Cell{Total: 5, Samples: 1})
	_ = e.Advance(t0 + 3*Fine)
	if got := e.Now(cut); got != (Cell{0, 1, 1}) {
		t.Errorf("one good slice: got %+v", got)
	}
	e.Add(raw, t0+40_000, Cell{Part: 1, Total: 1, Samples: 1}) // late
	e.Refresh()
	if got := e.Now(cut); got != (Cell{1, 1, 1}) {
		t.Errorf("the slice turned bad: got %+v", got)
	}
	e.After(raw, t0+Fine+20_000, t0+3*Fine, Cell{Part: 9, Total: 9})
	e.Refresh()
	if got := e.Now(cut); got != (Cell{1, 1, 1}) {
		t.Errorf("an afterthought changes no slice: got %+v", got)
	}
	if err := e.Settle(t0 + 3*Fine); err != nil {
		t.Fatal(err)
	}
}

func TestFillGivesAPast(t *testing.T) {
	e := New(inMemory, t0)
	c, _ := e.Take(30 * 24 * 3_600_000)
	const days = 20
	minutes := make([]Cell, days*24*60)
	for i := range minutes {
		minutes[i] = Cell{int64(i % 2), int64(i % 5), 1}
	}
	from := t0 - days*24*3_600_000
	if err := e.Fill(c, from, minutes); err != nil {
		t.Fatal(err)
	}
	for _, k := range []int{5, 100 * 5, len(minutes) - 24*60, len(minutes)} {
		var want Cell
		for _, d := range minutes[:k] {
			want = want.Plus(d)
		}
		if got, err := e.At(c, from+int64(k)*Fine); err != nil || got != want {
			t.Errorf("after %d minutes: got %+v %v, want %+v", k, got, err, want)
		}
	}
	if err := e.Fill(c, from+1, minutes); err == nil {
		t.Error("minutes that do not end at the horizon are taken")
	}
}

// What was given back is given again, empty.
func TestColumnsAreGivenAgain(t *testing.T) {
	e := New(inMemory, t0)
	var all []Column
	for range Columns + 3 {
		c, err := e.Take(FineSpan)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	_ = e.Advance(t0 + 5*Slot)
	e.Add(all[7], t0+Slot, Cell{Total: 4})
	e.Give(all[7])
	c, _ := e.Take(FineSpan)
	if c != all[7] {
		t.Fatalf("got column %d, want %d", c, all[7])
	}
	if got, _ := e.Over(c, t0, t0+5*Slot); got != (Cell{}) {
		t.Errorf("it still holds %+v", got)
	}
}

// BenchmarkTick is one SLO's tick: eight windows with exact 30 days and four
// conditions on whole numbers.
func BenchmarkTick(b *testing.B) {
	const n, period = 256, 30 * 24 * 3_600_000
	e := New(inMemory, t0)
	cols := make([]Column, n)
	month := make([]Cell, period/Fine)
	for i := range month {
		month[i] = Cell{1, 1000, 2}
	}
	for i := range cols {
		cols[i], _ = e.Take(period)
		if err := e.Fill(cols[i], t0-period, month); err != nil {
			b.Fatal(err)
		}
	}
	now := t0
	for range 360 {
		now += Slot
		_ = e.Advance(now)
		for _, c := range cols {
			e.Add(c, now, Cell{1, 1000, 1})
		}
	}
	_ = e.Settle(now - 3_600_000/2)
	windows := []int64{300_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000, 259_200_000, 30 * 86_400_000}
	b.ResetTimer()
	fired := 0
	for b.Loop() {
		for _, c := range cols {
			var cells [8]Cell
			for i, w := range windows {
				cells[i], _ = e.Over(c, now-w, now)
			}
			for i := range 4 {
				if cells[i].Part*1000 >= 144*cells[i+1].Total {
					fired++
				}
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/slo-tick")
	_ = fired
}

// Slabs of which nothing was kept are there, empty, whatever their columns were.
func TestSlabsThatNobodyKept(t *testing.T) {
	e := New(inMemory, t0)
	for _, c := range []Column{2*Columns + 3, 1} {
		if err := e.Keep(c, FineSpan*int64(1+c), t0, t0); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Keep(2*Columns+3, FineSpan, t0, t0); err == nil {
		t.Error("a column is kept twice")
	}
	for range 2 * Columns {
		if _, err := e.Take(FineSpan); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Advance(t0 + 2*HotSpan); err != nil {
		t.Fatal(err)
	}
}
