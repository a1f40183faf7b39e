package metricsweb

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

var errRefused = errors.New("the metrics server refuses the credentials it is asked with")

type telemetry struct {
	writes *prometheus.CounterVec
}

func newTelemetry(reg prometheus.Registerer) telemetry {
	t := telemetry{writes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hinoban_metrics_writes_total",
		Help: "Write requests by protocol and status code.",
	}, []string{"protocol", "code"})}
	if reg != nil {
		// A registry that already has it belongs to a second API in one
		// process, which only tests mount: its counts are not exported.
		_ = reg.Register(t.writes)
	}
	return t
}
