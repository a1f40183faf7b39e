package oncall

import (
	"fmt"
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
	LastPaged   func(id string) time.Time // zero: never
	NewID       func() string
}

// Advance does everything that is due at now and returns the new deliveries
// and the news. It is pure but for fresh ids. Its deadlines are fields of the
// page, saved in the transaction of the news that set them: no timer can be lost.
func (p *Page) Advance(w World, now time.Time) (out []Delivery, facts []event.Fact) {
	policy, ok := w.Plan.Policy(p.Policy)
	reason := "every step was taken and nobody answered"
	if !ok {
		reason = fmt.Sprintf("the escalation policy %q is no longer there", p.Policy)
	}
	if p.OpenedAt.After(now) {
		// The clock was set back: deadlines by the old one would come too late.
		p.OpenedAt = now
		if p.State == Calling {
			p.StepAt = now
		}
	}
	if p.State == Answered && !p.StepAt.IsZero() && !p.StepAt.After(now) {
		facts = append(facts, p.fact(now, worker, Retriggered{Page: p.ID, Service: p.Service, By: p.AckedBy, Reason: "ack_timeout"}))
		p.begin(now)
	}
	for p.State == Calling && !p.StepAt.After(now) {
		if !ok || (p.Step >= len(policy.Steps) && (p.Round >= policy.Repeat || len(policy.Steps) == 0)) {
			p.State, p.StepAt = Unheard, time.Time{}
			return out, append(facts, p.fact(now, worker, Exhausted{Page: p.ID, Service: p.Service, Reason: reason}))
		}
		if p.Step >= len(policy.Steps) {
			p.Step, p.Round = 0, p.Round+1
		}
		ds, news := p.fire(policy.Steps[p.Step], w, now)
		out, facts = append(out, ds...), append(facts, news...)
	}
	return out, facts
}

// fire takes one step, passes it over, or puts it off until its hours come.
func (p *Page) fire(step Step, w World, now time.Time) ([]Delivery, []event.Fact) {
	fires, until := step.gate(p, now)
	if !until.IsZero() {
		p.StepAt = until
		return nil, []event.Fact{p.fact(now, worker, StepPutOff{Page: p.ID, Service: p.Service, Step: p.Step, Round: p.Round, Until: until})}
	}
	if !fires {
		facts := []event.Fact{p.fact(now, worker, StepPassed{Page: p.ID, Service: p.Service, Step: p.Step, Round: p.Round})}
		p.Step, p.StepAt = p.Step+1, now
		return nil, facts
	}
	people, shadows := w.Plan.targets(step, w.Adjustments, now)
	// Who has answered already, where several must, is not called again.
	people = slices.DeleteFunc(people, func(id string) bool { return slices.Contains(p.Acks, id) })
	if step.RoundRobin && len(people) > 1 && w.LastPaged != nil {
		people = []string{slices.MinFunc(people, func(a, b string) int { return w.LastPaged(a).Compare(w.LastPaged(b)) })}
	}
	ds := p.deliveries(w, people, shadows, now)
	fired := StepFired{Page: p.ID, Service: p.Service, Step: p.Step, Round: p.Round, People: people, Devices: len(ds)}
	for _, s := range shadows {
		fired.Shadows = append(fired.Shadows, s.Person)
	}
	p.Step++
	// Nobody to tell: do not wait for an answer that cannot come.
	p.StepAt = now
	if slices.ContainsFunc(ds, func(d Delivery) bool { return d.Kind == KindPage }) {
		p.StepAt = now.Add(step.Wait)
	}
	return ds, []event.Fact{p.fact(now, worker, fired)}
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
	}
	for _, s := range shadows {
		switch s.Mode {
		case rota.Reverse:
			out = append(out, p.toDevices(w, s.Person, KindPage, now, 0)...)
		case rota.Notify:
			out = append(out, p.toDevices(w, s.Person, KindShadow, now, 0)...)
			fallthrough
		case rota.Silent:
			if !slices.Contains(p.Shadows, s.Person) {
				p.Shadows = append(p.Shadows, s.Person)
			}
		}
	}
	return out
}

// toDevices are the messages to one person's devices.
func (p *Page) toDevices(w World, id string, kind DeliveryKind, now time.Time, after time.Duration) (out []Delivery) {
	who, err := w.Person(id)
	if err != nil {
		return nil // gone from the catalog: StepFired shows a person without devices
	}
	for _, d := range who.Use(now) {
		if kind == KindShadow && d.Channel == "voice" {
			continue // nobody is woken by a call to learn
		}
		out = append(out, Delivery{
			ID: w.NewID(), Page: p.ID, Kind: kind, Person: id, Device: d.ID, Channel: d.Channel, Address: d.Address, Step: p.Step, State: Pending,
			MadeAt: now, DueAt: now.Add(d.After + after),
		})
	}
	return out
}
