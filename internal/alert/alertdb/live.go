package alertdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

var _ dispatch.Store = (*Live)(nil)

// Live implements dispatch.Store: what senders say now, silences, and what
// receivers were told.
type Live struct {
	db      *store.DB
	log     *bus.Log
	newID   func() string
	notices bool
	shared  shared // where several servers share the database
}

// NewLive returns a Live on db. Where notices is set, each message to a receiver
// is kept for people to read.
func NewLive(db *store.DB, log *bus.Log, newID func() string, notices bool) *Live {
	return &Live{db: db, log: log, newID: newID, notices: notices}
}

// liveDoc is an alert as it is kept.
type liveDoc struct {
	Labels      map[string]string `json:"l"`
	Annotations map[string]string `json:"a,omitempty"`
	URL         string            `json:"g,omitempty"`
	StartsAt    time.Time         `json:"s"`
	EndsAt      time.Time         `json:"e,omitzero"`
	UpdatedAt   time.Time         `json:"u"`
	Timeout     bool              `json:"t,omitempty"`
	Ack         string            `json:"k,omitempty"`
	Own         bool              `json:"o,omitempty"`
}

// key is a hash as both engines keep it.
func key(h uint64) int64 { return int64(h) } //nolint:gosec // the same bits

// nextRev returns the number of the change that tx makes.
func nextRev(ctx context.Context, tx store.Tx) (rev int64, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE alert_rev SET rev = rev + 1 WHERE id = 1 RETURNING rev`).Scan(&rev)
	return rev, err
}

// Load implements dispatch.Store.
func (l *Live) Load(ctx context.Context) (out dispatch.Kept, err error) {
	err = l.db.Read(ctx, func(tx store.Tx) error {
		rev, err := lastRev(ctx, tx)
		if err != nil {
			return err
		}
		l.shared.saw(rev)
		if out.Alerts, err = store.All(ctx, tx, scanLive, `SELECT doc FROM alert_live`); err != nil {
			return fmt.Errorf("alerts: %w", err)
		}
		if out.Silences, err = store.All(ctx, tx, scanSilence, `SELECT doc FROM alert_silence`); err != nil {
			return fmt.Errorf("silences: %w", err)
		}
		out.Told, err = told(ctx, tx, ``)
		return err
	})
	return out, err
}

func told(ctx context.Context, tx store.Tx, where string, args ...any) (map[uint64]*dispatch.Told, error) {
	out := map[uint64]*dispatch.Told{}
	_, err := store.All(ctx, tx, func(row store.Scanner) (struct{}, error) {
		var k int64
		var doc string
		t := new(dispatch.Told)
		if err := row.Scan(&k, &doc); err != nil {
			return struct{}{}, err
		}
		out[uint64(k)] = t //nolint:gosec // the same bits
		return struct{}{}, json.Unmarshal([]byte(doc), t)
	}, `SELECT key, doc FROM alert_told`+where, args...)
	if err != nil {
		return nil, fmt.Errorf("told: %w", err)
	}
	return out, nil
}

// ToldRows returns every row of what receivers were told.
func (l *Live) ToldRows(ctx context.Context) (out []dispatch.Row, err error) {
	err = l.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (r dispatch.Row, err error) {
			var h int64
			var doc string
			if err = row.Scan(&h, &r.Key.Group, &r.Key.Receiver, &r.Key.Integration, &r.Key.Index, &doc); err != nil {
				return r, err
			}
			r.Hash = uint64(h) //nolint:gosec // the same bits
			return r, json.Unmarshal([]byte(doc), &r.Told)
		}, `SELECT key, group_key, receiver, integration, idx, doc FROM alert_told`)
		return err
	})
	return out, err
}

func scanLive(row store.Scanner) (a dispatch.Alert, err error) {
	var doc string
	if err = row.Scan(&doc); err != nil {
		return a, err
	}
	var d liveDoc
	err = json.Unmarshal([]byte(doc), &d)
	return dispatch.Alert{
		Labels: dispatch.NewSet(d.Labels), Annotations: dispatch.NewSet(d.Annotations), GeneratorURL: d.URL,
		StartsAt: d.StartsAt, EndsAt: d.EndsAt, UpdatedAt: d.UpdatedAt, Timeout: d.Timeout, Ack: d.Ack, Own: d.Own,
	}, err
}

func scanSilence(row store.Scanner) (s dispatch.Silence, err error) {
	var doc string
	if err = row.Scan(&doc); err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(doc), &s)
}

// PutAlerts implements dispatch.Store.
func (l *Live) PutAlerts(ctx context.Context, all []dispatch.Alert) error {
	docs := make([]string, len(all)) // encoded before the writer is held
	for i, a := range all {
		b, err := json.Marshal(liveDoc{
			Labels: a.Labels.Strings(), Annotations: a.Annotations.Strings(), URL: a.GeneratorURL,
			StartsAt: a.StartsAt, EndsAt: a.EndsAt, UpdatedAt: a.UpdatedAt, Timeout: a.Timeout, Ack: a.Ack, Own: a.Own,
		})
		if err != nil {
			return err
		}
		docs[i] = string(b)
	}
	return l.db.Write(ctx, func(tx store.Tx) error {
		rev, err := l.ownRev(ctx, tx)
		if err != nil {
			return err
		}
		stmt, err := tx.PrepareContext(ctx, `
			INSERT INTO alert_live (fp, ends_at, updated_at, rev, doc) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (fp) DO UPDATE SET ends_at = excluded.ends_at, updated_at = excluded.updated_at, rev = excluded.rev, doc = excluded.doc
			WHERE excluded.updated_at >= alert_live.updated_at`)
		if err != nil {
			return err
		}
		defer func() { _ = stmt.Close() }() // the transaction closes it too
		for i, a := range all {
			if _, err := stmt.ExecContext(ctx, key(uint64(a.Labels.Fingerprint())), store.Micros(a.EndsAt), store.Micros(a.UpdatedAt), rev, docs[i]); err != nil {
				return fmt.Errorf("keep alert %s: %w", a.Labels.Fingerprint(), err)
			}
		}
		return nil
	})
}

// PutTold implements dispatch.Store. Where servers share the work, a row that was
// decided under a lease which has ended is left out: its new holder decides. What
// a receiver was told stays in the history all the same.
func (l *Live) PutTold(ctx context.Context, rows []dispatch.Row) error {
	return l.db.Write(ctx, func(tx store.Tx) error {
		ours, err := l.fence(ctx, tx)
		if err != nil {
			return err
		}
		rev, err := nextRev(ctx, tx)
		if err != nil {
			return err
		}
		stmt, err := tx.PrepareContext(ctx, `
			INSERT INTO alert_told (key, group_hash, group_key, receiver, integration, idx, expires_at, rev, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at, rev = excluded.rev, doc = excluded.doc`)
		if err != nil {
			return err
		}
		defer func() { _ = stmt.Close() }() // the transaction closes it too
		for _, r := range rows {
			if err := l.putNotice(ctx, tx, r); err != nil {
				return fmt.Errorf("keep notice to %s: %w", r.Key.Receiver, err)
			}
			if !ours.allow(r) {
				tx.OnCommit(func() { l.shared.fenced.Add(1) })
				continue
			}
			doc, err := json.Marshal(r.Told)
			if err != nil {
				return err
			}
			if _, err := stmt.ExecContext(ctx, key(r.Hash), key(r.Key.GroupHash()), r.Key.Group, r.Key.Receiver, r.Key.Integration, r.Key.Index, store.Micros(r.Told.Expires), rev, string(doc)); err != nil {
				return fmt.Errorf("keep what %s was told: %w", r.Key.Receiver, err)
			}
		}
		return nil
	})
}

func (l *Live) putNotice(ctx context.Context, tx store.Tx, r dispatch.Row) error {
	n := r.Notice
	if n == nil || !l.notices {
		return nil
	}
	id := l.newID()
	_, err := tx.ExecContext(ctx, `
		INSERT INTO alert_notice (id, at, decided_at, group_key, receiver, integration, idx, reason, attempts, error)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		id, store.Micros(n.At), store.Micros(n.Decided), r.Key.Group, r.Key.Receiver, r.Key.Integration, r.Key.Index, n.Reason, n.Attempts, n.Error)
	if err != nil {
		return err
	}
	for _, fp := range n.Alerts {
		if _, err := tx.ExecContext(ctx, `INSERT INTO alert_notice_of (fp, id) VALUES ($1, $2) ON CONFLICT (fp, id) DO NOTHING`, key(uint64(fp)), id); err != nil {
			return err
		}
	}
	return nil
}

// Notice is one message that told of an alert, or could not.
type Notice struct {
	Key     dispatch.ToldKey
	At      time.Time
	Decided time.Time
	Reason  string
	Tries   int
	Error   string
}

// Notices returns what receivers were told of the alert with that fingerprint
// between two times, the oldest first, at most 500.
func (l *Live) Notices(ctx context.Context, fp model.Fingerprint, from, to time.Time) (out []Notice, err error) {
	err = l.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (n Notice, err error) {
			var at, decided int64
			err = row.Scan(&at, &decided, &n.Key.Group, &n.Key.Receiver, &n.Key.Integration, &n.Key.Index, &n.Reason, &n.Tries, &n.Error)
			n.At, n.Decided = store.Time(at), store.Time(decided)
			return n, err
		}, `SELECT n.at, n.decided_at, n.group_key, n.receiver, n.integration, n.idx, n.reason, n.attempts, n.error
			FROM alert_notice n JOIN alert_notice_of o ON o.id = n.id
			WHERE o.fp = $1 AND n.at >= $2 AND n.at <= $3 ORDER BY n.at, n.id LIMIT 500`, key(uint64(fp)), store.Micros(from), store.Micros(to))
		return err
	})
	return out, err
}

// PutSilences implements dispatch.Store.
func (l *Live) PutSilences(ctx context.Context, by string, all ...dispatch.Silence) error {
	return l.db.Write(ctx, func(tx store.Tx) error {
		rev, err := l.ownRev(ctx, tx)
		if err != nil {
			return err
		}
		for _, s := range all {
			doc, err := json.Marshal(s)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO alert_silence (id, ends_at, rev, doc) VALUES ($1, $2, $3, $4)
				ON CONFLICT (id) DO UPDATE SET ends_at = excluded.ends_at, rev = excluded.rev, doc = excluded.doc`,
				s.ID, store.Micros(s.EndsAt), rev, string(doc)); err != nil {
				return fmt.Errorf("keep silence %s: %w", s.ID, err)
			}
			ev := alert.Silenced{Silence: s.ID, Matchers: s.Text(), StartsAt: s.StartsAt, EndsAt: s.EndsAt, By: by, Comment: s.Comment}
			if err := l.log.Publish(ctx, tx, event.Fact{Event: ev, At: s.UpdatedAt, Subject: "silence/" + s.ID, Actor: "person/" + by, Source: "silence"}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Prune implements dispatch.Store.
func (l *Live) Prune(ctx context.Context, alerts, others time.Time) error {
	return l.db.Write(ctx, func(tx store.Tx) error {
		for _, q := range []struct {
			text string
			arg  int64
		}{
			{`DELETE FROM alert_live WHERE ends_at > 0 AND ends_at < $1`, store.Micros(alerts)},
			{`DELETE FROM alert_silence WHERE ends_at < $1`, store.Micros(others)},
			{`DELETE FROM alert_told WHERE expires_at < $1`, store.Micros(others)},
		} {
			if _, err := tx.ExecContext(ctx, q.text, q.arg); err != nil {
				return err
			}
		}
		return nil
	})
}

// PruneNotices drops the messages of before then, a few thousand at a time, and
// returns how many.
func (l *Live) PruneNotices(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.db.Write(ctx, func(tx store.Tx) error {
		const old = `SELECT id FROM alert_notice WHERE at < $1 ORDER BY at LIMIT 2000`
		if _, err := tx.ExecContext(ctx, `DELETE FROM alert_notice_of WHERE id IN (`+old+`)`, store.Micros(before)); err != nil {
			return err
		}
		var res sql.Result
		if res, err = tx.ExecContext(ctx, `DELETE FROM alert_notice WHERE id IN (`+old+`)`, store.Micros(before)); err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}
