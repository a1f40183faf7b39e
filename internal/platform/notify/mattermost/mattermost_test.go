package mattermost_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify/mattermost"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct{ bot, public bool }{"webhook": {}, "webhook buttons": {public: true}, "bot": {bot: true}, "bot buttons": {true, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness {
				srv := notifytest.NewMattermost(t)
				cfg := mattermost.Default()
				cfg.AllowPrivate = true
				h := notifytest.Harness{
					Server: srv, Address: srv.Hook, Bad: []string{"town-square", "@aoi", "ftp://x/y"},
					Secrets: []string{srv.Token, "hookcapability"}, MaxText: mattermost.MaxBody,
					Faults: []notifytest.Fault{
						notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
					},
				}
				if how.bot {
					cfg.URL, cfg.Token, h.Address = srv.URL, srv.Token, "channel0123456789abcdefghi"
				}
				if how.public {
					h.Front = notifytest.NewFront(t)
					cfg.Public, cfg.Key = h.Front.URL, []byte("0123456789abcdef")
					h.Who, h.Tap, h.Forge = "user0123456789abcdefghijkl", srv.Tap, srv.Forge
				}
				if err := cfg.Validate(); err != nil {
					t.Fatal(err)
				}
				h.Channel = mattermost.New(cfg, time.Now)
				return h
			})
		})
	}
}

func FuzzReadTap(f *testing.F) {
	f.Add([]byte(`{"user_id":"u","context":{"action":"ack","token":"t","mac":"m"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if tap, err := mattermost.ReadTap(body); err != nil && tap != (mattermost.Tap{}) {
			t.Errorf("got %+v, %v", tap, err)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := mattermost.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*mattermost.Config){
		func(c *mattermost.Config) { c.Token = "t" },
		func(c *mattermost.Config) { c.URL = "http://chat.example.com" },
		func(c *mattermost.Config) { c.Public = "https://hinoban.example.com" },
		func(c *mattermost.Config) { c.Timeout = 0 },
	} {
		c := mattermost.Default()
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
