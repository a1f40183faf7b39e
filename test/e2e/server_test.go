package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// binary builds the product once for all tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hinoban-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "hinoban")
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "../../cmd/hinoban").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path)) // a temporary folder
	}
	os.Exit(code)
}

// server is one process of the product.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	api  *client.Client
	data string
	out  *bytes.Buffer
	done chan struct{}
}

// launch starts the product on data with further arguments and waits until it
// answers. It is killed at the end of the test.
func launch(t *testing.T, data string, args ...string) *server {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	s := &server{t: t, url: "http://" + addr, data: data, out: &bytes.Buffer{}, done: make(chan struct{})}
	s.api = client.New(s.url, "")
	s.cmd = exec.Command(path, append([]string{"serve", "--listen", addr, "--data", data, "--allow-private-webhooks", "--log-level", "warn"}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is seen by whoever asks it
		close(s.done)
	}()
	t.Cleanup(s.kill)
	for range 400 {
		select {
		case <-s.done:
			t.Fatalf("the server ended:\n%s", s.out)
		case <-time.After(20 * time.Millisecond):
		}
		if res, err := http.Get(s.url + "/healthz"); err == nil {
			_ = res.Body.Close()
			return s
		}
	}
	t.Fatalf("the server does not answer:\n%s", s.out)
	return nil
}

// kill ends the process at once, as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL) // it may be gone already
	<-s.done
}

// ready returns what /readyz says.
func (s *server) ready() (httpd.Health, error) {
	var h httpd.Health
	err := s.api.Get(context.Background(), "/readyz", &h)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Status == http.StatusServiceUnavailable {
		return h, nil
	}
	return h, err
}

// check returns what one check of /readyz says; "" where it is well.
func (s *server) check(name string) string {
	res, err := http.Get(s.url + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	var h httpd.Health
	if err := decode(res.Body, &h); err != nil {
		return err.Error()
	}
	for _, c := range h.Checks {
		if c.Name == name && !c.OK {
			return c.Detail
		}
	}
	return ""
}

// config writes files into a fresh folder and returns it.
func config(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// within waits until ok, at most for d.
func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(d)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", d, what)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// people is one person with one webhook, and an escalation that covers all.
func people(webhook string) string {
	return strings.ReplaceAll(`
apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi}
spec:
  devices: [{channel: webhook, address: "WEBHOOK"}]
---
apiVersion: hinoban/v1
kind: Team
metadata: {name: shop}
spec: {members: [aoi]}
---
apiVersion: hinoban/v1
kind: Service
metadata: {name: api}
spec: {team: shop, tier: 1}
---
apiVersion: hinoban/v1
kind: Escalation
metadata: {name: all}
spec: {default: true, steps: [{people: [aoi], wait: 12h}]}
`, "WEBHOOK", webhook)
}
