package slo

import (
	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// Promised computes what a pair of o does while the share bad of all events is
// bad: see [budget.Promised].
func Promised(o Objective, p Pair, bad float64) Promise {
	return budget.Promised(o.Target, o.Window, p, bad)
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
