package replay

import (
	"time"

	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// Tick is the step of the product's evaluation.
const Tick = 10 * time.Second

// DrillShares are the shares of bad events that a drill injects.
func DrillShares() []float64 { return []float64{1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005} }

// drillEvents happen in each step of a drill: so many that a gate on chance,
// which takes longer where few events happen, adds less than a tick.
const drillEvents = 100_000_000

// Cell is one outage that was injected: what the formula promises of one pair,
// and what was measured.
type Cell struct {
	Promise budget.Promise
	Fired   bool
	After   time.Duration // from the first bad event
	Reset   time.Duration // from the last bad event
}

// Agrees reports whether what was measured is what was promised, within one tick.
func (c Cell) Agrees() bool {
	near := func(got, want time.Duration) bool { return got >= want-Tick && got <= want+Tick }
	return c.Fired == c.Promise.Fires && (!c.Fired || (near(c.After, c.Promise.After) && near(c.Reset, c.Promise.Reset)))
}

// Drill injects an outage of each share into steady traffic and measures when
// each pair fires and when it no longer burns. The outage ends one short window
// after the pair fired.
func Drill(o slo.Objective, pairs []slo.Pair, shares []float64) []Cell {
	var out []Cell
	for _, p := range pairs {
		for _, bad := range shares {
			out = append(out, drill(o, p, bad))
		}
	}
	return out
}

func drill(o slo.Objective, p slo.Pair, bad float64) Cell {
	c := Cell{Promise: budget.Promised(o.Target, o.Window, p, bad)}
	last := p.Short
	if last == 0 {
		last = p.Long
	}
	// Long enough to show that it never fires, or to fire and reset.
	lasts := steps(p.Long+p.For+last, Tick) + 3
	if c.Promise.Fires {
		lasts = steps(c.Promise.After+last, Tick) + 3
	}
	before := steps(p.Long, Tick)
	if p.Gate.Method == budget.Volume {
		before = steps(o.Window, Tick)
	}
	h := outage(before, lasts, steps(last, Tick)+3, int64(bad*drillEvents+0.5))
	fired := fires(h, p, o)
	if len(fired) == 0 {
		return c
	}
	c.Fired, c.After = true, time.Duration(fired[0].from-before)*Tick
	end := fired[0].from + steps(last, Tick)
	if end < before+lasts { // the same outage, ended earlier
		h = outage(before, end-before, steps(last, Tick)+3, int64(bad*drillEvents+0.5))
		fired = fires(h, p, o)
	}
	c.Reset = time.Duration(fired[0].to-min(end, before+lasts)) * Tick
	return c
}

// outage is steady traffic of which, after some steps, bad events a step fail.
func outage(before, during, after int, bad int64) History {
	n := before + during + after + 1
	h := History{Step: Tick, Bad: make([]int64, n), Total: make([]int64, n)}
	for i := 1; i < n; i++ {
		h.Total[i], h.Bad[i] = h.Total[i-1]+drillEvents, h.Bad[i-1]
		if i > before && i <= before+during {
			h.Bad[i] += bad
		}
	}
	return h
}
