package line_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/line"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
)

func open(t *testing.T, hears bool) (notifytest.Harness, *notifytest.Line) {
	front := notifytest.NewFront(t)
	srv := notifytest.NewLine(t, front.URL)
	cfg := line.Default()
	cfg.API, cfg.Token, cfg.AllowPrivate = srv.URL, srv.Token, true
	h := notifytest.Harness{
		Server: srv, Address: "U" + strings.Repeat("0a", 16), Bad: []string{"aoi", "U1", "X" + strings.Repeat("0a", 16)},
		Secrets: []string{srv.Token, srv.Secret}, MaxText: line.MaxBody,
		Faults: []notifytest.Fault{
			notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
		},
	}
	if hears {
		cfg.Secret, h.Front, h.Who, h.Tap, h.Forge = srv.Secret, front, h.Address, srv.Tap, srv.Forge
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	h.Channel = line.New(cfg, time.Now)
	return h, srv
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, hears := range map[string]bool{"hears": true, "deaf": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness { h, _ := open(t, hears); return h })
		})
	}
}

func TestRepeatedMessageIsShownOnce(t *testing.T) {
	t.Parallel()
	h, srv := open(t, true)
	for range 3 {
		if r, err := h.Channel.Send(t.Context(), h.Address, notifytest.Sample("same")); err != nil || r.ProviderID == "" {
			t.Fatal(r, err)
		}
	}
	if got := srv.Shown(); len(got) != 1 {
		t.Errorf("got %d messages, want 1", len(got))
	}
}

func TestWhoTapsIsTold(t *testing.T) {
	t.Parallel()
	h, srv := open(t, true)
	h.Front.Mount(h.Channel.(notify.Hooked).Hooks(&notifytest.Back{}))
	srv.Tap(t, notifytest.Button{Data: "ack:token"})
	srv.Tap(t, notifytest.Button{Data: "ack:forged"})
	srv.Tap(t, notifytest.Button{Data: "what"})
	got := srv.Replies()
	if len(got) != 2 || got[0] != notifytest.Said || slices.Contains(got[1:], notifytest.Said) {
		t.Errorf("told %q, want what was said, and once that it did not count", got)
	}
}

func FuzzTaps(f *testing.F) {
	f.Add([]byte(`{"events":[{"type":"postback","postback":{"data":"ack:t"}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		taps, err := line.Taps(body)
		for _, tap := range taps {
			if err != nil || !notify.CheckToken(tap.Token) {
				t.Errorf("got %+v, %v", tap, err)
			}
		}
	})
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := line.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*line.Config){
		func(c *line.Config) { c.API = "http://api.line.me" },
		func(c *line.Config) { c.Token = "a b" },
		func(c *line.Config) { c.Secret = "short" },
		func(c *line.Config) { c.Timeout = 0 },
	} {
		c := line.Default()
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
