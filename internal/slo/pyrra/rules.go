package pyrra

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// The four kinds of indicator.
type kind int

const (
	ratio kind = iota
	latency
	native
	gauge
)

// prefix marks the labels and annotations of a resource that its rules get.
const prefix = "pyrra.dev/"

// promise is a resource with its selectors read.
type promise struct {
	name        string
	labels      map[string]string // of every rule
	annotations map[string]string
	target      float64
	period      time.Duration
	kind        kind
	total, part selector // part is the errors of a ratio, the successes of a latency
	within      float64  // seconds, of a native latency
	grouping    []string
	spec        Spec
}

// parse reads what the rules need. It is Invalid, and names the field, where
// something cannot be read.
func parse(r Resource) (p promise, field string, err error) {
	p = promise{name: r.Metadata.Name, labels: map[string]string{"slo": r.Metadata.Name}, annotations: map[string]string{}, spec: r.Spec}
	for k, v := range r.Metadata.Labels {
		if short, ok := strings.CutPrefix(k, prefix); ok {
			p.labels[short] = v
		}
	}
	for k, v := range r.Metadata.Annotations {
		if short, ok := strings.CutPrefix(k, prefix); ok {
			p.annotations[short] = v
		}
	}
	percent, err := strconv.ParseFloat(r.Spec.Target, 64)
	if err != nil || percent <= 0 || percent >= 100 {
		return p, "target", errs.New(errs.Invalid, "a target lies between 0 and 100, neither included")
	}
	p.target = percent / 100
	if p.period, err = rules.ParseDuration(r.Spec.Window); err != nil {
		return p, "window", err
	}
	if p.period < 24*time.Hour || p.period > 400*24*time.Hour {
		return p, "window", errs.New(errs.Invalid, "a window lies between 1d and 400d: of a shorter one, the short windows are no whole minutes")
	}
	field, err = p.indicator(r.Spec.Indicator)
	return p, "indicator" + field, err
}

func (p *promise) indicator(i Indicator) (field string, err error) {
	given := 0
	read := func(name, q string, to *selector) {
		if err == nil {
			if *to, err = parseSelector(q); err != nil {
				field = name
			}
		}
	}
	if r := i.Ratio; r != nil {
		given++
		p.kind, p.grouping = ratio, r.Grouping
		read(".ratio.errors.metric", r.Errors.Metric, &p.part)
		read(".ratio.total.metric", r.Total.Metric, &p.total)
	}
	if l := i.Latency; l != nil {
		given++
		p.kind, p.grouping = latency, l.Grouping
		read(".latency.success.metric", l.Success.Metric, &p.part)
		read(".latency.total.metric", l.Total.Metric, &p.total)
		if _, errLE := strconv.ParseFloat(p.le(), 64); err == nil && errLE != nil {
			return ".latency.success.metric", errs.New(errs.Invalid, "the bucket of the successes needs le=\"0.5\" or the like")
		}
	}
	if n := i.LatencyNative; n != nil {
		given++
		p.kind, p.grouping = native, n.Grouping
		read(".latencyNative.total.metric", n.Total.Metric, &p.total)
		d, errLatency := rules.ParseDuration(n.Latency)
		if err == nil && (errLatency != nil || d <= 0) {
			return ".latencyNative.latency", errs.New(errs.Invalid, "%q is not a time such as 500ms", n.Latency)
		}
		p.within = d.Seconds()
	}
	if g := i.BoolGauge; g != nil {
		given++
		p.kind, p.grouping = gauge, g.Grouping
		read(".bool_gauge.metric", g.Metric, &p.total)
	}
	if given != 1 {
		return "", errs.New(errs.Invalid, "exactly one of ratio, latency, latencyNative and bool_gauge must be given")
	}
	p.grouping = slices.Compact(slices.Sorted(slices.Values(p.grouping)))
	return field, err
}

// le is the bucket of the successes.
func (p promise) le() string {
	for _, m := range p.part.matchers {
		if m.name == "le" {
			return m.value
		}
	}
	return ""
}

// Options say what the original's flags say.
type Options struct {
	Generic bool // the group of series with the same names for all objectives
}

// Rules are the groups of a resource. Generic ones are left out for an objective
// with grouping, as the original does.
func Rules(r Resource, opts Options) ([]rules.Group, error) {
	p, field, err := parse(r)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s: spec.%s: %w", r.Metadata.Name, field, err)
	}
	out := []rules.Group{
		{Name: p.name + "-increase", Interval: rules.Duration(increaseEvery(p.period)), Rules: p.increases()},
		{Name: p.name, Interval: "30s", Rules: p.burns()},
	}
	if opts.Generic && (len(p.grouping) == 0 || p.kind == native) {
		out = append(out, rules.Group{Name: p.name + "-generic", Interval: "30s", Rules: p.generic()})
	}
	return out, nil
}

// fixed are the labels that every series of the total has, but for some.
func (p promise) fixed(without []string) map[string]string {
	out := maps.Clone(p.labels)
	for _, m := range p.total.matchers {
		if m.op == "=" {
			out[m.name] = m.value
		}
	}
	for _, g := range without {
		delete(out, g)
	}
	return out
}

// sum writes a sum by labels.
func sum(by []string, of string) string {
	if len(by) == 0 {
		return "sum(" + of + ")"
	}
	return "sum by (" + strings.Join(by, ", ") + ") (" + of + ")"
}

func trim(metric string, suffixes ...string) string {
	for _, s := range suffixes {
		metric = strings.TrimSuffix(metric, s)
	}
	return metric
}

func increaseName(metric, window string) string {
	return trim(metric, "_total", "_count", "_bucket") + ":increase" + window
}

func (p promise) burnName(w time.Duration) string {
	return trim(p.total.name, "_total", "_count") + ":burnrate" + rules.Duration(w)
}

// burn is the share of bad events over a window.
func (p promise) burn(w time.Duration) string {
	text := rules.Duration(w)
	rate := func(s selector) string { return sum(p.grouping, "rate("+s.over(text)+")") }
	switch p.kind {
	case latency:
		return "(" + rate(p.total) + " - " + rate(p.part) + ") / " + rate(p.total)
	case native:
		return "1 - histogram_fraction(0, " + number(p.within) + ", " + rate(p.total) + ")"
	case gauge:
		count := sum(p.grouping, "count_over_time("+p.total.over(text)+")")
		return "(" + count + " - " + sum(p.grouping, "sum_over_time("+p.total.over(text)+")") + ") / " + count
	default:
		return rate(p.part) + " / " + rate(p.total)
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// burns record the burn rates and alert on them.
func (p promise) burns() (out []rules.Rule) {
	ws := windows(p.period)
	for _, w := range rates(ws) {
		out = append(out, rules.Rule{Record: p.burnName(w), Expr: p.burn(w), Labels: p.fixed(p.grouping)})
	}
	if !p.spec.Alerting.burns() {
		return out
	}
	filter := []string{`slo="` + p.name + `"`}
	for _, m := range p.total.matchers {
		if !m.regexp() || slices.Contains(p.grouping, m.name) {
			filter = append(filter, m.String())
		}
	}
	slices.Sort(filter)
	own := p.spec.Alerting.Severities
	for i, w := range ws {
		side := func(over time.Duration) string {
			return fmt.Sprintf("%s{%s} > (%.f * (1-%s))", p.burnName(over), strings.Join(filter, ","), w.factor, number(p.target))
		}
		wait := rules.Duration(w.wait)
		if p.kind == ratio {
			wait = w.wait.String() // the original writes this one as Go does
		}
		exhaustion := time.Second * time.Duration(p.period.Seconds()/w.factor)
		out = append(out, rules.Rule{
			Alert: cmp.Or(p.spec.Alerting.Name, "ErrorBudgetBurn"), Expr: side(w.last) + " and " + side(w.long), For: wait, Annotations: p.annotations,
			Labels: rules.Merge(p.fixed(p.grouping), map[string]string{
				"short": rules.Duration(w.last), "long": rules.Duration(w.long), "exhaustion": rules.Duration(exhaustion),
				"severity": cmp.Or([4]string{own.Fast, own.Medium, own.Slow, own.Long}[i], w.severity),
			}),
		})
	}
	return out
}

// absent calls when a metric is gone.
func (p promise) absent(of selector, labels map[string]string) rules.Rule {
	return rules.Rule{
		Alert: cmp.Or(p.spec.Alerting.AbsentName, "SLOMetricAbsent"), Expr: "absent(" + of.String() + ") == 1",
		For: rules.Duration(absentAfter(p.period, p.target)), Annotations: p.annotations,
		Labels: rules.Merge(labels, map[string]string{"severity": cmp.Or(p.spec.Alerting.Severities.Absent, "critical")}),
	}
}
