package metrics_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func TestOverWindow(t *testing.T) {
	tests := []struct{ in, want string }{
		{`sum(http_requests_total{code!~"5.."})`, `sum(increase(http_requests_total{code!~"5.."}[1h]))`},
		{`http_requests_total`, `increase(http_requests_total[1h])`},
		{`sum by (job) (a{x="1"}) + sum(b) - c`, `sum by (job) (increase(a{x="1"}[1h])) + sum(increase(b[1h])) - increase(c[1h])`},
		{`sum(rate(a[{{.window}}]))`, `sum(rate(a[1h]))`},
		{`sum(rate(a[{{ .window }}]))`, `sum(rate(a[1h]))`},
		{`{__name__="a",x="}"} or vector(0)`, `increase({__name__="a",x="}"}[1h]) or vector(0)`},
	}
	for _, tt := range tests {
		if got, err := metrics.OverWindow(tt.in, "increase", time.Hour); err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
	for _, bad := range []string{`sum(`, `rate(a[5m])`, `max_over_time(a[5m:1m])`, ``} {
		if _, err := metrics.OverWindow(bad, "increase", time.Hour); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: got %v, want Invalid", bad, err)
		}
	}
}
