package alertdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

var _ ingest.Store = (*Store)(nil)

const sourceColumns = `name, kind, service, severity, every, silence, mapping, key_hash, key_sealed, secret,
	created_at, created_by, paused_at, watched_at, heard_at, silent_at, accepted, refused`

// source is a row of alert_source.
type source struct {
	ingest.Source
	ingest.Sealed
}

// CreateSource implements ingest.Store.
func (s *Store) CreateSource(ctx context.Context, src ingest.Source, k ingest.Sealed, facts []event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := oneSource(ctx, tx, `name = $1`, src.Name)
		if err == nil {
			return errs.New(errs.Conflict, "there is a source %s already", src.Name)
		}
		if errs.KindOf(err) != errs.NotFound {
			return err
		}
		if err := putSource(ctx, tx, source{src, k}); err != nil {
			return fmt.Errorf("save source %s: %w", src.Name, err)
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

// UpdateSource implements ingest.Store.
func (s *Store) UpdateSource(ctx context.Context, name string, fn func(*ingest.Source, *ingest.Sealed) ([]event.Fact, error)) (out ingest.Source, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		row, err := oneSource(ctx, tx, `name = $1`, name)
		if err != nil {
			return err
		}
		facts, err := fn(&row.Source, &row.Sealed)
		if err != nil {
			return err
		}
		if err := putSource(ctx, tx, row); err != nil {
			return fmt.Errorf("save source %s: %w", name, err)
		}
		out = row.Source
		return s.log.Publish(ctx, tx, facts...)
	})
	return out, err
}

// DeleteSource implements ingest.Store.
func (s *Store) DeleteSource(ctx context.Context, name string, facts []event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		if _, err := oneSource(ctx, tx, `name = $1`, name); err != nil {
			return err
		}
		for _, q := range []string{
			`DELETE FROM alert_source_payload WHERE source = $1`,
			`DELETE FROM alert_source_pin WHERE source = $1`,
			`DELETE FROM alert_source_had WHERE source = $1`,
			`DELETE FROM alert_source WHERE name = $1`,
		} {
			if _, err := tx.ExecContext(ctx, q, name); err != nil {
				return fmt.Errorf("remove source %s: %w", name, err)
			}
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

// Sources implements ingest.Store.
func (s *Store) Sources(ctx context.Context) (out []ingest.Source, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		rows, err := store.All(ctx, tx, scanSource, `SELECT `+sourceColumns+` FROM alert_source ORDER BY name LIMIT 1000`)
		for _, r := range rows {
			out = append(out, r.Source)
		}
		return err
	})
	return out, err
}

// Source implements ingest.Store.
func (s *Store) Source(ctx context.Context, name string) (ingest.Source, ingest.Sealed, error) {
	return s.readSource(ctx, `name = $1`, name)
}

// SourceByKey implements ingest.Store.
func (s *Store) SourceByKey(ctx context.Context, hash string) (ingest.Source, ingest.Sealed, error) {
	return s.readSource(ctx, `key_hash = $1`, hash)
}

func (s *Store) readSource(ctx context.Context, where, arg string) (ingest.Source, ingest.Sealed, error) {
	var row source
	err := s.db.Read(ctx, func(tx store.Tx) (err error) {
		row, err = oneSource(ctx, tx, where, arg)
		return err
	})
	return row.Source, row.Sealed, err
}

func oneSource(ctx context.Context, tx store.Tx, where, arg string) (source, error) {
	row, err := scanSource(tx.QueryRowContext(ctx, `SELECT `+sourceColumns+` FROM alert_source WHERE `+where, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return row, errs.New(errs.NotFound, "source %q does not exist", arg)
	}
	return row, err
}

func scanSource(row store.Scanner) (r source, err error) {
	var created, paused, watched, heard, silent, every int64
	var mapping string
	err = row.Scan(&r.Name, &r.Kind, &r.Service, &r.Severity, &every, &r.Silence, &mapping, &r.KeyHash, &r.Key, &r.Secret,
		&created, &r.CreatedBy, &paused, &watched, &heard, &silent, &r.Accepted, &r.Refused)
	if err != nil {
		return r, err
	}
	r.Every = ingest.Duration(time.Duration(every) * time.Microsecond)
	r.CreatedAt, r.PausedAt, r.WatchedAt, r.HeardAt, r.SilentAt = store.Time(created), store.Time(paused), store.Time(watched), store.Time(heard), store.Time(silent)
	return r, json.Unmarshal([]byte(mapping), &r.Mapping)
}

func putSource(ctx context.Context, tx store.Tx, r source) error {
	mapping, err := json.Marshal(r.Mapping)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO alert_source (`+sourceColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
		ON CONFLICT (name) DO UPDATE SET service = excluded.service, severity = excluded.severity, every = excluded.every, silence = excluded.silence,
			mapping = excluded.mapping, key_hash = excluded.key_hash, key_sealed = excluded.key_sealed, secret = excluded.secret,
			paused_at = excluded.paused_at, watched_at = excluded.watched_at, heard_at = excluded.heard_at, silent_at = excluded.silent_at,
			accepted = excluded.accepted, refused = excluded.refused`,
		r.Name, string(r.Kind), r.Service, string(r.Severity), time.Duration(r.Every).Microseconds(), string(r.Silence), string(mapping), r.KeyHash, r.Key, r.Secret,
		store.Micros(r.CreatedAt), r.CreatedBy, store.Micros(r.PausedAt), store.Micros(r.WatchedAt), store.Micros(r.HeardAt), store.Micros(r.SilentAt), r.Accepted, r.Refused)
	return err
}
