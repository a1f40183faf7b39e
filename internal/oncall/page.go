package oncall

import (
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// PageState is where a page stands.
type PageState string

// The states of a page.
const (
	Calling  PageState = "calling"   // telling people, step by step
	Answered PageState = "answered"  // somebody has it
	Unheard  PageState = "unheard"   // every step was taken and nobody answered
	Closed   PageState = "closed"    // its alerts are resolved
	NoPolicy PageState = "no_policy" // there is nobody to tell: a hole in the configuration
)

// Page is one call for help for one service.
type Page struct {
	ID       string    `json:"id"`
	Service  string    `json:"service"`
	Policy   string    `json:"policy"`
	Summary  string    `json:"summary"`
	Alerts   []string  `json:"alerts"` // ids of the alerts that are not resolved
	State    PageState `json:"state"`
	Step     int       `json:"step"`    // the next step to fire
	Round    int       `json:"round"`   // how often the steps were begun again
	StepAt   time.Time `json:"step_at"` // when it fires
	OpenedAt time.Time `json:"opened_at"`
	AckedAt  time.Time `json:"acked_at,omitzero"`
	AckedBy  string    `json:"acked_by,omitempty"`
	ClosedAt time.Time `json:"closed_at,omitzero"`
}

// DeliveryState is where a delivery stands.
type DeliveryState string

// The states of a delivery.
const (
	Pending   DeliveryState = "pending"
	Sent      DeliveryState = "sent"
	Failed    DeliveryState = "failed"    // for good
	Cancelled DeliveryState = "cancelled" // an answer came first
)

// Delivery is one message to one device.
type Delivery struct {
	ID       string        `json:"id"`
	Page     string        `json:"page"`
	Kind     string        `json:"kind"` // "page", "resolved" or "test"
	Person   string        `json:"person"`
	Device   string        `json:"device"`
	Channel  string        `json:"channel"`
	Address  string        `json:"-"`
	Step     int           `json:"step"`
	State    DeliveryState `json:"state"`
	DueAt    time.Time     `json:"due_at"` // when to send, or to try again
	Lease    time.Time     `json:"-"`      // until then one sender has it
	Attempts int           `json:"attempts"`
	SentAt   time.Time     `json:"sent_at,omitzero"`
	Receipt  string        `json:"receipt,omitempty"`
	Error    string        `json:"error,omitempty"` // of the last attempt
}

// Subject is the log's name for a page.
func Subject(id string) string { return "page/" + id }

func (p *Page) fact(at time.Time, actor string, ev event.Event) event.Fact {
	return event.Fact{Event: ev, At: at, Service: p.Service, Subject: Subject(p.ID), Actor: actor, Source: "oncall"}
}

const worker = "oncall.pager"

// openPage starts a page for an alert. Its first step is due at once.
func openPage(id string, a AlertRef, policy Policy, ok bool, now time.Time) (Page, []event.Fact) {
	p := Page{ID: id, Service: a.Service, Policy: policy.ID, Summary: a.Summary, Alerts: []string{a.ID}, State: Calling, StepAt: now, OpenedAt: now}
	if !ok || len(policy.Steps) == 0 {
		p.State, p.StepAt = NoPolicy, time.Time{}
		return p, []event.Fact{p.fact(now, worker, PageOpened{Page: id, Service: a.Service, Alert: a.ID, Summary: a.Summary}), p.fact(now, worker, Exhausted{Page: id, Service: a.Service, Reason: "no escalation policy covers this service"})}
	}
	return p, []event.Fact{p.fact(now, worker, PageOpened{Page: id, Service: a.Service, Alert: a.ID, Policy: policy.ID, Summary: a.Summary})}
}

// attention is how long an answer covers what else happens to the service.
const attention = 5 * time.Minute

// join adds an alert to an open page. The steps go on as they are; where they
// had ended without an answer, or had never begun for want of a policy, they
// begin again.
func (p *Page) join(a AlertRef, policy Policy, now time.Time) []event.Fact {
	if slices.Contains(p.Alerts, a.ID) {
		return nil
	}
	p.Alerts = append(p.Alerts, a.ID)
	if p.State == NoPolicy && policy.ID != "" && len(policy.Steps) > 0 {
		p.Policy, p.State = policy.ID, Unheard // somebody has mended the configuration
	}
	// Whoever answered just now is looking at it; later, something new is a new call.
	if p.State == Answered && now.Sub(p.AckedAt) >= attention {
		p.State, p.AckedAt, p.AckedBy = Unheard, time.Time{}, ""
	}
	if p.State == Unheard {
		p.State, p.Step, p.Round, p.StepAt = Calling, 0, 0, now
	}
	return []event.Fact{p.fact(now, worker, AlertJoined{Page: p.ID, Alert: a.ID, Summary: a.Summary})}
}

// World is what Advance may know beside the page: the plan, the overrides and
// the people.
type World struct {
	Plan      *Plan
	Overrides []Override
	Person    func(id string) (catalog.Person, error)
	NewID     func() string
}

// Advance fires every step that is due at now and returns the new deliveries
// and the news. It is pure but for fresh ids.
func (p *Page) Advance(w World, now time.Time) (out []Delivery, facts []event.Fact) {
	policy, ok := w.Plan.Policy(p.Policy)
	reason := "every step was taken and nobody answered"
	if !ok {
		reason = fmt.Sprintf("the escalation policy %q is no longer there", p.Policy)
	}
	if p.OpenedAt.After(now) {
		// The clock was set back: deadlines by the old one would come too late.
		p.OpenedAt, p.StepAt = now, now
	}
	for p.State == Calling && !p.StepAt.After(now) {
		if !ok || (p.Step >= len(policy.Steps) && (p.Round >= policy.Repeat || len(policy.Steps) == 0)) {
			p.State, p.StepAt = Unheard, time.Time{}
			return out, append(facts, p.fact(now, worker, Exhausted{Page: p.ID, Service: p.Service, Reason: reason}))
		}
		if p.Step >= len(policy.Steps) {
			p.Step, p.Round = 0, p.Round+1
		}
		step := policy.Steps[p.Step]
		people := w.Plan.OnCall(step, w.Overrides, now)
		ds := p.deliveries(w, people, now)
		out = append(out, ds...)
		facts = append(facts, p.fact(now, worker, StepFired{Page: p.ID, Service: p.Service, Step: p.Step, Round: p.Round, People: people, Devices: len(ds)}))
		p.Step++
		// Nobody to tell: do not wait for an answer that cannot come.
		p.StepAt = now
		if len(ds) > 0 {
			p.StepAt = now.Add(step.Wait)
		}
	}
	return out, facts
}

func (p *Page) deliveries(w World, people []string, now time.Time) (out []Delivery) {
	for _, id := range people {
		who, err := w.Person(id)
		if err != nil {
			continue // gone from the catalog: StepFired shows a person without devices
		}
		for _, d := range who.Devices {
			out = append(out, Delivery{ID: w.NewID(), Page: p.ID, Kind: "page", Person: id, Device: d.ID, Channel: d.Channel, Address: d.Address, Step: p.Step, State: Pending, DueAt: now.Add(d.After)})
		}
	}
	return out
}

// Ack records an answer. Repeating it by the same person is no news.
func (p *Page) Ack(by string, now time.Time, source string) ([]event.Fact, error) {
	switch {
	case p.State == Closed:
		return nil, errs.New(errs.Conflict, "page %s is closed already", p.ID)
	case p.State == Answered && p.AckedBy == by:
		return nil, nil
	}
	p.State, p.AckedAt, p.AckedBy, p.StepAt = Answered, now, by, time.Time{}
	f := p.fact(now, "person/"+by, PageAcked{Page: p.ID, Service: p.Service, By: by, Alerts: p.Alerts, AfterSeconds: now.Sub(p.OpenedAt).Seconds()})
	f.Source = source
	return []event.Fact{f}, nil
}

// Escalate fires the next step now: "I am not available". While somebody else
// has the page it is a Conflict.
func (p *Page) Escalate(by string, now time.Time) ([]event.Fact, error) {
	switch {
	case p.State == Closed:
		return nil, errs.New(errs.Conflict, "page %s is closed already", p.ID)
	case p.State == Answered && p.AckedBy != by:
		return nil, errs.New(errs.Conflict, "page %s is with %s", p.ID, p.AckedBy)
	case p.State == NoPolicy:
		return nil, errs.New(errs.Conflict, "page %s has nobody to go on to: no escalation policy covers %s", p.ID, p.Service)
	}
	return p.callAgain(by, now), nil
}

// callAgain takes the answer away and makes the next step due.
func (p *Page) callAgain(by string, now time.Time) []event.Fact {
	p.State, p.AckedAt, p.AckedBy, p.StepAt = Calling, time.Time{}, "", now
	return []event.Fact{p.fact(now, "person/"+by, Declined{Page: p.ID, Service: p.Service, By: by})}
}

// resolve takes a resolved alert off the page, and closes it with the last.
func (p *Page) resolve(alertID string, now time.Time) []event.Fact {
	i := slices.Index(p.Alerts, alertID)
	if i < 0 || p.State == Closed {
		return nil
	}
	p.Alerts = slices.Delete(p.Alerts, i, i+1)
	if len(p.Alerts) > 0 {
		return nil
	}
	p.State, p.ClosedAt, p.StepAt = Closed, now, time.Time{}
	return []event.Fact{p.fact(now, worker, PageClosed{Page: p.ID, Service: p.Service, OpenSeconds: now.Sub(p.OpenedAt).Seconds()})}
}

// retries are the pauses before each further attempt of a delivery.
var retries = []time.Duration{0, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute} //nolint:gochecknoglobals // a constant table

// Settle records the outcome of an attempt: sent, to be tried again at a later
// time, or failed for good. It is pure.
func (d *Delivery) Settle(receipt string, err error, retryAfter time.Duration, now time.Time) []event.Fact {
	d.Attempts++
	d.Lease = time.Time{}
	fact := event.Fact{At: now, Subject: Subject(d.Page), Actor: worker, Source: "oncall"}
	if err == nil {
		d.State, d.SentAt, d.Receipt, d.Error = Sent, now, receipt, ""
		fact.Event = Delivered{Delivery: d.ID, Page: d.Page, Kind: d.Kind, Person: d.Person, Device: d.Device, Channel: d.Channel, Step: d.Step, Attempts: d.Attempts}
		return []event.Fact{fact}
	}
	d.Error = cut(err.Error(), 500)
	if !errs.Permanent(err) && d.Attempts < len(retries) {
		d.DueAt = now.Add(max(retries[d.Attempts], retryAfter))
		if d.Attempts > 1 {
			return nil // said once; the ledger has the rest
		}
		fact.Event = DeliveryFailed{Delivery: d.ID, Page: d.Page, Person: d.Person, Device: d.Device, Channel: d.Channel, Error: d.Error, Retry: true}
		return []event.Fact{fact}
	}
	d.State = Failed
	fact.Event = DeliveryFailed{Delivery: d.ID, Page: d.Page, Person: d.Person, Device: d.Device, Channel: d.Channel, Error: d.Error}
	return []event.Fact{fact}
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%.*s…", n, s)
}
