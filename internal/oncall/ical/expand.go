package ical

import (
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// What one expansion may look at.
const (
	maxSteps       = 5_000_000 // days and hours that rules are tried on
	maxOccurrences = 100_000
)

// Between returns the occurrences that touch [from, to), the earliest first.
// Overrides of single occurrences are applied, what is cancelled is left out. It
// is an error of kind Invalid where there are too many to list.
func (c *Calendar) Between(from, to time.Time) ([]Occurrence, error) {
	x := expansion{from: from, to: to}
	series, overrides := c.series()
	for _, e := range series {
		replaced := map[int64]bool{}
		for _, o := range overrides[e.UID] {
			replaced[o.instance.at().Unix()] = true
		}
		if !e.Cancelled && !x.event(e, replaced) {
			return nil, errs.New(errs.Invalid, "the rule of the event %q yields too much between %s and %s: ask for a shorter time, or give it an UNTIL", shortened(e.Summary), from.Format(time.DateOnly), to.Format(time.DateOnly))
		}
	}
	for i := range c.Events {
		e := &c.Events[i]
		if e.instance != nil && !e.Cancelled && slices.Contains(overrides[e.UID], e) {
			x.put(e, e.start)
		}
	}
	slices.SortStableFunc(x.out, func(a, b Occurrence) int { return a.Start.Compare(b.Start) })
	return x.out, nil
}

// series splits events that stand for a series from those that replace one of
// its occurrences. Of several editions the highest sequence counts.
func (c *Calendar) series() (out []*Event, overrides map[string][]*Event) {
	type key struct {
		uid      string
		instance int64
		single   bool
	}
	best := map[key]*Event{}
	keyOf := func(e *Event) key {
		k := key{uid: e.UID}
		if e.instance != nil {
			k.instance, k.single = e.instance.at().Unix(), true
		}
		return k
	}
	for i := range c.Events {
		e := &c.Events[i]
		if b := best[keyOf(e)]; e.UID != "" && (b == nil || e.Sequence >= b.Sequence) {
			best[keyOf(e)] = e
		}
	}
	overrides = map[string][]*Event{}
	for i := range c.Events {
		e := &c.Events[i]
		switch {
		case e.UID != "" && best[keyOf(e)] != e:
		case e.instance != nil:
			overrides[e.UID] = append(overrides[e.UID], e)
		default:
			out = append(out, e)
		}
	}
	return out, overrides
}

type expansion struct {
	from, to time.Time
	steps    int
	out      []Occurrence
}

// event lists the occurrences of one event; false where there are too many.
func (x *expansion) event(e *Event, replaced map[int64]bool) bool {
	except := func(c clock) bool {
		at := c.at()
		return replaced[at.Unix()] || slices.ContainsFunc(e.not, func(n clock) bool {
			return n.at().Equal(at) || (n.date && n.day() == c.day())
		})
	}
	seen := map[int64]bool{}
	take := func(c clock) bool {
		if at := c.at().Unix(); !seen[at] && !except(c) {
			seen[at] = true
			x.put(e, c)
		}
		return len(x.out) <= maxOccurrences
	}
	if e.rule == nil {
		if !take(e.start) {
			return false
		}
	} else if !x.repeat(e, take) {
		return false
	}
	for _, c := range e.also {
		if e.start.date {
			c = clock{int64(c.day()) * daySeconds, e.start.zone, true}
		}
		if !take(c) {
			return false
		}
	}
	return true
}

// put adds an occurrence if it touches the range.
func (x *expansion) put(e *Event, c clock) {
	o := Occurrence{Event: e, Start: c.at(), End: e.span.after(c)}
	if e.AllDay {
		o.Day, o.Days = c.day(), e.span.days()
	}
	touches := o.Start.Before(x.to) && o.End.After(x.from)
	if touches || (o.Start.Equal(o.End) && !o.Start.Before(x.from) && o.Start.Before(x.to)) {
		x.out = append(x.out, o)
	}
}

// repeat walks the periods of a rule.
func (x *expansion) repeat(e *Event, take func(clock) bool) bool {
	r := e.rule
	start := e.start
	last := wall(x.to, start.zone) + 2*daySeconds
	first := wall(x.from, start.zone) - e.span.wall - int64(e.span.exact/time.Second) - 2*daySeconds
	n := 0
	k := int64(0)
	if r.count == 0 {
		k = max(0, r.skip(start, first))
	}
	for ; ; k++ {
		begin, set := r.period(start, k)
		if begin > last || x.steps > maxSteps {
			return x.steps <= maxSteps
		}
		x.steps += max(1, r.size(), len(set))
		for _, local := range set {
			c := start.with(local)
			if local < start.local {
				continue
			}
			n++
			if r.over(c, n) {
				return true
			}
			if local >= first && !take(c) {
				return false
			}
		}
	}
}

// over reports whether the n-th occurrence lies behind the end of the rule.
func (r *rule) over(c clock, n int) bool {
	switch {
	case r.count > 0:
		return n > r.count
	case r.until == nil:
		return false
	case r.until.date:
		return c.day() > r.until.day() // that day is still in it
	case r.utc:
		return c.at().After(r.until.at())
	}
	return c.local > r.until.local
}

// size is how many days or hours one period has, about.
func (r *rule) size() int {
	switch r.freq {
	case yearly:
		return 366
	case monthly:
		return 31
	case weekly:
		return 7
	case daily, hourly:
	}
	return 1
}

// skip is a period before the one in which local lies.
func (r *rule) skip(start clock, local int64) int64 {
	d := local - start.local
	i := int64(r.interval)
	switch r.freq {
	case hourly:
		return floorDiv(d, 3600*i) - 2
	case daily:
		return floorDiv(d, daySeconds*i) - 2
	case weekly:
		return floorDiv(d, 7*daySeconds*i) - 2
	case monthly:
		return floorDiv(d, 31*daySeconds*i) - 2
	case yearly:
	}
	return floorDiv(d, 366*daySeconds*i) - 2
}

// period returns where the k-th period begins and what the rule has in it.
func (r *rule) period(start clock, k int64) (begin int64, out []int64) {
	day := start.day()
	year, month, _ := day.Date()
	n := k * int64(r.interval)
	if n > 10_000_000 {
		return 1 << 60, nil
	}
	first, end := day, day+1
	switch r.freq {
	case hourly:
		begin = floorDiv(start.local, 3600)*3600 + n*3600
		return begin, r.positions(r.hour(begin))
	case daily:
		first = day + rota.Day(n)
		end = first + 1
	case weekly:
		first = day - rota.Day((int(day.Weekday())-int(r.monday)+7)%7) + rota.Day(7*n)
		end = first + 7
	case monthly:
		first = rota.DayOf(year, month+time.Month(n), 1)
		end = rota.DayOf(year, month+time.Month(n)+1, 1)
	case yearly:
		first = rota.DayOf(year+int(n), time.January, 1)
		end = rota.DayOf(year+int(n)+1, time.January, 1)
	}
	for d := first; d < end; d++ {
		if !r.has(d) {
			continue
		}
		for _, h := range r.hours {
			for _, m := range r.minutes {
				out = append(out, int64(d)*daySeconds+int64(h)*3600+int64(m)*60+r.second)
			}
		}
	}
	return int64(first) * daySeconds, r.positions(out)
}

func (r *rule) hour(begin int64) (out []int64) {
	day := floorDiv(begin, daySeconds)
	if len(r.hours) > 0 && !slices.Contains(r.hours, int((begin-day*daySeconds)/3600)) || !r.has(rota.Day(day)) {
		return nil
	}
	for _, m := range r.minutes {
		out = append(out, begin+int64(m)*60+r.second)
	}
	return out
}

// positions keeps what BYSETPOS asks for.
func (r *rule) positions(set []int64) []int64 {
	if len(r.position) == 0 {
		return set
	}
	var out []int64
	for _, p := range r.position {
		switch i := p - 1; {
		case p > 0 && i < len(set):
			out = append(out, set[i])
		case p < 0 && len(set)+p >= 0:
			out = append(out, set[len(set)+p])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
