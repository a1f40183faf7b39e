package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

var tables = testkit.Tables{Room: "bus", Files: bus.Migrations}

type rang struct{ N int }

func (rang) EventName() string { return "bell.rang" }

func publish(ctx context.Context, db *store.DB, l *bus.Log, facts ...event.Fact) error {
	return db.Write(ctx, func(tx store.Tx) error { return l.Publish(ctx, tx, facts...) })
}

func ring(n int) event.Fact {
	return event.Fact{Event: rang{n}, At: time.Unix(int64(n), 0), Service: "api", Subject: fmt.Sprint("bell/", n%3)}
}

func TestVerifyFindsEveryTampering(t *testing.T) {
	tests := []struct {
		name, sql string
		bad       int64
	}{
		{"untouched", `UPDATE bus_event SET actor = actor`, 0},
		{"edited payload", `UPDATE bus_event SET payload = '{"N":99}' WHERE seq = 5`, 5},
		{"edited time", `UPDATE bus_event SET at = at + 1 WHERE seq = 1`, 1},
		{"deleted in the middle", `DELETE FROM bus_event WHERE seq = 5`, 5},
		{"deleted and closed up", `DELETE FROM bus_event WHERE seq = 9; UPDATE bus_event SET seq = 9 WHERE seq = 10`, 9},
		{"deleted at the end", `DELETE FROM bus_event WHERE seq > 8`, 9},
		{"reordered", `UPDATE bus_event SET seq = -5 WHERE seq = 5; UPDATE bus_event SET seq = 5 WHERE seq = 6; UPDATE bus_event SET seq = 6 WHERE seq = -5`, 5},
		{"added", `INSERT INTO bus_event (seq, id, name, at, recorded_at, service, subject, actor, source, payload, hash) SELECT 11, 'x', name, at, recorded_at, service, subject, actor, source, payload, hash FROM bus_event WHERE seq = 10`, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
				l := bus.New(db, time.Now, id.New)
				for n := range 10 {
					if err := publish(t.Context(), db, l, ring(n)); err != nil {
						t.Fatal(err)
					}
				}
				err := db.Write(t.Context(), func(tx store.Tx) error { _, err := tx.ExecContext(t.Context(), tt.sql); return err })
				if err != nil {
					t.Fatal(err)
				}
				rep, err := l.Verify(t.Context())
				if err != nil || rep.Intact != (tt.bad == 0) || rep.BadSeq != tt.bad {
					t.Errorf("got %+v, %v; want bad seq %d", rep, err, tt.bad)
				}
			}, tables)
		})
	}
}

func TestSeqHasNoHoleUnderConcurrency(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		l := bus.New(db, time.Now, id.New)
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				err := db.Write(t.Context(), func(tx store.Tx) error {
					if err := l.Publish(t.Context(), tx, ring(n), ring(n)); err != nil {
						return err
					}
					if n%5 == 0 {
						return errors.New("rolled back")
					}
					return nil
				})
				if (err == nil) == (n%5 == 0) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		rep, err := l.Verify(t.Context())
		if err != nil || !rep.Intact || rep.Events != 160 {
			t.Errorf("got %+v, %v; want 160 intact events", rep, err)
		}
	}, tables)
}

func TestQuery(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		l := bus.New(db, time.Now, id.New)
		for n := range 30 {
			if err := publish(t.Context(), db, l, ring(n)); err != nil {
				t.Fatal(err)
			}
		}
		tests := []struct {
			q    event.Query
			want string
		}{
			{event.Query{Limit: 2}, "[1 2]"},
			{event.Query{Newest: true, Limit: 2}, "[30 29]"},
			{event.Query{After: 28}, "[29 30]"},
			{event.Query{Before: 3}, "[1 2]"},
			{event.Query{Subjects: []string{"bell/1", "bell/2"}, Limit: 3}, "[2 3 5]"},
			{event.Query{From: time.Unix(10, 0), To: time.Unix(12, 0)}, "[11 12]"},
			{event.Query{Text: `"N":29`}, "[30]"},
			{event.Query{Text: `100%_`}, "[]"},
			{event.Query{Names: []string{"other"}}, "[]"},
		}
		for _, tt := range tests {
			rs, err := l.Events(t.Context(), tt.q)
			seqs := []int64{}
			for _, r := range rs {
				seqs = append(seqs, r.Seq)
			}
			if got := fmt.Sprint(seqs); err != nil || got != tt.want {
				t.Errorf("%+v: got %s, %v; want %s", tt.q, got, err, tt.want)
			}
		}
	}, tables)
}

// A handler that fails twice gets the event a third time; one that can never
// succeed has it parked; a restart goes on where the cursor stood.
func TestDelivery(t *testing.T) {
	path := t.TempDir() + "/test.db"
	synctest.Test(t, func(t *testing.T) {
		db := testkit.Open(t, path, tables)
		l := bus.New(db, time.Now, id.New)
		var got []int
		failures := 2
		handler := bus.On(func(_ context.Context, _ event.Record, e rang) error {
			switch {
			case e.N == 1 && failures > 0:
				failures--
				return errs.New(errs.Unavailable, "not now")
			case e.N == 2:
				return errs.New(errs.Invalid, "never")
			}
			got = append(got, e.N)
			return nil
		})
		live := func(until int) {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := l.Subscriber(slog.New(slog.DiscardHandler), "room", handler).Run(ctx); err != nil {
					t.Error(err)
				}
			})
			for n := until - 3; n < until; n++ {
				if err := publish(ctx, db, l, ring(n)); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(10 * time.Second)
			cancel()
			wg.Wait()
		}
		live(3)
		live(6)
		if fmt.Sprint(got) != "[0 1 3 4 5]" {
			t.Errorf("got %v, want [0 1 3 4 5]", got)
		}
		if n, err := l.Parked(t.Context()); err != nil || n != 1 {
			t.Errorf("got %d parked, %v; want 1", n, err)
		}
	})
}

func BenchmarkPublish(b *testing.B) {
	db := testkit.Open(b, b.TempDir()+"/bench.db", tables)
	l := bus.New(db, time.Now, id.New)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := publish(b.Context(), db, l, ring(1)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A handler that panics has its event parked and the next one delivered; what
// is only unavailable waits as long as it takes; what was parked can be tried
// again.
func TestParking(t *testing.T) {
	path := t.TempDir() + "/test.db"
	synctest.Test(t, func(t *testing.T) {
		db := testkit.Open(t, path, tables)
		l := bus.New(db, time.Now, id.New)
		var got []int
		mended := false
		away := time.Now().Add(3 * time.Hour)
		handler := bus.On(func(_ context.Context, _ event.Record, e rang) error {
			switch {
			case e.N == 1 && !mended:
				panic("a bug")
			case e.N == 2 && time.Now().Before(away):
				return errs.New(errs.Unavailable, "the database is locked")
			}
			got = append(got, e.N)
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := l.Subscriber(slog.New(slog.DiscardHandler), "room", handler).Run(ctx); err != nil {
				t.Error(err)
			}
		})
		for n := range 4 {
			if err := publish(ctx, db, l, ring(n)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		if fmt.Sprint(got) != "[0 2 3]" {
			t.Errorf("got %v, want [0 2 3]", got)
		}
		parked, err := l.ListParked(ctx)
		if err != nil || len(parked) != 1 || parked[0].Seq != 2 {
			t.Errorf("parked: %+v, %v; want seq 2", parked, err)
		}
		mended = true
		if err := l.RetryParked(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n, err := l.Parked(ctx); err != nil || n != 0 || fmt.Sprint(got) != "[0 2 3 1 2 3]" {
			t.Errorf("after a retry: %d parked, %v, got %v", n, err, got)
		}
		cancel()
		wg.Wait()
	})
}
