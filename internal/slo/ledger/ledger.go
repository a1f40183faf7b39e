// Package ledger says what spent an error budget.
//
// # Words
//
// A [Slot] is a stretch of time with its bad events, a [Cause] a stretch of time
// with a reason. [Attribute] gives each slot, whole, to one cause.
//
// # Rules
//
//   - Every bad event belongs to exactly one cause, in this order: a load test or an
//     injected fault, another correction, an incident, a dependency that burned, a
//     change, and what is left is unexplained. Of several of one kind the one that
//     began last before the slot's end has it, because the newer is the likelier.
//   - The sum of all entries is the sum of all slots, exactly.
//   - What falls into a correction is shown and is not spent.
package ledger

import (
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
)

// Kind is what sort of cause it is.
type Kind string

// The kinds, in the order of their precedence.
const (
	Test        Kind = "test" // a load test or an injected fault
	Corrected   Kind = "correction"
	Incident    Kind = "incident"
	Dependency  Kind = "dependency"
	Change      Kind = "change"
	Unexplained Kind = "unexplained"
)

func (k Kind) rank() int {
	return slices.Index([]Kind{Test, Corrected, Incident, Dependency, Change, Unexplained}, k)
}

// Slot is what happened in one stretch of time.
type Slot struct {
	Start, End time.Time
	Bad, Total int64
	Known      bool
	Unit       int64 // parts that one event is counted in; 0 is 1
}

// Cause is a reason, from its beginning to its end. Free is what is not spent.
type Cause struct {
	ID    string    `json:"id,omitempty"`
	Kind  Kind      `json:"kind"`
	Title string    `json:"title,omitempty"`
	Href  string    `json:"href,omitempty"`
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to,omitzero"`
	Free  bool      `json:"free"`
}

// Entry is a cause and what it spent.
type Entry struct {
	Cause

	Bad   int64     `json:"bad"`   // in parts, as the ledger's
	First time.Time `json:"first"` // of its slots with bad events
	Last  time.Time `json:"last"`
	Share float64   `json:"share"` // of the budget; 0 where it is free or nothing is known
}

// Attribute gives the bad events of each slot to one cause: those with the most
// first. It is pure.
func Attribute(slots []Slot, causes []Cause) []Entry {
	by := map[int]*Entry{}
	for _, s := range slots {
		if s.Bad <= 0 {
			continue
		}
		i := pick(s, causes)
		e := by[i]
		if e == nil {
			e = &Entry{Cause: Cause{Kind: Unexplained}, First: s.Start}
			if i >= 0 {
				e.Cause = causes[i]
			}
			by[i] = e
		}
		e.Bad += s.Bad
		e.Last = s.End
	}
	out := make([]Entry, 0, len(by))
	for _, e := range by {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b Entry) int {
		switch {
		case a.Bad != b.Bad && a.Bad > b.Bad:
			return -1
		case a.Bad != b.Bad:
			return 1
		case a.Kind != b.Kind:
			return a.Kind.rank() - b.Kind.rank()
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// pick is the cause that has a slot, or -1.
func pick(s Slot, causes []Cause) int {
	best := -1
	for i, c := range causes {
		if !c.From.Before(s.End) || !c.To.After(s.Start) {
			continue
		}
		if best < 0 || before(c, causes[best]) {
			best = i
		}
	}
	return best
}

func before(a, b Cause) bool {
	switch {
	case a.Kind != b.Kind:
		return a.Kind.rank() < b.Kind.rank()
	case !a.From.Equal(b.From):
		return a.From.After(b.From)
	}
	return a.ID < b.ID
}

// Ledger is what spent the budget of one objective.
type Ledger struct {
	Objective string    `json:"objective"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Step      string    `json:"step"` // of a slot, which has one cause
	Unit      int64     `json:"unit"` // parts that one event is counted in: divide bad, spent, total and allowed by it
	Bad       int64     `json:"bad"`  // of all entries
	Spent     int64     `json:"spent"`
	Total     int64     `json:"total"`
	Allowed   float64   `json:"allowed"` // bad events that the budget is
	Unknown   int       `json:"unknown"` // slots without data
	Entries   []Entry   `json:"entries"`
}

// Close makes the ledger of slots: what is free counts neither as spent nor
// towards the events that the budget is a share of.
func Close(o slo.Objective, from, to time.Time, step time.Duration, slots []Slot, causes []Cause) Ledger {
	l := Ledger{Objective: o.ID, From: from.UTC(), To: to.UTC(), Step: slo.Short(step), Unit: 1, Entries: Attribute(slots, causes)}
	for _, s := range slots {
		l.Unit = max(l.Unit, s.Unit)
		if !s.Known {
			l.Unknown++
			continue
		}
		l.Bad += max(0, s.Bad)
		if i := pick(s, causes); i < 0 || !causes[i].Free {
			l.Spent += max(0, s.Bad)
			l.Total += s.Total
		}
	}
	l.Allowed = float64(l.Total) * o.Target.Budget()
	for i := range l.Entries {
		if e := &l.Entries[i]; !e.Free && l.Allowed > 0 {
			e.Share = float64(e.Bad) / l.Allowed
		}
	}
	return l
}
