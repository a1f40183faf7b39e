package importer

import (
	"slices"
	"time"
)

// gaReference is GoAlert as its program does it: rotations step by the wall
// clock from hand-over to hand-over, and a rule is active while the wall clock
// of the schedule lies in it, so that an hour that comes twice is judged twice.
type gaReference struct {
	loc     *time.Location
	targets []gaModel
}

type gaModel struct {
	rules    []gaRule
	members  []string
	rotation *gaRotation // nil for a user
	loc      *time.Location
	shift    int
	active   int
	next     time.Time
}

func (r gaReference) between(from, to time.Time) (out []stretch) {
	for _, m := range r.targets {
		turns := []stretch{{start: from, end: to, people: m.members[:min(1, len(m.members))]}}
		if m.rotation != nil {
			turns = m.walk(from, to)
		}
		out = append(out, within(turns, r.windows(m.rules, from, to))...)
	}
	return out
}

func (m gaModel) walk(from, to time.Time) []stretch {
	members := m.members
	start := m.rotation.Start.Truncate(time.Minute).In(m.loc)
	n := max(1, m.rotation.Length)
	// Whose turn it is counts from the turn that the export calls active.
	if !m.next.IsZero() && len(members) > 0 {
		k := 0
		for at := start; at.Before(m.next) && k < maxTurns; k++ {
			at = m.step(start, at, n, k+1)
		}
		by := ((m.active-(k-1))%len(members) + len(members)) % len(members)
		members = slices.Concat(members[by:], members[:by])
	}
	last, lastK := start, 0
	next := func(k int) time.Time {
		for ; lastK < k; lastK++ {
			last = m.step(start, last, n, lastK+1)
		}
		return last
	}
	return walk(members, next, from, to, 0)
}

// step is the k-th hand-over, after the one at.
func (m gaModel) step(start, at time.Time, n, k int) time.Time {
	switch m.rotation.Type {
	case "hourly":
		// By the wall, and always forward.
		for h := n; ; h++ {
			if out := time.Date(at.Year(), at.Month(), at.Day(), at.Hour()+h, at.Minute(), 0, 0, m.loc); out.After(at) {
				return out
			}
		}
	case "weekly":
		return start.AddDate(0, 0, 7*n*k)
	case "monthly":
		return start.AddDate(0, n*k, 0)
	}
	return start.AddDate(0, 0, n*k)
}

// windows are when a rule is active: judged anew wherever the wall clock passes
// an edge or jumps.
func (r gaReference) windows(rules []gaRule, from, to time.Time) (out []stretch) {
	from, to = from.Add(-time.Hour), to.Add(time.Hour)
	cuts := []time.Time{from, to}
	daysOf(r.loc, from, to, func(y int, m time.Month, d int, _ time.Weekday) {
		noon := time.Date(y, m, d, 12, 0, 0, 0, r.loc)
		start, end := noon.ZoneBounds()
		for _, at := range []time.Time{start, end} {
			if !at.IsZero() {
				cuts = append(cuts, at)
			}
		}
		for _, v := range rules {
			for _, c := range []int{0, gaClock(v.Start), gaClock(v.End)} {
				at := time.Date(y, m, d, 0, c, 0, 0, r.loc)
				cuts = append(cuts, at, at.Add(-time.Hour), at.Add(time.Hour), at.Add(-30*time.Minute), at.Add(30*time.Minute))
			}
		}
	})
	slices.SortFunc(cuts, time.Time.Compare)
	for i, at := range cuts[:len(cuts)-1] {
		if at.Before(from) || !at.Before(to) || !at.Before(cuts[i+1]) {
			continue
		}
		wall := at.In(r.loc)
		if slices.ContainsFunc(rules, func(v gaRule) bool { return v.active(wall) }) {
			out = append(out, stretch{start: at, end: cuts[i+1]})
		}
	}
	return joined(out)
}

func (v gaRule) active(wall time.Time) bool {
	start, end, clock := gaClock(v.Start), gaClock(v.End), wall.Hour()*60+wall.Minute()
	today := wall.Weekday()
	if start >= end { // over midnight
		return v.Days[today] && clock >= start || v.Days[(today+6)%7] && clock < end
	}
	return v.Days[today] && clock >= start && clock < end
}
