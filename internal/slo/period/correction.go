package period

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// Interval is a stretch of time, its start included and its end not.
type Interval struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Category says why a stretch of time does not count.
type Category string

// The categories.
const (
	Maintenance    Category = "maintenance"
	OutsideHours   Category = "outside_business_hours"
	Deployment     Category = "deployment"
	LoadTest       Category = "load_test"
	FaultInjection Category = "fault_injection"
	Other          Category = "other"
)

// Categories are all of them, in the order in which people look for them.
func Categories() []Category {
	return []Category{Maintenance, OutsideHours, Deployment, LoadTest, FaultInjection, Other}
}

// Correction takes stretches of time out of the budgets of some objectives. The
// selectors add up: an objective must fit each one that is given.
type Correction struct {
	ID         string            `json:"id"`
	Objectives []string          `json:"objectives,omitempty"` // ids
	Services   []string          `json:"services,omitempty"`   // ids
	Labels     map[string]string `json:"labels,omitempty"`
	Start      time.Time         `json:"start"`
	Duration   time.Duration     `json:"duration"`
	Rule       string            `json:"rrule,omitempty"` // RFC 5545: "FREQ=WEEKLY;BYDAY=SA,SU"; "" is once
	Zone       string            `json:"zone"`            // in which the rule repeats; IANA
	Category   Category          `json:"category"`
	Reason     string            `json:"reason"`
	By         string            `json:"by"`               // who made it
	Source     string            `json:"source,omitempty"` // file:line of its document; "" where it was made by API
	Created    time.Time         `json:"created,omitzero"` // where it was made by API
}

// The bounds of what a correction may be.
const (
	MaxDuration    = 366 * 24 * time.Hour
	MaxOccurrences = 20_000 // of one rule, from its start on; the rest is left out and said
)

// Validate says what is wrong with c.
func (c Correction) Validate() error {
	switch {
	case c.Start.IsZero():
		return errors.New("a correction needs a start")
	case c.Start.Year() < 1971 || c.Start.Year() > 2200:
		return errors.New("the start of a correction lies between 1971 and 2200")
	case c.Duration < time.Second || c.Duration > MaxDuration:
		return errors.New("a correction lasts between a second and 366 days")
	case !slices.Contains(Categories(), c.Category):
		return fmt.Errorf("%q is not a category: %s", c.Category, categoryNames())
	case strings.TrimSpace(c.Reason) == "":
		return errors.New("a correction needs a reason: it will be asked for in the review")
	case len(c.Objectives)+len(c.Services)+len(c.Labels) == 0:
		return errors.New("a correction needs objectives, services or labels: for everything at once, name each service")
	}
	if _, err := zone(c.Zone); err != nil {
		return err
	}
	if c.Rule == "" {
		return nil
	}
	return CheckRule(c.Rule, c.Start, c.Zone)
}

func categoryNames() string {
	names := make([]string, 0, len(Categories()))
	for _, k := range Categories() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// Fits reports whether c is about an objective of a service with labels.
func (c Correction) Fits(objective, service string, labels map[string]string) bool {
	if len(c.Objectives) > 0 && !slices.Contains(c.Objectives, objective) {
		return false
	}
	if len(c.Services) > 0 && !slices.Contains(c.Services, service) {
		return false
	}
	for k, v := range c.Labels {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// Intervals are the stretches of c that touch [from, to), each once, in order
// and not cut off at from or to. more is true where the rule makes more than
// [MaxOccurrences] before to: those after are left out.
func (c Correction) Intervals(from, to time.Time) (out []Interval, more bool) {
	add := func(at time.Time) {
		if end := at.Add(c.Duration); end.After(from) && at.Before(to) {
			out = append(out, Interval{at.UTC(), end.UTC()})
		}
	}
	if c.Rule == "" {
		add(c.Start)
		return out, false
	}
	more = occurrences(c.Rule, c.Start, c.Zone, func(at time.Time) bool {
		add(at)
		return at.Before(to)
	})
	return out, more
}

// Intervals are the stretches of all corrections that touch [from, to), joined
// where they meet or overlap. said has a sentence for each rule that was cut.
func Intervals(corrections []Correction, from, to time.Time) (out []Interval, said []string) {
	for _, c := range corrections {
		in, more := c.Intervals(from, to)
		if more {
			said = append(said, fmt.Sprintf("correction %s repeats more than %d times before %s: the rest is left out; begin it later", c.ID, MaxOccurrences, to.UTC().Format(time.DateOnly)))
		}
		out = append(out, in...)
	}
	return Merge(out), said
}

// Merge joins intervals that meet or overlap, and puts them in order.
func Merge(in []Interval) []Interval {
	sorted := slices.SortedFunc(slices.Values(in), func(a, b Interval) int { return a.Start.Compare(b.Start) })
	var out []Interval
	for _, i := range sorted {
		if !i.End.After(i.Start) {
			continue
		}
		if n := len(out); n > 0 && !i.Start.After(out[n-1].End) {
			if i.End.After(out[n-1].End) {
				out[n-1].End = i.End
			}
			continue
		}
		out = append(out, i)
	}
	return out
}

// Snap moves the edges of intervals outwards to whole steps since 1970, and
// joins what then meets.
func Snap(in []Interval, step time.Duration) []Interval {
	out := make([]Interval, 0, len(in))
	for _, i := range in {
		s, e := i.Start.Truncate(step), i.End.Truncate(step)
		if e.Before(i.End) {
			e = e.Add(step)
		}
		out = append(out, Interval{s, e})
	}
	return Merge(out)
}

// Covers reports whether any of the intervals, which are in order and joined,
// touches [from, to).
func Covers(in []Interval, from, to time.Time) bool {
	i, _ := slices.BinarySearchFunc(in, from, func(i Interval, t time.Time) int {
		if i.End.After(t) {
			return 1
		}
		return -1
	})
	return i < len(in) && in[i].Start.Before(to)
}

// CheckRule says what is wrong with a rule that begins at start in a zone.
func CheckRule(rule string, start time.Time, zoneName string) error {
	loc, err := zone(zoneName)
	if err != nil {
		return err
	}
	opt, err := parseRule(rule, start.In(loc), loc)
	if err != nil {
		return err
	}
	r, err := rrule.NewRRule(*opt)
	if err != nil {
		return fmt.Errorf("the rule %q: %w", rule, err)
	}
	if _, ok := r.Iterator()(); !ok {
		return fmt.Errorf("the rule %q never happens after %s", rule, start.In(loc).Format(time.DateTime))
	}
	return nil
}

// Next is the first time at or after t at which a rule happens; ok is false
// where it is over, or cannot be read.
func Next(rule string, start time.Time, zoneName string, t time.Time) (next time.Time, ok bool) {
	occurrences(rule, start, zoneName, func(at time.Time) bool {
		if !at.Before(t) && !ok {
			next, ok = at, true
		}
		return !ok
	})
	return next, ok
}

// Last is the last time before t at which a rule happened; ok is false where it
// has not happened yet.
func Last(rule string, start time.Time, zoneName string, t time.Time) (last time.Time, ok bool) {
	occurrences(rule, start, zoneName, func(at time.Time) bool {
		if at.Before(t) {
			last, ok = at, true
			return true
		}
		return false
	})
	return last, ok
}

// occurrences hands the times of a rule to fn until fn has enough, and reports
// whether it stopped because there are too many. A rule repeats in the civil
// time of its zone: it is run on the wall's fields, and each result is resolved.
func occurrences(rule string, start time.Time, zoneName string, fn func(time.Time) bool) (more bool) {
	loc, err := zone(zoneName)
	if err != nil {
		return false
	}
	opt, err := parseRule(rule, start.In(loc), loc)
	if err != nil {
		return false
	}
	r, err := rrule.NewRRule(*opt)
	if err != nil {
		return false
	}
	next := r.Iterator()
	for range MaxOccurrences {
		at, ok := next()
		if !ok || !fn(resolve(at.AddDate(-ahead, 0, 0), loc)) {
			return false
		}
	}
	at, ok := next()
	return ok && fn(resolve(at.AddDate(-ahead, 0, 0), loc))
}

// knownParts are the parts of a rule that are read. The time of day is the start's.
func knownParts() []string {
	return []string{"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"}
}

func parseRule(rule string, start time.Time, loc *time.Location) (*rrule.ROption, error) {
	text := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(rule)), "RRULE:")
	if len(text) > 500 || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a rule is one line of at most 500 characters")
	}
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		if !slices.Contains(knownParts(), name) {
			return nil, fmt.Errorf("the rule %q: %q is not read; known are %s, and the time of day is the start's", rule, name, strings.Join(knownParts(), ", "))
		}
		if strings.Count(value, ",") > 60 {
			return nil, fmt.Errorf("the rule %q: %s has too many values", rule, name)
		}
	}
	opt, err := rrule.StrToROptionInLocation(text, time.UTC)
	if err != nil {
		return nil, fmt.Errorf("the rule %q: %w", rule, err)
	}
	if err := bounded(opt); err != nil {
		return nil, fmt.Errorf("the rule %q: %w", rule, err)
	}
	if !opt.Until.IsZero() && untilIsUTC(text) {
		opt.Until = civilOf(opt.Until.In(loc))
	} else if !opt.Until.IsZero() && !untilHasTime(text) {
		opt.Until = opt.Until.Add(24*time.Hour - 1) // a date means all of the day
	}
	// The calendar repeats every 400 years, weekdays and all. Run that much later,
	// a rule that never happens meets the library's last year soon.
	opt.Dtstart = civilOf(start).AddDate(ahead, 0, 0)
	if !opt.Until.IsZero() {
		opt.Until = opt.Until.AddDate(ahead, 0, 0)
	}
	return opt, nil
}

// bounded refuses what would run for long, and what the library does not stand:
// the tenth Friday of a month.
func bounded(opt *rrule.ROption) error {
	switch {
	case opt.Freq > rrule.DAILY:
		return errors.New("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY")
	case opt.Until.Year() > 2400:
		return errors.New("UNTIL is too far away")
	case opt.Interval < 0 || opt.Interval > 1000 || opt.Count < 0 || opt.Count > MaxOccurrences:
		return fmt.Errorf("INTERVAL is at most 1000 and COUNT at most %d", MaxOccurrences)
	}
	most := 5
	if opt.Freq == rrule.YEARLY && len(opt.Bymonth) == 0 {
		most = 53
	}
	for _, d := range opt.Byweekday {
		if d.N() > most || d.N() < -most {
			return fmt.Errorf("BYDAY counts to %d at most", most)
		}
	}
	return nil
}

// ahead is a multiple of 400 years: the library gives up in the year 9999.
const ahead = 19 * 400

// until is the text of UNTIL, or "".
func until(rule string) string {
	_, rest, _ := strings.Cut(rule, "UNTIL=")
	value, _, _ := strings.Cut(rest, ";")
	return value
}

func untilIsUTC(rule string) bool   { return strings.HasSuffix(until(rule), "Z") }
func untilHasTime(rule string) bool { return strings.Contains(until(rule), "T") }

// Cycle is a rule that says when something is due.
type Cycle struct {
	Start time.Time `json:"start"` // the first time
	Rule  string    `json:"rrule"`
	Zone  string    `json:"zone"` // IANA
}

// Validate says what is wrong with c.
func (c Cycle) Validate() error {
	if c.Start.IsZero() || c.Rule == "" {
		return errors.New("a cycle needs a start and a rule")
	}
	return CheckRule(c.Rule, c.Start, c.Zone)
}

// Next is the first time due at or after t; ok is false where there is none.
func (c Cycle) Next(t time.Time) (time.Time, bool) { return Next(c.Rule, c.Start, c.Zone, t) }

// Last is the last time due before t; ok is false where there was none.
func (c Cycle) Last(t time.Time) (time.Time, bool) { return Last(c.Rule, c.Start, c.Zone, t) }
