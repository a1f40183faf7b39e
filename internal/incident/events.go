package incident

// Declared says that people begin to work on something.
type Declared struct {
	Incident string `json:"incident"`
	Number   int    `json:"number"`
	Title    string `json:"title"`
	Service  string `json:"service"`
	Severity int    `json:"severity"`
	By       string `json:"by,omitempty"`
	Alert    string `json:"alert,omitempty"`
}

// EventName implements event.Event.
func (Declared) EventName() string { return "incident.declared" }

// AlertAttached says that an alert belongs to the incident.
type AlertAttached struct {
	Incident string `json:"incident"`
	Alert    string `json:"alert"`
	Summary  string `json:"summary"`
}

// EventName implements event.Event.
func (AlertAttached) EventName() string { return "incident.alert_attached" }

// RoleChanged says who has a role now; an empty person leaves it open.
type RoleChanged struct {
	Incident string `json:"incident"`
	Role     Role   `json:"role"`
	Person   string `json:"person"`
}

// EventName implements event.Event.
func (RoleChanged) EventName() string { return "incident.role_changed" }

// SeverityChanged says how bad it is now.
type SeverityChanged struct {
	Incident string `json:"incident"`
	From     int    `json:"from"`
	To       int    `json:"to"`
}

// EventName implements event.Event.
func (SeverityChanged) EventName() string { return "incident.severity_changed" }

// NoteAdded is what somebody wrote into the timeline.
type NoteAdded struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	Text     string `json:"text"`
}

// EventName implements event.Event.
func (NoteAdded) EventName() string { return "incident.note_added" }

// Mitigated says that users are no longer hurt.
type Mitigated struct {
	Incident     string  `json:"incident"`
	By           string  `json:"by,omitempty"`
	How          string  `json:"how,omitempty"`
	AfterSeconds float64 `json:"after_seconds"` // since it was detected
}

// EventName implements event.Event.
func (Mitigated) EventName() string { return "incident.mitigated" }

// ResolvedEvent says that the work is done.
type ResolvedEvent struct {
	Incident string  `json:"incident"`
	Number   int     `json:"number"`
	Service  string  `json:"service"`
	Title    string  `json:"title"`
	By       string  `json:"by,omitempty"`
	Seconds  float64 `json:"seconds"` // since it was detected
}

// EventName implements event.Event.
func (ResolvedEvent) EventName() string { return "incident.resolved" }

// Reopened says that it is worked on again.
type Reopened struct {
	Incident string `json:"incident"`
	Reason   string `json:"reason"`
}

// EventName implements event.Event.
func (Reopened) EventName() string { return "incident.reopened" }
