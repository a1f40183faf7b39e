package sloweb

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/change"
)

// detailView is the page of one objective.
type detailView struct {
	ID       string
	Head     webkit.Head
	Problem  string // why what is shown may be old
	Proof    string // why the target cannot be kept, or ""
	BurnDown webkit.Chart
	DownErr  string // instead of the chart
	Burns    webkit.Chart
	BurnsErr string
	Facts    []webkit.Pair
	Promise  []promiseView
	Pairs    []pairView
	Ledger   []spendView
	SpentErr string // instead of the ledger
	Windows  []windowView
	Expr     string
	Source   string
	Doc      string
}

// promiseView is one line of "what happens when this share is bad".
type promiseView struct {
	Bad    string
	Fires  bool
	State  webkit.State
	Word   string // "page" or "ticket"
	Limit  string // the pair that calls
	After  string
	Reset  string
	Spent  string
	Budget string // how long the whole budget lasts
}

// pairView is one pair and how near it is.
type pairView struct {
	Name        string
	State       webkit.State
	Word        string
	Severity    string
	Long, Short string
	Limit       string
	Spends      string // share of the budget that is gone when it fires
}

// windowView is what was counted over one window.
type windowView struct {
	Window, Bad, Total, Ratio, Burn string
	At                              time.Time // when it was counted
	Known                           bool
}

// shares are the shares of bad events for which the page says what happens.
func shares() []float64 { return []float64{1, 0.1, 0.05, 0.01} }

func detailHead(ctx context.Context, s slo.Standing, service string) webkit.Head {
	o := s.Objective
	h := webkit.Head{
		State: state(s.Status), Sentence: sentence(ctx, s), Evidence: "/log?subject=" + slo.Subject(o.ID),
		Title: webkit.T(ctx, "slo.title", service, o.Name, percent(ctx, o.Target), span(ctx, o.Window)),
	}
	if p, ok := s.Status.Worst(); ok {
		c := s.Status.Counts[p.Long]
		h.Detail = webkit.T(ctx, "slo.detail.burns", c.Bad(), c.Total, span(ctx, p.Long), limit(ctx, p.Pair))
		return h
	}
	if s.Status.Known {
		c := s.Status.Period
		h.Detail = webkit.T(ctx, "slo.detail.period", c.Bad(), c.Total, span(ctx, o.Window))
	}
	return h
}

func whole(v float64) int64 { return int64(math.Round(v)) }

// limit says a pair in the viewer's language: "14.4× over 1 h and 5 m".
func limit(ctx context.Context, p slo.Pair) string {
	if p.Short == 0 {
		return webkit.T(ctx, "slo.limit.one", times(ctx, p.Rate), span(ctx, p.Long))
	}
	return webkit.T(ctx, "slo.limit.two", times(ctx, p.Rate), span(ctx, p.Long), span(ctx, p.Short))
}

func severityState(s alert.Severity) webkit.State {
	if s == alert.Page {
		return webkit.Firing
	}
	return webkit.Warning
}

func viewPromise(ctx context.Context, o slo.Objective) (out []promiseView) {
	for _, bad := range shares() {
		v := promiseView{Bad: webkit.Percent(ctx, bad), Word: webkit.T(ctx, "slo.promise.never"), Budget: "—"}
		if lasts := o.Target.Budget() * float64(o.Window) / bad; lasts < float64(math.MaxInt64/2) {
			v.Budget = webkit.Duration(ctx, time.Duration(lasts).Round(time.Second))
			if time.Duration(lasts) > o.Window {
				v.Budget = webkit.T(ctx, "slo.promise.holds")
			}
		}
		if p, ok := slo.FirstCall(o, bad); ok {
			v.Fires, v.State, v.Word, v.Limit = true, severityState(p.Pair.Severity), webkit.T(ctx, "slo.severity."+string(p.Pair.Severity)), limit(ctx, p.Pair)
			v.After, v.Reset = webkit.Duration(ctx, p.After.Round(time.Second)), webkit.Duration(ctx, p.Reset.Round(time.Second))
			v.Spent = webkit.Percent(ctx, tenth(p.Spent))
		}
		out = append(out, v)
	}
	return out
}

func viewPairs(ctx context.Context, s slo.Standing) (out []pairView) {
	for _, p := range s.Status.Pairs {
		v := pairView{
			Name: p.Policy, Severity: webkit.T(ctx, "slo.severity."+string(p.Severity)), Limit: limit(ctx, p.Pair),
			State: webkit.OK, Word: webkit.T(ctx, "slo.pair.quiet"), Long: "—", Short: "—",
			Spends: webkit.Percent(ctx, tenth(slo.Promised(s.Objective, p.Pair, 1).Spent)),
		}
		if rate, ok := burnOver(s, p.Long); ok {
			v.Long = times(ctx, rate)
		}
		if rate, ok := burnOver(s, p.Short); ok && p.Short > 0 {
			v.Short = times(ctx, rate)
		}
		switch {
		case p.Burning:
			v.State, v.Word = severityState(p.Severity), webkit.T(ctx, "slo.pair.burns")
		case !p.Known:
			v.State, v.Word = webkit.Unknown, webkit.T(ctx, "slo.pair.unknown")
		}
		out = append(out, v)
	}
	return out
}

func viewWindows(ctx context.Context, s slo.Standing) (out []windowView) {
	for _, w := range s.Objective.Windows() {
		c := s.Status.Counts[w]
		v := windowView{Window: span(ctx, w), At: c.At, Known: c.Known, Bad: "—", Total: "—", Ratio: "—", Burn: "—"}
		if c.Known {
			v.Bad, v.Total = webkit.Number(ctx, c.Bad()), webkit.Number(ctx, c.Total)
		}
		if rate, ok := c.Burn(s.Objective.Target); ok {
			v.Burn, v.Ratio = times(ctx, rate), ratio(ctx, float64(c.Bad())/float64(c.Total))
		}
		out = append(out, v)
	}
	return out
}

// ratio writes a small share as a percentage with three digits.
func ratio(ctx context.Context, v float64) string {
	if v > 0 && v < 0.001 {
		return webkit.T(ctx, "slo.percent", trim(webkit.Decimal(ctx, v*100, 4)))
	}
	return webkit.Percent(ctx, tenth(v))
}

func viewFacts(ctx context.Context, s slo.Standing, service string) []webkit.Pair {
	o := s.Objective
	out := []webkit.Pair{
		{Key: webkit.T(ctx, "slo.fact.service"), Value: service, Href: "/services/" + o.Service},
		{Key: webkit.T(ctx, "slo.fact.target"), Value: webkit.T(ctx, "slo.fact.target.value", percent(ctx, o.Target), span(ctx, o.Window)), Definition: webkit.T(ctx, "slo.def.target")},
	}
	if s.Status.Known {
		b := budget(ctx, s)
		allowed := float64(s.Status.Period.Total) * o.Target.Budget()
		out = append(
			out,
			webkit.Pair{Key: webkit.T(ctx, "slo.fact.left"), Body: webkit.BudgetBar(b), Definition: webkit.T(ctx, "slo.def.left")},
			webkit.Pair{Key: webkit.T(ctx, "slo.fact.allowed"), Value: webkit.T(ctx, "slo.fact.allowed.value", whole(allowed), s.Status.Period.Total), Definition: webkit.T(ctx, "slo.def.allowed")},
		)
	}
	return append(out,
		webkit.Pair{Key: webkit.T(ctx, "slo.fact.counted"), Body: webkit.Ago(s.Status.At)},
		webkit.Pair{Key: webkit.T(ctx, "slo.fact.source"), Value: o.Source, Href: "/config"},
	)
}

func recordHref(r event.Record) string { return "/log/" + strconv.FormatInt(r.Seq, 10) }

// moments are what happened to the service while the chart's time ran: the
// objective's own burns and the incidents, as stretches, and changes.
func moments(ctx context.Context, records []event.Record, now time.Time) []webkit.Moment {
	open := map[string]int{}
	var out []webkit.Moment
	begin := func(r event.Record, m webkit.Moment) {
		m.At, m.Until, m.Href = r.At, now, recordHref(r)
		if i, again := open[r.Subject]; again && out[i].Until.Equal(now) {
			return
		}
		open[r.Subject] = len(out)
		out = append(out, m)
	}
	end := func(r event.Record) {
		if i, ok := open[r.Subject]; ok {
			out[i].Until = r.At
			delete(open, r.Subject)
		}
	}
	sorted := slices.SortedFunc(slices.Values(records), func(a, b event.Record) int { return a.At.Compare(b.At) })
	for _, r := range sorted {
		var p struct {
			Number int    `json:"number"`
			Title  string `json:"title"`
			Pair   string `json:"pair"`
			Change string `json:"summary"`
		}
		if json.Unmarshal(r.Payload, &p) != nil {
			continue
		}
		switch r.Name {
		case "slo.burning":
			begin(r, webkit.Moment{State: webkit.Warning, Text: webkit.T(ctx, "slo.moment.burn", p.Pair)})
		case "incident.declared":
			begin(r, webkit.Moment{State: webkit.Firing, Text: webkit.T(ctx, "slo.moment.incident", p.Number, p.Title)})
		case change.Name:
			out = append(out, webkit.Moment{At: r.At, State: webkit.Muted, Text: p.Change, Href: recordHref(r)})
		case "slo.recovered", "incident.resolved":
			end(r)
		default:
			out = append(out, webkit.Moment{At: r.At, State: webkit.Muted, Text: r.Name, Href: recordHref(r)})
		}
	}
	return out
}

func burnDownChart(ctx context.Context, s slo.Standing, lefts []slo.Left, at []webkit.Moment, now time.Time) webkit.Chart {
	o := s.Objective
	c := webkit.Chart{
		Title: webkit.T(ctx, "slo.chart.down", span(ctx, o.Window)), From: now.Add(-o.Window), To: now.Add(o.Window / 8),
		Max: 1, Height: 220, Format: func(ctx context.Context, v float64) string { return webkit.Percent(ctx, tenth(v)) }, Moments: at,
		Thresholds: []webkit.Threshold{{Value: 0, Text: webkit.T(ctx, "slo.chart.gone"), State: webkit.Firing}},
	}
	line := webkit.Series{Text: webkit.T(ctx, "slo.chart.left"), Area: true, Points: []webkit.Point{{At: c.From, Value: 1}}}
	if len(lefts) == 0 {
		line.Points = nil
	}
	for _, l := range lefts {
		v := math.NaN()
		if l.Known {
			v = l.Ratio
		}
		line.Points = append(line.Points, webkit.Point{At: l.At, Value: v})
	}
	if s.Status.Known {
		line.Points = append(line.Points, webkit.Point{At: now, Value: s.Status.Remaining})
	}
	for _, p := range line.Points {
		if !math.IsNaN(p.Value) {
			c.Min = min(c.Min, p.Value*1.05)
		}
	}
	line.Projected = projection(s, now, c.To)
	c.Series = []webkit.Series{line}
	return c
}

// projection is where the budget goes if it burns on as in the last hour (or as
// the worst pair says), until it is gone or the picture ends.
func projection(s slo.Standing, now, end time.Time) []webkit.Point {
	rate, ok := burnOver(s, time.Hour)
	if p, burning := s.Status.Worst(); burning {
		rate, ok = p.LongBurn, true
	}
	if !s.Status.Known || !ok || rate <= 1 || s.Status.Remaining <= 0 {
		return nil
	}
	at, left := end, s.Status.Remaining-rate*float64(end.Sub(now))/float64(s.Objective.Window)
	if gone := s.Status.GoneIn(s.Objective.Window, rate); gone > 0 && now.Add(gone).Before(end) {
		at, left = now.Add(gone), 0
	}
	return []webkit.Point{{At: at, Value: left}}
}

// burnLine is one window's burn over time.
type burnLine struct {
	Window time.Duration
	Counts []slo.Count
}

// chartWindows are the windows drawn: the long ones of the pairs, at most four.
func chartWindows(o slo.Objective) []time.Duration {
	var out []time.Duration
	for _, p := range o.Pairs {
		out = append(out, p.Long)
	}
	if len(out) == 0 {
		out = []time.Duration{time.Hour, 6 * time.Hour}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(4, len(out))]
}

func burnChart(ctx context.Context, s slo.Standing, lines []burnLine, from, to time.Time, at []webkit.Moment) webkit.Chart {
	c := webkit.Chart{Title: webkit.T(ctx, "slo.chart.burn"), From: from, To: to, Log: true, Min: 0.1, Max: 20, Height: 220, Format: times, Moments: at}
	for _, l := range lines {
		line := webkit.Series{Text: span(ctx, l.Window)}
		for _, n := range l.Counts {
			v, ok := n.Burn(s.Objective.Target)
			if !ok {
				v = math.NaN()
			}
			if ok {
				c.Max = max(c.Max, v*1.5)
			}
			line.Points = append(line.Points, webkit.Point{At: n.At, Value: v})
		}
		if rate, ok := burnOver(s, l.Window); ok && !s.Status.At.After(to) {
			line.Points = append(line.Points, webkit.Point{At: to, Value: rate}) // what the head says, the chart says too
			c.Max = max(c.Max, rate*1.5)
		}
		c.Series = append(c.Series, line)
	}
	for _, p := range s.Objective.Pairs {
		c.Max = max(c.Max, p.Rate*1.5)
		text := strings.TrimSpace(webkit.T(ctx, "slo.severity."+string(p.Severity)) + " " + times(ctx, p.Rate))
		c.Thresholds = append(c.Thresholds, webkit.Threshold{Value: p.Rate, Text: text, State: severityState(p.Severity)})
	}
	return c
}
