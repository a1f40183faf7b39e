package alertdb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

func TestJudgementsAreKept(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, s *alertdb.Store, log *bus.Log) {
		now := t0
		jury := alert.NewJury(s, func() time.Time { now = now.Add(time.Second); return now })
		a := take(t, in, signal(1))
		say := func(person string, v alert.Verdict) alert.Verdict {
			t.Helper()
			_, said, err := jury.Judge(t.Context(), alert.Judgement{Alert: a.ID, Person: person, Verdict: v, Source: "web"})
			if err != nil {
				t.Fatal(err)
			}
			return alert.VerdictOf(said)
		}
		for _, step := range []struct {
			person  string
			v, want alert.Verdict
		}{
			{"aoi", alert.Noise, alert.Noise},
			{"ren", alert.Actionable, alert.Actionable}, // a tie: the last word
			{"ren", alert.Actionable, alert.Actionable}, // no news
			{"mei", alert.Noise, alert.Noise},
			{"aoi", alert.Actionable, alert.Actionable}, // changes their mind
		} {
			if got := say(step.person, step.v); got != step.want {
				t.Errorf("%s says %s: got %s, want %s", step.person, step.v, got, step.want)
			}
		}
		kept, err := jury.Judgements(t.Context(), a.ID, "other")
		if err != nil || len(kept[a.ID]) != 3 || alert.VerdictOf(kept[a.ID]) != alert.Actionable {
			t.Errorf("got %+v, %v; want three", kept, err)
		}
		if rs, err := log.Events(t.Context(), event.Query{Names: []string{"alert.judged"}}); err != nil || len(rs) != 4 {
			t.Errorf("got %d events (%v), want 4", len(rs), err)
		}
		if _, _, err := jury.Judge(t.Context(), alert.Judgement{Alert: "nope", Person: "aoi", Verdict: alert.Noise}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("got %v, want NotFound", err)
		}
		m := alert.Miss{ID: "m1", Service: "svc", At: t0, What: "it was down", By: "aoi"}
		for range 2 {
			if _, err := jury.Missed(t.Context(), m, "web"); err != nil {
				t.Fatal(err)
			}
		}
		misses, err := jury.Misses(t.Context(), t0, t0.Add(time.Microsecond))
		rs, errLog := log.Events(t.Context(), event.Query{Names: []string{"alert.missed"}})
		if err != nil || errLog != nil || len(misses) != 1 || misses[0].What != m.What || len(rs) != 1 {
			t.Errorf("got %+v, %v and %d events, want one of each", misses, err, len(rs))
		}
	})
}

// The bench sees at once what happened since it looked last.
func TestBenchFollows(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, s *alertdb.Store, log *bus.Log) {
		clock := t0.Add(time.Hour)
		sum, files := "1", map[string]string{"r.yml": "groups:\n- name: g\n  rules:\n  - alert: rule1\n    expr: x\n  - alert: never\n    expr: x\n"}
		bench := score.NewBench(s, log, func() (string, map[string]string) { return sum, files }, func() time.Time { return clock })
		board := func() *score.Board {
			t.Helper()
			b, err := bench.Board(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		a := take(t, in, signal(1))
		if b := board(); len(b.Rows) != 1 || len(b.Silent()) != 1 || b.Silent()[0].Rule != "never" {
			t.Fatalf("got %+v and %+v silent", b.Rows, b.Silent())
		}
		jury := alert.NewJury(s, func() time.Time { return t0.Add(2 * time.Minute) })
		if _, _, err := jury.Judge(t.Context(), alert.Judgement{Alert: a.ID, Person: "aoi", Verdict: alert.Noise, Source: "web"}); err != nil {
			t.Fatal(err)
		}
		take(t, in, signal(2))
		if b := board(); len(b.Rows) != 2 || b.Rows[0].Verdict != alert.Noise || b.Scores()[0].Noise != 1 {
			t.Fatalf("got %+v", b.Rows)
		}
		sum, files = "2", map[string]string{"r.yml": "groups:\n- name: g\n  rules:\n  - alert: rule1\n    for: 5m\n    expr: x\n"}
		b := board()
		if d := b.Defs["rule1"]; !d.Since.Equal(clock) || d.For != 5*time.Minute {
			t.Errorf("got %+v, want changed now, and 5m", d)
		}
		for _, s := range b.Scores() {
			if s.Rule == "rule1" {
				t.Errorf("%+v counts from before the change", s)
			}
		}
	})
}

func TestAWeekIsClaimedOnce(t *testing.T) {
	each(t, func(t *testing.T, _ *alert.Inbox, s *alertdb.Store, _ *bus.Log) {
		claim := func(now time.Time) bool {
			t.Helper()
			ok, err := s.ClaimWeek(t.Context(), "shop", "2026-W47", now, now.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		if !claim(t0) || claim(t0.Add(30*time.Second)) || !claim(t0.Add(time.Minute)) {
			t.Error("the lease is not one")
		}
		if err := s.SettleWeek(t.Context(), "shop", "2026-W47", t0, "down"); err != nil {
			t.Fatal(err)
		}
		if !claim(t0.Add(2*time.Minute)) || s.SettleWeek(t.Context(), "shop", "2026-W47", t0, "") != nil || claim(t0.Add(time.Hour)) {
			t.Error("a failure is not tried again, or a success is")
		}
	})
}

// 100,000 alerts of 300 rules, three in five of them judged.
func BenchmarkBoard(b *testing.B) {
	db := testkit.Open(b, b.TempDir()+"/test.db", testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: alertdb.Migrations})
	const n = 100_000
	err := db.Write(b.Context(), func(tx store.Tx) error {
		for i := range n {
			at := t0.Add(-time.Duration(i) * 75 * time.Second).UnixMicro()
			_, err := tx.ExecContext(b.Context(), `INSERT INTO alert_alert (id, fingerprint, source, service, rule, severity, summary, expr, evidence, url, count, opened_at, last_at, acked_at, resolved_at)
				VALUES ($1, $1, 'prometheus', $2, $3, 'page', 'a summary of some length that says what is wrong and where', 'sum(rate(x[5m])) > 1', '[]', '', 1, $4, $4, $5, $6)`,
				fmt.Sprintf("0197a000-0000-7000-8000-%012d", n-i), fmt.Sprint("svc-", i%40), fmt.Sprint("rule-", i%300), at, at+60e6, at+3600e6)
			if err == nil && i%5 < 3 {
				_, err = tx.ExecContext(b.Context(), `INSERT INTO alert_judgement (alert_id, person, verdict, note, source, at) VALUES ($1, 'aoi', $2, '', 'web', $3)`,
					fmt.Sprintf("0197a000-0000-7000-8000-%012d", n-i), []string{"noise", "actionable"}[i%2], at+3600e6)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	log := bus.New(db, func() time.Time { return t0 }, id.New)
	s := alertdb.New(db, log, id.New)
	now := t0
	open := func() *score.Bench { return score.NewBench(s, log, nil, func() time.Time { return now }) }
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, err := open().Board(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	bench, jury, i := open(), alert.NewJury(s, func() time.Time { return now }), 0
	if _, err := bench.Board(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Run("after-a-judgement", func(b *testing.B) {
		for b.Loop() {
			i++
			b.StopTimer()
			_, _, err := jury.Judge(b.Context(), alert.Judgement{Alert: fmt.Sprintf("0197a000-0000-7000-8000-%012d", n-i), Person: "ren", Verdict: alert.Noise, Source: "web"})
			b.StartTimer()
			board, errBoard := bench.Board(b.Context())
			if err != nil || errBoard != nil {
				b.Fatal(err, errBoard)
			}
			board.Scores()
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			board, err := bench.Board(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			board.Scores()
		}
	})
}
