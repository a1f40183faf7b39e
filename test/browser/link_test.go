package browser

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
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/auth"
)

// A folder of one person who is called through a webhook.
const night = `apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi, displayName: 佐藤 葵 (Aoi)}
spec: {language: %s, timeZone: Asia/Tokyo, devices: [{channel: webhook, address: "%s"}]}
---
apiVersion: hinoban/v1
kind: Escalation
metadata: {name: all}
spec: {default: true, steps: [{people: [aoi], wait: 1s}]}
`

// storm runs a server on which seven services fail at once, and returns its address
// and the link in the message that tells of several.
func storm(t *testing.T, lang string) (url, link string) {
	t.Helper()
	links := make(chan string, 64)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Body    string `json:"body"`
			Actions []struct {
				URL string `json:"url"`
			} `json:"actions"`
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err == nil && strings.Count(m.Body, "does not answer") > 1 && len(m.Actions) > 0 {
			links <- m.Actions[0].URL
		}
	}))
	t.Cleanup(hook.Close)
	cfg := app.Default()
	cfg.Data, cfg.Listen, cfg.Auth.Mode = t.TempDir(), freeAddr(t), auth.Off
	cfg.BaseURL, cfg.Webhook.AllowPrivate, cfg.Folder = "http://"+cfg.Listen, true, filepath.Join(cfg.Data, "config")
	if err := os.Mkdir(cfg.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Folder, "night.yaml"), fmt.Appendf(nil, night, lang, hook.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	a, err := app.New(ctx, slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	record(t, cfg.BaseURL, "config.applied")
	for i := range 7 {
		signal := map[string]string{"id": fmt.Sprint(i), "service": fmt.Sprint("service-with-a-long-name-", i), "rule": "down", "severity": "page", "summary": "it does not answer"}
		if err := client.New(cfg.BaseURL, "").Post(t.Context(), "/api/v1/signals", signal, nil); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case link = <-links:
	case <-time.After(90 * time.Second):
		t.Fatal("no message told of several pages")
	}
	return cfg.BaseURL, link
}

// The link of a message is opened on a phone by somebody who was asleep: it fits,
// is read in any light, and one tap answers all of which the message told.
func TestTheLinkOfAMessageThatTellsOfSeveral(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		ctx := open(t)
		url, link := storm(t, lang)
		path, ok := strings.CutPrefix(link, url)
		if !ok || !strings.HasPrefix(path, "/a/") {
			t.Fatalf("the link is %q", link)
		}
		shots(ctx, t, url, map[string]string{"link-" + lang: path})
		n := run(ctx, t, chromedp.Evaluate[int](`document.querySelectorAll(".one-tap-also li").length`))
		do(ctx, t, chromedp.Click(`.one-tap button[value="ack"]`), chromedp.WaitReady(".one-tap:not(:has(form))"))
		shoot(ctx, t, "link-answered-"+lang)
		if got := run(ctx, t, chromedp.Evaluate[int](`document.querySelectorAll(".one-tap .is-warning").length`)); n == 0 || got != n+1 {
			t.Errorf("%s: the message told of %d pages and one more, and %d are answered", lang, n, got)
		}
	}
}
