package oncalldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/hookout"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

var _ hookout.Store = (*Hooks)(nil)

// Hooks keeps the messages of webhook subscriptions.
type Hooks struct {
	db  *store.DB
	log *bus.Log
}

// NewHooks returns Hooks on db.
func NewHooks(db *store.DB, log *bus.Log) *Hooks { return &Hooks{db: db, log: log} }

const hookColumns = `id, subscription, event, seq, page, service, type, body, state, created_at, due_at, attempts, status, done_at, error, tried_at`

// Since implements hookout.Store.
func (h *Hooks) Since(ctx context.Context, names []string, now time.Time) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := h.db.Write(ctx, func(tx store.Tx) error {
		clear(out)
		var gone []string
		_, err := store.All(ctx, tx, func(row store.Scanner) (name string, err error) {
			var at int64
			err = row.Scan(&name, &at)
			if out[name] = store.Time(at); !slices.Contains(names, name) {
				gone = append(gone, name)
				delete(out, name)
			}
			return name, err
		}, `SELECT subscription, since FROM oncall_hook_since`)
		if err != nil {
			return err
		}
		for _, name := range gone {
			for _, q := range []string{`DELETE FROM oncall_hook WHERE subscription = $1`, `DELETE FROM oncall_hook_since WHERE subscription = $1`} {
				if _, err := tx.ExecContext(ctx, q, name); err != nil {
					return fmt.Errorf("forget %s: %w", name, err)
				}
			}
		}
		for _, name := range names {
			if !out[name].IsZero() {
				continue
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO oncall_hook_since (subscription, since) VALUES ($1, $2)`, name, store.Micros(now)); err != nil {
				return fmt.Errorf("begin with %s: %w", name, err)
			}
			out[name] = now
		}
		return nil
	})
	return out, err
}

// Put implements hookout.Store.
func (h *Hooks) Put(ctx context.Context, all []hookout.Message) error {
	return h.db.Write(ctx, func(tx store.Tx) error {
		for _, m := range all {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO oncall_hook (`+hookColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
				ON CONFLICT (subscription, event) DO NOTHING`,
				m.ID, m.Subscription, m.Event, m.Seq, m.Page, m.Service, string(m.Type), string(m.Body), string(m.State),
				store.Micros(m.CreatedAt), store.Micros(m.DueAt), m.Attempts, m.Status, store.Micros(m.DoneAt), m.Error, store.Micros(m.TriedAt))
			if err != nil {
				return fmt.Errorf("save message for %s: %w", m.Subscription, err)
			}
		}
		return nil
	})
}

// Due implements hookout.Store.
func (h *Hooks) Due(ctx context.Context, subscription string, now time.Time, n int) (out []hookout.Message, err error) {
	err = h.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanHook, `
			SELECT `+hookColumns+` FROM oncall_hook h WHERE subscription = $1 AND state = 'waiting' AND due_at <= $2
			AND NOT EXISTS (SELECT 1 FROM oncall_hook e WHERE e.subscription = h.subscription AND e.page = h.page AND e.state = 'waiting' AND e.seq < h.seq)
			ORDER BY due_at, seq LIMIT $3`, subscription, store.Micros(now), n)
		return err
	})
	return out, err
}

// Settle implements hookout.Store.
func (h *Hooks) Settle(ctx context.Context, id string, fn func(*hookout.Message) []event.Fact) error {
	return h.db.Write(ctx, func(tx store.Tx) error {
		m, err := scanHook(tx.QueryRowContext(ctx, `SELECT `+hookColumns+` FROM oncall_hook WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "message %q does not exist", id)
		}
		if err != nil {
			return err
		}
		facts := fn(&m)
		_, err = tx.ExecContext(ctx, `UPDATE oncall_hook SET state = $1, due_at = $2, attempts = $3, status = $4, done_at = $5, error = $6, tried_at = $7 WHERE id = $8`,
			string(m.State), store.Micros(m.DueAt), m.Attempts, m.Status, store.Micros(m.DoneAt), m.Error, store.Micros(m.TriedAt), id)
		if err != nil {
			return fmt.Errorf("save message %s: %w", id, err)
		}
		return h.log.Publish(ctx, tx, facts...)
	})
}

// Standing implements hookout.Store.
func (h *Hooks) Standing(ctx context.Context) (out []hookout.Standing, err error) {
	err = h.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (s hookout.Standing, err error) {
			var oldest int64
			err = row.Scan(&s.Subscription, &s.Waiting, &s.GivenUp, &oldest)
			s.OldestAt = store.Time(oldest)
			return s, err
		}, `SELECT s.subscription, COUNT(*) FILTER (WHERE h.state = 'waiting'), COUNT(*) FILTER (WHERE h.state = 'given_up'), COALESCE(MIN(h.created_at) FILTER (WHERE h.state = 'waiting'), 0)
			FROM oncall_hook_since s LEFT JOIN oncall_hook h ON h.subscription = s.subscription GROUP BY s.subscription ORDER BY s.subscription LIMIT 1000`)
		if err != nil {
			return err
		}
		for i, s := range out {
			m, err := scanHook(tx.QueryRowContext(ctx, `SELECT `+hookColumns+` FROM oncall_hook WHERE subscription = $1 AND attempts > 0 ORDER BY tried_at DESC LIMIT 1`, s.Subscription))
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			out[i].Last = &m
		}
		return nil
	})
	return out, err
}

// Prune implements hookout.Store.
func (h *Hooks) Prune(ctx context.Context, before time.Time) error {
	return h.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM oncall_hook WHERE state <> 'waiting' AND done_at < $1`, store.Micros(before))
		return err
	})
}

func scanHook(row store.Scanner) (m hookout.Message, err error) {
	var created, due, done, tried int64
	var body string
	err = row.Scan(&m.ID, &m.Subscription, &m.Event, &m.Seq, &m.Page, &m.Service, &m.Type, &body, &m.State, &created, &due, &m.Attempts, &m.Status, &done, &m.Error, &tried)
	m.Body, m.CreatedAt, m.DueAt, m.DoneAt, m.TriedAt = []byte(body), store.Time(created), store.Time(due), store.Time(done), store.Time(tried)
	return m, err
}
