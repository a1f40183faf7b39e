package openslo

import (
	"encoding/json"

	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// The versions that are read.
const (
	V1      = "openslo/v1"
	V1Alpha = "openslo/v1alpha"
	V2Alpha = "openslo.com/v2alpha"
)

// DataSourceSpec is the spec of an OpenSLO DataSource. Only Prometheus sources
// are read; the server's own metrics are meant, whatever the details say.
type DataSourceSpec struct {
	Description       string `json:"description,omitempty" maxLength:"1050"`
	Type              string `json:"type" doc:"Prometheus."`
	ConnectionDetails any    `json:"connectionDetails,omitempty"`
}

// MetricSource is where a metric of v1 comes from and its query.
type MetricSource struct {
	MetricSourceRef string `json:"metricSourceRef,omitempty"`
	Type            string `json:"type,omitempty"`
	Spec            Query  `json:"spec"`
}

// Query is the spec of a Prometheus metric source. Other keys than query are
// left alone.
type Query struct {
	_      struct{} `json:"-" additionalProperties:"true"`
	Query  string   `json:"query,omitempty" doc:"PromQL: a counter, or a sum of counters, as of now; Hinoban puts in the window. A range may be written as {{.window}}."`
	PromQL string   `json:"promql,omitempty" doc:"Another name for query."`
}

// text is the query under whichever name it was given.
func (q Query) text() string {
	if q.Query != "" {
		return q.Query
	}
	return q.PromQL
}

// Metric is one side of a ratio, or what a threshold is about. v1 has
// metricSource, v2alpha has the rest.
type Metric struct {
	MetricSource   *MetricSource   `json:"metricSource,omitempty" doc:"v1."`
	DataSourceRef  string          `json:"dataSourceRef,omitempty" doc:"v2alpha."`
	DataSourceSpec *DataSourceSpec `json:"dataSourceSpec,omitempty" doc:"v2alpha."`
	Spec           *Query          `json:"spec,omitempty" doc:"v2alpha."`
}

// RatioMetric is OpenSLO's ratio of good (or bad) to total, or the ratio itself.
type RatioMetric struct {
	Counter bool    `json:"counter,omitempty" doc:"true: the queries are over counters, which only grow. false: their samples are numbers of events."`
	Good    *Metric `json:"good,omitempty"`
	Bad     *Metric `json:"bad,omitempty"`
	Total   *Metric `json:"total,omitempty"`
	Raw     *Metric `json:"raw,omitempty" doc:"A query whose value is a share of events."`
	RawType string  `json:"rawType,omitempty" enum:"success,failure" doc:"Which share raw is."`
}

// SLISpec is the spec of an OpenSLO SLI.
type SLISpec struct {
	Description     string       `json:"description,omitempty" maxLength:"1050"`
	ThresholdMetric *Metric      `json:"thresholdMetric,omitempty" doc:"A gauge; the objective's op and value say when it is good."`
	RatioMetric     *RatioMetric `json:"ratioMetric,omitempty" doc:"Good or bad events, and all of them."`
}

// InlineSLI is an SLI inside an SLO.
type InlineSLI struct {
	Metadata *InlineMetadata `json:"metadata,omitempty"`
	Spec     SLISpec         `json:"spec"`
}

// InlineMetadata is the metadata of something inline.
type InlineMetadata struct {
	Name        string                    `json:"name,omitempty"`
	DisplayName string                    `json:"displayName,omitempty"`
	Labels      map[string]ascode.Strings `json:"labels,omitempty"`
	Annotations map[string]string         `json:"annotations,omitempty"`
}

// TimeWindow is a rolling window, or a calendar period.
type TimeWindow struct {
	Duration  string    `json:"duration" pattern:"^[0-9]+[mhdwMQY]$" patternDescription:"a number and one of m (minutes), h, d, w, M (months), Q (quarters), Y (years)" doc:"Such as 30d. In a rolling window M is 30 days, Q 90, Y 365; in a calendar they are real."`
	IsRolling *bool     `json:"isRolling,omitempty" doc:"The default is false where there is a calendar."`
	Calendar  *Calendar `json:"calendar,omitempty"`
}

// Calendar says when the first of the periods began.
type Calendar struct {
	StartTime string `json:"startTime" doc:"YYYY-MM-DD hh:mm:ss, in the zone."`
	TimeZone  string `json:"timeZone" doc:"An IANA zone, such as Asia/Tokyo."`
}

// ObjectiveSpec is one objective of an SLO.
type ObjectiveSpec struct {
	DisplayName     string                    `json:"displayName,omitempty"`
	Op              string                    `json:"op,omitempty" enum:"lte,gte,lt,gt" doc:"For a threshold: a sample is good where it is op value."`
	Value           *float64                  `json:"value,omitempty"`
	Target          ascode.Decimal            `json:"target,omitempty" doc:"The share that must be good, 0.999; or give targetPercent."`
	TargetPercent   ascode.Decimal            `json:"targetPercent,omitempty" doc:"The percentage that must be good, 99.9; or give target."`
	TimeSliceTarget ascode.Decimal            `json:"timeSliceTarget,omitempty" doc:"Timeslices: the share of good events that makes a slice good, above 0 and at most 1."`
	TimeSliceWindow ascode.Text               `json:"timeSliceWindow,omitempty" doc:"The length of a slice: 1m, 5m, or a number of minutes."`
	Indicator       *InlineSLI                `json:"indicator,omitempty" doc:"Of a composite: what this part counts."`
	IndicatorRef    string                    `json:"indicatorRef,omitempty"`
	SLI             *InlineSLI                `json:"sli,omitempty" doc:"v2alpha: indicator."`
	SLIRef          string                    `json:"sliRef,omitempty" doc:"v2alpha: indicatorRef."`
	CompositeWeight *float64                  `json:"compositeWeight,omitempty" exclusiveMinimum:"0" doc:"Of a composite: how much this part counts. The default is 1."`
	Labels          map[string]ascode.Strings `json:"labels,omitempty" doc:"v2alpha."`
}

// SLOSpec is the spec of an OpenSLO SLO.
type SLOSpec struct {
	Description     string          `json:"description,omitempty" maxLength:"1050"`
	Service         string          `json:"service" doc:"The name of a Service document."`
	Indicator       *InlineSLI      `json:"indicator,omitempty"`
	IndicatorRef    string          `json:"indicatorRef,omitempty" doc:"The name of an SLI document."`
	SLI             *InlineSLI      `json:"sli,omitempty" doc:"v2alpha: indicator."`
	SLIRef          string          `json:"sliRef,omitempty" doc:"v2alpha: indicatorRef."`
	TimeWindow      []TimeWindow    `json:"timeWindow,omitempty" maxItems:"1" doc:"The default is 30d, rolling."`
	BudgetingMethod string          `json:"budgetingMethod" enum:"Occurrences,Timeslices,RatioTimeslices" doc:"Occurrences: every event counts. Timeslices: every slice of time, good or bad as a whole. RatioTimeslices: every slice, by its share of good events."`
	Objectives      []ObjectiveSpec `json:"objectives" minItems:"1" maxItems:"20"`
	AlertPolicies   []PolicyItem    `json:"alertPolicies,omitempty" doc:"Alert policies of your own take the place of the SRE Workbook's four pairs."`
}

// PolicyItem is an inline AlertPolicy, or the name of one.
type PolicyItem struct {
	Ref      string           `json:"alertPolicyRef,omitempty"`
	Kind     string           `json:"kind,omitempty" enum:"AlertPolicy"`
	Metadata *InlineMetadata  `json:"metadata,omitempty"`
	Spec     *AlertPolicySpec `json:"spec,omitempty"`
}

// AlertPolicySpec is the spec of an AlertPolicy. Several conditions must hold at
// once; several policies alert on their own.
type AlertPolicySpec struct {
	Description        string          `json:"description,omitempty" maxLength:"1050"`
	AlertWhenNoData    bool            `json:"alertWhenNoData,omitempty" doc:"Alert also when there has been no data for as long as its shortest window."`
	AlertWhenResolved  bool            `json:"alertWhenResolved,omitempty" doc:"The inbox always shows the end."`
	AlertWhenBreaching bool            `json:"alertWhenBreaching,omitempty"`
	Conditions         []ConditionItem `json:"conditions" minItems:"1" maxItems:"2" doc:"One window, or a long and a short one with the same threshold."`
	Targets            []TargetItem    `json:"notificationTargets,omitempty" doc:"Read and left alone: who is told is in the rotas and escalations."`
}

// ConditionItem is an inline AlertCondition, or the name of one.
type ConditionItem struct {
	Ref      string              `json:"conditionRef,omitempty"`
	Kind     string              `json:"kind,omitempty" enum:"AlertCondition"`
	Metadata *InlineMetadata     `json:"metadata,omitempty"`
	Spec     *AlertConditionSpec `json:"spec,omitempty"`
}

// AlertConditionSpec is the spec of an AlertCondition.
type AlertConditionSpec struct {
	Description string            `json:"description,omitempty" maxLength:"1050"`
	Severity    string            `json:"severity" doc:"page wakes somebody, ticket waits for the week. critical, high and the like are read as page, other words as ticket."`
	Condition   BurnRateCondition `json:"condition"`
}

// BurnRateCondition is a burn rate over one window.
type BurnRateCondition struct {
	Kind           string  `json:"kind,omitempty" enum:"burnrate"`
	Op             string  `json:"op,omitempty" enum:"gt,gte,lt,lte" doc:"An alert is about too much: gte."`
	Threshold      float64 `json:"threshold" exclusiveMinimum:"0" doc:"The burn rate, times just enough."`
	LookbackWindow string  `json:"lookbackWindow" pattern:"^[0-9]+[mhdw]$" patternDescription:"a number and one of m (minutes), h, d, w"`
	AlertAfter     string  `json:"alertAfter,omitempty" pattern:"^[0-9]+[mhdw]$" patternDescription:"a number and one of m (minutes), h, d, w"`
}

// TargetItem is an inline AlertNotificationTarget, or the name of one.
type TargetItem struct {
	Ref      string          `json:"targetRef,omitempty"`
	Kind     string          `json:"kind,omitempty" enum:"AlertNotificationTarget"`
	Metadata *InlineMetadata `json:"metadata,omitempty"`
	Spec     *TargetSpec     `json:"spec,omitempty"`
}

// TargetSpec is the spec of an AlertNotificationTarget.
type TargetSpec struct {
	Description string `json:"description,omitempty" maxLength:"1050"`
	Target      string `json:"target" doc:"Such as mail or slack."`
}

// AlphaSLOSpec is the spec of an SLO of v1alpha.
type AlphaSLOSpec struct {
	Description     string           `json:"description,omitempty" maxLength:"1050"`
	Service         string           `json:"service" doc:"The name of a Service document."`
	TimeWindows     []AlphaWindow    `json:"timeWindows,omitempty" maxItems:"1"`
	BudgetingMethod string           `json:"budgetingMethod" enum:"Occurrences,Timeslices"`
	Indicator       *AlphaIndicator  `json:"indicator,omitempty"`
	Objectives      []AlphaObjective `json:"objectives" minItems:"1" maxItems:"20"`
}

// AlphaWindow is a window of v1alpha.
type AlphaWindow struct {
	Unit      string    `json:"unit" enum:"Minute,Hour,Day,Week,Month,Quarter,Year"`
	Count     int       `json:"count" minimum:"1" maximum:"1000"`
	IsRolling *bool     `json:"isRolling,omitempty"`
	Calendar  *Calendar `json:"calendar,omitempty"`
}

// AlphaIndicator is a threshold of v1alpha.
type AlphaIndicator struct {
	ThresholdMetric AlphaMetric `json:"thresholdMetric"`
}

// AlphaMetric is a query of v1alpha.
type AlphaMetric struct {
	Source    string `json:"source" doc:"prometheus."`
	QueryType string `json:"queryType,omitempty" doc:"promql."`
	Query     string `json:"query" minLength:"1"`
}

// AlphaObjective is an objective of v1alpha.
type AlphaObjective struct {
	DisplayName     string         `json:"displayName,omitempty"`
	Op              string         `json:"op,omitempty" enum:"lte,gte,lt,gt"`
	Value           *float64       `json:"value,omitempty"`
	Target          ascode.Decimal `json:"target"`
	TimeSliceTarget ascode.Decimal `json:"timeSliceTarget,omitempty"`
	TimeSliceWindow ascode.Text    `json:"timeSliceWindow,omitempty"`
	RatioMetrics    *AlphaRatio    `json:"ratioMetrics,omitempty"`
}

// AlphaRatio is a ratio of v1alpha.
type AlphaRatio struct {
	Counter     bool         `json:"counter,omitempty"`
	Incremental bool         `json:"incremental,omitempty" doc:"An older name of counter."`
	Good        *AlphaMetric `json:"good,omitempty"`
	Bad         *AlphaMetric `json:"bad,omitempty"`
	Total       AlphaMetric  `json:"total"`
}

// document is an OpenSLO v1 SLO as it is written.
type document struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       any      `json:"spec"`
}

type metadata struct {
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// textOf is a string that may be a number.
func textOf(s string) ascode.Text { return ascode.Text(s) }

// number is a decimal as it was written.
func number(s string) ascode.Decimal { return ascode.Decimal(json.Number(s)) }
