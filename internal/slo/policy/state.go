package policy

import (
	"math/big"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
)

// State is how much of a budget is left, in one word.
type State string

// The states, from good to bad. Unknown is a value of its own.
const (
	Healthy    State = "healthy"
	Caution    State = "caution"
	Restricted State = "restricted"
	Exhausted  State = "exhausted"
	Unknown    State = "unknown" // no data
)

// States are all of them.
func States() []State { return []State{Healthy, Caution, Restricted, Exhausted, Unknown} }

// bad is how bad a state is.
func (s State) bad() int {
	switch s {
	case Healthy:
		return 0
	case Caution:
		return 1
	case Restricted:
		return 2
	case Exhausted:
		return 3
	case Unknown:
	}
	return -1
}

// Points is a share in hundredths of a percent: 5,000 is a half.
type Points int64

// whole is all of a budget.
const whole Points = 10_000

// Limits part the states: a budget is healthy above Caution, in caution down to
// Restricted (which is restricted), restricted down to Exhausted, and exhausted
// below that.
type Limits struct {
	Caution    Points `json:"caution"`
	Restricted Points `json:"restricted"`
	Exhausted  Points `json:"exhausted"`
	Hysteresis Points `json:"hysteresis"` // past a limit, before a state is better again
}

// DefaultLimits are 50, 20 and 0 %, with 2 % of hysteresis.
func DefaultLimits() Limits {
	return Limits{Caution: 5000, Restricted: 2000, Exhausted: 0, Hysteresis: 200}
}

// Left is what one objective has left of its budget.
type Left struct {
	Objective  string     `json:"objective"`
	Name       string     `json:"name"`
	Target     slo.Target `json:"target"`
	Window     string     `json:"window"`
	Known      bool       `json:"known"`
	Bad, Total int64      `json:"-"`
	Remaining  float64    `json:"remaining"` // for showing; below 0 when overspent
}

// LeftOf is what an objective has left.
func LeftOf(o slo.Objective, s slo.Status) Left {
	l := Left{Objective: o.ID, Name: o.Name, Target: o.Target, Window: slo.Short(o.Window), Bad: s.Period.Bad(), Total: s.Period.Total}
	l.Remaining, l.Known = o.Target.Left(l.Bad, l.Total)
	l.Known = l.Known && s.Period.Known
	return l
}

// ratio is exactly 1 - bad / (total · budget).
func (l Left) ratio() *big.Rat {
	limit := l.Target.Limit()
	spent := new(big.Rat).SetFrac(
		new(big.Int).Mul(big.NewInt(max(0, l.Bad)), new(big.Int).SetUint64(limit.Den)),
		new(big.Int).Mul(big.NewInt(l.Total), new(big.Int).SetUint64(limit.Num)),
	)
	return spent.Sub(big.NewRat(1, 1), spent)
}

// Least is the known one that has the least left; ok is false where none is known.
func Least(all []Left) (least Left, ok bool) {
	var lowest *big.Rat
	for _, l := range all {
		if !l.Known {
			continue
		}
		if r := l.ratio(); lowest == nil || r.Cmp(lowest) < 0 {
			lowest, least, ok = r, l, true
		}
	}
	return least, ok
}

// at is the state of a share of the budget, without memory. shift is taken from
// the share first.
func (m Limits) at(left *big.Rat, shift Points) State {
	left = new(big.Rat).Sub(left, big.NewRat(int64(shift), int64(whole)))
	over := func(p Points) int { return left.Cmp(big.NewRat(int64(p), int64(whole))) }
	switch {
	case over(m.Exhausted) < 0:
		return Exhausted
	case over(m.Restricted) <= 0:
		return Restricted
	case over(m.Caution) <= 0:
		return Caution
	}
	return Healthy
}

// Next is the state after prev ("" for none): worse at once, better only where
// the budget is past the limit by the hysteresis.
func (m Limits) Next(prev State, all []Left) State {
	l, ok := Least(all)
	if !ok {
		return Unknown
	}
	now := m.at(l.ratio(), 0)
	if prev.bad() < 0 || now.bad() >= prev.bad() {
		return now
	}
	if surely := m.at(l.ratio(), m.Hysteresis); surely.bad() < prev.bad() {
		return surely
	}
	return prev
}

// Standing is how the budgets of one service stand.
type Standing struct {
	Service string    `json:"service"`
	State   State     `json:"state"`
	Since   time.Time `json:"since"`
	Lefts   []Left    `json:"objectives"`
}
