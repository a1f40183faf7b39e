package burn_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/burn"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
)

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// spent is the processor time of fn, run until it is worth measuring.
func spent(fn func()) time.Duration {
	n := 0
	began := cpu()
	for cpu()-began < 200*time.Millisecond || n == 0 {
		fn()
		n++
	}
	return (cpu() - began) / time.Duration(n)
}

func rss() int {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "VmRSS:") {
			kb := 0
			_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &kb)
			return kb / 1024
		}
	}
	return 0
}

func figure(t *testing.T, what, format string, args ...any) {
	t.Logf("FIGURE %-58s %s", what, fmt.Sprintf(format, args...))
}

func figures(t *testing.T) {
	if os.Getenv("HINOBAN_FIGURES") == "" {
		t.Skip("set HINOBAN_FIGURES=1 or run make bench-slo")
	}
}

const day = 24 * time.Hour

// month is 30 days of one service: 200 counters every 30 seconds, one in twenty of
// them of errors.
func month(from time.Time) promstore.History {
	return func(a, b time.Time) iter.Seq[metrics.Series] {
		return func(yield func(metrics.Series) bool) {
			for i := range 200 {
				code := "200"
				if i%20 == 0 {
					code = "500"
				}
				s := metrics.Series{Labels: map[string]string{metrics.NameLabel: "http_requests_total", "pod": fmt.Sprintf("p%03d", i), "code": code}}
				for at := a.Truncate(30 * time.Second); at.Before(b); at = at.Add(30 * time.Second) {
					k := float64(at.Sub(from) / (30 * time.Second))
					s.Points = append(s.Points, metrics.Point{T: at, V: k * float64(10+i)})
				}
				if !yield(s) {
					return
				}
			}
		}
	}
}

func requests(id string) slo.Objective {
	target, _ := slo.ParseTarget("99.9", true)
	return slo.Objective{
		ID: id, Name: id, Service: "s", Target: target, Window: 30 * day, Method: slo.Occurrences, Pairs: slo.DefaultPairs(30*day, target),
		SLI: slo.SLI{Counter: true, Bad: `sum(http_requests_total{code=~"5.."})`, Total: `sum(http_requests_total)`},
	}
}

// What one SLO of 200 series costs: here for a tick and for the tap, and on the
// same store and in the same run for PromQL that evaluates the rules which Sloth
// writes; and how long a new SLO takes to have its month.
func TestFiguresOfOneSLO(t *testing.T) {
	figures(t)
	now := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	n, err := promstore.Backfill(t.Context(), dir, now.Add(-30*day), now, month(now.Add(-30*day)))
	if err != nil {
		t.Fatal(err)
	}
	clock := now
	limits := promstore.DefaultLimits()
	limits.MaxBehind = 100 * day
	store, err := promstore.Open(t.Context(), promstore.Options{Dir: dir, Now: func() time.Time { return clock }, Limits: limits, MaxSamples: 50_000_000, QueryTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	keep, err := ringfile.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(meter.Options{Reader: store, Engine: store, Keeper: keep, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	o := requests("one")
	if err := m.Replace([]slo.Objective{o}); err != nil {
		t.Fatal(err)
	}
	began, used := time.Now(), cpu()
	if err := m.Upkeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	figure(t, "a new SLO with its full history", "%.2f s (%.2f s CPU) for %.1f M samples", time.Since(began).Seconds(), (cpu() - used).Seconds(), float64(n)/1e6)

	exact, _ := m.Between(o, now.Add(-29*day), now)
	got, err := store.Instant(t.Context(), `sum(increase(http_requests_total[29d] anchored))`, now)
	if err != nil || len(got) != 1 || int64(got[0].Points[0].V) != exact.Total {
		t.Errorf("29 days: %d events here, %v by PromQL, %v", exact.Total, got, err)
	}

	shelf := &nowhere{burns: map[string]slo.Burn{}, at: map[string]time.Time{}}
	ev := slo.New(slo.Config{Every: time.Hour}, m, shelf, shelf, func() time.Time { return clock })
	rec := &recorder{to: m}
	store.Tap(rec)
	scrape(t, store, &clock, 1)
	if err := ev.Evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
	one := rec.last[:1]
	none := spent(func() {
		for range 1000 {
			_ = ev.Evaluate(t.Context())
		}
	}) / 1000
	tick := spent(func() {
		for range 1000 {
			one[0].T++
			m.Committed(one)
			_ = ev.Evaluate(t.Context())
		}
	})/1000 - none
	figure(t, "an SLO's tick: its windows and all its conditions", "%.2f µs CPU (%d windows, a round without events %.2f µs)", float64(tick.Nanoseconds())/1e3, len(o.Windows()), float64(none.Nanoseconds())/1e3)

	scrape(t, store, &clock, 2)
	tap := tapped(m, rec.last, &clock)
	figure(t, "an SLO's tick with the tap of its 200 series", "%.1f µs CPU (%.0f ns a sample)", float64((tick+tap).Nanoseconds())/1e3, float64(tap.Nanoseconds())/200)

	rules := slothRules()
	sloth := spent(func() {
		for _, q := range rules {
			if _, err := store.Instant(t.Context(), q, now); err != nil {
				t.Fatal(err)
			}
		}
	})
	figure(t, "the seven short windows of Sloth's rules by PromQL", "%.1f ms CPU", float64(sloth.Microseconds())/1e3)
	thirty := spent(func() {
		if _, err := store.Instant(t.Context(), `sum(rate(http_requests_total{code=~"5.."}[30d])) / sum(rate(http_requests_total[30d]))`, now); err != nil {
			t.Fatal(err)
		}
	})
	figure(t, "an exact 30 days by PromQL", "%.0f ms CPU", float64(thirty.Milliseconds()))
	figure(t, "PromQL's CPU for Sloth's rules over ours, without and with tap", "%.0f× and %.0f× (with an exact 30 d %.0f×)",
		float64(sloth)/float64(tick), float64(sloth)/float64(tick+tap), float64(sloth+thirty)/float64(tick+tap))

	began = time.Now()
	stricter := o
	stricter.Target, _ = slo.ParseTarget("99.99", true)
	if err := m.Replace([]slo.Objective{stricter}); err != nil {
		t.Fatal(err)
	}
	counts, err := m.Windows(t.Context(), stricter, clock)
	if s := slo.Judge(stricter, counts, clock); err != nil || !s.Known {
		t.Errorf("after a changed target: %+v %v", s, err)
	}
	figure(t, "a changed target until its budget is known", "%.2f ms", float64(time.Since(began).Microseconds())/1e3)
}

func slothRules() (out []string) {
	for _, w := range []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"} {
		out = append(out, fmt.Sprintf(`(sum(rate(http_requests_total{code=~"5.."}[%s]))) / (sum(rate(http_requests_total[%s])))`, w, w))
	}
	return out
}

// scrape writes one scrape of all 200 series.
func scrape(t *testing.T, store *promstore.Store, clock *time.Time, k int) {
	t.Helper()
	*clock = clock.Add(30 * time.Second)
	var batch []metrics.Series
	for s := range month(clock.Add(-30*day))(*clock, clock.Add(time.Second)) {
		s.Points[0].T = *clock
		s.Points[0].V += float64(k) * 1e6
		batch = append(batch, s)
	}
	if err := store.Write(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// tapped is what telling of one scrape of 200 series costs, with the ticks of its
// 30 seconds.
func tapped(m *meter.Meter, last []metrics.Sample, clock *time.Time) time.Duration {
	return spent(func() {
		for range 100 {
			for i := range last {
				last[i].T += 30_000
				last[i].V += 3
			}
			*clock = time.UnixMilli(last[0].T)
			_ = m.Tick()
			m.Committed(last)
		}
	}) / 100
}

// recorder keeps the last that was told.
type recorder struct {
	to   metrics.Tap
	last []metrics.Sample
}

func (r *recorder) Line(line int32, watch int, labels map[string]string) {
	r.to.Line(line, watch, labels)
}

func (r *recorder) Committed(s []metrics.Sample) {
	r.last = append(r.last[:0], s...)
	r.to.Committed(s)
}

// nowhere is a slo.Store that keeps what burns in memory.
type nowhere struct {
	mu    sync.Mutex
	burns map[string]slo.Burn
	at    map[string]time.Time
}

func (n *nowhere) Burns(context.Context) (map[string]slo.Burn, error) {
	return map[string]slo.Burn{}, nil
}

func (n *nowhere) Change(_ context.Context, id string, fn func(slo.Burn) (slo.Burn, []event.Fact)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.burns[id], _ = fn(n.burns[id])
	n.at[id] = time.Now()
	return nil
}

func (n *nowhere) Take(context.Context, alert.Signal) (alert.Alert, error) { return alert.Alert{}, nil }

// Ten thousand objectives with 30 days each, scraped every 30 seconds: what their
// ticks cost, what they hold in memory, and how soon a burn is told.
func TestFiguresOfTenThousand(t *testing.T) {
	figures(t)
	const many = 10_000
	clock := time.Now().UTC().Truncate(10 * time.Second)
	now := func() time.Time { return clock }
	store, err := promstore.Open(t.Context(), promstore.Options{Dir: t.TempDir(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var list []slo.Objective
	for i := range many {
		o := requests(fmt.Sprintf("o%05d", i))
		o.SLI = slo.SLI{Counter: true, Bad: fmt.Sprintf(`sum(hits_total{svc="s%05d",code="500"})`, i), Total: fmt.Sprintf(`sum(hits_total{svc="s%05d"})`, i)}
		list = append(list, o)
	}
	dir := t.TempDir()
	agedRings(t, dir, list, store, now)
	keep, err := ringfile.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(meter.Options{Reader: store, Engine: store, Keeper: keep, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Replace(list); err != nil {
		t.Fatal(err)
	}
	began := cpu()
	if err := m.Upkeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	figure(t, "10,000 SLOs taken up again after a restart", "%.1f s CPU", (cpu() - began).Seconds())
	shelf := &nowhere{burns: map[string]slo.Burn{}, at: map[string]time.Time{}}
	ev := slo.New(slo.Default(), m, shelf, shelf, now)

	v := 0.0
	var ingest, upkeep, ticks time.Duration
	measure := func(to *time.Duration, fn func() error) {
		used := cpu()
		if err := fn(); err != nil {
			t.Fatal(err)
		}
		*to += cpu() - used
	}
	const minutes = 10
	third := 0
	for range minutes * 6 {
		clock = clock.Add(10 * time.Second)
		third++
		measure(&ingest, func() error { return store.Write(t.Context(), hits(many, third%3, clock, &v)) })
		measure(&upkeep, func() error { return m.Upkeep(t.Context()) })
		measure(&ticks, func() error { return ev.Evaluate(t.Context()) })
	}
	span := float64(minutes * time.Minute)
	figure(t, "10,000 SLOs, a look every 10 s and after every sample", "%.1f %% of one core", 100*float64(ticks)/span)
	figure(t, "… their checkpoints, once a minute", "%.1f %% of one core", 100*float64(upkeep)/span)
	figure(t, "… the store's own work to take their 667 samples/s, tap included", "%.1f %% of one core", 100*float64(ingest)/span)
	runtime.GC()
	debug.FreeOSMemory()
	figure(t, "… resident memory of all, the store included", "%d MB", rss())

	told := make([]time.Duration, 0, 100)
	for i := range 100 {
		clock = clock.Add(10 * time.Second)
		began := time.Now()
		bad := metrics.Series{Labels: map[string]string{metrics.NameLabel: "hits_total", "svc": fmt.Sprintf("s%05d", i), "code": "500"}, Points: []metrics.Point{{T: clock, V: v + 1e9}}}
		if err := store.Write(t.Context(), []metrics.Series{bad}); err != nil {
			t.Fatal(err)
		}
		if err := ev.Evaluate(t.Context()); err != nil {
			t.Fatal(err)
		}
		at, ok := shelf.at[list[i].ID]
		if !ok {
			t.Fatalf("%s does not burn", list[i].ID)
		}
		told = append(told, at.Sub(began))
	}
	worst := time.Duration(0)
	for _, d := range told {
		worst = max(worst, d)
	}
	figure(t, "… committed sample to alert state, worst of 100 (+ ≤ 0.5 s between looks)", "%d ms", worst.Milliseconds())
}

// hits is one scrape of a third of the services: two counters each.
func hits(n, third int, at time.Time, v *float64) []metrics.Series {
	*v++
	out := make([]metrics.Series, 0, 2*n/3+2)
	for i := third; i < n; i += 3 {
		for _, code := range []string{"200", "500"} {
			grown := *v * 100
			if code == "500" {
				grown = *v * 0.01
			}
			out = append(out, metrics.Series{Labels: map[string]string{metrics.NameLabel: "hits_total", "svc": fmt.Sprintf("s%05d", i), "code": code}, Points: []metrics.Point{{T: at, V: float64(int(grown))}}})
		}
	}
	return out
}

// agedRings writes a month of rows for every objective, as a run of 30 days leaves
// them.
func agedRings(t *testing.T, dir string, list []slo.Objective, store *promstore.Store, now func() time.Time) {
	keep, err := ringfile.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(meter.Options{Reader: store, Engine: store, Keeper: keep, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Replace(list); err != nil {
		t.Fatal(err)
	}
	if err := m.Upkeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := keep.Load()
	if err != nil {
		t.Fatal(err)
	}
	slabs := map[int]bool{}
	period := (30*day + time.Hour).Milliseconds()
	origin := c.Horizon - 30*day.Milliseconds()
	for i := range c.Instances {
		c.Instances[i].Origin = origin
		slabs[int(c.Instances[i].Raw)/burn.Columns] = true
	}
	row := make([]burn.Cell, burn.Columns)
	coarse := burn.CoarseTier(period)
	for n := range slabs {
		rows, err := keep.Open(n, coarse)
		if err != nil {
			t.Fatal(err)
		}
		for _, tier := range []burn.Tier{burn.FineTier(), coarse} {
			for x := max(origin, c.Horizon-tier.Step*(tier.Rows-1)); x <= c.Horizon; x += tier.Step {
				for i := range row {
					row[i] = burn.Cell{Part: (x - origin) / 60_000, Total: (x - origin) / 10, Samples: (x - origin) / 15_000}
				}
				if err := rows.Write(tier, x, row); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := keep.Save(c); err != nil {
		t.Fatal(err)
	}
}
