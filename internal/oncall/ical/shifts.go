package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// Shift is a stretch of time of one person in a calendar.
type Shift struct {
	Person     string
	Start, End time.Time
	Level      int // of a summary that begins with [L2]; only the highest at a time counts
	UID        string
}

// Shifts returns who is in the calendar's events between from and to, and the
// texts in which nobody was found, each once. A person is looked for in the
// summary, which may list several with commas, then among those who attend, then
// in the organizer; who resolves a name or a mail address. All-day events go from
// midnight to midnight by the calendar's zone.
func Shifts(c *Calendar, who func(text string) (person string, ok bool), from, to time.Time) (out []Shift, unknown []string, err error) {
	// All-day events are expanded by UTC, and the zone may be a day away.
	all, err := c.Between(from.Add(-24*time.Hour), to.Add(24*time.Hour))
	if err != nil {
		return nil, nil, err
	}
	for _, o := range all {
		start, end := o.Start, o.End
		if o.Event.AllDay && c.Zone != nil {
			start, end = c.Zone.First(o.Day, 0), c.Zone.First(o.Day+rota.Day(o.Days), 0)
		}
		if !start.Before(to) || !end.After(from) || !start.Before(end) {
			continue
		}
		level, text := Level(o.Event.Summary)
		people, missing := persons(o.Event, text, who)
		for _, p := range people {
			out = append(out, Shift{Person: p, Start: start, End: end, Level: level, UID: o.Event.UID})
		}
		for _, m := range missing {
			if !slices.Contains(unknown, m) {
				unknown = append(unknown, m)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Shift) int { return a.Start.Compare(b.Start) })
	return out, unknown, nil
}

// Level splits "[L2] aoi" into 2 and "aoi".
func Level(summary string) (level int, rest string) {
	s := strings.TrimSpace(summary)
	if inner, after, ok := strings.Cut(s, "]"); ok && strings.HasPrefix(strings.ToUpper(inner), "[L") {
		if n, err := strconv.Atoi(inner[2:]); err == nil && n >= 0 && n <= 100 {
			return n, strings.TrimSpace(after)
		}
	}
	return 0, s
}

func persons(e *Event, text string, who func(string) (string, bool)) (out, missing []string) {
	find := func(s string) bool {
		p, ok := who(s)
		if ok && !slices.Contains(out, p) {
			out = append(out, p)
		}
		return ok
	}
	if text != "" && find(text) {
		return out, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" && !find(part) && !words(part, find) {
			missing = append(missing, part)
		}
	}
	if len(out) > 0 {
		return out, missing
	}
	for _, a := range e.Attendees {
		find(a)
	}
	if len(out) == 0 && e.Organizer != "" {
		find(e.Organizer)
	}
	if len(out) > 0 {
		return out, nil
	}
	if len(missing) == 0 {
		missing = []string{"an event without a summary"}
	}
	return nil, missing
}

// words looks for mail addresses within a text: "On call: aoi@example.com".
func words(text string, find func(string) bool) (found bool) {
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\n<>()[]\"':", r) }) {
		if strings.Contains(w, "@") && find(w) {
			found = true
		}
	}
	return found
}

// Holidays returns the days of the calendar's all-day events between from and to.
func Holidays(c *Calendar, from, to time.Time) (map[rota.Day]string, error) {
	all, err := c.Between(from, to)
	if err != nil {
		return nil, err
	}
	first, last := rota.Day(floorDiv(from.Unix(), daySeconds)), rota.Day(floorDiv(to.Unix()-1, daySeconds))
	out := map[rota.Day]string{}
	for _, o := range all {
		if !o.Event.AllDay {
			continue
		}
		name := o.Event.Summary
		if name == "" {
			name = "holiday"
		}
		for d := max(first, o.Day); d < o.Day+rota.Day(o.Days) && d <= last; d++ {
			if out[d] == "" {
				out[d] = name
			}
		}
	}
	return out, nil
}
