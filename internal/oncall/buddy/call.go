package buddy

import (
	"encoding/base64"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// CallHeader is the header with the signed [Call] of a request; ForwardedHeader
// marks what one of the two passed on to the other, so that it goes no further.
const (
	CallHeader      = "X-Hinoban-Buddy-Call"
	ForwardedHeader = "X-Hinoban-Buddy-Forwarded"
)

// Call is what a request to the server says of its caller. It is signed.
type Call struct {
	From      string        `json:"from"` // "buddy", or "cli"
	Method    string        `json:"method"`
	Path      string        `json:"path"`
	Body      string        `json:"body"` // see BodySum
	Nonce     string        `json:"nonce"`
	Count     int64         `json:"count"` // grows with every call of From
	Role      Role          `json:"role,omitempty"`
	Planned   bool          `json:"planned,omitempty"`
	Since     time.Time     `json:"since,omitzero"` // active since
	URL       string        `json:"url,omitempty"`  // where the buddy listens
	DeadAfter time.Duration `json:"dead_after,omitempty"`
	Plan      string        `json:"plan,omitempty"` // version of the plan that it holds
}

// Header is a call as a header's value.
func (k Keys) Header(c Call) (string, error) {
	text, err := k.Sign(ForCall, c)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// Called verifies the call of a request: Denied where it is forged, or was signed
// for another request.
func (k Keys) Called(header, method, path string, body []byte) (c Call, err error) {
	text, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		return c, errs.New(errs.Denied, "this is no signed call")
	}
	if err := k.Verify(ForCall, text, &c); err != nil {
		return Call{}, err
	}
	if c.Method != method || c.Path != path || c.Body != BodySum(body) {
		return Call{}, errs.New(errs.Denied, "the call was signed for another request")
	}
	return c, nil
}

// Counts refuses, as Denied, calls that were made before.
type Counts map[string]int64

// Take notes a call.
func (n Counts) Take(c Call) error {
	if c.Count <= n[c.From] {
		return errs.New(errs.Denied, "this call was made before")
	}
	n[c.From] = c.Count
	return nil
}

// Beat is what the server says of itself. It is signed, and answers a nonce.
type Beat struct {
	Nonce   string    `json:"nonce"`
	Server  string    `json:"server"`
	At      time.Time `json:"at"`
	Role    Role      `json:"role"` // Active, or HandedOver
	Planned bool      `json:"planned,omitempty"`
	Version string    `json:"version"` // of its plan
	Works   bool      `json:"works"`   // its pager
	Detail  string    `json:"detail,omitempty"`
	// What it knows of its buddy.
	BuddyRole Role      `json:"buddy_role,omitempty"`
	BuddySeen time.Time `json:"buddy_seen,omitzero"`
	BuddyPlan string    `json:"buddy_plan,omitempty"`
}
