package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// receiver is a flaky provider of webhooks and, in Twilio's form, of texts: it
// fails, it is slow, it takes a message and then breaks the connection, and it tells
// what became of texts twice and out of order. It keeps what it took.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	rnd   *rand.Rand
	taken map[string]int       // message id -> times taken
	at    map[string]time.Time // message id -> first time
	lies  map[string]int       // message id -> times taken without an answer
	calm  bool                 // no more faults
	texts texts
}

func newReceiver(t *testing.T, calm bool) *receiver {
	r := &receiver{rnd: rand.New(rand.NewPCG(7, 7)), taken: map[string]int{}, at: map[string]time.Time{}, lies: map[string]int{}, calm: calm}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodGet {
		r.list(w, req)
		return
	}
	id := req.Header.Get("Idempotency-Key") // only the key counts
	text, isText := textOf(req)
	if isText {
		id = text.id
	}
	_, _ = io.Copy(io.Discard, req.Body)
	fails, lies, pause := r.mood()
	<-time.After(pause)
	if fails {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.mu.Lock()
	r.taken[id]++
	if _, ok := r.at[id]; !ok {
		r.at[id] = time.Now()
	}
	if lies {
		r.lies[id]++
	}
	r.mu.Unlock()
	answer := func() {}
	if isText {
		answer = r.take(w, text)
	}
	if lies {
		panic(http.ErrAbortHandler)
	}
	answer()
}

// mood is what happens to the next message.
func (r *receiver) mood() (fails, lies bool, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calm {
		return false, false, 0
	}
	luck, pause := r.rnd.IntN(20), time.Duration(r.rnd.IntN(4))*time.Millisecond
	if r.rnd.IntN(40) == 0 {
		pause = 150 * time.Millisecond
	}
	return luck < 4, luck == 4, pause
}

// count returns how many messages it has, how often it took one without an answer,
// and how often it took one again although it had answered.
func (r *receiver) count() (messages, lies, twice int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, n := range r.taken {
		messages++
		lies += r.lies[id]
		twice += max(0, n-1-r.lies[id])
	}
	return messages, lies, twice
}

// ledger is what the clients were promised.
type ledger struct {
	mu      sync.Mutex
	signals []string          // services of signals that were answered with 202
	acked   map[string]string // service -> alert id that was answered with 200
}

// The server is killed at fifty random moments while signals, answers and
// pages flow against a provider that delays, fails, duplicates and reorders.
// Nothing that was acknowledged is lost; of what the provider had answered to, at
// most one message a crash is repeated; what the ledger says is what the provider
// has, and the log's chain is whole.
func TestKillLosesNothing(t *testing.T) {
	crashes := 50
	if testing.Short() {
		crashes = 5
	}
	if n, err := strconv.Atoi(os.Getenv("HINOBAN_CRASHES")); err == nil {
		crashes = n
	}
	hook := newReceiver(t, false)
	hook.textsOn(t)
	data, folder := t.TempDir(), config(t, map[string]string{"team.yaml": crowd(hook.URL, 40, true)})
	kept := &ledger{acked: map[string]string{}}
	rnd, token := rand.New(rand.NewPCG(1, 2026)), ""
	start := func() *server {
		s := launch(t, data, "--config", folder, "--base-url", pagerURL)
		hook.texts.reach.Store(&s.url)
		if token == "" {
			token = admit(t, s)
		}
		s.api = client.New(s.url, token)
		return s
	}
	for n := range crashes {
		s := start()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for c := range 4 {
			wg.Go(func() { kept.load(t, s, fmt.Sprintf("s%d-%d", n, c), stop) })
		}
		<-time.After(time.Duration(20+rnd.IntN(350)) * time.Millisecond)
		s.kill()
		close(stop)
		wg.Wait()
	}
	hook.mu.Lock()
	hook.calm = true
	hook.mu.Unlock()
	s := start()
	kept.recount(t, s)
	settled(t, s)
	hook.texts.reports.Wait()
	hook.compare(t, s)
	messages, lies, twice := hook.count()
	if twice > crashes {
		t.Errorf("%d messages were repeated in %d crashes, want at most one a crash", twice, crashes)
	}
	t.Logf("FIGURE %d crashes: %d signals and %d answers acknowledged, %d messages taken, %d times without an answer, %d reports on texts; %d repeated", crashes, len(kept.signals), len(kept.acked), messages, lies, hook.texts.told.Load(), twice)
	s.kill()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "log", "verify", "--data", data).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "intact:") {
		t.Errorf("log verify: %v\n%s", err, out)
	}
}

// crowd is n people who are called in turn, by webhook or, where texts are sent,
// every other one by text.
func crowd(webhook string, n int, texts bool) string {
	var b strings.Builder
	var names []string
	for i := range n {
		name := fmt.Sprintf("p%d", i)
		if i == 0 {
			name = "aoi"
		}
		names = append(names, name)
		device := fmt.Sprintf("{channel: webhook, address: \"%s/%s\"}", webhook, name)
		if texts && i%2 == 1 {
			device = fmt.Sprintf("{channel: sms, address: \"+8190%08d\"}", i)
		}
		fmt.Fprintf(&b, "---\napiVersion: hinoban/v1\nkind: Person\nmetadata: {name: %s}\nspec: {devices: [%s]}\n", name, device)
	}
	all := strings.Join(names, ", ")
	fmt.Fprintf(&b, "---\napiVersion: hinoban/v1\nkind: Team\nmetadata: {name: shop}\nspec: {members: [%s]}\n", all)
	fmt.Fprintf(&b, "---\napiVersion: hinoban/v1\nkind: Escalation\nmetadata: {name: all}\nspec: {default: true, steps: [{people: [%s], roundRobin: true, wait: 12h}]}\n", all)
	return b.String()
}

// load sends signals, each for a service of its own, and answers some of the
// alerts, until the server is gone.
func (l *ledger) load(t *testing.T, s *server, prefix string, stop <-chan struct{}) {
	ctx := t.Context()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		service := fmt.Sprintf("%s-%d", prefix, i)
		var out struct {
			Alert alert.Alert `json:"alert"`
		}
		err := s.api.Post(ctx, "/api/v1/signals", map[string]any{"id": service, "service": service, "rule": "r", "severity": "page", "summary": "it broke"}, &out)
		if err != nil {
			return // killed: nobody was promised anything
		}
		l.mu.Lock()
		l.signals = append(l.signals, service)
		l.mu.Unlock()
		if i%3 != 0 {
			continue
		}
		if err := s.api.Post(ctx, "/api/v1/alerts/"+out.Alert.ID+"/ack", map[string]any{"as": "aoi"}, nil); err != nil {
			return
		}
		l.mu.Lock()
		l.acked[service] = out.Alert.ID
		l.mu.Unlock()
	}
}

// recount compares what was promised with what is there.
func (l *ledger) recount(t *testing.T, s *server) {
	t.Helper()
	have := map[string]alert.Alert{}
	for after := ""; ; {
		var page struct {
			Alerts []alert.Alert `json:"alerts"`
			Next   string        `json:"next"`
		}
		if err := s.api.Get(t.Context(), "/api/v1/alerts", &page, "state", "all", "limit", "499", "after", after); err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Alerts {
			have[a.Service] = a
		}
		if after = page.Next; after == "" {
			break
		}
	}
	lost := 0
	for _, service := range l.signals {
		if _, ok := have[service]; !ok {
			lost++
		}
	}
	for service := range l.acked {
		if have[service].AckedBy != "aoi" {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged signals and %d answers were lost", lost, len(l.signals), len(l.acked))
	}
	// Every alert has its page, unless somebody had it before it could call.
	within(t, time.Minute, "a page for every alert", func() bool {
		paged := map[string]bool{}
		for service := range tally(t, s, `SELECT service, COUNT(*) FROM oncall_page GROUP BY service`) {
			paged[service] = true
		}
		for service, a := range have {
			if !paged[service] && a.AckedBy == "" {
				return false
			}
		}
		return true
	})
}

// tally reads the server's database from beside it: thousands of questions over
// the API would meet its rate limit.
func tally(t *testing.T, s *server, query string) map[string]int {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(s.data, "hinoban.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := map[string]int{}
	err = db.Read(t.Context(), func(tx store.Tx) error {
		_, err := store.All(t.Context(), tx, func(row store.Scanner) (struct{}, error) {
			var key string
			var n int
			err := row.Scan(&key, &n)
			out[key] = n
			return struct{}{}, err
		}, query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// settled waits until no delivery is pending. Only an answer may cancel one, and
// none may fail for good.
func settled(t *testing.T, s *server) {
	t.Helper()
	var states map[string]int
	long := 3 * time.Minute
	if os.Getenv("HINOBAN_CRASHES") != "" {
		// Of so many, some have failed often enough to wait for the longest pause.
		long = 10 * time.Minute
	}
	began := time.Now()
	within(t, long, "every delivery settled", func() bool {
		states = tally(t, s, `SELECT state, COUNT(*) FROM oncall_ledger GROUP BY state`)
		if time.Since(began) > 2*time.Minute && states["pending"] > 0 {
			t.Logf("still waiting: %v", tally(t, s, `SELECT id || ' after ' || attempts || ' tries, ' || error, due_at / 1000000 FROM oncall_ledger WHERE state = 'pending' ORDER BY id LIMIT 5`))
			<-time.After(20 * time.Second) // for another process
		}
		return states["pending"] == 0
	})
	if states["failed"] > 0 {
		t.Errorf("%d deliveries failed for good", states["failed"])
	}
	odd := tally(t, s, `SELECT 'page', COUNT(*) FROM oncall_page p WHERE p.state = 'calling' AND NOT EXISTS (SELECT 1 FROM oncall_ledger d WHERE d.page = p.id AND d.state IN ('sent', 'delivered', 'bundled'))`)
	if odd["page"] > 0 {
		t.Errorf("%d pages call and reached nobody", odd["page"])
	}
	t.Logf("deliveries: %v", states)
}

func decode(r io.Reader, v any) error { return json.NewDecoder(r).Decode(v) }
