package budget

import (
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Target is the share that must be good, as an exact decimal.
type Target struct {
	text   string  // "0.999", in [0, 1)
	budget float64 // 1 - target, rounded once
	limit  Limit   // 1 - target; its zero value stands for 1
}

// ParseTarget reads a share ("0.999") or, where percent is given, a percentage
// ("99.9"). The result is exact: a target that needs more than twelve decimals
// is refused.
func ParseTarget(s string, percent bool) (Target, error) {
	r, ok := new(big.Rat).SetString(s)
	if !ok || strings.ContainsAny(s, "/xXpP_") { // a Rat reads more than decimals
		return Target{}, fmt.Errorf("%q is not a decimal number", s)
	}
	if percent {
		r.Quo(r, big.NewRat(100, 1))
	}
	if r.Sign() < 0 || r.Cmp(big.NewRat(1, 1)) >= 0 {
		return Target{}, fmt.Errorf("a target lies between 0 and 1 (0 %% and 100 %%), 1 not included: no budget would be left")
	}
	text := r.FloatString(12)
	if back, ok := new(big.Rat).SetString(text); !ok || back.Cmp(r) != 0 {
		// Rounding could make a target of 1, which leaves nothing to divide by.
		return Target{}, fmt.Errorf("%q has more than 12 decimals as a share: nobody can measure that", s)
	}
	for len(text) > 1 && text[len(text)-1] == '0' && text[len(text)-2] != '.' {
		text = text[:len(text)-1]
	}
	rest := new(big.Rat).Sub(big.NewRat(1, 1), r)
	budget, _ := rest.Float64()
	return Target{text, budget, LimitOf(rest)}, nil
}

func (t Target) rat() *big.Rat {
	if r, ok := new(big.Rat).SetString(t.text); ok {
		return r
	}
	return new(big.Rat)
}

// Budget is the share of events that may be bad: 1 - target, as exact as a
// float64 can be.
func (t Target) Budget() float64 { return t.budget }

// Percent is the target as people write it: "99.9".
func (t Target) Percent() string {
	f, _ := new(big.Rat).Mul(t.rat(), big.NewRat(100, 1)).Float64()
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// String is the share: "0.999".
func (t Target) String() string { return t.text }

// MarshalText is the share.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.text), nil }

// UnmarshalText reads a share.
func (t *Target) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTarget(string(b), false)
	return err
}

// Limit is the share of events that may be bad, as an exact fraction.
func (t Target) Limit() Limit {
	if t.limit.Den == 0 {
		return Limit{1, 1}
	}
	return t.limit
}

// Left is the share of a budget that is left after bad of total events: exactly
// 1 - bad / (total · budget), rounded once for showing. It is below zero when
// overspent; ok is false where nothing happened.
func (t Target) Left(bad, total int64) (left float64, ok bool) {
	l := t.Limit()
	if total <= 0 || l.Num == 0 {
		return 0, false
	}
	spent := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(max(0, bad)), new(big.Int).SetUint64(l.Den)), new(big.Int).Mul(big.NewInt(total), new(big.Int).SetUint64(l.Num)))
	left, _ = spent.Sub(big.NewRat(1, 1), spent).Float64()
	return left, true
}

// Spent reports whether bad of total events are the whole budget or more.
func (t Target) Spent(bad, total int64) bool { return t.Limit().Reached(bad, total) }

// Fragile reports whether a budget of total events is less than one event: then
// the first failure breaks the promise.
func (t Target) Fragile(total int64) bool {
	l := t.Limit()
	hi, lo := bits.Mul64(uint64(max(0, total)), l.Num)
	return hi == 0 && lo < l.Den
}
