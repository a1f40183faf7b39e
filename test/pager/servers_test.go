package pager_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/hinoban/hinoban/internal/platform/store" // the driver
)

// database makes an empty one on the server that the tests have.
func database(t *testing.T) string {
	t.Helper()
	server := os.Getenv("TEST_POSTGRES")
	if server == "" {
		t.Skip("SKIPPED, NOT TESTED: TEST_POSTGRES names no server (make test starts one)")
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("pager_%d", time.Now().UnixNano())
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Two servers on one PostgreSQL take alerts and page; one of them is killed in the
// middle of it. Every alert that was taken is paged, and hardly one twice.
func TestTwoServersPageAndOneDies(t *testing.T) {
	l, dsn := newTold(t), database(t)
	folder := l.documents(t)
	var hosts []*host
	for range 2 {
		h := newHost(t, "serve", "--config", folder, "--database", dsn)
		h.plain = true
		hosts = append(hosts, h.start())
	}
	var mu sync.Mutex
	taken := map[string]bool{}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(30 * time.Millisecond):
				}
				service := fmt.Sprintf("s%d-%d.", n, i)
				err := hosts[(n+i)%2].api.Post(t.Context(), "/api/v1/signals", map[string]any{"id": service, "service": service, "rule": "r", "severity": "page", "summary": "disk full at " + service}, nil)
				if err == nil {
					mu.Lock()
					taken[service] = true
					mu.Unlock()
				}
			}
		})
	}
	number := func() int { mu.Lock(); defer mu.Unlock(); return len(taken) }
	hosts[1].eventually(time.Minute, "alerts are taken", func() bool { return number() >= 40 })
	hosts[0].end(syscall.SIGKILL)
	was := number()
	hosts[1].eventually(time.Minute, "the other goes on", func() bool { return number() >= was+20 })
	close(stop)
	wg.Wait()
	twice, since := 0, time.Now()
	for service := range taken {
		hosts[1].eventually(2*time.Minute, "a page for "+service, func() bool { return l.count("page", service) > 0 })
	}
	for service := range taken {
		if l.count("page", service) > 1 {
			twice++
		}
	}
	// The lanes of an address are per server: the dead one had one message in hand.
	if twice > 2 {
		t.Errorf("%d of %d pages came twice", twice, len(taken))
	}
	t.Logf("FIGURE two servers on one PostgreSQL, one killed: %d alerts taken, 0 lost, %d repeated, the last told %s after the senders ended", len(taken), twice, time.Since(since).Round(100*time.Millisecond))
}
