package webhook_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
	"github.com/hinoban/hinoban/internal/platform/notify/webhook"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, func(t *testing.T) notifytest.Harness {
		const secret = "a-signing-secret-of-some-length"
		srv := notifytest.NewWebhook(t, secret)
		cfg := webhook.Default()
		cfg.Secret, cfg.AllowPrivate = secret, true
		return notifytest.Harness{
			Channel: webhook.New(cfg, time.Now), Server: srv, Address: srv.URL,
			Bad:     []string{"example.com", "ftp://example.com/", "https://u:p@example.com/", "https:///x", "https://a/#b"},
			Secrets: []string{secret, "with-a-secret-path"},
			Faults: []notifytest.Fault{
				notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle,
				notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
			},
			MaxText: webhook.MaxBody,
		}
	})
}

func TestPrivateAddressIsDenied(t *testing.T) {
	t.Parallel()
	srv := notifytest.NewWebhook(t, "")
	_, err := webhook.New(webhook.Default(), time.Now).Send(t.Context(), srv.URL, notifytest.Sample("m"))
	if errs.KindOf(err) != errs.Denied || len(srv.Received()) > 0 {
		t.Errorf("got %v and %d messages, want a Denied error and none", err, len(srv.Received()))
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := webhook.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, c := range []webhook.Config{{}, {Timeout: time.Hour}, {Timeout: time.Second, Secret: "short"}} {
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
