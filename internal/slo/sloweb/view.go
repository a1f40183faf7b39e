package sloweb

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
)

// listView is the page of all objectives.
type listView struct {
	Head   webkit.Head
	Tabs   []webkit.Tab
	Filter filter
	Next   string
	Rows   []rowView
	Any    bool // whether there is any objective at all
}

// rowView is one objective in a table.
type rowView struct {
	ID, Name, Href string
	Group          string // of an instance: region="eu"
	Family         string // of the first instance of a grouped objective: the objective's name
	FamilyHref     string
	Service        string // of a group's first row: its name
	ServiceHref    string
	Target, Window string
	State          webkit.State
	Word           string
	Budget         webkit.Budget
	Burns          []burnView
	Spark          *webkit.SparkLine // nil: not counted yet, ask SparkURL
	SparkURL       string

	standing slo.Standing // what it shows
}

// burnView is a burn rate over one window.
type burnView struct {
	Text string
	Hot  bool // at or above a limit of that window
}

func viewList(ctx context.Context, all []slo.Standing, f filter) listView {
	page, next := pick(all, f)
	v := listView{Head: listHead(ctx, all), Filter: f, Next: next, Any: len(all) > 0}
	t := count(all)
	tab := func(key, st string, n int) webkit.Tab {
		out := webkit.Tab{Text: webkit.T(ctx, "slo.tab."+key), Href: webkit.WithQuery(ctx, "state", st, "after", ""), Current: f.State == st}
		if n >= 0 {
			out.Count = webkit.Number(ctx, int64(n))
		}
		return out
	}
	v.Tabs = []webkit.Tab{tab("all", "", t.All), tab("danger", "danger", t.Danger), tab("nodata", "nodata", t.NoData)}
	last, parent := "", ""
	for _, s := range page {
		r := viewRow(ctx, s)
		r.standing = s
		if grouped(f.Sort) && s.Objective.Service == last {
			r.Service = ""
		}
		if o := s.Objective; grouped(f.Sort) && o.Parent != "" {
			if o.Parent != parent {
				r.Family, r.FamilyHref = ownName(o), "/slos/"+o.Parent
			}
			r.Name = o.Group
		}
		last, parent = s.Objective.Service, s.Objective.Parent
		v.Rows = append(v.Rows, r)
	}
	return v
}

func listHead(ctx context.Context, all []slo.Standing) webkit.Head {
	t := count(all)
	h := webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "slo.head.ok", t.All), Detail: webkit.T(ctx, "slo.head.ok.detail")}
	switch w, bad := worst(all); {
	case t.All == 0:
		return webkit.Head{Sentence: webkit.T(ctx, "slo.head.none")}
	case bad:
		h.State, h.Sentence = state(w.Status), webkit.T(ctx, "slo.head.danger", t.Danger, t.All)
		h.Detail = webkit.T(ctx, "slo.head.first", w.Objective.Name, sentence(ctx, w))
		h.Evidence = "/slos/" + w.Objective.ID
	case t.NoData > 0:
		h.State, h.Sentence, h.Detail = webkit.Unknown, webkit.T(ctx, "slo.head.nodata", t.NoData, t.All), webkit.T(ctx, "slo.head.nodata.detail")
	}
	if problem := firstProblem(all); problem != "" {
		h.State, h.Detail = webkit.Unknown, webkit.T(ctx, "slo.problem", problem)
	}
	return h
}

func firstProblem(all []slo.Standing) string {
	for _, s := range all {
		if s.Status.Problem != "" {
			return s.Status.Problem
		}
	}
	return ""
}

func viewRow(ctx context.Context, s slo.Standing) rowView {
	o := s.Objective
	r := rowView{
		ID: o.ID, Name: o.Name, Href: "/slos/" + o.ID, Service: o.Service, ServiceHref: "/services/" + o.Service,
		Group: o.Group, Target: percent(ctx, o.Target), Window: window(ctx, o), State: state(s.Status), Word: word(ctx, s.Status),
		Budget: leftBar(ctx, s), SparkURL: "/slos/" + o.ID + "/spark",
	}
	for _, w := range []time.Duration{time.Hour, 6 * time.Hour, 72 * time.Hour} {
		r.Burns = append(r.Burns, viewBurn(ctx, s, w))
	}
	return r
}

// ownName is the name of a grouped objective, without the group of an instance.
func ownName(o slo.Objective) string { return strings.TrimSuffix(o.Name, " "+o.Group) }

func viewBurn(ctx context.Context, s slo.Standing, w time.Duration) burnView {
	rate, ok := burnOver(s, w)
	if !ok {
		return burnView{Text: "—"}
	}
	v := burnView{Text: times(ctx, rate)}
	for _, p := range s.Status.Pairs {
		v.Hot = v.Hot || (p.Burning && (p.Long == w || p.Short == w))
	}
	return v
}

// leftBar is what is left, as a ratio and in events and minutes.
func leftBar(ctx context.Context, s slo.Standing) webkit.Budget {
	if !s.Status.Known {
		return webkit.Budget{Left: math.NaN(), State: webkit.Unknown}
	}
	b := webkit.Budget{Left: s.Status.Remaining, State: state(s.Status)}
	if b.State == webkit.OK {
		b.State = "" // below a quarter a budget warns by itself
	}
	events, length := leftOf(s)
	key := "slo.left"
	if events < 0 {
		key, events, length = "slo.over", -events, -length
	}
	b.Detail = webkit.T(ctx, key+noun(s.Objective), events, webkit.Duration(ctx, length))
	return b
}

// leftOf is what is left in events, and in time of total failure.
func leftOf(s slo.Standing) (events int64, length time.Duration) {
	o, st := s.Objective, s.Status
	allowed := float64(st.Period.Total) / float64(unitOf(st.Period.Unit)) * o.Target.Budget()
	events = int64(math.Floor(st.Remaining * allowed))
	length = time.Duration(st.Remaining * o.Target.Budget() * float64(o.Window)).Round(time.Second)
	return events, length
}

// sentence is the one glance.
func sentence(ctx context.Context, s slo.Standing) string {
	left := s.Status.Remaining
	if p, ok := s.Status.Worst(); ok {
		rate := times(ctx, p.LongBurn)
		switch gone := s.Status.GoneIn(s.Objective.Window, p.LongBurn); {
		case !s.Status.Known:
			return webkit.T(ctx, "slo.says.burns", rate)
		case gone > 0:
			return webkit.T(ctx, "slo.says.gone", rate, webkit.Duration(ctx, gone.Round(time.Minute)))
		}
		return webkit.T(ctx, "slo.says.overspent", rate, webkit.Percent(ctx, tenth(-left)))
	}
	switch {
	case !s.Status.Known && s.Status.Health == slo.Healthy:
		return webkit.T(ctx, "slo.says.idle")
	case !s.Status.Known:
		return webkit.T(ctx, "slo.says.nodata")
	case left <= 0:
		return webkit.T(ctx, "slo.says.spent", webkit.Percent(ctx, tenth(-left)))
	}
	return webkit.T(ctx, "slo.says.left", webkit.Percent(ctx, tenth(left)))
}

func word(ctx context.Context, s slo.Status) string {
	if s.Problem != "" && s.Health == slo.Healthy {
		return webkit.T(ctx, "slo.health.unknown")
	}
	return webkit.T(ctx, "slo.health."+string(s.Health))
}

// tenth rounds a ratio to a tenth of a percent.
func tenth(v float64) float64 { return math.Round(v*1000) / 1000 }

// times writes a burn rate: "14.2×", 「14.2倍」.
func times(ctx context.Context, rate float64) string {
	return webkit.T(ctx, "slo.times", figure(ctx, rate))
}

// figure writes a number with about three digits.
func figure(ctx context.Context, v float64) string {
	switch a := math.Abs(v); {
	case a == 0 || a >= 100:
		return webkit.Decimal(ctx, v, 0)
	case a >= 0.1:
		return trim(webkit.Decimal(ctx, v, 1))
	case a >= 0.005:
		return webkit.Decimal(ctx, v, 2)
	}
	return "< 0.01"
}

func trim(s string) string {
	if len(s) > 2 && s[len(s)-2:] == ".0" {
		return s[:len(s)-2]
	}
	return s
}

func percent(ctx context.Context, t slo.Target) string {
	return webkit.T(ctx, "slo.percent", t.Percent())
}

// span writes a window: whole days as days.
func span(ctx context.Context, d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day && d%day == 0 {
		return webkit.T(ctx, "slo.days", int(d/day))
	}
	return webkit.Duration(ctx, d)
}

// viewSpark is the budget's line over the window.
func viewSpark(ctx context.Context, s slo.Standing, lefts []slo.Left) webkit.SparkLine {
	out := webkit.SparkLine{Label: webkit.T(ctx, "slo.spark", window(ctx, s.Objective)), Max: 1, State: state(s.Status)}
	for _, l := range lefts {
		v := math.NaN()
		if l.Known {
			v = l.Ratio
			out.Min = min(out.Min, v)
		}
		out.Values = append(out.Values, v)
	}
	return out
}

// State is how an objective looks: for pages of other rooms.
func State(s slo.Status) webkit.State { return state(s) }

// Sentence is the one glance at an objective, in the viewer's language: for
// pages of other rooms. It takes this package's text.
func Sentence(ctx context.Context, s slo.Standing) string { return sentence(ctx, s) }

// Worst is the objective in danger that needs somebody first; ok is false where
// none does.
func Worst(all []slo.Standing) (s slo.Standing, ok bool) { return worst(all) }
