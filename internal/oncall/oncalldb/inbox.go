package oncalldb

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/inbox"
	"github.com/hinoban/hinoban/internal/platform/store"
)

var (
	_ inbox.Box         = (*Inbox)(nil)
	_ oncall.InboxStore = (*Inbox)(nil)
)

// Inbox keeps the built-in inboxes.
type Inbox struct {
	db *store.DB
}

// NewInbox returns an Inbox on db.
func NewInbox(db *store.DB) *Inbox { return &Inbox{db: db} }

// Put implements inbox.Box: a message that is there already stays as it is.
func (b *Inbox) Put(ctx context.Context, person string, m notify.Message) error {
	link := ""
	if len(m.Links) > 0 {
		link = m.Links[0].URL
	}
	err := b.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO oncall_inbox (id, person, kind, title, body, link, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO NOTHING`, m.ID, person, string(m.Kind), m.Title, m.Body, link, store.Micros(m.At))
		return err
	})
	if err != nil {
		return errs.New(errs.Unavailable, "put into the inbox of %s: %w", person, err)
	}
	return nil
}

// Messages implements oncall.InboxStore.
func (b *Inbox) Messages(ctx context.Context, person string, n int) (out []oncall.InboxMessage, err error) {
	err = b.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (m oncall.InboxMessage, err error) {
			var at, read int64
			err = row.Scan(&m.ID, &m.Person, &m.Kind, &m.Title, &m.Body, &m.Link, &at, &read)
			m.At, m.ReadAt = store.Time(at), store.Time(read)
			return m, err
		}, `SELECT id, person, kind, title, body, link, at, read_at FROM oncall_inbox WHERE person = $1 ORDER BY id DESC LIMIT $2`, person, n)
		return err
	})
	return out, err
}

// MarkRead implements oncall.InboxStore.
func (b *Inbox) MarkRead(ctx context.Context, person, upTo string, at time.Time) error {
	return b.db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE oncall_inbox SET read_at = $1 WHERE person = $2 AND id <= $3 AND read_at = 0`, store.Micros(at), person, upTo)
		return err
	})
}

// Unread implements oncall.InboxStore.
func (b *Inbox) Unread(ctx context.Context, person string) (n int, err error) {
	err = b.db.Read(ctx, func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM oncall_inbox WHERE person = $1 AND read_at = 0`, person).Scan(&n)
	})
	return n, err
}
