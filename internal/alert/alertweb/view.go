package alertweb

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// filter is what the address of the list asks for.
type filter struct {
	state    string // "" is what is not resolved; "open", "acked", "resolved", "all"
	severity alert.Severity
	service  string
	text     string
	after    string
	wider    wider
}

func readFilter(q url.Values) filter {
	f := filter{service: q.Get("service"), text: strings.TrimSpace(q.Get("q")), after: q.Get("after"), wider: readWider(q)}
	if s := q.Get("state"); slices.Contains([]string{"open", "acked", "resolved", "all"}, s) {
		f.state = s
	}
	if s := alert.Severity(q.Get("severity")); slices.Contains([]alert.Severity{alert.Page, alert.Ticket, alert.Info}, s) {
		f.severity = s
	}
	return f
}

// listQuery is one section of the list. It asks for one row more than is
// shown, so that the page knows whether there are more.
type listQuery struct {
	alert.Query

	kind  string // "page", "ticket", "info", or "one" for a plain list
	shown int
	paged bool
}

// queries are the sections that f shows: what is not resolved by severity, the
// most urgent first; anything narrower as one list with pages.
func (f filter) queries() []listQuery {
	base := alert.Query{Service: f.service, Text: f.text, Source: f.wider.source, Rule: f.wider.rule, Severity: f.severity, Before: f.after}
	switch f.state {
	case "open", "acked", "resolved":
		base.State = alert.State(f.state)
	case "":
		base.Unresolved = true
	}
	section := func(kind string, sev alert.Severity, shown int, paged bool) listQuery {
		q := listQuery{Query: base, kind: kind, shown: shown, paged: paged}
		q.Severity, q.Limit = sev, shown+1
		return q
	}
	if f.severity != "" || f.state == "resolved" || f.state == "all" || f.after != "" {
		return []listQuery{section("one", f.severity, 100, true)}
	}
	return []listQuery{section("page", alert.Page, 50, false), section("ticket", alert.Ticket, 30, false), section("info", alert.Info, 20, false)}
}

// section is a part of the list as the store has answered.
type section struct {
	kind  string
	rows  []alert.Alert
	shown int
	paged bool
}

type listInput struct {
	filter     filter
	counts     map[alert.Severity]int
	unanswered []alert.Alert // the newest page that nobody has
	sections   []section
	names      map[string]string
	said       map[string]alert.Verdict // nil where nothing is judged
	services   []catalog.Service
	back       string
	grouping   func(alert.Alert) (title, href string)
}

type listView struct {
	Head     webkit.Head
	Tabs     []webkit.Tab
	Filter   filterView
	Sections []sectionView
	None     bool          // nothing fits the filter
	Lesson   webkit.Lesson // where there has never been anything
	Next     string
	Saved    savedView
	Wrong    string
	Bulk     bool
	Back     string
	ActAs    webkit.ActAs
}

type filterView struct {
	State, Text string

	Labels, Source, Rule string
	Group                webkit.ActAs
	Mine, Untold, More   bool
	ActAs                webkit.ActAs

	Service  webkit.ActAs // value and choices of the select
	Severity webkit.ActAs
	Clear    string // "" where nothing is filtered
}

type sectionView struct {
	ID, Title, Explain string
	Groups             []groupView
	More               string // the address of the whole list
	MoreText           string
}

type groupView struct {
	Service string
	Href    string
	Open    int
	Rows    []rowView
}

type rowView struct {
	ID, Href, Summary, Rule string
	Service                 string
	State                   webkit.State
	Word, Who, Severity     string
	Standing                string // word and who, in one
	Since                   time.Time
	Took                    string // how long it was open, once it is over
	Count                   int
	AckTo, Back             string // "" where it cannot be acknowledged
	Judge                   judgeView
	Tick                    bool
}

// look is the state of an alert as pages show it.
func look(a alert.Alert) webkit.State {
	switch {
	case a.State() == alert.Resolved:
		return webkit.OK
	case a.Severity == alert.Info:
		return webkit.Muted
	case a.State() == alert.Held || a.Severity == alert.Ticket:
		return webkit.Warning
	}
	return webkit.Firing
}

func nameOf(names map[string]string, id string) string {
	if n := names[id]; n != "" {
		return n
	}
	return id
}

func viewRow(ctx context.Context, a alert.Alert, names map[string]string, back string) rowView {
	v := rowView{
		ID: a.ID, Href: "/alerts/" + url.PathEscape(a.ID), Summary: a.Summary, Rule: a.Rule, Service: a.Service, State: look(a),
		Word: webkit.T(ctx, "alerts.state."+string(a.State())), Who: nameOf(names, a.AckedBy), Severity: webkit.T(ctx, "alerts.severity."+string(a.Severity)),
		Since: a.OpenedAt, Count: a.Count, Back: back,
	}
	v.Standing = v.Word
	if v.Who != "" {
		v.Standing += " · " + v.Who
	}
	if v.Summary == "" {
		v.Summary = a.Rule
	}
	v.Tick = a.State() != alert.Resolved && auth.MayAct(ctx)
	if a.State() == alert.Open && auth.MayAct(ctx) {
		v.AckTo = v.Href + "/ack"
	}
	if a.State() == alert.Resolved {
		v.Took = webkit.Duration(ctx, a.ResolvedAt.Sub(a.OpenedAt))
	}
	return v
}

func viewList(ctx context.Context, in listInput) listView {
	v := listView{Head: viewHead(ctx, in), Filter: viewFilter(ctx, in), Back: in.back}
	for _, t := range []struct{ state, key string }{{"", "alerts.tab.current"}, {"open", "alerts.tab.open"}, {"acked", "alerts.tab.acked"}, {"resolved", "alerts.tab.resolved"}, {"all", "alerts.tab.all"}} {
		v.Tabs = append(v.Tabs, webkit.Tab{Text: webkit.T(ctx, t.key), Href: webkit.WithQuery(ctx, "state", t.state, "after", ""), Current: in.filter.state == t.state})
	}
	v.None = true
	for _, s := range in.sections {
		sv := viewSection(ctx, s, in)
		if len(sv.Groups) > 0 {
			v.Sections, v.None = append(v.Sections, sv), false
			v.Bulk = v.Bulk || slices.ContainsFunc(sv.Groups, func(g groupView) bool { return slices.ContainsFunc(g.Rows, func(r rowView) bool { return r.Tick }) })
		}
		if s.paged && len(s.rows) > s.shown {
			v.Next = s.rows[s.shown-1].ID
		}
	}
	if in.said != nil {
		v.Tabs = append(v.Tabs, webkit.Tab{Text: webkit.T(ctx, "judge.league"), Href: "/rules"}, webkit.Tab{Text: webkit.T(ctx, "judge.weekly"), Href: "/alerts/weekly"})
	}
	if v.None && in.filter == (filter{}) {
		v.Lesson = lesson(ctx)
	}
	return v
}

func viewSection(ctx context.Context, s section, in listInput) sectionView {
	v := sectionView{ID: "sec-" + s.kind, Title: webkit.T(ctx, "alerts.section."+s.kind), Explain: webkit.T(ctx, "alerts.section."+s.kind+".explain")}
	rows := s.rows
	if len(rows) > s.shown {
		rows = rows[:s.shown]
		if !s.paged {
			v.More = webkit.WithQuery(ctx, "severity", s.kind)
			v.MoreText = webkit.T(ctx, "alerts.more", in.counts[alert.Severity(s.kind)])
		}
	}
	v.Groups = inGroups(ctx, rows, in)
	return v
}

func viewHead(ctx context.Context, in listInput) webkit.Head {
	pages, tickets, infos := in.counts[alert.Page], in.counts[alert.Ticket], in.counts[alert.Info]
	detail := webkit.T(ctx, "alerts.head.detail", tickets, infos)
	switch {
	case len(in.unanswered) > 0:
		a := in.unanswered[0]
		return webkit.Head{State: webkit.Firing, Sentence: webkit.T(ctx, "alerts.head.unanswered", a.Service, a.Summary), Detail: webkit.T(ctx, "alerts.head.unanswered.detail", webkit.Relative(ctx, a.OpenedAt), pages) + " " + detail, Evidence: "/alerts/" + url.PathEscape(a.ID)}
	case pages > 0:
		return webkit.Head{State: webkit.Warning, Sentence: webkit.T(ctx, "alerts.head.held", pages), Detail: detail}
	case tickets > 0:
		return webkit.Head{State: webkit.Warning, Sentence: webkit.T(ctx, "alerts.head.tickets", tickets), Detail: webkit.T(ctx, "alerts.head.nopages")}
	}
	return webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "alerts.head.quiet"), Detail: webkit.T(ctx, "alerts.head.nopages")}
}

func viewFilter(ctx context.Context, in listInput) filterView {
	f := in.filter
	w := f.wider
	v := filterView{State: f.state, Text: f.text, Labels: w.labels, Source: w.source, Rule: w.rule, Mine: w.mine, Untold: w.untold, More: w.set() || w.group != ""}
	v.Group = webkit.ActAs{Value: w.group, Choices: []webkit.Choice{{Text: webkit.T(ctx, "alerts.group.service")}, {Value: "route", Text: webkit.T(ctx, "alerts.group.route")}, {Value: "rule", Text: webkit.T(ctx, "alerts.group.rule")}}}
	v.Service = webkit.ActAs{Value: f.service, Choices: []webkit.Choice{{Text: webkit.T(ctx, "alerts.filter.anyservice")}}}
	known := f.service == ""
	for _, s := range in.services {
		v.Service.Choices = append(v.Service.Choices, webkit.Choice{Value: s.ID, Text: s.ID})
		known = known || s.ID == f.service
	}
	if !known {
		v.Service.Choices = append(v.Service.Choices, webkit.Choice{Value: f.service, Text: f.service})
	}
	v.Severity = webkit.ActAs{Value: string(f.severity), Choices: []webkit.Choice{{Text: webkit.T(ctx, "alerts.filter.anyseverity")}}}
	for _, s := range []alert.Severity{alert.Page, alert.Ticket, alert.Info} {
		v.Severity.Choices = append(v.Severity.Choices, webkit.Choice{Value: string(s), Text: webkit.T(ctx, "alerts.severity."+string(s))})
	}
	if f.service != "" || f.severity != "" || f.text != "" || v.More {
		v.Clear = webkit.WithQuery(ctx, "service", "", "severity", "", "q", "", "after", "", "label", "", "source", "", "rule", "", "mine", "", "untold", "", "group", "")
	}
	return v
}

func lesson(ctx context.Context) webkit.Lesson {
	return webkit.Lesson{
		Title: webkit.T(ctx, "alerts.empty.title"), Text: webkit.T(ctx, "alerts.empty.text"), Command: `curl -sS http://127.0.0.1:8119/api/v1/signals -H 'Content-Type: application/json' -d '{
  "service": "checkout", "rule": "orders-stuck", "severity": "ticket",
  "summary": "12 orders wait longer than 10 minutes"
}'`,
	}
}
