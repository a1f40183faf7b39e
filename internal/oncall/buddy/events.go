package buddy

import "time"

// TookOver says that the buddy pages in the server's place.
type TookOver struct {
	Since   time.Time `json:"since"` // when the server was heard last, or when it was asked to step back
	Planned bool      `json:"planned"`
}

// EventName implements event.Event.
func (TookOver) EventName() string { return "oncall.buddy_took_over" }

// HandedBack says that the server pages again, and what its buddy brought.
type HandedBack struct {
	Since      time.Time `json:"since"`
	Planned    bool      `json:"planned"`
	Alerts     int       `json:"alerts"`
	Pages      int       `json:"pages"`
	Deliveries int       `json:"deliveries"` // rows of the ledger
}

// EventName implements event.Event.
func (HandedBack) EventName() string { return "oncall.buddy_handed_back" }
