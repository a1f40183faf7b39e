package importer

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

type grExport struct {
	Results []grThing `json:"results"`
	Next    string    `json:"next"`
	Detail  string    `json:"detail"` // of an error
}

// grThing is any entry of a page of results: which, its fields tell.
type grThing struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	TimeZone string `json:"time_zone"`
	// A schedule has a list of shifts, a user a name, a step a chain.
	Shifts   []string `json:"shifts"`
	URL      string   `json:"ical_url_primary"`
	Username string   `json:"username"`
	Email    string   `json:"email"`
	Zone     string   `json:"timezone"`
	grShift
	grStep
}

type grShift struct {
	Start     string     `json:"start"` // 2020-09-10T08:00:00, by the zone's clock
	Rotation  string     `json:"rotation_start"`
	Duration  int        `json:"duration"` // seconds
	Level     int        `json:"level"`
	Priority  int        `json:"priority_level"`
	Frequency string     `json:"frequency"`
	Interval  int        `json:"interval"`
	Until     string     `json:"until"`
	WeekStart string     `json:"week_start"`
	ByDay     []string   `json:"by_day"`
	ByMonth   []int      `json:"by_month"`
	ByDate    []int      `json:"by_monthday"`
	Users     []string   `json:"users"`
	Rolling   [][]string `json:"rolling_users"`
	First     int        `json:"start_rotation_from_user_index"`
}

type grStep struct {
	Chain    string   `json:"escalation_chain_id"`
	Position int      `json:"position"`
	People   []string `json:"persons_to_notify"`
	Next     []string `json:"persons_to_notify_next_each_time"`
	Schedule string   `json:"notify_on_call_from_schedule"`
}

// Grafana reads answers of Grafana OnCall's public API (pages with "results"):
// schedules, on_call_shifts, users, escalation_chains and escalation_policies,
// and calendars (.ics) of schedules that are imported ones: a calendar belongs
// to the schedule whose name or id its file has.
func Grafana(files []File, o Options) (*Result, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	var calendars, pages []File
	for _, f := range files {
		if bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(f.Data, []byte("\xef\xbb\xbf"))), []byte("BEGIN:VCALENDAR")) {
			calendars = append(calendars, f)
			continue
		}
		pages = append(pages, f)
	}
	var all []grThing
	err = decode(pages, func(v grExport) error {
		if v.Detail != "" {
			return errs.New(errs.Invalid, "the file holds an error of the API: %s: call it again", v.Detail)
		}
		b.pages(v.Next != "")
		all = append(all, v.Results...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := b.any(len(all)+len(calendars), "results and no calendar"); err != nil {
		return nil, err
	}
	shifts := b.grPeople(all)
	for _, v := range all {
		if v.schedule() {
			calendars = b.grSchedule(v, shifts, calendars)
		}
	}
	for _, f := range calendars {
		c, err := b.open(f)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(path.Base(f.Name), ".ics")
		if err := b.calendar(name, name, cmp.Or(c.Name, name), c); err != nil {
			return nil, err
		}
	}
	b.grChains(all)
	return b.out, nil
}

func (v *grThing) schedule() bool {
	return v.Username == "" && v.Start == "" && v.Chain == "" && slices.Contains([]string{"ical", "web", "calendar"}, v.Type)
}

// grPeople adds the users and returns the shifts by their ids.
func (b *builder) grPeople(all []grThing) map[string]grThing {
	shifts := map[string]grThing{}
	for _, v := range all {
		switch {
		case v.Username != "":
			p := Person{Title: v.Username, Email: v.Email}
			if v.Zone != "" {
				p.TimeZone = b.zone("", "user "+v.Username, v.Zone).String()
			}
			b.person(p, cmp.Or(v.ID, v.Username), v.Username)
		case v.Start != "":
			shifts[v.ID] = v
		}
	}
	return shifts
}

// grImported makes a rota of a schedule that is a calendar, where that is among the
// files; it returns those that are left.
func (b *builder) grImported(s grThing, where string, calendars []File) []File {
	i := slices.IndexFunc(calendars, func(f File) bool {
		name := strings.TrimSuffix(path.Base(f.Name), ".ics")
		return strings.EqualFold(name, s.Name) || name == s.ID || slug(name) == slug(s.Name)
	})
	if i < 0 {
		b.note("", where, "its calendar is not among the files; it was left out", "fetch "+cmp.Or(s.URL, "its iCal address")+" as "+slug(s.Name)+".ics and import that too")
		return calendars
	}
	c, err := b.open(calendars[i])
	if err == nil {
		err = b.calendar(s.ID, s.Name, s.Name, c)
	}
	if err != nil {
		b.note("", where, "its calendar was left out: "+err.Error(), "")
	}
	return slices.Delete(slices.Clone(calendars), i, i+1)
}

// grSchedule makes a rota of a schedule; it returns the calendars that are left.
func (b *builder) grSchedule(s grThing, shifts map[string]grThing, calendars []File) []File {
	where := "schedule " + s.Name
	if s.Type == "ical" {
		return b.grImported(s, where, calendars)
	}
	r := Rota{Name: b.name("rota", s.Name, s.ID), Title: s.Name}
	b.rotas[s.ID] = r.Name
	loc := b.zone(r.Name, where, s.TimeZone)
	r.TimeZone = loc.String()
	ref := grReference{}
	highest := -1
	for _, id := range s.Shifts {
		if v := shifts[id]; v.Type == "recurrent_event" || v.Type == "rolling_users" {
			highest = max(highest, v.level())
		}
	}
	for _, id := range s.Shifts {
		v, ok := shifts[id]
		where := where + " / " + cmp.Or(v.Name, id)
		if !ok {
			b.note(r.Name, where, "the shift is not in the export; it was left out", "export on_call_shifts too")
			continue
		}
		m := grModel{shift: v.grShift, loc: loc, level: v.level(), single: v.Type == "single_event" || v.Type == "override"}
		if v.TimeZone != "" {
			m.loc = b.zone(r.Name, where, v.TimeZone)
		}
		m.groups = b.grGroups(where, v)
		if v.Type == "override" {
			m.level = 1000
		}
		if m.single {
			b.grSingle(&r, where, m, highest)
		} else {
			b.grRepeat(&r, where, m)
		}
		ref.shifts = append(ref.shifts, m)
	}
	b.finish(r, reference{base: ref.between})
	return calendars
}

func (v *grShift) level() int { return min(max(v.Level, v.Priority, 0), 99) }

// grGroups are the people of each turn, joined with +.
func (b *builder) grGroups(where string, v grThing) (out []string) {
	rolling := v.Rolling
	if v.Type != "rolling_users" {
		rolling = [][]string{v.Users}
	}
	for _, group := range rolling {
		var names []string
		for _, id := range group {
			names = append(names, b.who(where, "", id))
		}
		out = append(out, strings.Join(names, "+"))
	}
	if n := len(out); n > 0 && v.First > 0 && v.First < n {
		out = shifted(out, v.First)
	}
	return out
}

func grTime(s string, loc *time.Location) time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t
		}
	}
	return time.Time{}
}

// grSingle makes overrides of a shift that happens once.
func (b *builder) grSingle(r *Rota, where string, m grModel, highest int) {
	start := grTime(m.shift.Start, m.loc)
	end := start.Add(time.Duration(m.shift.Duration) * time.Second)
	if !end.After(b.o.Now) || len(m.groups) == 0 || m.groups[0] == "" {
		return
	}
	of := ""
	switch {
	case m.level > highest:
		of = rota.Everybody
	case highest >= 0:
		b.note(r.Name, where, "it happens once and its level is not the highest; here it is an override that adds its people", "look at the rota at "+start.Format(startLayout))
	}
	for _, p := range slot(m.groups[0]) {
		b.adjustment(rota.Adjustment{Kind: rota.Override, Rota: r.Name, Person: p, Of: of, Start: start, End: end})
		of = ""
	}
}

// grRepeat makes a rotation of a shift that repeats.
func (b *builder) grRepeat(r *Rota, where string, m grModel) {
	v := m.shift
	start := grTime(v.Start, m.loc)
	if start.IsZero() || v.Duration <= 0 || v.Duration%60 != 0 {
		b.note(r.Name, where, "its start or duration cannot be read as whole minutes; it was left out", "write it by hand")
		return
	}
	t := turns{where: where, loc: m.loc, start: start, begins: start, length: 1, priority: m.level}
	if begins := grTime(v.Rotation, m.loc); begins.After(start) {
		b.note(r.Name, where, "rotation_start lies after start; its first turns may differ", "compare whose turn it is")
	}
	if v.Until != "" {
		t.ends = grTime(v.Until, m.loc)
	}
	if !m.turns(&t) {
		b.note(r.Name, where, "a "+v.Frequency+" shift with this duration, interval and days cannot be written as a rotation; it was left out", "write it by hand, or import the schedule's calendar (.ics) instead")
		return
	}
	if changes(m.loc) && (v.Frequency == "hourly" || v.Duration >= dayMinutes*60 || crosses(m.loc, start.Hour()*60+start.Minute(), v.Duration/60)) {
		b.put(Note{
			Rota: r.Name, Where: where, Nights: v.Duration < dayMinutes*60,
			Text: "its shifts last " + (time.Duration(v.Duration) * time.Second).String() + " by the stopwatch there; here they end by the clock, so that a change of the clocks makes no gap and no overlap",
		})
	}
	t.all = len(m.groups) == 1 && len(t.members) == 1
	b.add(r, t)
}

// crosses reports whether a change of the clocks ever falls into a stretch of
// the day.
func crosses(loc *time.Location, from, length int) (out bool) {
	transitions(loc, func(before, _ int64) {
		at := int((before/60 - int64(from)) % dayMinutes)
		out = out || (at+dayMinutes)%dayMinutes <= length
	})
	return out
}

// turns fills in hand-overs, members and hours; false where there is no way.
func (m grModel) turns(t *turns) bool {
	v := m.shift
	interval := max(1, v.Interval)
	if len(v.ByMonth)+len(v.ByDate) > 0 || interval > 200 || interval*len(m.groups) > 200 {
		return false
	}
	at := t.start
	from, minutes := at.Hour()*60+at.Minute(), v.Duration/60
	days, frequency := v.days(), v.Frequency
	if frequency == "daily" && len(days) > 0 {
		frequency = "weekly"
		if interval*len(m.groups) > 1 {
			return false
		}
	}
	period := dayMinutes
	switch {
	case frequency == "hourly":
		t.unit, t.length, t.members = "h", interval, m.groups
		return minutes == interval*60 && len(days) == 0
	case frequency == "daily":
		t.unit, t.hours = "d", daily(from, minutes)
	case frequency == "weekly" && len(days) > 0:
		t.unit, period = "w", weekMinutes
		if !m.byDays(t, days, from, minutes) {
			return false
		}
		minutes = min(minutes, period)
	case frequency == "weekly":
		t.unit, period = "w", weekMinutes
		t.hours = weekly(at.Weekday(), from, minutes)
	default:
		return false
	}
	return m.filled(t, interval, minutes, period)
}

// daily is the hours of each day's stretch; a whole day is always.
func daily(from, minutes int) []Hours {
	if minutes >= dayMinutes {
		return nil
	}
	return []Hours{{Days: everyDay(), From: from, To: (from + minutes) % dayMinutes}}
}

// byDays fills in the hours of a week with several days: weeks begin on their
// first day at the clock of the shifts, so that none lasts into the next turn.
func (m grModel) byDays(t *turns, days []time.Weekday, from, minutes int) bool {
	at, first := t.start, m.shift.weekStart()
	t.start = time.Date(at.Year(), at.Month(), at.Day()-(int(at.Weekday()-first)+7)%7, at.Hour(), at.Minute(), 0, 0, m.loc)
	for _, d := range days {
		if (int(d-first)+7)%7*dayMinutes+minutes > weekMinutes {
			return false
		}
		t.hours = append(t.hours, weekly(d, from, minutes)...)
	}
	t.hours = merged(t.hours)
	return true
}

// filled fills in the members: each group has the first periods of its interval
// for as long as its shift lasts, and nobody has the rest.
func (m grModel) filled(t *turns, interval, minutes, period int) bool {
	fill := max(1, minutes/period)
	if minutes > period && minutes%period != 0 || fill > interval {
		return false
	}
	for _, g := range m.groups {
		for i := range interval {
			if i >= fill {
				g = ""
			}
			t.members = append(t.members, g)
		}
	}
	return true
}

func (v *grShift) days() (out []time.Weekday) {
	for _, d := range v.ByDay {
		out = append(out, weekdayOf(d))
	}
	return out
}

func (v *grShift) weekStart() time.Weekday {
	if v.WeekStart == "" {
		return time.Sunday
	}
	return weekdayOf(v.WeekStart)
}

func (b *builder) grChains(all []grThing) {
	for _, c := range all {
		if c.Name == "" || c.Type != "" || c.Username != "" || c.Start != "" || c.Chain != "" {
			continue
		}
		where := "escalation chain " + c.Name
		e := Escalation{Name: b.name("escalation", c.Name, c.ID), Title: c.Name}
		steps := slices.DeleteFunc(slices.Clone(all), func(v grThing) bool { return v.Chain != c.ID })
		slices.SortStableFunc(steps, func(x, y grThing) int { return cmp.Compare(x.Position, y.Position) })
		for _, v := range steps {
			b.grStep(&e, where, v)
		}
		b.escalation(e, where)
	}
}

// grStep adds a step; a wait belongs to the one before it.
func (b *builder) grStep(e *Escalation, where string, v grThing) {
	step := Step{Wait: "1s", RoundRobin: v.Type == "notify_person_next_each_time"}
	switch v.Type {
	case "wait":
		if n := len(e.Steps); n > 0 {
			e.Steps[n-1].Wait = strconv.Itoa(min(max(1, v.Duration), 604800)) + "s"
		} else {
			b.note("", where, "it begins with a wait; here the first step is told at once", "")
		}
		return
	case "notify_persons", "notify_person_next_each_time":
		for _, p := range append(v.People, v.Next...) {
			b.target(&step, where, "", p)
		}
	case "notify_on_call_from_schedule":
		b.target(&step, where, v.Schedule, "")
	case "repeat_escalation":
		e.Repeat = 5
		return
	default:
		b.note("", where, "the step "+v.Type+" has no counterpart; it was left out", "")
		return
	}
	b.step(e, where, step)
}
