package burn

import (
	"math/bits"
	"time"
)

// Times are in milliseconds since 1970.
const (
	Slot     = int64(10_000)                // between two edges of the hot ring
	Fine     = int64(60_000)                // between two fine rows
	Coarse   = 5 * Fine                     // between two coarse rows
	Lookback = int64(5 * time.Minute / 1e6) // PromQL's: a series is silent after that
	FineSpan = int64(3 * 24 * time.Hour / 1e6)
	Columns  = 64                   // in a slab
	hotRows  = 6 * 90               // 90 minutes
	HotSpan  = (hotRows - 1) * Slot // how far apart the horizon and now can be
)

// Cell is what was counted up to a time.
type Cell struct {
	Part    int64 // of the good or of the bad events, as the SLI counts them
	Total   int64
	Samples int64 // of the total's series: none, and nothing is known
}

// Plus adds two cells.
func (c Cell) Plus(d Cell) Cell {
	return Cell{c.Part + d.Part, c.Total + d.Total, c.Samples + d.Samples}
}

// Minus is what was counted since d.
func (c Cell) Minus(d Cell) Cell {
	return Cell{c.Part - d.Part, c.Total - d.Total, c.Samples - d.Samples}
}

// between is the cell at num/den of the way from c to d, in whole numbers.
func (c Cell) between(d Cell, num, den int64) Cell {
	return Cell{c.Part + share(d.Part-c.Part, num, den), c.Total + share(d.Total-c.Total, num, den), c.Samples + share(d.Samples-c.Samples, num, den)}
}

// share is v·num/den, towards zero, without overflow; 0 ≤ num < den.
func share(v, num, den int64) int64 {
	if v == 0 || num == 0 {
		return 0
	}
	neg := v < 0
	if neg {
		v = -v
	}
	hi, lo := bits.Mul64(uint64(v), uint64(num))
	q, _ := bits.Div64(hi, lo, uint64(den)) // hi < den, for num < den and v < 2^63
	if neg {
		return -int64(q)
	}
	return int64(q)
}

// floor is the last edge of step at or before t.
func floor(t, step int64) int64 {
	r := t % step
	if r < 0 {
		r += step
	}
	return t - r
}

// ceil is the first edge of step at or after t.
func ceil(t, step int64) int64 { return -floor(-t, step) }
