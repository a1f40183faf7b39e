// Package budgeting says what counts as one event of a budget: each event, each
// slice of time as a whole, or each slice by its share. It is the plain reading
// of OpenSLO's methods, over a list of slices; what streams is tested against it.
//
// # Rules
//
//   - All is in whole numbers. A slice of [slo.RatioTimeslices] is a [Million].
//   - A slice in which it was looked and nothing happened is good as a whole, and has
//     no share.
//   - A slice without data is counted as its objective says, and [Silent] counts it
//     in any case, so that it can be shown.
//   - The budget of the slice methods is a number of slices of the whole period,
//     by the period's real length: see [Slices].
package budgeting

import (
	"math/bits"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
)

// Million is what one slice of RatioTimeslices is worth: its share of good
// events is kept in millionths, rounded down, so that an imperfect slice never
// counts as perfect.
const Million = 1_000_000

// Slot is what happened in one slice. Known is false where there was no data.
type Slot struct {
	Good, Total int64
	Known       bool
}

// empty reports whether nothing can be said of the share of good events.
func (s Slot) empty() bool { return !s.Known || s.Total <= 0 }

// Events counts good and total events of a budget over slots, each of which is
// one slice. For Occurrences a slot may be of any length, and one without data is
// nothing. For Timeslices the result is in slices, for RatioTimeslices in
// millionths of a slice.
func Events(m slo.Method, slice slo.Slice, noData slo.NoData, slots []Slot) (good, total int64) {
	for _, s := range slots {
		g, t := one(m, slice, noData, s)
		good, total = good+g, total+t
	}
	return good, total
}

func one(m slo.Method, slice slo.Slice, noData slo.NoData, s Slot) (good, total int64) {
	if m != slo.Timeslices && m != slo.RatioTimeslices {
		if s.empty() {
			return 0, 0
		}
		return min(max(0, s.Good), s.Total), s.Total
	}
	worth := int64(1)
	if m == slo.RatioTimeslices {
		worth = Million
	}
	if s.Known && s.Total <= 0 { // it was looked, and nothing happened
		if m == slo.RatioTimeslices {
			return 0, 0
		}
		return worth, worth
	}
	if s.empty() {
		switch Policy(m, noData) {
		case slo.NoDataGood:
			return worth, worth
		case slo.NoDataBad:
			return 0, worth
		default:
			return 0, 0
		}
	}
	if m == slo.RatioTimeslices {
		return Share(s.Good, s.Total), Million
	}
	if Reaches(s, slice.Target) {
		return 1, 1
	}
	return 0, 1
}

// Policy is what a slice without data counts as: what the objective says, else
// good with Timeslices, and nothing with the other methods.
func Policy(m slo.Method, said slo.NoData) slo.NoData {
	switch {
	case m == slo.Occurrences || m == "":
		return slo.NoDataIgnore
	case said != "":
		return said
	case m == slo.Timeslices:
		return slo.NoDataGood
	}
	return slo.NoDataIgnore
}

// Reaches reports whether the share of good events of a slice is the target or
// more, compared as whole numbers. A slice in which nothing happened does not.
func Reaches(s Slot, target slo.Target) bool {
	if s.empty() {
		return false
	}
	l := target.Limit()
	// bad/total <= num/den, that is bad·den <= num·total
	bad := uint64(s.Total - min(max(0, s.Good), s.Total))
	ahi, alo := bits.Mul64(bad, l.Den)
	bhi, blo := bits.Mul64(l.Num, uint64(s.Total))
	return ahi < bhi || (ahi == bhi && alo <= blo)
}

// Share is good of total in millionths, rounded down; 0 where nothing happened.
func Share(good, total int64) int64 {
	if total <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(min(max(0, good), total)), Million)
	q, _ := bits.Div64(hi, lo, uint64(total)) // good <= total, so the quotient fits
	return int64(q)
}

// Silent counts the slots that have no share of good events: without data, or
// without an event.
func Silent(slots []Slot) (n int64) {
	for _, s := range slots {
		if s.empty() {
			n++
		}
	}
	return n
}

// Fold joins each n slots that follow each other into one; the last may have
// fewer. A joined slot is known where any part is.
func Fold(slots []Slot, n int) []Slot {
	if n <= 1 {
		return slots
	}
	out := make([]Slot, 0, len(slots)/n+1)
	for i, s := range slots {
		if i%n == 0 {
			out = append(out, Slot{})
		}
		if last := &out[len(out)-1]; s.Known {
			last.Good, last.Total, last.Known = last.Good+s.Good, last.Total+s.Total, true
		}
	}
	return out
}

// Correct applies corrections to slots: with Occurrences a corrected slot is
// nothing, with the slice methods it is good, so that the budget stays the same
// number of slices. corrected says which.
func Correct(m slo.Method, slots []Slot, corrected func(i int) bool) []Slot {
	out := make([]Slot, len(slots))
	for i, s := range slots {
		switch {
		case !corrected(i):
			out[i] = s
		case m == slo.Timeslices || m == slo.RatioTimeslices:
			out[i] = Slot{Good: 1, Total: 1, Known: true}
		}
	}
	return out
}

// Slices is how many slices a period has: its real length, in which a day may
// have 23 or 25 hours, over the slice's. A part of a slice at the end is one.
func Slices(period, slice time.Duration) int64 {
	if slice <= 0 {
		return 0
	}
	return int64((period + slice - 1) / slice)
}

// Allowed is how long a period may fail altogether: the period times the budget,
// exact to the nanosecond and rounded down. 99.95 % of a week is 5m2.4s.
func Allowed(target slo.Target, period time.Duration) time.Duration {
	l := target.Limit()
	hi, lo := bits.Mul64(uint64(max(0, period)), l.Num)
	if hi >= l.Den {
		return period
	}
	q, _ := bits.Div64(hi, lo, l.Den)
	return time.Duration(q)
}
