// Package promreplay evaluates Prometheus rules over samples in memory, with the
// PromQL and the rules of Prometheus itself: what would have fired, and when.
//
// # Words
//
//   - Samples: series in memory. [Samples.With] lays other series over them without
//     a copy, so that one past can be tried in many variations.
//   - Rules: files of rules that can be played over samples, again and again.
//   - Alarm: one alert of one rule, from when it fired until it did not.
//
// # Rules
//
//   - Time passes in steps of each group's interval. A group of rules is evaluated
//     as the server does it: recording rules feed those after them.
//   - A play begins without a memory: no alert was pending before.
//   - Native histograms are not there.
package promreplay

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

const (
	// maxSamples is how many samples one query may hold.
	maxSamples = 20_000_000
	// maxRounds is how often the groups of one play may be evaluated.
	maxRounds = 5_000_000
)

// File is a file of rules in the format of Prometheus.
type File struct{ Path, Text string }

// Alarm is one alert of one rule. To is when it did not fire any more, or the end
// of the play.
type Alarm struct {
	File, Group, Name string
	Labels            map[string]string
	From, To          time.Time
}

// Group is one group of a file.
type Group struct {
	File, Name string
	Every      time.Duration
	Rules      []Rule
}

// Rule is one rule of a group.
type Rule struct {
	Name   string
	Record bool // Name is the series that it records
	Expr   string
	For    time.Duration
}

// Rules are files of rules that were read.
type Rules struct {
	read   map[string]*rulefmt.RuleGroups // by path
	groups []Group
	parser parser.Parser
	engine *promql.Engine
}

// Read reads files. Groups that name no interval are evaluated every so often.
// Invalid where one cannot be read.
func Read(files []File, every time.Duration) (*Rules, error) {
	r := &Rules{read: map[string]*rulefmt.RuleGroups{}, parser: metrics.NewParser()}
	r.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: maxSamples, Timeout: 100 * time.Second, EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return every.Milliseconds() },
		Parser:                   r.parser,
	})
	for _, f := range files {
		read, bad := r.parse(f.Text)
		if len(bad) > 0 {
			return nil, errs.New(errs.Invalid, "%s: %w", f.Path, errors.Join(bad...))
		}
		r.read[f.Path] = read
		for _, g := range read.Groups {
			one := Group{File: f.Path, Name: g.Name, Every: time.Duration(g.Interval)}
			if one.Every == 0 {
				one.Every = every
			}
			for _, x := range g.Rules {
				one.Rules = append(one.Rules, Rule{Name: x.Record + x.Alert, Record: x.Record != "", Expr: x.Expr, For: time.Duration(x.For)})
			}
			r.groups = append(r.groups, one)
		}
	}
	return r, nil
}

func (r *Rules) parse(text string) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse([]byte(text), false, model.UTF8Validation, r.parser, slog.New(slog.DiscardHandler))
}

// Groups are the groups in the order in which they are evaluated.
func (r *Rules) Groups() []Group { return r.groups }

// loader hands the groups of one play to the rule engine.
type loader struct {
	*Rules

	wanted map[string]time.Duration // by their key
}

// Load implements rules.GroupLoader.
func (l loader) Load(path string, _ bool, _ model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	read := l.read[path]
	if read == nil {
		return nil, []error{errs.New(errs.NotFound, "there is no file %s", path)}
	}
	out := &rulefmt.RuleGroups{}
	for _, g := range read.Groups {
		if l.wanted[rules.GroupKey(path, g.Name)] > 0 {
			out.Groups = append(out.Groups, g)
		}
	}
	return out, nil
}

// Parse implements rules.GroupLoader.
func (l loader) Parse(q string) (parser.Expr, error) { return l.parser.ParseExpr(q) }

// Play evaluates the groups that only picks (nil: all) over samples, from from to to,
// both included. What rules record is laid over the samples and forgotten. An
// evaluation that fails is as if nothing fired, as in the server.
func (r *Rules) Play(ctx context.Context, over *Samples, only func(Group) bool, from, to time.Time) ([]Alarm, error) {
	s := over.With(nil)
	groups, err := r.load(ctx, s, only)
	if err != nil {
		return nil, err
	}
	p := play{open: map[string]int{}}
	rounds := 0
	for _, g := range groups {
		g.next = from
		rounds += int(to.Sub(from)/g.every) + 1
	}
	if rounds > maxRounds {
		return nil, errs.New(errs.Invalid, "the rules would be evaluated %d times, and %d are allowed: replay less of the past", rounds, maxRounds)
	}
	for {
		at := to.Add(1)
		for _, g := range groups {
			if g.next.Before(at) {
				at = g.next
			}
		}
		if at.After(to) || len(groups) == 0 {
			break
		}
		for _, g := range groups {
			if at.Equal(g.next) {
				g.Eval(ctx, at)
				p.look(g, at)
				g.next = g.next.Add(g.every)
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for _, i := range p.open {
		p.out[i].To = to
	}
	slices.SortStableFunc(p.out, func(a, b Alarm) int { return a.From.Compare(b.From) })
	return p.out, nil
}

type group struct {
	*rules.Group

	every time.Duration
	next  time.Time
}

func (r *Rules) load(ctx context.Context, s *Samples, only func(Group) bool) (out []*group, err error) {
	wanted, paths := map[string]time.Duration{}, []string{}
	for _, g := range r.groups {
		if only == nil || only(g) {
			wanted[rules.GroupKey(g.File, g.Name)] = g.Every
			if !slices.Contains(paths, g.File) {
				paths = append(paths, g.File)
			}
		}
	}
	m := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(r.engine, s), Appendable: recorder{s}, Queryable: s, Context: ctx,
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Logger: slog.New(slog.DiscardHandler),
		DefaultRuleQueryOffset: func() time.Duration { return 0 }, GroupLoader: loader{r, wanted}, Parser: r.parser,
	})
	groups, bad := m.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, paths...)
	if len(bad) > 0 {
		return nil, errs.New(errs.Invalid, "%w", errors.Join(bad...))
	}
	for _, g := range r.groups { // a map has no order
		key := rules.GroupKey(g.File, g.Name)
		if x := groups[key]; x != nil && wanted[key] > 0 {
			for _, a := range x.AlertingRules() {
				a.SetRestored(true)
			}
			out = append(out, &group{Group: x, every: wanted[key]})
		}
	}
	return out, nil
}

// play is what fired so far; open are the places of what still does.
type play struct {
	out  []Alarm
	open map[string]int
}

func (p *play) look(g *group, at time.Time) {
	mine := g.File() + "\xff" + g.Name() + "\xff"
	firing := map[string]bool{}
	for _, r := range g.AlertingRules() {
		for _, a := range r.ActiveAlerts() {
			if a.State != rules.StateFiring {
				continue
			}
			key := mine + a.Labels.String()
			firing[key] = true
			if _, on := p.open[key]; !on {
				p.open[key] = len(p.out)
				p.out = append(p.out, Alarm{File: g.File(), Group: g.Name(), Name: r.Name(), Labels: a.Labels.Map(), From: at})
			}
		}
	}
	for key, i := range p.open {
		if strings.HasPrefix(key, mine) && !firing[key] {
			p.out[i].To = at
			delete(p.open, key)
		}
	}
}

// Instant implements metrics.Engine.
func (e Engine) Instant(ctx context.Context, query string, at time.Time) ([]metrics.Series, error) {
	run, err := e.Rules.engine.NewInstantQuery(ctx, e.Samples, nil, query, at)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	return answer(ctx, query, run)
}

// Range implements metrics.Engine.
func (e Engine) Range(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]metrics.Series, error) {
	run, err := e.Rules.engine.NewRangeQuery(ctx, e.Samples, nil, query, from, to, step)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%w", err)
	}
	return answer(ctx, query, run)
}

// Engine answers PromQL over samples.
type Engine struct {
	Rules   *Rules
	Samples *Samples
}

var _ metrics.Engine = Engine{}

func answer(ctx context.Context, query string, run promql.Query) ([]metrics.Series, error) {
	defer run.Close()
	res := run.Exec(ctx)
	if res.Err != nil {
		return nil, errs.New(errs.Invalid, "query %q: %w", query, res.Err)
	}
	var out []metrics.Series
	switch v := res.Value.(type) {
	case promql.Scalar:
		out = append(out, metrics.Series{Labels: map[string]string{}, Points: []metrics.Point{{T: time.UnixMilli(v.T).UTC(), V: v.V}}})
	case promql.Vector:
		for _, x := range v {
			out = append(out, metrics.Series{Labels: x.Metric.Map(), Points: []metrics.Point{{T: time.UnixMilli(x.T).UTC(), V: x.F}}})
		}
	case promql.Matrix:
		for _, x := range v {
			one := metrics.Series{Labels: x.Metric.Map()}
			for _, p := range x.Floats {
				one.Points = append(one.Points, metrics.Point{T: time.UnixMilli(p.T).UTC(), V: p.F})
			}
			out = append(out, one)
		}
	default:
		return nil, errs.New(errs.Invalid, "query %q: the result is a string, not series", query)
	}
	return out, nil
}
