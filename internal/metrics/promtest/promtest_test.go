package promtest

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

const ruleText = `groups:
- name: up
  rules:
  - {record: up:sum, expr: sum(up)}
  - {alert: Down, expr: up:sum < 1, for: 2m, labels: {severity: page}, annotations: {summary: "{{ $value }} of {{ $externalLabels.region }}"}}
`

func test(t *testing.T, values string) metrics.RuleTest {
	t.Helper()
	in, err := ParseSeries(`up{job="x"}`, values)
	if err != nil {
		t.Fatal(err)
	}
	return metrics.RuleTest{Interval: time.Minute, Every: time.Minute, Input: []metrics.InputSeries{in}, ExternalLabels: map[string]string{"region": "eu"}}
}

func TestRunAnswersLikePromtool(t *testing.T) {
	rt := test(t, "1x3 0x5")
	down := metrics.ExpectedAlert{Labels: map[string]string{"severity": "page"}, Annotations: map[string]string{"summary": "0 of eu"}}
	rt.Alerts = []metrics.AlertCheck{{At: 6 * time.Minute, Name: "Down", Want: []metrics.ExpectedAlert{down}}, {At: 5 * time.Minute, Name: "Down"}}
	rt.Exprs = []metrics.ExprCheck{
		{At: 4 * time.Minute, Expr: "up:sum", Want: []metrics.ExpectedSample{{Labels: "up:sum", V: 0}}},
		{At: 4 * time.Minute, Expr: `ALERTS`, Want: []metrics.ExpectedSample{{Labels: `ALERTS{alertname="Down",alertstate="pending",severity="page"}`, V: 1}}},
	}
	if got := Run(t.Context(), rt, []RuleFile{{"r.yml", ruleText}}); len(got) > 0 {
		t.Errorf("got %+v, want none", got)
	}
	rt.Alerts[0].Want, rt.Exprs[0].Want[0].V = nil, 0.25
	got := Run(t.Context(), rt, []RuleFile{{"r.yml", ruleText}})
	if len(got) != 2 || got[0].At != "6m" || got[0].Want != "[]" || !strings.Contains(got[0].Got, `severity="page"`) || got[1].Want != `{__name__="up:sum"} 2.5E-01` {
		t.Errorf("got %+v", got)
	}
}

func TestRunSaysWhatCannotRun(t *testing.T) {
	rt := test(t, "1x3")
	rt.Exprs = []metrics.ExprCheck{{At: time.Minute, Expr: "sum("}}
	for rules, want := range map[string]string{
		"groups: [{name: a, rules: [{record: b, expr: 'sum('}]}]":     "could not parse expression",
		"groups: [{name: a, rules: [{record: b, expr: 'up', x: 1}]}]": "field x not found",
		"groups: []": "unclosed left parenthesis",
	} {
		got := Run(t.Context(), rt, []RuleFile{{"r.yml", rules}})
		if len(got) != 1 || !strings.Contains(got[0].Problem, want) {
			t.Errorf("%s: got %+v, want %q", rules, got, want)
		}
	}
	rt.Exprs, rt.Every = []metrics.ExprCheck{{At: 24 * time.Hour, Expr: "up"}}, time.Millisecond
	if got := Run(t.Context(), rt, nil); len(got) != 1 || !strings.Contains(got[0].Problem, "raise evaluation_interval") {
		t.Errorf("got %+v", got)
	}
	rt.Every, rt.Order = time.Minute, []string{"a", "a"}
	if got := Run(t.Context(), rt, nil); len(got) != 1 || !strings.Contains(got[0].Problem, "repeated") {
		t.Errorf("got %+v", got)
	}
}

func TestNotation(t *testing.T) {
	for _, tt := range []struct {
		values string
		want   []float64 // NaN: a stale marker or none
	}{
		{"1 2.5 -3", []float64{1, 2.5, -3}},
		{"0+10x3", []float64{0, 10, 20, 30}},
		{"10-2x2", []float64{10, 8, 6}},
		{"7x2", []float64{7, 7, 7}},
		{"1 _ _x2 stale", []float64{1, math.NaN(), math.NaN(), math.NaN(), math.NaN()}},
		{"", nil},
	} {
		got, err := ParseSeries("a", tt.values)
		if err != nil || len(got.Values) != len(tt.want) {
			t.Errorf("%q: got %v, %v", tt.values, got, err)
			continue
		}
		for i, v := range got.Values {
			if missing := v.Missing || math.IsNaN(v.V); missing != math.IsNaN(tt.want[i]) || (!missing && v.V != tt.want[i]) {
				t.Errorf("%q: value %d is %v, want %v", tt.values, i, v, tt.want[i])
			}
		}
	}
	h, err := ParseSeries("a", "{{schema:0 sum:9 count:10 buckets:[4 4 2]}}x1")
	if err != nil || len(h.Values) != 2 || h.Values[1].Histogram.Upto(math.Inf(1)) != 10 || h.Values[1].Histogram.Upto(2) != 8 {
		t.Errorf("got %+v, %v", h, err)
	}
	for values, want := range map[string]string{
		"0+1x1000000000":              `"x1000000000" asks for more than 4000000 values: end the series earlier, or make the interval of the test longer`,
		"1x99999999999999999999":      `asks for more than`,
		"1x3000000 1x3000000":         `asks for more than 4000000 values`,
		"{{count:1}}x200000":          `asks for more than 100000 values`,
		"1\nload 1m":                  "more than one line",
		"1 2 three":                   "parse error",
		strings.Repeat("_ ", 5000000): "more than 4000000 values",
	} {
		if _, err := ParseSeries("a", values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", values, err, want)
		}
	}
}

// No notation stops the reader, or makes more values than it may.
func FuzzNotation(f *testing.F) {
	for _, v := range []string{"1 2 _ stale", "0+10x60", "1-0.5x3 _x4", "{{schema:1 sum:1 count:2 buckets:[1 1] offset:-1}}+{{count:1}}x3", "-Inf NaN 1e9x2", "1x4000001"} {
		f.Add(`up{a="b"}`, v)
	}
	f.Fuzz(func(t *testing.T, series, values string) {
		got, err := ParseSeries(series, values)
		if err == nil && (len(got.Values) > MaxValues || got.Labels == nil) {
			t.Errorf("%q %q: %d values", series, values, len(got.Values))
		}
	})
}

func TestEngine(t *testing.T) {
	e := NewEngine(test(t, "0+10x60"))
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	got, err := e.Instant(t.Context(), "increase(up[10m])", time.Unix(1800, 0))
	if err != nil || len(got) != 1 || got[0].Points[0].V != 100 {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = e.Range(t.Context(), "up", time.Unix(0, 0), time.Unix(600, 0), time.Minute)
	if err != nil || len(got) != 1 || len(got[0].Points) != 11 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := e.Instant(t.Context(), "sum(", time.Unix(0, 0)); err == nil {
		t.Error("a query that is none was answered")
	}
}
