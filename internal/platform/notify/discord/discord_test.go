package discord_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/discord"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"webhook": "", "bot": "1098765432109876543", "user": "user:80351110224678912"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness {
				front := notifytest.NewFront(t)
				srv := notifytest.NewDiscord(t, front.URL)
				cfg := discord.Default()
				cfg.API, cfg.AllowPrivate = srv.URL, true
				h := notifytest.Harness{
					Server: srv, Address: srv.Hook, Bad: []string{"general", "#general", "12"},
					Secrets: []string{srv.Token, "hookcapability"}, MaxText: discord.MaxBody,
					Faults: []notifytest.Fault{
						notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
					},
				}
				if address != "" {
					cfg.Token, cfg.PublicKey, h.Address = srv.Token, srv.PublicKey, address
					h.Front, h.Who, h.Tap, h.Forge = front, "user:80351110224678912", srv.Tap, srv.Forge
				}
				if err := cfg.Validate(); err != nil {
					t.Fatal(err)
				}
				h.Channel = discord.New(cfg, time.Now)
				return h
			})
		})
	}
}

func FuzzReadInteraction(f *testing.F) {
	f.Add([]byte(`{"type":3,"data":{"custom_id":"ack:t"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if in, err := discord.ReadInteraction(body); err == nil && in.Action != "" && !notify.CheckToken(in.Token) {
			t.Errorf("got %+v", in)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := discord.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*discord.Config){
		func(c *discord.Config) { c.API = "http://discord.com/api" },
		func(c *discord.Config) { c.Token = "a b" },
		func(c *discord.Config) { c.PublicKey = "00" },
		func(c *discord.Config) { c.Timeout = 0 },
	} {
		c := discord.Default()
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
