package metrics

import (
	"testing"
	"time"
)

func TestUses(t *testing.T) {
	for _, tt := range []struct {
		expr string
		want []Use
	}{
		{`up{job="a"} == 0`, []Use{{Part: Part{Metric: "up"}, Low: true}}},
		{`absent(up{job="a"})`, []Use{{Part: Part{Metric: "up"}, Func: "absent", Low: true}}},
		{`time() - done_seconds > 3600`, []Use{{Part: Part{Metric: "done_seconds"}, Age: true, Low: true}}},
		{`sum(rate(e[5m])) / sum(rate(t[10m])) > 0.05`, []Use{
			{Part: Part{Metric: "e", Range: 5 * time.Minute}, Func: "rate", High: true, Ratio: 1, Over: true},
			{Part: Part{Metric: "t", Range: 10 * time.Minute}, Func: "rate", Low: true, Ratio: 1},
		}},
		{`1 - rate(g[5m]) / rate(t[5m]) > 0.1`, []Use{
			{Part: Part{Metric: "g", Range: 5 * time.Minute}, Func: "rate", Low: true, Ratio: 1, Over: true},
			{Part: Part{Metric: "t", Range: 5 * time.Minute}, Func: "rate", High: true, Ratio: 1},
		}},
		{`rows < 0.5 * rows offset 1d`, []Use{{Part: Part{Metric: "rows"}, Low: true}, {Part: Part{Metric: "rows"}, Offset: 24 * time.Hour, High: true}}},
		{`max_over_time(rate(x[5m])[1h:1m]) < 1`, []Use{{Part: Part{Metric: "x", Range: 65 * time.Minute}, Func: "rate", Low: true}}},
	} {
		got, err := Uses(tt.expr)
		if err != nil || len(got) != len(tt.want) {
			t.Errorf("%s: got %+v, %v", tt.expr, got, err)
			continue
		}
		for i, g := range got {
			g.Matchers = nil
			w := tt.want[i]
			if g.Metric != w.Metric || g.Range != w.Range || g.Func != w.Func || g.Offset != w.Offset || g.Low != w.Low || g.High != w.High || g.Age != w.Age || g.Ratio != w.Ratio || g.Over != w.Over {
				t.Errorf("%s: got %+v, want %+v", tt.expr, g, w)
			}
		}
	}
	if _, err := Uses("sum("); err == nil {
		t.Error("got no error of what does not parse")
	}
}
