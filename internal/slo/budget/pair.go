package budget

import (
	"math/big"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// Pair is a burn rate that must not be exceeded over two windows at once.
// Short is 0 where one window is all.
type Pair struct {
	Severity alert.Severity `json:"severity"`
	Rate     float64        `json:"rate"` // times "just enough"
	Long     time.Duration  `json:"long"`
	Short    time.Duration  `json:"short,omitempty"`
	// ShortRate is the rate over the short window where it is another one than over
	// the long; 0 where it is the same.
	ShortRate float64 `json:"short_rate,omitempty"`

	Policy string        `json:"policy,omitempty"` // where the document names its own
	For    time.Duration `json:"for,omitempty"`    // how long both must burn without a break
	Gate   Gate          `json:"gate,omitzero"`
}

// Gate is what else must hold before a pair calls anybody: where few events
// happen, a burn rate alone says little. Its zero value lets all through.
type Gate struct {
	Confidence  float64 `json:"confidence,omitempty"`   // 0.99: so few good events are chance in less than 1 of 100 cases
	MinEvents   int64   `json:"min_events,omitempty"`   // in the long window
	MinFailures int64   `json:"min_failures,omitempty"` // in the long window
	Method      string  `json:"method,omitempty"`       // how the burn is computed: "" plain, "volume" or "slices"
	Against     string  `json:"against,omitempty"`      // what Confidence is measured against: "" the pair's own limit, or "budget"
}

// The methods of a Gate, and what chance is measured against.
const (
	// Volume weighs a window by its share of the period's events: bad events of the
	// window / (B · events of the period · window / period). A quiet night burns
	// little (the correction of Sloth's and Pyrra's users).
	Volume = "volume"
	// Slices counts at least as many events as the window has slices: one bad event
	// of one in an hour of minutes is 1/60 (Elastic's).
	Slices = "slices"
	// Budget measures chance against a service that just keeps its target: so many
	// failures would be chance for it. The pair's own limit is the stricter measure.
	Budget = "budget"
)

// Name is how the pair is spoken of: "14.4× over 1h and 5m".
func (p Pair) Name() string {
	s := strconv.FormatFloat(p.Rate, 'g', 4, 64) + "× over " + Short(p.Long)
	if p.Short > 0 {
		s += " and "
		if p.ShortRate > 0 && p.ShortRate != p.Rate {
			s += strconv.FormatFloat(p.ShortRate, 'g', 4, 64) + "× over "
		}
		s += Short(p.Short)
	}
	return s
}

// Limit is the share of bad events at which the pair's rate is reached, k·B, as
// an exact fraction. The rate's shortest decimal is its exact meaning.
func (p Pair) Limit(t Target) Limit { return rateLimit(p.Rate, t) }

// ShortLimit is [Pair.Limit] over the short window.
func (p Pair) ShortLimit(t Target) Limit {
	if p.ShortRate > 0 {
		return rateLimit(p.ShortRate, t)
	}
	return p.Limit(t)
}

func rateLimit(rate float64, t Target) Limit {
	k, ok := new(big.Rat).SetString(strconv.FormatFloat(rate, 'f', -1, 64))
	if !ok {
		return never()
	}
	return LimitOf(k.Mul(k, new(big.Rat).Sub(big.NewRat(1, 1), t.rat())))
}

// Reachable reports whether total failure would exceed the pair's rate: k·B < 1.
func (p Pair) Reachable(t Target) bool {
	l, s := p.Limit(t), p.ShortLimit(t)
	return l.Num < l.Den && s.Num < s.Den
}

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
