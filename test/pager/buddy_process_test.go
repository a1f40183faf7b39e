package pager_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hinoban/hinoban/client"
)

const buddySecret = "a secret that both hosts of the test know"

// buddyBinary builds the product once for the tests of pairs.
var buddyBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hinoban-pager-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "hinoban")
	out, err := exec.Command("go", "build", "-o", path, "github.com/hinoban/hinoban/cmd/hinoban").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := buddyBinary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path)) // a temporary folder
	}
	os.Exit(code)
}

// host is one process of a pair.
type host struct {
	t    *testing.T
	addr string
	url  string
	api  *client.Client
	args []string
	// plain is a host that knows of no buddy.
	plain bool
	cmd   *exec.Cmd
	out   *bytes.Buffer
	done  chan struct{}
}

func newHost(t *testing.T, args ...string) *host {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, addr: addr, url: "http://" + addr}
	h.api = client.New(h.url, "")
	h.args = append(slices.Clone(args), "--listen", addr, "--data", filepath.Join(t.TempDir(), "data"), "--allow-private-webhooks")
	return h
}

// start starts the host, again or for the first time, and waits until it answers.
func (h *host) start() *host {
	h.t.Helper()
	path, err := buddyBinary()
	if err != nil {
		h.t.Fatal(err)
	}
	h.cmd = exec.Command(path, h.args...) //nolint:gosec // what the test starts
	h.cmd.Env = os.Environ()
	if !h.plain {
		h.cmd.Env = append(h.cmd.Env, "HINOBAN_BUDDY_SECRET="+buddySecret)
	}
	h.out, h.done = &bytes.Buffer{}, make(chan struct{})
	h.cmd.Stdout, h.cmd.Stderr = h.out, h.out
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	cmd, done := h.cmd, h.done
	go func() {
		_ = cmd.Wait() // how it ended is seen by whoever asks
		close(done)
	}()
	h.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL) // it may be gone already
		<-done
		if h.t.Failed() {
			h.t.Logf("%s said:\n%s", h.url, h.out)
		}
	})
	h.eventually(time.Minute, "it answers", func() bool {
		select {
		case <-done:
			h.t.Fatalf("the process ended:\n%s", h.out)
		default:
		}
		res, err := http.Get(h.url + "/healthz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return true
	})
	return h
}

func (h *host) end(sig os.Signal) {
	_ = h.cmd.Process.Signal(sig) // it may be gone already
	<-h.done
}

func (h *host) eventually(d time.Duration, what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(d); !ok(); {
		if time.Now().After(end) {
			h.t.Fatalf("not within %s: %s", d, what)
		}
		<-time.After(20 * time.Millisecond) // waits for another process
	}
}

type buddyStatus struct {
	Role       string
	PlanAge    float64 `json:"plan_age_seconds"`
	Sources    int
	OpenPages  int `json:"open_pages"`
	OpenAlerts int `json:"open_alerts"`
	Documents  int
	MayHold    bool `json:"may_hold"`
}

func (h *host) status() (s buddyStatus) {
	if err := h.api.Get(h.t.Context(), "/api/v1/buddy/status", &s); err != nil {
		return buddyStatus{}
	}
	return s
}

func (h *host) roleIs(role string) func() bool {
	return func() bool { s := h.status(); return s.Role == role && (role == "active" || !s.MayHold) }
}

// source makes a source of PagerDuty events and returns its key.
func (h *host) source(name string) string {
	h.t.Helper()
	var out struct{ Key string }
	if err := h.api.Post(h.t.Context(), "/api/v1/sources", map[string]string{"name": name, "kind": "pagerduty", "service": name}, &out); err != nil {
		h.t.Fatal(err)
	}
	return out.Key
}

// silence silences a service for an hour.
func (h *host) silence(service string) {
	h.t.Helper()
	now := time.Now().UTC()
	err := h.api.Post(h.t.Context(), "/api/v2/silences", map[string]any{
		"matchers": []map[string]any{{"name": "service", "value": service, "isRegex": false}}, "startsAt": now, "endsAt": now.Add(time.Hour), "createdBy": "aoi", "comment": "work",
	}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
}

// send posts one event and reports whether it was taken.
func (h *host) send(key, action, dedup, summary, severity string) bool {
	body, err := json.Marshal(map[string]any{
		"routing_key": key, "event_action": action, "dedup_key": dedup, "payload": map[string]string{"summary": summary, "source": "host-1", "severity": severity},
	})
	if err != nil {
		return false
	}
	c := http.Client{Timeout: 15 * time.Second}
	res, err := c.Post(h.url+"/v2/enqueue", "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusAccepted
}

type alertRow struct {
	ID         string
	Service    string
	Summary    string
	Count      int
	AckedBy    string    `json:"acked_by"`
	ResolvedAt time.Time `json:"resolved_at"`
}

// alerts are those of a service, all of them.
func (h *host) alerts(service string) []alertRow {
	h.t.Helper()
	var all []alertRow
	after := ""
	for {
		var out struct {
			Alerts []alertRow
			Next   string
		}
		if err := h.api.Get(h.t.Context(), "/api/v1/alerts", &out, "service", service, "state", "all", "limit", "400", "after", after); err != nil {
			h.t.Fatal(err)
		}
		if all, after = append(all, out.Alerts...), out.Next; after == "" || len(out.Alerts) == 0 {
			return all
		}
	}
}

// told is a receiver of webhooks, and what it was told.
type told struct {
	mu   sync.Mutex
	all  []string
	kind []string
	at   []time.Time
	url  string
}

func newTold(t *testing.T) *told {
	t.Helper()
	l := &told{}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		var m struct{ ID, Kind, Title, Body string }
		if errors.Join(err, json.Unmarshal(b, &m)) != nil {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all, l.kind, l.at = append(l.all, m.Title+"\n"+m.Body), append(l.kind, m.Kind), append(l.at, time.Now())
	}))
	t.Cleanup(srv.Close)
	l.url = srv.URL
	return l
}

// count is how many messages of a kind say something.
func (l *told) count(kind, text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, m := range l.all {
		if l.kind[i] == kind && strings.Contains(m, text) {
			n++
		}
	}
	return n
}

func (l *told) when(text string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, m := range l.all {
		if strings.Contains(m, text) {
			return l.at[i]
		}
	}
	return time.Time{}
}

// documents are a person with a webhook and one escalation, in a folder.
func (l *told) documents(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi}
spec:
  devices: [{channel: webhook, address: "%s"}]
---
apiVersion: hinoban/v1
kind: Escalation
metadata: {name: all}
spec: {default: true, steps: [{people: [aoi], wait: 12h}]}
`, l.url)
	if err := os.WriteFile(filepath.Join(dir, "team.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
