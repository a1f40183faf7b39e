package promrules

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

// Group is how a group of rules stands.
type Group struct {
	File, Name string
	Interval   time.Duration
	Limit      int
	Next       time.Time     // evaluation
	Last       time.Time     // evaluation; zero before the first
	Took       time.Duration // the last evaluation
	Rules      []Rule
}

// Rule is how a rule stands.
type Rule struct {
	Name          string
	Recording     bool
	Expr          string
	For, Keep     time.Duration
	Labels, Notes map[string]string
	Error         string // of the last evaluation; "" where it went well
	Last          time.Time
	Took          time.Duration
	Active        []Active // pending and firing
}

// Active is a series for which a rule alerts, or soon will.
type Active struct {
	Labels, Notes map[string]string
	Firing        bool // else pending
	Since         time.Time
	Value         float64
}

// noRecording is why a rule records nothing.
const noRecording = "nothing is recorded where the metrics are remote: record it there"

// Groups is how the rules stand, by file and group.
func (e *Engine) Groups() (out []Group) {
	e.mu.Lock()
	groups := slices.Clone(e.groups)
	next := make([]time.Time, len(groups))
	for i, g := range groups {
		next[i] = g.next
	}
	e.mu.Unlock()
	for i, g := range groups {
		if len(g.Rules()) == 0 {
			continue
		}
		one := Group{File: g.File(), Name: g.Name(), Interval: g.Interval(), Limit: g.Limit(), Next: next[i], Last: g.GetLastEvaluation(), Took: g.GetEvaluationTime()}
		for _, r := range g.Rules() {
			one.Rules = append(one.Rules, e.rule(r))
		}
		out = append(out, one)
	}
	return out
}

func (e *Engine) rule(r rules.Rule) Rule {
	out := Rule{Name: r.Name(), Expr: r.Query().String(), Labels: r.Labels().Map(), Last: r.GetEvaluationTimestamp(), Took: r.GetEvaluationDuration()}
	if err := r.LastError(); err != nil {
		out.Error = err.Error()
	}
	a, ok := r.(*rules.AlertingRule)
	if !ok {
		out.Recording = true
		if e.o.Store == nil {
			out.Error = noRecording
		}
		return out
	}
	out.For, out.Keep, out.Notes = a.HoldDuration(), a.KeepFiringFor(), a.Annotations().Map()
	for _, x := range a.ActiveAlerts() {
		out.Active = append(out.Active, Active{Labels: x.Labels.Map(), Notes: x.Annotations.Map(), Firing: x.State == rules.StateFiring, Since: x.ActiveAt, Value: x.Value})
	}
	slices.SortFunc(out.Active, func(a, b Active) int { return a.Since.Compare(b.Since) })
	return out
}

// nowhere is where rules write and read their own past where the metrics are
// remote.
type nowhere struct{}

// Appender implements storage.Appendable.
func (nowhere) Appender(context.Context) storage.Appender { return forgets{} }

// Querier implements storage.Queryable.
func (nowhere) Querier(int64, int64) (storage.Querier, error) { return storage.NoopQuerier(), nil }

// forgets takes samples and keeps none.
type forgets struct{ storage.Appender }

// SetOptions implements storage.Appender.
func (forgets) SetOptions(*storage.AppendOptions) {}

// Append implements storage.Appender.
func (forgets) Append(storage.SeriesRef, labels.Labels, int64, float64) (storage.SeriesRef, error) {
	return 0, nil
}

// AppendHistogram implements storage.Appender.
func (forgets) AppendHistogram(storage.SeriesRef, labels.Labels, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, nil
}

// Commit implements storage.AppenderTransaction.
func (forgets) Commit() error { return nil }

// Rollback implements storage.AppenderTransaction.
func (forgets) Rollback() error { return nil }
