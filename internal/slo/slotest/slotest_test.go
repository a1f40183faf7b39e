package slotest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/meter"
)

const day = 24 * time.Hour

// objective promises 99 % over a day, with one pair of 5× over 1h and 5m.
func objective(t testing.TB) slo.Objective {
	target, err := slo.ParseTarget("99", true)
	if err != nil {
		t.Fatal(err)
	}
	return slo.Objective{
		ID: "o", Name: "O", Service: "s", Target: target, Window: day, Method: slo.Occurrences,
		SLI:   slo.SLI{Bad: `sum(hits{code="500"})`, Total: `sum(hits)`, Counter: true},
		Pairs: []slo.Pair{{Severity: alert.Page, Rate: 5, Long: time.Hour, Short: 5 * time.Minute}},
	}
}

// counter is a counter that grows by what each gives, in each step.
func counter(labels map[string]string, steps int, each func(k int) float64) metrics.InputSeries {
	s := metrics.InputSeries{Labels: labels, Values: make([]metrics.InputValue, steps+1)}
	v := 0.0
	for k := range s.Values {
		if k > 0 {
			v += each(k)
		}
		s.Values[k].V = v
	}
	return s
}

func hits(code string, more ...string) map[string]string {
	out := map[string]string{"__name__": "hits", "code": code}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// outage is a hundred hits a minute, of which bad fail from one minute to another.
func outage(steps, from, to int, bad float64) []metrics.InputSeries {
	fails := func(k int) float64 {
		if k > from && k <= to {
			return bad
		}
		return 0
	}
	return []metrics.InputSeries{counter(hits("200"), steps, func(k int) float64 { return 100 - fails(k) }), counter(hits("500"), steps, fails)}
}

// play runs checks, which are written as in a file.
func play(t *testing.T, w World, checks string) string {
	t.Helper()
	f, problems := Parse("x_test.yaml", "tests:\n- name: x\n  slo_test:\n"+checks)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got, err := f.Tests[0].Run(t.Context(), w)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	for _, m := range got {
		fmt.Fprintf(&out, "%s %s %s | %s | %s\n", m.What, m.At, m.Problem, m.Want, m.Got)
	}
	return out.String()
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// A fifth of the events fail from the hundredth minute on: 5 % of the hour is
// reached a quarter of an hour later, and both windows forget in their time.
func TestChecksFollowTheServer(t *testing.T) {
	o := objective(t)
	o.Budgets = []slo.BudgetAlert{{Severity: alert.Ticket, Watch: slo.WatchRemaining, Share: 0.5}}
	o.Absent = slo.Absent{After: 30 * time.Minute, Severity: alert.Ticket}
	w := World{Objectives: []slo.Objective{o}, Input: outage(600, 100, 160, 20)}
	want(t, play(t, w, `
  - {eval_time: 0, slo: o, exp_state: healthy, exp_remaining: unknown, exp_firing: [], exp_burn: {1h: unknown}}
  - {eval_time: 100m, slo: o, exp_state: healthy, exp_total: 10000, exp_bad: 0, exp_burn: {5m: 0, 1h: 0, period: 0}, exp_remaining: 1}
  - {eval_time: 114m, slo: o, exp_state: exhausted, exp_firing: [ticket], exp_burn: {5m: 20x, 1h: 4.6666666}, exp_bad: {1h: 280, 5m: 100}}
  - {eval_time: 115m, slo: o, exp_state: fast_burn, exp_firing: [page, remaining 50 %], exp_burn: {1h: 5}}
  - {eval_time: 163m, slo: o, exp_firing: ["page: 5x over 1h and 5m", "remaining 50 %"]}
  - {eval_time: 165m, slo: o, exp_firing: [remaining 50%], exp_burn: {5m: 0, 17m: 14.11764706}}
  - {eval_time: 629m, slo: o, exp_firing: [remaining 50%]}
  - {eval_time: 630m, slo: o, exp_firing: [remaining 50%, no data for 30m]}
`), "")
}

func TestWhatDiffersIsSaid(t *testing.T) {
	w := World{Objectives: []slo.Objective{objective(t)}, Input: outage(200, 100, 160, 20)}
	want(t, play(t, w, `
  - {eval_time: 120m, slo: o, exp_state: healthy, exp_total: 1, exp_bad: 400, exp_burn: {1h: 1}, exp_remaining: 70%, exp_firing: [nobody]}
  - {eval_time: 120m, slo: p, exp_state: healthy}
`), `slo: o 2h  | burn over 1h 1, remaining 70%, state healthy, total events over period 1, firing [nobody (it has nothing of this name: page: 5× over 1h and 5m)] | burn over 1h 6.66666666667, remaining -2.33333333333, state fast_burn, total events over period 12000, firing [page: 5× over 1h and 5m]
slo: p 2h there is no such objective, or no sample of its group has come: rule_files names the documents that are read |  | 
`)
	want(t, play(t, w, "  - {eval_time: 10y, slo: o, exp_state: healthy}\n"), "the objectives would be looked at more than 5000000 times: make the interval of the test longer, or ask for an earlier eval_time")
	want(t, play(t, w, "  - {eval_time: 1h, slo: o, exp_burn: {2d: 1}}\n"), "slo_test of o: a window of 2d is longer than its period, 1d: ask for a shorter one")
}

func TestPairsHoldForTheirTimeAndTheirGate(t *testing.T) {
	o := objective(t)
	o.Pairs[0].For = 10 * time.Minute
	w := World{Objectives: []slo.Objective{o}, Input: outage(600, 100, 160, 20)}
	want(t, play(t, w, `
  - {eval_time: 124m, slo: o, exp_firing: []}
  - {eval_time: 125m, slo: o, exp_firing: [page]}
`), "")
	o.Pairs[0].For, o.Pairs[0].Gate.MinFailures = 0, 500
	w.Objectives[0] = o
	want(t, play(t, w, `
  - {eval_time: 124m, slo: o, exp_firing: [], exp_bad: 480}
  - {eval_time: 125m, slo: o, exp_firing: [page], exp_bad: 500}
`), "")
}

// What burned and fell silent burns on.
func TestSilenceEndsNothing(t *testing.T) {
	w := World{Objectives: []slo.Objective{objective(t)}, Input: outage(120, 100, 160, 20)}
	want(t, play(t, w, `
  - {eval_time: 2h, slo: o, exp_firing: [page]}
  - {eval_time: 4h, slo: o, exp_firing: [page], exp_burn: {1h: unknown}, exp_state: exhausted}
`), "")
}

func TestCorrectionsDoNotCount(t *testing.T) {
	w := World{Objectives: []slo.Objective{objective(t)}, Input: outage(600, 100, 160, 20)}
	w.Corrected = func(slo.Objective, time.Time, time.Time) []meter.Interval {
		return []meter.Interval{{From: Begin().Add(100 * time.Minute), To: Begin().Add(160 * time.Minute)}}
	}
	want(t, play(t, w, `
  - {eval_time: 130m, slo: o, exp_firing: [], exp_state: healthy, exp_bad: 0, exp_total: 10000}
`), "")
}

func TestGroupsAndNativeHistogramsAndStale(t *testing.T) {
	o := objective(t)
	o.SLI.Bad, o.SLI.Total = `sum by (region) (hits{code="500"})`, `sum by (region) (hits)`
	w := World{Objectives: []slo.Objective{o}}
	w.Input = append(w.Input, counter(hits("200", "region", "eu"), 60, func(int) float64 { return 90 }), counter(hits("500", "region", "eu"), 60, func(int) float64 { return 10 }))
	// The other region begins in the 30th minute and its second series is marked stale.
	us := counter(hits("200", "region", "us"), 60, func(int) float64 { return 10 })
	for k := range 30 {
		us.Values[k].Missing = true
	}
	us.Values[40].V = math.NaN()
	w.Input = append(w.Input, us)
	want(t, play(t, w, `
  - {eval_time: 1h, slo: o.eu, exp_bad: 600, exp_total: 6000, exp_firing: [page]}
  - {eval_time: 1h, slo: 'o{region="us"}', exp_bad: 0, exp_total: 300, exp_firing: []}
  - {eval_time: 29m, slo: o.us, exp_state: unknown}
  - {eval_time: 1h, slo: o, exp_state: healthy}
`), `slo: o.us 29m there is no such objective, or no sample of its group has come: rule_files names the documents that are read |  | 
slo: o 1h o is grouped: name one of o.eu, o.us |  | 
`)
	o.SLI = slo.SLI{Raw: `1 - histogram_fraction(0, 2, sum(rate(latency[{{.window}}])))`, RawFails: true}
	o.Method, o.Slice.Length, o.Slice.Target = slo.Timeslices, 5*time.Minute, o.Target
	latency := counter(map[string]string{"__name__": "latency"}, 60, func(int) float64 { return 0 })
	for k := range latency.Values {
		latency.Values[k].Histogram = seenBelow(k)
	}
	w = World{Objectives: []slo.Objective{o}, Input: []metrics.InputSeries{latency}}
	// The first sample ends a slice too, in which nothing happened.
	want(t, play(t, w, "  - {eval_time: 1h, slo: o, exp_bad: 6, exp_total: 13}\n"), "")
}

// seenBelow is a histogram of ten observations a minute, half of which are above
// 2 from the 30th minute on.
type seenBelow int

func (k seenBelow) Upto(upper float64) float64 {
	all := 10 * float64(k)
	if math.IsInf(upper, 1) {
		return all
	}
	return all - 5*max(0, float64(k)-30)
}

// ear is a metrics.Tap that remembers.
type ear struct{ heard map[int32][]metrics.Sample }

func (e *ear) Line(line int32, _ int, _ map[string]string) { e.heard[line] = nil }

func (e *ear) Committed(samples []metrics.Sample) {
	for _, s := range samples {
		e.heard[s.Line] = append(e.heard[s.Line], s)
	}
}

// What is read is what came, and nothing before its time.
func TestSourceReadsWhatCame(t *testing.T) {
	x := counter(hits("200"), 9, func(int) float64 { return 1 })
	x.Values[4].Missing = true
	s, e := NewSource(Begin(), time.Minute, []metrics.InputSeries{counter(hits("200"), 3, func(int) float64 { return 7 }), x, counter(hits("500"), 9, func(int) float64 { return 1 })}), &ear{map[int32][]metrics.Sample{}}
	s.Tap(e)
	w := metrics.Watch{Selector: metrics.Selector{{Name: "__name__", Op: "=", Value: "hits"}, {Name: "code", Op: "!=", Value: "500"}}}
	if n, err := s.Watch(w); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	for to := -1; to < 12; to++ {
		now := Begin().Add(time.Duration(to) * time.Minute)
		if fresh := s.Advance(now); fresh != (to == 0) {
			t.Errorf("at %d: fresh is %t", to, fresh)
		}
		for from := -2; from < 12; from++ {
			var got []float64
			err := s.Read(t.Context(), w, Begin().Add(time.Duration(from)*time.Minute), Begin().Add(8*time.Minute), func(p metrics.Points) error {
				got = append(got, p.V...)
				return nil
			})
			var want []float64
			for k := max(0, from+1); k <= min(to, 8); k++ {
				if k != 4 {
					want = append(want, float64(k))
				}
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("at %d from %d: got %v, %v, want %v", to, from, got, err, want)
			}
		}
	}
	if len(e.heard) != 1 || len(e.heard[0]) != 9 {
		t.Errorf("heard %v", e.heard)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"tests:\n- nam: x\n", `f:2:1: unknown field "nam" — known here: name, interval, start_timestamp, input_series, alert_rule_test, promql_expr_test, slo_test, external_labels, external_url`},
		{"tests:\n- slo_test:\n  - {eval_time: soon, slo: x, exp_state: healthy}\n", `f:3:17: "soon" is no duration such as 5m, 1h30m or 30d`},
		{"tests:\n- slo_test:\n  - {eval_time: 1h, exp_state: healthy}\n", "f:3:17: unnamed#0: slo_test[0]: it names no objective — give its id under slo"},
		{"tests:\n- slo_test:\n  - {eval_time: 1h, slo: x}\n", "f:3:26: unnamed#0: slo_test[0]: x: it expects nothing — give exp_burn, exp_remaining, exp_state, exp_firing, exp_bad or exp_total"},
		{"tests:\n- slo_test:\n  - {eval_time: 1h, slo: x, exp_state: fine}\n", `f:3:26: unnamed#0: slo_test[0]: x: there is no state "fine" — write one of healthy, unknown, slow_burn, fast_burn, exhausted`},
		{"tests:\n- slo_test:\n  - {eval_time: 1h, slo: x, exp_bad: {yesterday: 1}}\n", `f:3:26: unnamed#0: slo_test[0]: x: "yesterday" is no duration such as 5m, 1h30m or 30d — name a window, or period`},
		{"tests:\n- slo_test:\n  - {eval_time: 1h, slo: x, exp_burn: {1h: much}}\n", `f:3:44: "much" is no number: write 14.4, 14.4x, 70% or unknown`},
		{"tests:\n- start_timestamp: now\n", `f:2:20: "now" is no time: write 2026-04-01T00:00:00Z, or seconds since 1970`},
		{"tests: [\n", "f:1:1: did not find expected node content — check the indentation and quotes on and above this line"},
		{"{}\n---\n{}\n", "f:1:1: it holds more than one document — split the file at ---: only the first would be run"},
	} {
		_, problems := Parse("f", tt.text)
		if len(problems) == 0 || problems.Error() != tt.want {
			t.Errorf("%q: got %v, want %s", tt.text, problems, tt.want)
		}
	}
	if _, problems := Parse("f", ""); len(problems) > 0 {
		t.Error(problems)
	}
}

// No file stops the reader, and what is wrong is said with a place.
func FuzzParse(f *testing.F) {
	f.Add("rule_files: [a.yaml]\nevaluation_interval: 1m\ntests:\n- interval: 30s\n  start_timestamp: 2026-04-01T00:00:00Z\n  input_series: [{series: up, values: 1x3}]\n  slo_test:\n  - {eval_time: 1h, slo: x, exp_bad: {1h: 3}, exp_total: 5, exp_burn: {1h: 14.4x}, exp_remaining: -70%, exp_firing: [page]}\n")
	f.Add("tests:\n- alert_rule_test: [{eval_time: 0, alertname: A, exp_alerts: [{exp_labels: {a: 1}}]}]\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, problems := Parse("f", text)
		for _, p := range problems {
			if p.Line < 1 || p.Message == "" {
				t.Errorf("%q: %+v has no place", text, p)
			}
		}
		if len(problems) == 0 && file.Every.D <= 0 {
			t.Errorf("%q: an interval of %s", text, file.Every.D)
		}
	})
}

// A month of two series whose errors burn a half of the budget, with the pairs of
// the SRE Workbook.
func BenchmarkMonth(b *testing.B) {
	for _, step := range []time.Duration{time.Minute, 30 * time.Second} {
		b.Run(step.String(), func(b *testing.B) {
			o := objective(b)
			o.Window = 30 * day
			o.Target, _ = slo.ParseTarget("99.9", true)
			o.Pairs = slo.DefaultPairs(o.Window, o.Target)
			n := int(30 * day / step)
			w := World{Objectives: []slo.Objective{o}, Input: []metrics.InputSeries{
				counter(hits("200"), n, func(int) float64 { return 1999 }), counter(hits("500"), n, func(int) float64 { return 1 }),
			}}
			test := Test{Interval: Duration{D: step}, SLOs: []Check{{At: Duration{D: 30 * day}, SLO: Text{Value: "o"}, State: string(slo.Healthy)}}}
			b.ReportAllocs()
			for b.Loop() {
				if got, err := test.Run(b.Context(), w); err != nil || len(got) > 0 {
					b.Fatal(got, err)
				}
			}
		})
	}
}
