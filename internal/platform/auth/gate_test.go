package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

const good = "correct horse battery"

// house is a gate with a clock of its own.
type house struct {
	*auth.Gate

	t    *testing.T
	db   *store.DB
	log  *bus.Log
	text *bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

func (h *house) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) { fn(t, build(t, db, auth.Default())) },
		testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "auth", Files: auth.Migrations})
}

func build(t *testing.T, db *store.DB, cfg auth.Config) *house {
	h := &house{t: t, db: db, text: &bytes.Buffer{}, now: time.Date(2026, 3, 8, 1, 0, 0, 0, time.UTC)}
	h.log = bus.New(db, h.clock, id.New)
	h.Gate = auth.New(auth.Options{DB: db, Events: h.log, Log: slog.New(slog.NewTextHandler(h.text, nil)), Now: h.clock, NewID: id.New, Config: cfg})
	return h
}

// admin makes the first admin, aoi, and returns the cookie's value.
func (h *house) admin() auth.Ticket {
	h.t.Helper()
	path, err := h.AdminLink(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	tk, err := h.Welcome(h.t.Context(), auth.Welcoming{Token: tokenIn(path), ID: " Aoi ", Name: "葵", Email: "aoi@example.com", Password: good})
	if err != nil {
		h.t.Fatal(err)
	}
	return tk
}

func tokenIn(path string) string { return strings.TrimPrefix(path, "/welcome?token=") }

func (h *house) as(who string, role auth.Role) context.Context {
	return auth.With(h.t.Context(), auth.Principal{ID: who, Kind: auth.ByPerson, Role: role, Address: "192.0.2.9"})
}

func (h *house) person(who string, role auth.Role) {
	h.t.Helper()
	if _, err := h.CreatePerson(h.as("aoi", auth.Admin), auth.Person{ID: who, Role: role}); err != nil {
		h.t.Fatal(err)
	}
}

// call sends a request through the guard and returns the answer's status and
// who it was taken for.
func (h *house) call(access httpd.Access, r *http.Request) (int, auth.Principal) {
	var who auth.Principal
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who = auth.From(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})
	w := httptest.NewRecorder()
	h.Guard(access, next).ServeHTTP(w, r)
	return w.Code, who
}

func with(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:8119/x", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func cookie(key string) *http.Request { return with("Cookie", auth.CookieName+"="+key) }

func (h *house) names() []string {
	h.t.Helper()
	all, err := h.log.Events(h.t.Context(), event.Query{})
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, r := range all {
		out = append(out, strings.TrimPrefix(r.Name, "auth."))
	}
	slices.Sort(out)
	return out
}

func TestFirstAdmin(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		if need, err := h.NeedsAdmin(t.Context()); err != nil || !need {
			t.Errorf("before: got %v, %v, want true", need, err)
		}
		old, err := h.AdminLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tk := h.admin()
		if need, err := h.NeedsAdmin(t.Context()); err != nil || need {
			t.Errorf("after: got %v, %v, want false", need, err)
		}
		if _, p := h.call(httpd.Admin, cookie(tk.Key)); p.ID != "aoi" || p.Role != auth.Admin || p.Name != "葵" || p.Address != "192.0.2.1" {
			t.Errorf("got %+v, want the admin aoi", p)
		}
		if _, err := h.Welcome(t.Context(), auth.Welcoming{Token: tokenIn(old), ID: "eve", Password: good}); errs.KindOf(err) != errs.Denied {
			t.Errorf("replaced link: got %v, want a Denied error", err)
		}
		if want := []string{"link_made", "link_made", "logged_in", "person_created"}; !slices.Equal(h.names(), want) {
			t.Errorf("got events %v, want %v", h.names(), want)
		}
	})
}

func TestLinkIsForOnceAndAnHour(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		path, err := h.AdminLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in := auth.Welcoming{Token: tokenIn(path), ID: "aoi", Password: "short"}
		if _, err := h.Welcome(t.Context(), in); errs.KindOf(err) != errs.Invalid {
			t.Errorf("bad password: got %v, want an Invalid error", err)
		}
		in.Password = good
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 4 {
			wg.Go(func() {
				in := in
				in.ID += string(rune('0' + i))
				if _, err := h.Welcome(t.Context(), in); err == nil {
					mu.Lock()
					defer mu.Unlock()
					won++
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("the link worked %d times, want once", won)
		}
		h.person("ren", auth.Viewer)
		if path, err = h.Invite(h.as("aoi", auth.Admin), "ren"); err != nil {
			t.Fatal(err)
		}
		h.advance(time.Hour)
		for _, token := range []string{tokenIn(path), "", "hbw_x", in.Token} {
			if _, err := h.Link(t.Context(), token); errs.KindOf(err) != errs.Denied {
				t.Errorf("%q: got %v, want a Denied error", token, err)
			}
		}
	})
}

func TestInvitationSetsThePassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.admin()
		h.person("ren", auth.Viewer)
		if _, err := h.Login(t.Context(), auth.Credentials{Account: "ren"}); errs.KindOf(err) != errs.Denied {
			t.Errorf("without a password: got %v, want a Denied error", err)
		}
		path, err := h.Invite(h.as("aoi", auth.Admin), "ren")
		if err != nil {
			t.Fatal(err)
		}
		tk, err := h.Welcome(t.Context(), auth.Welcoming{Token: tokenIn(path), ID: "someone-else", Password: good})
		if err != nil || tk.Person.ID != "ren" || tk.Person.Role != auth.Viewer {
			t.Errorf("got %+v, %v, want ren as a viewer", tk.Person, err)
		}
		if _, err := h.Login(t.Context(), auth.Credentials{Account: "REN", Password: good}); err != nil {
			t.Error(err)
		}
	})
}

func TestLogin(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.admin()
		ctx := auth.With(t.Context(), auth.Principal{Address: "203.0.113.5"})
		for _, name := range []string{"aoi", " AOI@example.com "} {
			if _, err := h.Login(ctx, auth.Credentials{Account: name, Password: good}); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
		_, wrong := h.Login(ctx, auth.Credentials{Account: "aoi", Password: "wrong password"})
		_, unknown := h.Login(ctx, auth.Credentials{Account: "nobody\x00", Password: good})
		if errs.KindOf(wrong) != errs.Denied || errs.KindOf(unknown) != errs.Denied || wrong.Error() != unknown.Error() {
			t.Errorf("got %v and %v, want the same Denied error", wrong, unknown)
		}
	})
}

func TestLoginIsThrottled(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.admin()
		try := func(account, password, from string) error {
			_, err := h.Login(auth.With(t.Context(), auth.Principal{Address: from}), auth.Credentials{Account: account, Password: password})
			return err
		}
		for i := range 8 {
			err := try([]string{"aoi", "aoi@example.com"}[i%2], "wrong password", "203.0.113.5")
			th, slow := errors.AsType[*auth.ThrottledError](err)
			if slow != (i >= 5) || (slow && th.After <= 0) {
				t.Errorf("attempt %d: got %v", i, err)
			}
		}
		if _, slow := errors.AsType[*auth.ThrottledError](try("aoi", good, "198.51.100.7")); !slow {
			t.Error("another address need not wait for the account")
		}
		h.advance(time.Minute)
		if err := try("aoi", good, "198.51.100.7"); err != nil {
			t.Errorf("after a minute: %v", err)
		}
		told := 0
		for _, n := range h.names() {
			if n == "login_failed" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("five failures in a minute were told %d times, want once", told)
		}
	})
}

func TestSessionEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := func() string {
			tk, err := h.Login(t.Context(), auth.Credentials{Account: "aoi", Password: good, Agent: "Firefox\n"})
			if err != nil {
				t.Fatal(err)
			}
			return tk.Key
		}
		alive := func(key string) bool { _, p := h.call(httpd.Viewer, cookie(key)); return p.Known() }
		key := h.admin().Key
		for range 29 { // in use each day, it lives 30 days
			h.advance(24 * time.Hour)
			if !alive(key) {
				t.Fatal("a session in use ended")
			}
		}
		h.advance(24 * time.Hour)
		if alive(key) {
			t.Error("a session lives after 30 days")
		}
		key = in()
		h.advance(7 * 24 * time.Hour)
		if alive(key) {
			t.Error("a session lives after 7 idle days")
		}
		key, other := in(), in()
		_, p := h.call(httpd.Viewer, cookie(key))
		if list, err := h.Sessions(t.Context(), "aoi"); err != nil || len(list) != 2 || list[0].Agent != "Firefox" {
			t.Errorf("got %+v, %v, want two sessions", list, err)
		}
		if err := h.Logout(auth.With(t.Context(), p)); err != nil || alive(key) || !alive(other) {
			t.Errorf("logout: %v, alive %v, other alive %v", err, alive(key), alive(other))
		}
		_, p = h.call(httpd.Viewer, cookie(other))
		if err := h.RevokeSession(h.as("ren", auth.Responder), p.Session); errs.KindOf(err) != errs.NotFound || !alive(other) {
			t.Errorf("a stranger's revoke: got %v, want a NotFound error", err)
		}
		if err := h.RevokeSession(h.as("boss", auth.Admin), p.Session); err != nil || alive(other) {
			t.Errorf("an admin's revoke: %v, alive %v", err, alive(other))
		}
		key, other = in(), in()
		_, p = h.call(httpd.Viewer, cookie(key))
		if err := h.ChangePassword(auth.With(t.Context(), p), "wrong password", "a new password"); errs.KindOf(err) != errs.Denied {
			t.Errorf("wrong old password: got %v", err)
		}
		if err := h.ChangePassword(auth.With(t.Context(), p), good, "a new password"); err != nil || !alive(key) || alive(other) {
			t.Errorf("new password: %v, own alive %v, other alive %v", err, alive(key), alive(other))
		}
	})
}

func TestPersonChanges(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.admin()
		ctx := h.as("aoi", auth.Admin)
		h.person("ren", auth.Responder)
		if _, err := h.CreatePerson(ctx, auth.Person{ID: "ren", Role: auth.Viewer}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("same handle: got %v, want a Conflict error", err)
		}
		if _, err := h.CreatePerson(ctx, auth.Person{ID: "yui", Email: "AOI@example.com", Role: auth.Viewer}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("same address: got %v, want a Conflict error", err)
		}
		for name, c := range map[string]auth.PersonChange{"demoted": {Role: auth.Viewer}, "disabled": {Role: auth.Admin, Disabled: true}} {
			if _, err := h.UpdatePerson(ctx, "aoi", c); errs.KindOf(err) != errs.Conflict {
				t.Errorf("last admin %s: got %v, want a Conflict error", name, err)
			}
		}
		if _, err := h.UpdatePerson(ctx, "nobody", auth.PersonChange{Role: auth.Viewer}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("nobody: got %v, want a NotFound error", err)
		}
		path, err := h.Invite(ctx, "ren")
		if err != nil {
			t.Fatal(err)
		}
		tk, err := h.Welcome(t.Context(), auth.Welcoming{Token: tokenIn(path), Password: good})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := h.UpdatePerson(ctx, "ren", auth.PersonChange{Name: "蓮", Role: auth.Viewer}); err != nil || p.Role != auth.Viewer || p.Name != "蓮" {
			t.Errorf("got %+v, %v", p, err)
		}
		if code, _ := h.call(httpd.Responder, cookie(tk.Key)); code != http.StatusForbidden {
			t.Errorf("a demoted person got %d, want 403", code)
		}
		if _, err := h.UpdatePerson(ctx, "ren", auth.PersonChange{Name: "蓮", Role: auth.Viewer, Disabled: true}); err != nil {
			t.Fatal(err)
		}
		if code, _ := h.call(httpd.Viewer, cookie(tk.Key)); code != http.StatusUnauthorized {
			t.Errorf("a disabled person got %d, want 401", code)
		}
		if _, err := h.Login(t.Context(), auth.Credentials{Account: "ren", Password: good}); errs.KindOf(err) != errs.Denied {
			t.Errorf("a disabled person's login: got %v, want a Denied error", err)
		}
		all, err := h.People(t.Context(), "aoi", 10)
		if err != nil || len(all) != 1 || all[0].ID != "ren" || all[0].DisabledAt.IsZero() || !all[0].HasPassword {
			t.Errorf("got %+v, %v, want ren, disabled", all, err)
		}
		for _, want := range []string{"role_changed", "person_changed", "session_revoked", "password_changed"} {
			if !slices.Contains(h.names(), want) {
				t.Errorf("no event %s in %v", want, h.names())
			}
		}
	})
}

func TestTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.admin()
		h.person("ren", auth.Responder)
		ctx := h.as("ren", auth.Responder)
		if _, _, err := h.CreateToken(ctx, "x", []auth.Scope{auth.ScopeAdmin}, 0); errs.KindOf(err) != errs.Denied {
			t.Errorf("scope above the role: got %v, want a Denied error", err)
		}
		tok, secret, err := h.CreateToken(ctx, "CI", []auth.Scope{auth.ScopeRead, auth.ScopeIngest}, time.Hour)
		if err != nil || !strings.HasPrefix(secret, "hbt_") {
			t.Fatalf("got %q, %v", secret, err)
		}
		status := func(access httpd.Access, r *http.Request) int { code, _ := h.call(access, r); return code }
		bearer := with("Authorization", "Bearer "+secret)
		basic := with()
		basic.SetBasicAuth("anything", secret)
		query := httptest.NewRequest(http.MethodPost, "/x?token="+url.QueryEscape(secret), nil)
		for _, tt := range []struct {
			name   string
			access httpd.Access
			r      *http.Request
			want   int
		}{
			{"bearer reads", httpd.Viewer, bearer, 204},
			{"bearer ingests", httpd.Ingest, bearer, 204},
			{"bearer may not write", httpd.Responder, bearer, 403},
			{"basic ingests", httpd.Ingest, basic, 204},
			{"query ingests", httpd.Ingest, query, 204},
			{"query does not read", httpd.Viewer, query, 401},
			{"unknown", httpd.Viewer, with("Authorization", "Bearer hbt_"+strings.Repeat("A", 43)), 401},
			{"nonsense", httpd.Viewer, with("Authorization", "Bearer x"), 401},
		} {
			if got := status(tt.access, tt.r); got != tt.want {
				t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
			}
		}
		_, p := h.call(httpd.Viewer, bearer)
		if p.ID != "ren" || p.Kind != auth.ByToken || p.Role != auth.Viewer || p.Source() != "api" || p.Actor() != "person/ren" {
			t.Errorf("got %+v, want ren's token as a viewer", p)
		}
		if err := h.RevokeToken(auth.With(t.Context(), p), tok.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a reading token revokes: got %v, want a NotFound error", err)
		}
		if list, err := h.Tokens(t.Context(), "ren"); err != nil || len(list) != 1 || list[0].UsedAt.IsZero() || len(list[0].Scopes) != 2 {
			t.Errorf("got %+v, %v", list, err)
		}
		if _, err := h.UpdatePerson(h.as("aoi", auth.Admin), "ren", auth.PersonChange{Role: auth.Viewer}); err != nil {
			t.Fatal(err)
		}
		if got := status(httpd.Ingest, bearer); got != 403 {
			t.Errorf("a viewer's token ingests: got %d, want 403", got)
		}
		h.advance(time.Hour)
		if got := status(httpd.Viewer, bearer); got != 401 {
			t.Errorf("expired: got %d, want 401", got)
		}
		if err := h.RevokeToken(ctx, tok.ID); err != nil {
			t.Error(err)
		}
		if err := h.RevokeToken(ctx, tok.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("twice: got %v, want a NotFound error", err)
		}
	})
}

func TestNothingSecretIsStoredOrLogged(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := h.admin().Key
		_, secret, err := h.CreateToken(h.as("aoi", auth.Admin), "x", []auth.Scope{auth.ScopeRead}, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = h.Login(t.Context(), auth.Credentials{Account: good, Password: good})
		all, err := h.log.Events(t.Context(), event.Query{})
		if err != nil {
			t.Fatal(err)
		}
		told, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		err = h.db.Read(t.Context(), func(tx store.Tx) error {
			for _, q := range []string{`SELECT hash FROM auth_session`, `SELECT hash FROM auth_token`, `SELECT password FROM auth_person`} {
				got, err := store.All(t.Context(), tx, func(s store.Scanner) (v string, err error) { return v, s.Scan(&v) }, q)
				if err != nil {
					return err
				}
				rows = append(rows, got...)
			}
			return nil
		})
		if err != nil || len(rows) != 3 {
			t.Fatalf("got %d rows, %v", len(rows), err)
		}
		text := string(told) + h.text.String() + strings.Join(rows, " ")
		for _, s := range []string{key, secret, good, key[4:], secret[4:]} {
			if strings.Contains(text, s) {
				t.Errorf("%q is stored or logged", s)
			}
		}
	})
}
