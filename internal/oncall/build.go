package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall/ical"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// zones keeps the zones that were loaded, so that rotas share them.
type zones map[string]*rota.Zone

func (z zones) load(name string) *rota.Zone {
	if z[name] == nil {
		zone, err := rota.LoadZone(name)
		if err != nil {
			return nil // the check of the document has said so
		}
		z[name] = zone
	}
	return z[name]
}

// calendars finds the holidays that documents name.
type calendars map[string]rota.Holidays

// The years of an iCalendar file that are read.
const icsFrom, icsTo = 2015, 2050

func calendarsOf(set *ascode.Set) (calendars, ascode.Problems) {
	out := calendars{"japan": rota.Japan()}
	var problems ascode.Problems
	for _, d := range ascode.Of[HolidayCalendarSpec](set) {
		days := map[rota.Day]string{}
		for _, v := range d.Spec.Dates {
			if at, err := time.Parse(time.DateOnly, v.Date); err == nil {
				days[rota.DayOf(at.Date())] = v.Name
			}
		}
		if d.Spec.ICS != "" {
			named, err := holidaysOf(d.Spec.ICS)
			if err != nil {
				problems = append(problems, d.At("spec.ics", "give the text of an iCalendar file", "%v", err))
			}
			for day, name := range named {
				if days[day] == "" {
					days[day] = name
				}
			}
		}
		if _, taken := out[d.Metadata.Name]; taken {
			problems = append(problems, d.At("metadata.name", "give it another name", "there is a calendar %q already", d.Metadata.Name))
		}
		out[d.Metadata.Name] = rota.Named(days)
	}
	return out, problems
}

// holidaysOf are the all-day events of an iCalendar file.
func holidaysOf(text string) (map[rota.Day]string, error) {
	c, err := ical.Read([]byte(text))
	if err != nil {
		return nil, err
	}
	return ical.Holidays(c, time.Date(icsFrom, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(icsTo+1, 1, 1, 0, 0, 0, 0, time.UTC))
}

func (c calendars) of(names []string) rota.Holidays {
	var all []rota.Holidays
	for _, n := range names {
		if h := c[n]; h != nil {
			all = append(all, h)
		}
	}
	return rota.Union(all...)
}

// Build makes the plan of a set and checks what refers to what.
func Build(set *ascode.Set) (*Plan, ascode.Problems) {
	b := builder{set: set, plan: &Plan{}, zones: zones{}, people: map[string]int{}}
	b.calendars, b.problems = calendarsOf(set)
	b.plan.calendars = b.calendars
	for _, p := range ascode.Of[catalog.PersonSpec](set) {
		b.people[p.Metadata.Name] = len(p.Spec.Devices)
	}
	for _, d := range ascode.Of[RotaSpec](set) {
		b.rota(d)
	}
	byDefault := ""
	for _, d := range ascode.Of[EscalationSpec](set) {
		b.policy(d)
		if d.Spec.Default && byDefault != "" {
			b.problems = append(b.problems, d.At("spec.default", "keep one default", "%s is the default already", byDefault))
		}
		if d.Spec.Default {
			byDefault = d.Metadata.Name
		}
	}
	for _, d := range ascode.Of[PagingCanarySpec](set) {
		c := Canary{ID: d.Metadata.Name}
		c.Every, _ = d.Spec.every() // checkCanary has refused what does not parse
		for _, v := range d.Spec.Devices {
			c.Devices = append(c.Devices, catalog.Device{ID: d.Metadata.Name, Channel: v.Channel, Address: v.Address})
		}
		b.plan.Canaries = append(b.plan.Canaries, c)
	}
	return b.plan, b.problems
}

type builder struct {
	set       *ascode.Set
	plan      *Plan
	zones     zones
	calendars calendars
	people    map[string]int // how many devices each has
	problems  ascode.Problems
}

func (b *builder) rota(d ascode.Doc[RotaSpec]) {
	s, ok := b.schedule(d.Metadata.Name, d.Spec)
	if !ok {
		return // checkRota has said why
	}
	long, _ := length(d.Spec.LongTurn) // checkRota has refused what does not parse
	r := Rota{
		ID: d.Metadata.Name, Name: d.Metadata.Title(), Source: fmt.Sprintf("%s:%d", d.File, d.Line), Editions: []Edition{{Schedule: s}},
		Requires: d.Spec.Requires, LongTurn: long, Gaps: d.Spec.Gaps == "accept", Spec: d.Spec,
	}
	b.plan.Rotas = append(b.plan.Rotas, r)
	for i, n := range d.Spec.Holidays {
		b.calendar(d.Document, fmt.Sprintf("spec.holidays[%d]", i), n)
	}
	members := func(at string, list []string) {
		for i, m := range list {
			for who := range strings.SplitSeq(m, "+") {
				if m != "" {
					b.reachable(d.Document, fmt.Sprintf("%s[%d]", at, i), who)
				}
			}
		}
	}
	members("spec.members", d.Spec.Members)
	for i, v := range d.Spec.Rotations {
		members(fmt.Sprintf("spec.rotations[%d].members", i), v.Members)
	}
	if r.Gaps {
		return
	}
	if g, ok := gap(&r); ok {
		b.problems = append(b.problems, d.At("spec", "put somebody there, or write gaps: accept where that is meant", "nobody is on call from %s to %s (%s)", local(g.Start, r.Zone()), local(g.End, r.Zone()), r.Zone()))
	}
}

func local(t time.Time, z *rota.Zone) string { return t.In(z.Location()).Format(startLayout) }

// looked is how far a rota is searched for gaps: more than a year, so that every
// holiday and every change of the clocks is in it.
const looked = 400 * 24 * time.Hour

// gap is the first stretch without anybody, from the first hand-over on.
func gap(r *Rota) (Turn, bool) {
	from := time.Time{}
	for _, v := range r.Current().Rotations {
		if at := v.Handover(0); from.IsZero() || at.Before(from) {
			from = at
		}
	}
	for _, t := range r.Turns(nil, from, from.Add(looked)) {
		if t.Person == "" {
			return t, true
		}
	}
	return Turn{}, false
}

func (b *builder) calendar(d ascode.Document, at, name string) {
	if b.calendars[name] == nil {
		b.problems = append(b.problems, d.At(at, "write japan, or add a HolidayCalendar document of this name", "there is no calendar %q", name))
	}
}

// schedule makes the schedule of a spec; ok is false where it has a mistake that
// the check of its document names.
func (b *builder) schedule(id string, spec RotaSpec) (s rota.Schedule, ok bool) {
	s = rota.Schedule{ID: id, Zone: b.zones.load(spec.TimeZone), Holidays: b.calendars.of(spec.Holidays)}
	if s.Zone == nil {
		return s, false
	}
	specs := spec.Rotations
	if len(specs) == 0 {
		specs = []RotationSpec{{Name: "rotation", Start: spec.Start, Every: spec.Every, Members: spec.Members}}
	}
	for _, v := range specs {
		r := rota.Rotation{Name: v.Name, Zone: s.Zone, PerMember: v.PerMember, All: v.EveryMember, Priority: v.Priority}
		if v.TimeZone != "" {
			if r.Zone = b.zones.load(v.TimeZone); r.Zone == nil {
				return s, false
			}
		}
		start, err := time.Parse(startLayout, v.Start)
		if err != nil && (v.Start != "" || !v.EveryMember) {
			return s, false
		}
		if v.Start == "" {
			start = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		r.Day, r.Minute = rota.DayOf(start.Date()), start.Hour()*60+start.Minute()
		if r.Every, r.Unit, err = cadence(v.Every); err != nil {
			return s, false
		}
		if r.Windows, err = windows(v.Hours); err != nil {
			return s, false
		}
		for _, m := range v.Members {
			var slot rota.Slot
			if m != "" {
				slot = strings.Split(m, "+")
			}
			r.Members = append(r.Members, slot)
		}
		s.Rotations = append(s.Rotations, r)
	}
	return s, true
}

func windows(specs []WindowSpec) (out []rota.Window, err error) {
	for _, v := range specs {
		w, err := v.window()
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

func has[T any](set *ascode.Set, name string) bool {
	return slices.ContainsFunc(ascode.Of[T](set), func(d ascode.Doc[T]) bool { return d.Metadata.Name == name })
}

// reachable says what is wrong with somebody who is to be called.
func (b *builder) reachable(d ascode.Document, at, who string) {
	devices, known := b.people[who]
	switch {
	case !known:
		b.problems = append(b.problems, d.At(at, "add a Person document of this name, or mend the name", "there is no person %q", who))
	case devices == 0:
		b.problems = append(b.problems, d.At(at, "add devices: to the person; {channel: inbox} says that the inbox of the web page is enough", "%s has no device that could call", who))
	}
}

func (b *builder) policy(d ascode.Doc[EscalationSpec]) {
	s := d.Spec
	timeout, _ := length(s.AckTimeout) // checkEscalation has refused what does not parse
	p := Policy{
		ID: d.Metadata.Name, Name: d.Metadata.Title(), Teams: s.Teams, Services: s.Services, Default: s.Default, Repeat: s.Repeat,
		Acks: s.Acks, AckTimeout: timeout, Source: fmt.Sprintf("%s:%d", d.File, d.Line),
	}
	for i, v := range s.Steps {
		p.Steps = append(p.Steps, b.step(d.Document, fmt.Sprintf("spec.steps[%d]", i), v))
	}
	b.plan.Policies = append(b.plan.Policies, p)
	b.references(d)
	if !slices.ContainsFunc(p.Steps, b.reaches) {
		b.problems = append(b.problems, d.At("spec.steps", "name somebody who is always there in the last step", "the escalation can reach nobody"))
	}
}

// reaches reports whether a step could tell anybody at any time.
func (b *builder) reaches(s Step) bool {
	if len(s.People) > 0 {
		return true
	}
	return slices.ContainsFunc(s.Rotas, func(id string) bool {
		r := b.plan.Rota(id)
		return r == nil || slices.ContainsFunc(r.Current().Rotations, func(v rota.Rotation) bool {
			return slices.ContainsFunc(v.Members, func(m rota.Slot) bool { return len(m) > 0 })
		})
	})
}

func (b *builder) step(d ascode.Document, at string, v StepSpec) Step {
	pause, _ := wait(v.Wait) // StepSpec.check has refused what does not parse
	s := Step{Rotas: v.Rotas, People: v.People, Wait: pause, RoundRobin: v.RoundRobin, Severities: v.Severities}
	if v.MoreThan != nil {
		s.MoreThan = v.MoreThan.Alerts
		s.Within, _ = length(v.MoreThan.Within) // as above
	}
	if v.Hours == nil {
		return s
	}
	ws, err := windows(v.Hours.Windows)
	if zone := b.zones.load(v.Hours.TimeZone); err == nil && zone != nil {
		s.Hours = &Hours{Zone: zone, Windows: ws, Holidays: b.calendars.of(v.Hours.Holidays), Pause: v.Hours.Outside == "wait"}
	}
	for i, n := range v.Hours.Holidays {
		b.calendar(d, fmt.Sprintf("%s.hours.holidays[%d]", at, i), n)
	}
	return s
}

func (b *builder) references(d ascode.Doc[EscalationSpec]) {
	missing := func(path, kind, name string) {
		b.problems = append(b.problems, d.At(path, "add a "+kind+" document of this name, or mend the name", "there is no %s %q", strings.ToLower(kind), name))
	}
	for i, t := range d.Spec.Teams {
		if !has[catalog.TeamSpec](b.set, t) {
			missing(fmt.Sprintf("spec.teams[%d]", i), "Team", t)
		}
	}
	for i, s := range d.Spec.Services {
		if !has[catalog.ServiceSpec](b.set, s) {
			missing(fmt.Sprintf("spec.services[%d]", i), "Service", s)
		}
	}
	for i, s := range d.Spec.Steps {
		for j, r := range s.Rotas {
			if b.plan.Rota(r) == nil {
				missing(fmt.Sprintf("spec.steps[%d].rotas[%d]", i, j), "Rota", r)
			}
		}
		for j, who := range s.People {
			b.reachable(d.Document, fmt.Sprintf("spec.steps[%d].people[%d]", i, j), who)
		}
	}
}
