package slo

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

const apiVersion = "openslo/v1"

// DataSourceSpec is the spec of an OpenSLO DataSource. Only Prometheus sources
// are read; the server's own metrics are meant, whatever the details say.
type DataSourceSpec struct {
	Description       string         `json:"description,omitempty" maxLength:"1050"`
	Type              string         `json:"type" doc:"Prometheus."`
	ConnectionDetails map[string]any `json:"connectionDetails,omitempty"`
}

// MetricSource is OpenSLO's: where a metric comes from and its query.
type MetricSource struct {
	MetricSourceRef string     `json:"metricSourceRef,omitempty"`
	Type            string     `json:"type,omitempty"`
	Spec            QueryField `json:"spec"`
}

// QueryField is the spec of a Prometheus metric source.
type QueryField struct {
	Query string `json:"query" minLength:"1" doc:"PromQL: a counter, or a sum of counters, as of now; Hinoban puts in the window."`
}

// Metric is one side of a ratio.
type Metric struct {
	MetricSource MetricSource `json:"metricSource"`
}

// RatioMetric is OpenSLO's ratio of good (or bad) to total.
type RatioMetric struct {
	Counter bool    `json:"counter" doc:"true: the queries are over counters, which only grow. false: their samples are numbers of events."`
	Good    *Metric `json:"good,omitempty"`
	Bad     *Metric `json:"bad,omitempty"`
	Total   *Metric `json:"total,omitempty"`
}

// SLISpec is the spec of an OpenSLO SLI.
type SLISpec struct {
	Description string       `json:"description,omitempty" maxLength:"1050"`
	RatioMetric *RatioMetric `json:"ratioMetric,omitempty" doc:"Good or bad events, and all of them."`
}

// InlineSLI is an SLI inside an SLO.
type InlineSLI struct {
	Metadata *InlineMetadata `json:"metadata,omitempty"`
	Spec     SLISpec         `json:"spec"`
}

// InlineMetadata is the metadata of something inline.
type InlineMetadata struct {
	Name        string `json:"name,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
}

// TimeWindow is OpenSLO's: rolling in this version.
type TimeWindow struct {
	Duration  string `json:"duration" pattern:"^[0-9]+[mhdwMQY]$" patternDescription:"a number and one of m (minutes), h, d, w, M (30 days), Q (90), Y (365)" doc:"Such as 30d."`
	IsRolling bool   `json:"isRolling,omitempty"`
}

// ObjectiveSpec is one objective of an SLO.
type ObjectiveSpec struct {
	DisplayName   string         `json:"displayName,omitempty"`
	Target        ascode.Decimal `json:"target,omitempty" doc:"The share that must be good, 0.999; or give targetPercent."`
	TargetPercent ascode.Decimal `json:"targetPercent,omitempty" doc:"The percentage that must be good, 99.9; or give target."`
}

// SLOSpec is the spec of an OpenSLO SLO.
type SLOSpec struct { //nolint:revive // its name in the schema that is published
	Description     string          `json:"description,omitempty" maxLength:"1050"`
	Service         string          `json:"service" doc:"The name of a Service document."`
	Indicator       *InlineSLI      `json:"indicator,omitempty"`
	IndicatorRef    string          `json:"indicatorRef,omitempty" doc:"The name of an SLI document."`
	TimeWindow      []TimeWindow    `json:"timeWindow,omitempty" maxItems:"1"`
	BudgetingMethod string          `json:"budgetingMethod" enum:"Occurrences" doc:"Occurrences: every event counts."`
	Objectives      []ObjectiveSpec `json:"objectives" minItems:"1" maxItems:"1"`
	AlertPolicies   []AlertPolicy   `json:"alertPolicies,omitempty" doc:"Alert policies of your own take the place of the SRE Workbook's four pairs."`
}

// AlertPolicy is an inline OpenSLO AlertPolicy. Several conditions must hold at
// once; several policies alert on their own.
type AlertPolicy struct {
	Kind     string          `json:"kind" enum:"AlertPolicy"`
	Metadata InlineMetadata  `json:"metadata"`
	Spec     AlertPolicySpec `json:"spec"`
}

// AlertPolicySpec is the spec of an AlertPolicy.
type AlertPolicySpec struct {
	Description        string           `json:"description,omitempty"`
	AlertWhenNoData    bool             `json:"alertWhenNoData,omitempty"`
	AlertWhenResolved  bool             `json:"alertWhenResolved,omitempty"`
	AlertWhenBreaching bool             `json:"alertWhenBreaching,omitempty"`
	Conditions         []AlertCondition `json:"conditions" minItems:"1" maxItems:"2" doc:"One window, or a long and a short one with the same threshold."`
}

// AlertCondition is an inline OpenSLO AlertCondition.
type AlertCondition struct {
	Kind     string             `json:"kind" enum:"AlertCondition"`
	Metadata InlineMetadata     `json:"metadata,omitzero"`
	Spec     AlertConditionSpec `json:"spec"`
}

// AlertConditionSpec is the spec of an AlertCondition.
type AlertConditionSpec struct {
	Description string            `json:"description,omitempty"`
	Severity    string            `json:"severity" enum:"page,ticket" doc:"page wakes somebody, ticket waits for the week."`
	Condition   BurnRateCondition `json:"condition"`
}

// BurnRateCondition is a burn rate over one window.
type BurnRateCondition struct {
	Kind           string  `json:"kind,omitempty" enum:"burnrate"`
	Op             string  `json:"op" enum:"gt,gte" doc:"An alert is about too much: gte."`
	Threshold      float64 `json:"threshold" minimum:"1" doc:"The burn rate, times just enough."`
	LookbackWindow string  `json:"lookbackWindow" pattern:"^[0-9]+[mhdw]$" patternDescription:"a number and one of m (minutes), h, d, w"`
}

// Kinds are the documents that the room reads.
func Kinds() []ascode.Kind {
	return []ascode.Kind{
		ascode.Define(apiVersion, "DataSource", "Where metrics come from.", dataSourceExample, checkDataSource),
		ascode.Define(apiVersion, "SLI", "How good and total events are counted.", sliExample, func(e ascode.Envelope[SLISpec]) []ascode.FieldError { return checkSLI("spec", e.Spec) }),
		ascode.Define(apiVersion, "SLO", "A promise: which share of events must be good, over which window.", sloExample, checkSLO),
	}
}

const dataSourceExample = `apiVersion: openslo/v1
kind: DataSource
metadata: {name: prometheus}
spec: {type: Prometheus}
`

const sliExample = `apiVersion: openslo/v1
kind: SLI
metadata: {name: checkout-success}
spec:
  ratioMetric:
    counter: true
    bad:
      metricSource: {spec: {query: 'sum(http_requests_total{service="checkout",code=~"5.."})'}}
    total:
      metricSource: {spec: {query: 'sum(http_requests_total{service="checkout"})'}}
`

const sloExample = `apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout-availability, displayName: Checkout answers}
spec:
  service: checkout
  indicatorRef: checkout-success
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{targetPercent: 99.9}]
`

func checkDataSource(e ascode.Envelope[DataSourceSpec]) []ascode.FieldError {
	if !strings.EqualFold(e.Spec.Type, "prometheus") {
		return []ascode.FieldError{ascode.Fieldf("spec.type", "write type: Prometheus", "data sources of type %q are not read", e.Spec.Type)}
	}
	return nil
}

func checkSLI(path string, s SLISpec) (out []ascode.FieldError) {
	m := s.RatioMetric
	if m == nil {
		return []ascode.FieldError{ascode.Fieldf(path, "add ratioMetric: with good or bad, and total", "the SLI has no ratioMetric")}
	}
	if m.Total == nil {
		out = append(out, ascode.Fieldf(path+".ratioMetric", "add total:", "the ratio has no total"))
	}
	if (m.Good == nil) == (m.Bad == nil) {
		out = append(out, ascode.Fieldf(path+".ratioMetric", "give one of good: and bad:", "exactly one of good and bad must be given"))
	}
	sides := []struct {
		name string
		m    *Metric
	}{{"good", m.Good}, {"bad", m.Bad}, {"total", m.Total}}
	for _, side := range sides {
		if side.m == nil {
			continue
		}
		if _, err := metrics.OverWindow(side.m.MetricSource.Spec.Query, "increase", time.Hour); err != nil {
			out = append(out, ascode.Fieldf(path+".ratioMetric."+side.name+".metricSource.spec.query", "write the bare counter, such as sum(http_requests_total)", "%v", err))
		}
	}
	return out
}

func checkSLO(e ascode.Envelope[SLOSpec]) (out []ascode.FieldError) {
	s := e.Spec
	if (s.Indicator == nil) == (s.IndicatorRef == "") {
		out = append(out, ascode.Fieldf("spec", "give one of indicator: and indicatorRef:", "exactly one of indicator and indicatorRef must be given"))
	}
	if s.Indicator != nil {
		out = append(out, checkSLI("spec.indicator.spec", s.Indicator.Spec)...)
	}
	target, err := s.Objectives[0].target()
	if err != nil {
		out = append(out, ascode.Fieldf("spec.objectives[0]."+s.Objectives[0].targetField(), "for example targetPercent: 99.9", "%v", err))
	}
	window := 30 * 24 * time.Hour
	for i, w := range s.TimeWindow {
		d, derr := span(w.Duration)
		switch {
		case !w.IsRolling:
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.timeWindow[%d]", i), "add isRolling: true", "only rolling windows are read"))
		case derr != nil || d < time.Hour || d > 400*24*time.Hour:
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.timeWindow[%d].duration", i), "for example 30d; a month is 30d, for 1m is one minute", "a window lies between 1h and 400d"))
		default:
			window = d
		}
	}
	if err == nil {
		out = append(out, checkPolicies(s, window, target)...)
	}
	return out
}

func checkPolicies(s SLOSpec, window time.Duration, target Target) (out []ascode.FieldError) {
	for i, a := range s.AlertPolicies {
		path := fmt.Sprintf("spec.alertPolicies[%d].spec.conditions", i)
		p, err := a.pair()
		switch {
		case err != nil:
			out = append(out, ascode.Fieldf(path, "", "%v", err))
		case !p.Reachable(target):
			out = append(out, ascode.Fieldf(path+"[0].spec.condition.threshold", fmt.Sprintf("choose less than %s", Number(1/target.Budget())),
				"%s can never fire: with a target of %s %% total failure burns at %s×", p.Name(), target.Percent(), Number(1/target.Budget())))
		case p.Long > window:
			out = append(out, ascode.Fieldf(path, "", "the window %s is longer than the objective's", Short(p.Long)))
		}
	}
	if len(s.AlertPolicies) == 0 && len(DefaultPairs(window, target)) == 0 {
		out = append(out, ascode.Fieldf("spec.objectives[0]", "set alertPolicies: of your own", "with a target of %s %% over %s none of the default burn rates can fire", target.Percent(), Short(window)))
	}
	return out
}

func (o ObjectiveSpec) targetField() string {
	if o.TargetPercent != "" {
		return "targetPercent"
	}
	return "target"
}

func (o ObjectiveSpec) target() (Target, error) {
	switch {
	case (o.Target == "") == (o.TargetPercent == ""):
		return Target{}, fmt.Errorf("exactly one of target and targetPercent must be given")
	case o.TargetPercent != "":
		return ParseTarget(string(o.TargetPercent), true)
	}
	return ParseTarget(string(o.Target), false)
}

// pair turns a policy into a pair.
func (a AlertPolicy) pair() (Pair, error) {
	first := a.Spec.Conditions[0].Spec
	long, err := span(first.Condition.LookbackWindow)
	if err != nil {
		return Pair{}, err
	}
	p := Pair{Severity: alert.Severity(first.Severity), Rate: first.Condition.Threshold, Long: long, Policy: a.Metadata.Name}
	if len(a.Spec.Conditions) == 1 {
		return p, nil
	}
	second := a.Spec.Conditions[1].Spec
	if second.Condition.Threshold != p.Rate || second.Severity != first.Severity {
		return p, fmt.Errorf("the two conditions of a policy must have the same threshold and severity")
	}
	if p.Short, err = span(second.Condition.LookbackWindow); err != nil {
		return p, err
	}
	if p.Short > p.Long {
		p.Long, p.Short = p.Short, p.Long
	}
	return p, nil
}

var spanForm = regexp.MustCompile(`^([0-9]+)([mhdwMQY])$`)

// span reads OpenSLO's duration shorthand.
func span(s string) (time.Duration, error) {
	m := spanForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a duration such as 5m, 1h or 30d", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n == 0 || n > 1_000_000 {
		return 0, fmt.Errorf("%q is not a duration that makes sense", s)
	}
	const day = 24 * time.Hour
	unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "M": 30 * day, "Q": 90 * day, "Y": 365 * day}[m[2]]
	if time.Duration(n) > (1<<62)/unit {
		return 0, fmt.Errorf("%q is too long", s)
	}
	return time.Duration(n) * unit, nil
}

// Build makes the objectives of a set and checks what refers to what.
// hasService says whether the catalog of the same set knows a service.
func Build(set *ascode.Set, hasService func(string) bool) ([]Objective, ascode.Problems) {
	slis := map[string]SLISpec{}
	for _, d := range ascode.Of[SLISpec](set) {
		slis[d.Metadata.Name] = d.Spec
	}
	var out []Objective
	var problems ascode.Problems
	for _, d := range ascode.Of[SLOSpec](set) {
		if !hasService(d.Spec.Service) {
			problems = append(problems, d.At("spec.service", "add a Service document of this name, or mend the name", "there is no service %q", d.Spec.Service))
		}
		sli, ok := slis[d.Spec.IndicatorRef]
		if d.Spec.Indicator != nil {
			sli, ok = d.Spec.Indicator.Spec, true
		}
		if !ok {
			problems = append(problems, d.At("spec.indicatorRef", "add an SLI document of this name, or mend the name", "there is no SLI %q", d.Spec.IndicatorRef))
			continue
		}
		if o, ok := objective(d, sli); ok {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b Objective) int { return strings.Compare(a.ID, b.ID) })
	return out, problems
}

// objective builds one objective. ok is false where checkSLO has found fault.
func objective(d ascode.Doc[SLOSpec], sli SLISpec) (o Objective, ok bool) {
	if len(checkSLI("", sli)) > 0 || len(d.Spec.Objectives) != 1 {
		return o, false
	}
	target, err := d.Spec.Objectives[0].target()
	if err != nil {
		return o, false
	}
	o = Objective{ID: d.Metadata.Name, Name: d.Metadata.Title(), Service: d.Spec.Service, Target: target, Window: 30 * 24 * time.Hour, Doc: d.Text, Source: fmt.Sprintf("%s:%d", d.File, d.Line)}
	if len(d.Spec.TimeWindow) > 0 {
		if o.Window, err = span(d.Spec.TimeWindow[0].Duration); err != nil {
			return o, false
		}
	}
	o.SLI = SLI{Counter: sli.RatioMetric.Counter, Total: sli.RatioMetric.Total.MetricSource.Spec.Query}
	if sli.RatioMetric.Good != nil {
		o.SLI.Good = sli.RatioMetric.Good.MetricSource.Spec.Query
	} else {
		o.SLI.Bad = sli.RatioMetric.Bad.MetricSource.Spec.Query
	}
	o.Pairs = DefaultPairs(o.Window, target)
	if len(d.Spec.AlertPolicies) > 0 {
		o.Pairs = nil
	}
	for _, a := range d.Spec.AlertPolicies {
		p, err := a.pair()
		if err != nil {
			return o, false
		}
		o.Pairs = append(o.Pairs, p)
	}
	return o, true
}
