package auth

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// CookieName is the session's cookie.
const CookieName = "hinoban_session"

// Guard is the httpd.Guard of the house: it finds out who calls, puts the
// principal into the request's context, and lets through who may.
//
// A caller is known by "Authorization: Bearer hbt_…", by a token as the
// password of basic authentication, on routes for machines also by ?token=…,
// or by the session's cookie. A browser that must log in is sent to /login.
func (g *Gate) Guard(access httpd.Access, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := g.identify(r, access)
		if err == nil && !p.May(access) {
			err = refusal(p, access)
		}
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(With(r.Context(), p)))
	})
}

func refusal(p Principal, access httpd.Access) error {
	if !p.Known() {
		return errs.New(errs.Unauthenticated, "log in, or send a token")
	}
	if p.Kind == ByToken {
		return errs.New(errs.Denied, "it takes a token with the scope %s, of a person whose role allows it", scopeFor(access))
	}
	return errs.New(errs.Denied, "it takes the role %s, and yours is %s", access, p.Role)
}

// identify returns the principal of r; nobody, but for the address, when r
// brings nothing.
func (g *Gate) identify(r *http.Request, access httpd.Access) (Principal, error) {
	address := httpd.ClientAddress(r)
	if g.Config.Mode == Off {
		return Local(address), g.checkLocal(r)
	}
	p, err := g.present(r, access)
	if err != nil && (access == httpd.Public || access == httpd.Keyed) && errs.KindOf(err) == errs.Unauthenticated {
		p, err = Principal{}, nil // the login page is for those whose session is over, and a key may be no token
	}
	p.Address = address
	return p, err
}

func (g *Gate) present(r *http.Request, access httpd.Access) (Principal, error) {
	user, password, basic := r.BasicAuth()
	key := bearer(user, password, basic, r.Header.Get("Authorization"))
	if key == "" && (access == httpd.Ingest || access == httpd.Keyed) {
		key = r.URL.Query().Get("token") // some senders can be given nothing but a URL
	}
	if key != "" {
		return g.byToken(r.Context(), key)
	}
	c, err := r.Cookie(CookieName)
	hasCookie := err == nil
	// Forms that need no session, the login's above all, must come from our
	// own pages too: nobody shall be logged in as somebody else.
	if hasCookie || access == httpd.Public {
		if err := g.origin.Check(r); err != nil {
			return Principal{}, errs.New(errs.Denied, "this came from another site's page")
		}
	}
	if !hasCookie {
		return Principal{}, nil
	}
	return g.bySession(r.Context(), c.Value)
}

// checkLocal keeps other sites out where authentication is off: a page in this
// machine's browser can reach loopback, by a name of its own or by a form.
func (g *Gate) checkLocal(r *http.Request) error {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !loopbackHost(strings.Trim(host, "[]")) {
		return errs.New(errs.Denied, "authentication is off: call this server localhost or 127.0.0.1, not by another name")
	}
	if err := g.origin.Check(r); err != nil {
		return errs.New(errs.Denied, "this came from another site's page")
	}
	return nil
}

func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errs.KindOf(err) == errs.Unauthenticated {
		if wantsPage(r) {
			http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="hinoban"`)
	}
	httpd.Fail(g.Log, w, r, err)
}

// wantsPage reports whether r is a person's browser asking for a page, and not
// a script asking for data.
func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("Authorization") == "" && strings.Contains(r.Header.Get("Accept"), "text/html") &&
		r.Header.Get("HX-Request") == "" && !strings.HasPrefix(r.URL.Path, "/api/")
}

func (g *Gate) setCookie(w http.ResponseWriter, r *http.Request, t Ticket) {
	http.SetCookie(w, &http.Cookie{
		Name: CookieName, Value: t.Key, Path: "/", Expires: t.Until.UTC(),
		HttpOnly: true, Secure: r.TLS != nil || g.Config.Secure, SameSite: http.SameSiteLaxMode,
	})
}

func (g *Gate) dropCookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{
		Name: CookieName, Path: "/", MaxAge: -1,
		HttpOnly: true, Secure: r.TLS != nil || g.Config.Secure, SameSite: http.SameSiteLaxMode,
	})
}
