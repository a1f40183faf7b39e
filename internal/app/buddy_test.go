package app

import (
	"bytes"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

const pairSecret = "0123456789abcdef0123456789abcdef"

// pairHost is one of a pair, not running: its handler answers on loopback.
func pairHost(t *testing.T, change func(*Config)) (*App, string) {
	t.Helper()
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.Auth.Mode, cfg.Buddy.Secret = t.TempDir(), "127.0.0.1:0", auth.On, pairSecret
	change(&cfg)
	a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	srv := &httptest.Server{Listener: a.listener, Config: &http.Server{Handler: a.handler, ReadHeaderTimeout: time.Second}}
	srv.Start()
	t.Cleanup(srv.Close)
	return a, srv.URL
}

func (a *App) says(method, path, bearer, call string, body []byte) int {
	r := httptest.NewRequest(method, "http://hinoban.example"+path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set(buddy.CallHeader, call)
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w.Code
}

func TestACallOfTheBuddyCountsOnceAndForItsRequest(t *testing.T) {
	a, _ := pairHost(t, func(*Config) {})
	k, err := buddy.NewKeys(pairSecret)
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, path string, count int64, body []byte) string {
		t.Helper()
		h, err := k.Header(buddy.Call{From: "buddy", Method: method, Path: path, Body: buddy.BodySum(body), Count: count, Role: buddy.Passive})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	const beat, plan, hand = "/api/v1/buddy/heartbeat", "/api/v1/buddy/plan", "/api/v1/buddy/handover"
	first := call("GET", beat, 1, nil)
	for _, tt := range []struct {
		name, method, path, bearer, call string
		body                             []byte
		want                             int
	}{
		{"a call", "GET", beat, k.Bearer(), first, nil, 200},
		{"the same again", "GET", beat, k.Bearer(), first, nil, 403},
		{"for another path", "GET", plan, k.Bearer(), call("GET", beat, 2, nil), nil, 403},
		{"with another body", "POST", hand, k.Bearer(), call("POST", hand, 3, []byte("{}")), []byte(`{"last":true}`), 403},
		{"without a call", "GET", plan, k.Bearer(), "", nil, 403},
		{"another bearer", "GET", plan, "hbb_x", call("GET", plan, 4, nil), nil, 401},
		{"an older number", "GET", plan, k.Bearer(), call("GET", plan, 1, nil), nil, 403},
		{"the plan", "GET", plan, k.Bearer(), call("GET", plan, 5, nil), nil, 200},
		{"back with nothing", "POST", hand, k.Bearer(), call("POST", hand, 6, []byte("{}")), []byte("{}"), 200},
	} {
		if got := a.says(tt.method, tt.path, tt.bearer, tt.call, tt.body); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	// What was counted is on disk: a recording is none the better for a restart.
	again := &pairedServer{pair: a.paired.pair, counts: buddy.Counts{}}
	if err := again.open(t.Context()); err != nil || again.counts["buddy"] < 6 {
		t.Errorf("after a restart: %v, %v", again.counts, err)
	}
}

func TestWithoutASecretThereIsNoDoor(t *testing.T) {
	a := listening(t, t.TempDir())
	if got := a.says("GET", "/api/v1/buddy/heartbeat", "hbb_x", "", nil); got != http.StatusNotFound {
		t.Errorf("got %d, want 404", got)
	}
}

// The keys of senders open the same doors on the buddy, and lie nowhere in clear.
func TestThePlanIsSealedOnTheBuddy(t *testing.T) {
	server, url := pairHost(t, func(*Config) {})
	key := server.sourceOf(t, "pd", ingest.PagerDuty)
	standby, _ := pairHost(t, func(c *Config) { c.Buddy.Of = url })
	if src, keys, err := standby.sources.Find(t.Context(), key, ingest.PagerDuty); err != nil || src.Name != "pd" || keys.Key != key {
		t.Errorf("the source on the buddy: %+v, %v", src, err)
	}
	if !bytes.Equal(standby.derive("oncall.answer"), server.derive("oncall.answer")) || bytes.Equal(standby.derive("alert.judge"), server.derive("alert.judge")) {
		t.Error("the two do not share the keys of links, and no others")
	}
	err := filepath.WalkDir(standby.cfg.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(b, []byte(key)) || bytes.Contains(b, []byte(pairSecret)) {
			t.Errorf("%s tells a key", filepath.Base(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPairThatCannotWorkIsRefused(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*Config)
		kind   errs.Kind
		says   string
	}{
		"a short secret":     {func(c *Config) { c.Buddy.Secret = "short" }, errs.Invalid, "characters"},
		"no secret":          {func(c *Config) { c.Buddy.Secret, c.Buddy.Of = "", "http://x" }, errs.Invalid, "HINOBAN_BUDDY_SECRET"},
		"slow to notice":     {func(c *Config) { c.Buddy.Of, c.Buddy.DeadAfter = "http://x", 2*time.Minute }, errs.Invalid, "dead after"},
		"PostgreSQL":         {func(c *Config) { c.Database = "postgres://x" }, errs.Invalid, "PostgreSQL"},
		"no server, no plan": {func(c *Config) { c.Buddy.Of = nobody }, errs.Unavailable, "first plan"},
	} {
		cfg := Default()
		cfg.Data, cfg.Listen, cfg.Buddy.Secret = t.TempDir(), "127.0.0.1:0", pairSecret
		tt.change(&cfg)
		a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
		if a != nil {
			_ = a.Close()
		}
		if errs.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %v that says %q", name, err, tt.kind, tt.says)
		}
	}
}
