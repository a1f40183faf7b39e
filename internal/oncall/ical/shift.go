package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shift is one person's time on call.
type Shift struct {
	Person     string
	Start, End time.Time
	Priority   int // of "[L2] aoi" in the summary
}

// Shifts returns the shifts that touch [from, to). who finds the person of an
// address or a name; unknown are the summaries of events with nobody known.
func Shifts(c Calendar, who func(string) (string, bool), from, to time.Time) (shifts []Shift, unknown []string, err error) {
	events, err := c.Between(from, to)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range events {
		name, level := priority(e.Summary)
		names := append(strings.FieldsFunc(name, func(r rune) bool { return r == ',' }), e.Attendees...)
		var found []string
		for _, n := range names {
			if p, ok := who(strings.TrimSpace(n)); ok && !slices.Contains(found, p) {
				found = append(found, p)
				shifts = append(shifts, Shift{Person: p, Start: e.Start, End: e.End, Priority: level})
			}
		}
		if len(found) == 0 && !slices.Contains(unknown, e.Summary) {
			unknown = append(unknown, e.Summary)
		}
	}
	return shifts, unknown, nil
}

// priority takes the level off a summary.
func priority(s string) (rest string, level int) {
	head, tail, ok := strings.Cut(strings.TrimSpace(s), "]")
	if n, err := strconv.Atoi(strings.TrimPrefix(strings.ToUpper(head), "[L")); ok && err == nil && strings.HasPrefix(strings.ToUpper(head), "[L") && n >= 0 && n <= 100 {
		return strings.TrimSpace(tail), n
	}
	return s, 0
}
