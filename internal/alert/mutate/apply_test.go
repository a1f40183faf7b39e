package mutate

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

var t0 = time.Date(2026, 4, 7, 0, 0, 0, 0, time.UTC)

func points(labels map[string]string, v ...float64) metrics.Points {
	p := metrics.Points{Labels: labels, V: v}
	for i := range v {
		p.T = append(p.T, t0.Add(time.Duration(i)*time.Minute).UnixMilli())
	}
	return p
}

func named(name string, more ...string) map[string]string {
	out := map[string]string{metrics.NameLabel: name}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func TestRunsAreDroppedAndDelayed(t *testing.T) {
	// A run each four minutes.
	stamp := points(named("last"), 0, 0, 0, 0, 240, 240, 240, 240, 480, 480, 480, 480)
	done := points(named("done"), 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
	for _, tt := range []struct {
		class Class
		of    metrics.Points
		m     Mutation
		want  string
	}{
		{Heartbeat, stamp, Drop, "[0 0 0 0 0 0 0 0 480 480 480 480]"},
		{Heartbeat, stamp, Delay, "[0 0 0 0 0 0 360 360 480 480 480 480]"},
		{Heartbeat, stamp, Flat, "[0 0 0 0 0 0 0 0 0 0 0 0]"},
		{Runs, done, Drop, "[1 1 1 1 1 1 1 1 2 2 2 2]"},
		{Runs, done, Delay, "[1 1 1 1 1 1 2 2 3 3 3 3]"},
	} {
		target := Target{Class: tt.class, Period: 4 * time.Minute, series: []metrics.Points{tt.of}}
		got, ok := target.apply(tt.m, t0.Add(2*time.Minute), t0.Add(10*time.Minute))
		if !ok || fmt.Sprint(got.changed[0].V) != tt.want || !got.fault.Equal(t0.Add(4*time.Minute)) {
			t.Errorf("%s of %s: got %v at %s, want %s", tt.m, tt.class, got.changed, got.fault, tt.want)
		}
	}
}

func TestErrorsAreAShareOfAll(t *testing.T) {
	ok := points(named("r", "service", "a", "code", "200"), 0, 100, 200, 300, 400)
	bad := points(named("r", "service", "a", "code", "500"), 0, 0, 0, 0, 0)
	part := metrics.Part{Metric: "r", Matchers: metrics.Selector{{Name: "code", Op: "=~", Value: "5.."}, {Name: "service", Op: "=", Value: "a"}}}
	good := metrics.Part{Metric: "r", Matchers: metrics.Selector{{Name: "code", Op: "!~", Value: "5.."}, {Name: "service", Op: "=", Value: "a"}}}
	for name, target := range map[string]Target{
		"bad":             {totals: []metrics.Points{ok, bad}, series: []metrics.Points{bad}, part: part, bad: true},
		"bad, never seen": {totals: []metrics.Points{ok}, part: part, bad: true},
		"good":            {totals: []metrics.Points{ok, bad}, series: []metrics.Points{ok}, part: good},
		"good, none bad":  {totals: []metrics.Points{ok}, series: []metrics.Points{ok}, part: good},
	} {
		target.Class, target.total = Errors, metrics.Part{Metric: "r"}
		got, fine := target.apply(Errors5, t0.Add(time.Minute), t0.Add(4*time.Minute))
		if !fine {
			t.Errorf("%s: nothing was injected", name)
			continue
		}
		last := map[bool]float64{}
		for _, s := range got.changed {
			if s.Labels["service"] != "a" {
				t.Errorf("%s: made a series of another service: %v", name, s.Labels)
			}
			last[s.Labels["code"][0] == '5'] += s.V[4]
		}
		if math.Abs(last[true]-15) > 1e-9 || math.Abs(last[false]-385) > 1e-9 {
			t.Errorf("%s: got %v, want 15 bad of 300 more", name, last)
		}
	}
}

func TestBucketsShift(t *testing.T) {
	target := Target{Class: Latency, series: []metrics.Points{
		points(named("h_bucket", "le", "+Inf"), 0, 100), points(named("h_bucket", "le", "0.1"), 0, 50), points(named("h_bucket", "le", "1"), 0, 100), points(named("h_bucket", "le", "10"), 0, 100),
	}}
	got, ok := target.apply(Tenfold, t0, t0.Add(time.Minute))
	want := map[string]float64{"0.1": 5, "1": 50, "10": 100}
	if !ok || len(got.changed) != 3 {
		t.Fatalf("got %v", got)
	}
	for _, s := range got.changed {
		if le := s.Labels["le"]; math.Abs(s.V[1]-want[le]) > 1e-9 {
			t.Errorf("le %s: got %v, want %v", le, s.V[1], want[le])
		}
	}
}

func TestWhatThePastShowsIsNoFailure(t *testing.T) {
	quiet := points(named("q_total"), 1, 1, 1, 1, 1, 2, 2, 2, 2, 2)
	target := Target{Class: Traffic, series: []metrics.Points{quiet}}
	if _, ok := target.apply(Flat, t0.Add(time.Minute), t0.Add(6*time.Minute)); ok {
		t.Error("a counter that stood as long before was flat-lined")
	}
	up := Target{Class: Flag, low: true, series: []metrics.Points{points(named("up"), 1, 0, 0, 0)}}
	if _, ok := up.apply(Drop, t0.Add(2*time.Minute), t0.Add(3*time.Minute)); ok {
		t.Error("what is down fell")
	}
}

func TestTargetsAreSorted(t *testing.T) {
	var beat, rare, busy []float64
	for i := range 300 {
		beat = append(beat, float64(t0.Unix())+float64(i/60*3600))
		rare = append(rare, float64(i/60))
		busy = append(busy, float64(i*10))
	}
	series := []metrics.Points{
		points(named("last_success", "job", "a"), beat...), points(named("done_total", "job", "a"), rare...),
		points(named("seen_total", "service", "b", "code", "200"), busy...), points(named("seen_total", "service", "b", "code", "500"), rare...),
		points(named("up", "job", "a", "instance", "1"), rare[:60]...), points(named("depth", "queue", "x"), busy...),
	}
	var w Watch
	for _, e := range []string{`time() - last_success > 60`, `increase(done_total[2h]) < 1`, `sum(rate(seen_total[5m])) == 0`, `up == 0`, `depth > 10`} {
		uses, err := metrics.Uses(e)
		if err != nil {
			t.Fatal(err)
		}
		w.Uses = append(w.Uses, uses...)
	}
	got := map[string]Class{}
	for _, x := range Targets([]Watch{w}, series) {
		got[x.Selector()] = x.Class
	}
	want := map[string]Class{`last_success{job="a"}`: Heartbeat, `done_total{job="a"}`: Runs, `seen_total{service="b"}`: Traffic, `up{job="a"}`: Flag, `depth{queue="x"}`: Level}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
