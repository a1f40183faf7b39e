package ical_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/ical"
	"github.com/hinoban/hinoban/internal/oncall/rota"
)

func ExampleFeed() {
	turns := []rota.Turn{{
		Rota: "shop", Person: "aoi", Source: rota.Source{Kind: "rotation", ID: "week"},
		Start: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 12, 7, 0, 0, 0, 0, time.UTC),
	}}
	feed := ical.Feed{Stamp: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), Alarm: 15 * time.Minute}
	text := ical.Write(ical.Calendar{Name: "shop", Events: feed.Events(turns)})
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "DTSTART") || strings.HasPrefix(line, "SUMMARY") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// DTSTART:20261130T000000Z
	// SUMMARY:aoi (shop)
}

func ExampleHolidays() {
	c, err := ical.Read([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261230\r\nDTEND;VALUE=DATE:20270101\r\nSUMMARY:年末休業\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	days, err := ical.Holidays(c, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	fmt.Println(days[rota.DayOf(2026, 12, 31)], len(days), err)
	// Output: 年末休業 2 <nil>
}
