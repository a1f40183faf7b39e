package catalogue

import (
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// Shares are the shares of bad events for which is shown what happens.
func Shares() []float64 { return []float64{1, 0.5, 0.1, 0.05, 0.02, 0.01} }

// Line is what follows from one pair for a target.
type Line struct {
	Pair      slo.Pair
	Share     float64 // k·B: the share of bad events at which it burns
	Reachable bool    // total failure burns faster: k·B < 1
	Margin    bool    // k·B ≤ 0.5: half of the events failing is enough
	Cells     []slo.Promise
}

// Lines derive what the pairs promise for a target over a period.
func Lines(t slo.Target, period time.Duration, pairs []slo.Pair) []Line {
	out := make([]Line, 0, len(pairs))
	for _, p := range pairs {
		l := Line{Pair: p, Share: p.Rate * t.Budget(), Reachable: p.Reachable(t)}
		l.Margin = l.Share <= 0.5
		for _, bad := range Shares() {
			l.Cells = append(l.Cells, budget.Promised(t, period, p, bad))
		}
		out = append(out, l)
	}
	return out
}

// Failure is what an entry does not keep.
type Failure struct {
	Entry   string `json:"entry"`
	Message string `json:"message"`
}

// Test holds every entry to what it promises, at the ends of its range of
// targets and for each of its periods: no pair is out of reach or below 1×, and
// what promises says is kept. Where an entry names no range, 99.9 % over 30 days
// stands for it.
func Test(c Catalogue) (out []Failure) {
	for _, e := range c.Entries {
		for _, p := range e.periods() {
			for _, t := range e.targets() {
				for _, f := range e.test(t, p) {
					out = append(out, Failure{Entry: e.ID, Message: fmt.Sprintf("%s %% over %s: %s", t.Percent(), slo.Short(p), f)})
				}
			}
		}
	}
	return out
}

func (e Entry) periods() []time.Duration {
	if len(e.Match.Periods) > 0 {
		ps := slices.Clone(e.Match.Periods)
		slices.Sort(ps)
		return slices.Compact(ps)
	}
	return []time.Duration{30 * day}
}

// targets are the ends of the entry's range.
func (e Entry) targets() []slo.Target {
	switch {
	case !e.Match.Bounded:
		return []slo.Target{target("0.999")}
	case e.Match.From == e.Match.To:
		return []slo.Target{e.Match.From}
	}
	return []slo.Target{e.Match.From, e.Match.To}
}

func (e Entry) test(t slo.Target, period time.Duration) (out []string) {
	pairs := e.PairsFor(t, period)
	for _, p := range pairs {
		switch {
		case !p.Reachable(t):
			out = append(out, fmt.Sprintf("%s can never fire: total failure burns at %s×", p.Name(), slo.Number(1/t.Budget())))
		case p.Rate < 1:
			out = append(out, p.Name()+" calls below 1×, while the promise is kept")
		case p.Long > period:
			out = append(out, fmt.Sprintf("%s looks over more than the period", p.Name()))
		}
	}
	for _, want := range e.Promises {
		after, ok := notices(t, period, pairs, want)
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("%s %% of bad events call nobody for a %s; within %s is promised", slo.Number(100*want.Bad), want.Severity, want.Within))
		case after > want.Within:
			out = append(out, fmt.Sprintf("%s %% of bad events call a %s after %s; within %s is promised", slo.Number(100*want.Bad), want.Severity, after.Round(time.Second), want.Within))
		}
	}
	return out
}

// notices is when the first pair of a severity, or of a worse one, fires.
func notices(t slo.Target, period time.Duration, pairs []slo.Pair, want Promise) (after time.Duration, ok bool) {
	for _, p := range pairs {
		if p.Severity != want.Severity && p.Severity != alert.Page {
			continue
		}
		if c := budget.Promised(t, period, p, want.Bad); c.Fires && (!ok || c.After < after) {
			after, ok = c.After, true
		}
	}
	return after, ok
}

// Shown is the target and the period that an entry is shown for: the given target
// where it is in the entry's range, else the nearer end of it.
func (e Entry) Shown(t slo.Target) (slo.Target, time.Duration) {
	m := e.Match
	switch {
	case m.Bounded && t.Budget() > m.From.Budget():
		t = m.From
	case m.Bounded && t.Budget() < m.To.Budget():
		t = m.To
	}
	ps := e.periods()
	if slices.Contains(ps, 30*day) {
		return t, 30 * day
	}
	return t, ps[0]
}
