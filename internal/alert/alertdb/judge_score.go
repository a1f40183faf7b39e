package alertdb

import (
	"context"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/platform/store"
)

var _ score.Store = (*Store)(nil)

const rowColumns = `id, source, rule, service, severity, opened_at, acked_at, resolved_at, resolved_by`

// Rows implements score.Store.
func (s *Store) Rows(ctx context.Context, from time.Time, n int) (out []score.Row, err error) {
	in := interner{}
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, in.row, `SELECT `+rowColumns+` FROM alert_alert WHERE opened_at >= $1 ORDER BY opened_at DESC LIMIT $2`, store.Micros(from), n)
		if err != nil {
			return err
		}
		all, err := store.All(ctx, tx, scanJudgement, `SELECT `+judgementColumns+` FROM alert_judgement WHERE at >= $1 ORDER BY at, person`, store.Micros(from))
		if err != nil {
			return err
		}
		said := map[string][]alert.Judgement{}
		for _, j := range all {
			said[j.Alert] = append(said[j.Alert], j)
		}
		judge(out, said)
		return nil
	})
	return out, err
}

// RowsOf implements score.Store.
func (s *Store) RowsOf(ctx context.Context, ids []string) (out []score.Row, err error) {
	said, err := s.Judgements(ctx, ids...)
	if err != nil {
		return nil, err
	}
	in := interner{}
	err = s.db.Read(ctx, func(tx store.Tx) error {
		for rest := ids; len(rest) > 0; {
			part := rest[:min(len(rest), 500)]
			rest = rest[len(part):]
			marks, args := list(part)
			rows, err := store.All(ctx, tx, in.row, `SELECT `+rowColumns+` FROM alert_alert WHERE id IN (`+marks+`)`, args...)
			if err != nil {
				return err
			}
			out = append(out, rows...)
		}
		return nil
	})
	judge(out, said)
	return out, err
}

// judge fills in the verdicts.
func judge(rows []score.Row, said map[string][]alert.Judgement) {
	for i := range rows {
		all := said[rows[i].ID]
		if len(all) == 0 {
			continue
		}
		rows[i].Verdict, rows[i].JudgedAt = alert.VerdictOf(all), all[len(all)-1].At
	}
}

// LastFired implements score.Store.
func (s *Store) LastFired(ctx context.Context) (out []score.Fired, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (f score.Fired, err error) {
			var at int64
			err = row.Scan(&f.Source, &f.Rule, &at)
			f.LastAt = store.Time(at)
			return f, err
		}, `SELECT source, rule, MAX(opened_at) FROM alert_alert GROUP BY source, rule ORDER BY source, rule LIMIT `+strconv.Itoa(score.MaxRows))
		return err
	})
	return out, err
}

// Changed implements score.Store.
func (s *Store) Changed(ctx context.Context, sums map[string]string, at time.Time) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := s.db.Write(ctx, func(tx store.Tx) error {
		kept := map[string]string{}
		_, err := store.All(ctx, tx, func(row store.Scanner) (struct{}, error) {
			var rule, sum string
			var since int64
			err := row.Scan(&rule, &sum, &since)
			kept[rule], out[rule] = sum, store.Time(since)
			return struct{}{}, err
		}, `SELECT rule, sum, since FROM alert_rule_text`)
		if err != nil {
			return err
		}
		for rule, sum := range sums {
			was, known := kept[rule]
			if was == sum {
				continue
			}
			if known {
				out[rule] = at
			}
			_, err := tx.ExecContext(ctx, `
				INSERT INTO alert_rule_text (rule, sum, since) VALUES ($1, $2, $3)
				ON CONFLICT (rule) DO UPDATE SET sum = excluded.sum, since = excluded.since`, rule, sum, store.Micros(out[rule]))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// interner keeps one copy of each name: a few rules have many alerts.
type interner map[string]string

func (in interner) name(s string) string {
	if kept, ok := in[s]; ok {
		return kept
	}
	in[s] = s
	return s
}

func (in interner) row(row store.Scanner) (r score.Row, err error) {
	var opened, acked, resolved int64
	var severity, by string
	err = row.Scan(&r.ID, &r.Source, &r.Rule, &r.Service, &severity, &opened, &acked, &resolved, &by)
	r.Source, r.Rule, r.Service, r.Severity = in.name(r.Source), in.name(r.Rule), in.name(r.Service), alert.Severity(in.name(severity))
	r.OpenedAt, r.AckedAt, r.ResolvedAt, r.ByHand = store.Time(opened), store.Time(acked), store.Time(resolved), by != ""
	return r, err
}

// ClaimWeek leases the telling of a week to a team until the given time, unless
// it was told or somebody else has it.
func (s *Store) ClaimWeek(ctx context.Context, team, week string, now, until time.Time) (ok bool, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		done, err := tx.ExecContext(ctx, `
			INSERT INTO alert_weekly (team, week, lease) VALUES ($1, $2, $3)
			ON CONFLICT (team, week) DO UPDATE SET lease = excluded.lease WHERE alert_weekly.sent_at = 0 AND alert_weekly.lease <= $4`,
			team, week, store.Micros(until), store.Micros(now))
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		ok = n > 0
		return err
	})
	return ok, err
}

// SettleWeek records that a team was told of a week, or why it was not: then
// it is tried again after the lease.
func (s *Store) SettleWeek(ctx context.Context, team, week string, at time.Time, failed string) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		sent := store.Micros(at)
		if failed != "" {
			sent = 0
		}
		_, err := tx.ExecContext(ctx, `UPDATE alert_weekly SET sent_at = $3, error = $4 WHERE team = $1 AND week = $2`, team, week, sent, failed)
		return err
	})
}
