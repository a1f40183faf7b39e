package alertdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/alert/mutate"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// PutMutations keeps what came of a mutation test, in the place of what came of
// earlier ones of the same rules.
func (s *Store) PutMutations(ctx context.Context, at time.Time, all []mutate.Result) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		for _, r := range all {
			gaps, err := json.Marshal(r.Gaps)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO alert_mutation (rule, at, injected, caught, gaps) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (rule) DO UPDATE SET at = excluded.at, injected = excluded.injected, caught = excluded.caught, gaps = excluded.gaps`,
				r.Rule, store.Micros(at), r.Injected, r.Caught, string(gaps)); err != nil {
				return fmt.Errorf("keep the mutation test of %s: %w", r.Rule, err)
			}
		}
		return nil
	})
}

// Mutations are the last tests of rules, by their names; "" is the first.
func (s *Store) Mutations(ctx context.Context, after string, limit int) (out []mutate.Tested, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (t mutate.Tested, err error) {
			var at int64
			var gaps string
			if err = row.Scan(&t.Rule, &at, &t.Injected, &t.Caught, &gaps); err != nil {
				return t, err
			}
			t.At = store.Time(at)
			return t, json.Unmarshal([]byte(gaps), &t.Gaps)
		}, `SELECT rule, at, injected, caught, gaps FROM alert_mutation WHERE rule > $1 ORDER BY rule LIMIT $2`, after, limit)
		return err
	})
	return out, err
}
