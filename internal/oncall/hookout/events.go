package hookout

// Failed says that a message was given up.
type Failed struct {
	Subscription string `json:"subscription"`
	Message      string `json:"message"`
	Page         string `json:"page"`
	Type         Type   `json:"type"`
	Attempts     int    `json:"attempts"`
	Error        string `json:"error"`
}

// EventName implements event.Event.
func (Failed) EventName() string { return "oncall.hook_failed" }
