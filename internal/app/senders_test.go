package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/notify/opsgenie"
	"github.com/prometheus/alertmanager/notify/pagerduty"
	"github.com/prometheus/alertmanager/template"
	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/oncall"
)

// templates are Alertmanager's own.
func templates(t *testing.T) *template.Template {
	t.Helper()
	out, err := template.FromGlobs(nil)
	if err != nil {
		t.Fatal(err)
	}
	out.ExternalURL = &url.URL{Scheme: "http", Host: "am.example"}
	return out
}

// served is where a has its doors, and a client's way there.
func served(t *testing.T, a *App) *amcommon.URL {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = "hinoban.example"
		a.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	return &amcommon.URL{URL: u}
}

func opsgenieNotifier(t *testing.T, at *amcommon.URL, key string, change func(*opsgenie.OpsGenieConfig)) notify.Notifier {
	t.Helper()
	c := opsgenie.DefaultOpsGenieConfig
	c.APIURL, c.APIKey, c.HTTPConfig, c.UpdateAlerts = at, commoncfg.Secret(key), &commoncfg.HTTPClientConfig{}, true
	if change != nil {
		change(&c)
	}
	n, err := opsgenie.New(&c, templates(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func pagerDutyNotifier(t *testing.T, at *amcommon.URL, key string, change func(*pagerduty.PagerdutyConfig)) notify.Notifier {
	t.Helper()
	c := pagerduty.DefaultPagerdutyConfig
	c.URL, c.RoutingKey, c.HTTPConfig = &amcommon.URL{URL: at.JoinPath("/v2/enqueue")}, commoncfg.Secret(key), &commoncfg.HTTPClientConfig{}
	c.Details = map[string]any{"firing": `{{ template "pagerduty.default.instances" .Alerts.Firing }}`, "num_firing": `{{ .Alerts.Firing | len }}`}
	c.Source = c.Client // as reading the file has it
	if change != nil {
		change(&c)
	}
	n, err := pagerduty.New(&c, templates(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func firing(name string, over bool, labels ...string) *amalert.Alert {
	l := model.LabelSet{"alertname": model.LabelValue(name), "service": "checkout"}
	for i := 0; i+1 < len(labels); i += 2 {
		l[model.LabelName(labels[i])] = model.LabelValue(labels[i+1])
	}
	now := time.Now()
	out := &amalert.Alert{Alert: model.Alert{Labels: l, StartsAt: now.Add(-time.Minute), EndsAt: now.Add(time.Hour)}}
	if over {
		out.EndsAt = now.Add(-time.Second)
	}
	return out
}

// tells has a notifier tell of a group as Alertmanager's dispatcher does.
func tells(t *testing.T, n notify.Notifier, group string, all ...*amalert.Alert) {
	t.Helper()
	ctx := notify.WithGroupKey(t.Context(), group)
	ctx = notify.WithReceiverName(ctx, "hinoban")
	ctx = notify.WithGroupLabels(ctx, model.LabelSet{"alertname": all[0].Labels["alertname"]})
	ctx = notify.WithNow(ctx, time.Now())
	if again, err := n.Notify(ctx, all...); err != nil {
		t.Fatalf("again %v: %v", again, err)
	}
}

// inboxLine is the alerts of a source in one line, the oldest first.
func inboxLine(t *testing.T, a *App, source string) string {
	t.Helper()
	all, err := a.inbox.Alerts(t.Context(), alert.Query{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range slices.Backward(all) {
		out = append(out, fmt.Sprintf("%s %s %s/%s ×%d", x.State(), x.Severity, x.Service, x.Rule, x.Count))
	}
	return strings.Join(out, "; ")
}

// Alertmanager's own notifier for Opsgenie, with another api_url.
func TestAlertmanagersOpsgenieNotifier(t *testing.T) {
	a := listening(t, t.TempDir())
	key := a.sourceOf(t, "og", ingest.Opsgenie)
	n := opsgenieNotifier(t, served(t, a), key, func(c *opsgenie.OpsGenieConfig) { c.Priority = "P1" })
	wants := func(after, want string) {
		t.Helper()
		if got := inboxLine(t, a, "og"); got != want {
			t.Errorf("after %s: got %s, want %s", after, got, want)
		}
	}
	tells(t, n, "g1", firing("Down", false, "instance", "a"))
	wants("create", "open page checkout/Down ×1")
	tells(t, n, "g1", firing("Down", false, "instance", "a"), firing("Down", false, "instance", "b"))
	wants("update", "open page checkout/Down ×2")
	got, err := a.inbox.Alerts(t.Context(), alert.Query{Source: "og"})
	if err != nil || !strings.Contains(got[0].Annotations["description"], "instance = b") {
		t.Errorf("the description was not updated: %v, %v", got[0].Annotations, err)
	}
	tells(t, n, "g1", firing("Down", true, "instance", "a"), firing("Down", false, "instance", "b"))
	wants("a part is over", "open page checkout/Down ×3")
	tells(t, n, "g2", firing("Slow", false))
	wants("another group", "open page checkout/Down ×3; open page checkout/Slow ×1")
	tells(t, n, "g1", firing("Down", true, "instance", "a"), firing("Down", true, "instance", "b"))
	wants("resolve", "resolved page checkout/Down ×3; open page checkout/Slow ×1")
	tells(t, n, "g1", firing("Down", true, "instance", "a"))
	tells(t, n, "g1", firing("Down", false, "instance", "a"))
	wants("it fires again", "resolved page checkout/Down ×3; open page checkout/Slow ×1; open page checkout/Down ×1")
	long := firing("Long", false)
	long.Annotations = model.LabelSet{"message": model.LabelValue(strings.Repeat("ん", 9000))}
	tells(t, n, "g3", long)
}

// counted is the states and counts of a source's alerts, the oldest first.
func counted(t *testing.T, a *App, source string) string {
	t.Helper()
	all, err := a.inbox.Alerts(t.Context(), alert.Query{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range slices.Backward(all) {
		out = append(out, fmt.Sprintf("%s ×%d", x.State(), x.Count))
	}
	return strings.Join(out, ", ")
}

// Alertmanager's own notifier for PagerDuty, with another url. All alerts say the
// same words, and are told apart by their keys.
func TestAlertmanagersPagerDutyNotifier(t *testing.T) {
	data := t.TempDir()
	a := listening(t, data)
	key := a.sourceOf(t, "pd", ingest.PagerDuty)
	same := func(c *pagerduty.PagerdutyConfig) { c.Description = "the same words" }
	n := pagerDutyNotifier(t, served(t, a), key, same)
	step := func(name, want, group string, all ...*amalert.Alert) {
		t.Helper()
		tells(t, n, group, all...)
		if got := counted(t, a, "pd"); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	step("firing", "open ×1", "g1", firing("Down", false, "instance", "a"))
	step("another group", "open ×1, open ×1", "g2", firing("Slow", false))
	step("repeat", "open ×2, open ×1", "g1", firing("Down", false, "instance", "a"), firing("Down", false, "instance", "b"))
	step("a part is over", "open ×3, open ×1", "g1", firing("Down", true, "instance", "a"), firing("Down", false, "instance", "b"))
	// Both sides start again: the key of the group is the same.
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = listening(t, data)
	n = pagerDutyNotifier(t, served(t, a), key, same)
	step("resolve", "resolved ×3, open ×1", "g1", firing("Down", true, "instance", "a"), firing("Down", true, "instance", "b"))
	step("resolve again", "resolved ×3, open ×1", "g1", firing("Down", true, "instance", "a"))
	step("it fires again", "resolved ×3, open ×1, open ×1", "g1", firing("Down", false, "instance", "a"))
	n = pagerDutyNotifier(t, served(t, a), key, func(c *pagerduty.PagerdutyConfig) {
		c.Description = strings.Repeat("火", 3000)
		c.Details = map[string]any{"much": strings.Repeat("x", 600_000)}
	})
	step("large", "resolved ×3, open ×1, open ×1, open ×1", "g4", firing("Big", false))
	all, err := a.inbox.Alerts(t.Context(), alert.Query{Source: "pd", Limit: 1})
	if err != nil || len([]rune(all[0].Summary)) != 1024 || !strings.Contains(all[0].Annotations["error"], "removed") {
		t.Errorf("truncated: %d runes, %v, %v", len([]rune(all[0].Summary)), all[0].Annotations, err)
	}
}

// The rules of PagerDuty's Events API v2.
func TestPagerDutyRules(t *testing.T) {
	a := listening(t, t.TempDir())
	key, other := a.sourceOf(t, "pd", ingest.PagerDuty), a.sourceOf(t, "pd2", ingest.PagerDuty)
	event := func(key, action, dedup string) string {
		return fmt.Sprintf(`{"routing_key":"%s","event_action":"%s","dedup_key":"%s","payload":{"summary":"disk full","source":"db1","severity":"critical"}}`, key, action, dedup)
	}
	for _, step := range []struct {
		name, body string
		code       int
		says       string
		pd, pd2    string
	}{
		{"acknowledge of nothing", event(key, "acknowledge", "k"), 202, `"dedup_key":"k"`, "", ""},
		{"resolve of nothing", event(key, "resolve", "k"), 202, `"dedup_key":"k"`, "", ""},
		{"trigger", event(key, "trigger", "k"), 202, `"dedup_key":"k"`, "open ×1", ""},
		{"sent again", event(key, "trigger", "k"), 202, `"dedup_key":"k"`, "open ×1", ""},
		{"other words", strings.Replace(event(key, "trigger", "k"), "full", "fuller", 1), 202, `"dedup_key":"k"`, "open ×2", ""},
		{"the key of another source", event(other, "resolve", "k"), 202, `"dedup_key":"k"`, "open ×2", ""},
		{"its own", event(other, "trigger", "k"), 202, `"dedup_key":"k"`, "open ×2", "open ×1"},
		{"acknowledge", `{"routing_key":"` + key + `","event_action":"acknowledge","dedup_key":"k"}`, 202, `"dedup_key":"k"`, "acked ×2", "open ×1"},
		{"resolve", `{"routing_key":"` + key + `","event_action":"resolve","dedup_key":"k"}`, 202, `"dedup_key":"k"`, "resolved ×2", "open ×1"},
		{"acknowledge after the end", event(key, "acknowledge", "k"), 202, `"dedup_key":"k"`, "resolved ×2", "open ×1"},
		{"the same words at once after the end", event(key, "trigger", "k"), 202, `"dedup_key":"k"`, "resolved ×2, open ×1", "open ×1"},
		{"no dedup_key", strings.Replace(event(other, "trigger", ""), `"dedup_key":"",`, "", 1), 202, `"dedup_key":"`, "resolved ×2, open ×1", "open ×1, open ×1"},
		{"no dedup_key to resolve", event(key, "resolve", ""), 400, `'dedup_key' is missing`, "resolved ×2, open ×1", "open ×1, open ×1"},
		{"no severity", strings.Replace(event(key, "trigger", "z"), `,"severity":"critical"`, "", 1), 400, `'payload.severity' is missing`, "resolved ×2, open ×1", "open ×1, open ×1"},
		{"no summary", strings.Replace(event(key, "trigger", "z"), "disk full", "", 1), 400, `'payload.summary' is missing`, "resolved ×2, open ×1", "open ×1, open ×1"},
		{"no source", strings.Replace(event(key, "trigger", "z"), "db1", "", 1), 400, `'payload.source' is missing`, "resolved ×2, open ×1", "open ×1, open ×1"},
		{"no payload", `{"routing_key":"` + key + `","event_action":"trigger"}`, 400, `'payload' is missing`, "resolved ×2, open ×1", "open ×1, open ×1"},
		{"long dedup_key", event(key, "trigger", strings.Repeat("k", 256)), 400, `longer than 255`, "resolved ×2, open ×1", "open ×1, open ×1"},
		{"unknown action", event(key, "snooze", "k"), 400, `'event_action' must be one of`, "resolved ×2, open ×1", "open ×1, open ×1"},
		{"an unknown field", strings.Replace(event(key, "trigger", "k"), `"payload"`, `"service_key":"x","payload"`, 1), 202, `"status":"success"`, "resolved ×2, open ×2", "open ×1, open ×1"},
	} {
		w := post(a, "/v2/enqueue", step.body)
		if w.Code != step.code || !strings.Contains(w.Body.String(), step.says) {
			t.Errorf("%s: got %d %s, want %d and %s", step.name, w.Code, w.Body, step.code, step.says)
		}
		if pd, pd2 := counted(t, a, "pd"), counted(t, a, "pd2"); pd != step.pd || pd2 != step.pd2 {
			t.Errorf("%s: got %q and %q, want %q and %q", step.name, pd, pd2, step.pd, step.pd2)
		}
	}
}

// hear delivers what is in the log to the rooms until nothing is left.
func (a *App) hear(t *testing.T) {
	t.Helper()
	for left := 1; left > 0; {
		left = 0
		for _, m := range a.modules {
			if len(m.On) == 0 {
				continue
			}
			n, err := a.bus.Subscriber(a.log, m.Name, m.On...).Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			left += n
		}
	}
}

// Who acknowledges at the sender has the alert, and with it the page; who takes it
// back there is called again.
func TestAcknowledgingAtTheSenderAnswersThePage(t *testing.T) {
	a := listening(t, t.TempDir())
	pd, key := a.sourceOf(t, "pd", ingest.PagerDuty), a.sourceOf(t, "og", ingest.Opsgenie)
	answered := func(service string) string {
		a.hear(t)
		all, err := a.pager.Pages(t.Context(), oncall.PageQuery{Service: service})
		if err != nil || len(all) != 1 {
			t.Fatalf("got %d pages of %s, %v; want 1", len(all), service, err)
		}
		return all[0].AckedBy
	}
	event := func(action string) {
		body := fmt.Sprintf(`{"routing_key":"%s","event_action":"%s","dedup_key":"k","payload":{"summary":"s","source":"db","severity":"critical"}}`, pd, action)
		if w := post(a, "/v2/enqueue", body); w.Code != http.StatusAccepted {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	event("trigger")
	before := answered("db")
	event("acknowledge")
	if after := answered("db"); before != "" || after != "pd" {
		t.Errorf("PagerDuty: the page was with %q, and is with %q; want pd", before, after)
	}
	og(t, a, "POST", "/v2/alerts", key, `{"message":"m","alias":"k","entity":"web","priority":"P1"}`)
	answered("web")
	for _, step := range [][2]string{{"acknowledge", "og"}, {"unacknowledge", ""}, {"acknowledge", "og"}} {
		og(t, a, "POST", "/v2/alerts/k/"+step[0]+"?identifierType=alias", key, `{}`)
		if got := answered("web"); got != step[1] {
			t.Errorf("after %s the page is with %q, want %q", step[0], got, step[1])
		}
	}
}

// og asks Opsgenie's API and returns the status and the answer.
func og(t *testing.T, a *App, method, path, key, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, "http://hinoban.example"+path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "GenieKey "+key)
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s: %d %s: %v", method, path, w.Code, w.Body, err)
	}
	if _, ok := out["took"].(float64); !ok || out["requestId"] == "" {
		t.Errorf("%s %s: no took or requestId in %s", method, path, w.Body)
	}
	return w.Code, out
}

func TestOpsgenieClientsChangeAnAddress(t *testing.T) {
	a := listening(t, t.TempDir())
	key, other := a.sourceOf(t, "og", ingest.Opsgenie), a.sourceOf(t, "og2", ingest.Opsgenie)
	const create = `{"message":"disk full","alias":"disk 1/2","entity":"db","priority":"P2","tags":["a","b"],"responders":[{"type":"team","name":"ops"}],"details":{"host":"h1"}}`
	const by = "/v2/alerts/disk%201%2F2"
	code, out := og(t, a, "POST", "/v2/alerts", key, create)
	if code != 202 || out["result"] != "Request will be processed" {
		t.Fatalf("create: got %d %v", code, out)
	}
	_, done := og(t, a, "GET", fmt.Sprint("/v2/alerts/requests/", out["requestId"]), key, "")
	told, _ := done["data"].(map[string]any)
	if told["isSuccess"] != true || told["action"] != "Create" || told["alias"] != "disk 1/2" || told["alertId"] == "" {
		t.Errorf("request: got %v", done)
	}
	for _, step := range []struct{ name, method, path, key, body, want string }{
		{"again", "POST", "/v2/alerts", key, strings.Replace(create, "full", "fuller", 1), "open page db/alert ×2"},
		{"another key, the same alias", "POST", by + "/close?identifierType=alias", other, `{}`, "open page db/alert ×2"},
		{"acknowledge", "POST", by + "/acknowledge?identifierType=alias", key, `{"user":"aoi","note":"looking"}`, "acked page db/alert ×2"},
		{"unacknowledge by id", "POST", fmt.Sprintf("/v2/alerts/%s/unacknowledge", told["alertId"]), key, ``, "open page db/alert ×2"},
		{"note", "POST", by + "/notes?identifierType=alias", key, `{"note":"still there"}`, "open page db/alert ×2"},
		{"message", "POST", by + "/message?identifierType=alias", key, `{"message":"disk very full"}`, "open page db/alert ×2"},
		{"description", "POST", by + "/description?identifierType=alias", key, `{"description":"99 %"}`, "open page db/alert ×2"},
		{"close of nothing", "POST", "/v2/alerts/nothing/close?identifierType=alias", key, `{}`, "open page db/alert ×2"},
		{"delete by tiny", "DELETE", fmt.Sprintf("/v2/alerts/%s?identifierType=tiny", ingest.TinyID(fmt.Sprint(told["alertId"]))), key, ``, "resolved page db/alert ×2"},
		{"the same again at once", "POST", "/v2/alerts", key, create, "resolved page db/alert ×2; open page db/alert ×1"},
		{"without alias", "POST", "/v2/alerts", key, `{"message":"x","priority":"P5"}`, "resolved page db/alert ×2; open page db/alert ×1; open info /alert ×1"},
		{"by message", "POST", "/v2/alerts", key, `{"message":"x","priority":"P4","note":"y"}`, "resolved page db/alert ×2; open page db/alert ×1; open info /alert ×2"},
	} {
		if code, out := og(t, a, step.method, step.path, step.key, step.body); code != 202 {
			t.Errorf("%s: got %d %v", step.name, code, out)
		}
		if got := inboxLine(t, a, "og"); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
	details := map[string]string{}
	for i := range 12 {
		details[fmt.Sprint("k", i)] = strings.Repeat("d", 8000)
	}
	large, err := json.Marshal(map[string]any{
		"message": strings.Repeat("長", 200), "alias": strings.Repeat("a", 512), "description": strings.Repeat("説", 15000), "details": details,
		"tags": []string{strings.Repeat("t", 2000)}, "note": strings.Repeat("n", 25000), "priority": "P5", "entity": strings.Repeat("e", 600),
	})
	if err != nil {
		t.Fatal(err)
	}
	if code, out := og(t, a, "POST", "/v2/alerts", other, string(large)); code != 202 || !strings.HasPrefix(inboxLine(t, a, "og2"), "open info") {
		t.Errorf("as large as it may be: got %d %v", code, out)
	}
	if code, out := og(t, a, "POST", "/v2/alerts/"+strings.Repeat("a", 512)+"/notes?identifierType=alias", other, `{"note":"`+strings.Repeat("m", 25000)+`"}`); code != 202 {
		t.Errorf("a note to it: got %d %v", code, out)
	}
	code, out = og(t, a, "GET", fmt.Sprintf("/v2/alerts/%s", told["alertId"]), key, "")
	got, _ := json.Marshal(out["data"])
	for _, want := range []string{`"status":"closed"`, `"alias":"disk 1/2"`, `"message":"disk very full"`, `"description":"99 %"`, `"tags":["a","b"]`, `"priority":"P2"`, `"count":2`, `"host":"h1"`} {
		if code != 200 || !strings.Contains(string(got), want) {
			t.Errorf("get: %d %s, want %s", code, got, want)
		}
	}
	if one, err := a.inbox.Alert(t.Context(), fmt.Sprint(told["alertId"])); err != nil || !strings.Contains(one.Annotations["note"], "still there") {
		t.Errorf("the note was not kept: %v (%v)", one.Annotations, err)
	}
	for path, want := range map[string]int{"/v2/alerts": 3, "/v2/alerts?query=status:open": 2, "/v2/alerts?query=status%3Dclosed": 1, "/v2/alerts?limit=1&offset=1": 1, "/v2/alerts?query=very": 1} {
		_, out := og(t, a, "GET", path, key, "")
		if list, _ := out["data"].([]any); len(list) != want {
			t.Errorf("%s: got %d alerts, want %d", path, len(list), want)
		}
	}
}

func TestOpsgenieSaysWhatIsWrong(t *testing.T) {
	a := listening(t, t.TempDir())
	key, beat := a.sourceOf(t, "og", ingest.Opsgenie), a.sourceOf(t, "nightly-backup", ingest.Heartbeat)
	for _, tt := range []struct {
		name, method, path, key, body string
		code                          int
		says                          string
	}{
		{"no key", "POST", "/v2/alerts", "", `{}`, 401, "Authorization"},
		{"unknown key", "POST", "/v2/alerts", "nope", `{}`, 403, "Could not authenticate"},
		{"no JSON", "POST", "/v2/alerts", key, `{`, 422, "not JSON"},
		{"no message", "POST", "/v2/alerts", key, `{"alias":"x"}`, 422, "Message can not be empty."},
		{"priority", "POST", "/v2/alerts", key, `{"message":"x","priority":"P9"}`, 422, "P1, P2"},
		{"long alias", "POST", "/v2/alerts", key, `{"message":"x","alias":"` + strings.Repeat("x", 513) + `"}`, 422, "512"},
		{"snooze", "POST", "/v2/alerts/x/snooze", key, `{}`, 422, "not offered"},
		{"verb", "POST", "/v2/alerts/x/dance", key, `{}`, 422, "must be one of"},
		{"identifier", "POST", "/v2/alerts/x/close?identifierType=name", key, `{}`, 422, "id, alias, tiny"},
		{"no such alert", "GET", "/v2/alerts/x?identifierType=alias", key, ``, 404, "no alert"},
		{"no such request", "GET", "/v2/alerts/requests/x", key, ``, 404, "Request not found"},
		{"query", "GET", "/v2/alerts?query=createdAt%3A1", key, ``, 422, "status:open"},
		{"large", "POST", "/v2/alerts", key, `{"message":"x","description":"` + strings.Repeat("x", 600<<10) + `"}`, 413, "at most"},
		{"a heartbeat is no alert", "POST", "/v2/alerts", beat, `{"message":"x"}`, 403, "heartbeat"},
		{"another's heartbeat", "GET", "/v2/heartbeats/nightly-backup/ping", key, ``, 404, "not found"},
		{"heartbeat", "GET", "/v2/heartbeats/Nightly%20Backup/ping", beat, ``, 202, "PONG"},
		{"heartbeat", "POST", "/v2/heartbeats/nightly-backup/ping", beat, `{}`, 202, "PONG"},
		{"its own", "PUT", "/v2/heartbeats/og/ping", key, ``, 202, "PONG"},
	} {
		code, out := og(t, a, tt.method, tt.path, tt.key, tt.body)
		if text := fmt.Sprint(out); code != tt.code || !strings.Contains(text, tt.says) {
			t.Errorf("%s: got %d %s, want %d and %q", tt.name, code, text, tt.code, tt.says)
		}
	}
	if s := mustSource(t, a, "nightly-backup"); s.HeardAt.IsZero() {
		t.Error("the heartbeat was not heard")
	}
}
