// Package incidentdb keeps incidents in the database.
package incidentdb

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Migrations are this room's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

var _ incident.Store = (*Store)(nil)

// Store implements incident.Store. An incident is kept whole in doc; the other
// columns are what lists ask for.
type Store struct {
	db  *store.DB
	log *bus.Log
}

// New returns a Store on db.
func New(db *store.DB, log *bus.Log) *Store { return &Store{db: db, log: log} }

// Declare implements incident.Store.
func (s *Store) Declare(ctx context.Context, service string, fn func(*incident.Incident, int) (*incident.Incident, []event.Fact)) (out incident.Incident, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		var open *incident.Incident
		if service != "" {
			i, err := scan(tx.QueryRowContext(ctx, `SELECT doc FROM incident_incident WHERE service = $1 AND resolved_at = 0 ORDER BY number DESC LIMIT 1`, service))
			if err == nil {
				open = &i
			} else if !errors.Is(err, sql.ErrNoRows) {
				return fmt.Errorf("load open incident of %s: %w", service, err)
			}
		}
		number := 0
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) + 1 FROM incident_incident`).Scan(&number); err != nil {
			return fmt.Errorf("next number: %w", err)
		}
		next, facts := fn(open, number)
		if next == nil {
			return nil
		}
		out = *next
		if err := put(ctx, tx, *next); err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
	return out, err
}

// Update implements incident.Store.
func (s *Store) Update(ctx context.Context, id string, fn func(*incident.Incident) ([]event.Fact, error)) (out incident.Incident, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		if out, err = one(ctx, tx, id); err != nil {
			return err
		}
		facts, err := fn(&out)
		if err != nil || len(facts) == 0 {
			return err
		}
		if err := put(ctx, tx, out); err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
	return out, err
}

// Incident implements incident.Store.
func (s *Store) Incident(ctx context.Context, id string) (out incident.Incident, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = one(ctx, tx, id)
		return err
	})
	return out, err
}

// Incidents implements incident.Store.
func (s *Store) Incidents(ctx context.Context, q incident.Query) (out []incident.Incident, err error) {
	where := []string{"1 = 1"}
	var args []any
	add := func(cond string, v any) {
		args = append(args, v)
		where = append(where, cond+" $"+strconv.Itoa(len(args)))
	}
	if q.Open {
		where = append(where, "resolved_at = 0")
	}
	if q.Service != "" {
		add("service =", q.Service)
	}
	if q.Severity > 0 {
		add("severity =", q.Severity)
	}
	if q.Before > 0 {
		add("number <", q.Before)
	}
	args = append(args, q.Limit)
	text := `SELECT doc FROM incident_incident WHERE ` + strings.Join(where, " AND ") + ` ORDER BY number DESC LIMIT $` + strconv.Itoa(len(args))
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scan, text, args...)
		return err
	})
	return out, err
}

func one(ctx context.Context, tx store.Tx, id string) (incident.Incident, error) {
	number, err := strconv.Atoi(id)
	if err != nil || number < 0 || number > 1<<31 {
		number = -1
	}
	i, err := scan(tx.QueryRowContext(ctx, `SELECT doc FROM incident_incident WHERE id = $1 OR number = $2`, id, number))
	if errors.Is(err, sql.ErrNoRows) {
		return i, errs.New(errs.NotFound, "incident %q does not exist", id)
	}
	return i, err
}

func scan(row store.Scanner) (i incident.Incident, err error) {
	var doc string
	if err := row.Scan(&doc); err != nil {
		return i, err
	}
	if err := json.Unmarshal([]byte(doc), &i); err != nil {
		return i, fmt.Errorf("decode incident: %w", err)
	}
	if i.Roles == nil {
		i.Roles = map[incident.Role]string{}
	}
	return i, nil
}

func put(ctx context.Context, tx store.Tx, i incident.Incident) error {
	doc, err := json.Marshal(i)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO incident_incident (id, number, title, service, severity, status, doc, declared_at, resolved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET title = excluded.title, severity = excluded.severity, status = excluded.status, doc = excluded.doc, resolved_at = excluded.resolved_at`,
		i.ID, i.Number, i.Title, i.Service, i.Severity, string(i.Status), string(doc), store.Micros(i.DeclaredAt), store.Micros(i.ResolvedAt))
	if err != nil {
		return fmt.Errorf("save incident %d: %w", i.Number, err)
	}
	return nil
}
