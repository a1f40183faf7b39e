package alerts_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// postgres starts a PostgreSQL of the test's own and returns its address.
func postgres(tb testing.TB) string {
	tb.Helper()
	cmd := exec.CommandContext(context.Background(), "bash", "../with-postgres.sh", "bash", "-c", `echo "address=$TEST_POSTGRES"; cat`)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TEST_POSTGRES=") })
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close() // its cat ends, and with it the server
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		address, ok := strings.CutPrefix(lines.Text(), "address=")
		if ok && address == "" {
			break
		}
		if ok {
			return address
		}
	}
	tb.Skip("PostgreSQL is not installed: several servers on one database are not tested")
	return ""
}

// told is when a receiver first heard something, and how often.
type told struct {
	first time.Time
	n     int
}

// hearing is a receiver that notes when it hears what.
type hearing struct {
	mu   sync.Mutex
	told map[string]told // instance and state
	slow time.Duration
}

func (h *hearing) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var in struct {
		Alerts []struct {
			Status string
			Labels map[string]string
		}
	}
	if err != nil || json.Unmarshal(b, &in) != nil {
		return // the sender died in the middle of it
	}
	<-time.After(h.slow)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range in.Alerts {
		key := a.Labels["instance"] + "/" + a.Status
		t := h.told[key]
		if t.n == 0 {
			t.first = time.Now()
		}
		t.n++
		h.told[key] = t
	}
}

func (h *hearing) of(key string) told {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.told[key]
}

// repeated is how many messages too many came.
func (h *hearing) repeated() (n int, which []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, t := range h.told {
		if t.n > 1 {
			n += t.n - 1
			which = append(which, key)
		}
	}
	return n, which
}

// one is an alert of the test; its times are those of the answers.
type one struct {
	began       time.Time
	acked, over time.Time // zero: not acknowledged
	saidOver    bool
	due         time.Time // it is to end then
}

// crowd posts alerts to three servers and ends them at whichever.
type crowd struct {
	client *http.Client
	rng    *rand.Rand

	mu     sync.Mutex
	urls   []string
	alerts map[string]*one
}

func (c *crowd) post(ctx context.Context, url, name string, a *one, end time.Time) bool {
	body := []map[string]any{{
		"labels": map[string]string{"alertname": "X", "instance": name, "severity": "page"}, "startsAt": a.began, "endsAt": end,
	}}
	code, err := post(ctx, c.client, url+"/api/v2/alerts", body)
	return err == nil && code == http.StatusOK
}

// begin posts new alerts to one server, about 40 a second, until ctx ends.
func (c *crowd) begin(ctx context.Context, server int) {
	for n := 0; ctx.Err() == nil; n++ {
		c.mu.Lock()
		url := c.urls[server]
		c.mu.Unlock()
		name, a := fmt.Sprintf("%d-%d", server, n), &one{began: time.Now()}
		ok := c.post(ctx, url, name, a, time.Now().Add(time.Hour))
		c.mu.Lock()
		if ok {
			a.acked = time.Now()
			a.due = a.acked.Add(time.Duration(400+c.rng.IntN(4000)) * time.Millisecond)
			c.alerts[name] = a
		}
		c.mu.Unlock()
		<-time.After(25 * time.Millisecond) // an even load
	}
}

// end ends alerts at servers that answer, until ctx ends.
func (c *crowd) end(ctx context.Context) {
	for ctx.Err() == nil {
		c.mu.Lock()
		var names []string
		now := time.Now()
		for name, a := range c.alerts {
			if a.over.IsZero() && now.After(a.due) {
				names = append(names, name)
			}
		}
		url := c.urls[c.rng.IntN(len(c.urls))]
		c.mu.Unlock()
		for _, name := range names {
			c.mu.Lock()
			a := c.alerts[name]
			a.saidOver = true
			c.mu.Unlock()
			if !c.post(ctx, url, name, a, time.Now()) {
				break // another server is asked in the next round
			}
			c.mu.Lock()
			a.over = time.Now()
			c.mu.Unlock()
		}
		<-time.After(20 * time.Millisecond) // an even load
	}
}

// missing are the messages that are owed.
func (c *crowd) missing(h *hearing) (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, a := range c.alerts {
		if h.of(name+"/firing").n == 0 && h.of(name+"/resolved").n == 0 {
			out = append(out, name+"/firing")
		}
		if !a.over.IsZero() && h.of(name+"/resolved").n == 0 {
			out = append(out, name+"/resolved")
		}
	}
	return out
}

// stage is three servers on one PostgreSQL, a receiver and senders.
type stage struct {
	hear    *hearing
	crowd   *crowd
	servers []*process
	stop    context.CancelFunc
	wait    func()
}

func play(t *testing.T) *stage {
	t.Helper()
	database := postgres(t)
	s := &stage{hear: &hearing{told: map[string]told{}, slow: 3 * time.Millisecond}}
	hook := httptest.NewServer(s.hear)
	t.Cleanup(hook.Close)
	s.crowd = &crowd{client: &http.Client{Timeout: 4 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}, rng: rand.New(rand.NewPCG(30, 3)), alerts: map[string]*one{}}
	for range 3 {
		p := start(t, []string{binary(t), "alertmanager", "--native"}, fmt.Sprintf(crashConfig, hook.URL), filepath.Join(t.TempDir(), "data"), "--database="+database)
		s.servers = append(s.servers, p)
		s.crowd.urls = append(s.crowd.urls, p.url)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		var has []float64
		for _, p := range s.servers {
			has = append(has, p.metric("hinoban_alert_seats"))
		}
		if slices.Min(has) >= 10 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the work is not shared: %v\n%s", has, s.servers[2].errs)
		}
		<-time.After(50 * time.Millisecond) // waits for other processes
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range s.servers {
		wg.Go(func() { s.crowd.begin(ctx, i) })
	}
	wg.Go(func() { s.crowd.end(ctx) })
	s.stop, s.wait = cancel, wg.Wait
	t.Cleanup(cancel)
	return s
}

// silence posts a silence to one server and returns how long until all the others
// have it.
func (s *stage) silence(t *testing.T, at int) time.Duration {
	t.Helper()
	poster := &sender{client: s.crowd.client}
	poster.silence(t.Context(), s.servers[at].url)
	if len(poster.silences) != 1 {
		t.Fatal("the silence was not taken")
	}
	begin := time.Now()
	for _, p := range s.servers {
		for {
			res, err := http.Get(p.url + "/api/v2/silence/" + poster.silences[0])
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
			if time.Since(begin) > 10*time.Second {
				t.Fatalf("silence not seen: %d", res.StatusCode)
			}
			<-time.After(5 * time.Millisecond) // waits for another process
		}
	}
	return time.Since(begin)
}

// shares are the parts of the messages that each server sent.
func (s *stage) shares(t *testing.T) (out []float64) {
	t.Helper()
	var all float64
	for _, p := range s.servers {
		n := p.metricOf(`alertmanager_notifications_total{integration="webhook"}`)
		out = append(out, n)
		all += n
	}
	for i := range out {
		out[i] /= all
	}
	return out
}

// settle waits until all is told, and says what was lost or repeated.
func (s *stage) settle(t *testing.T, what string, from time.Time, allowed int) {
	t.Helper()
	s.stop()
	s.wait()
	for deadline := time.Now().Add(25 * time.Second); len(s.crowd.missing(s.hear)) > 0 && time.Now().Before(deadline); {
		<-time.After(50 * time.Millisecond) // waits for other processes
	}
	lost := s.crowd.missing(s.hear)
	if len(lost) > 0 {
		t.Errorf("%d of the messages lost: %v", len(lost), lost[:min(10, len(lost))])
	}
	repeated, which := s.hear.repeated()
	if repeated > allowed {
		t.Errorf("%d messages repeated, want at most %d: %v", repeated, allowed, which[:min(20, len(which))])
	}
	var waited, usual []time.Duration
	var last time.Time
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	ends := 0
	for name, a := range s.crowd.alerts {
		if !a.over.IsZero() {
			ends++
		}
		heard := s.hear.of(name + "/firing").first
		if heard.IsZero() {
			heard = s.hear.of(name + "/resolved").first
		}
		late := heard.Sub(a.began)
		if a.began.Before(from) {
			usual = append(usual, late)
			continue
		}
		waited = append(waited, late)
		if late > time.Second && heard.After(last) {
			last = heard
		}
	}
	slices.Sort(usual)
	slices.Sort(waited)
	half := func(list []time.Duration) time.Duration { return list[len(list)/2].Round(time.Millisecond) }
	figure(t, "%s: %d alerts and %d ends acknowledged, %d lost, %d messages repeated; before it alert to webhook p50 %s, p99 %s; after it p50 %s, max %s, the last that waited %.1f s after it",
		what, len(s.crowd.alerts), ends, len(lost), repeated, half(usual), usual[len(usual)*99/100].Round(time.Millisecond), half(waited), slices.Max(waited).Round(time.Millisecond), cmp.Or(last, from).Sub(from).Seconds())
}

// Three servers share the work on one PostgreSQL, and one is killed in the middle.
func TestServersOneIsKilled(t *testing.T) {
	s := play(t)
	<-time.After(3 * time.Second) // under load
	seen := s.silence(t, 0)
	if seen > time.Second {
		t.Errorf("a silence is seen after %s, want within a second", seen)
	}
	shares := s.shares(t)
	if slices.Min(shares) < 0.15 {
		t.Errorf("shares of the work: %.2f", shares)
	}
	figure(t, "shares of the messages: %.2f; a silence is seen by all after %s", shares, seen.Round(time.Millisecond))
	s.servers[2].kill()
	killed := time.Now()
	s.crowd.mu.Lock()
	s.crowd.urls[2] = s.crowd.urls[0] // its senders go elsewhere
	s.crowd.mu.Unlock()
	<-time.After(14 * time.Second) // under load, until others have taken over
	s.settle(t, "kill -9 of one of three", killed, 16)
	if n := s.servers[0].metric("hinoban_alert_seats") + s.servers[1].metric("hinoban_alert_seats"); n != 32 {
		t.Errorf("the survivors have %v of 32 parts of the work", n)
	}
}

// One of three stands still for longer than its leases last, and goes on.
func TestServersOneIsPaused(t *testing.T) {
	s := play(t)
	<-time.After(3 * time.Second) // under load
	paused := time.Now()
	if err := s.servers[2].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	<-time.After(15 * time.Second) // longer than its leases last
	if err := s.servers[2].cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	<-time.After(5 * time.Second) // it takes its part again
	s.settle(t, "SIGSTOP of one of three for 15 s", paused, 16)
	if n := s.servers[2].metric("hinoban_alert_seats"); n < 10 {
		t.Errorf("it has %v of 32 parts of the work, want its share again", n)
	}
	figure(t, "writes refused after the pause: %s", strconv.FormatFloat(s.servers[2].metric("hinoban_alert_fenced_total"), 'f', -1, 64))
}

// serve starts hinoban serve on a shared database.
func serve(t *testing.T, database, metrics string) *process {
	t.Helper()
	addr := freePort(t)
	p := &process{tb: t, url: "http://" + addr, errs: &bytes.Buffer{}}
	p.cmd = exec.CommandContext(context.Background(), binary(t), "serve", "--listen", addr, "--data", filepath.Join(t.TempDir(), "data"), "--database", database, "--metrics-url", metrics) //nolint:gosec // what the test starts
	p.cmd.Stderr, p.cmd.Stdout = p.errs, p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	for deadline := time.Now().Add(30 * time.Second); ; {
		if res, err := http.Get(p.url + "/healthz"); err == nil {
			res.Body.Close()
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("not there:\n%s", p.errs)
		}
		<-time.After(20 * time.Millisecond) // waits for another process
	}
}

// inboxHas waits until a server's inbox has an alert, and returns how long it took.
func inboxHas(t *testing.T, p *process, rule string, most time.Duration) time.Duration {
	t.Helper()
	begin := time.Now()
	for time.Since(begin) < most {
		res, err := http.Get(p.url + "/api/v1/alerts")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), `"`+rule+`"`) {
			return time.Since(begin)
		}
		<-time.After(50 * time.Millisecond) // waits for another process
	}
	t.Errorf("%s is not in the inbox after %s", rule, most)
	return most
}

// Of two servers of the whole house one leads. When it is killed the other does
// what only one may do.
func TestServersOfServe(t *testing.T) {
	database := postgres(t)
	prom := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	}))
	defer prom.Close()
	first := serve(t, database, prom.URL)
	second := serve(t, database, prom.URL)
	for deadline := time.Now().Add(10 * time.Second); first.metric("hinoban_leader") == 0 || second.metric("hinoban_servers") < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("nobody leads:\n%s", first.errs)
		}
		<-time.After(50 * time.Millisecond) // waits for other processes
	}
	say := func(name string) {
		t.Helper()
		now := time.Now()
		body := []map[string]any{{"labels": map[string]string{"alertname": name, "severity": "page", "service": "shop"}, "startsAt": now, "endsAt": now.Add(time.Hour)}}
		if code, err := post(t.Context(), http.DefaultClient, second.url+"/api/v2/alerts", body); err != nil || code != http.StatusOK {
			t.Fatalf("post: %d, %v", code, err)
		}
	}
	say("Before")
	brought := inboxHas(t, second, "Before", 5*time.Second)
	first.kill()
	killed := time.Now()
	say("After")
	inboxHas(t, second, "After", 20*time.Second)
	if n := second.metric("hinoban_leader"); n != 1 {
		t.Errorf("the survivor leads: %v", n)
	}
	figure(t, "serve: an alert posted to one that does not lead is in the inbox after %s; after kill -9 of the leader the next one leads and brings it after %.1f s", brought.Round(time.Millisecond), time.Since(killed).Seconds())
}

// How fast one server, and three, take alerts on one PostgreSQL.
func TestFiguresServers(t *testing.T) {
	if os.Getenv("HINOBAN_FIGURES") == "" {
		t.Skip("set HINOBAN_FIGURES=1: it measures")
	}
	const total, size = 20_000, 64
	for _, n := range []int{1, 3} {
		database := postgres(t)
		var urls []string
		var all []*process
		for range n {
			p := start(t, []string{binary(t), "alertmanager", "--native"}, fmt.Sprintf(quiet, "http://127.0.0.1:1/"), filepath.Join(t.TempDir(), "data"), "--database="+database)
			urls, all = append(urls, p.url), append(all, p)
		}
		now := time.Now()
		bodies := make([][][]byte, n)
		for i, b := 0, 0; i < total; i, b = i+size, b+1 {
			bodies[b%n] = append(bodies[b%n], batchOf(i, min(size, total-i), now))
		}
		var wg sync.WaitGroup
		begin := time.Now()
		for i, url := range urls {
			wg.Go(func() { flood(t, url, bodies[i], 16/n) })
		}
		wg.Wait()
		took := time.Since(begin)
		figure(t, "%d server(s) on one PostgreSQL take %.0f alerts/s, new, in batches of %d", n, total/took.Seconds(), size)
		for _, p := range all {
			p.kill()
		}
	}
}
