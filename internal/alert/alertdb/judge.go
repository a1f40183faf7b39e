package alertdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

var _ alert.JuryStore = (*Store)(nil)

const judgementColumns = `alert_id, person, verdict, note, source, at`

// Judge implements alert.JuryStore.
func (s *Store) Judge(ctx context.Context, alertID string, fn func(alert.Alert, []alert.Judgement) ([]alert.Judgement, []event.Fact)) (a alert.Alert, said []alert.Judgement, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		if a, err = one(ctx, tx, `id = $1`, alertID); err != nil {
			return err
		}
		said, err = store.All(ctx, tx, scanJudgement, `SELECT `+judgementColumns+` FROM alert_judgement WHERE alert_id = $1 ORDER BY at, person`, alertID)
		if err != nil {
			return fmt.Errorf("load the judgements of alert %s: %w", alertID, err)
		}
		next, facts := fn(a, said)
		if len(facts) == 0 {
			return nil
		}
		said = next
		for _, j := range next {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO alert_judgement (`+judgementColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (alert_id, person) DO UPDATE SET verdict = excluded.verdict, note = excluded.note, source = excluded.source, at = excluded.at`,
				alertID, j.Person, string(j.Verdict), j.Note, j.Source, store.Micros(j.At))
			if err != nil {
				return fmt.Errorf("save the judgement of alert %s: %w", alertID, err)
			}
		}
		return s.log.Publish(ctx, tx, facts...)
	})
	return a, said, err
}

// Judgements implements alert.JuryStore.
func (s *Store) Judgements(ctx context.Context, ids ...string) (map[string][]alert.Judgement, error) {
	out := map[string][]alert.Judgement{}
	err := s.db.Read(ctx, func(tx store.Tx) error {
		for len(ids) > 0 {
			part := ids[:min(len(ids), 500)]
			ids = ids[len(part):]
			in, args := list(part)
			all, err := store.All(ctx, tx, scanJudgement, `SELECT `+judgementColumns+` FROM alert_judgement WHERE alert_id IN (`+in+`) ORDER BY at, person`, args...)
			if err != nil {
				return err
			}
			for _, j := range all {
				out[j.Alert] = append(out[j.Alert], j)
			}
		}
		return nil
	})
	return out, err
}

// list is "$1, $2 …" for ids, and their values.
func list(ids []string) (string, []any) {
	marks, args := make([]string, len(ids)), make([]any, len(ids))
	for i, id := range ids {
		marks[i], args[i] = "$"+strconv.Itoa(i+1), id
	}
	return strings.Join(marks, ", "), args
}

func scanJudgement(row store.Scanner) (j alert.Judgement, err error) {
	var at int64
	err = row.Scan(&j.Alert, &j.Person, &j.Verdict, &j.Note, &j.Source, &at)
	j.At = store.Time(at)
	return j, err
}

// PutMiss implements alert.JuryStore.
func (s *Store) PutMiss(ctx context.Context, m alert.Miss, facts ...event.Fact) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		done, err := tx.ExecContext(ctx, `
			INSERT INTO alert_miss (id, service, at, what, rule, person, incident, said_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (id) DO NOTHING`,
			m.ID, m.Service, store.Micros(m.At), m.What, m.Rule, m.By, m.Incident, store.Micros(m.SaidAt))
		if err != nil {
			return fmt.Errorf("save miss %s: %w", m.ID, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.log.Publish(ctx, tx, facts...)
	})
}

// Misses implements alert.JuryStore.
func (s *Store) Misses(ctx context.Context, from, to time.Time) (out []alert.Miss, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (m alert.Miss, err error) {
			var at, said int64
			err = row.Scan(&m.ID, &m.Service, &at, &m.What, &m.Rule, &m.By, &m.Incident, &said)
			m.At, m.SaidAt = store.Time(at), store.Time(said)
			return m, err
		}, `SELECT id, service, at, what, rule, person, incident, said_at FROM alert_miss WHERE at >= $1 AND at < $2 ORDER BY at DESC, id DESC LIMIT 500`,
			store.Micros(from), store.Micros(to))
		return err
	})
	return out, err
}

// Told implements alert.JuryStore.
func (s *Store) Told(ctx context.Context, service string, from, to time.Time) (told bool, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT id FROM alert_alert
			WHERE service = $1 AND opened_at <= $3 AND (opened_at >= $2 OR resolved_at = 0 OR resolved_at >= $2) AND severity <> 'info' LIMIT 1) AS t`,
			service, store.Micros(from), store.Micros(to)).Scan(&n)
		told = n > 0
		return err
	})
	return told, err
}
