package alertdb

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// shared is what a Live knows of the other servers on its database.
type shared struct {
	server string // the name of this one; "": it is alone
	fenced atomic.Int64

	mu   sync.Mutex
	seen int64          // the last change that was read
	own  map[int64]bool // later changes that this server made
}

func (s *shared) saw(rev int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = max(s.seen, rev)
	for r := range s.own {
		if r <= s.seen {
			delete(s.own, r)
		}
	}
}

func (s *shared) wrote(rev int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		s.own = map[int64]bool{}
	}
	s.own[rev] = true
}

func (s *shared) last() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *shared) ownsRev(rev int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own[rev]
}

// Share has l know that server is one of several on the database.
func (l *Live) Share(server string) { l.shared.server = server }

// Fenced is how many rows were refused because their lease had ended.
func (l *Live) Fenced() int64 { return l.shared.fenced.Load() }

// ownRev returns the number of the change that tx makes, which is no news to this
// server.
func (l *Live) ownRev(ctx context.Context, tx store.Tx) (int64, error) {
	rev, err := nextRev(ctx, tx)
	if err == nil && l.shared.server != "" {
		// Not before the commit: what is undone leaves its number to another server.
		tx.OnCommit(func() { l.shared.wrote(rev) })
	}
	return rev, err
}

func lastRev(ctx context.Context, tx store.Tx) (rev int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT rev FROM alert_rev WHERE id = 1`).Scan(&rev)
	return rev, err
}

// tokens are the leases that a server holds by the word of the database; nil: it
// is alone.
type tokens map[int]int64

func (t tokens) allow(r dispatch.Row) bool {
	return t == nil || r.Token > 0 && t[seatOf(r.Key.GroupHash())] == r.Token
}

// fence reads which leases this server holds, in the transaction of its write.
func (l *Live) fence(ctx context.Context, tx store.Tx) (tokens, error) {
	if l.shared.server == "" {
		return nil, nil
	}
	out := tokens{}
	seats, err := store.All(ctx, tx, scanSeat, `SELECT seat, holder, token FROM alert_lease WHERE holder = $1`, l.shared.server)
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	for _, s := range seats {
		out[s.Seat] = s.Token
	}
	return out, nil
}

// news is what other servers have kept since the last look.
type news struct {
	rev      int64
	alerts   []dispatch.Alert
	silences []dispatch.Silence
}

type changed[T any] struct {
	one T
	rev int64
}

// news reads what is new to this server. Changes are numbered in the order of
// their commits, because all writes wait for one lock: none is missed.
func (l *Live) news(ctx context.Context, tx store.Tx) (out news, err error) {
	if out.rev, err = lastRev(ctx, tx); err != nil {
		return out, fmt.Errorf("last change: %w", err)
	}
	seen := l.shared.last()
	if out.rev <= seen {
		return out, nil
	}
	if out.alerts, err = foreign(ctx, tx, l, scanLive, `SELECT rev, doc FROM alert_live WHERE rev > $1 ORDER BY rev`, seen); err != nil {
		return out, fmt.Errorf("alerts: %w", err)
	}
	if out.silences, err = foreign(ctx, tx, l, scanSilence, `SELECT rev, doc FROM alert_silence WHERE rev > $1 ORDER BY rev`, seen); err != nil {
		return out, fmt.Errorf("silences: %w", err)
	}
	return out, nil
}

// foreign returns the rows that another server wrote.
func foreign[T any](ctx context.Context, tx store.Tx, l *Live, scan func(store.Scanner) (T, error), q string, since int64) ([]T, error) {
	all, err := store.All(ctx, tx, func(row store.Scanner) (c changed[T], err error) {
		c.one, err = scan(revFirst{row, &c.rev})
		return c, err
	}, q, since)
	var out []T
	for _, c := range all {
		if !l.shared.ownsRev(c.rev) {
			out = append(out, c.one)
		}
	}
	return out, err
}

// revFirst scans a row whose first column is a rev.
type revFirst struct {
	row store.Scanner
	rev *int64
}

// Scan implements store.Scanner.
func (r revFirst) Scan(dest ...any) error { return r.row.Scan(append([]any{r.rev}, dest...)...) }

// Recent returns the alerts that are not over, or were not at that time.
func (l *Live) Recent(ctx context.Context, since time.Time) (out []dispatch.Alert, err error) {
	err = l.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanLive, `SELECT doc FROM alert_live WHERE ends_at = 0 OR ends_at > $1`, store.Micros(since))
		return err
	})
	return out, err
}

// over returns alerts that are over and whose hashes are wanted.
func (l *Live) over(ctx context.Context, want map[uint64]bool) (out []dispatch.Alert, err error) {
	if len(want) == 0 {
		return nil, nil
	}
	err = l.db.Read(ctx, func(tx store.Tx) error {
		all, err := store.All(ctx, tx, scanLive, `SELECT doc FROM alert_live WHERE ends_at > 0`)
		for _, a := range all {
			if want[a.Hash()] {
				out = append(out, a)
			}
		}
		return err
	})
	return out, err
}
