package ical

import (
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// Calendar is events under a name.
type Calendar struct {
	Name   string
	Events []Event
	// Zone is whose midnights all-day events have when they are shifts, and what
	// times without a zone mean. nil is UTC. It is read, not written.
	Zone *rota.Zone
}

// Event is one entry of a calendar. As written it happens once; as read it may
// repeat: see [Calendar.Between].
type Event struct {
	UID      string
	Sequence int       // rises with each change
	Stamp    time.Time // when this edition was made
	// Start and End are instants; of an all-day event they are the midnights in UTC
	// of its first day and of the day after its last.
	Start, End  time.Time
	AllDay      bool
	Summary     string
	Description string
	Location    string
	URL         string
	Cancelled   bool
	Alarm       time.Duration // this long before the start; 0 is none
	Organizer   string        // a mail address
	Attendees   []string      // mail addresses

	start     clock
	span      span
	rule      *rule
	also, not []clock
	instance  *clock // which occurrence of the series it replaces
}

// Occurrence is one time at which an event happens.
type Occurrence struct {
	Event      *Event
	Start, End time.Time
	// Of all-day events: the first day, and how many.
	Day  rota.Day
	Days int
}

// clock is what a wall shows: seconds since 1970-01-01 as if it were UTC.
type clock struct {
	local int64
	zone  *rota.Zone
	date  bool
}

const daySeconds = 24 * 60 * 60

func (c clock) day() rota.Day { return rota.Day(floorDiv(c.local, daySeconds)) }

func (c clock) with(local int64) clock { return clock{local, c.zone, c.date} }

// at returns the first instant at which the clock shows it; one that is never
// shown is read with the offset before the gap.
func (c clock) at() time.Time {
	day := c.day()
	second := c.local - int64(day)*daySeconds
	t := c.zone.First(day, int(second/60))
	if wall(t, c.zone) == c.local-second%60 {
		return t.Add(time.Duration(second%60) * time.Second)
	}
	_, off := t.Add(-time.Second).In(c.zone.Location()).Zone()
	return time.Unix(c.local-int64(off), 0).UTC()
}

func wall(t time.Time, z *rota.Zone) int64 {
	_, off := t.In(z.Location()).Zone()
	return t.Unix() + int64(off)
}

// span is how long an event lasts: by the wall clock, and then by the stopwatch.
type span struct {
	wall  int64 // seconds
	exact time.Duration
}

func (s span) after(c clock) time.Time { return c.with(c.local + s.wall).at().Add(s.exact) }

func (s span) days() int { return int(s.wall / daySeconds) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
