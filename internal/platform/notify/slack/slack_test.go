package slack_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
	"github.com/hinoban/hinoban/internal/platform/notify/slack"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	all := []notifytest.Fault{
		notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle,
		notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
	}
	open := func(t *testing.T, hook bool, way string) notifytest.Harness {
		srv := notifytest.NewSlack(t)
		cfg := slack.Default()
		cfg.API, cfg.AllowPrivate = srv.API, true
		h := notifytest.Harness{
			Server: srv, Address: srv.Hook, Bad: []string{"not a channel", "#no spaces", "C1"},
			Secrets: []string{srv.Token, "hookcapability"}, Faults: all, MaxText: slack.MaxBody,
		}
		if !hook {
			cfg.Token, h.Address, h.Bad = srv.Token, "C024BE91L", []string{"not a channel", "#no spaces", "ftp://x/"}
		}
		switch way {
		case "socket":
			cfg.AppToken, h.Who, h.Tap = srv.AppToken, "U024BE7LH", srv.TapSocket
		case "hook":
			h.Front = notifytest.NewFront(t)
			cfg.Signing, h.Who, h.Tap, h.Forge = srv.Signing, "U024BE7LH", srv.TapHook(h.Front.URL), srv.Forge
			h.Address = "U024BE7LH"
		}
		h.Channel = slack.New(cfg, slog.New(slog.DiscardHandler), time.Now)
		return h
	}
	for name, hook := range map[string]bool{"bot": false, "webhook": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness { return open(t, hook, "") })
		})
	}
	for _, way := range []string{"socket", "hook"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness { return open(t, false, way) })
		})
	}
}

func FuzzReadTap(f *testing.F) {
	f.Add([]byte(`{"type":"block_actions","actions":[{"action_id":"hinoban-ack","value":"t"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if tap, ok := slack.ReadTap(body); ok && (!notify.CheckToken(tap.Token) || tap.Action != notify.Ack && tap.Action != notify.Decline) {
			t.Errorf("got %+v", tap)
		}
	})
}

func TestRepeatedMessageIsShownOnce(t *testing.T) {
	t.Parallel()
	srv := notifytest.NewSlack(t)
	cfg := slack.Default()
	cfg.API, cfg.AllowPrivate, cfg.Token = srv.API, true, srv.Token
	c := slack.New(cfg, slog.New(slog.DiscardHandler), time.Now)
	for range 3 {
		if _, err := c.Send(t.Context(), "C024BE91L", notifytest.Sample("same")); err != nil {
			t.Fatal(err)
		}
	}
	if got := srv.Shown(); len(got) != 1 {
		t.Errorf("got %d messages, want 1", len(got))
	}
}

func TestErrorNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]errs.Kind{
		"ratelimited": errs.Unavailable, "internal_error": errs.Unavailable, "a_new_name": errs.Unavailable,
		"invalid_auth": errs.Denied, "not_in_channel": errs.Denied, "is_archived": errs.NotFound,
		"channel_not_found": errs.NotFound, "invalid_blocks": errs.Invalid,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"ok":false,"error":"` + name + `"}`))
		}))
		cfg := slack.Default()
		cfg.API, cfg.AllowPrivate, cfg.Token = srv.URL+"/", true, "xoxb-1"
		_, err := slack.New(cfg, slog.New(slog.DiscardHandler), time.Now).Send(t.Context(), "#alerts", notifytest.Sample("m"))
		if got := errs.KindOf(err); got != want {
			t.Errorf("%s: got kind %d (%v), want %d", name, got, err, want)
		}
		srv.Close()
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := slack.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*slack.Config){
		func(c *slack.Config) { c.API = "https://slack.com/api" },
		func(c *slack.Config) { c.API, c.Token = "http://slack.com/api/", "xoxb-1" },
		func(c *slack.Config) { c.Token = "xoxb-1\r\nHost: x" },
		func(c *slack.Config) { c.AppToken = "xapp-1" },
		func(c *slack.Config) { c.Timeout = 0 },
	} {
		c := slack.Default()
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}

// The app that the manual tells people to make may do all that the channel does.
func TestManifestAllowsWhatIsCalled(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../examples/slack-app/manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"chat:write", "im:write", "im:history", "channels:history", "groups:history", "socket_mode_enabled: true", "is_enabled: true", "/hooks/slack/interactive"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("manifest has no %s", want)
		}
	}
}
