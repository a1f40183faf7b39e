package alert

import "time"

// Judged says what a person thinks of an alert.
type Judged struct {
	Alert    string   `json:"alert"`
	Rule     string   `json:"rule"`
	Origin   string   `json:"source"` // the alert's source
	Service  string   `json:"service"`
	Severity Severity `json:"severity"`
	Verdict  Verdict  `json:"verdict"` // this person's
	By       string   `json:"by"`
	Note     string   `json:"note,omitempty"`
	Now      Verdict  `json:"now"` // the alert's, everybody's counted
	// Actionable is the alert's verdict as precision counts it: true, false, or
	// absent where it is known or somebody else's. The newest event of an alert
	// counts.
	Actionable *bool `json:"actionable,omitempty"`
}

// EventName implements event.Event.
func (Judged) EventName() string { return "alert.judged" }

// Missed says that somebody should have been told and was not.
type Missed struct {
	Miss       string    `json:"miss"`
	Service    string    `json:"service"`
	What       string    `json:"what"`
	Rule       string    `json:"rule,omitempty"`
	By         string    `json:"by,omitempty"`
	Incident   string    `json:"incident,omitempty"`
	HappenedAt time.Time `json:"happened_at"`
}

// EventName implements event.Event.
func (Missed) EventName() string { return "alert.missed" }
