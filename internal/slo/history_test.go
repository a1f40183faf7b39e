package slo

import (
	"math"
	"testing"
	"time"
)

func TestBurnDownEndsWhereTheBudgetStands(t *testing.T) {
	o := Objective{Target: target(t, "99")}
	var counts []Count
	for i, bad := range []int64{0, 1, -1, 0, 4} {
		counts = append(counts, Count{At: noon.Add(time.Duration(i) * time.Hour), Good: 100 - bad, Total: 100, Known: bad >= 0})
	}
	// 400 events may have 4 bad ones; a step without data is a gap, one without
	// bad events is none.
	want := []float64{1, 0.75, math.NaN(), 0.75, -0.25}
	for i, l := range BurnDown(o, counts) {
		if l.Known == math.IsNaN(want[i]) || (l.Known && math.Abs(l.Ratio-want[i]) > 1e-9) {
			t.Errorf("step %d: got %+v, want %g", i, l, want[i])
		}
	}
	if got := BurnDown(o, []Count{{Known: true}}); got[0].Known {
		t.Errorf("without events: got %+v, want unknown", got[0])
	}
}
