package openslo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/openslo"
)

const day = 24 * time.Hour

func anyService(string) bool { return true }

// build reads one file; problems and notes come as text.
func build(text string) (objectives []slo.Objective, problems, notes string) {
	return buildWith(openslo.Kinds(), text)
}

func buildWith(kinds []ascode.Kind, text string) (objectives []slo.Objective, problems, notes string) {
	set, bad := ascode.Parse(map[string]string{"f.yaml": text}, kinds)
	objectives, more, hints := openslo.Build(set, anyService)
	return objectives, append(bad, more...).Error(), append(set.Notes, hints...).Error()
}

func must(t *testing.T, text string) []slo.Objective {
	t.Helper()
	out, problems, _ := build(text)
	if problems != "" || len(out) == 0 {
		t.Fatalf("%d objectives, problems:\n%s\n%s", len(out), problems, text)
	}
	return out
}

const ratio = `{spec: {ratioMetric: {counter: true, bad: {metricSource: {type: Prometheus, spec: {query: 'sum(errors)'}}}, total: {metricSource: {spec: {query: 'sum(all)'}}}}}}`

// of writes an SLO of v1 around lines of its spec.
func of(lines ...string) string {
	return "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: s}\nspec:\n  service: api\n  " + strings.Join(lines, "\n  ") + "\n"
}

func TestMethods(t *testing.T) {
	o := must(t, of("indicator: "+ratio, "budgetingMethod: Timeslices", "timeWindow: [{duration: 4w, isRolling: true}]", "objectives: [{target: 0.995, timeSliceTarget: 0.95, timeSliceWindow: 5}]"))[0]
	if o.Method != slo.Timeslices || o.Slice.Length != 5*time.Minute || o.Slice.Target.String() != "0.95" || o.NoData != slo.NoDataGood || o.Window != 28*day {
		t.Errorf("Timeslices: got %+v", o)
	}
	o = must(t, of("indicator: "+ratio, "budgetingMethod: RatioTimeslices", "objectives: [{target: 0.995, timeSliceWindow: 1h}]"))[0]
	if o.Method != slo.RatioTimeslices || o.Slice.Length != time.Hour || o.NoData != slo.NoDataIgnore || o.Window != 30*day || len(o.Pairs) != 4 {
		t.Errorf("RatioTimeslices: got %+v", o)
	}
	o = must(t, of("indicator: {spec: {thresholdMetric: {metricSource: {spec: {query: latency_seconds}}}}}", "budgetingMethod: Timeslices", "objectives: [{target: 0.99, op: lte, value: 0.3, timeSliceWindow: 1m}]"))[0]
	if o.SLI.Threshold != "latency_seconds" || o.SLI.Op != "lte" || o.SLI.Value != 0.3 || o.Slice.Target.Budget() > 1e-11 {
		t.Errorf("threshold: got %+v", o)
	}
	o = must(t, of("indicator: {spec: {ratioMetric: {raw: {metricSource: {spec: {query: 'error_share'}}}, rawType: failure}}}", "budgetingMethod: Occurrences", "objectives: [{targetPercent: 99.9}]"))[0]
	if o.SLI.Raw != "error_share" || !o.SLI.RawFails || o.Target.String() != "0.999" {
		t.Errorf("raw: got %+v", o.SLI)
	}
}

func TestCalendar(t *testing.T) {
	o := must(t, of("indicator: "+ratio, "budgetingMethod: Occurrences", "timeWindow: [{duration: 1M, calendar: {startTime: 2026-01-31 09:00:00, timeZone: Asia/Tokyo}}]", "objectives: [{target: 0.999}]"))[0]
	c := o.Calendar
	if c == nil || c.Every != 1 || c.Unit != "M" || c.Zone != "Asia/Tokyo" || c.Start.Format(time.RFC3339) != "2026-01-31T09:00:00+09:00" || o.Window != 30*day {
		t.Errorf("got %+v of %+v", c, o)
	}
}

func TestSeveralObjectivesAreSeveral(t *testing.T) {
	all := must(t, of("indicator: "+ratio, "budgetingMethod: Occurrences", "objectives: [{displayName: Very good, target: 0.999}, {target: 0.99}]"))
	if len(all) != 2 || all[0].ID != "s-very-good" || all[1].ID != "s-2" || all[1].Target.String() != "0.99" {
		t.Errorf("got %+v", all)
	}
}

func TestComposite(t *testing.T) {
	all := must(t, of("budgetingMethod: Occurrences", "objectives:",
		"- {displayName: Reads, target: 0.999, compositeWeight: 3, indicator: "+ratio+"}", "- {target: 0.995, indicator: "+ratio+"}"))
	whole := all[0]
	want := &slo.Composite{Method: "weighted", Parts: []slo.Component{{Objective: "s.1", Weight: 3}, {Objective: "s.2", Weight: 1}}}
	if diff := cmp.Diff(want, whole.Composite); diff != "" || len(all) != 3 {
		t.Errorf("%d objectives: %s", len(all), diff)
	}
	if whole.Target.String() != "0.998" || len(whole.Pairs) != 4 { // (3·0.999 + 0.995) / 4
		t.Errorf("whole: %+v", whole)
	}
	if p := all[1]; p.ID != "s.1" || p.PartOf != "s" || p.Name != "Reads" || len(p.Pairs) != 0 || p.SLI.Bad != "sum(errors)" {
		t.Errorf("part: %+v", p)
	}
}

func TestAlertPoliciesByNameAndInline(t *testing.T) {
	o := must(t, of("indicator: "+ratio, "budgetingMethod: Occurrences", "objectives: [{target: 0.999}]",
		"alertPolicies:", "- {alertPolicyRef: quick}",
		"- {kind: AlertPolicy, metadata: {name: slow}, spec: {alertWhenNoData: true, conditions: [{conditionRef: long}]}}")+`---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: quick}
spec:
  notificationTargets: [{targetRef: us}]
  conditions:
  - {conditionRef: long}
  - {kind: AlertCondition, spec: {severity: Critical, condition: {kind: burnrate, op: gt, threshold: 14.4, lookbackWindow: 5m, alertAfter: 2m}}}
---
apiVersion: openslo/v1
kind: AlertCondition
metadata: {name: long}
spec: {severity: page, condition: {op: lte, threshold: 14.4, lookbackWindow: 1h}}
---
apiVersion: openslo/v1
kind: AlertNotificationTarget
metadata: {name: us}
spec: {target: slack}
`)[0]
	want := []slo.Pair{
		{Severity: alert.Page, Rate: 14.4, Long: time.Hour, Short: 5 * time.Minute, For: 2 * time.Minute, Policy: "quick"},
		{Severity: alert.Page, Rate: 14.4, Long: time.Hour, Policy: "slow"},
	}
	if diff := cmp.Diff(want, o.Pairs); diff != "" {
		t.Error(diff)
	}
	if o.Absent != (slo.Absent{After: time.Hour, Severity: alert.Page}) {
		t.Errorf("absent: %+v", o.Absent)
	}
}

func TestAnnotations(t *testing.T) {
	o := must(t, strings.Replace(of("indicator: "+ratio, "budgetingMethod: Timeslices", "objectives: [{target: 0.999, timeSliceTarget: 1, timeSliceWindow: 1m}]"), "{name: s}",
		"{name: s, labels: {team: [a, b]}, annotations: {other: x, hinoban.dev/burn-rates: std/tier1@3, hinoban.dev/no-data: bad, hinoban.dev/first-sample: zero-origin, hinoban.dev/absent: 10m page, hinoban.dev/id: S_1}}", 1))[0]
	if o.ID != "S_1" || o.BurnRates != "std/tier1@3" || len(o.Pairs) != 0 || o.NoData != slo.NoDataBad || o.SLI.First != slo.ZeroOrigin || o.Absent.After != 10*time.Minute || o.Labels["team"] != "a,b" {
		t.Errorf("got %+v", o)
	}
}

// The other versions become the same objective.
func TestVersionsAgree(t *testing.T) {
	v1 := must(t, of("indicator: "+ratio, "budgetingMethod: Timeslices", "timeWindow: [{duration: 30d, isRolling: true}]", "objectives: [{target: 0.999, timeSliceTarget: 0.9, timeSliceWindow: 1m}]"))
	v2 := must(t, `apiVersion: openslo.com/v2alpha
kind: SLO
metadata: {name: s}
spec:
  service: api
  sliRef: ours
  budgetingMethod: Timeslices
  timeWindow: [{duration: 30d, isRolling: true}]
  objectives: [{target: 0.999, timeSliceTarget: 0.9, timeSliceWindow: 1m}]
---
apiVersion: openslo.com/v2alpha
kind: SLI
metadata: {name: ours}
spec: {ratioMetric: {counter: true, bad: {spec: {query: 'sum(errors)'}}, total: {dataSourceSpec: {type: prometheus}, spec: {query: 'sum(all)'}}}}
`)
	alpha := must(t, `apiVersion: openslo/v1alpha
kind: SLO
metadata: {name: s}
spec:
  service: api
  budgetingMethod: Timeslices
  timeWindows: [{unit: Day, count: 30, isRolling: true}]
  objectives:
  - target: 0.999
    value: 1
    timeSliceTarget: 0.9
    timeSliceWindow: 1m
    ratioMetrics: {counter: true, bad: {source: prometheus, queryType: promql, query: 'sum(errors)'}, total: {source: prometheus, queryType: promql, query: 'sum(all)'}}
`)
	for name, other := range map[string][]slo.Objective{"v2alpha": v2, "v1alpha": alpha} {
		if diff := cmp.Diff(v1, other, cmpopts.IgnoreFields(slo.Objective{}, "Doc", "Source"), cmp.Comparer(func(a, b slo.Target) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// What is refused, and what is only noted: where, what, remedy.
func TestFaults(t *testing.T) {
	good := func(more ...string) string {
		return of(append([]string{"indicator: " + ratio, "budgetingMethod: Occurrences", "objectives: [{target: 0.999}]"}, more...)...)
	}
	tests := []struct{ name, text, want string }{
		{"op of a ratio", of("indicator: "+ratio, "budgetingMethod: Occurrences", "objectives: [{op: gte, target: 0.999}]"), "note f.yaml:8:16: spec.objectives[0]: op and value mean nothing for a ratio — delete op and value"},
		{"no indicator", of("budgetingMethod: Occurrences", "objectives: [{target: 0.9}]"), "f.yaml:4:1: spec: exactly one of indicator and indicatorRef must be given — give one of"},
		{"unknown SLI", of("indicatorRef: x", "budgetingMethod: Occurrences", "objectives: [{target: 0.9}]"), `f.yaml:6:17: spec.indicatorRef: there is no SLI "x" — add an SLI`},
		{"threshold without op", of("indicator: {spec: {thresholdMetric: {metricSource: {spec: {query: up}}}}}", "budgetingMethod: Occurrences", "objectives: [{target: 0.9}]"), "a threshold needs op and value"},
		{"Datadog", of("indicator: {spec: {thresholdMetric: {metricSource: {type: Datadog, spec: {query: up}}}}}", "budgetingMethod: Occurrences", "objectives: [{op: lt, value: 1, target: 0.9}]"), `queries of type "Datadog" are not read — write the query in PromQL`},
		{"a minute for a month", good("timeWindow: [{duration: 1m, isRolling: true}]"), "f.yaml:9:27: spec.timeWindow[0].duration: a window lies between 1h and 400d — for example 30d; a month is 1M"},
		{"neither rolling nor calendar", good("timeWindow: [{duration: 30d}]"), "the window is neither rolling nor of a calendar"},
		{"zone", good("timeWindow: [{duration: 1M, calendar: {startTime: 2026-01-01 00:00:00, timeZone: Mars/Olympus}}]"), `unknown time zone "Mars/Olympus" — use an IANA name`},
		{"start", good("timeWindow: [{duration: 1M, calendar: {startTime: 2026-01-01, timeZone: UTC}}]"), "is not a time of the form YYYY-MM-DD hh:mm:ss"},
		{"slice that does not divide", of("indicator: "+ratio, "budgetingMethod: Timeslices", "objectives: [{target: 0.999, timeSliceTarget: 0.9, timeSliceWindow: 7m}]"), "the window 30d is not a number of slices of 7m"},
		{"no slice", of("indicator: "+ratio, "budgetingMethod: Timeslices", "objectives: [{target: 0.999}]"), "Timeslices needs a timeSliceWindow"},
		{"slice target 0", of("indicator: "+ratio, "budgetingMethod: Timeslices", "objectives: [{target: 0.999, timeSliceTarget: 0, timeSliceWindow: 1m}]"), "a timeSliceTarget is above 0 and at most 1"},
		{"no-data of occurrences", strings.Replace(good(), "{name: s}", "{name: s, annotations: {hinoban.dev/no-data: bad}}", 1), "use budgetingMethod: Timeslices"},
		{"unknown annotation", strings.Replace(good(), "{name: s}", "{name: s, annotations: {hinoban.dev/nodata: bad}}", 1), "unknown annotation hinoban.dev/nodata — known: absent, "},
		{"policies beside a catalogue", strings.Replace(good("alertPolicies: [{alertPolicyRef: p}]"), "{name: s}", "{name: s, annotations: {hinoban.dev/burn-rates: a/b}}", 1), "alert policies stand beside the catalogue entry a/b"},
		{"unknown policy", good("alertPolicies: [{alertPolicyRef: p}]"), `there is no alert policy "p"`},
		{"out of reach", strings.Replace(good("alertPolicies: [{kind: AlertPolicy, spec: {conditions: [{kind: AlertCondition, spec: {severity: page, condition: {op: gte, threshold: 14.4, lookbackWindow: 1h}}}]}}]"), "0.999", "0.9", 1), "14.4× over 1h can never fire: with a target of 90 % total failure burns at 10×"},
		{"op inverted", good("alertPolicies: [{kind: AlertPolicy, spec: {conditions: [{kind: AlertCondition, spec: {severity: page, condition: {op: lte, threshold: 2, lookbackWindow: 1h}}}]}}]"), "lte is read as gte"},
		{"half a composite", of("budgetingMethod: Occurrences", "objectives: [{target: 0.9, indicator: "+ratio+"}, {target: 0.9}]"), "some objectives have an SLI of their own"},
		{"sli in v1", of("sliRef: x", "budgetingMethod: Occurrences", "objectives: [{target: 0.9}]"), "openslo/v1 has no sli"},
		{"metricSource in v2alpha", strings.Replace(strings.Replace(good(), "openslo/v1", "openslo.com/v2alpha", 1), "indicator:", "sli:", 1), "v2alpha has no metricSource"},
		{"any source", strings.Replace(good(), "type: Prometheus", "type: Any", 1), "note f.yaml:6:57: spec.indicator.spec.ratioMetric.bad.metricSource: a source of type Any"},
		{"no slice in v1alpha", "apiVersion: openslo/v1alpha\nkind: SLO\nmetadata: {name: s}\nspec:\n  service: api\n  budgetingMethod: Timeslices\n  objectives:\n  - {target: 0.9, value: 1, timeSliceTarget: 0.5, ratioMetrics: {good: {source: prometheus, queryType: query, query: a}, total: {source: prometheus, query: b}}}\n", "note f.yaml:8:5: spec.objectives[0]: a slice lasts a minute"},
		{"Datadog in v1alpha", "apiVersion: openslo/v1alpha\nkind: SLO\nmetadata: {name: s}\nspec:\n  service: api\n  budgetingMethod: Occurrences\n  indicator: {thresholdMetric: {source: datadog, query: a}}\n  objectives:\n  - {target: 0.9, value: 1, op: lt}\n", "f.yaml:7:15: spec.indicator.thresholdMetric: queries of datadog"},
		{"source by name", of("indicatorRef: x", "budgetingMethod: Occurrences", "objectives: [{target: 0.9, op: lt, value: 1}]") + "---\napiVersion: openslo/v1\nkind: SLI\nmetadata: {name: x}\nspec: {thresholdMetric: {metricSource: {metricSourceRef: dd, spec: {query: a}}}}\n---\napiVersion: openslo/v1\nkind: DataSource\nmetadata: {name: dd}\nspec: {type: Datadog, connectionDetails: [{apiKey: k}]}\n", `f.yaml:6:17: spec.indicatorRef: the data source "dd" is of type "Datadog"`},
		{"same queries", strings.Replace(good(), "sum(errors)", "sum(all)", 1), "note f.yaml:6:22: spec.indicator.spec.ratioMetric: both sides of the ratio are the same query"},
	}
	for _, tt := range tests {
		_, problems, notes := build(tt.text)
		all := problems + "\n"
		for line := range strings.SplitSeq(notes, "\n") {
			all += "note " + line + "\n"
		}
		if !strings.Contains(all, tt.want) {
			t.Errorf("%s: got\n%swant %q", tt.name, all, tt.want)
		}
	}
}

// Written and read again, an objective is itself.
func TestRoundTrip(t *testing.T) {
	texts := []string{
		of("indicator: "+ratio, "budgetingMethod: Occurrences", "objectives: [{targetPercent: 99.95}]"),
		of("indicator: "+ratio, "budgetingMethod: Timeslices", "timeWindow: [{duration: 1Q, calendar: {startTime: 2026-01-01 00:00:00, timeZone: Europe/Berlin}}]", "objectives: [{target: 0.99, timeSliceTarget: 1, timeSliceWindow: 1d}]"),
		of("description: d", "indicator: {spec: {thresholdMetric: {metricSource: {spec: {query: up}}}}}", "budgetingMethod: RatioTimeslices", "objectives: [{target: 0.99, op: gte, value: 1, timeSliceWindow: 10m}]"),
		of("budgetingMethod: Timeslices", "objectives:", "- {displayName: A, target: 0.999, compositeWeight: 2, timeSliceTarget: 0.9, timeSliceWindow: 5m, indicator: "+ratio+"}", "- {target: 0.9, timeSliceTarget: 0.9, timeSliceWindow: 5m, indicator: "+ratio+"}"),
		strings.Replace(of("indicator: "+ratio, "budgetingMethod: Occurrences", "objectives: [{target: 0.999}]"), "{name: s}", "{name: s, displayName: S, labels: {a: b}, annotations: {hinoban.dev/alerting: 'off', hinoban.dev/first-sample: zero-origin, hinoban.dev/absent: 1h ticket}}", 1),
		strings.Replace(of("indicator: "+ratio, "budgetingMethod: Occurrences", "objectives: [{target: 0.999}]",
			"alertPolicies: [{kind: AlertPolicy, metadata: {name: p}, spec: {conditions: [{kind: AlertCondition, spec: {severity: info, condition: {threshold: 13.44, lookbackWindow: 1h, alertAfter: 3m}}}]}}]"),
			"{name: s}", "{name: s, annotations: {hinoban.dev/burn-rates: std/x@1, hinoban.dev/burn-rates-override: because, hinoban.dev/id: Über_1}}", 1),
	}
	for _, text := range texts {
		was := must(t, text)
		documents, err := openslo.Documents(was)
		if err != nil {
			t.Fatal(err)
		}
		written, err := ascode.Write(documents...)
		if err != nil {
			t.Fatal(err)
		}
		again := must(t, string(written))
		if diff := cmp.Diff(was, again, cmpopts.IgnoreFields(slo.Objective{}, "Doc", "Source"), cmp.Comparer(func(a, b slo.Target) bool { return a == b })); diff != "" {
			t.Errorf("%s\nwritten as\n%s%s", text, written, diff)
		}
	}
}

// Whatever the bytes are, reading ends; what is accepted can be written, and is
// the same when read again.
func FuzzRead(f *testing.F) {
	kinds := openslo.Kinds()
	for _, k := range kinds {
		f.Add(k.Example)
	}
	f.Add(of("budgetingMethod: Timeslices", "objectives:", "- {target: 0.999, timeSliceTarget: 0.9, timeSliceWindow: 5m, indicator: "+ratio+"}"))
	f.Add(of("indicator: "+ratio, "budgetingMethod: Occurrences", "timeWindow: [{duration: 1M, calendar: {startTime: 2026-01-31 09:00:00, timeZone: Asia/Tokyo}}]", "objectives: [{target: 0.999}]"))
	f.Fuzz(func(t *testing.T, text string) {
		was, problems, _ := buildWith(kinds, text)
		if problems != "" || len(was) == 0 {
			return
		}
		documents, err := openslo.Documents(was)
		if err != nil {
			return
		}
		written, err := ascode.Write(documents...)
		if err != nil {
			t.Fatal(err)
		}
		again, problems, _ := buildWith(kinds, string(written))
		if problems != "" || len(again) != len(was) {
			t.Fatalf("%d objectives became %d: %s\n%s", len(was), len(again), problems, written)
		}
		for i := range was {
			if was[i].Target != again[i].Target || was[i].Window != again[i].Window || was[i].SLI != again[i].SLI {
				t.Fatalf("%+v became %+v", was[i], again[i])
			}
		}
	})
}
