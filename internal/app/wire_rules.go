package app

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/metrics/promrules"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
)

// ruleRoom is the part of the room alert that holds rules as code.
type ruleRoom struct {
	engine *promrules.Engine
	set    atomic.Pointer[rule.Set]

	mu     sync.Mutex
	source *ascode.Set // what set was made of, with plans
	plans  plans
	values map[string][]string // of labels that rules are repeated for, as they were last had
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
	a.rules.engine = engine
	a.rules.set.Store(&rule.Set{})
	a.inbox.Describe = func(s alert.Signal) alert.Signal { return a.rules.set.Load().Describe(s) }
	return module.Module{
		Name:    "alert.rules",
		Workers: []run.Worker{{Name: "alert.rules", Run: engine.Run}},
		Loops:   []run.Loop{{Name: "alert.resources", Every: time.Minute, Do: a.refreshRules}},
		Health:  []httpd.HealthCheck{{Name: "rules", Soft: true, Probe: engine.Health}},
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
	a.rules.source, a.rules.plans = set, p
	a.rules.mu.Unlock()
	a.putRules(a.live(set, p))
}

func (a *App) putRules(rules *rule.Set) {
	files := make([]promrules.File, 0, len(rules.Files()))
	for _, f := range rules.Files() {
		files = append(files, promrules.File(f))
	}
	a.rules.set.Store(rules)
	if err := a.rules.engine.Replace(files); err != nil {
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
