// Package notifytest is the suite that every channel passes, and the servers
// it passes it on: a webhook receiver, a Slack and an SMTP server that speak
// the real protocols, keep to the real limits, and fail when told to.
package notifytest

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Fault is one way in which a server treats one message badly.
type Fault string

// The faults. Whatever Refuse and Forbid mean in the protocol is permanent,
// the others are not.
const (
	Refuse         Fault = "refuse"           // the message or the address is bad
	Forbid         Fault = "forbid"           // we may not; the answer repeats our credentials
	Busy           Fault = "busy"             // a failure that will pass
	Throttle       Fault = "throttle"         // busy, and says to wait for 7 s
	Hang           Fault = "hang"             // takes the message and never answers
	ResetAtAccept  Fault = "reset_at_accept"  // resets the connection before it reads
	ResetAfterBody Fault = "reset_after_body" // keeps the message, then resets the connection
	NoGoodbye      Fault = "no_goodbye"       // takes the message, says so, and hangs up: no fault of ours (SMTP only)
)

// Delivery is what arrived, as the person at the other end would see it.
type Delivery struct {
	Key      string   // what tells a repeated message: a header, a Message-ID …
	Address  string   // who or what it was for, where the protocol says
	Title    string   // decoded
	Text     string   // decoded, without the title
	Links    []string // URLs that can be followed
	Buttons  []Button // that send something back when they are tapped
	Injected []string // headers, mentions and markup that came from the message's text
	Broken   []string // where it does not keep to the protocol
}

// Button is something to tap in a message whose provider tells us of the tap.
type Button struct {
	Text string
	Data string // what the provider keeps for us, and hands back
}

// Server is the other end.
type Server interface {
	// Next makes the next messages meet faults, in their order.
	Next(faults ...Fault)
	// Received returns what arrived so far, repeated messages included.
	Received() []Delivery
	// Shown returns what a person sees: the same, without the repeated
	// messages that the protocol itself drops.
	Shown() []Delivery
}

// Harness is one channel and the server it sends to.
type Harness struct {
	Channel notify.Channel
	Server  Server
	Address string   // one that the server takes
	Bad     []string // what Check must refuse
	Secrets []string // what no error may contain
	Faults  []Fault  // those that the server can do
	MaxText int      // the most runes of a body that may arrive
	NoBody  bool     // it has room for a title only
	NoLinks bool     // nobody can follow a link there

	// What comes back. All are nil where nothing does.
	Front  *Front                                                 // where the provider calls us
	Who    string                                                 // the address that an answer names
	Tap    func(t *testing.T, b Button)                           // somebody taps, and the provider tells us
	Forge  func(front string, b Button) []*http.Request           // what somebody else may send us
	Report func(t *testing.T, id string, s notify.ReportState)    // the provider reports of a message by its own id
	Speak  func(t *testing.T, answer string) (want notify.Answer) // somebody answers in words, where buttons are none
}

// can reports whether h's server can do f, and skips the test if not.
func (h Harness) can(t *testing.T, f Fault) {
	t.Helper()
	if !slices.Contains(h.Faults, f) {
		t.Skipf("%s has no fault %s", h.Channel.Name(), f)
	}
}

// inbox is what every fake server keeps.
type inbox struct {
	mu     sync.Mutex
	faults []Fault
	got    []Delivery
	seen   map[string]bool
	shown  []Delivery
}

// Next makes the next messages meet faults.
func (b *inbox) Next(faults ...Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, faults...)
}

// Received returns what arrived.
func (b *inbox) Received() []Delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

// Shown returns what a person sees.
func (b *inbox) Shown() []Delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.shown)
}

func (b *inbox) fault() Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) == 0 {
		return ""
	}
	f := b.faults[0]
	b.faults = b.faults[1:]
	return f
}

// keep notes an arrival; once shows only the first of a key.
func (b *inbox) keep(d Delivery, once bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh := !b.seen[d.Key]
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	b.seen[d.Key] = true
	b.got = append(b.got, d)
	if fresh || !once {
		b.shown = append(b.shown, d)
	}
}
