// Package postmortemdb keeps reports in the database.
package postmortemdb

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/postmortem"
)

// Migrations are this room's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

var _ postmortem.Store = (*Store)(nil)

// Store implements postmortem.Store. A report is kept whole in doc.
type Store struct {
	db  *store.DB
	log *bus.Log
}

// New returns a Store on db.
func New(db *store.DB, log *bus.Log) *Store { return &Store{db: db, log: log} }

// Put implements postmortem.Store.
func (s *Store) Put(ctx context.Context, incident string, fn func(*postmortem.Report) (*postmortem.Report, []event.Fact)) (out postmortem.Report, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		var have *postmortem.Report
		r, err := scan(tx.QueryRowContext(ctx, `SELECT doc FROM postmortem_report WHERE incident = $1`, incident))
		if err == nil {
			have, out = &r, r
		} else if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("load report of %s: %w", incident, err)
		}
		next, facts := fn(have)
		if next == nil {
			return nil
		}
		out = *next
		return s.put(ctx, tx, *next, facts)
	})
	return out, err
}

// Update implements postmortem.Store.
func (s *Store) Update(ctx context.Context, id string, fn func(*postmortem.Report) ([]event.Fact, error)) (out postmortem.Report, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		if out, err = one(ctx, tx, id); err != nil {
			return err
		}
		facts, err := fn(&out)
		if err != nil {
			return err
		}
		return s.put(ctx, tx, out, facts)
	})
	return out, err
}

// Report implements postmortem.Store.
func (s *Store) Report(ctx context.Context, id string) (out postmortem.Report, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = one(ctx, tx, id)
		return err
	})
	return out, err
}

// Reports implements postmortem.Store.
func (s *Store) Reports(ctx context.Context, q postmortem.Query) (out []postmortem.Report, err error) {
	before := q.Before
	if before <= 0 {
		before = 1 << 31
	}
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scan, `SELECT doc FROM postmortem_report WHERE number < $1 ORDER BY number DESC LIMIT $2`, before, q.Limit)
		return err
	})
	return out, err
}

func one(ctx context.Context, tx store.Tx, id string) (postmortem.Report, error) {
	number, err := strconv.Atoi(id)
	if err != nil || number < 0 || number > 1<<31 {
		number = -1
	}
	r, err := scan(tx.QueryRowContext(ctx, `SELECT doc FROM postmortem_report WHERE id = $1 OR incident = $1 OR number = $2`, id, number))
	if errors.Is(err, sql.ErrNoRows) {
		return r, errs.New(errs.NotFound, "postmortem %q does not exist", id)
	}
	return r, err
}

func scan(row store.Scanner) (r postmortem.Report, err error) {
	var doc string
	if err := row.Scan(&doc); err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(doc), &r); err != nil {
		return r, fmt.Errorf("decode report: %w", err)
	}
	return r, nil
}

func (s *Store) put(ctx context.Context, tx store.Tx, r postmortem.Report, facts []event.Fact) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO postmortem_report (id, incident, number, doc) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`, r.ID, r.Incident, r.Number, string(doc))
	if err != nil {
		return fmt.Errorf("save report of incident %d: %w", r.Number, err)
	}
	return s.log.Publish(ctx, tx, facts...)
}
