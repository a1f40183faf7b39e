package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// The bounds of what is read.
const (
	maxBytes     = 1 << 20
	maxEvents    = 5000
	maxInstances = 20000
	maxDays      = 5000000 // that rules are tried on, of all events together
)

// Event is one event at one time.
type Event struct {
	UID, Summary, Description string
	Attendees                 []string // addresses and names
	Start, End                time.Time
	AllDay                    bool      // Start and End are midnights in UTC of the dates
	RecurrenceID              time.Time // which of a series it replaces; zero is none
	Cancelled                 bool
}

// Calendar is a calendar that was read.
type Calendar struct{ events []series }

// series is an event with its rule; clocks are kept as if they were UTC.
type series struct {
	Event
	line   int
	zone   *rota.Zone // nil is UTC
	wall   time.Time
	length time.Duration
	rule   *rule
	extra  []stamp
	except []stamp
}

type stamp struct {
	wall time.Time
	zone *rota.Zone
	day  bool
}

func (s stamp) at() time.Time { return instant(s.wall, s.zone) }

func instant(wall time.Time, z *rota.Zone) time.Time {
	if z == nil {
		return wall
	}
	minute := wall.Hour()*60 + wall.Minute()
	return z.First(rota.DayOf(wall.Date()), minute).Add(time.Duration(wall.Second()) * time.Second)
}

type property struct {
	line        int
	name, value string
	params      map[string]string
}

func bad(line int, remedy, format string, args ...any) error {
	return errs.New(errs.Invalid, "line %d: "+format+": %s", append(append([]any{line}, args...), remedy)...)
}

// Parse reads the text of an iCalendar file.
func Parse(text []byte) (Calendar, error) {
	var c Calendar
	if len(text) > maxBytes {
		return c, errs.New(errs.Invalid, "the calendar is larger than 1 MB: export a shorter time")
	}
	ps, err := unfold(string(text))
	if err != nil {
		return c, err
	}
	if len(ps) == 0 || ps[0].name != "BEGIN" || !strings.EqualFold(ps[0].value, "VCALENDAR") {
		return c, bad(1, "give the text of an .ics file", "no BEGIN:VCALENDAR")
	}
	var zone *rota.Zone
	var stack []string
	var body []property
	for _, p := range ps {
		switch {
		case p.name == "BEGIN":
			stack = append(stack, strings.ToUpper(p.value))
			if len(stack) == 2 && stack[1] == "VEVENT" {
				body = []property{p}
			}
		case p.name == "END":
			if len(stack) == 0 || stack[len(stack)-1] != strings.ToUpper(p.value) {
				return Calendar{}, bad(p.line, "close what was opened last", "END:%s does not fit", p.value)
			}
			if len(stack) == 2 && stack[1] == "VEVENT" {
				s, err := event(body, zone)
				if err != nil {
					return Calendar{}, err
				}
				if c.events = append(c.events, s); len(c.events) > maxEvents {
					return Calendar{}, bad(p.line, "export a shorter time", "more than %d events", maxEvents)
				}
			}
			stack = stack[:len(stack)-1]
		case len(stack) == 2 && stack[1] == "VEVENT":
			body = append(body, p)
		case len(stack) == 1 && p.name == "X-WR-TIMEZONE":
			if zone, err = rota.LoadZone(p.value); err != nil {
				return Calendar{}, bad(p.line, "use an IANA name such as Asia/Tokyo", "unknown time zone %q", p.value)
			}
		}
	}
	if len(stack) > 0 {
		return Calendar{}, bad(ps[len(ps)-1].line, "export it again, the end is missing", "%s is not closed", stack[len(stack)-1])
	}
	return c, nil
}

func unfold(text string) (out []property, err error) {
	var lines []string
	var at []int
	for i, l := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		l = strings.TrimSuffix(l, "\r")
		if l != "" && (l[0] == ' ' || l[0] == '\t') && len(lines) > 0 {
			lines[len(lines)-1] += l[1:]
		} else if l != "" {
			lines, at = append(lines, l), append(at, i+1)
		}
	}
	for i, l := range lines {
		var parts []string
		quoted, from, colon := false, 0, -1
		for j := 0; j < len(l) && colon < 0; j++ {
			switch {
			case l[j] == '"':
				quoted = !quoted
			case !quoted && (l[j] == ';' || l[j] == ':'):
				parts, from = append(parts, l[from:j]), j+1
				if l[j] == ':' {
					colon = j
				}
			}
		}
		if colon < 0 {
			return nil, bad(at[i], "write NAME:value", "no colon")
		}
		p := property{at[i], strings.ToUpper(parts[0]), l[colon+1:], map[string]string{}}
		for _, v := range parts[1:] {
			k, v, _ := strings.Cut(v, "=")
			p.params[strings.ToUpper(k)] = strings.Trim(v, `"`)
		}
		out = append(out, p)
	}
	return out, nil
}

func plain(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";").Replace(s)
}

func event(ps []property, zone *rota.Zone) (s series, err error) {
	s.line = ps[0].line
	var start, end stamp
	var length time.Duration
	var recurs property
	for _, p := range ps[1:] {
		var list []stamp
		switch p.name {
		case "DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE":
			if list, err = stamps(p, zone); err != nil {
				return s, err
			}
		}
		switch p.name {
		case "UID":
			s.UID = p.value
		case "SUMMARY":
			s.Summary = plain(p.value)
		case "DESCRIPTION":
			s.Description = plain(p.value)
		case "STATUS":
			s.Cancelled = strings.EqualFold(p.value, "CANCELLED")
		case "ATTENDEE":
			if len(p.value) > 7 && strings.EqualFold(p.value[:7], "mailto:") {
				p.value = p.value[7:]
			}
			s.Attendees = append(s.Attendees, p.value)
			if cn := p.params["CN"]; cn != "" {
				s.Attendees = append(s.Attendees, cn)
			}
		case "DTSTART":
			start = list[0]
		case "DTEND":
			end = list[0]
		case "DURATION":
			length, err = duration(p)
		case "RECURRENCE-ID":
			s.RecurrenceID = list[0].at()
		case "EXDATE":
			s.except = append(s.except, list...)
		case "RDATE":
			s.extra = append(s.extra, list...)
		case "RRULE":
			recurs = p
		}
		if err != nil {
			return s, err
		}
	}
	if start.wall.IsZero() {
		return s, bad(s.line, "add DTSTART", "the event has no start")
	}
	s.zone, s.wall, s.AllDay, s.length = start.zone, start.wall, start.day, length
	if recurs.name != "" { // its UNTIL is by the clocks of the start
		if s.rule, err = parseRule(recurs, start.zone); err != nil {
			return s, err
		}
	}
	switch {
	case !end.wall.IsZero():
		s.length = end.at().Sub(start.at())
	case length == 0 && start.day:
		s.length = 24 * time.Hour
	}
	if s.length < 0 {
		return s, bad(s.line, "put DTEND after DTSTART", "the event ends before it starts")
	}
	return s, nil
}

func stamps(p property, zone *rota.Zone) (out []stamp, err error) {
	if id := p.params["TZID"]; id != "" {
		if zone, err = rota.LoadZone(id); err != nil {
			return nil, bad(p.line, "use an IANA name such as Asia/Tokyo", "unknown time zone %q", id)
		}
	}
	for v := range strings.SplitSeq(p.value, ",") {
		s := stamp{zone: zone}
		switch {
		case len(v) == 8:
			s.day, s.zone = true, nil
			s.wall, err = time.Parse("20060102", v)
		case strings.HasSuffix(v, "Z"):
			s.zone = nil
			s.wall, err = time.Parse("20060102T150405Z", v)
		default:
			s.wall, err = time.Parse("20060102T150405", v)
		}
		if err != nil || s.wall.Year() < 1900 || s.wall.Year() > 2200 {
			return nil, bad(p.line, "write 20261128 or 20261128T090000Z", "%s: %q is no time from 1900 to 2200", p.name, v)
		}
		out = append(out, s)
	}
	return out, nil
}

func duration(p property) (d time.Duration, err error) {
	s, ok := strings.CutPrefix(strings.TrimPrefix(p.value, "+"), "P")
	units := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}
	for s != "" && ok {
		s = strings.TrimPrefix(s, "T")
		i := strings.IndexAny(s, "WDHMS")
		if i < 1 || i > 6 {
			ok = false
			break
		}
		n, err := strconv.ParseUint(s[:i], 10, 20)
		ok = err == nil && n <= 100000
		d += time.Duration(n) * units[s[i]]
		s = s[i+1:]
	}
	if !ok || d > 10*365*24*time.Hour || d == 0 {
		return 0, bad(p.line, "write PT8H or P1D", "%q is no duration", p.value)
	}
	return d, nil
}

// Between returns what touches [from, to), the earliest first, recurrences
// written out by the clocks of their zones; what is cancelled is left out.
func (c Calendar) Between(from, to time.Time) ([]Event, error) {
	type key struct {
		uid string
		at  int64
	}
	replaced := map[key]bool{}
	for _, s := range c.events {
		if !s.RecurrenceID.IsZero() {
			replaced[key{s.UID, s.RecurrenceID.Unix()}] = true
		}
	}
	var out []Event
	budget := maxDays
	for i := range c.events {
		s := &c.events[i]
		if s.Cancelled {
			continue
		}
		walls, err := s.walls(to, &budget)
		if err != nil {
			return nil, err
		}
		except := instants(s.except)
		for _, w := range walls {
			e := s.Event
			e.Start = w.at()
			e.End = e.Start.Add(s.length)
			if s.RecurrenceID.IsZero() && (replaced[key{s.UID, e.Start.Unix()}] || except[e.Start.Unix()]) {
				continue
			}
			if e.Start.Before(to) && e.End.After(from) {
				out = append(out, e)
			}
		}
		if len(out) > maxInstances {
			return nil, bad(s.line, "ask for a shorter time", "more than %d events", maxInstances)
		}
	}
	slices.SortStableFunc(out, func(a, b Event) int { return a.Start.Compare(b.Start) })
	return out, nil
}

func instants(list []stamp) map[int64]bool {
	out := make(map[int64]bool, len(list))
	for _, x := range list {
		out[x.at().Unix()] = true
	}
	return out
}

// Holidays returns the days of the all-day events from from to to, both included.
func (c Calendar) Holidays(from, to rota.Day) map[rota.Day]string {
	out := map[rota.Day]string{}
	day := func(d rota.Day) time.Time { return time.Unix(int64(d)*86400, 0).UTC() }
	events, err := c.Between(day(from), day(to+1))
	if err != nil {
		return out
	}
	for _, e := range events {
		for t := e.Start; e.AllDay && t.Before(e.End); t = t.AddDate(0, 0, 1) {
			if d := rota.DayOf(t.Date()); d >= from && d <= to && out[d] == "" {
				out[d] = e.Summary
			}
		}
	}
	return out
}
