package slo

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// Count is what happened over one window. Known is false where there is no data.
type Count struct {
	Good  int64 `json:"good"`
	Total int64 `json:"total"`
	Known bool  `json:"known"`
	// Silent says that no sample came: what is known is what the policy for slices
	// without data says.
	Silent bool      `json:"silent,omitempty"`
	Unit   int64     `json:"unit,omitempty"` // parts that one event is counted in; 0 is 1
	At     time.Time `json:"at"`             // the end of the window
}

// Bad is the number of bad events, never below zero.
func (c Count) Bad() int64 { return max(0, c.Total-c.Good) }

// Events are the bad events and all of them, where the count is in parts of events.
func (c Count) Events() (bad, total float64) {
	unit := float64(max(1, c.Unit))
	return float64(c.Bad()) / unit, float64(c.Total) / unit
}

// Burn is the burn rate over the window; ok is false where it cannot be told:
// no data, or nothing happened.
func (c Count) Burn(t Target) (rate float64, ok bool) {
	if !c.Known || c.Total <= 0 {
		return 0, false
	}
	return float64(c.Bad()) / float64(c.Total) / t.Budget(), true
}

// Sum is the count as the rules of package budget take it.
func (c Count) Sum() budget.Sum { return budget.Sum{Bad: c.Bad(), Total: c.Total, Known: c.Known} }

// PairStatus is one pair and how near it is.
type PairStatus struct {
	Pair
	LongBurn  float64 `json:"long_burn"`
	ShortBurn float64 `json:"short_burn"`
	Known     bool    `json:"known"`
	Burning   bool    `json:"burning"`
	Pending   bool    `json:"pending,omitempty"` // it is at its rate, but not yet for long enough
	// Held says why it calls nobody although it is at its rate: its gate.
	Held budget.Hold `json:"held,omitempty"`
}

// Health is the state of an objective in one word.
type Health string

// The healths, from good to bad. Unknown is a value of its own.
const (
	Healthy   Health = "healthy"
	Unknown   Health = "unknown"   // no data in any of its windows
	Slow      Health = "slow_burn" // a ticket-level pair burns
	Fast      Health = "fast_burn" // a page-level pair burns
	Exhausted Health = "exhausted" // nothing burns, but the budget is spent
)

// Status is what is known about an objective at one time.
type Status struct {
	Objective  string                  `json:"objective"`
	At         time.Time               `json:"at"`
	Health     Health                  `json:"health"`
	Counts     map[time.Duration]Count `json:"-"`
	Windows    []WindowStatus          `json:"windows"`
	Pairs      []PairStatus            `json:"pairs"`
	Period     Count                   `json:"period"`               // over the objective's own window
	Remaining  float64                 `json:"remaining"`            // share of the budget left; below 0 when overspent
	Known      bool                    `json:"known"`                // whether Remaining is known
	Conditions []Condition             `json:"conditions,omitempty"` // what is watched beside burn rates
	Loading    bool                    `json:"loading,omitempty"`    // its past is being counted still
	Problem    string                  `json:"problem,omitempty"`
}

// WindowStatus is the burn over one window.
type WindowStatus struct {
	Window string  `json:"window"`
	Burn   float64 `json:"burn"`
	Known  bool    `json:"known"`
	Count
}

// Judge says how an objective stands, given the counts of its windows. It is
// pure. For how long a pair has burned it does not know: see [Pair].For.
func Judge(o Objective, counts map[time.Duration]Count, now time.Time) Status {
	return ready(o).judge(counts, now)
}

func (l *look) judge(counts map[time.Duration]Count, now time.Time) Status {
	o := l.Objective
	s := Status{Objective: o.ID, At: now, Counts: counts, Period: counts[o.Window]}
	sums := make([]budget.Sum, len(l.windows))
	for i, w := range l.windows {
		c := counts[w]
		sums[i] = c.Sum()
		ws := WindowStatus{Window: Short(w), Count: c}
		ws.Burn, ws.Known = c.Burn(o.Target)
		s.Windows = append(s.Windows, ws)
	}
	if s.Period.Known {
		s.Remaining, s.Known = o.Target.Left(s.Period.Bad(), s.Period.Total)
	}
	period := l.period()
	for i, p := range o.Pairs {
		ps := PairStatus{Pair: p}
		ps.LongBurn, _ = counts[p.Long].Burn(o.Target)
		ps.ShortBurn = ps.LongBurn
		if p.Short > 0 {
			ps.ShortBurn, _ = counts[p.Short].Burn(o.Target)
		}
		v := l.verdict(i, sums, period)
		ps.Known, ps.Burning, ps.Held = v.Known, v.Burning, v.Held
		s.Pairs = append(s.Pairs, ps)
	}
	s.Conditions = l.conditions(counts, now)
	s.Health = s.health(o)
	return s
}

// health is the state in one word.
func (s Status) health(o Objective) Health {
	h := Unknown
	for _, w := range s.Windows {
		if w.Count.Known {
			h = Healthy
			break
		}
	}
	if s.Period.Known && o.Target.Spent(s.Period.Bad(), s.Period.Total) {
		h = Exhausted
	}
	for _, p := range s.Pairs {
		if p.Burning {
			h = worse(h, p.Severity)
		}
	}
	return h
}

func worse(h Health, s alert.Severity) Health {
	if s == alert.Page || h == Fast {
		return Fast
	}
	return Slow
}

// Worst is the burning pair that matters most: page before ticket, then the
// highest rate. ok is false where none burns.
func (s Status) Worst() (worst PairStatus, ok bool) {
	for _, p := range s.Pairs {
		if !p.Burning {
			continue
		}
		if !ok || (p.Severity == alert.Page && worst.Severity != alert.Page) || (p.Severity == worst.Severity && p.Rate > worst.Rate) {
			worst, ok = p, true
		}
	}
	return worst, ok
}

// GoneIn is how long the budget lasts at the given burn, or 0 where it is
// spent already or does not burn.
func (s Status) GoneIn(window time.Duration, burn float64) time.Duration {
	if !s.Known || s.Remaining <= 0 || burn <= 0 {
		return 0
	}
	d := s.Remaining * float64(window) / burn
	if d > math.MaxInt64/2 {
		return 0
	}
	return time.Duration(d)
}

// Sentence is the status in one line, as on the page and in the alert:
// "burns 21.4× (limit 14.4× over 1h and 5m); 71 % of the budget is left, gone in 1d 3h".
func (s Status) Sentence(o Objective) string {
	p, ok := s.Worst()
	left := "the budget is unknown"
	if s.Known {
		left = fmt.Sprintf("%s %% of the budget is left", Number(100*s.Remaining))
	}
	if !ok {
		return left
	}
	if gone := s.GoneIn(o.Window, p.LongBurn); gone > 0 {
		left += ", gone in " + rough(gone)
	}
	return fmt.Sprintf("burns %s× (limit %s); %s", Number(p.LongBurn), p.Name(), left)
}

// rough writes a duration in its two largest units: "1d 3h", "7h 40m", "12m".
func rough(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}

// Number writes a figure with three significant digits.
func Number(f float64) string {
	if math.Abs(f) >= 1000 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 3, 64), 64)
	if err != nil {
		return strconv.FormatFloat(f, 'g', 3, 64)
	}
	return strconv.FormatFloat(r, 'f', -1, 64)
}
