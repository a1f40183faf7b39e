package burn_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budget"
	"github.com/hinoban/hinoban/internal/slo/budgeting"
	"github.com/hinoban/hinoban/internal/slo/composite"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
)

// parts are two services with errors and silences of their own, one sample a
// minute.
func parts(t *testing.T) (*world, func(minutes int, each func())) {
	w := newWorld(t, 1, 0)
	rnd := rand.New(rand.NewPCG(2, 3))
	v := map[string]float64{}
	return w, func(minutes int, each func()) {
		for range minutes {
			w.now = w.now.Add(time.Minute)
			for _, s := range []string{"a", "b"} {
				if rnd.IntN(8) == 0 {
					continue // silent for a minute
				}
				n := float64(rnd.IntN(4) * 50)
				v[s+"_total"] += n
				if rnd.IntN(3) == 0 {
					v[s+"_bad"] += float64(int(n * rnd.Float64()))
				}
				w.push(map[string]float64{s + "_total": v[s+"_total"], s + "_bad": v[s+"_bad"]})
			}
			each()
		}
	}
}

func part(t *testing.T, id string) slo.Objective {
	o := with(t, slo.SLI{Counter: true, Bad: id + "_bad", Total: id + "_total"})
	o.ID = id
	return o
}

// slots is what happened to a part in the slices of the last hours.
func (w *world) slots(m *meter.Meter, o slo.Objective, n int, each time.Duration) (out []budgeting.Slot) {
	w.t.Helper()
	end := w.now.Truncate(each)
	for k := n; k > 0; k-- {
		c, err := m.Between(o, end.Add(-time.Duration(k)*each), end.Add(-time.Duration(k-1)*each))
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, budgeting.Slot{Good: c.Good, Total: c.Total, Known: c.Known})
	}
	return out
}

// Streamed slices are those of the plain reading of OpenSLO's methods, and streamed
// composites those of their formulas, as they come and from the past.
func TestSlicesAndCompositesAreTheirFormulas(t *testing.T) {
	const n = 120
	each := 2 * time.Minute
	w, live := parts(t)
	list := []slo.Objective{part(t, "a"), part(t, "b")}
	for _, method := range []slo.Method{slo.Timeslices, slo.RatioTimeslices} {
		for _, noData := range []slo.NoData{slo.NoDataGood, slo.NoDataBad, slo.NoDataIgnore} {
			o := part(t, "a")
			o.ID, o.Method, o.NoData, o.Slice.Length = string(method)+string(noData), method, noData, each
			o.Slice.Target, _ = slo.ParseTarget("0.9", false)
			list = append(list, o)
		}
	}
	for _, method := range composite.Methods() {
		o := part(t, "a")
		o.ID, o.SLI, o.Method, o.Slice.Length = "made-"+method, slo.SLI{}, slo.RatioTimeslices, each
		o.Composite = &slo.Composite{Method: method, Parts: []slo.Component{{Objective: "a", Weight: 1, Delayed: "ignore"}, {Objective: "b", Weight: 2, Delayed: "bad"}}}
		list = append(list, o)
	}
	m := w.open(t.TempDir(), list...)
	live(2*n+20, func() { w.upkeep(m) })
	for _, x := range []struct {
		what string
		m    *meter.Meter
	}{{"as they come", m}, {"from the past", w.open(t.TempDir(), list...)}} {
		end := w.now.Truncate(each)
		from := end.Add(-n * each)
		as, bs := w.slots(x.m, list[0], n, each), w.slots(x.m, list[1], n, each)
		for _, o := range list[2:] {
			got, err := x.m.Between(o, from, end)
			if err != nil {
				t.Fatal(o.ID, err)
			}
			good, total := int64(0), int64(0)
			if o.Composite == nil {
				good, total = budgeting.Events(o.Method, o.Slice, o.NoData, as)
			} else {
				for i := range as {
					s := composite.Slice(o.Composite.Method, []composite.Part{
						{Slot: as[i], Target: list[0].Target, Weight: 1000, Delayed: slo.NoDataIgnore},
						{Slot: bs[i], Target: list[1].Target, Weight: 2000, Delayed: slo.NoDataBad},
					})
					good, total = good+s.Good, total+s.Total
				}
			}
			// A part of a slice is rounded down once here and once there.
			if d := got.Good - good; got.Total != total || d < -int64(n) || d > int64(n) || (o.Method == slo.Timeslices && d != 0) {
				t.Errorf("%s, %s: got %d of %d, want %d of %d", x.what, o.ID, got.Good, got.Total, good, total)
			}
		}
	}
}

// A composite of whole windows weighs what its parts counted over each of them.
func TestCompositeOfWindows(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := part(t, "c")
	o.SLI, o.Composite = slo.SLI{}, &slo.Composite{Method: composite.Weighted, Parts: []slo.Component{{Objective: "a", Weight: 3}, {Objective: "b", Weight: 1}}}
	m := w.open(t.TempDir(), part(t, "a"), part(t, "b"), o)
	w.push(map[string]float64{"a_total": 0, "a_bad": 0, "b_total": 0, "b_bad": 0})
	w.now = w.now.Add(time.Minute)
	w.push(map[string]float64{"a_total": 100, "a_bad": 10, "b_total": 10000, "b_bad": 0})
	w.upkeep(m)
	got, err := m.Between(o, w.now.Add(-time.Hour), w.now)
	if err != nil || !got.Known || float64(got.Good)/float64(got.Total) != 0.925 { // (3·0.9 + 1·1)/4
		t.Errorf("got %+v %v", got, err)
	}
}

// A calendar's budget begins anew with its period, in its zone; a correction takes
// out what happened, afterwards too.
func TestCalendarAndCorrections(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 1, 0)
	w.now = time.Date(2026, 2, 28, 23, 30, 0, 0, tokyo).UTC()
	o := part(t, "a")
	o.Calendar = &period.Calendar{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, tokyo), Every: 1, Unit: "M", Zone: "Asia/Tokyo"}
	o.Window = 30 * day
	m := w.open(t.TempDir(), o)
	v := 0.0
	for range 120 {
		w.now = w.now.Add(30 * time.Second)
		v += 10
		if err := w.store.Write(t.Context(), []metrics.Series{{Labels: map[string]string{metrics.NameLabel: "a_total"}, Points: []metrics.Point{{T: w.now, V: v}}}}); err != nil {
			t.Fatal(err)
		}
		w.upkeep(m)
	}
	counts, err := m.Windows(t.Context(), o, w.now)
	if err != nil || counts[o.Window].Total != 600 { // since midnight in Tokyo
		t.Errorf("March began with %+v, %v; want 600", counts[o.Window], err)
	}
}

// What a correction covers does not count, whenever it was made; of slices only the
// badness goes, for a budget of slices is a fixed number of them.
func TestCorrections(t *testing.T) {
	w := newWorld(t, 1, 0)
	o, sliced := part(t, "a"), part(t, "a")
	sliced.ID, sliced.Method, sliced.Slice.Length = "sliced", slo.Timeslices, time.Minute
	sliced.Slice.Target, _ = slo.ParseTarget("0.9", false)
	var off []meter.Interval
	keep, err := ringfile.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(meter.Options{
		Reader: w.store, Engine: w.store, Keeper: keep, Now: func() time.Time { return w.now },
		Corrected: func(slo.Objective, time.Time, time.Time) []meter.Interval { return off },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Replace([]slo.Objective{o, sliced}); err != nil {
		t.Fatal(err)
	}
	w.upkeep(m)
	start := w.now
	for k := range 60 {
		w.push(map[string]float64{"a_total": float64(k * 100), "a_bad": float64(max(0, min(k, 20)-10) * 50)}) // minutes 11 to 20
		w.now = w.now.Add(time.Minute)
		w.upkeep(m)
	}
	check := func(what string, bad, total, badSlices, slices int64) {
		t.Helper()
		for id, want := range map[string][2]int64{"a": {bad, total}, "sliced": {badSlices, slices}} {
			q := o
			if id == "sliced" {
				q = sliced
			}
			got, err := m.Between(q, w.now.Add(-2*time.Hour), w.now)
			var sums [1]budget.Sum
			serr := m.Sums(&q, []time.Duration{2 * time.Hour}, w.now, sums[:])
			if err != nil || serr != nil || got.Bad() != want[0] || got.Total != want[1] || sums[0].Bad != want[0] {
				t.Errorf("%s, %s: got %d of %d (%d), want %d of %d, %v %v", what, id, got.Bad(), got.Total, sums[0].Bad, want[0], want[1], err, serr)
			}
		}
	}
	check("as it happened", 500, 5900, 10, 61)                                                   // the slice of the first sample is one too
	off = []meter.Interval{{From: start.Add(11 * time.Minute), To: start.Add(14 * time.Minute)}} // widened to minutes 10 to 15
	check("corrected", 250, 5400, 5, 61)
	off = nil
	check("the correction taken back", 500, 5900, 10, 61)
}
