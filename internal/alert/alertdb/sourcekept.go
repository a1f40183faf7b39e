package alertdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const (
	hadFor = 24 * time.Hour      // a sender repeats what was not answered for less than that
	pinFor = 90 * 24 * time.Hour // a matter that nobody spoke of for longer is forgotten
)

// said is what became of a payload, as one column has it.
type said struct {
	Refused []ingest.Refusal `json:"refused,omitempty"`
	Notes   []string         `json:"notes,omitempty"`
	Alerts  []string         `json:"alerts,omitempty"`
}

// Keep implements ingest.Store.
func (s *Store) Keep(ctx context.Context, p ingest.Payload, heard bool, once string) error {
	heardAt := int64(0)
	if heard {
		heardAt = p.At.UnixMicro()
	}
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE alert_source SET accepted = accepted + $2, refused = refused + $3,
			heard_at = CASE WHEN heard_at < $4 THEN $4 ELSE heard_at END WHERE name = $1`, p.Source, p.Taken, p.Lost, heardAt)
		if err != nil {
			return err
		}
		if once != "" {
			if err := markHad(ctx, tx, p.Source, once, p.At); err != nil {
				return err
			}
		}
		if p.ID == "" {
			return nil
		}
		return keepPayload(ctx, tx, p)
	})
}

func markHad(ctx context.Context, tx store.Tx, source, once string, at time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM alert_source_had WHERE at < $1`, at.Add(-hadFor).UnixMicro()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO alert_source_had (source, once, at) VALUES ($1, $2, $3) ON CONFLICT (source, once) DO NOTHING`, source, once, at.UnixMicro())
	return err
}

func keepPayload(ctx context.Context, tx store.Tx, p ingest.Payload) error {
	words, err := json.Marshal(said{Refused: p.Refused, Notes: p.Notes, Alerts: p.Alerts})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO alert_source_payload (id, source, at, body, size, taken, lost, said) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		p.ID, p.Source, p.At.UnixMicro(), listedBytes(p.Body), p.Size, p.Taken, p.Lost, string(words))
	if err != nil {
		return fmt.Errorf("keep payload %s: %w", p.ID, err)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM alert_source_payload WHERE source = $1 AND id NOT IN
		(SELECT id FROM alert_source_payload WHERE source = $1 ORDER BY id DESC LIMIT $2)`, p.Source, ingest.KeptPayloads)
	return err
}

// listedBytes makes an empty value of none: the column is never null.
func listedBytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Had implements ingest.Store.
func (s *Store) Had(ctx context.Context, source, once string) (had bool, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		var at int64
		err := tx.QueryRowContext(ctx, `SELECT at FROM alert_source_had WHERE source = $1 AND once = $2`, source, once).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		had = err == nil
		return err
	})
	return had, err
}

// Payloads implements ingest.Store.
func (s *Store) Payloads(ctx context.Context, source string) (out []ingest.Payload, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (p ingest.Payload, err error) {
			var at int64
			var words string
			if err := row.Scan(&p.ID, &p.Source, &at, &p.Body, &p.Size, &p.Taken, &p.Lost, &words); err != nil {
				return p, err
			}
			var w said
			err = json.Unmarshal([]byte(words), &w)
			p.At, p.Refused, p.Notes, p.Alerts = store.Time(at), w.Refused, w.Notes, w.Alerts
			return p, err
		}, `SELECT id, source, at, body, size, taken, lost, said FROM alert_source_payload WHERE source = $1 ORDER BY id DESC LIMIT $2`, source, ingest.KeptPayloads)
		return err
	})
	return out, err
}

// Pin implements ingest.Store. A key keeps service and rule for as long as the
// alert that they name is open.
func (s *Store) Pin(ctx context.Context, all []alert.Signal) ([]alert.Signal, error) {
	out := make([]alert.Signal, len(all))
	err := s.db.Write(ctx, func(tx store.Tx) error {
		for i, sig := range all {
			var err error
			if out[i], err = pin(ctx, tx, sig); err != nil {
				return fmt.Errorf("pin %s: %w", sig.Key, err)
			}
		}
		return nil
	})
	return out, err
}

func pin(ctx context.Context, tx store.Tx, sig alert.Signal) (alert.Signal, error) {
	if sig.Key == "" {
		return sig, nil
	}
	was := sig
	err := tx.QueryRowContext(ctx, `SELECT service, rule FROM alert_source_pin WHERE source = $1 AND key = $2`, sig.Source, sig.Key).Scan(&was.Service, &was.Rule)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return sig, err
	}
	if err == nil {
		if !sig.Firing {
			return was, nil
		}
		var open int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM alert_alert WHERE fingerprint = $1 AND resolved_at = 0`, was.Fingerprint()).Scan(&open); err != nil || open > 0 {
			return was, err
		}
	}
	if !sig.Firing {
		return sig, nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM alert_source_pin WHERE at < $1`, sig.At.Add(-pinFor).UnixMicro()); err != nil {
		return sig, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO alert_source_pin (source, key, service, rule, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (source, key) DO UPDATE SET service = excluded.service, rule = excluded.rule, at = excluded.at`,
		sig.Source, sig.Key, sig.Service, sig.Rule, sig.At.UnixMicro())
	return sig, err
}
