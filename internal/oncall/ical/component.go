package ical

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// reader collects the properties of components. Times are read at the end,
// since a zone may be defined after it is used.
type reader struct {
	open   []component
	any    bool
	name   string
	zoneOf string // X-WR-TIMEZONE
	zone   zones
	events [][]prop
	event  []prop
	tzid   string
}

type component struct {
	name string
	line int
}

func newReader() *reader {
	return &reader{zone: zones{known: map[string]*rota.Zone{}, alias: map[string]string{}, utc: rota.NewZone(time.UTC)}}
}

func (r *reader) take(p prop) error {
	switch p.name {
	case "BEGIN":
		return r.begin(p)
	case "END":
		return r.end(p)
	}
	if len(r.open) == 0 {
		return p.wrong("stands outside of a calendar", "begin the file with BEGIN:VCALENDAR")
	}
	switch r.open[len(r.open)-1].name {
	case "VCALENDAR", "VTIMEZONE":
		r.about(p)
	case "VEVENT":
		if len(r.event) > maxDates {
			return p.wrong("is one property too many", "split the event")
		}
		r.event = append(r.event, p)
	case "VALARM":
		if p.name == "TRIGGER" && len(r.open) == 3 && r.open[1].name == "VEVENT" {
			r.event = append(r.event, p)
		}
	}
	return nil
}

// about takes what concerns the calendar as a whole.
func (r *reader) about(p prop) {
	switch p.name {
	case "X-WR-CALNAME", "NAME":
		r.name = cmp.Or(r.name, unescape(p.value))
	case "X-WR-TIMEZONE":
		r.zoneOf = p.value
	case "TZID":
		r.tzid = p.value
	case "X-LIC-LOCATION":
		if r.tzid != "" {
			r.zone.alias[r.tzid] = p.value
		}
	}
}

func (r *reader) begin(p prop) error {
	name := strings.ToUpper(strings.TrimSpace(p.value))
	if (name == "VCALENDAR") != (len(r.open) == 0) {
		return p.wrong(strconv.Quote(shortened(name))+" stands in the wrong place", "put components into one BEGIN:VCALENDAR … END:VCALENDAR")
	}
	if len(r.open) == maxDepth {
		return p.wrong("lies too deep", "export the calendar again")
	}
	if name == "VEVENT" {
		if len(r.events) == maxEvents {
			return p.wrong("is one event too many", "export a shorter range")
		}
		if len(r.open) > 1 {
			return p.wrong("VEVENT lies in another component", "put END:"+r.open[len(r.open)-1].name+" before it")
		}
		r.event = []prop{p}
	}
	r.any = true
	r.tzid = ""
	r.open = append(r.open, component{name, p.line})
	return nil
}

func (r *reader) end(p prop) error {
	name := strings.ToUpper(strings.TrimSpace(p.value))
	if len(r.open) == 0 || r.open[len(r.open)-1].name != name {
		return p.wrong(strconv.Quote(shortened(name))+" ends what did not begin", "the file is damaged, export it again")
	}
	r.open = r.open[:len(r.open)-1]
	if name == "VEVENT" {
		r.events = append(r.events, r.event)
		r.event = nil
	}
	return nil
}

func (r *reader) calendar() (*Calendar, error) {
	c := &Calendar{Name: r.name, Zone: r.zone.utc}
	if r.zoneOf != "" {
		if z := r.zone.find(r.zoneOf); z != nil {
			c.Zone = z
		}
	}
	r.zone.floating = c.Zone
	for _, props := range r.events {
		e, err := r.read(props)
		if err != nil {
			return nil, err
		}
		c.Events = append(c.Events, e)
	}
	return c, nil
}

// read makes an event of its properties.
func (r *reader) read(props []prop) (e Event, err error) {
	var start, end, length prop
	for _, p := range props[1:] {
		switch p.name {
		case "DTSTART":
			start = p
		case "DTEND":
			end = p
		case "DURATION":
			length = p
		default:
			err = r.field(&e, p)
		}
		if err != nil {
			return e, err
		}
	}
	if start.name == "" {
		return e, props[0].wrong("VEVENT has no DTSTART", "say when it starts")
	}
	if e.start, err = r.zone.clock(start, start.value); err != nil {
		return e, err
	}
	e.AllDay = e.start.date
	if err := r.ends(&e, end, length); err != nil {
		return e, err
	}
	if e.Start, e.End = e.start.at(), e.span.after(e.start); e.AllDay {
		e.Start, e.End = midnight(e.start.day()), midnight(e.start.day()+rota.Day(e.span.days()))
	}
	if e.rule != nil {
		e.rule.begin(e.start)
	}
	return e, nil
}

func midnight(d rota.Day) time.Time { return time.Unix(int64(d)*daySeconds, 0).UTC() }

// ends reads how long the event lasts.
func (r *reader) ends(e *Event, end, length prop) error {
	switch {
	case end.name != "":
		if err := r.until(e, end); err != nil {
			return err
		}
	case length.name != "":
		s, ok := parseDuration(length.value)
		if !ok || s.wall < 0 || s.exact < 0 {
			return length.wrong(strconv.Quote(shortened(length.value))+" is no length of time", "write PT8H or P1D")
		}
		e.span = s
	}
	if e.AllDay {
		e.span.wall = max(daySeconds, e.span.wall+int64(e.span.exact/time.Second)/daySeconds*daySeconds)
		e.span.exact = 0
	}
	if e.span.wall > 3660*daySeconds || e.span.exact > 3660*24*time.Hour {
		return e.wrongSpan(end, length)
	}
	return nil
}

func (r *reader) until(e *Event, end prop) error {
	c, err := r.zone.clock(end, end.value)
	if err != nil {
		return err
	}
	switch {
	case c.date != e.start.date:
		return end.wrong("is of another kind than DTSTART", "make both dates, or both times")
	case c.date || c.zone == e.start.zone:
		e.span.wall = c.local - e.start.local
	default:
		e.span.exact = c.at().Sub(e.start.at())
	}
	if e.span.wall < 0 || e.span.exact < 0 {
		return end.wrong("lies before DTSTART", "exchange them")
	}
	return nil
}

func (*Event) wrongSpan(end, length prop) error {
	p := end
	if p.name == "" {
		p = length
	}
	return p.wrong("is more than ten years after DTSTART", "mend it")
}

func (r *reader) field(e *Event, p prop) (err error) {
	switch p.name {
	case "UID":
		e.UID = unescape(p.value)
	case "SEQUENCE":
		if e.Sequence, err = strconv.Atoi(strings.TrimSpace(p.value)); err != nil || e.Sequence < 0 {
			return p.wrong("is no number", "write a number from 0")
		}
	case "DTSTAMP":
		// Only for people: a wrong one does no harm.
		if c, err := r.zone.clock(p, p.value); err == nil {
			e.Stamp = c.at()
		}
	case "SUMMARY", "DESCRIPTION", "LOCATION", "URL", "STATUS", "ORGANIZER", "ATTENDEE":
		e.say(p)
	case "TRIGGER":
		if s, ok := parseDuration(p.value); ok && s.wall <= 0 && s.exact <= 0 && e.Alarm == 0 {
			e.Alarm = -s.exact - time.Duration(s.wall)*time.Second
		}
	default:
		return r.repeats(e, p)
	}
	return nil
}

// say takes what an event says of itself and of people.
func (e *Event) say(p prop) {
	switch p.name {
	case "SUMMARY":
		e.Summary = unescape(p.value)
	case "DESCRIPTION":
		e.Description = unescape(p.value)
	case "LOCATION":
		e.Location = unescape(p.value)
	case "URL":
		e.URL = p.value
	case "STATUS":
		e.Cancelled = strings.EqualFold(strings.TrimSpace(p.value), "CANCELLED")
	case "ORGANIZER":
		e.Organizer = mail(p)
	case "ATTENDEE":
		if m := mail(p); m != "" {
			e.Attendees = append(e.Attendees, m)
		}
	}
}

func (r *reader) repeats(e *Event, p prop) (err error) {
	switch p.name {
	case "RRULE":
		if e.rule != nil {
			return p.wrong("comes twice", "make two events of it")
		}
		e.rule, err = r.zone.rule(p)
	case "RDATE":
		e.also, err = r.dates(e.also, p)
	case "EXDATE":
		e.not, err = r.dates(e.not, p)
	case "EXRULE":
		return p.wrong("is not supported", "list the dates in EXDATE")
	case "RECURRENCE-ID":
		if p.params["RANGE"] != "" {
			return p.wrong("with RANGE is not supported", "split the series into two events")
		}
		var c clock
		c, err = r.zone.clock(p, p.value)
		e.instance = &c
	}
	return err
}

func (r *reader) dates(out []clock, p prop) ([]clock, error) {
	for v := range strings.SplitSeq(p.value, ",") {
		if strings.TrimSpace(v) == "" {
			continue
		}
		if len(out) == maxDates {
			return nil, p.wrong("lists too many dates", "split the event")
		}
		c, err := r.zone.clock(p, v)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// mail is the address of a person's property.
func mail(p prop) string {
	for _, v := range []string{p.value, p.params["EMAIL"]} {
		if len(v) > 7 && strings.EqualFold(v[:7], "mailto:") {
			v = v[7:]
		}
		if strings.Contains(v, "@") {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// parseDuration reads P1DT8H, -PT15M, P2W.
func parseDuration(text string) (s span, ok bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	rest, negative := strings.CutPrefix(text, "-")
	rest = strings.TrimPrefix(rest, "+")
	rest, ok = strings.CutPrefix(rest, "P")
	if !ok || rest == "" {
		return s, false
	}
	clock := false
	for rest != "" {
		if rest[0] == 'T' && !clock {
			clock, rest = true, rest[1:]
			if rest == "" {
				return s, false
			}
		}
		i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if i <= 0 || i > 9 {
			return s, false
		}
		n, err := strconv.ParseInt(rest[:i], 10, 64)
		if err != nil || !s.plus(n, rest[i], clock) {
			return s, false
		}
		rest = rest[i+1:]
	}
	if negative {
		s.wall, s.exact = -s.wall, -s.exact
	}
	return s, s.wall < 1e9 && s.wall > -1e9
}

func (s *span) plus(n int64, unit byte, clock bool) bool {
	switch {
	case unit == 'W' && !clock:
		s.wall += n * 7 * daySeconds
	case unit == 'D' && !clock:
		s.wall += n * daySeconds
	case unit == 'H' && clock:
		s.exact += time.Duration(min(n, 1e6)) * time.Hour
	case unit == 'M' && clock:
		s.exact += time.Duration(min(n, 1e7)) * time.Minute
	case unit == 'S' && clock:
		s.exact += time.Duration(n) * time.Second
	default:
		return false
	}
	return true
}
