package webpush_test

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
	"github.com/hinoban/hinoban/internal/platform/notify/webpush"
)

type subs struct {
	mu  sync.Mutex
	all []webpush.Subscription
}

func (s *subs) ByPerson(_ context.Context, person string) ([]webpush.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if person != "aoi" {
		return nil, nil
	}
	return slices.Clone(s.all), nil
}

func (s *subs) Remove(_ context.Context, endpoint string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(x webpush.Subscription) bool { return x.Endpoint == endpoint })
	return nil
}

func config(t *testing.T) (webpush.Config, string) {
	t.Helper()
	cfg := webpush.Default()
	key, err := webpush.Key([]byte("thirty-two bytes of a secret key"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Key, cfg.Subject, cfg.AllowPrivate = key, "https://hinoban.example.com", true
	public, err := webpush.PublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, public
}

func browser(srv *notifytest.Push) webpush.Subscription {
	return webpush.Subscription{Endpoint: srv.Endpoint, P256DH: srv.Key.PublicKey().Bytes(), Auth: srv.Auth}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, func(t *testing.T) notifytest.Harness {
		cfg, public := config(t)
		srv := notifytest.NewPush(t, public)
		return notifytest.Harness{
			Channel: webpush.New(cfg, &subs{all: []webpush.Subscription{browser(srv)}}, time.Now), Server: srv, Address: "aoi", Bad: []string{"Aoi", "a b"},
			Secrets: []string{"capability-of-one-browser", "vapid t="}, MaxText: webpush.MaxBody,
			Faults: []notifytest.Fault{
				notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
			},
		}
	})
}

func TestOneBrowserIsEnoughAndDeadOnesAreForgotten(t *testing.T) {
	t.Parallel()
	cfg, public := config(t)
	dead, alive, busy := notifytest.NewPush(t, public), notifytest.NewPush(t, public), notifytest.NewPush(t, public)
	dead.Gone = true
	busy.Next(notifytest.Busy)
	kept := &subs{all: []webpush.Subscription{browser(dead), browser(busy), browser(alive)}}
	r, err := webpush.New(cfg, kept, time.Now).Send(t.Context(), "aoi", notifytest.Sample("m"))
	if err != nil || r.Detail != "taken for 1 of 3 browsers" {
		t.Errorf("got %+v, %v", r, err)
	}
	if len(kept.all) != 2 {
		t.Errorf("%d subscriptions are kept, want 2", len(kept.all))
	}
}

func TestNobodyToPushTo(t *testing.T) {
	t.Parallel()
	cfg, public := config(t)
	dead := notifytest.NewPush(t, public)
	dead.Gone = true
	c := webpush.New(cfg, &subs{all: []webpush.Subscription{browser(dead)}}, time.Now)
	for range 2 {
		if _, err := c.Send(t.Context(), "aoi", notifytest.Sample("m")); errs.KindOf(err) != errs.NotFound {
			t.Errorf("got %v, want a NotFound error", err)
		}
	}
}

func TestKeyStaysTheSame(t *testing.T) {
	t.Parallel()
	_, a := config(t)
	_, b := config(t)
	other, err := webpush.Key([]byte("another"))
	if err != nil {
		t.Fatal(err)
	}
	c, _ := webpush.PublicKey(other)
	if raw := raw(t, a); a != b || a == c || len(raw) != 65 || raw[0] != 4 {
		t.Errorf("got %s, %s and %s", a, b, c)
	}
}

func raw(t *testing.T, s string) []byte {
	t.Helper()
	b, err := webpush.ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 8291, appendix A.
func TestVectorOfRFC8291(t *testing.T) {
	t.Parallel()
	once, err := ecdh.P256().NewPrivateKey(raw(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := webpush.Seal([]byte("When I grow up, I want to be a watermelon"), webpush.Subscription{
		P256DH: raw(t, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"), Auth: raw(t, "BTBZMqHH6r4Tts7J_aSIgg"),
	}, once, raw(t, "DGv6ra1nlYgDCS1FRnbzlw"))
	if err != nil {
		t.Fatal(err)
	}
	want := "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if s := base64.RawURLEncoding.EncodeToString(got); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

// RFC 8188, section 3.1, has an empty key id and a record size that is ours too.
func TestVectorOfRFC8188(t *testing.T) {
	t.Parallel()
	got, err := webpush.Record([]byte("I am the walrus"), raw(t, "yqdlZ-tYemfogSmv7Ws5PQ"), raw(t, "I1BsxtFttlv3u_Oo94xnmw"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg"
	if s := base64.RawURLEncoding.EncodeToString(got); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestSubscriptionsAreChecked(t *testing.T) {
	t.Parallel()
	srv := notifytest.NewPush(t, "")
	if err := browser(srv).Validate(); err != nil {
		t.Errorf("a browser's: %v", err)
	}
	for _, change := range []func(*webpush.Subscription){
		func(s *webpush.Subscription) { s.Endpoint = "javascript:alert(1)" },
		func(s *webpush.Subscription) { s.Endpoint = "https://x/" + strings.Repeat("a", 1000) },
		func(s *webpush.Subscription) { s.P256DH = s.P256DH[1:] },
		func(s *webpush.Subscription) { s.Auth = nil },
	} {
		s := browser(srv)
		change(&s)
		if err := s.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", s, err)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := webpush.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	for _, change := range []func(*webpush.Config){
		func(c *webpush.Config) { c.Subject = "aoi" },
		func(c *webpush.Config) { c.TTL = 0 },
		func(c *webpush.Config) { c.Timeout = 0 },
	} {
		c := webpush.Default()
		change(&c)
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
