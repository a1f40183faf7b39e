package postmortem

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Query asks for reports, newest first.
type Query struct {
	Before int // an incident's number
	Limit  int
}

// Store keeps reports. One call is one transaction.
type Store interface {
	// Put hands the report of an incident, or nil, to fn and saves what it returns.
	Put(ctx context.Context, incident string, fn func(*Report) (*Report, []event.Fact)) (Report, error)
	// Update hands a report to fn and saves it with its facts. NotFound.
	Update(ctx context.Context, id string, fn func(*Report) ([]event.Fact, error)) (Report, error)
	// Report returns one by its id, or its incident's id or number. NotFound.
	Report(ctx context.Context, id string) (Report, error)
	Reports(ctx context.Context, q Query) ([]Report, error)
}

// Incidents is the part of the incident room that the writer asks.
type Incidents interface {
	Incident(ctx context.Context, id string) (incident.Incident, error)
	Timeline(ctx context.Context, i incident.Incident) ([]event.Record, error)
}

// Catalog is the part of the catalog that the writer asks.
type Catalog interface {
	Service(ctx context.Context, id string) (catalog.Service, error)
	Person(ctx context.Context, id string) (catalog.Person, error)
	People(ctx context.Context) []catalog.Person
}

// Log is the part of the log that the writer reads.
type Log interface {
	Events(ctx context.Context, q event.Query) ([]event.Record, error)
}

// Deps are what a Writer needs.
type Deps struct {
	Store     Store
	Incidents Incidents
	Catalog   Catalog
	Log       Log
	Now       func() time.Time
	NewID     func() string
	Lang      string // of drafts: "en" or "ja"
}

// Writer drafts reports and takes people's edits. It is safe for concurrent use.
type Writer struct{ Deps }

// New returns a Writer.
func New(d Deps) *Writer { return &Writer{d} }

// Draft writes the report of an incident from the log, or writes it again
// while no person has changed it.
func (w *Writer) Draft(ctx context.Context, incidentID string) (Report, error) {
	i, err := w.Incidents.Incident(ctx, incidentID)
	if err != nil {
		return Report{}, fmt.Errorf("draft: %w", err)
	}
	m := Material{Incident: i, Lang: w.Lang, Name: w.name(ctx)}
	if m.Records, err = w.Incidents.Timeline(ctx, i); err != nil {
		return Report{}, err
	}
	if m.Related, err = w.related(ctx, i); err != nil {
		return Report{}, err
	}
	sections := Draft(m)
	return w.Store.Put(ctx, i.ID, func(r *Report) (*Report, []event.Fact) {
		if r != nil && (!r.EditedAt.IsZero() || r.Status == PublishedStatus) {
			return nil, nil
		}
		if r == nil {
			r = &Report{ID: w.NewID(), Incident: i.ID, Number: i.Number, Service: i.Service, Lang: w.Lang, Status: DraftStatus, Title: fmt.Sprintf(phrase(w.Lang, "title"), i.Title)}
		}
		r.Sections, r.DraftedAt = sections, w.Now()
		n, cited := r.Count()
		return r, []event.Fact{r.fact(r.DraftedAt, "", Drafted{Report: r.ID, Incident: i.ID, Number: i.Number, Sentences: n, Cited: cited})}
	})
}

func (w *Writer) name(ctx context.Context) func(string) string {
	return func(id string) string {
		if p, err := w.Catalog.Person(ctx, id); err == nil {
			return p.Name
		}
		return id
	}
}

// related is what happened meanwhile to the configuration and to what the
// service needs.
func (w *Writer) related(ctx context.Context, i incident.Incident) ([]event.Record, error) {
	from, to := i.Span(w.Now())
	out, err := w.Log.Events(ctx, event.Query{Names: []string{"config.applied"}, From: from, To: to})
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	svc, err := w.Catalog.Service(ctx, i.Service)
	if err != nil || len(svc.DependsOn) == 0 {
		return out, nil //nolint:nilerr // a service that left the catalog has no dependencies to look at
	}
	var needs []string
	for _, d := range svc.DependsOn {
		needs = append(needs, d.Service)
	}
	more, err := w.Log.Events(ctx, event.Query{Services: needs, Names: []string{"slo.burning", "alert.fired"}, From: from, To: to})
	if err != nil {
		return nil, fmt.Errorf("read dependencies: %w", err)
	}
	return append(out, more...), nil
}

// Edit replaces a section of a draft. It refuses, as Invalid, a citation that
// is not in the log and a person's name in a section about causes.
func (w *Writer) Edit(ctx context.Context, id string, key Key, text, by string) (Report, error) {
	sentences := ParseSentences(text)
	if err := Blameless(key, sentences, w.Catalog.People(ctx)); err != nil {
		return Report{}, err
	}
	var seqs []int64
	for _, s := range sentences {
		for _, c := range s.Cites {
			seqs = append(seqs, c.Seq)
		}
	}
	known, err := w.records(ctx, seqs)
	if err != nil {
		return Report{}, err
	}
	return w.Store.Update(ctx, id, func(r *Report) ([]event.Fact, error) { return r.Edit(key, text, known, by, w.Now()) })
}

// Publish makes a report final; approver answers for it.
func (w *Writer) Publish(ctx context.Context, id, approver string) (Report, error) {
	if _, err := w.Catalog.Person(ctx, approver); err != nil {
		return Report{}, errs.New(errs.Invalid, "the approver must be a person of the catalog: %w", err)
	}
	var people []string
	for _, p := range w.Catalog.People(ctx) {
		people = append(people, p.ID)
	}
	return w.Store.Update(ctx, id, func(r *Report) ([]event.Fact, error) { return r.Publish(approver, people, w.Now()) })
}

// Report returns one by its id, its incident's id or number, with the records
// it cites.
func (w *Writer) Report(ctx context.Context, id string) (Report, map[int64]event.Record, error) {
	r, err := w.Store.Report(ctx, id)
	if err != nil {
		return r, nil, err
	}
	records, err := w.records(ctx, r.Cites())
	return r, records, err
}

// Reports returns what q asks for, newest first.
func (w *Writer) Reports(ctx context.Context, q Query) ([]Report, error) {
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 100
	}
	return w.Store.Reports(ctx, q)
}

// records loads records by their seq, a few hundred at a time.
func (w *Writer) records(ctx context.Context, seqs []int64) (map[int64]event.Record, error) {
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	out := map[int64]event.Record{}
	for len(seqs) > 0 {
		n := min(len(seqs), 500)
		page, err := w.Log.Events(ctx, event.Query{Seqs: seqs[:n]})
		if err != nil {
			return nil, fmt.Errorf("read citations: %w", err)
		}
		for _, r := range page {
			out[r.Seq] = r
		}
		seqs = seqs[n:]
	}
	return out, nil
}
