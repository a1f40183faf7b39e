package oncall

import (
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// Turn is one person's stretch of time on call; "" is a gap.
type Turn = rota.Turn

// Adjustment is what people change of rotas for a while.
type Adjustment = rota.Adjustment

// Rota is a schedule and its name. Its editions are in the order of time: an
// edit closes one and opens the next, so that history never changes.
type Rota struct {
	ID       string
	Name     string
	Source   string // file:line of its document
	Editions []Edition
	Requires []string      // skills that whoever is on call needs
	LongTurn time.Duration // a longer turn is flagged; 0 never
	Gaps     bool          // gaps are meant
	Spec     RotaSpec      // of its document
}

// Edition is a schedule from an instant on, until the next edition.
type Edition struct {
	Since    time.Time // zero: always
	Schedule rota.Schedule
}

// Current is the edition in use.
func (r *Rota) Current() *rota.Schedule { return &r.Editions[len(r.Editions)-1].Schedule }

// Zone is whose clocks the rota goes by.
func (r *Rota) Zone() *rota.Zone { return r.Current().Zone }

// at returns the edition that was in use at t.
func (r *Rota) at(t time.Time) *rota.Schedule {
	i := len(r.Editions) - 1
	for i > 0 && t.Before(r.Editions[i].Since) {
		i--
	}
	return &r.Editions[i].Schedule
}

// On returns who is on call at t; adjustments may be those of all rotas.
func (r *Rota) On(all []Adjustment, t time.Time) []rota.Duty {
	return r.at(t).On(rota.Of(all, r.ID, t, t.Add(1)), t)
}

// Turns returns who is on call over [from, to), the earliest first, without a
// hole: a gap is a Turn without a person. It is pure.
func (r *Rota) Turns(all []Adjustment, from, to time.Time) []Turn {
	var out []Turn
	for i, e := range r.Editions {
		start, end := from, to
		if i > 0 && e.Since.After(start) {
			start = e.Since
		}
		if i+1 < len(r.Editions) && r.Editions[i+1].Since.Before(end) {
			end = r.Editions[i+1].Since
		}
		if start.Before(end) {
			out = join(out, e.Schedule.Turns(all, start, end))
		}
	}
	return out
}

// join puts the turns of a later edition behind those of an earlier one: who
// stays on call has one turn.
func join(out, next []Turn) []Turn {
	for _, t := range next {
		i := slices.IndexFunc(out, func(o Turn) bool {
			return o.End.Equal(t.Start) && o.Person == t.Person && o.Source == t.Source && o.Absent == t.Absent
		})
		if i >= 0 {
			out[i].End = t.End
			continue
		}
		out = append(out, t)
	}
	return out
}

// around is how far a turn is followed to its real ends.
const around = 28 * 24 * time.Hour

// At returns the turns that cover t, to their real ends within four weeks.
func (r *Rota) At(all []Adjustment, t time.Time) (out []Turn) {
	for _, turn := range r.Turns(all, t.Add(-around), t.Add(around)) {
		if !turn.Start.After(t) && turn.End.After(t) {
			out = append(out, turn)
		}
	}
	return out
}

// Plan is everything as code that the room needs. It is replaced as a whole.
type Plan struct {
	Rotas    []Rota
	Policies []Policy
	Canaries []Canary

	gone      []Rota // removed, with what they were
	calendars calendars
}

// Holidays are those of all the calendars.
func (p *Plan) Holidays(names []string) rota.Holidays { return p.calendars.of(names) }

// PolicyFor returns the policy for a service of a team: by the service, by the
// team, else the default. ok is false where there is none.
func (p *Plan) PolicyFor(service, team string) (policy Policy, ok bool) {
	for _, fits := range []func(Policy) bool{
		func(q Policy) bool { return slices.Contains(q.Services, service) },
		func(q Policy) bool { return team != "" && slices.Contains(q.Teams, team) },
		func(q Policy) bool { return q.Default },
	} {
		if i := slices.IndexFunc(p.Policies, fits); i >= 0 {
			return p.Policies[i], true
		}
	}
	return Policy{}, false
}

// Policy returns the policy called id.
func (p *Plan) Policy(id string) (Policy, bool) {
	i := slices.IndexFunc(p.Policies, func(q Policy) bool { return q.ID == id })
	if i < 0 {
		return Policy{}, false
	}
	return p.Policies[i], true
}

// Rota returns the rota called id, or nil.
func (p *Plan) Rota(id string) *Rota {
	i := slices.IndexFunc(p.Rotas, func(r Rota) bool { return strings.EqualFold(r.ID, id) })
	if i < 0 {
		return nil
	}
	return &p.Rotas[i]
}

// OnCall returns the people whom a step tells at t, each once, in order.
func (p *Plan) OnCall(s Step, all []Adjustment, t time.Time) []string {
	people, _ := p.targets(s, all, t, func(all []string) []string { return all })
	return people
}

// targets are those whom choose picks of the people whom a step tells at t, and
// those who learn beside them.
func (p *Plan) targets(s Step, all []Adjustment, t time.Time, choose func([]string) []string) (people []string, shadows []rota.Shadowing) {
	type stand struct {
		mine   []Adjustment
		duties []rota.Duty
	}
	var stands []stand
	seen := make(map[string]bool, len(s.People)+len(s.Rotas))
	put := func(who string) {
		if who != "" && !seen[who] {
			seen[who] = true
			people = append(people, who)
		}
	}
	for _, id := range s.Rotas {
		r := p.Rota(id)
		if r == nil {
			continue
		}
		mine := rota.Of(all, r.ID, t, t.Add(1))
		duties := r.at(t).On(mine, t)
		for _, d := range duties {
			put(d.Person)
		}
		stands = append(stands, stand{mine, duties})
	}
	for _, who := range s.People {
		put(who)
	}
	people = choose(people)
	for _, st := range stands {
		on := slices.DeleteFunc(st.duties, func(d rota.Duty) bool { return !slices.Contains(people, d.Person) })
		for _, s := range rota.Shadows(st.mine, on, t) {
			if !seen[s.Person] {
				seen[s.Person] = true
				shadows = append(shadows, s)
			}
		}
	}
	return people, shadows
}
