package app

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// listening is a product where people have to sign in, on the address of a
// machine: senders have nothing but their keys.
func listening(t *testing.T, data string) *App {
	t.Helper()
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.BaseURL = data, "127.0.0.1:0", "https://hinoban.example"
	cfg.Auth.Mode = auth.On
	a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func (a *App) sourceOf(t *testing.T, name string, kind ingest.Kind) string {
	t.Helper()
	s := ingest.Source{Name: name, Kind: kind}
	if kind == ingest.Heartbeat {
		s.Every = ingest.Duration(time.Hour)
	}
	_, keys, err := a.sources.Create(t.Context(), s, "client-secret", "aoi")
	if err != nil {
		t.Fatal(err)
	}
	return keys.Key
}

func recordedPayload(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "alert", "ingest", "testdata", "payloads", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func post(a *App, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://hinoban.example"+path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w
}

// What each sender posts is in the inbox; delivered twice, it is there once.
func TestEverySenderReachesTheInbox(t *testing.T) {
	a := listening(t, t.TempDir())
	sign := func(body string) string {
		mac := hmac.New(sha256.New, []byte("client-secret"))
		mac.Write([]byte(body))
		return hex.EncodeToString(mac.Sum(nil))
	}
	for _, tt := range []struct {
		kind     ingest.Kind
		file     string
		rule     string
		severity alert.Severity
	}{
		{ingest.Alertmanager, "alertmanager.json", "HighErrorRate", alert.Page},
		{ingest.Grafana, "grafana.json", "HighLatency", alert.Ticket},
		{ingest.Datadog, "datadog.json", "CPU is high on web-1", alert.Page},
		{ingest.Sentry, "sentry-event.json", "Very important alert rule", alert.Ticket},
		{ingest.Mackerel, "mackerel.json", "CPU%", alert.Page},
		{ingest.IncidentIO, "incidentio.json", "Down", alert.Ticket},
		{ingest.Generic, "generic.json", "event", alert.Ticket},
	} {
		name := "x-" + string(tt.kind)
		key, body := a.sourceOf(t, name, tt.kind), recordedPayload(t, tt.file)
		for range 2 {
			if w := post(a, "/ingest/"+string(tt.kind)+"/"+key, body, "Sentry-Hook-Signature", sign(body)); w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", tt.kind, w.Code, w.Body)
			}
		}
		got, err := a.inbox.Alerts(t.Context(), alert.Query{Source: name, Unresolved: true})
		if err != nil || len(got) != 1 || got[0].Rule != tt.rule || got[0].Severity != tt.severity || got[0].Count != 1 {
			t.Errorf("%s: got %+v, %v", tt.kind, got, err)
		}
	}
}

func TestPagerDutyClientsChangeAnAddress(t *testing.T) {
	a := listening(t, t.TempDir())
	key := a.sourceOf(t, "pd", ingest.PagerDuty)
	send := func(file string) *httptest.ResponseRecorder {
		return post(a, "/v2/enqueue", strings.ReplaceAll(recordedPayload(t, file), "0123456789abcdef0123456789abcdef", key))
	}
	open := func(state alert.State) int {
		got, err := a.inbox.Alerts(t.Context(), alert.Query{Source: "pd", State: state})
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	const processed = `{"status":"success","message":"Event processed","dedup_key":"disk-prod-datapipe03"}`
	for _, step := range []struct {
		file  string
		state alert.State
		n     int
	}{
		{"pagerduty-resolve.json", alert.Resolved, 0}, // of what nobody knows: dropped
		{"pagerduty-trigger.json", alert.Open, 1},
		{"pagerduty-trigger.json", alert.Open, 1},
		{"pagerduty-acknowledge.json", alert.Held, 1},
		{"pagerduty-resolve.json", alert.Resolved, 1},
	} {
		if w := send(step.file); w.Code != 202 || w.Body.String() != processed {
			t.Fatalf("%s: got %d %s", step.file, w.Code, w.Body)
		}
		if n := open(step.state); n != step.n {
			t.Errorf("after %s: %d alerts are %s, want %d", step.file, n, step.state, step.n)
		}
	}
	for body, want := range map[string]string{
		`{`: `{"status":"invalid event","message":"Event object is invalid","errors":["JSON cannot be parsed"]}`,
		`{"routing_key":"nope","event_action":"resolve","dedup_key":"x"}`: `{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}`,
		`{"event_action":"resolve"}`:                                      `{"status":"invalid event","message":"Event object is invalid","errors":["'routing_key' is missing or blank"]}`,
		`{"routing_key":"` + key + `","event_action":"trigger","payload":{"summary":"x","source":"y","severity":"huge"}}`: `{"status":"invalid event","message":"Event object is invalid","errors":["'payload.severity' is invalid (must be one of critical, error, warning, info)"]}`,
	} {
		if w := post(a, "/v2/enqueue", body); w.Code != 400 || w.Body.String() != want {
			t.Errorf("%s: got %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
	if w := post(a, "/v2/enqueue", `{"x":"`+strings.Repeat("x", 600<<10)+`"}`); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("600 KiB: got %d", w.Code)
	}
}

// A source's key takes change events too; a stranger's does not.
func TestChangeEventsComeWithASourcesKey(t *testing.T) {
	a := listening(t, t.TempDir())
	key := a.sourceOf(t, "ci", ingest.PagerDuty)
	body := `{"routing_key":"%s","payload":{"summary":"build 7","source":"checkout"}}`
	if w := post(a, "/v2/change/enqueue", fmt.Sprintf(body, key)); w.Code != 202 || w.Body.String() != `{"status":"success","message":"Change event processed"}` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := post(a, "/v2/change/enqueue", fmt.Sprintf(body, "x")); w.Code != 400 || !strings.Contains(w.Body.String(), "Invalid routing key") {
		t.Errorf("a stranger: got %d %s", w.Code, w.Body)
	}
	records, err := a.Events(t.Context(), event.Query{Names: []string{"change.recorded"}})
	if err != nil || len(records) != 1 || records[0].Actor != "source/ci" {
		t.Errorf("log: got %+v, %v", records, err)
	}
}

func TestAStreamOfMetricsIsStored(t *testing.T) {
	a := listening(t, t.TempDir())
	key := a.sourceOf(t, "aws", ingest.CloudWatchStream)
	at := time.Now().Add(-time.Minute).UnixMilli()
	line := fmt.Sprintf(`{"account_id":"1","region":"r","namespace":"AWS/EC2","metric_name":"CPUUtilization","dimensions":{"InstanceId":"i-1"},"timestamp":%d,"value":{"max":91.5,"sum":412,"count":5}}`, at)
	var body bytes.Buffer
	zw := gzip.NewWriter(&body)
	fmt.Fprintf(zw, `{"requestId":"req-1","timestamp":%d,"records":[{"data":"%s"}]}`, at, base64.StdEncoding.EncodeToString([]byte(line)))
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w := post(a, "/ingest/cloudwatch-stream", body.String(), "X-Amz-Firehose-Access-Key", key, "X-Amz-Firehose-Request-Id", "req-1", "Content-Encoding", "gzip", "Content-Type", "application/json")
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"requestId":"req-1","timestamp":`) || strings.Contains(w.Body.String(), "errorMessage") {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	got, err := a.engine.Instant(t.Context(), `aws_ec2_cpu_utilization_max{dimension_InstanceId="i-1"}`, time.Now())
	if err != nil || len(got) != 1 || got[0].Points[0].V != 91.5 {
		t.Errorf("got %+v, %v", got, err)
	}
	s, _, err := a.sources.Source(t.Context(), "aws")
	if err != nil || s.Accepted != 3 {
		t.Errorf("accepted %d, %v; want 3: the same request counts once", s.Accepted, err)
	}
	if w := post(a, "/ingest/cloudwatch-stream", "{}", "X-Amz-Firehose-Access-Key", "no", "X-Amz-Firehose-Request-Id", "req-2"); w.Code != 401 || !strings.Contains(w.Body.String(), `"requestId":"req-2"`) || !strings.Contains(w.Body.String(), "errorMessage") {
		t.Errorf("a stranger: got %d %s", w.Code, w.Body)
	}
}

func TestWhatIsWrongIsSaidToTheSender(t *testing.T) {
	a := listening(t, t.TempDir())
	key := a.sourceOf(t, "am", ingest.Alertmanager)
	for _, tt := range []struct {
		name, path, body string
		want             int
		says             string
	}{
		{"no such key", "/ingest/alertmanager/" + strings.Repeat("0", 32), `{}`, 404, "no such source"},
		{"another kind", "/ingest/grafana/" + key, `{}`, 404, "no such source"},
		{"no JSON", "/ingest/alertmanager/" + key, `{"alerts":[`, 422, "not JSON at line 1, column 11"},
		{"not UTF-8", "/ingest/alertmanager/" + key, "\xff\xfe", 422, "not JSON"},
		{"partly", "/ingest/alertmanager/" + key, recordedPayload(t, "alertmanager-partly.json"), 200, `"taken":1,"refused":[{"path":"alerts[0].status"`},
		{"nothing good", "/ingest/alertmanager/" + key, `{"version":"4","alerts":[{"status":"x"}]}`, 422, "neither firing nor resolved"},
		{"too large", "/ingest/alertmanager/" + key, strings.Repeat(" ", ingest.MaxBody+1), 413, "at most"},
	} {
		w := post(a, tt.path, tt.body)
		if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: got %d %s, want %d and %q", tt.name, w.Code, w.Body, tt.want, tt.says)
		}
	}
	var bomb bytes.Buffer
	zw := gzip.NewWriter(&bomb)
	for range 64 {
		if _, err := zw.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	if w := post(a, "/ingest/alertmanager/"+key, bomb.String(), "Content-Encoding", "gzip"); w.Code != 413 {
		t.Errorf("64 MiB in %d bytes: got %d", bomb.Len(), w.Code)
	}
	s, _, err := a.sources.Source(t.Context(), "am")
	if err != nil || s.Refused != 6 || s.Accepted != 1 {
		t.Errorf("got %d refused, %d taken, %v; want 6 and 1", s.Refused, s.Accepted, err)
	}
	kept, err := a.sources.Payloads(t.Context(), "am")
	if err != nil || len(kept) != 4 || !strings.Contains(kept[0].Refused[0].Reason, "neither") {
		t.Errorf("kept %d, %v", len(kept), err)
	}
}

// A sender that falls silent is an alert, which a restart neither loses nor
// repeats, and which ends when the sender is heard.
func TestSilenceIsAnAlertAndSurvivesARestart(t *testing.T) {
	data := t.TempDir()
	a := listening(t, data)
	key := a.sourceOf(t, "backup", ingest.Heartbeat)
	beat := func(a *App) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "http://hinoban.example/hb/"+key, nil)
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != "OK\n" {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	open := func(a *App) int {
		t.Helper()
		if err := a.sources.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := a.inbox.Alerts(t.Context(), alert.Query{Source: "heartbeat", Unresolved: true})
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	beat(a)
	if n := open(a); n != 0 {
		t.Fatalf("%d alerts after a beat", n)
	}
	later := func(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }
	a.sources.Now = later(2 * time.Hour)
	if n := open(a); n != 1 {
		t.Fatalf("%d alerts two hours after a beat, want 1", n)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = listening(t, data)
	a.sources.Now = later(3 * time.Hour)
	if n := open(a); n != 1 {
		t.Errorf("%d alerts after a restart, want the one there was", n)
	}
	all, err := a.inbox.Alerts(t.Context(), alert.Query{Source: "heartbeat"})
	if err != nil || len(all) != 1 || all[0].Count != 1 || all[0].Rule != "backup" || all[0].Severity != alert.Ticket {
		t.Fatalf("got %+v, %v", all, err)
	}
	r := httptest.NewRequest(http.MethodHead, "http://hinoban.example/hb/"+key, nil)
	w := httptest.NewRecorder()
	a.sources.Now = later(time.Hour)
	if _, err := a.sources.Receive(t.Context(), mustSource(t, a, "backup"), ingest.Keys{}, ingest.Delivery{At: time.Now().Add(3*time.Hour + time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if a.handler.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("HEAD: got %d", w.Code)
	}
	if n := open(a); n != 0 {
		t.Errorf("%d alerts once it is heard, want none", n)
	}
}

func mustSource(t *testing.T, a *App, name string) ingest.Source {
	t.Helper()
	s, _, err := a.sources.Source(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
