// Package pager_test kills the pager, and looks whether people are paged all the
// same.
package pager_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pair starts a server and its buddy.
func pair(t *testing.T, l *told, more ...string) (server, buddy *host) {
	t.Helper()
	server = newHost(t, "serve", "--config", l.documents(t), "--log-level", "warn").start()
	buddy = newHost(t, append([]string{"buddy", "--of", server.url}, more...)...).start()
	return server, buddy
}

// The server is killed. Its buddy says so, takes what senders post, and pages; when
// the server is back, everything is there once, and what was answered stays so.
func TestTheBuddyPagesWhenTheServerIsDead(t *testing.T) {
	deadAfter, most := 2*time.Second, 40*time.Second
	var flags []string
	if os.Getenv("HINOBAN_FIGURES") != "" {
		deadAfter, most = 45*time.Second, 60*time.Second // the defaults, and what they promise
	} else {
		flags = []string{"--dead-after", deadAfter.String()}
	}
	l := newTold(t)
	server, buddy := pair(t, l, flags...)
	keys := map[string]string{}
	for _, name := range []string{"shop", "cart", "pay", "quiet"} {
		keys[name] = server.source(name)
	}
	server.silence("quiet")
	if !server.send(keys["shop"], "trigger", "a", "disk full at shop", "critical") {
		t.Fatal("the server does not take an event")
	}
	server.eventually(30*time.Second, "the server pages", func() bool { return l.count("page", "disk full at shop") == 1 })
	server.eventually(time.Minute, "the buddy knows of it", func() bool { s := buddy.status(); return s.OpenPages == 1 && s.OpenAlerts == 1 && s.Sources == 4 })
	// A sender that knows only the buddy reaches the server.
	if !buddy.send(keys["shop"], "trigger", "a2", "shop again", "warning") || len(server.alerts("shop")) != 2 {
		t.Error("the buddy does not pass on what a sender posts")
	}
	buddy.eventually(time.Minute, "the buddy knows of that too", func() bool { return buddy.status().OpenAlerts == 2 })

	died := time.Now()
	server.end(syscall.SIGKILL)
	for _, name := range []string{"quiet", "cart", "pay"} {
		if !buddy.send(keys[name], "trigger", "b", "disk full at "+name, "critical") {
			t.Errorf("the buddy does not take an event of %s", name)
		}
	}
	buddy.eventually(most, "it is told that the pager is dead", func() bool { return l.count("page", "our pager is dead: "+server.url) == 1 })
	t.Logf("FIGURE with --dead-after %s the receiver had the page about the dead pager %s after kill -9", deadAfter, l.when("our pager is dead").Sub(died).Round(10*time.Millisecond))
	for _, name := range []string{"cart", "pay"} {
		buddy.eventually(30*time.Second, "the buddy pages for "+name, func() bool { return l.count("page", "disk full at "+name) == 1 })
	}
	buddy.answer(t, "cart")
	if !buddy.send(keys["pay"], "resolve", "b", "", "") || !buddy.send(keys["shop"], "acknowledge", "a", "", "") {
		t.Error("the buddy does not take what ends or answers")
	}
	buddy.eventually(30*time.Second, "the end is told", func() bool { return l.count("resolved", "disk full at pay") == 1 })

	// The buddy itself dies too, and goes on from its disk.
	buddy.end(syscall.SIGKILL)
	buddy.start()
	if s := buddy.status(); s.Role != "active" || s.Sources != 4 || s.Documents == 0 {
		t.Errorf("after its own death the buddy is %+v, want active with its plan", s)
	}

	server.start()
	back := time.Now()
	buddy.eventually(90*time.Second, "the buddy hands back", buddy.roleIs("passive"))
	t.Logf("FIGURE handed back %s after the server answered again", time.Since(back).Round(10*time.Millisecond))
	checkAfterwards(t, server, l)
}

// answer answers the page of a service on this host.
func (h *host) answer(t *testing.T, service string) {
	t.Helper()
	var out struct {
		Pages []struct{ ID, Service, State string }
	}
	if err := h.api.Get(t.Context(), "/api/v1/pages", &out); err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Pages {
		if p.Service == service && p.State == "calling" {
			if err := h.api.Post(t.Context(), "/api/v1/pages/"+p.ID+"/ack", map[string]string{"as": "aoi"}, nil); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Errorf("no page of %s calls: %+v", service, out.Pages)
}

func checkAfterwards(t *testing.T, server *host, l *told) {
	t.Helper()
	server.eventually(30*time.Second, "the server says that it lives", func() bool { return l.count("resolved", "our pager is dead") == 1 })
	cart, pay, shop := server.alerts("cart"), server.alerts("pay"), server.alerts("shop")
	if len(cart) != 1 || cart[0].AckedBy != "aoi" || !cart[0].ResolvedAt.IsZero() {
		t.Errorf("cart: got %+v, want one alert that aoi has", cart)
	}
	if len(pay) != 1 || pay[0].ResolvedAt.IsZero() {
		t.Errorf("pay: got %+v, want one alert that is over", pay)
	}
	acked := 0
	for _, a := range shop {
		if a.AckedBy != "" {
			acked++
		}
	}
	if len(shop) != 2 || acked != 1 {
		t.Errorf("shop: got %+v, want two alerts, one of them answered", shop)
	}
	if dead := server.alerts("hinoban"); len(dead) != 1 || dead[0].ResolvedAt.IsZero() {
		t.Errorf("pager-dead: got %+v, want one that is over", dead)
	}
	var log struct{ Records []struct{ Name string } }
	if err := server.api.Get(t.Context(), "/api/v1/log", &log, "limit", "200", "subject", "buddy"); err != nil {
		t.Fatal(err)
	}
	if said := fmt.Sprint(log.Records); !strings.Contains(said, "oncall.buddy_took_over") || !strings.Contains(said, "oncall.buddy_handed_back") {
		t.Errorf("the log has %s", said)
	}
	if quiet := server.alerts("quiet"); len(quiet) != 1 || l.count("page", "disk full at quiet") != 0 {
		t.Errorf("quiet: got %+v and %d pages, want one alert that wakes nobody", quiet, l.count("page", "disk full at quiet"))
	}
	<-time.After(3 * time.Second) // for a page that must not come
	for _, text := range []string{"disk full at shop", "disk full at cart", "disk full at pay", "our pager is dead"} {
		if n := l.count("page", text); n != 1 {
			t.Errorf("%q was paged %d times, want once", text, n)
		}
	}
}

// The server is taken down on purpose while a sender posts all the time: what was
// taken is there, once.
func TestAPlannedTakeoverLosesNothing(t *testing.T) {
	l := newTold(t)
	server, buddy := pair(t, l, "--dead-after", "5s")
	key := server.source("shop")
	buddy.eventually(time.Minute, "the buddy has the plan", func() bool { return buddy.status().Sources == 1 })
	s := &steadySender{stop: make(chan struct{}), hosts: []*host{server, buddy}, key: key}
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() { s.work(n) })
	}
	grow := func() {
		t.Helper()
		was := s.number()
		server.eventually(time.Minute, "events are taken", func() bool { return s.number() >= was+20 })
	}
	grow()
	planned(t, server, "takeover")
	grow()
	if !buddy.roleIs("active")() {
		t.Error("after the takeover the buddy does not page")
	}
	server.end(syscall.SIGTERM)
	grow()
	server.start()
	grow()
	planned(t, server, "giveback")
	grow()
	close(s.stop)
	wg.Wait()
	buddy.eventually(time.Minute, "the buddy holds nothing", buddy.roleIs("passive"))
	there := map[string]int{}
	for _, a := range server.alerts("shop") {
		there[a.Summary]++
	}
	lost := 0
	for _, summary := range s.taken {
		if there[summary] != 1 {
			lost++
			t.Errorf("%s is there %d times", summary, there[summary])
		}
	}
	if n := l.count("page", "our pager is dead"); n != 0 {
		t.Errorf("a planned takeover paged %d times that the pager is dead", n)
	}
	t.Logf("FIGURE planned takeover, restart and giveback under load: %d events taken, %d lost or doubled, %d posts refused and sent again", len(s.taken), lost, s.refused)
}

// planned runs hinoban buddy takeover, or giveback.
func planned(t *testing.T, server *host, verb string) {
	t.Helper()
	path, err := buddyBinary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "buddy", verb, "--of", server.url) //nolint:gosec // what the test built
	cmd.Env = append(os.Environ(), "HINOBAN_BUDDY_SECRET="+buddySecret)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", verb, err, out)
	}
	t.Logf("FIGURE %s took %s", verb, time.Since(began).Round(10*time.Millisecond))
}

// steadySender posts to one host, and where that does not take it, to the other.
type steadySender struct {
	stop  chan struct{}
	hosts []*host
	key   string

	mu      sync.Mutex
	taken   []string
	refused int
}

func (s *steadySender) number() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taken)
}

func (s *steadySender) work(n int) {
	for i := 0; ; i++ {
		select {
		case <-s.stop:
			return
		case <-time.After(15 * time.Millisecond):
		}
		name := fmt.Sprintf("event %d-%d", n, i)
		for try := n; !s.hosts[try%2].send(s.key, "trigger", name, name, "warning"); try++ {
			s.mu.Lock()
			s.refused++
			s.mu.Unlock()
			<-time.After(20 * time.Millisecond) // as senders do
		}
		s.mu.Lock()
		s.taken = append(s.taken, name)
		s.mu.Unlock()
	}
}

// Whoever does not know the secret gets nothing, and a server without one has no
// such door.
func TestTheDoorsOfABuddyAreClosed(t *testing.T) {
	l := newTold(t)
	server, _ := pair(t, l, "--dead-after", "5s")
	for _, path := range []string{"GET /api/v1/buddy/plan", "GET /api/v1/buddy/heartbeat", "POST /api/v1/buddy/handover", "POST /api/v1/buddy/takeover", "POST /api/v1/buddy/giveback"} {
		method, path, _ := strings.Cut(path, " ")
		for _, bearer := range []string{"", "Bearer hbb_wrong"} {
			req, err := http.NewRequestWithContext(t.Context(), method, server.url+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", bearer)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s: got %d, want 401", method, path, res.StatusCode)
			}
		}
	}
}

// A server that stands still is as good as dead, and comes back in the middle of
// what it did.
func TestAServerThatHangsIsReplaced(t *testing.T) {
	l := newTold(t)
	server, buddy := pair(t, l, "--dead-after", "3s")
	key := server.source("shop")
	buddy.eventually(time.Minute, "the buddy has the plan", func() bool { return buddy.status().Sources == 1 })
	if err := server.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if !buddy.send(key, "trigger", "a", "disk full at shop", "critical") {
		t.Error("the buddy does not take an event while the server hangs")
	}
	buddy.eventually(time.Minute, "the buddy pages", func() bool {
		return l.count("page", "our pager is dead") == 1 && l.count("page", "disk full at shop") == 1
	})
	if err := server.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	buddy.eventually(time.Minute, "the buddy hands back", buddy.roleIs("passive"))
	server.eventually(time.Minute, "the server says that it lives", func() bool { return l.count("resolved", "our pager is dead") == 1 })
	if all := server.alerts("shop"); len(all) != 1 {
		t.Errorf("shop: got %+v, want one alert", all)
	}
	if n := l.count("page", "disk full at shop"); n != 1 {
		t.Errorf("it was paged %d times, want once", n)
	}
}
