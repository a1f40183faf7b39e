package rota_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// The days of the Cabinet Office's list, some years of it.
func TestJapansHolidays(t *testing.T) {
	t.Parallel()
	h := rota.Japan()
	for year, want := range map[int]string{
		2006: "1/1 1/2 1/9 2/11 3/21 4/29 5/3 5/4 5/5 7/17 9/18 9/23 10/9 11/3 11/23 12/23",
		2015: "1/1 1/12 2/11 3/21 4/29 5/3 5/4 5/5 5/6 7/20 9/21 9/22 9/23 10/12 11/3 11/23 12/23",
		2019: "1/1 1/14 2/11 3/21 4/29 4/30 5/1 5/2 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/23 10/14 10/22 11/3 11/4 11/23",
		2020: "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/23 7/24 8/10 9/21 9/22 11/3 11/23",
		2021: "1/1 1/11 2/11 2/23 3/20 4/29 5/3 5/4 5/5 7/22 7/23 8/8 8/9 9/20 9/23 11/3 11/23",
		2026: "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23",
		2027: "1/1 1/11 2/11 2/23 3/21 3/22 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 10/11 11/3 11/23",
	} {
		var got []string
		for d := rota.DayOf(year, time.January, 1); d < rota.DayOf(year+1, time.January, 1); d++ {
			if h(d) != "" {
				_, m, day := d.Date()
				got = append(got, fmt.Sprintf("%d/%d", m, day))
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%d: got  %s\nwant %s", year, s, want)
		}
	}
}

func weekdays(ds ...time.Weekday) (out [7]bool) {
	for _, d := range ds {
		out[d] = true
	}
	return out
}

func layered(t testing.TB) *rota.Schedule {
	tokyo := zone(t, "Asia/Tokyo")
	office := *rotation(t, tokyo, "2026-11-16 09:00", 1, rota.Daily, "aoi", "ren")
	office.Name, office.Priority = "office", 1
	office.Windows = []rota.Window{{Days: weekdays(1, 2, 3, 4, 5), From: 9 * 60, To: 18 * 60, Holidays: rota.Skip}}
	night := *rotation(t, tokyo, "2026-11-16 09:00", 1, rota.Weekly, "mio", "yui+ren")
	night.Name = "night"
	return &rota.Schedule{ID: "shop", Zone: tokyo, Rotations: []rota.Rotation{office, night}, Holidays: rota.Japan()}
}

func shown(turns []rota.Turn, z *rota.Zone) string {
	var out []string
	for _, t := range turns {
		who := t.Person
		if t.Absent {
			who += "!"
		}
		out = append(out, fmt.Sprintf("%s–%s %s/%s", t.Start.In(z.Location()).Format("2 15:04"), t.End.In(z.Location()).Format("2 15:04"), who, t.Source.Kind))
	}
	return strings.Join(out, ", ")
}

func TestLayersAndAdjustments(t *testing.T) {
	t.Parallel()
	s := layered(t)
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour-9, 0, 0, 0, time.UTC) }
	adjust := func(k rota.Kind, person, of string, from, to time.Time) rota.Adjustment {
		return rota.Adjustment{ID: "x", Kind: k, Rota: "shop", Person: person, Of: of, Start: from, End: to}
	}
	tests := []struct {
		name     string
		all      []rota.Adjustment
		from, to time.Time
		want     string
	}{
		{"the office goes before the night, which fills the rest", nil, at(20, 0), at(21, 0), "20 00:00–20 09:00 mio/rotation, 20 09:00–20 18:00 aoi/rotation, 20 18:00–21 00:00 mio/rotation"},
		{"a holiday is no working day", nil, at(23, 8), at(24, 10), "23 08:00–23 09:00 mio/rotation, 23 09:00–24 09:00 yui/rotation, 23 09:00–24 09:00 ren/rotation, 24 09:00–24 10:00 aoi/rotation"},
		{"somebody comes as well", []rota.Adjustment{adjust(rota.Override, "jun", "", at(20, 10), at(20, 12))}, at(20, 9), at(20, 13), "20 09:00–20 13:00 aoi/rotation, 20 10:00–20 12:00 jun/override"},
		{"somebody goes, and nobody comes", []rota.Adjustment{adjust(rota.Override, "", "aoi", at(20, 10), at(20, 12))}, at(20, 9), at(20, 13), "20 09:00–20 10:00 aoi/rotation, 20 10:00–20 12:00 /, 20 12:00–20 13:00 aoi/rotation"},
		{"a replacement comes only for whom it replaces", []rota.Adjustment{adjust(rota.Override, "jun", "aoi", at(20, 17), at(20, 20))}, at(20, 16), at(20, 20), "20 16:00–20 17:00 aoi/rotation, 20 17:00–20 18:00 jun/override, 20 18:00–20 20:00 mio/rotation"},
		{"a take-over takes all", []rota.Adjustment{adjust(rota.Override, "jun", "*", at(24, 1), at(24, 3))}, at(24, 0), at(24, 4), "24 00:00–24 01:00 yui/rotation, 24 00:00–24 01:00 ren/rotation, 24 01:00–24 03:00 jun/override, 24 03:00–24 04:00 yui/rotation, 24 03:00–24 04:00 ren/rotation"},
		{"a swap that is taken", []rota.Adjustment{adjust(rota.Swap, "jun", "mio", at(20, 0), at(21, 0))}, at(20, 0), at(20, 10), "20 00:00–20 09:00 jun/swap, 20 09:00–20 10:00 aoi/rotation"},
		{"a swap that nobody took", []rota.Adjustment{adjust(rota.Swap, "", "mio", at(20, 0), at(21, 0))}, at(20, 0), at(20, 9), "20 00:00–20 09:00 mio/rotation"},
		{"who is away is flagged and not dropped", []rota.Adjustment{{ID: "x", Kind: rota.Absence, Person: "mio", Start: at(20, 2), End: at(20, 4)}}, at(20, 0), at(20, 5), "20 00:00–20 02:00 mio/rotation, 20 02:00–20 04:00 mio!/rotation, 20 04:00–20 05:00 mio/rotation"},
		{"a shadow covers nothing", []rota.Adjustment{{ID: "x", Kind: rota.Shadow, Rota: "shop", Person: "jun", Mode: rota.Notify, Start: at(20, 0), End: at(21, 0)}}, at(20, 0), at(20, 5), "20 00:00–20 05:00 mio/rotation"},
		{
			"a temporary schedule replaces everything, overrides too",
			[]rota.Adjustment{adjust(rota.Override, "kai", "*", at(20, 0), at(21, 0)), {ID: "t", Kind: rota.Temporary, Rota: "shop", Start: at(20, 2), End: at(20, 8), Shifts: []rota.StaticShift{{Person: "jun", Start: at(20, 3), End: at(20, 8)}}}},
			at(20, 0), at(20, 9), "20 00:00–20 02:00 kai/override, 20 02:00–20 03:00 /, 20 03:00–20 08:00 jun/temporary, 20 08:00–20 09:00 kai/override",
		},
	}
	for _, tt := range tests {
		if got := shown(s.Turns(tt.all, tt.from, tt.to), s.Zone); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// Whatever the adjustments, the turns of a range say at each instant what On says
// of it, and leave no hole.
func TestTurnsSayWhatOnSays(t *testing.T) {
	t.Parallel()
	s := layered(t)
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "from")) * time.Hour)
		to := from.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "length")) * time.Hour)
		people := []string{"", "aoi", "ren", "mio", "yui", "jun"}
		var all []rota.Adjustment
		for i := range rapid.IntRange(0, 5).Draw(t, "adjustments") {
			start := from.Add(time.Duration(rapid.IntRange(-50, 300).Draw(t, "start")) * time.Hour)
			all = append(all, rota.Adjustment{
				ID: fmt.Sprint(i), Rota: "shop", Kind: rapid.SampledFrom([]rota.Kind{rota.Override, rota.Swap, rota.Temporary, rota.Absence, rota.Shadow}).Draw(t, "kind"),
				Person: rapid.SampledFrom(people).Draw(t, "person"), Of: rapid.SampledFrom(append(people, "*")).Draw(t, "of"),
				Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "lasts")) * time.Hour), Created: from.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "made"))),
				Shifts: []rota.StaticShift{{Person: "jun", Start: start, End: start.Add(time.Hour)}},
			})
		}
		turns := s.Turns(all, from, to)
		mine := rota.Of(all, "shop", from, to)
		for at := from; at.Before(to); at = at.Add(37 * time.Minute) {
			want := map[string]bool{}
			for _, d := range s.On(mine, at) {
				want[d.Person] = true
			}
			if len(want) == 0 {
				want[""] = true
			}
			got := map[string]bool{}
			for _, turn := range turns {
				if !at.Before(turn.Start) && at.Before(turn.End) {
					if got[turn.Person] {
						t.Fatalf("%s twice at %s", turn.Person, at)
					}
					got[turn.Person] = true
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("at %s: got %v, want %v", at, got, want)
			}
		}
	})
}

func TestLoadsAndFairness(t *testing.T) {
	t.Parallel()
	tokyo := zone(t, "Asia/Tokyo")
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour-9, 0, 0, 0, time.UTC) }
	turns := []rota.Turn{
		{Person: "aoi", Start: at(20, 9), End: at(20, 18)}, // a Friday: nine plain hours
		{Person: "ren", Start: at(20, 18), End: at(21, 9)}, // a night, and three hours of a Saturday's day
		{Person: "mio", Start: at(23, 6), End: at(23, 22)}, // a holiday
		{Start: at(24, 0), End: at(25, 0)},                 // nobody
	}
	loads := rota.Loads(turns, func(string) *rota.Zone { return tokyo }, rota.Japan(), rota.DefaultWeights())
	got := ""
	for _, l := range loads {
		got += fmt.Sprintf("%s %g h, night %g, weekend %g, holiday %g: %g; ", l.Person, l.Hours, l.Night, l.Weekend, l.Holiday, l.Weighted)
	}
	want := "mio 16 h, night 0, weekend 0, holiday 16: 32; ren 15 h, night 8, weekend 9, holiday 0: 24.5; aoi 9 h, night 0, weekend 0, holiday 0: 9; "
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if j := rota.Jain(loads); math.Abs(j-65.5*65.5/(3*(32*32+24.5*24.5+81))) > 1e-9 {
		t.Errorf("Jain's index is %g", j)
	}
	if one := rota.Jain(rota.Loads(turns[:1], func(string) *rota.Zone { return tokyo }, nil, rota.DefaultWeights())); one != 1 {
		t.Errorf("of one person: %g", one)
	}
	loads = rota.WithPages(loads, map[string]int{"aoi": 30}, rota.DefaultWeights())
	if loads[0].Person != "aoi" || loads[0].Weighted != 39 {
		t.Errorf("pages count: got %+v", loads[0])
	}
}

// Who is on call in one of a thousand rotas.
func BenchmarkOn(b *testing.B) {
	var all []*rota.Schedule
	for range 1000 {
		all = append(all, layered(b))
	}
	adjustments := []rota.Adjustment{{ID: "x", Kind: rota.Override, Rota: "shop", Person: "jun", Of: "*", Start: time.Unix(0, 0), End: time.Unix(1, 0)}}
	at, i := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC), 0
	b.ReportAllocs()
	for b.Loop() {
		all[i%1000].On(adjustments, at)
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
}
