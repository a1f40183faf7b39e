// Package slodb keeps what burns in the database.
package slodb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/slo"
)

// Migrations are this room's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

var _ slo.Store = (*Store)(nil)

// Store implements slo.Store.
type Store struct {
	db  *store.DB
	log *bus.Log
}

// New returns a Store on db.
func New(db *store.DB, log *bus.Log) *Store { return &Store{db: db, log: log} }

const columns = `objective, service, name, severity, pair, since`

// Burns implements slo.Store.
func (s *Store) Burns(ctx context.Context) (map[string]slo.Burn, error) {
	out := map[string]slo.Burn{}
	err := s.db.Read(ctx, func(tx store.Tx) error {
		burns, err := store.All(ctx, tx, scan, `SELECT `+columns+` FROM slo_burn`)
		for _, b := range burns {
			out[b.Objective] = b
		}
		return err
	})
	return out, err
}

// Change implements slo.Store.
func (s *Store) Change(ctx context.Context, objective string, fn func(slo.Burn) (slo.Burn, []event.Fact)) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		b, err := scan(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM slo_burn WHERE objective = $1`, objective))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("load: %w", err)
		}
		next, facts := fn(b)
		if next.Severity == "" {
			_, err = tx.ExecContext(ctx, `DELETE FROM slo_burn WHERE objective = $1`, objective)
		} else {
			_, err = tx.ExecContext(ctx, `
				INSERT INTO slo_burn (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (objective) DO UPDATE SET service = excluded.service, name = excluded.name, severity = excluded.severity, pair = excluded.pair, since = excluded.since`,
				objective, next.Service, next.Name, string(next.Severity), next.Pair, store.Micros(next.Since))
		}
		if err != nil {
			return fmt.Errorf("save: %w", err)
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

func scan(row store.Scanner) (b slo.Burn, err error) {
	var since int64
	err = row.Scan(&b.Objective, &b.Service, &b.Name, &b.Severity, &b.Pair, &since)
	b.Since = store.Time(since)
	return b, err
}
