package homeweb

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
)

// Kind is what sort of thing needs somebody.
type Kind string

// The kinds of [Item].
const (
	OnPage     Kind = "page"
	OnAlert    Kind = "alert"
	OnIncident Kind = "incident"
	OnSLO      Kind = "slo"
	OnGap      Kind = "gap"
	OnConfig   Kind = "config"
	OnHealth   Kind = "health"
)

// Item is one thing that needs somebody.
type Item struct {
	Kind    Kind         `json:"kind" enum:"page,alert,incident,slo,gap,config,health"`
	State   webkit.State `json:"state" enum:"ok,warning,firing,unknown,muted"`
	Title   string       `json:"title"`
	Service string       `json:"service,omitempty"`
	Since   time.Time    `json:"since,omitzero"`
	Until   time.Time    `json:"until,omitzero" doc:"The end of a gap."`
	Who     string       `json:"who,omitempty" doc:"Who has it; nobody where it is empty."`
	Href    string       `json:"href"`

	urgency  int
	status   oncall.PageState
	standing slo.Standing
	number   int
}

// facts are what the items are made of.
type facts struct {
	now       time.Time
	pages     []oncall.Page            // not closed
	alerts    []alert.Alert            // not resolved
	incidents []incident.Incident      // open
	slos      []slo.Standing           // all
	turns     map[string][]oncall.Turn // of the next days, by rota
	problems  []ascode.Problem
	health    httpd.Health
}

const gapsAhead = 7 * 24 * time.Hour

// gather asks every room. A room that does not answer fails the page: what is
// missing here must not look like peace.
func (d Deps) gather(ctx context.Context) (f facts, err error) {
	f = facts{now: d.Now().UTC(), slos: d.SLOs.All(), problems: d.Config().Problems}
	if f.pages, err = d.Pager.Pages(ctx, oncall.PageQuery{Open: true, Limit: 500}); err != nil {
		return f, err
	}
	if f.alerts, err = d.Alerts.Alerts(ctx, alert.Query{Unresolved: true, Limit: 500}); err != nil {
		return f, err
	}
	if f.incidents, err = d.Desk.Incidents(ctx, incident.Query{Open: true, Limit: 500}); err != nil {
		return f, err
	}
	if f.turns, _, err = d.Pager.Turns(ctx, f.now, f.now.Add(gapsAhead)); err != nil {
		return f, err
	}
	f.health = d.Health(ctx)
	return f, nil
}

// items lists what needs somebody, the most urgent first. One matter is told
// once: an incident or a page speaks for its alerts, an alert for its
// objective. It is pure.
func items(f facts) []Item {
	out := slices.Concat(calls(f), budgets(f), gaps(f.turns, f.now), own(f))
	slices.SortStableFunc(out, func(a, b Item) int {
		return cmp.Or(b.urgency-a.urgency, a.Since.Compare(b.Since))
	})
	return out
}

// calls are incidents, pages and alerts.
func calls(f facts) (out []Item) {
	told := map[string]bool{} // ids of alerts that something else speaks for
	burns := standings(f)
	for _, i := range f.incidents {
		out = append(out, incidentItem(i))
		for _, a := range i.Alerts {
			told[a] = true
		}
	}
	for _, p := range f.pages {
		spoken := slices.ContainsFunc(p.Alerts, func(a string) bool { return told[a] })
		if p.State == oncall.Answered && spoken {
			continue
		}
		it := pageItem(p)
		for _, a := range p.Alerts {
			told[a] = true
			if s, ok := burns[a]; ok {
				it.standing = s
			}
		}
		out = append(out, it)
	}
	for _, a := range f.alerts {
		if !told[a.ID] {
			it := alertItem(a)
			it.standing = burns[a.ID]
			out = append(out, it)
		}
	}
	return out
}

// budgets are the objectives in danger that no alert speaks for.
func budgets(f facts) (out []Item) {
	spoken := map[string]bool{}
	for _, a := range f.alerts {
		if a.Source == "slo" {
			spoken[a.Rule] = true
		}
	}
	for _, s := range f.slos {
		st := sloweb.State(s.Status)
		if danger := st == webkit.Firing || st == webkit.Warning; !spoken[s.Objective.ID] && (danger || s.Status.Problem != "") {
			out = append(out, sloItem(s, st))
		}
	}
	return out
}

// own is what is wrong with this server itself.
func own(f facts) (out []Item) {
	if len(f.problems) > 0 {
		out = append(out, Item{Kind: OnConfig, State: webkit.Warning, Title: f.problems[0].String(), Href: "/config", urgency: 20, number: len(f.problems)})
	}
	for _, c := range f.health.Checks {
		// The configuration has its own line; it says more.
		if !c.OK && c.Name != "config" {
			out = append(out, healthItem(c))
		}
	}
	return out
}

// standings finds, for alerts that objectives raised and that still burn, the
// objective, by the alert's id.
func standings(f facts) map[string]slo.Standing {
	burning := map[string]slo.Standing{}
	for _, s := range f.slos {
		if _, ok := s.Status.Worst(); ok {
			burning[s.Objective.ID] = s
		}
	}
	out := map[string]slo.Standing{}
	for _, a := range f.alerts {
		if s, ok := burning[a.Rule]; ok && a.Source == "slo" {
			out[a.ID] = s
		}
	}
	return out
}

func pageItem(p oncall.Page) Item {
	out := Item{Kind: OnPage, State: webkit.Firing, Title: p.Summary, Service: p.Service, Since: p.OpenedAt, Who: p.AckedBy, Href: "/pages/" + p.ID, urgency: 100, status: p.State}
	switch p.State {
	case oncall.NoPolicy, oncall.Unheard:
		out.urgency = 110 // nobody is being told any more
	case oncall.Answered:
		out.State, out.urgency = webkit.Muted, 10
	case oncall.Calling, oncall.Closed:
	}
	return out
}

func incidentItem(i incident.Incident) Item {
	out := Item{
		Kind: OnIncident, State: webkit.Firing, Title: i.Title, Service: i.Service, Since: i.DetectedAt,
		Who: i.Roles[incident.Commander], Href: "/incidents/" + i.ID, urgency: 94 - i.Severity, number: i.Number,
	}
	if i.Status == incident.MitigatedNow {
		out.State, out.urgency = webkit.Warning, 60
	}
	return out
}

func alertItem(a alert.Alert) Item {
	out := Item{Kind: OnAlert, State: webkit.Warning, Title: a.Summary, Service: a.Service, Since: a.OpenedAt, Who: a.AckedBy, Href: "/alerts/" + a.ID, urgency: 50}
	if a.Severity == alert.Page {
		out.State, out.urgency = webkit.Firing, 80
	}
	if a.Severity == alert.Info {
		out.State, out.urgency = webkit.Muted, 5
	}
	if a.State() == alert.Held {
		out.State, out.urgency = webkit.Muted, 9
	}
	return out
}

func sloItem(s slo.Standing, st webkit.State) Item {
	out := Item{Kind: OnSLO, State: st, Title: s.Objective.Name + " " + s.Status.Sentence(s.Objective), Service: s.Objective.Service, Href: "/slos/" + s.Objective.ID, urgency: 40, standing: s}
	switch {
	case st == webkit.Firing && s.Status.Health == slo.Fast:
		out.urgency = 85
	case st == webkit.Firing:
		out.urgency = 55
	case st != webkit.Warning:
		out.State, out.urgency, out.Title = webkit.Unknown, 35, s.Objective.Name+": "+s.Status.Problem
	}
	return out
}

// gaps are the stretches ahead in which nobody is on call in a rota.
func gaps(turns map[string][]oncall.Turn, now time.Time) (out []Item) {
	for rota, list := range turns {
		var last *Item
		for _, t := range list {
			if t.Person != "" || !t.Start.Before(t.End) {
				last = nil
				continue
			}
			if last != nil && last.Until.Equal(t.Start) {
				last.Until = t.End
				continue
			}
			g := Item{Kind: OnGap, State: webkit.Warning, Title: rota, Since: t.Start, Until: t.End, Href: "/oncall", urgency: 30}
			if !t.Start.After(now) {
				g.State, g.urgency = webkit.Firing, 90 // nobody, right now
			}
			out = append(out, g)
			last = &out[len(out)-1]
		}
	}
	slices.SortFunc(out, func(a, b Item) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Title, b.Title)) })
	return out
}

func healthItem(c httpd.CheckResult) Item {
	out := Item{Kind: OnHealth, State: webkit.Firing, Title: c.Name + ": " + c.Detail, Href: "/health", urgency: 87}
	if c.Soft {
		out.State, out.urgency = webkit.Warning, 25
	}
	return out
}

// OnCall is who is on call in one rota.
type OnCall struct {
	Rota   string    `json:"rota"`
	Person string    `json:"person" doc:"Nobody where it is empty."`
	Name   string    `json:"name"`
	Until  time.Time `json:"until,omitzero" doc:"Left out where nobody else is on call within four weeks."`
	Next   string    `json:"next,omitempty"`
}

func (d Deps) onCall(ctx context.Context) ([]OnCall, error) {
	turns, err := d.Pager.OnCallNow(ctx)
	if err != nil {
		return nil, err
	}
	out := []OnCall{}
	for _, t := range turns {
		out = append(out, OnCall{
			Rota: cmp.Or(t.Name, t.Rota), Person: first(t.People()), Name: d.all(ctx, t.People()), Until: t.Until, Next: d.all(ctx, t.NextPeople()),
		})
	}
	return out, nil
}

// first is the first of several, or "".
func first(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// all are the names of people, in one line.
func (d Deps) all(ctx context.Context, ids []string) string {
	var out []string
	for _, id := range ids {
		out = append(out, d.name(ctx, id))
	}
	return strings.Join(out, ", ")
}

// name is a person's name, or what was given where the catalog has none.
func (d Deps) name(ctx context.Context, id string) string {
	if p, err := d.Catalog.Person(ctx, id); err == nil {
		return p.Name
	}
	return id
}

// soon writes an instant of the next days: "09:00", "Mon 09:00", else its date.
func soon(ctx context.Context, t time.Time) string {
	l, n := t.In(webkit.Zone(ctx)), webkit.Now(ctx).In(webkit.Zone(ctx))
	today := l.Year() == n.Year() && l.YearDay() == n.YearDay()
	if today || t.Before(n) || t.Sub(n) > 6*24*time.Hour {
		return webkit.Stamp(ctx, t)
	}
	return webkit.T(ctx, "home.weekday."+strconv.Itoa(int(l.Weekday())), l.Format("15:04"))
}

// OnCallLine is what the top bar says: who is on call, and until when.
func OnCallLine(ctx context.Context, turns []oncall.Now, name func(string) string) string {
	line, people := "", map[string]bool{}
	for _, t := range turns {
		for _, id := range t.People() {
			if !people[id] && line == "" {
				if line = name(id); !t.Until.IsZero() {
					line = webkit.T(ctx, "home.oncall.line", name(id), soon(ctx, t.Until))
				}
			}
			people[id] = true
		}
	}
	if n := len(people) - 1; n > 0 {
		line += " " + webkit.T(ctx, "home.oncall.more", n)
	}
	return line
}
