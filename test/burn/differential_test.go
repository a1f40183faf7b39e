// Package burn_test holds the streaming engine against PromQL over the same store.
package burn_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
)

// world is a store, a clock that the test turns, and counters that live.
type world struct {
	t     *testing.T
	now   time.Time
	store *promstore.Store
	rnd   *rand.Rand
	pods  []*pod
}

// pod is one counter: it is scraped at its own pace, starts late, restarts, falls
// silent, and its traffic swings forty-fold.
type pod struct {
	name   string
	every  time.Duration
	next   time.Time
	silent time.Time // until then
	v      float64
	level  float64
}

func newWorld(t *testing.T, seed uint64, n int) *world {
	w := &world{t: t, now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), rnd: rand.New(rand.NewPCG(seed, 1))}
	limits := promstore.DefaultLimits()
	store, err := promstore.Open(t.Context(), promstore.Options{Dir: t.TempDir(), Now: func() time.Time { return w.now }, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.store = store
	for i := range n {
		p := &pod{name: "p" + strconv.Itoa(i), every: time.Duration(15+w.rnd.IntN(4)*15) * time.Second, level: 1 + 39*w.rnd.Float64()}
		p.next = w.now.Add(time.Duration(w.rnd.IntN(60_000)) * time.Millisecond)
		if w.rnd.IntN(4) == 0 {
			p.next = p.next.Add(time.Duration(w.rnd.IntN(7200)) * time.Second)
		}
		w.pods = append(w.pods, p)
	}
	return w
}

// sample is what a scrape of p finds at a time, or a stale marker.
func (w *world) sample(p *pod, at time.Time) metrics.Point {
	switch w.rnd.IntN(200) {
	case 0:
		p.v = 0 // a restart
	case 1:
		p.silent = at.Add(time.Duration(w.rnd.IntN(1500)) * time.Second)
	case 2:
		p.level = 1 + 39*w.rnd.Float64()
	case 3:
		p.silent = at.Add(time.Duration(w.rnd.IntN(600)) * time.Second)
		return metrics.Point{T: at, V: math.Float64frombits(0x7ff0000000000002)}
	}
	p.v += float64(w.rnd.IntN(int(p.level * p.every.Seconds())))
	return metrics.Point{T: at, V: p.v}
}

// live lets time pass in steps, scraping what is due; each step is one commit.
func (w *world) live(d time.Duration, each func()) {
	const step = 15 * time.Second
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(step)
		var batch, late []metrics.Series
		for _, p := range w.pods {
			var one metrics.Series
			for !p.next.After(w.now) {
				at := p.next
				p.next = p.next.Add(p.every)
				x := w.sample(p, at)
				if !at.Before(p.silent) || math.IsNaN(x.V) {
					one.Points = append(one.Points, x)
				}
			}
			if len(one.Points) == 0 {
				continue
			}
			one.Labels = map[string]string{metrics.NameLabel: "hits_total", "pod": p.name}
			if len(one.Points) > 1 && w.rnd.IntN(50) == 0 { // one comes after a newer one
				late = append(late, metrics.Series{Labels: one.Labels, Points: one.Points[:1]})
				one.Points = one.Points[1:]
			}
			batch = append(batch, one)
		}
		for _, b := range [][]metrics.Series{batch, late} {
			if err := w.store.Write(w.t.Context(), b); err != nil {
				w.t.Fatal(err)
			}
		}
		each()
	}
}

func (w *world) meter(dir string) *meter.Meter {
	keep, err := ringfile.Open(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := meter.New(meter.Options{Reader: w.store, Engine: w.store, Keeper: keep, Now: func() time.Time { return w.now }, MaxGroups: 1 << 20})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := m.Replace([]slo.Objective{objective(w.t)}); err != nil {
		w.t.Fatal(err)
	}
	w.upkeep(m)
	return m
}

func (w *world) upkeep(m *meter.Meter) {
	w.t.Helper()
	if err := m.Upkeep(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := m.Tick(); err != nil {
		w.t.Fatal(err)
	}
}

func objective(t *testing.T) slo.Objective {
	target, err := slo.ParseTarget("99.9", true)
	if err != nil {
		t.Fatal(err)
	}
	return slo.Objective{
		ID: "o", Name: "o", Service: "s", Target: target, Window: 24 * time.Hour, Method: slo.Occurrences,
		SLI: slo.SLI{Counter: true, Bad: `sum by (pod) (hits_total{job="none"})`, Total: `sum by (pod) (hits_total)`},
	}
}

// counts asks a meter for every pod.
func (w *world) counts(m *meter.Meter, window time.Duration) map[string]int64 {
	out := map[string]int64{}
	list, _ := m.Instances()
	for _, o := range list {
		c, err := m.Between(o, w.now.Add(-window), w.now)
		if err != nil {
			w.t.Fatal(err)
		}
		if c.Total != 0 {
			out[o.Group] = c.Total
		}
	}
	return out
}

// asked asks PromQL the same.
func (w *world) asked(window time.Duration) map[string]int64 {
	series, err := w.store.Instant(w.t.Context(), fmt.Sprintf("sum by (pod) (increase(hits_total[%ds] anchored))", int(window.Seconds())), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]int64{}
	for _, s := range series {
		if v := s.Points[0].V; v != 0 {
			if v != math.Trunc(v) {
				w.t.Fatalf("PromQL says %v", v)
			}
			out[fmt.Sprintf("pod=%q", s.Labels["pod"])] = int64(v)
		}
	}
	return out
}

func (w *world) same(what string, got, want map[string]int64) {
	w.t.Helper()
	if maps.Equal(got, want) {
		return
	}
	wrong, events := 0, int64(0)
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if got[k] != want[k] {
			wrong++
			events += max(got[k]-want[k], want[k]-got[k])
			if wrong < 5 {
				w.t.Logf("%s: %s: %d, PromQL says %d", what, k, got[k], want[k])
			}
		}
	}
	for k, v := range got {
		if want[k] == 0 && v != 0 {
			wrong++
			w.t.Logf("%s: %s: %d, PromQL says none", what, k, v)
		}
	}
	w.t.Errorf("%s: %d of %d series differ, by %d events", what, wrong, len(want), events)
}

// series is how many random series one run of the test holds against PromQL.
func series() int {
	if n, err := strconv.Atoi(os.Getenv("HINOBAN_SERIES")); err == nil {
		return n
	}
	return 100_000
}

// The counts of the stream, of a backfill and of a restart are PromQL's
// increase(x[W] anchored) to the event, with resets, gaps, stale markers, late
// samples, new pods and traffic that swings forty-fold.
func TestCountsArePromQLs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	const each = 2500
	for seed, left := uint64(1), series(); left > 0; seed, left = seed+1, left-each {
		t.Run(fmt.Sprintf("world %d", seed), func(t *testing.T) {
			t.Parallel()
			differ(t, seed, min(each, left))
		})
	}
}

func differ(t *testing.T, seed uint64, n int) {
	w := newWorld(t, seed, n)
	dir := t.TempDir()
	m := w.meter(dir)
	step := 0
	w.live(2*time.Hour+40*time.Minute, func() {
		if step++; step%20 == 0 {
			w.upkeep(m)
		}
		if step%120 != 0 { // every half hour
			return
		}
		w.upkeep(m)
		for _, window := range []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 24 * time.Hour} {
			w.same(fmt.Sprintf("stream %d, %s at %s", seed, window, w.now.Format(time.TimeOnly)), w.counts(m, window), w.asked(window))
		}
	})
	w.upkeep(m)
	windows := []time.Duration{10 * time.Minute, time.Hour, 2 * time.Hour, 24 * time.Hour}
	for _, window := range windows {
		w.same("stream", w.counts(m, window), w.asked(window))
	}
	again := w.meter(dir) // as after kill -9: nothing was said to the first
	fresh := w.meter(t.TempDir())
	for _, window := range windows {
		w.same("restart", w.counts(again, window), w.counts(m, window))
		w.same("backfill", w.counts(fresh, window), w.counts(m, window))
	}
}
