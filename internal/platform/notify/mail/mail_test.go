package mail_test

import (
	"testing"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify/mail"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
)

const password = "correct-horse-battery"

func TestConformance(t *testing.T) {
	t.Parallel()
	for security, opts := range map[mail.Security]notifytest.SMTPOptions{
		mail.StartTLS:    {StartTLS: true, User: "hinoban", Password: password},
		mail.ImplicitTLS: {ImplicitTLS: true, User: "hinoban", Password: password},
		mail.Plain:       {},
	} {
		t.Run(string(security), func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness { return open(t, security, opts) })
		})
	}
}

func open(t *testing.T, security mail.Security, opts notifytest.SMTPOptions) notifytest.Harness {
	t.Helper()
	srv := notifytest.NewSMTP(t, opts)
	cfg := config(srv, security)
	cfg.Username, cfg.Password = opts.User, opts.Password
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return notifytest.Harness{
		Channel: mail.New(cfg), Server: srv, Address: "aoi@example.com",
		Bad:     []string{"aoi", "Aoi <aoi@example.com>", "a@b, c@d", "<a@b>", "a@b\r\nRCPT TO:<x@y>"},
		Secrets: []string{password, "AGhpbm9iYW4AY29ycmVjdC1ob3JzZS1iYXR0ZXJ5"},
		Faults: []notifytest.Fault{
			notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
		},
		MaxText: mail.MaxBody,
	}
}

func config(srv *notifytest.SMTP, security mail.Security) mail.Config {
	cfg := mail.Default()
	cfg.Host, cfg.Port, cfg.Security, cfg.TLS = "127.0.0.1", srv.Port, security, srv.TLS
	cfg.From = "火の番 <hinoban@example.com>"
	return cfg
}

func TestNoMailWithoutTLSWhereTLSIsAsked(t *testing.T) {
	t.Parallel()
	srv := notifytest.NewSMTP(t, notifytest.SMTPOptions{})
	if _, err := mail.New(config(srv, mail.StartTLS)).Send(t.Context(), "aoi@example.com", notifytest.Sample("m")); err == nil {
		t.Error("got no error from a server without STARTTLS")
	}
	if got := srv.Received(); len(got) > 0 {
		t.Errorf("got %d letters in the clear", len(got))
	}
}

func TestTakenIsTakenWithoutGoodbye(t *testing.T) {
	t.Parallel()
	srv := notifytest.NewSMTP(t, notifytest.SMTPOptions{})
	srv.Next(notifytest.NoGoodbye)
	if _, err := mail.New(config(srv, mail.Plain)).Send(t.Context(), "aoi@example.com", notifytest.Sample("m")); err != nil {
		t.Errorf("got %v for a letter that was taken, want no error", err)
	}
}

func TestUntrustedServerGetsNothing(t *testing.T) {
	t.Parallel()
	srv := notifytest.NewSMTP(t, notifytest.SMTPOptions{ImplicitTLS: true})
	cfg := config(srv, mail.ImplicitTLS)
	cfg.TLS = nil
	if _, err := mail.New(cfg).Send(t.Context(), "aoi@example.com", notifytest.Sample("m")); err == nil || len(srv.Received()) > 0 {
		t.Errorf("got %v and %d letters, want an error and none", err, len(srv.Received()))
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := mail.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*mail.Config){
		func(c *mail.Config) { c.Security = mail.Plain },
		func(c *mail.Config) { c.Security = "ssl" },
		func(c *mail.Config) { c.Port = 0 },
		func(c *mail.Config) { c.From = "nobody" },
		func(c *mail.Config) { c.Username = "u" },
		func(c *mail.Config) { c.Timeout = 0 },
	} {
		c := mail.Default()
		c.Host, c.From = "mail.example.com", "a@example.com"
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
