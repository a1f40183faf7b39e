package ical

import (
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
)

func wrap(s string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nSUMMARY:x\r\n" + s + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

func starts(t *testing.T, text []byte, from, to time.Time) string {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	es, err := c.Between(from, to)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range es {
		out = append(out, e.Start.UTC().Format("0102T1504"))
	}
	return strings.Join(out, " ")
}

func TestClocks(t *testing.T) {
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, v := range []struct{ text, want string }{
		{"DTSTART;TZID=America/New_York:20260307T090000\nRRULE:FREQ=DAILY;COUNT=3", "0307T1400 0308T1300 0309T1300"},
		{"DTSTART;TZID=America/New_York:20261031T090000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=America/New_York:20261101T090000", "1031T1300 1102T1400"},
		{"DTSTART:20260301T090000Z\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT\nBEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20260302T090000Z\nDTSTART:20260302T120000Z\nDURATION:PT1H", "0302T1200"},
	} {
		text := strings.ReplaceAll(v.text, "\nRRULE", "\nDURATION:PT1H\nRRULE")
		want := v.want
		if strings.Contains(text, "RECURRENCE-ID") {
			want = "0301T0900 " + want
		}
		if got := starts(t, wrap(text), from, to); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestAgainstOther(t *testing.T) {
	first := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	to := first.AddDate(3, 0, 0)
	for _, v := range []string{
		"FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
		"FREQ=MONTHLY;BYDAY=1MO", "FREQ=MONTHLY;BYMONTHDAY=5,-1", "FREQ=YEARLY;BYMONTH=1,6;BYDAY=1MO", "FREQ=YEARLY", "FREQ=MONTHLY;INTERVAL=5",
	} {
		o, err := rrule.StrToROption(v)
		if err != nil {
			t.Fatal(err)
		}
		o.Dtstart = first
		r, err := rrule.NewRRule(*o)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, x := range r.Between(first, to.Add(-time.Second), true) {
			want = append(want, x.Format("0102T1504"))
		}
		if got := starts(t, wrap("DTSTART:20260105T090000Z\nDURATION:PT1H\nRRULE:"+v), first, to); got != strings.Join(want, " ") {
			t.Errorf("%s: got %s, want %s", v, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(wrap("DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if c, err := Parse(text); err == nil {
			c.Holidays(20000, 20400)
		}
	})
}
