package alertdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Adopt takes an alert over from another host, with its id and its signals' ids: it
// is folded into the one that is there under its id, or is open under its
// fingerprint, or it is new.
func (s *Store) Adopt(ctx context.Context, in alert.Alert, signals []string) (out alert.Alert, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		a, err := one(ctx, tx, `id = $1`, in.ID)
		if errs.KindOf(err) == errs.NotFound {
			if a, err = one(ctx, tx, `fingerprint = $1 AND resolved_at = 0`, in.Fingerprint); err == nil && !a.Same(in) {
				a, err = alert.Alert{}, nil // an earlier one, which is over
			}
		}
		if errs.KindOf(err) == errs.NotFound {
			a, err = alert.Alert{}, nil
		}
		if err != nil {
			return fmt.Errorf("load %s: %w", in.Fingerprint, err)
		}
		before := len(a.Fingerprint)
		facts := a.Adopt(in)
		if before == 0 || a.State() != alert.Resolved || len(facts) > 0 {
			if err := put(ctx, tx, a); err != nil {
				return fmt.Errorf("save alert %s: %w", a.ID, err)
			}
		}
		for _, id := range signals {
			if _, err := tx.ExecContext(ctx, `INSERT INTO alert_signal (id, alert_id, at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`, id, a.ID, store.Micros(in.LastAt)); err != nil {
				return fmt.Errorf("save signal %s: %w", id, err)
			}
		}
		if key, ok := strings.CutPrefix(a.Fingerprint, a.Source+"/"+a.Service+"/"+a.Rule+"/"); ok && a.State() != alert.Resolved {
			if _, err := pin(ctx, tx, alert.Signal{Firing: true, Source: a.Source, Service: a.Service, Rule: a.Rule, Key: key, At: a.LastAt}); err != nil {
				return fmt.Errorf("pin %s: %w", key, err)
			}
		}
		out = a
		return s.log.Publish(ctx, tx, facts...)
	})
	return out, err
}

// SignalsOf are the ids of the signals that an alert was made of, at most 1000.
func (s *Store) SignalsOf(ctx context.Context, id string) (out []string, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (v string, err error) { return v, row.Scan(&v) },
			`SELECT id FROM alert_signal WHERE alert_id = $1 ORDER BY at DESC LIMIT 1000`, id)
		return err
	})
	return out, err
}

// HandedOn ends alerts here because another host has them now. That is no news.
func (s *Store) HandedOn(ctx context.Context, ids []string, now time.Time) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `UPDATE alert_alert SET resolved_at = $1 WHERE id = $2 AND resolved_at = 0`, store.Micros(now), id); err != nil {
				return fmt.Errorf("end alert %s: %w", id, err)
			}
		}
		return nil
	})
}

// Forget removes alerts and what names their signals.
func (s *Store) Forget(ctx context.Context, ids []string) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		for _, id := range ids {
			for _, q := range []string{`DELETE FROM alert_signal WHERE alert_id = $1`, `DELETE FROM alert_alert WHERE id = $1`} {
				if _, err := tx.ExecContext(ctx, q, id); err != nil {
					return fmt.Errorf("forget alert %s: %w", id, err)
				}
			}
		}
		return nil
	})
}
