package slo

import "time"

// Ends are windows of one length that end at From, From+Step … up to and
// including To.
type Ends struct {
	Window   time.Duration
	From, To time.Time
	Step     time.Duration
}

// Left is what was left of a budget at one time.
type Left struct {
	At    time.Time
	Ratio float64 // 1 is untouched; below 0 when overspent
	Known bool    // false where there was no data
}

// BurnDown says how the budget of the window that the steps fill was spent: 1 at
// its beginning, what is left now at its end. The budget is the share of all
// events of the window that may be bad. It is pure.
func BurnDown(o Objective, steps []Count) []Left {
	var all float64
	for _, c := range steps {
		if c.Known {
			all += float64(c.Total)
		}
	}
	out := make([]Left, 0, len(steps))
	allowed, bad := all*o.Target.Budget(), 0.0
	for _, c := range steps {
		l := Left{At: c.At}
		if c.Known && allowed > 0 {
			bad += float64(c.Bad())
			l.Ratio, l.Known = 1-bad/allowed, true
		}
		out = append(out, l)
	}
	return out
}
