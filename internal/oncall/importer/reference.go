package importer

import (
	"slices"
	"time"
)

// stretch is people on call from start until just before end.
type stretch struct {
	start, end time.Time
	people     []string
	level      int
}

// reference is who is on call by another product's rules. It knows nothing of
// package rota: it steps as the product does, with package time alone.
type reference struct {
	base      func(from, to time.Time) []stretch
	changes   []change
	temporary []temporary
}

// change is an override; remove "*" is everybody, and an empty name nobody.
type change struct {
	start, end  time.Time
	add, remove string
}

type temporary struct {
	start, end time.Time
	shifts     []stretch
}

const maxTurns = 400_000 // that a reference steps through

// between puts layers, overrides and temporary schedules together.
func (r reference) between(from, to time.Time) (out []stretch) {
	base := r.base(from, to)
	cuts := []time.Time{from, to}
	cut := func(at ...time.Time) {
		for _, t := range at {
			if t.After(from) && t.Before(to) {
				cuts = append(cuts, t)
			}
		}
	}
	for _, s := range base {
		cut(s.start, s.end)
	}
	for _, c := range r.changes {
		cut(c.start, c.end)
	}
	for _, t := range r.temporary {
		cut(t.start, t.end)
		for _, s := range t.shifts {
			cut(s.start, s.end)
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	slices.SortStableFunc(base, func(a, b stretch) int { return a.start.Compare(b.start) })
	var open []stretch
	next := 0
	for i, start := range cuts[:len(cuts)-1] {
		for ; next < len(base) && !base[next].start.After(start); next++ {
			open = append(open, base[next])
		}
		open = slices.DeleteFunc(open, func(s stretch) bool { return !s.end.After(start) })
		if people := r.at(open, start); len(people) > 0 {
			out = append(out, stretch{start: start, end: cuts[i+1], people: people})
		}
	}
	return out
}

func (r reference) at(open []stretch, t time.Time) []string {
	for _, v := range slices.Backward(r.temporary) {
		if !t.Before(v.start) && t.Before(v.end) {
			return onAt(v.shifts, t)
		}
	}
	var people []string
	level := 0
	for _, s := range open {
		switch {
		case len(s.people) == 0 || len(people) > 0 && s.level < level:
		case len(people) == 0 || s.level > level:
			people, level = slices.Clone(s.people), s.level
		default:
			people = append(people, s.people...)
		}
	}
	for _, c := range r.changes {
		if !t.Before(c.start) && t.Before(c.end) {
			people = c.apply(people)
		}
	}
	slices.Sort(people)
	return slices.Compact(people)
}

func (c change) apply(people []string) []string {
	switch {
	case c.remove == "*":
		people = nil
	case c.remove != "" && !slices.Contains(people, c.remove):
		return people // replaces only somebody who is on call
	case c.remove != "":
		people = slices.DeleteFunc(people, func(p string) bool { return p == c.remove })
	}
	if c.add != "" {
		people = append(people, c.add)
	}
	return people
}

// walk steps from start until to. next is the k-th hand-over.
func walk(members []string, next func(k int) time.Time, from, to time.Time, level int) (out []stretch) {
	if len(members) == 0 {
		return nil
	}
	begin := next(0)
	for k := 0; k < maxTurns && begin.Before(to); k++ {
		end := next(k + 1)
		if end.After(from) {
			out = append(out, stretch{start: begin, end: end, people: slot(members[k%len(members)]), level: level})
		}
		begin = end
	}
	return out
}

// wallDays is the hand-over n days after start, by the wall.
func wallDays(start time.Time, loc *time.Location, n int) time.Time {
	at := start.In(loc)
	return time.Date(at.Year(), at.Month(), at.Day()+n, at.Hour(), at.Minute(), at.Second(), 0, loc)
}

// within cuts turns down to windows of time.
func within(turns, windows []stretch) (out []stretch) {
	first := 0
	for _, t := range turns {
		for first < len(windows) && !windows[first].end.After(t.start) {
			first++
		}
		for _, w := range windows[first:] {
			if !w.start.Before(t.end) {
				break
			}
			cut := t
			if w.start.After(t.start) {
				cut.start = w.start
			}
			if w.end.Before(t.end) {
				cut.end = w.end
			}
			if cut.start.Before(cut.end) {
				out = append(out, cut)
			}
		}
	}
	return out
}

// joined sorts windows and joins those that touch.
func joined(windows []stretch) (out []stretch) {
	slices.SortFunc(windows, func(a, b stretch) int { return a.start.Compare(b.start) })
	for _, w := range windows {
		if n := len(out); n > 0 && !w.start.After(out[n-1].end) {
			if w.end.After(out[n-1].end) {
				out[n-1].end = w.end
			}
			continue
		}
		out = append(out, w)
	}
	return out
}

// daysOf calls each with the dates from a week before from to to, in loc.
func daysOf(loc *time.Location, from, to time.Time, each func(y int, m time.Month, d int, w time.Weekday)) {
	for at := from.In(loc).AddDate(0, 0, -8); at.Before(to.AddDate(0, 0, 2)); at = at.AddDate(0, 0, 1) {
		each(at.Year(), at.Month(), at.Day(), at.Weekday())
	}
}

// clip cuts stretches down to those between begins and ends; zero is open.
func clip(list []stretch, begins, ends time.Time) (out []stretch) {
	for _, s := range list {
		if !begins.IsZero() && s.start.Before(begins) {
			s.start = begins
		}
		if !ends.IsZero() && s.end.After(ends) {
			s.end = ends
		}
		if s.start.Before(s.end) {
			out = append(out, s)
		}
	}
	return out
}
