package sloth

import (
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// The series that are served beside Sloth's own.
const (
	goodMetric     = "slo_events_good"
	totalMetric    = "slo_events_total"
	pressureMetric = "slo_pressure"
)

// served are the windows whose series Sloth records beside the period's.
func served() []time.Duration {
	return []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, day, 3 * day}
}

// Series are what Sloth's rules would have recorded for an objective at a time:
// the share of bad events over eight windows and what is known of the objective,
// with the names and labels that dashboards ask for. Beside them are two
// counters of events and, for each pair, how near it is to firing, where 1 is
// firing. events is what has been counted since counting began; where it is not
// Known the counters are left out, as is every share of no events. The window of
// the period is counted, not averaged.
func Series(o slo.Objective, s slo.Status, events slo.Count, at time.Time) []metrics.Series {
	b := board{at: at, labels: rules.Merge(Labels(o), clean(o.Labels))}
	if o.Group != "" {
		b.labels["sloth_group"] = o.Group
	}
	windows := served()
	if !slices.Contains(windows, o.Window) {
		windows = append(windows, o.Window)
	}
	share := func(w time.Duration) (float64, bool) {
		if w == o.Window {
			return shareOf(s.Period)
		}
		return shareOf(s.Counts[w])
	}
	for _, w := range windows {
		if v, ok := share(w); ok {
			text := rules.Duration(w)
			b.add(sliMetric+text, v, "sloth_window", text)
		}
	}
	budget := o.Target.Budget()
	b.add(objectiveMetric, 1-budget)
	b.add(budgetMetric, budget)
	b.add(daysMetric, o.Window.Hours()/24)
	if v, ok := share(5 * time.Minute); ok {
		b.add(currentMetric, v/budget)
	}
	if v, ok := share(o.Window); ok {
		b.add(periodMetric, v/budget)
	}
	if s.Known {
		b.add(remainingMetric, s.Remaining)
	}
	b.add(infoMetric, 1, "sloth_version", "v0.16.0", "sloth_mode", "hinoban", "sloth_spec", Version, "sloth_objective", o.Target.Percent())
	if events.Known {
		b.add(goodMetric, float64(events.Good))
		b.add(totalMetric, float64(events.Total))
	}
	b.pressures(s.Pairs)
	return b.out
}

func shareOf(c slo.Count) (float64, bool) {
	if !c.Known || c.Total <= 0 {
		return 0, false
	}
	return float64(c.Bad()) / float64(c.Total), true
}

// pressures says how near each pair is to firing.
func (b *board) pressures(pairs []slo.PairStatus) {
	for _, p := range pairs {
		if !p.Known || p.Rate <= 0 {
			continue
		}
		short := ""
		if p.Short > 0 {
			short = rules.Duration(p.Short)
		}
		b.add(pressureMetric, min(p.LongBurn, p.ShortBurn)/p.Rate, "sloth_severity", string(p.Severity), "long", rules.Duration(p.Long), "short", short)
	}
}

// Labels are those by which Sloth's series name an objective.
func Labels(o slo.Objective) map[string]string {
	name := o.ID
	if rest, ok := strings.CutPrefix(o.ID, o.Service+"-"); ok && rest != "" {
		name = rest
	}
	return map[string]string{"sloth_id": o.ID, "sloth_service": o.Service, "sloth_slo": name}
}

// clean leaves out labels whose names Prometheus would not take, such as
// app.kubernetes.io/name.
func clean(labels map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range labels {
		if labelName(k) {
			out[k] = v
		}
	}
	return out
}

func labelName(s string) bool {
	for i, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && !strings.HasPrefix(s, "__")
}

// board collects series of one objective.
type board struct {
	at     time.Time
	labels map[string]string
	out    []metrics.Series
}

// add appends one sample. more are names and values of further labels; an empty
// value is no label.
func (b *board) add(name string, v float64, more ...string) {
	labels := rules.Merge(b.labels, map[string]string{metrics.NameLabel: name})
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			labels[more[i]] = more[i+1]
		}
	}
	b.out = append(b.out, metrics.Series{Labels: labels, Points: []metrics.Point{{T: b.at, V: v}}})
}
