package alert

import "time"

// Fired says that an alert opened.
type Fired struct {
	Alert    string     `json:"alert"`
	Service  string     `json:"service"`
	Rule     string     `json:"rule"`
	Source   string     `json:"source"`
	Severity Severity   `json:"severity"`
	Summary  string     `json:"summary"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// EventName implements event.Event.
func (Fired) EventName() string { return "alert.fired" }

// Raised says that an open alert became more severe: by its severity or, where that
// is page and was, by the word of its sender.
type Raised struct {
	Alert    string   `json:"alert"`
	Service  string   `json:"service"`
	Rule     string   `json:"rule"`
	From     Severity `json:"from"`
	Severity Severity `json:"severity"`
	FromWord string   `json:"from_word,omitempty"` // the sender's, as its label has it
	Word     string   `json:"word,omitempty"`
	Summary  string   `json:"summary"`
}

// EventName implements event.Event.
func (Raised) EventName() string { return "alert.raised" }

// Acked says that a person has it.
type Acked struct {
	Alert        string  `json:"alert"`
	Service      string  `json:"service"`
	By           string  `json:"by"`
	AfterSeconds float64 `json:"after_seconds"`
}

// EventName implements event.Event.
func (Acked) EventName() string { return "alert.acked" }

// Unacked says that an acknowledgement was taken back.
type Unacked struct {
	Alert   string `json:"alert"`
	Service string `json:"service"`
	By      string `json:"by"`
}

// EventName implements event.Event.
func (Unacked) EventName() string { return "alert.unacked" }

// ResolvedEvent says that an alert closed.
type ResolvedEvent struct {
	Alert       string  `json:"alert"`
	Service     string  `json:"service"`
	Rule        string  `json:"rule"`
	Summary     string  `json:"summary"`
	By          string  `json:"by,omitempty"`
	OpenSeconds float64 `json:"open_seconds"`
}

// EventName implements event.Event.
func (ResolvedEvent) EventName() string { return "alert.resolved" }

// Silenced says that a silence was set, changed or ended.
type Silenced struct {
	Silence  string    `json:"silence"`
	Matchers string    `json:"matchers"` // {a="b", c=~"d"}
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at"` // not after the event's time: it was ended
	By       string    `json:"by"`
	Comment  string    `json:"comment,omitempty"`
}

// EventName implements event.Event.
func (Silenced) EventName() string { return "alert.silenced" }
