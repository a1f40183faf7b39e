package importer

import "time"

// pdReference is PagerDuty as its manual tells it: turns of whole days keep the
// clock of the schedule's zone, others go by the stopwatch; restrictions are
// times of day of that zone; the highest layer that has somebody counts.
type pdReference struct {
	loc    *time.Location
	layers []pdModel
}

type pdModel struct {
	layer   pdLayer
	members []string
	level   int
}

func (r pdReference) between(from, to time.Time) (out []stretch) {
	for _, m := range r.layers {
		l := m.layer
		if l.Seconds <= 0 {
			continue
		}
		next := func(k int) time.Time {
			if l.Seconds%86400 == 0 {
				return wallDays(l.VirtualStart, r.loc, k*(l.Seconds/86400))
			}
			return l.VirtualStart.Add(time.Duration(k*l.Seconds) * time.Second)
		}
		turns := walk(m.members, next, from, to, m.level)
		if len(l.Restrictions) > 0 {
			turns = within(turns, r.windows(l.Restrictions, from, to))
		}
		ends := time.Time{}
		if l.End != nil {
			ends = *l.End
		}
		out = append(out, clip(turns, l.Start, ends)...)
	}
	return out
}

func (r pdReference) windows(restrictions []pdRestriction, from, to time.Time) (out []stretch) {
	daysOf(r.loc, from, to, func(y int, m time.Month, d int, w time.Weekday) {
		for _, v := range restrictions {
			if v.Type == "weekly_restriction" && int(w) != v.Day%7 {
				continue
			}
			at, err := time.Parse(time.TimeOnly, v.Start)
			if err != nil {
				continue
			}
			start := time.Date(y, m, d, at.Hour(), at.Minute(), at.Second(), 0, r.loc)
			end := time.Date(y, m, d, at.Hour(), at.Minute(), at.Second()+min(v.Seconds, 8*86400), 0, r.loc)
			out = append(out, stretch{start: start, end: end})
		}
	})
	return joined(out)
}
