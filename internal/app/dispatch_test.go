package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// echo is a webhook that notes what it was told.
type echo struct {
	mu   sync.Mutex
	said []string
}

func (e *echo) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	var in struct {
		Receiver string
		Alerts   []struct {
			Status string
			Labels map[string]string
		}
	}
	if err != nil || json.Unmarshal(b, &in) != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range in.Alerts {
		e.said = append(e.said, fmt.Sprintf("%s %s %s/%s", in.Receiver, a.Status, a.Labels["service"], a.Labels["alertname"]))
	}
}

func (e *echo) has(want string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.said, want)
}

func (e *echo) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.said, "; ")
}

// eventually polls a real server that works beside the test.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if ok() {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatalf("not within 20 s: %s", what)
}

const routesFile = `
route:
  receiver: rest
  group_by: [alertname, service]
  group_wait: 0s
  group_interval: 1s
  routes:
  - {receiver: held, matchers: ['@ack!=""'], group_wait: 0s}
receivers:
- {name: rest, webhook_configs: [{url: '%[1]s'}]}
- {name: held, webhook_configs: [{url: '%[1]s'}]}
`

// running starts a server on data with the routes above.
func running(t *testing.T, data, url string) (*App, func()) {
	t.Helper()
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.Folder = data, "127.0.0.1:0", filepath.Join(data, "config")
	cfg.Auth.Mode = auth.Off
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Folder, "alertmanager.yml"), fmt.Appendf(nil, routesFile, url), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return a, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (a *App) one(t *testing.T, q alert.Query) (alert.Alert, bool) {
	t.Helper()
	all, err := a.inbox.Alerts(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		return alert.Alert{}, false
	}
	return all[0], true
}

func TestAlertsGoBothWaysBetweenRoutesAndInbox(t *testing.T) {
	e := &echo{}
	hook := httptest.NewServer(e)
	defer hook.Close()
	data := t.TempDir()
	a, stop := running(t, data, hook.URL)
	begin := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	body := func(end time.Time) string {
		return fmt.Sprintf(`[{"labels":{"alertname":"HighErrors","service":"shop","severity":"critical"},"annotations":{"summary":"many fail"},"startsAt":%q,"endsAt":%q},{"labels":{}}]`, begin, end.UTC().Format(time.RFC3339))
	}
	// One of two is refused; the other is taken.
	if w := send(a, "POST", "/api/v2/alerts", body(time.Now().Add(time.Hour))); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "at least one label pair required") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	q := alert.Query{Source: "alertmanager", Rule: "HighErrors"}
	eventually(t, "the alert is in the inbox", func() bool { _, ok := a.one(t, q); return ok })
	got, _ := a.one(t, q)
	if got.Severity != alert.Page || got.Service != "shop" || got.Summary != "many fail" || got.Labels["severity"] != "critical" {
		t.Errorf("inbox: %+v", got)
	}
	eventually(t, "the receiver is told", func() bool { return e.has("rest firing shop/HighErrors") })

	// What a room reports is told along the same routes.
	if _, err := a.inbox.Take(t.Context(), alert.Signal{ID: "1", Firing: true, Source: "slo", Service: "cart", Rule: "burns", Severity: alert.Ticket, Summary: "burns", At: time.Now(), Labels: map[string]string{"severity": "warning"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the room's alert is told", func() bool { return e.has("rest firing cart/burns") })

	// Raised it is another alert to the routes, and the one that it was is over.
	if _, err := a.inbox.Take(t.Context(), alert.Signal{ID: "2", Firing: true, Source: "slo", Service: "cart", Rule: "burns", Severity: alert.Page, Summary: "burns", At: time.Now(), Labels: map[string]string{"severity": "page"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one alert is left of the raised one", func() bool {
		text := send(a, "GET", `/api/v2/alerts?filter=alertname%3D%22burns%22`, "").Body.String()
		return strings.Contains(text, `"severity":"page"`) && !strings.Contains(text, `"severity":"warning"`)
	})

	// Who has it decides about the route.
	if _, err := a.inbox.Ack(t.Context(), got.ID, "aoi", "test"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the acknowledged alert goes another way", func() bool { return e.has("held firing shop/HighErrors") })
	stop()

	// After a restart all is as it was, and nobody is told again.
	e.mu.Lock()
	e.said = nil
	e.mu.Unlock()
	a, stop = running(t, data, hook.URL)
	defer stop()
	if w := send(a, "POST", "/api/v2/alerts", body(time.Now())); w.Code != http.StatusBadRequest {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	eventually(t, "the end is in the inbox", func() bool { got, _ := a.one(t, q); return got.State() == alert.Resolved })
	eventually(t, "the end is told", func() bool { return e.has("held resolved shop/HighErrors") })
	if e.has("rest firing cart/burns") || e.has("held firing shop/HighErrors") {
		t.Errorf("told again after the restart: %s", e.text())
	}
}

// What a Route document sends to a channel asks what the alert was worth, and
// the link judges it.
func TestARoutesMessageIsJudged(t *testing.T) {
	asked := make(chan string, 16)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			asked <- string(b)
		}
	}))
	defer hook.Close()
	data := t.TempDir()
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.Folder, cfg.Auth.Mode, cfg.Webhook.AllowPrivate = data, "127.0.0.1:0", filepath.Join(data, "config"), auth.Off, true
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	doc := fmt.Sprintf("apiVersion: hinoban/v1\nkind: Route\nmetadata: {name: shop}\nspec: {urgency: actionable, to: [{channel: webhook, address: %q}]}\n", hook.URL)
	if err := os.WriteFile(filepath.Join(cfg.Folder, "routes.yaml"), []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	defer func() { cancel(); <-done }()
	if w := send(a, "POST", "/api/v2/alerts", `[{"labels":{"alertname":"Disk","severity":"warning"}}]`); w.Code != 200 {
		t.Fatal(w.Body)
	}
	var body string
	select {
	case body = <-asked:
	case <-time.After(20 * time.Second):
		t.Fatal("the webhook was not told")
	}
	_, rest, ok := strings.Cut(body, "/judge/")
	token, _, _ := strings.Cut(rest, "?")
	if !ok || token == "" {
		t.Fatalf("no question in %s", body)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/judge/"+token, strings.NewReader("verdict=noise"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	var verdict string
	eventually(t, "the verdict is in the log", func() bool {
		events, err := a.bus.Events(t.Context(), event.Query{Names: []string{"alert.judged"}})
		if err != nil || len(events) == 0 {
			return false
		}
		verdict = string(events[0].Payload)
		return true
	})
	if !strings.Contains(verdict, `"noise"`) || !strings.Contains(verdict, "route/shop") {
		t.Errorf("%d; %s", w.Code, verdict)
	}
}

// Nobody is paged for what is silenced; when the silence ends and it still
// fires, somebody is.
func TestASilenceHoldsThePagerBack(t *testing.T) {
	hook := httptest.NewServer(&echo{})
	defer hook.Close()
	a, stop := running(t, t.TempDir(), hook.URL)
	defer stop()
	now := time.Now().UTC()
	w := send(a, "POST", "/api/v2/silences", fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"Disk","isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"aoi","comment":"move"}`, now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339)))
	var made struct{ SilenceID string }
	if json.Unmarshal(w.Body.Bytes(), &made) != nil || made.SilenceID == "" {
		t.Fatal(w.Code, w.Body)
	}
	for _, name := range []string{"Disk", "Fire"} {
		if w := send(a, "POST", "/api/v2/alerts", `[{"labels":{"alertname":"`+name+`","severity":"critical","service":"`+strings.ToLower(name)+`"}}]`); w.Code != 200 {
			t.Fatal(w.Body)
		}
	}
	paged := func(service string) bool {
		events, err := a.bus.Events(t.Context(), event.Query{Names: []string{"oncall.page_opened"}, Services: []string{service}})
		return err == nil && len(events) > 0
	}
	eventually(t, "a page for what is not silenced", func() bool { return paged("fire") })
	eventually(t, "the silenced alert is in the inbox", func() bool { _, ok := a.one(t, alert.Query{Rule: "Disk"}); return ok })
	if paged("disk") {
		t.Error("somebody was paged for a silenced alert")
	}
	if w := send(a, http.MethodDelete, "/api/v2/silence/"+made.SilenceID, ""); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	eventually(t, "a page after the silence", func() bool { return paged("disk") })
}

func TestReplayOfAnotherFolder(t *testing.T) {
	hook := httptest.NewServer(&echo{})
	defer hook.Close()
	a, stop := running(t, t.TempDir(), hook.URL)
	defer stop()
	now := time.Now().Add(-48 * time.Hour)
	for i := range 40 {
		s := alert.Signal{
			ID: fmt.Sprint("f", i), Firing: true, Source: "api", Service: "shop", Rule: []string{"errors", "disk"}[i%2], Severity: alert.Page, Summary: "x",
			At: now.Add(time.Duration(i) * time.Hour), Labels: map[string]string{"n": fmt.Sprint(i)}, Key: fmt.Sprint(i),
		}
		opened, err := a.inbox.Take(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if i == 3 { // an alert of the rule disk became an incident
			if err := a.Publish(t.Context(), event.Fact{Event: incident.Declared{Incident: "i1", Title: "disk full", Service: "shop", Alert: opened.ID}, At: s.At, Subject: "incident/i1", Actor: "test", Source: "test"}); err != nil {
				t.Fatal(err)
			}
		}
		s.ID, s.Firing, s.At = fmt.Sprint("r", i), false, s.At.Add(10*time.Minute)
		if _, err := a.inbox.Take(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	same, err := a.replay(t.Context(), 30*24*time.Hour, map[string]string{"alertmanager.yml": fmt.Sprintf(routesFile, hook.URL)})
	if err != nil || same.Before.Alerts != 40 || same.Before.Messages != same.After.Messages || len(same.Rules)+len(same.Missed)+len(same.Later) != 0 {
		t.Fatalf("the same folder: %+v, %v", same, err)
	}
	got, err := a.replay(t.Context(), 30*24*time.Hour, map[string]string{
		"alertmanager.yml": "route: {receiver: rest, group_wait: 0s, group_by: ['...'], routes: [{receiver: none, matchers: [alertname=disk]}]}\nreceivers: [{name: none}, {name: rest, webhook_configs: [{url: 'http://127.0.0.1/'}]}]\n",
		"rules.yaml": `apiVersion: hinoban/v1
kind: AlertRule
metadata: {name: disk}
spec:
  why: {impact: none}
  who: {owner: aoi}
  when: {urgency: ticket}
  what: {alert: disk}
  how: {playbook: https://x.example, firstAction: look}
---
apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi}
spec: {devices: [{channel: inbox}]}
`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Before.Pages != 40 || got.After.Pages != 20 || len(got.Rules) != 1 || got.Rules[0].Rule != "disk" {
		t.Errorf("pages: %d then %d, %+v", got.Before.Pages, got.After.Pages, got.Rules)
	}
	if got.Incidents != 1 || len(got.Missed) != 1 || len(got.Quieter) != 1 || got.Missed[0].Title != "disk full" {
		t.Errorf("incidents: %+v", got)
	}
	if w := send(a, "POST", "/api/v1/alerts/replay", `{"since":"30d","files":{"alertmanager.yml":"route: {}"}}`); w.Code != 422 {
		t.Errorf("a broken folder: %d %s", w.Code, w.Body)
	}
}
