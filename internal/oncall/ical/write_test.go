package ical_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/oncall/ical"
	"github.com/hinoban/hinoban/internal/oncall/rota"
)

func TestWriteKeepsToTheFormat(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	f := ical.Feed{Name: "当番; Shop, primary", Entries: []ical.Entry{{
		UID: "a@hinoban", Sequence: 2, Stamp: at, Start: at, End: at.Add(time.Hour), Summary: `O'Brien, Ann & Co; a\b`,
		Description: "first\nsecond " + strings.Repeat("火の番", 40), Cancelled: true, Alarm: 15 * time.Minute, URL: "https://h.example/oncall",
	}}}
	text := string(f.Write())
	for _, want := range []string{
		"NAME:当番\\; Shop\\, primary\r\n", "SUMMARY:O'Brien\\, Ann & Co\\; a\\\\b\r\n", "DTSTART:20261116T000000Z\r\n", "DTEND:20261116T010000Z\r\n",
		"SEQUENCE:2\r\n", "STATUS:CANCELLED\r\n", "TRIGGER:-PT15M\r\n", "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n", "DESCRIPTION:first\\nsecond ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Error("a line does not end in CRLF")
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) {
			t.Errorf("%d octets, valid %t: %q", len(line), utf8.ValidString(line), line)
		}
	}
	unfolded := strings.ReplaceAll(text, "\r\n ", "")
	if !strings.Contains(unfolded, strings.Repeat("火の番", 40)) {
		t.Error("folding lost text")
	}
}

func TestALongerShiftIsTheSameEvent(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	one := rota.Turn{Rota: "r", Person: "aoi", Start: at, End: at.Add(time.Hour), Source: rota.Source{Kind: "rotation", ID: "x"}}
	longer, other := one, one
	longer.End = at.Add(2 * time.Hour)
	other.Start = at.Add(time.Minute)
	if ical.ShiftUID(one) != ical.ShiftUID(longer) || ical.ShiftUID(one) == ical.ShiftUID(other) {
		t.Error("the UID follows the end, or not the start")
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("a\r\nBEGIN:VEVENT", "火の番\\;,")
	f.Fuzz(func(t *testing.T, name, text string) {
		out := string(ical.Feed{Name: name, Entries: []ical.Entry{{UID: "u", Summary: text, Description: name}}}.Write())
		if strings.Count(out, "\r\nBEGIN:VEVENT\r\n") != 1 || strings.ContainsAny(strings.ReplaceAll(out, "\r\n", ""), "\r\n") {
			t.Errorf("text took effect: %q", out)
		}
		for line := range strings.SplitSeq(out, "\r\n") {
			if len(line) > 75 || !utf8.ValidString(line) {
				t.Errorf("line %q", line)
			}
		}
	})
}
