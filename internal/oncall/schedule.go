package oncall

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// Rota is a weekly rotation and its name.
type Rota struct {
	ID     string
	Name   string
	Weekly rota.Weekly
	Source string // file:line of its document
}

// Override puts somebody else on call for a while.
type Override struct {
	ID      string    `json:"id"`
	Rota    string    `json:"rota"`
	Person  string    `json:"person"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	Created time.Time `json:"created"`
}

// Turn is a stretch of time with one person on call; "" is a gap.
type Turn struct {
	Rota     string    `json:"rota"`
	Person   string    `json:"person"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Override string    `json:"override,omitempty"` // the id of the override that made it so
}

// Turns returns who is on call over [from, to), overrides applied: the latest
// that was created wins. It is pure, and it covers the range without a hole.
func (r Rota) Turns(overrides []Override, from, to time.Time) []Turn {
	mine := make([]Override, 0, len(overrides))
	cuts := []time.Time{from}
	for _, o := range overrides {
		if o.Rota != r.ID || !o.Start.Before(to) || !o.End.After(from) {
			continue
		}
		mine = append(mine, o)
		cuts = append(cuts, o.Start, o.End)
	}
	slices.SortFunc(mine, func(a, b Override) int { return cmp.Or(b.Created.Compare(a.Created), strings.Compare(b.ID, a.ID)) })
	for _, s := range r.Weekly.Between(from, to) {
		cuts = append(cuts, s.Start)
	}
	slices.SortFunc(cuts, time.Time.Compare)
	var out []Turn
	for i, start := range cuts {
		end := to
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		start, end = latest(start, from), earliest(end, to)
		if !start.Before(end) {
			continue
		}
		t := Turn{Rota: r.ID, Person: r.Weekly.At(start).Member, Start: start, End: end}
		for _, o := range mine {
			if !o.Start.After(start) && o.End.After(start) {
				t.Person, t.Override = o.Person, o.ID
				break
			}
		}
		if n := len(out); n > 0 && out[n-1].Person == t.Person && out[n-1].Override == t.Override {
			out[n-1].End = t.End
			continue
		}
		out = append(out, t)
	}
	return out
}

// On returns the turn that covers t, to its real ends within four weeks.
func (r Rota) On(overrides []Override, t time.Time) Turn {
	const span = 28 * 24 * time.Hour
	for _, turn := range r.Turns(overrides, t.Add(-span), t.Add(span)) {
		if !turn.Start.After(t) && turn.End.After(t) {
			return turn
		}
	}
	return Turn{Rota: r.ID, Start: t, End: t}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Policy is an escalation: what happens, and when, until somebody answers.
type Policy struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Teams    []string `json:"teams,omitempty"`    // pages of their services come here
	Services []string `json:"services,omitempty"` // named services come here first
	Default  bool     `json:"default"`            // and everything else
	Steps    []Step   `json:"steps"`
	Repeat   int      `json:"repeat"` // how often to begin again after the last step
	Source   string   `json:"source"`
}

// Step tells its targets, then waits.
type Step struct {
	Rotas  []string      `json:"rotas,omitempty"`
	People []string      `json:"people,omitempty"`
	Wait   time.Duration `json:"wait"` // for an answer, before the next step
}

// Plan is everything as code that the room needs. It is replaced as a whole.
type Plan struct {
	Rotas    []Rota
	Policies []Policy
}

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

// Rota returns the rota called id.
func (p *Plan) Rota(id string) (Rota, bool) {
	i := slices.IndexFunc(p.Rotas, func(r Rota) bool { return strings.EqualFold(r.ID, id) })
	if i < 0 {
		return Rota{}, false
	}
	return p.Rotas[i], true
}

// OnCall returns the people whom a step tells at t, each once, in order.
func (p *Plan) OnCall(s Step, overrides []Override, t time.Time) []string {
	var out []string
	add := func(who string) {
		if who != "" && !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	for _, id := range s.Rotas {
		if r, ok := p.Rota(id); ok {
			add(r.On(overrides, t).Person)
		}
	}
	for _, who := range s.People {
		add(who)
	}
	return out
}
