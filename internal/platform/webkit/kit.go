package webkit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

//go:embed text.json
var ownText []byte

// NavItem is one entry of the rail. Hotkey is the letter after "g".
type NavItem struct {
	Key     string // matched with Page.Active
	Href    string
	TextKey string
	Icon    string // a name that [Icon] knows
	Hotkey  string
	Order   int
}

// Options is what app hands to [New]. Nav and Log are required; the other
// zero values mean: UTC, the system's clock, nobody signed in, no on-call line.
type Options struct {
	Log     *slog.Logger
	Nav     []NavItem
	Text    []Catalogue
	Zone    *time.Location // where the viewer's own zone is not known
	Now     func() time.Time
	Person  func(*http.Request) Person
	OnCall  func(context.Context) string // "on call: Aoi until 09:00"; "" for nothing
	Hub     *Hub                         // live updates; nil for none
	Palette bool                         // /api/palette is there
}

// Kit draws pages. It is safe for concurrent use.
type Kit struct {
	opts   Options
	book   *book
	zones  *zones
	assets *assets
}

// New returns a kit. It fails when a catalogue cannot be read.
func New(o Options) (*Kit, error) {
	b, err := newBook(append([]Catalogue{ownText}, o.Text...))
	if err != nil {
		return nil, err
	}
	a, err := newAssets()
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Person == nil {
		o.Person = func(*http.Request) Person { return Person{} }
	}
	if o.OnCall == nil {
		o.OnCall = func(context.Context) string { return "" }
	}
	o.Zone = cmp.Or(o.Zone, time.UTC)
	o.Nav = slices.SortedStableFunc(slices.Values(o.Nav), func(x, y NavItem) int { return x.Order - y.Order })
	return &Kit{opts: o, book: b, zones: &zones{fallback: o.Zone, loaded: map[string]*time.Location{}}, assets: a}, nil
}

// Missing lists, sorted, what is wrong with the text: keys without one of the
// languages, sentences that use different arguments, keys that were asked for
// and are nowhere. A test of the whole product wants it empty.
func (k *Kit) Missing() []string { return k.book.missing() }

// Routes returns the kit's own routes: static files, preferences and, with a
// hub, /live.
func (k *Kit) Routes() []httpd.Route {
	rs := []httpd.Route{
		{Pattern: "GET /static/", Access: httpd.Public, Handler: k.assets},
		{Pattern: "GET /favicon.ico", Access: httpd.Public, Handler: k.assets.favicon()},
		{Pattern: "POST /prefs", Access: httpd.Public, Handler: http.HandlerFunc(k.prefs)},
	}
	if k.opts.Hub != nil {
		rs = append(rs, httpd.Route{Pattern: "GET /live", Access: httpd.Viewer, Handler: k.opts.Hub})
	}
	return rs
}

// Context returns r's context with what [T] and the components need to know of
// the viewer. Render calls it; a handler that calls T before needs it too.
func (k *Kit) Context(r *http.Request) context.Context {
	if _, ok := r.Context().Value(viewerKey{}).(viewer); ok {
		return r.Context()
	}
	theme := cookie(r, cookieTheme)
	if theme != "light" && theme != "dark" {
		theme = ""
	}
	zone, err := url.QueryUnescape(cookie(r, cookieZone))
	if err != nil {
		zone = ""
	}
	return context.WithValue(r.Context(), viewerKey{}, viewer{
		book: k.book, lang: language(r), theme: theme, rail: cookie(r, cookieRail),
		zone: k.zones.find(zone), now: k.opts.Now().UTC(), person: k.opts.Person(r), url: r.URL,
	})
}

// Wrap gives every request that passes through it the context of [Kit.Context].
func (k *Kit) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, k.seen(r)) //nolint:contextcheck // the context travels in r
	})
}

// seen is r with the viewer in its context.
func (k *Kit) seen(r *http.Request) *http.Request {
	return r.WithContext(k.Context(r))
}

// Crumb is one step of the path above a page. The last one needs no Href.
type Crumb struct {
	Text string
	Href string
}

// Page is what a room shows.
type Page struct {
	Title  string
	Active string   // key of the NavItem it belongs to
	Crumbs []Crumb  // below the NavItem; the title is added where it is empty
	Live   []string // topics: the page refetches itself when one of them changes
	Range  *Range   // shows the time-range picker
	Wide   bool     // full width, for timelines and calendars
	Bare   bool     // without rail and top bar, for signing in
	Status int      // 0 is 200
	Body   templ.Component
}

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Render answers r with p: the whole page or, where htmx asks, the inside of
// main only. An unchanged page is answered with 304.
func (k *Kit) Render(w http.ResponseWriter, r *http.Request, p Page) {
	ctx := k.Context(r)
	flash := takeFlash(w, r)
	p.Status = cmp.Or(p.Status, http.StatusOK)
	var buf bytes.Buffer
	if err := k.component(r, p, flash).Render(ctx, &buf); err != nil {
		k.opts.Log.ErrorContext(ctx, "page not drawn", "path", r.URL.Path, "err", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Cookie, Accept-Language, HX-Request, HX-Target")
	if r.Method == http.MethodGet && p.Status == http.StatusOK {
		tag := etag(buf.Bytes())
		h.Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(buf.Bytes()) // the reader has gone; nobody is left to tell
}

func (k *Kit) component(r *http.Request, p Page, flash Flash) templ.Component {
	switch {
	case r.Header.Get("HX-Request") != "true":
		return layout(k.frame(r, p), p, flash)
	case strings.HasSuffix(r.Header.Get("HX-Target"), "#main"):
		return inside(p, flash)
	}
	return p.Body
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// Page returns a handler that shows what fn returns; an error becomes the page
// of its kind. fn's request already carries the viewer.
func (k *Kit) Page(fn func(*http.Request) (Page, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = k.seen(r) //nolint:contextcheck // the context travels in r
		p, err := fn(r)
		if err != nil {
			k.Fail(w, r, err) //nolint:contextcheck // the context travels in r
			return
		}
		k.Render(w, r, p) //nolint:contextcheck // the context travels in r
	})
}

// Done is the happy end of a form: where to go, and what to say there.
type Done struct {
	To    string
	Flash string
}

// Post returns a handler for a form: fn does the work, and the browser is sent
// on with 303. An error of kind errs.Invalid should be shown in the form by
// the room itself; any error returned becomes the page of its kind.
func (k *Kit) Post(fn func(*http.Request) (Done, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = k.seen(r) //nolint:contextcheck // the context travels in r
		done, err := fn(r)
		if err != nil {
			k.Fail(w, r, err) //nolint:contextcheck // the context travels in r
			return
		}
		if done.Flash != "" {
			SetFlash(w, Flash{State: OK, Text: done.Flash})
		}
		http.Redirect(w, r, local(done.To), http.StatusSeeOther)
	})
}

// Fail answers r with the page for err's kind. An internal error is logged and
// its text kept from the reader.
func (k *Kit) Fail(w http.ResponseWriter, r *http.Request, err error) {
	r = k.seen(r)
	kind := errs.KindOf(err)
	status, key := http.StatusInternalServerError, "internal"
	switch kind {
	case errs.Invalid:
		status, key = http.StatusUnprocessableEntity, "invalid"
	case errs.NotFound:
		status, key = http.StatusNotFound, "notfound"
	case errs.Conflict:
		status, key = http.StatusConflict, "conflict"
	case errs.Denied:
		status, key = http.StatusForbidden, "denied"
	case errs.Unavailable:
		status, key = http.StatusServiceUnavailable, "unavailable"
	case errs.Internal, errs.Unauthenticated: // the guard has sent strangers to log in
	}
	detail := err.Error()
	if kind == errs.Internal {
		k.opts.Log.ErrorContext(r.Context(), "page failed", "path", r.URL.Path, "err", err)
		detail = ""
	}
	title := T(r.Context(), "webkit.fail."+key)
	k.Render(w, r, Page{
		Title: title, Status: status,
		Body: failure(fmt.Sprint(status), title, T(r.Context(), "webkit.fail."+key+".next"), detail),
	})
}

// prefs sets language, theme and rail, and goes back to where the form was.
func (k *Kit) prefs(w http.ResponseWriter, r *http.Request) {
	set := func(name, value string, allowed ...string) {
		if slices.Contains(allowed, value) {
			http.SetCookie(w, &http.Cookie{
				Name: name, Value: value, Path: "/", MaxAge: 400 * 24 * 3600,
				SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
			})
		}
	}
	set(cookieLang, r.PostFormValue("lang"), English, Japanese)
	set(cookieTheme, r.PostFormValue("theme"), "light", "dark", "system")
	set(cookieRail, r.PostFormValue("rail"), "narrow", "wide")
	http.Redirect(w, r, local(r.PostFormValue("back")), http.StatusSeeOther)
}

// local keeps a redirect on this site.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, "\\") {
		return "/"
	}
	return to
}
