package oncalldb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const overrideColumns = `id, rota, person, start, until, made_by, reason, created`

// Overrides implements oncall.Store.
func (s *Store) Overrides(ctx context.Context, from, to time.Time) (out []oncall.Override, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanOverride, `SELECT `+overrideColumns+` FROM oncall_override WHERE until > $1 AND start < $2 ORDER BY start, id LIMIT 1000`,
			store.Micros(from), store.Micros(to))
		return err
	})
	return out, err
}

// PutOverride implements oncall.Store.
func (s *Store) PutOverride(ctx context.Context, o oncall.Override, facts ...event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO oncall_override (`+overrideColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			o.ID, o.Rota, o.Person, store.Micros(o.Start), store.Micros(o.End), o.By, o.Reason, store.Micros(o.Created))
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

// DeleteOverride implements oncall.Store.
func (s *Store) DeleteOverride(ctx context.Context, id string, fn func(oncall.Override) []event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		o, err := scanOverride(tx.QueryRowContext(ctx, `DELETE FROM oncall_override WHERE id = $1 RETURNING `+overrideColumns, id))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "override %q does not exist", id)
		}
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, fn(o)...)
	})
}

func scanOverride(row store.Scanner) (o oncall.Override, err error) {
	var start, end, created int64
	err = row.Scan(&o.ID, &o.Rota, &o.Person, &start, &end, &o.By, &o.Reason, &created)
	o.Start, o.End, o.Created = store.Time(start), store.Time(end), store.Time(created)
	return o, err
}
