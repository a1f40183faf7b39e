package twilio_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
	"github.com/hinoban/hinoban/internal/platform/notify/twilio"
)

func open(t *testing.T) (twilio.Config, *notifytest.Twilio, notifytest.Harness) {
	front := notifytest.NewFront(t)
	srv := notifytest.NewTwilio(t, front.URL)
	cfg := twilio.Default()
	cfg.API, cfg.SID, cfg.Token, cfg.From, cfg.Public, cfg.AllowPrivate = srv.URL, srv.SID, srv.Token, "+815012345678", front.URL, true
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return cfg, srv, notifytest.Harness{
		Server: srv, Address: "+819012345678", Bad: []string{"09012345678", "+0901", "tel:+819012345678", "+81 90"},
		Secrets: []string{srv.Token, "YXV0aC10b2tlbi"}, Front: front, Who: "+819012345678", NoBody: true,
		Faults: []notifytest.Fault{
			notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
		},
	}
}

func TestSMSConformance(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, func(t *testing.T) notifytest.Harness {
		cfg, srv, h := open(t)
		h.Channel, h.MaxText, h.Forge = twilio.NewSMS(cfg, time.Now), twilio.MaxText, srv.Forge("sms")
		h.Report = func(t *testing.T, id string, s notify.ReportState) {
			srv.ReportSMS(t, id, map[notify.ReportState]string{notify.Accepted: "sent", notify.Delivered: "delivered", notify.Undelivered: "undelivered"}[s])
		}
		h.Speak = func(t *testing.T, text string) notify.Answer {
			status, body := srv.Post(t, h.Front.URL+"/hooks/sms/reply", url.Values{"From": {h.Who}, "To": {"+815012345678"}, "Body": {text}, "MessageSid": {"SM9"}})
			if status != 200 || !strings.Contains(body, "<Response>") {
				t.Errorf("%q: got %d %s", text, status, body)
			}
			return notify.Answer{Channel: "sms", Address: h.Who, Action: map[string]string{
				"ACK, on it": "ack",
				"4":          "ack", "ack": "ack", "了解です": "ack", "6": "decline", "no": "decline",
			}[strings.TrimSpace(text)]}
		}
		return h
	})
}

func TestVoiceConformance(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, func(t *testing.T) notifytest.Harness {
		cfg, srv, h := open(t)
		h.Channel, h.MaxText, h.NoLinks, h.Tap, h.Forge = twilio.NewVoice(cfg, time.Now), twilio.MaxSpoken, true, srv.Tap, srv.Forge("voice")
		h.Report = func(t *testing.T, id string, s notify.ReportState) {
			srv.ReportCall(t, id, map[notify.ReportState]string{notify.Accepted: "ringing", notify.Delivered: "completed", notify.Undelivered: "no-answer"}[s])
		}
		return h
	})
}

// The example of Twilio's documentation of its signature.
func TestSignatureIsTwilios(t *testing.T) {
	t.Parallel()
	form := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+12349013030"}, "Digits": {"1234"}, "From": {"+12349013030"}, "To": {"+18005551212"}}
	if got, want := twilio.Sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form), "0/KCTR6DLpKmkAf8muzZqo1nDgQ="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		strings.Repeat("a", 160): 1, strings.Repeat("a", 161): 2, strings.Repeat("a", 306): 2, strings.Repeat("a", 307): 3,
		strings.Repeat("[", 80): 1, strings.Repeat("[", 81): 2, strings.Repeat("火", 70): 1, strings.Repeat("火", 71): 2, strings.Repeat("🔥", 67): 2, strings.Repeat("🔥", 68): 3,
	} {
		if got := twilio.Segments(text); got != want {
			t.Errorf("%d of %.4q: got %d, want %d", len([]rune(text)), text, got, want)
		}
	}
}

func FuzzWord(f *testing.F) {
	f.Add("4")
	f.Add("了解")
	f.Fuzz(func(t *testing.T, s string) {
		if a := twilio.Word(s); a != "" && a != notify.Ack && a != notify.Decline {
			t.Errorf("%q became %q", s, a)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := twilio.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*twilio.Config){
		func(c *twilio.Config) { c.API = "http://api.twilio.com" },
		func(c *twilio.Config) { c.SID = "AC1" },
		func(c *twilio.Config) { c.Token = "" },
		func(c *twilio.Config) { c.From = "Hinoban" },
		func(c *twilio.Config) { c.Public = "ftp://x" },
		func(c *twilio.Config) { c.Timeout = 0 },
	} {
		c := twilio.Default()
		c.SID, c.Token, c.From = "AC"+strings.Repeat("0", 32), "t", "+815012345678"
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
