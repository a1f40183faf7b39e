package policy

import "time"

// Gated says what was answered to a change.
type Gated struct {
	Service  string   `json:"service"`
	Class    string   `json:"class"`
	Summary  string   `json:"summary,omitempty"`
	URL      string   `json:"url,omitempty"`
	Decision Decision `json:"decision"`
	State    State    `json:"state"`
	Policy   string   `json:"policy"`
	Override string   `json:"override,omitempty"`
	Reason   string   `json:"reason"` // in English
	Evidence []Left   `json:"evidence"`
}

// EventName implements event.Event.
func (Gated) EventName() string { return "slo.gated" }

// GateOverridden says that somebody lets changes through for a while.
type GateOverridden struct {
	Override string    `json:"override"`
	Service  string    `json:"service"`
	Class    string    `json:"class"`
	Reason   string    `json:"reason"`
	Approver string    `json:"approver"`
	Expires  time.Time `json:"expires"`
	State    State     `json:"state"`
}

// EventName implements event.Event.
func (GateOverridden) EventName() string { return "slo.gate_overridden" }

// OverrideRevoked says that an override ended before its time.
type OverrideRevoked struct {
	Override string `json:"override"`
	Service  string `json:"service"`
	By       string `json:"by"`
}

// EventName implements event.Event.
func (OverrideRevoked) EventName() string { return "slo.gate_override_revoked" }

// StateChanged says that the budgets of a service are in another state.
type StateChanged struct {
	Service   string  `json:"service"`
	From      State   `json:"from,omitempty"`
	To        State   `json:"to"`
	Policy    string  `json:"policy"`
	Objective string  `json:"objective,omitempty"` // the one with the least left
	Remaining float64 `json:"remaining"`
}

// EventName implements event.Event.
func (StateChanged) EventName() string { return "slo.budget_state_changed" }
