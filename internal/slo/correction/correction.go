// Package correction keeps the stretches of time that do not count: those of
// documents and those that people made, and tells each objective its own.
//
// # Rules
//
//   - No count is ever changed. Whoever counts asks [Book.For] and leaves out what
//     lies in its intervals.
//   - The edges of an interval are moved outwards to whole [Step]s, so that a slot
//     is in or out as a whole.
//   - Who made a correction, when and why is in the log: [Corrected], [Removed].
package correction

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/period"
)

// Step is what the edges of an interval are whole multiples of.
const Step = 5 * time.Minute

const (
	maxKept = 50_000 // objectives that are remembered; all are dropped when there are more
	spare   = 24 * time.Hour
)

// Store keeps corrections that were made by hand. One call is one transaction.
type Store interface {
	Corrections(ctx context.Context) ([]period.Correction, error)
	PutCorrection(ctx context.Context, c period.Correction, facts ...event.Fact) error
	// DeleteCorrection removes one. NotFound where there is none.
	DeleteCorrection(ctx context.Context, id string, fn func(period.Correction) []event.Fact) error
}

// Corrected says that a stretch of time does not count.
type Corrected struct {
	Correction period.Correction `json:"correction"`
}

// EventName implements event.Event.
func (Corrected) EventName() string { return "slo.corrected" }

// Removed says that a stretch of time counts again.
type Removed struct {
	Correction period.Correction `json:"correction"`
	By         string            `json:"by"`
	Reason     string            `json:"reason,omitempty"`
}

// EventName implements event.Event.
func (Removed) EventName() string { return "slo.correction_removed" }

// Book holds all corrections. It is safe for concurrent use.
type Book struct {
	store Store
	now   func() time.Time
	newID func() string

	mu        sync.RWMutex
	documents []period.Correction
	made      []period.Correction
	change    uint64
	kept      map[question]stretch
}

type question struct{ objective, service, labels string }

// stretch is what was worked out for one objective, over a time.
type stretch struct {
	from, to  time.Time
	intervals []period.Interval
}

// NewBook returns an empty book; [Book.Load] reads what people made.
func NewBook(st Store, now func() time.Time, newID func() string) *Book {
	return &Book{store: st, now: now, newID: newID, kept: map[question]stretch{}}
}

// Load reads the corrections that people made.
func (b *Book) Load(ctx context.Context) error {
	made, err := b.store.Corrections(ctx)
	if err != nil {
		return fmt.Errorf("load corrections: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made = made
	b.changed()
	return nil
}

// Replace puts the corrections of documents in use.
func (b *Book) Replace(documents []period.Correction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.documents = documents
	b.changed()
}

func (b *Book) changed() {
	b.change++
	clear(b.kept)
}

// Changes grows with each change of the corrections: what was computed at an
// older number is to be computed again.
func (b *Book) Changes() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.change
}

// All are the corrections that fit an objective, those of documents first.
func (b *Book) All(o slo.Objective) []period.Correction {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return fitting(o, b.documents, b.made)
}

func fitting(o slo.Objective, lists ...[]period.Correction) (out []period.Correction) {
	for _, list := range lists {
		for _, c := range list {
			if c.Fits(o.ID, o.Service, o.Labels) || (o.Parent != "" && c.Fits(o.Parent, o.Service, o.Labels)) {
				out = append(out, c)
			}
		}
	}
	return out
}

// For are the stretches that do not count for an objective and touch [from, to):
// in order, joined, with edges on whole [Step]s. The answer is shared: it is not
// to be changed.
func (b *Book) For(o slo.Objective, from, to time.Time) []period.Interval {
	b.mu.RLock()
	if len(b.documents)+len(b.made) == 0 {
		b.mu.RUnlock()
		return nil
	}
	q := question{objective: o.ID, service: o.Service, labels: flat(o.Labels)}
	known, ok := b.kept[q]
	at := b.change
	var own []period.Correction
	if !ok || from.Before(known.from) || to.After(known.to) {
		own, ok = fitting(o, b.documents, b.made), false
	}
	b.mu.RUnlock()
	if ok {
		return within(known.intervals, from, to)
	}
	// Who asks at each moment asks for a little more each time: a day to spare.
	next := stretch{from: from.Add(-spare), to: to.Add(spare)}
	if !known.from.IsZero() {
		next.from, next.to = earlier(next.from, known.from), later(next.to, known.to)
	}
	intervals, _ := period.Intervals(own, next.from, next.to) // a rule that is cut has ended by then
	next.intervals = period.Snap(intervals, Step)
	b.mu.Lock()
	defer b.mu.Unlock()
	if at == b.change {
		if len(b.kept) >= maxKept {
			clear(b.kept)
		}
		b.kept[q] = next
	}
	return within(next.intervals, from, to)
}

// within are those of intervals, in order and apart, that touch [from, to).
func within(in []period.Interval, from, to time.Time) []period.Interval {
	first := sort.Search(len(in), func(i int) bool { return in[i].End.After(from) })
	last := sort.Search(len(in), func(i int) bool { return !in[i].Start.Before(to) })
	if first >= last {
		return nil
	}
	return in[first:last:last]
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// flat is a map as a text that is the same for equal maps.
func flat(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	parts := make([]string, 0, len(m))
	for k, v := range m {
		parts = append(parts, k+"\x00"+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, "\x01")
}

// Make keeps a correction of one objective, of the past or of the future.
func (b *Book) Make(ctx context.Context, o slo.Objective, c period.Correction, source string) (period.Correction, error) {
	now := b.now().UTC()
	c.ID, c.Created, c.Objectives, c.Services, c.Labels = b.newID(), now, []string{o.ID}, nil, nil
	c.Reason = strings.TrimSpace(c.Reason)
	if err := c.Validate(); err != nil {
		return c, errs.New(errs.Invalid, "%w", err)
	}
	fact := event.Fact{Event: Corrected{c}, At: now, Service: o.Service, Subject: slo.Subject(o.ID), Actor: "person/" + c.By, Source: source}
	if err := b.store.PutCorrection(ctx, c, fact); err != nil {
		return c, err
	}
	return c, b.Load(ctx)
}

// Remove makes a stretch count again. Only what was made by hand can be removed:
// Conflict for a correction of a document, NotFound where there is none.
func (b *Book) Remove(ctx context.Context, o slo.Objective, id, by, reason, source string) error {
	own := b.All(o)
	i := slices.IndexFunc(own, func(c period.Correction) bool { return c.ID == id })
	switch {
	case i < 0:
		return errs.New(errs.NotFound, "%s has no correction %q", o.ID, id)
	case own[i].Source != "":
		return errs.New(errs.Conflict, "correction %q is a document: change %s", id, own[i].Source)
	}
	now := b.now().UTC()
	err := b.store.DeleteCorrection(ctx, id, func(c period.Correction) []event.Fact {
		return []event.Fact{{Event: Removed{c, by, reason}, At: now, Service: o.Service, Subject: slo.Subject(o.ID), Actor: "person/" + by, Source: source}}
	})
	if err != nil {
		return err
	}
	return b.Load(ctx)
}
