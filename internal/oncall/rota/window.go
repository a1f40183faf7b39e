package rota

import "time"

// HolidayRule says what a holiday means to a window.
type HolidayRule string

// The rules.
const (
	AsUsual HolidayRule = ""     // a holiday is a day like its weekday
	Skip    HolidayRule = "skip" // the window does not open on holidays
	Also    HolidayRule = "also" // it opens on holidays, whatever weekday they are
	Only    HolidayRule = "only" // it opens on holidays alone
)

// Window is a part of the week. To before From ends on the next day; To equal
// to From is the whole day.
type Window struct {
	Days     [7]bool // by time.Weekday
	From, To int     // minutes of the day
	Holidays HolidayRule
}

// Holidays names the holidays; "" is no holiday. nil knows none.
type Holidays func(Day) string

// opens reports whether the window opens on day d.
func (w Window) opens(d Day, h Holidays) bool {
	holiday := h != nil && w.Holidays != AsUsual && h(d) != ""
	switch w.Holidays {
	case Skip:
		return w.Days[d.Weekday()] && !holiday
	case Also:
		return w.Days[d.Weekday()] || holiday
	case Only:
		return holiday
	case AsUsual:
	}
	return w.Days[d.Weekday()]
}

// span is when the window that opens on day d begins and ends.
func (w Window) span(d Day, z *Zone) (start, end time.Time) {
	to := w.To
	if to <= w.From {
		to += 24 * 60
	}
	return z.First(d, w.From), z.Last(d, to)
}

// active reports whether a window of several is open at t.
func active(ws []Window, z *Zone, h Holidays, t time.Time) bool {
	day := z.DayAt(t)
	for _, w := range ws {
		// Yesterday's may last into today; tomorrow's may have begun where the clocks
		// went back over midnight.
		for d := day - 1; d <= day+1; d++ {
			if !w.opens(d, h) {
				continue
			}
			if start, end := w.span(d, z); !t.Before(start) && t.Before(end) {
				return true
			}
		}
	}
	return false
}

// edges appends the instants in (from, to) at which windows open or close.
func edges(out []time.Time, ws []Window, z *Zone, h Holidays, from, to time.Time) []time.Time {
	for _, w := range ws {
		for d := z.DayAt(from) - 1; d <= z.DayAt(to)+1; d++ {
			if !w.opens(d, h) {
				continue
			}
			start, end := w.span(d, z)
			for _, at := range []time.Time{start, end} {
				if at.After(from) && at.Before(to) {
					out = append(out, at)
				}
			}
		}
	}
	return out
}

// Within reports whether t lies in one of the windows by the clocks of z, and,
// where it does not, when the next one opens: within 400 days, else zero.
func Within(ws []Window, z *Zone, h Holidays, t time.Time) (in bool, opens time.Time) {
	if active(ws, z, h, t) {
		return true, t
	}
	for d := z.DayAt(t) - 1; d <= z.DayAt(t)+400; d++ {
		for _, w := range ws {
			if !w.opens(d, h) {
				continue
			}
			if start, _ := w.span(d, z); start.After(t) && (opens.IsZero() || start.Before(opens)) {
				opens = start
			}
		}
		if !opens.IsZero() && d > z.DayAt(opens) {
			break
		}
	}
	return false, opens
}
