package hookout

import (
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// State is where a message stands.
type State string

// The states of a message.
const (
	Waiting State = "waiting"
	Sent    State = "sent"
	GivenUp State = "given_up"
)

// Message is one news for one subscription.
type Message struct {
	ID           string    `json:"id"`
	Subscription string    `json:"subscription"`
	Event        string    `json:"event"` // its id in the log
	Seq          int64     `json:"seq"`   // its place in the log
	Page         string    `json:"page"`
	Service      string    `json:"service"`
	Type         Type      `json:"type"`
	Body         []byte    `json:"-"`
	State        State     `json:"state"`
	CreatedAt    time.Time `json:"created_at"`
	DueAt        time.Time `json:"due_at"` // when to send, or to try again
	Attempts     int       `json:"attempts"`
	TriedAt      time.Time `json:"tried_at,omitzero"` // the last attempt
	Status       int       `json:"status,omitempty"`  // of the last answer; 0: there was none
	DoneAt       time.Time `json:"done_at,omitzero"`  // sent or given up
	Error        string    `json:"error,omitempty"`   // of the last attempt
}

// How messages are sent.
const (
	GiveUp  = 48 * time.Hour  // after the event
	Timeout = 5 * time.Second // for an answer
	gone    = 410
)

// Pause is how long to wait after the given number of attempts.
func Pause(attempts int) time.Duration {
	pauses := []time.Duration{
		0, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	}
	if attempts < len(pauses) {
		return pauses[max(0, attempts)]
	}
	return time.Hour
}

// Outcome is how an attempt ended.
type Outcome struct {
	Status int           // of the answer; 0: there was none
	Wait   time.Duration // what the other side asks for
	Err    error         // nil: it was taken
}

// Settle records the outcome of an attempt: sent, to be tried again, or given up.
// It is pure.
func (m *Message) Settle(o Outcome, now time.Time) []event.Fact {
	m.Attempts++
	m.Status, m.Error, m.TriedAt = o.Status, "", now
	if o.Err == nil {
		m.State, m.DoneAt = Sent, now
		return nil
	}
	m.Error = cut(o.Err.Error(), 500)
	last := m.CreatedAt.Add(GiveUp)
	m.DueAt = now.Add(max(Pause(m.Attempts), o.Wait))
	if o.Status != gone && now.Before(last) {
		if m.DueAt.After(last) {
			m.DueAt = last // once more at the end
		}
		return nil
	}
	m.State, m.DoneAt = GivenUp, now
	return []event.Fact{{
		Event: Failed{Subscription: m.Subscription, Message: m.ID, Page: m.Page, Type: m.Type, Attempts: m.Attempts, Error: m.Error},
		At:    now, Service: m.Service, Subject: oncall.Subject(m.Page), Actor: "oncall.hooks", Source: "oncall",
	}}
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%.*s…", n, s)
}
