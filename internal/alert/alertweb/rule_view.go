package alertweb

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const (
	instancesShown = 200
	seriesShown    = 100
)

type ruleView struct {
	Head      webkit.Head
	Questions []webkit.Pair
	What      string // the kind of what is watched, in words
	Expr      string
	Live      liveView
	Bar       []barView
	Sentence  string // of the latency
	Over      bool
	Terms     []termView
	Lacks     []lackView
	Instances []instanceView
	More      int // instances that are not shown
	Tested    testedView
}

type liveView struct {
	Evaluated bool
	Error     string
	Last      time.Time
	Series    []seriesView
	More      int
}

type seriesView struct {
	State  webkit.State
	Word   string
	Labels string
	Value  string
	Since  time.Time
}

type barView struct {
	Name  string
	Class string
	X, W  string // thousandths of the worst case
}

type termView struct {
	Class, Name, Why  string
	Best, Mean, Worst string
}

type lackView struct {
	State              webkit.State
	Word, Message, Fix string
}

type instanceView struct{ ID, Expr, Service, Link string }

func severityState(s string) webkit.State {
	switch alert.Severity(s) {
	case alert.Page:
		return webkit.Firing
	case alert.Ticket:
		return webkit.Warning
	case alert.Info:
	}
	return webkit.Muted
}

// viewRule makes the page of one rule.
func viewRule(ctx context.Context, a RuleAnswer, l rule.Latency) ruleView {
	v := ruleView{Expr: a.Expr, What: webkit.T(ctx, "rules.what."+a.Watches), Live: viewLive(ctx, a.Live)}
	firing, pending := 0, 0
	for _, s := range a.Live.Series {
		if s.Firing {
			firing++
		} else {
			pending++
		}
	}
	v.Head = webkit.Head{State: webkit.OK, Title: a.Title, Sentence: webkit.T(ctx, "rules.head.quiet", a.Name), Detail: webkit.T(ctx, "rules.head.detail", webkit.T(ctx, "rules.urgency."+a.Urgency), strconv.Itoa(len(a.Instances)), a.Source)}
	switch {
	case a.Live.Error != "":
		v.Head.State, v.Head.Sentence = webkit.Unknown, webkit.T(ctx, "rules.head.error", a.Name)
	case firing > 0:
		v.Head.State, v.Head.Sentence = severityState(a.Urgency), webkit.T(ctx, "rules.head.firing", a.Name, strconv.Itoa(firing))
	case pending > 0:
		v.Head.State, v.Head.Sentence = webkit.Warning, webkit.T(ctx, "rules.head.pending", a.Name, strconv.Itoa(pending))
	case !a.Live.Evaluated:
		v.Head.State, v.Head.Sentence = webkit.Muted, webkit.T(ctx, "rules.head.described", a.Name)
	}
	v.Questions = questions(ctx, a)
	v.latency(ctx, a, l)
	for _, x := range a.Lacks {
		one := lackView{webkit.Warning, webkit.T(ctx, "rules.lack.warning"), x.Message, x.Fix}
		if x.Level == rule.Error {
			one.State, one.Word = webkit.Firing, webkit.T(ctx, "rules.lack.error")
		}
		v.Lacks = append(v.Lacks, one)
	}
	for i, x := range a.Instances {
		if i == instancesShown {
			v.More = len(a.Instances) - i
			break
		}
		v.Instances = append(v.Instances, instanceView{x.ID, x.Expr, x.Service, "/services/" + url.PathEscape(x.Service)})
	}
	return v
}

// questions are the five Ws and the H.
func questions(ctx context.Context, a RuleAnswer) []webkit.Pair {
	none := webkit.T(ctx, "rules.unsaid")
	say := func(parts ...string) string {
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		if len(parts) == 0 {
			return none
		}
		return strings.Join(parts, " · ")
	}
	with := func(key, value string) string {
		if value == "" {
			return ""
		}
		return webkit.T(ctx, key, value)
	}
	budget := ""
	if a.Budget > 0 {
		budget = webkit.Duration(ctx, time.Duration(a.Budget*float64(time.Second)))
	}
	how := webkit.Pair{Key: webkit.T(ctx, "rules.how"), Value: say(a.How.FirstAction, a.How.Playbook, with("rules.how.auto", a.How.Auto))}
	if strings.HasPrefix(a.How.Playbook, "https://") || strings.HasPrefix(a.How.Playbook, "http://") {
		how.Href = a.How.Playbook
	}
	hold := ""
	if a.For > 0 {
		hold = webkit.T(ctx, "rules.what.for", webkit.Duration(ctx, time.Duration(a.For*float64(time.Second))))
	}
	return []webkit.Pair{
		{Key: webkit.T(ctx, "rules.why"), Value: say(a.Why.Impact, with("rules.why.slo", a.Why.SLO), with("rules.why.cost", a.Why.CostOfMiss))},
		{Key: webkit.T(ctx, "rules.who"), Value: say(a.Who.Owner, with("rules.who.escalate", a.Who.Escalate))},
		{Key: webkit.T(ctx, "rules.when"), Value: say(webkit.T(ctx, "rules.urgency."+a.Urgency), a.Hours, with("rules.when.budget", budget))},
		{Key: webkit.T(ctx, "rules.what"), Value: say(webkit.T(ctx, "rules.what."+a.Watches), hold)},
		{Key: webkit.T(ctx, "rules.where"), Value: say(a.Service, with("rules.where.each", a.ForEach))},
		how,
	}
}

func viewLive(ctx context.Context, l LiveRule) liveView {
	v := liveView{Evaluated: l.Evaluated, Error: l.Error, Last: l.Last}
	for i, s := range l.Series {
		if i == seriesShown {
			v.More = len(l.Series) - i
			break
		}
		one := seriesView{State: webkit.Warning, Word: webkit.T(ctx, "rules.live.pending"), Labels: labelText(s.Labels), Value: webkit.Decimal(ctx, s.Value, 4), Since: s.Since}
		if s.Firing {
			one.State, one.Word = webkit.Firing, webkit.T(ctx, "rules.live.firing")
		}
		v.Series = append(v.Series, one)
	}
	return v
}

func labelText(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if k != "alertname" {
			parts = append(parts, k+"="+strconv.Quote(labels[k]))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// latency draws the worst case as a bar of its terms.
func (v *ruleView) latency(ctx context.Context, a RuleAnswer, l rule.Latency) {
	v.Over = a.Latency.Exceeds
	say := func(d time.Duration) string { return webkit.Duration(ctx, d) }
	v.Sentence = webkit.T(ctx, "rules.latency.sentence", say(l.Worst), say(l.Mean), say(l.Best))
	if a.Budget > 0 {
		key := "rules.latency.within"
		if v.Over {
			key = "rules.latency.over"
		}
		v.Sentence += " " + webkit.T(ctx, key, say(time.Duration(a.Budget*float64(time.Second))))
	}
	if len(l.Unknown) > 0 {
		v.Sentence += " " + webkit.T(ctx, "rules.latency.unknown")
	}
	at := time.Duration(0)
	for i, t := range l.Terms {
		class := "term-" + strconv.Itoa(i%4)
		name := webkit.T(ctx, "rules.term."+strings.ReplaceAll(t.Name, " ", "-"))
		part := func(d time.Duration) string { return fmt.Sprintf("%.1f", 1000*float64(d)/float64(max(1, l.Worst))) }
		v.Bar = append(v.Bar, barView{name, class, part(at), part(t.Worst)})
		at += t.Worst
		why := t.Why
		if t.Name != "burn" {
			why = webkit.T(ctx, "rules.term."+strings.ReplaceAll(t.Name, " ", "-")+".why")
		}
		v.Terms = append(v.Terms, termView{class, name, why, say(t.Best), say(t.Mean), say(t.Worst)})
	}
}

func seriesColumns(ctx context.Context) []webkit.ColumnHead {
	return []webkit.ColumnHead{{Text: webkit.T(ctx, "rules.col.state")}, {Text: webkit.T(ctx, "rules.col.series")}, {Text: webkit.T(ctx, "rules.col.value"), Number: true}, {Text: webkit.T(ctx, "rules.col.since"), Number: true}}
}

func termColumns(ctx context.Context) []webkit.ColumnHead {
	out := []webkit.ColumnHead{{Text: webkit.T(ctx, "rules.col.term")}}
	for _, k := range []string{"best", "mean", "worst"} {
		out = append(out, webkit.ColumnHead{Text: webkit.T(ctx, "rules.col."+k), Number: true})
	}
	return out
}
