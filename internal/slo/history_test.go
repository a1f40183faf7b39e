package slo

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// tape is an Engine that answers bad and total events at every step.
type tape struct{ bad, total []float64 }

func (tape) Instant(context.Context, string, time.Time) ([]metrics.Series, error) { return nil, nil }

func (e tape) Range(_ context.Context, q string, from, _ time.Time, step time.Duration) ([]metrics.Series, error) {
	values := e.total
	if strings.Contains(q, "bad") {
		values = e.bad
	}
	var s metrics.Series
	for i, v := range values {
		if v >= 0 {
			s.Points = append(s.Points, metrics.Point{T: from.Add(time.Duration(i) * step), V: v})
		}
	}
	return []metrics.Series{s}, nil
}

func TestBurnDownEndsWhereTheBudgetStands(t *testing.T) {
	o := Objective{Target: target(t, "99"), SLI: SLI{Bad: "bad", Total: "total", Counter: true}}
	c := PromCounter{Engine: tape{bad: []float64{0, 1, -1, -1, 4}, total: []float64{100, 100, -1, 100, 100}}}
	counts, err := c.Counts(t.Context(), o, Ends{Window: time.Hour, From: noon, To: noon.Add(4 * time.Hour), Step: time.Hour})
	if err != nil || len(counts) != 5 {
		t.Fatalf("got %v, %v", counts, err)
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
