package app

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/oncall/hookout"
)

// A page is told to a program that was written for PagerDuty: signed, in order, and
// with the people whom it concerns.
func TestPagesAreToldAsPagerDutyTells(t *testing.T) {
	const secret = "a-secret-of-the-receiver"
	t.Setenv("HINOBAN_HOOK_TEST", secret)
	var mu sync.Mutex
	var heard []string
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if got := r.Header.Get("X-PagerDuty-Signature"); got != hookout.Signature(secret, body) {
			t.Errorf("signature %q", got)
		}
		if r.Header.Get("X-Webhook-Id") == "" || r.Header.Get("X-Webhook-Subscription") != "bot" || r.Header.Get("User-Agent") == "" {
			t.Errorf("headers: %v", r.Header)
		}
		var in struct {
			Event struct {
				Type string `json:"event_type"`
				Data struct {
					Status    string `json:"status"`
					Title     string `json:"title"`
					Assignees []struct{ ID string }
				} `json:"data"`
			} `json:"event"`
		}
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, fmt.Sprint(in.Event.Type, " ", in.Event.Data.Status, " ", in.Event.Data.Title, " ", in.Event.Data.Assignees))
	}))
	defer receiver.Close()
	folder := t.TempDir()
	text := fmt.Sprintf(`apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi}
spec: {email: aoi@example.org, devices: [{channel: inbox}]}
---
apiVersion: hinoban/v1
kind: Escalation
metadata: {name: all}
spec: {default: true, steps: [{people: [aoi], wait: 5m}]}
---
apiVersion: hinoban/v1
kind: WebhookSubscription
metadata: {name: bot}
spec: {url: "%s/hook", secretEnv: HINOBAN_HOOK_TEST}
---
apiVersion: hinoban/v1
kind: WebhookSubscription
metadata: {name: forgotten}
spec: {url: "%s/hook", secretEnv: HINOBAN_HOOK_THAT_NOBODY_SET}
`, receiver.URL, receiver.URL)
	if err := os.WriteFile(filepath.Join(folder, "all.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.BaseURL, cfg.Folder = t.TempDir(), "127.0.0.1:0", "http://127.0.0.1:8119", folder
	cfg.Webhook.AllowPrivate = true
	a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	key := a.sourceOf(t, "pd", ingest.PagerDuty)
	round := func() {
		t.Helper()
		a.hear(t)
		if err := a.hooks.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.hooks.Drain()
	}
	round()
	for _, action := range []string{"trigger", "acknowledge", "resolve"} {
		body := fmt.Sprintf(`{"routing_key":"%s","event_action":"%s","dedup_key":"k","payload":{"summary":"disk full","source":"db","severity":"critical"}}`, key, action)
		if w := post(a, "/v2/enqueue", body); w.Code != http.StatusAccepted {
			t.Fatalf("%s: %d %s", action, w.Code, w.Body)
		}
		round()
	}
	want := "incident.triggered triggered disk full [{aoi}]; incident.acknowledged acknowledged disk full [{pd}]; incident.resolved resolved disk full []"
	if got := strings.Join(heard, "; "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	state, err := a.hookState(t.Context(), nil)
	if err != nil || len(state.Hooks) != 2 {
		t.Fatalf("got %+v, %v", state, err)
	}
	if s := state.Hooks[0]; s.Waiting != 0 || s.Last == nil || s.Last.Status != 200 || s.Last.Type != hookout.Resolved || !s.Signed {
		t.Errorf("got %+v", s)
	}
	if s := state.Hooks[1]; s.Waiting != 3 || s.Last == nil || !strings.Contains(s.Last.Error, "HINOBAN_HOOK_THAT_NOBODY_SET") {
		t.Errorf("without its secret: got %+v", s)
	}
}
