package sloweb

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
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
	WhatIf   whatIfView
	Watched  []conditionView // budget alerts and absence
	Parts    []partView      // of a composite
	How      []webkit.Pair   // how it is counted
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
	Held        string // why it calls nobody although it is at its rate
	Spends      string // share of the budget that is gone when it fires
}

// windowView is what was counted over one window.
type windowView struct {
	Window, Bad, Total, Ratio, Burn string
	At                              time.Time // when it was counted
	Known                           bool
}

// shares are the shares of bad events for which the page says what happens.
func shares() []float64 { return []float64{1, 0.1, 0.05, 0.02, 0.01} }

func detailHead(ctx context.Context, s slo.Standing, service string, now time.Time) webkit.Head {
	o := s.Objective
	h := webkit.Head{
		State: state(s.Status), Sentence: sentence(ctx, s), Evidence: "/log?subject=" + slo.Subject(o.ID),
		Title:   webkit.T(ctx, "slo.title", service, o.Name, percent(ctx, o.Target), window(ctx, o)),
		Actions: subnav("slos"),
	}
	if p, ok := s.Status.Worst(); ok {
		c := s.Status.Counts[p.Long]
		h.Detail = webkit.T(ctx, "slo.detail.burns"+noun(o), amount(ctx, c.Bad(), c.Unit), amount(ctx, c.Total, c.Unit), span(ctx, p.Long), limit(ctx, p.Pair))
		return h
	}
	if s.Status.Known {
		c, key := s.Status.Period, "slo.detail.period"
		if o.Calendar != nil {
			key = "slo.detail.calendar"
		}
		h.Detail = webkit.T(ctx, key+noun(o), amount(ctx, c.Bad(), c.Unit), amount(ctx, c.Total, c.Unit), window(ctx, o))
	}
	if p, ok := pace(ctx, s, now); ok {
		h.Detail += " " + webkit.T(ctx, "slo.detail.pace", p.Spent, p.Elapsed, p.Burn)
	}
	return h
}

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
		case p.Held != "":
			v.State, v.Word, v.Held = webkit.Muted, webkit.T(ctx, "slo.pair.held"), held(ctx, s, p)
		case p.Pending:
			v.State, v.Word, v.Held = webkit.Warning, webkit.T(ctx, "slo.pair.pending"), webkit.T(ctx, "slo.pair.pending.text", webkit.Duration(ctx, p.For))
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
		v := windowView{Window: windowText(ctx, s.Objective, w), At: c.At, Known: c.Known, Bad: "—", Total: "—", Ratio: "—", Burn: "—"}
		if c.Known {
			v.Bad, v.Total = amount(ctx, c.Bad(), c.Unit), amount(ctx, c.Total, c.Unit)
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

func viewFacts(ctx context.Context, s slo.Standing, service string, now time.Time) []webkit.Pair {
	o := s.Objective
	out := []webkit.Pair{
		{Key: webkit.T(ctx, "slo.fact.service"), Value: service, Href: "/services/" + o.Service},
		{Key: webkit.T(ctx, "slo.fact.target"), Value: targetText(ctx, o), Definition: webkit.T(ctx, "slo.def.target")},
	}
	if s.Status.Known {
		b := leftBar(ctx, s)
		c := s.Status.Period
		allowed := float64(c.Total) / float64(unitOf(c.Unit)) * o.Target.Budget()
		out = append(
			out,
			webkit.Pair{Key: webkit.T(ctx, "slo.fact.left"), Body: webkit.BudgetBar(b), Definition: webkit.T(ctx, "slo.def.left")},
			webkit.Pair{Key: webkit.T(ctx, "slo.fact.allowed"), Value: webkit.T(ctx, "slo.fact.allowed.value"+noun(o), figure(ctx, allowed), amount(ctx, c.Total, c.Unit)), Definition: webkit.T(ctx, "slo.def.allowed")},
		)
	}
	if p, ok := pace(ctx, s, now); ok {
		out = append(
			out,
			webkit.Pair{Key: webkit.T(ctx, "slo.fact.elapsed"), Value: p.Elapsed, Definition: webkit.T(ctx, "slo.def.elapsed")},
			webkit.Pair{Key: webkit.T(ctx, "slo.fact.projected"), Value: webkit.T(ctx, "slo.fact.projected.value", p.Burn), Definition: webkit.T(ctx, "slo.def.projected")},
			webkit.Pair{Key: webkit.T(ctx, "slo.fact.ends"), Body: webkit.Time(p.End)},
		)
	}
	if o.Group != "" {
		out = append(out, webkit.Pair{Key: webkit.T(ctx, "slo.fact.group"), Value: o.Group, Href: "/slos/" + o.Parent, Definition: webkit.T(ctx, "slo.def.group")})
	}
	if o.BurnRates != "" {
		out = append(out, webkit.Pair{Key: webkit.T(ctx, "slo.rates.nav"), Value: o.BurnRates, Href: "/burn-rates", Definition: o.Override})
	}
	return append(out,
		webkit.Pair{Key: webkit.T(ctx, "slo.fact.counted"), Body: webkit.Ago(s.Status.At)},
		webkit.Pair{Key: webkit.T(ctx, "slo.fact.source"), Value: o.Source, Href: "/config"},
	)
}

// targetText writes the target with its window.
func targetText(ctx context.Context, o slo.Objective) string {
	if o.Calendar != nil {
		return webkit.T(ctx, "slo.fact.target.calendar", percent(ctx, o.Target), window(ctx, o), o.Calendar.Zone)
	}
	return webkit.T(ctx, "slo.fact.target.value", percent(ctx, o.Target), span(ctx, o.Window))
}

// windowText names a window in a list: the objective's own as people know it.
func windowText(ctx context.Context, o slo.Objective, d time.Duration) string {
	if d == o.Window {
		return window(ctx, o)
	}
	return span(ctx, d)
}

func recordHref(r event.Record) string { return "/log/" + strconv.FormatInt(r.Seq, 10) }
