package slodb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/slo/correction"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
)

var (
	_ policy.Store     = (*Store)(nil)
	_ correction.Store = (*Store)(nil)
	_ ledger.Store     = (*Store)(nil)
)

// Record implements policy.Store.
func (s *Store) Record(ctx context.Context, facts ...event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error { return s.log.Publish(ctx, tx, facts...) })
}

type gateRow struct {
	service string
	kept    policy.Kept
}

// GateStates implements policy.Store.
func (s *Store) GateStates(ctx context.Context) (map[string]policy.Kept, error) {
	out := map[string]policy.Kept{}
	err := s.db.Read(ctx, func(tx store.Tx) error {
		rows, err := store.All(ctx, tx, func(row store.Scanner) (r gateRow, err error) {
			var since int64
			err = row.Scan(&r.service, &r.kept.State, &since)
			r.kept.Since = store.Time(since)
			return r, err
		}, `SELECT service, state, since FROM slo_gate_state`)
		for _, r := range rows {
			out[r.service] = r.kept
		}
		return err
	})
	return out, err
}

// SaveGate implements policy.Store.
func (s *Store) SaveGate(ctx context.Context, service string, kept policy.Kept, facts ...event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO slo_gate_state (service, state, since) VALUES ($1, $2, $3)
			ON CONFLICT (service) DO UPDATE SET state = excluded.state, since = excluded.since`, service, string(kept.State), store.Micros(kept.Since))
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

const overrideColumns = `id, service, class, reason, approver, made, expires`

// Overrides implements policy.Store.
func (s *Store) Overrides(ctx context.Context, service string, after time.Time) (out []policy.Override, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanOverride, `SELECT `+overrideColumns+` FROM slo_override WHERE expires > $1 AND ($2 = '' OR service = $2) ORDER BY made DESC, id DESC LIMIT 500`,
			store.Micros(after), service)
		return err
	})
	return out, err
}

// PutOverride implements policy.Store.
func (s *Store) PutOverride(ctx context.Context, o policy.Override, facts ...event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO slo_override (`+overrideColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			o.ID, o.Service, o.Class, o.Reason, o.Approver, store.Micros(o.Made), store.Micros(o.Expires))
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

// EndOverride implements policy.Store.
func (s *Store) EndOverride(ctx context.Context, id string, at time.Time, fn func(policy.Override) []event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		o, err := scanOverride(tx.QueryRowContext(ctx, `UPDATE slo_override SET expires = $2 WHERE id = $1 AND expires > $2 RETURNING `+overrideColumns, id, store.Micros(at)))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "no override %q is in force", id)
		}
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, fn(o)...)
	})
}

func scanOverride(row store.Scanner) (o policy.Override, err error) {
	var made, expires int64
	err = row.Scan(&o.ID, &o.Service, &o.Class, &o.Reason, &o.Approver, &made, &expires)
	o.Made, o.Expires = store.Time(made), store.Time(expires)
	return o, err
}

const correctionColumns = `id, objective, start, seconds, rule, zone, category, reason, made_by, created`

// Corrections implements correction.Store.
func (s *Store) Corrections(ctx context.Context) (out []period.Correction, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanCorrection, `SELECT `+correctionColumns+` FROM slo_correction ORDER BY start, id`)
		return err
	})
	return out, err
}

// PutCorrection implements correction.Store. A correction has one objective.
func (s *Store) PutCorrection(ctx context.Context, c period.Correction, facts ...event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO slo_correction (`+correctionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			c.ID, c.Objectives[0], store.Micros(c.Start), int64(c.Duration/time.Second), c.Rule, c.Zone, string(c.Category), c.Reason, c.By, store.Micros(c.Created))
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

// DeleteCorrection implements correction.Store.
func (s *Store) DeleteCorrection(ctx context.Context, id string, fn func(period.Correction) []event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		c, err := scanCorrection(tx.QueryRowContext(ctx, `DELETE FROM slo_correction WHERE id = $1 RETURNING `+correctionColumns, id))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "correction %q does not exist", id)
		}
		if err != nil {
			return err
		}
		return s.log.Publish(ctx, tx, fn(c)...)
	})
}

func scanCorrection(row store.Scanner) (c period.Correction, err error) {
	var start, seconds, created int64
	objective := ""
	err = row.Scan(&c.ID, &objective, &start, &seconds, &c.Rule, &c.Zone, &c.Category, &c.Reason, &c.By, &created)
	c.Objectives, c.Start, c.Duration, c.Created = []string{objective}, store.Time(start), time.Duration(seconds)*time.Second, store.Time(created)
	return c, err
}

// Overspent implements ledger.Store.
func (s *Store) Overspent(ctx context.Context, incident, objective string, at time.Time, facts ...event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO slo_overspent (incident, objective, at) VALUES ($1, $2, $3) ON CONFLICT (incident) DO NOTHING`, incident, objective, store.Micros(at))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}
