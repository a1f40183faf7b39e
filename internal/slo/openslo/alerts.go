package openslo

import (
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
)

// alerting gives each objective its pairs. Parts of a composite have none.
func (r *reader) alerting(objectives []slo.Objective, items []PolicyItem, own extras) {
	var policies []placed
	var absent slo.Absent
	for i, item := range items {
		path := fmt.Sprintf("spec.alertPolicies[%d]", i)
		p, gone, ok := r.policy(path, item)
		if !ok {
			continue
		}
		policies = append(policies, placed{p, path})
		if gone.After > 0 && (absent.After == 0 || gone.After < absent.After) {
			absent = gone
		}
	}
	for i := range objectives {
		o := &objectives[i]
		if o.SLI.Counter {
			o.SLI.First = own.first
		}
		if o.PartOf != "" {
			o.BurnRates, o.Override, o.Absent = "", "", slo.Absent{}
			continue
		}
		if o.Absent.After == 0 {
			o.Absent = absent
		}
		r.pairs(o, items, policies, own)
	}
}

// placed is a pair and the path of its policy.
type placed struct {
	slo.Pair
	path string
}

func (r *reader) pairs(o *slo.Objective, items []PolicyItem, policies []placed, own extras) {
	switch {
	case own.silent && (len(items) > 0 || o.BurnRates != ""):
		r.bad("metadata.annotations", "keep one of the two", "%salerting: off stands beside what alerts", prefix)
	case own.silent:
	case o.BurnRates != "" && len(items) > 0 && o.Override == "":
		r.bad("spec.alertPolicies", "delete them, or say why in the annotation "+prefix+"burn-rates-override", "alert policies stand beside the catalogue entry %s", o.BurnRates)
	case o.Override != "" && (o.BurnRates == "" || len(items) == 0):
		r.bad("metadata.annotations", "give "+prefix+"burn-rates and alertPolicies with it", "%sburn-rates-override says why policies differ from a catalogue, and there is nothing to differ", prefix)
	case len(items) > 0:
		for _, p := range policies {
			r.reachable(p.path, p.Pair, *o)
			o.Pairs = append(o.Pairs, p.Pair)
		}
	case o.BurnRates == "":
		r.defaults(o)
	}
}

func (r *reader) defaults(o *slo.Objective) {
	o.Pairs = slo.DefaultPairs(o.Window, o.Target)
	if len(o.Pairs) == 0 && o.Target.Budget() > 0 {
		r.bad("spec.objectives[0]", "set alertPolicies: of your own", "with a target of %s %% over %s none of the default burn rates can fire", o.Target.Percent(), slo.Short(o.Window))
	}
}

// reachable refuses a pair that total failure does not reach.
func (r *reader) reachable(path string, p slo.Pair, o slo.Objective) {
	if o.Target.Budget() <= 0 {
		return // its own fault has been told
	}
	path += ".spec.conditions"
	switch {
	case !p.Reachable(o.Target):
		r.bad(path+"[0].spec.condition.threshold", fmt.Sprintf("choose less than %s", slo.Number(1/o.Target.Budget())),
			"%s can never fire: with a target of %s %% total failure burns at %s×", p.Name(), o.Target.Percent(), slo.Number(1/o.Target.Budget()))
	case p.Long > o.Window:
		r.bad(path, "choose a shorter lookbackWindow", "the window %s is longer than the objective's", slo.Short(p.Long))
	case p.Rate < 1:
		r.note(path+"[0].spec.condition.threshold", "choose 1 or more", "%s alerts while the objective is kept", p.Name())
	}
}

// policy turns a policy into a pair. ok is false where something is wrong or
// cannot be known yet.
func (r *reader) policy(path string, item PolicyItem) (p slo.Pair, absent slo.Absent, ok bool) {
	spec, name := item.Spec, ""
	if item.Metadata != nil {
		name = item.Metadata.Name
	}
	switch {
	case (item.Ref == "") == (item.Spec == nil):
		r.bad(path, "write alertPolicyRef: name, or kind: AlertPolicy with a spec", "an alert policy is either named or written out")
		return p, absent, false
	case item.Ref != "":
		found, known := r.shelf.policies[item.Ref]
		if !known {
			r.link(path+".alertPolicyRef", "add an AlertPolicy document of this name, or mend the name", "there is no alert policy %q", item.Ref)
			return p, absent, false
		}
		spec, name = &found, item.Ref
		path += ".alertPolicyRef"
	default:
		path += ".spec"
	}
	return r.policySpec(path, name, *spec)
}

func (r *reader) policySpec(path, name string, spec AlertPolicySpec) (p slo.Pair, absent slo.Absent, ok bool) {
	r.targets(path, spec.Targets)
	var pairs []slo.Pair
	for i, item := range spec.Conditions {
		at := fmt.Sprintf("%s.conditions[%d]", path, i)
		c, known := r.condition(at, item)
		if !known {
			return p, absent, false
		}
		pairs = append(pairs, c)
	}
	if len(pairs) == 0 {
		return p, absent, false
	}
	p = pairs[0]
	p.Policy = name
	if len(pairs) > 1 {
		if pairs[1].Rate != p.Rate || pairs[1].Severity != p.Severity {
			r.bad(path+".conditions", "give both the same", "the two conditions of a policy must have the same threshold and severity")
			return p, absent, false
		}
		p.Short = pairs[1].Long
		if p.Short > p.Long {
			p.Long, p.Short = p.Short, p.Long
		}
		p.For = max(p.For, pairs[1].For)
	}
	if spec.AlertWhenNoData {
		absent = slo.Absent{After: p.Long, Severity: p.Severity}
		if p.Short > 0 {
			absent.After = p.Short
		}
	}
	return p, absent, true
}

func (r *reader) targets(path string, items []TargetItem) {
	for i, t := range items {
		if t.Ref != "" && !r.shelf.targets[t.Ref] {
			r.link(fmt.Sprintf("%s.notificationTargets[%d].targetRef", path, i), "add an AlertNotificationTarget document of this name, or mend the name", "there is no notification target %q", t.Ref)
		}
	}
}

func (r *reader) condition(path string, item ConditionItem) (p slo.Pair, ok bool) {
	spec := item.Spec
	switch {
	case (item.Ref == "") == (spec == nil):
		r.bad(path, "write conditionRef: name, or kind: AlertCondition with a spec", "a condition is either named or written out")
		return p, false
	case item.Ref != "":
		found, known := r.shelf.conditions[item.Ref]
		if !known {
			r.link(path+".conditionRef", "add an AlertCondition document of this name, or mend the name", "there is no alert condition %q", item.Ref)
			return p, false
		}
		spec, path = &found, path+".conditionRef"
	default:
		path += ".spec"
	}
	return r.conditionSpec(path, *spec)
}

func (r *reader) conditionSpec(path string, s AlertConditionSpec) (p slo.Pair, ok bool) {
	severity, known := severityOf(s.Severity)
	if !known {
		r.note(path+".severity", "write page or ticket", "the severity %q is read as ticket", s.Severity)
	}
	if s.Condition.Op == "lt" || s.Condition.Op == "lte" {
		r.note(path+".condition.op", "write gte", "%s is read as gte: an alert is about a burn that is too fast", s.Condition.Op)
	}
	long, err := span(s.Condition.LookbackWindow)
	if err != nil {
		r.bad(path+".condition.lookbackWindow", "for example 1h", "%v", err)
		return p, false
	}
	after := time.Duration(0)
	if a := s.Condition.AlertAfter; a != "" && a != "0m" && a != "0h" {
		if after, err = span(a); err != nil {
			r.bad(path+".condition.alertAfter", "for example 5m", "%v", err)
			return p, false
		}
	}
	return slo.Pair{Severity: severity, Rate: s.Condition.Threshold, Long: long, For: after}, true
}
