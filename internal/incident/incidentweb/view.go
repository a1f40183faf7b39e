package incidentweb

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// filter is what a list is asked for, as in its address.
type filter struct {
	Open     bool
	Service  string
	Severity int
}

func (f filter) severity() string {
	if f.Severity == 0 {
		return ""
	}
	return strconv.Itoa(f.Severity)
}

func (f filter) empty() bool { return f == filter{} }

type listView struct {
	Head       webkit.Head
	Tabs       []webkit.Tab
	Filter     filter
	Services   []webkit.Choice
	Severities []webkit.Choice
	Months     []monthView
	Next       string
}

// monthView is the rows below one heading.
type monthView struct {
	Title string
	Rows  []rowView
}

type rowView struct {
	ID, Title, Href      string
	State                webkit.State
	Status               string
	Service, ServiceHref string
	Severity             string
	Commander            string
	Declared             time.Time
	Took                 string
	Open                 bool

	number, severity int
	service          string
}

type panelView struct {
	Rows         []rowView
	Declare, All string
}

type declareView struct {
	Title, Service, Severity, Error, Likely string
	Services, People                        []webkit.Choice
}

// state is how bad a status looks.
func state(s incident.Status) webkit.State {
	switch s {
	case incident.Investigating:
		return webkit.Firing
	case incident.MitigatedNow:
		return webkit.Warning
	case incident.Resolved:
		return webkit.OK
	}
	return webkit.Unknown
}

// lasted is how long an incident took, so far where it is open.
func lasted(i incident.Incident, now time.Time) time.Duration {
	if i.ResolvedAt.IsZero() {
		return now.Sub(i.DetectedAt)
	}
	return i.ResolvedAt.Sub(i.DetectedAt)
}

func sev(n int) string { return "SEV" + strconv.Itoa(n) }

func row(ctx context.Context, i incident.Incident, service string, name func(string) string) rowView {
	v := rowView{
		ID: "i" + strconv.Itoa(i.Number), Title: "#" + strconv.Itoa(i.Number) + " " + plainTitle(i), Href: href(i),
		State: state(i.Status), Status: webkit.T(ctx, "incident.status."+string(i.Status)),
		Service: service, Severity: sev(i.Severity), Declared: i.DeclaredAt, Open: i.ResolvedAt.IsZero(),
		Took: webkit.Duration(ctx, lasted(i, webkit.Now(ctx)).Round(time.Second)), number: i.Number, severity: i.Severity, service: i.Service,
	}
	if i.ResolvedAt.IsZero() {
		v.Took = webkit.T(ctx, "incident.sofar", v.Took)
	} else {
		v.State = webkit.Muted
	}
	if i.Service != "" {
		v.ServiceHref = "/services/" + escape(i.Service)
	}
	if c := i.Roles[incident.Commander]; c != "" {
		v.Commander = name(c)
	}
	return v
}

// lift puts the open incidents that f wants before all others.
func lift(rows, open []rowView, f filter) []rowView {
	out := slices.DeleteFunc(slices.Clone(open), func(o rowView) bool {
		return (f.Service != "" && o.service != f.Service) || (f.Severity != 0 && o.severity != f.Severity)
	})
	for _, r := range rows {
		if !slices.ContainsFunc(out, func(o rowView) bool { return o.number == r.number }) {
			out = append(out, r)
		}
	}
	return out
}

// months groups rows: the open ones first, then by the month of declaration in
// the viewer's zone.
func months(ctx context.Context, rows []rowView) []monthView {
	var out []monthView
	for _, r := range rows {
		at := r.Declared.In(webkit.Zone(ctx))
		title := webkit.T(ctx, "incident.month", webkit.T(ctx, "incident.month."+strconv.Itoa(int(at.Month()))), strconv.Itoa(at.Year()))
		if r.Open {
			title = webkit.T(ctx, "incident.opennow")
		}
		if len(out) == 0 || out[len(out)-1].Title != title {
			out = append(out, monthView{Title: title})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, r)
	}
	return out
}

// listHead says what is open, the worst first.
func listHead(ctx context.Context, open []incident.Incident, service func(context.Context, string) string) webkit.Head {
	h := webkit.Head{Title: webkit.T(ctx, "incident.nav"), State: webkit.OK, Sentence: webkit.T(ctx, "incident.none")}
	if len(open) == 0 {
		return h
	}
	worst := slices.MinFunc(open, func(a, b incident.Incident) int {
		if a.Severity != b.Severity {
			return a.Severity - b.Severity
		}
		return a.Number - b.Number
	})
	h.State = webkit.Warning
	if slices.ContainsFunc(open, func(i incident.Incident) bool { return i.Status == incident.Investigating }) {
		h.State = webkit.Firing
	}
	what := service(ctx, worst.Service)
	if what == "" {
		what = worst.Title
	}
	d := lasted(worst, webkit.Now(ctx)).Round(time.Second)
	if len(open) == 1 {
		h.Sentence = webkit.T(ctx, "incident.one", what, webkit.T(ctx, "incident.status."+string(worst.Status)), d, worst.Severity)
		return h
	}
	h.Sentence = webkit.T(ctx, "incident.many", len(open), what, d, worst.Severity)
	return h
}

func severityChoices(ctx context.Context, none string) []webkit.Choice {
	var out []webkit.Choice
	if none != "" {
		out = append(out, webkit.Choice{Text: none})
	}
	for n := 1; n <= 4; n++ {
		out = append(out, webkit.Choice{Value: strconv.Itoa(n), Text: sev(n) + " " + webkit.T(ctx, "incident.sev."+strconv.Itoa(n))})
	}
	return out
}

// severityView is one severity with what makes it one.
type severityView struct {
	Value, Name, Word, Criteria string
	Checked                     bool
}

func severities(ctx context.Context, chosen string) []severityView {
	var out []severityView
	for n := 1; n <= 4; n++ {
		s := strconv.Itoa(n)
		out = append(out, severityView{
			Value: s, Name: sev(n), Word: webkit.T(ctx, "incident.sev."+s), Criteria: webkit.T(ctx, "incident.sev."+s+".criteria"), Checked: s == chosen,
		})
	}
	return out
}

// sentence is the one glance of a room.
func sentence(ctx context.Context, i incident.Incident, what string, name func(string) string) string {
	now := webkit.Now(ctx)
	who := webkit.T(ctx, "incident.nobody")
	if c := i.Roles[incident.Commander]; c != "" {
		who = webkit.T(ctx, "incident.commands", name(c))
	}
	switch i.Status {
	case incident.Investigating:
		return webkit.T(ctx, "incident.is.investigating", what, now.Sub(i.DetectedAt).Round(time.Second), i.Severity, who)
	case incident.MitigatedNow:
		return webkit.T(ctx, "incident.is.mitigated", what, i.MitigatedAt.Sub(i.DetectedAt).Round(time.Second), i.Severity, who)
	case incident.Resolved:
	}
	return webkit.T(ctx, "incident.is.resolved", what, lasted(i, now).Round(time.Second), i.Severity)
}

// what is the name that the sentence begins with.
func what(service, title string) string {
	if service != "" {
		return service
	}
	return title
}

// field reads one string of a payload.
func field(payload json.RawMessage, key string) string {
	var p map[string]json.RawMessage
	var s string
	if json.Unmarshal(payload, &p) != nil || json.Unmarshal(p[key], &s) != nil {
		return ""
	}
	return s
}

// plainTitle is a title without the service's id in front, where the service
// is named beside it.
func plainTitle(i incident.Incident) string {
	if rest, ok := strings.CutPrefix(i.Title, i.Service+": "); ok && i.Service != "" && rest != "" {
		return rest
	}
	return i.Title
}
