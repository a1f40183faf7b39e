package slo

import (
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// Burning says that an objective began to burn its budget too fast, or that it
// now burns at a higher severity.
type Burning struct {
	Objective string           `json:"objective"`
	Condition string           `json:"condition,omitempty"` // what holds, where it is not a burn rate: "remaining 0 %"
	Name      string           `json:"name"`
	Service   string           `json:"service"`
	Severity  alert.Severity   `json:"severity"`
	Pair      string           `json:"pair"` // "14.4× over 1h and 5m"
	Burn      float64          `json:"burn"` // over the long window
	Limit     float64          `json:"limit"`
	Sentence  string           `json:"sentence"`
	Expr      string           `json:"expr"`
	Evidence  []alert.Evidence `json:"evidence"`
	Target    string           `json:"target"` // percent
	Window    string           `json:"window"`
	Remaining float64          `json:"remaining"` // share of the budget
	Bad       float64          `json:"bad"`       // over the long window
	Total     float64          `json:"total"`
}

// EventName implements event.Event.
func (Burning) EventName() string { return "slo.burning" }

// Recovered says that an objective no longer burns too fast. Bad and Total are
// over the time from the run-up to the alert until now.
type Recovered struct {
	Objective string    `json:"objective"`
	Condition string    `json:"condition,omitempty"` // what no longer holds, where it was not a burn rate
	Name      string    `json:"name"`
	Service   string    `json:"service"`
	Since     time.Time `json:"since"`
	Seconds   float64   `json:"seconds"`
	From      time.Time `json:"from"` // the start of the time counted
	Bad       float64   `json:"bad"`
	Total     float64   `json:"total"`
	Counted   bool      `json:"counted"` // false where the counts could not be had
	Spent     float64   `json:"spent"`   // share of the budget that the bad events are
	Remaining float64   `json:"remaining"`
	Reason    string    `json:"reason"` // "within the objective again", or that what burned is no longer watched
}

// EventName implements event.Event.
func (Recovered) EventName() string { return "slo.recovered" }
