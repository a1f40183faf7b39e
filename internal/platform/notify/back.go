package notify

import (
	"context"
	"net/http"
)

// The actions that a receiver may take on a message.
const (
	Ack     = "ack"     // I have it
	Decline = "decline" // not me: call the next one
)

// Action is something that the receiver of a message can do with one tap. A
// channel that hears what comes back shows a button that sends Token back; any
// other shows a link to URL.
type Action struct {
	ID    string // [Ack] or [Decline]
	Text  string // on the button
	URL   string // a page that asks once more and needs nobody signed in
	Token string // at most 60 bytes of letters, digits, ".", "-" and "_"
}

// Answer is what a receiver did about a message.
type Answer struct {
	Channel string // whose message
	Action  string // [Ack] or [Decline]
	Token   string // of the action; "" where the provider says only who answers
	Address string // who, as an address of the channel, where the provider says
}

// Report is what a provider says, later, of a message that it took. Reports
// come late, twice and out of order.
type Report struct {
	Channel    string
	ProviderID string // of the receipt
	Message    string // the message's ID, where the provider keeps it
	State      ReportState
	Detail     string // in a few words
	Cost       string // "0.0075 USD", where it is said
}

// ReportState is how far a message came after its provider took it.
type ReportState string

// The states that providers report.
const (
	Accepted    ReportState = "accepted"  // on its way; says nothing new
	Delivered   ReportState = "delivered" // on the device
	Read        ReportState = "read"      // seen, heard
	Undelivered ReportState = "failed"    // it will not arrive
)

// Back hears what comes back from receivers and providers. It is safe for
// concurrent use.
type Back interface {
	// Answered takes an answer, as often as it comes, and returns what to say to
	// whoever gave it, in their language. Denied where the token was made up.
	Answered(ctx context.Context, a Answer) (say string, err error)
	// Reported takes a report. NotFound where no such message was sent.
	Reported(ctx context.Context, r Report) error
}

// Hook is a path at which a provider calls us. Its handler checks by itself that
// it is the provider who calls.
type Hook struct {
	Pattern string // of net/http: "POST /hooks/twilio/status"
	Handler http.Handler
}

// Hooked is a channel whose provider calls us.
type Hooked interface {
	Hooks(b Back) []Hook
}

// Listener is a channel that keeps a connection of its own to the provider, so
// that what comes back needs no way in.
type Listener interface {
	// Listen hears until ctx ends; it returns nil then, and an error where it
	// cannot go on. It returns nil at once where nothing is configured to hear.
	Listen(ctx context.Context, b Back) error
}

// Finder is a channel whose provider can be asked whether it has a message,
// before one that is in doubt after a crash is sent again.
type Finder interface {
	// Find returns the receipt of a message that the provider took; ok is false
	// where it did not. Its errors are as of Send.
	Find(ctx context.Context, address string, m Message) (r Receipt, ok bool, err error)
}
