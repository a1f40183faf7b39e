package sloth

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// made are the rules of one SLO while its chain of plugins works on them.
type made struct {
	sli, meta, alerts rules.Group
}

// chain is what works on an SLO's rules, in order: Sloth's own steps, and the
// plugins of the spec and of the SLO before (priority below 0) or after them.
func chain(spec, own Plugins) []Plugin {
	override := spec.OverridePrevious
	plugins := slices.Clone(spec.Chain)
	if own.OverridePrevious {
		plugins, override = nil, true
	}
	plugins = append(plugins, own.Chain...)
	slices.SortStableFunc(plugins, func(a, b Plugin) int { return cmp.Compare(a.Priority, b.Priority) })
	first := slices.IndexFunc(plugins, func(p Plugin) bool { return p.Priority >= 0 })
	if first < 0 {
		first = len(plugins)
	}
	if override {
		return plugins
	}
	return slices.Insert(plugins, first, Plugin{ID: "sloth.dev/core/sli_rules/v1"}, Plugin{ID: "sloth.dev/core/metadata_rules/v1"}, Plugin{ID: "sloth.dev/core/alert_rules/v1"})
}

// known are the plugins that come with Sloth and only rearrange rules.
func known() map[string]func(promise, Plugin, *made) error {
	nothing := func(promise, Plugin, *made) error { return nil }
	return map[string]func(promise, Plugin, *made) error{
		"sloth.dev/core/validate/v1": nothing,
		"sloth.dev/core/noop/v1":     nothing,
		"sloth.dev/core/debug/v1":    nothing,
		"sloth.dev/core/sli_rules/v1": func(p promise, by Plugin, m *made) (err error) {
			s, err := settings[struct {
				Exact bool `json:"disableOptimized"`
			}](by)
			if err == nil {
				m.sli.Rules, err = p.sliRules(s.Exact)
			}
			return err
		},
		"sloth.dev/core/metadata_rules/v1": func(p promise, _ Plugin, m *made) error {
			m.meta.Rules = p.metaRules()
			return nil
		},
		"sloth.dev/core/alert_rules/v1": func(p promise, _ Plugin, m *made) error {
			m.alerts.Rules = p.alertRules()
			return nil
		},
		"sloth.dev/contrib/info_labels/v1":                  infoLabels,
		"sloth.dev/contrib/rule_intervals/v1":               ruleIntervals,
		"sloth.dev/contrib/error_budget_exhausted_alert/v1": exhaustedAlert,
		"sloth.dev/contrib/remove_labels/v1":                removeLabels,
	}
}

func (p promise) groups(plugins []Plugin) ([]rules.Group, error) {
	m := &made{}
	all := known()
	for _, by := range plugins {
		run, ok := all[by.ID]
		if !ok {
			return nil, errs.New(errs.Invalid, "the plugin %s is code, which is not run here: take it out of the chain", by.ID)
		}
		if err := run(p, by, m); err != nil {
			return nil, fmt.Errorf("plugin %s: %w", by.ID, err)
		}
	}
	m.sli.Name, m.meta.Name, m.alerts.Name = "sloth-slo-sli-recordings-"+p.id, "sloth-slo-meta-recordings-"+p.id, "sloth-slo-alerts-"+p.id
	var out []rules.Group
	for _, g := range []rules.Group{m.sli, m.meta, m.alerts} {
		if len(g.Rules) > 0 {
			out = append(out, g)
		}
	}
	return out, nil
}

func infoLabels(_ promise, by Plugin, m *made) error {
	s, err := settings[struct {
		Labels map[string]string `json:"labels"`
		Metric string            `json:"metricName"`
	}](by)
	if err != nil || len(s.Labels) == 0 {
		return errs.New(errs.Invalid, "it needs labels in its config")
	}
	if s.Metric == "" {
		s.Metric = infoMetric
	}
	for i, r := range m.meta.Rules {
		if r.Record == s.Metric {
			m.meta.Rules[i].Labels = rules.Merge(r.Labels, s.Labels)
			break
		}
	}
	return nil
}

func ruleIntervals(_ promise, by Plugin, m *made) error {
	s, err := settings[struct {
		Interval struct {
			Default  string `json:"default"`
			SLIError string `json:"sliError"`
			Metadata string `json:"metadata"`
			Alert    string `json:"alert"`
		} `json:"interval"`
	}](by)
	if err != nil || s.Interval.Default == "" {
		return errs.New(errs.Invalid, "it needs interval.default in its config")
	}
	for _, of := range []struct {
		to  *string
		own string
	}{{&m.sli.Interval, s.Interval.SLIError}, {&m.meta.Interval, s.Interval.Metadata}, {&m.alerts.Interval, s.Interval.Alert}} {
		d, err := rules.ParseDuration(cmp.Or(of.own, s.Interval.Default))
		if err != nil {
			return errs.New(errs.Invalid, "%w", err)
		}
		*of.to = rules.Duration(d)
	}
	return nil
}

func exhaustedAlert(p promise, by Plugin, m *made) error {
	s, err := settings[struct {
		Threshold   float64           `json:"threshold"`
		For         string            `json:"for"`
		Name        string            `json:"alert_name"`
		Annotations map[string]string `json:"annotations"`
		Selector    map[string]string `json:"selector_labels"`
		Labels      map[string]string `json:"alert_labels"`
	}](by)
	if err != nil {
		return errs.New(errs.Invalid, "%w", err)
	}
	wait, err := rules.ParseDuration(cmp.Or(s.For, "5m"))
	if err != nil {
		return errs.New(errs.Invalid, "%w", err)
	}
	m.alerts.Rules = append(m.alerts.Rules, rules.Rule{
		Alert: cmp.Or(s.Name, "ErrorBudgetExhausted"), For: rules.Duration(wait), Labels: s.Labels, Annotations: s.Annotations,
		Expr: fmt.Sprintf("%s%s <= %g", remainingMetric, rules.Selector(rules.Merge(p.ids(), p.labels, s.Selector)), s.Threshold),
	})
	return nil
}

func removeLabels(p promise, by Plugin, m *made) error {
	s, err := settings[struct {
		Preserve []string `json:"preserveLabels"`
		Skip     []string `json:"skipMetrics"`
	}](by)
	if err != nil {
		return errs.New(errs.Invalid, "%w", err)
	}
	keep, skip := p.ids(), append([]string{infoMetric}, s.Skip...)
	strip := func(g rules.Group, more ...string) {
		for _, r := range g.Rules {
			if slices.Contains(skip, r.Record) {
				continue
			}
			for k := range r.Labels {
				if _, id := keep[k]; !id && !slices.Contains(s.Preserve, k) && !slices.Contains(more, k) {
					delete(r.Labels, k)
				}
			}
		}
	}
	strip(m.sli, "sloth_window")
	strip(m.meta)
	return nil
}
