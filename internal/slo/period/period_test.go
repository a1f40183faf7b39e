package period

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(t testing.TB, zoneName, text string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zoneName)
	if err != nil {
		t.Fatal(err)
	}
	v, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPeriods(t *testing.T) {
	tests := []struct {
		name, zone, start string
		every             int
		unit, at          string
		from, to          string
		length            time.Duration
	}{
		{"a month", "Asia/Tokyo", "2026-01-01 00:00", 1, "M", "2026-02-10 12:00", "2026-02-01 00:00", "2026-03-01 00:00", 28 * 24 * time.Hour},
		{"of the 31st, in February", "UTC", "2026-01-31 00:00", 1, "M", "2026-02-28 00:00", "2026-02-28 00:00", "2026-03-31 00:00", 31 * 24 * time.Hour},
		{"of the 31st, before the short month's end", "UTC", "2026-01-31 00:00", 1, "M", "2026-02-27 23:59", "2026-01-31 00:00", "2026-02-28 00:00", 28 * 24 * time.Hour},
		{"of the 31st, after it", "UTC", "2026-01-31 00:00", 1, "M", "2026-04-30 00:00", "2026-04-30 00:00", "2026-05-31 00:00", 31 * 24 * time.Hour},
		{"of the 30th, in a leap year", "UTC", "2024-01-30 00:00", 1, "M", "2024-03-01 00:00", "2024-02-29 00:00", "2024-03-30 00:00", 30 * 24 * time.Hour},
		{"February 29th by years", "UTC", "2024-02-29 00:00", 1, "Y", "2025-03-01 00:00", "2025-02-28 00:00", "2026-02-28 00:00", 365 * 24 * time.Hour},
		{"February 29th, four years on", "UTC", "2024-02-29 00:00", 1, "Y", "2028-03-01 00:00", "2028-02-29 00:00", "2029-02-28 00:00", 365 * 24 * time.Hour},
		{"a quarter", "America/New_York", "2026-01-01 00:00", 1, "Q", "2026-04-01 00:00", "2026-04-01 00:00", "2026-07-01 00:00", 91 * 24 * time.Hour},
		{"the day the clock goes forward", "Europe/Berlin", "2026-01-01 00:00", 1, "d", "2026-03-29 12:00", "2026-03-29 00:00", "2026-03-30 00:00", 23 * time.Hour},
		{"the day it goes back", "Europe/Berlin", "2026-01-01 00:00", 1, "d", "2026-10-25 12:00", "2026-10-25 00:00", "2026-10-26 00:00", 25 * time.Hour},
		{"a week keeps its hour", "America/New_York", "2026-03-02 09:00", 1, "w", "2026-03-08 09:00", "2026-03-02 09:00", "2026-03-09 09:00", 7*24*time.Hour - time.Hour},
		{"a start in the gap", "Europe/Berlin", "2026-01-01 02:30", 1, "d", "2026-03-29 03:00", "2026-03-29 03:00", "2026-03-30 02:30", 23*time.Hour + 30*time.Minute},
		{"hours are hours", "Europe/Berlin", "2026-03-29 00:00", 4, "h", "2026-03-29 04:30", "2026-03-29 00:00", "2026-03-29 05:00", 4 * time.Hour},
		{"before the first", "UTC", "2026-01-31 00:00", 1, "M", "2025-12-01 00:00", "2025-11-30 00:00", "2025-12-31 00:00", 31 * 24 * time.Hour},
		{"two weeks", "UTC", "2026-01-05 00:00", 2, "w", "2025-12-30 00:00", "2025-12-22 00:00", "2026-01-05 00:00", 14 * 24 * time.Hour},
		{"no midnight", "America/Santiago", "2026-01-01 00:00", 1, "d", "2026-09-06 12:00", "2026-09-06 01:00", "2026-09-07 00:00", 23 * time.Hour},
		{"a day that was skipped", "Pacific/Apia", "2011-12-01 00:00", 1, "d", "2011-12-31 12:00", "2011-12-31 00:00", "2012-01-01 00:00", 24 * time.Hour},
	}
	for _, tt := range tests {
		c := Calendar{Start: at(t, tt.zone, tt.start), Every: tt.every, Unit: tt.unit, Zone: tt.zone}
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got := c.At(at(t, tt.zone, tt.at))
		if !got.Start.Equal(at(t, tt.zone, tt.from)) || !got.End.Equal(at(t, tt.zone, tt.to)) || got.Length() != tt.length {
			t.Errorf("%s: got %s to %s (%s), want %s to %s (%s)", tt.name, got.Start, got.End, got.Length(), tt.from, tt.to, tt.length)
		}
	}
}

// In the hour that comes twice, the first one begins the period.
func TestCivilTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ civil, want string }{
		{"2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"}, // twice: summer time's
		{"2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z"}, // never: 03:00 summer time
		{"2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z"},
		{"2026-03-29T01:59:00Z", "2026-03-29T00:59:00Z"},
		{"2026-07-01T12:00:00Z", "2026-07-01T10:00:00Z"},
	}
	for _, tt := range tests {
		c, err := time.Parse(time.RFC3339, tt.civil)
		if err != nil {
			t.Fatal(err)
		}
		if got := Civil(c, berlin).UTC().Format(time.RFC3339); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.civil, got, tt.want)
		}
	}
}

func TestCalendarsThatAreRefused(t *testing.T) {
	good := Calendar{Start: at(t, "UTC", "2026-01-01 00:00"), Every: 1, Unit: "M", Zone: "UTC"}
	for name, change := range map[string]func(*Calendar){
		"unit": func(c *Calendar) { c.Unit = "m" }, "none": func(c *Calendar) { c.Every = 0 }, "many": func(c *Calendar) { c.Every = 121 },
		"start": func(c *Calendar) { c.Start = time.Time{} }, "zone": func(c *Calendar) { c.Zone = "Mars/Base" }, "local": func(c *Calendar) { c.Zone = "Local" },
	} {
		c := good
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s: %+v is accepted", name, c)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

// zones are those of this machine's zone database.
func zones(t *testing.T) (out []string) {
	const root = "/usr/share/zoneinfo"
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(p, "posix") || strings.HasPrefix(p, "right") {
			return nil //nolint:nilerr // what cannot be read is no zone
		}
		if _, err := time.LoadLocation(p); err == nil && p != "localtime" {
			out = append(out, p)
		}
		return nil
	})
	if err != nil || len(out) < 100 {
		t.Logf("no zone database at %s: a few zones stand for all", root)
		out = []string{"UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York", "America/Santiago", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"}
	}
	slices.Sort(out)
	return out
}

// Periods tile time: each begins where the last one ended, t lies in its own,
// and looking from its first and its last instant finds the same.
func TestPeriodsTileTimeInEveryZone(t *testing.T) {
	all := zones(t)
	units := []string{"h", "d", "w", "M", "Q", "Y"}
	check := func(r *rapid.T, zoneName string) {
		loc, err := time.LoadLocation(zoneName)
		if err != nil {
			r.Fatal(err)
		}
		sec := rapid.Int64Range(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
		c := Calendar{
			Start: time.Unix(sec.Draw(r, "start"), 0).In(loc), Every: rapid.IntRange(1, 6).Draw(r, "every"),
			Unit: rapid.SampledFrom(units).Draw(r, "unit"), Zone: zoneName,
		}
		when := time.Unix(sec.Draw(r, "t"), 0)
		p := c.At(when)
		if !p.Contains(when) {
			r.Fatalf("%+v: %s is not in %+v", c, when, p)
		}
		next, last := c.At(p.End), c.At(p.Start.Add(-1))
		if !next.Start.Equal(p.End) || !last.End.Equal(p.Start) || next.N <= p.N || last.N >= p.N {
			r.Fatalf("%+v: %+v, %+v, %+v leave a gap", c, last, p, next)
		}
		if again := c.At(p.End.Add(-1)); again.N != p.N || !again.Start.Equal(p.Start) {
			r.Fatalf("%+v: the end of %+v lies in %+v", c, p, again)
		}
		start, from := civilOf(c.Start.In(loc)), civilOf(p.Start.In(loc))
		if c.Unit == "M" && from.Hour() == start.Hour() {
			last := time.Date(from.Year(), from.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
			if want := min(start.Day(), last); from.Day() != want && from.Day() != want+1 {
				r.Fatalf("%+v: a period begins on day %d, want %d", c, from.Day(), want)
			}
		}
	}
	for _, z := range all {
		rapid.Check(t, func(r *rapid.T) { check(r, z) }) // 100 cases for each
	}
}

// The first instant that shows a time never comes before that of an earlier time.
func TestCivilIsMonotonicInEveryZone(t *testing.T) {
	all := zones(t)
	rapid.Check(t, func(r *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(all).Draw(r, "zone"))
		if err != nil {
			r.Fatal(err)
		}
		a := time.Unix(rapid.Int64Range(-2208988800, 4000000000).Draw(r, "a"), 0).UTC()
		b := a.Add(time.Duration(rapid.Int64Range(0, int64(72*time.Hour)).Draw(r, "later")))
		x, y := Civil(a, loc), Civil(b, loc)
		if y.Before(x) {
			r.Fatalf("%s: %s is %s, %s is %s", loc, a, x, b, y)
		}
		if back := civilOf(x); back.Before(a) {
			r.Fatalf("%s: %s is %s, which shows %s", loc, a, x, back)
		}
	})
}

func TestElapsed(t *testing.T) {
	p := Rolling(10*time.Hour, at(t, "UTC", "2026-01-01 10:00"))
	if got := p.Elapsed(at(t, "UTC", "2026-01-01 02:00")); got != 0.2 {
		t.Errorf("elapsed: got %g, want 0.2", got)
	}
	if burn, ok := p.Projected(0.5, at(t, "UTC", "2026-01-01 02:00")); !ok || burn != 2.5 {
		t.Errorf("half of the budget at a fifth of the time: got %g, want 2.5", burn)
	}
	if _, ok := p.Projected(0, p.Start); ok {
		t.Error("something is projected from nothing")
	}
	if p.Elapsed(p.End.Add(time.Hour)) != 1 || p.Elapsed(p.Start.Add(-time.Hour)) != 0 {
		t.Error("elapsed leaves 0 to 1")
	}
}

func BenchmarkAt(b *testing.B) {
	c := Calendar{Start: at(b, "Europe/Berlin", "2020-01-31 09:00"), Every: 1, Unit: "M", Zone: "Europe/Berlin"}
	t := at(b, "Europe/Berlin", "2026-11-20 02:13")
	b.ReportAllocs()
	for b.Loop() {
		c.At(t)
	}
}
