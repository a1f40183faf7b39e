// Package review holds the reviews of objectives: when one is due, what is on
// its agenda, what was decided and by whom; and the report of a period.
//
// # Rules
//
//   - A target is too loose where, in each of the last four periods, half of the
//     budget or more was left; it is too tight where two of the four were missed.
//     A period without data says nothing.
//   - A review is due when its cycle comes round, and overdue a week later.
//   - What was decided is kept with the agenda that it was decided on.
package review

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
)

const (
	looked = 4                  // periods that the test of a target looks at
	grace  = 7 * 24 * time.Hour // after which what is due is overdue
	most   = 500                // objectives of one report
)

// Fit says whether a target suits what is measured.
type Fit string

// The fits.
const (
	Suits    Fit = ""
	TooLoose Fit = "too_loose"
	TooTight Fit = "too_tight"
)

// Attained is what one objective did in one period. Corrected time does not count.
type Attained struct {
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Bad       int64     `json:"bad"`
	Total     int64     `json:"total"`
	Unit      int64     `json:"unit"` // parts that one event is counted in: divide bad and total by it
	Known     bool      `json:"known"`
	Met       bool      `json:"met"`
	Remaining float64   `json:"remaining"` // of the budget at the end; below 0 when overspent
	Unknown   int       `json:"unknown"`   // slots without data
}

// Test says whether a target suits four periods, the newest first.
func Test(periods []Attained) Fit {
	missed, well := 0, 0
	for _, p := range periods[:min(looked, len(periods))] {
		switch {
		case !p.Known:
		case !p.Met:
			missed++
		case p.Remaining >= 0.5:
			well++
		}
	}
	switch {
	case missed >= 2:
		return TooTight
	case well == looked:
		return TooLoose
	}
	return Suits
}

// Line is one objective on an agenda.
type Line struct {
	Objective string         `json:"objective"`
	Name      string         `json:"name"`
	Target    string         `json:"target"` // percent
	Window    string         `json:"window"`
	Periods   []Attained     `json:"periods"` // the newest first
	Fit       Fit            `json:"fit"`
	Spend     []ledger.Entry `json:"spend"` // of the newest period
	Unit      int64          `json:"unit"`  // parts that one event of Spend is counted in
	Pages     int            `json:"pages"` // page-level burns in the newest period
	Judged    int            `json:"judged"`
	Right     int            `json:"right"` // of the judged ones, those that people called actionable
	Problem   string         `json:"problem,omitempty"`
}

// Agenda is what a review of a service looks at.
type Agenda struct {
	Service string    `json:"service"`
	At      time.Time `json:"at"`
	Lines   []Line    `json:"lines"`
}

// Record is a review that was held.
type Record struct {
	ID       string    `json:"id"`
	Service  string    `json:"service"`
	Due      time.Time `json:"due,omitzero"` // the round of the cycle that it was for
	Held     time.Time `json:"held"`
	By       string    `json:"by"` // who signed
	Decision string    `json:"decision"`
	Notes    string    `json:"notes"`
	Agenda   Agenda    `json:"agenda"`
}

// Decisions are what a review can come to.
func Decisions() []string { return []string{"keep", "tighten", "loosen", "change_sli", "invest"} }

// Held says that the objectives of a service were reviewed.
type Held struct {
	Review   string    `json:"review"`
	Service  string    `json:"service"`
	Decision string    `json:"decision"`
	Notes    string    `json:"notes,omitempty"`
	By       string    `json:"by"`
	Due      time.Time `json:"due,omitzero"`
}

// EventName implements event.Event.
func (Held) EventName() string { return "slo.review_held" }

// Store keeps reviews. One call is one transaction.
type Store interface {
	PutReview(ctx context.Context, r Record, facts ...event.Fact) error
	// Reviews are those of a service ("" for all), the newest first, without agendas.
	Reviews(ctx context.Context, service string, limit int) ([]Record, error)
	// Review is one with its agenda. NotFound where there is none.
	Review(ctx context.Context, id string) (Record, error)
	// LastReviews is when each service was last reviewed.
	LastReviews(ctx context.Context) (map[string]time.Time, error)
}

// Status says how a service stands with its reviews.
type Status string

// The statuses.
const (
	Done    Status = "done"
	Due     Status = "due"
	Overdue Status = "overdue"
	NoCycle Status = "no_cycle"
)

// Standing is a service and its reviews.
type Standing struct {
	Service string    `json:"service"`
	Policy  string    `json:"policy"`
	Status  Status    `json:"status"`
	Due     time.Time `json:"due,omitzero"`  // the round that is due, or was held
	Next    time.Time `json:"next,omitzero"` // the one after
	Last    time.Time `json:"last,omitzero"` // when one was last held
}

// Stand says how a cycle stands at now, where a review was last held at last.
func Stand(c *period.Cycle, last, now time.Time) (s Standing) {
	s.Last, s.Status = last, NoCycle
	if c == nil {
		return s
	}
	s.Status = Done
	if next, ok := c.Next(now.Add(1)); ok {
		s.Next = next.UTC()
	}
	due, ok := c.Last(now.Add(1))
	if !ok {
		return s // the first round has not come yet
	}
	s.Due = due.UTC()
	switch {
	case !last.Before(due):
	case now.Sub(due) > grace:
		s.Status = Overdue
	default:
		s.Status = Due
	}
	return s
}

// Gate is the part of the gate that the desk asks.
type Gate interface {
	PolicyFor(ctx context.Context, service string) (policy.Policy, error)
}

// Ledgers is what the desk asks for numbers.
type Ledgers interface {
	Ledger(ctx context.Context, o slo.Objective, from, to time.Time) (ledger.Ledger, error)
}

// Desk holds reviews. It is safe for concurrent use.
type Desk struct {
	Gate       Gate
	Ledgers    Ledgers
	Events     ledger.Events
	Store      Store
	Objectives func() []slo.Objective
	Now        func() time.Time
	NewID      func() string
}

// of are the objectives of a service; those of groups are left to their parents'
// page, by their number.
func (d *Desk) of(service string) (out []slo.Objective) {
	for _, o := range d.Objectives() {
		if o.Service == service && o.PartOf == "" {
			out = append(out, o)
		}
	}
	return out
}

// Standings are all services that promise something, the most urgent first.
func (d *Desk) Standings(ctx context.Context) ([]Standing, error) {
	last, err := d.Store.LastReviews(ctx)
	if err != nil {
		return nil, fmt.Errorf("load reviews: %w", err)
	}
	now, seen := d.Now().UTC(), map[string]bool{}
	var out []Standing
	for _, o := range d.Objectives() {
		if o.Service == "" || seen[o.Service] {
			continue
		}
		seen[o.Service] = true
		p, err := d.Gate.PolicyFor(ctx, o.Service)
		if err != nil {
			p = policy.Builtin() // a service that is not in the catalog
		}
		s := Stand(p.Review, last[o.Service], now)
		s.Service, s.Policy = o.Service, p.ID
		out = append(out, s)
	}
	urgent := []Status{Overdue, Due, Done, NoCycle}
	slices.SortFunc(out, func(a, b Standing) int {
		if c := slices.Index(urgent, a.Status) - slices.Index(urgent, b.Status); c != 0 {
			return c
		}
		return strings.Compare(a.Service, b.Service)
	})
	return out, nil
}

// Agenda fills the agenda of a service from data. NotFound where it promises
// nothing.
func (d *Desk) Agenda(ctx context.Context, service string) (Agenda, error) {
	own, now := d.of(service), d.Now().UTC()
	if len(own) == 0 {
		return Agenda{}, errs.New(errs.NotFound, "service %q has no SLO to review", service)
	}
	a := Agenda{Service: service, At: now, Lines: []Line{}}
	for _, o := range own[:min(len(own), 50)] {
		l := Line{Objective: o.ID, Name: o.Name, Target: o.Target.Percent(), Window: slo.Short(o.Window), Spend: []ledger.Entry{}, Periods: []Attained{}}
		for i, p := range Periods(o, now, looked) {
			led, err := d.Ledgers.Ledger(ctx, o, p.Start, p.End)
			if err != nil {
				l.Problem = err.Error() // the rest of the agenda is still worth a look
				break
			}
			l.Periods = append(l.Periods, attain(o, p, led))
			if i == 0 {
				l.Spend, l.Unit = append(l.Spend, led.Entries...), led.Unit
			}
		}
		l.Fit = Test(l.Periods)
		if err := d.pages(ctx, o, now, &l); err != nil {
			return a, err
		}
		a.Lines = append(a.Lines, l)
	}
	return a, nil
}

func attain(o slo.Objective, p period.Period, l ledger.Ledger) Attained {
	a := Attained{Start: p.Start.UTC(), End: p.End.UTC(), Bad: l.Spent, Total: l.Total, Unit: l.Unit, Unknown: l.Unknown}
	a.Remaining, a.Known = o.Target.Left(l.Spent, l.Total)
	a.Met = a.Known && a.Remaining >= 0
	return a
}

// Periods are the last n periods of an objective before now, the newest first:
// whole ones of its calendar, or its rolling window laid end to end.
func Periods(o slo.Objective, now time.Time, n int) (out []period.Period) {
	if o.Calendar == nil {
		for i := range n {
			out = append(out, period.Rolling(o.Window, now.Add(-time.Duration(i)*o.Window)))
		}
		return out
	}
	c := o.Calendar.Located()
	for p := c.At(now); len(out) < n; {
		p = c.Before(p)
		out = append(out, p)
	}
	return out
}

// Hold keeps what was decided. The one who signs is by.
func (d *Desk) Hold(ctx context.Context, service, decision, notes, by, source string) (Record, error) {
	if !slices.Contains(Decisions(), decision) {
		return Record{}, errs.New(errs.Invalid, "%q is not a decision: %s", decision, strings.Join(Decisions(), ", "))
	}
	if len(notes) > 10_000 {
		return Record{}, errs.New(errs.Invalid, "the notes are longer than 10,000 bytes")
	}
	a, err := d.Agenda(ctx, service)
	if err != nil {
		return Record{}, err
	}
	r := Record{ID: d.NewID(), Service: service, Held: d.Now().UTC(), By: by, Decision: decision, Notes: strings.TrimSpace(notes), Agenda: a}
	if p, err := d.Gate.PolicyFor(ctx, service); err == nil {
		r.Due = Stand(p.Review, time.Time{}, r.Held).Due
	}
	fact := event.Fact{
		Event: Held{Review: r.ID, Service: service, Decision: decision, Notes: r.Notes, By: by, Due: r.Due},
		At:    r.Held, Service: service, Subject: "review/" + r.ID, Actor: "person/" + by, Source: source,
	}
	return r, d.Store.PutReview(ctx, r, fact)
}
