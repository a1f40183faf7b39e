package oncallweb

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// parseBack reads 13w or 90d; nothing is a quarter.
func parseBack(s string) (time.Duration, bool) {
	if s == "" {
		return quarter, true
	}
	unit := 24 * time.Hour
	number, weeks := strings.CutSuffix(s, "w")
	if weeks {
		unit *= 7
	} else {
		number, _ = strings.CutSuffix(s, "d")
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > 364 || time.Duration(n)*unit > 364*24*time.Hour {
		return quarter, false
	}
	return time.Duration(n) * unit, true
}

type fairnessInput struct {
	plan  *oncall.Plan
	rota  string
	back  string
	fair  oncall.Fairness
	names names
	me    string
}

type fairnessView struct {
	Head   webkit.Head
	Lesson webkit.Lesson // where there is no rota
	Fields []webkit.Input
	Past   []fairLoad
	Next   []fairLoad
	Index  string // of the past, in words
	Ahead  string
	Moves  []moveView
	Short  bool
	ActAs  webkit.ActAs
}

type fairLoad struct {
	Person                                               string
	Mine                                                 bool
	Hours, Nights, Weekends, Holidays, Weighted, Percent string
	Pages                                                int
	Width                                                string // of the bar: "62%"
}

type moveView struct {
	Says, Gain string
	Hidden     []webkit.Choice // of the form: name and value
}

// viewFairness says what the page of a rota's load shows. It is pure.
func viewFairness(ctx context.Context, in fairnessInput) fairnessView {
	if len(in.plan.Rotas) == 0 {
		return fairnessView{Head: webkit.Head{State: webkit.Unknown, Sentence: webkit.T(ctx, "oncall.empty.sentence")}, Lesson: lesson(ctx)}
	}
	f := in.fair
	v := fairnessView{Past: fairLoads(ctx, in, f.Past), Next: fairLoads(ctx, in, f.Next), Index: jain(ctx, f.Index, len(f.Past)), Ahead: jain(ctx, f.Ahead, len(f.Next)), Short: f.Short, Fields: fairFields(ctx, in)}
	v.Head = webkit.Head{State: webkit.OK, Title: f.Name, Sentence: webkit.T(ctx, "oncall.fair.even", f.Name), Detail: webkit.T(ctx, "oncall.fair.index", webkit.Decimal(ctx, f.Whole, 2), jain(ctx, f.Whole, len(f.Both)))}
	if n := len(f.Both); f.Whole < fairEnough && n > 1 {
		most, least := f.Both[0], f.Both[n-1]
		v.Head.State = webkit.Warning
		v.Head.Sentence = webkit.T(ctx, "oncall.fair.uneven", in.names.of(most.Person), webkit.Number(ctx, int64(most.Weighted)), in.names.of(least.Person), webkit.Number(ctx, int64(least.Weighted)))
	}
	before := f.Whole
	for _, m := range f.Moves {
		v.Moves = append(v.Moves, viewMove(ctx, in, m, before))
		before = m.Index
	}
	return v
}

// fairEnough is the index below which the page warns.
const fairEnough = 0.9

// jain is what an index means.
func jain(ctx context.Context, index float64, people int) string {
	switch {
	case people < 2:
		return webkit.T(ctx, "oncall.fair.alone")
	case index >= 0.98:
		return webkit.T(ctx, "oncall.fair.alike")
	case index >= fairEnough:
		return webkit.T(ctx, "oncall.fair.nearly")
	}
	return webkit.T(ctx, "oncall.fair.few", webkit.Decimal(ctx, index*float64(people), 1), people)
}

func fairLoads(ctx context.Context, in fairnessInput, loads []rota.Load) (out []fairLoad) {
	most, sum := 1.0, 0.0
	for _, l := range loads {
		most, sum = max(most, l.Weighted), sum+l.Weighted
	}
	hours := func(h float64) string { return webkit.Number(ctx, int64(h+0.5)) }
	for _, l := range loads {
		out = append(out, fairLoad{
			Person: in.names.of(l.Person), Mine: l.Person == in.me, Hours: hours(l.Hours), Nights: hours(l.Night), Weekends: hours(l.Weekend), Holidays: hours(l.Holiday),
			Weighted: hours(l.Weighted), Percent: webkit.Percent(ctx, l.Weighted/max(sum, 1)), Pages: l.Pages, Width: strconv.Itoa(int(100*l.Weighted/most)) + "%",
		})
	}
	return out
}

func viewMove(ctx context.Context, in fairnessInput, m rota.Move, before float64) moveView {
	zone := zoneOf(ctx, in.plan, m.Turn.Rota)
	return moveView{
		Says: webkit.T(ctx, "oncall.fair.move", in.names.of(m.Turn.Person), inZone(m.Turn.Start, zone), inZone(m.Turn.End, zone), in.names.of(m.To)),
		Gain: webkit.T(ctx, "oncall.fair.gain", webkit.Decimal(ctx, before, 2), webkit.Decimal(ctx, m.Index, 2)),
		Hidden: []webkit.Choice{
			{Value: "kind", Text: string(rota.Override)},
			{Value: "how", Text: howOne},
			{Value: "rota", Text: m.Turn.Rota},
			{Value: "person", Text: m.To},
			{Value: "of", Text: m.Turn.Person},
			{Value: "start", Text: m.Turn.Start.In(zone).Format(clockLayout)},
			{Value: "end", Text: m.Turn.End.In(zone).Format(clockLayout)},
			{Value: "reason", Text: webkit.T(ctx, "oncall.fair.reason")},
		},
	}
}

func fairFields(ctx context.Context, in fairnessInput) []webkit.Input {
	var rotas, backs []webkit.Choice
	for _, r := range in.plan.Rotas {
		rotas = append(rotas, webkit.Choice{Value: r.ID, Text: r.Name})
	}
	for _, n := range []int{4, 13, 26, 52} {
		backs = append(backs, webkit.Choice{Value: strconv.Itoa(n) + "w", Text: webkit.T(ctx, "oncall.fair.weeks", n)})
	}
	return []webkit.Input{
		{Name: "rota", Label: webkit.T(ctx, "oncall.col.rota"), Type: "select", Value: in.rota, Choices: rotas},
		{Name: "back", Label: webkit.T(ctx, "oncall.fair.back"), Type: "select", Value: in.back, Choices: backs},
	}
}

func fairnessHref(id string) string { return "/oncall/fairness?rota=" + url.QueryEscape(id) }

func (d Deps) fairness(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	in := fairnessInput{plan: d.Pager.Plan(), rota: q.Get("rota"), back: q.Get("back"), names: d.names(ctx), me: d.me(r)}
	back, ok := parseBack(in.back)
	if !ok || in.back == "" {
		in.back = "13w"
	}
	if in.rota == "" && len(in.plan.Rotas) > 0 {
		in.rota = in.plan.Rotas[0].ID
	}
	if in.rota != "" && len(in.plan.Rotas) > 0 {
		// Whole hours, so that the page is the same for a while.
		now := webkit.Now(ctx).Truncate(time.Hour)
		var err error
		if in.fair, err = d.Pager.Fairness(ctx, in.rota, now.Add(-back), now, now.Add(back)); err != nil {
			return webkit.Page{}, err
		}
	}
	v := viewFairness(ctx, in)
	v.ActAs = d.actAs(r, "")
	title := webkit.T(ctx, "oncall.fair")
	return webkit.Page{Title: title, Active: "oncall", Live: []string{"oncall", "config"}, Crumbs: []webkit.Crumb{{Text: title}}, Body: fairnessPage(v)}, nil
}
