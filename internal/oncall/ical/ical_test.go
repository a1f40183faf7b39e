package ical

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func calendar(lines ...string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n")
}

func event(lines ...string) []byte {
	return calendar("BEGIN:VEVENT\r\nUID:a\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT")
}

func mustRead(t testing.TB, text []byte) *Calendar {
	t.Helper()
	c, err := Read(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func starts(t testing.TB, c *Calendar, from, to time.Time) (out []string) {
	t.Helper()
	all, err := c.Between(from, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		out = append(out, o.Start.Format(time.RFC3339)+"/"+o.End.Format(time.RFC3339))
	}
	return out
}

func TestWriteIsExact(t *testing.T) {
	c := Calendar{Name: "当番, shop", Events: []Event{
		{
			UID: "x@hinoban", Sequence: 3, Stamp: day(2026, 11, 28), Start: day(2026, 11, 28).Add(9 * time.Hour), End: day(2026, 11, 29),
			Summary: "O'Brien, Ann & Co; \\ 当番は葵さんです。交代は月曜日の九時です。", Description: "one\ntwo", Alarm: 15 * time.Minute,
		},
		{UID: "y@hinoban", Stamp: day(2026, 11, 28), Start: day(2026, 12, 30), End: day(2026, 12, 31), AllDay: true, Summary: "年末", Cancelled: true},
	}}
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Hinoban//On-call//EN
CALSCALE:GREGORIAN
METHOD:PUBLISH
NAME:当番\, shop
X-WR-CALNAME:当番\, shop
REFRESH-INTERVAL;VALUE=DURATION:PT1H
X-PUBLISHED-TTL:PT1H
BEGIN:VEVENT
UID:x@hinoban
DTSTAMP:20261128T000000Z
SEQUENCE:3
DTSTART:20261128T090000Z
DTEND:20261129T000000Z
SUMMARY:O'Brien\, Ann & Co\; \\ 当番は葵さんです。交代は月曜
 日の九時です。
DESCRIPTION:one\ntwo
STATUS:CONFIRMED
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:O'Brien\, Ann & Co\; \\ 当番は葵さんです。交代は月
 曜日の九時です。
TRIGGER:-PT15M
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:y@hinoban
DTSTAMP:20261128T000000Z
SEQUENCE:0
DTSTART;VALUE=DATE:20261230
DTEND;VALUE=DATE:20261231
SUMMARY:年末
STATUS:CANCELLED
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	if d := cmp.Diff(want, string(Write(c))); d != "" {
		t.Error(d)
	}
}

func visible(e Event) Event {
	return Event{
		UID: e.UID, Sequence: e.Sequence, Stamp: e.Stamp, Start: e.Start, End: e.End, AllDay: e.AllDay, Summary: e.Summary,
		Description: e.Description, Location: e.Location, URL: e.URL, Cancelled: e.Cancelled, Alarm: e.Alarm, Organizer: e.Organizer, Attendees: e.Attendees,
	}
}

func roundTrip(t testing.TB, e Event) {
	t.Helper()
	text := Write(Calendar{Name: "n", Events: []Event{e}})
	for line := range strings.SplitSeq(string(text), "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("a bad line: %q", line)
		}
	}
	got := mustRead(t, text).Events[0]
	if d := cmp.Diff(visible(e), visible(got), cmpopts.IgnoreUnexported(Event{})); d != "" {
		t.Fatalf("%s\n%s", d, text)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`[ -~あ-ん\n😀,;\\"]{0,120}`)
		start := time.Unix(rapid.Int64Range(0, 4e9).Draw(rt, "start"), 0).UTC()
		e := Event{
			UID: rapid.StringMatching(`[a-z0-9@,;]{1,90}`).Draw(rt, "uid"), Sequence: rapid.IntRange(0, 99).Draw(rt, "seq"),
			Stamp: start, Start: start, End: start.Add(time.Duration(rapid.IntRange(0, 1e6).Draw(rt, "s")) * time.Second),
			Summary: text.Draw(rt, "summary"), Description: text.Draw(rt, "description"), Cancelled: rapid.Bool().Draw(rt, "cancelled"),
			Attendees: []string{"aoi@example.com"}, Organizer: "ren@example.com",
		}
		if !e.Cancelled {
			e.Alarm = time.Duration(rapid.IntRange(0, 1e5).Draw(rt, "alarm")) * time.Second
		}
		roundTrip(t, e)
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("O'Brien, Ann & Co", "a\nb", int64(1e9))
	f.Fuzz(func(t *testing.T, summary, description string, at int64) {
		start := time.Unix(at&0xffffffff, 0).UTC()
		e := Event{UID: "a", Stamp: start, Start: start, End: start, Summary: unescape(escape(summary)), Description: unescape(escape(description))}
		roundTrip(t, e)
	})
}

func FuzzRead(f *testing.F) {
	f.Add(event("DTSTART;TZID=Asia/Tokyo:20261128T090000", "DTEND;TZID=Tokyo Standard Time:20261128T180000", "RRULE:FREQ=WEEKLY;BYDAY=MO,-1TU;COUNT=5", "EXDATE:20261130T000000Z"))
	f.Add(event("DTSTART;VALUE=DATE:20261128", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20301231", "RECURRENCE-ID:20261128"))
	f.Add(event("DTSTART:20261128T090000Z", "DURATION:P1DT8H", "RRULE:FREQ=HOURLY;BYSETPOS=-1;INTERVAL=3;BYMINUTE=0,30", "RDATE:20261128T090000Z"))
	f.Add([]byte("BEGIN:VCALENDAR\n A;B=\"c:\":\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Read(text)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatal(err)
			}
			return
		}
		out, err := c.Between(day(2026, 11, 1), day(2027, 2, 1))
		if err == nil && len(out) > maxOccurrences+1 {
			t.Fatal(len(out))
		}
		_, _, _ = Shifts(c, func(s string) (string, bool) { return s, true }, day(2026, 11, 1), day(2026, 12, 1))
		_, _ = Holidays(c, day(2026, 11, 1), day(2026, 12, 1))
	})
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		text []byte
		want []string
	}{
		"folded, quoted, mapped": {
			event("DTSTART;X=\"a;b:c\";TZID=\"Tokyo Stan\r\n dard Time\":20261128T090000", "DTEND;TZID=Asia/Tokyo:20261128T180000"),
			[]string{"2026-11-28T00:00:00Z/2026-11-28T09:00:00Z"},
		},
		"all-day": {event("DTSTART;VALUE=DATE:20261130", "DTEND;VALUE=DATE:20261202"), []string{"2026-11-30T00:00:00Z/2026-12-02T00:00:00Z"}},
		"outlook": {event("DTSTART;TZID=\"(UTC-08:00) Pacific Time (US & Canada)\":20261128T090000", "DURATION:PT1H"), []string{"2026-11-28T17:00:00Z/2026-11-28T18:00:00Z"}},
		"mozilla": {event("DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20261128T090000", "DURATION:PT1H"), []string{"2026-11-28T08:00:00Z/2026-11-28T09:00:00Z"}},
		"lic-location": {
			calendar("BEGIN:VTIMEZONE", "TZID:Home", "X-LIC-LOCATION:Asia/Tokyo", "BEGIN:STANDARD", "DTSTART:19700101T000000", "END:STANDARD", "END:VTIMEZONE", "BEGIN:VEVENT", "DTSTART;TZID=Home:20261128T090000", "DURATION:PT1H", "END:VEVENT"),
			[]string{"2026-11-28T00:00:00Z/2026-11-28T01:00:00Z"},
		},
		"overrides": {
			calendar(
				"BEGIN:VEVENT", "UID:a", "DTSTART:20261128T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=5", "EXDATE:20261129T090000Z", "RDATE:20261210T100000Z", "END:VEVENT",
				"BEGIN:VEVENT", "UID:a", "RECURRENCE-ID:20261130T090000Z", "DTSTART:20261130T120000Z", "DURATION:PT1H", "END:VEVENT",
				"BEGIN:VEVENT", "UID:a", "RECURRENCE-ID:20261201T090000Z", "DTSTART:20261201T090000Z", "DURATION:PT1H", "STATUS:CANCELLED", "END:VEVENT",
			),
			[]string{"2026-11-28T09:00:00Z/2026-11-28T10:00:00Z", "2026-11-30T12:00:00Z/2026-11-30T13:00:00Z", "2026-12-02T09:00:00Z/2026-12-02T10:00:00Z", "2026-12-10T10:00:00Z/2026-12-10T11:00:00Z"},
		},
		"until a date": {event("DTSTART:20261128T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261129"), []string{"2026-11-28T09:00:00Z/2026-11-28T10:00:00Z", "2026-11-29T09:00:00Z/2026-11-29T10:00:00Z"}},
		"last workday of the month": {
			event("DTSTART:20261101T090000Z", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
			[]string{"2026-11-30T09:00:00Z/2026-11-30T10:00:00Z", "2026-12-31T09:00:00Z/2026-12-31T10:00:00Z"},
		},
	} {
		if d := cmp.Diff(c.want, starts(t, mustRead(t, c.text), day(2026, 11, 15), day(2027, 1, 15))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestWallClockAcrossChanges(t *testing.T) {
	for name, c := range map[string]struct {
		text     []byte
		from, to time.Time
		want     []string
	}{
		"a night is shorter in spring": {
			event("DTSTART;TZID=America/New_York:20260306T220000", "DTEND;TZID=America/New_York:20260307T060000", "RRULE:FREQ=DAILY"), day(2026, 3, 7), day(2026, 3, 10),
			[]string{"2026-03-07T03:00:00Z/2026-03-07T11:00:00Z", "2026-03-08T03:00:00Z/2026-03-08T10:00:00Z", "2026-03-09T02:00:00Z/2026-03-09T10:00:00Z"},
		},
		"a time that does not come has the offset before the gap": {
			event("DTSTART;TZID=America/New_York:20260307T023000", "DURATION:PT1H", "RRULE:FREQ=DAILY"), day(2026, 3, 8), day(2026, 3, 10),
			[]string{"2026-03-08T07:30:00Z/2026-03-08T08:30:00Z", "2026-03-09T06:30:00Z/2026-03-09T07:30:00Z"},
		},
		"one that comes twice is the first": {
			event("DTSTART;TZID=Europe/Berlin:20261024T023000", "DURATION:PT1H", "RRULE:FREQ=DAILY"), day(2026, 10, 25), day(2026, 10, 26),
			[]string{"2026-10-25T00:30:00Z/2026-10-25T01:30:00Z"},
		},
	} {
		if d := cmp.Diff(c.want, starts(t, mustRead(t, c.text), c.from, c.to)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// Away from changes of the clocks another implementation says the same.
func TestRulesAgreeWithAnother(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for i := range 1500 {
		freq := pick("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
		interval := 1 + r.IntN(4)
		if freq == "HOURLY" {
			interval = 1 // the other one never ends where no hour fits
		}
		text := fmt.Sprintf("FREQ=%s;INTERVAL=%d", freq, interval)
		if r.IntN(3) == 0 {
			text += ";BYMONTH=" + pick("1", "2,7", "11,12")
		}
		if r.IntN(3) == 0 {
			text += ";BYMONTHDAY=" + pick("1", "28", "-1", "13,-3", "27,-27")
		}
		// What never comes true the other one seeks until the year 9999.
		if !strings.Contains(text, "BYMONTHDAY") && r.IntN(2) == 0 {
			days := pick("MO", "SA,SU", "MO,TU,WE,TH,FR")
			if freq == "MONTHLY" || freq == "YEARLY" {
				days = pick(days, "1MO", "-1FR", "2TU,4TU", "4SU")
			}
			text += ";BYDAY=" + days
		}
		if r.IntN(4) == 0 {
			text += ";BYHOUR=" + pick("9", "0,12", "23")
		}
		if r.IntN(4) == 0 {
			text += ";BYMINUTE=" + pick("0", "15,45")
		}
		if strings.Contains(text, "BYDAY") && freq != "HOURLY" && r.IntN(4) == 0 {
			text += ";BYSETPOS=" + pick("1", "-1")
		}
		text += ";WKST=" + pick("MO", "SU", "WE")
		switch r.IntN(3) {
		case 0:
			text += fmt.Sprintf(";COUNT=%d", 1+r.IntN(60))
		case 1:
			text += ";UNTIL=20270315T120000Z"
		}
		start := time.Date(2024+r.IntN(3), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
		from, to := day(2026, 6, 1), day(2027, 6, 1)
		opt, err := rrule.StrToROption(text)
		if err != nil {
			t.Fatal(err)
		}
		opt.Dtstart = start
		if opt.Until.IsZero() {
			opt.Until = to // or it looks for 29 February until the year 9999
		}
		other, err := rrule.NewRRule(*opt)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, at := range other.Between(from, to.Add(-time.Second), true) {
			want = append(want, at.Format(time.RFC3339)+"/"+at.Format(time.RFC3339))
		}
		c := mustRead(t, event("DTSTART:"+start.Format(instantLayout), "RRULE:"+text))
		if d := cmp.Diff(want, starts(t, c, from, to)); d != "" {
			t.Fatalf("%d: %s from %s: %s", i, text, start, d)
		}
	}
}

func TestErrorsNameLineAndRemedy(t *testing.T) {
	for _, c := range []struct {
		text []byte
		want string
	}{
		{[]byte("<html>"), "line 1: "},
		{[]byte(""), "no BEGIN:VCALENDAR"},
		{[]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\n"), "not ended"},
		{event("DTSTART;TZID=Mars/Olympus:20261128T090000"), `line 5: DTSTART names the unknown zone "Mars/Olympus": use an IANA name`},
		{event("DTSTART:tomorrow"), "line 5: DTSTART \"tomorrow\" is no date"},
		{event("SUMMARY:x"), "has no DTSTART"},
		{event("DTSTART:20261128T090000Z", "RRULE:FREQ=SECONDLY"), "wrong FREQ"},
		{event("DTSTART:20261128T090000Z", "RRULE:FREQ=YEARLY;BYWEEKNO=3"), "BYWEEKNO"},
		{event("DTSTART:20261128T090000Z", "DTEND:20261127T090000Z"), "exchange"},
	} {
		_, err := Read(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestExpansionIsBounded(t *testing.T) {
	c := mustRead(t, event("DTSTART:19000101T000000Z", "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"))
	if _, err := c.Between(day(1900, 1, 1), day(2199, 1, 1)); errs.KindOf(err) != errs.Invalid {
		// A rule that never comes true ends with the range.
		if err != nil {
			t.Error(err)
		}
	}
	c = mustRead(t, event("DTSTART:19700101T000000Z", "RRULE:FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50"))
	if _, err := c.Between(day(1970, 1, 1), day(2026, 1, 1)); errs.KindOf(err) != errs.Invalid {
		t.Errorf("got %v, want an error", err)
	}
}

func TestShifts(t *testing.T) {
	text := calendar(
		"X-WR-TIMEZONE:Asia/Tokyo",
		"BEGIN:VEVENT", "UID:1", "DTSTART;VALUE=DATE:20261130", "SUMMARY:[L2] Aoi, Ren", "END:VEVENT",
		"BEGIN:VEVENT", "UID:2", "DTSTART:20261201T000000Z", "DURATION:PT8H", "SUMMARY:On call", "ATTENDEE;CN=Mei:mailto:mei@example.com", "END:VEVENT",
		"BEGIN:VEVENT", "UID:3", "DTSTART:20261202T000000Z", "DURATION:PT8H", "SUMMARY:Primary: aoi@example.com", "END:VEVENT",
		"BEGIN:VEVENT", "UID:4", "DTSTART:20261203T000000Z", "DURATION:PT8H", "SUMMARY:nobody we know", "END:VEVENT",
	)
	who := func(s string) (string, bool) {
		p, ok := map[string]string{"aoi": "aoi", "ren": "ren", "mei@example.com": "mei", "aoi@example.com": "aoi"}[strings.ToLower(s)]
		return p, ok
	}
	got, unknown, err := Shifts(mustRead(t, text), who, day(2026, 11, 1), day(2027, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	midnight := time.Date(2026, 11, 29, 15, 0, 0, 0, time.UTC)
	want := []Shift{
		{"aoi", midnight, midnight.Add(24 * time.Hour), 2, "1"},
		{"ren", midnight, midnight.Add(24 * time.Hour), 2, "1"},
		{"mei", day(2026, 12, 1), day(2026, 12, 1).Add(8 * time.Hour), 0, "2"},
		{"aoi", day(2026, 12, 2), day(2026, 12, 2).Add(8 * time.Hour), 0, "3"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"nobody we know"}, unknown); d != "" {
		t.Error(d)
	}
}

func TestUIDsDoNotDependOnTheEnd(t *testing.T) {
	turn := rota.Turn{Rota: "shop", Person: "aoi", Start: day(2026, 11, 23), End: day(2026, 11, 30), Source: rota.Source{Kind: "rotation", ID: "week"}}
	feed := Feed{Stamp: day(2026, 11, 20)}
	before := feed.Events([]rota.Turn{turn})
	turn.End = turn.End.Add(time.Hour)
	second := turn
	second.Person = "ren"
	now := Revise(before, Feed{Stamp: day(2026, 11, 21)}.Events([]rota.Turn{turn, second}), day(2026, 11, 21))
	if len(now) != 2 || now[0].UID != before[0].UID || now[0].Sequence != 1 || now[1].UID == now[0].UID {
		t.Errorf("got %+v, want the first event again with sequence 1", now)
	}
	gone := Revise(now, nil, day(2026, 11, 22))
	if len(gone) != 2 || !gone[0].Cancelled || gone[0].Sequence != 2 {
		t.Errorf("got %+v, want both cancelled", gone)
	}
	if mine := (Feed{Person: "ren"}).Events([]rota.Turn{turn, second}); len(mine) != 1 || mine[0].UID != now[1].UID {
		t.Errorf("got %+v, want the same UID in the feed of one person", mine)
	}
}
