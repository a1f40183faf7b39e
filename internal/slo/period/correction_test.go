package period

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func correction(t testing.TB, zoneName, start, rule string, long time.Duration) Correction {
	return Correction{
		ID: "c", Services: []string{"checkout"}, Start: at(t, zoneName, start), Duration: long, Rule: rule, Zone: zoneName, Category: Maintenance, Reason: "patching", By: "aoi",
	}
}

func TestIntervals(t *testing.T) {
	tests := []struct {
		name, zone, start, rule string
		long                    time.Duration
		from, to                string
		want                    string
	}{
		{"once", "UTC", "2026-11-01 02:00", "", time.Hour, "2026-10-01 00:00", "2026-12-01 00:00", "11-01 02:00/03:00"},
		{"once, elsewhere", "UTC", "2026-11-01 02:00", "", time.Hour, "2026-11-01 03:00", "2026-12-01 00:00", ""},
		{"touched at its end", "UTC", "2026-11-01 02:00", "", time.Hour, "2026-11-01 02:59", "2026-12-01 00:00", "11-01 02:00/03:00"},
		{"weekly", "UTC", "2026-11-01 02:00", "FREQ=WEEKLY;BYDAY=SU", time.Hour, "2026-11-08 00:00", "2026-11-16 00:00", "11-08 02:00/03:00 11-15 02:00/03:00"},
		{"count", "UTC", "2026-11-01 02:00", "FREQ=DAILY;COUNT=2", time.Hour, "2026-10-01 00:00", "2026-12-01 00:00", "11-01 02:00/03:00 11-02 02:00/03:00"},
		{"until, in UTC", "Asia/Tokyo", "2026-11-01 02:00", "FREQ=DAILY;UNTIL=20261102T165959Z", time.Hour, "2026-10-01 00:00", "2026-12-01 00:00", "10-31 17:00/18:00 11-01 17:00/18:00"},
		{"until a day, all of it", "Asia/Tokyo", "2026-11-01 02:00", "FREQ=DAILY;UNTIL=20261102", time.Hour, "2026-10-01 00:00", "2026-12-01 00:00", "10-31 17:00/18:00 11-01 17:00/18:00"},
		{"until, civil", "Asia/Tokyo", "2026-11-01 02:00", "FREQ=DAILY;UNTIL=20261102T015959", time.Hour, "2026-10-01 00:00", "2026-12-01 00:00", "10-31 17:00/18:00"},
		{"the second Sunday of the month", "UTC", "2026-11-01 02:00", "RRULE:FREQ=MONTHLY;BYDAY=+2SU", time.Hour, "2026-11-01 00:00", "2026-12-31 00:00", "11-08 02:00/03:00 12-13 02:00/03:00"},
		{"last day", "UTC", "2026-01-31 00:00", "FREQ=MONTHLY;BYMONTHDAY=-1", 24 * time.Hour, "2026-02-27 00:00", "2026-03-01 00:00", "02-28 00:00/00:00"},
		{"keeps its hour when the clock goes back", "Europe/Berlin", "2026-10-24 02:30", "FREQ=DAILY;COUNT=3", time.Hour, "2026-10-01 00:00", "2026-12-01 00:00", "10-24 00:30/01:30 10-25 00:30/01:30 10-26 01:30/02:30"},
		{"and when it goes forward", "Europe/Berlin", "2026-03-28 02:30", "FREQ=DAILY;COUNT=3", time.Hour, "2026-01-01 00:00", "2026-12-01 00:00", "03-28 01:30/02:30 03-29 01:00/02:00 03-30 00:30/01:30"},
		{"those that overlap are one", "UTC", "2026-11-01 00:00", "FREQ=DAILY;COUNT=3", 36 * time.Hour, "2026-10-01 00:00", "2026-12-01 00:00", "11-01 00:00/12:00"},
	}
	for _, tt := range tests {
		c := correction(t, tt.zone, tt.start, tt.rule, tt.long)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got, said := Intervals([]Correction{c}, at(t, "UTC", tt.from), at(t, "UTC", tt.to))
		var parts []string
		for _, i := range got {
			parts = append(parts, i.Start.Format("01-02 15:04")+"/"+i.End.Format("15:04"))
		}
		if text := strings.Join(parts, " "); text != tt.want || len(said) > 0 {
			t.Errorf("%s: got %q (%v), want %q", tt.name, text, said, tt.want)
		}
	}
}

func TestCorrectionsThatAreRefused(t *testing.T) {
	good := correction(t, "Asia/Tokyo", "2026-11-01 02:00", "", time.Hour)
	rule := func(s string) func(*Correction) { return func(c *Correction) { c.Rule = s } }
	for name, tt := range map[string]struct {
		change func(*Correction)
		want   string
	}{
		"every second":     {rule("FREQ=SECONDLY"), "FREQ is DAILY"},
		"every hour":       {rule("FREQ=HOURLY"), "FREQ is DAILY"},
		"hours":            {rule("FREQ=DAILY;BYHOUR=1,2,3"), "the time of day is the start's"},
		"no freq":          {rule("INTERVAL=2"), "FREQ"},
		"nonsense":         {rule("every other day"), "not read"},
		"a day never":      {rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "never happens"},
		"a weekday never":  {rule("FREQ=DAILY;INTERVAL=7;BYDAY=MO"), "never happens"},
		"month 13":         {rule("FREQ=YEARLY;BYMONTH=13"), "bymonth"},
		"many":             {rule("FREQ=DAILY;COUNT=100000"), "COUNT at most"},
		"two lines":        {rule("DTSTART:19970105T083000\nRRULE:FREQ=DAILY"), "one line"},
		"over at once":     {rule("FREQ=DAILY;UNTIL=20200101"), "never happens"},
		"no reason":        {func(c *Correction) { c.Reason = " " }, "reason"},
		"no category":      {func(c *Correction) { c.Category = "because" }, "category"},
		"everything":       {func(c *Correction) { c.Services = nil }, "objectives, services or labels"},
		"no time":          {func(c *Correction) { c.Duration = 0 }, "lasts"},
		"two years":        {func(c *Correction) { c.Duration = 2 * MaxDuration }, "lasts"},
		"long ago":         {func(c *Correction) { c.Start = time.Unix(0, 0) }, "1971"},
		"nowhere":          {func(c *Correction) { c.Zone = "Tokyo" }, "time zone"},
		"never":            {func(c *Correction) { c.Start = time.Time{} }, "start"},
		"interval of 5000": {rule("FREQ=DAILY;INTERVAL=5000"), "INTERVAL"},
	} {
		c := good
		tt.change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want something about %q", name, err, tt.want)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

// A rule that repeats for longer than anybody looks is cut, and says so.
func TestARuleThatExplodesIsCut(t *testing.T) {
	c := correction(t, "UTC", "1971-01-01 00:00", "FREQ=DAILY", time.Hour)
	got, said := Intervals([]Correction{c}, at(t, "UTC", "2050-01-01 00:00"), at(t, "UTC", "2051-01-01 00:00"))
	if len(said) != 1 || !strings.Contains(said[0], "more than 20000 times") || len(got) != 0 {
		t.Errorf("got %d intervals, %v", len(got), said)
	}
}

func TestFits(t *testing.T) {
	c := Correction{Objectives: []string{"a", "b"}, Services: []string{"s"}, Labels: map[string]string{"tier": "1"}}
	for _, tt := range []struct {
		objective, service, tier string
		want                     bool
	}{{"a", "s", "1", true}, {"c", "s", "1", false}, {"a", "x", "1", false}, {"b", "s", "2", false}} {
		if got := c.Fits(tt.objective, tt.service, map[string]string{"tier": tt.tier}); got != tt.want {
			t.Errorf("%+v: got %t", tt, got)
		}
	}
}

func TestSnapAndCovers(t *testing.T) {
	in := []Interval{{at(t, "UTC", "2026-11-01 02:01"), at(t, "UTC", "2026-11-01 02:06")}, {at(t, "UTC", "2026-11-01 02:11"), at(t, "UTC", "2026-11-01 02:15")}}
	got := Snap(in, 5*time.Minute)
	if len(got) != 1 || !got[0].Start.Equal(at(t, "UTC", "2026-11-01 02:00")) || !got[0].End.Equal(at(t, "UTC", "2026-11-01 02:15")) {
		t.Errorf("snap: got %v", got)
	}
	for _, tt := range []struct {
		from, to string
		want     bool
	}{{"02:00", "02:01", true}, {"01:59", "02:00", false}, {"02:14", "02:20", true}, {"02:15", "02:20", false}, {"01:00", "03:00", true}} {
		if Covers(got, at(t, "UTC", "2026-11-01 "+tt.from), at(t, "UTC", "2026-11-01 "+tt.to)) != tt.want {
			t.Errorf("%s to %s: want %t", tt.from, tt.to, tt.want)
		}
	}
}

func TestNextAndLast(t *testing.T) {
	start := at(t, "Asia/Tokyo", "2026-01-05 10:00")
	when := at(t, "Asia/Tokyo", "2026-11-20 10:00")
	next, ok := Next("FREQ=MONTHLY;BYDAY=1MO", start, "Asia/Tokyo", when)
	if !ok || !next.Equal(at(t, "Asia/Tokyo", "2026-12-07 10:00")) {
		t.Errorf("next: got %s", next)
	}
	last, ok := Last("FREQ=MONTHLY;BYDAY=1MO", start, "Asia/Tokyo", when)
	if !ok || !last.Equal(at(t, "Asia/Tokyo", "2026-11-02 10:00")) {
		t.Errorf("last: got %s", last)
	}
	if _, ok := Next("FREQ=DAILY;COUNT=1", start, "Asia/Tokyo", when); ok {
		t.Error("a rule that is over has a next time")
	}
	if _, ok := Last("FREQ=DAILY", start, "Asia/Tokyo", start); ok {
		t.Error("a rule that begins now has a last time")
	}
}

// Merged intervals are in order, apart, and cover what the parts cover.
func TestMergeCoversTheSame(t *testing.T) {
	base := time.Unix(1_800_000_000, 0).UTC()
	rapid.Check(t, func(r *rapid.T) {
		var in []Interval
		for range rapid.IntRange(0, 12).Draw(r, "n") {
			s := base.Add(time.Duration(rapid.IntRange(0, 100).Draw(r, "start")) * time.Minute)
			in = append(in, Interval{s, s.Add(time.Duration(rapid.IntRange(0, 30).Draw(r, "long")) * time.Minute)})
		}
		got := Merge(in)
		for i := 1; i < len(got); i++ {
			if !got[i].Start.After(got[i-1].End) {
				r.Fatalf("%v meet", got)
			}
		}
		for m := range 140 {
			from := base.Add(time.Duration(m) * time.Minute)
			want := false
			for _, i := range in {
				want = want || (i.Start.Before(from.Add(time.Minute)) && i.End.After(from))
			}
			if Covers(got, from, from.Add(time.Minute)) != want {
				r.Fatalf("minute %d: want %t in %v", m, want, got)
			}
		}
	})
}

func FuzzRule(f *testing.F) {
	for _, s := range []string{"FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SA,SU;INTERVAL=2", "RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=1", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=3", "FREQ=DAILY;UNTIL=20261102T165959Z;WKST=SU"} {
		f.Add(s)
	}
	start := time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, rule string) {
		if CheckRule(rule, start, "Europe/Berlin") != nil {
			return
		}
		first, ok := Next(rule, start, "Europe/Berlin", start)
		if !ok || first.Before(start) {
			t.Errorf("%q is accepted and begins at %s", rule, first)
		}
	})
}
