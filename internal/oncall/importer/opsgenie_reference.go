package importer

import "time"

// ogReference is Opsgenie as its manual tells it: all rotations count at once;
// days and weeks keep the clock of the schedule's zone, hours go by the
// stopwatch; restrictions are times of day of that zone.
type ogReference struct {
	loc       *time.Location
	rotations []ogModel
}

type ogModel struct {
	rotation ogRotation
	members  []string
}

func (r ogReference) between(from, to time.Time) (out []stretch) {
	for _, m := range r.rotations {
		v := m.rotation
		n := max(1, v.Length)
		next := func(k int) time.Time {
			switch v.Type {
			case "hourly":
				return v.Start.Add(time.Duration(k*n) * time.Hour)
			case "daily":
				return wallDays(v.Start, r.loc, k*n)
			}
			return wallDays(v.Start, r.loc, 7*k*n)
		}
		turns := walk(m.members, next, from, to, 0)
		if v.Restriction != nil && len(v.Restriction.all()) > 0 {
			turns = within(turns, r.windows(v.Restriction, from, to))
		}
		ends := time.Time{}
		if v.End != nil {
			ends = *v.End
		}
		out = append(out, clip(turns, v.Start, ends)...)
	}
	return out
}

func (r ogReference) windows(v *ogRestriction, from, to time.Time) (out []stretch) {
	daysOf(r.loc, from, to, func(y int, m time.Month, d int, w time.Weekday) {
		for _, h := range v.all() {
			last := 0
			if v.Type == "weekday-and-time-of-day" {
				if w != weekdayOf(h.StartDay) {
					continue
				}
				for (w+time.Weekday(last))%7 != weekdayOf(h.EndDay) {
					last++
				}
			}
			start := time.Date(y, m, d, h.StartHour, h.StartMin, 0, 0, r.loc)
			end := time.Date(y, m, d+last, h.EndHour, h.EndMin, 0, 0, r.loc)
			if !end.After(start) {
				add := 1
				if v.Type == "weekday-and-time-of-day" {
					add = 7
				}
				end = time.Date(y, m, d+last+add, h.EndHour, h.EndMin, 0, 0, r.loc)
			}
			out = append(out, stretch{start: start, end: end})
		}
	})
	return joined(out)
}
