package rota

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// The years that a [Zone] knows. Before and after them its clocks stand still.
const (
	firstYear = 1970
	lastYear  = 2200
)

const daySeconds = 24 * 60 * 60

// Zone is the clocks of a time zone as a table, in which a wall clock is found
// by one search. It does not change and is safe for concurrent use.
type Zone struct {
	loc *time.Location
	// Period i begins at from[i], in Unix seconds, and its clocks are off[i]
	// seconds ahead of UTC. ends[i] is what they show when it ends.
	from, off, ends []int64
}

// LoadZone returns the zone with an IANA name.
func LoadZone(name string) (*Zone, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return NewZone(loc), nil
}

// NewZone returns the zone of a location.
func NewZone(loc *time.Location) *Zone {
	z := &Zone{loc: loc}
	at := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	for at.Year() < lastYear {
		_, off := at.In(loc).Zone()
		if n := len(z.off); n == 0 || z.off[n-1] != int64(off) {
			z.from, z.off = append(z.from, at.Unix()), append(z.off, int64(off))
		}
		_, end := at.In(loc).ZoneBounds()
		if end.IsZero() {
			break
		}
		// Where a rule for the years to come holds, the bounds of a period may be
		// those of the year: never stand still.
		if !end.After(at) {
			end = at.Add(time.Hour)
		}
		at = end.UTC()
	}
	z.from[0] = math.MinInt64
	z.ends = make([]int64, len(z.from))
	for i := range z.from {
		if i == len(z.from)-1 {
			z.ends[i] = math.MaxInt64
			continue
		}
		// Never less than before: a search needs order.
		z.ends[i] = z.from[i+1] + z.off[i]
		if i > 0 {
			z.ends[i] = max(z.ends[i], z.ends[i-1])
		}
	}
	return z
}

// Location returns the zone as package time knows it.
func (z *Zone) Location() *time.Location { return z.loc }

// String returns the zone's name.
func (z *Zone) String() string { return z.loc.String() }

// Equal reports whether the clocks of two zones always show the same.
func (z *Zone) Equal(o *Zone) bool { return slices.Equal(z.from, o.from) && slices.Equal(z.off, o.off) }

// local returns what the clocks show at a Unix second, as if it were UTC.
func (z *Zone) local(unix int64) int64 {
	i, found := slices.BinarySearch(z.from, unix)
	if !found {
		i--
	}
	return unix + z.off[i]
}

// first returns the first Unix second at which the clocks show local; where
// they never do, the first after the gap.
func (z *Zone) first(local int64) int64 {
	i, _ := slices.BinarySearch(z.ends, local+1)
	return max(z.from[i], local-z.off[i])
}

// last returns the last Unix second at which the clocks show local; where they
// never do, the first after the gap.
func (z *Zone) last(local int64) int64 {
	i, _ := slices.BinarySearch(z.ends, local+1)
	for i+1 < len(z.from) && z.from[i+1]+z.off[i+1] <= local {
		i++
	}
	return max(z.from[i], local-z.off[i])
}

// Day is a date: days since 1970-01-01.
type Day int64

// DayOf returns the day of a date.
func DayOf(year int, month time.Month, day int) Day {
	return Day(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), daySeconds))
}

// Date returns the date of d.
func (d Day) Date() (year int, month time.Month, day int) { return d.time().Date() }

// Weekday returns the day of the week of d.
func (d Day) Weekday() time.Weekday { return d.time().Weekday() }

// String writes d as 2026-11-28.
func (d Day) String() string { return d.time().Format(time.DateOnly) }

func (d Day) time() time.Time { return time.Unix(int64(d)*daySeconds, 0).UTC() }

// DayAt returns the date that the clocks of the zone show at t.
func (z *Zone) DayAt(t time.Time) Day { return Day(floorDiv(z.local(t.Unix()), daySeconds)) }

// First returns the first instant at which the clocks show minute of the day d;
// where they never do, the first after the gap. Minutes may lie beyond the day.
func (z *Zone) First(d Day, minute int) time.Time {
	return time.Unix(z.first(int64(d)*daySeconds+int64(minute)*60), 0).UTC()
}

// Last is [Zone.First] with the last instant of an hour that comes twice.
func (z *Zone) Last(d Day, minute int) time.Time {
	return time.Unix(z.last(int64(d)*daySeconds+int64(minute)*60), 0).UTC()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
