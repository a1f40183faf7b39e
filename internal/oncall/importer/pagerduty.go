package importer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

type pdExport struct {
	Users      []pdUser     `json:"users"`
	Teams      []pdRef      `json:"teams"`
	Schedules  []pdSchedule `json:"schedules"`
	Schedule   *pdSchedule  `json:"schedule"`
	Policies   []pdPolicy   `json:"escalation_policies"`
	Policy     *pdPolicy    `json:"escalation_policy"`
	Services   []pdService  `json:"services"`
	More       bool         `json:"more"`
	SinceError *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type pdRef struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Summary string `json:"summary"`
	Name    string `json:"name"`
}

type pdUser struct {
	ID       string      `json:"id"`
	Name     string      `json:"name"`
	Email    string      `json:"email"`
	TimeZone string      `json:"time_zone"`
	Contacts []pdContact `json:"contact_methods"`
	Rules    []struct {
		Delay   int    `json:"start_delay_in_minutes"`
		Urgency string `json:"urgency"`
	} `json:"notification_rules"`
	Teams []pdRef `json:"teams"`
}

type pdContact struct {
	Type    string `json:"type"`
	Address string `json:"address"`
}

type pdSchedule struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Summary   string       `json:"summary"`
	TimeZone  string       `json:"time_zone"`
	Layers    []pdLayer    `json:"schedule_layers"`
	Overrides []pdOverride `json:"overrides"`
	Rendered  struct {
		Entries []pdOverride `json:"rendered_schedule_entries"`
	} `json:"overrides_subschedule"`
}

type pdLayer struct {
	Name         string          `json:"name"`
	Start        time.Time       `json:"start"`
	End          *time.Time      `json:"end"`
	VirtualStart time.Time       `json:"rotation_virtual_start"`
	Seconds      int             `json:"rotation_turn_length_seconds"`
	Users        []pdMember      `json:"users"`
	Restrictions []pdRestriction `json:"restrictions"`
}

type pdMember struct {
	User pdRef `json:"user"`
}

type pdRestriction struct {
	Type    string `json:"type"`
	Start   string `json:"start_time_of_day"`
	Seconds int    `json:"duration_seconds"`
	Day     int    `json:"start_day_of_week"` // 1 is Monday
}

type pdOverride struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	User  pdRef     `json:"user"`
}

type pdPolicy struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Loops int     `json:"num_loops"`
	Teams []pdRef `json:"teams"`
	Rules []struct {
		Delay   int     `json:"escalation_delay_in_minutes"`
		Targets []pdRef `json:"targets"`
	} `json:"escalation_rules"`
	Services []pdRef `json:"services"`
}

type pdService struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Policy pdRef  `json:"escalation_policy"`
}

// PagerDuty reads answers of PagerDuty's REST API v2: users, teams, schedules,
// escalation_policies and services, in any order and number of files.
func PagerDuty(files []File, o Options) (*Result, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	var all pdExport
	err = decode(files, func(v pdExport) error {
		if v.SinceError != nil {
			return errs.New(errs.Invalid, "the file holds an error of the API: %s: call it again", v.SinceError.Message)
		}
		b.pages(v.More)
		if v.Schedule != nil {
			v.Schedules = append(v.Schedules, *v.Schedule)
		}
		if v.Policy != nil {
			v.Policies = append(v.Policies, *v.Policy)
		}
		all.Users = append(all.Users, v.Users...)
		all.Teams = append(all.Teams, v.Teams...)
		all.Schedules = append(all.Schedules, v.Schedules...)
		all.Policies = append(all.Policies, v.Policies...)
		all.Services = append(all.Services, v.Services...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := b.any(len(all.Users)+len(all.Schedules)+len(all.Policies), "users, schedules or escalation_policies"); err != nil {
		return nil, err
	}
	b.pdPeople(all)
	for _, s := range all.Schedules {
		b.pdSchedule(s)
	}
	for _, p := range all.Policies {
		b.pdPolicy(p, all.Services)
	}
	return b.out, nil
}

// pages notes that a file is one page of several.
func (b *builder) pages(more bool) {
	if more {
		b.note("", "the export", "a file says that there are more pages", "save all pages and import them together")
	}
}

// any refuses exports without anything, and those with too much.
func (b *builder) any(n int, what string) error {
	switch {
	case n == 0:
		return errs.New(errs.Invalid, "the files hold no %s: save the answers of the API calls that the manual lists", what)
	case n > maxItems:
		return errs.New(errs.Invalid, "the files hold %d things, more than %d: import a part at a time", n, maxItems)
	}
	return nil
}

func (b *builder) pdPeople(all pdExport) {
	members := map[string][]string{}
	for _, u := range all.Users {
		where := "user " + u.Name
		p := Person{Title: u.Name, Email: u.Email}
		if u.TimeZone != "" {
			p.TimeZone = b.zone("", where, ianaOf(u.TimeZone)).String()
		}
		for _, c := range u.Contacts {
			if c.Type == "phone_contact_method" || c.Type == "sms_contact_method" || c.Type == "push_notification_contact_method" {
				b.note("", where, "the "+strings.TrimSuffix(c.Type, "_contact_method")+" contact was not taken over", "add a device to the Person document")
			}
		}
		for _, r := range u.Rules {
			if r.Delay > 0 {
				b.note("", where, "notification rules with delays were not taken over; mail is sent at once", "set after: on the devices")
				break
			}
		}
		b.person(p, u.ID, u.Name)
		for _, t := range u.Teams {
			members[t.ID] = append(members[t.ID], b.people[strings.ToLower(u.ID)])
		}
	}
	for _, t := range all.Teams {
		b.team(cmp.Or(t.Name, t.Summary), t.ID, members[t.ID])
	}
}

// team adds a team; one without members cannot be a document.
func (b *builder) team(title, id string, members []string) {
	if len(members) == 0 {
		b.note("", "team "+title, "no member is in the export; it was left out", "export the users with their teams")
		return
	}
	t := Team{Name: b.name("team", title, id), Title: title, Members: members}
	b.teams[id] = t.Name
	b.out.Teams = append(b.out.Teams, t)
}

func (b *builder) pdSchedule(s pdSchedule) {
	title := cmp.Or(s.Name, s.Summary, s.ID)
	r := Rota{Name: b.name("rota", title, s.ID), Title: title}
	b.rotas[s.ID] = r.Name
	where := "schedule " + title
	loc := b.zone(r.Name, where, ianaOf(s.TimeZone))
	r.TimeZone = loc.String()
	rising := pdRising(s.Layers)
	if len(s.Layers) > 1 {
		first := "highest"
		if rising {
			first = "lowest"
		}
		b.note("", where, "of its layers the first of the export was taken as the "+first, "compare with the layers on PagerDuty's page; exchange the priorities if it is the other way round")
	}
	ref := pdReference{loc: loc}
	for i, l := range s.Layers {
		level := len(s.Layers) - i
		if rising {
			level = i + 1
		}
		if members := b.pdLayer(&r, where+" / "+cmp.Or(l.Name, "layer "+strconv.Itoa(level)), loc, l, level); len(members) > 0 {
			ref.layers = append(ref.layers, pdModel{l, members, level})
		}
	}
	changes := b.pdOverrides(s, r.Name)
	b.finish(r, reference{base: ref.between, changes: changes})
}

// finish keeps a rota that has rotations.
func (b *builder) finish(r Rota, ref reference) {
	if len(r.Rotations) == 0 {
		r.Rotations = []Rotation{{Name: "nobody", Members: []string{""}, All: true}}
		b.note("", r.Title, "it has nobody on call but by overrides", "add members")
	}
	if len(r.Rotations) == 1 {
		r.Rotations[0].Priority = 0
	}
	if gap, ok := r.gap(b.o.Now); ok {
		r.Gaps = true
		b.note("", r.Title, "at times nobody is on call, first from "+gap.UTC().Format(time.RFC3339)+"; gaps: accept says that this is meant", "put somebody there, and take the line out")
	}
	b.out.Rotas = append(b.out.Rotas, r)
	b.out.references[r.Name] = ref
}

// pdRising reports whether the layers are listed from the lowest on. The API
// lists the highest first; exports for writing back have them the other way.
func pdRising(layers []pdLayer) bool {
	number := regexp.MustCompile(`^Layer ([0-9]{1,3})$`)
	last := 0
	for _, l := range layers {
		m := number.FindStringSubmatch(l.Name)
		if m == nil {
			return false
		}
		n, _ := strconv.Atoi(m[1]) // three digits
		if n <= last {
			return false
		}
		last = n
	}
	return true
}

func (b *builder) pdLayer(r *Rota, where string, loc *time.Location, l pdLayer, level int) []string {
	t := turns{where: where, loc: loc, start: l.VirtualStart, begins: l.Start, priority: min(level, 100)}
	if l.End != nil {
		t.ends = *l.End
	}
	for _, u := range l.Users {
		t.members = append(t.members, b.who(where, u.User.Summary, u.User.ID))
	}
	switch s := l.Seconds; {
	case s > 0 && s%604800 == 0:
		t.length, t.unit = s/604800, "w"
	case s > 0 && s%86400 == 0:
		t.length, t.unit = s/86400, "d"
	case s > 0 && s%3600 == 0:
		t.length, t.unit, t.elapsed = s/3600, "h", true
	case len(t.members) == 1:
		t.length, t.unit = 1, "d"
	default:
		b.note(r.Name, where, fmt.Sprintf("turns of %d seconds are no whole hours; the layer was left out", s), "take whole hours, or write the layer by hand")
		return t.members
	}
	if len(l.Restrictions) > 0 && !slices.ContainsFunc(l.Restrictions, func(v pdRestriction) bool { return v.Seconds >= 60 }) {
		b.note(r.Name, where, "its restrictions leave no time; it was left out", "")
		return t.members
	}
	t.hours = b.pdHours(r, where, l)
	b.add(r, t)
	return t.members
}

// pdHours are the hours of a layer's restrictions; nothing is always.
func (b *builder) pdHours(r *Rota, where string, l pdLayer) (out []Hours) {
	for _, v := range l.Restrictions {
		if v.Seconds < 60 {
			continue // never
		}
		hours, ok := v.hours()
		if !ok {
			b.note(r.Name, where, "a restriction of "+strconv.Itoa(v.Seconds)+" seconds from "+v.Start+" is no whole minutes; the minute was cut off", "")
		}
		if hours == nil && ok { // all week
			return nil
		}
		out = merged(append(out, hours...))
	}
	return out
}

// hours is the restriction as hours; ok is false where seconds were cut off.
func (v pdRestriction) hours() (out []Hours, ok bool) {
	at, err := time.Parse(time.TimeOnly, v.Start)
	from := at.Hour()*60 + at.Minute()
	minutes := min(max(0, v.Seconds/60), weekMinutes)
	ok = err == nil && at.Second() == 0 && v.Seconds%60 == 0
	if v.Type == "weekly_restriction" {
		return weekly(time.Weekday(((v.Day%7)+7)%7), from, minutes), ok
	}
	if minutes >= dayMinutes {
		return nil, ok
	}
	return []Hours{{Days: everyDay(), From: from, To: (from + minutes) % dayMinutes}}, ok
}

func (b *builder) pdOverrides(s pdSchedule, rotaName string) (out []change) {
	for _, v := range append(s.Rendered.Entries, s.Overrides...) {
		who := b.who("an override of "+s.Name, v.User.Summary, v.User.ID)
		if who == "" {
			continue
		}
		b.adjustment(rota.Adjustment{Kind: rota.Override, Rota: rotaName, Person: who, Of: rota.Everybody, Start: v.Start, End: v.End})
		out = append(out, change{v.Start, v.End, who, "*"})
	}
	return out
}

func (b *builder) pdPolicy(p pdPolicy, services []pdService) {
	where := "escalation policy " + p.Name
	e := Escalation{Name: b.name("escalation", p.Name, p.ID), Title: p.Name, Repeat: b.repeat(where, p.Loops)}
	for _, t := range p.Teams {
		if n := b.teams[t.ID]; n != "" {
			e.Teams = append(e.Teams, n)
		}
	}
	for _, s := range services {
		if s.Policy.ID == p.ID {
			b.note("", where, "it serves the service "+s.Name, "add the name of its Service document to services:")
		}
	}
	for _, rule := range p.Rules {
		step := Step{Wait: minutesOf(rule.Delay)}
		for _, t := range rule.Targets {
			if strings.HasPrefix(t.Type, "schedule") {
				b.target(&step, where, t.ID, "")
			} else {
				b.target(&step, where, "", t.ID)
			}
		}
		b.step(&e, where, step)
	}
	b.escalation(e, where)
}

// target adds a schedule or a user to a step.
func (b *builder) target(s *Step, where, schedule, user string) {
	switch {
	case schedule != "" && b.rotas[schedule] != "":
		s.Rotas = append(s.Rotas, b.rotas[schedule])
	case schedule != "":
		b.note("", where, "its schedule "+schedule+" is not in the export; it was left out", "export the schedule too")
	case user != "":
		s.People = append(s.People, b.who(where, "", user))
	}
}

func (b *builder) step(e *Escalation, where string, s Step) {
	switch {
	case len(s.Rotas)+len(s.People) == 0:
		b.note("", where, "a step tells nobody that is known; it was left out", "add it by hand")
	case len(e.Steps) == 20:
		b.note("", where, "it has more than 20 steps; the rest was left out", "")
	default:
		e.Steps = append(e.Steps, s)
	}
}

// minutesOf is a wait of n minutes, at most a week.
func minutesOf(n int) string { return strconv.Itoa(min(max(1, n), 7*dayMinutes)) + "m" }

func (b *builder) repeat(where string, n int) int {
	if n > 5 {
		b.note("", where, "it repeats "+strconv.Itoa(n)+" times; 5 is the most here", "")
	}
	return min(max(0, n), 5)
}

func (b *builder) escalation(e Escalation, where string) {
	if len(e.Steps) == 0 {
		b.note("", where, "it has no step; it was left out", "")
		return
	}
	if len(e.Teams)+len(e.Services) == 0 {
		b.note("", where, "it covers no team and no service yet", "add teams: or services:, or default: true")
	}
	b.out.Escalations = append(b.out.Escalations, e)
}

// ianaOf is the IANA name of a zone as Ruby on Rails calls it.
func ianaOf(name string) string {
	switch name {
	case "Tokyo", "Osaka", "Sapporo":
		return "Asia/Tokyo"
	case "London", "Edinburgh":
		return "Europe/London"
	case "Berlin", "Paris", "Madrid", "Amsterdam":
		return "Europe/" + name
	case "Eastern Time (US & Canada)":
		return "America/New_York"
	case "Central Time (US & Canada)":
		return "America/Chicago"
	case "Mountain Time (US & Canada)":
		return "America/Denver"
	case "Pacific Time (US & Canada)":
		return "America/Los_Angeles"
	}
	return name
}
