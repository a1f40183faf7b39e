package ical_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/ical"
)

// UNTIL without a zone is by the clocks of the event's start, wherever the rule
// stands.
func TestUntilIsByTheClocksOfTheStart(t *testing.T) {
	t.Parallel()
	text := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nRRULE:FREQ=DAILY;UNTIL=20261103T090000\r\nDTSTART;TZID=Asia/Tokyo:20261101T090000\r\nDURATION:PT1H\r\nSUMMARY:aoi\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	c, err := ical.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Between(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || len(got) != 3 || !got[2].Start.Equal(time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v (%v), want three days", got, err)
	}
}

// What is written can be read, and says the same.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	f := ical.Feed{Name: "当番", Entries: []ical.Entry{{UID: "u", Start: at, End: at.Add(time.Hour), Summary: "O'Brien, Ann; & Co \\ 火の番が長い件名で折り返されるように書いておきます。まだ足りないかもしれません"}}}
	c, err := ical.Parse(f.Write())
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Between(at, at.Add(time.Hour))
	if err != nil || len(got) != 1 || got[0].Summary != f.Entries[0].Summary || !got[0].Start.Equal(at) || !got[0].End.Equal(at.Add(time.Hour)) {
		t.Errorf("got %+v (%v)", got, err)
	}
}
