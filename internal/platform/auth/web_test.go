package auth_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

// site is the whole edge with a gate in it.
func site(t *testing.T, cfg auth.Config) (*house, http.Handler) {
	t.Helper()
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"),
		testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "auth", Files: auth.Migrations})
	h := build(t, db, cfg)
	api := httpd.NewAPI(slog.New(slog.DiscardHandler), "test")
	h.API(api)
	ok := func(pattern string, access httpd.Access) httpd.Route {
		return httpd.Route{Pattern: pattern, Access: access, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(auth.From(r.Context()).ID))
		})}
	}
	routes := append(append(h.Routes(), api.Routes()...), ok("GET /page", httpd.Viewer), ok("POST /act", httpd.Responder), ok("POST /signal", httpd.Ingest), ok("GET /login", httpd.Public))
	handler, err := httpd.Handler(slog.New(slog.DiscardHandler), httpd.Default(), h.Guard, h.clock, routes...)
	if err != nil {
		t.Fatal(err)
	}
	return h, handler
}

// answer is what a browser or a program gets.
type answer struct {
	StatusCode int
	Header     http.Header
	Body       *bytes.Buffer
}

func (a answer) Cookies() []*http.Cookie { return (&http.Response{Header: a.Header}).Cookies() }

func do(h http.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body}
}

func request(method, target, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "http://hinoban.example.com"+target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestLoginForm(t *testing.T) {
	t.Parallel()
	h, s := site(t, auth.Default())
	h.admin()
	form := func(password, next string) string {
		return url.Values{"account": {"aoi"}, "password": {password}, "next": {next}}.Encode()
	}
	res := do(s, request("POST", "/login", form(good, "/page?x=1")))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/page?x=1" {
		t.Fatalf("got %d to %q, want 303 to /page?x=1", res.StatusCode, res.Header.Get("Location"))
	}
	c := res.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Path != "/" || c.Expires.IsZero() {
		t.Errorf("cookie: got %+v", c)
	}
	if res := do(s, request("GET", "/page", "", "Cookie", c.Name+"="+c.Value)); res.StatusCode != http.StatusOK {
		t.Errorf("with the cookie: got %d", res.StatusCode)
	}
	tls := httptest.NewRequest(http.MethodPost, "https://hinoban.example.com/login", strings.NewReader(form(good, "//evil.example")))
	tls.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if res := do(s, tls); !res.Cookies()[0].Secure || res.Header.Get("Location") != "/" {
		t.Errorf("over TLS: got cookie %+v to %q, want a secure one to /", res.Cookies()[0], res.Header.Get("Location"))
	}
	back := do(s, request("POST", "/login", form("wrong password", "/page")))
	to, err := url.Parse(back.Header.Get("Location"))
	if err != nil || back.StatusCode != http.StatusSeeOther || len(back.Cookies()) > 0 {
		t.Fatalf("wrong password: got %d to %q, %v", back.StatusCode, to, err)
	}
	if v := auth.ReadLogin(request("GET", to.String(), "")); v.Problem != auth.WrongCredentials || v.Next != "/page" {
		t.Errorf("got view %+v, want the problem credentials and /page", v)
	}
	for range 4 {
		do(s, request("POST", "/login", form("wrong password", "/page")))
	}
	slow := do(s, request("POST", "/login", form(good, "/page")))
	if v := auth.ReadLogin(request("GET", slow.Header.Get("Location"), "")); v.Problem != auth.TooManyAttempts || v.After <= 0 {
		t.Errorf("got view %+v, want the problem throttled", v)
	}
	j := do(s, request("POST", "/login", `{"account":"aoi","password":"x"}`, "Content-Type", "application/json"))
	if j.StatusCode != http.StatusTooManyRequests || j.Header.Get("Retry-After") == "" {
		t.Errorf("JSON: got %d, want 429 with Retry-After", j.StatusCode)
	}
	out := do(s, request("POST", "/logout", "", "Cookie", c.Name+"="+c.Value))
	if out.StatusCode != http.StatusSeeOther || out.Cookies()[0].MaxAge >= 0 {
		t.Errorf("logout: got %d, %+v", out.StatusCode, out.Cookies())
	}
	if res := do(s, request("GET", "/page", "", "Cookie", c.Name+"="+c.Value, "Accept", "text/html")); res.Header.Get("Location") != "/login?next=%2Fpage" {
		t.Errorf("after logout: got %d to %q, want the login page", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestWelcomeForm(t *testing.T) {
	t.Parallel()
	h, s := site(t, auth.Default())
	path, err := h.AdminLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.WelcomeView(request("GET", path, ""))
	if err != nil || !v.NewAdmin || v.Problem != auth.NoProblem {
		t.Fatalf("got %+v, %v, want a form for a new admin", v, err)
	}
	post := func(password string) answer {
		return do(s, request("POST", "/welcome", url.Values{"token": {v.Token}, "id": {"aoi"}, "password": {password}}.Encode()))
	}
	back := post("short")
	if v, err := h.WelcomeView(request("GET", back.Header.Get("Location"), "")); err != nil || v.Problem != auth.BadForm || v.Detail == "" {
		t.Errorf("got %+v, %v, want the problem form", v, err)
	}
	if res := post(good); res.Header.Get("Location") != "/" || len(res.Cookies()) != 1 {
		t.Errorf("got %d to %q with %d cookies", res.StatusCode, res.Header.Get("Location"), len(res.Cookies()))
	}
	if v, err := h.WelcomeView(request("GET", path, "")); err != nil || v.Problem != auth.DeadLink || v.Token != "" {
		t.Errorf("got %+v, %v, want the problem link", v, err)
	}
}

func TestOtherSitesActForNobody(t *testing.T) {
	t.Parallel()
	h, s := site(t, auth.Default())
	key := auth.CookieName + "=" + h.admin().Key
	_, token, err := h.CreateToken(h.as("aoi", auth.Admin), "x", []auth.Scope{auth.ScopeWrite}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path string
		header     []string
		want       int
	}{
		{"own page", "/act", []string{"Cookie", key, "Sec-Fetch-Site", "same-origin"}, 200},
		{"own origin", "/act", []string{"Cookie", key, "Origin", "http://hinoban.example.com"}, 200},
		{"other site", "/act", []string{"Cookie", key, "Sec-Fetch-Site", "cross-site"}, 403},
		{"sibling", "/act", []string{"Cookie", key, "Sec-Fetch-Site", "same-site"}, 403},
		{"other origin", "/act", []string{"Cookie", key, "Origin", "https://evil.example"}, 403},
		{"login from elsewhere", "/login", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"token from elsewhere", "/act", []string{"Authorization", "Bearer " + token, "Origin", "https://app.example"}, 200},
		{"signal by cookie from elsewhere", "/signal", []string{"Cookie", key, "Sec-Fetch-Site", "cross-site"}, 403},
		{"nobody", "/act", nil, 401},
	} {
		if res := do(s, request("POST", tt.path, "", tt.header...)); res.StatusCode != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, res.StatusCode, tt.want)
		}
	}
}

func TestModeOffListensToThisMachineOnly(t *testing.T) {
	t.Parallel()
	cfg := auth.Default()
	cfg.Mode = auth.Off
	_, s := site(t, cfg)
	for _, tt := range []struct {
		method, url string
		header      []string
		want        int
	}{
		{"GET", "http://localhost:8119/page", nil, 200},
		{"GET", "http://127.0.0.1:8119/page", nil, 200},
		{"GET", "http://[::1]:8119/page", nil, 200},
		{"POST", "http://localhost:8119/act", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"POST", "http://localhost:8119/signal", nil, 200},
		{"POST", "http://localhost:8119/act", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", "http://localhost:8119/signal", []string{"Origin", "https://evil.example"}, 403},
		{"GET", "http://rebound.evil.example:8119/page", nil, 403},
		{"GET", "http://127.0.0.1.evil.example/page", nil, 403},
	} {
		r := httptest.NewRequest(tt.method, tt.url, nil)
		for i := 0; i < len(tt.header); i += 2 {
			r.Header.Set(tt.header[i], tt.header[i+1])
		}
		if res := do(s, r); res.StatusCode != tt.want {
			t.Errorf("%s %s %v: got %d, want %d", tt.method, tt.url, tt.header, res.StatusCode, tt.want)
		}
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	h, s := site(t, auth.Default())
	key := auth.CookieName + "=" + h.admin().Key
	call := func(method, path, body string, into any) int {
		t.Helper()
		res := do(s, request(method, path, body, "Cookie", key, "Content-Type", "application/json"))
		if into != nil {
			if err := json.NewDecoder(res.Body).Decode(into); err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
		}
		return res.StatusCode
	}
	var me auth.Me
	if code := call("GET", "/api/v1/me", "", &me); code != 200 || me.ID != "aoi" || me.Role != auth.Admin {
		t.Errorf("me: got %d, %+v", code, me)
	}
	var p auth.Person
	if code := call("POST", "/api/v1/people", `{"id":"ren","role":"viewer"}`, &p); code != 200 || p.ID != "ren" || p.Name != "ren" {
		t.Errorf("create: got %d, %+v", code, p)
	}
	if code := call("POST", "/api/v1/people", `{"id":"ren","role":"viewer"}`, nil); code != 409 {
		t.Errorf("create twice: got %d, want 409", code)
	}
	if code := call("PUT", "/api/v1/people/ren", `{"name":"蓮","role":"responder"}`, &p); code != 200 || p.Role != auth.Responder {
		t.Errorf("update: got %d, %+v", code, p)
	}
	var page auth.PeoplePage
	if code := call("GET", "/api/v1/people?limit=1", "", &page); code != 200 || len(page.People) != 1 || page.Next != "aoi" {
		t.Errorf("list: got %d, %+v", code, page)
	}
	if code := call("GET", "/api/v1/people?after=aoi", "", &page); code != 200 || len(page.People) != 1 || page.People[0].ID != "ren" {
		t.Errorf("next page: got %d, %+v", code, page)
	}
	var link auth.FreshLink
	if code := call("POST", "/api/v1/people/ren/invite", "", &link); code != 200 || !strings.HasPrefix(link.Path, "/welcome?token=hbw_") {
		t.Errorf("invite: got %d, %+v", code, link)
	}
	var tok auth.FreshToken
	if code := call("POST", "/api/v1/tokens", `{"name":"CI","scopes":["read"],"days":30}`, &tok); code != 200 || !strings.HasPrefix(tok.Secret, "hbt_") || tok.ExpiresAt.IsZero() {
		t.Errorf("token: got %d, %+v", code, tok.Token)
	}
	if code := call("POST", "/api/v1/tokens", `{"name":"CI","scopes":["root"]}`, nil); code != 422 {
		t.Errorf("bad scope: got %d, want 422", code)
	}
	if code := call("DELETE", "/api/v1/tokens/"+tok.ID, "", nil); code != 200 {
		t.Errorf("revoke: got %d", code)
	}
	if code := call("PUT", "/api/v1/me/password", `{"old":"`+good+`","new":"short"}`, nil); code != 422 {
		t.Errorf("short password: got %d, want 422", code)
	}
	var sessions []auth.Session
	if code := call("GET", "/api/v1/sessions", "", &sessions); code != 200 || len(sessions) != 1 {
		t.Errorf("sessions: got %d, %+v", code, sessions)
	}
}
