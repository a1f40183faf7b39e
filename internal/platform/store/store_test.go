package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

var rows = testkit.Tables{Room: "row", Files: fstest.MapFS{
	"migrations/0001_row.sql": {Data: []byte(`CREATE TABLE row_row (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)`)},
}}

func exec(ctx context.Context, db *store.DB, q string, args ...any) error {
	return db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, q, args...)
		return err
	})
}

func count(t testing.TB, db *store.DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx store.Tx) error {
		return tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM row_row`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Many writers at once: each that returned nil is there, each that failed is
// not, and a failure undoes nothing of its neighbours in the group.
func TestWriteGroupIsolatesMembers(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		boom := errors.New("boom")
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				err := db.Write(t.Context(), func(tx store.Tx) error {
					if _, err := tx.ExecContext(t.Context(), `INSERT INTO row_row (id, n) VALUES ($1, 0)`, i); err != nil {
						return err
					}
					switch i % 4 {
					case 1:
						return boom
					case 2: // a statement that fails by itself
						_, err := tx.ExecContext(t.Context(), `INSERT INTO row_row (id, n) VALUES ($1, 0)`, i)
						return err
					case 3:
						panic("a bug in one caller")
					}
					return nil
				})
				if (err == nil) != (i%4 == 0) {
					t.Errorf("write %d: got %v", i, err)
				}
			})
		}
		wg.Wait()
		if got := count(t, db); got != 50 {
			t.Errorf("got %d rows, want 50", got)
		}
	}, rows)
}

func TestReadModifyWriteLosesNothing(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := exec(ctx, db, `INSERT INTO row_row (id, n) VALUES (1, 0)`); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					err := db.Write(ctx, func(tx store.Tx) error {
						var n int
						if err := tx.QueryRowContext(ctx, `SELECT n FROM row_row WHERE id = 1`).Scan(&n); err != nil {
							return err
						}
						_, err := tx.ExecContext(ctx, `UPDATE row_row SET n = $1 WHERE id = 1`, n+1)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var n int
		err := db.Read(ctx, func(tx store.Tx) error { return tx.QueryRowContext(ctx, `SELECT n FROM row_row WHERE id = 1`).Scan(&n) })
		if err != nil || n != 160 {
			t.Errorf("got %d, %v; want 160", n, err)
		}
	}, rows)
}

func TestOnCommitOnlyAfterCommit(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		var told []string
		for _, fail := range []bool{false, true} {
			_ = db.Write(t.Context(), func(tx store.Tx) error { // the failure is the case
				tx.OnCommit(func() { told = append(told, fmt.Sprint(fail)) })
				if fail {
					return errors.New("no")
				}
				return nil
			})
		}
		if fmt.Sprint(told) != "[false]" {
			t.Errorf("got %v, want [false]", told)
		}
	})
}

func TestMigrateRefusesAnEditedFile(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		if err := db.Migrate(t.Context(), rows.Room, rows.Files); err != nil {
			t.Fatalf("the second run: %v", err)
		}
		edited := fstest.MapFS{"migrations/0001_row.sql": {Data: []byte(`CREATE TABLE row_other (id BIGINT)`)}}
		if err := db.Migrate(t.Context(), rows.Room, edited); errs.KindOf(err) != errs.Conflict {
			t.Errorf("got %v, want Conflict", err)
		}
	}, rows)
}

func TestWriteAfterCloseIsUnavailable(t *testing.T) {
	db, err := store.Open(t.Context(), t.TempDir()+"/a b?.db")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := exec(t.Context(), db, `SELECT 1`); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
}

// A locked database is Unavailable, Ping says so, and it recovers by itself.
func TestLockedDatabaseRecovers(t *testing.T) {
	path := t.TempDir() + "/test.db"
	db := testkit.Open(t, path, rows)
	other := testkit.Open(t, path)
	ctx := t.Context()
	release, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := other.Write(ctx, func(store.Tx) error { close(held); <-release; return nil })
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	if err := exec(ctx, db, `INSERT INTO row_row (id, n) VALUES (1, 1)`); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("while locked: got %v, want Unavailable", err)
	}
	close(release)
	wg.Wait()
	if err := db.Ping(ctx); err != nil {
		t.Errorf("after the lock: %v", err)
	}
}

// Opening a database that is there, and reading it, waits for no writer.
func TestOpenBesideABusyWriter(t *testing.T) {
	path := t.TempDir() + "/test.db"
	busy := testkit.Open(t, path, rows)
	release, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := busy.Write(t.Context(), func(store.Tx) error { close(held); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatalf("while another writes: %v", err)
	}
	if n := count(t, db); n != 0 {
		t.Errorf("got %d rows, want 0", n)
	}
	close(release)
	wg.Wait()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db := testkit.Open(b, b.TempDir()+"/bench.db", rows)
			b.SetParallelism(callers)
			b.ReportAllocs()
			var mu sync.Mutex
			id := 0
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mu.Lock()
					id++
					mine := id
					mu.Unlock()
					if err := exec(b.Context(), db, `INSERT INTO row_row (id, n) VALUES ($1, 1)`, mine); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// A server that stands still in the middle of its writes holds the others up for
// three seconds, not for as long as it stands.
func TestAWriterThatStandsStillIsLeftBehind(t *testing.T) {
	server := os.Getenv("TEST_POSTGRES")
	if server == "" {
		t.Skip("TEST_POSTGRES names no server")
	}
	still, other := testkit.Open(t, server), testkit.Open(t, server)
	inside, goOn := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- still.Write(context.Background(), func(tx store.Tx) error {
			if _, err := tx.ExecContext(context.Background(), `SELECT 1`); err != nil {
				return err
			}
			close(inside)
			<-goOn
			_, err := tx.ExecContext(context.Background(), `SELECT 1`)
			return err
		})
	}()
	<-inside
	begin := time.Now()
	if err := exec(t.Context(), other, `UPDATE schema_probe SET n = n + 1 WHERE id = 1`); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("the other waited %s", took)
	}
	close(goOn)
	if err := <-ended; errs.KindOf(err) != errs.Unavailable {
		t.Errorf("the one that stood still got %v, want Unavailable", err)
	}
	if err := exec(t.Context(), still, `UPDATE schema_probe SET n = n + 1 WHERE id = 1`); err != nil {
		t.Errorf("its next write: %v", err)
	}
}
