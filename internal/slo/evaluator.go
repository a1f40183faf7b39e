package slo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// Counter counts the events of an objective over windows that end at a time. A
// window without data is not known, which is no error.
type Counter interface {
	// Windows counts every window of o: see [Objective.Windows].
	Windows(ctx context.Context, o Objective, at time.Time) (map[time.Duration]Count, error)
	// Count counts one window of any length.
	Count(ctx context.Context, o Objective, window time.Duration, at time.Time) (Count, error)
	// Expr is the expression whose value is compared, for people to read.
	Expr(o Objective, window time.Duration) string
}

// Stream is a Counter that counts as samples come.
type Stream interface {
	Counter
	// Tick brings the counts up to now.
	Tick() error
	// Touched returns the objectives for which events came since the last call.
	Touched() []string
	// Instances are the objectives as they are counted, grouped ones once for each
	// group; edition changes whenever they do.
	Instances() (list []Objective, edition int)
	// Complete reports whether all groups are known that there are samples of: until
	// then one that is not among the instances may still come.
	Complete() bool
	// Sums counts windows of o that end at a time, as numbers only and allocating
	// nothing.
	Sums(o *Objective, windows []time.Duration, at time.Time, into []budget.Sum) error
}

// ErrLoading says that the past of an objective is being read still.
var ErrLoading = errs.New(errs.Unavailable, "its past is being counted")

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
	Every   time.Duration // between two looks at objectives for which no event came
	BaseURL string
	Acts    func() bool // whether this server keeps what burns and tells of it; nil: always
}

// Default returns the configuration in use when nothing else is said.
func Default() Config { return Config{Every: 10 * time.Second} }

// Evaluator keeps the status of every objective. It is safe for concurrent use.
type Evaluator struct {
	cfg     Config
	counter Counter
	store   Store
	inbox   Inbox
	now     func() time.Time

	mu         sync.RWMutex
	objectives []Objective
	looks      []*look        // one for each, in their order
	place      map[string]int // of an objective in them
	statuses   map[string]Status
	burns      map[string]Burn // what the store holds; nil until it was read
	edition    int             // of the objectives: what was seen of an older one is not kept
	streamed   int             // the edition of the stream's instances that is in use
	looked     time.Time       // at all objectives
	watches    bool            // another server acts, and changes what burns
}

// New returns an Evaluator without objectives.
func New(cfg Config, c Counter, st Store, in Inbox, now func() time.Time) *Evaluator {
	return &Evaluator{cfg: cfg, counter: c, store: st, inbox: in, now: now, statuses: map[string]Status{}}
}

// Replace puts objectives in use, in the order of their ids. The next look is at
// all of them.
func (e *Evaluator) Replace(objectives []Objective) {
	e.mu.Lock()
	defer e.mu.Unlock()
	place, statuses := make(map[string]int, len(objectives)), map[string]Status{}
	looks := make([]*look, len(objectives))
	for i, o := range objectives {
		place[o.ID] = i
		looks[i] = ready(o)
		looks[i].began = e.now()
		was, ok := e.place[o.ID]
		if !ok {
			continue
		}
		looks[i].began = e.looks[was].began
		if slices.Equal(e.objectives[was].Pairs, o.Pairs) {
			looks[i].since = e.looks[was].since
		}
		if s := e.statuses[o.ID]; e.objectives[was].SLI == o.SLI && s.Counts != nil {
			s = looks[i].judge(s.Counts, s.At)
			looks[i].held(&s, func(int) time.Time { return s.At })
			statuses[o.ID] = s
		}
	}
	e.objectives, e.looks, e.place, e.statuses = objectives, looks, place, statuses
	e.edition++
	e.looked = time.Time{}
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
	i, ok := e.place[id]
	if !ok {
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

// Evaluate looks at the objectives for which events came, and now and then at
// all of them: windows end without events too. It is one round of a worker.
func (e *Evaluator) Evaluate(ctx context.Context) error {
	if err := e.loadBurns(ctx); err != nil {
		return err
	}
	terr := e.tick()
	looks, all, edition := e.due()
	failed := []error{terr}
	var sums []budget.Sum
	for _, l := range looks {
		if !all && e.unchanged(l, &sums) {
			continue
		}
		if err := e.one(ctx, l, edition); err != nil {
			failed = append(failed, fmt.Errorf("evaluate %s: %w", l.ID, err)) // one that fails does not stop the others
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if all && e.acts() {
		failed = append(failed, e.forget(ctx))
	}
	return errors.Join(failed...)
}

// tick brings a stream up to now, and its instances into use.
func (e *Evaluator) tick() error {
	st, ok := e.counter.(Stream)
	if !ok {
		return nil
	}
	err := st.Tick()
	list, edition := st.Instances()
	e.mu.RLock()
	same := edition == e.streamed
	e.mu.RUnlock()
	if !same {
		e.Replace(list)
		e.mu.Lock()
		e.streamed = edition
		e.mu.Unlock()
	}
	return err
}

// due returns the objectives to look at now.
func (e *Evaluator) due() (list []*look, all bool, edition int) {
	now := e.now()
	var touched []string
	st, ok := e.counter.(Stream)
	if ok {
		touched = st.Touched()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !ok || now.Sub(e.looked) >= e.cfg.Every || now.Before(e.looked) {
		e.looked = now
		return e.looks, true, e.edition
	}
	for _, id := range touched {
		if i, ok := e.place[id]; ok {
			list = append(list, e.looks[i])
		}
	}
	return list, false, e.edition
}

func (e *Evaluator) acts() bool { return e.cfg.Acts == nil || e.cfg.Acts() }

func (e *Evaluator) loadBurns(ctx context.Context) error {
	acts := e.acts()
	e.mu.Lock()
	// While another server acts, its changes are read with each look at everything.
	have := e.burns != nil && (acts && !e.watches || !acts && e.now().Sub(e.looked) < e.cfg.Every)
	e.watches = !acts
	e.mu.Unlock()
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

// unchanged reports whether the same pairs burn as at the last look, in a
// microsecond: all else can wait for the next look at everything.
func (e *Evaluator) unchanged(l *look, sums *[]budget.Sum) bool {
	st, ok := e.counter.(Stream)
	if !ok {
		return false
	}
	*sums = slices.Grow((*sums)[:0], len(l.windows))[:len(l.windows)]
	now := e.now()
	return st.Sums(&l.Objective, l.windows, now, *sums) == nil && !l.doubtful && l.quick(*sums, now)
}

// one looks at one objective: counts, judges, and saves the change.
func (e *Evaluator) one(ctx context.Context, l *look, edition int) error {
	now, o := e.now(), l.Objective
	counts, cerr := e.counter.Windows(ctx, o, now)
	if cerr != nil {
		counts = e.Status(o).Counts
	}
	s := l.judge(counts, now)
	switch l.doubtful = cerr != nil; {
	case errors.Is(cerr, ErrLoading):
		s.Loading = true
	case cerr != nil:
		s.Problem = cerr.Error()
	default:
		l.held(&s, func(i int) time.Time { return e.burnedBefore(ctx, l, i, now) })
	}
	burn, current := e.keep(o.ID, edition, s)
	switch {
	case !current:
		return nil // the objectives were replaced meanwhile: the next round looks at the new ones
	case errors.Is(cerr, ErrLoading):
		return nil // it is said on the page; the next round may know
	case cerr != nil:
		return cerr // what could not be counted changes nothing
	case !e.acts():
		return nil // another server does
	}
	if err := e.watch(ctx, l, s); err != nil {
		return err
	}
	next, facts := Change(burn, o, s, func() string { return e.expr(o, s) })
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
func (e *Evaluator) keep(id string, edition int, s Status) (burn Burn, current bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if edition != e.edition {
		return Burn{}, false
	}
	e.statuses[id] = s
	return e.burns[id], true
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

// forget ends the burns of what is no longer watched: objectives that are not in use
// any more, and alerts that they have no more.
func (e *Evaluator) forget(ctx context.Context) error {
	st, ok := e.counter.(Stream)
	complete := !ok || st.Complete()
	gone, reasons := map[string]Burn{}, map[string]string{}
	e.mu.RLock()
	for key, b := range e.burns {
		of, condition := b.watched()
		switch i, ok := e.place[of]; {
		case ok && !e.looks[i].watches(condition):
			gone[key], reasons[key] = b, "the alert was removed"
		case !ok && complete:
			gone[key], reasons[key] = b, "the objective was removed"
		}
	}
	e.mu.RUnlock()
	var failed []error
	for key, b := range gone {
		now := e.now()
		of, condition := b.watched()
		fact := event.Fact{At: now, Service: b.Service, Subject: Subject(of), Actor: worker, Source: "slo", Event: Recovered{
			Objective: of, Condition: condition, Name: b.Name, Service: b.Service, Since: b.Since, Seconds: now.Sub(b.Since).Seconds(), Reason: reasons[key],
		}}
		failed = append(failed, e.save(ctx, b.Objective, Burn{Objective: b.Objective}, []event.Fact{fact}))
	}
	return errors.Join(failed...)
}
