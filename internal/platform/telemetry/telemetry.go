// Package telemetry is what the program says of itself: its log and its own
// metrics.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// NewLogger returns a logger that writes text lines to w.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// Quieter returns log without what is less urgent than level: for libraries
// that tell more than an operator asks.
func Quieter(log *slog.Logger, level slog.Level) *slog.Logger {
	return slog.New(quieter{log.Handler(), level})
}

type quieter struct {
	slog.Handler

	level slog.Level
}

func (q quieter) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= q.level && q.Handler.Enabled(ctx, l)
}

func (q quieter) WithAttrs(as []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(as), q.level}
}

func (q quieter) WithGroup(name string) slog.Handler {
	return quieter{q.Handler.WithGroup(name), q.level}
}

// Metrics are the program's own.
type Metrics struct {
	Registry *prometheus.Registry

	now      func() time.Time
	runs     *prometheus.CounterVec
	failures *prometheus.CounterVec
	duration *prometheus.HistogramVec
	success  *prometheus.GaugeVec
}

// New returns metrics of the process, of Go and of the workers.
func New(version string, now func() time.Time) *Metrics {
	label := []string{"worker"}
	m := &Metrics{
		Registry: prometheus.NewRegistry(), now: now,
		runs:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hinoban_worker_runs_total", Help: "Rounds of a worker."}, label),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hinoban_worker_failures_total", Help: "Rounds of a worker that failed."}, label),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hinoban_worker_duration_seconds", Help: "How long a round took.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9)}, label),
		success:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hinoban_worker_last_success_timestamp_seconds", Help: "When a worker last succeeded."}, label),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hinoban_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version}}, func() float64 { return 1 })
	m.Registry.MustRegister(m.runs, m.failures, m.duration, m.success, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Ran implements run.Observer.
func (m *Metrics) Ran(worker string, took time.Duration, err error) {
	m.runs.WithLabelValues(worker).Inc()
	m.duration.WithLabelValues(worker).Observe(took.Seconds())
	if err != nil {
		m.failures.WithLabelValues(worker).Inc()
		return
	}
	m.success.WithLabelValues(worker).Set(float64(m.now().Unix()))
}

// Routes is /metrics.
func (m *Metrics) Routes() []httpd.Route {
	return []httpd.Route{{Pattern: "GET /metrics", Access: httpd.Public, Handler: promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{})}}
}
