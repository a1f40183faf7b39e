package sloth

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// The series that Sloth records.
const (
	sliMetric       = "slo:sli_error:ratio_rate" // and the window
	objectiveMetric = "slo:objective:ratio"
	budgetMetric    = "slo:error_budget:ratio"
	daysMetric      = "slo:time_period:days"
	currentMetric   = "slo:current_burn_rate:ratio"
	periodMetric    = "slo:period_burn_rate:ratio"
	remainingMetric = "slo:period_error_budget_remaining:ratio"
	infoMetric      = "sloth_slo_info"
)

// Options say what the original's flags say.
type Options struct {
	Windows Windows
	Mode    string // cli-gen-prom or cli-gen-k8s
	Spec    string // the version of what was read
	Release string // the version of Sloth that is written down; "" is v0.16.0
}

// promise is one SLO with everything that its rules need.
type promise struct {
	SLO
	id, service string
	labels      map[string]string
	objective   float64
	opts        Options
}

// Rules are the groups of every SLO of a spec, in its order.
func Rules(s Spec, opts Options) ([]rules.Group, error) {
	var out []rules.Group
	for _, o := range s.SLOs {
		p := promise{SLO: o, id: s.Service + "-" + o.Name, service: s.Service, labels: rules.Merge(s.Labels, o.Labels), opts: opts}
		if p.opts.Release == "" {
			p.opts.Release = "v0.16.0"
		}
		var err error
		if p.objective, err = strconv.ParseFloat(string(o.Objective), 64); err != nil {
			return nil, errs.New(errs.Invalid, "%s: the objective %q is not a number", p.id, o.Objective)
		}
		groups, err := p.groups(chain(s.Plugins, o.Plugins))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.id, err)
		}
		out = append(out, groups...)
	}
	return out, nil
}

func (p promise) ids() map[string]string {
	return map[string]string{"sloth_id": p.id, "sloth_service": p.service, "sloth_slo": p.Name}
}

// sliRules record the share of bad events over each window; over the period, by
// the mean of the shortest one's, unless exact is asked for.
func (p promise) sliRules(exact bool) ([]rules.Rule, error) {
	var out []rules.Rule
	short := p.opts.Windows.pairs[0].short
	period := p.opts.Windows.Period
	for _, w := range append(p.opts.Windows.all(), period) {
		text := rules.Duration(w)
		r := rules.Rule{Record: sliMetric + text, Labels: rules.Merge(p.ids(), map[string]string{"sloth_window": text}, p.labels)}
		switch {
		case w == period && !exact && period == short:
			return nil, errs.New(errs.Invalid, "the period %s is its own shortest window", text)
		case w == period && !exact:
			series := sliMetric + rules.Duration(short) + rules.Selector(p.ids())
			r.Expr = fmt.Sprintf("sum_over_time(%s[%s])\n/ ignoring (sloth_window)\ncount_over_time(%s[%s])\n", series, text, series, text)
		case p.SLI.Events != nil:
			r.Expr = fmt.Sprintf("(%s)\n/\n(%s)\n", rules.PutWindow(p.SLI.Events.ErrorQuery, text), rules.PutWindow(p.SLI.Events.TotalQuery, text))
		case p.SLI.Raw != nil:
			r.Expr = "(" + rules.PutWindow(p.SLI.Raw.ErrorRatioQuery, text) + ")"
		default:
			return nil, errs.New(errs.Invalid, "the SLI is neither events nor raw")
		}
		out = append(out, r)
	}
	return out, nil
}

// metaRules record what is known of the objective itself.
func (p promise) metaRules() []rules.Rule {
	filter := rules.Selector(p.ids())
	burn := func(w time.Duration) string {
		return fmt.Sprintf("%s%s%s\n/ on(sloth_id, sloth_slo, sloth_service) group_left\n%s%s\n", sliMetric, rules.Duration(w), filter, budgetMetric, filter)
	}
	ratio := p.objective / 100
	out := []rules.Rule{
		{Record: objectiveMetric, Expr: fmt.Sprintf("vector(%g)", ratio)},
		{Record: budgetMetric, Expr: fmt.Sprintf("vector(1-%g)", ratio)},
		{Record: daysMetric, Expr: fmt.Sprintf("vector(%g)", p.opts.Windows.Period.Hours()/24)},
		{Record: currentMetric, Expr: burn(p.opts.Windows.pairs[0].short)},
		{Record: periodMetric, Expr: burn(p.opts.Windows.Period)},
		{Record: remainingMetric, Expr: "1 - " + periodMetric + filter},
		{Record: infoMetric, Expr: "vector(1)"},
	}
	// One map for all, as in the original: a plugin that strips one strips them all.
	shared := rules.Merge(p.ids(), p.labels)
	for i := range out {
		out[i].Labels = shared
	}
	last := len(out) - 1
	out[last].Labels = rules.Merge(out[last].Labels, map[string]string{
		"sloth_version": p.opts.Release, "sloth_mode": p.opts.Mode, "sloth_spec": p.opts.Spec,
		"sloth_objective": strconv.FormatFloat(p.objective, 'f', -1, 64),
	})
	return out
}

// alertRules are the page and the ticket.
func (p promise) alertRules() (out []rules.Rule) {
	w, filter := p.opts.Windows.pairs, rules.Selector(p.ids())
	budget := (100 - p.objective) / 100
	side := func(over time.Duration, factor float64) string {
		return fmt.Sprintf("max(%s%s%s > (%v * %v)) without (sloth_window)", sliMetric, rules.Duration(over), filter, factor, budget)
	}
	both := func(w window) string {
		return "(\n    " + side(w.short, w.factor) + "\n    and\n    " + side(w.long, w.factor) + "\n)\n"
	}
	for i, a := range []struct {
		Alert
		severity alert.Severity
	}{{p.Alerting.Page, alert.Page}, {p.Alerting.Ticket, alert.Ticket}} {
		if a.Disable {
			continue
		}
		word := string(a.severity)
		out = append(out, rules.Rule{
			Alert:  p.Alerting.Name,
			Expr:   both(w[2*i]) + "or\n" + both(w[2*i+1]),
			Labels: rules.Merge(map[string]string{"sloth_severity": word}, p.Alerting.Labels, a.Labels),
			Annotations: rules.Merge(map[string]string{
				"title":   "(" + word + ") {{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is too fast.",
				"summary": "{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is over expected.",
			}, p.Alerting.Annotations, a.Annotations),
		})
	}
	return out
}

// Manifest is the PrometheusRule that Sloth makes of a custom resource.
func Manifest(meta rules.Object, groups []rules.Group) rules.Resource {
	meta.Labels = rules.Merge(meta.Labels, map[string]string{"app.kubernetes.io/component": "SLO", "app.kubernetes.io/managed-by": "sloth"})
	return rules.NewResource(rules.Object{Name: strings.ToLower(meta.Name), Namespace: meta.Namespace, Labels: meta.Labels, Annotations: meta.Annotations}, groups)
}
