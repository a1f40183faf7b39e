package ical

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// What a calendar may have at most.
const (
	maxBytes  = 8 << 20
	maxLines  = 500_000
	maxLength = 256 << 10 // of one line, unfolded
	maxEvents = 20_000
	maxDates  = 5_000 // RDATE and EXDATE of one event
	maxDepth  = 8
)

// Read reads a calendar. Errors are of kind Invalid and name the line.
func Read(text []byte) (*Calendar, error) {
	if len(text) > maxBytes {
		return nil, errs.New(errs.Invalid, "the calendar has %d bytes, more than %d: export a shorter range", len(text), maxBytes)
	}
	lines, err := unfold(text)
	if err != nil {
		return nil, err
	}
	r := newReader()
	for _, l := range lines {
		p, err := property(l)
		if err != nil {
			return nil, err
		}
		if err := r.take(p); err != nil {
			return nil, err
		}
	}
	if len(r.open) > 0 {
		return nil, errs.New(errs.Invalid, "line %d: %s is not ended: the file is cut off, export it again", r.open[0].line, r.open[0].name)
	}
	if !r.any {
		return nil, errs.New(errs.Invalid, "line 1: no BEGIN:VCALENDAR: give the address or file of an iCalendar (.ics), not of a page")
	}
	return r.calendar()
}

type rawLine struct {
	text string
	n    int
}

// unfold joins folded lines.
func unfold(text []byte) ([]rawLine, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var out []rawLine
	n := 0
	var joined strings.Builder
	flush := func() {
		if len(out) > 0 {
			out[len(out)-1].text = joined.String()
		}
		joined.Reset()
	}
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimRight(line, "\r\n")
		if n > maxLines || len(line)+joined.Len() > maxLength {
			return nil, errs.New(errs.Invalid, "line %d: too long or too many lines: export a shorter range", n)
		}
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') && len(out) > 0 {
			joined.Write(line[1:])
			continue
		}
		if len(line) == 0 {
			continue
		}
		flush()
		out = append(out, rawLine{n: n})
		joined.Write(line)
	}
	flush()
	return out, nil
}

// prop is one content line.
type prop struct {
	name   string
	params map[string]string
	value  string
	line   int
}

func (p prop) wrong(what, remedy string) error {
	return errs.New(errs.Invalid, "line %d: %s %s: %s", p.line, p.name, what, remedy)
}

func property(l rawLine) (prop, error) {
	p := prop{line: l.n}
	s := l.text
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	end := strings.IndexAny(s, ":;")
	if end <= 0 {
		return p, errs.New(errs.Invalid, "line %d: %q is no property: write NAME:VALUE, or fold the line with a space", l.n, shortened(s))
	}
	p.name = strings.ToUpper(s[:end])
	for s = s[end:]; s != "" && s[0] == ';'; {
		name, rest, ok := strings.Cut(s[1:], "=")
		if !ok {
			return p, p.wrong("has a parameter without =", "write NAME=VALUE")
		}
		value, after, ok := parameter(rest)
		if !ok {
			return p, p.wrong("has a parameter without an end", "close the quotation mark, and put a colon before the value")
		}
		if p.params == nil {
			p.params = map[string]string{}
		}
		p.params[strings.ToUpper(name)] = value
		s = after
	}
	if s == "" || s[0] != ':' {
		return p, p.wrong("has no value", "put a colon before it")
	}
	p.value = s[1:]
	return p, nil
}

// parameter reads the value of a parameter, which may be a list of quoted ones.
func parameter(s string) (value, rest string, ok bool) {
	quoted := false
	for i := range len(s) {
		switch s[i] {
		case '"':
			quoted = !quoted
		case ';', ':':
			if !quoted {
				return strings.ReplaceAll(s[:i], `"`, ""), s[i:], true
			}
		}
	}
	return "", "", false
}

func shortened(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

// unescape reads a text value.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'N':
			b.WriteByte('\n')
		case '\\', ';', ',':
			b.WriteByte(s[i])
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
