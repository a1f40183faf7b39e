package ical

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// Entry is one event of a calendar that is written.
type Entry struct {
	UID         string
	Sequence    int // grows with every change
	Stamp       time.Time
	Start, End  time.Time // the end is not part of it
	Summary     string
	Description string
	URL         string
	Cancelled   bool
	Alarm       time.Duration // before the start; 0 has none
}

// Feed is a calendar that is written.
type Feed struct {
	Name    string
	Entries []Entry
}

const utc = "20060102T150405Z"

// Write returns the calendar as text.
func (f Feed) Write() []byte {
	w := &writer{}
	w.line("BEGIN:VCALENDAR")
	w.line("VERSION:2.0")
	w.line("PRODID:-//Hinoban//On-call//EN")
	w.line("CALSCALE:GREGORIAN")
	w.line("METHOD:PUBLISH")
	w.line("NAME:" + escape(f.Name))
	w.line("X-WR-CALNAME:" + escape(f.Name))
	w.line("REFRESH-INTERVAL;VALUE=DURATION:PT1H")
	w.line("X-PUBLISHED-TTL:PT1H")
	for _, e := range f.Entries {
		w.entry(e)
	}
	w.line("END:VCALENDAR")
	return []byte(w.b.String())
}

type writer struct{ b strings.Builder }

func (w *writer) entry(e Entry) {
	w.line("BEGIN:VEVENT")
	w.line("UID:" + escape(e.UID))
	w.line("SEQUENCE:" + strconv.Itoa(e.Sequence))
	w.line("DTSTAMP:" + e.Stamp.UTC().Format(utc))
	w.line("DTSTART:" + e.Start.UTC().Format(utc))
	w.line("DTEND:" + e.End.UTC().Format(utc))
	w.line("SUMMARY:" + escape(e.Summary))
	if e.Description != "" {
		w.line("DESCRIPTION:" + escape(e.Description))
	}
	if e.URL != "" {
		w.line("URL:" + e.URL)
	}
	status := "CONFIRMED"
	if e.Cancelled {
		status = "CANCELLED"
	}
	w.line("STATUS:" + status)
	w.line("TRANSP:TRANSPARENT")
	if e.Alarm > 0 {
		w.line("BEGIN:VALARM")
		w.line("ACTION:DISPLAY")
		w.line("DESCRIPTION:" + escape(e.Summary))
		w.line("TRIGGER:-PT" + strconv.Itoa(int(e.Alarm/time.Minute)) + "M")
		w.line("END:VALARM")
	}
	w.line("END:VEVENT")
}

const maxOctets = 75 // of a line, its end apart

// line writes one content line, folded.
func (w *writer) line(s string) {
	room := maxOctets
	for len(s) > room {
		n := room
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		if n == 0 { // no text has such a rune
			n = room
		}
		w.b.WriteString(s[:n] + "\r\n ")
		s, room = s[n:], maxOctets-1
	}
	w.b.WriteString(s + "\r\n")
}

// escape writes text as RFC 5545, 3.3.11 wants it. Control characters are left out.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// ShiftUID names a shift by what put the person on call and when it begins, so
// that a shift that is made longer is the same event.
func ShiftUID(t rota.Turn) string {
	sum := sha256.Sum256([]byte(t.Rota + "\x00" + t.Person + "\x00" + t.Source.Kind + "\x00" + t.Source.ID + "\x00" + t.Start.UTC().Format(utc)))
	return hex.EncodeToString(sum[:12]) + "@hinoban"
}
