package burn_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
)

// moody is a store whose reading fails now and then, and one that brings nothing.
type moody struct {
	*promstore.Store

	fails func(w metrics.Watch) bool
}

func (m *moody) Read(ctx context.Context, w metrics.Watch, from, to time.Time, fn func(metrics.Points) error) error {
	if m.fails != nil && m.fails(w) {
		return errors.New("the disk says no")
	}
	return m.Store.Read(ctx, w, from, to, fn)
}

// far is a store that does not bring its samples.
type far struct{ metrics.Reader }

// use opens a meter over any reader.
func (w *world) use(dir string, r metrics.Reader, groups int, list ...slo.Objective) *meter.Meter {
	w.t.Helper()
	keep, err := ringfile.Open(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := meter.New(meter.Options{Reader: r, Engine: w.store, Keeper: keep, Now: func() time.Time { return w.now }, MaxGroups: groups})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := m.Replace(list); err != nil {
		w.t.Fatal(err)
	}
	return m
}

// add writes a sample of hits_total of each pod at the clock.
func (w *world) add(pods map[string]float64) {
	w.t.Helper()
	var all []metrics.Series
	for pod, v := range pods {
		ls := map[string]string{metrics.NameLabel: "hits_total", "pod": pod}
		if pod == "" {
			delete(ls, "pod")
		}
		all = append(all, metrics.Series{Labels: ls, Points: []metrics.Point{{T: w.now, V: v}}})
	}
	if err := w.store.Write(w.t.Context(), all); err != nil {
		w.t.Fatal(err)
	}
}

// late writes a sample of a pod that is a few minutes old.
func (w *world) late(name, pod string, at time.Duration) {
	_ = w.store.Write(w.t.Context(), []metrics.Series{{
		Labels: map[string]string{metrics.NameLabel: name, "pod": pod}, Points: []metrics.Point{{T: w.now.Add(-at % (4 * time.Minute)).Add(time.Millisecond), V: float64(at)}},
	}})
}

// agree holds what one meter counted against what another one says.
func (w *world) agree(what string, m, other *meter.Meter, o slo.Objective, windows ...time.Duration) {
	w.t.Helper()
	for _, d := range windows {
		got, err := m.Between(o, w.now.Add(-d), w.now)
		want, oerr := other.Between(o, w.now.Add(-d), w.now)
		if err != nil || oerr != nil || got != want {
			w.t.Errorf("%s, %s: got %+v (%v), want %+v (%v)", what, d, got, err, want, oerr)
		}
	}
}

// A ring that is gone, or half of it, is found and counted again; never is what it
// held silently nothing.
func TestLostRingsAreCountedAgain(t *testing.T) {
	for name, harm := range map[string]func(string) error{
		"gone":      os.Remove,
		"empty":     func(f string) error { return os.Truncate(f, 0) },
		"half":      func(f string) error { s, _ := os.Stat(f); return os.Truncate(f, s.Size()/2) },
		"fine only": func(f string) error { return os.Truncate(f, 4000*1544) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 20)
			dir := t.TempDir()
			o := with(t, slo.SLI{Counter: true, Bad: `hits_total{job="none"}`, Total: "hits_total"}, func(o *slo.Objective) { o.Window = 7 * 24 * time.Hour })
			m := w.open(dir, o)
			step := 0
			w.live(4*time.Hour, func() {
				if step++; step%8 == 0 {
					w.upkeep(m)
				}
			})
			w.upkeep(m)
			files, _ := filepath.Glob(filepath.Join(dir, "*.ring"))
			for _, f := range files {
				if err := harm(f); err != nil {
					t.Fatal(err)
				}
			}
			again := w.open(dir, o)
			for range 3 { // the first look finds it
				_, _ = again.Between(o, w.now.Add(-3*time.Hour), w.now)
				_, _ = again.Between(o, w.now.Add(-4*24*time.Hour), w.now)
				_ = again.Upkeep(t.Context())
			}
			w.agree(name, again, m, o, time.Hour, 3*time.Hour, 4*24*time.Hour)
		})
	}
}

// Ids of groups are unique, whatever the values are, and stand in a URL.
func TestGroupsOfAnyValue(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := objective(t)
	o.ID = "o"
	m := w.use(t.TempDir(), w.store, 100, o)
	w.upkeep(m)
	values := []string{"", "a", "a,b", "a,c", "b", `a"b`, `"`, `""`, "é", "è", "a=b", "日本", "a/b", "a b", "..", "a.b", "x,pod=\"y\""}
	for k := range 3 {
		w.now = w.now.Add(time.Minute)
		pods := map[string]float64{}
		for i, v := range values {
			pods[v] = float64(k * (i + 1))
		}
		w.add(pods)
		w.upkeep(m)
	}
	list, _ := m.Instances()
	ids := map[string]string{}
	form := regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	for _, in := range list {
		if was, ok := ids[in.ID]; ok {
			t.Errorf("%s and %s are both %s", was, in.Group, in.ID)
		}
		ids[in.ID] = in.Group
		if !form.MatchString(in.ID) || strings.HasSuffix(in.ID, "/") {
			t.Errorf("id %q", in.ID)
		}
	}
	if len(list) != len(values) {
		t.Errorf("got %d instances, want %d", len(list), len(values))
	}
	w.same("any value", w.counts(m, time.Hour), w.asked(time.Hour))
}

// The group that an objective has given up may live on in another one; when it comes
// again it is counted again, in a column of its own.
func TestGroupsExpireAndComeAgain(t *testing.T) {
	short, long := objective(t), objective(t)
	short.ID, long.ID, long.Window = "short", "long", 9*24*time.Hour
	for name, list := range map[string][]slo.Objective{"short first": {short, long}, "long first": {long, short}} {
		t.Run(name, func(t *testing.T) { expireAndComeAgain(t, list) })
	}
}

func expireAndComeAgain(t *testing.T, list []slo.Objective) {
	w := newWorld(t, 1, 0)
	m := w.use(t.TempDir(), w.store, 100, list...)
	w.upkeep(m)
	v := 0.0
	hour := func(pods ...string) {
		w.now = w.now.Add(time.Hour)
		v += 100
		some := map[string]float64{}
		for _, p := range pods {
			some[p] = v
		}
		w.add(some)
		w.upkeep(m)
		w.upkeep(m)
	}
	for range 3 {
		hour("p", "q")
	}
	for range 80 {
		hour("q")
	}
	groups := func() (of []string) {
		list, _ := m.Instances()
		for _, in := range list {
			of = append(of, in.ID)
		}
		return of
	}
	if got := fmt.Sprint(groups()); got != "[long.p long.q short.q]" {
		t.Fatalf("after three days of silence: %s", got)
	}
	for range 3 {
		hour("q", "r")
	}
	for range 3 {
		hour("p", "q", "r")
	}
	if got := fmt.Sprint(groups()); got != "[long.p long.q long.r short.p short.q short.r]" {
		t.Fatalf("after it came again: %s", got)
	}
	fresh := w.use(t.TempDir(), far{w.store}, 100, list...)
	w.upkeep(fresh)
	all, _ := m.Instances()
	for _, in := range all {
		windows := []time.Duration{2 * time.Hour, 24 * time.Hour}
		if in.Window > 24*time.Hour {
			windows = append(windows, 5*24*time.Hour)
		}
		w.agree(in.ID, m, fresh, in, windows...)
	}
}

// A group that fell silent before a restart expires after it.
func TestGroupsExpireAfterARestart(t *testing.T) {
	for name, keeps := range map[string]bool{"kept": true, "from the past": false} {
		t.Run(name, func(t *testing.T) { expireAfterARestart(t, keeps) })
	}
}

func expireAfterARestart(t *testing.T, keeps bool) {
	w := newWorld(t, 1, 0)
	dir := t.TempDir()
	o := objective(t)
	m := w.use(dir, w.store, 100, o)
	w.upkeep(m)
	v := 0.0
	hours := func(m *meter.Meter, n int, pods ...string) {
		for range n {
			w.now = w.now.Add(time.Hour)
			v += 100
			some := map[string]float64{}
			for _, p := range pods {
				some[p] = v
			}
			w.add(some)
			w.upkeep(m)
		}
	}
	hours(m, 3, "p", "q")
	hours(m, 5, "q")
	if !keeps {
		dir = t.TempDir()
	}
	again := w.use(dir, w.store, 100, o)
	w.upkeep(again)
	hours(again, 1, "q")
	w.now = w.now.Add(75 * time.Hour)
	hours(again, 2, "q")
	w.upkeep(again)
	if list, _ := again.Instances(); len(list) != 1 || list[0].ID != "o.q" {
		t.Errorf("got %d groups, want the one that lives", len(list))
	}
}

// A sender that repeats itself is counted once, whatever a sample means.
func TestRepeatedSamplesCountOnce(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := with(t, slo.SLI{Threshold: "queue", Op: "lt", Value: 50})
	m := w.use(t.TempDir(), w.store, 3, o)
	w.upkeep(m)
	var sent []metrics.Point
	for range 6 {
		w.now = w.now.Add(time.Minute)
		sent = append(sent, metrics.Point{T: w.now, V: 10})
		if err := w.store.Write(t.Context(), []metrics.Series{{Labels: map[string]string{metrics.NameLabel: "queue"}, Points: sent}}); err != nil {
			t.Log(err)
		}
		w.upkeep(m)
	}
	got, err := m.Between(o, w.now.Add(-time.Hour), w.now)
	if err != nil || got.Total != 6 || got.Bad() != 0 {
		t.Errorf("got %+v %v, want 6 samples", got, err)
	}
}

// What could not be read for a while is right afterwards, and nothing says that it
// is still wrong.
func TestReadingFailsAndComesBack(t *testing.T) {
	w := newWorld(t, 7, 10)
	r := &moody{Store: w.store}
	o := with(t, slo.SLI{Counter: true, Bad: `hits_total{pod="p1"}`, Total: "hits_total"})
	m := w.use(t.TempDir(), r, 3, o)
	w.upkeep(m)
	calls := 0
	step := 0
	r.fails = func(metrics.Watch) bool { calls++; return calls%3 != 0 } // two in a row never succeed
	w.live(90*time.Minute, func() {
		if step++; step%4 == 0 { // what comes late has to be read again
			w.late("hits_total", "p1", time.Duration(step)*time.Second)
			_ = m.Upkeep(t.Context())
		}
		_ = m.Tick()
	})
	r.fails = nil
	w.now = w.now.Add(3 * time.Minute)
	for range 2 {
		if err := m.Upkeep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if calls == 0 {
		t.Error("nothing failed")
	}
	if p := m.Problem("o"); p != "" || m.Health(t.Context()) != nil {
		t.Errorf("it still says %q", p)
	}
	fresh := w.use(t.TempDir(), far{w.store}, 3, o)
	w.upkeep(fresh)
	w.agree("afterwards", m, fresh, o, 10*time.Minute, time.Hour, 2*time.Hour)
}

// An upkeep that did not come for long leaves no minute out.
func TestAskedAfterALongPause(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := with(t, slo.SLI{Threshold: "max(queue) + max(queue)", Op: "lt", Value: 100})
	m := w.use(t.TempDir(), w.store, 3, o)
	w.upkeep(m)
	for k := range 90 {
		w.now = w.now.Add(time.Minute)
		w.push(map[string]float64{"queue": 10})
		if k < 10 {
			w.upkeep(m)
		}
	}
	w.upkeep(m)
	fresh := w.use(t.TempDir(), far{w.store}, 3, o)
	w.upkeep(fresh)
	w.agree("after a pause", m, fresh, o, 20*time.Minute, time.Hour, 3*time.Hour)
}

// A store that does not bring its samples: what two objectives share reaches both,
// and a long pause leaves nothing out.
func TestFetchedSamplesReachAll(t *testing.T) {
	for _, k := range []int{21, 22} { // at a poll, and between two
		t.Run(fmt.Sprint(k), func(t *testing.T) { fetch(t, k) })
	}
}

func fetch(t *testing.T, late int) {
	w := newWorld(t, 1, 0)
	a := with(t, slo.SLI{Good: `sum_over_time(up_now[{{.window}}])`, Total: `count_over_time(up_now[{{.window}}])`})
	a.ID = "a"
	b := a
	b.ID = "b"
	m := w.use(t.TempDir(), far{w.store}, 3, a)
	w.upkeep(m)
	check := func(what string, want int64) {
		t.Helper()
		list, _ := m.Instances()
		for _, o := range list {
			if got, err := m.Between(o, w.now.Add(-4*time.Hour), w.now); err != nil || got.Total != want {
				t.Errorf("%s, %s: got %+v %v, want %d samples", what, o.ID, got, err, want)
			}
		}
	}
	for k := range 80 {
		w.now = w.now.Add(5 * time.Second)
		w.push(map[string]float64{"up_now": 1})
		if k == late {
			if err := m.Replace([]slo.Objective{a, b}); err != nil {
				t.Fatal(err)
			}
		}
		w.upkeep(m)
	}
	w.now = w.now.Add(10 * time.Second)
	w.upkeep(m)
	check("before the pause", 80)
	for range 150 {
		w.now = w.now.Add(time.Minute)
		w.push(map[string]float64{"up_now": 1})
	}
	w.upkeep(m)
	w.upkeep(m)
	check("after the pause", 230)
}

// An objective that cannot be loaded does not keep the others from being saved.
func TestOneThatCannotBeLoadedStopsNothing(t *testing.T) {
	w := newWorld(t, 1, 0)
	dir := t.TempDir()
	good := with(t, slo.SLI{Counter: true, Bad: "errors_total", Total: "hits_total"})
	bad := with(t, slo.SLI{Counter: true, Bad: "errors_total", Total: "broken_total"})
	bad.ID = "bad"
	r := &moody{Store: w.store, fails: func(x metrics.Watch) bool { return strings.Contains(x.Selector.String(), "broken") }}
	m := w.use(dir, r, 3, good, bad)
	for k := range 100 {
		w.now = w.now.Add(time.Minute)
		w.push(map[string]float64{"hits_total": float64(k * 10), "errors_total": 0})
		_ = m.Upkeep(t.Context())
		_ = m.Tick()
	}
	keep, err := ringfile.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := keep.Load()
	if err != nil || len(c.Instances) != 1 || w.now.UnixMilli()-c.Horizon > 75*60_000 {
		t.Fatalf("saved %d instances up to %s, %v", len(c.Instances), time.UnixMilli(c.Horizon), err)
	}
	if m.Problem("bad") == "" {
		t.Error("nothing says what is wrong")
	}
	r.fails = nil
	w.upkeep(m)
	again := w.use(dir, far{w.store}, 3, good, bad)
	w.upkeep(again)
	w.agree("good", again, m, good, time.Hour, 2*time.Hour)
	w.agree("bad", again, m, bad, time.Hour, 2*time.Hour)
}

// How long nothing was known is told of the past too.
func TestSilenceOfThePast(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := with(t, slo.SLI{Counter: true, Bad: "errors_total", Total: "hits_total"})
	m := w.use(t.TempDir(), w.store, 3, o)
	w.upkeep(m)
	start := w.now
	for k := range 480 {
		w.now = w.now.Add(time.Minute)
		if k < 100 || k >= 220 {
			w.push(map[string]float64{"hits_total": float64(k * 10), "errors_total": 0})
		}
		if k%10 == 0 {
			w.upkeep(m)
		}
	}
	w.upkeep(m)
	fresh := w.use(t.TempDir(), far{w.store}, 3, o)
	w.upkeep(fresh)
	for what, m := range map[string]*meter.Meter{"as they come": m, "from the past": fresh} {
		if got, err := m.Silent(o, start, w.now); err != nil || got != 2*time.Hour {
			t.Errorf("%s: silent for %s, %v; want 2h", what, got, err)
		}
	}
}

// Two corrections that are widened over the same five minutes take them out once.
func TestCorrectionsSideBySide(t *testing.T) {
	w := newWorld(t, 1, 0)
	o := part(t, "a")
	start := w.now
	keep, err := ringfile.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(meter.Options{
		Reader: w.store, Engine: w.store, Keeper: keep, Now: func() time.Time { return w.now },
		Corrected: func(slo.Objective, time.Time, time.Time) []meter.Interval {
			return []meter.Interval{
				{From: start.Add(11 * time.Minute), To: start.Add(12 * time.Minute)},
				{From: start.Add(13 * time.Minute), To: start.Add(14 * time.Minute)},
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Replace([]slo.Objective{o}); err != nil {
		t.Fatal(err)
	}
	w.upkeep(m)
	for k := range 31 {
		w.push(map[string]float64{"a_total": float64(k * 100), "a_bad": 0})
		w.now = w.now.Add(time.Minute)
		w.upkeep(m)
	}
	if got, err := m.Between(o, w.now.Add(-time.Hour), w.now); err != nil || got.Total != 2500 {
		t.Errorf("got %+v %v, want 2500", got, err)
	}
}

// The slices of an objective that was edited do not show through those of the new
// one, after a restart either.
func TestSlicesBeginWhereTheyBegin(t *testing.T) {
	w := newWorld(t, 1, 0)
	dir := t.TempDir()
	o := with(t, slo.SLI{Counter: true, Bad: "a_bad", Total: "a_total"}, func(o *slo.Objective) {
		o.Method, o.Slice.Length = slo.Timeslices, time.Hour
		o.Slice.Target, _ = slo.ParseTarget("0.9", false)
	})
	m := w.use(dir, w.store, 3, o)
	w.upkeep(m)
	live := func(n int, m *meter.Meter, which string) {
		for range n {
			w.now = w.now.Add(time.Minute)
			w.push(map[string]float64{"a_total": float64(w.now.Unix()), "a_bad": float64(w.now.Unix() / 2)})
			if which != "" {
				w.push(map[string]float64{which + "_total": float64(w.now.Unix()), which + "_bad": 0})
			}
			w.upkeep(m)
		}
	}
	live(410, m, "")
	live(280, m, "b")
	edited := o
	edited.SLI = slo.SLI{Counter: true, Bad: "b_bad", Total: "b_total"}
	if err := m.Replace([]slo.Objective{edited}); err != nil {
		t.Fatal(err)
	}
	w.upkeep(m)
	live(5, m, "b")
	again := w.use(dir, w.store, 3, edited)
	w.upkeep(again)
	for d := time.Hour; d < 12*time.Hour; d += 13 * time.Minute {
		w.agree("edited", again, m, edited, d)
	}
}

// After a stop that was longer than the rows in memory, or on disk, reach: series
// that went on, fell silent, came again and began anew.
func TestAfterALongStop(t *testing.T) {
	for _, stop := range []time.Duration{30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 4 * 24 * time.Hour, 8 * 24 * time.Hour} {
		t.Run(stop.String(), func(t *testing.T) {
			w := newWorld(t, 11, 30)
			dir := t.TempDir()
			o := with(t, slo.SLI{Counter: true, Bad: `hits_total{pod=~"p1.*"}`, Total: "hits_total"}, func(o *slo.Objective) { o.Window = 7 * 24 * time.Hour })
			cut := o
			cut.ID, cut.Method, cut.NoData, cut.Slice.Length = "cut", slo.Timeslices, slo.NoDataBad, 15*time.Minute
			cut.Slice.Target, _ = slo.ParseTarget("0.7", false)
			m := w.use(dir, w.store, 3, o, cut)
			step := 0
			w.live(100*time.Minute, func() {
				if step++; step%8 == 0 {
					w.upkeep(m)
				}
			})
			w.upkeep(m)
			if stop > 6*time.Hour {
				w.live(time.Hour, func() {})
				w.now = w.now.Add(stop - 2*time.Hour)
				for _, p := range w.pods {
					p.next = w.now.Add(p.every)
				}
				w.live(time.Hour, func() {})
			} else {
				w.live(stop, func() {})
			}
			again := w.use(dir, w.store, 3, o, cut)
			w.upkeep(again)
			w.upkeep(again)
			fresh := w.use(t.TempDir(), far{w.store}, 3, o, cut)
			w.upkeep(fresh)
			for _, o := range []slo.Objective{o, cut} {
				w.agree(o.ID, again, fresh, o, 5*time.Minute, time.Hour, 90*time.Minute, stop, stop+time.Hour, 3*24*time.Hour, 5*24*time.Hour, 7*24*time.Hour)
			}
		})
	}
}

// Where slices without data count, silence is told of all the same.
func TestSilenceBesideItsPolicy(t *testing.T) {
	for _, policy := range []slo.NoData{slo.NoDataGood, slo.NoDataBad, slo.NoDataIgnore} {
		w := newWorld(t, 1, 0)
		o := with(t, slo.SLI{Counter: true, Bad: "a_bad", Total: "a_total"}, func(o *slo.Objective) {
			o.Method, o.NoData, o.Slice.Length = slo.Timeslices, policy, time.Minute
			o.Slice.Target, _ = slo.ParseTarget("0.9", false)
			o.Absent = slo.Absent{After: 30 * time.Minute, Severity: "ticket"}
		})
		m := w.use(t.TempDir(), w.store, 3, o)
		w.upkeep(m)
		for k := range 80 {
			w.now = w.now.Add(time.Minute)
			if k < 40 {
				w.push(map[string]float64{"a_total": float64(k), "a_bad": 0})
			}
			w.upkeep(m)
			if k != 39 && k != 79 {
				continue
			}
			counts, err := m.Windows(t.Context(), o, w.now)
			if err != nil {
				t.Fatal(err)
			}
			s := slo.Judge(o, counts, w.now)
			if c := s.Conditions[0]; c.Holds != (k == 79) || !c.Known {
				t.Errorf("%s, minute %d: %+v", policy, k, c)
			}
		}
	}
}
