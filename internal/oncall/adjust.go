package oncall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Replace puts a plan in use. A rota that has changed goes on as it was until
// now and as it is from now on. Where the past cannot be read the plan is in use
// all the same, and the error says so.
func (p *Pager) Replace(ctx context.Context, plan *Plan) error {
	p.replacing.Lock()
	defer p.replacing.Unlock()
	return p.replace(ctx, plan)
}

func (p *Pager) replace(ctx context.Context, plan *Plan) error {
	docs := map[string]string{}
	for _, r := range plan.Rotas {
		doc, err := json.Marshal(r.Spec)
		if err != nil {
			return fmt.Errorf("keep rota %s: %w", r.ID, err)
		}
		docs[r.ID] = string(doc)
	}
	kept, err := p.adjustments.KeepEditions(ctx, p.now(), docs)
	if err == nil {
		plan = plan.withPast(kept)
	}
	p.plan.Store(plan)
	p.unkept = err != nil
	if err != nil {
		return fmt.Errorf("keep the editions of rotas: %w", err)
	}
	return errors.Join(p.Refresh(ctx), p.readTurns(ctx))
}

// keepEditions tries again what [Pager.Replace] could not: until then the past is
// not read.
func (p *Pager) keepEditions(ctx context.Context) error {
	p.replacing.Lock()
	defer p.replacing.Unlock()
	if !p.unkept {
		return nil
	}
	return p.replace(ctx, p.plan.Load())
}

// withPast returns the plan with the earlier editions of its rotas, and of those
// that were removed.
func (p *Plan) withPast(kept []KeptEdition) *Plan {
	out := *p
	out.Rotas, out.gone = nil, nil
	b := builder{zones: zones{}, calendars: p.calendars}
	past := map[string][]Edition{}
	for _, k := range kept {
		var spec RotaSpec
		if k.Doc == "" {
			past[k.Rota] = append(past[k.Rota], Edition{Since: k.Since, Schedule: rota.Schedule{ID: k.Rota, Zone: rota.NewZone(time.UTC)}})
		} else if json.Unmarshal([]byte(k.Doc), &spec) == nil {
			if s, ok := b.schedule(k.Rota, spec); ok {
				past[k.Rota] = append(past[k.Rota], Edition{Since: k.Since, Schedule: s})
			}
		}
	}
	for _, r := range p.Rotas {
		if editions := past[r.ID]; len(editions) > 0 {
			editions[len(editions)-1].Schedule = *r.Current() // the same, as it was built with its own calendars
			r.Editions = editions
		}
		out.Rotas = append(out.Rotas, r)
		delete(past, r.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(past)) {
		out.gone = append(out.gone, Rota{ID: id, Name: id, Editions: past[id]})
	}
	return &out
}

// Refresh reads the adjustments of the time around now, for [Pager.Who].
func (p *Pager) Refresh(ctx context.Context) error {
	now := p.now()
	all, err := p.adjustments.Adjustments(ctx, now.Add(-24*time.Hour), now.Add(around))
	if err != nil {
		return fmt.Errorf("load adjustments: %w", err)
	}
	p.adjusted.Store(&all)
	return nil
}

// Who returns who is on call in a rota now. It asks no database: what another
// server changed is known within seconds. NotFound where there is no such rota.
func (p *Pager) Who(id string) ([]rota.Duty, error) {
	r := p.plan.Load().Rota(id)
	if r == nil {
		return nil, errs.New(errs.NotFound, "there is no rota %q", id)
	}
	return r.On(*p.adjusted.Load(), p.now()), nil
}

const longest = 366 * 24 * time.Hour // of an adjustment

// Adjust makes an adjustment: it says who is on call, or away, or learns, for a
// while. Invalid where the rota or a person is unknown or it makes no sense.
func (p *Pager) Adjust(ctx context.Context, a Adjustment) (Adjustment, error) {
	if err := p.checkAdjustment(ctx, &a); err != nil {
		return a, err
	}
	a.ID, a.Created = p.newID(), p.now()
	subject := "rota/" + a.Rota
	if a.Rota == "" {
		subject = "person/" + a.Person
	}
	err := p.adjustments.PutAdjustment(ctx, a, event.Fact{
		Event: AdjustmentMade{Adjustment: a.ID, Kind: a.Kind, Rota: a.Rota, Person: a.Person, Of: a.Of, Start: a.Start, End: a.End, Reason: a.Reason},
		At:    a.Created, Subject: subject, Actor: "person/" + a.By, Source: "web",
	})
	if err != nil {
		return a, err
	}
	return a, p.Refresh(ctx)
}

func (p *Pager) checkAdjustment(ctx context.Context, a *Adjustment) error {
	if a.Rota != "" || (a.Kind != rota.Absence && a.Kind != rota.Shadow) {
		r := p.plan.Load().Rota(a.Rota)
		if r == nil {
			return errs.New(errs.Invalid, "there is no rota %q", a.Rota)
		}
		a.Rota = r.ID // as it is written there, whatever the case it was asked in
	}
	if err := p.checkPeople(ctx, *a); err != nil {
		return err
	}
	if !a.Start.Before(a.End) || a.End.Sub(a.Start) > longest {
		return errs.New(errs.Invalid, "an adjustment must end after it starts, within a year")
	}
	if len(a.Shifts) > 500 || len(a.Reason) > 500 {
		return errs.New(errs.Invalid, "at most 500 shifts, and a reason of at most 500 bytes")
	}
	if err := checkKind(*a); err != nil {
		return err
	}
	return fromNow(a, p.now().UTC().Truncate(time.Microsecond))
}

// fromNow takes off an adjustment what lies before now: the past does not change.
func fromNow(a *Adjustment, now time.Time) error {
	a.Start = later(a.Start, now)
	var shifts []rota.StaticShift
	for _, s := range a.Shifts {
		if s.Start = later(s.Start, now); s.Start.Before(s.End) {
			shifts = append(shifts, s)
		}
	}
	if !a.Start.Before(a.End) || (len(shifts) == 0 && len(a.Shifts) > 0) {
		return errs.New(errs.Invalid, "it would be over already, and the past does not change")
	}
	a.Shifts = shifts
	return nil
}

// checkPeople says whom an adjustment names that nobody knows.
func (p *Pager) checkPeople(ctx context.Context, a Adjustment) error {
	people := []string{a.Person, a.Of}
	for _, s := range a.Shifts {
		people = append(people, s.Person)
		if !s.Start.Before(s.End) || s.Start.Before(a.Start) || s.End.After(a.End) {
			return errs.New(errs.Invalid, "a shift of a temporary schedule lies within it and ends after it starts")
		}
	}
	for _, id := range people {
		if id == "" || id == rota.Everybody {
			continue
		}
		if _, err := p.catalog.Person(ctx, id); err != nil {
			return errs.New(errs.Invalid, "there is no person %q", id)
		}
	}
	return nil
}

// checkKind says what an adjustment of its kind lacks.
func checkKind(a Adjustment) error {
	for _, rule := range []struct {
		kind  rota.Kind
		wrong bool
		text  string
	}{
		{rota.Override, a.Person == "" && a.Of == "", "an override says who comes, who goes, or both"},
		{rota.Temporary, len(a.Shifts) == 0, "a temporary schedule has shifts"},
		{rota.Swap, a.Of == "" || a.Of == rota.Everybody, "a swap says whose turns are to be taken"},
		{rota.Absence, a.Person == "", "an absence says who is away"},
		{rota.Shadow, a.Person == "" || a.Person == a.Of || (a.Rota == "" && a.Of == ""), "a shadow says who learns, and from whom: a rota, or another person"},
		{rota.Shadow, !slices.Contains([]rota.Mode{rota.Silent, rota.Notify, rota.Reverse}, a.Mode), "a shadow is silent, notify or reverse"},
	} {
		if rule.kind == a.Kind && rule.wrong {
			return errs.New(errs.Invalid, "%s", rule.text)
		}
	}
	if !slices.Contains([]rota.Kind{rota.Override, rota.Temporary, rota.Swap, rota.Absence, rota.Shadow}, a.Kind) {
		return errs.New(errs.Invalid, "%q is none of override, temporary, swap, absence, shadow", a.Kind)
	}
	return nil
}

// EndAdjustment takes an adjustment back from now on; what it has been stays.
func (p *Pager) EndAdjustment(ctx context.Context, id, by string) error {
	now := p.now()
	err := p.adjustments.UpdateAdjustment(ctx, id, func(a *Adjustment) ([]event.Fact, error) {
		if !a.End.After(now) {
			return nil, errs.New(errs.Conflict, "it is over already, and the past does not change")
		}
		a.End = later(now, a.Start)
		return []event.Fact{{Event: AdjustmentEnded{Adjustment: id, Kind: a.Kind, Rota: a.Rota, Person: a.Person}, At: now, Subject: "rota/" + a.Rota, Actor: "person/" + by, Source: "web"}}, nil
	})
	if err != nil {
		return err
	}
	return p.Refresh(ctx)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TakeSwap has somebody take the turns that another asked to give. Conflict
// where somebody has them, or they are over.
func (p *Pager) TakeSwap(ctx context.Context, id, by string) error {
	if _, err := p.catalog.Person(ctx, by); err != nil {
		return errs.New(errs.Invalid, "there is no person %q", by)
	}
	now := p.now()
	err := p.adjustments.UpdateAdjustment(ctx, id, func(a *Adjustment) ([]event.Fact, error) {
		switch {
		case a.Kind != rota.Swap:
			return nil, errs.New(errs.Invalid, "this is a %s, not a swap", a.Kind)
		case a.Person == by:
			return nil, nil
		case a.Person != "":
			return nil, errs.New(errs.Conflict, "%s has taken it already", a.Person)
		case a.Of == by:
			return nil, errs.New(errs.Invalid, "nobody takes his own turns: end the request in its place")
		case !a.End.After(now):
			return nil, errs.New(errs.Conflict, "it is over already")
		}
		a.Person, a.Start = by, later(a.Start, now) // until now the turns were those of whoever asked
		return []event.Fact{{Event: SwapTaken{Adjustment: id, Rota: a.Rota, Of: a.Of, By: by}, At: now, Subject: "rota/" + a.Rota, Actor: "person/" + by, Source: "web"}}, nil
	})
	if err != nil {
		return err
	}
	return p.Refresh(ctx)
}

// Turns returns the turns of every rota over [from, to), and the adjustments.
func (p *Pager) Turns(ctx context.Context, from, to time.Time) (map[string][]Turn, []Adjustment, error) {
	adjustments, err := p.adjustments.Adjustments(ctx, from, to)
	if err != nil {
		return nil, nil, err
	}
	out := map[string][]Turn{}
	for _, r := range p.plan.Load().Rotas {
		out[r.ID] = r.Turns(adjustments, from, to)
	}
	return out, adjustments, nil
}

// Now is who is on call in one rota, and who is next.
type Now struct {
	Rota    string           `json:"rota"`
	Name    string           `json:"name"`
	Zone    string           `json:"zone"`
	On      []Turn           `json:"on"`             // a Turn without a person where nobody is
	Until   time.Time        `json:"until,omitzero"` // when the first of them ends; zero where it lasts as far ahead as is looked
	Next    []Turn           `json:"next"`           // who is on call then
	Shadows []rota.Shadowing `json:"shadows,omitempty"`
}

// At returns who is on call in every rota at t, and who is after. A rota that was
// removed is there at times when it had somebody.
func (p *Plan) At(adjustments []Adjustment, t time.Time) (out []Now) {
	rotas := slices.Clone(p.Rotas)
	for _, r := range p.gone {
		if len(r.at(t).Rotations) > 0 && len(r.On(adjustments, t)) > 0 {
			rotas = append(rotas, r)
		}
	}
	for i := range rotas {
		r := &rotas[i]
		n := Now{Rota: r.ID, Name: r.Name, Zone: r.Zone().String(), On: r.At(adjustments, t)}
		end := t.Add(around)
		for _, turn := range n.On {
			end = earlier(end, turn.End)
		}
		if end.Before(t.Add(around)) {
			n.Until = end
		}
		n.Next = r.At(adjustments, end)
		mine := rota.Of(adjustments, r.ID, t, t.Add(1))
		n.Shadows = rota.Shadows(mine, r.at(t).On(mine, t), t)
		out = append(out, n)
	}
	return out
}

// OnCallAt returns who is on call in every rota at t, and who is after.
func (p *Pager) OnCallAt(ctx context.Context, t time.Time) ([]Now, error) {
	adjustments, err := p.adjustments.Adjustments(ctx, t.Add(-around), t.Add(2*around))
	if err != nil {
		return nil, err
	}
	return p.plan.Load().At(adjustments, t), nil
}

// OnCallNow is [Pager.OnCallAt] now.
func (p *Pager) OnCallNow(ctx context.Context) ([]Now, error) { return p.OnCallAt(ctx, p.now()) }

// graduate ends the shadows that have seen enough pages.
func (p *Pager) graduate(ctx context.Context) error {
	now := p.now()
	all, err := p.adjustments.Adjustments(ctx, now, now.Add(1))
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.Kind != rota.Shadow || a.After <= 0 || a.Mode == rota.Reverse {
			continue
		}
		n, err := p.store.Shadowed(ctx, a.Person, a.Start)
		if err != nil {
			return err
		}
		if n < a.After {
			continue
		}
		err = p.adjustments.UpdateAdjustment(ctx, a.ID, func(a *Adjustment) ([]event.Fact, error) {
			if !a.End.After(now) {
				return nil, nil
			}
			a.End = now
			return []event.Fact{{Event: ShadowGraduated{Adjustment: a.ID, Rota: a.Rota, Person: a.Person, Mode: a.Mode, Pages: n}, At: now, Subject: "person/" + a.Person, Actor: worker, Source: "oncall"}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// People are those who are on call, in order.
func (n Now) People() []string { return people(n.On) }

// NextPeople are those who are on call after.
func (n Now) NextPeople() []string { return people(n.Next) }

func people(turns []Turn) (out []string) {
	for _, t := range turns {
		if t.Person != "" {
			out = append(out, t.Person)
		}
	}
	return out
}
