package bus

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const (
	batch       = 100
	pollEvery   = time.Second // other processes on the same database do not wake us
	maxAttempts = 16          // about eleven minutes
	firstPause  = 100 * time.Millisecond
	maxPause    = 2 * time.Minute
)

// Handler reacts to the events of one name. It must be idempotent by the
// record's id.
type Handler struct {
	Event  string
	Handle func(context.Context, event.Record) error
}

// On returns a typed handler for events of type E.
func On[E event.Event](fn func(context.Context, event.Record, E) error) Handler {
	var zero E
	return Handler{Event: zero.EventName(), Handle: func(ctx context.Context, r event.Record) error {
		var e E
		if err := json.Unmarshal(r.Payload, &e); err != nil {
			return errs.New(errs.Invalid, "decode %s: %w", r.Name, err)
		}
		return fn(ctx, r, e)
	}}
}

// Subscriber delivers the log to one room. Its Run is a worker.
type Subscriber struct {
	log      *slog.Logger
	bus      *Log
	name     string
	names    []string
	handlers map[string][]Handler
	abreast  int // subjects delivered side by side; 0 is one
}

// Subscriber returns the worker that delivers to the room called name.
func (l *Log) Subscriber(log *slog.Logger, name string, handlers ...Handler) *Subscriber {
	s := &Subscriber{log: log, bus: l, name: name, handlers: map[string][]Handler{}}
	for _, h := range handlers {
		if len(s.handlers[h.Event]) == 0 {
			s.names = append(s.names, h.Event)
		}
		s.handlers[h.Event] = append(s.handlers[h.Event], h)
	}
	return s
}

// Run delivers until ctx ends. A new subscriber starts at the beginning.
func (s *Subscriber) Run(ctx context.Context) error {
	for {
		changed := s.bus.Changed()
		n, err := s.Step(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is how a worker ends
		}
		if err != nil {
			s.log.WarnContext(ctx, "log not delivered", "subscriber", s.name, "err", err)
		}
		if n == batch {
			continue
		}
		if err := wait(ctx, changed, pollEvery); err != nil {
			return nil //nolint:nilerr // the end of ctx is how a worker ends
		}
	}
}

// Step delivers at most one batch and returns its size.
func (s *Subscriber) Step(ctx context.Context) (int, error) {
	cursor, err := s.cursor(ctx)
	if err != nil {
		return 0, err
	}
	records, err := s.bus.Events(ctx, event.Query{After: cursor, Names: s.names, Limit: batch})
	if err != nil || len(records) == 0 {
		return 0, err
	}
	taken, err := s.deliverAll(ctx, records)
	if err != nil {
		done := cursor
		for i, ok := range taken {
			if !ok {
				break
			}
			done = records[i].Seq
		}
		return 0, errors.Join(err, s.save(context.WithoutCancel(ctx), done))
	}
	return len(records), s.save(ctx, records[len(records)-1].Seq)
}

// deliverAll hands records over, those of one subject in order, and says which
// were taken. After a failure it begins nothing new.
func (s *Subscriber) deliverAll(ctx context.Context, records []event.Record) ([]bool, error) {
	taken := make([]bool, len(records))
	var subjects []string
	by := map[string][]int{}
	for i, r := range records {
		subject := r.Subject
		if s.abreast <= 1 {
			subject = "" // all in the order of the log
		}
		if by[subject] == nil {
			subjects = append(subjects, subject)
		}
		by[subject] = append(by[subject], i)
	}
	var mu sync.Mutex
	var failed error
	failing := func(err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
		return failed != nil
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, max(1, s.abreast))
	for _, subject := range subjects {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			for _, i := range by[subject] {
				if failing(nil) || failing(s.deliver(ctx, records[i])) {
					return
				}
				taken[i] = true
			}
		})
	}
	wg.Wait()
	return taken, failed
}

// Abreast has the events of up to n subjects delivered side by side, so that
// their handlers share commits; those of one subject stay in order. It belongs
// before Run.
func (s *Subscriber) Abreast(n int) *Subscriber {
	s.abreast = n
	return s
}

// deliver hands r to its handlers until they take it, or parks it.
func (s *Subscriber) deliver(ctx context.Context, r event.Record) error {
	for _, h := range s.handlers[r.Name] {
		pause := firstPause
		for attempt := 1; ; attempt++ {
			err := protect(ctx, h, r)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// What is only unavailable comes back, and a page must not be lost by waiting.
			if errs.Permanent(err) || (attempt >= maxAttempts && errs.KindOf(err) != errs.Unavailable) {
				if err := s.park(ctx, r, err); err != nil {
					return err
				}
				break
			}
			s.log.WarnContext(ctx, "event not handled yet", "subscriber", s.name, "event", r.Name, "seq", r.Seq, "attempt", attempt, "err", err)
			if err := wait(ctx, nil, pause); err != nil {
				return err
			}
			pause = min(2*pause, maxPause)
		}
	}
	return nil
}

// protect turns a panic of a handler into an error: one event that is a bug
// must not stop all that come after it.
func protect(ctx context.Context, h Handler, r event.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in the handler: %v\n%s", p, debug.Stack())
		}
	}()
	return h.Handle(ctx, r)
}

func (s *Subscriber) park(ctx context.Context, r event.Record, reason error) error {
	s.log.ErrorContext(ctx, "event parked", "subscriber", s.name, "event", r.Name, "seq", r.Seq, "err", reason)
	return s.bus.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO bus_parked (subscriber, seq, reason, parked_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (subscriber, seq) DO UPDATE SET reason = excluded.reason`,
			s.name, r.Seq, text(reason.Error()), s.bus.now().UnixMicro())
		return err
	})
}

func (s *Subscriber) cursor(ctx context.Context) (seq int64, err error) {
	err = s.bus.db.Read(ctx, func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT seq FROM bus_cursor WHERE subscriber = $1`, s.name).Scan(&seq)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, err
}

func (s *Subscriber) save(ctx context.Context, seq int64) error {
	err := s.bus.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO bus_cursor (subscriber, seq) VALUES ($1, $2)
			ON CONFLICT (subscriber) DO UPDATE SET seq = excluded.seq`, s.name, seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("save cursor of %s: %w", s.name, err)
	}
	return nil
}

// ParkedEvent is a record that a room could not handle.
type ParkedEvent struct {
	Subscriber string    `json:"subscriber"`
	Seq        int64     `json:"seq"`
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"`
}

// ListParked returns the parked records, the oldest first, at most 1,000.
func (l *Log) ListParked(ctx context.Context) (out []ParkedEvent, err error) {
	err = l.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (p ParkedEvent, err error) {
			var at int64
			err = row.Scan(&p.Subscriber, &p.Seq, &p.Reason, &at)
			p.At = store.Time(at)
			return p, err
		}, `SELECT subscriber, seq, reason, parked_at FROM bus_parked ORDER BY seq, subscriber LIMIT 1000`)
		return err
	})
	return out, err
}

// RetryParked has every parked record delivered again: the cursors of its
// subscribers go back to before it. What came after is delivered again too,
// which handlers must bear. A running server sees it with its next look.
func (l *Log) RetryParked(ctx context.Context) error {
	return l.db.Write(ctx, func(tx store.Tx) error {
		for _, q := range []string{
			`UPDATE bus_cursor SET seq = (SELECT MIN(p.seq) - 1 FROM bus_parked p WHERE p.subscriber = bus_cursor.subscriber)
			WHERE EXISTS (SELECT 1 FROM bus_parked p WHERE p.subscriber = bus_cursor.subscriber AND p.seq <= bus_cursor.seq)`,
			`DELETE FROM bus_parked`,
		} {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("retry parked: %w", err)
			}
		}
		return nil
	})
}

// Parked returns how many records wait for a person to look at them.
func (l *Log) Parked(ctx context.Context) (n int, err error) {
	err = l.db.Read(ctx, func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM bus_parked`).Scan(&n)
	})
	return n, err
}

// wait returns nil when ch closes or d has passed, and ctx's error when it ends.
func wait(ctx context.Context, ch <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ch:
	case <-t.C:
	}
	return nil
}
