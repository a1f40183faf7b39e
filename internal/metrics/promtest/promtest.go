// Package promtest runs tests of Prometheus rules, in the format and with the
// verdicts of `promtool test rules`: with the PromQL, the rules and the database
// of Prometheus itself.
//
// One thing differs: a query may hold more than promtool's 10,000 samples.
package promtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// maxRounds is how often the rules of one test may be evaluated.
const maxRounds = 5_000_000

// RuleFile is a file of rules in the format of Prometheus.
type RuleFile struct{ Path, Text string }

// Run runs one test over rules. What was expected and is not so comes first to
// last; nothing is a success.
func Run(ctx context.Context, t metrics.RuleTest, files []RuleFile) (out []metrics.Mismatch) {
	d, err := open(t)
	if err != nil {
		return failed(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			out = append(out, failed(err)...)
		}
	}()
	r := runner{database: d, t: t, start: startOf(t), parser: metrics.NewParser()}
	if err := r.load(ctx, files); err != nil {
		return failed(err)
	}
	out, ok := r.evaluate(ctx)
	if !ok {
		return out
	}
	for _, c := range t.Exprs {
		if m, bad := r.expr(ctx, c); bad {
			out = append(out, m)
		}
	}
	return out
}

func failed(err error) []metrics.Mismatch { return []metrics.Mismatch{{Problem: err.Error()}} }

type runner struct {
	*database

	t      metrics.RuleTest
	start  time.Time
	parser parser.Parser
	groups []*rules.Group
}

// loader reads rules that are at hand.
type loader struct {
	files  []RuleFile
	parser parser.Parser
}

// Load implements rules.GroupLoader.
func (l loader) Load(path string, ignoreUnknown bool, scheme model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	for _, f := range l.files {
		if f.Path != path {
			continue
		}
		groups, bad := rulefmt.Parse([]byte(f.Text), ignoreUnknown, scheme, l.parser, slog.New(slog.DiscardHandler))
		for i := range bad {
			bad[i] = fmt.Errorf("%s: %w", path, bad[i])
		}
		return groups, bad
	}
	return nil, []error{errs.New(errs.NotFound, "there is no file %s", path)}
}

// Parse implements rules.GroupLoader.
func (l loader) Parse(q string) (parser.Expr, error) { return l.parser.ParseExpr(q) }

func (r *runner) load(ctx context.Context, files []RuleFile) error {
	m := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(r.engine, r.DB), Appendable: r.DB, Context: ctx,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Logger: slog.New(slog.DiscardHandler),
		GroupLoader: loader{files, r.parser}, Parser: r.parser,
	})
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	groups, bad := m.LoadGroups(r.t.Interval, labels.FromMap(r.t.ExternalLabels), r.t.ExternalURL, nil, false, paths...)
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	// Groups that the test does not order are taken in the order of their files,
	// before those that it orders after the first.
	place := map[string]int{}
	for i, name := range r.t.Order {
		if _, twice := place[name]; twice {
			return errs.New(errs.Invalid, "group name repeated in evaluation order: %s", name)
		}
		place[name] = i
	}
	for _, f := range files {
		for _, g := range groups {
			if g.File() == f.Path {
				r.groups = append(r.groups, g)
			}
		}
	}
	slices.SortStableFunc(r.groups, func(a, b *rules.Group) int {
		if d := place[a.Name()] - place[b.Name()]; d != 0 || a.File() != b.File() {
			return d
		}
		return strings.Compare(a.Name(), b.Name())
	})
	for _, g := range r.groups {
		for _, a := range g.AlertingRules() {
			a.SetRestored(true) // else it writes no ALERTS
		}
	}
	return nil
}

// evaluate lets time pass, and holds alerts against what is expected of them.
// ok is false where a rule could not be evaluated.
func (r *runner) evaluate(ctx context.Context) (out []metrics.Mismatch, ok bool) {
	last := time.Duration(0)
	for _, c := range r.t.Exprs {
		last = max(last, c.At)
	}
	checks := slices.Clone(r.t.Alerts)
	for _, c := range checks {
		last = max(last, c.At)
		if c.Name == "" {
			return failed(errs.New(errs.Invalid, "an item under alert_rule_test misses required attribute alertname at eval_time %s", model.Duration(c.At))), false
		}
	}
	slices.SortStableFunc(checks, func(a, b metrics.AlertCheck) int { return int(sign(a.At - b.At)) })
	if last/r.t.Every > maxRounds {
		return failed(errs.New(errs.Invalid, "the rules would be evaluated more than %d times: raise evaluation_interval, or ask for an earlier eval_time", maxRounds)), false
	}
	for at := time.Duration(0); at <= last && at >= 0; at += r.t.Every {
		now := r.start.Add(at)
		if err := r.fill(ctx, now.UnixMilli()); err != nil {
			return append(out, failed(err)...), false
		}
		if bad := r.round(ctx, now); len(bad) > 0 {
			return append(out, bad...), false
		}
		if err := ctx.Err(); err != nil {
			return append(out, failed(err)...), false
		}
		for len(checks) > 0 && checks[0].At < at+r.t.Every {
			if m, bad := r.alerts(checks[0]); bad {
				out = append(out, m)
			}
			checks = checks[1:]
		}
	}
	return out, true
}

func sign(d time.Duration) time.Duration { return min(1, max(-1, d)) }

// round evaluates every rule once.
func (r *runner) round(ctx context.Context, now time.Time) (out []metrics.Mismatch) {
	for _, g := range r.groups {
		g.Eval(ctx, now)
		for _, rule := range g.Rules() {
			if err := rule.LastError(); err != nil {
				out = append(out, metrics.Mismatch{What: "rule: " + rule.Name(), At: now.Sub(r.start).String(), Problem: err.Error()})
			}
		}
	}
	return out
}

// alert is one that fires, or should.
type alert struct{ labels, annotations labels.Labels }

func compareAlerts(a, b alert) int {
	if d := labels.Compare(a.labels, b.labels); d != 0 {
		return d
	}
	return labels.Compare(a.annotations, b.annotations)
}

func (r *runner) alerts(c metrics.AlertCheck) (metrics.Mismatch, bool) {
	var got, want []alert
	for _, g := range r.groups {
		for _, rule := range g.AlertingRules() {
			if rule.Name() != c.Name {
				continue
			}
			for _, a := range rule.ActiveAlerts() {
				if a.State == rules.StateFiring {
					got = append(got, alert{a.Labels, a.Annotations})
				}
			}
		}
	}
	for _, e := range c.Want {
		b := labels.NewBuilder(labels.FromMap(e.Labels))
		want = append(want, alert{b.Set(labels.AlertName, c.Name).Labels(), labels.FromMap(e.Annotations)})
	}
	slices.SortFunc(got, compareAlerts)
	slices.SortFunc(want, compareAlerts)
	if slices.EqualFunc(got, want, func(a, b alert) bool { return compareAlerts(a, b) == 0 }) {
		return metrics.Mismatch{}, false
	}
	return metrics.Mismatch{What: "alertname: " + c.Name, At: model.Duration(c.At).String(), Want: showAlerts(want), Got: showAlerts(got)}, true
}

func showAlerts(list []alert) string {
	if len(list) == 0 {
		return "[]"
	}
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = fmt.Sprintf("    %d:\n      Labels:%s\n      Annotations:%s", i, a.labels, a.annotations)
	}
	return "[\n" + strings.Join(parts, ",\n") + "\n    ]"
}

// sample is one line of an answer.
type sample struct {
	labels    labels.Labels
	v         float64
	histogram string
}

func (r *runner) expr(ctx context.Context, c metrics.ExprCheck) (metrics.Mismatch, bool) {
	m := metrics.Mismatch{What: fmt.Sprintf("expr: %q", c.Expr), At: model.Duration(c.At).String()}
	vector, err := r.query(ctx, c.Expr, r.start.Add(c.At))
	if err != nil {
		m.Problem = err.Error()
		return m, true
	}
	var got, want []sample
	for _, s := range vector {
		got = append(got, sample{s.Metric, s.F, written(s.H)})
	}
	for _, e := range c.Want {
		ls, err := r.parser.ParseMetric(e.Labels)
		if err != nil {
			m.Problem = fmt.Sprintf("labels %q: %v", e.Labels, err)
			return m, true
		}
		h, err := histogramOf(r.parser, e.Histogram)
		if err != nil {
			m.Problem = fmt.Sprintf("labels %q: %v", e.Labels, err)
			return m, true
		}
		want = append(want, sample{ls, e.V, written(h)})
	}
	byLabels := func(a, b sample) int { return labels.Compare(a.labels, b.labels) }
	slices.SortStableFunc(got, byLabels)
	slices.SortStableFunc(want, byLabels)
	if slices.EqualFunc(got, want, r.same) {
		return m, false
	}
	m.Want, m.Got = showSamples(want), showSamples(got)
	return m, true
}

func (r *runner) same(a, b sample) bool {
	equal := a.v == b.v
	if r.t.Fuzzy {
		equal = equal || math.Nextafter(a.v, math.Inf(-1)) == b.v || math.Nextafter(a.v, math.Inf(1)) == b.v
	}
	return equal && a.histogram == b.histogram && labels.Equal(a.labels, b.labels)
}

func showSamples(list []sample) string {
	if len(list) == 0 {
		return "nil"
	}
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = s.labels.String() + " " + strconv.FormatFloat(s.v, 'E', -1, 64)
		if s.histogram != "" {
			parts[i] = s.labels.String() + " " + s.histogram
		}
	}
	return strings.Join(parts, ", ")
}
