package webkit

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Person is who is looking. The zero value is nobody: not signed in.
type Person struct {
	ID    string
	Name  string
	Email string
	Local bool // authentication is off: there is nothing to sign out of
}

const (
	cookieLang  = "hinoban_lang"
	cookieTheme = "hinoban_theme"
	cookieZone  = "hinoban_tz"
	cookieRail  = "hinoban_rail"
	cookieFlash = "hinoban_flash"
)

// viewer is all that components may know about who is looking, and at what.
type viewer struct {
	book   *book
	lang   string
	theme  string // "light", "dark" or "" for the system's
	rail   string // "narrow" or ""
	zone   *time.Location
	now    time.Time
	person Person
	url    *url.URL
}

type viewerKey struct{}

func viewerOf(ctx context.Context) viewer {
	if v, ok := ctx.Value(viewerKey{}).(viewer); ok {
		return v
	}
	return viewer{lang: English, zone: time.UTC, url: &url.URL{Path: "/"}}
}

// For returns r as it would come from somebody of whom only a language and a zone
// are known, "" for neither. What the browser has chosen counts before them.
func For(r *http.Request, lang, zone string) *http.Request {
	r = r.Clone(r.Context())
	if lang != "" {
		r.Header.Set("Accept-Language", lang)
	}
	if _, err := r.Cookie(cookieZone); err != nil && zone != "" {
		r.AddCookie(&http.Cookie{Name: cookieZone, Value: url.QueryEscape(zone)})
	}
	return r
}

// Lang returns the viewer's language, [English] or [Japanese].
func Lang(ctx context.Context) string { return viewerOf(ctx).lang }

// Zone returns the zone in which times are shown to the viewer.
func Zone(ctx context.Context) *time.Location { return viewerOf(ctx).zone }

// Now returns the instant for which this page is drawn, UTC.
func Now(ctx context.Context) time.Time { return viewerOf(ctx).now }

// Me returns the person who is looking; the zero Person is nobody.
func Me(ctx context.Context) Person { return viewerOf(ctx).person }

// WithQuery returns the address of this page with the query parameters given
// as pairs of name and value changed; an empty value removes its parameter.
func WithQuery(ctx context.Context, pairs ...string) string {
	u := *viewerOf(ctx).url
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
			continue
		}
		q.Set(pairs[i], pairs[i+1])
	}
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).String()
}

// Query returns one parameter of this page's address.
func Query(ctx context.Context, name string) string { return viewerOf(ctx).url.Query().Get(name) }

// language picks by cookie, then by Accept-Language, else English.
func language(r *http.Request) string {
	if c := cookie(r, cookieLang); c == English || c == Japanese {
		return c
	}
	best, weight := English, 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		lang, _, _ := strings.Cut(strings.ToLower(tag), "-")
		q := 1.0
		if s, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			q, _ = strconv.ParseFloat(s, 64) // an unreadable weight is 0: not wanted
		}
		if (lang == English || lang == Japanese) && q > weight {
			best, weight = lang, q
		}
	}
	return best
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

const maxZones = 600 // about as many as the zone database has names

// zones loads time zones by name, once each.
type zones struct {
	fallback *time.Location

	mu     sync.Mutex
	loaded map[string]*time.Location
}

func (z *zones) find(name string) *time.Location {
	if name == "" || strings.ContainsAny(name, ".\\") || len(name) > 64 {
		return z.fallback
	}
	z.mu.Lock()
	loc, ok := z.loaded[name]
	full := len(z.loaded) >= maxZones
	z.mu.Unlock()
	if ok || full {
		return cmp.Or(loc, z.fallback)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		loc = z.fallback
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.loaded[name] = loc
	return loc
}
