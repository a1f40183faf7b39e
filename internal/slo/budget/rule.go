package budget

import (
	"math"
	"math/bits"
	"time"
)

// Sum is what happened over one window, in whole events. Known is false where
// there is no data.
type Sum struct {
	Bad, Total int64
	Known      bool
}

// Seen is what a rule looks at: both windows of its pair, and the objective's
// whole period. Short is not looked at where the pair has one window, Period only
// by the method "volume".
type Seen struct{ Long, Short, Period Sum }

// Hold says why a pair at its rate calls nobody.
type Hold string

// What holds a pair back. [NotHeld] is also that of a pair below its rate.
const (
	NotHeld     Hold = ""
	FewEvents   Hold = "few_events"   // fewer than Gate.MinEvents in the long window
	FewFailures Hold = "few_failures" // fewer than Gate.MinFailures in the long window
	Chance      Hold = "chance"       // so many failures come by chance too often
)

// Verdict is what a rule says of one look.
type Verdict struct {
	Known   bool // both windows have events
	Reached bool // both windows are at the pair's rate or above it
	Burning bool // reached, and nothing holds it back
	Held    Hold
}

// Rule is a pair made ready for one objective: looking allocates nothing and
// costs tens of nanoseconds. It is a value, and safe for concurrent use.
type Rule struct {
	pair        Pair
	long, short bound
	gate        Gate
	p           float64 // the share of bad events that chance is measured against
	alpha       float64 // 0: no such gate
	logAlpha    float64 // -ln alpha
}

// bound is one window's limit. over counts the events of another window in
// place of this one's: num / den of the period's, or fixed.
type bound struct {
	limit    Limit
	num, den int64 // method "volume": window and period in their smallest terms
	fixed    int64 // method "slices": as many slices as the window has
}

// NewRule makes a pair ready for an objective's target, period and slice. The
// slice is that of the method "slices"; 0 stands for a minute.
func NewRule(p Pair, t Target, period, slice time.Duration) Rule {
	if slice <= 0 {
		slice = time.Minute
	}
	bounds := func(w time.Duration, l Limit) bound {
		b := bound{limit: l}
		switch p.Gate.Method {
		case Volume:
			g := gcd(int64(w/time.Second), int64(period/time.Second))
			b.num, b.den = int64(w/time.Second)/g, int64(period/time.Second)/g
		case Slices:
			b.fixed = max(1, int64(w/slice))
		}
		return b
	}
	r := Rule{pair: p, gate: p.Gate, long: bounds(p.Long, p.Limit(t)), short: bounds(p.Short, p.ShortLimit(t))}
	if c := p.Gate.Confidence; c > 0 {
		// 1 - 0.99 is not 0.01 in binary; what was written is meant.
		r.alpha = max(math.Round((1-c)*1e12)/1e12, 1e-12)
		r.logAlpha = -math.Log(r.alpha)
		r.p = r.long.limit.Float()
		if p.Gate.Against == Budget {
			r.p = t.Budget()
		}
	}
	return r
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(1, a)
}

// Pair is the pair that r was made of.
func (r *Rule) Pair() Pair { return r.pair }

// Judge says whether the pair burns now. For how long it has to, Pair.For, is
// the caller's.
func (r *Rule) Judge(w Seen) Verdict {
	v := Verdict{Known: w.Long.Known && w.Long.Total > 0}
	if r.pair.Short > 0 {
		v.Known = v.Known && w.Short.Known && w.Short.Total > 0
	}
	if !v.Known {
		return v
	}
	// The short window is the one that is quiet most of the time.
	if r.pair.Short > 0 && !r.short.reached(w.Short, w.Period) {
		return v
	}
	if !r.long.reached(w.Long, w.Period) {
		return v
	}
	v.Reached = true
	v.Held = r.held(w.Long)
	v.Burning = v.Held == NotHeld
	return v
}

func (r *Rule) held(w Sum) Hold {
	switch {
	case w.Total < r.gate.MinEvents:
		return FewEvents
	case w.Bad < r.gate.MinFailures:
		return FewFailures
	case r.alpha > 0 && !significant(min(w.Bad, w.Total), w.Total, r.p, r.alpha, r.logAlpha):
		return Chance
	}
	return NotHeld
}

// reached compares whole numbers: bad / total with the limit, or bad with what
// the method puts in the place of total.
func (b bound) reached(w, period Sum) bool {
	switch {
	case b.fixed > 0:
		return b.limit.Reached(w.Bad, max(w.Total, b.fixed))
	case b.den > 0:
		if !period.Known || period.Total <= 0 || w.Bad <= 0 {
			return false
		}
		return b.limit.volume(w.Bad, b.den, period.Total, b.num)
	}
	return b.limit.Reached(w.Bad, w.Total)
}

// volume reports whether bad·den ≥ limit·total·num: the window's bad events are
// the share l or more of what the period has in as much time. Products beyond 64
// bits count as the largest number, which no real count comes near.
func (l Limit) volume(bad, den, total, num int64) bool {
	left, right := times(uint64(bad), uint64(den)), times(uint64(total), uint64(num))
	ahi, alo := bits.Mul64(left, l.Den)
	bhi, blo := bits.Mul64(right, l.Num)
	return ahi > bhi || (ahi == bhi && alo >= blo)
}

func times(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi > 0 {
		return math.MaxUint64
	}
	return lo
}
