// Package alertdb keeps alerts in the database.
package alertdb

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Migrations are this room's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

var _ alert.Store = (*Store)(nil)

// Store implements alert.Store.
type Store struct {
	db    *store.DB
	log   *bus.Log
	newID func() string
}

// New returns a Store on db.
func New(db *store.DB, log *bus.Log, newID func() string) *Store {
	return &Store{db: db, log: log, newID: newID}
}

const columns = `id, fingerprint, source, service, rule, severity, summary, expr, evidence, url, count,
	opened_at, last_at, acked_at, acked_by, resolved_at, resolved_by, labels, annotations, ends_at`

// Take implements alert.Store.
func (s *Store) Take(ctx context.Context, sig alert.Signal, fn func(*alert.Alert) []event.Fact) (alert.Alert, error) {
	out, err := s.TakeAll(ctx, []alert.Signal{sig}, func(a *alert.Alert, _ alert.Signal) []event.Fact { return fn(a) })
	if err != nil {
		return alert.Alert{}, err
	}
	return out[0], nil
}

// TakeAll implements alert.Store.
func (s *Store) TakeAll(ctx context.Context, all []alert.Signal, fn func(*alert.Alert, alert.Signal) []event.Fact) (out []alert.Alert, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		out = make([]alert.Alert, len(all))
		for i, sig := range all {
			if out[i], err = s.take(ctx, tx, sig, fn); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (s *Store) take(ctx context.Context, tx store.Tx, sig alert.Signal, fn func(*alert.Alert, alert.Signal) []event.Fact) (a alert.Alert, err error) {
	var known string
	err = tx.QueryRowContext(ctx, `SELECT alert_id FROM alert_signal WHERE id = $1`, sig.ID).Scan(&known)
	if err == nil && known != "" {
		a, err = one(ctx, tx, `id = $1`, known)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return a, err
	}
	a, err = one(ctx, tx, `fingerprint = $1 AND resolved_at = 0`, sig.Fingerprint())
	if errs.KindOf(err) == errs.NotFound {
		a, err = alert.Alert{ID: s.newID()}, nil
	}
	if err != nil {
		return a, fmt.Errorf("load %s: %w", sig.Fingerprint(), err)
	}
	return a, s.keep(ctx, tx, sig, &a, fn(&a, sig))
}

// keep saves the alert, if there is one, the signal and the facts.
func (s *Store) keep(ctx context.Context, tx store.Tx, sig alert.Signal, a *alert.Alert, facts []event.Fact) error {
	if a.Count == 0 {
		a.ID = "" // it resolved what was not open
	} else if err := put(ctx, tx, *a); err != nil {
		return fmt.Errorf("save alert %s: %w", a.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO alert_signal (id, alert_id, at) VALUES ($1, $2, $3)`, sig.ID, a.ID, sig.At.UnixMicro()); err != nil {
		return fmt.Errorf("save signal %s: %w", sig.ID, err)
	}
	return s.log.Publish(ctx, tx, facts...)
}

// Update implements alert.Store.
func (s *Store) Update(ctx context.Context, id string, fn func(*alert.Alert) ([]event.Fact, error)) (a alert.Alert, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		if a, err = one(ctx, tx, `id = $1`, id); err != nil {
			return err
		}
		facts, err := fn(&a)
		if err != nil {
			return err
		}
		if err := put(ctx, tx, a); err != nil {
			return fmt.Errorf("save alert %s: %w", id, err)
		}
		return s.log.Publish(ctx, tx, facts...)
	})
	return a, err
}

// Alert implements alert.Store.
func (s *Store) Alert(ctx context.Context, id string) (a alert.Alert, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		a, err = one(ctx, tx, `id = $1`, id)
		return err
	})
	return a, err
}

// Alerts implements alert.Store.
func (s *Store) Alerts(ctx context.Context, q alert.Query) (out []alert.Alert, err error) {
	where := []string{"1 = 1"}
	var args []any
	add := func(cond string, v any) {
		args = append(args, v)
		where = append(where, strings.ReplaceAll(cond, "?", "$"+strconv.Itoa(len(args))))
	}
	for _, c := range []struct{ cond, value string }{
		{"service = ?", q.Service},
		{"source = ?", q.Source},
		{"rule = ?", q.Rule},
		{"fingerprint = ?", q.Fingerprint},
		{"severity = ?", string(q.Severity)},
		{"id < ?", q.Before},
	} {
		if c.value != "" {
			add(c.cond, c.value)
		}
	}
	if q.Unresolved {
		where = append(where, "resolved_at = 0")
	}
	if q.Text != "" {
		add(`lower(summary || ' ' || rule || ' ' || service) LIKE ? ESCAPE '\'`, "%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(q.Text))+"%")
	}
	switch q.State {
	case alert.Open:
		where = append(where, "resolved_at = 0 AND acked_at = 0")
	case alert.Held:
		where = append(where, "resolved_at = 0 AND acked_at > 0")
	case alert.Resolved:
		where = append(where, "resolved_at > 0")
	}
	args = append(args, q.Limit)
	text := `SELECT ` + columns + ` FROM alert_alert WHERE ` + strings.Join(where, " AND ") + ` ORDER BY id DESC LIMIT $` + strconv.Itoa(len(args))
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scan, text, args...)
		return err
	})
	return out, err
}

// Counts implements alert.Store.
func (s *Store) Counts(ctx context.Context) (map[alert.Severity]int, error) {
	out := map[alert.Severity]int{}
	err := s.db.Read(ctx, func(tx store.Tx) error {
		_, err := store.All(ctx, tx, func(row store.Scanner) (struct{}, error) {
			var severity alert.Severity
			var n int
			err := row.Scan(&severity, &n)
			out[severity] = n
			return struct{}{}, err
		}, `SELECT severity, COUNT(*) FROM alert_alert WHERE resolved_at = 0 GROUP BY severity`)
		return err
	})
	return out, err
}

func one(ctx context.Context, tx store.Tx, where, arg string) (alert.Alert, error) {
	a, err := scan(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM alert_alert WHERE `+where, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return a, errs.New(errs.NotFound, "alert %q does not exist", arg)
	}
	return a, err
}

func scan(row store.Scanner) (a alert.Alert, err error) {
	var opened, last, acked, resolved, ends int64
	var evidence, labels, annotations string
	err = row.Scan(&a.ID, &a.Fingerprint, &a.Source, &a.Service, &a.Rule, &a.Severity, &a.Summary, &a.Expr, &evidence, &a.URL, &a.Count,
		&opened, &last, &acked, &a.AckedBy, &resolved, &a.ResolvedBy, &labels, &annotations, &ends)
	if err != nil {
		return a, err
	}
	a.OpenedAt, a.LastAt, a.AckedAt, a.ResolvedAt = store.Time(opened), store.Time(last), store.Time(acked), store.Time(resolved)
	a.EndsAt = store.Time(ends)
	return a, errors.Join(json.Unmarshal([]byte(evidence), &a.Evidence), unpack(labels, &a.Labels), unpack(annotations, &a.Annotations))
}

func put(ctx context.Context, tx store.Tx, a alert.Alert) error {
	evidence, err := json.Marshal(a.Evidence)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO alert_alert (`+columns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
		ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, summary = excluded.summary, expr = excluded.expr,
			evidence = excluded.evidence, url = excluded.url, count = excluded.count, last_at = excluded.last_at,
			acked_at = excluded.acked_at, acked_by = excluded.acked_by, resolved_at = excluded.resolved_at, resolved_by = excluded.resolved_by,
			labels = excluded.labels, annotations = excluded.annotations, ends_at = excluded.ends_at`,
		a.ID, a.Fingerprint, a.Source, a.Service, a.Rule, string(a.Severity), a.Summary, a.Expr, string(evidence), a.URL, a.Count,
		store.Micros(a.OpenedAt), store.Micros(a.LastAt), store.Micros(a.AckedAt), a.AckedBy, store.Micros(a.ResolvedAt), a.ResolvedBy,
		pack(a.Labels), pack(a.Annotations), store.Micros(a.EndsAt))
	return err
}

// pack writes strings by name; an empty map is "".
func pack(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	b, err := json.Marshal(m)
	if err != nil {
		return "" // strings always encode
	}
	return string(b)
}

func unpack(text string, m *map[string]string) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), m)
}
