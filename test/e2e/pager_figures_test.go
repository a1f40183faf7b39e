package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// provider notes when each page reached it, by service.
type provider struct {
	*httptest.Server

	pause time.Duration
	took  atomic.Int64

	mu sync.Mutex
	at map[string]time.Time
}

func newProvider(t *testing.T, pause time.Duration) *provider {
	p := &provider{pause: pause, at: map[string]time.Time{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		now := time.Now()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		p.took.Add(1)
		p.mu.Lock()
		for _, word := range strings.FieldsFunc(string(text), func(c rune) bool { return !strings.ContainsRune("0123456789-svc", c) }) {
			if strings.HasPrefix(word, "svc-") && p.at[word].IsZero() {
				p.at[word] = now
			}
		}
		p.mu.Unlock()
		<-time.After(p.pause)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) seen(service string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[service]
}

// TestFiguresPager prints how long an alert takes until its page is with the
// provider, idle and in a storm, and how long a thousand people take.
func TestFiguresPager(t *testing.T) {
	figures(t)
	hook := newProvider(t, 0)
	s := launch(t, t.TempDir(), "--config", config(t, map[string]string{"all.yaml": crowd(hook.URL, 1000, false)}))
	within(t, 30*time.Second, "ready", func() bool { h, err := s.ready(); return err == nil && h.Ready })
	<-time.After(3 * time.Second)
	idle := s.fire(hook, 0, 200, 10)
	say("alert in → page at the provider, 10 alerts/s, %d alerts: p50 %s, p99 %s", len(idle), at(idle, 50), at(idle, 99))
	before := s.cpu()
	began := time.Now()
	storm := s.fire(hook, 1000, storms(), 500)
	say("alert in → page at the provider, 500 alerts/s for %s, %d alerts of %d services to 1,000 people: p50 %s, p99 %s, CPU %.0f %% of one core, RSS %d MB",
		time.Since(began).Round(time.Second), len(storm), len(storm), at(storm, 50), at(storm, 99), (s.cpu()-before)/time.Since(began).Seconds()*100, s.rss("VmRSS"))
}

func at(all []time.Duration, percent int) time.Duration {
	return all[min(len(all)-1, len(all)*percent/100)].Round(100 * time.Microsecond)
}

// fire raises n alerts at a rate, each of a service of its own, and returns how
// long each took from the request to the provider, sorted.
func (s *server) fire(hook *provider, first, n, rate int) []time.Duration {
	s.t.Helper()
	sent := make([]time.Time, n)
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := range n {
		<-tick.C
		wg.Go(func() {
			service := fmt.Sprintf("svc-%d", first+i)
			sent[i] = time.Now()
			err := s.api.Post(context.Background(), "/api/v2/alerts", []any{map[string]any{"labels": map[string]string{"alertname": "r", "service": service, "severity": "page"}, "annotations": map[string]string{"summary": "it broke"}}}, nil)
			if err != nil {
				s.t.Error(err)
			}
		})
	}
	wg.Wait()
	var all []time.Duration
	for i := range n {
		service := fmt.Sprintf("svc-%d", first+i)
		within(s.t, time.Minute, "a page for "+service, func() bool { return !hook.seen(service).IsZero() })
		all = append(all, hook.seen(service).Sub(sent[i]))
	}
	slices.Sort(all)
	return all
}

// TestFiguresThousandPeople prints how long it takes until a thousand people are
// paged at once, by a provider that answers in 50 ms.
func TestFiguresThousandPeople(t *testing.T) {
	figures(t)
	hook := newProvider(t, 50*time.Millisecond)
	text := strings.Replace(crowd(hook.URL, 1000, false), "roundRobin: true, ", "", 1)
	s := launch(t, t.TempDir(), "--config", config(t, map[string]string{"all.yaml": text}))
	within(t, 30*time.Second, "ready", func() bool { h, err := s.ready(); return err == nil && h.Ready })
	<-time.After(2 * time.Second)
	began := time.Now()
	if err := s.api.Post(t.Context(), "/api/v1/signals", map[string]any{"id": "x", "service": "svc-1", "rule": "r", "severity": "page", "summary": "it broke"}, nil); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "1,000 messages", func() bool { return hook.took.Load() >= 1000 })
	say("1,000 people paged at once, a provider that answers in 50 ms: %s", time.Since(began).Round(10*time.Millisecond))
}

// TestFiguresMemory prints what a large house costs: 1,000 people, 500 rotas, a
// million alerts in the log; and how many questions who is on call it answers.
func TestFiguresMemory(t *testing.T) {
	figures(t)
	var b strings.Builder
	b.WriteString(crowd("http://127.0.0.1:1", 1000, false))
	for i := range 500 {
		var members []string
		for j := range 6 {
			members = append(members, fmt.Sprintf("p%d", 1+(i*6+j)%999))
		}
		fmt.Fprintf(&b, "---\napiVersion: hinoban/v1\nkind: Rota\nmetadata: {name: rota%d}\nspec: {timeZone: Asia/Tokyo, start: 2026-01-05 09:00, every: 1w, members: [%s]}\n", i, strings.Join(members, ", "))
	}
	data := t.TempDir()
	folder := config(t, map[string]string{"all.yaml": b.String()})
	s := launch(t, data, "--config", folder)
	within(t, 30*time.Second, "ready", func() bool { h, err := s.ready(); return err == nil && h.Ready })
	s.kill()
	fill(t, filepath.Join(data, "hinoban.db"), 1_000_000)
	s = launch(t, data, "--config", folder)
	within(t, 5*time.Minute, "the log heard", func() bool { h, err := s.ready(); return err == nil && h.Ready })
	<-time.After(60 * time.Second)
	for _, path := range []string{"/oncall", "/alerts", "/pages", "/", "/log"} {
		res, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	say("1,000 people, 500 rotas, 1,000,000 alerts in the log: RSS %d MB (private %d MB) after the pages were looked at", s.rss("VmRSS"), s.rss("RssAnon"))
}

// fill puts n alerts into the log, fired and resolved, chained as usual.
func fill(t *testing.T, path string, n int) {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log := bus.New(db, time.Now, id.New)
	const group = 2000
	for i := 0; i < n; i += group {
		err := db.Write(t.Context(), func(tx store.Tx) error {
			var facts []event.Fact
			for j := range group {
				service := "svc-" + strconv.Itoa((i+j)%2000)
				facts = append(facts, event.Fact{Event: alert.Fired{Alert: strconv.Itoa(i + j), Service: service, Rule: "r", Severity: alert.Ticket, Summary: "the queue is long"}, At: time.Now().Add(-time.Duration(n-i-j) * time.Second), Service: service, Subject: "alert/" + strconv.Itoa(i+j), Source: "slo"})
			}
			return log.Publish(t.Context(), tx, facts...)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// What was heard is over: the rooms go on behind it.
	err = db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE bus_cursor SET seq = (SELECT MAX(seq) FROM bus_event)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// storms is how many alerts a storm has; HINOBAN_STORM says another number.
func storms() int {
	if n, err := strconv.Atoi(os.Getenv("HINOBAN_STORM")); err == nil {
		return n
	}
	return 10_000
}
