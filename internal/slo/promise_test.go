package slo

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/alert"
)

const day = 24 * time.Hour

func target(t interface{ Fatal(...any) }, percent string) Target {
	out, err := ParseTarget(percent, true)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func promised(t *testing.T, percent string, window time.Duration) Objective {
	o := Objective{ID: "o", Target: target(t, percent), Window: window}
	o.Pairs = DefaultPairs(o.Window, o.Target)
	return o
}

// The published table for 99.9 % over 30 days: seconds until it fires and until
// it resets, at 100, 10, 5, 2 and 1 % of errors.
func TestPromiseTableOfTheWorkbook(t *testing.T) {
	o := promised(t, "99.9", 30*day)
	shares := []float64{1, 0.1, 0.05, 0.02, 0.01, 0.002}
	never := [2]int{-1, -1}
	want := map[string][][2]int{
		"14.4× over 1h and 5m": {{52, 296}, {518, 257}, {1037, 214}, {2592, 84}, never, never},
		"6× over 6h and 30m":   {{130, 1789}, {1296, 1692}, {2592, 1584}, {6480, 1260}, {12960, 720}, never},
		"3× over 1d and 2h":    {{259, 7178}, {2592, 6984}, {5184, 6768}, {12960, 6120}, {25920, 5040}, never},
		"1× over 3d and 6h":    {{259, 21578}, {2592, 21384}, {5184, 21168}, {12960, 20520}, {25920, 19440}, {129600, 10800}},
	}
	spent := map[string]float64{"14.4× over 1h and 5m": 0.02, "6× over 6h and 30m": 0.05, "3× over 1d and 2h": 0.1, "1× over 3d and 6h": 0.1}
	rows := Promises(o, shares...)
	if len(rows) != len(want) {
		t.Fatalf("got %d pairs, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		name := row[0].Pair.Name()
		for i, p := range row {
			got := [2]int{int(math.Round(p.After.Seconds())), int(math.Round(p.Reset.Seconds()))}
			if !p.Fires {
				got = never
			}
			if got != want[name][i] {
				t.Errorf("%s at %g: got %v, want %v", name, p.Bad, got, want[name][i])
			}
			if p.Fires && math.Abs(p.Spent-spent[name]) > 1e-9 {
				t.Errorf("%s at %g: spent %g, want %g", name, p.Bad, p.Spent, spent[name])
			}
		}
	}
}

func TestPromiseOfOtherTargets(t *testing.T) {
	// 99 % over 30 days at 100 % errors: 518, 1296, 2592, 2592 s.
	for i, row := range Promises(promised(t, "99", 30*day), 1) {
		want := []int{518, 1296, 2592, 2592}[i]
		if got := int(math.Round(row[0].After.Seconds())); got != want {
			t.Errorf("pair %d: got %d s, want %d s", i, got, want)
		}
	}
	// One window of 1 h at 36×: the workbook's 58 minutes until it resets.
	o := promised(t, "99.9", 30*day)
	got := Promised(o, Pair{Severity: alert.Page, Rate: 36, Long: time.Hour}, 1)
	if got.Reset.Round(time.Minute) != 58*time.Minute {
		t.Errorf("one window: reset after %s, want 58m", got.Reset)
	}
}

func TestFirstCallPrefersThePage(t *testing.T) {
	o := promised(t, "99.9", 30*day)
	tests := []struct {
		bad  float64
		want string
	}{{1, "14.4× over 1h and 5m"}, {0.01, "6× over 6h and 30m"}, {0.004, "3× over 1d and 2h"}, {0.002, "1× over 3d and 6h"}, {0.0005, ""}, {0, ""}, {-1, ""}}
	for _, tt := range tests {
		got, ok := FirstCall(o, tt.bad)
		name := ""
		if ok {
			name = got.Pair.Name()
		}
		if name != tt.want {
			t.Errorf("at %g: got %q, want %q", tt.bad, name, tt.want)
		}
	}
}

// More errors never page later, and never within less than no time.
func TestPromiseIsMonotonic(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := Objective{Target: target(r, rapid.SampledFrom([]string{"90", "99", "99.5", "99.9", "99.95", "99.99"}).Draw(r, "target")), Window: 30 * day}
		p := Pair{Rate: rapid.Float64Range(1, 1000).Draw(r, "rate"), Long: time.Duration(rapid.Int64Range(int64(time.Minute), int64(30*day)).Draw(r, "long"))}
		p.Short = time.Duration(rapid.Int64Range(0, int64(p.Long)).Draw(r, "short"))
		a := rapid.Float64Range(0.000001, 1).Draw(r, "less")
		b := rapid.Float64Range(a, 1).Draw(r, "more")
		less, more := Promised(o, p, a), Promised(o, p, b)
		if less.Fires && (!more.Fires || more.After > less.After || more.Reset < less.Reset) {
			r.Fatalf("%g: %+v, %g: %+v", a, less, b, more)
		}
		if less.Fires && (less.After < 0 || less.After > p.Long || less.Reset < 0 || less.Reset > p.Long) {
			r.Fatalf("out of its windows: %+v", less)
		}
	})
}
