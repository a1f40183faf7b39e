package rota_test

import (
	"archive/zip"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

func zone(t testing.TB, name string) *rota.Zone {
	t.Helper()
	z, err := rota.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func when(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// rotation makes one that begins at "2026-11-16 09:00".
func rotation(t testing.TB, z *rota.Zone, start string, every int, unit rota.Unit, members ...string) *rota.Rotation {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", start)
	if err != nil {
		t.Fatal(err)
	}
	r := &rota.Rotation{Name: "r", Zone: z, Day: rota.DayOf(at.Date()), Minute: at.Hour()*60 + at.Minute(), Every: every, Unit: unit}
	for _, m := range members {
		if m == "" {
			r.Members = append(r.Members, nil)
			continue
		}
		r.Members = append(r.Members, strings.Split(m, "+"))
	}
	return r
}

func TestHandoverOnDaysWhenClocksChange(t *testing.T) {
	tests := []struct {
		zone, start string
		every       int
		unit        rota.Unit
		at, want    string // the first hand-over after at
	}{
		{"America/Chicago", "2020-03-01 02:30", 1, rota.Weekly, "2020-03-02T00:00:00Z", "2020-03-08T03:00:00-05:00"},
		{"America/Chicago", "2020-03-01 02:30", 1, rota.Weekly, "2020-03-09T00:00:00Z", "2020-03-15T02:30:00-05:00"},
		{"America/Chicago", "2020-03-01 02:30", 1, rota.Daily, "2020-03-08T03:00:00-05:00", "2020-03-09T02:30:00-05:00"},
		{"America/Chicago", "2020-10-25 01:30", 1, rota.Weekly, "2020-10-26T00:00:00Z", "2020-11-01T01:30:00-05:00"},
		{"America/Chicago", "2020-10-25 01:30", 1, rota.Hourly, "2020-11-01T01:30:00-05:00", "2020-11-01T02:30:00-06:00"}, // two hours
		{"America/Chicago", "2020-10-25 01:00", 1, rota.Hourly, "2020-03-08T01:00:00-06:00", "2020-03-08T03:00:00-05:00"},
		{"Australia/Lord_Howe", "2020-09-27 02:15", 1, rota.Daily, "2020-10-03T12:00:00Z", "2020-10-04T02:30:00+11:00"},
		{"America/Santiago", "2026-08-30 00:00", 1, rota.Daily, "2026-09-05T12:00:00Z", "2026-09-06T01:00:00-03:00"},
		{"America/Havana", "2026-03-01 00:00", 1, rota.Daily, "2026-03-07T12:00:00Z", "2026-03-08T01:00:00-04:00"},
		{"Atlantic/Azores", "2026-03-22 00:00", 1, rota.Daily, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"Africa/Cairo", "2026-04-01 00:00", 1, rota.Daily, "2026-04-23T12:00:00Z", "2026-04-24T01:00:00+03:00"},
		{"Asia/Beirut", "2026-03-01 00:00", 1, rota.Daily, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00+03:00"},
		{"Asia/Tokyo", "2026-11-16 09:00", 1, rota.Weekly, "2026-11-17T00:00:00Z", "2026-11-23T09:00:00+09:00"},
		{"Pacific/Apia", "2011-12-23 10:00", 1, rota.Weekly, "2011-12-24T00:00:00Z", "2011-12-31T00:00:00+14:00"}, // the day that never was
		{"Asia/Tokyo", "2027-01-31 09:00", 1, rota.Monthly, "2027-02-01T00:00:00Z", "2027-02-28T09:00:00+09:00"},
		{"Asia/Tokyo", "2027-01-31 09:00", 1, rota.Monthly, "2027-03-01T00:00:00Z", "2027-03-31T09:00:00+09:00"}, // from the first, not from February
		{"Asia/Tokyo", "2027-01-31 09:00", 1, rota.Monthly, "2028-02-01T00:00:00Z", "2028-02-29T09:00:00+09:00"},
		{"Europe/Berlin", "2026-03-28 12:00", 5, rota.Hourly, "2026-03-28T12:00:00Z", "2026-03-28T16:00:00Z"}, // by elapsed time
		{"Europe/Berlin", "2026-03-28 12:00", 5, rota.Hourly, "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"},
		{"Europe/Berlin", "2026-03-28 12:00", 12, rota.Hourly, "2026-03-28T23:30:00Z", "2026-03-29T12:00:00+02:00"},
	}
	for _, tt := range tests {
		r := rotation(t, zone(t, tt.zone), tt.start, tt.every, tt.unit, "a", "b")
		if got, want := r.At(when(t, tt.at)).End, when(t, tt.want); !got.Equal(want) {
			t.Errorf("%s every %d %s from %s, after %s: got %s, want %s", tt.zone, tt.every, tt.unit, tt.start, tt.at, got.In(r.Zone.Location()), want)
		}
	}
}

func TestMembersTakeTurnsInBothDirections(t *testing.T) {
	utc := zone(t, "UTC")
	tests := []struct {
		r    *rota.Rotation
		want string
	}{
		{rotation(t, utc, "2026-11-16 09:00", 2, rota.Weekly, "aoi", "ren", ""), "10-05 aoi; 10-19 ren; 11-02 ; 11-16 aoi; 11-30 ren; 12-14 ; 12-28 aoi; "},
		{rotation(t, utc, "2026-11-16 09:00", 1, rota.Monthly, "aoi+yui", "ren"), "09-16 aoi+yui; 10-16 ren; 11-16 aoi+yui; 12-16 ren; "},
	}
	twice := rotation(t, utc, "2026-11-16 09:00", 2, rota.Weekly, "aoi", "ren")
	twice.PerMember = 2
	tests = append(tests, struct {
		r    *rota.Rotation
		want string
	}{twice, "10-05 ren; 10-19 aoi; 11-02 aoi; 11-16 aoi; 11-30 aoi; 12-14 ren; 12-28 ren; "})
	tests[2].want = "10-05 aoi; 10-19 ren; 11-02 ren; 11-16 aoi; 11-30 aoi; 12-14 ren; 12-28 ren; "
	for _, tt := range tests {
		got := ""
		for _, s := range tt.r.Between(when(t, "2026-10-06T00:00:00Z"), when(t, "2027-01-01T00:00:00Z")) {
			got += s.Start.Format("01-02 ") + strings.Join(s.Slot, "+") + "; "
		}
		if got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// zoneNames are all names of the IANA database that came with Go.
func zoneNames(t testing.TB) (out []string) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if !f.FileInfo().IsDir() {
			out = append(out, f.Name)
		}
	}
	return out
}

// clocks are the zones whose clocks differ, and how many names were looked at.
func clocks(t testing.TB) (out []*rota.Zone, names int) {
	t.Helper()
next:
	for _, name := range zoneNames(t) {
		z := zone(t, name)
		names++
		for _, o := range out {
			if z.Equal(o) {
				continue next
			}
		}
		out = append(out, z)
	}
	return out, names
}

// In every zone of the database, from 2020 to 2037, every hand-over of hourly,
// daily, weekly and monthly rotations at four clocks holds the invariants.
func TestInvariantsInEveryZone(t *testing.T) {
	zones, names := clocks(t)
	if testing.Short() {
		zones = zones[:40]
	}
	began := time.Now()
	work := make(chan *rota.Zone)
	var handovers atomic.Int64
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for z := range work {
				for _, clock := range []string{"00:00", "01:30", "02:30", "09:00"} {
					for _, u := range []struct {
						every int
						unit  rota.Unit
					}{{1, rota.Hourly}, {12, rota.Hourly}, {7, rota.Hourly}, {1, rota.Daily}, {1, rota.Weekly}, {1, rota.Monthly}} {
						r := rotation(t, z, "2020-01-31 "+clock, u.every, u.unit, "a", "b", "c")
						n, err := walk(r)
						handovers.Add(n)
						if err != nil {
							t.Errorf("%s %s every %d %s: %v", z, clock, u.every, u.unit, err)
							break
						}
					}
				}
			}
		})
	}
	for _, z := range zones {
		work <- z
	}
	close(work)
	wg.Wait()
	t.Logf("FIGURE I1–I5: %d zone names, %d different clocks, %d hand-overs 2020–2037: %s on %d cores", names, len(zones), handovers.Load(), time.Since(began).Round(100*time.Millisecond), runtime.NumCPU())
}

// walk goes from hand-over to hand-over from 2020 to 2037.
func walk(r *rota.Rotation) (n int64, err error) {
	end := time.Date(2038, 1, 1, 0, 0, 0, 0, time.UTC)
	s := r.At(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	for s.Start.Before(end) {
		n++
		if !s.Start.Before(s.End) {
			return n, fmt.Errorf("I5: shift %d is [%s, %s)", s.Index, s.Start, s.End)
		}
		if last := r.At(s.End.Add(-1)); last.Index != s.Index || !last.Start.Equal(s.Start) || !last.End.Equal(s.End) {
			return n, fmt.Errorf("I1, I4: just before %s got shift %d [%s, %s), want %d from %s", s.End, last.Index, last.Start, last.End, s.Index, s.Start)
		}
		next := r.At(s.End)
		if !next.Start.Equal(s.End) || next.Index <= s.Index {
			return n, fmt.Errorf("I2: the shift at %s starts at %s", s.End, next.Start)
		}
		if err := shows(r, s.Start); err != nil {
			return n, err
		}
		s = next
	}
	return n, nil
}

// shows checks I3 by the clocks of package time.
func shows(r *rota.Rotation, at time.Time) error {
	if r.Unit == rota.Hourly && 24%r.Every != 0 {
		return nil // by elapsed time
	}
	local := at.In(r.Zone.Location())
	h, m, sec := local.Clock()
	minutes := h*60 + m
	period := 24 * 60
	if r.Unit == rota.Hourly {
		period = r.Every * 60
	}
	if sec == 0 && (minutes-r.Minute)%period == 0 {
		return nil
	}
	// Only where the clocks did not show it, and then the first instant after: the
	// second before must be before the hand-over's clock, this one after.
	_, before := at.Add(-time.Second).In(r.Zone.Location()).Zone()
	_, after := local.Zone()
	gap := (after - before) / 60
	missed := ((minutes-r.Minute)%period + period) % period
	if gap <= 0 || missed > gap {
		return fmt.Errorf("I3: %s does not show %02d:%02d, and no clock was put forward over it", local, r.Minute/60, r.Minute%60)
	}
	return nil
}

// First and Last are what a search through every second around would find.
func TestWallClocksAgreeWithASearch(t *testing.T) {
	for _, name := range []string{"America/Chicago", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Europe/Dublin", "Asia/Tokyo", "Antarctica/Troll", "Pacific/Apia"} {
		z := zone(t, name)
		at := time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 6 {
			_, next := at.In(z.Location()).ZoneBounds()
			if next.IsZero() {
				next = at.AddDate(0, 6, 0)
			}
			day := z.DayAt(next)
			for minute := -4 * 60; minute < 8*60; minute += 15 {
				wantFirst, wantLast := search(z, day, minute)
				if got := z.First(day, minute); !got.Equal(wantFirst) {
					t.Errorf("%s: first %s+%dm: got %s, want %s", name, day, minute, got, wantFirst)
				}
				if got := z.Last(day, minute); !got.Equal(wantLast) {
					t.Errorf("%s: last %s+%dm: got %s, want %s", name, day, minute, got, wantLast)
				}
			}
			at = next.Add(time.Hour).UTC()
		}
	}
}

// search finds a wall clock by trying every five minutes of three days.
func search(z *rota.Zone, d rota.Day, minute int) (first, last time.Time) {
	want := time.Unix(int64(d)*86400+int64(minute)*60, 0).UTC()
	naive := func(at time.Time) time.Time {
		_, off := at.In(z.Location()).Zone()
		return at.UTC().Add(time.Duration(off) * time.Second)
	}
	for at := want.Add(-36 * time.Hour); at.Before(want.Add(36 * time.Hour)); at = at.Add(5 * time.Minute) {
		if naive(at).Equal(want) {
			if first.IsZero() {
				first = at
			}
			last = at
		}
	}
	if !first.IsZero() {
		return first, last
	}
	for at := want.Add(-36 * time.Hour); ; at = at.Add(5 * time.Minute) {
		if naive(at.Add(-5*time.Minute)).Before(want) && naive(at).After(want) {
			return at, at
		}
	}
}

func BenchmarkAt(b *testing.B) {
	r := rotation(b, zone(b, "America/Chicago"), "2020-01-05 09:00", 1, rota.Weekly, "a", "b")
	at := when(b, "2026-11-20T02:13:00Z")
	b.ReportAllocs()
	for b.Loop() {
		r.At(at)
	}
}
