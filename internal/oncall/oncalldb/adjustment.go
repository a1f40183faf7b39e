package oncalldb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const adjustmentColumns = `id, kind, rota, person, of_person, start, until, shifts, mode, graduates, made_by, reason, created`

const maxAdjustments = 5000 // read at a time

// Adjustments implements oncall.AdjustmentStore.
func (s *Store) Adjustments(ctx context.Context, from, to time.Time) (out []oncall.Adjustment, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanAdjustment, `SELECT `+adjustmentColumns+` FROM oncall_adjustment WHERE until > $1 AND start < $2 ORDER BY start, id LIMIT $3`,
			store.Micros(from), store.Micros(to), maxAdjustments)
		return err
	})
	return out, err
}

// PutAdjustment implements oncall.AdjustmentStore.
func (s *Store) PutAdjustment(ctx context.Context, a oncall.Adjustment, facts ...event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		if err := putAdjustment(ctx, tx, a); err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

// UpdateAdjustment implements oncall.AdjustmentStore.
func (s *Store) UpdateAdjustment(ctx context.Context, id string, fn func(*oncall.Adjustment) ([]event.Fact, error)) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		a, err := scanAdjustment(tx.QueryRowContext(ctx, `SELECT `+adjustmentColumns+` FROM oncall_adjustment WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "adjustment %q does not exist", id)
		}
		if err != nil {
			return err
		}
		facts, err := fn(&a)
		if err != nil {
			return err
		}
		if a.End.After(a.Start) {
			err = putAdjustment(ctx, tx, a)
		} else {
			_, err = tx.ExecContext(ctx, `DELETE FROM oncall_adjustment WHERE id = $1`, id)
		}
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

func putAdjustment(ctx context.Context, tx store.Tx, a oncall.Adjustment) error {
	shifts, err := json.Marshal(a.Shifts)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO oncall_adjustment (`+adjustmentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (id) DO UPDATE SET person = excluded.person, start = excluded.start, until = excluded.until, shifts = excluded.shifts, mode = excluded.mode, reason = excluded.reason`,
		a.ID, string(a.Kind), a.Rota, a.Person, a.Of, store.Micros(a.Start), store.Micros(a.End), string(shifts), string(a.Mode), a.After, a.By, a.Reason, store.Micros(a.Created))
	if err != nil {
		return fmt.Errorf("save adjustment %s: %w", a.ID, err)
	}
	return nil
}

func scanAdjustment(row store.Scanner) (a oncall.Adjustment, err error) {
	var start, end, created int64
	var shifts string
	err = row.Scan(&a.ID, &a.Kind, &a.Rota, &a.Person, &a.Of, &start, &end, &shifts, &a.Mode, &a.After, &a.By, &a.Reason, &created)
	if err != nil {
		return a, err
	}
	a.Start, a.End, a.Created = store.Time(start), store.Time(end), store.Time(created)
	return a, json.Unmarshal([]byte(shifts), &a.Shifts)
}

// KeepEditions implements oncall.AdjustmentStore.
func (s *Store) KeepEditions(ctx context.Context, now time.Time, docs map[string]string) (out []oncall.KeptEdition, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		if out, err = editions(ctx, tx); err != nil {
			return err
		}
		last := map[string]oncall.KeptEdition{}
		for _, e := range out {
			last[e.Rota] = e
		}
		// Those that were removed too: from now on nobody is on call in them.
		rotas := slices.Sorted(maps.Keys(docs))
		for rota := range last {
			if _, there := docs[rota]; !there {
				rotas = append(rotas, rota)
			}
		}
		for _, rota := range rotas {
			before, known := last[rota]
			if known && before.Doc == docs[rota] {
				continue
			}
			e := oncall.KeptEdition{Rota: rota, Since: now.UTC().Truncate(time.Microsecond), Doc: docs[rota]}
			if !known {
				e.Since = time.Time{} // what there was before it, nobody knows: it holds for all time
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO oncall_edition (rota, since, doc) VALUES ($1, $2, $3) ON CONFLICT (rota, since) DO UPDATE SET doc = excluded.doc`, e.Rota, store.Micros(e.Since), e.Doc)
			if err != nil {
				return fmt.Errorf("save edition of rota %s: %w", rota, err)
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

func editions(ctx context.Context, tx store.Tx) ([]oncall.KeptEdition, error) {
	return store.All(ctx, tx, func(row store.Scanner) (e oncall.KeptEdition, err error) {
		var since int64
		err = row.Scan(&e.Rota, &since, &e.Doc)
		e.Since = store.Time(since)
		return e, err
	}, `SELECT rota, since, doc FROM oncall_edition ORDER BY rota, since LIMIT 100000`)
}

// Feed implements oncall.AdjustmentStore.
func (s *Store) Feed(ctx context.Context, id string) (n int, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT n FROM oncall_feed WHERE id = $1`, id).Scan(&n)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return n, err
}

// RevokeFeed implements oncall.AdjustmentStore.
func (s *Store) RevokeFeed(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO oncall_feed (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = oncall_feed.n + 1`, id)
		return err
	})
}
