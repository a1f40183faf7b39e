package slo

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// Objective is one promise.
type Objective struct {
	ID      string        `json:"id"`
	Name    string        `json:"name"`
	Service string        `json:"service"`
	Target  Target        `json:"target"`
	Window  time.Duration `json:"window"`
	SLI     SLI           `json:"sli"`
	Pairs   []Pair        `json:"pairs"`
	Doc     string        `json:"doc,omitempty"` // its document, as written
	Source  string        `json:"source"`        // file:line
}

// SLI says how good and total events are counted: PromQL over counters (or
// over samples that are counts), each with good or bad.
type SLI struct {
	Good    string `json:"good,omitempty"` // exactly one of Good and Bad
	Bad     string `json:"bad,omitempty"`
	Total   string `json:"total"`
	Counter bool   `json:"counter"` // the queries are over counters
}

// Target is the share that must be good, as an exact decimal.
type Target struct {
	text   string  // "0.999", in [0, 1)
	budget float64 // 1 - target, rounded once
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
	budget, _ := new(big.Rat).Sub(big.NewRat(1, 1), r).Float64()
	return Target{text, budget}, nil
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

// Pair is a burn rate that must not be exceeded over two windows at once.
// Short is 0 where one window is all.
type Pair struct {
	Severity alert.Severity `json:"severity"`
	Rate     float64        `json:"rate"` // times "just enough"
	Long     time.Duration  `json:"long"`
	Short    time.Duration  `json:"short,omitempty"`
	Policy   string         `json:"policy,omitempty"` // where the document names its own
}

// Name is how the pair is spoken of: "14.4× over 1h and 5m".
func (p Pair) Name() string {
	s := strconv.FormatFloat(p.Rate, 'g', 4, 64) + "× over " + Short(p.Long)
	if p.Short > 0 {
		s += " and " + Short(p.Short)
	}
	return s
}

// Reachable reports whether total failure would exceed the pair's rate.
func (p Pair) Reachable(t Target) bool { return p.Rate*t.Budget() < 1 }

// workbook is table 5-8 of the SRE Workbook with the 3× row of its PromQL: the
// share of the budget that is spent when the alert fires.
func workbook() []Pair {
	return []Pair{
		{Severity: alert.Page, Rate: 0.02, Long: time.Hour, Short: 5 * time.Minute},
		{Severity: alert.Page, Rate: 0.05, Long: 6 * time.Hour, Short: 30 * time.Minute},
		{Severity: alert.Ticket, Rate: 0.10, Long: 24 * time.Hour, Short: 2 * time.Hour},
		{Severity: alert.Ticket, Rate: 0.10, Long: 72 * time.Hour, Short: 6 * time.Hour},
	}
}

// DefaultPairs are the four pairs of the SRE Workbook for a window of 30 days:
// 14.4× over 1h and 5m, 6× over 6h and 30m (page), 3× over 1d and 2h, 1× over
// 3d and 6h (ticket). For another window the rates follow from the same shares
// of the budget; pairs below 1×, or out of reach for the target, are left out.
func DefaultPairs(window time.Duration, t Target) []Pair {
	var out []Pair
	for _, p := range workbook() {
		p.Rate = round4(p.Rate * float64(window) / float64(p.Long))
		if p.Rate >= 1 && p.Long <= window && p.Reachable(t) {
			out = append(out, p)
		}
	}
	return out
}

func round4(f float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 6, 64), 64)
	if err != nil {
		return f
	}
	return r
}

// Windows are all windows that the objective needs, the shortest first, each
// once: those of its pairs, 1h, 6h and 3d for people, and its own.
func (o Objective) Windows() []time.Duration {
	out := []time.Duration{time.Hour, 6 * time.Hour, 72 * time.Hour, o.Window}
	for _, p := range o.Pairs {
		out = append(out, p.Long)
		if p.Short > 0 {
			out = append(out, p.Short)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Short writes a duration as windows are written: 5m, 1h, 3d, 4w.
func Short(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > 0 && d%(7*day) == 0 && d < 28*day:
		return strconv.Itoa(int(d/(7*day))) + "w"
	case d > 0 && d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	case d > 0 && d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d > 0 && d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return strconv.Itoa(int(d/time.Second)) + "s"
}
