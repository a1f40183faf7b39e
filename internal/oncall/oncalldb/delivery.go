package oncalldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const deliveryColumns = `id, page, kind, person, device, channel, address, step, state, due_at, lease, attempts, sent_at, receipt, error`

// Claim implements oncall.Store.
func (s *Store) Claim(ctx context.Context, now, until time.Time, n int) (out []oncall.Delivery, err error) {
	// A SQLite file has one process: leases of another are those of a dead one.
	const due = `state = 'pending' AND due_at <= $1 AND (lease <= $1 OR ($2 AND holder <> $3))`
	args := []any{store.Micros(now), s.db.Engine == "sqlite", s.holder}
	// A look without the writer first: most rounds find nothing.
	var waiting int
	err = s.db.Read(ctx, func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM oncall_delivery WHERE `+due, args...).Scan(&waiting)
	})
	if err != nil || waiting == 0 {
		return nil, err
	}
	err = s.db.Write(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanDelivery, `
			UPDATE oncall_delivery SET lease = $4, holder = $3
			WHERE id IN (SELECT id FROM oncall_delivery WHERE `+due+` ORDER BY due_at LIMIT $5)
			RETURNING `+deliveryColumns, append(args, store.Micros(until), n)...)
		return err
	})
	return out, err
}

// Settle implements oncall.Store.
func (s *Store) Settle(ctx context.Context, id string, fn func(*oncall.Delivery) []event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		d, err := scanDelivery(tx.QueryRowContext(ctx, `SELECT `+deliveryColumns+` FROM oncall_delivery WHERE id = $1`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "delivery %q does not exist", id)
		}
		if err != nil {
			return err
		}
		cancelled := d.State == oncall.Cancelled
		facts := fn(&d)
		if cancelled && d.State != oncall.Sent {
			// The answer came while it was being sent: it is not tried again, and
			// that it was not taken is no news any more.
			d.State, facts = oncall.Cancelled, nil
		}
		if err := putDelivery(ctx, tx, d); err != nil {
			return fmt.Errorf("save delivery %s: %w", id, err)
		}
		service := ""
		if err := tx.QueryRowContext(ctx, `SELECT service FROM oncall_page WHERE id = $1`, d.Page).Scan(&service); err != nil {
			return fmt.Errorf("load page %s: %w", d.Page, err)
		}
		for i := range facts {
			facts[i].Service = service
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

func scanDelivery(row store.Scanner) (d oncall.Delivery, err error) {
	var due, lease, sent int64
	err = row.Scan(&d.ID, &d.Page, &d.Kind, &d.Person, &d.Device, &d.Channel, &d.Address, &d.Step, &d.State, &due, &lease, &d.Attempts, &sent, &d.Receipt, &d.Error)
	d.DueAt, d.Lease, d.SentAt = store.Time(due), store.Time(lease), store.Time(sent)
	return d, err
}

func putDelivery(ctx context.Context, tx store.Tx, d oncall.Delivery) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO oncall_delivery (`+deliveryColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, due_at = excluded.due_at, lease = excluded.lease, attempts = excluded.attempts,
			sent_at = excluded.sent_at, receipt = excluded.receipt, error = excluded.error`,
		d.ID, d.Page, d.Kind, d.Person, d.Device, d.Channel, d.Address, d.Step, string(d.State), store.Micros(d.DueAt), store.Micros(d.Lease), d.Attempts,
		store.Micros(d.SentAt), d.Receipt, d.Error)
	return err
}
