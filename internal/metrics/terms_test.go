package metrics

import (
	"strings"
	"testing"
)

func TestTerms(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{`sum(a_total)`, `+growth{__name__="a_total"}`},
		{`a_total{x="1"}`, `+growth{__name__="a_total",x="1"}`},
		{`sum by (b, a) (rate(a_total{code=~"5.."}[{{.window}}]))`, `+growth{__name__="a_total",code=~"5.."} by a,b`},
		{`sum(increase(a[{{ .window }}])) or vector(0)`, `+growth{__name__="a"}`},
		{`sum(rate(a[{{.window}}])) or on() vector(0)`, `+growth{__name__="a"}`},
		{`(sum(rate(a[{{.window}}])) > 0)`, `+growth{__name__="a"}`},
		{`sum(rate(a[{{.window}}])) - sum(rate(b[{{.window}}]))`, `+growth{__name__="a"} -growth{__name__="b"}`},
		{`sum(a) - (sum(b) - sum(c))`, `+growth{__name__="a"} -growth{__name__="b"} +growth{__name__="c"}`},
		{`-sum(a) + sum(b)`, `-growth{__name__="a"} +growth{__name__="b"}`},
		{`sum(count_over_time(up[{{.window}}])) - sum(sum_over_time(up[{{.window}}]))`, `+each{__name__="up"} -value{__name__="up"}`},
		{`histogram_count(sum(rate(h[{{.window}}])))`, `+growth{__name__="h"}≤+Inf`},
		{`histogram_fraction(0, 0.2, sum(h)) * histogram_count(sum(h))`, `+growth{__name__="h"}≤finite`},
		{`sum(sum by (x) (a))`, `+growth{__name__="a"}`},
		{`sum by (x) (sum by (y, x) (a))`, `+growth{__name__="a"} by x`},
	} {
		s, err := Terms(c.query, Growth)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := show(s); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.query, got, c.want)
		}
	}
	for _, bad := range []string{
		`avg(a)`, `sum without (x) (a)`, `sum(a) * 2`, `sum(a + b)`, `sum(rate(a[5m]))`, `sum(a offset 5m)`, `sum(a @ 1)`, `sum by (x) (a) + sum by (y) (b)`,
		`max_over_time(a[{{.window}}])`, `sum(a) or sum(b)`, `histogram_fraction(0, 1, sum(h)) * histogram_count(sum(g))`, `sum(a) * sum(b)`, `a > 1`, `1`, `sum(a) - b`, `sum(rate(a[{{.window}}:1m]))`,
		`sum by (x) (sum(a))`, `sum by (x, y) (sum by (y) (a))`, `sum(rate(a[{{.window}}])) - sum(rate(b[5m]))`, `sum(rate(a[1h])) + sum(rate(b[{{.window}}]))`,
	} {
		if s, err := Terms(bad, Growth); err == nil {
			t.Errorf("%s is taken apart: %s", bad, show(s))
		}
	}
}

func show(s Sum) string {
	var out []string
	for _, t := range s.Terms {
		sign := "+"
		if t.Sign < 0 {
			sign = "-"
		}
		x := sign + string(t.Form) + t.Selector.String()
		if t.Histogram {
			x += "≤" + strings.TrimPrefix(trimFloat(t.Upper), " ")
		}
		out = append(out, x)
	}
	text := strings.Join(out, " ")
	if len(s.By) > 0 {
		text += " by " + strings.Join(s.By, ",")
	}
	return text
}

func trimFloat(v float64) string {
	if v > 1e300 {
		return "+Inf"
	}
	return "finite"
}

func TestRatioTerms(t *testing.T) {
	for _, c := range []struct {
		query   string
		failing bool
		part    string
		total   string
		bad     bool
	}{
		{`sum(rate(e[{{.window}}])) / sum(rate(t[{{.window}}]))`, true, `+growth{__name__="e"}`, `+growth{__name__="t"}`, true},
		{`1 - (sum(rate(g[{{.window}}])) / sum(rate(t[{{.window}}])))`, true, `+growth{__name__="g"}`, `+growth{__name__="t"}`, false},
		{`1 - histogram_fraction(0, 0.3, sum(rate(h[{{.window}}])))`, true, `+growth{__name__="h"}≤finite`, `+growth{__name__="h"}≤+Inf`, false},
	} {
		r, err := RatioTerms(c.query, c.failing)
		if err != nil || show(r.Part) != c.part || show(r.Total) != c.total || r.Bad != c.bad {
			t.Errorf("%s: got %s / %s bad %t, %v", c.query, show(r.Part), show(r.Total), r.Bad, err)
		}
	}
	for _, bad := range []string{`a`, `sum(a) + sum(b)`, `histogram_fraction(1, 2, sum(rate(h[{{.window}}])))`, `2 - sum(a)/sum(b)`} {
		if _, err := RatioTerms(bad, true); err == nil {
			t.Errorf("%s is taken apart", bad)
		}
	}
}

func FuzzTerms(f *testing.F) {
	for _, q := range []string{`sum by (a) (rate(x{y="z"}[{{.window}}])) or vector(0)`, `1 - sum(a)/sum(b)`, `{`, `histogram_fraction(0, 1, sum(rate(h[{{.window}}])))`} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		s, err := Terms(q, Growth)
		if err == nil && len(s.Terms) == 0 {
			t.Errorf("%q has no terms and no error", q)
		}
		for _, x := range s.Terms {
			if err := ParseQuery(x.Selector.String()); err != nil {
				t.Errorf("%q: its selector %s: %v", q, x.Selector, err)
			}
		}
		_, _ = RatioTerms(q, true)
	})
}
