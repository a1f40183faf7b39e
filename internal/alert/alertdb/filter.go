package alertdb

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/store"
)

var _ alert.FilterStore = (*Filters)(nil)

// filtersEach is how many filters one person may save.
const filtersEach = 50

// Filters implements alert.FilterStore.
type Filters struct{ db *store.DB }

// NewFilters returns Filters on db.
func NewFilters(db *store.DB) *Filters { return &Filters{db: db} }

const filterColumns = `id, name, query, owner, team, created_at`

func scanFilter(row store.Scanner) (f alert.SavedFilter, err error) {
	var at int64
	err = row.Scan(&f.ID, &f.Name, &f.Query, &f.Owner, &f.Team, &at)
	f.CreatedAt = store.Time(at)
	return f, err
}

// Filters implements alert.FilterStore.
func (s *Filters) Filters(ctx context.Context, person string, teams []string) (out []alert.SavedFilter, err error) {
	where, args := "owner = $1", []any{person}
	if len(teams) > 0 {
		holes := make([]string, len(teams))
		for i, t := range teams {
			args = append(args, t)
			holes[i] = "$" + strconv.Itoa(len(args))
		}
		where += " OR team IN (" + strings.Join(holes, ", ") + ")"
	}
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanFilter, `SELECT `+filterColumns+` FROM alert_filter WHERE `+where+` ORDER BY name, id LIMIT 200`, args...)
		return err
	})
	return out, err
}

// PutFilter implements alert.FilterStore.
func (s *Filters) PutFilter(ctx context.Context, f alert.SavedFilter) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		all, err := store.All(ctx, tx, scanFilter, `SELECT `+filterColumns+` FROM alert_filter WHERE owner = $1`, f.Owner)
		switch {
		case err != nil:
			return err
		case len(all) >= filtersEach:
			return errs.New(errs.Conflict, "you have %d filters: delete one first", filtersEach)
		case slices.ContainsFunc(all, func(o alert.SavedFilter) bool { return o.Name == f.Name }):
			return errs.New(errs.Conflict, "you have a filter %q already", f.Name)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO alert_filter (`+filterColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`, f.ID, f.Name, f.Query, f.Owner, f.Team, store.Micros(f.CreatedAt))
		return err
	})
}

// ChangeFilter implements alert.FilterStore.
func (s *Filters) ChangeFilter(ctx context.Context, id string, fn func(alert.SavedFilter) (*alert.SavedFilter, error)) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		f, err := scanFilter(tx.QueryRowContext(ctx, `SELECT `+filterColumns+` FROM alert_filter WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "filter %q does not exist", id)
		}
		if err != nil {
			return err
		}
		next, err := fn(f)
		switch {
		case err != nil:
			return err
		case next == nil:
			_, err = tx.ExecContext(ctx, `DELETE FROM alert_filter WHERE id = $1`, id)
			return err
		}
		var other string
		err = tx.QueryRowContext(ctx, `SELECT id FROM alert_filter WHERE owner = $1 AND name = $2 AND id <> $3`, next.Owner, next.Name, id).Scan(&other)
		if !errors.Is(err, sql.ErrNoRows) {
			if err == nil {
				err = errs.New(errs.Conflict, "there is a filter %q already", next.Name)
			}
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE alert_filter SET name = $1, query = $2, team = $3 WHERE id = $4`, next.Name, next.Query, next.Team, id)
		return err
	})
}
