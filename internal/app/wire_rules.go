package app

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/metrics/promrules"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// ruleRoom is the part of the room alert that holds rules as code.
type ruleRoom struct {
	engine *promrules.Engine
	began  time.Time
	set    atomic.Pointer[rule.Set]

	mu      sync.Mutex
	source  *ascode.Set // what set was made of, with plans
	plans   plans
	assumed rule.Assumed
	values  map[string][]string // of labels that rules are repeated for, as they were last had
}

// wireRules builds the engine of rules and puts what rules know in front of the
// inbox.
func (a *App) wireRules() module.Module {
	engine, err := promrules.New(promrules.Options{
		Store: a.tsdb, Remote: a.engine, Log: a.log, Now: a.now, URL: a.cfg.BaseURL, Tell: a.tellRules,
	})
	if err != nil {
		panic("app: rules: " + err.Error()) // Config.complete has checked the address
	}
	a.rules.engine, a.rules.began = engine, a.now()
	a.rules.set.Store(&rule.Set{})
	a.inbox.Describe = func(s alert.Signal) alert.Signal { return a.rules.set.Load().Describe(s) }
	deps := alertweb.Deps{Log: a.log, Now: a.now, Inbox: a.inbox, Tests: a.judging.store, Rules: alertweb.RuleBook{Set: a.rules.set.Load, Live: a.liveRules, Latency: a.latencyOf}}
	return module.Module{
		Name: "alert.rules", Panels: alertweb.RulePanels(),
		API: func(api *httpd.API) { alertweb.RuleAPI(api, deps) },
		Pages: func(kit *webkit.Kit, _ []module.Panel) []httpd.Route {
			deps.Kit = kit
			return alertweb.RuleRoutes(deps)
		},
		Workers: []run.Worker{{Name: "alert.rules", Run: engine.Run}},
		Loops: []run.Loop{
			{Name: "alert.resources", Every: time.Minute, Do: a.refreshRules, Each: true},
			{Name: "alert.overdue", Every: 15 * time.Second, Do: a.endOverdue},
		},
		Health: []httpd.HealthCheck{{Name: "rules", Soft: true, Probe: engine.Health}},
	}
}

// tellRules hands what rules say to the inbox.
func (a *App) tellRules(ctx context.Context, alerts []promrules.Alert) error {
	set := a.rules.set.Load()
	signals := make([]alert.Signal, len(alerts))
	for i, x := range alerts {
		signals[i] = set.Signal(rule.Firing(x), a.cfg.BaseURL)
	}
	taken, err := a.inbox.TakeAll(ctx, signals)
	if err != nil {
		return err
	}
	for i, t := range taken {
		if t.Err != nil { // it would be refused again: the program's log is the place
			a.log.ErrorContext(ctx, "alert of a rule refused", "rule", signals[i].Rule, "err", t.Err)
		}
	}
	return nil
}

// endOverdue resolves alerts of rules that were not told again in time: they ended
// while this server did not look. After a start the rules first have the time to
// be restored, and while one cannot be evaluated nothing is known to be over.
func (a *App) endOverdue(ctx context.Context) error {
	settle := 5 * promrules.DefaultEvery
	for _, g := range a.rules.engine.Groups() {
		settle = max(settle, 5*g.Interval)
	}
	now := a.now()
	if healthy := a.rules.engine.Health(ctx) == nil; !healthy || now.Before(a.rules.began.Add(settle)) {
		return nil
	}
	open, err := a.inbox.Alerts(ctx, alert.Query{Source: rule.Source, Unresolved: true, Limit: 500})
	if err != nil {
		return err
	}
	var over []alert.Signal
	for _, x := range open {
		if x.EndsAt.IsZero() || x.EndsAt.After(now) {
			continue
		}
		over = append(over, alert.Signal{
			ID: "overdue/" + x.ID, Source: x.Source, Service: x.Service, Rule: x.Rule, Key: strings.TrimPrefix(x.Fingerprint, alert.Signal{Source: x.Source, Service: x.Service, Rule: x.Rule}.Fingerprint()+"/"),
			Severity: x.Severity, Summary: "not told again since " + x.LastAt.Format(time.RFC3339), At: x.EndsAt,
		})
	}
	_, err = a.inbox.TakeAll(ctx, over)
	return err
}

// liveRules are how rules stand at this moment.
func (a *App) liveRules() func(rule.Rule) alertweb.LiveRule {
	groups := a.rules.engine.Groups()
	return func(r rule.Rule) alertweb.LiveRule { return liveRule(groups, r) }
}

func liveRule(groups []promrules.Group, r rule.Rule) (out alertweb.LiveRule) {
	for _, g := range groups {
		if (r.Native && g.File != rule.OwnPath(r.ID)) || (!r.Native && (g.Name != r.Group || (g.File != r.File && !strings.HasPrefix(g.File, r.File+"#")))) {
			continue
		}
		for _, x := range g.Rules {
			if x.Recording || x.Name != r.Name || (!r.Native && !maps.Equal(x.Labels, r.Labels)) {
				continue
			}
			out.Evaluated, out.Last, out.Error = true, x.Last, cmp.Or(out.Error, x.Error)
			for _, s := range x.Active {
				out.Series = append(out.Series, alertweb.LiveSeries{Labels: s.Labels, Firing: s.Firing, Since: s.Since, Value: s.Value})
			}
		}
	}
	return out
}

// latencyOf is the time from a fault to a person, as this server is configured.
func (a *App) latencyOf(r rule.Rule) rule.Latency {
	a.rules.mu.Lock()
	with := a.rules.assumed
	a.rules.mu.Unlock()
	return rule.Computed(r.Timing(with))
}

// planned is what changes when set, which means p, takes the place of what is in
// use: by document, and by instance of the rules that are repeated.
func (a *App) planned(set *ascode.Set, p plans) []ascode.Change {
	return append(ascode.Plan(a.config.Set(), set), rule.Changes(a.rules.set.Load(), a.live(set, p))...)
}

// live are the rules of a set, with the resources that the metrics know.
func (a *App) live(set *ascode.Set, p plans) *rule.Set {
	if !rule.Live(set) {
		return p.rules
	}
	rules, _ := buildRules(set, p, a.labelValues) // what is wrong was said when p was built
	return rules
}

// useRules puts rules to work.
func (a *App) useRules(set *ascode.Set, p plans) {
	a.rules.mu.Lock()
	a.rules.source, a.rules.plans, a.rules.assumed = set, p, assumed(p)
	a.rules.mu.Unlock()
	a.canaries.use(p.canaries)
	a.putRules(a.live(set, p))
}

func (a *App) putRules(rules *rule.Set) {
	files := make([]promrules.File, 0, len(rules.Files()))
	for _, f := range rules.Files() {
		files = append(files, promrules.File(f))
	}
	a.rules.set.Store(rules)
	if err := a.rules.engine.Replace(append(files, a.canaryFiles()...)); err != nil {
		a.log.Error("rules are not evaluated: the last good ones stay", "err", err)
	}
}

// refreshRules looks for resources that came or went in the metrics.
func (a *App) refreshRules(context.Context) error {
	a.rules.mu.Lock()
	set, p := a.rules.source, a.rules.plans
	a.rules.mu.Unlock()
	if set == nil || !rule.Live(set) {
		return nil
	}
	now, next := a.rules.set.Load(), a.live(set, p)
	if len(rule.Changes(now, next)) > 0 {
		a.putRules(next)
	}
	return nil
}

// valuesWithin is how long the metrics may take to say the values of a label.
const valuesWithin = 10 * time.Second

// labelValues are the values of a label of the series that a selector picks. Where
// the metrics do not answer, those that they said last stay.
func (a *App) labelValues(series, label string) ([]string, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), valuesWithin)
	defer cancel()
	key := series + "\xff" + label
	answer, err := a.engine.Instant(ctx, "count by ("+label+") ("+series+")", a.now())
	a.rules.mu.Lock()
	defer a.rules.mu.Unlock()
	if err != nil {
		a.log.Warn("resources of a rule not found: those known last stay", "series", series, "label", label, "err", err)
		return a.rules.values[key], true
	}
	var out []string
	for _, s := range answer {
		if v := s.Labels[label]; v != "" {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, strings.Compare)
	if a.rules.values == nil {
		a.rules.values = map[string][]string{}
	}
	a.rules.values[key] = out
	return out, true
}
