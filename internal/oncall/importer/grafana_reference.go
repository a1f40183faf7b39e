package importer

import (
	"slices"
	"time"
)

// grReference is Grafana OnCall as its program does it: each group of a shift is
// a series of events of its own, which repeat by the wall clock and last for the
// first one's time by the stopwatch; the highest level that has somebody counts.
type grReference struct{ shifts []grModel }

type grModel struct {
	shift  grShift
	loc    *time.Location
	groups []string
	level  int
	single bool
}

func (r grReference) between(from, to time.Time) (out []stretch) {
	for _, m := range r.shifts {
		start := grTime(m.shift.Start, m.loc)
		if start.IsZero() {
			continue
		}
		length := time.Duration(m.shift.Duration) * time.Second
		if m.single {
			if len(m.groups) > 0 {
				out = append(out, stretch{start: start, end: start.Add(length), people: slot(m.groups[0]), level: m.level})
			}
			continue
		}
		for g, group := range m.groups {
			out = append(out, m.series(start, g, slot(group), from, to)...)
		}
	}
	return out
}

// series walks the days (or hours) from the start, and asks of each whether the
// g-th group has an event then.
func (m grModel) series(start time.Time, g int, people []string, from, to time.Time) (out []stretch) {
	v := m.shift
	until := time.Time{}
	if v.Until != "" {
		until = grTime(v.Until, m.loc)
	}
	n := max(1, len(m.groups))
	every := max(1, v.Interval)
	length := time.Duration(0)
	y, mo, d := start.Date()
	for i := range maxTurns {
		at := time.Date(y, mo, d+i, start.Hour(), start.Minute(), start.Second(), 0, m.loc)
		if v.Frequency == "hourly" {
			at = time.Date(y, mo, d, start.Hour()+i, start.Minute(), start.Second(), 0, m.loc)
		}
		if !at.Before(to) || (!until.IsZero() && at.After(until)) {
			break
		}
		if !m.happens(start, i, n, every, g) {
			continue
		}
		if length == 0 { // the first event's end is by the wall
			end := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second()+v.Duration, 0, m.loc)
			length = end.Sub(at)
		}
		if end := at.Add(length); end.After(from) {
			out = append(out, stretch{start: at, end: end, people: people, level: m.level})
		}
	}
	return out
}

func (m grModel) happens(start time.Time, i, n, every, g int) bool {
	v := m.shift
	days := v.days()
	weekday := (start.Weekday() + time.Weekday(i%7)) % 7
	if v.Frequency != "hourly" && len(days) > 0 && !slices.Contains(days, weekday) {
		return false
	}
	switch v.Frequency {
	case "hourly", "daily":
		return i%(every*n) == every*g
	case "weekly":
		if len(days) == 0 {
			return i%(7*every*n) == 7*every*g
		}
		into := (int(start.Weekday()-v.weekStart()) + 7) % 7
		return (i+into)/7%(every*n) == every*g
	}
	return false
}
