package buddy

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// How far a plan reaches.
const (
	PlanBack  = 24 * time.Hour
	PlanAhead = 14 * 24 * time.Hour
)

// Plan is all that paging needs.
type Plan struct {
	Server        string              `json:"server"`
	URL           string              `json:"url"`
	Version       string              `json:"version"` // the same as long as nothing has changed
	Sequence      int64               `json:"sequence"`
	Made          time.Time           `json:"made"`
	Files         map[string]string   `json:"files"` // the documents in use
	Adjustments   []oncall.Adjustment `json:"adjustments,omitempty"`
	Sources       []Source            `json:"sources,omitempty"`
	Subscriptions []Subscription      `json:"subscriptions,omitempty"`
	Silences      []json.RawMessage   `json:"silences,omitempty"`
	Keys          map[string][]byte   `json:"keys"` // that sign links and pushes, by purpose
	Pages         []Page              `json:"pages,omitempty"`
	Alerts        []Alert             `json:"alerts,omitempty"` // not resolved
}

// Source is one sender and its keys in clear: a plan is always sealed.
type Source struct {
	Doc    json.RawMessage `json:"doc"`
	Key    string          `json:"key"`
	Secret string          `json:"secret,omitempty"`
}

// Subscription is a browser that somebody allowed notifications in.
type Subscription struct {
	Person   string    `json:"person"`
	Agent    string    `json:"agent"`
	Endpoint string    `json:"endpoint"`
	P256DH   []byte    `json:"p256dh"`
	Auth     []byte    `json:"auth"`
	At       time.Time `json:"at"`
}

// Page is a page and its part of the ledger.
type Page struct {
	oncall.Page
	Ledger []Row `json:"ledger,omitempty"`
}

// Row is a delivery with the address that its JSON leaves out.
type Row struct {
	oncall.Delivery
	To string `json:"to"`
}

// Rows are deliveries as a plan has them.
func Rows(ds []oncall.Delivery) (out []Row) {
	for _, d := range ds {
		out = append(out, Row{Delivery: d, To: d.Address})
	}
	return out
}

// Deliveries are the rows of a page as its ledger has them, leased to nobody.
func (p Page) Deliveries() (out []oncall.Delivery) {
	for _, r := range p.Ledger {
		d := r.Delivery
		d.Address, d.Lease = r.To, time.Time{}
		out = append(out, d)
	}
	return out
}

// Alert is an alert and the ids of the signals that made it, where they are known.
type Alert struct {
	alert.Alert
	Signals []string `json:"signals,omitempty"`
}

// Batch is a part of what a buddy took, on its way back.
type Batch struct {
	Pages  []Page             `json:"pages,omitempty"`
	Alerts []Alert            `json:"alerts,omitempty"`
	Acks   []oncall.PageAcked `json:"acks,omitempty"` // who has what of it, with the last
	Last   bool               `json:"last,omitempty"`
	// Of the whole, with the last.
	Since      time.Time  `json:"since,omitzero"`
	WasActive  bool       `json:"was_active,omitempty"`
	Planned    bool       `json:"planned,omitempty"`
	Counts     HandedBack `json:"counts,omitzero"`
	TookOverAt time.Time  `json:"took_over_at,omitzero"`
}

// envelope is a plan on its way: the box holds it, sealed.
type envelope struct {
	Nonce    string `json:"nonce"`
	Sequence int64  `json:"sequence"`
	Box      []byte `json:"box"`
}

func (e envelope) bind() []byte { return fmt.Appendf(nil, "hinoban plan %s %d", e.Nonce, e.Sequence) }

// SealPlan returns a plan sealed and signed, as the answer to the question with
// this nonce.
func (k Keys) SealPlan(p Plan, nonce string) ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write the plan: %w", err)
	}
	e := envelope{Nonce: nonce, Sequence: p.Sequence}
	e.Box = k.box.Seal(nil, nil, text, e.bind())
	return k.Sign(ForPlan, e)
}

// OpenPlan verifies a plan and reads it. Denied where it is forged, changed or the
// answer to another question, Conflict where its sequence is not after the one
// that is held.
func (k Keys) OpenPlan(text []byte, nonce string, held int64) (p Plan, err error) {
	var e envelope
	if err := k.Verify(ForPlan, text, &e); err != nil {
		return p, err
	}
	if e.Nonce != nonce {
		return p, errs.New(errs.Denied, "the plan answers another question: it was recorded earlier")
	}
	if e.Sequence <= held {
		return p, errs.New(errs.Conflict, "the plan has the number %d, and %d is held already", e.Sequence, held)
	}
	plain, err := k.box.Open(nil, nil, e.Box, e.bind())
	if err != nil {
		return p, errs.New(errs.Denied, "the plan cannot be opened with our secret")
	}
	if err := json.Unmarshal(plain, &p); err != nil {
		return p, errs.New(errs.Invalid, "read the plan: %w", err)
	}
	if p.Sequence != e.Sequence {
		return p, errs.New(errs.Denied, "the plan's number is not that of its cover")
	}
	return p, nil
}
