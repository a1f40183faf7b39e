package am

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// shelf keeps nothing, or is down.
type shelf struct{ down error }

func (s shelf) Load(context.Context) (dispatch.Kept, error)                    { return dispatch.Kept{}, s.down }
func (s shelf) PutAlerts(context.Context, []dispatch.Alert) error              { return s.down }
func (s shelf) PutTold(context.Context, []dispatch.Row) error                  { return s.down }
func (s shelf) PutSilences(context.Context, string, ...dispatch.Silence) error { return s.down }
func (s shelf) Prune(context.Context, time.Time, time.Time) error              { return s.down }

func server(tb testing.TB, st dispatch.Store) http.Handler {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	if err := Features(log, ""); err != nil {
		tb.Fatal(err)
	}
	c, err := Set{}.Build("", nil, "en", Options{Log: log})
	if err != nil {
		tb.Fatal(err)
	}
	state := dispatch.New(c.Plan, dispatch.Options{})
	n := 0
	a := &API{State: state, Live: dispatch.NewLive(state, st, time.Now, func() string { n++; return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }, nil), Log: log, Now: time.Now}
	a.Use(c)
	return a.Handler(ServerOptions{Prefix: "/", Gets: 4, Reload: func() error { return nil }, Gather: nil})
}

func call(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

func TestHostileRequests(t *testing.T) {
	h := server(t, shelf{})
	deep := strings.Repeat("[", 100_000)
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		says               string
	}{
		"no JSON":             {"POST", "/api/v2/alerts", "{", 400, "parsing body failed"},
		"an object":           {"POST", "/api/v2/alerts", "{}", 400, "cannot unmarshal object"},
		"deep":                {"POST", "/api/v2/alerts", deep, 400, "parsing body failed"},
		"null":                {"POST", "/api/v2/alerts", "null", 200, ""},
		"null member":         {"POST", "/api/v2/alerts", "[null]", 400, "at least one label pair"},
		"no labels":           {"POST", "/api/v2/alerts", `[{"labels":{"a":""}}]`, 400, "at least one label pair"},
		"ends before start":   {"POST", "/api/v2/alerts", `[{"labels":{"a":"b"},"startsAt":"2026-01-02T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]`, 400, "start time must be before end time"},
		"the ack label":       {"POST", "/api/v2/alerts", `[{"labels":{"a":"b","@ack":"me"}}]`, 400, "not a sender's to set"},
		"long labels":         {"POST", "/api/v2/alerts", `[{"labels":{"a":"` + strings.Repeat("x", 70_000) + `"}}]`, 400, "at most 65536"},
		"a bad time":          {"POST", "/api/v2/alerts", `[{"labels":{"a":"b"},"startsAt":"yesterday"}]`, 400, "yesterday"},
		"too long":            {"POST", "/api/v2/alerts", `["` + strings.Repeat("x", maxBody) + `"]`, 413, "reading body failed"},
		"a bad filter":        {"GET", "/api/v2/alerts?filter=%7Ba", "", 400, ""},
		"a bad receiver":      {"GET", "/api/v2/alerts?receiver=(", "", 400, "failed to parse receiver"},
		"silence of all":      {"POST", "/api/v2/silences", `{"matchers":[{"name":"a","value":".*","isRegex":true}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"a","comment":""}`, 400, "must not match the empty string"},
		"silence of the past": {"POST", "/api/v2/silences", `{"matchers":[{"name":"a","value":"b"}],"startsAt":"2020-01-01T00:00:00Z","endsAt":"2020-01-02T00:00:00Z","createdBy":"a","comment":""}`, 400, "end time can't be in the past"},
		"silence, no end":     {"POST", "/api/v2/silences", `{"matchers":[{"name":"a","value":"b"}],"startsAt":"2020-01-01T00:00:00Z","createdBy":"a","comment":""}`, 422, "endsAt"},
		"unknown silence":     {"POST", "/api/v2/silences", `{"id":"00000000-0000-4000-8000-999999999999","matchers":[{"name":"a","value":"b"}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"a","comment":""}`, 404, "not found"},
		"no uuid":             {"GET", "/api/v2/silence/x", "", 422, "uuid"},
		"no such silence":     {"DELETE", "/api/v2/silence/00000000-0000-4000-8000-999999999999", "", 404, ""},
		"the old API":         {"GET", "/api/v1/alerts", "", 410, "Use /api/v2"},
	} {
		w := call(h, c.method, c.path, c.body)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s: %d %.200s, want %d %q", name, w.Code, w.Body, c.code, c.says)
		}
	}
}

func TestAStoreThatIsDownPromisesNothing(t *testing.T) {
	h := server(t, shelf{errs.New(errs.Unavailable, "disk full")})
	for path, body := range map[string]string{
		"/api/v2/alerts":   `[{"labels":{"a":"b"}}]`,
		"/api/v2/silences": `{"matchers":[{"name":"a","value":"b"}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"a","comment":""}`,
	} {
		if w := call(h, "POST", path, body); w.Code != 503 || !strings.Contains(w.Body.String(), "disk full") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	var list []any
	if w := call(h, "GET", "/api/v2/silences", ""); json.Unmarshal(w.Body.Bytes(), &list) != nil || len(list) != 0 {
		t.Errorf("a silence that is not on disk holds: %s", w.Body)
	}
}

// The page of a server that stands alone shows hostile labels as text.
func TestThePageEscapes(t *testing.T) {
	h := server(t, shelf{})
	if w := call(h, "POST", "/api/v2/alerts", `[{"labels":{"alertname":"<script>alert(1)</script>","<b>":"\"></code>"}}]`); w.Code != 200 {
		t.Fatal(w.Body)
	}
	w := call(h, "GET", "/", "")
	if w.Code != 200 || strings.Contains(w.Body.String(), "<script>") || !strings.Contains(w.Body.String(), "&lt;script&gt;") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRouteDocuments(t *testing.T) {
	doc := func(name, urgency, address string) string {
		return fmt.Sprintf("apiVersion: hinoban/v1\nkind: Route\nmetadata: {name: %s}\nspec:\n  urgency: %s\n  match: ['service=\"shop\"']\n  to: [{channel: slack, address: %q}]\n", name, urgency, address)
	}
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"good":             {map[string]string{"a.yaml": doc("a", "actionable", "#a"), "b.yaml": doc("b", "informational", "#b")}, ""},
		"one place":        {map[string]string{"a.yaml": doc("a", "actionable", "#a"), "b.yaml": doc("b", "informational", "#a")}, "actionable alerts from a and informational ones from here"},
		"a bad matcher":    {map[string]string{"a.yaml": strings.Replace(doc("a", "actionable", "#a"), `service="shop"`, `service=~"("`, 1)}, "spec.match[0]"},
		"a bad duration":   {map[string]string{"a.yaml": doc("a", "actionable", "#a") + "  repeat: soon\n"}, "no duration"},
		"a bad file":       {map[string]string{"alertmanager.yml": "route: {receiver: x}\nreceivers: []\n"}, "undefined receiver"},
		"an unknown field": {map[string]string{"alertmanager.yml": "route: {receiver: x}\nreceivers: [{name: x, pigeon_configs: []}]\n"}, "pigeon_configs"},
	} {
		set, problems := ascode.Parse(c.files, Kinds())
		_, more := Of(set)
		err := append(problems, more...).Err()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// Every receiver that a file can name is built.
func TestEveryReceiver(t *testing.T) {
	const file = `
global: {smtp_smarthost: 'localhost:25', smtp_from: 'a@example.org', slack_api_url: 'https://hooks.slack.example/x', opsgenie_api_key: k, wechat_api_secret: s, wechat_api_corp_id: c, victorops_api_key: v, telegram_bot_token: '1:a'}
route: {receiver: all}
receivers:
- name: all
  webhook_configs: [{url: 'http://localhost/'}]
  email_configs: [{to: b@example.org}]
  pagerduty_configs: [{routing_key: k}]
  opsgenie_configs: [{}]
  wechat_configs: [{to_user: u}]
  slack_configs: [{channel: '#a'}]
  victorops_configs: [{routing_key: r}]
  pushover_configs: [{user_key: u, token: t}]
  sns_configs: [{topic_arn: 'arn:aws:sns:us-east-1:1:t', sigv4: {region: us-east-1}}]
  telegram_configs: [{chat_id: 1}]
  discord_configs: [{webhook_url: 'http://localhost/'}]
  webex_configs: [{room_id: r, http_config: {authorization: {credentials: x}}}]
  msteams_configs: [{webhook_url: 'http://localhost/'}]
  msteamsv2_configs: [{webhook_url: 'http://localhost/'}]
  jira_configs: [{api_url: 'http://localhost/', project: p, issue_type: Bug}]
  incidentio_configs: [{url: 'http://localhost/', alert_source_token: t}]
  rocketchat_configs: [{token: t, token_id: i, channel: c}]
  mattermost_configs: [{webhook_url: 'http://localhost/'}]
`
	c, err := Set{File: &File{Text: file}}.Build("", nil, "en", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Plan.Receivers["all"]); n != 18 {
		t.Errorf("%d integrations, want 18", n)
	}
	if strings.Contains(c.Original, "1:a") || strings.Contains(c.Original, "secret_k") {
		t.Error("the status shows a secret")
	}
}

func FuzzPostAlerts(f *testing.F) {
	f.Add(`[{"labels":{"a":"b"},"annotations":{"c":"d"},"startsAt":"2026-01-02T00:00:00Z"}]`)
	f.Add(`[{"labels":{"日本":"\u0000"}}]`)
	h := server(f, shelf{})
	f.Fuzz(func(t *testing.T, body string) {
		if w := call(h, "POST", "/api/v2/alerts", body); w.Code != 200 && w.Code != 400 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := call(h, "GET", "/api/v2/alerts/groups", ""); w.Code != 200 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}

func FuzzPostSilence(f *testing.F) {
	f.Add(`{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"a","comment":""}`)
	h := server(f, shelf{})
	f.Fuzz(func(t *testing.T, body string) {
		if w := call(h, "POST", "/api/v2/silences", body); w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
