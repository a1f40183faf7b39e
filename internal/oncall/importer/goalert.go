package importer

import (
	"cmp"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

type gaExport struct {
	Data *gaData `json:"data"`
	gaData
	Errors []struct {
		Message string `json:"message"`
	} `json:"errors"`
}

type gaData struct {
	Users     list[gaUser]     `json:"users"`
	Rotations list[gaRotation] `json:"rotations"`
	Schedules list[gaSchedule] `json:"schedules"`
	Overrides list[gaOverride] `json:"userOverrides"`
	Policies  list[gaPolicy]   `json:"escalationPolicies"`
}

type gaUser struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

type gaRotation struct {
	ID       string      `json:"id"`
	Name     string      `json:"name"`
	Type     string      `json:"type"`
	Length   int         `json:"shiftLength"`
	Start    time.Time   `json:"start"`
	TimeZone string      `json:"timeZone"`
	UserIDs  []string    `json:"userIDs"`
	Users    []gaUser    `json:"users"`
	Active   *int        `json:"activeUserIndex"`
	Next     []time.Time `json:"nextHandoffTimes"`
}

type gaSchedule struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	TimeZone  string        `json:"timeZone"`
	Targets   []gaTargets   `json:"targets"`
	Temporary []gaTemporary `json:"temporarySchedules"`
}

type gaTargets struct {
	Target gaTarget `json:"target"`
	Rules  []gaRule `json:"rules"`
}

type gaTarget struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Name string `json:"name"`
}

type gaRule struct {
	Start string  `json:"start"` // 15:04
	End   string  `json:"end"`
	Days  [7]bool `json:"weekdayFilter"` // Sunday first
}

type gaTemporary struct {
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Shifts []struct {
		User  string    `json:"userID"`
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
	} `json:"shifts"`
}

type gaOverride struct {
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Add    string    `json:"addUserID"`
	Remove string    `json:"removeUserID"`
	Target gaTarget  `json:"target"`
}

type gaPolicy struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Repeat int    `json:"repeat"`
	Steps  []struct {
		Delay   int        `json:"delayMinutes"`
		Targets []gaTarget `json:"targets"`
	} `json:"steps"`
}

// GoAlert reads answers of GoAlert's GraphQL API: users, rotations, schedules,
// userOverrides and escalationPolicies.
func GoAlert(files []File, o Options) (*Result, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	var all gaData
	err = decode(files, func(v gaExport) error {
		for _, e := range v.Errors {
			b.note("", "GraphQL", "the server said: "+e.Message, "mend the query and export again")
		}
		if v.Data == nil {
			v.Data = &v.gaData
		}
		all.Users = append(all.Users, v.Data.Users...)
		all.Rotations = append(all.Rotations, v.Data.Rotations...)
		all.Schedules = append(all.Schedules, v.Data.Schedules...)
		all.Overrides = append(all.Overrides, v.Data.Overrides...)
		all.Policies = append(all.Policies, v.Data.Policies...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := b.any(len(all.Users)+len(all.Schedules)+len(all.Policies), "users, schedules or escalationPolicies"); err != nil {
		return nil, err
	}
	for _, u := range all.Users {
		b.person(Person{Title: u.Name, Email: u.Email}, cmp.Or(u.ID, u.Name), u.Name)
	}
	rotations := map[string]gaRotation{}
	for _, v := range all.Rotations {
		if len(v.UserIDs) == 0 {
			for _, u := range v.Users {
				v.UserIDs = append(v.UserIDs, u.ID)
			}
		}
		rotations[v.ID] = v
	}
	for _, s := range all.Schedules {
		b.gaSchedule(s, rotations, all.Overrides)
	}
	for _, p := range all.Policies {
		b.gaPolicy(p, rotations)
	}
	return b.out, nil
}

func (b *builder) gaSchedule(s gaSchedule, rotations map[string]gaRotation, overrides []gaOverride) {
	r := Rota{Name: b.name("rota", s.Name, s.ID), Title: s.Name}
	b.rotas[s.ID] = r.Name
	where := "schedule " + s.Name
	loc := b.zone(r.Name, where, s.TimeZone)
	r.TimeZone = loc.String()
	ref := gaReference{loc: loc}
	for _, t := range s.Targets {
		where := where + " / " + cmp.Or(t.Target.Name, t.Target.ID)
		hours, ever := gaHours(t.Rules)
		if !ever {
			b.note("", where, "no rule ever has it on call; it was left out", "")
			continue
		}
		if t.Target.Type == "user" {
			who := b.who(where, t.Target.Name, t.Target.ID)
			b.add(&r, turns{where: where, loc: loc, start: b.o.Now, length: 1, unit: "d", members: []string{who}, hours: hours})
			ref.targets = append(ref.targets, gaModel{rules: t.Rules, members: []string{who}})
			continue
		}
		v, ok := rotations[t.Target.ID]
		if !ok {
			b.note(r.Name, where, "the rotation is not in the export; it was left out", "export rotations too")
			continue
		}
		m := b.gaRotation(&r, where, loc, v, hours)
		m.rules = t.Rules
		ref.targets = append(ref.targets, m)
	}
	out := reference{base: ref.between}
	for _, v := range overrides {
		if v.Target.ID != s.ID {
			continue
		}
		add, remove := "", ""
		if v.Add != "" {
			add = b.who(where, "", v.Add)
		}
		if v.Remove != "" {
			remove = b.who(where, "", v.Remove)
		}
		b.adjustment(rota.Adjustment{Kind: rota.Override, Rota: r.Name, Person: add, Of: remove, Start: v.Start, End: v.End})
		out.changes = append(out.changes, change{v.Start, v.End, add, remove})
	}
	for _, v := range s.Temporary {
		a := rota.Adjustment{Kind: rota.Temporary, Rota: r.Name, Start: v.Start, End: v.End}
		t := temporary{start: v.Start, end: v.End}
		for _, shift := range v.Shifts {
			who := b.who(where, "", shift.User)
			a.Shifts = append(a.Shifts, rota.StaticShift{Person: who, Start: shift.Start, End: shift.End})
			t.shifts = append(t.shifts, stretch{start: shift.Start, end: shift.End, people: []string{who}})
		}
		b.adjustment(a)
		out.temporary = append(out.temporary, t)
	}
	b.finish(r, out)
}

// gaRotation adds a rotation with the hours of a schedule's rules.
func (b *builder) gaRotation(r *Rota, where string, loc *time.Location, v gaRotation, hours []Hours) gaModel {
	t := turns{where: where, loc: b.zone(r.Name, where, v.TimeZone), start: v.Start.Truncate(time.Minute), length: max(1, v.Length), hours: hours}
	for _, id := range v.UserIDs {
		t.members = append(t.members, b.who(where, "", id))
	}
	switch v.Type {
	case "hourly":
		t.unit = "h"
	case "weekly":
		t.unit = "w"
	case "monthly":
		t.unit = "mo"
	default:
		t.unit = "d"
	}
	m := gaModel{members: t.members, rotation: &v, loc: t.loc}
	switch n := len(t.members); {
	case n < 2:
	case v.Active == nil || len(v.Next) == 0 || *v.Active < 0 || *v.Active >= n:
		b.note("", where, "the export does not say whose turn it is; the first user was taken to begin at the rotation's start", "add activeUserIndex and nextHandoffTimes(num: 1) to the query")
	default:
		m.shift = b.gaShift(t, *v.Active, v.Next[0])
		t.members = shifted(t.members, m.shift)
		// The reference counts from the end of the present turn, not from the start.
		m.active, m.next = *v.Active, v.Next[0]
	}
	if len(hours) > 0 && t.loc.String() != loc.String() {
		if len(t.members) > 1 {
			b.note(r.Name, where, "the rotation's zone "+t.loc.String()+" is not the schedule's; it hands over by the clock of the schedule here", "compare the hand-overs")
		}
		t.loc = loc // hours are those of the schedule
	}
	b.add(r, t)
	return m
}

// gaShift is how far members are to be rotated so that the one at active has the
// turn that ends at next.
func (b *builder) gaShift(t turns, active int, next time.Time) int {
	name := Rota{Name: "x", TimeZone: "UTC"}
	probe := *b
	probe.out = &Result{}
	t.hours, t.begins = nil, time.Time{}
	probe.add(&name, t)
	s, err := name.Schedule()
	if err != nil || len(s.Rotations) == 0 {
		return 0
	}
	n := len(t.members)
	k := s.Rotations[0].At(next.Add(-time.Minute)).Index
	return ((active-k)%n + n) % n
}

func shifted(members []string, by int) []string {
	return append(append([]string{}, members[by:]...), members[:by]...)
}

func gaHours(rules []gaRule) (out []Hours, ever bool) {
	for _, v := range rules {
		from, to := gaClock(v.Start), gaClock(v.End)
		if v.Days == [7]bool{} {
			continue
		}
		ever = true
		if v.Days == everyDay() && from == to {
			return nil, true
		}
		out = append(out, Hours{Days: v.Days, From: from, To: to})
	}
	return out, ever
}

func gaClock(s string) int {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0
	}
	return t.Hour()*60 + t.Minute()
}

func (b *builder) gaPolicy(p gaPolicy, rotations map[string]gaRotation) {
	where := "escalation policy " + p.Name
	e := Escalation{Name: b.name("escalation", p.Name, p.ID), Title: p.Name, Repeat: b.repeat(where, p.Repeat)}
	for _, s := range p.Steps {
		step := Step{Wait: minutesOf(s.Delay)}
		for _, t := range s.Targets {
			switch t.Type {
			case "user":
				b.target(&step, where, "", t.ID)
			case "schedule":
				b.target(&step, where, t.ID, "")
			case "rotation":
				b.gaAlone(where, t, rotations)
				b.target(&step, where, t.ID, "")
			default:
				b.note("", where, "a step tells the "+t.Type+" "+cmp.Or(t.Name, t.ID)+"; it was left out", "set up the channel with the team")
			}
		}
		b.step(&e, where, step)
	}
	b.escalation(e, where)
}

// gaAlone makes a rota of a rotation that a policy tells without a schedule.
func (b *builder) gaAlone(where string, t gaTarget, rotations map[string]gaRotation) {
	v, ok := rotations[t.ID]
	if !ok || b.rotas[t.ID] != "" {
		return
	}
	r := Rota{Name: b.name("rota", v.Name, v.ID), Title: v.Name}
	b.rotas[t.ID] = r.Name
	loc := b.zone(r.Name, where, v.TimeZone)
	r.TimeZone = loc.String()
	m := b.gaRotation(&r, "rotation "+v.Name, loc, v, nil)
	m.rules = []gaRule{{Start: "00:00", End: "00:00", Days: everyDay()}}
	b.finish(r, reference{base: gaReference{loc: loc, targets: []gaModel{m}}.between})
}
