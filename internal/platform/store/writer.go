package store

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
	"time"
)

const (
	maxGroup     = 256              // writes that may share one transaction
	writeTimeout = 30 * time.Second // for one group, the wait for a lock included
	advisoryLock = 0x68696e6f62616e // "hinoban"; held for the length of a group on PostgreSQL
	idleTimeout  = "3000"           // milliseconds that PostgreSQL waits within a group for its next statement
)

type writeRequest struct {
	ctx  context.Context
	fn   func(Tx) error
	done chan error
}

// writer takes what waits in db.writes, a group at a time, until it is closed.
func (db *DB) writer() {
	defer close(db.done)
	for first := range db.writes {
		group := append(make([]*writeRequest, 0, 16), first)
		for len(group) < maxGroup {
			more := false
			select {
			case w, ok := <-db.writes:
				if ok {
					group, more = append(group, w), true
				}
			default:
			}
			if !more {
				break
			}
		}
		db.writeGroup(group)
	}
}

// writeGroup runs a group in one transaction and answers every member.
func (db *DB) writeGroup(group []*writeRequest) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	results := make([]error, len(group))
	var hooks []func()
	err := db.inTransaction(ctx, func(tx *sql.Tx) error {
		for i, w := range group {
			var broken error
			if results[i], broken = runOne(ctx, tx, w, &hooks); broken != nil {
				return broken
			}
		}
		return nil
	})
	db.lastErr.put(err)
	if err == nil {
		for _, hook := range hooks {
			hook()
		}
	}
	for i, w := range group {
		if err != nil {
			w.done <- db.broken("write to", err)
			continue
		}
		w.done <- results[i]
	}
}

func (db *DB) inTransaction(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if db.Engine == postgres {
		// A server that stands still, or has vanished, in the middle of a group loses it:
		// the others wait for the lock.
		if _, err := tx.ExecContext(ctx, `SELECT set_config('idle_in_transaction_session_timeout', $2, true), pg_advisory_xact_lock($1)`, int64(advisoryLock), idleTimeout); err != nil {
			return err
		}
	}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// runOne runs one member in its savepoint. The first error is the member's
// own; the second means that the whole transaction is lost.
func runOne(ctx context.Context, tx *sql.Tx, w *writeRequest, hooks *[]func()) (own, broken error) {
	if err := w.ctx.Err(); err != nil {
		return err, nil
	}
	if _, err := tx.ExecContext(ctx, `SAVEPOINT member`); err != nil {
		return nil, err
	}
	before := len(*hooks)
	if own = protect(w.fn, Tx{tx: tx, group: ctx, hooks: hooks}); own != nil {
		*hooks = (*hooks)[:before]
		// SQLite ends the whole transaction by itself on a full disk; then
		// this statement fails, and with it the group.
		if _, err := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT member`); err != nil {
			return nil, fmt.Errorf("%w (after: %w)", err, own)
		}
	}
	if _, err := tx.ExecContext(ctx, `RELEASE SAVEPOINT member`); err != nil {
		return nil, err
	}
	return own, nil
}

// protect turns a panic of fn into an error, so that one caller's bug does not
// end every caller's writer.
func protect(fn func(Tx) error, tx Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(tx)
}
