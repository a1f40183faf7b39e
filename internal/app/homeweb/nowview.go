package homeweb

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
)

// nowView is the first page.
type nowView struct {
	Head   webkit.Head
	Rows   []itemView
	More   int // that are not shown
	OnCall []webkit.Pair
	Strip  webkit.Strip
}

// mostItems is how many lines are shown: who has more is not helped by all.
const mostItems = 100

// itemView is one line of what needs somebody.
type itemView struct {
	ID, Text, Href string
	State          webkit.State
	Word           string
	Service        string
	Since          time.Time
	Who            string
}

func (d Deps) nowPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	f, err := d.gather(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	people, err := d.onCall(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	from := f.now.Add(-24 * time.Hour)
	records, err := d.Events.Events(ctx, event.Query{From: from, Names: stripNames(), Newest: true, Limit: 1000})
	if err != nil {
		return webkit.Page{}, err
	}
	list := items(f)
	v := nowView{Head: nowHead(ctx, list), OnCall: viewOnCall(ctx, people), Strip: dayStrip(ctx, records, from, f.now)}
	for i, it := range list[:min(len(list), mostItems)] {
		v.Rows = append(v.Rows, d.viewItem(ctx, i, it))
	}
	v.More = len(list) - len(v.Rows)
	return webkit.Page{
		Title: webkit.T(ctx, "home.nav.now"), Active: "now", Body: nowBody(v),
		Live: []string{"alert", "oncall", "incident", "slo", "config"},
	}, nil
}

func nowHead(ctx context.Context, list []Item) webkit.Head {
	loud := slices.DeleteFunc(slices.Clone(list), func(i Item) bool { return i.State == webkit.Muted })
	if len(loud) == 0 {
		h := webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "home.now.calm")}
		if len(list) > 0 {
			h.Detail = webkit.T(ctx, "home.now.held", len(list))
		}
		return h
	}
	first := loud[0]
	h := webkit.Head{State: first.State, Sentence: itemText(ctx, first), Evidence: first.Href}
	if more := len(loud) - 1; more > 0 {
		h.Detail = webkit.T(ctx, "home.now.more", more)
	}
	return h
}

// itemText is the item in the viewer's language. What was written for everybody
// (a summary, a title) stays as it was written.
func itemText(ctx context.Context, i Item) string {
	switch i.Kind {
	case OnIncident:
		return webkit.T(ctx, "home.item.incident", i.number, i.Title)
	case OnSLO:
		if i.State == webkit.Unknown {
			return webkit.T(ctx, "home.item.sloproblem", i.standing.Objective.Name, i.standing.Status.Problem)
		}
		return i.standing.Objective.Name + ": " + sloweb.Sentence(ctx, i.standing)
	case OnGap:
		if i.State == webkit.Firing {
			return webkit.T(ctx, "home.item.gapnow", i.Title, i.Until)
		}
		return webkit.T(ctx, "home.item.gap", i.Title, webkit.Day(ctx, i.Since)+" "+webkit.Clock(ctx, i.Since), webkit.Day(ctx, i.Until)+" "+webkit.Clock(ctx, i.Until))
	case OnConfig:
		return webkit.T(ctx, "home.item.config", i.number, i.Title)
	case OnPage, OnAlert:
		if i.standing.Objective.ID != "" { // how it is now says more than how it was when it fired
			return i.standing.Objective.Name + ": " + sloweb.Sentence(ctx, i.standing)
		}
	case OnHealth:
	}
	return i.Title
}

func (d Deps) viewItem(ctx context.Context, n int, i Item) itemView {
	v := itemView{
		ID: "now-" + strings.NewReplacer("/", "-", "?", "-").Replace(i.Href) + "-" + strconv.Itoa(n), Text: itemText(ctx, i), Href: i.Href, State: i.State,
		Word: webkit.T(ctx, "home.kind."+string(i.Kind)), Service: i.Service, Since: i.Since, Who: d.name(ctx, i.Who),
	}
	switch {
	case i.Kind == OnPage && i.status == oncall.Calling:
		v.Word = webkit.T(ctx, "home.page.calling")
	case i.Kind == OnPage && i.status == oncall.Unheard:
		v.Word = webkit.T(ctx, "home.page.unheard")
	case i.Kind == OnPage && i.status == oncall.NoPolicy:
		v.Word = webkit.T(ctx, "home.page.nopolicy")
	case i.Kind == OnGap:
		v.Since = time.Time{} // its text says when
	}
	return v
}

func viewOnCall(ctx context.Context, list []OnCall) (out []webkit.Pair) {
	for _, o := range list {
		p := webkit.Pair{Key: o.Rota, Href: "/oncall"}
		switch {
		case o.Person == "":
			p.Body = webkit.Status(webkit.Firing, webkit.T(ctx, "home.oncall.nobody"))
		case o.Until.IsZero():
			p.Value = o.Name
		default:
			p.Value = webkit.T(ctx, "home.oncall.until", o.Name, soon(ctx, o.Until))
		}
		out = append(out, p)
	}
	return out
}

// stripNames are the events of the first page's strip.
func stripNames() []string {
	return []string{
		"slo.burning", "slo.recovered", "oncall.page_opened", "oncall.acked", "oncall.exhausted", "incident.declared", "incident.resolved",
		"config.applied", "config.refused", "release.shipped", "demo.fault_injected",
	}
}

// dayStrip draws what happened as marks on one time axis: what began and ended
// as stretches, the rest as moments.
func dayStrip(ctx context.Context, records []event.Record, from, to time.Time) webkit.Strip {
	lanes := map[string][]webkit.Moment{}
	open := map[string]int{} // subject -> index in its lane, while it goes on
	add := func(lane string, r event.Record, st webkit.State, goesOn bool) {
		m := webkit.Moment{At: r.At, State: st, Text: recordText(r), Href: "/log/" + strconv.FormatInt(r.Seq, 10)}
		if goesOn {
			if _, already := open[r.Subject]; already {
				return // worse than before, and shown since then
			}
			m.Until = to
			open[r.Subject] = len(lanes[lane])
		}
		lanes[lane] = append(lanes[lane], m)
	}
	end := func(lane string, r event.Record) {
		if i, ok := open[r.Subject]; ok {
			lanes[lane][i].Until, lanes[lane][i].State = r.At, webkit.Muted
			delete(open, r.Subject)
			return
		}
		add(lane, r, webkit.OK, false)
	}
	for _, r := range slices.SortedStableFunc(slices.Values(records), func(a, b event.Record) int { return a.At.Compare(b.At) }) {
		switch r.Name {
		case "slo.burning":
			add("burns", r, webkit.Firing, true)
		case "slo.recovered":
			end("burns", r)
		case "incident.declared":
			add("incidents", r, webkit.Firing, true)
		case "incident.resolved":
			end("incidents", r)
		case "oncall.page_opened", "oncall.exhausted":
			add("pages", r, webkit.Firing, false)
		case "oncall.acked":
			add("pages", r, webkit.OK, false)
		default:
			add("changes", r, webkit.Muted, false)
		}
	}
	s := webkit.Strip{Label: webkit.T(ctx, "home.strip"), From: from, To: to}
	for _, lane := range []struct{ key, href string }{{"burns", "/slos"}, {"changes", "/log?q=config"}, {"pages", "/oncall"}, {"incidents", "/incidents"}} {
		s.Lanes = append(s.Lanes, webkit.Lane{Text: webkit.T(ctx, "home.lane."+lane.key), Href: lane.href, Moments: lanes[lane.key]})
	}
	return s
}

// payload is what payloads of many kinds have in common.
type payload struct {
	Name, Summary, Title, Sentence, By, Reason, Text, Fault, Service, Person, Channel string

	People                   []string
	Number, Documents, Total float64 // another room may mean a share by the same word
}

// recordText is a record in a few words, from what its payload says.
func recordText(r event.Record) string {
	var p payload
	if json.Unmarshal(r.Payload, &p) != nil {
		return ""
	}
	for _, t := range []struct {
		known bool
		text  string
	}{
		{p.Sentence != "", strings.TrimSpace(p.Name + " " + p.Sentence)},
		{p.Title != "" && p.Number > 0, "#" + whole(p.Number) + " " + p.Title},
		{p.Title != "", p.Title},
		{p.Summary != "", p.Summary},
		{p.Text != "", p.Text},
		{len(p.People) > 0, strings.Join(p.People, ", ")},
		{p.Documents > 0, whole(p.Documents) + " documents, " + whole(p.Total) + " changes"},
		{p.Person != "" && p.Channel != "", p.Person + " · " + p.Channel},
		{p.By != "", p.By},
		{p.Fault != "", p.Service + ": " + p.Fault},
		{p.Name != "", p.Name},
	} {
		if t.known {
			return t.text
		}
	}
	return p.Reason
}

func whole(f float64) string { return strconv.FormatFloat(f, 'f', 0, 64) }
