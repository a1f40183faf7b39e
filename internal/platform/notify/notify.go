// Package notify says what a channel is: something that hands one message to
// one address. Each channel has a folder of its own below this one, and is
// done when the suite in notifytest passes.
//
// # Rules
//
//   - A delivery keeps its Message.ID through all its attempts, and the channel
//     shows it to the receiver, so that a repeated message can be recognised.
//   - An error of kind Unavailable means "try again", after [RetryAfter] if the
//     provider said when. Invalid, Denied and NotFound never heal by trying
//     (errs.Permanent).
//   - No error text carries a secret: not a token, a password, or an address
//     that is a capability.
package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Kind says why a person is told.
type Kind string

// The kinds.
const (
	Page     Kind = "page"     // act now
	Resolved Kind = "resolved" // what was paged is over
	Test     Kind = "test"     // somebody tries the channel
	Info     Kind = "info"     // good to know
	Canary   Kind = "canary"   // a machine tries the channel, every hour
)

// Mark tells the kinds apart without colour, where a channel has plain text.
func (k Kind) Mark() string {
	switch k {
	case Page:
		return "🔥 "
	case Resolved:
		return "✅ "
	case Test, Canary:
		return "🧪 "
	case Info:
	}
	return ""
}

// Link leads from a message to a page.
type Link struct {
	Text string `json:"text"`
	URL  string `json:"url"` // http or https; channels leave others out
}

// Message is what a person is told. Its fields are plain text, which channels
// format, escape and shorten for themselves.
type Message struct {
	ID       string // the same delivery always has the same ID; see Validate
	Kind     Kind
	Title    string // one line
	Body     string // may have lines
	Severity string // "critical", or ""
	Links    []Link // the first is where it is acknowledged
	At       time.Time
	Lang     string   // "en" or "ja"
	Ask      Ask      // a question that one tap answers; zero asks nothing
	Actions  []Action // what its receiver can do about it, the first the most likely
}

// Ask is a question below a message. Channels show each answer as a button, or
// as a link where they have none.
type Ask struct {
	Text    string `json:"text"`
	Answers []Link `json:"answers"`
}

const maxID = 128

// Validate refuses, as Invalid, a message that no channel could send: the ID
// is 1–128 letters, digits, "-" or "_", so that it is safe in every protocol.
func (m Message) Validate() error {
	if m.ID == "" || len(m.ID) > maxID {
		return errs.New(errs.Invalid, "message id has %d characters, want 1 to %d", len(m.ID), maxID)
	}
	for _, c := range []byte(m.ID) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '-' && c != '_' {
			return errs.New(errs.Invalid, "message id %q: want letters, digits, - and _ only", m.ID)
		}
	}
	if m.Title == "" {
		return errs.New(errs.Invalid, "message %s has no title", m.ID)
	}
	switch m.Kind {
	case Page, Resolved, Test, Info, Canary:
		return nil
	}
	return errs.New(errs.Invalid, "message %s is of unknown kind %q", m.ID, m.Kind)
}

// Receipt is what the provider said when it took the message.
type Receipt struct {
	ProviderID string // the provider's own name for it, or ""
	Detail     string // for the delivery log, in a few words
}

// Channel hands one message to one address. It is safe for concurrent use.
type Channel interface {
	// Name is what a device calls it: "slack", "sms".
	Name() string
	// Check returns an Invalid error, which says what an address looks like,
	// when address can be none. It does no I/O.
	Check(address string) error
	// Send returns when the provider has taken the message, or has not.
	// Its errors are classified as the package says; it obeys ctx.
	Send(ctx context.Context, address string, m Message) (Receipt, error)
}

// Fits returns an Invalid error where c could not send m to address whatever
// happens.
func Fits(c Channel, address string, m Message) error {
	if err := c.Check(address); err != nil {
		return err
	}
	return m.Validate()
}

// WaitError is the error inside an Unavailable one when the provider said for how
// long it will take nothing.
type WaitError struct{ After time.Duration }

// Error says how long.
func (w *WaitError) Error() string { return fmt.Sprintf("asks to wait %s", w.After) }

// RetryAfter reports for how long the provider asked to be left alone, or 0.
func RetryAfter(err error) time.Duration {
	if w, ok := errors.AsType[*WaitError](err); ok {
		return w.After
	}
	return 0
}
