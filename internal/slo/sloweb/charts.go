package sloweb

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/change"
)

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
	title, from, to := webkit.T(ctx, "slo.chart.down", span(ctx, o.Window)), now.Add(-o.Window), now.Add(o.Window/8)
	if o.Calendar != nil {
		p := periodOf(o, now)
		title, from, to = webkit.T(ctx, "slo.chart.down.calendar", window(ctx, o)), p.Start, p.End
	}
	c := webkit.Chart{
		Title: title, From: from, To: to,
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
	drawn := map[string]bool{}
	for _, p := range s.Objective.Pairs {
		c.Max = max(c.Max, p.Rate*1.5)
		text := strings.TrimSpace(webkit.T(ctx, "slo.severity."+string(p.Severity)) + " " + times(ctx, p.Rate))
		if drawn[text] {
			continue // two pairs of one rate are one line
		}
		drawn[text] = true
		c.Thresholds = append(c.Thresholds, webkit.Threshold{Value: p.Rate, Text: text, State: severityState(p.Severity)})
	}
	return c
}

// corrected are the stretches that do not count against an objective, as moments.
func (w *door) corrected(ctx context.Context, o slo.Objective, from, to time.Time) (out []webkit.Moment) {
	if w.Governed.Corrections == nil {
		return nil
	}
	for _, c := range w.Governed.Corrections.All(o) {
		in, _ := c.Intervals(from, to)
		for _, i := range in[max(0, len(in)-maxCorrected):] {
			out = append(out, webkit.Moment{At: i.Start, Until: earlier(i.End, to), State: webkit.Muted, Text: webkit.T(ctx, "slo.moment.correction", c.Reason)})
		}
	}
	return out
}

// maxCorrected is how many times of one correction a chart marks.
const maxCorrected = 60
