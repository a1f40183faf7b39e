package openslo

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/period"
)

// read makes the objectives of an SLO: one for each of its objectives, or a
// composite and its parts. Pairs are those of its policies, else the defaults,
// else none where it names an entry of a catalogue.
func (r *reader) read(meta ascode.Metadata, s SLOSpec) []slo.Objective {
	base := slo.Objective{ID: meta.Name, Name: meta.Title(), Service: s.Service, Window: 30 * day, Method: slo.Method(s.BudgetingMethod), Labels: flat(meta.Labels), Text: s.Description}
	if r.version == V2Alpha && meta.DisplayName != "" {
		r.note("metadata.displayName", "delete the line, or use openslo/v1", "v2alpha has no displayName")
	}
	for i, w := range s.TimeWindow {
		r.window(fmt.Sprintf("spec.timeWindow[%d]", i), w, &base)
	}
	own := r.annotations(meta.Annotations, &base)
	inline, ref, field := s.Indicator, s.IndicatorRef, "indicator"
	if r.version == V2Alpha {
		inline, ref, field = s.SLI, s.SLIRef, "sli"
	}
	r.strange("spec", s.Indicator, s.IndicatorRef, s.SLI, s.SLIRef)
	shared := inline != nil || ref != ""
	parts := r.withOwn(s.Objectives)
	var out []slo.Objective
	switch {
	case !shared && parts == 0:
		r.bad("spec", "give one of "+field+": and "+field+"Ref:", "exactly one of %s and %sRef must be given", field, field)
	case parts > 0 && shared:
		r.bad("spec", "keep the "+field+" of the SLO, or those of the objectives", "both the SLO and its objectives have an SLI")
	case parts > 0 && parts < len(s.Objectives):
		r.bad("spec.objectives", "give each of them one", "some objectives have an SLI of their own and some have none")
	case parts > 0 && !r.alpha:
		out = r.composite(base, own, s.Objectives, field)
	default:
		out = r.several(base, s, inline, ref, field)
	}
	r.alerting(out, s.AlertPolicies, own)
	return out
}

// withOwn counts the objectives that have an SLI of their own.
func (r *reader) withOwn(specs []ObjectiveSpec) (n int) {
	for _, o := range specs {
		if i, ref := r.of(o); i != nil || ref != "" {
			n++
		}
	}
	return n
}

// strange refuses the fields of the other version.
func (r *reader) strange(path string, v1 *InlineSLI, v1ref string, v2 *InlineSLI, v2ref string) {
	if r.version == V2Alpha && (v1 != nil || v1ref != "") {
		r.bad(path, "write sli: or sliRef:", "v2alpha has no indicator")
	}
	if r.version != V2Alpha && (v2 != nil || v2ref != "") {
		r.bad(path, "write indicator: or indicatorRef:", "%s has no sli", r.version)
	}
}

// of is the SLI that an objective has of its own.
func (r *reader) of(o ObjectiveSpec) (*InlineSLI, string) {
	if r.version == V2Alpha {
		return o.SLI, o.SLIRef
	}
	return o.Indicator, o.IndicatorRef
}

// several makes one objective of each; they share their SLI, or have their own
// in v1alpha.
func (r *reader) several(base slo.Objective, s SLOSpec, inline *InlineSLI, ref, field string) []slo.Objective {
	shared, ok := slo.SLI{}, false
	if inline != nil || ref != "" {
		shared, ok = r.indicator("spec", inline, ref, field)
	}
	if len(s.Objectives) > 1 && shared.Threshold != "" {
		r.note("spec.objectives", "write an SLO of its own for each", "an SLO with a threshold has exactly one objective")
	}
	var out []slo.Objective
	names := suffixes(s.Objectives)
	for i, spec := range s.Objectives {
		path := fmt.Sprintf("spec.objectives[%d]", i)
		o := base
		o.Labels = maps.Clone(base.Labels)
		o.SLI = shared
		complete := ok
		if own, ownRef := r.of(spec); own != nil || ownRef != "" {
			o.SLI, complete = r.indicator(path, own, ownRef, field)
		}
		if spec.CompositeWeight != nil {
			r.note(path+".compositeWeight", "delete the line", "compositeWeight means nothing without an indicator of the objective's own")
		}
		r.objective(path, spec, &o, complete)
		if len(s.Objectives) > 1 {
			o.ID += "-" + names[i]
			if spec.DisplayName != "" {
				o.Name += ": " + spec.DisplayName
			}
		}
		if complete || !r.shelf.whole {
			out = append(out, o)
		}
	}
	return out
}

// composite makes an objective of parts and the parts, whose ids are its own
// with .1, .2, … behind.
func (r *reader) composite(base slo.Objective, own extras, specs []ObjectiveSpec, field string) []slo.Objective {
	whole := base
	whole.Composite = &slo.Composite{Method: own.composite}
	if own.composite == "" {
		whole.Composite.Method = map[slo.Method]string{slo.Timeslices: "any-bad"}[base.Method]
		if whole.Composite.Method == "" {
			whole.Composite.Method = "weighted"
		}
	}
	var parts []slo.Objective
	for i, spec := range specs {
		path := fmt.Sprintf("spec.objectives[%d]", i)
		r.strange(path, spec.Indicator, spec.IndicatorRef, spec.SLI, spec.SLIRef)
		o := base
		o.ID, o.PartOf, o.Labels, o.Text = fmt.Sprintf("%s.%d", base.ID, i+1), base.ID, nil, ""
		o.Name = spec.DisplayName
		if o.Name == "" {
			o.Name = fmt.Sprintf("%s, part %d", base.Name, i+1)
		}
		inline, ref := r.of(spec)
		sli, ok := r.indicator(path, inline, ref, field)
		o.SLI = sli
		r.objective(path, spec, &o, ok)
		if !ok && r.shelf.whole {
			return nil
		}
		weight := 1.0
		if spec.CompositeWeight != nil {
			weight = *spec.CompositeWeight
		}
		parts = append(parts, o)
		whole.Composite.Parts = append(whole.Composite.Parts, slo.Component{Objective: o.ID, Weight: weight, Delayed: own.delayed})
	}
	if r.broken() {
		return nil
	}
	whole.Target, whole.Slice = jointTarget(parts, whole.Composite.Parts), parts[0].Slice
	if own.target != "" {
		t, err := slo.ParseTarget(own.target, false)
		if err != nil {
			r.bad("metadata.annotations", "write a share such as 0.995", "%scomposite-target: %v", prefix, err)
		}
		whole.Target = t
	}
	for _, p := range parts {
		if p.Slice.Length != whole.Slice.Length {
			r.bad("spec.objectives", "give all of them the same timeSliceWindow", "the parts of a composite have slices of the same length")
			break
		}
	}
	return append([]slo.Objective{whole}, parts...)
}

// window fills in the window or the calendar.
func (r *reader) window(path string, w TimeWindow, o *slo.Objective) {
	d, err := span(w.Duration)
	if err != nil || d < time.Hour || d > 400*day {
		r.bad(path+".duration", "for example 30d; a month is 1M, for 1m is one minute", "a window lies between 1h and 400d")
		return
	}
	o.Window = d
	if w.Calendar == nil {
		if w.IsRolling == nil || !*w.IsRolling {
			r.bad(path, "add isRolling: true, or calendar: {startTime: 2026-01-01 00:00:00, timeZone: Asia/Tokyo}", "the window is neither rolling nor of a calendar")
		}
		if r.version == V2Alpha && strings.ContainsAny(w.Duration, "MQY") {
			r.note(path+".duration", "write it in days", "v2alpha has m, h, d and w only")
		}
		return
	}
	if w.IsRolling != nil && *w.IsRolling {
		r.bad(path+".isRolling", "delete calendar:, or write isRolling: false", "a window of a calendar does not roll")
		return
	}
	r.calendar(path, w, o)
}

func (r *reader) calendar(path string, w TimeWindow, o *slo.Objective) {
	unit := w.Duration[len(w.Duration)-1:]
	every, _ := strconv.Atoi(w.Duration[:len(w.Duration)-1]) // span has read it
	zone, err := time.LoadLocation(w.Calendar.TimeZone)
	if err != nil || w.Calendar.TimeZone == "" || w.Calendar.TimeZone == "Local" {
		r.bad(path+".calendar.timeZone", "use an IANA name such as Asia/Tokyo", "unknown time zone %q", w.Calendar.TimeZone)
		return
	}
	start, err := time.ParseInLocation(time.DateTime, w.Calendar.StartTime, zone)
	switch {
	case err != nil:
		r.bad(path+".calendar.startTime", "for example 2026-01-01 00:00:00", "%q is not a time of the form YYYY-MM-DD hh:mm:ss", w.Calendar.StartTime)
	case unit == "m":
		r.bad(path+".duration", "a month is 1M", "a calendar has no periods of minutes")
	default:
		o.Calendar = &period.Calendar{Start: start, Every: every, Unit: unit, Zone: w.Calendar.TimeZone}
	}
}

// whole is a share of 1, as near as a Target comes to it: a slice of fewer than
// 10^12 events is good only where all of them are.
const wholeShare = "0.999999999999"

// objective fills in the target, the slice and the threshold.
func (r *reader) objective(path string, s ObjectiveSpec, o *slo.Objective, known bool) {
	if t, err := s.target(); err != nil {
		r.bad(path+"."+s.targetField(), "for example targetPercent: 99.9", "%v", err)
	} else {
		o.Target = t
	}
	switch {
	case o.SLI.Threshold != "" && (s.Op == "" || s.Value == nil):
		r.bad(path, "add op: lte and value: 0.3, for example", "a threshold needs op and value")
	case o.SLI.Threshold != "":
		o.SLI.Op, o.SLI.Value = s.Op, *s.Value
	case known && (s.Op != "" || s.Value != nil):
		r.note(path, "delete op and value", "op and value mean nothing for a ratio")
	}
	r.slice(path, s, o)
}

// slice fills in the slice of the methods that have one.
func (r *reader) slice(path string, s ObjectiveSpec, o *slo.Objective) {
	if o.Method == slo.Occurrences {
		if s.TimeSliceTarget != "" || s.TimeSliceWindow != "" {
			r.note(path, "delete the two, or write budgetingMethod: Timeslices", "timeSliceTarget and timeSliceWindow mean nothing for Occurrences")
		}
		return
	}
	text := string(s.TimeSliceWindow)
	if _, err := strconv.Atoi(text); err == nil {
		text += "m"
	}
	if text == "" && r.alpha {
		r.note(path, "add timeSliceWindow: 1m", "a slice lasts a minute where v1alpha does not say")
		text = "1m"
	}
	if text == "" {
		r.bad(path, "add timeSliceWindow: 1m, for example", "%s needs a timeSliceWindow", o.Method)
		return
	}
	length, err := span(text)
	switch {
	case err != nil || length > day:
		r.bad(path+".timeSliceWindow", "for example 1m, 5m or 1h", "a slice lies between 1m and 1d")
	case o.Calendar == nil && o.Window%length != 0:
		r.bad(path+".timeSliceWindow", "choose one that divides the window", "the window %s is not a number of slices of %s", slo.Short(o.Window), slo.Short(length))
	default:
		o.Slice.Length = length
	}
	switch {
	case o.Method == slo.Timeslices:
		r.sliceTarget(path, s, o)
	case s.TimeSliceTarget != "":
		r.note(path+".timeSliceTarget", "delete the line, or write budgetingMethod: Timeslices", "timeSliceTarget means nothing for RatioTimeslices")
	}
}

func (r *reader) sliceTarget(path string, s ObjectiveSpec, o *slo.Objective) {
	share := string(s.TimeSliceTarget)
	f, err := strconv.ParseFloat(share, 64)
	switch {
	case share == "" && o.SLI.Threshold == "":
		r.bad(path, "add timeSliceTarget: 0.95, for example", "Timeslices needs a timeSliceTarget")
		return
	case share == "" || (err == nil && f == 1):
		share = wholeShare
	}
	t, err := slo.ParseTarget(share, false)
	if err != nil || t.Budget() >= 1 {
		r.bad(path+".timeSliceTarget", "for example 0.95", "a timeSliceTarget is above 0 and at most 1")
		return
	}
	o.Slice.Target = t
}

func (o ObjectiveSpec) targetField() string {
	if o.TargetPercent != "" {
		return "targetPercent"
	}
	return "target"
}

func (o ObjectiveSpec) target() (slo.Target, error) {
	switch {
	case (o.Target == "") == (o.TargetPercent == ""):
		return slo.Target{}, fmt.Errorf("exactly one of target and targetPercent must be given")
	case o.TargetPercent != "":
		return slo.ParseTarget(string(o.TargetPercent), true)
	}
	return slo.ParseTarget(string(o.Target), false)
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// suffixes names each of several objectives: by its display name, or by its
// place where the names do not tell them apart.
func suffixes(specs []ObjectiveSpec) []string {
	out := make([]string, len(specs))
	seen := map[string]bool{}
	for i, s := range specs {
		out[i] = strings.Trim(notSlug.ReplaceAllString(strings.ToLower(s.DisplayName), "-"), "-")
		if out[i] == "" || seen[out[i]] || len(out[i]) > 40 {
			out[i] = strconv.Itoa(i + 1)
		}
		seen[out[i]] = true
	}
	return out
}

// flat joins the values of a label.
func flat(labels map[string]ascode.Strings) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out[k] = strings.Join(labels[k], ",")
	}
	return out
}
