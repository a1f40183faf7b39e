package burn_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/burn"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
)

// full is a keeper whose disk is full now and then.
type full struct {
	meter.Keeper

	now bool
}

type fullRows struct {
	burn.Rows

	of *full
}

var errFull = errors.New("no space left on device")

func (f *full) Open(n int, t burn.Tier) (burn.Rows, error) {
	if f.now {
		return nil, errFull
	}
	r, err := f.Keeper.Open(n, t)
	return fullRows{r, f}, err
}

func (f *full) Save(c meter.Checkpoint) error {
	if f.now {
		return errFull
	}
	return f.Keeper.Save(c)
}

func (r fullRows) Write(t burn.Tier, edge int64, src []burn.Cell) error {
	if r.of.now {
		return errFull
	}
	return r.Rows.Write(t, edge, src)
}

func (r fullRows) WriteColumn(t burn.Tier, column int, from int64, src []burn.Cell) error {
	if r.of.now {
		return errFull
	}
	return r.Rows.WriteColumn(t, column, from, src)
}

func sorts(t *testing.T) []slo.Objective {
	o := with(t, slo.SLI{Counter: true, Bad: `hits_total{pod=~"p1.*"}`, Total: "hits_total"})
	cut := o
	cut.ID, cut.Method, cut.NoData, cut.Slice.Length = "cut", slo.Timeslices, slo.NoDataBad, 15*time.Minute
	cut.Slice.Target, _ = slo.ParseTarget("0.7", false)
	gauge := with(t, slo.SLI{Threshold: "hits_total", Op: "lt", Value: 3000})
	gauge.ID = "gauge"
	return []slo.Objective{o, cut, gauge}
}

// A disk that is full for hours is told of, and what happened meanwhile is right
// once there is room.
func TestDiskIsFullForAWhile(t *testing.T) {
	w := newWorld(t, 21, 20)
	keep, err := ringfile.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	disk := &full{Keeper: keep}
	m, err := meter.New(meter.Options{Reader: w.store, Engine: w.store, Keeper: disk, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	list := sorts(t)
	if err := m.Replace(list); err != nil {
		t.Fatal(err)
	}
	w.upkeep(m)
	step, told := 0, 0
	w.live(6*time.Hour, func() {
		if step++; step%8 != 0 {
			return
		}
		disk.now = step > 400 && step < 1100
		if errors.Join(m.Upkeep(t.Context()), m.Tick()) != nil {
			told++
		}
	})
	if told == 0 {
		t.Error("nobody was told")
	}
	w.upkeep(m)
	fresh := w.use(t.TempDir(), far{w.store}, 3, list...)
	w.upkeep(fresh)
	for _, o := range list {
		w.agree(o.ID, m, fresh, o, 5*time.Minute, time.Hour, 2*time.Hour, 3*time.Hour, 5*time.Hour, 12*time.Hour)
	}
}

// The clock is set back by an hour, and forward by three, while samples come as the
// clock has them; and nobody looks for two hours.
func TestTheClockIsSet(t *testing.T) {
	for name, set := range map[string]time.Duration{"back": -time.Hour, "forward": 3 * time.Hour, "not": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 22, 20)
			list := sorts(t)
			dir := t.TempDir()
			m := w.use(dir, w.store, 3, list...)
			w.upkeep(m)
			step := 0
			each := func() {
				if step++; step%8 == 0 {
					w.upkeep(m)
				}
			}
			w.live(2*time.Hour, each)
			if set > 0 {
				w.now = w.now.Add(set)
				each()
				w.upkeep(m)
				w.now = w.now.Add(-set) // the samples are as they were
			} else {
				w.now = w.now.Add(set)
				for range 20 {
					w.upkeep(m)
					w.now = w.now.Add(time.Minute)
				}
				w.now = w.now.Add(-set - 20*time.Minute)
			}
			w.live(2*time.Hour, func() {}) // nobody looks
			w.live(time.Hour, each)
			w.upkeep(m)
			fresh := w.use(t.TempDir(), far{w.store}, 3, list...)
			w.upkeep(fresh)
			for _, o := range list {
				w.agree(o.ID, m, fresh, o, 15*time.Minute, time.Hour, 2*time.Hour, 4*time.Hour, 12*time.Hour)
			}
		})
	}
}

// No value that a counter or a gauge can have makes counts overflow or wrong.
func TestValuesOfAllSizes(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := with(t, slo.SLI{Good: `sum(sum_over_time(good[{{.window}}]))`, Total: `sum(sum_over_time(all[{{.window}}]))`})
	c := with(t, slo.SLI{Counter: true, Bad: "bad_total", Total: "all_total"})
	c.ID = "c"
	m := w.use(t.TempDir(), w.store, 3, o, c)
	w.upkeep(m)
	for k := range 30 {
		w.now = w.now.Add(time.Minute)
		v := []float64{1e300, 1 << 62, 0}[k%3]
		w.push(map[string]float64{"all": 1e300, "good": 0, "all_total": v, "bad_total": v})
		w.upkeep(m)
	}
	for _, o := range []slo.Objective{o, c} {
		got, err := m.Between(o, w.now.Add(-time.Hour), w.now)
		if err != nil || got.Total <= 0 || got.Bad() < got.Total/2 {
			t.Errorf("%s: got %+v %v", o.ID, got, err)
		}
	}
}
