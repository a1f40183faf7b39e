package oncall

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Alerts is the part of the inbox that the pager asks.
type Alerts interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Ack(ctx context.Context, id, by, source string) (alert.Alert, error)
	Unack(ctx context.Context, id, by, source string) (alert.Alert, error)
}

// Catalog is the part of the catalog that the pager asks.
type Catalog interface {
	Service(ctx context.Context, id string) (catalog.Service, error)
	Person(ctx context.Context, id string) (catalog.Person, error)
	People(ctx context.Context) []catalog.Person
}

// Config tunes the room.
type Config struct {
	BaseURL string        // where people reach us: links in messages begin with it
	Timeout time.Duration // of one hand-over to a provider
	Senders int           // deliveries taken from the ledger at a time
}

// Default returns the configuration in use when nothing else is said.
func Default() Config { return Config{Timeout: 10 * time.Second, Senders: 256} }

// Pager pages until somebody answers. It is safe for concurrent use.
type Pager struct {
	cfg         Config
	store       Store
	ledger      Ledger
	adjustments AdjustmentStore
	journal     Journal
	alerts      Alerts
	catalog     Catalog
	channels    map[string]notify.Channel
	now         func() time.Time
	newID       func() string
	ask         func(ctx context.Context, page Page, person, lang, channel string) notify.Ask
	key         []byte
	plan        atomic.Pointer[Plan]
	adjusted    atomic.Pointer[[]Adjustment]
	replacing   sync.Mutex
	unkept      bool // the editions of the plan's rotas could not be kept yet
	lanes       lanes
	turns       turns
}

// Deps are what a Pager needs.
type Deps struct {
	Store       Store
	Ledger      Ledger
	Adjustments AdjustmentStore
	Journal     Journal // nil keeps none
	Alerts      Alerts
	Catalog     Catalog
	Channels    []notify.Channel
	Now         func() time.Time
	NewID       func() string
	// Key signs the links and buttons that answer a page; at least 32 bytes.
	Key []byte
	// Ask is the question below the message of a page to a person; nil asks nothing.
	Ask func(ctx context.Context, page Page, person, lang, channel string) notify.Ask
}

// New returns a Pager with an empty plan.
func New(cfg Config, d Deps) *Pager {
	p := &Pager{
		cfg: cfg, store: d.Store, ledger: d.Ledger, adjustments: d.Adjustments, journal: d.Journal, alerts: d.Alerts, catalog: d.Catalog,
		channels: map[string]notify.Channel{}, now: d.Now, newID: d.NewID, ask: d.Ask, key: d.Key,
	}
	p.lanes.now = d.Now
	for _, c := range d.Channels {
		p.channels[c.Name()] = c
	}
	p.plan.Store(&Plan{})
	p.adjusted.Store(&[]Adjustment{})
	return p
}

// Plan returns the plan in use. It is not to be changed.
func (p *Pager) Plan() *Plan { return p.plan.Load() }

// world is what deciding may know at now.
func (p *Pager) world(ctx context.Context, now time.Time) (World, error) {
	plan := p.plan.Load()
	adjustments, err := p.adjustments.Adjustments(ctx, now, now.Add(time.Minute))
	if err != nil {
		return World{}, fmt.Errorf("load adjustments: %w", err)
	}
	return World{
		Plan: plan, Adjustments: adjustments, NewID: p.newID, LastPaged: p.turns.last,
		Person:    func(id string) (catalog.Person, error) { return p.catalog.Person(ctx, id) },
		PolicyFor: func(service string) (Policy, bool) { return p.policyFor(ctx, plan, service) },
	}, nil
}

// AlertFired opens a page for a page-level alert, joins it to the service's open
// one, or tells that of how bad it has become, and takes the steps that are due in
// the same transaction. Repeating it is no news.
func (p *Pager) AlertFired(ctx context.Context, alertID string) error {
	a, err := p.alerts.Alert(ctx, alertID)
	if err != nil {
		return fmt.Errorf("page for alert %s: %w", alertID, err)
	}
	if a.Severity != alert.Page || a.State() == alert.Resolved {
		return nil
	}
	now := p.now()
	w, err := p.world(ctx, now)
	if err != nil {
		return err
	}
	policy, ok := w.PolicyFor(a.Service)
	ref := AlertRef{ID: a.ID, Service: a.Service, Summary: a.Summary, Severity: severityOf(a.Labels)}
	opened := false
	err = p.store.OpenPage(ctx, a.Service, func(open *Page) (*Page, []Delivery, []event.Fact) {
		var facts []event.Fact
		opened = false
		switch {
		case open != nil && open.holds(ref.ID):
			was := open.Severity
			if facts = open.raise(ref, policy, now); open.Severity == was {
				return nil, nil, nil
			}
		case a.State() != alert.Open:
			return nil, nil, nil // somebody has it already
		case open == nil:
			page, news := openPage(p.newID(), ref, policy, ok, now)
			open, facts = &page, news
		default:
			facts = open.join(ref, policy, now)
		}
		ds, more := open.Advance(w, now)
		p.turns.paged(ds)
		opened = true
		return open, ds, append(facts, more...)
	})
	if err != nil || !opened {
		return err
	}
	return p.lookBack(ctx, alertID)
}

// lookBack looks at an alert again after it has got its page: the news that it was
// resolved, or acknowledged, may have come before there was one.
func (p *Pager) lookBack(ctx context.Context, alertID string) error {
	a, err := p.alerts.Alert(ctx, alertID)
	switch {
	case err != nil:
		return fmt.Errorf("look at alert %s again: %w", alertID, err)
	case a.State() == alert.Resolved:
		return p.AlertResolved(ctx, a.Service, alertID)
	case a.State() == alert.Held:
		return p.AlertAcked(ctx, alert.Acked{Alert: alertID, Service: a.Service, By: a.AckedBy}, "")
	}
	return nil
}

func (p *Pager) policyFor(ctx context.Context, plan *Plan, service string) (Policy, bool) {
	team := ""
	if svc, err := p.catalog.Service(ctx, service); err == nil {
		team = svc.Team
	}
	return plan.PolicyFor(service, team)
}

// AlertResolved takes an alert off its service's page, and closes the page
// with the last one.
func (p *Pager) AlertResolved(ctx context.Context, service, alertID string) error {
	id := ""
	err := p.store.OpenPage(ctx, service, func(open *Page) (*Page, []Delivery, []event.Fact) {
		if open == nil || !open.holds(alertID) {
			return nil, nil, nil
		}
		facts := open.resolve(alertID, p.now())
		if open.State == Closed {
			id = open.ID
		}
		return open, nil, facts
	})
	if err != nil || id == "" {
		return err
	}
	return p.PageClosed(ctx, id)
}

// PageClosed tells those who were woken that it is over, each device once. The
// log calls it for [PageClosed] too, so that a crash between the closing and
// the telling loses nothing. Repeating it is no news.
func (p *Pager) PageClosed(ctx context.Context, id string) error {
	_, err := p.store.UpdatePage(ctx, id, func(page *Page, ledger []Delivery) ([]Delivery, []event.Fact, error) {
		var out []Delivery
		told := map[string]bool{}
		for _, d := range ledger {
			key := d.Person + " " + d.Device
			if d.Kind == KindResolved {
				return nil, nil, nil // told already
			}
			if !d.State.Taken() || told[key] || d.Channel == "voice" {
				continue // nobody is called at night to hear that all is well
			}
			told[key] = true
			out = append(out, Delivery{ID: p.newID(), Page: id, Kind: KindResolved, Person: d.Person, Device: d.Device, Channel: d.Channel, Address: d.Address, Step: d.Step, State: Pending, MadeAt: p.now(), DueAt: page.ClosedAt})
		}
		return out, nil, nil
	})
	return err
}

// AlertAcked records on the page that somebody acknowledged one of its alerts.
// Old news, because somebody else has the alert by now, is passed over: page
// and alert would hand each other round for ever. So is what was acknowledged
// before the page began to call again, and what the pager acknowledged itself.
func (p *Pager) AlertAcked(ctx context.Context, e alert.Acked, source string) error {
	if source == itself {
		return nil
	}
	a, err := p.alerts.Alert(ctx, e.Alert)
	switch {
	case err != nil:
		return fmt.Errorf("acknowledge the page of alert %s: %w", e.Alert, err)
	case a.State() != alert.Held || a.AckedBy != e.By:
		return nil
	}
	return p.store.OpenPage(ctx, e.Service, func(open *Page) (*Page, []Delivery, []event.Fact) {
		if open == nil || !open.holds(e.Alert) || open.old(e.By, a.AckedAt) {
			return nil, nil, nil
		}
		facts, err := open.Ack(e.By, p.now(), "alert", p.PolicyOf(ctx, *open))
		if err != nil || len(facts) == 0 {
			return nil, nil, nil
		}
		return open, nil, facts
	})
}

// AlertUnacked begins to call again, because nobody has the alert any more since a
// time. That the pager took it from somebody itself ([Pager.PageFreed]) is no news,
// nor what somebody has answered since.
func (p *Pager) AlertUnacked(ctx context.Context, e alert.Unacked, source string, since time.Time) error {
	if source == itself {
		return nil
	}
	switch a, err := p.alerts.Alert(ctx, e.Alert); {
	case err != nil:
		return fmt.Errorf("call again for alert %s: %w", e.Alert, err)
	case a.State() != alert.Open:
		return nil // somebody has taken it since
	}
	return p.store.OpenPage(ctx, e.Service, func(open *Page) (*Page, []Delivery, []event.Fact) {
		switch {
		case open == nil || !open.holds(e.Alert):
			return nil, nil, nil
		case open.State == Answered && !open.AckedAt.After(since):
			facts := open.callAgain(e.By, p.now())
			delete(open.Declined, e.By) // he gives it back, and may be called as before
			open.beginAnew(p.now())
			return open, nil, facts
		case slices.Contains(open.Acks, e.By) && open.State != Answered: // one of several who must answer
			open.Acks = slices.DeleteFunc(slices.Clone(open.Acks), func(a string) bool { return a == e.By })
			return open, nil, nil
		}
		return nil, nil, nil
	})
}

// PageFreed takes the alerts of a page from somebody who has it no more, because he
// declined it or his answer was forgotten, so that they can be answered again.
func (p *Pager) PageFreed(ctx context.Context, id, by string) error {
	page, err := p.store.Head(ctx, id)
	if err != nil {
		return fmt.Errorf("free the alerts of page %s: %w", id, err)
	}
	if page.AckedBy == by {
		return nil // he has it again
	}
	for _, one := range page.Alerts {
		a, err := p.alerts.Alert(ctx, one)
		if err != nil {
			return fmt.Errorf("free alert %s: %w", one, err)
		}
		if a.State() != alert.Held || a.AckedBy != by || !page.old(by, a.AckedAt) {
			continue
		}
		if _, err := p.alerts.Unack(ctx, one, by, itself); err != nil && !errs.Permanent(err) {
			return fmt.Errorf("free alert %s: %w", one, err)
		}
	}
	return nil
}

// Ack answers a page. Its alerts are acknowledged by [Pager.PageAcked], which
// the log calls. NotFound, or Conflict when it is closed.
func (p *Pager) Ack(ctx context.Context, id, by, source string) (Page, error) {
	return p.store.UpdatePage(ctx, id, func(page *Page, _ []Delivery) ([]Delivery, []event.Fact, error) {
		facts, err := page.Ack(by, p.now(), source, p.PolicyOf(ctx, *page))
		return nil, facts, err
	})
}

// PageAcked acknowledges the alerts of an answered page, unless somebody else has
// the page by now, or nobody any more.
func (p *Pager) PageAcked(ctx context.Context, ev PageAcked) error {
	for _, id := range ev.Alerts {
		switch page, err := p.store.Head(ctx, ev.Page); {
		case err != nil:
			return fmt.Errorf("acknowledge the alerts of page %s: %w", ev.Page, err)
		case page.AckedBy != ev.By:
			return nil
		}
		if _, err := p.alerts.Ack(ctx, id, ev.By, itself); err != nil && !errs.Permanent(err) {
			return fmt.Errorf("acknowledge alert %s: %w", id, err)
		}
	}
	return nil
}

// Decline passes a page on to the next step at once, and calls whoever declined no
// more for a while.
func (p *Pager) Decline(ctx context.Context, id, by string) (Page, error) {
	now := p.now()
	w, err := p.world(ctx, now)
	if err != nil {
		return Page{}, err
	}
	return p.store.UpdatePage(ctx, id, func(page *Page, ledger []Delivery) ([]Delivery, []event.Fact, error) {
		facts, err := page.Escalate(by, now)
		if err != nil {
			return nil, nil, err
		}
		out := cancelled(ledger, func(d Delivery) bool { return d.Person == by && d.Kind == KindPage })
		ds, more := page.Advance(w, now)
		p.turns.paged(ds)
		return append(out, ds...), append(facts, more...), nil
	})
}

// TestDevice sends a test message to one device of a person and returns when
// the provider has taken it.
func (p *Pager) TestDevice(ctx context.Context, person, device string) error {
	who, err := p.catalog.Person(ctx, person)
	if err != nil {
		return err
	}
	for _, d := range who.Devices {
		if d.ID != device {
			continue
		}
		ch, ok := p.channels[d.Channel]
		if !ok {
			return errs.New(errs.Conflict, "channel %s is not set up on this server", d.Channel)
		}
		ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
		defer cancel()
		_, err := ch.Send(ctx, d.Address, notify.Message{ID: p.newID(), Kind: notify.Test, Title: text(who.Lang, "test_title"), Body: text(who.Lang, "test_body"), At: p.now(), Lang: who.Lang, Links: []notify.Link{{Text: "Hinoban", URL: p.cfg.BaseURL + "/me"}}})
		return err
	}
	return errs.New(errs.NotFound, "%s has no device %q", person, device)
}

// Page returns a page and its ledger.
func (p *Pager) Page(ctx context.Context, id string) (Page, []Delivery, error) {
	return p.store.Page(ctx, id)
}

// Pages returns what q asks for, newest first.
func (p *Pager) Pages(ctx context.Context, q PageQuery) ([]Page, error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 100
	}
	return p.store.Pages(ctx, q)
}

// Deliveries returns what q asks for of the ledger, newest first.
func (p *Pager) Deliveries(ctx context.Context, q LedgerQuery) ([]Delivery, error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 100
	}
	return p.ledger.Deliveries(ctx, q)
}

// Delivery returns one delivery and its attempts.
func (p *Pager) Delivery(ctx context.Context, id string) (Delivery, []Attempt, error) {
	return p.ledger.Delivery(ctx, id)
}
