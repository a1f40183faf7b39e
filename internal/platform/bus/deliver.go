package bus

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const (
	batch       = 100
	pollEvery   = time.Second // other processes on the same database do not wake us
	maxAttempts = 12          // about ten minutes
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
	done := cursor
	for _, r := range records {
		if err := s.deliver(ctx, r); err != nil {
			return 0, errors.Join(err, s.save(context.WithoutCancel(ctx), done))
		}
		done = r.Seq
	}
	return len(records), s.save(ctx, done)
}

// deliver hands r to its handlers until they take it, or parks it.
func (s *Subscriber) deliver(ctx context.Context, r event.Record) error {
	for _, h := range s.handlers[r.Name] {
		pause := firstPause
		for attempt := 1; ; attempt++ {
			err := h.Handle(ctx, r)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errs.Permanent(err) || attempt == maxAttempts {
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
