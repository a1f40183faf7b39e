package period

import (
	"errors"
	"fmt"
	"time"
)

// Calendar is a period that begins anew at a civil time: every month from
// January 31st, every week from Monday 09:00. Its zero value is not usable:
// [Calendar.Validate] says what is missing.
type Calendar struct {
	Start time.Time `json:"start"` // of the first period, in its zone
	Every int       `json:"every"` // how many units a period lasts
	Unit  string    `json:"unit"`  // "h", "d", "w", "M", "Q" or "Y"
	Zone  string    `json:"zone"`  // IANA
}

// Period is one stretch of time, its start included and its end not.
type Period struct {
	Start, End time.Time
	N          int // 0 is the first; below 0 before it
}

// Length is how long the period really is: a day in which the clock is put
// forward has 23 hours.
func (p Period) Length() time.Duration { return p.End.Sub(p.Start) }

// Contains reports whether t lies in p.
func (p Period) Contains(t time.Time) bool { return !t.Before(p.Start) && t.Before(p.End) }

// Elapsed is the share of p that is over at t, from 0 to 1.
func (p Period) Elapsed(t time.Time) float64 {
	if p.Length() <= 0 {
		return 1
	}
	return min(1, max(0, float64(t.Sub(p.Start))/float64(p.Length())))
}

// Projected is the burn at the end of p if it goes on as until t: the share of
// the budget that is spent over the share of the time that is over. Half spent
// at a fifth of the time is 2.5. ok is false while nothing is over.
func (p Period) Projected(spent float64, t time.Time) (burn float64, ok bool) {
	over := p.Elapsed(t)
	if over <= 0 {
		return 0, false
	}
	return spent / over, true
}

// Rolling is the period of that length that ends at t.
func Rolling(length time.Duration, t time.Time) Period { return Period{Start: t.Add(-length), End: t} }

// Validate says what is wrong with c.
func (c Calendar) Validate() error {
	most := map[string]int{"h": 24 * 366, "d": 3660, "w": 520, "M": 120, "Q": 40, "Y": 10}[c.Unit]
	switch {
	case most == 0:
		return fmt.Errorf("%q is not a unit: h, d, w, M (months), Q (quarters) or Y", c.Unit)
	case c.Every < 1 || c.Every > most:
		return fmt.Errorf("a period lasts between 1 and %d%s", most, c.Unit)
	case c.Start.IsZero():
		return errors.New("a calendar needs a start")
	}
	_, err := zone(c.Zone)
	return err
}

// zone is a place's rules of time. The machine's own is no place.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, errors.New("name an IANA time zone, such as Asia/Tokyo or UTC")
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %q: use an IANA name, such as Asia/Tokyo", name)
	}
	return loc, nil
}

// Located returns c with its start in its zone, so that [Calendar.At] need not
// look the zone up each time.
func (c Calendar) Located() Calendar {
	c.Start = c.Start.In(c.location())
	return c
}

// location is UTC for a zone that Validate refuses.
func (c Calendar) location() *time.Location {
	if loc := c.Start.Location(); loc.String() == c.Zone {
		return loc
	}
	loc, err := zone(c.Zone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// At returns the period that contains t. Period n is
//
//	[start + n·every, start + (n+1)·every)
//
// in the civil time of the zone, counted from the first start each time: the
// 31st becomes the last day of a shorter month and the 31st again after it. Days
// and longer keep the time of day; hours are hours of 3,600 seconds. A civil
// time that the clock skips or shows twice is the first instant at which the
// clock shows it or a later one. Where a whole civil day is skipped, a period of
// that day is empty, and At never returns it.
func (c Calendar) At(t time.Time) Period {
	loc := c.location()
	if c.Unit == "h" {
		return c.hours(t, loc)
	}
	n := c.guess(civilOf(c.Start.In(loc)), civilOf(t.In(loc)))
	for c.start(n, loc).After(t) {
		n--
	}
	end := c.start(n+1, loc)
	for !end.After(t) {
		n++
		end = c.start(n+1, loc)
	}
	return Period{Start: c.start(n, loc), End: end, N: n}
}

// Before returns the last period that was over when p began, empty ones not
// counted.
func (c Calendar) Before(p Period) Period { return c.At(p.Start.Add(-1)) }

func (c Calendar) hours(t time.Time, loc *time.Location) Period {
	long := time.Duration(max(1, c.Every)) * time.Hour
	n := int(t.Sub(c.Start) / long)
	if c.Start.Add(time.Duration(n) * long).After(t) {
		n-- // division rounds towards zero
	}
	from := c.Start.Add(time.Duration(n) * long).In(loc)
	return Period{Start: from, End: from.Add(long), N: n}
}

// guess is the number of the period that contains t, or one beside it.
func (c Calendar) guess(start, t time.Time) int {
	every := max(1, c.Every)
	switch c.Unit {
	case "d":
		return floor(int(t.Sub(start)/(24*time.Hour)), every)
	case "w":
		return floor(int(t.Sub(start)/(24*time.Hour)), 7*every)
	}
	return floor((t.Year()-start.Year())*12+int(t.Month()-start.Month()), c.months()*every)
}

func (c Calendar) months() int {
	switch c.Unit {
	case "Q":
		return 3
	case "Y":
		return 12
	}
	return 1
}

func floor(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

// start is when period n begins.
func (c Calendar) start(n int, loc *time.Location) time.Time {
	s, n := civilOf(c.Start.In(loc)), n*max(1, c.Every)
	switch c.Unit {
	case "d":
		return resolve(s.AddDate(0, 0, n), loc)
	case "w":
		return resolve(s.AddDate(0, 0, 7*n), loc)
	}
	return resolve(addMonths(s, n*c.months()), loc)
}

// addMonths keeps the day, or takes the last one of a month that is shorter.
func addMonths(s time.Time, n int) time.Time {
	first := time.Date(s.Year(), s.Month()+time.Month(n), 1, s.Hour(), s.Minute(), s.Second(), s.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(s.Day(), last)-1)
}
