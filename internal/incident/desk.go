package incident

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
)

// Query asks for incidents, newest first.
type Query struct {
	Open     bool
	Service  string
	Severity int // 0 for all
	Before   int // a number: those declared before it
	Limit    int
}

// Store keeps incidents. One call is one transaction.
type Store interface {
	// Declare hands the open incident of a service (nil where there is none, or
	// service is "") and the next free number to fn, and saves what fn returns.
	Declare(ctx context.Context, service string, fn func(open *Incident, number int) (*Incident, []event.Fact)) (Incident, error)
	// Update hands an incident to fn and saves it with its facts. NotFound.
	Update(ctx context.Context, id string, fn func(*Incident) ([]event.Fact, error)) (Incident, error)
	// Incident returns one by its id or its number. NotFound.
	Incident(ctx context.Context, idOrNumber string) (Incident, error)
	Incidents(ctx context.Context, q Query) ([]Incident, error)
}

// Alerts is the part of the inbox that the desk asks.
type Alerts interface {
	Alert(ctx context.Context, id string) (alert.Alert, error)
}

// Services is the part of the catalog that the desk asks.
type Services interface {
	Service(ctx context.Context, id string) (catalog.Service, error)
	Person(ctx context.Context, id string) (catalog.Person, error)
}

// Log is the part of the log that the desk reads.
type Log interface {
	Events(ctx context.Context, q event.Query) ([]event.Record, error)
}

// Desk is where incidents are declared and worked on. It is safe for
// concurrent use.
type Desk struct {
	store    Store
	alerts   Alerts
	services Services
	log      Log
	now      func() time.Time
	newID    func() string
}

// Deps are what a Desk needs.
type Deps struct {
	Store    Store
	Alerts   Alerts
	Services Services
	Log      Log
	Now      func() time.Time
	NewID    func() string
}

// New returns a Desk.
func New(d Deps) *Desk {
	return &Desk{store: d.Store, alerts: d.Alerts, services: d.Services, log: d.Log, now: d.Now, newID: d.NewID}
}

// Declare opens an incident by hand.
func (d *Desk) Declare(ctx context.Context, in Declaration) (Incident, error) {
	in.At = d.now()
	if err := in.Validate(); err != nil {
		return Incident{}, err
	}
	if in.Service != "" {
		if _, err := d.services.Service(ctx, in.Service); err != nil {
			return Incident{}, errs.New(errs.Invalid, "declare: %w", err)
		}
	}
	return d.store.Declare(ctx, "", func(_ *Incident, number int) (*Incident, []event.Fact) {
		i, facts := declare(d.newID(), number, in)
		return &i, facts
	})
}

// AlertFired declares an incident for a page-level SLO alert of a tier-1
// service, or attaches an alert to the open incident of its service. Repeating
// it is no news.
func (d *Desk) AlertFired(ctx context.Context, alertID string) error {
	a, err := d.alerts.Alert(ctx, alertID)
	if err != nil {
		return fmt.Errorf("incident for alert %s: %w", alertID, err)
	}
	if a.State() == alert.Resolved || a.Service == "" || a.Severity == alert.Info {
		return nil
	}
	tier := 0
	if svc, err := d.services.Service(ctx, a.Service); err == nil {
		tier = svc.Tier
	}
	objective := ""
	if a.Source == "slo" {
		objective = a.Rule
	}
	_, err = d.store.Declare(ctx, a.Service, func(open *Incident, number int) (*Incident, []event.Fact) {
		if open != nil {
			facts := open.attach(a.ID, objective, a.Summary, d.now())
			return open, facts
		}
		if a.Severity != alert.Page || objective == "" || tier != 1 {
			return nil, nil
		}
		i, facts := declare(d.newID(), number, Declaration{Title: title(a), Service: a.Service, Severity: 2, Alert: a.ID, Rule: objective, At: d.now(), Detected: a.OpenedAt})
		return &i, facts
	})
	return err
}

// title is a short name for what a.Summary says at length: “NAME burns …”.
func title(a alert.Alert) string {
	name, _, ok := strings.Cut(a.Summary, " burns ")
	if !ok || name == "" {
		name = a.Rule
	}
	return a.Service + ": “" + name + "” burns its error budget"
}

// AlertResolved takes an alert off its incident, and ends an incident that
// alerts declared with the last one.
func (d *Desk) AlertResolved(ctx context.Context, service, alertID string) error {
	if service == "" {
		return nil
	}
	_, err := d.store.Declare(ctx, service, func(open *Incident, _ int) (*Incident, []event.Fact) {
		if open == nil {
			return nil, nil
		}
		return open, open.alertResolved(alertID, d.now())
	})
	return err
}

// PageAcked records that somebody answered for a service.
func (d *Desk) PageAcked(ctx context.Context, service, by string, at time.Time) error {
	_, err := d.store.Declare(ctx, service, func(open *Incident, _ int) (*Incident, []event.Fact) {
		if open == nil {
			return nil, nil
		}
		return open, open.answered(by, at)
	})
	return err
}

// SetRole gives a role to a person of the catalog; "" leaves it open.
func (d *Desk) SetRole(ctx context.Context, id string, role Role, person, by string) (Incident, error) {
	if person != "" {
		if _, err := d.services.Person(ctx, person); err != nil {
			return Incident{}, errs.New(errs.Invalid, "give a role: %w", err)
		}
	}
	return d.store.Update(ctx, id, func(i *Incident) ([]event.Fact, error) { return i.setRole(role, person, by, d.now()) })
}

// SetSeverity says how bad it is.
func (d *Desk) SetSeverity(ctx context.Context, id string, severity int, by string) (Incident, error) {
	return d.store.Update(ctx, id, func(i *Incident) ([]event.Fact, error) { return i.setSeverity(severity, by, d.now()) })
}

// Note adds a line to the timeline.
func (d *Desk) Note(ctx context.Context, id, text, by string) (Incident, error) {
	return d.store.Update(ctx, id, func(i *Incident) ([]event.Fact, error) { return i.note(text, by, d.now()) })
}

// Mitigate says that users are no longer hurt.
func (d *Desk) Mitigate(ctx context.Context, id, how, by string) (Incident, error) {
	return d.store.Update(ctx, id, func(i *Incident) ([]event.Fact, error) {
		if i.Status != Investigating {
			return nil, errs.New(errs.Conflict, "incident %d is %s already", i.Number, i.Status)
		}
		return i.mitigate(by, how, d.now(), "web"), nil
	})
}

// Resolve ends the work.
func (d *Desk) Resolve(ctx context.Context, id, by string) (Incident, error) {
	return d.store.Update(ctx, id, func(i *Incident) ([]event.Fact, error) {
		if i.Status == Resolved {
			return nil, errs.New(errs.Conflict, "incident %d is resolved already", i.Number)
		}
		return i.resolve(by, d.now(), "web"), nil
	})
}

// Reopen takes a resolution back.
func (d *Desk) Reopen(ctx context.Context, id, reason, by string) (Incident, error) {
	return d.store.Update(ctx, id, func(i *Incident) ([]event.Fact, error) {
		if i.Status == Investigating {
			return nil, errs.New(errs.Conflict, "incident %d is open", i.Number)
		}
		i.Status, i.MitigatedAt, i.ResolvedAt = Investigating, time.Time{}, time.Time{}
		return []event.Fact{i.fact(d.now(), by, "web", Reopened{Incident: i.ID, Reason: reason})}, nil
	})
}

// Incident returns one by its id or number, or NotFound.
func (d *Desk) Incident(ctx context.Context, id string) (Incident, error) {
	return d.store.Incident(ctx, id)
}

// Incidents returns what q asks for, newest first.
func (d *Desk) Incidents(ctx context.Context, q Query) ([]Incident, error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 100
	}
	return d.store.Incidents(ctx, q)
}

// Timeline returns what the log holds about an incident, in order, each record
// once: about itself, its alerts, pages and objectives, and what happened to
// its service while it lasted.
func (d *Desk) Timeline(ctx context.Context, i Incident) ([]event.Record, error) {
	from, to := i.Span(d.now())
	subjects := []string{Subject(i.ID)}
	for _, a := range i.Alerts {
		subjects = append(subjects, alert.Subject(a))
	}
	for _, o := range i.Objectives {
		subjects = append(subjects, slo.Subject(o))
	}
	// Everything about the incident itself and its alerts, whenever it was; of
	// the rest only what happened while it lasted.
	queries := []event.Query{
		{Subjects: subjects[:1+len(i.Alerts)], Limit: pageSize},
		{Subjects: subjects, From: from, To: to, Limit: pageSize},
	}
	if i.Service != "" {
		queries = append(queries, event.Query{Services: []string{i.Service}, From: from, To: to, Limit: pageSize})
	}
	seen := map[int64]bool{}
	var out []event.Record
	for _, q := range queries {
		records, err := d.readAll(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("timeline of incident %d: %w", i.Number, err)
		}
		for _, r := range records {
			if !seen[r.Seq] && concerns(i, r) {
				seen[r.Seq] = true
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b event.Record) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq))
	})
	return out, nil
}

// concerns reports whether r belongs on i's timeline: of another incident of
// the service only that it was declared and that it was resolved.
func concerns(i Incident, r event.Record) bool {
	other := strings.HasPrefix(r.Subject, Subject("")) && r.Subject != Subject(i.ID)
	return !other || r.Name == (Declared{}).EventName() || r.Name == (ResolvedEvent{}).EventName()
}

// How many records one question of a timeline may bring, and the log at once.
const (
	maxTimeline = 10_000
	pageSize    = 1000 // of the log
)

// readAll reads page by page: the log answers with its oldest records first,
// and the end of a long incident must not be missing.
func (d *Desk) readAll(ctx context.Context, q event.Query) (out []event.Record, err error) {
	for len(out) < maxTimeline {
		page, err := d.log.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if len(page) < pageSize {
			break
		}
		q.After = page[len(page)-1].Seq
	}
	return out, nil
}
