package app

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

const icsCalendar = `apiVersion: hinoban/v1
kind: HolidayCalendar
metadata: {name: company}
spec:
  dates: [{date: 2026-12-30, name: closed}]
  ics: |
    BEGIN:VCALENDAR
    BEGIN:VEVENT
    UID:1
    DTSTART;VALUE=DATE:20261224
    RRULE:FREQ=YEARLY
    SUMMARY:Party
    END:VEVENT
    END:VCALENDAR
`

func TestCalendarsOfHolidaysAreRead(t *testing.T) {
	t.Parallel()
	set, problems := Check(fstest.MapFS{"a.yaml": {Data: []byte(icsCalendar)}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p, _ := build(set)
	h := p.oncall.Holidays([]string{"company", "japan"})
	for day, want := range map[rota.Day]string{
		rota.DayOf(2026, time.December, 30): "closed", rota.DayOf(2027, time.December, 24): "Party", rota.DayOf(2026, time.November, 23): "勤労感謝の日", rota.DayOf(2026, time.December, 25): "",
	} {
		if got := h(day); got != want {
			t.Errorf("%s: got %q, want %q", day, got, want)
		}
	}
	_, problems = Check(fstest.MapFS{"a.yaml": {Data: []byte(strings.Replace(icsCalendar, "20261224", "someday", 1))}})
	if len(problems) != 1 || !strings.Contains(problems[0].String(), "line 4") {
		t.Errorf("a broken calendar: got %v", problems)
	}
}
