package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
)

// Store keeps states and overrides. One call is one transaction.
type Store interface {
	// GateStates are the states of all services.
	GateStates(ctx context.Context) (map[string]Kept, error)
	// SaveGate keeps a state, where kept has a service, and publishes facts.
	SaveGate(ctx context.Context, service string, kept Kept, facts ...event.Fact) error
	// Record publishes facts that have no state of their own.
	Record(ctx context.Context, facts ...event.Fact) error
	// Overrides are those of a service ("" for all) that end after a time, the newest first.
	Overrides(ctx context.Context, service string, after time.Time) ([]Override, error)
	PutOverride(ctx context.Context, o Override, facts ...event.Fact) error
	// EndOverride ends one that is in force. NotFound where there is none.
	EndOverride(ctx context.Context, id string, at time.Time, fn func(Override) []event.Fact) error
}

// Kept is the last known state of a service.
type Kept struct {
	State State
	Since time.Time
}

// SLOs is the part of the evaluator that the gate asks.
type SLOs interface {
	Objectives() []slo.Objective
	Status(o slo.Objective) slo.Status
}

// Services is the part of the catalog that the gate asks.
type Services interface {
	Services(ctx context.Context) []catalog.Service
	Service(ctx context.Context, id string) (catalog.Service, error)
}

// Gate answers changes and remembers the states. It is safe for concurrent use.
type Gate struct {
	slos     SLOs
	services Services
	store    Store
	now      func() time.Time
	newID    func() string

	mu       sync.RWMutex
	policies []Policy
	kept     map[string]Kept // nil until it was read
}

// NewGate returns a gate with the built-in policy alone.
func NewGate(s SLOs, c Services, st Store, now func() time.Time, newID func() string) *Gate {
	return &Gate{slos: s, services: c, store: st, now: now, newID: newID}
}

// Replace puts policies in use.
func (g *Gate) Replace(policies []Policy) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.policies = policies
}

// Policies are those in use, without the built-in one.
func (g *Gate) Policies() []Policy {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.policies
}

// PolicyFor is the policy of a service of the catalog.
func (g *Gate) PolicyFor(ctx context.Context, service string) (Policy, error) {
	s, err := g.services.Service(ctx, service)
	if err != nil {
		return Policy{}, err
	}
	return For(g.Policies(), s.ID, s.Tier), nil
}

func (g *Gate) load(ctx context.Context) error {
	g.mu.RLock()
	have := g.kept != nil
	g.mu.RUnlock()
	if have {
		return nil
	}
	kept, err := g.store.GateStates(ctx)
	if err != nil {
		return fmt.Errorf("load the states of budgets: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.kept == nil {
		g.kept = kept
	}
	return nil
}

// lefts are what the objectives of each service have left. Instances of a
// grouped objective stand for themselves.
func (g *Gate) lefts(service string) map[string][]Left {
	out := map[string][]Left{}
	all := g.slos.Objectives()
	for i := range all {
		if o := &all[i]; service == "" || o.Service == service {
			out[o.Service] = append(out[o.Service], LeftOf(*o, g.slos.Status(*o)))
		}
	}
	return out
}

// stand is how a service stands now.
func (g *Gate) stand(p Policy, service string, lefts []Left, now time.Time) Standing {
	g.mu.RLock()
	was := g.kept[service]
	g.mu.RUnlock()
	s := Standing{Service: service, State: p.Limits.Next(was.State, lefts), Since: was.Since, Lefts: lefts}
	switch s.State {
	case was.State:
	case Unknown:
		s.Since = time.Time{} // nobody knows since when
	default:
		s.Since = now
	}
	return s
}

// placed is a service with the policy that it stands under.
type placed struct {
	Standing

	policy Policy
}

func (g *Gate) standings(ctx context.Context) (out []placed, err error) {
	if err := g.load(ctx); err != nil {
		return nil, err
	}
	now, policies, lefts := g.now().UTC(), g.Policies(), g.lefts("")
	for _, s := range g.services.Services(ctx) {
		if len(lefts[s.ID]) == 0 {
			continue
		}
		p := For(policies, s.ID, s.Tier)
		out = append(out, placed{g.stand(p, s.ID, lefts[s.ID], now), p})
	}
	return out, nil
}

// Standings are all services of the catalog that promise something, by id.
func (g *Gate) Standings(ctx context.Context) ([]Standing, error) {
	all, err := g.standings(ctx)
	out := make([]Standing, 0, len(all))
	for _, s := range all {
		out = append(out, s.Standing)
	}
	return out, err
}

// Sweep keeps the state of every service that changed. It is one round of a
// worker.
func (g *Gate) Sweep(ctx context.Context) error {
	all, err := g.standings(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := g.keep(ctx, s.policy, s.Standing); err != nil {
			return err
		}
	}
	return nil
}

// keep saves a state that is news. What is not known is no news and changes
// nothing: just after a start nothing has been counted yet.
func (g *Gate) keep(ctx context.Context, p Policy, s Standing, more ...event.Fact) error {
	g.mu.RLock()
	was, seen := g.kept[s.Service]
	g.mu.RUnlock()
	if was.State == s.State || s.State == Unknown {
		if len(more) == 0 {
			return nil
		}
		return g.store.Record(ctx, more...)
	}
	now := g.now().UTC()
	kept := Kept{State: s.State, Since: now}
	var facts []event.Fact
	if seen || s.State != Healthy { // that a service begins well is no news
		e := StateChanged{Service: s.Service, From: was.State, To: s.State, Policy: p.ID}
		if l, ok := Least(s.Lefts); ok {
			e.Objective, e.Remaining = l.Objective, l.Remaining
		}
		facts = append(facts, event.Fact{Event: e, At: now, Service: s.Service, Subject: subject(s.Service), Actor: "slo.gate", Source: "slo"})
	}
	if err := g.store.SaveGate(ctx, s.Service, kept, append(facts, more...)...); err != nil {
		return fmt.Errorf("keep the state of %s: %w", s.Service, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept[s.Service] = kept
	return nil
}

// subject is the log's name for the gate of a service.
func subject(service string) string { return "gate/" + service }

// Try answers a change and keeps nothing.
func (g *Gate) Try(ctx context.Context, c Change) (Verdict, error) {
	v, _, _, err := g.answer(ctx, c)
	return v, err
}

// Check answers a change and records the answer. A service that is not in the
// catalog is NotFound, a class that is none Invalid.
func (g *Gate) Check(ctx context.Context, c Change) (Verdict, error) {
	v, p, s, err := g.answer(ctx, c)
	if err != nil {
		return v, err
	}
	e := Gated{
		Service: c.Service, Class: c.Class, Summary: c.Summary, URL: c.URL, Decision: v.Decision, State: v.State, Policy: v.Policy,
		Override: v.Override, Reason: v.Sentence("en"), Evidence: v.Evidence,
	}
	fact := event.Fact{Event: e, At: g.now().UTC(), Service: c.Service, Subject: subject(c.Service), Actor: person(c.By), Source: "api"}
	if len(s.Lefts) == 0 {
		return v, g.store.Record(ctx, fact)
	}
	return v, g.keep(ctx, p, s, fact)
}

func person(id string) string {
	if id == "" {
		return ""
	}
	return "person/" + id
}

func (g *Gate) answer(ctx context.Context, c Change) (v Verdict, p Policy, s Standing, err error) {
	if !ValidClass(c.Class) {
		return v, p, s, errs.New(errs.Invalid, "%q is not a class of changes: lower-case letters, digits and -, such as feature", c.Class)
	}
	if p, err = g.PolicyFor(ctx, c.Service); err != nil {
		return v, p, s, err
	}
	if err = g.load(ctx); err != nil {
		return v, p, s, err
	}
	now := g.now().UTC()
	s = g.stand(p, c.Service, g.lefts(c.Service)[c.Service], now)
	overrides, err := g.store.Overrides(ctx, c.Service, now)
	if err != nil {
		return v, p, s, fmt.Errorf("load overrides of %s: %w", c.Service, err)
	}
	return Decide(p, s, c, overrides, now), p, s, nil
}

// Overrides are those in force, of one service or of all ("").
func (g *Gate) Overrides(ctx context.Context, service string) ([]Override, error) {
	return g.store.Overrides(ctx, service, g.now().UTC())
}

// Override lets changes of a service through until o.Expires. Approver is who
// asks, and must be one of the policy's approvers: Denied else.
func (g *Gate) Override(ctx context.Context, o Override, source string) (Override, error) {
	p, err := g.PolicyFor(ctx, o.Service)
	if err != nil {
		return o, err
	}
	now := g.now().UTC()
	o.ID, o.Made, o.Expires, o.Reason = g.newID(), now, o.Expires.UTC(), strings.TrimSpace(o.Reason)
	switch {
	case o.Class != Any && !ValidClass(o.Class):
		return o, errs.New(errs.Invalid, "%q is not a class of changes; %s is all", o.Class, Any)
	case o.Reason == "":
		return o, errs.New(errs.Invalid, "an override needs a reason: it will be read in the review")
	case !o.Expires.After(now) || o.Expires.After(now.Add(p.MaxOverride)):
		return o, errs.New(errs.Invalid, "an override ends within %s, says the policy %s", p.MaxOverride, p.ID)
	case len(p.Approvers) > 0 && !slices.Contains(p.Approvers, o.Approver):
		return o, errs.New(errs.Denied, "%s is no approver of the policy %s: %s are", o.Approver, p.ID, strings.Join(p.Approvers, ", "))
	}
	if err := g.load(ctx); err != nil {
		return o, err
	}
	s := g.stand(p, o.Service, g.lefts(o.Service)[o.Service], now)
	e := GateOverridden{Override: o.ID, Service: o.Service, Class: o.Class, Reason: o.Reason, Approver: o.Approver, Expires: o.Expires, State: s.State}
	return o, g.store.PutOverride(ctx, o, event.Fact{Event: e, At: now, Service: o.Service, Subject: subject(o.Service), Actor: person(o.Approver), Source: source})
}

// Revoke ends an override now.
func (g *Gate) Revoke(ctx context.Context, id, by, source string) error {
	now := g.now().UTC()
	return g.store.EndOverride(ctx, id, now, func(o Override) []event.Fact {
		return []event.Fact{{Event: OverrideRevoked{Override: o.ID, Service: o.Service, By: by}, At: now, Service: o.Service, Subject: subject(o.Service), Actor: person(by), Source: source}}
	})
}
