package oncall

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// World is what Advance may know beside the page: the plan, the adjustments,
// the people and, for round robin, when each was paged last.
type World struct {
	Plan        *Plan
	Adjustments []Adjustment
	Person      func(id string) (catalog.Person, error)
	PolicyFor   func(service string) (Policy, bool) // where the page's own is gone; nil: there is none
	LastPaged   func(id string) time.Time           // zero: never
	NewID       func() string
}

// Skew is by how much the clocks of two servers may differ, or one be set back,
// before a page minds.
const Skew = 5 * time.Second

// Advance does everything that is due at now and returns the new deliveries
// and the news. It is pure but for fresh ids. Its deadlines are fields of the
// page, saved in the transaction of the news that set them: no timer can be lost.
func (p *Page) Advance(w World, now time.Time) (out []Delivery, facts []event.Fact) {
	p.mindTheClock(now)
	if p.StepAt.IsZero() || p.StepAt.After(now) {
		return nil, nil
	}
	policy, ok := p.policy(w)
	facts = p.wake(policy, w, now)
	for p.State == Calling && !p.StepAt.After(now) {
		if !p.choose(policy, now) {
			return out, append(facts, p.exhausted(ok, now))
		}
		ds, news := p.fire(policy.Steps[p.Step], w, now)
		out, facts = append(out, ds...), append(facts, news...)
	}
	return out, facts
}

// wake begins the steps again where it is time: an answer is forgotten, or somebody
// was found at last.
func (p *Page) wake(policy Policy, w World, now time.Time) []event.Fact {
	switch p.State {
	case Answered:
		f := p.fact(now, worker, Retriggered{Page: p.ID, Service: p.Service, By: p.AckedBy, Reason: "ack_timeout"})
		p.beginAnew(now)
		return []event.Fact{f}
	case Unheard, NoPolicy:
		if p.reaches(policy.Steps, w, now) {
			p.begin(now)
		} else {
			p.due(now.Add(lookAgain), now)
		}
	case Calling:
		// While a step waits for its hours, somebody may have come to one before it.
		if before := policy.Steps[:min(p.Step, len(policy.Steps))]; !p.Until.IsZero() && !p.told(now) && p.reaches(before, w, now) {
			p.Step = 0
		}
	case Closed:
	}
	return nil
}

// choose says which step is the next, or that there is none any more.
func (p *Page) choose(policy Policy, now time.Time) bool {
	if p.Step >= len(policy.Steps) && len(policy.Steps) < p.Of {
		p.Step = 0 // the policy has fewer steps than it had: none of it was skipped
	}
	p.Of = len(policy.Steps)
	if p.Step < len(policy.Steps) {
		return true
	}
	if !p.told(now) || p.Round >= policy.Repeat || len(policy.Steps) == 0 {
		return false
	}
	p.Step, p.Round, p.Told, p.Since = 0, p.Round+1, nil, p.Firing
	return true
}

// policy is the policy of the page, or whichever covers its service where that is
// gone: of that none of the steps was taken yet.
func (p *Page) policy(w World) (Policy, bool) {
	policy, ok := w.Plan.Policy(p.Policy)
	if !ok && w.PolicyFor != nil {
		if policy, ok = w.PolicyFor(p.Service); ok {
			p.Policy, p.Step = policy.ID, 0
		}
	}
	return policy, ok
}

// mindTheClock moves what was decided by a clock that was ahead: deadlines by it
// would come too late.
func (p *Page) mindTheClock(now time.Time) {
	ahead := later(p.SetAt, p.OpenedAt).Sub(now)
	if ahead <= Skew {
		return
	}
	for _, t := range []*time.Time{&p.OpenedAt, &p.SetAt, &p.AckedAt, &p.BegunAt} {
		*t = earlier(*t, now)
	}
	p.Declined, p.Came = maps.Clone(p.Declined), slices.Clone(p.Came)
	for id, at := range p.Declined {
		p.Declined[id] = earlier(at, now)
	}
	for i, at := range p.Came {
		p.Came[i] = earlier(at, now)
	}
	if !p.StepAt.IsZero() {
		p.StepAt = p.StepAt.Add(-ahead)
	}
}

// exhausted ends the steps. Where the last round has called nobody who may hear it,
// the page goes on looking for somebody, ever less often where it tells in vain.
func (p *Page) exhausted(ok bool, now time.Time) event.Fact {
	reason, again := "every step was taken and nobody answered", time.Time{}
	switch {
	case !ok:
		reason = fmt.Sprintf("the escalation policy %q is no longer there", p.Policy)
	case p.Refused():
		reason = "no message can reach anybody"
	case !p.told(now):
		reason = "no step has anybody to call"
	}
	if !p.told(now) || !ok {
		again = now.Add(lookAgain << min(p.Vain, 4))
		p.Vain++
	}
	p.State = Unheard
	p.due(again, now)
	return p.fact(now, worker, Exhausted{Page: p.ID, Service: p.Service, Reason: reason})
}

// reaches reports whether one of some steps would call somebody now.
func (p *Page) reaches(steps []Step, w World, now time.Time) bool {
	return slices.ContainsFunc(steps, func(s Step) bool {
		if fires, _ := s.gate(p, now); !fires {
			return false
		}
		people, _ := p.called(s, w, now)
		return slices.ContainsFunc(people, func(id string) bool { return p.reachable(id, w, now) })
	})
}

// reachable reports whether somebody has a device.
func (p *Page) reachable(id string, w World, now time.Time) bool {
	who, err := w.Person(id)
	return err == nil && len(who.Use(p.Severity, now)) > 0
}

// called are the people whom a step calls now, and those who learn beside them.
func (p *Page) called(s Step, w World, now time.Time) (people []string, shadows []rota.Shadowing) {
	people, shadows = w.Plan.targets(s, w.Adjustments, now, func(all []string) []string {
		all = slices.DeleteFunc(slices.Clone(all), func(id string) bool { return p.spares(id, now) })
		if !s.RoundRobin || len(all) < 2 || w.LastPaged == nil {
			return all
		}
		return []string{p.turn(all, w, now)}
	})
	return people, slices.DeleteFunc(shadows, func(s rota.Shadowing) bool { return p.spares(s.Person, now) })
}

// turn is whoever of some people was called least recently and has a device; the
// first, where nobody has.
func (p *Page) turn(people []string, w World, now time.Time) string {
	for left := slices.Clone(people); len(left) > 0; {
		who := slices.MinFunc(left, func(a, b string) int { return w.LastPaged(a).Compare(w.LastPaged(b)) })
		if p.reachable(who, w, now) {
			return who
		}
		left = slices.DeleteFunc(left, func(id string) bool { return id == who })
	}
	return people[0]
}

// fire takes one step, passes it over, or puts it off until its hours come.
func (p *Page) fire(step Step, w World, now time.Time) ([]Delivery, []event.Fact) {
	fires, until := step.gate(p, now)
	if !until.IsZero() {
		return nil, p.putOff(until, now)
	}
	p.Until = time.Time{}
	if !fires {
		facts := []event.Fact{p.fact(now, worker, StepPassed{Page: p.ID, Service: p.Service, Step: p.Step, Round: p.Round})}
		p.Step++
		p.due(now, now)
		return nil, facts
	}
	p.Firing++
	people, shadows := p.called(step, w, now)
	ds := p.deliveries(w, people, shadows, now)
	fired := StepFired{Page: p.ID, Service: p.Service, Step: p.Step, Round: p.Round, People: people, Devices: len(ds)}
	for _, s := range shadows {
		fired.Shadows = append(fired.Shadows, s.Person)
	}
	p.Step++
	calls := false
	for _, d := range ds {
		if d.Kind == KindPage {
			p.Told, calls = with(p.Told, d.Person), true
		}
	}
	if calls {
		p.due(now.Add(step.Wait), now)
	} else { // nobody to tell: do not wait for an answer that cannot come
		p.Firing--
		p.due(now, now)
	}
	return ds, []event.Fact{p.fact(now, worker, fired)}
}

// putOff has the next step wait for its hours; as long as nobody was called, the
// page looks meanwhile whether somebody has come.
func (p *Page) putOff(until, now time.Time) (facts []event.Fact) {
	if !p.Until.Equal(until) {
		facts = append(facts, p.fact(now, worker, StepPutOff{Page: p.ID, Service: p.Service, Step: p.Step, Round: p.Round, Until: until}))
	}
	p.Until = until
	p.due(until, now)
	if !p.told(now) {
		p.due(earlier(until, now.Add(lookAgain)), now)
	}
	return facts
}

// backup is how long somebody on call waits behind a shadow that goes first.
const backup = 2 * time.Minute

func (p *Page) deliveries(w World, people []string, shadows []rota.Shadowing, now time.Time) (out []Delivery) {
	for _, id := range people {
		after := time.Duration(0)
		if slices.ContainsFunc(shadows, func(s rota.Shadowing) bool { return s.Mode == rota.Reverse && s.Of == id }) {
			after = backup
		}
		out = append(out, p.toDevices(w, id, KindPage, now, after)...)
		p.Called = with(p.Called, id)
	}
	for _, s := range shadows {
		switch s.Mode {
		case rota.Reverse:
			out = append(out, p.toDevices(w, s.Person, KindPage, now, 0)...)
			p.Called = with(p.Called, s.Person)
		case rota.Notify:
			out = append(out, p.toDevices(w, s.Person, KindShadow, now, 0)...)
			fallthrough
		case rota.Silent:
			p.Shadows = with(p.Shadows, s.Person)
		}
	}
	return out
}

// with is a list that has who; the list itself does not change.
func with(list []string, who string) []string {
	if slices.Contains(list, who) {
		return list
	}
	return append(slices.Clone(list), who)
}

// toDevices are the messages to one person's devices.
func (p *Page) toDevices(w World, id string, kind DeliveryKind, now time.Time, after time.Duration) (out []Delivery) {
	who, err := w.Person(id)
	if err != nil {
		return nil // gone from the catalog: StepFired shows a person without devices
	}
	for _, d := range who.Use(p.Severity, now) {
		if kind == KindShadow && d.Channel == "voice" {
			continue // nobody is woken by a call to learn
		}
		out = append(out, Delivery{
			ID: w.NewID(), Page: p.ID, Kind: kind, Person: id, Device: d.ID, Channel: d.Channel, Address: d.Address, Step: p.Step, Firing: p.Firing, State: Pending,
			MadeAt: now, DueAt: now.Add(d.After + after),
		})
	}
	return out
}
