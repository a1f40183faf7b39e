package rota_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestHandoverOnDaysWhenClocksChange(t *testing.T) {
	tests := []struct{ zone, first, clock, at, want string }{
		// Sundays; the date of the hand-over that is looked at is in at.
		{"America/Chicago", "2020-03-01", "02:30", "2020-03-08", "2020-03-08T03:00:00-05:00"},
		{"America/Chicago", "2020-03-01", "02:30", "2020-03-15", "2020-03-15T02:30:00-05:00"},
		{"America/Chicago", "2020-10-25", "01:30", "2020-11-01", "2020-11-01T01:30:00-05:00"},
		{"Australia/Lord_Howe", "2020-09-27", "02:15", "2020-10-04", "2020-10-04T02:30:00+11:00"},
		{"America/Santiago", "2026-08-30", "00:00", "2026-09-06", "2026-09-06T01:00:00-03:00"},
		{"America/Havana", "2026-03-01", "00:00", "2026-03-08", "2026-03-08T01:00:00-04:00"},
		{"Atlantic/Azores", "2026-03-22", "00:00", "2026-03-29", "2026-03-29T01:00:00Z"},
		{"Asia/Tokyo", "2026-11-16", "09:00", "2026-11-23", "2026-11-23T09:00:00+09:00"},
		{"Pacific/Apia", "2011-12-23", "10:00", "2011-12-30", "2011-12-31T00:00:00+14:00"}, // the day that never was
	}
	for _, tt := range tests {
		d, err := time.Parse("2006-01-02 15:04", tt.first+" "+tt.clock)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse("2006-01-02", tt.at)
		if err != nil {
			t.Fatal(err)
		}
		w := rota.Weekly{Zone: zone(t, tt.zone), Year: d.Year(), Month: d.Month(), Day: d.Day(), Hour: d.Hour(), Minute: d.Minute(), Weeks: 1, Members: []string{"a"}}
		k := int(at.Sub(d.Truncate(24*time.Hour)).Hours() / (24 * 7))
		want, err := time.Parse(time.RFC3339, tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Handover(k); !got.Equal(want) {
			t.Errorf("%s %s on %s: got %s, want %s", tt.zone, tt.clock, tt.at, got.In(w.Zone), want)
		}
	}
}

// In every zone, for years of weeks and awkward clocks, the shifts hold the
// five invariants: they cover every instant once, in order, at the wall clock.
func TestInvariantsInEveryZone(t *testing.T) {
	clocks := [][2]int{{0, 0}, {1, 30}, {2, 30}, {9, 0}, {23, 59}}
	for _, name := range zones(t) {
		z := zone(t, name)
		for _, c := range clocks {
			w := rota.Weekly{Zone: z, Year: 2020, Month: 1, Day: 5, Hour: c[0], Minute: c[1], Weeks: 1, Members: []string{"a", "b", "c"}}
			for k := range 18 * 52 {
				// Weeks in which nothing happens to the clocks are alike: a few of them
				// stand for all.
				day := time.Date(2020, 1, 5+7*k, 12, 0, 0, 0, time.UTC)
				_, before := day.Add(-48 * time.Hour).In(z).Zone()
				_, after := day.Add(9 * 24 * time.Hour).In(z).Zone()
				if before == after && k%52 != 0 {
					continue
				}
				start, end := w.Handover(k), w.Handover(k+1)
				if err := invariants(w, k, start, end); err != nil {
					t.Fatalf("%s %02d:%02d hand-over %d: %v", name, c[0], c[1], k, err)
				}
			}
		}
	}
}

func invariants(w rota.Weekly, k int, start, end time.Time) error {
	if !start.Before(end) {
		return fmt.Errorf("I5: %s is not before %s", start, end)
	}
	for _, at := range []time.Time{start, end.Add(-time.Nanosecond)} {
		s := w.At(at)
		if s.Index != k || !s.Start.Equal(start) || !s.End.Equal(end) {
			return fmt.Errorf("I1, I4: at %s got shift %d [%s, %s)", at, s.Index, s.Start, s.End)
		}
	}
	if next := w.At(end); !next.Start.Equal(end) || next.Index != k+1 {
		return fmt.Errorf("I2: shift at %s starts at %s", end, next.Start)
	}
	local := start.In(w.Zone)
	if local.Hour() == w.Hour && local.Minute() == w.Minute {
		return nil
	}
	// I3: only where the clock did not show it, and then the gap's first instant.
	before := start.Add(-time.Nanosecond).In(w.Zone)
	_, a := before.Zone()
	_, b := local.Zone()
	if b <= a {
		return fmt.Errorf("I3: %s shows the wrong time and no clock was put forward", local)
	}
	return nil
}

func zones(t *testing.T) []string {
	t.Helper()
	root := "/usr/share/zoneinfo"
	var out []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(p, root+"/")
		if c := name[0]; c >= 'A' && c <= 'Z' && strings.Contains(name, "/") {
			if _, err := time.LoadLocation(name); err == nil {
				out = append(out, name)
			}
		}
		return nil
	})
	if err != nil || len(out) == 0 {
		t.Logf("no zone database on this machine (%v): testing a few zones only", err)
		return []string{"Asia/Tokyo", "America/Chicago", "America/Santiago", "America/Havana", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut", "Pacific/Apia", "Europe/Riga"}
	}
	if testing.Short() {
		return out[:40]
	}
	return out
}

func TestMembersTakeTurnsInBothDirections(t *testing.T) {
	w := rota.Weekly{Zone: time.UTC, Year: 2026, Month: 11, Day: 16, Hour: 9, Weeks: 2, Members: []string{"aoi", "ren", ""}}
	got := ""
	for _, s := range w.Between(time.Date(2026, 10, 6, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		got += s.Start.Format("01-02 ") + s.Member + "; "
	}
	if want := "10-05 aoi; 10-19 ren; 11-02 ; 11-16 aoi; 11-30 ren; 12-14 ; 12-28 aoi; "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func BenchmarkAt(b *testing.B) {
	w := rota.Weekly{Zone: zone(b, "America/Chicago"), Year: 2020, Month: 1, Day: 5, Hour: 9, Weeks: 1, Members: []string{"a", "b"}}
	at := time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		w.At(at)
	}
}
