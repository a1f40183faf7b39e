package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
)

// receiver is a flaky provider: it fails, it is slow, it takes a message and
// then breaks the connection. It keeps what it took.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	rnd   *rand.Rand
	taken map[string]int       // message id -> times taken
	at    map[string]time.Time // message id -> first time
	calm  bool                 // no more faults
}

func newReceiver(t *testing.T, calm bool) *receiver {
	r := &receiver{rnd: rand.New(rand.NewPCG(7, 7)), taken: map[string]int{}, at: map[string]time.Time{}, calm: calm}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body) // only the key counts
	id := req.Header.Get("Idempotency-Key")
	r.mu.Lock()
	luck, pause := r.rnd.IntN(10), time.Duration(r.rnd.IntN(4))*time.Millisecond
	if r.calm {
		luck, pause = 9, 0
	}
	if luck > 1 {
		r.taken[id]++
		if _, ok := r.at[id]; !ok {
			r.at[id] = time.Now()
		}
	}
	r.mu.Unlock()
	<-time.After(pause)
	if luck <= 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (r *receiver) count() (messages, twice int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.taken {
		messages++
		if n > 1 {
			twice += n - 1
		}
	}
	return messages, twice
}

// ledger is what the clients were promised.
type ledger struct {
	mu      sync.Mutex
	signals []string          // services of signals that were answered with 202
	acked   map[string]string // service -> alert id that was answered with 200
}

// The server is killed at fifty random moments while signals, answers and
// pages flow against a flaky receiver. Nothing that was acknowledged is lost,
// at most one message a crash is repeated, and the log's chain is whole.
func TestKillLosesNothing(t *testing.T) {
	crashes := 50
	if testing.Short() {
		crashes = 5
	}
	hook := newReceiver(t, false)
	data, folder := t.TempDir(), config(t, map[string]string{"team.yaml": people(hook.URL)})
	kept := &ledger{acked: map[string]string{}}
	rnd := rand.New(rand.NewPCG(1, 2026))
	for n := range crashes {
		s := launch(t, data, "--config", folder)
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
	s := launch(t, data, "--config", folder)
	kept.recount(t, s)
	sent := settled(t, s)
	messages, twice := hook.count()
	if messages < sent {
		t.Errorf("%d deliveries are recorded as sent, the receiver took %d", sent, messages)
	}
	if twice > crashes {
		t.Errorf("%d messages were repeated in %d crashes, want at most one a crash", twice, crashes)
	}
	t.Logf("%d crashes: %d signals and %d answers acknowledged, %d messages taken, %d repeated", crashes, len(kept.signals), len(kept.acked), messages, twice)
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
	// Every alert has its page, acknowledged or not.
	within(t, time.Minute, "a page for every alert", func() bool { return len(pages(t, s)) >= len(have) })
}

func pages(t *testing.T, s *server) (out []oncall.Page) {
	t.Helper()
	for after := ""; ; {
		var page struct {
			Pages []oncall.Page `json:"pages"`
			Next  string        `json:"next"`
		}
		if err := s.api.Get(t.Context(), "/api/v1/pages", &page, "limit", "499", "after", after); err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Pages...)
		if after = page.Next; after == "" {
			return out
		}
	}
}

// settled waits until no delivery is pending and returns how many were sent. A
// page that nobody answered must have been sent.
func settled(t *testing.T, s *server) (sent int) {
	t.Helper()
	within(t, 3*time.Minute, "every delivery settled", func() bool {
		sent = 0
		for _, p := range pages(t, s) {
			var one struct {
				Page       oncall.Page       `json:"page"`
				Deliveries []oncall.Delivery `json:"deliveries"`
			}
			if err := s.api.Get(t.Context(), "/api/v1/pages/"+p.ID, &one); err != nil {
				return false
			}
			answered := one.Page.State == oncall.Answered
			if !answered && len(one.Deliveries) == 0 {
				return false
			}
			for _, d := range one.Deliveries {
				if d.State == oncall.Pending {
					return false
				}
				if d.State == oncall.Sent {
					sent++
				} else if !answered {
					t.Fatalf("page %s: delivery %s is %s: %s", p.ID, d.ID, d.State, d.Error)
				}
			}
		}
		return true
	})
	return sent
}

func decode(r io.Reader, v any) error { return json.NewDecoder(r).Decode(v) }
