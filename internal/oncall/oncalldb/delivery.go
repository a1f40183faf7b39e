package oncalldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const deliveryColumns = `id, page, kind, person, device, channel, address, step, firing, state, made_at, due_at, lease, fence, attempts, sent_at, receipt, cost, bundle, error`

// Claim implements oncall.Ledger.
func (s *Store) Claim(ctx context.Context, now, until time.Time, n int) (out []oncall.Delivery, err error) {
	// A SQLite file has one process: leases of another are those of a dead one. And no
	// clock that is right makes a delivery in the future, puts one off for longer than
	// there is a reason for, or leases one for an hour.
	const due = `state = 'pending' AND (due_at <= $1 OR (attempts = 0 AND (made_at > $4 OR due_at > made_at + $5)) OR (attempts > 0 AND due_at > $6))
		AND (lease <= $1 OR lease > $7 OR ($2 AND holder <> $3))`
	const restamp = `UPDATE oncall_ledger SET due_at = due_at - (made_at - $1), made_at = $1 WHERE state = 'pending' AND attempts = 0 AND made_at > $2`
	args := []any{
		store.Micros(now), s.db.Engine == "sqlite", s.holder, store.Micros(now.Add(oncall.Skew)), oncall.MaxAfter.Microseconds(),
		store.Micros(now.Add(oncall.MaxPause + oncall.Skew)), store.Micros(until.Add(time.Hour)),
	}
	// A look without the writer first: most rounds find nothing.
	var waiting int
	err = s.db.Read(ctx, func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT id FROM oncall_ledger WHERE `+due+` LIMIT 1) AS one`, args...).Scan(&waiting)
	})
	if err != nil || waiting == 0 {
		return nil, err
	}
	err = s.db.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.ExecContext(ctx, restamp, args[0], args[3]); err != nil {
			return err
		}
		claimed, err := store.All(ctx, tx, scanDelivery, `SELECT `+deliveryColumns+` FROM oncall_ledger WHERE `+due+` ORDER BY due_at, id LIMIT $8`, append(args, n)...)
		if err != nil {
			return err
		}
		for i := range claimed {
			d := &claimed[i]
			// A lease that nobody gave back: its holder ended, or hangs, and what became of
			// the message is not known.
			d.Doubt = !d.Lease.IsZero()
			d.Fence++
			d.Lease = until
			if _, err := tx.ExecContext(ctx, `UPDATE oncall_ledger SET lease = $1, holder = $2, fence = $3 WHERE id = $4`, store.Micros(until), s.holder, d.Fence, d.ID); err != nil {
				return err
			}
		}
		out = claimed
		return nil
	})
	return out, err
}

// Hold implements oncall.Ledger.
func (s *Store) Hold(ctx context.Context, least, until time.Time, claimed []oncall.Delivery) ([]oncall.Delivery, error) {
	args := []any{s.holder}
	doubt := map[string]bool{}
	in := make([]string, 0, len(claimed))
	for _, d := range claimed {
		args = append(args, d.ID)
		in = append(in, "$"+strconv.Itoa(len(args)))
		doubt[d.ID] = d.Doubt
	}
	mine := `holder = $1 AND state = 'pending' AND id IN (` + strings.Join(in, ", ") + `)`
	var held []oncall.Delivery
	look := func(tx store.Tx) (err error) {
		held, err = store.All(ctx, tx, scanDelivery, `SELECT `+deliveryColumns+` FROM oncall_ledger WHERE `+mine+` ORDER BY due_at, id`, args...)
		return err
	}
	err := s.db.Read(ctx, look)
	if err == nil && slices.ContainsFunc(held, func(d oncall.Delivery) bool { return d.Lease.Before(least) }) {
		err = s.db.Write(ctx, func(tx store.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE oncall_ledger SET lease = `+strconv.FormatInt(store.Micros(until), 10)+` WHERE `+mine, args...)
			if err != nil {
				return err
			}
			return look(tx)
		})
	}
	for i := range held {
		held[i].Doubt = doubt[held[i].ID]
	}
	return held, err
}

// Settle implements oncall.Ledger.
func (s *Store) Settle(ctx context.Context, all ...oncall.Settlement) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		for _, one := range all {
			if err := s.settle(ctx, tx, one); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) settle(ctx context.Context, tx store.Tx, o oncall.Settlement) error {
	d, err := oneDelivery(ctx, tx, o.Delivery)
	if err != nil {
		return err
	}
	late := d.Fence != o.Fence
	if a := o.Attempt; !a.At.IsZero() {
		_, err := tx.ExecContext(ctx, `INSERT INTO oncall_attempt (delivery, at, took, receipt, error, late) VALUES ($1, $2, $3, $4, $5, $6)`,
			d.ID, store.Micros(a.At), a.Took.Microseconds(), a.Receipt, a.Error, late)
		if err != nil {
			return fmt.Errorf("save attempt of %s: %w", d.ID, err)
		}
	}
	if late && (!o.Taken || d.State != oncall.Pending) {
		return nil // whoever has it now decides
	}
	before := d
	facts := o.Do(&d)
	if told, err := meanwhile(ctx, tx, before, &d); err != nil {
		return err
	} else if told {
		facts = nil
	}
	if err := putDelivery(ctx, tx, d); err != nil {
		return err
	}
	if d.Page != "" {
		p, err := onePage(ctx, tx, `id = $1`, d.Page)
		if err != nil {
			return fmt.Errorf("load page %s: %w", d.Page, err)
		}
		for i := range facts {
			facts[i].Service = p.Service
		}
		if err := s.failed(ctx, tx, p, before, d, o); err != nil {
			return err
		}
	}
	return s.log.Publish(ctx, tx, facts...)
}

// meanwhile has what became of a delivery while it was being sent count, and
// reports whether it did: the outcome is no news then.
func meanwhile(ctx context.Context, tx store.Tx, before oncall.Delivery, d *oncall.Delivery) (bool, error) {
	switch {
	case before.State == oncall.Cancelled && !d.State.Taken():
		d.State = oncall.Cancelled // the answer came: it is not tried again
		return true, nil
	case before.State == oncall.Sent || before.State == oncall.Arrived || before.State == oncall.Read:
		*d = before // its provider has said so already
		return true, nil
	case before.State == oncall.Failed:
		d.State, d.Error = oncall.Failed, before.Error // it was reported that it will not arrive
		return true, nil
	case d.State == oncall.Bundled:
		carrier, err := oneDelivery(ctx, tx, d.Bundle)
		if err == nil && carrier.State == oncall.Failed {
			d.State, d.Error = oncall.Failed, carrier.Error // and so was that of its carrier
			return true, nil
		}
		if errs.KindOf(err) != errs.NotFound {
			return false, err
		}
	}
	return false, nil
}

// failed saves what follows where a delivery gives way to others.
func (s *Store) failed(ctx context.Context, tx store.Tx, p oncall.Page, before, d oncall.Delivery, o oncall.Settlement) error {
	if o.Failed == nil || !d.GivesWay(before) {
		return nil
	}
	ledger, err := ofPage(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	for _, c := range o.Failed(&p, d, ledger) {
		if err := putDelivery(ctx, tx, c); err != nil {
			return err
		}
	}
	return putPage(ctx, tx, p)
}

// PutDelivery implements oncall.Ledger.
func (s *Store) PutDelivery(ctx context.Context, d oncall.Delivery) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		return putDelivery(ctx, tx, d)
	})
}

// Delivery implements oncall.Ledger.
func (s *Store) Delivery(ctx context.Context, id string) (d oncall.Delivery, out []oncall.Attempt, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		if d, err = oneDelivery(ctx, tx, id); err != nil {
			return err
		}
		out, err = store.All(ctx, tx, func(row store.Scanner) (a oncall.Attempt, err error) {
			var at, took int64
			err = row.Scan(&a.Delivery, &at, &took, &a.Receipt, &a.Error, &a.Late)
			a.At, a.Took = store.Time(at), time.Duration(took)*time.Microsecond
			return a, err
		}, `SELECT delivery, at, took, receipt, error, late FROM oncall_attempt WHERE delivery = $1 ORDER BY at LIMIT 1000`, id)
		return err
	})
	return d, out, err
}

// Reported implements oncall.Ledger.
func (s *Store) Reported(ctx context.Context, id, channel, receipt string, fn func(*oncall.Delivery) (bool, []event.Fact)) (d oncall.Delivery, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		where, args := `id = $1`, []any{id}
		if id == "" {
			where, args = `channel = $1 AND receipt = $2 AND receipt <> ''`, []any{channel, receipt}
		}
		d, err = scanDelivery(tx.QueryRowContext(ctx, `SELECT `+deliveryColumns+` FROM oncall_ledger WHERE `+where+` ORDER BY id DESC LIMIT 1`, args...))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "no such message was sent")
		}
		if err != nil {
			return err
		}
		changed, facts := fn(&d)
		if !changed {
			return nil
		}
		if err := putDelivery(ctx, tx, d); err != nil {
			return err
		}
		if len(facts) > 0 && d.Page != "" {
			p, err := onePage(ctx, tx, `id = $1`, d.Page)
			if err != nil {
				return fmt.Errorf("load page %s: %w", d.Page, err)
			}
			for i := range facts {
				facts[i].Service = p.Service
			}
		}
		return s.log.Publish(ctx, tx, facts...)
	})
	return d, err
}

// Newest implements oncall.Ledger.
func (s *Store) Newest(ctx context.Context, kind oncall.DeliveryKind, channel, address string) (d oncall.Delivery, err error) {
	last := `ORDER BY id DESC`
	if kind == oncall.KindPage {
		// What waits has said nothing yet, and what was bundled was said by its carrier.
		last = `AND sent_at > 0 AND state <> 'bundled' ORDER BY sent_at DESC, id DESC`
	}
	err = s.db.Read(ctx, func(tx store.Tx) error {
		d, err = scanDelivery(tx.QueryRowContext(ctx, `SELECT `+deliveryColumns+` FROM oncall_ledger WHERE channel = $1 AND address = $2 AND kind = $3 `+last+` LIMIT 1`, channel, address, string(kind)))
		if errors.Is(err, sql.ErrNoRows) {
			return errs.New(errs.NotFound, "nothing was sent to this address")
		}
		return err
	})
	return d, err
}

// Bundle implements oncall.Ledger.
func (s *Store) Bundle(ctx context.Context, carrier string) (out []oncall.Delivery, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanDelivery, `SELECT `+deliveryColumns+` FROM oncall_ledger WHERE bundle = $1 AND bundle <> '' ORDER BY id LIMIT 1000`, carrier)
		return err
	})
	return out, err
}

// Deliveries implements oncall.Ledger.
func (s *Store) Deliveries(ctx context.Context, q oncall.LedgerQuery) (out []oncall.Delivery, err error) {
	where := []string{"1 = 1"}
	var args []any
	for _, c := range []struct{ cond, v string }{{"person =", q.Person}, {"channel =", q.Channel}, {"state =", string(q.State)}, {"kind =", string(q.Kind)}, {"id <", q.Before}} {
		if c.v != "" {
			args = append(args, c.v)
			where = append(where, c.cond+" $"+strconv.Itoa(len(args)))
		}
	}
	args = append(args, q.Limit)
	text := `SELECT ` + deliveryColumns + ` FROM oncall_ledger WHERE ` + strings.Join(where, " AND ") + ` ORDER BY id DESC LIMIT $` + strconv.Itoa(len(args))
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanDelivery, text, args...)
		return err
	})
	return out, err
}

// Health implements oncall.Ledger.
func (s *Store) Health(ctx context.Context, since, now time.Time) (out []oncall.ChannelHealth, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (h oncall.ChannelHealth, err error) {
			return h, row.Scan(&h.Channel, &h.Taken, &h.InTime, &h.Failed, &h.Overdue)
		}, `
			SELECT channel,
				COUNT(*) FILTER (WHERE state IN ('sent', 'delivered', 'read')),
				COUNT(*) FILTER (WHERE state IN ('sent', 'delivered', 'read') AND sent_at - due_at <= $2 AND attempts <= 1),
				COUNT(*) FILTER (WHERE state = 'failed'),
				COUNT(*) FILTER (WHERE state = 'pending' AND (attempts > 0 OR due_at < $3))
			FROM oncall_ledger WHERE made_at >= $1 AND kind IN ('page', 'canary') AND page NOT IN (SELECT id FROM oncall_page WHERE service = $4)
			GROUP BY channel ORDER BY channel LIMIT 100`, store.Micros(since), oncall.InTime.Microseconds(), store.Micros(now.Add(-oncall.InTime)), oncall.Itself)
		return err
	})
	return out, err
}

func oneDelivery(ctx context.Context, tx store.Tx, id string) (oncall.Delivery, error) {
	d, err := scanDelivery(tx.QueryRowContext(ctx, `SELECT `+deliveryColumns+` FROM oncall_ledger WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return d, errs.New(errs.NotFound, "delivery %q does not exist", id)
	}
	return d, err
}

const maxLedger = 10000 // of one page

func ofPage(ctx context.Context, tx store.Tx, page string) ([]oncall.Delivery, error) {
	return store.All(ctx, tx, scanDelivery, `SELECT `+deliveryColumns+` FROM oncall_ledger WHERE page = $1 ORDER BY id LIMIT $2`, page, maxLedger)
}

func scanDelivery(row store.Scanner) (d oncall.Delivery, err error) {
	var made, due, lease, sent int64
	err = row.Scan(&d.ID, &d.Page, &d.Kind, &d.Person, &d.Device, &d.Channel, &d.Address, &d.Step, &d.Firing, &d.State, &made, &due, &lease, &d.Fence, &d.Attempts, &sent, &d.Receipt, &d.Cost, &d.Bundle, &d.Error)
	d.MadeAt, d.DueAt, d.Lease, d.SentAt = store.Time(made), store.Time(due), store.Time(lease), store.Time(sent)
	return d, err
}

func putDelivery(ctx context.Context, tx store.Tx, d oncall.Delivery) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO oncall_ledger (`+deliveryColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, due_at = excluded.due_at, lease = excluded.lease, attempts = excluded.attempts,
			sent_at = excluded.sent_at, receipt = excluded.receipt, cost = excluded.cost, bundle = excluded.bundle, error = excluded.error`,
		d.ID, d.Page, string(d.Kind), d.Person, d.Device, d.Channel, d.Address, d.Step, d.Firing, string(d.State), store.Micros(d.MadeAt), store.Micros(d.DueAt), store.Micros(d.Lease), d.Fence, d.Attempts,
		store.Micros(d.SentAt), d.Receipt, d.Cost, d.Bundle, d.Error)
	if err != nil {
		return fmt.Errorf("save delivery %s: %w", d.ID, err)
	}
	return nil
}
