package slo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Counter counts the events of an objective over windows that end at a time. A
// window without data is not known, which is no error.
type Counter interface {
	Count(ctx context.Context, o Objective, window time.Duration, at time.Time) (Count, error)
	// Expr is the expression whose value is compared, for people to read.
	Expr(o Objective, window time.Duration) string
}

// Store keeps what burns. One call is one transaction.
type Store interface {
	Burns(ctx context.Context) (map[string]Burn, error)
	// Change hands the burn of an objective (a zero one where nothing burns) to fn
	// and saves what fn returns with its facts; a burn without severity is removed.
	Change(ctx context.Context, objective string, fn func(Burn) (Burn, []event.Fact)) error
}

// Inbox is the part of the alert room that the evaluator tells.
type Inbox interface {
	Take(ctx context.Context, s alert.Signal) (alert.Alert, error)
}

// Config tunes the room.
type Config struct {
	Every    time.Duration // between two looks at the short windows
	Parallel int           // objectives looked at side by side
	BaseURL  string
}

// Default returns the configuration in use when nothing else is said.
func Default() Config { return Config{Every: time.Second, Parallel: 2} }

// Evaluator keeps the status of every objective. It is safe for concurrent use.
type Evaluator struct {
	cfg     Config
	counter Counter
	store   Store
	inbox   Inbox
	now     func() time.Time

	mu         sync.RWMutex
	objectives []Objective
	statuses   map[string]Status
	counts     map[string]map[time.Duration]Count
	burns      map[string]Burn // what the store holds; nil until it was read
	edition    int             // of the objectives: counts of an older one are not kept
}

// New returns an Evaluator without objectives.
func New(cfg Config, c Counter, st Store, in Inbox, now func() time.Time) *Evaluator {
	return &Evaluator{cfg: cfg, counter: c, store: st, inbox: in, now: now, statuses: map[string]Status{}, counts: map[string]map[time.Duration]Count{}}
}

// Replace puts objectives in use. Counts of an objective that did not change
// are kept.
func (e *Evaluator) Replace(objectives []Objective) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := map[string]Objective{}
	for _, o := range e.objectives {
		old[o.ID] = o
	}
	statuses, counts := map[string]Status{}, map[string]map[time.Duration]Count{}
	for _, o := range objectives {
		if was, ok := old[o.ID]; ok && was.SLI == o.SLI && e.counts[o.ID] != nil {
			counts[o.ID] = e.counts[o.ID]
			statuses[o.ID] = Judge(o, counts[o.ID], e.statuses[o.ID].At)
		}
	}
	e.objectives, e.statuses, e.counts = objectives, statuses, counts
	e.edition++
}

// Standing is an objective and how it stands.
type Standing struct {
	Objective Objective
	Status    Status
}

// All returns every objective with its status, in the order of their ids.
func (e *Evaluator) All() []Standing {
	e.mu.RLock()
	defer e.mu.RUnlock()
	out := make([]Standing, 0, len(e.objectives))
	for _, o := range e.objectives {
		out = append(out, Standing{o, e.status(o)})
	}
	return out
}

// Objectives returns every objective, in the order of their ids.
func (e *Evaluator) Objectives() []Objective {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.objectives
}

// Objective returns one objective and its status. ok is false where there is none.
func (e *Evaluator) Objective(id string) (o Objective, s Status, ok bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	i := slices.IndexFunc(e.objectives, func(o Objective) bool { return o.ID == id })
	if i < 0 {
		return o, s, false
	}
	o = e.objectives[i]
	return o, e.status(o), true
}

// Status returns the last status of an objective; before the first look it is
// unknown.
func (e *Evaluator) Status(o Objective) Status {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.status(o)
}

func (e *Evaluator) status(o Objective) Status {
	if s, ok := e.statuses[o.ID]; ok {
		return s
	}
	return Judge(o, nil, time.Time{})
}

// stale is how old a count may become: short windows follow each round, long
// ones move slowly.
func (e *Evaluator) stale(window time.Duration) time.Duration {
	return min(max(window/720, e.cfg.Every/2), 2*time.Minute)
}

// Evaluate looks at every objective once. It is one round of a worker.
func (e *Evaluator) Evaluate(ctx context.Context) error {
	if err := e.loadBurns(ctx); err != nil {
		return err
	}
	e.mu.RLock()
	objectives, edition := e.objectives, e.edition
	e.mu.RUnlock()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, e.cfg.Parallel))
	var mu sync.Mutex
	var failed []error
	for _, o := range objectives {
		g.Go(func() error {
			if err := e.one(gctx, o, edition); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("evaluate %s: %w", o.ID, err))
			}
			return nil // one that fails does not stop the others
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return errors.Join(append(failed, e.forget(ctx, objectives))...)
}

func (e *Evaluator) loadBurns(ctx context.Context) error {
	e.mu.RLock()
	have := e.burns != nil
	e.mu.RUnlock()
	if have {
		return nil
	}
	burns, err := e.store.Burns(ctx)
	if err != nil {
		return fmt.Errorf("load what burns: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.burns = burns
	return nil
}

// one looks at one objective: counts what is due, judges, and saves the change.
func (e *Evaluator) one(ctx context.Context, o Objective, edition int) error {
	now := e.now()
	counts, cerr := e.count(ctx, o, now)
	s := Judge(o, counts, now)
	if cerr != nil {
		s.Problem = cerr.Error()
	}
	burn, current := e.keep(o.ID, edition, s, counts)
	if !current {
		return nil // the objectives were replaced meanwhile: the next round looks at the new ones
	}
	if cerr != nil {
		return cerr // what could not be counted changes nothing
	}
	next, facts := Change(burn, o, s, e.expr(o, s))
	if next == burn {
		return nil
	}
	if next.Severity == "" {
		facts = []event.Fact{e.recovered(ctx, burn, o, s)}
	}
	return e.save(ctx, o.ID, next, facts)
}

// keep notes what was seen, unless it was seen of objectives that have been
// replaced since.
func (e *Evaluator) keep(id string, edition int, s Status, counts map[time.Duration]Count) (burn Burn, current bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if edition != e.edition {
		return Burn{}, false
	}
	e.statuses[id], e.counts[id] = s, counts
	return e.burns[id], true
}

func (e *Evaluator) count(ctx context.Context, o Objective, now time.Time) (map[time.Duration]Count, error) {
	e.mu.RLock()
	old := e.counts[o.ID]
	e.mu.RUnlock()
	counts := make(map[time.Duration]Count, len(old))
	for _, w := range o.Windows() {
		c, ok := old[w]
		// A clock that was set back must not leave counts from the future in use.
		if ok && now.Sub(c.At) < e.stale(w) && !c.At.After(now) {
			counts[w] = c
			continue
		}
		c, err := e.counter.Count(ctx, o, w, now)
		if err != nil {
			return old, err
		}
		c.At = now
		counts[w] = c
	}
	for _, w := range e.suspects(o, counts, now) {
		c, err := e.counter.Count(ctx, o, w, now)
		if err != nil {
			return old, err
		}
		c.At = now
		counts[w] = c
	}
	return counts, nil
}

// suspects are the long windows whose count is a little old while all else
// says that their pair burns: they decide now, so they are counted now.
func (e *Evaluator) suspects(o Objective, counts map[time.Duration]Count, now time.Time) (out []time.Duration) {
	for _, p := range o.Pairs {
		near := p.Long
		if p.Short > 0 {
			near = p.Short
		}
		burn, ok := counts[near].Burn(o.Target)
		if ok && burn >= 0.8*p.Rate && now.Sub(counts[p.Long].At) > e.cfg.Every/2 {
			out = append(out, p.Long)
		}
	}
	return out
}

func (e *Evaluator) expr(o Objective, s Status) string {
	if p, ok := s.Worst(); ok {
		return e.counter.Expr(o, p.Long)
	}
	return ""
}

// recovered counts what the burn cost, from the run-up to the alert on. Where
// that cannot be counted it says so.
func (e *Evaluator) recovered(ctx context.Context, b Burn, o Objective, s Status) event.Fact {
	lead := o.Window
	for _, p := range o.Pairs {
		for _, w := range []time.Duration{p.Long, p.Short} {
			if w > 0 && w < lead {
				lead = w
			}
		}
	}
	from := b.Since.Add(-lead)
	c, err := e.counter.Count(ctx, o, s.At.Sub(from).Round(time.Second), s.At)
	if err != nil {
		c = Count{}
	}
	return recoveredEvent(b, o, s, c, from)
}

func (e *Evaluator) save(ctx context.Context, id string, next Burn, facts []event.Fact) error {
	err := e.store.Change(ctx, id, func(Burn) (Burn, []event.Fact) { return next, facts })
	if err != nil {
		return fmt.Errorf("save the burn: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if next.Severity == "" {
		delete(e.burns, id)
	} else {
		e.burns[id] = next
	}
	return nil
}

// forget ends the burns of objectives that are no longer in use.
func (e *Evaluator) forget(ctx context.Context, objectives []Objective) error {
	e.mu.RLock()
	var gone []Burn
	for id, b := range e.burns {
		if !slices.ContainsFunc(objectives, func(o Objective) bool { return o.ID == id }) {
			gone = append(gone, b)
		}
	}
	e.mu.RUnlock()
	var failed []error
	for _, b := range gone {
		now := e.now()
		fact := event.Fact{At: now, Service: b.Service, Subject: Subject(b.Objective), Actor: worker, Source: "slo", Event: Recovered{
			Objective: b.Objective, Name: b.Name, Service: b.Service, Since: b.Since, Seconds: now.Sub(b.Since).Seconds(), Reason: "the objective was removed",
		}}
		failed = append(failed, e.save(ctx, b.Objective, Burn{Objective: b.Objective}, []event.Fact{fact}))
	}
	return errors.Join(failed...)
}

// TellBurning turns news of the log into a signal for the inbox. id is the
// record's.
func (e *Evaluator) TellBurning(ctx context.Context, id string, at time.Time, b Burning) error {
	_, err := e.inbox.Take(ctx, alert.Signal{
		ID: id, Firing: true, Source: "slo", Service: b.Service, Rule: b.Objective, Severity: b.Severity,
		// A page is never refused because what explains it is long.
		Summary: clip(b.Name+" "+b.Sentence, 4096), Expr: clip(b.Expr, 8192), Evidence: b.Evidence[:min(64, len(b.Evidence))], URL: e.cfg.BaseURL + "/slos/" + b.Objective, At: at,
	})
	return err
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

// TellRecovered resolves the objective's alert.
func (e *Evaluator) TellRecovered(ctx context.Context, id string, at time.Time, r Recovered) error {
	_, err := e.inbox.Take(ctx, alert.Signal{
		ID: id, Source: "slo", Service: r.Service, Rule: r.Objective, Severity: alert.Page,
		Summary: r.Name + ": " + r.Reason, At: at,
	})
	return err
}
