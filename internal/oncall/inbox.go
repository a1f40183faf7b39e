package oncall

import (
	"context"
	"time"
)

// InboxMessage is one message in the built-in inbox: a device that needs
// nothing but a browser.
type InboxMessage struct {
	ID     string    `json:"id"`
	Person string    `json:"person"`
	Kind   string    `json:"kind"`
	Title  string    `json:"title"`
	Body   string    `json:"body"`
	Link   string    `json:"link,omitempty"`
	At     time.Time `json:"at"`
	ReadAt time.Time `json:"read_at,omitzero"`
}

// InboxStore keeps the built-in inboxes.
type InboxStore interface {
	// Messages returns the newest messages of a person, at most n.
	Messages(ctx context.Context, person string, n int) ([]InboxMessage, error)
	// MarkRead marks the messages of a person as read, up to the one with the
	// given id: what came after the reader looked stays unread.
	MarkRead(ctx context.Context, person, upTo string, at time.Time) error
	// Unread returns how many messages of a person are not read.
	Unread(ctx context.Context, person string) (int, error)
}
