package promstore

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type telemetry struct {
	refused  *prometheus.CounterVec
	appended prometheus.Counter
	reloads  *prometheus.CounterVec
	reloaded prometheus.Gauge
}

func newTelemetry(reg prometheus.Registerer) telemetry {
	t := telemetry{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hinoban_metrics_samples_refused_total",
			Help: "Samples that were not stored, by reason.",
		}, []string{"reason"}),
		appended: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hinoban_metrics_samples_appended_total",
			Help: "Samples that were stored, from scrapes and from senders.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hinoban_metrics_scrape_config_loads_total",
			Help: "Attempts to load the scrape configuration, by outcome.",
		}, []string{"outcome"}),
		reloaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hinoban_metrics_scrape_config_last_success_timestamp_seconds",
			Help: "When the scrape configuration was last loaded.",
		}),
	}
	// A registry that already has them belongs to a second store in one
	// process, which only tests open: its counts are not exported.
	for _, c := range []prometheus.Collector{t.refused, t.appended, t.reloads, t.reloaded} {
		_ = reg.Register(c)
	}
	return t
}

// loaded notes that the scrape configuration was loaded.
func (t telemetry) loaded(now time.Time) {
	t.reloads.WithLabelValues("loaded").Inc()
	t.reloaded.Set(float64(now.UnixMilli()) / 1000)
}
