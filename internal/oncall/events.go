package oncall

import "time"

// PageOpened says that a service calls for help.
type PageOpened struct {
	Page    string `json:"page"`
	Service string `json:"service"`
	Alert   string `json:"alert"`
	Policy  string `json:"policy,omitempty"`
	Summary string `json:"summary"`
}

// EventName implements event.Event.
func (PageOpened) EventName() string { return "oncall.page_opened" }

// AlertJoined says that an alert joined an open page.
type AlertJoined struct {
	Page    string `json:"page"`
	Alert   string `json:"alert"`
	Summary string `json:"summary"`
}

// EventName implements event.Event.
func (AlertJoined) EventName() string { return "oncall.alert_joined" }

// StepFired says whom a step tells. Step 0 of round 0 is the first call; every
// later one is an escalation.
type StepFired struct {
	Page    string   `json:"page"`
	Service string   `json:"service"`
	Step    int      `json:"step"`
	Round   int      `json:"round"`
	People  []string `json:"people"`
	Devices int      `json:"devices"`
}

// EventName implements event.Event.
func (StepFired) EventName() string { return "oncall.step_fired" }

// Delivered says that a provider took a message.
type Delivered struct {
	Delivery string `json:"delivery"`
	Page     string `json:"page"`
	Kind     string `json:"kind"`
	Person   string `json:"person"`
	Device   string `json:"device"`
	Channel  string `json:"channel"`
	Step     int    `json:"step"`
	Attempts int    `json:"attempts"`
}

// EventName implements event.Event.
func (Delivered) EventName() string { return "oncall.delivered" }

// DeliveryFailed says that a message was not taken.
type DeliveryFailed struct {
	Delivery string `json:"delivery"`
	Page     string `json:"page"`
	Person   string `json:"person"`
	Device   string `json:"device"`
	Channel  string `json:"channel"`
	Error    string `json:"error"`
	Retry    bool   `json:"retry"` // it is tried again
}

// EventName implements event.Event.
func (DeliveryFailed) EventName() string { return "oncall.delivery_failed" }

// PageAcked says that somebody answered.
type PageAcked struct {
	Page         string   `json:"page"`
	Service      string   `json:"service"`
	By           string   `json:"by"`
	Alerts       []string `json:"alerts"`
	AfterSeconds float64  `json:"after_seconds"`
}

// EventName implements event.Event.
func (PageAcked) EventName() string { return "oncall.acked" }

// Declined says that somebody passed the page on.
type Declined struct {
	Page    string `json:"page"`
	Service string `json:"service"`
	By      string `json:"by"`
}

// EventName implements event.Event.
func (Declined) EventName() string { return "oncall.declined" }

// Exhausted says that there is nobody left to tell.
type Exhausted struct {
	Page    string `json:"page"`
	Service string `json:"service"`
	Reason  string `json:"reason"`
}

// EventName implements event.Event.
func (Exhausted) EventName() string { return "oncall.exhausted" }

// PageClosed says that the alerts of a page are resolved.
type PageClosed struct {
	Page        string  `json:"page"`
	Service     string  `json:"service"`
	OpenSeconds float64 `json:"open_seconds"`
}

// EventName implements event.Event.
func (PageClosed) EventName() string { return "oncall.page_closed" }

// OverrideAdded says that somebody else is on call for a while.
type OverrideAdded struct {
	Override string    `json:"override"`
	Rota     string    `json:"rota"`
	Person   string    `json:"person"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Reason   string    `json:"reason,omitempty"`
}

// EventName implements event.Event.
func (OverrideAdded) EventName() string { return "oncall.override_added" }

// OverrideRemoved takes an override back.
type OverrideRemoved struct {
	Override string `json:"override"`
	Rota     string `json:"rota"`
	Person   string `json:"person"`
}

// EventName implements event.Event.
func (OverrideRemoved) EventName() string { return "oncall.override_removed" }
