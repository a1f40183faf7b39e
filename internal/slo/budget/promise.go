package budget

import (
	"time"
)

// Promise says what a pair does while a constant share of events is bad, from
// the first bad event on. The time between two samples and between two looks
// comes on top.
type Promise struct {
	Pair    Pair
	Bad     float64       // the share of events that is bad, above 0 and at most 1
	Fires   bool          // false: this share is within the pair's rate for ever
	After   time.Duration // from the first bad event until it fires, Pair.For included
	Reset   time.Duration // from the last bad event until it no longer burns
	Spent   float64       // share of the budget that is gone when it fires
	Minimum float64       // the least share of bad events that makes it fire
}

// Promised computes what a pair does while the share bad of all events is bad
// and as much happens as always. With budget B = 1 - target, rate k, long and
// short windows Wl and Ws: it fires after k·B·Wl/bad, once k·B·Wl/bad ≤ Wl; it
// resets Ws·(1 - k·B/bad) after the end, or Wl·(1 - k·B/bad) where there is one
// window; k·Wl/period of the budget is spent then. Of two windows with rates of
// their own the later one fires the pair, and the earlier one resets it. Pair.For
// comes on top of the detection. A gate on chance adds to it where few events happen, and never lets a share through
// that is just what it is measured against.
func Promised(t Target, window time.Duration, p Pair, bad float64) Promise {
	share := p.Rate * t.Budget()
	out := Promise{Pair: p, Bad: bad, Minimum: share}
	shortShare := share
	if p.Short > 0 && p.ShortRate > 0 {
		shortShare = p.ShortRate * t.Budget()
		out.Minimum = max(share, shortShare)
	}
	if bad <= 0 || bad < out.Minimum*(1-1e-12) { // a share at the limit is not lost to rounding
		return out
	}
	if p.Gate.Confidence > 0 {
		if p.Gate.Against == Budget {
			share = max(share, t.Budget())
			out.Minimum = max(out.Minimum, share)
		}
		if bad <= share*(1+1e-12) {
			return out
		}
	}
	part, shortPart := min(1, share/bad), min(1, shortShare/bad)
	after, reset := part*float64(p.Long), (1-part)*float64(p.Long)
	if p.Short > 0 {
		after = max(after, shortPart*float64(p.Short))
		reset = min(reset, (1-shortPart)*float64(p.Short))
	}
	after += float64(p.For)
	out.Fires, out.After, out.Reset = true, time.Duration(after).Round(time.Microsecond), time.Duration(reset).Round(time.Microsecond)
	if window > 0 {
		out.Spent = bad / t.Budget() * after / float64(window)
	}
	return out
}
