package oncallweb

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type scheduleInput struct {
	plan      *oncall.Plan
	span      span
	now       []oncall.Now
	turns     map[string][]oncall.Turn // of the calendar
	load      map[string][]oncall.Turn // of the next four weeks
	adjusted  []oncall.Adjustment
	names     names
	me        string
	people    []catalog.Person
	services  []catalog.Service
	form      overrideForm
	simulate  string
	calls     []oncall.Call
	uncovered bool
}

type scheduleView struct {
	Head      webkit.Head
	Lesson    webkit.Lesson // where there is no rota
	Now       []nowView
	Gaps      []gapView
	Tabs      []webkit.Tab
	Before    string
	After     string
	Today     string
	Weeks     []webkit.Week
	Load      []loadView
	Overrides []overrideView
	Form      formView
	ActAs     webkit.ActAs
	Policies  []policyView
	Simulate  simulateView
}

type nowView struct {
	Rota, Zone, Who, Next string
	State                 webkit.State
	Until                 time.Time // zero: for longer than we look ahead
	Substitute            bool
	NextAt                time.Time
}

type gapView struct {
	Rota       string
	Start, End time.Time
}

type loadView struct {
	Person        string
	Hours, Nights int
	Weekend       int
	Width         string // of the bar: "62%"
	Mine          bool
}

type overrideView struct {
	ID, Rota, Person, Reason, By, Remove string
	Start, End                           time.Time
}

type formView struct {
	Rotas, People      []webkit.Choice
	Start, End, Reason string
	Rota, Person       string
	Failed             string
}

type policyView struct {
	ID, Name, Covers string
	Repeat           int
	Steps            []webkit.Step
	Source           string
}

type simulateView struct {
	Service   string
	Services  []webkit.Choice
	Uncovered bool
	Silent    bool // covered, and nobody would be told
	Asked     bool
	Calls     []callView
}

type callView struct {
	After           string
	At              time.Time
	Person, Channel string
	Device          string
	Step            int
	First           bool // of its step
}

// far is how far ahead a turn's end is known.
const far = 27 * 24 * time.Hour

func viewSchedule(ctx context.Context, in scheduleInput) scheduleView {
	if len(in.plan.Rotas) == 0 {
		return scheduleView{Head: webkit.Head{State: webkit.Unknown, Sentence: webkit.T(ctx, "oncall.empty.sentence")}, Lesson: lesson(ctx), Policies: viewPolicies(ctx, in)}
	}
	v := scheduleView{Gaps: gaps(in.plan, in.load, webkit.Now(ctx).Add(ahead)), Weeks: viewWeeks(ctx, in), Load: viewLoad(in), Policies: viewPolicies(ctx, in), Simulate: viewSimulate(ctx, in)}
	for _, n := range in.now {
		nv := nowView{Rota: n.Name, Zone: n.Zone, Who: in.names.list(ctx, n.People()), State: webkit.OK, Substitute: substitute(n.On), Next: in.names.list(ctx, n.NextPeople()), NextAt: n.Until()}
		if n.Until().Sub(webkit.Now(ctx)) < far {
			nv.Until = n.Until()
		}
		if nv.Who == "" {
			nv.State = webkit.Firing
		}
		v.Now = append(v.Now, nv)
	}
	v.Head = scheduleHead(ctx, in, v.Gaps)
	month := in.span.weeks > 1
	v.Tabs = []webkit.Tab{
		{Text: webkit.T(ctx, "oncall.view.week"), Href: webkit.WithQuery(ctx, "view", ""), Current: !month},
		{Text: webkit.T(ctx, "oncall.view.month"), Href: webkit.WithQuery(ctx, "view", "month"), Current: month},
	}
	v.Before = webkit.WithQuery(ctx, "from", in.span.start.AddDate(0, 0, -7*in.span.weeks).Format(dayLayout))
	v.After = webkit.WithQuery(ctx, "from", in.span.end().Format(dayLayout))
	v.Today = webkit.WithQuery(ctx, "from", "")
	for _, o := range in.adjusted {
		v.Overrides = append(v.Overrides, overrideView{ID: o.ID, Rota: rotaName(in.plan, o.Rota), Person: in.names.of(o.Person), Reason: o.Reason, By: in.names.of(o.By), Start: o.Start, End: o.End, Remove: "/oncall/overrides/" + url.PathEscape(o.ID) + "/remove"})
	}
	v.Form = viewForm(ctx, in)
	return v
}

// substitute reports whether somebody is on call who is not by rotation.
func substitute(turns []oncall.Turn) bool {
	return slices.ContainsFunc(turns, func(t oncall.Turn) bool { return t.Person != "" && t.Source.Kind != "rotation" })
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
		case n.Until().Sub(webkit.Now(ctx)) < far:
			on = append(on, webkit.T(ctx, "oncall.head.until", in.names.list(ctx, n.People()), n.Until()))
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
		return webkit.Head{State: webkit.Warning, Sentence: sentence, Detail: webkit.T(ctx, "oncall.head.gap", g.Rota, webkit.Day(ctx, g.Start)+" "+webkit.Clock(ctx, g.Start), webkit.Day(ctx, g.End)+" "+webkit.Clock(ctx, g.End))}
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
				out = append(out, gapView{Rota: r.Name, Start: t.Start, End: t.End})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b gapView) int { return a.Start.Compare(b.Start) })
	return out
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
			row := webkit.WeekRow{Text: r.Name}
			for _, t := range in.turns[r.ID] {
				from, to := later(t.Start, start), earlier(t.End, end)
				if !from.Before(to) {
					continue
				}
				row.Shifts = append(row.Shifts, webkit.Shift{
					From: from, To: to, Who: in.names.of(t.Person), Tone: tones[t.Person], Gap: t.Person == "",
					Mine: t.Person != "" && t.Person == in.me, Override: t.Source.Kind != "rotation",
				})
			}
			w.Rows = append(w.Rows, row)
		}
		out = append(out, w)
	}
	return out
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
func viewLoad(in scheduleInput) []loadView {
	byID := map[string]*loadView{}
	var order []string
	most := 0
	for _, r := range in.plan.Rotas {
		for _, t := range in.load[r.ID] {
			if t.Person == "" {
				continue
			}
			l, ok := byID[t.Person]
			if !ok {
				l = &loadView{Person: in.names.of(t.Person), Mine: t.Person == in.me}
				byID[t.Person] = l
				order = append(order, t.Person)
			}
			hours, nights, weekend := weigh(t, r.Zone().Location())
			l.Hours, l.Nights, l.Weekend = l.Hours+hours, l.Nights+nights, l.Weekend+weekend
			most = max(most, l.Hours)
		}
	}
	slices.SortFunc(order, func(a, b string) int {
		if d := byID[b].Hours - byID[a].Hours; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var out []loadView
	for _, id := range order {
		l := *byID[id]
		l.Width = fmt.Sprintf("%d%%", 100*l.Hours/max(1, most))
		out = append(out, l)
	}
	return out
}

// weigh counts the hours of a turn, its nights (03:00 by the rota's clock) and
// its hours on Saturdays and Sundays.
func weigh(t oncall.Turn, zone *time.Location) (hours, nights, weekend int) {
	hours = int(t.End.Sub(t.Start).Round(time.Hour) / time.Hour)
	first := t.Start.In(zone)
	for day := 0; ; day++ {
		midnight := time.Date(first.Year(), first.Month(), first.Day()+day, 0, 0, 0, 0, zone)
		if !midnight.Before(t.End) {
			return hours, nights, weekend
		}
		if dead := time.Date(first.Year(), first.Month(), first.Day()+day, 3, 0, 0, 0, zone); !dead.Before(t.Start) && dead.Before(t.End) {
			nights++
		}
		if d := midnight.Weekday(); d == time.Saturday || d == time.Sunday {
			next := time.Date(first.Year(), first.Month(), first.Day()+day+1, 0, 0, 0, 0, zone)
			weekend += int(earlier(next, t.End).Sub(later(midnight, t.Start)).Round(time.Hour) / time.Hour)
		}
	}
}

func viewForm(ctx context.Context, in scheduleInput) formView {
	f := formView{Start: in.form.start, End: in.form.end, Reason: in.form.reason, Rota: in.form.rota, Person: in.form.person, Failed: in.form.failed}
	for _, r := range in.plan.Rotas {
		f.Rotas = append(f.Rotas, webkit.Choice{Value: r.ID, Text: fmt.Sprintf("%s (%s)", r.Name, r.Zone())})
	}
	for _, p := range in.people {
		f.People = append(f.People, webkit.Choice{Value: p.ID, Text: p.Name})
	}
	if f.Start == "" && len(in.plan.Rotas) > 0 {
		at := webkit.Now(ctx).In(in.plan.Rotas[0].Zone().Location()).Truncate(time.Hour).Add(time.Hour)
		f.Start, f.End = at.Format(clockLayout), at.Add(8*time.Hour).Format(clockLayout)
	}
	return f
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
		v.Covers = strings.Join(covers, " · ")
		var at time.Duration
		for _, s := range p.Steps {
			var targets []string
			for _, r := range s.Rotas {
				targets = append(targets, webkit.T(ctx, "oncall.policy.rota", rotaName(in.plan, r)))
			}
			v.Steps = append(v.Steps, webkit.Step{After: at, Targets: append(targets, in.names.all(s.People)...), Text: webkit.T(ctx, "oncall.policy.wait", webkit.Duration(ctx, s.Wait))})
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

func viewSimulate(ctx context.Context, in scheduleInput) simulateView {
	v := simulateView{Service: in.simulate, Asked: in.simulate != "", Uncovered: in.uncovered, Silent: in.simulate != "" && !in.uncovered && len(in.calls) == 0}
	for _, s := range in.services {
		v.Services = append(v.Services, webkit.Choice{Value: s.ID, Text: s.ID})
	}
	step := -1
	for _, c := range in.calls {
		cv := callView{After: webkit.T(ctx, "oncall.simulate.after", webkit.Duration(ctx, c.After)), At: webkit.Now(ctx).Add(c.After), Person: in.names.of(c.Person), Channel: c.Channel, Device: c.Device, Step: c.Step + 1, First: c.Step != step}
		if c.After == 0 {
			cv.After = webkit.T(ctx, "oncall.simulate.now")
		}
		step = c.Step
		v.Calls = append(v.Calls, cv)
	}
	return v
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
