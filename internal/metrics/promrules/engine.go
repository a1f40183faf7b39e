package promrules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

const (
	// DefaultEvery is the interval of a group that says none.
	DefaultEvery = time.Minute
	// Resend is how often an alert that fires is told again.
	Resend = time.Minute
	// outage is how long ago an alert may have been pending to be restored.
	outage = time.Hour
	// atOnce is how many groups are evaluated at once.
	atOnce = 8
	// maxUnsent is how many alerts are kept for whoever cannot take them.
	maxUnsent = 100_000
	look      = 250 * time.Millisecond
)

// Alert is what evaluating a rule says of one series.
type Alert struct {
	File        string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
	Value       float64
	At          time.Time // of the evaluation
	FiredAt     time.Time
	ResolvedAt  time.Time // zero while it fires
	Until       time.Time // it ends by itself then, if it is not told again
}

func (a Alert) key() string { return a.File + "\xff" + labels.FromMap(a.Labels).String() }

// Options say what is evaluated on, and who is told.
type Options struct {
	Store      *promstore.Store // nil where the metrics are remote
	Remote     metrics.Engine   // asked where Store is nil
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: nowhere
	Now        func() time.Time
	URL        string // where this server is reached; templates have it
	// Tell is handed what fires and what resolved, several at once and never two
	// calls at a time. What it refuses with an error is told again.
	Tell func(ctx context.Context, alerts []Alert) error
}

// Engine evaluates groups of rules. It is safe for concurrent use.
type Engine struct {
	o       Options
	parser  parser.Parser
	metrics *rules.Metrics
	url     *url.URL
	slots   chan struct{}

	replacing sync.Mutex // one Replace at a time

	mu     sync.Mutex
	groups []*entry
	told   []Alert // heard and not handed over yet

	telling sync.Mutex // one call of Tell at a time
	trouble error      // of the last one; under mu
}

// entry is one group and its slot.
type entry struct {
	*rules.Group

	next  time.Time
	busy  bool
	evals int        // 2: restored
	work  sync.Mutex // held while it is evaluated
}

// New returns an Engine without rules.
func New(o Options) (*Engine, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the address %q: %w", o.URL, err)
	}
	return &Engine{o: o, parser: metrics.NewParser(), metrics: rules.NewGroupMetrics(o.Registerer), url: u, slots: make(chan struct{}, atOnce)}, nil
}

func (e *Engine) options(f File) *rules.ManagerOptions {
	o := &rules.ManagerOptions{
		ExternalURL: e.url, Context: context.Background(), Logger: e.o.Log, Metrics: e.metrics, Parser: e.parser, GroupLoader: loader{f, e.parser},
		OutageTolerance: outage, ForGracePeriod: 0, ResendDelay: Resend,
		DefaultRuleQueryOffset: func() time.Duration { return 0 },
		NotifyFunc:             func(_ context.Context, expr string, alerts ...*rules.Alert) { e.hear(f.Path, expr, alerts) },
	}
	if e.o.Store != nil {
		o.QueryFunc, o.Appendable, o.Queryable = e.o.Store.Vector, e.o.Store.Recorded(), e.o.Store
		return o
	}
	o.QueryFunc, o.Appendable, o.Queryable = e.ask, nowhere{}, nowhere{}
	return o
}

// Replace puts files in the place of those before. Groups that stay the same go
// on; of those that changed, alerts keep their state as far as their rules kept
// name and labels; alerts whose rules are gone resolve. Nothing changes where a
// file is Invalid.
func (e *Engine) Replace(files []File) error {
	next, err := e.load(files)
	if err != nil {
		return err
	}
	e.replacing.Lock()
	defer e.replacing.Unlock()
	now := e.o.Now()
	stay, old := e.retire(next)
	for i, g := range next {
		was := old[groupKey(g)]
		delete(old, groupKey(g))
		switch {
		case stay[groupKey(g)] != nil:
			next[i] = stay[groupKey(g)]
		case was == nil:
			g.next = g.EvalTimestamp(now.UnixNano()).Add(g.Interval())
		default:
			g.next, g.evals = g.EvalTimestamp(now.UnixNano()).Add(g.Interval()), 2
			e.inherit(g, was, now)
		}
	}
	for _, gone := range old {
		empty := &entry{Group: rules.NewGroup(rules.GroupOptions{Name: gone.Name(), File: gone.File(), Interval: gone.Interval(), Opts: e.options(File{Path: gone.File()})})}
		e.inherit(empty, gone, now)
		empty.next, empty.evals = now, leaving
		next = append(next, empty)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.groups = next
	return nil
}

// load reads files into groups, sorted.
func (e *Engine) load(files []File) (out []*entry, err error) {
	for _, f := range files {
		loaded, bad := rules.NewManager(e.options(f)).LoadGroups(DefaultEvery, labels.EmptyLabels(), e.o.URL, nil, false, f.Path)
		if len(bad) > 0 {
			return nil, errs.New(errs.Invalid, "%s: %w", f.Path, errors.Join(bad...))
		}
		for _, g := range loaded {
			out = append(out, &entry{Group: g})
		}
	}
	slices.SortFunc(out, func(a, b *entry) int { return strings.Compare(groupKey(a), groupKey(b)) })
	return out, nil
}

// retire takes the groups that next does not have as they are out of use and
// waits until they are at rest.
func (e *Engine) retire(next []*entry) (stay, old map[string]*entry) {
	stay, old = map[string]*entry{}, map[string]*entry{}
	wanted := map[string]*entry{}
	for _, g := range next {
		wanted[groupKey(g)] = g
	}
	e.mu.Lock()
	e.groups = slices.DeleteFunc(slices.Clone(e.groups), func(g *entry) bool {
		if w := wanted[groupKey(g)]; w != nil && g.evals != leaving && g.Equals(w.Group) {
			stay[groupKey(g)] = g
			return false
		}
		old[groupKey(g)] = g
		return true
	})
	e.mu.Unlock()
	for _, g := range old {
		g.work.Lock() // for good: it is not evaluated again
	}
	return stay, old
}

// leaving is the evals of a group without rules, which is evaluated once more so
// that the series of its rules end.
const leaving = -1

func groupKey(g *entry) string { return rules.GroupKey(g.File(), g.Name()) }

// inherit hands the state of a group to the one that takes its place. Alerts that
// nobody takes over resolve.
func (e *Engine) inherit(to, from *entry, now time.Time) {
	to.CopyState(from.Group)
	var told []Alert
	kept := map[string]bool{}
	for _, r := range to.AlertingRules() {
		r.SetRestored(true)
		for _, a := range r.ActiveAlerts() {
			kept[a.Labels.String()] = true
		}
	}
	for _, r := range from.AlertingRules() {
		for _, a := range r.ActiveAlerts() {
			if a.State == rules.StateFiring && !kept[a.Labels.String()] {
				one := alertOf(from.File(), r.Query().String(), a)
				one.At, one.ResolvedAt = now, now
				told = append(told, one)
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, told...)
}

func alertOf(file, expr string, a *rules.Alert) Alert {
	return Alert{
		File: file, Expr: expr, Labels: a.Labels.Map(), Annotations: a.Annotations.Map(), Value: a.Value,
		At: a.LastSentAt, FiredAt: a.FiredAt, ResolvedAt: a.ResolvedAt, Until: a.ValidUntil,
	}
}

// hear keeps what a rule says until it is handed over.
func (e *Engine) hear(file, expr string, alerts []*rules.Alert) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range alerts {
		// What resolved is kept here until it was taken, so once is enough.
		if a.ResolvedAt.IsZero() || a.ResolvedAt.Equal(a.LastSentAt) {
			e.told = append(e.told, alertOf(file, expr, a))
		}
	}
}

// Run evaluates groups in their slots until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		e.start(ctx, &wg)
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Tick evaluates the groups that are due and returns when they are.
func (e *Engine) Tick(ctx context.Context) {
	var wg sync.WaitGroup
	e.start(ctx, &wg)
	wg.Wait()
	e.tell(ctx)
}

func (e *Engine) start(ctx context.Context, wg *sync.WaitGroup) {
	now := e.o.Now()
	e.mu.Lock()
	var due []*entry
	for _, g := range e.groups {
		if !g.busy && !g.next.After(now) {
			g.busy = true
			due = append(due, g)
		}
	}
	left := len(e.told) > 0
	e.mu.Unlock()
	for _, g := range due {
		wg.Go(func() {
			select {
			case e.slots <- struct{}{}:
				defer func() { <-e.slots }()
				e.eval(ctx, g)
			case <-ctx.Done():
			}
		})
	}
	if left && len(due) == 0 {
		wg.Go(func() { e.tell(ctx) })
	}
}

// eval evaluates a group in its slot. Slots that went by meanwhile are left out,
// as in Prometheus.
func (e *Engine) eval(ctx context.Context, g *entry) {
	if !g.work.TryLock() {
		return // Replace has taken it out of use
	}
	defer g.work.Unlock()
	rules.DefaultEvalIterationFunc(ctx, g.Group, g.next)
	now := e.o.Now()
	if g.evals == 1 {
		// As in Prometheus: after two evaluations, for by then what other rules record
		// is there.
		g.RestoreForState(now)
	}
	e.mu.Lock()
	late := max(0, now.Sub(g.next))
	g.next = g.next.Add(late - late%g.Interval() + g.Interval())
	g.busy = false
	if g.evals == leaving {
		e.groups = slices.DeleteFunc(e.groups, func(x *entry) bool { return x == g })
	} else if g.evals < 2 {
		g.evals++
	}
	e.mu.Unlock()
	e.tell(ctx)
}

// tell hands over what was heard; what is refused stays.
func (e *Engine) tell(ctx context.Context) {
	e.telling.Lock()
	defer e.telling.Unlock()
	e.mu.Lock()
	batch := e.told
	e.told = nil
	e.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	err := e.o.Tell(ctx, batch)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trouble = err
	if err != nil {
		e.told = newest(append(batch, e.told...))
		e.o.Log.WarnContext(ctx, "alerts of rules are not taken, and told again", "alerts", len(batch), "err", err)
	}
}

// newest keeps the last word on each alert, in its order.
func newest(all []Alert) []Alert {
	seen := map[string]bool{}
	var out []Alert
	for _, a := range slices.Backward(all) {
		if k := a.key(); !seen[k] && len(out) < maxUnsent {
			seen[k] = true
			out = append(out, a)
		}
	}
	slices.Reverse(out)
	return out
}

// Health says what keeps rules from being evaluated, or alerts from being taken.
func (e *Engine) Health(context.Context) error {
	e.mu.Lock()
	trouble := e.trouble
	e.mu.Unlock()
	if trouble != nil {
		return errs.New(errs.Unavailable, "alerts of rules are not taken: %w", trouble)
	}
	n, text := 0, ""
	for _, g := range e.Groups() {
		for _, r := range g.Rules {
			if r.Error != "" {
				if n++; n == 1 {
					text = fmt.Sprintf("%s, group %s, rule %s: %s", g.File, g.Name, r.Name, r.Error)
				}
			}
		}
	}
	if n > 0 {
		return errs.New(errs.Invalid, "%d rule(s) cannot be evaluated, the first: %s", n, text)
	}
	return nil
}

// ask puts an expression to a remote store.
func (e *Engine) ask(ctx context.Context, q string, at time.Time) (promql.Vector, error) {
	answer, err := e.o.Remote.Instant(ctx, q, at)
	if err != nil {
		return nil, err
	}
	var out promql.Vector
	for _, s := range answer {
		if p, ok := s.Last(); ok {
			out = append(out, promql.Sample{T: p.T.UnixMilli(), F: p.V, Metric: labels.FromMap(s.Labels)})
		}
	}
	return out, nil
}
