package auth

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Migrations are the tables of people, sessions, tokens and links; the room is
// called "auth".
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Publisher writes facts to the log inside a transaction; *bus.Log is one.
type Publisher interface {
	Publish(ctx context.Context, tx store.Tx, facts ...event.Fact) error
}

// Options are what a gate needs.
type Options struct {
	DB     *store.DB
	Events Publisher
	Log    *slog.Logger
	Now    func() time.Time
	NewID  func() string
	Config Config // valid
}

// Gate is where people and programs come in. It is safe for concurrent use.
type Gate struct {
	Options

	hash    *hasher
	origin  *http.CrossOriginProtection
	account *throttle
	client  *throttle
	told    *throttle // which accounts' failures were told lately
	tellAll *quota
}

// The pace of guessing. A stranger can slow an account's owner down, but by no
// more than a minute; an address that guesses loses a quarter of an hour.
const (
	accountFree, accountMost = 5, time.Minute
	clientFree, clientMost   = 20, 15 * time.Minute
	tellPerMinute            = 60
	hashAtOnce               = 2
)

// New returns a gate.
func New(o Options) *Gate {
	return &Gate{
		Options: o,
		// OWASP's second choice: 19 MiB, so that two at a time fit any machine.
		hash:    newHasher(cost{memory: 19 << 10, time: 2, threads: 1}, hashAtOnce),
		origin:  http.NewCrossOriginProtection(),
		account: newThrottle(accountFree, accountMost),
		client:  newThrottle(clientFree, clientMost),
		told:    newThrottle(0, time.Minute),
		tellAll: &quota{most: tellPerMinute},
	}
}

// publish tells what the principal of ctx did to subject.
func (g *Gate) publish(ctx context.Context, tx store.Tx, subject string, ev event.Event) error {
	p := From(ctx)
	return g.Events.Publish(ctx, tx, event.Fact{Event: ev, At: g.Now(), Subject: subject, Actor: p.Actor(), Source: p.Source()})
}

// write runs fn in a transaction; ctx's end is an Unavailable error.
func (g *Gate) write(ctx context.Context, doing string, fn func(store.Tx) error) error {
	return wrap(doing, g.DB.Write(ctx, fn))
}

func (g *Gate) read(ctx context.Context, doing string, fn func(store.Tx) error) error {
	return wrap(doing, g.DB.Read(ctx, fn))
}

func wrap(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errs.KindOf(err) == errs.Internal && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return errs.New(errs.Unavailable, "%s: %w", doing, err)
	case errs.KindOf(err) == errs.Internal:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return err // it says what it was about
}

// found turns "no rows" into a NotFound error.
func found(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errs.New(errs.NotFound, format, args...)
	}
	return err
}

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func when(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
