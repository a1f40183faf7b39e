package alertweb

import (
	"context"
	"net/http"
	"time"

	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// RuleBook is what the pages of rules ask for.
type RuleBook struct {
	Set     func() *rule.Set
	Latency func(rule.Rule) rule.Latency
	Live    func() func(rule.Rule) LiveRule // how each stands, at one moment
}

// LiveRule is how a rule stands where this server evaluates it.
type LiveRule struct {
	Evaluated bool         `json:"evaluated" doc:"Whether this server evaluates it."`
	Last      time.Time    `json:"last,omitzero" doc:"Its last evaluation."`
	Error     string       `json:"error,omitempty" doc:"Why the last evaluation failed."`
	Series    []LiveSeries `json:"series" doc:"The series for which it alerts, or soon will."`
}

// LiveSeries is one of them.
type LiveSeries struct {
	Labels map[string]string `json:"labels"`
	Firing bool              `json:"firing" doc:"Else it is pending: it has to last."`
	Since  time.Time         `json:"since"`
	Value  float64           `json:"value"`
}

// RuleAnswer is one rule: why, who, when, what, where and how.
type RuleAnswer struct {
	ID        string          `json:"id"`
	Name      string          `json:"name" doc:"The label alertname of its alerts."`
	Title     string          `json:"title"`
	Source    string          `json:"source" doc:"File and line."`
	Native    bool            `json:"native" doc:"An AlertRule; else of a Prometheus file."`
	Why       rule.Why        `json:"why"`
	Who       rule.Who        `json:"who"`
	Urgency   string          `json:"urgency" enum:"page,ticket,info"`
	Hours     string          `json:"hours,omitempty"`
	Budget    float64         `json:"budget_seconds,omitempty"`
	Watches   string          `json:"watches" enum:"expr,slo,log,job,check,alert"`
	Expr      string          `json:"expr" doc:"The expression, or the name of what is watched."`
	For       float64         `json:"for_seconds"`
	Every     float64         `json:"every_seconds"`
	Service   string          `json:"service,omitempty"`
	ForEach   string          `json:"for_each,omitempty"`
	How       rule.How        `json:"how"`
	Instances []rule.Instance `json:"instances"`
	Latency   LatencyAnswer   `json:"latency"`
	Lacks     []rule.Lack     `json:"lacks"`
	Live      LiveRule        `json:"live"`
}

// LatencyAnswer is the time from a fault to a person, in seconds.
type LatencyAnswer struct {
	Best    float64      `json:"best_seconds"`
	Mean    float64      `json:"mean_seconds"`
	Worst   float64      `json:"worst_seconds"`
	Next    float64      `json:"next_worst_seconds" doc:"Of one more alert in a group that has been told."`
	Exceeds bool         `json:"exceeds" doc:"The worst is longer than the budget."`
	Unknown []string     `json:"unknown,omitempty" doc:"Terms that nobody said: the sums are too small by them."`
	Terms   []TermAnswer `json:"terms"`
}

// TermAnswer is one term of it.
type TermAnswer struct {
	Name  string  `json:"name"`
	Best  float64 `json:"best_seconds"`
	Mean  float64 `json:"mean_seconds"`
	Worst float64 `json:"worst_seconds"`
}

// RuleList is all rules, by id.
type RuleList struct {
	Rules []RuleAnswer `json:"rules"`
}

// RuleRoutes are the pages of single rules.
func RuleRoutes(d Deps) []httpd.Route {
	page := func(pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: httpd.Viewer, Handler: d.Kit.Page(fn)}
	}
	return []httpd.Route{page("/rules/{name}", d.rulePage), page("/services/{id}/rules", d.serviceRules), page("/alerts/{id}/rule", d.alertRule)}
}

// RuleAPI registers the operations on rules.
func RuleAPI(a *httpd.API, d Deps) {
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "alert", Summary: summary} }
	httpd.Get(a, "/api/v1/rules", op("list-rules", "The alert rules, each with why, who, when, what, where and how"), func(_ context.Context, in *struct {
		After string `query:"after" maxLength:"200" doc:"Only rules whose id comes after it."`
		Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	},
	) (RuleList, error) {
		out, live := RuleList{Rules: []RuleAnswer{}}, d.Rules.Live()
		for _, r := range d.Rules.Set().All() {
			if r.ID > in.After && len(out.Rules) < in.Limit {
				out.Rules = append(out.Rules, d.answer(r, live(r)))
			}
		}
		return out, nil
	})
	httpd.Get(a, "/api/v1/rules/{name}", op("get-rule", "The rules of a name: of its id, or of its alerts"), func(_ context.Context, in *struct {
		Name string `path:"name" maxLength:"200"`
	},
	) (RuleList, error) {
		found, err := d.rulesNamed(in.Name)
		out, live := RuleList{Rules: []RuleAnswer{}}, d.Rules.Live()
		for _, r := range found {
			out.Rules = append(out.Rules, d.answer(r, live(r)))
		}
		return out, err
	})
}

func (d Deps) rulesNamed(name string) ([]rule.Rule, error) {
	found := d.Rules.Set().Named(name)
	if len(found) == 0 {
		return nil, errs.New(errs.NotFound, "there is no rule %q", name)
	}
	return found, nil
}

func (d Deps) answer(r rule.Rule, live LiveRule) RuleAnswer {
	kind, text := r.What.Kind()
	out := RuleAnswer{
		ID: r.ID, Name: r.Name, Title: r.Title, Source: r.Place(), Native: r.Native, Why: r.Why, Who: r.Who, Urgency: string(r.When.Urgency),
		Budget: r.When.Budget.Seconds(), Watches: kind, Expr: text, For: r.What.For.Seconds(), Every: r.What.Every.Seconds(),
		Service: r.Service, ForEach: r.ForEach, How: r.How, Instances: listed(r.Instances), Live: live, Lacks: listed(rule.LintOne(r)),
	}
	if r.When.Hours != nil {
		out.Hours = r.When.Hours.String()
	}
	out.Live.Series = listed(out.Live.Series)
	l := d.Rules.Latency(r)
	out.Latency = LatencyAnswer{Best: l.Best.Seconds(), Mean: l.Mean.Seconds(), Worst: l.Worst.Seconds(), Next: l.Next.Seconds(), Exceeds: l.Exceeds(r.When.Budget), Unknown: l.Unknown, Terms: []TermAnswer{}}
	for _, t := range l.Terms {
		out.Latency.Terms = append(out.Latency.Terms, TermAnswer{t.Name, t.Best.Seconds(), t.Mean.Seconds(), t.Worst.Seconds()})
	}
	return out
}

func (d Deps) rulePage(r *http.Request) (webkit.Page, error) {
	ctx, name := r.Context(), r.PathValue("name")
	found, err := d.rulesNamed(name)
	if err != nil {
		return webkit.Page{}, err
	}
	var v []ruleView
	live := d.Rules.Live()
	tested, err := d.tested(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	for _, x := range found {
		one := viewRule(ctx, d.answer(x, live(x)), d.Rules.Latency(x))
		one.Tested = viewTested(ctx, tested, x.ID)
		v = append(v, one)
	}
	return webkit.Page{Title: found[0].Title, Active: "alerts", Live: []string{"alert"}, Crumbs: []webkit.Crumb{{Text: name}}, Body: rulePage(v)}, nil
}
