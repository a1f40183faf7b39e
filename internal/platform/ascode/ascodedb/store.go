// Package ascodedb keeps the configuration that was last applied, so that a
// start with a broken folder goes on with the last good one.
package ascodedb

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/secret"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Migrations are the tables; the room is called "ascode".
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Applied says that a configuration is in use.
type Applied struct {
	Sum       string          `json:"sum"`
	Documents int             `json:"documents"`
	Changes   []ascode.Change `json:"changes"` // at most 200, without their lines
	Total     int             `json:"total"`   // how many changes there were
}

// EventName implements event.Event.
func (Applied) EventName() string { return "config.applied" }

// Refused says that a configuration was not taken: the last good one stays.
type Refused struct {
	Problems []ascode.Problem `json:"problems"` // at most 50
	Total    int              `json:"total"`
}

// EventName implements event.Event.
func (Refused) EventName() string { return "config.refused" }

// Store keeps the last good configuration, sealed: a prometheus.yml may hold
// passwords.
type Store struct {
	db     *store.DB
	log    *bus.Log
	sealer *secret.Sealer
}

// New returns a Store on db.
func New(db *store.DB, log *bus.Log, sealer *secret.Sealer) *Store {
	return &Store{db: db, log: log, sealer: sealer}
}

// purpose binds what is sealed to its place.
const purpose = "ascode_applied.files"

// Last returns the files that were last applied; nil before the first time.
// Denied where they were sealed with another key.
func (s *Store) Last(ctx context.Context) (map[string]string, error) {
	var text string
	err := s.db.Read(ctx, func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT files FROM ascode_applied WHERE id = 1`).Scan(&text)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load the last configuration: %w", err)
	}
	plain, err := s.sealer.Unseal(text, purpose)
	if err != nil {
		return nil, errs.New(errs.Denied, "open the last configuration: %w", err)
	}
	var files map[string]string
	return files, json.Unmarshal([]byte(plain), &files)
}

// Apply keeps set as the last good one and says what it changed.
func (s *Store) Apply(ctx context.Context, set *ascode.Set, changes []ascode.Change, at time.Time) error {
	text, err := json.Marshal(set.Files)
	if err != nil {
		return err
	}
	sealed, err := s.sealer.Seal(string(text), purpose)
	if err != nil {
		return fmt.Errorf("seal the configuration: %w", err)
	}
	ev := Applied{Sum: set.Sum(), Documents: len(set.Documents), Total: len(changes)}
	for _, c := range changes[:min(200, len(changes))] {
		c.Diff = nil
		ev.Changes = append(ev.Changes, c)
	}
	return s.db.Write(ctx, func(tx store.Tx) error {
		var last string
		err := tx.QueryRowContext(ctx, `SELECT sum FROM ascode_applied WHERE id = 1`).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO ascode_applied (id, sum, files, applied_at) VALUES (1, $1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET sum = excluded.sum, files = excluded.files, applied_at = excluded.applied_at`,
			ev.Sum, sealed, store.Micros(at))
		if err != nil || last == ev.Sum {
			return err // another server on the database has said it
		}
		return s.log.Publish(ctx, tx, event.Fact{Event: ev, At: at, Subject: "config", Actor: "config.reload", Source: "config"})
	})
}

// Refuse says that a configuration was not taken.
func (s *Store) Refuse(ctx context.Context, problems ascode.Problems, at time.Time) error {
	ev := Refused{Problems: problems[:min(50, len(problems))], Total: len(problems)}
	return s.db.Write(ctx, func(tx store.Tx) error {
		return s.log.Publish(ctx, tx, event.Fact{Event: ev, At: at, Subject: "config", Actor: "config.reload", Source: "config"})
	})
}
