package oncall

import (
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

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
	Shadows []string `json:"shadows,omitempty"` // who learns beside them
}

// EventName implements event.Event.
func (StepFired) EventName() string { return "oncall.step_fired" }

// Delivered says that a provider took a message.
type Delivered struct {
	Delivery string       `json:"delivery"`
	Page     string       `json:"page"`
	Kind     DeliveryKind `json:"kind"`
	Person   string       `json:"person"`
	Device   string       `json:"device"`
	Channel  string       `json:"channel"`
	Step     int          `json:"step"`
	Attempts int          `json:"attempts"`
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

// AdjustmentMade says that people changed who is on call for a while.
type AdjustmentMade struct {
	Adjustment string    `json:"adjustment"`
	Kind       rota.Kind `json:"kind"`
	Rota       string    `json:"rota,omitempty"`
	Person     string    `json:"person,omitempty"`
	Of         string    `json:"of,omitempty"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	Reason     string    `json:"reason,omitempty"`
}

// EventName implements event.Event.
func (AdjustmentMade) EventName() string { return "oncall.adjustment_made" }

// AdjustmentEnded takes an adjustment back; what it has been stays.
type AdjustmentEnded struct {
	Adjustment string    `json:"adjustment"`
	Kind       rota.Kind `json:"kind"`
	Rota       string    `json:"rota,omitempty"`
	Person     string    `json:"person,omitempty"`
}

// EventName implements event.Event.
func (AdjustmentEnded) EventName() string { return "oncall.adjustment_ended" }

// SwapTaken says that somebody takes the turns that another asked to give.
type SwapTaken struct {
	Adjustment string `json:"adjustment"`
	Rota       string `json:"rota"`
	Of         string `json:"of"`
	By         string `json:"by"`
}

// EventName implements event.Event.
func (SwapTaken) EventName() string { return "oncall.swap_taken" }

// ShadowGraduated says that somebody has shadowed as many pages as were asked.
type ShadowGraduated struct {
	Adjustment string    `json:"adjustment"`
	Rota       string    `json:"rota,omitempty"`
	Person     string    `json:"person"`
	Mode       rota.Mode `json:"mode"`
	Pages      int       `json:"pages"`
}

// EventName implements event.Event.
func (ShadowGraduated) EventName() string { return "oncall.shadow_graduated" }

// ShadowAcked says that somebody who only learns has looked at a page.
type ShadowAcked struct {
	Page    string `json:"page"`
	Service string `json:"service"`
	By      string `json:"by"`
}

// EventName implements event.Event.
func (ShadowAcked) EventName() string { return "oncall.shadow_acked" }

// PageJoined says that one of several who must answer did.
type PageJoined struct {
	Page     string `json:"page"`
	Service  string `json:"service"`
	By       string `json:"by"`
	Answered int    `json:"answered"`
	Needed   int    `json:"needed"`
}

// EventName implements event.Event.
func (PageJoined) EventName() string { return "oncall.page_joined" }

// Retriggered says that a page calls again from its first step, because an answer was
// forgotten ("ack_timeout") or an alert became worse ("worse").
type Retriggered struct {
	Page    string `json:"page"`
	Service string `json:"service"`
	By      string `json:"by"` // who had it; empty where nobody had
	Reason  string `json:"reason"`
}

// EventName implements event.Event.
func (Retriggered) EventName() string { return "oncall.retriggered" }

// StepPassed says that a step was passed over, because its conditions do not hold.
type StepPassed struct {
	Page    string `json:"page"`
	Service string `json:"service"`
	Step    int    `json:"step"`
	Round   int    `json:"round"`
}

// EventName implements event.Event.
func (StepPassed) EventName() string { return "oncall.step_passed" }

// StepPutOff says that a step waits for its hours.
type StepPutOff struct {
	Page    string    `json:"page"`
	Service string    `json:"service"`
	Step    int       `json:"step"`
	Round   int       `json:"round"`
	Until   time.Time `json:"until"`
}

// EventName implements event.Event.
func (StepPutOff) EventName() string { return "oncall.step_put_off" }
