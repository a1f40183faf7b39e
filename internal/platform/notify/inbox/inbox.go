// Package inbox is the channel that needs nobody outside: it lays a message
// into a box in our own database, where the person's browser finds it.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Box keeps messages. Put is idempotent by address and Message.ID, and
// classifies its errors: NotFound when there is nobody of that name.
type Box interface {
	Put(ctx context.Context, address string, m notify.Message) error
}

// The most that is kept, in runes.
const (
	MaxTitle = 300
	MaxBody  = 32 << 10
)

// Channel puts messages into boxes.
type Channel struct {
	box    Box
	handle *regexp.Regexp
}

var _ notify.Channel = (*Channel)(nil)

// New returns a channel into box.
func New(box Box) *Channel {
	return &Channel{box, regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)}
}

// Name returns "inbox".
func (c *Channel) Name() string { return "inbox" }

// Check accepts a person's handle.
func (c *Channel) Check(address string) error {
	if !c.handle.MatchString(address) {
		return errs.New(errs.Invalid, "an inbox address is a person's handle, like aoi")
	}
	return nil
}

// Send puts m into the box of address.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	if err := ctx.Err(); err != nil {
		return notify.Receipt{}, errs.New(errs.Unavailable, "inbox %s: %w", m.ID, err)
	}
	m.Title, m.Body, m.Severity = notify.Line(m.Title, MaxTitle), notify.Lines(m.Body, MaxBody), notify.Line(m.Severity, 40)
	m.Links = m.SafeLinks()
	if err := c.box.Put(ctx, address, m); err != nil {
		if late := ctx.Err(); late != nil || errors.Is(err, context.DeadlineExceeded) {
			return notify.Receipt{}, errs.New(errs.Unavailable, "inbox %s: %w", m.ID, err)
		}
		return notify.Receipt{}, fmt.Errorf("inbox %s: %w", m.ID, err)
	}
	return notify.Receipt{ProviderID: m.ID, Detail: "kept"}, nil
}
