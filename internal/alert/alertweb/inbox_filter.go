package alertweb

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// wider is what the address of the list asks for beyond what the store can be
// asked.
type wider struct {
	source, rule string
	labels       string // matchers, one to a line
	mine         bool   // of services of the viewer's teams
	untold       bool   // somebody was to be told and could not be yet
	group        string // "" by service, "route" or "rule"
}

func readWider(q url.Values) wider {
	w := wider{source: q.Get("source"), rule: q.Get("rule"), labels: strings.TrimSpace(strings.Join(q["label"], "\n")), mine: q.Get("mine") == "true", untold: q.Get("untold") == "true"}
	if g := q.Get("group"); g == "route" || g == "rule" {
		w.group = g
	}
	return w
}

func (w wider) set() bool {
	return w.source != "" || w.rule != "" || w.labels != "" || w.mine || w.untold
}

// sieve decides which of the store's answers are shown; nil is all of them.
type sieve func(alert.Alert) bool

// sieveOf makes the sieve of a filter for a person. Invalid where its matchers
// cannot be read.
func (d Deps) sieveOf(ctx context.Context, w wider, who string) (sieve, error) {
	var parts []sieve
	if w.labels != "" {
		ms, err := am.ParseMatchers(w.labels)
		if err != nil {
			return nil, err
		}
		parts = append(parts, matching(ms))
	}
	if w.mine {
		mine, _ := d.ownedBy(ctx, who)
		parts = append(parts, func(a alert.Alert) bool { return mine(a.Service) })
	}
	if w.untold {
		owed := d.Routes.State.Owed()
		parts = append(parts, func(a alert.Alert) bool { return len(owed[named(setOf(a)).Fingerprint()]) > 0 })
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return func(a alert.Alert) bool {
		return !slices.ContainsFunc(parts, func(p sieve) bool { return !p(a) })
	}, nil
}

func matching(ms labels.Matchers) sieve {
	return func(a alert.Alert) bool { return setOf(a).Matches(ms) }
}

// sieved asks the store until q.Limit alerts pass, or 5,000 did not.
func (d Deps) sieved(ctx context.Context, q alert.Query, pass sieve) ([]alert.Alert, error) {
	if pass == nil {
		return d.Inbox.Alerts(ctx, q)
	}
	want := q.Limit
	q.Limit = batchOfPast
	var out []alert.Alert
	for range pastAtMost {
		rows, err := d.Inbox.Alerts(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, a := range rows {
			if pass(a) {
				if out = append(out, a); len(out) == want {
					return out, nil
				}
			}
		}
		if len(rows) < batchOfPast {
			break
		}
		q.Before = rows[len(rows)-1].ID
	}
	return out, nil
}

const counted = 100 // alerts of a saved filter that are counted

// count says how many alerts a saved filter finds, at most counted.
func (d Deps) count(ctx context.Context, query, who string) (int, error) {
	v, err := url.ParseQuery(query)
	if err != nil {
		return 0, nil //nolint:nilerr // kept by an older version: it finds nothing
	}
	f := readFilter(v)
	pass, err := d.sieveOf(ctx, f.wider, who)
	if err != nil {
		return 0, nil //nolint:nilerr // its page says what is wrong
	}
	q := alert.Query{Service: f.service, Text: f.text, Severity: f.severity, Source: f.wider.source, Rule: f.wider.rule, Unresolved: f.state == "", Limit: counted}
	if f.state != "all" {
		q.State = alert.State(f.state)
	}
	rows, err := d.sieved(ctx, q, pass)
	return len(rows), err
}

// grouping says by what rows stand together.
func (d Deps) grouping(ctx context.Context, w wider) func(alert.Alert) (title, href string) {
	switch w.group {
	case "rule":
		return func(a alert.Alert) (string, string) { return a.Rule, "/alerts?rule=" + url.QueryEscape(a.Rule) }
	case "route":
		in := map[model.Fingerprint]string{}
		for _, g := range d.Routes.State.Groups(d.Now(), dispatch.Filter{}) {
			text := strings.TrimPrefix(g.Receiver, "route/") + " " + short(g.Labels.String())
			for _, v := range g.Alerts {
				in[v.Fingerprint] = text
			}
		}
		return func(a alert.Alert) (string, string) {
			if text := in[named(setOf(a)).Fingerprint()]; text != "" {
				return text, "/routes?alert=" + url.QueryEscape(a.ID)
			}
			return webkit.T(ctx, "alerts.unrouted"), ""
		}
	}
	return func(a alert.Alert) (string, string) {
		if a.Service == "" {
			return webkit.T(ctx, "alerts.noservice"), ""
		}
		return a.Service, "/services/" + url.PathEscape(a.Service)
	}
}

// inGroups puts rows under the titles that say gives them, in the order in which
// those appear.
func inGroups(ctx context.Context, rows []alert.Alert, in listInput) (out []groupView) {
	at := map[string]int{}
	for _, a := range rows {
		title, href := in.grouping(a)
		i, ok := at[title]
		if !ok {
			i = len(out)
			at[title] = i
			out = append(out, groupView{Service: title, Href: href})
		}
		if a.State() != alert.Resolved {
			out[i].Open++
		}
		row := viewRow(ctx, a, in.names, in.back)
		if in.filter.wider.group != "" && a.Service != "" {
			row.Rule = a.Service + " · " + a.Rule
		}
		if said, ok := in.said[a.ID]; ok && row.AckTo == "" && a.Severity != alert.Info {
			row.Judge = judgeView{ID: a.ID, To: row.Href + "/judge", Back: in.back, Said: said, Word: verdictWord(ctx, said), May: mayAct(ctx)}
		}
		out[i].Rows = append(out[i].Rows, row)
	}
	return out
}

// savedView is a row of saved filters.
type savedView struct {
	Tabs   []webkit.Tab
	Change []savedRow
	Save   string // the query that would be saved; "" for none
	Teams  []webkit.Choice
	ActAs  webkit.ActAs
	Open   bool
}

type savedRow struct{ ID, Name, Shared string }

// saved are the filters that the viewer has, with what each finds.
func (d Deps) saved(r *http.Request) (v savedView, err error) {
	ctx, who := r.Context(), d.by(r)
	teams := d.teamsOf(ctx, who)
	all, err := d.Routes.Filters.Filters(ctx, who, teams)
	if err != nil {
		return v, err
	}
	now := queryOf(r.URL.Query())
	const tabs = 12
	for _, s := range all[:min(tabs, len(all))] {
		n, err := d.count(ctx, s.Query, who)
		if err != nil {
			return v, err
		}
		text := webkit.Number(ctx, int64(n))
		if n == counted {
			text = "99+"
		}
		v.Tabs = append(v.Tabs, webkit.Tab{Text: s.Name, Href: "/alerts?" + s.Query, Count: text, Current: s.Query == now && now != ""})
	}
	if !mayAct(ctx) {
		return v, nil
	}
	for _, s := range all {
		if s.MayChange(who, teams) {
			row := savedRow{ID: s.ID, Name: s.Name}
			if s.Team != "" {
				row.Shared = webkit.T(ctx, "alerts.saved.with", s.Team)
			}
			v.Change = append(v.Change, row)
		}
	}
	if now != "" && !slices.ContainsFunc(all, func(s alert.SavedFilter) bool { return s.Query == now }) {
		v.Save, v.ActAs = now, d.actAs(r)
		v.Teams = []webkit.Choice{{Text: webkit.T(ctx, "alerts.saved.mine")}}
		for _, t := range teams {
			v.Teams = append(v.Teams, webkit.Choice{Value: t, Text: webkit.T(ctx, "alerts.saved.with", t)})
		}
	}
	return v, nil
}

// queryOf is the part of the address that a saved filter keeps.
func queryOf(q url.Values) string {
	keep := url.Values{}
	for _, n := range []string{"state", "severity", "service", "q", "source", "rule", "label", "mine", "untold", "group"} {
		for _, v := range q[n] {
			if v != "" {
				keep.Add(n, v)
			}
		}
	}
	return keep.Encode()
}
