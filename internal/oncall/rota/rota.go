// Package rota is the arithmetic of weekly rotations: who has the shift at an
// instant, right in every zone and across every change of its clocks.
//
// The k-th hand-over is at wall clock W on the local date D0 + 7k days. Where W
// happens twice that day the first is meant; where it does not happen, the
// first instant after the gap. Instants come from local dates, never from the
// hand-over before plus a duration, so that nothing drifts.
package rota

import "time"

// Weekly is a rotation that hands over every n weeks.
type Weekly struct {
	Zone    *time.Location
	Year    int // the local date of the first hand-over
	Month   time.Month
	Day     int
	Hour    int // the wall clock of each hand-over
	Minute  int
	Weeks   int      // between hand-overs, at least 1
	Members []string // in order; "" is an empty slot that keeps the cadence
}

// Shift is one member's turn: from Start until just before End.
type Shift struct {
	Member     string
	Start, End time.Time
	Index      int // the number of hand-overs since the first; negative before it
}

// At returns the shift that covers t. It has no error: a rotation reaches
// infinitely far in both directions.
func (w Weekly) At(t time.Time) Shift {
	t = t.UTC()
	// A guess that is at most one off, mended by looking at real hand-overs.
	k := int(floorDiv(int64(t.Sub(w.Handover(0))), int64(w.Weeks)*7*int64(24*time.Hour)))
	for !w.Handover(k + 1).After(t) {
		k++
	}
	for w.Handover(k).After(t) {
		k--
	}
	return w.shift(k)
}

// Between returns the shifts that touch [from, to), the earliest first.
func (w Weekly) Between(from, to time.Time) []Shift {
	var out []Shift
	for s := w.At(from); s.Start.Before(to); s = w.shift(s.Index + 1) {
		out = append(out, s)
	}
	return out
}

func (w Weekly) shift(k int) Shift {
	s := Shift{Start: w.Handover(k), End: w.Handover(k + 1), Index: k}
	if n := len(w.Members); n > 0 {
		s.Member = w.Members[((k%n)+n)%n]
	}
	return s
}

// Handover returns the instant of the k-th hand-over, in UTC.
func (w Weekly) Handover(k int) time.Time {
	// Noon carries the date over any change of the clocks.
	d := time.Date(w.Year, w.Month, w.Day, 12, 0, 0, 0, time.UTC).AddDate(0, 0, 7*w.Weeks*k)
	return wall(d.Year(), d.Month(), d.Day(), w.Hour, w.Minute, w.Zone)
}

// wall returns the first instant at which the clocks of zone show the given
// time; where they never do, the first instant after the gap.
func wall(year int, month time.Month, day, hour, minute int, zone *time.Location) time.Time {
	want := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	// Offsets lie within ±26 h of UTC in the whole history of the zones; those
	// in force around the day are the only candidates.
	var best, gap time.Time
	for _, probe := range []time.Duration{-36 * time.Hour, -12 * time.Hour, 0, 12 * time.Hour, 36 * time.Hour} {
		at := want.Add(probe)
		for range 2 {
			_, offset := at.In(zone).Zone()
			at = want.Add(-time.Duration(offset) * time.Second)
			local := at.In(zone)
			if sameClock(local, want) {
				if best.IsZero() || at.Before(best) {
					best = at
				}
				break
			}
		}
		// In a gap the offset before it overshoots into summer time: the change
		// itself is the start of the zone's period there.
		_, offset := want.Add(probe).In(zone).Zone()
		candidate := want.Add(-time.Duration(offset) * time.Second).In(zone)
		start, _ := candidate.ZoneBounds()
		if !start.IsZero() && clockOf(start).After(want) && !clockOf(start.Add(-time.Nanosecond)).After(want) {
			gap = start
		}
	}
	if best.IsZero() {
		return gap.UTC()
	}
	return best.UTC()
}

func clockOf(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

func sameClock(local, want time.Time) bool { return clockOf(local).Equal(want) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
