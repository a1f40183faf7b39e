package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
)

// Query asks for alerts, newest first.
type Query struct {
	Service     string
	Source      string
	Rule        string
	Fingerprint string
	State       State    // "" means any
	Unresolved  bool     // only those that are not resolved
	Severity    Severity // "" means any
	Text        string   // in the summary, the rule or the service
	Before      string   // an alert's id: those that opened before it
	Limit       int      // 1 to 500; 0 means 100
}

// Group is the open alerts of one service, the most urgent first.
type Group struct {
	Service string  `json:"service"`
	Worst   Alert   `json:"worst"`
	Open    int     `json:"open"`
	Alerts  []Alert `json:"alerts"`
}

// Store keeps alerts. One use case is one call, and one call is one
// transaction: the alert and its events are saved together or not at all.
type Store interface {
	// Take loads the open alert with s's fingerprint (a new one where there is
	// none), hands it to fn and saves it with s and the facts fn returns. It does
	// nothing where a signal with s's id was taken before.
	Take(ctx context.Context, s Signal, fn func(*Alert) []event.Fact) (Alert, error)
	// TakeAll is Take for each of several signals in one transaction.
	TakeAll(ctx context.Context, all []Signal, fn func(*Alert, Signal) []event.Fact) ([]Alert, error)
	// Update hands the alert to fn and saves it with the facts fn returns.
	// NotFound where there is none.
	Update(ctx context.Context, id string, fn func(*Alert) ([]event.Fact, error)) (Alert, error)
	// Alert returns one alert, or NotFound.
	Alert(ctx context.Context, id string) (Alert, error)
	// Alerts returns what q asks for.
	Alerts(ctx context.Context, q Query) ([]Alert, error)
	// Counts returns the number of alerts that are not resolved, by severity.
	Counts(ctx context.Context) (map[Severity]int, error)
}

// Inbox takes signals and lets people judge them.
type Inbox struct {
	// Describe, where it is given, says more of a signal before it is taken: what the
	// rule knows that the sender does not. It is set before the first Take.
	Describe func(Signal) Signal

	store Store
	now   func() time.Time
}

// NewInbox returns an Inbox on st.
func NewInbox(st Store, now func() time.Time) *Inbox { return &Inbox{store: st, now: now} }

// Take opens an alert, folds s into the open one, or resolves it. When it
// returns nil, s is on disk. A service that the catalog does not know is taken
// as it is: better a page with a wrong name than none.
func (i *Inbox) Take(ctx context.Context, s Signal) (Alert, error) {
	s = i.described(s)
	if err := s.Validate(); err != nil {
		return Alert{}, err
	}
	a, err := i.store.Take(ctx, s, func(a *Alert) []event.Fact { return a.Take(s) })
	if err != nil {
		return a, fmt.Errorf("take %s: %w", s.Fingerprint(), err)
	}
	return a, nil
}

func (i *Inbox) described(s Signal) Signal {
	if i.Describe == nil {
		return s
	}
	return i.Describe(s)
}

// Taken is what became of one signal of several.
type Taken struct {
	Alert Alert
	Err   error // Invalid: it was refused, alone
}

// TakeAll takes several signals in their order, in one transaction. Those that
// are Invalid are refused alone, and say so in their place; an error means that
// none was taken.
func (i *Inbox) TakeAll(ctx context.Context, all []Signal) ([]Taken, error) {
	out := make([]Taken, len(all))
	var good []Signal
	var at []int
	for n, s := range all {
		s = i.described(s)
		if out[n].Err = s.Validate(); out[n].Err == nil {
			good, at = append(good, s), append(at, n)
		}
	}
	if len(good) == 0 {
		return out, nil
	}
	alerts, err := i.store.TakeAll(ctx, good, func(a *Alert, s Signal) []event.Fact { return a.Take(s) })
	if err != nil {
		return nil, fmt.Errorf("take %d signals: %w", len(good), err)
	}
	for n, a := range alerts {
		out[at[n]].Alert = a
	}
	return out, nil
}

// Ack gives the alert to a person. NotFound, or Conflict when it is resolved.
func (i *Inbox) Ack(ctx context.Context, id, by, source string) (Alert, error) {
	return i.store.Update(ctx, id, func(a *Alert) ([]event.Fact, error) { return a.Ack(by, i.now(), source) })
}

// Unack takes an acknowledgement back.
func (i *Inbox) Unack(ctx context.Context, id, by, source string) (Alert, error) {
	return i.store.Update(ctx, id, func(a *Alert) ([]event.Fact, error) { return a.Unack(by, i.now(), source) })
}

// Retell changes what an alert that is not resolved says: its summary, where one
// is given, and annotations beside those that it has. That is no news. NotFound,
// or Conflict when it is resolved.
func (i *Inbox) Retell(ctx context.Context, id, summary string, annotations map[string]string) (Alert, error) {
	return i.store.Update(ctx, id, func(a *Alert) ([]event.Fact, error) { return nil, a.Retell(summary, annotations) })
}

// Resolve closes the alert by hand.
func (i *Inbox) Resolve(ctx context.Context, id, by, source string) (Alert, error) {
	return i.store.Update(ctx, id, func(a *Alert) ([]event.Fact, error) { return a.Close(by, i.now(), source) })
}

// Alert returns one alert, or NotFound.
func (i *Inbox) Alert(ctx context.Context, id string) (Alert, error) { return i.store.Alert(ctx, id) }

// Alerts returns what q asks for, newest first.
func (i *Inbox) Alerts(ctx context.Context, q Query) ([]Alert, error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 100
	}
	return i.store.Alerts(ctx, q)
}

// Counts returns the number of alerts that are not resolved, by severity.
func (i *Inbox) Counts(ctx context.Context) (map[Severity]int, error) { return i.store.Counts(ctx) }

// GroupByService groups alerts, keeping the order in which services appear.
func GroupByService(alerts []Alert) []Group {
	var out []Group
	at := map[string]int{}
	for _, a := range alerts {
		i, ok := at[a.Service]
		if !ok {
			i = len(out)
			at[a.Service] = i
			out = append(out, Group{Service: a.Service, Worst: a})
		}
		g := &out[i]
		g.Alerts = append(g.Alerts, a)
		if a.State() != Resolved {
			g.Open++
		}
		if urgency(a) > urgency(g.Worst) {
			g.Worst = a
		}
	}
	return out
}

// urgency orders alerts: not resolved before resolved, unacknowledged before
// held, then by severity.
func urgency(a Alert) int {
	switch a.State() {
	case Open:
		return 20 + a.Severity.rank()
	case Held:
		return 10 + a.Severity.rank()
	case Resolved:
	}
	return a.Severity.rank()
}
