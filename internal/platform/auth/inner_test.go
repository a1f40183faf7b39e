package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

func TestThrottleDoublesAndForgives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(3, time.Minute)
		for i := range 3 {
			if w := th.try("a", time.Now()); w != 0 {
				t.Fatalf("attempt %d waits %s, want 0", i, w)
			}
		}
		for _, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			want := time.Duration(seconds) * time.Second
			if got := th.try("a", time.Now()); got != want {
				t.Errorf("got a wait of %s, want %s", got, want)
			}
			if got := th.try("b", time.Now()); got != 0 {
				t.Errorf("another key waits %s", got)
			}
			th.clear("b")
			time.Sleep(want)
			if got := th.try("a", time.Now()); got != 0 {
				t.Errorf("after waiting: got %s, want 0", got)
			}
		}
		time.Sleep(2 * time.Hour)
		for range 3 {
			if got := th.try("a", time.Now()); got != 0 {
				t.Errorf("after two quiet hours: got %s, want 0", got)
			}
		}
	})
}

func TestThrottleCountsAttemptsAtOnce(t *testing.T) {
	t.Parallel()
	th := newThrottle(5, time.Minute)
	now := time.Now()
	var mu sync.Mutex
	passed := 0
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if th.try("a", now) == 0 {
				mu.Lock()
				defer mu.Unlock()
				passed++
			}
		})
	}
	wg.Wait()
	if passed != 5 {
		t.Errorf("%d attempts passed, want 5", passed)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	t.Parallel()
	th := newThrottle(1, time.Minute)
	for i := range 3 * throttleKeys {
		th.try(fmt.Sprint(i), time.Now())
	}
	if len(th.keys) != throttleKeys || th.order.Len() != throttleKeys {
		t.Errorf("keeps %d keys and %d entries, want %d", len(th.keys), th.order.Len(), throttleKeys)
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "odd": "odd",
	} {
		if got := network(in); got != want {
			t.Errorf("network(%s) = %s, want %s", in, got, want)
		}
	}
}

func cheap() *hasher { return newHasher(cost{memory: 8, time: 1, threads: 1}, 2) }

func TestPassword(t *testing.T) {
	t.Parallel()
	h := cheap()
	stored, err := h.hash(t.Context(), "correct 馬 battery")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		stored, password string
		want             bool
	}{
		{stored, "correct 馬 battery", true},
		{stored, "correct 馬 batterz", false},
		{stored, "", false},
		{stored, strings.Repeat("x", 1<<20), false},
		{"", "correct 馬 battery", false},
		{"", "", false},
	} {
		if got, err := h.verify(t.Context(), tt.stored, tt.password); err != nil || got != tt.want {
			t.Errorf("verify %.20q: got %v, %v, want %v", tt.password, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "too short", strings.Repeat("x", 1025)} {
		if _, err := h.hash(t.Context(), bad); errs.KindOf(err) != errs.Invalid {
			t.Errorf("hash %.20q: got %v, want an Invalid error", bad, err)
		}
	}
	if !newHasher(cost{memory: 16, time: 1, threads: 1}, 1).outdated(stored) || h.outdated(stored) {
		t.Error("outdated is wrong about the cost")
	}
}

func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	h := cheap()
	h.turns <- struct{}{}
	h.turns <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.hash(ctx, "long enough here"); errs.KindOf(err) != errs.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("no turn: got %v, want an Unavailable error", err)
	}
	for range queue {
		h.line <- struct{}{}
	}
	if _, err := h.hash(t.Context(), "long enough here"); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("full line: got %v, want an Unavailable error", err)
	}
}

func TestSafeNext(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/alerts?q=a&b=%2F": "/alerts?q=a&b=%2F", "": "/", "//evil.example": "/", "/\\evil.example": "/", "https://evil.example": "/",
		"javascript:alert(1)": "/", "/login?next=/login": "/", "/a\r\nb": "/", "alerts": "/", "/\t/evil.example": "/",
	} {
		if got := safeNext(in); got != want {
			t.Errorf("safeNext(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	h := cheap()
	f.Add(h.dummy)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$")
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if p.String() != s || p.cost.memory > 256<<10 || p.cost.time > 10 || p.cost.threads > 16 || len(p.sum) != sumSize {
			t.Errorf("parsePHC(%q) = %+v", s, p)
		}
	})
}

func FuzzSumOf(f *testing.F) {
	key, _ := mint(tokenKey)
	f.Add(key)
	f.Add("hbt_")
	f.Add("hbs_" + key[4:])
	f.Fuzz(func(t *testing.T, s string) {
		sum, ok := sumOf(tokenKey, s)
		if ok && (len(s) != len(key) || !strings.HasPrefix(s, "hbt_") || sum != digest(s)) {
			t.Errorf("sumOf(%q) = %q", s, sum)
		}
		if ok == (sum == "") {
			t.Errorf("sumOf(%q) = %q, %v", s, sum, ok)
		}
	})
}

func FuzzSafeNext(f *testing.F) {
	f.Add("/alerts")
	f.Add("//evil")
	f.Fuzz(func(t *testing.T, s string) {
		got := safeNext(s)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\") || strings.ContainsAny(got, "\r\n\t") {
			t.Errorf("safeNext(%q) = %q", s, got)
		}
	})
}

func TestARefusedTokenHearsItsScope(t *testing.T) {
	for access, scope := range map[httpd.Access]Scope{httpd.Viewer: ScopeRead, httpd.Ingest: ScopeIngest, httpd.Responder: ScopeWrite, httpd.Admin: ScopeAdmin} {
		err := refusal(Principal{ID: "aoi", Kind: ByToken}, access)
		if errs.KindOf(err) != errs.Denied || !strings.Contains(err.Error(), "the scope "+string(scope)) {
			t.Errorf("%v: got %v, want the scope %s", access, err, scope)
		}
	}
}

func TestWhoOnlyLooksMayNotAct(t *testing.T) {
	for role, want := range map[Role]bool{"": false, Viewer: false, Responder: true, Admin: true} {
		if got := MayAct(With(t.Context(), Principal{ID: "aoi", Kind: ByPerson, Role: role})); got != want {
			t.Errorf("role %q: got %v, want %v", role, got, want)
		}
	}
}
