package metrics

import "time"

// RuleTest is one test of Prometheus rules, as `promtool test rules` has it.
type RuleTest struct {
	Start          time.Time     // of the series; zero is 1970
	Interval       time.Duration // between two values of a series
	Every          time.Duration // between two evaluations of the rules
	Order          []string      // groups of rules, those first that others need
	Input          []InputSeries
	Alerts         []AlertCheck
	Exprs          []ExprCheck
	ExternalLabels map[string]string
	ExternalURL    string
	Fuzzy          bool // values may differ by the last bit
}

// InputSeries is one series of a test: a value for each interval from the start on.
type InputSeries struct {
	Labels map[string]string
	Values []InputValue
}

// InputValue is one value of a series of a test.
type InputValue struct {
	V         float64      // a stale marker is Prometheus' own NaN
	Missing   bool         // there is none
	Histogram Observations // nil: it is V
}

// Observations are those of a native histogram.
type Observations interface {
	// Upto is how many observations there were of at most upper; +Inf is all.
	Upto(upper float64) float64
}

// AlertCheck says which alerts of a name must fire at a time.
type AlertCheck struct {
	At   time.Duration // after the start
	Name string
	Want []ExpectedAlert
}

// ExpectedAlert is an alert that must fire. Its name is left out of Labels.
type ExpectedAlert struct{ Labels, Annotations map[string]string }

// ExprCheck says what a query must answer at a time.
type ExprCheck struct {
	At   time.Duration // after the start
	Expr string
	Want []ExpectedSample
}

// ExpectedSample is one line of an answer. Where Histogram is given, it is what
// counts.
type ExpectedSample struct {
	Labels    string // as PromQL has them: up{job="x"}
	V         float64
	Histogram string // in the notation of series
}

// Mismatch is one expectation of a test that was not met, or, where Problem is
// given, why it could not be told.
type Mismatch struct {
	What    string `json:"what"` // "alertname: Down", `expr: "up"`, "slo: checkout"
	At      string `json:"at,omitempty"`
	Want    string `json:"want,omitempty"`
	Got     string `json:"got,omitempty"`
	Problem string `json:"problem,omitempty"`
}
