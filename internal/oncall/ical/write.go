package ical

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	instantLayout = "20060102T150405Z"
	dateLayout    = "20060102"
	maxOctets     = 75
)

// Write returns the calendar as text/calendar.
func Write(c Calendar) []byte {
	var w writer
	w.line("BEGIN", "VCALENDAR")
	w.line("VERSION", "2.0")
	w.line("PRODID", "-//Hinoban//On-call//EN")
	w.line("CALSCALE", "GREGORIAN")
	w.line("METHOD", "PUBLISH")
	if c.Name != "" {
		w.line("NAME", escape(c.Name))
		w.line("X-WR-CALNAME", escape(c.Name))
	}
	w.line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H")
	w.line("X-PUBLISHED-TTL", "PT1H")
	for i := range c.Events {
		w.event(&c.Events[i])
	}
	w.line("END", "VCALENDAR")
	return []byte(w.String())
}

type writer struct{ strings.Builder }

func (w *writer) event(e *Event) {
	w.line("BEGIN", "VEVENT")
	w.line("UID", escape(e.UID))
	w.line("DTSTAMP", e.Stamp.UTC().Format(instantLayout))
	w.line("SEQUENCE", fmt.Sprint(e.Sequence))
	if e.AllDay {
		w.line("DTSTART;VALUE=DATE", e.Start.UTC().Format(dateLayout))
		w.line("DTEND;VALUE=DATE", e.End.UTC().Format(dateLayout))
	} else {
		w.line("DTSTART", e.Start.UTC().Format(instantLayout))
		w.line("DTEND", e.End.UTC().Format(instantLayout))
	}
	w.line("SUMMARY", escape(e.Summary))
	w.optional("DESCRIPTION", escape(e.Description))
	w.optional("LOCATION", escape(e.Location))
	w.optional("URL", unbroken(e.URL))
	status := "CONFIRMED"
	if e.Cancelled {
		status = "CANCELLED"
	}
	w.line("STATUS", status)
	w.address("ORGANIZER", e.Organizer)
	for _, a := range e.Attendees {
		w.address("ATTENDEE", a)
	}
	if e.Alarm > 0 && !e.Cancelled {
		w.line("BEGIN", "VALARM")
		w.line("ACTION", "DISPLAY")
		w.line("DESCRIPTION", escape(e.Summary))
		w.line("TRIGGER", "-"+duration(e.Alarm))
		w.line("END", "VALARM")
	}
	w.line("END", "VEVENT")
}

func (w *writer) address(name, mail string) {
	if mail != "" {
		w.line(name, "mailto:"+unbroken(mail))
	}
}

func (w *writer) optional(name, value string) {
	if value != "" {
		w.line(name, value)
	}
}

// line writes one content line, folded.
func (w *writer) line(name, value string) {
	rest := name + ":" + value
	room := maxOctets
	for len(rest) > room {
		cut := room
		for cut > 1 && !utf8.RuneStart(rest[cut]) {
			cut--
		}
		w.WriteString(rest[:cut] + "\r\n ")
		rest = rest[cut:]
		room = maxOctets - 1 // the space counts
	}
	w.WriteString(rest + "\r\n")
}

// escape writes a text value. Control characters have no place in one.
func escape(s string) string {
	var b strings.Builder
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r':
			b.WriteString(`\n`)
		case r == '\\' || r == ';' || r == ',':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < ' ' && r != '\t' || r == 0x7f:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unbroken keeps a value that is no text on its line.
func unbroken(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func duration(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s%3600 == 0:
		return fmt.Sprintf("PT%dH", s/3600)
	case s%60 == 0:
		return fmt.Sprintf("PT%dM", s/60)
	}
	return fmt.Sprintf("PT%dS", s)
}
