package postmortem

// Drafted says that a report was written from the log.
type Drafted struct {
	Report    string `json:"report"`
	Incident  string `json:"incident"`
	Number    int    `json:"number"`
	Sentences int    `json:"sentences"`
	Cited     int    `json:"cited"`
}

// EventName implements event.Event.
func (Drafted) EventName() string { return "postmortem.drafted" }

// Edited says that a person changed a section.
type Edited struct {
	Report    string `json:"report"`
	Section   Key    `json:"section"`
	By        string `json:"by"`
	Sentences int    `json:"sentences"`
}

// EventName implements event.Event.
func (Edited) EventName() string { return "postmortem.edited" }

// Published says that a report is final, and who answers for it.
type Published struct {
	Report    string `json:"report"`
	Incident  string `json:"incident"`
	Approver  string `json:"approver"`
	Sentences int    `json:"sentences"`
	Cited     int    `json:"cited"`
}

// EventName implements event.Event.
func (Published) EventName() string { return "postmortem.published" }
