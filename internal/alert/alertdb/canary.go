package alertdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// PutCanary keeps a fault that was made on purpose, in the place of what was known
// of it before.
func (s *Store) PutCanary(ctx context.Context, f canary.Fault) error {
	doc, err := json.Marshal(f)
	if err != nil {
		return err
	}
	settled := 0
	if f.Settled {
		settled = 1
	}
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO alert_canary (id, canary, at, settled, doc) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, doc = excluded.doc`,
			f.ID, f.Canary, store.Micros(f.At), settled, string(doc))
		if err != nil {
			return fmt.Errorf("keep a fault of the canary %s: %w", f.Canary, err)
		}
		return nil
	})
}

// Canaries are the faults of a canary, the newest first.
func (s *Store) Canaries(ctx context.Context, name string, limit int) ([]canary.Fault, error) {
	return s.canaries(ctx, `SELECT doc FROM alert_canary WHERE canary = $1 ORDER BY at DESC, id DESC LIMIT $2`, name, limit)
}

// OpenCanaries are the faults of which more is awaited, the oldest first, at most 1,000.
func (s *Store) OpenCanaries(ctx context.Context) ([]canary.Fault, error) {
	return s.canaries(ctx, `SELECT doc FROM alert_canary WHERE settled = 0 ORDER BY at, id LIMIT 1000`)
}

func (s *Store) canaries(ctx context.Context, query string, args ...any) (out []canary.Fault, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (f canary.Fault, err error) {
			var doc string
			if err = row.Scan(&doc); err != nil {
				return f, err
			}
			return f, json.Unmarshal([]byte(doc), &f)
		}, query, args...)
		return err
	})
	return out, err
}

// PruneCanaries drops the faults of before then.
func (s *Store) PruneCanaries(ctx context.Context, before time.Time) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM alert_canary WHERE at < $1`, store.Micros(before))
		return err
	})
}
