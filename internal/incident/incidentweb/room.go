package incidentweb

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
)

// material is what a room is drawn from.
type material struct {
	Incident incident.Incident
	Records  []event.Record
	Service  catalog.Service
	Name     func(string) string
}

type roomView struct {
	Title, Base, Number string
	Head                webkit.Head
	Status              incident.Status
	Severity            string
	SeverityWord        string
	SeverityCriteria    string
	Severities          []severityView
	Tabs                []webkit.Tab
	Order               webkit.Tab // the link that turns the timeline round
	Entries             []webkit.Entry
	Roles               []roleView
	Times               []timeView
	Impact              []impactView
	Alerts              []alertView
	Service             webkit.Choice // href and name
	Runbook             string
	Links               []catalog.Link
	Panels              []webkit.Lazy
	As                  []webkit.Choice // empty where people sign in
	Commander           string
	Likely              string // who acts, unless they say otherwise
	People              []webkit.Choice
}

type roleView struct {
	Role, Word, Definition, Person, Name string
}

// timeView is one moment, and how long it took to get there.
type timeView struct {
	Word, Definition     string
	At                   time.Time
	Took, Short, Measure string // "1 m 41 s", "TTA" and what that means
}

type impactView struct {
	State      webkit.State
	Name, Href string
	Text       string
	Definition string
	Evidence   string
}

type alertView struct {
	State            webkit.State
	Text, Href, Word string
}

// The origins of a timeline's records.
const (
	fromSLO    = "slo"
	fromAlert  = "alert"
	fromOnCall = "oncall"
	fromPeople = "people"
	fromOther  = "other"
)

// origin says where a record comes from: a person, a room, or the rest.
func origin(r event.Record) string {
	roomName, _, _ := strings.Cut(r.Name, ".")
	switch {
	case roomName == fromSLO, roomName == fromAlert, roomName == fromOnCall:
		return roomName
	case strings.HasPrefix(r.Actor, "person/"):
		return fromPeople
	}
	return fromOther
}

// origins returns what the parameter source keeps; "" keeps all.
func origins(source string) func(string) bool {
	if source == "" {
		return func(string) bool { return true }
	}
	want := strings.Split(source, ",")
	return func(o string) bool { return slices.Contains(want, o) }
}

func room(ctx context.Context, m material) roomView {
	i := m.Incident
	v := roomView{
		Title: "#" + strconv.Itoa(i.Number) + " " + i.Title, Base: href(i), Number: strconv.Itoa(i.Number), Status: i.Status,
		Severity: sev(i.Severity), SeverityWord: webkit.T(ctx, "incident.sev."+strconv.Itoa(i.Severity)),
		SeverityCriteria: webkit.T(ctx, "incident.sev."+strconv.Itoa(i.Severity)+".criteria"), Severities: severities(ctx, strconv.Itoa(i.Severity)),
		Roles: roles(ctx, i, m.Name), Times: times(ctx, i, m.Records), Impact: impact(ctx, m), Alerts: alerts(ctx, m),
		Runbook: m.Service.Runbook, Links: m.Service.Links, Commander: i.Roles[incident.Commander],
	}
	if i.Service != "" {
		v.Service = webkit.Choice{Value: "/services/" + escape(i.Service), Text: m.Service.Name}
	}
	v.Head = webkit.Head{
		State: state(i.Status), Title: webkit.T(ctx, "incident.headtitle", strconv.Itoa(i.Number), plainTitle(i)),
		Sentence: sentence(ctx, i, what(m.Service.Name, i.Title), m.Name), Detail: headDetail(ctx, i, m.Name),
	}
	timeline(ctx, m, &v)
	return v
}

// headDetail says who declared it, and what became of its alerts.
func headDetail(ctx context.Context, i incident.Incident, name func(string) string) string {
	by := webkit.T(ctx, "incident.by.alert", i.DeclaredAt)
	if i.DeclaredBy != "" {
		by = webkit.T(ctx, "incident.by.person", i.DeclaredAt, name(i.DeclaredBy))
	}
	alerts := webkit.T(ctx, "incident.alerts.open", len(i.Open))
	switch {
	case len(i.Alerts) == 0:
		return by
	case len(i.Open) == 0:
		alerts = webkit.T(ctx, "incident.alerts.over", len(i.Alerts))
	case i.DeclaredBy == "" && i.Status != incident.Resolved:
		alerts = webkit.T(ctx, "incident.alerts.auto", len(i.Open))
	}
	return webkit.T(ctx, "incident.by.and", by, alerts)
}

// timeline fills the entries, newest first while the incident is open, and the
// tabs that filter them.
func timeline(ctx context.Context, m material, v *roomView) {
	count := map[string]int{}
	source := webkit.Query(ctx, "source")
	keep := origins(source)
	for _, r := range m.Records {
		e, ok := entry(ctx, r, m.Name)
		if !ok {
			continue
		}
		o := origin(r)
		count[o]++
		count[""]++
		if keep(o) {
			v.Entries = append(v.Entries, e)
		}
	}
	newest := m.Incident.Status != incident.Resolved
	if q := webkit.Query(ctx, "order"); q != "" {
		newest = q == "newest"
	}
	v.Order = webkit.Tab{Text: webkit.T(ctx, "incident.order.newest"), Href: webkit.WithQuery(ctx, "order", "newest")}
	if newest {
		slices.Reverse(v.Entries)
		v.Order = webkit.Tab{Text: webkit.T(ctx, "incident.order.oldest"), Href: webkit.WithQuery(ctx, "order", "oldest")}
	}
	for _, o := range []string{"", fromPeople, fromOnCall, fromAlert, fromSLO, fromOther} {
		if count[o] == 0 && o != source {
			continue
		}
		key := "incident.from." + o
		if o == "" {
			key = "incident.from.all"
		}
		v.Tabs = append(v.Tabs, webkit.Tab{Text: webkit.T(ctx, key), Count: strconv.Itoa(count[o]), Href: webkit.WithQuery(ctx, "source", o), Current: o == source})
	}
}

// entry is a record as a line of the timeline; false where it says nothing.
func entry(ctx context.Context, r event.Record, name func(string) string) (webkit.Entry, bool) {
	text := incident.Line(r, webkit.Lang(ctx), name)
	if text == "" {
		return webkit.Entry{}, false
	}
	o := origin(r)
	e := webkit.Entry{
		ID: "e" + strconv.FormatInt(r.Seq, 10), At: r.At, Icon: icon(r, o), Source: webkit.T(ctx, "incident.from."+o), Text: text,
		Href: "/log/" + strconv.FormatInt(r.Seq, 10), State: mark(r.Name),
	}
	if id, ok := strings.CutPrefix(r.Actor, "person/"); ok {
		rest, own := strings.CutPrefix(text, name(id))
		// A role is told of who has it, not of who gave it.
		if own || r.Name != (incident.RoleChanged{}).EventName() {
			e.Actor, e.Text = name(id), strings.TrimSpace(rest)
		}
	}
	if note := field(r.Payload, "text"); r.Name == (incident.NoteAdded{}).EventName() {
		e.Text = note
		if strings.Contains(note, "\n") {
			e.Text, e.Body = webkit.T(ctx, "incident.noted"), noteBody(note)
		}
	}
	return e, true
}

func icon(r event.Record, origin string) string {
	switch {
	case r.Name == (incident.NoteAdded{}).EventName():
		return "chat"
	case r.Name == "config.applied":
		return "deploy"
	}
	return map[string]string{fromSLO: "slos", fromAlert: "alerts", fromOnCall: "oncall", fromPeople: "user", fromOther: "incidents"}[origin]
}

// mark is the state that an event brings; "" for an ordinary line.
func mark(name string) webkit.State {
	switch name {
	case "slo.burning", "alert.fired", "alert.raised", "oncall.exhausted", "incident.reopened":
		return webkit.Firing
	case "oncall.delivery_failed", "incident.declared":
		return webkit.Warning
	case "slo.recovered", "alert.resolved", "incident.mitigated", "incident.resolved":
		return webkit.OK
	}
	return ""
}

func roles(ctx context.Context, i incident.Incident, name func(string) string) []roleView {
	var out []roleView
	for _, r := range incident.Roles() {
		v := roleView{Role: string(r), Word: webkit.T(ctx, "incident.role."+string(r)), Definition: webkit.T(ctx, "incident.role."+string(r)+".def"), Person: i.Roles[r]}
		if v.Person != "" {
			v.Name = name(v.Person)
		}
		out = append(out, v)
	}
	return out
}

// times are the moments of an incident, with the durations that end there.
func times(ctx context.Context, i incident.Incident, records []event.Record) []timeView {
	took := map[string]incident.Measure{}
	for _, m := range incident.Measures(i, records) {
		took[m.Name] = m
	}
	moment := func(key string, at time.Time, measure string) timeView {
		v := timeView{Word: webkit.T(ctx, "incident.time."+key), Definition: webkit.T(ctx, "incident.time."+key+".def"), At: at}
		if m, ok := took[measure]; ok && m.Took() >= time.Second {
			v.Took = webkit.Duration(ctx, m.Took().Round(time.Second))
			v.Short, v.Measure = webkit.T(ctx, "incident.measure."+measure), webkit.T(ctx, "incident.measure."+measure+".def")
		}
		return v
	}
	return []timeView{
		moment("detected", i.DetectedAt, ""),
		moment("declared", i.DeclaredAt, "declare"),
		moment("acked", i.AckedAt, "ack"),
		moment("mitigated", i.MitigatedAt, "mitigate"),
		moment("resolved", i.ResolvedAt, "resolve"),
	}
}

// impact is what the objectives of the incident say, the last word of each.
func impact(ctx context.Context, m material) []impactView {
	last := map[string]impactView{}
	for _, r := range m.Records {
		var b slo.Burning
		var v slo.Recovered
		seq := "/log/" + strconv.FormatInt(r.Seq, 10)
		switch {
		case r.Name == b.EventName() && json.Unmarshal(r.Payload, &b) == nil:
			last[b.Objective] = impactView{
				State: webkit.Firing, Name: b.Name, Href: "/slos/" + escape(b.Objective), Evidence: seq,
				Text:       webkit.T(ctx, "incident.impact.burning", webkit.Decimal(ctx, b.Burn, 1), webkit.Percent(ctx, b.Remaining)),
				Definition: webkit.T(ctx, "incident.impact.burning.def", incident.Pair(webkit.Lang(ctx), b.Pair)),
			}
		case r.Name == v.EventName() && json.Unmarshal(r.Payload, &v) == nil:
			last[v.Objective] = recovered(ctx, v, seq)
		}
	}
	var out []impactView
	for _, o := range m.Incident.Objectives {
		if v, ok := last[o]; ok {
			out = append(out, v)
		}
	}
	return out
}

func recovered(ctx context.Context, v slo.Recovered, seq string) impactView {
	out := impactView{State: webkit.OK, Name: v.Name, Href: "/slos/" + escape(v.Objective), Evidence: seq, Text: webkit.T(ctx, "incident.impact.uncounted")}
	if v.Counted {
		out.Text = webkit.T(ctx, "incident.impact.counted", webkit.Number(ctx, int64(v.Bad+0.5)), webkit.Number(ctx, int64(v.Total+0.5)), webkit.Percent(ctx, v.Spent), webkit.Percent(ctx, v.Remaining))
		out.Definition = webkit.T(ctx, "incident.impact.counted.def", v.From, v.Since.Add(time.Duration(v.Seconds*float64(time.Second))))
	}
	return out
}

// alerts are those that belong to the incident, by the rule that raised them.
func alerts(ctx context.Context, m material) []alertView {
	rule := map[string]string{}
	for _, r := range m.Records {
		var f alert.Fired
		if r.Name == f.EventName() && json.Unmarshal(r.Payload, &f) == nil {
			rule[f.Alert] = f.Rule
		}
	}
	var out []alertView
	for _, id := range m.Incident.Alerts {
		v := alertView{State: webkit.OK, Word: webkit.T(ctx, "incident.alert.over"), Text: rule[id], Href: "/alerts/" + escape(id)}
		if slices.Contains(m.Incident.Open, id) {
			v.State, v.Word = webkit.Firing, webkit.T(ctx, "incident.alert.open")
		}
		if v.Text == "" {
			v.Text = id
		}
		out = append(out, v)
	}
	return out
}
