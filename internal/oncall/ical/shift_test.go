package ical

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

func TestShiftsAndHolidays(t *testing.T) {
	c, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:[L2] Aoi\nDTSTART:20260105T090000Z\nDURATION:PT8H\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nSUMMARY:Rest\nDTSTART;VALUE=DATE:20260106\nEND:VEVENT\nEND:VCALENDAR\n"))
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	shifts, unknown, err := Shifts(c, func(s string) (string, bool) { return "aoi", s == "Aoi" }, from, from.AddDate(0, 1, 0))
	if err != nil || len(shifts) != 1 || shifts[0].Person != "aoi" || shifts[0].Priority != 2 || len(unknown) != 1 {
		t.Errorf("got %v, %v, %v", shifts, unknown, err)
	}
	day := rota.DayOf(2026, 1, 6)
	if got := c.Holidays(day-5, day+5); len(got) != 1 || got[day] != "Rest" {
		t.Errorf("holidays: %v", got)
	}
}
