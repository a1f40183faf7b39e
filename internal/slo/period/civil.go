package period

import (
	"fmt"
	"time"
)

// A civil time is what a clock on the wall shows. It is kept as a time in UTC
// whose fields are those of the wall.

// civilOf is what the wall of t's zone shows at t.
func civilOf(t time.Time) time.Time {
	_, off := t.Zone()
	return t.UTC().Add(time.Duration(off) * time.Second)
}

// farthest is more than any zone has ever been away from UTC.
const farthest = 24 * time.Hour

// resolve returns the first instant at which the wall of loc shows c or a later
// time: the beginning of the hour after a gap, the first of two equal hours. It
// never goes back where c goes on.
func resolve(c time.Time, loc *time.Location) time.Time {
	at := c.Add(-farthest).In(loc)
	for {
		_, off := at.Zone()
		_, end := at.ZoneBounds()
		if !end.IsZero() && !end.After(at) {
			// Far ahead, on the last day of a leap year, the standard library says that
			// the zone's rule ended the day before. A bound that is none does no harm.
			end = at.Add(time.Hour)
		}
		if !civilOf(at).Before(c) {
			return at // the clock jumped to c, or past it
		}
		if t := c.Add(-time.Duration(off) * time.Second).In(loc); end.IsZero() || t.Before(end) {
			return t
		}
		at = end.In(loc)
	}
}

// Civil returns the instant at which the wall of a zone first shows the date
// and time that c, a time in UTC, has in its fields.
func Civil(c time.Time, loc *time.Location) time.Time { return resolve(c, loc) }

// ParseCivil reads "2026-01-05T10:00" (or with seconds, or a day alone) as a
// time on the wall of a zone; a time with an offset of its own is taken as it is.
func ParseCivil(text, zoneName string) (time.Time, error) {
	loc, err := zone(zoneName)
	if err != nil {
		return time.Time{}, err
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.In(loc), nil
	}
	for _, form := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return resolve(t, loc), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-01-05T10:00", text)
}
