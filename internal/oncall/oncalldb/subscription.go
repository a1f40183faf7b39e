package oncalldb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/hinoban/hinoban/internal/platform/notify/webpush"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// maxSubscriptions is of one person; the oldest make room for a new one.
const maxSubscriptions = 20

var _ webpush.Subscriptions = (*Subscriptions)(nil)

// Subscriptions keeps the browsers that people allowed notifications in.
type Subscriptions struct{ db *store.DB }

// NewSubscriptions returns Subscriptions on db.
func NewSubscriptions(db *store.DB) *Subscriptions { return &Subscriptions{db} }

// SubscriptionID names a subscription without giving its endpoint away.
func SubscriptionID(endpoint string) string {
	h := sha256.Sum256([]byte(endpoint))
	return hex.EncodeToString(h[:16])
}

// ByPerson implements webpush.Subscriptions, the newest first.
func (s *Subscriptions) ByPerson(ctx context.Context, person string) (out []webpush.Subscription, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (v webpush.Subscription, err error) {
			return v, row.Scan(&v.Endpoint, &v.P256DH, &v.Auth)
		}, `SELECT endpoint, p256dh, auth FROM oncall_subscription WHERE person = $1 ORDER BY at DESC, id LIMIT $2`, person, maxSubscriptions)
		return err
	})
	return out, err
}

// Subscribe keeps a subscription of a person and returns its id. A browser is
// one person's: the last who subscribed with it has it.
func (s *Subscriptions) Subscribe(ctx context.Context, person, agent string, v webpush.Subscription, at time.Time) (string, error) {
	id := SubscriptionID(v.Endpoint)
	return id, s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO oncall_subscription (id, person, endpoint, p256dh, auth, agent, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET person = excluded.person, p256dh = excluded.p256dh, auth = excluded.auth, agent = excluded.agent, at = excluded.at`,
			id, person, v.Endpoint, v.P256DH, v.Auth, agent, store.Micros(at))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM oncall_subscription WHERE person = $1 AND id NOT IN
				(SELECT id FROM oncall_subscription WHERE person = $1 ORDER BY at DESC, id LIMIT $2)`, person, maxSubscriptions)
		return err
	})
}

// Unsubscribe forgets a person's subscription by its id; ok is false where there
// was none.
func (s *Subscriptions) Unsubscribe(ctx context.Context, person, id string) (ok bool, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM oncall_subscription WHERE person = $1 AND id = $2`, person, id)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		ok = n > 0
		return err
	})
	return ok, err
}

// Remove implements webpush.Subscriptions.
func (s *Subscriptions) Remove(ctx context.Context, endpoint string) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM oncall_subscription WHERE id = $1`, SubscriptionID(endpoint))
		return err
	})
}
