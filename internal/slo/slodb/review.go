package slodb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/slo/review"
)

var _ review.Store = (*Store)(nil)

const reviewColumns = `id, service, due, held, held_by, decision, notes`

// PutReview implements review.Store.
func (s *Store) PutReview(ctx context.Context, r review.Record, facts ...event.Fact) error {
	agenda, err := json.Marshal(r.Agenda)
	if err != nil {
		return fmt.Errorf("encode the agenda: %w", err)
	}
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO slo_review (`+reviewColumns+`, agenda) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			r.ID, r.Service, store.Micros(r.Due), store.Micros(r.Held), r.By, r.Decision, r.Notes, string(agenda))
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

// Reviews implements review.Store.
func (s *Store) Reviews(ctx context.Context, service string, limit int) (out []review.Record, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanReview, `SELECT `+reviewColumns+` FROM slo_review WHERE ($1 = '' OR service = $1) ORDER BY held DESC, id DESC LIMIT $2`, service, limit)
		return err
	})
	return out, err
}

// Review implements review.Store.
func (s *Store) Review(ctx context.Context, id string) (r review.Record, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		agenda := ""
		row := tx.QueryRowContext(ctx, `SELECT `+reviewColumns+`, agenda FROM slo_review WHERE id = $1`, id)
		r, err = scanReview(more{row, &agenda})
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "review %q does not exist", id)
		}
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(agenda), &r.Agenda)
	})
	return r, err
}

// more scans one column after those that a scan function knows.
type more struct {
	row  store.Scanner
	last any
}

func (m more) Scan(into ...any) error { return m.row.Scan(append(into, m.last)...) }

type heldRow struct {
	service string
	held    int64
}

// LastReviews implements review.Store.
func (s *Store) LastReviews(ctx context.Context) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := s.db.Read(ctx, func(tx store.Tx) error {
		rows, err := store.All(ctx, tx, func(row store.Scanner) (r heldRow, err error) {
			err = row.Scan(&r.service, &r.held)
			return r, err
		}, `SELECT service, MAX(held) FROM slo_review GROUP BY service`)
		for _, r := range rows {
			out[r.service] = store.Time(r.held)
		}
		return err
	})
	return out, err
}

func scanReview(row store.Scanner) (r review.Record, err error) {
	var due, held int64
	err = row.Scan(&r.ID, &r.Service, &due, &held, &r.By, &r.Decision, &r.Notes)
	r.Due, r.Held = store.Time(due), store.Time(held)
	return r, err
}
