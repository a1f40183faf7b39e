package slo

import (
	"math/big"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// look is an objective made ready: judging it again and again costs little.
type look struct {
	Objective

	windows []time.Duration
	rules   []budget.Rule
	unit    int64
	gates   []budget.Rule // where shares are counted: the gates of the rules, which are of whole events
	place   []pairPlace
	alerts  []budgetRule

	since    []time.Time // when each pair began to burn without a break; zero while it does not
	bits     uint64      // the pairs that burned at the last look
	began    time.Time   // when it was looked at first
	doubtful bool        // its last look could not count
}

// pairPlace is where the windows of a pair are in the windows of its objective.
type pairPlace struct{ long, short int }

// ready makes an objective ready.
func ready(o Objective) *look {
	l := &look{Objective: o, unit: o.Unit(), windows: o.Windows(), since: make([]time.Time, len(o.Pairs))}
	at := map[time.Duration]int{}
	for i, w := range l.windows {
		at[w] = i
	}
	for _, p := range o.Pairs {
		plain := p
		if l.unit > 1 {
			l.gates = append(l.gates, budget.NewRule(p, o.Target, o.Window, o.Slice.Length))
			plain.Gate = Gate{Method: p.Gate.Method}
		}
		l.rules = append(l.rules, budget.NewRule(plain, o.Target, o.Window, o.Slice.Length))
		place := pairPlace{at[p.Long], -1}
		if p.Short > 0 {
			place.short = at[p.Short]
		}
		l.place = append(l.place, place)
	}
	for _, b := range o.Budgets {
		l.alerts = append(l.alerts, newBudgetRule(b, o))
	}
	return l
}

// verdict judges a pair on the sums of the windows.
func (l *look) verdict(i int, sums []budget.Sum, period int) budget.Verdict {
	p := l.place[i]
	seen := budget.Seen{Long: sums[p.long], Period: sums[period]}
	if p.short >= 0 {
		seen.Short = sums[p.short]
	}
	return l.judgePair(i, seen)
}

// judgePair judges a pair by its rate, and by its gate on whole events.
func (l *look) judgePair(i int, seen budget.Seen) budget.Verdict {
	v := l.rules[i].Judge(seen)
	if l.gates == nil || !v.Burning {
		return v
	}
	unit := l.unit
	for _, s := range []*budget.Sum{&seen.Long, &seen.Short, &seen.Period} {
		s.Bad, s.Total = (s.Bad+unit-1)/unit, s.Total/unit // a part of a failure is one
	}
	if g := l.gates[i].Judge(seen); g.Held != budget.NotHeld {
		v.Held, v.Burning = g.Held, false
	}
	return v
}

// period is the place of the objective's own window.
func (l *look) period() int {
	for i, w := range l.windows {
		if w == l.Window {
			return i
		}
	}
	return 0
}

// quick reports whether the pairs that burn are those of the last look.
func (l *look) quick(sums []budget.Sum, now time.Time) (same bool) {
	period := l.period()
	var bits uint64
	for i := range l.rules {
		if !l.verdict(i, sums, period).Burning {
			continue
		}
		if hold := l.Pairs[i].For; hold > 0 && (l.since[i].IsZero() || now.Sub(l.since[i]) < hold) {
			continue
		}
		bits |= 1 << i
	}
	return bits == l.bits
}

// held applies Pair.For to the status: a pair burns once it has burned for so long
// without a break. before says for how long a pair that was not looked at yet had
// burned.
func (l *look) held(s *Status, before func(i int) time.Time) {
	l.bits = 0
	for i := range s.Pairs {
		p := &s.Pairs[i]
		switch {
		case !p.Burning && p.Known:
			l.since[i] = time.Time{}
		case p.Burning && l.since[i].IsZero():
			l.since[i] = s.At
			if p.For > 0 {
				l.since[i] = before(i)
			}
		}
		if p.Burning && s.At.Sub(l.since[i]) < p.For {
			p.Burning, p.Pending = false, true
		}
		if p.Burning {
			l.bits |= 1 << i
		}
	}
	s.Health = s.health(l.Objective)
}

// budgetRule is a BudgetAlert made ready.
type budgetRule struct {
	BudgetAlert

	limit budget.Limit // of bad to all events of the period; for exhausts_in the budget itself
}

func newBudgetRule(b BudgetAlert, o Objective) budgetRule {
	l := o.Target.Limit()
	share := new(big.Rat)
	share.SetFloat64(b.Share)
	if text, ok := new(big.Rat).SetString(Decimal(b.Share)); ok {
		share = text
	}
	if b.Watch == WatchRemaining {
		share.Sub(big.NewRat(1, 1), share)
	}
	r := budgetRule{BudgetAlert: b, limit: l}
	if b.Watch != WatchExhaustsIn {
		whole := new(big.Rat).SetFrac(new(big.Int).SetUint64(l.Num), new(big.Int).SetUint64(l.Den))
		r.limit = budget.LimitOf(whole.Mul(whole, share))
	}
	return r
}

// holds reports whether the alert's condition holds; known is false where it cannot
// be told.
func (r budgetRule) holds(o Objective, counts map[time.Duration]Count) (holds, known bool) {
	period := counts[o.Window]
	if !period.Known || period.Total <= 0 {
		return false, false
	}
	switch r.Watch {
	case WatchRemaining:
		return r.limit.Reached(period.Bad(), period.Total), true
	case WatchDrop:
		c := counts[r.Over]
		return c.Known && r.limit.Reached(c.Bad(), period.Total), c.Known
	case WatchExhaustsIn:
		c := counts[r.Over]
		if !c.Known {
			return false, false
		}
		return r.soon(period, c), true
	}
	return false, false
}

// soon reports whether what is left, spent as fast as over the window, is gone in
// time: (B·total - bad) · over ≤ bad of the window · time, in whole numbers. A
// budget that is spent already is gone.
func (r budgetRule) soon(period, recent Count) bool {
	if recent.Bad() == 0 {
		return false
	}
	big64 := func(v uint64) *big.Int { return new(big.Int).SetUint64(v) }
	left := new(big.Int).Mul(big64(r.limit.Num), big.NewInt(period.Total))
	left.Sub(left, new(big.Int).Mul(big.NewInt(period.Bad()), big64(r.limit.Den)))
	left.Mul(left, big.NewInt(int64(r.Over/time.Second)))
	spend := new(big.Int).Mul(big.NewInt(recent.Bad()), big64(r.limit.Den))
	spend.Mul(spend, big.NewInt(int64(r.ExhaustsIn/time.Second)))
	return left.Cmp(spend) <= 0
}

// watches reports whether a condition is watched, or burn rates where it is "".
func (l *look) watches(condition string) bool {
	if condition == "" {
		return len(l.Pairs) > 0
	}
	return slices.ContainsFunc(l.Budgets, func(b BudgetAlert) bool { return b.Name() == condition }) ||
		(l.Absent.After > 0 && l.Absent.Name() == condition)
}

// Condition is what is watched of an objective beside its burn rates.
type Condition struct {
	Name     string         `json:"name"` // "remaining 50 %", "no data for 1h"
	Severity alert.Severity `json:"severity"`
	Known    bool           `json:"known"`
	Holds    bool           `json:"holds"`
}

// conditions judges what is watched beside burn rates. born is when the objective
// was looked at first: before it was looked at for long enough, silence is unknown.
func (l *look) conditions(counts map[time.Duration]Count, now time.Time) (out []Condition) {
	for _, r := range l.alerts {
		c := Condition{Name: r.Name(), Severity: r.Severity}
		c.Holds, c.Known = r.holds(l.Objective, counts)
		out = append(out, c)
	}
	if a := l.Absent; a.After > 0 {
		silent := !counts[a.After].Known || counts[a.After].Silent
		old := now.Sub(l.began) >= a.After || counts[l.Window].Known
		out = append(out, Condition{Name: a.Name(), Severity: a.Severity, Known: !silent || old, Holds: silent && old})
	}
	return out
}
