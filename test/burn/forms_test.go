package burn_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
)

// push writes one sample of each series at the clock.
func (w *world) push(values map[string]float64) {
	w.t.Helper()
	var all []metrics.Series
	for name, v := range values {
		ls := map[string]string{metrics.NameLabel: name}
		if n, le, ok := cut(name); ok {
			ls = map[string]string{metrics.NameLabel: n, "le": le}
		}
		all = append(all, metrics.Series{Labels: ls, Points: []metrics.Point{{T: w.now, V: v}}})
	}
	if err := w.store.Write(w.t.Context(), all); err != nil {
		w.t.Fatal(err)
	}
}

func cut(name string) (base, le string, ok bool) {
	for i := range name {
		if name[i] == '|' {
			return name[:i], name[i+1:], true
		}
	}
	return name, "", false
}

func (w *world) open(dir string, list ...slo.Objective) *meter.Meter {
	w.t.Helper()
	keep, err := ringfile.Open(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := meter.New(meter.Options{Reader: w.store, Engine: w.store, Keeper: keep, Now: func() time.Time { return w.now }, MaxGroups: 3})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := m.Replace(list); err != nil {
		w.t.Fatal(err)
	}
	w.upkeep(m)
	return m
}

func with(t *testing.T, s slo.SLI, change ...func(*slo.Objective)) slo.Objective {
	o := objective(t)
	o.SLI = s
	for _, c := range change {
		c(&o)
	}
	return o
}

// Every form of an SLI counts what its samples mean: as they come, from the past,
// and after a restart.
func TestEveryFormOfAnSLI(t *testing.T) {
	slices := func(method slo.Method, target string, noData slo.NoData) func(*slo.Objective) {
		return func(o *slo.Objective) {
			o.Method, o.NoData, o.Slice.Length = method, noData, time.Minute
			o.Slice.Target, _ = slo.ParseTarget(target, false)
		}
	}
	const million = meter.Scale
	// Twenty minutes, a sample every 30 s; errors in minutes 10 to 14; nothing at all
	// in the last three minutes of silence that follow.
	for _, c := range []struct {
		name      string
		o         slo.Objective
		bad, all  int64
		fallsBack bool
	}{
		{name: "bad and total", o: with(t, slo.SLI{Counter: true, Bad: "errors_total", Total: "hits_total"}), bad: 100, all: 3900},
		{name: "good and total", o: with(t, slo.SLI{Counter: true, Good: "sum(hits_total) - sum(errors_total)", Total: "sum(hits_total)"}), bad: 100, all: 3900},
		{name: "window in the query", o: with(t, slo.SLI{Bad: `sum(rate(errors_total[{{.window}}])) or vector(0)`, Total: `sum(rate(hits_total[{{.window}}])) > 0`}), bad: 100, all: 3900},
		{name: "a ratio that can be taken apart", o: with(t, slo.SLI{Raw: `sum(rate(errors_total[{{.window}}])) / sum(rate(hits_total[{{.window}}]))`, RawFails: true}), bad: 100, all: 3900},
		{name: "classic histogram", o: with(t, slo.SLI{Counter: true, Good: `latency_bucket{le="0.3"}`, Total: `latency_bucket{le="+Inf"}`}), bad: 100, all: 3900},
		{name: "boolean gauge", o: with(t, slo.SLI{Good: `sum_over_time(up_now[{{.window}}])`, Total: `count_over_time(up_now[{{.window}}])`}), bad: 10, all: 40},
		{name: "threshold", o: with(t, slo.SLI{Threshold: "queue", Op: "lt", Value: 50}), bad: 10, all: 40},
		{name: "raw share of failures", o: with(t, slo.SLI{Raw: "failing", RawFails: true}), bad: 10 * million / 4, all: 40 * million},
		{name: "raw share of successes", o: with(t, slo.SLI{Raw: "passing"}), bad: 10 * million / 4, all: 40 * million},
		{name: "timeslices", o: with(t, slo.SLI{Counter: true, Bad: "errors_total", Total: "hits_total"}, slices(slo.Timeslices, "0.95", slo.NoDataGood)), bad: 5, all: 23},
		{name: "timeslices, silence is bad", o: with(t, slo.SLI{Counter: true, Bad: "errors_total", Total: "hits_total"}, slices(slo.Timeslices, "0.95", slo.NoDataBad)), bad: 8, all: 23},
		{name: "ratio timeslices", o: with(t, slo.SLI{Counter: true, Bad: "errors_total", Total: "hits_total"}, slices(slo.RatioTimeslices, "0", slo.NoDataIgnore)), bad: 5 * million / 10, all: 20 * million},
		{name: "what cannot be taken apart", o: with(t, slo.SLI{Threshold: "max(queue) + max(queue)", Op: "lt", Value: 100}), bad: 5, all: 23, fallsBack: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, 0)
			dir := t.TempDir()
			m := w.open(dir, c.o)
			about, _ := m.About("o")
			if (about.Asked != "") != c.fallsBack {
				t.Errorf("asked: %q", about.Asked)
			}
			hits, errors := 0.0, 0.0
			for k := range 40 {
				w.now = w.now.Add(30 * time.Second)
				hits += 100
				broken := k >= 20 && k < 30
				v := map[string]float64{"up_now": 1, "queue": 10, "failing": 0, "passing": 1}
				if broken {
					errors += 10
					v = map[string]float64{"up_now": 0, "queue": 70, "failing": 0.25, "passing": 0.75}
				}
				v["hits_total"], v["errors_total"] = hits, errors
				v["latency_bucket|0.3"], v["latency_bucket|+Inf"] = hits-errors, hits
				w.push(v)
				w.upkeep(m)
			}
			w.now = w.now.Add(3 * time.Minute)
			w.upkeep(m)
			check := func(what string, m *meter.Meter) {
				t.Helper()
				got, err := m.Between(c.o, w.now.Add(-time.Hour), w.now)
				if bad, all := got.Bad(), got.Total; err != nil || bad != c.bad || all != c.all || !got.Known {
					t.Errorf("%s: got %d bad of %d (known %t), %v; want %d of %d", what, bad, all, got.Known, err, c.bad, c.all)
				}
			}
			check("as they come", m)
			check("from the past", w.open(t.TempDir(), c.o))
			check("after a restart", w.open(dir, c.o))
		})
	}
}

// A grouped SLI is counted once for each group; those beyond the cap are not
// counted, and that is said.
func TestGroupsAreInstances(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := with(t, slo.SLI{Counter: true, Bad: "sum by (le) (x_total{code=\"500\"})", Total: "sum by (le) (x_total)"})
	m := w.open(t.TempDir(), o)
	for k := range 3 {
		w.now = w.now.Add(30 * time.Second)
		v := map[string]float64{}
		for g := range 5 {
			v[fmt.Sprintf("x_total|zone/%d", g)] = float64(k * g * 10)
		}
		w.push(v)
		w.upkeep(m)
	}
	list, _ := m.Instances()
	if len(list) != 3 {
		t.Fatalf("got %d instances, want the cap of 3", len(list))
	}
	about, _ := m.About(list[0].ID)
	if about.Capped != 2 {
		t.Errorf("capped: %d, want 2", about.Capped)
	}
	seen := map[string]bool{}
	for _, in := range list {
		if in.Parent != "o" || in.Group == "" || seen[in.ID] {
			t.Errorf("instance %+v", in)
		}
		seen[in.ID] = true
	}
}

// Rings that rot are found by their checksums, and everything is counted again from
// samples.
func TestDamagedRingsAreCountedAgain(t *testing.T) {
	w := newWorld(t, 3, 20)
	dir := t.TempDir()
	o := with(t, slo.SLI{Counter: true, Bad: `hits_total{job="none"}`, Total: "hits_total"})
	m := w.open(dir, o)
	step := 0
	w.live(4*time.Hour, func() {
		if step++; step%8 == 0 {
			w.upkeep(m)
		}
	})
	w.upkeep(m)
	want, err := m.Between(o, w.now.Add(-3*time.Hour), w.now)
	if err != nil || want.Total == 0 {
		t.Fatal(want, err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.ring"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b {
			b[i] ^= 0x5a
		}
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := w.open(dir, o)
	_, _ = again.Between(o, w.now.Add(-3*time.Hour), w.now) // finds it
	for range 3 {
		_ = again.Upkeep(t.Context())
	}
	got, err := again.Between(o, w.now.Add(-3*time.Hour), w.now)
	if err != nil || got.Total != want.Total || got.Good != want.Good {
		t.Errorf("got %+v %v, want %+v", got, err, want)
	}
}

// While nothing is known nothing is said: an objective without a series is not
// known, and its burn is no number that could be NaN.
func TestNothingKnownIsNotZero(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := with(t, slo.SLI{Counter: true, Bad: "a_total", Total: "b_total"})
	m := w.open(t.TempDir(), o)
	counts, err := m.Windows(t.Context(), o, w.now)
	if err != nil {
		t.Fatal(err)
	}
	s := slo.Judge(o, counts, w.now)
	if s.Known || s.Health != slo.Unknown || math.IsNaN(s.Remaining) {
		t.Errorf("got %+v", s)
	}
	w.now = w.now.Add(time.Minute)
	w.push(map[string]float64{"b_total": 5})
	w.now = w.now.Add(time.Minute)
	w.push(map[string]float64{"b_total": 5})
	w.upkeep(m)
	counts, _ = m.Windows(t.Context(), o, w.now)
	if s = slo.Judge(o, counts, w.now); s.Health != slo.Healthy || s.Known {
		t.Errorf("idle counters: got %s, known %t; want healthy, with no budget to tell of", s.Health, s.Known)
	}
}

// The past for back-tests is that of the windows.
func TestPastIsWhatWasCounted(t *testing.T) {
	w := newWorld(t, 5, 30)
	o := with(t, slo.SLI{Counter: true, Bad: `hits_total{pod="p1"}`, Total: "hits_total"})
	m := w.open(t.TempDir(), o)
	step := 0
	w.live(2*time.Hour, func() {
		if step++; step%8 == 0 {
			w.upkeep(m)
		}
	})
	w.upkeep(m)
	p, err := m.Past(t.Context(), o, w.now.Add(-90*time.Minute), w.now, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, window := range []time.Duration{time.Minute, 20 * time.Minute, 90 * time.Minute} {
		c, err := m.Between(o, w.now.Add(-window), w.now)
		last := len(p.Total) - 1
		first := last - int(window/(10*time.Second))
		if bad, total := p.Bad[last]-p.Bad[first], p.Total[last]-p.Total[first]; err != nil || total != c.Total || bad != c.Bad() {
			t.Errorf("%s: past %d of %d, window %d of %d, %v", window, bad, total, c.Bad(), c.Total, err)
		}
	}
	if _, err := m.Past(t.Context(), o, w.now, w.now, time.Second); err == nil {
		t.Error("a past of no length is counted")
	}
}

// A series that is born while the SLI has data counts from zero where its objective
// says so, and from its first sample where it does not.
func TestFirstSampleOfANewSeries(t *testing.T) {
	w := newWorld(t, 1, 0)
	anchored := with(t, slo.SLI{Counter: true, Bad: `x_total{le="500"}`, Total: `x_total`})
	origin := anchored
	origin.ID, origin.SLI.First = "origin", slo.ZeroOrigin
	dir := t.TempDir()
	m := w.open(dir, anchored, origin)
	for k := range 40 {
		w.now = w.now.Add(30 * time.Second)
		v := map[string]float64{"x_total|200": 1000 + float64(k*10)}
		if k >= 20 {
			v["x_total|500"] = 7 + float64(k-20) // born with seven errors
		}
		w.push(v)
		w.upkeep(m)
	}
	for _, x := range []struct {
		what string
		m    *meter.Meter
	}{{"as they come", m}, {"from the past", w.open(t.TempDir(), anchored, origin)}, {"after a restart", w.open(dir, anchored, origin)}} {
		for o, want := range map[*slo.Objective][2]int64{&anchored: {19, 390 + 19}, &origin: {26, 390 + 26}} {
			got, err := x.m.Between(*o, w.now.Add(-time.Hour), w.now)
			if err != nil || got.Bad() != want[0] || got.Total != want[1] {
				t.Errorf("%s, %s: got %d of %d, want %d of %d, %v", x.what, o.ID, got.Bad(), got.Total, want[0], want[1], err)
			}
		}
	}
}

// A group that has been silent for a whole period goes, and makes room.
func TestSilentGroupsExpire(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := with(t, slo.SLI{Counter: true, Bad: `sum by (le) (x_total{code="500"})`, Total: "sum by (le) (x_total)"})
	dir := t.TempDir()
	m := w.open(dir, o)
	for k := range 3 {
		w.now = w.now.Add(30 * time.Second)
		w.push(map[string]float64{"x_total|old": float64(k), "x_total|new": float64(k)})
		w.upkeep(m)
	}
	for range 5 { // days
		w.now = w.now.Add(24 * time.Hour)
		w.push(map[string]float64{"x_total|new": 10})
		w.upkeep(m)
	}
	list, _ := m.Instances()
	if len(list) != 1 || list[0].Group != `le="new"` {
		t.Errorf("instances: %+v", list)
	}
	again := w.open(dir, o)
	if list, _ := again.Instances(); len(list) != 1 {
		t.Errorf("after a restart: %d instances", len(list))
	}
}

// Two terms of an SLI may have the same selector: each has a past of its own.
func TestThePastOfWhatSharesASelector(t *testing.T) {
	w := newWorld(t, 1, 0)
	var list []slo.Objective
	for id, s := range map[string]slo.SLI{
		"difference": {Counter: true, Good: "sum(hits_total) - sum(errors_total)", Total: "sum(hits_total)"},
		"gauge":      {Good: `sum_over_time(up_now[{{.window}}])`, Total: `count_over_time(up_now[{{.window}}])`},
		"threshold":  {Threshold: "up_now", Op: "gte", Value: 1},
		"raw":        {Raw: "up_now"},
	} {
		o := with(t, s)
		o.ID = id
		list = append(list, o)
	}
	m := w.open(t.TempDir(), list...)
	for k := range 300 {
		w.now = w.now.Add(time.Minute)
		w.push(map[string]float64{"hits_total": float64(k * 10), "errors_total": float64(k), "up_now": float64(k % 2)})
		w.upkeep(m)
	}
	fresh := w.open(t.TempDir(), list...)
	for _, o := range list {
		for _, window := range []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour, 12 * time.Hour} {
			got, err := fresh.Between(o, w.now.Add(-window), w.now)
			want, werr := m.Between(o, w.now.Add(-window), w.now)
			if err != nil || werr != nil || got != want {
				t.Errorf("%s, %s: from the past %+v %v, as they came %+v %v", o.ID, window, got, err, want, werr)
			}
		}
	}
}
