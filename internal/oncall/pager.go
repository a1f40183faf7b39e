package oncall

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// AlertRef is what a page keeps of an alert.
type AlertRef struct{ ID, Service, Summary string }

// PageQuery asks for pages, newest first.
type PageQuery struct {
	Open    bool // only those that are not closed
	Service string
	Before  string // a page's id
	Limit   int
}

// Store keeps pages, deliveries and overrides. One call is one transaction.
type Store interface {
	// OpenPage hands the open page of a service, or nil, to fn, and saves what fn
	// returns with its facts. It does nothing where fn returns nil.
	OpenPage(ctx context.Context, service string, fn func(*Page) (*Page, []event.Fact)) error
	// UpdatePage hands a page to fn and saves it with the new deliveries and facts
	// that fn returns. Where the page is answered or closed afterwards, its pending
	// deliveries are cancelled. NotFound where there is none.
	UpdatePage(ctx context.Context, id string, fn func(*Page) ([]Delivery, []event.Fact, error)) (Page, error)
	// Page returns a page and its deliveries, the oldest first.
	Page(ctx context.Context, id string) (Page, []Delivery, error)
	Pages(ctx context.Context, q PageQuery) ([]Page, error)
	// DuePages returns the ids of the pages with a step due at now, and of those
	// that were opened after now, because the clock was set back.
	DuePages(ctx context.Context, now time.Time) ([]string, error)
	// Claim returns at most n deliveries due at now that nobody has, and leases
	// them until the given time. Leases of a process that has ended are void.
	Claim(ctx context.Context, now, until time.Time, n int) ([]Delivery, error)
	// Settle hands a delivery to fn and saves it with the facts fn returns.
	Settle(ctx context.Context, id string, fn func(*Delivery) []event.Fact) error
	Overrides(ctx context.Context, from, to time.Time) ([]Override, error)
	PutOverride(ctx context.Context, o Override, facts ...event.Fact) error
	DeleteOverride(ctx context.Context, id string, fn func(Override) []event.Fact) error
}

// Alerts is the part of the inbox that the pager asks.
type Alerts interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Ack(ctx context.Context, id, by, source string) (alert.Alert, error)
}

// Catalog is the part of the catalog that the pager asks.
type Catalog interface {
	Service(ctx context.Context, id string) (catalog.Service, error)
	Person(ctx context.Context, id string) (catalog.Person, error)
}

// Config tunes the room.
type Config struct {
	BaseURL string        // where people reach us: links in messages begin with it
	Timeout time.Duration // of one hand-over to a provider
	Senders int           // deliveries taken from the ledger at a time
}

// Default returns the configuration in use when nothing else is said.
func Default() Config { return Config{Timeout: 10 * time.Second, Senders: 32} }

// Pager pages until somebody answers. It is safe for concurrent use.
type Pager struct {
	cfg      Config
	store    Store
	alerts   Alerts
	catalog  Catalog
	channels map[string]notify.Channel
	now      func() time.Time
	newID    func() string
	ask      func(ctx context.Context, page, person, lang, channel string) notify.Ask
	plan     atomic.Pointer[Plan]
	lanes    lanes
}

// Deps are what a Pager needs.
type Deps struct {
	Store    Store
	Alerts   Alerts
	Catalog  Catalog
	Channels []notify.Channel
	Now      func() time.Time
	NewID    func() string
	// Ask is the question below the message of a page to a person; nil asks nothing.
	Ask func(ctx context.Context, page, person, lang, channel string) notify.Ask
}

// New returns a Pager with an empty plan.
func New(cfg Config, d Deps) *Pager {
	p := &Pager{cfg: cfg, store: d.Store, alerts: d.Alerts, catalog: d.Catalog, channels: map[string]notify.Channel{}, now: d.Now, newID: d.NewID, ask: d.Ask}
	for _, c := range d.Channels {
		p.channels[c.Name()] = c
	}
	p.plan.Store(&Plan{})
	return p
}

// Replace puts a plan in use.
func (p *Pager) Replace(plan *Plan) { p.plan.Store(plan) }

// Plan returns the plan in use. It is not to be changed.
func (p *Pager) Plan() *Plan { return p.plan.Load() }

// AlertFired opens a page for a page-level alert, or joins it to the service's
// open one. Repeating it is no news.
func (p *Pager) AlertFired(ctx context.Context, alertID string) error {
	a, err := p.alerts.Alert(ctx, alertID)
	if err != nil {
		return fmt.Errorf("page for alert %s: %w", alertID, err)
	}
	if a.Severity != alert.Page || a.State() != alert.Open {
		return nil
	}
	team := ""
	if svc, err := p.catalog.Service(ctx, a.Service); err == nil {
		team = svc.Team
	}
	policy, ok := p.plan.Load().PolicyFor(a.Service, team)
	ref := AlertRef{ID: a.ID, Service: a.Service, Summary: a.Summary}
	return p.store.OpenPage(ctx, a.Service, func(open *Page) (*Page, []event.Fact) {
		if open != nil {
			facts := open.join(ref, policy, p.now())
			return open, facts
		}
		page, facts := openPage(p.newID(), ref, policy, ok, p.now())
		return &page, facts
	})
}

// AlertResolved takes an alert off its service's page, and closes the page
// with the last one.
func (p *Pager) AlertResolved(ctx context.Context, service, alertID string) error {
	id := ""
	err := p.store.OpenPage(ctx, service, func(open *Page) (*Page, []event.Fact) {
		if open == nil {
			return nil, nil
		}
		facts := open.resolve(alertID, p.now())
		if open.State == Closed {
			id = open.ID
		}
		return open, facts
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
	_, err := p.updateWithLedger(ctx, id, func(page *Page, ledger []Delivery) ([]Delivery, []event.Fact, error) {
		var out []Delivery
		told := map[string]bool{}
		for _, d := range ledger {
			key := d.Person + " " + d.Device
			if d.Kind == "resolved" {
				return nil, nil, nil // told already
			}
			if d.State != Sent || told[key] {
				continue
			}
			told[key] = true
			out = append(out, Delivery{ID: p.newID(), Page: id, Kind: "resolved", Person: d.Person, Device: d.Device, Channel: d.Channel, Address: d.Address, Step: d.Step, State: Pending, DueAt: page.ClosedAt})
		}
		return out, nil, nil
	})
	return err
}

func (p *Pager) updateWithLedger(ctx context.Context, id string, fn func(*Page, []Delivery) ([]Delivery, []event.Fact, error)) (Page, error) {
	_, ledger, err := p.store.Page(ctx, id)
	if err != nil {
		return Page{}, err
	}
	return p.store.UpdatePage(ctx, id, func(page *Page) ([]Delivery, []event.Fact, error) { return fn(page, ledger) })
}

// AlertAcked records on the page that somebody acknowledged one of its alerts.
// Old news, because somebody else has the alert by now, is passed over: page
// and alert would hand each other round for ever.
func (p *Pager) AlertAcked(ctx context.Context, service, alertID, by string) error {
	switch a, err := p.alerts.Alert(ctx, alertID); {
	case err != nil:
		return fmt.Errorf("acknowledge the page of alert %s: %w", alertID, err)
	case a.State() != alert.Held || a.AckedBy != by:
		return nil
	}
	return p.store.OpenPage(ctx, service, func(open *Page) (*Page, []event.Fact) {
		if open == nil || !open.holds(alertID) {
			return nil, nil
		}
		facts, err := open.Ack(by, p.now(), "alert")
		if err != nil {
			return nil, nil
		}
		return open, facts
	})
}

// AlertUnacked begins to call again, because nobody has the alert any more.
func (p *Pager) AlertUnacked(ctx context.Context, service, alertID, by string) error {
	switch a, err := p.alerts.Alert(ctx, alertID); {
	case err != nil:
		return fmt.Errorf("call again for alert %s: %w", alertID, err)
	case a.State() != alert.Open:
		return nil // somebody has taken it since
	}
	return p.store.OpenPage(ctx, service, func(open *Page) (*Page, []event.Fact) {
		if open == nil || !open.holds(alertID) || open.State != Answered {
			return nil, nil
		}
		facts := open.callAgain(by, p.now())
		open.Step, open.Round = 0, 0
		return open, facts
	})
}

func (p *Page) holds(alertID string) bool {
	return slices.Contains(p.Alerts, alertID)
}

// Ack answers a page. Its alerts are acknowledged by [Pager.PageAcked], which
// the log calls. NotFound, or Conflict when it is closed.
func (p *Pager) Ack(ctx context.Context, id, by, source string) (Page, error) {
	return p.store.UpdatePage(ctx, id, func(page *Page) ([]Delivery, []event.Fact, error) {
		facts, err := page.Ack(by, p.now(), source)
		return nil, facts, err
	})
}

// PageAcked acknowledges the alerts of an answered page, unless somebody else
// has the page by now.
func (p *Pager) PageAcked(ctx context.Context, ev PageAcked) error {
	switch page, _, err := p.store.Page(ctx, ev.Page); {
	case err != nil:
		return fmt.Errorf("acknowledge the alerts of page %s: %w", ev.Page, err)
	case page.AckedBy != ev.By:
		return nil
	}
	for _, id := range ev.Alerts {
		if _, err := p.alerts.Ack(ctx, id, ev.By, "oncall"); err != nil && !errs.Permanent(err) {
			return fmt.Errorf("acknowledge alert %s: %w", id, err)
		}
	}
	return nil
}

// Decline passes a page on to the next step at once.
func (p *Pager) Decline(ctx context.Context, id, by string) (Page, error) {
	return p.store.UpdatePage(ctx, id, func(page *Page) ([]Delivery, []event.Fact, error) {
		facts, err := page.Escalate(by, p.now())
		return nil, facts, err
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
		_, err := ch.Send(ctx, d.Address, notify.Message{ID: p.newID(), Kind: "test", Title: text(who.Lang, "test_title"), Body: text(who.Lang, "test_body"), At: p.now(), Lang: who.Lang, Links: []notify.Link{{Text: "Hinoban", URL: p.cfg.BaseURL + "/me"}}})
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

// Override puts somebody else on call. Invalid where the rota or the person is
// unknown or the time makes no sense.
func (p *Pager) Override(ctx context.Context, o Override) (Override, error) {
	rota, ok := p.plan.Load().Rota(o.Rota)
	if !ok {
		return o, errs.New(errs.Invalid, "there is no rota %q", o.Rota)
	}
	o.Rota = rota.ID // as it is written there, whatever the case it was asked in
	if _, err := p.catalog.Person(ctx, o.Person); err != nil {
		return o, errs.New(errs.Invalid, "there is no person %q", o.Person)
	}
	if !o.Start.Before(o.End) || o.End.Sub(o.Start) > 366*24*time.Hour {
		return o, errs.New(errs.Invalid, "an override must end after it starts, within a year")
	}
	o.ID, o.Created = p.newID(), p.now()
	return o, p.store.PutOverride(ctx, o, event.Fact{
		Event: OverrideAdded{Override: o.ID, Rota: o.Rota, Person: o.Person, Start: o.Start, End: o.End, Reason: o.Reason},
		At:    o.Created, Subject: "rota/" + o.Rota, Actor: "person/" + o.By, Source: "web",
	})
}

// RemoveOverride takes an override back.
func (p *Pager) RemoveOverride(ctx context.Context, id, by string) error {
	return p.store.DeleteOverride(ctx, id, func(o Override) []event.Fact {
		return []event.Fact{{Event: OverrideRemoved{Override: id, Rota: o.Rota, Person: o.Person}, At: p.now(), Subject: "rota/" + o.Rota, Actor: "person/" + by, Source: "web"}}
	})
}

// Turns returns the turns of every rota over [from, to), and the overrides.
func (p *Pager) Turns(ctx context.Context, from, to time.Time) (map[string][]Turn, []Override, error) {
	overrides, err := p.store.Overrides(ctx, from, to)
	if err != nil {
		return nil, nil, err
	}
	out := map[string][]Turn{}
	for _, r := range p.plan.Load().Rotas {
		out[r.ID] = r.Turns(overrides, from, to)
	}
	return out, overrides, nil
}

// OnCallNow returns the turn of every rota that covers now, and the one after.
func (p *Pager) OnCallNow(ctx context.Context) ([]Now, error) {
	const ahead = 14 * 24 * time.Hour
	now := p.now()
	overrides, err := p.store.Overrides(ctx, now.Add(-ahead), now.Add(2*ahead))
	if err != nil {
		return nil, err
	}
	var out []Now
	for _, r := range p.plan.Load().Rotas {
		n := Now{Rota: r.ID, Name: r.Name, Zone: r.Weekly.Zone.String(), Turn: r.On(overrides, now)}
		n.Next = r.On(overrides, n.Turn.End)
		out = append(out, n)
	}
	return out, nil
}

// Now is who is on call in one rota, and who is next.
type Now struct {
	Rota string `json:"rota"`
	Name string `json:"name"`
	Zone string `json:"zone"`
	Turn Turn   `json:"turn"`
	Next Turn   `json:"next"`
}

// Call is one line of what would happen if a service fired.
type Call struct {
	After   time.Duration `json:"after"` // from the alert
	Step    int           `json:"step"`
	Person  string        `json:"person"`
	Device  string        `json:"device"`
	Channel string        `json:"channel"`
}

// Simulate says who would be told, through which device and when, if a service
// fired at t and nobody answered. It writes nothing.
func (p *Pager) Simulate(ctx context.Context, service string, t time.Time) ([]Call, error) {
	team := ""
	if svc, err := p.catalog.Service(ctx, service); err == nil {
		team = svc.Team
	}
	policy, ok := p.plan.Load().PolicyFor(service, team)
	if !ok {
		return nil, errs.New(errs.NotFound, "no escalation policy covers service %q", service)
	}
	overrides, err := p.store.Overrides(ctx, t, t.Add(30*24*time.Hour))
	if err != nil {
		return nil, err
	}
	w := World{Plan: p.plan.Load(), Overrides: overrides, NewID: p.newID, Person: func(id string) (catalog.Person, error) { return p.catalog.Person(ctx, id) }}
	page, _ := openPage("simulated", AlertRef{Service: service}, policy, true, t)
	var out []Call
	for page.State == Calling {
		ds, _ := page.Advance(w, page.StepAt)
		for _, d := range ds {
			out = append(out, Call{After: d.DueAt.Sub(t), Step: d.Step, Person: d.Person, Device: d.Device, Channel: d.Channel})
		}
	}
	return out, nil
}
