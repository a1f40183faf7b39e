package openslo

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
)

// Documents writes objectives as SLO documents of v1, one each, parts of a
// composite inside it. What OpenSLO has no words for is an annotation. What a
// catalogue gave an objective is left to the catalogue. It is Invalid where a
// duration is no whole number of minutes.
func Documents(objectives []slo.Objective) ([]any, error) {
	byID := map[string]slo.Objective{}
	for _, o := range objectives {
		byID[o.ID] = o
	}
	var out []any
	for _, o := range objectives {
		if o.PartOf != "" || o.Parent != "" {
			continue
		}
		w := writer{objective: o, notes: map[string]string{}}
		d := w.document(byID)
		if w.err != nil {
			return nil, fmt.Errorf("write %s as OpenSLO: %w", o.ID, w.err)
		}
		out = append(out, d)
	}
	return out, nil
}

type writer struct {
	objective slo.Objective
	notes     map[string]string // annotations
	err       error
}

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (w *writer) document(byID map[string]slo.Objective) document {
	o := w.objective
	d := document{APIVersion: V1, Kind: "SLO", Metadata: metadata{Name: o.ID, Labels: o.Labels}}
	if !dnsLabel.MatchString(o.ID) {
		d.Metadata.Name = strings.Trim(notSlug.ReplaceAllString(strings.ToLower(o.ID), "-"), "-")
		d.Metadata.Name = strings.Trim(d.Metadata.Name[:min(63, len(d.Metadata.Name))], "-")
		w.notes["id"] = o.ID
	}
	if o.Name != d.Metadata.Name {
		d.Metadata.DisplayName = o.Name
	}
	spec := SLOSpec{Description: o.Text, Service: o.Service, BudgetingMethod: string(o.Method), TimeWindow: []TimeWindow{w.window()}}
	if o.Composite == nil {
		spec.Indicator = inline(o)
		spec.Objectives = []ObjectiveSpec{w.spec(o)}
	} else {
		spec.Objectives = w.parts(byID)
	}
	spec.AlertPolicies = w.policies()
	w.annotate()
	d.Spec = spec
	for _, k := range slices.Sorted(maps.Keys(w.notes)) {
		if d.Metadata.Annotations == nil {
			d.Metadata.Annotations = map[string]string{}
		}
		d.Metadata.Annotations[prefix+k] = w.notes[k]
	}
	return d
}

// shorthand writes a duration in OpenSLO's form.
func (w *writer) shorthand(d time.Duration) string {
	switch {
	case d > 0 && d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	case d > 0 && d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d > 0 && d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	w.err = errs.New(errs.Invalid, "%s is no whole number of minutes", d)
	return ""
}

func (w *writer) window() TimeWindow {
	o := w.objective
	if c := o.Calendar; c != nil {
		rolls := false
		return TimeWindow{Duration: strconv.Itoa(c.Every) + c.Unit, IsRolling: &rolls, Calendar: &Calendar{StartTime: c.Start.Format(time.DateTime), TimeZone: c.Zone}}
	}
	rolls := true
	return TimeWindow{Duration: w.shorthand(o.Window), IsRolling: &rolls}
}

func metric(q string) *Metric {
	return &Metric{MetricSource: &MetricSource{Type: "Prometheus", Spec: Query{Query: q}}}
}

// inline is the SLI of o.
func inline(o slo.Objective) *InlineSLI {
	s := o.SLI
	out := &InlineSLI{Metadata: &InlineMetadata{Name: o.ID}}
	if s.Threshold != "" {
		out.Spec.ThresholdMetric = metric(s.Threshold)
		return out
	}
	r := &RatioMetric{Counter: s.Counter}
	out.Spec.RatioMetric = r
	if s.Raw != "" {
		r.Raw, r.RawType = metric(s.Raw), "success"
		if s.RawFails {
			r.RawType = "failure"
		}
		return out
	}
	r.Total = metric(s.Total)
	if s.Good != "" {
		r.Good = metric(s.Good)
	} else {
		r.Bad = metric(s.Bad)
	}
	return out
}

func (w *writer) spec(o slo.Objective) ObjectiveSpec {
	out := ObjectiveSpec{Target: number(o.Target.String())}
	if o.SLI.Threshold != "" {
		value := o.SLI.Value
		out.Op, out.Value = o.SLI.Op, &value
	}
	if o.Method != slo.Occurrences {
		w.sliceOf(o, &out)
	}
	return out
}

func (w *writer) sliceOf(o slo.Objective, out *ObjectiveSpec) {
	minutes := w.shorthand(o.Slice.Length)
	if w.err == nil && o.Slice.Length%day == 0 {
		minutes = strconv.Itoa(int(o.Slice.Length/time.Hour)) + "h"
	}
	out.TimeSliceWindow = textOf(minutes)
	if o.Method == slo.Timeslices {
		share := o.Slice.Target.String()
		if share == wholeShare {
			share = "1"
		}
		out.TimeSliceTarget = number(share)
	}
}

func (w *writer) parts(byID map[string]slo.Objective) (out []ObjectiveSpec) {
	var all []slo.Objective
	for i, part := range w.objective.Composite.Parts {
		o, ok := byID[part.Objective]
		if !ok {
			w.err = errs.New(errs.Invalid, "its part %s is not here", part.Objective)
			return nil
		}
		all = append(all, o)
		s := w.spec(o)
		s.Indicator = inline(o)
		if o.Name != fmt.Sprintf("%s, part %d", w.objective.Name, i+1) {
			s.DisplayName = o.Name
		}
		if part.Weight != 1 {
			weight := part.Weight
			s.CompositeWeight = &weight
		}
		if o.SLI.First != slo.Anchored {
			w.notes["first-sample"] = string(o.SLI.First)
		}
		if part.Delayed != "" {
			w.notes["when-delayed"] = part.Delayed
		}
		out = append(out, s)
	}
	c := w.objective.Composite
	if usual := map[bool]string{true: "any-bad", false: "weighted"}[w.objective.Method == slo.Timeslices]; c.Method != usual {
		w.notes["composite"] = c.Method
	}
	if jointTarget(all, c.Parts) != w.objective.Target {
		w.notes["composite-target"] = w.objective.Target.String()
	}
	return out
}

// policies are the pairs, where they are neither the defaults nor a catalogue's.
func (w *writer) policies() (out []PolicyItem) {
	o := w.objective
	if (o.BurnRates != "" && o.Override == "") || reflect.DeepEqual(o.Pairs, slo.DefaultPairs(o.Window, o.Target)) {
		return nil
	}
	if len(o.Pairs) == 0 {
		w.notes["alerting"] = "off"
		return nil
	}
	for _, p := range o.Pairs {
		condition := func(over time.Duration) ConditionItem {
			c := BurnRateCondition{Kind: "burnrate", Op: "gte", Threshold: p.Rate, LookbackWindow: w.shorthand(over)}
			if p.For > 0 {
				c.AlertAfter = w.shorthand(p.For)
			}
			return ConditionItem{Kind: "AlertCondition", Spec: &AlertConditionSpec{Severity: string(p.Severity), Condition: c}}
		}
		item := PolicyItem{Kind: "AlertPolicy", Spec: &AlertPolicySpec{Conditions: []ConditionItem{condition(p.Long)}}}
		if p.Policy != "" {
			item.Metadata = &InlineMetadata{Name: p.Policy}
		}
		if p.Short > 0 {
			item.Spec.Conditions = append(item.Spec.Conditions, condition(p.Short))
		}
		out = append(out, item)
	}
	return out
}

// annotate writes what OpenSLO has no words for.
func (w *writer) annotate() {
	o := w.objective
	usual := slo.NoDataIgnore
	if o.Method == slo.Timeslices {
		usual = slo.NoDataGood
	}
	if o.NoData != "" && o.NoData != usual {
		w.notes["no-data"] = string(o.NoData)
	}
	if o.SLI.First != slo.Anchored {
		w.notes["first-sample"] = string(o.SLI.First)
	}
	if o.BurnRates != "" {
		w.notes["burn-rates"] = o.BurnRates
	}
	if o.Override != "" {
		w.notes["burn-rates-override"] = o.Override
	}
	if o.Absent.After > 0 {
		w.notes["absent"] = w.shorthand(o.Absent.After) + " " + string(o.Absent.Severity)
	}
}
