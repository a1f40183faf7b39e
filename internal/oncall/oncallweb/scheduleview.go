package oncallweb

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type scheduleInput struct {
	plan     *oncall.Plan
	span     span
	now      []oncall.Now
	turns    map[string][]oncall.Turn // of the calendar
	load     map[string][]oncall.Turn // of the next four weeks
	adjusted []oncall.Adjustment
	names    names
	me       string
	people   []catalog.Person
	services []catalog.Service
}

type scheduleView struct {
	Head     webkit.Head
	Lesson   webkit.Lesson // where there is no rota
	Now      []nowView
	Gaps     []gapView
	Tabs     []webkit.Tab
	Before   string
	After    string
	Today    string
	Weeks    []webkit.Week
	Load     []loadView
	Changes  []changeRow
	Kinds    []webkit.Tab // of changes that one may make
	ActAs    webkit.ActAs
	Policies []policyView
	Services []webkit.Choice // that one may simulate
}

type nowView struct {
	Rota, Zone, Who, Next string
	State                 webkit.State
	Until                 string   // by the rota's clock; "" for longer than we look ahead
	Words                 []string // what put them there, where it is no rotation
	Away, Shadows         string
	NextAt                time.Time
}

type gapView struct {
	Rota, Fill string // Fill is the form that puts somebody there
	From, To   string // by the rota's clock
	Start      time.Time
}

type loadView struct {
	Person        string
	Hours, Nights int
	Weekend       int
	Width         string // of the bar: "62%"
	Mine          bool
}

type policyView struct {
	ID, Name, Covers string
	Repeat           int
	Steps            []webkit.Step
	Source           string
}

func viewSchedule(ctx context.Context, in scheduleInput) scheduleView {
	if len(in.plan.Rotas) == 0 {
		return scheduleView{Head: webkit.Head{State: webkit.Unknown, Sentence: webkit.T(ctx, "oncall.empty.sentence")}, Lesson: lesson(ctx), Policies: viewPolicies(ctx, in)}
	}
	v := scheduleView{Gaps: gaps(in.plan, in.load, webkit.Now(ctx).Add(ahead)), Weeks: viewWeeks(ctx, in), Load: viewLoad(in), Policies: viewPolicies(ctx, in)}
	for _, s := range in.services {
		v.Services = append(v.Services, webkit.Choice{Value: s.ID, Text: s.ID})
	}
	for _, n := range in.now {
		nv := nowView{Rota: n.Name, Zone: n.Zone, Who: in.names.list(ctx, n.People()), State: webkit.OK, Words: sources(ctx, n.On), Away: away(ctx, n.On, in.names), Shadows: learners(ctx, n.Shadows, in.names), Next: in.names.list(ctx, n.NextPeople()), NextAt: n.Until}
		if !n.Until.IsZero() {
			nv.Until = inZone(n.Until, zoneOf(ctx, in.plan, n.Rota))
		}
		switch {
		case nv.Who == "":
			nv.State = webkit.Firing
		case nv.Away != "":
			nv.State = webkit.Warning
		}
		v.Now = append(v.Now, nv)
	}
	v.Head = scheduleHead(ctx, in, v.Gaps)
	for _, n := range v.Now {
		if n.Away != "" && v.Head.State == webkit.OK {
			v.Head.State, v.Head.Detail = webkit.Warning, webkit.T(ctx, "oncall.head.away", n.Away, n.Rota)
		}
	}
	month := in.span.weeks > 1
	v.Tabs = []webkit.Tab{
		{Text: webkit.T(ctx, "oncall.view.week"), Href: webkit.WithQuery(ctx, "view", ""), Current: !month},
		{Text: webkit.T(ctx, "oncall.view.month"), Href: webkit.WithQuery(ctx, "view", "month"), Current: month},
	}
	v.Before = webkit.WithQuery(ctx, "from", in.span.start.AddDate(0, 0, -7*in.span.weeks).Format(dayLayout))
	v.After = webkit.WithQuery(ctx, "from", in.span.end().Format(dayLayout))
	v.Today = webkit.WithQuery(ctx, "from", "")
	v.Changes = viewChanges(ctx, in.plan, in.adjusted, in.names, in.me)
	for _, k := range kinds() {
		v.Kinds = append(v.Kinds, webkit.Tab{Text: webkit.T(ctx, "oncall.change."+string(k)), Href: "/oncall/change?kind=" + string(k)})
	}
	return v
}

// sources are the words for what put people on call who are not by rotation.
func sources(ctx context.Context, turns []oncall.Turn) (out []string) {
	for _, t := range turns {
		if t.Person == "" || t.Source.Kind == "rotation" {
			continue
		}
		if word := webkit.T(ctx, "oncall.source."+t.Source.Kind); !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

// away says who of those on call has said to be away.
func away(ctx context.Context, turns []oncall.Turn, n names) string {
	var out []string
	for _, t := range turns {
		if t.Absent {
			out = append(out, t.Person)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return webkit.T(ctx, "oncall.says.absence", n.list(ctx, out))
}

// learners are those who learn beside the people on call, in words.
func learners(ctx context.Context, shadows []rota.Shadowing, n names) string {
	out := make([]string, 0, len(shadows))
	for _, s := range shadows {
		out = append(out, webkit.T(ctx, "oncall.says.shadow", n.of(s.Person), n.of(s.Of)))
	}
	return strings.Join(out, " · ")
}

func rotaName(plan *oncall.Plan, id string) string {
	if r := plan.Rota(id); r != nil {
		return r.Name
	}
	return id
}

// scheduleHead says who is on call, or where nobody is or will be.
func scheduleHead(ctx context.Context, in scheduleInput, gaps []gapView) webkit.Head {
	var on []string
	for _, n := range in.now {
		switch {
		case len(n.People()) == 0:
			return webkit.Head{State: webkit.Firing, Sentence: webkit.T(ctx, "oncall.head.nobody", n.Name), Detail: webkit.T(ctx, "oncall.head.nobody.detail")}
		case !n.Until.IsZero():
			on = append(on, webkit.T(ctx, "oncall.head.until", in.names.list(ctx, n.People()), inZone(n.Until, zoneOf(ctx, in.plan, n.Rota))))
		default:
			on = append(on, in.names.list(ctx, n.People()))
		}
	}
	on = slices.Compact(on)
	if len(on) > 2 {
		on = append(on[:2], webkit.T(ctx, "oncall.head.more", len(on)-2))
	}
	sentence := webkit.T(ctx, "oncall.head.list", strings.Join(on, webkit.T(ctx, "oncall.head.and")))
	if len(gaps) > 0 {
		g := gaps[0]
		return webkit.Head{State: webkit.Warning, Sentence: sentence, Detail: webkit.T(ctx, "oncall.head.gap", g.Rota, g.From, g.To)}
	}
	return webkit.Head{State: webkit.OK, Sentence: sentence, Detail: webkit.T(ctx, "oncall.head.nogap")}
}

// gaps are the stretches without anybody that begin before until, the earliest
// first.
func gaps(plan *oncall.Plan, turns map[string][]oncall.Turn, until time.Time) []gapView {
	var out []gapView
	for _, r := range plan.Rotas {
		for _, t := range turns[r.ID] {
			if t.Person == "" && t.Start.Before(until) {
				out = append(out, gapView{Rota: r.Name, Fill: fillHref(r, t), From: inZone(t.Start, r.Zone().Location()), To: inZone(t.End, r.Zone().Location()), Start: t.Start})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b gapView) int { return a.Start.Compare(b.Start) })
	return out
}

// fillHref is the form of an override that fills a gap.
func fillHref(r oncall.Rota, t oncall.Turn) string {
	zone := r.Zone().Location()
	q := url.Values{"kind": {"override"}, "how": {howAll}, "rota": {r.ID}, "start": {t.Start.In(zone).Format(clockLayout)}, "end": {t.End.In(zone).Format(clockLayout)}}
	return "/oncall/change?" + q.Encode()
}

func viewWeeks(ctx context.Context, in scheduleInput) []webkit.Week {
	tones := map[string]int{}
	for i, p := range in.people {
		tones[p.ID] = i
	}
	var out []webkit.Week
	for i := range in.span.weeks {
		start := in.span.start.AddDate(0, 0, 7*i)
		end := start.AddDate(0, 0, 7)
		w := webkit.Week{Label: webkit.T(ctx, "oncall.week", webkit.Day(ctx, start)), Start: start}
		for _, r := range in.plan.Rotas {
			w.Rows = append(w.Rows, in.lanes(ctx, r, tones, start, end)...)
		}
		out = append(out, w)
	}
	return out
}

// lanes are the rows of a rota in a week: as many as people are on call at a time.
func (in scheduleInput) lanes(ctx context.Context, r oncall.Rota, tones map[string]int, start, end time.Time) []webkit.WeekRow {
	rows := []webkit.WeekRow{{Text: r.Name}}
	for _, t := range in.turns[r.ID] {
		from, to := later(t.Start, start), earlier(t.End, end)
		if !from.Before(to) {
			continue
		}
		s := webkit.Shift{From: from, To: to, Who: in.names.of(t.Person), Tone: tones[t.Person], Gap: t.Person == "", Mine: t.Person != "" && t.Person == in.me, Override: t.Source.Kind != "rotation"}
		if t.Absent {
			s.Who = "▲ " + s.Who + " (" + webkit.T(ctx, "oncall.absent") + ")"
		}
		if s.Override && !s.Gap {
			s.Who += " · " + webkit.T(ctx, "oncall.source."+t.Source.Kind)
		}
		if s.Gap {
			s.Href = fillHref(r, oncall.Turn{Start: from, End: to})
		}
		i := slices.IndexFunc(rows, func(row webkit.WeekRow) bool {
			return len(row.Shifts) == 0 || !row.Shifts[len(row.Shifts)-1].To.After(from)
		})
		if i < 0 {
			i = len(rows)
			rows = append(rows, webkit.WeekRow{})
		}
		rows[i].Shifts = append(rows[i].Shifts, s)
	}
	return rows
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// viewLoad adds up the next four weeks by person. Somebody in two rotas at the
// same time is counted in both: each can wake them.
func viewLoad(in scheduleInput) (out []loadView) {
	byID := map[string]rota.Load{}
	for i := range in.plan.Rotas {
		r := &in.plan.Rotas[i]
		for _, l := range rota.Loads(in.load[r.ID], func(string) *rota.Zone { return r.Zone() }, nil, rota.DefaultWeights()) {
			sum := byID[l.Person]
			sum.Person, sum.Hours, sum.Night, sum.Weekend = l.Person, sum.Hours+l.Hours, sum.Night+l.Night, sum.Weekend+l.Weekend
			byID[l.Person] = sum
		}
	}
	all := slices.SortedFunc(maps.Values(byID), func(a, b rota.Load) int {
		return cmp.Or(cmp.Compare(b.Hours, a.Hours), strings.Compare(a.Person, b.Person))
	})
	whole := func(hours float64) int { return int(math.Round(hours)) }
	for _, l := range all {
		out = append(out, loadView{
			Person: in.names.of(l.Person), Mine: l.Person == in.me, Hours: whole(l.Hours), Nights: whole(l.Night), Weekend: whole(l.Weekend),
			Width: fmt.Sprintf("%d%%", whole(100*l.Hours/all[0].Hours)),
		})
	}
	return out
}

func viewPolicies(ctx context.Context, in scheduleInput) []policyView {
	var out []policyView
	for _, p := range in.plan.Policies {
		v := policyView{ID: p.ID, Name: p.Name, Repeat: p.Repeat, Source: p.Source}
		var covers []string
		if len(p.Services) > 0 {
			covers = append(covers, webkit.T(ctx, "oncall.policy.services", strings.Join(p.Services, ", ")))
		}
		if len(p.Teams) > 0 {
			covers = append(covers, webkit.T(ctx, "oncall.policy.teams", strings.Join(p.Teams, ", ")))
		}
		if p.Default {
			covers = append(covers, webkit.T(ctx, "oncall.policy.default"))
		}
		if p.Acks > 1 {
			covers = append(covers, webkit.T(ctx, "oncall.policy.acks", p.Acks))
		}
		if p.AckTimeout > 0 {
			covers = append(covers, webkit.T(ctx, "oncall.policy.acktimeout", webkit.Duration(ctx, p.AckTimeout)))
		}
		v.Covers = strings.Join(covers, " · ")
		var at time.Duration
		for _, s := range p.Steps {
			var targets []string
			for _, r := range s.Rotas {
				targets = append(targets, webkit.T(ctx, "oncall.policy.rota", rotaName(in.plan, r)))
			}
			v.Steps = append(v.Steps, webkit.Step{After: at, Targets: append(targets, in.names.all(s.People)...), Text: strings.Join(append(conditions(ctx, s), webkit.T(ctx, "oncall.policy.wait", webkit.Duration(ctx, s.Wait))), " · ")})
			at += s.Wait
		}
		end := webkit.T(ctx, "oncall.policy.ends")
		if p.Repeat > 0 {
			end = webkit.T(ctx, "oncall.policy.repeats", p.Repeat)
		}
		v.Steps = append(v.Steps, webkit.Step{After: at, Text: end})
		out = append(out, v)
	}
	return out
}

// conditions are those of a step, in words.
func conditions(ctx context.Context, s oncall.Step) (out []string) {
	if s.RoundRobin {
		out = append(out, webkit.T(ctx, "oncall.policy.robin"))
	}
	if len(s.Severities) > 0 {
		out = append(out, webkit.T(ctx, "oncall.device.severities", strings.Join(s.Severities, ", ")))
	}
	if s.MoreThan > 0 {
		out = append(out, webkit.T(ctx, "oncall.policy.morethan", s.MoreThan, webkit.Duration(ctx, s.Within)))
	}
	if s.Hours != nil {
		var windows []string
		for _, w := range s.Hours.Windows {
			windows = append(windows, strings.TrimSpace(days(ctx, w.Days)+" "+clock(w.From)+"–"+clock(w.To)))
		}
		key := "oncall.policy.hours"
		if s.Hours.Pause {
			key = "oncall.policy.waits"
		}
		out = append(out, webkit.T(ctx, key, strings.Join(windows, ", "), s.Hours.Zone.String()))
	}
	return out
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// days are the days of a window, from Monday: "Mon–Fri", "Sat, Sun"; all of them are
// not said.
func days(ctx context.Context, on [7]bool) string {
	name := func(i int) string { return webkit.Weekday(ctx, time.Weekday((i+1)%7)) }
	var out []string
	for i := 0; i < len(on); i++ {
		if !on[(i+1)%7] {
			continue
		}
		from := i
		for i < 6 && on[(i+2)%7] {
			i++
		}
		switch i - from {
		case 6:
			return ""
		case 0:
			out = append(out, name(i))
		case 1:
			out = append(out, name(from), name(i))
		default:
			out = append(out, name(from)+"–"+name(i))
		}
	}
	return strings.Join(out, ", ")
}

func lesson(ctx context.Context) webkit.Lesson {
	return webkit.Lesson{
		Title: webkit.T(ctx, "oncall.empty.title"), Text: webkit.T(ctx, "oncall.empty.text"), File: "oncall.yaml", Command: "hinoban check .",
		YAML: `apiVersion: hinoban/v1
kind: Rota
metadata: {name: shop-primary, displayName: Shop primary}
spec:
  timeZone: Asia/Tokyo
  start: 2026-11-16 09:00
  members: [aoi, ren]
---
apiVersion: hinoban/v1
kind: Escalation
metadata: {name: shop}
spec:
  default: true
  repeat: 1
  steps:
  - {rotas: [shop-primary], wait: 5m}
  - {people: [ren], wait: 10m}
`,
	}
}

func headOf(v scheduleView) webkit.Head {
	v.Head.Actions = headActions()
	return v.Head
}
