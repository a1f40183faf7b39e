package slo

import (
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// Promise says what a pair does while a constant share of events is bad, from
// the first bad event on. The time between two samples and between two looks
// comes on top.
type Promise struct {
	Pair    Pair
	Bad     float64       // the share of events that is bad, above 0 and at most 1
	Fires   bool          // false: this share is within the pair's rate for ever
	After   time.Duration // from the first bad event until it fires
	Reset   time.Duration // from the last bad event until it no longer burns
	Spent   float64       // share of the budget that is gone when it fires
	Minimum float64       // the least share of bad events that makes it fire
}

// Promised computes what a pair does while the share bad of all events is bad.
// With budget B = 1 - target, rate k, long and short windows Wl and Ws: it fires
// after k·B·Wl/bad, once k·B·Wl/bad ≤ Wl; it resets Ws·(1 - k·B/bad) after the
// end, or Wl·(1 - k·B/bad) where there is one window; k·Wl/period of the budget
// is spent then.
func Promised(o Objective, p Pair, bad float64) Promise {
	share := p.Rate * o.Target.Budget()
	out := Promise{Pair: p, Bad: bad, Minimum: share}
	if bad <= 0 || bad < share*(1-1e-12) { // a share at the limit is not lost to rounding
		return out
	}
	last := p.Short
	if last == 0 {
		last = p.Long
	}
	part := min(1, share/bad)
	out.Fires = true
	out.After = time.Duration(part * float64(p.Long))
	out.Reset = time.Duration((1 - part) * float64(last))
	if o.Window > 0 {
		out.Spent = p.Rate * float64(p.Long) / float64(o.Window)
	}
	return out
}

// Promises computes [Promised] for every pair, and for each of them every share,
// in their order.
func Promises(o Objective, shares ...float64) [][]Promise {
	out := make([][]Promise, len(o.Pairs))
	for i, p := range o.Pairs {
		for _, bad := range shares {
			out[i] = append(out[i], Promised(o, p, bad))
		}
	}
	return out
}

// FirstCall is the promise by which somebody hears of a share of bad events
// first: the earliest page, or the earliest ticket where no page fires. ok is
// false where nothing ever does.
func FirstCall(o Objective, bad float64) (first Promise, ok bool) {
	for _, p := range o.Pairs {
		c := Promised(o, p, bad)
		if !c.Fires {
			continue
		}
		louder := p.Severity == alert.Page && first.Pair.Severity != alert.Page
		same := (p.Severity == alert.Page) == (first.Pair.Severity == alert.Page)
		if !ok || louder || (same && c.After < first.After) {
			first, ok = c, true
		}
	}
	return first, ok
}
