package budget

import (
	"math"
	"math/big"
	"math/bits"
)

// Limit is a share of events as a fraction of whole numbers: Num / Den.
type Limit struct{ Num, Den uint64 }

// never is above every share of events.
func never() Limit { return Limit{math.MaxUint64, 1} }

// LimitOf makes r a Limit. A fraction whose terms do not fit in 64 bits is
// rounded up in its last of 18 decimals: an alert is later by one part in 10^18,
// never early.
func LimitOf(r *big.Rat) Limit {
	if r.Sign() <= 0 {
		return Limit{0, 1}
	}
	if r.Num().IsUint64() && r.Denom().IsUint64() {
		return Limit{r.Num().Uint64(), r.Denom().Uint64()}
	}
	const den = 1_000_000_000_000_000_000
	n := new(big.Int).Mul(r.Num(), big.NewInt(den))
	n.Add(n, new(big.Int).Sub(r.Denom(), big.NewInt(1))).Quo(n, r.Denom())
	if !n.IsUint64() {
		return never()
	}
	return Limit{n.Uint64(), den}
}

// Reached reports whether bad of total events are the share l or more, compared
// as whole numbers of 128 bits. No events reach nothing, and neither do no bad
// ones.
func (l Limit) Reached(bad, total int64) bool {
	if total <= 0 || bad <= 0 {
		return false
	}
	ahi, alo := bits.Mul64(uint64(min(bad, total)), l.Den)
	bhi, blo := bits.Mul64(uint64(total), l.Num)
	return ahi > bhi || (ahi == bhi && alo >= blo)
}

// Float is the share as a float64, for showing.
func (l Limit) Float() float64 { return float64(l.Num) / float64(l.Den) }
