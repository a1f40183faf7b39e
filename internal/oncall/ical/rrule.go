package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

type byDay struct {
	n   int
	day time.Weekday
}

type rule struct {
	freq            string
	interval, count int
	until           *stamp
	days            []byDay
	monthDays       []int
	months          []int
	week            time.Weekday
}

func parseRule(p property, zone *rota.Zone) (*rule, error) {
	r := &rule{interval: 1, week: time.Monday}
	for part := range strings.SplitSeq(strings.ToUpper(p.value), ";") {
		k, v, _ := strings.Cut(part, "=")
		ok := true
		switch k {
		case "FREQ":
			r.freq = v
		case "INTERVAL":
			r.interval, ok = number(v, 1, 1000)
		case "COUNT":
			r.count, ok = number(v, 1, maxInstances)
		case "UNTIL":
			list, err := stamps(property{line: p.line, name: k, value: v}, zone)
			if err != nil {
				return nil, err
			}
			r.until = &list[0]
		case "WKST":
			r.week, ok = weekday(v)
		case "BYDAY":
			for s := range strings.SplitSeq(v, ",") {
				if len(s) < 2 {
					ok = false
					break
				}
				d, known := weekday(s[len(s)-2:])
				n, fine := 0, true
				if len(s) > 2 {
					n, fine = number(s[:len(s)-2], -53, 53)
					fine = fine && n != 0
				}
				ok = ok && known && fine
				r.days = append(r.days, byDay{n, d})
			}
		case "BYMONTHDAY":
			r.monthDays, ok = numbers(v, -31, 31)
		case "BYMONTH":
			r.months, ok = numbers(v, 1, 12)
		default:
			return nil, bad(p.line, "export the events one by one", "RRULE: %s is not understood", k)
		}
		if !ok {
			return nil, bad(p.line, "mend the rule", "RRULE: %q is no %s", v, k)
		}
	}
	if !slices.Contains([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}, r.freq) {
		return nil, bad(p.line, "use DAILY, WEEKLY, MONTHLY or YEARLY", "RRULE: FREQ %q is not understood", r.freq)
	}
	if (r.freq == "DAILY" || r.freq == "WEEKLY") && slices.ContainsFunc(r.days, func(b byDay) bool { return b.n != 0 }) {
		return nil, bad(p.line, "use FREQ=MONTHLY", "RRULE: BYDAY counts days in a %s rule", r.freq)
	}
	return r, nil
}

func number(s string, low, high int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= low && n <= high
}

func numbers(s string, low, high int) (out []int, ok bool) {
	for v := range strings.SplitSeq(s, ",") {
		n, fine := number(v, low, high)
		if !fine || n == 0 {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

func weekday(s string) (time.Weekday, bool) {
	i := slices.Index([]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}, s)
	return time.Weekday(i), i >= 0
}

// walls are the starts before to, by the clocks of the zone.
func (s *series) walls(to time.Time, budget *int) ([]stamp, error) {
	out := []stamp{{s.wall, s.zone, s.AllDay}}
	if s.rule != nil {
		n := 1
		// A day more than the horizon, for what the zone is ahead of it.
		for d := s.wall.AddDate(0, 0, 1); d.Before(to.AddDate(0, 0, 2)); d = d.AddDate(0, 0, 1) {
			at := stamp{d, s.zone, s.AllDay}
			if s.rule.over(n, at) {
				break
			}
			if s.rule.fits(s.wall, d) {
				out = append(out, at)
				n++
			}
			if *budget--; n > maxInstances || *budget < 0 {
				return nil, bad(s.line, "ask for a shorter time", "the rule has too many times (more than %d)", maxInstances)
			}
		}
	}
	if len(s.extra) == 0 {
		return out, nil
	}
	had := instants(out)
	for _, x := range s.extra {
		if at := x.at().Unix(); !had[at] {
			had[at] = true
			out = append(out, x)
		}
	}
	return out, nil
}

func (r *rule) over(n int, at stamp) bool {
	if r.count > 0 && n >= r.count {
		return true
	}
	if r.until == nil {
		return false
	}
	if r.until.day {
		return at.wall.Truncate(24 * time.Hour).After(r.until.wall)
	}
	return at.at().After(r.until.at())
}

// fits reports whether the rule of a series that starts at first has the day d.
func (r *rule) fits(first, d time.Time) bool {
	if len(r.months) > 0 && !slices.Contains(r.months, int(d.Month())) {
		return false
	}
	last := time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if len(r.monthDays) > 0 && !slices.Contains(r.monthDays, d.Day()) && !slices.Contains(r.monthDays, d.Day()-last-1) {
		return false
	}
	days := int(d.Sub(first) / (24 * time.Hour))
	free := len(r.days) == 0 && len(r.monthDays) == 0
	switch r.freq {
	case "DAILY":
		return days%r.interval == 0 && r.onDay(d, 0, 0)
	case "WEEKLY":
		back := (int(first.Weekday()) - int(r.week) + 7) % 7
		if free && d.Weekday() != first.Weekday() {
			return false
		}
		return (days+back)/7%r.interval == 0 && r.onDay(d, 0, 0)
	case "MONTHLY":
		months := (d.Year()-first.Year())*12 + int(d.Month()-first.Month())
		return months%r.interval == 0 && (!free || d.Day() == first.Day()) && r.onDay(d, d.Day(), last)
	}
	if (d.Year()-first.Year())%r.interval != 0 {
		return false
	}
	if free {
		return d.Day() == first.Day() && (len(r.months) > 0 || d.Month() == first.Month())
	}
	if len(r.months) > 0 {
		return r.onDay(d, d.Day(), last)
	}
	return r.onDay(d, d.YearDay(), time.Date(d.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay())
}

// onDay looks at BYDAY; nth is the number of the day in a period of length days.
func (r *rule) onDay(d time.Time, nth, length int) bool {
	return len(r.days) == 0 || slices.ContainsFunc(r.days, func(b byDay) bool {
		if b.day != d.Weekday() {
			return false
		}
		return b.n == 0 || nth > 0 && (b.n == (nth-1)/7+1 || b.n == -((length-nth)/7+1))
	})
}
