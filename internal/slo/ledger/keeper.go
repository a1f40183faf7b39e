package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/change"
	"github.com/hinoban/hinoban/internal/slo/period"
)

const (
	// ChangeWindow is how long after a change bad events are put down to it.
	ChangeWindow = 30 * time.Minute
	// fourWeeks is the time whose budget one incident may not spend a fifth of.
	fourWeeks = 28 * 24 * time.Hour
	// lead is how long before it was declared an incident has begun: what led to it
	// is its own.
	lead = 15 * time.Minute
	// tooMuch is that fifth: SRE Workbook, appendix B.
	tooMuch = 0.2
	maxRead = 1000 // records of one name
)

// Slots counts what happened in slots of a length, the last of which ends at to.
type Slots interface {
	Slots(ctx context.Context, o slo.Objective, from, to time.Time, step time.Duration) ([]Slot, error)
}

// Counts is how slots are counted by windows: [ByWindow] makes Slots of it.
type Counts interface {
	Counts(ctx context.Context, o slo.Objective, e slo.Ends) ([]slo.Count, error)
}

// ByWindow counts each slot as a window that ends with it.
type ByWindow struct{ Counts Counts }

// Slots implements Slots.
func (b ByWindow) Slots(ctx context.Context, o slo.Objective, from, to time.Time, step time.Duration) ([]Slot, error) {
	counts, err := b.Counts.Counts(ctx, o, slo.Ends{Window: step, From: from.Add(step), To: to, Step: step})
	out := make([]Slot, 0, len(counts))
	for _, c := range counts {
		out = append(out, Slot{Start: c.At.Add(-step), End: c.At, Bad: c.Bad(), Total: c.Total, Known: c.Known, Unit: c.Unit})
	}
	return out, err
}

// Events is the part of the log that the keeper reads.
type Events interface {
	Events(ctx context.Context, q event.Query) ([]event.Record, error)
}

// Corrections is the part of the corrections that the keeper asks.
type Corrections interface {
	All(o slo.Objective) []period.Correction
}

// Services is the part of the catalog that the keeper asks.
type Services interface {
	Service(ctx context.Context, id string) (catalog.Service, error)
}

// Store remembers which incidents were told of. One call is one transaction.
type Store interface {
	// Overspent publishes facts unless the incident was told of before.
	Overspent(ctx context.Context, incident, objective string, at time.Time, facts ...event.Fact) error
}

// Overspent says that one incident spent more than a fifth of a four-week
// budget: it needs a postmortem with an action of the highest priority.
type Overspent struct {
	Incident  string  `json:"incident"` // its subject in the log
	Title     string  `json:"title"`
	Objective string  `json:"objective"`
	Service   string  `json:"service"`
	Bad       int64   `json:"bad"`
	Allowed   float64 `json:"allowed"` // of the four weeks
	Share     float64 `json:"share"`
}

// EventName implements event.Event.
func (Overspent) EventName() string { return "slo.overspent" }

// Keeper makes ledgers of what it can ask.
type Keeper struct {
	Slots       Slots
	Events      Events
	Corrections Corrections
	Services    Services
	Store       Store
	Objectives  func() []slo.Objective
	Now         func() time.Time
}

// Step is the length of a slot for a span: 5 minutes, or so many times that
// there are 2,880 slots at most.
func Step(span time.Duration) time.Duration {
	const least = 5 * time.Minute
	n := int((span + 2880*least - 1) / (2880 * least))
	return time.Duration(max(1, n)) * least
}

// Ledger is what spent the budget of an objective in [from, to), with both ends
// moved back to whole steps.
func (k *Keeper) Ledger(ctx context.Context, o slo.Objective, from, to time.Time) (Ledger, error) {
	step := Step(to.Sub(from))
	from, to = from.Truncate(step), to.Truncate(step)
	slots, err := k.Slots.Slots(ctx, o, from, to, step)
	if err != nil {
		return Ledger{}, fmt.Errorf("count %s: %w", o.ID, err)
	}
	causes, err := k.Causes(ctx, o, from, to)
	if err != nil {
		return Ledger{}, err
	}
	return Close(o, from, to, step, slots, causes), nil
}

// Causes are all stretches with a reason that touch [from, to).
func (k *Keeper) Causes(ctx context.Context, o slo.Objective, from, to time.Time) (out []Cause, err error) {
	for _, c := range k.Corrections.All(o) {
		kind := Corrected
		if c.Category == period.LoadTest || c.Category == period.FaultInjection {
			kind = Test
		}
		in, _ := c.Intervals(from, to)
		for _, i := range period.Snap(in, 5*time.Minute) {
			out = append(out, Cause{ID: "correction/" + c.ID, Kind: kind, Title: c.Reason, From: i.Start, To: i.End, Free: true})
		}
	}
	// What began before may go on: read as far back again.
	since := from.Add(-to.Sub(from))
	incidents, err := k.spans(ctx, event.Query{Services: []string{o.Service}, Names: []string{"incident.declared", "incident.resolved"}, From: since, To: to, Newest: true, Limit: maxRead}, Incident, to)
	if err != nil {
		return nil, err
	}
	out = append(out, incidents...)
	burns, err := k.dependencies(ctx, o, since, to)
	if err != nil {
		return nil, err
	}
	out = append(out, burns...)
	records, err := k.Events.Events(ctx, event.Query{Services: []string{o.Service}, Names: []string{change.Name}, From: from.Add(-ChangeWindow), To: to, Newest: true, Limit: maxRead})
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	for _, c := range change.Of(records) {
		out = append(out, Cause{ID: "change/" + strconv.FormatInt(c.Seq, 10), Kind: Change, Title: c.Summary, Href: href(c.Seq), From: c.At, To: c.At.Add(ChangeWindow)})
	}
	return out, nil
}

func href(seq int64) string { return "/log/" + strconv.FormatInt(seq, 10) }

// dependencies are the burns of what the service cannot do without.
func (k *Keeper) dependencies(ctx context.Context, o slo.Objective, since, to time.Time) ([]Cause, error) {
	s, err := k.Services.Service(ctx, o.Service)
	if err != nil {
		return nil, nil //nolint:nilerr // a service that is not in the catalog needs nothing that we know
	}
	var needs []string
	for _, d := range s.DependsOn {
		if d.Hard {
			needs = append(needs, d.Service)
		}
	}
	if len(needs) == 0 {
		return nil, nil
	}
	return k.spans(ctx, event.Query{Services: needs, Names: []string{"slo.burning", "slo.recovered"}, From: since, To: to, Newest: true, Limit: maxRead}, Dependency, to)
}

// spans pairs records that begin and end something, by subject.
func (k *Keeper) spans(ctx context.Context, q event.Query, kind Kind, to time.Time) ([]Cause, error) {
	records, err := k.Events.Events(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kind, err)
	}
	return Pair(records, kind, to), nil
}

// Pair makes stretches of records, the newest first: the end of each is in it or
// is to.
func Pair(records []event.Record, kind Kind, to time.Time) (out []Cause) {
	ends := map[string]time.Time{}
	for _, r := range records {
		var p struct {
			Title string `json:"title"`
			Name  string `json:"name"`
		}
		if json.Unmarshal(r.Payload, &p) != nil {
			continue
		}
		if r.Name == "incident.resolved" || r.Name == "slo.recovered" {
			ends[r.Subject] = r.At
			continue
		}
		c := Cause{ID: r.Subject, Kind: kind, Title: p.Title, Href: href(r.Seq), From: r.At, To: to}
		if kind == Incident {
			c.From = c.From.Add(-lead)
		}
		if kind == Dependency {
			c.Title = r.Service + ": " + p.Name
		}
		if end, ok := ends[r.Subject]; ok {
			c.To = end
			delete(ends, r.Subject)
		}
		out = append(out, c)
	}
	return out
}

// Sweep looks at the incidents of the last four weeks that are open, or were
// resolved a moment ago, and tells of each that spent too much. It is one round
// of a worker.
func (k *Keeper) Sweep(ctx context.Context) error {
	now := k.Now().UTC()
	from := now.Add(-fourWeeks)
	records, err := k.Events.Events(ctx, event.Query{Names: []string{"incident.declared", "incident.resolved"}, From: from, To: now, Newest: true, Limit: maxRead})
	if err != nil {
		return fmt.Errorf("read incidents: %w", err)
	}
	services := map[string]bool{}
	for i, c := range Pair(records, Incident, now) {
		if c.To.Before(now.Add(-time.Hour)) || i >= 200 {
			continue
		}
		for _, r := range records {
			if r.Subject == c.ID {
				services[r.Service] = true
			}
		}
	}
	for _, o := range k.Objectives() {
		if o.PartOf != "" || o.Service == "" || !services[o.Service] {
			continue
		}
		l, err := k.Ledger(ctx, o, from, now)
		if err != nil {
			return err
		}
		if err := k.tell(ctx, o, l, now); err != nil {
			return err
		}
	}
	return nil
}

func (k *Keeper) tell(ctx context.Context, o slo.Objective, l Ledger, now time.Time) error {
	for _, e := range l.Entries {
		if e.Kind != Incident || e.Share <= tooMuch {
			continue
		}
		fact := event.Fact{
			Event: Overspent{Incident: e.ID, Title: e.Title, Objective: o.ID, Service: o.Service, Bad: e.Bad, Allowed: l.Allowed, Share: e.Share},
			At:    now, Service: o.Service, Subject: slo.Subject(o.ID), Actor: "slo.ledger", Source: "slo",
		}
		if err := k.Store.Overspent(ctx, e.ID, o.ID, now, fact); err != nil {
			return fmt.Errorf("tell of %s: %w", e.ID, err)
		}
	}
	return nil
}
