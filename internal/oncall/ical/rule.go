package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

type frequency string

const (
	hourly  frequency = "HOURLY"
	daily   frequency = "DAILY"
	weekly  frequency = "WEEKLY"
	monthly frequency = "MONTHLY"
	yearly  frequency = "YEARLY"
)

// rule is an RRULE.
type rule struct {
	freq     frequency
	interval int
	count    int // 0 is without end
	until    *clock
	utc      bool // until is an instant
	days     []ordinal
	monthDay []int
	months   []int
	position []int
	hours    []int
	minutes  []int
	monday   time.Weekday // on which weeks begin
	second   int64        // of the start
}

// ordinal is a weekday, or the n-th of its month or year.
type ordinal struct {
	n   int
	day time.Weekday
}

// rule reads an RRULE.
func (z zones) rule(p prop) (*rule, error) {
	r := &rule{interval: 1, monday: time.Monday}
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(p.value), ";"), ";") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, p.wrong("has a part without =", "write FREQ=WEEKLY;BYDAY=MO")
		}
		name, value = strings.ToUpper(strings.TrimSpace(name)), strings.ToUpper(strings.TrimSpace(value))
		if name == "UNTIL" {
			c, err := z.clock(prop{name: "RRULE UNTIL", line: p.line}, value)
			if err != nil {
				return nil, err
			}
			r.until, r.utc = &c, strings.HasSuffix(value, "Z")
			continue
		}
		known, right := r.part(name, value)
		switch {
		case !known:
			return nil, p.wrong("has "+strconv.Quote(shortened(name))+", which is not supported", "write the rule without it, or list the dates in RDATE")
		case !right:
			return nil, p.wrong("has a wrong "+name+": "+strconv.Quote(shortened(value)), "see RFC 5545, section 3.3.10")
		}
	}
	switch {
	case r.freq == "":
		return nil, p.wrong("has no FREQ", "write FREQ=HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY")
	case r.count > 0 && r.until != nil:
		return nil, p.wrong("has both COUNT and UNTIL", "keep one of them")
	}
	return r, nil
}

func (r *rule) part(name, value string) (known, right bool) {
	var n []int
	switch name {
	case "FREQ":
		r.freq = frequency(value)
		return true, slices.Contains([]frequency{hourly, daily, weekly, monthly, yearly}, r.freq)
	case "INTERVAL":
		n, right = numbers(value, 1, 10_000)
		if right {
			r.interval = n[0]
		}
	case "COUNT":
		n, right = numbers(value, 1, 1_000_000)
		if right {
			r.count = n[0]
		}
	case "WKST":
		r.monday, right = weekday(value)
	case "BYDAY":
		r.days, right = ordinals(value)
	default:
		return r.by(name, value)
	}
	return true, right
}

func (r *rule) by(name, value string) (known, right bool) {
	switch name {
	case "BYMONTHDAY":
		r.monthDay, right = numbers(value, -31, 31)
		right = right && !slices.Contains(r.monthDay, 0)
	case "BYMONTH":
		r.months, right = numbers(value, 1, 12)
	case "BYSETPOS":
		r.position, right = numbers(value, -366, 366)
		right = right && !slices.Contains(r.position, 0)
	case "BYHOUR":
		r.hours, right = numbers(value, 0, 23)
	case "BYMINUTE":
		r.minutes, right = numbers(value, 0, 59)
	case "BYSECOND":
		_, right = numbers(value, 0, 0) // minutes are as fine as a schedule gets
	default:
		return false, false
	}
	return true, right
}

func numbers(s string, lowest, highest int) (out []int, ok bool) {
	for v := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimPrefix(v, "+"))
		if err != nil || n < lowest || n > highest || len(out) == 400 {
			return nil, false
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out), true
}

func ordinals(s string) (out []ordinal, ok bool) {
	for v := range strings.SplitSeq(s, ",") {
		if len(v) < 2 || len(out) == 400 {
			return nil, false
		}
		var o ordinal
		if o.day, ok = weekday(v[len(v)-2:]); !ok {
			return nil, false
		}
		if n := v[:len(v)-2]; n != "" {
			i, err := strconv.Atoi(strings.TrimPrefix(n, "+"))
			if err != nil || i == 0 || i < -53 || i > 53 {
				return nil, false
			}
			o.n = i
		}
		out = append(out, o)
	}
	return out, true
}

func weekday(s string) (time.Weekday, bool) {
	i := strings.Index("SUMOTUWETHFRSA", s)
	if len(s) != 2 || i < 0 || i%2 != 0 {
		return 0, false
	}
	return time.Weekday(i / 2), true
}

// begin fills in what a rule takes from the start of its event.
func (r *rule) begin(start clock) {
	day := start.day()
	second := start.local - int64(day)*daySeconds
	r.second = second % 60
	_, month, date := day.Date()
	if len(r.days) == 0 && len(r.monthDay) == 0 {
		switch r.freq {
		case yearly:
			if len(r.months) == 0 {
				r.months = []int{int(month)}
			}
			r.monthDay = []int{date}
		case monthly:
			r.monthDay = []int{date}
		case weekly:
			r.days = []ordinal{{day: day.Weekday()}}
		case daily, hourly:
		}
	}
	if len(r.hours) == 0 && r.freq != hourly {
		r.hours = []int{int(second / 3600)}
	}
	if len(r.minutes) == 0 {
		r.minutes = []int{int(second / 60 % 60)}
	}
}

// has reports whether the rule's parts allow the day.
func (r *rule) has(d rota.Day) bool {
	year, month, date := d.Date()
	if len(r.months) > 0 && !slices.Contains(r.months, int(month)) {
		return false
	}
	last := lastOf(year, month)
	if len(r.monthDay) > 0 && !slices.Contains(r.monthDay, date) && !slices.Contains(r.monthDay, date-last-1) {
		return false
	}
	return len(r.days) == 0 || slices.ContainsFunc(r.days, func(o ordinal) bool {
		if o.day != d.Weekday() {
			return false
		}
		if o.n == 0 || (r.freq != monthly && r.freq != yearly) {
			return true
		}
		place, size := date, last
		if r.freq == yearly && len(r.months) == 0 {
			first := rota.DayOf(year, time.January, 1)
			place, size = int(d-first)+1, int(rota.DayOf(year+1, time.January, 1)-first)
		}
		if o.n > 0 {
			return (place-1)/7+1 == o.n
		}
		return (size-place)/7+1 == -o.n
	})
}

func lastOf(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
