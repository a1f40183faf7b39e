package oncall

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Simulation lives incidents by the same decisions as the server, on a clock of
// its own and without a database. It is not safe for concurrent use.
type Simulation struct {
	world   World
	now     time.Time
	pages   []*Page
	ledger  []Delivery
	keys    map[string]AlertRef
	down    map[string]bool // channels that fail for now
	news    []Happening
	counter int
}

// Happening is one thing that a simulation did.
type Happening struct {
	At      time.Time
	Event   string // the name of an event of the log, or "page", "shadow", "failed"
	Service string
	Key     string // of the alert that opened the page
	Person  string
	Device  string
	Channel string
	Step    int // of the policy, from 0
	Reason  string
}

// NewSimulation begins one. teams is who owns a service, or "".
func NewSimulation(plan *Plan, adjustments []Adjustment, person func(string) (catalog.Person, error), teams func(string) string, now time.Time) *Simulation {
	s := &Simulation{now: now, keys: map[string]AlertRef{}, down: map[string]bool{}}
	s.world = World{PolicyFor: func(service string) (Policy, bool) { return plan.PolicyFor(service, teams(service)) }, Plan: plan, Adjustments: adjustments, Person: person, NewID: s.newID, LastPaged: func(id string) (last time.Time) {
		for _, d := range s.ledger {
			if d.Kind == KindPage && d.Person == id {
				last = later(last, d.MadeAt)
			}
		}
		return last
	}}
	return s
}

func (s *Simulation) newID() string {
	s.counter++
	return strconv.Itoa(s.counter)
}

// Now is the clock of the simulation.
func (s *Simulation) Now() time.Time { return s.now }

// Alert fires an alert; no severity is "page". A key that is open already is
// news where it is worse.
func (s *Simulation) Alert(key, service, summary, severity string) {
	ref := AlertRef{ID: key, Service: service, Summary: summary, Severity: cmp.Or(severity, severityOf(nil))}
	s.keys[key] = ref
	policy, ok := s.world.PolicyFor(service)
	switch p := s.open(service); {
	case p != nil && p.holds(key):
		s.say(p, p.raise(ref, policy, s.now))
	case p != nil:
		s.say(p, p.join(ref, policy, s.now))
	default:
		page, facts := openPage(s.newID(), ref, policy, ok, s.now)
		s.pages = append(s.pages, &page)
		s.say(&page, facts)
	}
	s.settle()
}

func (s *Simulation) open(service string) *Page {
	for _, p := range s.pages {
		if p.Service == service && p.State != Closed {
			return p
		}
	}
	return nil
}

func (s *Simulation) of(key string) (*Page, error) {
	ref, ok := s.keys[key]
	if !ok {
		return nil, errs.New(errs.NotFound, "no alert has the key %q, or it is resolved", key)
	}
	return s.open(ref.Service), nil
}

// Ack answers the page of an alert.
func (s *Simulation) Ack(key, by string) error {
	p, err := s.of(key)
	if err != nil {
		return err
	}
	policy, _ := s.world.Plan.Policy(p.Policy) // one that is gone asks for nothing
	facts, err := p.Ack(by, s.now, "test", policy)
	if err != nil {
		return err
	}
	s.cancel(p, func(d Delivery) bool { return p.State == Answered || slices.Contains(p.Acks, d.Person) })
	s.say(p, facts)
	s.settle()
	return nil
}

// Decline passes the page of an alert on.
func (s *Simulation) Decline(key, by string) error {
	p, err := s.of(key)
	if err != nil {
		return err
	}
	facts, err := p.Escalate(by, s.now)
	if err != nil {
		return err
	}
	s.cancel(p, func(d Delivery) bool { return d.Person == by && d.Kind == KindPage })
	s.say(p, facts)
	s.settle()
	return nil
}

// Resolve ends an alert.
func (s *Simulation) Resolve(key string) error {
	p, err := s.of(key)
	if err != nil {
		return err
	}
	delete(s.keys, key)
	s.say(p, p.resolve(key, s.now))
	if p.State == Closed {
		s.cancel(p, func(Delivery) bool { return true })
	}
	return nil
}

// Fail has every message of a channel fail from now on, or no more.
func (s *Simulation) Fail(channel string, fails bool) { s.down[channel] = fails }

// Adjust puts an adjustment in force.
func (s *Simulation) Adjust(a Adjustment) {
	a.ID, a.Created = s.newID(), s.now
	s.world.Adjustments = append(slices.Clone(s.world.Adjustments), a)
}

func (s *Simulation) cancel(p *Page, which func(Delivery) bool) {
	for i := range s.ledger {
		if d := &s.ledger[i]; d.Page == p.ID && d.State == Pending && which(*d) {
			d.State = Cancelled
		}
	}
}

// Until lets the time pass.
func (s *Simulation) Until(t time.Time) {
	for {
		next := s.next()
		if next.IsZero() || next.After(t) {
			break
		}
		s.now = later(s.now, next)
		s.settle()
	}
	s.now = later(s.now, t)
}

// next is the next deadline, or zero.
func (s *Simulation) next() (at time.Time) {
	put := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, p := range s.pages {
		put(p.StepAt)
	}
	for _, d := range s.ledger {
		if d.State == Pending {
			put(d.DueAt)
		}
	}
	return at
}

// settle does all that is due.
func (s *Simulation) settle() {
	for busy := true; busy; {
		busy = false
		for _, p := range s.pages {
			ds, facts := p.Advance(s.world, s.now)
			for i := range ds {
				s.keep(ds[i].Supersede(s.ledger))
			}
			s.ledger = append(s.ledger, ds...)
			s.say(p, facts)
		}
		for i := range s.ledger {
			if d := s.ledger[i]; d.State == Pending && !d.DueAt.After(s.now) {
				s.send(i)
				busy = true
			}
		}
	}
}

func (s *Simulation) send(i int) {
	d := &s.ledger[i]
	before := *d
	var err error
	if s.down[d.Channel] {
		err = errs.New(errs.Unavailable, "%s is down", d.Channel)
	}
	d.Settle(notify.Receipt{}, err, 0, s.now)
	p := s.page(d.Page)
	h := Happening{At: s.now, Event: string(d.Kind), Service: p.Service, Key: p.key(), Person: d.Person, Device: d.Device, Channel: d.Channel, Step: d.Step}
	switch {
	case err != nil:
		h.Event = "failed"
	case d.Kind == KindPage && slices.Contains(p.Shadows, d.Person):
		h.Reason = "shadow" // who only learns is called as if on call
	}
	s.news = append(s.news, h)
	if !d.GivesWay(before) {
		return
	}
	s.keep(p.failed(*d, s.ledger, s.now))
}

// keep puts changed deliveries into the ledger.
func (s *Simulation) keep(changed []Delivery) {
	for _, c := range changed {
		s.ledger[slices.IndexFunc(s.ledger, func(o Delivery) bool { return o.ID == c.ID })] = c
	}
}

func (s *Simulation) page(id string) *Page {
	return s.pages[slices.IndexFunc(s.pages, func(p *Page) bool { return p.ID == id })]
}

// key is that of the first of the page's alerts that are open.
func (p *Page) key() string {
	if len(p.Alerts) == 0 {
		return ""
	}
	return p.Alerts[0]
}

// say notes the news of a page.
func (s *Simulation) say(p *Page, facts []event.Fact) {
	for _, f := range facts {
		h := Happening{At: f.At, Event: f.Event.EventName(), Service: p.Service, Key: p.key(), Step: p.Step}
		switch e := f.Event.(type) {
		case Retriggered:
			h.Reason = e.Reason
		case Exhausted:
			h.Reason = e.Reason
		case PageAcked:
			h.Person = e.By
		case PageJoined:
			h.Person, h.Reason = e.By, fmt.Sprintf("%d of %d", e.Answered, e.Needed)
		case ShadowAcked:
			h.Person = e.By
		case Declined:
			h.Person = e.By
		case StepPassed:
			h.Step = e.Step
		case StepPutOff:
			h.Step = e.Step
		}
		s.news = append(s.news, h)
	}
}

// Take returns what happened since it was called last.
func (s *Simulation) Take() []Happening {
	out := s.news
	s.news = nil
	return out
}
