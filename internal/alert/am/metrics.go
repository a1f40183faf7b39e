package am

import (
	"errors"
	"time"

	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

// Counters are the metrics that Alertmanager's dashboards read, by the same
// names. They are a dispatch.Observer. A nil *Counters counts nothing.
type Counters struct {
	state                           *dispatch.State
	now                             func() time.Time
	firing, resolved, invalid       prometheus.Counter
	told, failed, requests, refused *prometheus.CounterVec
	latency                         *prometheus.HistogramVec
	late                            prometheus.Histogram
	loaded, loadedAt                prometheus.Gauge
}

var _ dispatch.Observer = (*Counters)(nil)

// NewCounters registers the metrics of state with r.
func NewCounters(r prometheus.Registerer, state *dispatch.State, now func() time.Time) *Counters {
	f := promauto.With(r)
	received := f.NewCounterVec(prometheus.CounterOpts{Name: "alertmanager_alerts_received_total", Help: "Alerts received.", ConstLabels: prometheus.Labels{"version": "v2"}}, []string{"status"})
	vec := func(name, help string, more ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"integration"}, more...))
	}
	c := &Counters{
		state: state, now: now, firing: received.WithLabelValues("firing"), resolved: received.WithLabelValues("resolved"),
		invalid:  f.NewCounter(prometheus.CounterOpts{Name: "alertmanager_alerts_invalid_total", Help: "Alerts refused.", ConstLabels: prometheus.Labels{"version": "v2"}}),
		told:     vec("alertmanager_notifications_total", "Notifications attempted."),
		failed:   vec("alertmanager_notifications_failed_total", "Notifications that could not be delivered in their time.", "reason"),
		requests: vec("alertmanager_notification_requests_total", "Requests to receivers."),
		refused:  vec("alertmanager_notification_requests_failed_total", "Requests to receivers that failed."),
		latency:  f.NewHistogramVec(prometheus.HistogramOpts{Name: "alertmanager_notification_latency_seconds", Help: "Time a request to a receiver took.", Buckets: []float64{1, 5, 10, 15, 20}, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100}, []string{"integration"}),
		late:     f.NewHistogram(prometheus.HistogramOpts{Name: "hinoban_alert_handed_seconds", Help: "Time from a message being due to its receiver taking it.", Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}}),
		loaded:   f.NewGauge(prometheus.GaugeOpts{Name: "alertmanager_config_last_reload_successful", Help: "Whether the last load of the configuration succeeded."}),
		loadedAt: f.NewGauge(prometheus.GaugeOpts{Name: "alertmanager_config_last_reload_success_timestamp_seconds", Help: "When the configuration was last loaded."}),
	}
	r.MustRegister(c.alerts())
	return c
}

// Loaded notes a load of the configuration.
func (c *Counters) Loaded(err error) {
	if c == nil {
		return
	}
	if err != nil {
		c.loaded.Set(0)
		return
	}
	c.loaded.Set(1)
	c.loadedAt.SetToCurrentTime()
}

func (c *Counters) received(good []dispatch.Alert, bad int, now time.Time) {
	if c == nil {
		return
	}
	c.invalid.Add(float64(bad))
	for _, a := range good {
		if a.ResolvedAt(now) {
			c.resolved.Inc()
		} else {
			c.firing.Inc()
		}
	}
}

// Tried implements dispatch.Observer.
func (c *Counters) Tried(k dispatch.ToldKey, took time.Duration, err error) {
	if c == nil {
		return
	}
	c.requests.WithLabelValues(k.Integration).Inc()
	c.latency.WithLabelValues(k.Integration).Observe(took.Seconds())
	if err != nil {
		c.refused.WithLabelValues(k.Integration).Inc()
	}
}

// Told implements dispatch.Observer.
func (c *Counters) Told(_ *dispatch.Flush, k dispatch.ToldKey, _ dispatch.Reason, _ int, late time.Duration) {
	if c == nil {
		return
	}
	c.told.WithLabelValues(k.Integration).Inc()
	c.late.Observe(late.Seconds())
}

// GaveUp implements dispatch.Observer.
func (c *Counters) GaveUp(_ *dispatch.Flush, k dispatch.ToldKey, err error) {
	if c == nil {
		return
	}
	reason := notify.DefaultReason.String()
	if e, ok := errors.AsType[*notify.ErrorWithReason](err); ok {
		reason = e.Reason.String()
	}
	c.told.WithLabelValues(k.Integration).Inc()
	c.failed.WithLabelValues(k.Integration, reason).Inc()
}

// gauges count alerts and silences by state when they are scraped.
type gauges struct {
	c                *Counters
	alerts, silences *prometheus.Desc
	groups, refused  *prometheus.Desc
}

func (c *Counters) alerts() prometheus.Collector {
	return gauges{
		c:        c,
		alerts:   prometheus.NewDesc("alertmanager_alerts", "Alerts by state.", []string{"state"}, nil),
		silences: prometheus.NewDesc("alertmanager_silences", "Silences by state.", []string{"state"}, nil),
		groups:   prometheus.NewDesc("alertmanager_dispatcher_aggregation_groups", "Groups of alerts.", nil, nil),
		refused:  prometheus.NewDesc("alertmanager_alerts_limited_total", "Alerts that the limit on one name refused.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.alerts, g.silences, g.groups, g.refused} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	now := g.c.now()
	counts := g.c.state.Counts(now)
	ch <- prometheus.MustNewConstMetric(g.groups, prometheus.GaugeValue, float64(counts.Groups))
	ch <- prometheus.MustNewConstMetric(g.refused, prometheus.CounterValue, float64(counts.Refused))
	for state, n := range map[string]int{"active": counts.Active - counts.Suppressed, "suppressed": counts.Suppressed, "unprocessed": 0} {
		ch <- prometheus.MustNewConstMetric(g.alerts, prometheus.GaugeValue, float64(n), state)
	}
	by := map[dispatch.SilenceState]int{dispatch.SilenceActive: 0, dispatch.SilencePending: 0, dispatch.SilenceExpired: 0}
	for _, s := range g.c.state.Silences(now) {
		by[s.State(now)]++
	}
	for state, n := range by {
		ch <- prometheus.MustNewConstMetric(g.silences, prometheus.GaugeValue, float64(n), string(state))
	}
}
