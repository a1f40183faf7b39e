package pyrra

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
)

// Kinds are the documents that are read.
func Kinds() []ascode.Kind {
	return []ascode.Kind{ascode.Foreign(APIVersion, "ServiceLevelObjective", "Pyrra's custom resource: one SLO.", example,
		func(r Resource) ascode.Metadata {
			name := r.Metadata.Name
			if r.Metadata.Namespace != "" {
				name = r.Metadata.Namespace + "/" + name
			}
			return ascode.Metadata{Name: name, Annotations: r.Metadata.Annotations}
		}, check)}
}

const example = `apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata:
  name: checkout-errors
  namespace: monitoring
  labels:
    pyrra.dev/service: checkout
spec:
  target: "99.9"
  window: 4w
  indicator:
    ratio:
      errors: {metric: 'http_requests_total{job="checkout",code=~"5.."}'}
      total: {metric: 'http_requests_total{job="checkout"}'}
`

func check(r Resource) (out []ascode.FieldError) {
	p, field, err := parse(r)
	if err != nil {
		return []ascode.FieldError{ascode.Fieldf("spec."+field, "see the example of `hinoban schema ServiceLevelObjective`", "%v", err)}
	}
	if p.target < 0.01 {
		out = append(out, ascode.Notef("spec.target", "write 99.9 for 99.9 %", "the target is a percentage, not a share"))
	}
	if p.kind != gauge && p.kind != native && p.total.String() == p.part.String() {
		out = append(out, ascode.Notef("spec.indicator", "one of the two needs a matcher more", "both sides of the ratio are the same metric"))
	}
	return out
}

// Service is the service that a resource is about: what its labels
// pyrra.dev/service, service or app.kubernetes.io/name say, or its own name.
func Service(r Resource) string {
	l := r.Metadata.Labels
	return cmp.Or(r.Metadata.Annotations["hinoban.dev/service"], l[prefix+"service"], l["service"], l["app.kubernetes.io/name"], r.Metadata.Name)
}

// Build makes the objectives of the Pyrra documents of a set, in the order of
// their files. hasService and notes are as in package sloth.
func Build(set *ascode.Set, hasService func(string) bool) (out []slo.Objective, problems, notes ascode.Problems) {
	for _, d := range ascode.Of[Resource](set) {
		p, _, err := parse(d.Spec)
		if err != nil {
			continue // said when it was read
		}
		o, never, err := p.objective()
		if err != nil {
			problems = append(problems, d.At("spec.target", "write fewer digits", "%v", err))
			continue
		}
		o.Service = Service(d.Spec)
		if !hasService(o.Service) {
			problems = append(problems, d.At("metadata", "add the label pyrra.dev/service with the name of a Service document, or the document", "there is no service %q", o.Service))
		}
		for _, pair := range never {
			notes = append(notes, d.At("spec.target", "choose a stricter target, or write the SLO in OpenSLO with burn rates of its own", "%s can never fire: total failure burns at %s×", pair, slo.Number(1/o.Target.Budget())))
		}
		o.Doc, o.Source = d.Text, fmt.Sprintf("%s:%d", d.File, d.Line)
		out = append(out, o)
	}
	return out, problems, notes
}

// objective turns a resource into ours. Its service is left open.
func (p promise) objective() (o slo.Objective, never []string, err error) {
	t, err := slo.ParseTarget(p.spec.Target, true)
	if err != nil {
		return o, nil, err
	}
	o = slo.Objective{ID: p.name, Name: p.name, Target: t, Window: p.period, Method: slo.Occurrences, NoData: slo.NoDataIgnore, Text: p.spec.Description}
	for k, v := range p.labels {
		if k != "slo" {
			if o.Labels == nil {
				o.Labels = map[string]string{}
			}
			o.Labels[k] = v
		}
	}
	o.SLI = p.sli()
	own := p.spec.Alerting
	words := [4]string{own.Severities.Fast, own.Severities.Medium, own.Severities.Slow, own.Severities.Long}
	for i, w := range windows(p.period) {
		if !own.burns() {
			break
		}
		pair := slo.Pair{Severity: severity(cmp.Or(words[i], w.severity)), Rate: w.factor, Long: w.long, Short: w.last, For: w.wait}
		if !pair.Reachable(t) {
			never = append(never, pair.Name())
			continue
		}
		o.Pairs = append(o.Pairs, pair)
	}
	if own.absent() && p.kind != native {
		o.Absent = slo.Absent{After: absentAfter(p.period, p.target), Severity: severity(cmp.Or(own.Severities.Absent, "critical"))}
	}
	return o, never, nil
}

func severity(word string) alert.Severity {
	switch {
	case slices.Contains([]string{"critical", "page", "high", "error", "fatal", "emergency"}, word):
		return alert.Page
	case slices.Contains([]string{"info", "none", "notice"}, word):
		return alert.Info
	}
	return alert.Ticket
}

// sli counts with bare counters, by the grouping.
func (p promise) sli() slo.SLI {
	of := func(s selector) string { return sum(p.grouping, s.String()) }
	switch p.kind {
	case latency:
		return slo.SLI{Good: of(p.part), Total: of(p.total), Counter: true}
	case native:
		count := "histogram_count(" + of(p.total) + ")"
		return slo.SLI{Good: "histogram_fraction(0, " + number(p.within) + ", " + of(p.total) + ") * " + count, Total: count, Counter: true}
	case gauge:
		over := func(fn string) string {
			return sum(p.grouping, fn+"("+p.total.over("{{.window}}")+")")
		}
		return slo.SLI{Good: over("sum_over_time"), Total: over("count_over_time")}
	default:
		return slo.SLI{Bad: of(p.part), Total: of(p.total), Counter: true}
	}
}
