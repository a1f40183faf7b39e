package rule

import (
	"fmt"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// Hours are the hours in which a page is one.
type Hours struct {
	Days     [7]bool // by time.Weekday
	From, To int     // minutes of the day; To before From reaches into the next day
	Zone     *time.Location
}

// dayNames are the days as they are written, by time.Weekday.
var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} //nolint:gochecknoglobals // constant

// String is how people read it: mon tue 09:00–18:00 Asia/Tokyo.
func (h Hours) String() string {
	var days []string
	for i := range 7 {
		if d := (i + 1) % 7; h.Days[d] {
			days = append(days, dayNames[d])
		}
	}
	words := strings.Join(days, " ")
	switch words {
	case "mon tue wed thu fri":
		words = "mon–fri"
	case "mon tue wed thu fri sat sun":
		words = "every day"
	}
	return fmt.Sprintf("%s %02d:%02d–%02d:%02d %s", words, h.From/60, h.From%60, h.To/60, h.To%60, h.Zone)
}

// MarshalJSON writes it as people read it.
func (h Hours) MarshalJSON() ([]byte, error) { return []byte(fmt.Sprintf("%q", h.String())), nil }

// Contain reports whether t lies in the hours.
func (h Hours) Contain(t time.Time) bool {
	t = t.In(h.Zone)
	m, day := t.Hour()*60+t.Minute(), int(t.Weekday())
	if h.From < h.To {
		return h.Days[day] && m >= h.From && m < h.To
	}
	return (h.Days[day] && m >= h.From) || (h.Days[(day+6)%7] && m < h.To)
}

// At is the urgency at a time: outside its hours a page is a ticket.
func (w When) At(t time.Time) alert.Severity {
	if w.Urgency == alert.Page && w.Hours != nil && !w.Hours.Contain(t) {
		return alert.Ticket
	}
	return w.Urgency
}

// clock reads 09:00 as minutes of the day; 24:00 is the day's end.
func clock(s string) (int, bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil && len(s) == 5
}
