package alertdb

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Past hands the alerts that opened from a time on to fn, the oldest first,
// without their evidence, until fn returns an error.
func (s *Store) Past(ctx context.Context, from time.Time, fn func(alert.Alert) error) error {
	return s.db.Read(ctx, func(tx store.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT id, source, service, rule, severity, opened_at, resolved_at, labels
			FROM alert_alert WHERE opened_at >= $1 ORDER BY opened_at, id`, store.Micros(from))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // rows.Err says what went wrong
		for rows.Next() {
			var a alert.Alert
			var opened, resolved int64
			var labels string
			if err := rows.Scan(&a.ID, &a.Source, &a.Service, &a.Rule, &a.Severity, &opened, &resolved, &labels); err != nil {
				return err
			}
			a.OpenedAt, a.ResolvedAt = store.Time(opened), store.Time(resolved)
			if err := unpack(labels, &a.Labels); err != nil {
				return err
			}
			if err := fn(a); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
