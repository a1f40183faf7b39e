package bus

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Migrations are the log's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Log is the one log. It is safe for concurrent use.
type Log struct {
	db    *store.DB
	now   func() time.Time
	newID func() string

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each commit that published
}

// New returns the log on db, whose tables [Migrations] has made.
func New(db *store.DB, now func() time.Time, newID func() string) *Log {
	return &Log{db: db, now: now, newID: newID, changed: make(chan struct{})}
}

// Publish writes facts to the log as part of tx.
func (l *Log) Publish(ctx context.Context, tx store.Tx, facts ...event.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	// The update locks the head row, so that concurrent processes queue here
	// and seq is the order of commits.
	var seq int64
	var hash string
	err := tx.QueryRowContext(ctx, `UPDATE bus_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash`, len(facts)).Scan(&seq, &hash)
	if err != nil {
		return fmt.Errorf("take seq: %w", err)
	}
	seq -= int64(len(facts))
	for _, f := range facts {
		seq++
		r, err := l.record(seq, f)
		if err != nil {
			return err
		}
		hash = chain(hash, r)
		r.Hash = hash
		if err := insert(ctx, tx, r); err != nil {
			return fmt.Errorf("publish %s: %w", r.Name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE bus_head SET hash = $1 WHERE id = 1`, hash); err != nil {
		return fmt.Errorf("move head: %w", err)
	}
	tx.OnCommit(l.wake)
	return nil
}

func (l *Log) record(seq int64, f event.Fact) (event.Record, error) {
	name := f.Event.EventName()
	payload, err := json.Marshal(f.Event)
	if err != nil {
		return event.Record{}, fmt.Errorf("encode %s: %w", name, err)
	}
	now := l.now()
	at := f.At
	if at.IsZero() {
		at = now
	}
	return event.Record{
		Seq: seq, ID: l.newID(), Name: name, At: micro(at), RecordedAt: micro(now),
		Service: text(f.Service), Subject: text(f.Subject), Actor: text(f.Actor), Source: text(f.Source), Payload: payload,
	}, nil
}

func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// text makes s storable on both engines: PostgreSQL refuses NUL and bad UTF-8.
func text(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }

func insert(ctx context.Context, tx store.Tx, r event.Record) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO bus_event (seq, id, name, at, recorded_at, service, subject, actor, source, payload, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		r.Seq, r.ID, r.Name, r.At.UnixMicro(), r.RecordedAt.UnixMicro(), r.Service, r.Subject, r.Actor, r.Source, string(r.Payload), r.Hash)
	return err
}

// chain returns the hash of r after a row whose hash was before.
func chain(before string, r event.Record) string {
	h := sha256.New()
	var n [8]byte
	field := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	number := func(v int64) {
		binary.BigEndian.PutUint64(n[:], uint64(v))
		h.Write(n[:])
	}
	field([]byte(before))
	number(r.Seq)
	number(r.At.UnixMicro())
	number(r.RecordedAt.UnixMicro())
	for _, s := range []string{r.ID, r.Name, r.Service, r.Subject, r.Actor, r.Source, string(r.Payload)} {
		field([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (l *Log) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Changed returns a channel that is closed when something was published after
// the call.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}
