package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

type deaf struct{}

func (deaf) Answered(context.Context, notify.Answer) (string, error) { return "", nil }
func (deaf) Reported(context.Context, notify.Report) error           { return nil }

// connected is a product with every way to reach people.
func connected(t *testing.T) *App {
	t.Helper()
	cfg := Default()
	cfg.Data, cfg.Listen, cfg.BaseURL, cfg.Auth.Mode = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "https://hinoban.example.org", auth.On
	cfg.Mail.Host, cfg.Mail.From = "mail.example.org", "hinoban@example.org"
	cfg.Slack.Token, cfg.Slack.AppToken, cfg.Slack.Signing = "xoxb-1", "xapp-1", "signing-secret"
	cfg.Twilio.SID, cfg.Twilio.Token, cfg.Twilio.From = "AC"+strings.Repeat("0", 32), "t", "+815012345678"
	cfg.Telegram.Token, cfg.Line.Token, cfg.Line.Secret = "110201543:AAHdqTcvCH1vGWJx", "t", strings.Repeat("0", 32)
	cfg.Discord.Token, cfg.Discord.PublicKey = "t", strings.Repeat("0", 64)
	a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestEveryChannelOfADeviceIsThereAndHeard(t *testing.T) {
	t.Parallel()
	a := connected(t)
	var have []string
	for _, c := range a.ways {
		have = append(have, c.Name())
	}
	slices.Sort(have)
	field, _ := reflect.TypeFor[catalog.DeviceSpec]().FieldByName("Channel")
	want := strings.Split(field.Tag.Get("enum"), ",")
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("channels of devices and of the server differ:\n%s", diff)
	}
	routes, workers := a.hearBack(deaf{})
	var paths, names []string
	for _, r := range routes {
		paths = append(paths, r.Pattern)
	}
	for _, w := range workers {
		names = append(names, w.Name)
		if w.Each {
			t.Errorf("%s runs on each server: what is tapped would be heard twice", w.Name)
		}
	}
	slices.Sort(paths)
	slices.Sort(names)
	if diff := cmp.Diff([]string{
		"POST /hooks/discord", "POST /hooks/line", "POST /hooks/mattermost/action", "POST /hooks/slack/interactive",
		"POST /hooks/sms/reply", "POST /hooks/sms/status", "POST /hooks/voice/digits", "POST /hooks/voice/status",
	}, paths); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"notify.hear.slack", "notify.hear.telegram"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestBrowserAllowsNotifications(t *testing.T) {
	t.Parallel()
	a := lived(t)
	call := func(method, path, body string, status int) string {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.RemoteAddr, r.Host = "127.0.0.1:1", strings.TrimPrefix(a.cfg.BaseURL, "http://")
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		a.handler.ServeHTTP(w, r)
		if w.Code != status {
			t.Fatalf("%s %s: got %d %s, want %d", method, path, w.Code, w.Body, status)
		}
		return w.Body.String()
	}
	for path, want := range map[string]string{"/push-sw.js": "showNotification", "/manifest.webmanifest": `"start_url"`, "/push-icon-192.png": "PNG", "/push-icon-512.png": "PNG"} {
		if got := call(http.MethodGet, path, "", 200); !strings.Contains(got, want) {
			t.Errorf("%s has no %s", path, want)
		}
	}
	var key struct{ Key string }
	if err := json.Unmarshal([]byte(call(http.MethodGet, "/api/v1/oncall/push/key", "", 200)), &key); err != nil || len(key.Key) != 87 {
		t.Errorf("key: got %q, %v", key.Key, err)
	}
	const path, endpoint = "/api/v1/oncall/push/subscriptions", "https://push.example.com/x"
	// The server's own key is as good a point as a browser's.
	sub := func(as, p256dh string) string {
		return `{"endpoint":"` + endpoint + `","keys":{"p256dh":"` + p256dh + `","auth":"` + base64.RawURLEncoding.EncodeToString([]byte("sixteen bytes ok")) + `"},"as":"` + as + `"}`
	}
	call(http.MethodPost, path, sub("nobody-here", key.Key), 404)
	call(http.MethodPost, path, sub("aoi", "AAAA"), 422)
	id := oncalldb.SubscriptionID(endpoint)
	if got := call(http.MethodPost, path, sub("aoi", key.Key), 200); !strings.Contains(got, id) {
		t.Errorf("got %s, want id %s", got, id)
	}
	if got, err := oncalldb.NewSubscriptions(a.db).ByPerson(t.Context(), "aoi"); err != nil || len(got) != 1 {
		t.Errorf("got %d subscriptions, %v", len(got), err)
	}
	if got := call(http.MethodDelete, path+"/"+id+"?as=aoi", "", 200); !strings.Contains(got, "true") {
		t.Errorf("delete: got %s", got)
	}
}
