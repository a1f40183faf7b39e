package budgeting

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/slo"
)

func target(t testing.TB, percent string) slo.Target {
	t.Helper()
	out, err := slo.ParseTarget(percent, true)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func near(a, b, by float64) bool { return math.Abs(a-b) <= by }

// The vector that Nobl9 publishes: ten slices, target 95 %.
func TestVectorOfTenSlices(t *testing.T) {
	good := []int64{2, 10, 12, 13, 13, 12, 13, 13, 12, 11}
	valid := []int64{4, 10, 12, 13, 14, 15, 14, 13, 12, 11}
	var slots []Slot
	for i := range good {
		slots = append(slots, Slot{good[i], valid[i], true})
	}
	goal := target(t, "95")
	tests := []struct {
		m           slo.Method
		good, total int64
		sli, burned float64 // percent
	}{
		{slo.Occurrences, 111, 118, 94.0678, 118.644},
		{slo.Timeslices, 6, 10, 60, 800},
		{slo.RatioTimeslices, 9_157_142, 10_000_000, 91.5714, 168.571},
	}
	for _, tt := range tests {
		g, n := Events(tt.m, slo.Slice{Target: goal}, "", slots)
		left, ok := goal.Left(n-g, n)
		if g != tt.good || n != tt.total || !ok || !near(100*float64(g)/float64(n), tt.sli, 0.00005) || !near(100*(1-left), tt.burned, 0.001) {
			t.Errorf("%s: got %d of %d, burned %.4f %%; want %d of %d, %.3f %%", tt.m, g, n, 100*(1-left), tt.good, tt.total, tt.burned)
		}
	}
}

// OpenSLO's: two weeks of slices of a minute at 99 % good, attacked with 1 %. The
// budget is gone after 1,008 bad slices, or after 13 h 43 m by share.
func TestVectorOfAnAttack(t *testing.T) {
	goal := target(t, "95")
	all := Slices(14*24*time.Hour, time.Minute)
	if all != 20160 {
		t.Fatalf("got %d slices, want 20160", all)
	}
	month := func(attacked int64) []Slot {
		slots := make([]Slot, all)
		for i := range slots {
			slots[i] = Slot{99, 100, true}
			if int64(i) < attacked {
				slots[i] = Slot{1, 100, true}
			}
		}
		return slots
	}
	for _, tt := range []struct {
		m    slo.Method
		want int64 // the first number of attacked slices that breaks the target
	}{{slo.Timeslices, 1008}, {slo.RatioTimeslices, 823}} {
		broken := func(n int64) bool {
			g, total := Events(tt.m, slo.Slice{Target: goal}, "", month(n))
			return goal.Spent(total-g, total)
		}
		if !broken(tt.want) || broken(tt.want-1) {
			t.Errorf("%s: %d slices spend the budget: %t, one fewer: %t", tt.m, tt.want, broken(tt.want), broken(tt.want-1))
		}
	}
}

func TestAllowed(t *testing.T) {
	week := 7 * 24 * time.Hour
	for _, tt := range []struct {
		percent string
		period  time.Duration
		want    time.Duration
	}{
		{"99.95", week, 5*time.Minute + 2*time.Second + 400*time.Millisecond},
		{"99.9", 30 * 24 * time.Hour, 43*time.Minute + 12*time.Second},
		{"95", 14 * 24 * time.Hour, 16*time.Hour + 48*time.Minute},
		{"99", 23 * time.Hour, 13*time.Minute + 48*time.Second}, // a day in which the clock goes forward
		{"0", time.Hour, time.Hour},
	} {
		if got := Allowed(target(t, tt.percent), tt.period); got != tt.want {
			t.Errorf("%s %% of %s: got %s, want %s", tt.percent, tt.period, got, tt.want)
		}
	}
}

func TestSlicesWithoutData(t *testing.T) {
	slots := []Slot{{9, 10, true}, {}, {0, 0, true}, {0, 10, true}}
	goal := slo.Slice{Target: target(t, "90")}
	tests := []struct {
		m           slo.Method
		noData      slo.NoData
		good, total int64
	}{
		{slo.Occurrences, slo.NoDataBad, 9, 20},
		{slo.Timeslices, "", 3, 4},
		{slo.Timeslices, slo.NoDataGood, 3, 4},
		{slo.Timeslices, slo.NoDataBad, 2, 4},
		{slo.Timeslices, slo.NoDataIgnore, 2, 3},
		{slo.RatioTimeslices, "", 900_000, 2_000_000},
		{slo.RatioTimeslices, slo.NoDataGood, 1_900_000, 3_000_000},
		{slo.RatioTimeslices, slo.NoDataBad, 900_000, 3_000_000},
	}
	for _, tt := range tests {
		if g, n := Events(tt.m, goal, tt.noData, slots); g != tt.good || n != tt.total {
			t.Errorf("%s, %q: got %d of %d, want %d of %d", tt.m, tt.noData, g, n, tt.good, tt.total)
		}
	}
	if n := Silent(slots); n != 2 {
		t.Errorf("%d slices without a share, want 2", n)
	}
}

func TestCorrect(t *testing.T) {
	slots := []Slot{{5, 10, true}, {0, 10, true}, {}}
	second := func(i int) bool { return i == 1 }
	if g, n := Events(slo.Occurrences, slo.Slice{}, "", Correct(slo.Occurrences, slots, second)); g != 5 || n != 10 {
		t.Errorf("occurrences: got %d of %d, want the rest, 5 of 10", g, n)
	}
	s := slo.Slice{Target: target(t, "99")}
	if g, n := Events(slo.Timeslices, s, slo.NoDataBad, Correct(slo.Timeslices, slots, second)); g != 1 || n != 3 {
		t.Errorf("timeslices: got %d of %d, want 1 of 3", g, n)
	}
}

func TestFold(t *testing.T) {
	got := Fold([]Slot{{1, 2, true}, {}, {}, {}, {3, 3, true}}, 2)
	want := []Slot{{1, 2, true}, {}, {3, 3, true}}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// A part of the slots and the rest make the whole, and good is within total.
func TestEventsAddUp(t *testing.T) {
	goal := slo.Slice{Target: target(t, "99.9")}
	rapid.Check(t, func(r *rapid.T) {
		m := rapid.SampledFrom([]slo.Method{slo.Occurrences, slo.Timeslices, slo.RatioTimeslices}).Draw(r, "method")
		policy := rapid.SampledFrom([]slo.NoData{"", slo.NoDataBad, slo.NoDataGood, slo.NoDataIgnore}).Draw(r, "no data")
		slots := rapid.SliceOf(rapid.Custom(func(r *rapid.T) Slot {
			total := rapid.Int64Range(0, math.MaxInt64/1000).Draw(r, "total")
			return Slot{rapid.Int64Range(0, total).Draw(r, "good"), total, rapid.Bool().Draw(r, "known")}
		})).Draw(r, "slots")
		slots = slots[:min(len(slots), 900)]
		cut := rapid.IntRange(0, len(slots)).Draw(r, "cut")
		g, n := Events(m, goal, policy, slots)
		g1, n1 := Events(m, goal, policy, slots[:cut])
		g2, n2 := Events(m, goal, policy, slots[cut:])
		if g != g1+g2 || n != n1+n2 || g < 0 || g > n {
			r.Fatalf("%d of %d is not %d of %d and %d of %d", g, n, g1, n1, g2, n2)
		}
	})
}
