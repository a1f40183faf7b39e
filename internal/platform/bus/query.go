package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const (
	columns  = `seq, id, name, at, recorded_at, service, subject, actor, source, payload, hash`
	maxLimit = 1000
)

// Events returns the records that q asks for, at most 1,000 at a time.
func (l *Log) Events(ctx context.Context, q event.Query) ([]event.Record, error) {
	text, args := compile(q)
	var out []event.Record
	err := l.db.Read(ctx, func(tx store.Tx) (err error) {
		out, err = store.All(ctx, tx, scan, text, args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	return out, nil
}

// Last returns the seq and the hash of the last record: 0 and "" on an empty log.
func (l *Log) Last(ctx context.Context) (seq int64, hash string, err error) {
	err = l.db.Read(ctx, func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT seq, hash FROM bus_head WHERE id = 1`).Scan(&seq, &hash)
	})
	return seq, hash, err
}

func compile(q event.Query) (string, []any) {
	var where []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	one := func(cond string, v any) { where = append(where, cond+" "+arg(v)) }
	in := func(column string, vs []string) {
		if len(vs) == 0 {
			return
		}
		marks := make([]string, len(vs))
		for i, v := range vs {
			marks[i] = arg(v)
		}
		where = append(where, column+" IN ("+strings.Join(marks, ", ")+")")
	}
	if q.After > 0 {
		one("seq >", q.After)
	}
	if q.Before > 0 {
		one("seq <", q.Before)
	}
	if !q.From.IsZero() {
		one("at >=", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		one("at <", q.To.UnixMicro())
	}
	in("id", q.IDs)
	if len(q.Seqs) > 0 {
		marks := make([]string, len(q.Seqs))
		for i, v := range q.Seqs {
			marks[i] = arg(v)
		}
		where = append(where, "seq IN ("+strings.Join(marks, ", ")+")")
	}
	in("name", q.Names)
	in("service", q.Services)
	in("subject", q.Subjects)
	if q.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text(q.Text))) + "%"
		where = append(where, `lower(name || ' ' || subject || ' ' || actor || ' ' || service || ' ' || payload) LIKE `+arg(like)+` ESCAPE '\'`)
	}
	text := `SELECT ` + columns + ` FROM bus_event`
	if len(where) > 0 {
		text += ` WHERE ` + strings.Join(where, " AND ")
	}
	order, limit := " ORDER BY seq", q.Limit
	if q.Newest {
		order += " DESC"
	}
	if limit <= 0 || limit > maxLimit {
		limit = maxLimit
	}
	return text + order + " LIMIT " + arg(limit), args
}

func scan(s store.Scanner) (r event.Record, err error) {
	var at, recorded int64
	var payload string
	err = s.Scan(&r.Seq, &r.ID, &r.Name, &at, &recorded, &r.Service, &r.Subject, &r.Actor, &r.Source, &payload, &r.Hash)
	r.At, r.RecordedAt, r.Payload = time.UnixMicro(at).UTC(), time.UnixMicro(recorded).UTC(), json.RawMessage(payload)
	return r, err
}
