package score

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Fired is when a rule fired last, of all alerts that are kept.
type Fired struct {
	Key

	LastAt time.Time `json:"last_at"`
}

// Store reads what is counted.
type Store interface {
	// Rows are the newest alerts that opened at from or later, at most n, without
	// their incidents.
	Rows(ctx context.Context, from time.Time, n int) ([]Row, error)
	// RowsOf are those alerts.
	RowsOf(ctx context.Context, ids []string) ([]Row, error)
	// LastFired is when each rule fired last.
	LastFired(ctx context.Context) ([]Fired, error)
	// Changed takes what each rule that is written down says (name → sum), and
	// returns when it was changed last: zero where it is as it was first seen.
	Changed(ctx context.Context, sums map[string]string, at time.Time) (map[string]time.Time, error)
}

// Documents are the files in use: path → text, and a sum that changes with them.
type Documents func() (sum string, files map[string]string)

// Log is the one log.
type Log interface {
	Events(ctx context.Context, q event.Query) ([]event.Record, error)
	Last(ctx context.Context) (seq int64, hash string, err error)
}

// MaxRows bounds the rows that are kept in memory, about 30 MB of them. Where
// more alerts opened in [Window], the oldest are not counted, and [Board.From]
// says so.
const MaxRows = 200_000

// tooMany is the number of records after which everything is read anew: that
// is faster than to follow them.
const tooMany = 20_000

// Board is everything that can be said of rules at one moment. It is not to be
// changed.
type Board struct {
	At    time.Time
	From  time.Time // what opened before is not counted
	Rows  []Row     // the oldest first
	Fired []Fired   // of every rule that ever fired
	Defs  Defs      // rules that are written down

	Written map[string]Written // the same, by name

	scores    func() []Score
	proposals func() []Proposal
}

// lazily has the board count once, when it is asked first.
func (b *Board) lazily() *Board {
	b.scores = sync.OnceValue(func() []Score { return Of(b.Rows, b.From, b.At, b.Defs) })
	b.proposals = sync.OnceValue(func() []Proposal { return Propose(b.Rows, b.From, b.At, b.Defs) })
	return b
}

// Of returns the board of one service, or of one source, or of both; "" is any.
func (b *Board) Of(service, source string) *Board {
	if service == "" && source == "" {
		return b
	}
	return b.where(func(r Row) bool {
		return (service == "" || r.Service == service) && (source == "" || r.Source == source)
	}, func(k Key) bool { return service == "" && k.Source == source })
}

// Where returns the board of the services that are wanted.
func (b *Board) Where(want func(service string) bool) *Board {
	return b.where(func(r Row) bool { return want(r.Service) }, func(Key) bool { return false })
}

// where keeps the rows that are wanted, and of the rules those that have such a
// row or are wanted themselves.
func (b *Board) where(row func(Row) bool, rule func(Key) bool) *Board {
	out := *b
	out.Rows, out.Fired, out.Written = nil, nil, nil
	seen := map[Key]bool{}
	for _, r := range b.Rows {
		if row(r) {
			out.Rows, seen[r.Key()] = append(out.Rows, r), true
		}
	}
	for _, f := range b.Fired {
		if seen[f.Key] || rule(f.Key) {
			out.Fired = append(out.Fired, f)
		}
	}
	return out.lazily()
}

// Scores are the scores of all rules that fired within [Window]. The slice is
// the caller's.
func (b *Board) Scores() []Score { return slices.Clone(b.scores()) }

// Proposals are what to change now.
func (b *Board) Proposals() []Proposal { return b.proposals() }

// Silent are the rules that fired last more than [Silent] ago, the longest
// first. A rule that is written down and never fired has no LastAt.
func (b *Board) Silent() []Fired {
	var out []Fired
	spoke := map[string]bool{}
	for _, f := range b.Fired {
		spoke[f.Rule] = true
		if b.At.Sub(f.LastAt) > Silent {
			out = append(out, f)
		}
	}
	for name, w := range b.Written {
		if !spoke[name] {
			out = append(out, Fired{Key: Key{string(w.Form), name}})
		}
	}
	slices.SortFunc(out, func(x, y Fired) int {
		return cmp.Or(cmp.Compare(x.LastAt.Unix(), y.LastAt.Unix()), cmp.Compare(x.Rule, y.Rule))
	})
	return out
}

// Bench keeps the rows of the last days in memory and follows the log, so that
// a page is drawn from what is known now without counting it in the database.
// It reads nothing before it is asked. It is safe for concurrent use.
type Bench struct {
	store Store
	log   Log
	docs  Documents
	now   func() time.Time

	mu        sync.Mutex
	loaded    time.Time      // zero before the first time
	seq       int64          // the last record that is in rows
	rows      []Row          // the oldest first
	at        map[string]int // where each is in rows
	fired     map[Key]time.Time
	incidents map[string]string // alert → incident
	full      bool              // MaxRows were loaded
	board     *Board            // nil where something changed
	sum       string            // of the documents that written was read from
	written   map[string]Written
	defs      Defs
}

// NewBench returns a Bench on st. docs may be nil: nothing is written down.
func NewBench(st Store, log Log, docs Documents, now func() time.Time) *Bench {
	if docs == nil {
		docs = func() (string, map[string]string) { return "none", nil }
	}
	return &Bench{store: st, log: log, docs: docs, now: now}
}

// Board returns what can be said now.
func (b *Bench) Board(ctx context.Context) (*Board, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now().UTC()
	if err := b.follow(ctx, now); err != nil {
		return nil, fmt.Errorf("count the alerts of rules: %w", err)
	}
	if err := b.read(ctx, now); err != nil {
		return nil, fmt.Errorf("read the rules as they are written: %w", err)
	}
	if b.board == nil || now.Sub(b.board.At) > time.Minute {
		b.board = b.draw(now)
	}
	return b.board, nil
}

// read reads the rules in the documents where they changed.
func (b *Bench) read(ctx context.Context, now time.Time) error {
	sum, files := b.docs()
	if sum == b.sum {
		return nil
	}
	written, sums := ReadRules(files), map[string]string{}
	for name, w := range written {
		sums[name] = w.Sum
	}
	changed, err := b.store.Changed(ctx, sums, now)
	if err != nil {
		return err
	}
	b.defs = Defs{}
	for name, w := range written {
		b.defs[name] = Def{Since: changed[name], For: w.For}
	}
	b.sum, b.written, b.board = sum, written, nil
	return nil
}

// followed are the names of records that change what is counted.
func followed() []string {
	return []string{
		alert.Fired{}.EventName(), alert.Raised{}.EventName(), alert.Acked{}.EventName(), alert.Unacked{}.EventName(), alert.ResolvedEvent{}.EventName(),
		alert.Judged{}.EventName(), incidentDeclared, incidentAttached,
	}
}

// The news of incidents that say which alert belongs to which.
const (
	incidentDeclared = "incident.declared"
	incidentAttached = "incident.alert_attached"
)

// follow brings the rows up to now.
func (b *Bench) follow(ctx context.Context, now time.Time) error {
	last, _, err := b.log.Last(ctx)
	if err != nil {
		return err
	}
	// Once a day what has grown too old is let go.
	if b.loaded.IsZero() || last-b.seq > tooMany || now.Sub(b.loaded) > Day {
		return b.load(ctx, now, last)
	}
	changed := map[string]bool{}
	for b.seq < last {
		records, err := b.log.Events(ctx, event.Query{After: b.seq, Before: last + 1, Names: followed()})
		if err != nil {
			return err
		}
		for _, r := range records {
			b.note(r, changed)
		}
		if len(records) == 0 {
			b.seq = last
			break
		}
		b.seq = records[len(records)-1].Seq
	}
	return b.renew(ctx, changed)
}

// note takes one record.
func (b *Bench) note(r event.Record, changed map[string]bool) {
	var p struct {
		Alert    string `json:"alert"`
		Incident string `json:"incident"`
	}
	if json.Unmarshal(r.Payload, &p) != nil || p.Alert == "" {
		return
	}
	if p.Incident != "" && (r.Name == incidentDeclared || r.Name == incidentAttached) {
		b.incidents[p.Alert] = p.Incident
	}
	changed[p.Alert] = true
}

// renew reads the rows that changed again.
func (b *Bench) renew(ctx context.Context, changed map[string]bool) error {
	if len(changed) == 0 {
		return nil
	}
	ids := make([]string, 0, len(changed))
	for id := range changed {
		ids = append(ids, id)
	}
	rows, err := b.store.RowsOf(ctx, ids)
	if err != nil {
		b.loaded = time.Time{} // what was noted is lost: next time everything is read
		return err
	}
	b.put(rows)
	return nil
}

// put takes rows in, known ones in their places.
func (b *Bench) put(rows []Row) {
	sorted := true
	for _, r := range rows {
		if r.Rule == canary.Rule {
			continue // a fault made on purpose says nothing of rules
		}
		r.Incident = b.incidents[r.ID]
		if r.OpenedAt.After(b.fired[r.Key()]) {
			b.fired[r.Key()] = r.OpenedAt
		}
		if i, known := b.at[r.ID]; known {
			b.rows[i] = r
			continue
		}
		sorted = sorted && (len(b.rows) == 0 || older(b.rows[len(b.rows)-1], r) < 0)
		b.at[r.ID] = len(b.rows)
		b.rows = append(b.rows, r)
	}
	if !sorted {
		slices.SortFunc(b.rows, older)
		for i, r := range b.rows {
			b.at[r.ID] = i
		}
	}
	b.board = nil
}

func older(x, y Row) int { return cmp.Or(x.OpenedAt.Compare(y.OpenedAt), cmp.Compare(x.ID, y.ID)) }

// load reads everything. What happens meanwhile has a later seq and is read
// with the next round.
func (b *Bench) load(ctx context.Context, now time.Time, last int64) error {
	b.rows, b.at, b.fired, b.incidents, b.loaded = nil, map[string]int{}, map[Key]time.Time{}, map[string]string{}, time.Time{}
	from := now.Add(-Window)
	if err := b.loadIncidents(ctx, from); err != nil {
		return err
	}
	rows, err := b.store.Rows(ctx, from, MaxRows)
	if err != nil {
		return err
	}
	fired, err := b.store.LastFired(ctx)
	if err != nil {
		return err
	}
	for _, f := range fired {
		b.fired[f.Key] = f.LastAt
	}
	b.put(rows)
	b.full, b.seq, b.loaded = len(rows) == MaxRows, last, now
	return nil
}

func (b *Bench) loadIncidents(ctx context.Context, from time.Time) error {
	for after := int64(0); ; {
		records, err := b.log.Events(ctx, event.Query{From: from, After: after, Names: []string{incidentDeclared, incidentAttached}})
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			b.note(r, map[string]bool{})
		}
		after = records[len(records)-1].Seq
	}
}

// draw makes the board of the rows.
func (b *Bench) draw(now time.Time) *Board {
	out := &Board{At: now, From: now.Add(-Window), Defs: b.defs, Written: b.written, Fired: make([]Fired, 0, len(b.fired))}
	first, _ := slices.BinarySearchFunc(b.rows, out.From, func(r Row, at time.Time) int { return r.OpenedAt.Compare(at) })
	out.Rows = slices.Clone(b.rows[first:]) // whoever has a board keeps it
	if b.full && len(out.Rows) > 0 {
		out.From = out.Rows[0].OpenedAt
	}
	for k, at := range b.fired {
		out.Fired = append(out.Fired, Fired{k, at})
	}
	return out.lazily()
}
