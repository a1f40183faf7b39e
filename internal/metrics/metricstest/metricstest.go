// Package metricstest is the conformance suite of metric engines: what every
// implementation of metrics.Engine has to do alike.
package metricstest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Append stores series in the engine under test and returns when queries see
// them.
type Append func(t *testing.T, series ...metrics.Series)

// Run runs the suite. open returns an empty engine and what fills it. The
// samples lie within ten minutes before now, which some engines insist on.
func Run(t *testing.T, now time.Time, open func(t *testing.T) (metrics.Engine, Append)) {
	engine, fill := open(t)
	end := now.UTC().Truncate(time.Minute)
	fill(t, fixture(end)...)
	x := suite{engine: engine, end: end}
	t.Run("instant answers labels and value", x.instant)
	t.Run("instant keeps NaN and infinities", x.odd)
	t.Run("a scalar is one series without labels", x.scalar)
	t.Run("nothing is no series and no error", x.nothing)
	t.Run("a range selector answers the points as stored", x.raw)
	t.Run("a range answers each step and leaves gaps", x.gaps)
	t.Run("rates are PromQL's", x.rate)
	t.Run("bad queries are Invalid", x.invalid)
	t.Run("a cancelled query is Unavailable", x.cancelled)
	t.Run("queries run side by side", x.parallel)
}

type suite struct {
	engine metrics.Engine
	end    time.Time
}

// line is a series of ten points, one a minute, that ends at end; fn gives the value
// n minutes before end, and false for a gap.
func line(end time.Time, labels map[string]string, fn func(before int) (float64, bool)) metrics.Series {
	s := metrics.Series{Labels: labels}
	for n := 9; n >= 0; n-- {
		if v, ok := fn(n); ok {
			s.Points = append(s.Points, metrics.Point{T: end.Add(-time.Duration(n) * time.Minute), V: v})
		}
	}
	return s
}

func always(v float64) func(int) (float64, bool) { return func(int) (float64, bool) { return v, true } }

func fixture(end time.Time) []metrics.Series {
	return []metrics.Series{
		line(end, map[string]string{"__name__": "temp", "room": "火の間 \"1\""}, always(21.5)),
		line(end, map[string]string{"__name__": "temp", "room": "b"}, always(-3)),
		line(end, map[string]string{"__name__": "hits_total", "code": "200"}, func(n int) (float64, bool) { return float64(600 - 60*n), true }),
		line(end, map[string]string{"__name__": "odd", "kind": "nan"}, always(math.NaN())),
		line(end, map[string]string{"__name__": "odd", "kind": "inf"}, always(math.Inf(1))),
		line(end, map[string]string{"__name__": "odd", "kind": "minus"}, always(math.Inf(-1))),
		line(end, map[string]string{"__name__": "odd", "kind": "tiny"}, always(4.9e-324)),
		// Six minutes of nothing: more than the five that PromQL looks back.
		line(end, map[string]string{"__name__": "gappy"}, func(n int) (float64, bool) { return float64(n), n >= 8 || n <= 1 }),
	}
}

// same fails the test unless got is want, whatever the order of the series.
func same(t *testing.T, query string, got, want []metrics.Series) {
	t.Helper()
	byKey := func(a, b metrics.Series) int {
		switch ka, kb := a.Key(), b.Key(); {
		case ka < kb:
			return -1
		case ka > kb:
			return 1
		}
		return 0
	}
	slices.SortFunc(got, byKey)
	slices.SortFunc(want, byKey)
	if d := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s: -want +got\n%s", query, d)
	}
}

func (x suite) at(t *testing.T, query string) []metrics.Series {
	t.Helper()
	got, err := x.engine.Instant(t.Context(), query, x.end)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

func (x suite) one(labels map[string]string, v float64) metrics.Series {
	return metrics.Series{Labels: labels, Points: []metrics.Point{{T: x.end, V: v}}}
}

func (x suite) instant(t *testing.T) {
	same(t, "temp", x.at(t, "temp"), []metrics.Series{
		x.one(map[string]string{"__name__": "temp", "room": "火の間 \"1\""}, 21.5),
		x.one(map[string]string{"__name__": "temp", "room": "b"}, -3),
	})
}

func (x suite) odd(t *testing.T) {
	same(t, "odd", x.at(t, "odd"), []metrics.Series{
		x.one(map[string]string{"__name__": "odd", "kind": "nan"}, math.NaN()),
		x.one(map[string]string{"__name__": "odd", "kind": "inf"}, math.Inf(1)),
		x.one(map[string]string{"__name__": "odd", "kind": "minus"}, math.Inf(-1)),
		x.one(map[string]string{"__name__": "odd", "kind": "tiny"}, 4.9e-324),
	})
}

func (x suite) scalar(t *testing.T) {
	same(t, "6 * 7", x.at(t, "6 * 7"), []metrics.Series{x.one(map[string]string{}, 42)})
}

func (x suite) nothing(t *testing.T) {
	same(t, "nobody", x.at(t, "nobody"), nil)
	got, err := x.engine.Range(t.Context(), "nobody", x.end.Add(-time.Minute), x.end, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "nobody", got, nil)
}

func (x suite) raw(t *testing.T) {
	const q = `temp{room="b"}[150s]`
	want := metrics.Series{Labels: map[string]string{"__name__": "temp", "room": "b"}}
	for n := 2; n >= 0; n-- {
		want.Points = append(want.Points, metrics.Point{T: x.end.Add(-time.Duration(n) * time.Minute), V: -3})
	}
	same(t, q, x.at(t, q), []metrics.Series{want})
}

func (x suite) gaps(t *testing.T) {
	got, err := x.engine.Range(t.Context(), "gappy", x.end.Add(-9*time.Minute), x.end, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("got %d series, want 1", len(got))
	}
	have := map[time.Time]float64{}
	for _, p := range got[0].Points {
		have[p.T] = p.V
	}
	for before, want := range map[time.Duration]float64{9 * time.Minute: 9, 8*time.Minute + 30*time.Second: 9, 8 * time.Minute: 8, 4 * time.Minute: 8, time.Minute: 1, 0: 0} {
		if v, ok := have[x.end.Add(-before)]; !ok || v != want {
			t.Errorf("%s before the end: got %v (%v), want %v", before, v, ok, want)
		}
	}
	if v, ok := have[x.end.Add(-150*time.Second)]; ok {
		t.Errorf("in the gap: got %v, want no point", v)
	}
}

func (x suite) rate(t *testing.T) {
	const q = `sum by (code) (rate(hits_total[5m]))`
	same(t, q, x.at(t, q), []metrics.Series{x.one(map[string]string{"code": "200"}, 1)})
}

func (x suite) invalid(t *testing.T) {
	for _, q := range []string{`sum(`, ``, `rate(temp)`, `temp + on(nothing) group_left temp`, `"text"`, `temp{room=~"("}`} {
		if got, err := x.engine.Instant(t.Context(), q, x.end); errs.KindOf(err) != errs.Invalid || err == nil {
			t.Errorf("%q: got %v, %v, want an Invalid error", q, got, err)
		}
	}
	for _, step := range []time.Duration{0, -time.Second} {
		if _, err := x.engine.Range(t.Context(), "temp", x.end, x.end, step); errs.KindOf(err) != errs.Invalid || err == nil {
			t.Errorf("step %s: got %v, want an Invalid error", step, err)
		}
	}
	if _, err := x.engine.Range(t.Context(), "temp", x.end, x.end.Add(-time.Hour), time.Minute); errs.KindOf(err) != errs.Invalid || err == nil {
		t.Errorf("a range that ends before it starts: got %v, want an Invalid error", err)
	}
}

func (x suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.engine.Instant(ctx, "temp", x.end); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("got %v (kind %d), want an Unavailable error", err, errs.KindOf(err))
	}
}

func (x suite) parallel(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			q := fmt.Sprintf("%d + scalar(temp{room=\"b\"})", i)
			got, err := x.engine.Instant(t.Context(), q, x.end)
			if err != nil || len(got) != 1 || len(got[0].Points) != 1 || got[0].Points[0].V != float64(i-3) {
				t.Errorf("%s: got %v, %v, want %d", q, got, err, i-3)
			}
		})
	}
	wg.Wait()
}
