package sloth

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// Kinds are the documents that are read.
func Kinds() []ascode.Kind {
	return []ascode.Kind{
		ascode.Foreign(Version, "SlothSpec", "A file of Sloth: the SLOs of one service.", specExample,
			func(s Spec) ascode.Metadata { return ascode.Metadata{Name: s.name()} },
			func(s Spec) []ascode.FieldError { return check("", s, false) }).KnownBy("version"),
		ascode.Foreign(APIVersion, "PrometheusServiceLevel", "Sloth's custom resource: the SLOs of one service.", levelExample,
			func(l ServiceLevel) ascode.Metadata { return meta(l.Metadata) },
			func(l ServiceLevel) []ascode.FieldError { return check("spec", l.Spec.File(), true) }),
		ascode.Foreign(APIVersion, "AlertWindows", "Sloth's windows of the alerts of a period; the only one of a folder says the period of its Sloth SLOs.", windowsExample,
			func(w WindowsFile) ascode.Metadata { return ascode.Metadata{Name: w.Spec.Period} }, checkWindows),
	}
}

// name tells a file apart from others of the same service: by its first SLO.
func (s Spec) name() string {
	if len(s.SLOs) == 0 {
		return s.Service
	}
	return s.Service + "-" + s.SLOs[0].Name
}

func meta(o rules.Object) ascode.Metadata {
	name := o.Name
	if o.Namespace != "" {
		name = o.Namespace + "/" + name
	}
	return ascode.Metadata{Name: name, Annotations: o.Annotations}
}

const specExample = `version: prometheus/v1
service: checkout
labels: {owner: shop}
slos:
- name: requests-availability
  objective: 99.9
  description: Checkout answers without an error of ours.
  sli:
    events:
      error_query: sum(rate(http_requests_total{job="checkout",code=~"5.."}[{{.window}}]))
      total_query: sum(rate(http_requests_total{job="checkout"}[{{.window}}]))
  alerting:
    name: CheckoutAvailability
    page_alert: {labels: {severity: page}}
    ticket_alert: {labels: {severity: ticket}}
`

const levelExample = `apiVersion: sloth.slok.dev/v1
kind: PrometheusServiceLevel
metadata: {name: checkout, namespace: monitoring}
spec:
  service: checkout
  slos:
  - name: requests-availability
    objective: 99.9
    sli:
      events:
        errorQuery: sum(rate(http_requests_total{job="checkout",code=~"5.."}[{{.window}}]))
        totalQuery: sum(rate(http_requests_total{job="checkout"}[{{.window}}]))
    alerting: {name: CheckoutAvailability}
`

const windowsExample = `apiVersion: sloth.slok.dev/v1
kind: AlertWindows
spec:
  sloPeriod: 7d
  page:
    quick: {errorBudgetPercent: 8, shortWindow: 5m, longWindow: 1h}
    slow: {errorBudgetPercent: 12.5, shortWindow: 30m, longWindow: 6h}
  ticket:
    quick: {errorBudgetPercent: 20, shortWindow: 2h, longWindow: 1d}
    slow: {errorBudgetPercent: 42, shortWindow: 6h, longWindow: 3d}
`

func checkWindows(w WindowsFile) []ascode.FieldError {
	if _, err := w.Spec.Windows(); err != nil {
		return []ascode.FieldError{ascode.Fieldf("spec", "write 5m, 1h, 30d", "%v", err)}
	}
	return nil
}

// names of fields, in a file and in the custom resource.
func fieldNames(crd bool) (errorQuery, totalQuery, rawQuery, pagePlugins string) {
	if crd {
		return "errorQuery", "totalQuery", "errorRatioQuery", "sloPlugins"
	}
	return "error_query", "total_query", "error_ratio_query", "slo_plugins"
}

// check says what is wrong with a spec whose root is at path.
func check(path string, s Spec, crd bool) (out []ascode.FieldError) {
	at := func(rest string) string {
		if path == "" {
			return rest
		}
		return path + "." + rest
	}
	_, _, _, pluginField := fieldNames(crd)
	out = append(out, checkPlugins(at(pluginField), s.Plugins)...)
	seen := map[string]bool{}
	for i, o := range s.SLOs {
		p := at(fmt.Sprintf("slos[%d]", i))
		if seen[o.Name] {
			out = append(out, ascode.Fieldf(p+".name", "rename or delete one of the two", "%q is the name of two SLOs", o.Name))
		}
		seen[o.Name] = true
		if t, err := slo.ParseTarget(string(o.Objective), true); err != nil || t.Budget() >= 1 {
			out = append(out, ascode.Fieldf(p+".objective", "write a percentage, such as 99.9", "an objective lies between 0 and 100, neither included"))
		} else if t.Budget() > 0.99 {
			out = append(out, ascode.Notef(p+".objective", "write 99.9 for 99.9 %", "the objective is a percentage, not a share"))
		}
		out = append(out, checkSLI(p+".sli", o.SLI, crd)...)
		out = append(out, checkPlugins(p+".plugins", o.Plugins)...)
		if o.Alerting.Name == "" && (!o.Alerting.Page.Disable || !o.Alerting.Ticket.Disable) {
			out = append(out, ascode.Fieldf(p+".alerting", "add name:, or disable both alerts", "the alerts have no name"))
		}
	}
	return out
}

func checkPlugins(path string, p Plugins) (out []ascode.FieldError) {
	ids := known()
	for i, by := range p.Chain {
		if _, ok := ids[by.ID]; !ok {
			out = append(out, ascode.Fieldf(fmt.Sprintf("%s.chain[%d].id", path, i), "take it out of the chain; known here: "+strings.Join(slices.Sorted(maps.Keys(ids)), ", "),
				"the plugin %q is code, which is not run here", by.ID))
		}
	}
	return out
}

func checkSLI(path string, s SLI, crd bool) (out []ascode.FieldError) {
	errorQuery, totalQuery, rawQuery, _ := fieldNames(crd)
	if s.Plugin != nil {
		return []ascode.FieldError{ascode.Fieldf(path+".plugin", "write the query that it makes under events: or raw:", "the SLI plugin %q is code, which is not run here", s.Plugin.ID)}
	}
	if (s.Events == nil) == (s.Raw == nil) {
		return []ascode.FieldError{ascode.Fieldf(path, "add events: or raw:", "an SLI is one of events and raw")}
	}
	one := func(field, q string) {
		switch {
		case !rules.HasWindow(q):
			out = append(out, ascode.Fieldf(path+"."+field, "write the range as [{{.window}}]", "the query has no {{.window}}"))
		case strings.Contains(rules.PutWindow(q, ""), "{{"):
			out = append(out, ascode.Fieldf(path+"."+field, "write it out", "the query is a template of more than {{.window}}"))
		default:
			if err := metrics.ParseQuery("(" + rules.PutWindow(q, "5m") + ")"); err != nil { // a comment at its end would swallow the bracket of the rule
				out = append(out, ascode.Fieldf(path+"."+field, "mend the PromQL", "%v", err))
			}
		}
	}
	if s.Raw != nil {
		one("raw."+rawQuery, s.Raw.ErrorRatioQuery)
		return out
	}
	one("events."+errorQuery, s.Events.ErrorQuery)
	one("events."+totalQuery, s.Events.TotalQuery)
	if s.Events.ErrorQuery == s.Events.TotalQuery {
		out = append(out, ascode.Fieldf(path+".events", "one of the two needs a matcher more, such as code=~\"5..\"", "both queries are the same"))
	}
	return out
}

// Build makes the objectives of the Sloth documents of a set, in the order of
// their files. hasService is as in package openslo. Notes name the alerts that
// cannot fire.
func Build(set *ascode.Set, hasService func(string) bool) (out []slo.Objective, problems, notes ascode.Problems) {
	windows, bad := windowsOf(set)
	problems = append(problems, bad...)
	add := func(d ascode.Document, path string, s Spec, crd bool) {
		for _, f := range check(path, s, crd) {
			if !f.Lenient {
				return // said when it was read
			}
		}
		prefix := ""
		if path != "" {
			prefix = path + "."
		}
		if !hasService(s.Service) {
			problems = append(problems, d.At(prefix+"service", "add a Service document of this name, or mend the name", "there is no service %q", s.Service))
		}
		for i, o := range s.SLOs {
			objective, never := o.objective(s, windows)
			for _, pair := range never {
				notes = append(notes, d.At(fmt.Sprintf("%sslos[%d].objective", prefix, i), "give the SLO a burn rate of its own, in OpenSLO, or a stricter objective", "%s can never fire: total failure burns at %s×", pair, slo.Number(1/objective.Target.Budget())))
			}
			objective.Doc, objective.Source = d.Text, fmt.Sprintf("%s:%d", d.File, d.Line)
			out = append(out, objective)
		}
	}
	for _, d := range ascode.Of[Spec](set) {
		add(d.Document, "", d.Spec, false)
	}
	for _, d := range ascode.Of[ServiceLevel](set) {
		add(d.Document, "spec", d.Spec.Spec.File(), true)
	}
	return out, problems, notes
}

// windowsOf are the windows of a set: the built-in ones of 30 days, unless the
// set has its own.
func windowsOf(set *ascode.Set) (Windows, ascode.Problems) {
	out, _ := BuiltIn(30 * day) // there are some
	var periods []string
	own := ascode.Of[WindowsFile](set)
	for _, d := range own {
		w, err := d.Spec.Spec.Windows()
		if err != nil {
			continue // said when it was read
		}
		if len(own) == 1 || w.Period == 30*day {
			return w, nil
		}
		periods = append(periods, d.Spec.Spec.Period)
	}
	if len(periods) > 1 {
		return out, ascode.Problems{own[0].At("spec.sloPeriod", "keep one AlertWindows file beside the SLOs, or add one of 30d", "the AlertWindows of %s leave open which is the period of the Sloth SLOs", strings.Join(periods, " and "))}
	}
	return out, nil
}

// objective turns an SLO into ours.
func (o SLO) objective(s Spec, w Windows) (out slo.Objective, never []string) {
	t, err := slo.ParseTarget(string(o.Objective), true)
	if err != nil {
		return out, nil // check has refused it
	}
	out = slo.Objective{
		ID: s.Service + "-" + o.Name, Name: s.Service + " " + o.Name, Service: s.Service, Target: t, Window: w.Period,
		Method: slo.Occurrences, NoData: slo.NoDataIgnore, Labels: rules.Merge(s.Labels, o.Labels), Text: o.Description,
	}
	if len(out.Labels) == 0 {
		out.Labels = nil
	}
	tidy := func(q string) string { return strings.TrimSpace(rules.PutWindow(q, rules.WindowMark)) }
	switch {
	case o.SLI.Events != nil:
		out.SLI = slo.SLI{Bad: tidy(o.SLI.Events.ErrorQuery), Total: tidy(o.SLI.Events.TotalQuery), Counter: true}
	case o.SLI.Raw != nil:
		out.SLI = slo.SLI{Raw: tidy(o.SLI.Raw.ErrorRatioQuery), RawFails: true, Counter: true}
	}
	out.Pairs, never = w.Pairs(t, !o.Alerting.Page.Disable, !o.Alerting.Ticket.Disable)
	return out, never
}
