package alerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger is a receiver that is down now and then, and notes what it took.
type ledger struct {
	mu    sync.Mutex
	down  bool
	slow  time.Duration
	taken map[string]int // instance and state
	late  map[string]bool
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var in struct {
		Alerts []struct {
			Status      string
			Labels      map[string]string
			Annotations map[string]string
		}
	}
	if err != nil || json.Unmarshal(b, &in) != nil {
		return // the sender died in the middle of it
	}
	l.mu.Lock()
	down, slow := l.down, l.slow
	l.mu.Unlock()
	if slow > 0 {
		<-time.After(slow) // a slow receiver
	}
	if down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range in.Alerts {
		l.taken[a.Labels["instance"]+"/"+a.Status]++
		if a.Annotations["told_late"] != "" {
			l.late[a.Labels["instance"]] = true
		}
	}
}

// sender posts alerts and silences, and notes what was acknowledged.
type sender struct {
	client   *http.Client
	n        int
	begin    map[int]time.Time
	firing   map[int]bool // acknowledged
	over     map[int]bool // acknowledged as resolved
	ended    map[int]bool // said to be over, acknowledged or not
	silences []string     // acknowledged
}

func (s *sender) one(i int, end time.Time) []map[string]any {
	return []map[string]any{{
		"labels": map[string]string{"alertname": "X", "instance": strconv.Itoa(i), "severity": "page"}, "startsAt": s.begin[i], "endsAt": end,
	}}
}

// work posts until ctx ends.
func (s *sender) work(ctx context.Context, url string, rng *rand.Rand) {
	for ctx.Err() == nil {
		switch k := rng.IntN(10); {
		case k < 6:
			s.n++
			i := s.n
			s.begin[i] = time.Now()
			if code, err := post(ctx, s.client, url+"/api/v2/alerts", s.one(i, time.Now().Add(time.Hour))); err == nil && code == http.StatusOK {
				s.firing[i] = true
			}
		case k < 9 && s.n > 0:
			i := 1 + rng.IntN(s.n)
			if !s.firing[i] || s.over[i] {
				continue
			}
			s.ended[i] = true
			if code, err := post(ctx, s.client, url+"/api/v2/alerts", s.one(i, time.Now())); err == nil && code == http.StatusOK {
				s.over[i] = true
			}
		default:
			s.silence(ctx, url)
		}
	}
}

func (s *sender) silence(ctx context.Context, url string) {
	body := fmt.Sprintf(`{"matchers":[{"name":"instance","value":"none-%d","isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"t","comment":"c"}`,
		len(s.silences), time.Now().Format(time.RFC3339Nano), time.Now().Add(time.Hour).Format(time.RFC3339Nano))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v2/silences", strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	var out struct{ SilenceID string }
	if json.NewDecoder(res.Body).Decode(&out) == nil && out.SilenceID != "" {
		s.silences = append(s.silences, out.SilenceID)
	}
}

const crashConfig = "route: {receiver: hook, group_by: [instance], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}\nreceivers: [{name: hook, webhook_configs: [{url: '%s'}]}]\n"

// The process is killed again and again at random moments while alerts come in,
// end, and the receiver is down now and then. Nothing that was acknowledged may
// be lost, and a crash repeats at most one message.
func TestKillNine(t *testing.T) {
	crashes := 25
	if n, err := strconv.Atoi(os.Getenv("HINOBAN_CRASHES")); err == nil {
		crashes = n
	}
	rng := rand.New(rand.NewPCG(4, uint64(crashes)))
	l := &ledger{taken: map[string]int{}, late: map[string]bool{}}
	hook := httptest.NewServer(l)
	defer hook.Close()
	s := &sender{client: &http.Client{Timeout: 5 * time.Second}, begin: map[int]time.Time{}, firing: map[int]bool{}, over: map[int]bool{}, ended: map[int]bool{}}
	data := filepath.Join(t.TempDir(), "data")
	run := []string{binary(t), "alertmanager", "--native"}
	for range crashes {
		p := start(t, run, fmt.Sprintf(crashConfig, hook.URL), data)
		l.mu.Lock()
		l.down, l.slow = rng.IntN(3) == 0, time.Duration(rng.IntN(2)*rng.IntN(20))*time.Millisecond
		l.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(50+rng.IntN(250))*time.Millisecond)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.work(ctx, p.url, rand.New(rand.NewPCG(rng.Uint64(), 1)))
		}()
		<-ctx.Done()
		p.kill() // while the sender may be in the middle of a request
		cancel()
		<-done
	}
	l.mu.Lock()
	l.down, l.slow = false, 0
	l.mu.Unlock()
	p := start(t, run, fmt.Sprintf(crashConfig, hook.URL), data)
	s.settle(t, l)
	s.check(t, p, l, crashes)
}

// missing are the messages that are still owed.
func (s *sender) missing(l *ledger) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range s.firing {
		name := strconv.Itoa(i)
		if l.taken[name+"/firing"] == 0 && l.taken[name+"/resolved"] == 0 {
			out = append(out, name+"/firing")
		}
		if s.over[i] && l.taken[name+"/resolved"] == 0 {
			out = append(out, name+"/resolved")
		}
	}
	return out
}

func (s *sender) settle(t *testing.T, l *ledger) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); len(s.missing(l)) > 0 && time.Now().Before(deadline); {
		<-time.After(50 * time.Millisecond) // waits for another process
	}
}

func (s *sender) check(t *testing.T, p *process, l *ledger, crashes int) {
	t.Helper()
	if lost := s.missing(l); len(lost) > 0 {
		t.Errorf("%d notifications lost: %v", len(lost), lost[:min(len(lost), 10)])
	}
	for _, id := range s.silences {
		res, err := http.Get(p.url + "/api/v2/silence/" + id)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("silence %s: %d", id, res.StatusCode)
		}
	}
	var now []struct{ Labels map[string]string }
	res, err := http.Get(p.url + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&now); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, a := range now {
		there[a.Labels["instance"]] = true
	}
	for i := range s.firing {
		if name := strconv.Itoa(i); !s.ended[i] && !there[name] {
			t.Errorf("alert %s is lost", name)
		}
	}
	repeated := 0
	for _, n := range l.taken {
		repeated += max(0, n-1)
	}
	if repeated > crashes {
		t.Errorf("%d messages repeated in %d crashes", repeated, crashes)
	}
	t.Logf("FIGURE %d kill -9 with outages of the receiver: %d alerts, %d ends and %d silences acknowledged; 0 lost means %d missing; %d told late, %d messages repeated",
		crashes, len(s.firing), len(s.over), len(s.silences), len(s.missing(l)), len(l.late), repeated)
}
