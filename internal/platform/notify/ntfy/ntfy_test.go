package ntfy_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
	"github.com/hinoban/hinoban/internal/platform/notify/ntfy"
)

func open(t *testing.T, token, path string) notifytest.Harness {
	srv := notifytest.NewNtfy(t, token)
	cfg := ntfy.Default()
	cfg.URL, cfg.Token, cfg.AllowPrivate = srv.URL, token, true
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	address := "sre-aoi"
	if path != "" {
		address = srv.URL + path
	}
	return notifytest.Harness{
		Channel: ntfy.New(cfg, time.Now), Server: srv, Address: address, Bad: []string{"a b", "a/b", "ftp://x/y", "https://ntfy.sh/", "https://ntfy.sh/a?b=c"},
		Secrets: []string{"tk_0123456789abcdef", "hunter22", "b3BzOmh1bnRlcjIy"}, MaxText: ntfy.MaxBody,
		Faults: []notifytest.Fault{
			notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{"open": "", "bearer": "tk_0123456789abcdef", "basic": "ops:hunter22"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness { return open(t, token, "") })
		})
	}
	t.Run("url", func(t *testing.T) {
		t.Parallel()
		notifytest.Run(t, func(t *testing.T) notifytest.Harness { return open(t, "tk_0123456789abcdef", "/sre-aoi") })
	})
}

func TestTokenGoesToItsServerOnly(t *testing.T) {
	t.Parallel()
	h := open(t, "tk_0123456789abcdef", "")
	other := notifytest.NewNtfy(t, "another")
	if _, err := h.Channel.Send(t.Context(), other.URL+"/sre-aoi", notifytest.Sample("m")); errs.KindOf(err) != errs.Denied {
		t.Errorf("got %v from a server that wants another token, want a Denied error", err)
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := ntfy.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*ntfy.Config){
		func(c *ntfy.Config) { c.URL = "https://ntfy.sh/" },
		func(c *ntfy.Config) { c.URL, c.Token = "http://ntfy.sh", "tk_1" },
		func(c *ntfy.Config) { c.Token = "a b" },
		func(c *ntfy.Config) { c.Timeout = 0 },
	} {
		c := ntfy.Default()
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
