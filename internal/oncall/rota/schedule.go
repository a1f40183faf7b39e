package rota

import (
	"slices"
	"strings"
	"time"
)

// Schedule is rotations in layers.
type Schedule struct {
	ID        string
	Zone      *Zone // for windows of the pages; each rotation has its own
	Rotations []Rotation
	Holidays  Holidays
}

// Kind is what sort of adjustment it is.
type Kind string

// The kinds.
const (
	Override  Kind = "override"  // somebody comes, goes, or takes another's place
	Temporary Kind = "temporary" // fixed shifts in the place of everything
	Swap      Kind = "swap"      // somebody asks another to take a stretch
	Absence   Kind = "absence"   // somebody is away: flagged, never dropped silently
	Shadow    Kind = "shadow"    // somebody learns beside whoever is on call
)

// Everybody in the place of a person means all who are on call.
const Everybody = "*"

// Mode is how a shadow takes part.
type Mode string

// The modes.
const (
	Silent  Mode = "silent"  // sees the pages afterwards, is not told
	Notify  Mode = "notify"  // is told too, as a shadow
	Reverse Mode = "reverse" // is told first; the one on call is the back-up
)

// Adjustment is what people change of schedules for a while. What its fields
// mean depends on its kind:
//
//	override   Person comes, or "" nobody; Of goes: "" nobody, [Everybody] all. Where
//	           Of names one, Person comes only while that one is on call
//	temporary  Shifts replace everything else, overrides too
//	swap       Person takes the turns of Of; until somebody does, Person is ""
//	absence    Person is away; Rota is "" for all rotas
//	shadow     Person learns from Of, or from whoever is on call where Of is ""
type Adjustment struct {
	ID      string        `json:"id"`
	Kind    Kind          `json:"kind"`
	Rota    string        `json:"rota,omitempty"`
	Person  string        `json:"person,omitempty"`
	Of      string        `json:"of,omitempty"`
	Start   time.Time     `json:"start"`
	End     time.Time     `json:"end"`
	Shifts  []StaticShift `json:"shifts,omitempty"`
	Mode    Mode          `json:"mode,omitempty"`
	After   int           `json:"graduate_after,omitempty"` // shadowed pages; 0 never
	By      string        `json:"by"`
	Reason  string        `json:"reason,omitempty"`
	Created time.Time     `json:"created"`
}

// StaticShift is a shift of a temporary schedule.
type StaticShift struct {
	Person string    `json:"person"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
}

func (a *Adjustment) covers(t time.Time) bool { return !t.Before(a.Start) && t.Before(a.End) }

// Source is what put somebody on call.
type Source struct {
	Kind string `json:"kind"`         // "rotation", "override", "temporary" or "swap"
	ID   string `json:"id,omitempty"` // of the rotation or the adjustment
}

// Duty is one person on call at an instant.
type Duty struct {
	Person string
	Source Source
}

// Turn is one person's stretch of time on call; "" is a gap.
type Turn struct {
	Rota   string    `json:"rota"`
	Person string    `json:"person"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Source Source    `json:"source"`
	Absent bool      `json:"absent,omitempty"` // the person has said to be away
}

// Of returns the adjustments that concern the schedule with this id between from
// and to, in the order in which they count.
func Of(all []Adjustment, id string, from, to time.Time) []Adjustment {
	var out []Adjustment
	for _, a := range all {
		mine := a.Rota == id || (a.Rota == "" && (a.Kind == Absence || a.Kind == Shadow))
		if mine && a.Start.Before(to) && a.End.After(from) {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Adjustment) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// On returns who is on call at t, each once; adjustments are those of [Of].
func (s *Schedule) On(adjustments []Adjustment, t time.Time) []Duty {
	if duties, ok := temporary(adjustments, t); ok {
		return duties
	}
	duties := s.rotating(t)
	for i := range adjustments {
		a := &adjustments[i]
		if !a.covers(t) {
			continue
		}
		switch a.Kind {
		case Override:
			duties = override(duties, a)
		case Swap:
			if a.Person != "" {
				duties = replace(duties, a.Of, a.Person, Source{Kind: string(Swap), ID: a.ID})
			}
		case Temporary, Absence, Shadow:
		}
	}
	return duties
}

// temporary returns the fixed shifts where a temporary schedule covers t; the
// one made last counts.
func temporary(adjustments []Adjustment, t time.Time) (out []Duty, ok bool) {
	for i := len(adjustments) - 1; i >= 0; i-- {
		a := &adjustments[i]
		if a.Kind != Temporary || !a.covers(t) {
			continue
		}
		for _, s := range a.Shifts {
			if !t.Before(s.Start) && t.Before(s.End) {
				out = add(out, s.Person, Source{Kind: string(Temporary), ID: a.ID})
			}
		}
		return out, true
	}
	return nil, false
}

// rotating returns whom the rotations have on call: those of the highest
// priority at which there is somebody.
func (s *Schedule) rotating(t time.Time) (out []Duty) {
	best := 0
	var people []string
	for i := range s.Rotations {
		r := &s.Rotations[i]
		if len(out) > 0 && r.Priority < best {
			continue
		}
		people = r.on(people[:0], t, s.Holidays)
		if len(people) == 0 {
			continue
		}
		if r.Priority > best || len(out) == 0 {
			out, best = out[:0], r.Priority
		}
		for _, p := range people {
			out = add(out, p, Source{Kind: "rotation", ID: r.Name})
		}
	}
	return out
}

func override(duties []Duty, a *Adjustment) []Duty {
	source := Source{Kind: string(Override), ID: a.ID}
	switch {
	case a.Of == Everybody:
		if a.Person == "" {
			return nil
		}
		return []Duty{{a.Person, source}}
	case a.Of == "":
		return add(duties, a.Person, source)
	case a.Person == "":
		return slices.DeleteFunc(slices.Clone(duties), func(d Duty) bool { return d.Person == a.Of })
	}
	return replace(duties, a.Of, a.Person, source)
}

// replace puts person in the place of another, where that one is on call.
func replace(duties []Duty, of, person string, source Source) []Duty {
	i := slices.IndexFunc(duties, func(d Duty) bool { return d.Person == of })
	if i < 0 {
		return duties
	}
	out := slices.Delete(slices.Clone(duties), i, i+1)
	return add(out, person, source)
}

func add(duties []Duty, person string, source Source) []Duty {
	if person == "" || slices.ContainsFunc(duties, func(d Duty) bool { return d.Person == person }) {
		return duties
	}
	return append(duties, Duty{person, source})
}

// Turns returns who is on call over [from, to), the earliest first. It covers
// the range without a hole: where nobody is, there is a Turn without a person.
// Several people at a time have a Turn each.
func (s *Schedule) Turns(all []Adjustment, from, to time.Time) []Turn {
	adjustments := Of(all, s.ID, from, to)
	var out []Turn
	open := map[Duty]int{} // the turn of each who is on call now
	cuts := s.cuts(adjustments, from, to)
	for i, start := range cuts[:len(cuts)-1] {
		end := cuts[i+1]
		duties := s.On(adjustments, start)
		if len(duties) == 0 {
			duties = []Duty{{}}
		}
		now := make(map[Duty]int, len(duties))
		for _, d := range duties {
			absent := absent(adjustments, d.Person, start)
			if n, ok := open[d]; ok && out[n].Absent == absent {
				out[n].End = end
				now[d] = n
				continue
			}
			now[d] = len(out)
			out = append(out, Turn{Rota: s.ID, Person: d.Person, Start: start, End: end, Source: d.Source, Absent: absent})
		}
		open = now
	}
	return out
}

// cuts are from, to, and the instants between at which something may change.
func (s *Schedule) cuts(adjustments []Adjustment, from, to time.Time) []time.Time {
	out := []time.Time{from, to}
	for i := range s.Rotations {
		out = s.Rotations[i].cuts(out, from, to, s.Holidays)
	}
	put := func(at time.Time) {
		if at.After(from) && at.Before(to) {
			out = append(out, at)
		}
	}
	for _, a := range adjustments {
		put(a.Start)
		put(a.End)
		for _, shift := range a.Shifts {
			put(shift.Start)
			put(shift.End)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

func absent(adjustments []Adjustment, person string, t time.Time) bool {
	return person != "" && slices.ContainsFunc(adjustments, func(a Adjustment) bool {
		return a.Kind == Absence && a.Person == person && a.covers(t)
	})
}

// Shadowing is somebody who learns beside a person on call.
type Shadowing struct {
	ID     string
	Person string
	Of     string
	Mode   Mode
}

// Shadows returns who shadows the people on call at t. Nobody shadows himself.
func Shadows(adjustments []Adjustment, duties []Duty, t time.Time) (out []Shadowing) {
	for _, a := range adjustments {
		if a.Kind != Shadow || !a.covers(t) {
			continue
		}
		onCall := func(d Duty) bool { return d.Person == a.Person }
		if slices.ContainsFunc(duties, onCall) {
			continue
		}
		for _, d := range duties {
			if a.Of == "" || a.Of == d.Person {
				out = append(out, Shadowing{ID: a.ID, Person: a.Person, Of: d.Person, Mode: a.Mode})
				break
			}
		}
	}
	return out
}
