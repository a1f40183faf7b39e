package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// A fault made on purpose goes the way of every alert, is measured at each stage, and
// wakes nobody.
func TestACanaryArrivesAndWakesNobody(t *testing.T) {
	e := &echo{}
	hook := httptest.NewServer(e)
	defer hook.Close()
	var pings atomic.Int64
	deadman := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { pings.Add(1) }))
	defer deadman.Close()
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.Folder, cfg.Auth.Mode, cfg.Webhook.AllowPrivate = t.TempDir(), "127.0.0.1:0", t.TempDir(), auth.Off, true
	for name, text := range map[string]string{
		"alertmanager.yml": fmt.Sprintf(routesFile, hook.URL),
		"canary.yaml":      fmt.Sprintf("apiVersion: hinoban/v1\nkind: Canary\nmetadata: {name: shop}\nspec: {urgency: page, deadman: %q}\n", deadman.URL),
	} {
		if err := os.WriteFile(filepath.Join(cfg.Folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.canaries.pace = canaryPace{tick: 250 * time.Millisecond, rest: 2 * time.Second, settle: 5 * time.Second}
	quick := a.canaries.list()
	quick[0].Every, quick[0].Min, quick[0].Max = time.Second, 2*time.Second, 2*time.Second
	a.canaries.use(quick)
	a.putRules(a.rules.set.Load())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	var got struct{ Canaries []canary.Summary }
	eventually(t, "a canary arrives", func() bool {
		w := fetch(a, "/api/v1/canaries", "en")
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return len(got.Canaries) == 1 && got.Canaries[0].Arrived > 0
	})
	if !strings.Contains(e.text(), "rest firing /"+canary.Rule) || pings.Load() == 0 {
		t.Errorf("the webhook heard %s; %d pings", e.text(), pings.Load())
	}
	one := got.Canaries[0]
	if one.Last.IsZero() || len(one.Ways) != 1 || one.Ways[0].Receiver != "rest/webhook[0]" || len(one.Ways[0].Stages) != 5 {
		t.Fatalf("got %+v", one)
	}
	total := one.Ways[0].Stages[4]
	if total.Stage != canary.Total || total.N == 0 || total.P99 <= 0 || total.P99 > 10 {
		t.Errorf("got %+v", one.Ways[0])
	}
	t.Logf("measured: %+v", one.Ways[0].Stages)
	eventually(t, "the alert is over with the fault", func() bool {
		x, ok := a.one(t, alert.Query{Rule: canary.Rule, State: alert.Resolved})
		return ok && x.Severity == alert.Page
	})
	// On-call has heard of what came before this.
	if _, err := a.inbox.Take(t.Context(), alert.Signal{ID: "real", Firing: true, Source: "api", Service: "cart", Rule: "real", Severity: alert.Page, Summary: "real", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var pages []event.Record
	eventually(t, "the real alert pages", func() bool {
		pages, err = a.bus.Events(t.Context(), event.Query{Names: []string{oncall.PageOpened{}.EventName()}})
		return err == nil && len(pages) > 0
	})
	if len(pages) != 1 || pages[0].Service != "cart" {
		t.Errorf("on-call was paged: %+v", pages)
	}
	if w := fetch(a, "/canaries", "ja"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "rest/webhook[0]") {
		t.Errorf("the page: %d", w.Code)
	}
}

// What does not arrive is said once, by a page, until something arrives.
func TestACanaryThatDoesNotArrivePages(t *testing.T) {
	a := ruled(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	c := canary.Canary{Name: "shop", Every: time.Minute, Min: time.Second, Max: time.Second}
	all := []canary.Canary{c}
	if err := a.canaryKnown(t.Context(), c, now); err != nil {
		t.Fatal(err)
	}
	miss := func(at time.Time) (alert.Alert, bool) {
		t.Helper()
		if _, err := a.missCanaries(t.Context(), all, at); err != nil {
			t.Fatal(err)
		}
		return a.one(t, alert.Query{Source: canary.Source})
	}
	if x, ok := miss(now.Add(3 * time.Minute)); ok {
		t.Errorf("too early: %+v", x)
	}
	x, ok := miss(now.Add(3*time.Minute + time.Second))
	if !ok || x.State() != alert.Open || x.Severity != alert.Page || canary.Is(x) {
		t.Fatalf("got %+v, %v", x, ok)
	}
	if x, _ = miss(now.Add(4 * time.Minute)); x.Count != 1 {
		t.Errorf("said %d times", x.Count)
	}
	a.canaries.arrived["shop"] = now.Add(5 * time.Minute)
	if x, _ = miss(now.Add(5 * time.Minute)); x.State() != alert.Resolved {
		t.Errorf("got %s, want it resolved", x.State())
	}
	if x, _ = miss(now.Add(9 * time.Minute)); x.State() != alert.Open {
		t.Errorf("got %s, want a new one", x.State())
	}
	all = nil
	if x, _ = miss(now.Add(10 * time.Minute)); x.State() != alert.Resolved {
		t.Errorf("got %s: nothing is awaited any more", x.State())
	}
}
