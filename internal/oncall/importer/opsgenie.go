package importer

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

type ogExport struct {
	Data   json.RawMessage `json:"data"`
	Paging struct {
		Next string `json:"next"`
	} `json:"paging"`
	Schedules   []ogSchedule   `json:"schedules"`
	Escalations []ogEscalation `json:"escalations"`
	Users       []ogUser       `json:"users"`
	Teams       []ogTeam       `json:"teams"`
}

// ogThing is any entry of "data": which of them, its fields tell.
type ogThing struct {
	ogSchedule
	Rules    []ogRule `json:"rules"`
	Repeat   ogRepeat `json:"repeat"`
	Username string   `json:"username"`
	FullName string   `json:"fullName"`
	Members  []struct {
		User ogRef `json:"user"`
	} `json:"members"`
}

type ogRef struct {
	Type     string `json:"type"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	Username string `json:"username"`
}

type ogUser struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	FullName string `json:"fullName"`
	TimeZone string `json:"timeZone"`
}

type ogTeam struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Members []struct {
		User ogRef `json:"user"`
	} `json:"members"`
}

type ogSchedule struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	TimeZone  string       `json:"timezone"`
	Enabled   *bool        `json:"enabled"`
	Rotations []ogRotation `json:"rotations"`
	Overrides []ogOverride `json:"overrides"`
}

type ogRotation struct {
	Name         string         `json:"name"`
	Start        time.Time      `json:"startDate"`
	End          *time.Time     `json:"endDate"`
	Type         string         `json:"type"`
	Length       int            `json:"length"`
	Participants []ogRef        `json:"participants"`
	Restriction  *ogRestriction `json:"timeRestriction"`
}

type ogRestriction struct {
	Type  string   `json:"type"`
	One   *ogHours `json:"restriction"`
	Hours ogMany   `json:"restrictions"`
}

// ogMany is a list that old exports write as one object.
type ogMany []ogHours

// UnmarshalJSON reads a list or one object.
func (m *ogMany) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var one ogHours
		err := json.Unmarshal(b, &one)
		*m = ogMany{one}
		return err
	}
	var many []ogHours
	err := json.Unmarshal(b, &many)
	*m = many
	return err
}

type ogHours struct {
	StartDay  string `json:"startDay"`
	StartHour int    `json:"startHour"`
	StartMin  int    `json:"startMin"`
	EndDay    string `json:"endDay"`
	EndHour   int    `json:"endHour"`
	EndMin    int    `json:"endMin"`
}

type ogOverride struct {
	Alias     string    `json:"alias"`
	User      ogRef     `json:"user"`
	Start     time.Time `json:"startDate"`
	End       time.Time `json:"endDate"`
	Rotations []ogRef   `json:"rotations"`
}

type ogEscalation struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	OwnerTeam ogRef    `json:"ownerTeam"`
	Rules     []ogRule `json:"rules"`
	Repeat    ogRepeat `json:"repeat"`
}

type ogRepeat struct {
	Count int `json:"count"`
}

type ogRule struct {
	Condition  string `json:"condition"`
	NotifyType string `json:"notifyType"`
	Delay      struct {
		Amount int    `json:"timeAmount"`
		Unit   string `json:"timeUnit"`
	} `json:"delay"`
	Recipient ogRef `json:"recipient"`
}

// Opsgenie reads answers of Opsgenie's REST API v2 ({"data": …}) and files of
// its exporter ({"schedules": …}): schedules with their rotations, escalations,
// users and teams.
func Opsgenie(files []File, o Options) (*Result, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	var all ogExport
	err = decode(files, func(v ogExport) error {
		b.pages(v.Paging.Next != "")
		all.Schedules = append(all.Schedules, v.Schedules...)
		all.Escalations = append(all.Escalations, v.Escalations...)
		all.Users = append(all.Users, v.Users...)
		all.Teams = append(all.Teams, v.Teams...)
		if len(v.Data) == 0 || string(v.Data) == "null" {
			return nil
		}
		return all.data(v.Data)
	})
	if err != nil {
		return nil, err
	}
	if err := b.any(len(all.Users)+len(all.Schedules)+len(all.Escalations), "schedules, escalations or users"); err != nil {
		return nil, err
	}
	for _, u := range all.Users {
		p := Person{Title: u.FullName}
		if strings.Contains(u.Username, "@") {
			p.Email = u.Username
		}
		if u.TimeZone != "" {
			p.TimeZone = b.zone("", "user "+u.Username, u.TimeZone).String()
		}
		b.person(p, cmp.Or(u.ID, u.Username), u.Username)
	}
	for _, t := range all.Teams {
		var members []string
		for _, m := range t.Members {
			if who := b.who("team "+t.Name, "", m.User.Username, m.User.ID); who != "" {
				members = append(members, who)
			}
		}
		b.team(t.Name, cmp.Or(t.ID, t.Name), members)
		b.teams[t.Name] = b.teams[cmp.Or(t.ID, t.Name)]
	}
	for _, s := range all.Schedules {
		b.ogSchedule(s)
	}
	for _, e := range all.Escalations {
		b.ogEscalation(e)
	}
	return b.out, nil
}

// data sorts the entries of an answer by what they are.
func (all *ogExport) data(raw json.RawMessage) error {
	var things []ogThing
	if raw[0] == '{' {
		raw = append(append([]byte("["), raw...), ']')
	}
	if err := json.Unmarshal(raw, &things); err != nil {
		return broken(File{Name: "data", Data: raw}, err)
	}
	for _, v := range things {
		switch {
		case v.Username != "":
			all.Users = append(all.Users, ogUser{v.ID, v.Username, v.FullName, v.TimeZone})
		case v.Members != nil:
			all.Teams = append(all.Teams, ogTeam{v.ID, v.Name, v.Members})
		case v.Rules != nil:
			all.Escalations = append(all.Escalations, ogEscalation{ID: v.ID, Name: v.Name, Rules: v.Rules, Repeat: v.Repeat})
		default:
			all.Schedules = append(all.Schedules, v.ogSchedule)
		}
	}
	return nil
}

func (b *builder) ogSchedule(s ogSchedule) {
	r := Rota{Name: b.name("rota", s.Name, s.ID), Title: s.Name}
	b.rotas[s.ID], b.rotas[s.Name] = r.Name, r.Name
	where := "schedule " + s.Name
	loc := b.zone(r.Name, where, s.TimeZone)
	r.TimeZone = loc.String()
	if s.Enabled != nil && !*s.Enabled {
		b.note("", where, "it is disabled there and was taken over all the same", "delete the document if it is not wanted")
	}
	ref := ogReference{loc: loc}
	for _, v := range s.Rotations {
		where := where + " / " + cmp.Or(v.Name, "rotation")
		t := turns{where: where, loc: loc, start: v.Start, begins: v.Start, length: max(1, v.Length)}
		if v.End != nil {
			t.ends = *v.End
		}
		for _, p := range v.Participants {
			t.members = append(t.members, b.ogParticipant(where, p))
		}
		switch v.Type {
		case "daily":
			t.unit = "d"
		case "hourly":
			t.unit, t.elapsed = "h", true
		default:
			t.unit = "w"
		}
		t.hours = v.Restriction.hours()
		b.add(&r, t)
		ref.rotations = append(ref.rotations, ogModel{v, t.members})
	}
	var changes []change
	for _, v := range s.Overrides {
		if len(v.Rotations) > 0 && len(v.Rotations) < len(s.Rotations) {
			b.note(r.Name, where, "an override of single rotations from "+v.Start.UTC().Format(time.RFC3339)+" was made one of the whole rota", "mend it on the page of the rota")
		}
		if who := b.ogParticipant(where, v.User); who != "" {
			b.adjustment(rota.Adjustment{Kind: rota.Override, Rota: r.Name, Person: who, Of: rota.Everybody, Start: v.Start, End: v.End})
			changes = append(changes, change{v.Start, v.End, who, "*"})
		}
	}
	b.finish(r, reference{base: ref.between, changes: changes})
}

func (b *builder) ogParticipant(where string, p ogRef) string {
	switch p.Type {
	case "none":
		return ""
	case "team", "escalation":
		b.note("", where, "the "+p.Type+" "+cmp.Or(p.Name, p.ID)+" takes part in it; its turns are gaps here", "put people in the place of the empty members")
		return ""
	}
	return b.who(where, "", p.Username, p.ID)
}

func (v *ogRestriction) hours() (out []Hours) {
	if v == nil {
		return nil
	}
	for _, h := range v.all() {
		from, to := h.StartHour*60+h.StartMin, h.EndHour*60+h.EndMin
		from, to = min(max(0, from), dayMinutes-1), min(max(0, to), dayMinutes)
		if v.Type != "weekday-and-time-of-day" {
			out = append(out, Hours{Days: everyDay(), From: from, To: to % dayMinutes})
			continue
		}
		first, last := weekdayOf(h.StartDay), weekdayOf(h.EndDay)
		length := (int(last-first)+7)%7*dayMinutes + to - from
		if length <= 0 {
			length += weekMinutes
		}
		hours := weekly(first, from, length)
		if hours == nil {
			return nil
		}
		out = append(out, hours...)
	}
	return merged(out)
}

func (v *ogRestriction) all() []ogHours {
	if v.One != nil {
		return append([]ogHours{*v.One}, v.Hours...)
	}
	return v.Hours
}

func weekdayOf(name string) time.Weekday {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if len(name) >= 2 && strings.HasPrefix(strings.ToLower(d.String()), strings.ToLower(name)[:2]) {
			return d
		}
	}
	return time.Monday
}

func (b *builder) ogEscalation(v ogEscalation) {
	where := "escalation " + v.Name
	e := Escalation{Name: b.name("escalation", v.Name, v.ID), Title: v.Name, Repeat: b.repeat(where, v.Repeat.Count)}
	if t := b.teams[v.OwnerTeam.Name]; t != "" {
		e.Teams = []string{t}
	}
	// Their delays count from the beginning, ours from step to step.
	last := 0
	for i, rule := range v.Rules {
		if rule.Condition != "" && rule.Condition != "if-not-acked" {
			b.note("", where, "the condition "+rule.Condition+" was read as if-not-acked", "")
		}
		minutes := rule.minutes()
		if n := len(e.Steps); n > 0 && i > 0 {
			e.Steps[n-1].Wait = strconv.Itoa(max(1, minutes-last)) + "m"
		} else if minutes > 0 {
			b.note("", where, "its first rule waits "+strconv.Itoa(minutes)+" minutes; here the first step is told at once", "")
		}
		last = minutes
		step := Step{Wait: "5m"}
		b.ogRecipient(&step, where, rule.Recipient)
		if rule.NotifyType == "next" || rule.NotifyType == "previous" || rule.NotifyType == "random" {
			b.note("", where, "the notify type "+rule.NotifyType+" was read as default", "")
		}
		b.step(&e, where, step)
	}
	b.escalation(e, where)
}

// minutes is the delay of a rule, at most a week.
func (r *ogRule) minutes() int {
	n := min(max(0, r.Delay.Amount), 7*dayMinutes)
	switch r.Delay.Unit {
	case "hours":
		n *= 60
	case "days":
		n *= dayMinutes
	}
	return min(n, 7*dayMinutes)
}

func (b *builder) ogRecipient(s *Step, where string, r ogRef) {
	switch r.Type {
	case "schedule":
		b.target(s, where, cmp.Or(r.ID, r.Name), "")
	case "user":
		b.target(s, where, "", cmp.Or(r.Username, r.ID))
	default:
		b.note("", where, "a rule tells the "+r.Type+" "+cmp.Or(r.Name, r.ID)+"; it was left out", "add its members to a step")
	}
}
