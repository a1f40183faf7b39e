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
	"github.com/hinoban/hinoban/internal/platform/notify/webpush"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// BuddyDoc returns what is kept under a name, or "".
func (s *Store) BuddyDoc(ctx context.Context, name string) (doc string, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT doc FROM oncall_buddy WHERE name = $1`, name).Scan(&doc)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return doc, err
}

// PutBuddyDoc keeps a text under a name.
func (s *Store) PutBuddyDoc(ctx context.Context, name, doc string) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO oncall_buddy (name, doc) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc`, name, doc)
		return err
	})
}

// AdoptPage takes over a page of another host with its ledger, in one transaction.
// It returns the alerts that are to fire again.
func (s *Store) AdoptPage(ctx context.Context, in oncall.Page, ledger []oncall.Delivery, policy oncall.Policy, now time.Time) (again []string, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		same, err := maybePage(ctx, tx, `id = $1`, in.ID)
		if err != nil {
			return err
		}
		local, err := maybePage(ctx, tx, `service = $1 AND closed_at = 0`, in.Service)
		if err != nil {
			return err
		}
		var called []oncall.Delivery
		if local != nil {
			if called, err = ofPage(ctx, tx, local.ID); err != nil {
				return err
			}
		}
		got := oncall.Adopt(in, same, local, called, policy, now)
		again = got.Again
		if got.Local != nil { // first: one page of a service is open
			if err := putPage(ctx, tx, *got.Local); err != nil {
				return err
			}
		}
		if err := keepAhead(ctx, tx, ledger); err != nil {
			return err
		}
		return s.save(ctx, tx, got.Page, nil, got.Facts)
	})
	return again, err
}

func maybePage(ctx context.Context, tx store.Tx, where, arg string) (*oncall.Page, error) {
	p, err := onePage(ctx, tx, where, arg)
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil //nolint:nilnil // there may be none
	}
	return &p, err
}

// RenameAlert has the open page of a service know an alert by another id.
func (s *Store) RenameAlert(ctx context.Context, service, from, to string) error {
	return s.OpenPage(ctx, service, func(open *oncall.Page) (*oncall.Page, []oncall.Delivery, []event.Fact) {
		if open == nil || !open.Rename(from, to) {
			return nil, nil, nil
		}
		return open, nil, nil
	})
}

// keepAhead keeps deliveries of another host where none is further here.
func keepAhead(ctx context.Context, tx store.Tx, ledger []oncall.Delivery) error {
	for _, d := range ledger {
		have, err := oneDelivery(ctx, tx, d.ID)
		if err != nil && errs.KindOf(err) != errs.NotFound {
			return err
		}
		if err == nil && have.State != oncall.Pending {
			continue
		}
		if err := putDelivery(ctx, tx, d); err != nil {
			return err
		}
	}
	return nil
}

// Handed kinds.
const (
	HandedPage  = "page"
	HandedAlert = "alert"
)

// Handed returns the ids of what was handed back.
func (s *Store) Handed(ctx context.Context, kind string) (map[string]bool, error) {
	out := map[string]bool{}
	err := s.db.Read(ctx, func(tx store.Tx) error {
		ids, err := store.All(ctx, tx, func(row store.Scanner) (id string, err error) { return id, row.Scan(&id) }, `SELECT id FROM oncall_handed WHERE kind = $1`, kind)
		for _, id := range ids {
			out[id] = true
		}
		return err
	})
	return out, err
}

// HandOn notes what was handed back, and ends its pages here: another host has
// them now. That is no news.
func (s *Store) HandOn(ctx context.Context, pages, alerts []string, now time.Time) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		for kind, ids := range map[string][]string{HandedPage: pages, HandedAlert: alerts} {
			for _, id := range ids {
				if _, err := tx.ExecContext(ctx, `INSERT INTO oncall_handed (kind, id, at) VALUES ($1, $2, $3) ON CONFLICT (kind, id) DO NOTHING`, kind, id, store.Micros(now)); err != nil {
					return err
				}
			}
		}
		for _, id := range pages {
			for _, q := range []string{
				`UPDATE oncall_page SET state = 'closed', step_at = 0, closed_at = $1 WHERE id = $2 AND closed_at = 0`,
				`UPDATE oncall_ledger SET state = 'cancelled', lease = 0, due_at = $1 WHERE page = $2 AND state = 'pending'`,
			} {
				if _, err := tx.ExecContext(ctx, q, store.Micros(now), id); err != nil {
					return fmt.Errorf("end page %s: %w", id, err)
				}
			}
		}
		return nil
	})
}

// ForgetHanded removes what was handed back.
func (s *Store) ForgetHanded(ctx context.Context) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		for _, q := range []string{
			`DELETE FROM oncall_ledger WHERE page IN (SELECT id FROM oncall_handed WHERE kind = 'page')`,
			`DELETE FROM oncall_page WHERE id IN (SELECT id FROM oncall_handed WHERE kind = 'page')`,
			`DELETE FROM oncall_handed`,
		} {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("forget what was handed back: %w", err)
			}
		}
		return nil
	})
}

// ReplaceAdjustments makes the adjustments those of another host.
func (s *Store) ReplaceAdjustments(ctx context.Context, all []oncall.Adjustment) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM oncall_adjustment`); err != nil {
			return err
		}
		for _, a := range all {
			if err := putAdjustment(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// Subscriber is a subscription and whose it is.
type Subscriber struct {
	webpush.Subscription
	Person, Agent string
	At            time.Time
}

// All returns every subscription, at most 10,000.
func (s *Subscriptions) All(ctx context.Context) (out []Subscriber, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (v Subscriber, err error) {
			var at int64
			err = row.Scan(&v.Person, &v.Agent, &v.Endpoint, &v.P256DH, &v.Auth, &at)
			v.At = store.Time(at)
			return v, err
		}, `SELECT person, agent, endpoint, p256dh, auth, at FROM oncall_subscription ORDER BY person, id LIMIT 10000`)
		return err
	})
	return out, err
}

// Replace makes the subscriptions those of another host.
func (s *Subscriptions) Replace(ctx context.Context, all []Subscriber) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM oncall_subscription`); err != nil {
			return err
		}
		for _, v := range all {
			if _, err := tx.ExecContext(ctx, `INSERT INTO oncall_subscription (id, person, endpoint, p256dh, auth, agent, at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
				SubscriptionID(v.Endpoint), v.Person, v.Endpoint, v.P256DH, v.Auth, v.Agent, store.Micros(v.At)); err != nil {
				return err
			}
		}
		return nil
	})
}
