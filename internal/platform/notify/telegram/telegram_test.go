package telegram_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
	"github.com/hinoban/hinoban/internal/platform/notify/telegram"
)

func open(t *testing.T) (notifytest.Harness, *notifytest.Telegram) {
	srv := notifytest.NewTelegram(t)
	cfg := telegram.Default()
	cfg.API, cfg.Token, cfg.AllowPrivate = srv.URL, srv.Token, true
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return notifytest.Harness{
		Channel: telegram.New(cfg, slog.New(slog.DiscardHandler), time.Now), Server: srv, Address: "123456789", Bad: []string{"aoi", "@a", "0", "12x", "--1"},
		Secrets: []string{srv.Token, "AAHdqTcv"}, MaxText: telegram.MaxBody, Who: "987654321", Tap: srv.Tap,
		Faults: []notifytest.Fault{
			notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
		},
	}, srv
}

func TestConformance(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, func(t *testing.T) notifytest.Harness { h, _ := open(t); return h })
}

// An answer that could not be taken comes again, and one that is refused is said.
func TestTapsSurviveABusyDatabase(t *testing.T) {
	t.Parallel()
	h, srv := open(t)
	b := &notifytest.Back{}
	b.Fail(errs.New(errs.Unavailable, "busy"))
	done := make(chan error, 1)
	go func() { done <- h.Channel.(notify.Listener).Listen(t.Context(), b) }()
	srv.Tap(t, notifytest.Button{Data: "a:forged"})
	srv.Tap(t, notifytest.Button{Data: "x:what"})
	srv.Tap(t, notifytest.Button{Data: "a:token"})
	srv.AwaitTold(t, 2, 0)
	b.Fail(nil)
	if got := b.Answers(t, 1); got[0].Token != "token" {
		t.Errorf("heard %+v", got)
	}
	srv.AwaitTold(t, 3, 1)
}

func FuzzTapped(f *testing.F) {
	f.Add("a:token")
	f.Add("d:a:b")
	f.Fuzz(func(t *testing.T, s string) {
		if action, token, ok := telegram.Tapped(s); ok && (!notify.CheckToken(token) || action != notify.Ack && action != notify.Decline) {
			t.Errorf("%q became %q %q", s, action, token)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := telegram.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*telegram.Config){
		func(c *telegram.Config) { c.API = "http://api.telegram.org" },
		func(c *telegram.Config) { c.Token = "secret" },
		func(c *telegram.Config) { c.Poll = time.Hour },
		func(c *telegram.Config) { c.Timeout = 0 },
	} {
		c := telegram.Default()
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
