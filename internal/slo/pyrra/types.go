// Package pyrra reads Pyrra's ServiceLevelObjective and writes the Prometheus
// rules that Pyrra writes for it.
package pyrra

import (
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// APIVersion is the version that is read.
const APIVersion = "pyrra.dev/v1alpha1"

// Resource is the custom resource ServiceLevelObjective.
type Resource struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   rules.Object   `json:"metadata"`
	Spec       Spec           `json:"spec"`
	Status     map[string]any `json:"status,omitempty"`
}

// Spec is its spec.
type Spec struct {
	Description     string      `json:"description,omitempty"`
	Target          string      `json:"target" doc:"The percentage that must be good, in quotes: \"99.9\"."`
	Window          string      `json:"window" doc:"Such as 4w or 30d."`
	Indicator       Indicator   `json:"indicator"`
	Alerting        Alerting    `json:"alerting,omitzero"`
	PartialResponse string      `json:"partial_response_strategy,omitempty" enum:"abort,warn,"`
	Performance     bool        `json:"performanceOverAccuracy,omitempty" doc:"For the rules that are written; Hinoban itself counts exactly in any case."`
	RuleOutput      *RuleOutput `json:"ruleOutput,omitempty" doc:"For the rules that are written."`
}

// RuleOutput labels the rules that are written.
type RuleOutput struct {
	ShortRulesLabels   map[string]string `json:"shortRulesLabels,omitempty"`
	LongRulesLabels    map[string]string `json:"longRulesLabels,omitempty"`
	DescriptionAsLabel bool              `json:"enableDescriptionAsLabel,omitempty"`
}

// Indicator is exactly one of the four.
type Indicator struct {
	Ratio         *Ratio   `json:"ratio,omitempty"`
	Latency       *Latency `json:"latency,omitempty"`
	LatencyNative *Native  `json:"latencyNative,omitempty"`
	BoolGauge     *Gauge   `json:"bool_gauge,omitempty"`
}

// Query is a selector of one metric.
type Query struct {
	Metric string `json:"metric" doc:"A bare selector: http_requests_total{job=\"api\"}."`
}

// Ratio is errors to total.
type Ratio struct {
	Errors   Query    `json:"errors"`
	Total    Query    `json:"total"`
	Grouping []string `json:"grouping,omitempty" doc:"One objective for each value of these labels."`
}

// Latency is a bucket of a histogram to its count.
type Latency struct {
	Success  Query    `json:"success" doc:"A bucket, with le."`
	Total    Query    `json:"total" doc:"The histogram's _count."`
	Grouping []string `json:"grouping,omitempty"`
}

// Native is a native histogram and the time within which requests are good.
type Native struct {
	Total    Query    `json:"total"`
	Latency  string   `json:"latency" doc:"Such as 500ms."`
	Grouping []string `json:"grouping,omitempty"`
}

// Gauge is 1 where all is well.
type Gauge struct {
	Metric   string   `json:"metric"`
	Grouping []string `json:"grouping,omitempty"`
}

// Alerting says which alerts there are and what they are called.
type Alerting struct {
	Disabled   bool       `json:"disabled,omitempty" doc:"An older form of burnrates: false."`
	Burnrates  *bool      `json:"burnrates,omitempty" doc:"The default is true."`
	Absent     *bool      `json:"absent,omitempty" doc:"The default is true."`
	Name       string     `json:"name,omitempty"`
	AbsentName string     `json:"absentName,omitempty"`
	Severities Severities `json:"severities,omitzero"`
}

// Severities are the labels of the four pairs and of the absent alert.
type Severities struct {
	Fast   string `json:"fastBurn,omitempty"`
	Medium string `json:"mediumBurn,omitempty"`
	Slow   string `json:"slowBurn,omitempty"`
	Long   string `json:"longTermBurn,omitempty"`
	Absent string `json:"absent,omitempty"`
}

func (a Alerting) burns() bool { return !a.Disabled && (a.Burnrates == nil || *a.Burnrates) }

func (a Alerting) absent() bool { return a.Absent == nil || *a.Absent }
