package webkit

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

func pageKit(t *testing.T) *Kit {
	t.Helper()
	k, err := New(Options{
		Log: slog.New(slog.DiscardHandler), Nav: []NavItem{{Key: "now", Href: "/", TextKey: "nav.now", Icon: "now", Hotkey: "n"}},
		Text: []Catalogue{Catalogue(`{"nav.now": {"en": "Now", "ja": "いま"}}`)},
		Now:  func() time.Time { return time.Date(2026, 11, 20, 2, 16, 0, 0, time.UTC) }, Hub: NewHub(HubOptions{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRenderAnswersWithWhatWasAsked(t *testing.T) {
	h := pageKit(t).Page(func(*http.Request) (Page, error) {
		return Page{Title: "Alerts", Active: "now", Live: []string{"alert", "incident/1"}, Body: Text("the body")}, nil
	})
	whole := get(h, "/alerts")
	for _, want := range []string{"<!doctype html>", `<main id="main"`, "the body", `src="/live?topic=alert&amp;topic=incident%2F1"`, "<title>Alerts · Hinoban</title>"} {
		if !strings.Contains(whole.Body.String(), want) {
			t.Errorf("the whole page lacks %s", want)
		}
	}
	if p := whole.Header().Get("Content-Security-Policy"); !strings.Contains(p, "script-src 'self'") || strings.Contains(p, "unsafe") {
		t.Errorf("policy %q lets inline script in", p)
	}
	if w := get(h, "/alerts", "If-None-Match", whole.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("an unchanged page: got %d with %d bytes, want 304 with none", w.Code, w.Body.Len())
	}
	if got := get(h, "/alerts", "HX-Request", "true", "HX-Target", "main#main").Body.String(); got != "<title>Alerts · Hinoban</title>the body" {
		t.Errorf("a live refresh: got %q", got)
	}
	if got := get(h, "/alerts", "HX-Request", "true", "HX-Target", "div#pb-1").Body.String(); got != "the body" {
		t.Errorf("a panel: got %q", got)
	}
}

func TestErrorsBecomePagesOfTheirKind(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		shown  bool
	}{
		{errs.New(errs.NotFound, "slo %q", "x"), 404, true},
		{errs.New(errs.Denied, "role viewer"), 403, true},
		{errors.New("dial tcp 10.0.0.1"), 500, false},
	} {
		w := get(pageKit(t).Page(func(*http.Request) (Page, error) { return Page{}, c.err }), "/x")
		text := strings.NewReplacer("&#34;", `"`).Replace(w.Body.String())
		if w.Code != c.status || strings.Contains(text, c.err.Error()) != c.shown {
			t.Errorf("%v: got %d, its text shown: %t", c.err, w.Code, !c.shown)
		}
	}
}

func TestPostGoesOnAndSpeaksOnce(t *testing.T) {
	k := pageKit(t)
	w := get(k.Post(func(*http.Request) (Done, error) {
		return Done{To: "//evil.example", Flash: "Saved; 保存しました"}, nil
	}), "/x")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Errorf("got %d to %q, want 303 to / : a redirect stays here", w.Code, w.Header().Get("Location"))
	}
	set := w.Result().Cookies()[0]
	shown := get(k.Page(func(*http.Request) (Page, error) { return Page{}, nil }), "/", "Cookie", set.Name+"="+set.Value)
	if !strings.Contains(shown.Body.String(), "Saved; 保存しました") {
		t.Error("the next page does not say it")
	}
	if c := shown.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("the sentence is not taken away: %v", c)
	}
}

func TestPreferencesAreChecked(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/prefs", strings.NewReader("lang=ja&theme=pink&back=/slos?sort=left"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	pageKit(t).prefs(w, r)
	if c := w.Result().Cookies(); len(c) != 1 || c[0].Value != "ja" || w.Header().Get("Location") != "/slos?sort=left" {
		t.Errorf("got %v to %s, want the language only, and back", c, w.Header().Get("Location"))
	}
}

func TestRangesAreThoseOfGrafana(t *testing.T) {
	now := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)
	def := Range{"now-6h", "now"}
	for _, c := range []struct {
		q    string
		want time.Duration
	}{{"", 6 * time.Hour}, {"from=now-7d&to=now-1d", 144 * time.Hour}, {"from=soon", 6 * time.Hour}, {"from=2026-11-20T01:00:00Z", time.Hour}, {"from=now&to=now-30m", 30 * time.Minute}} {
		from, to := ParseRange(httptest.NewRequest(http.MethodGet, "/?"+c.q, nil).URL.Query(), def).Resolve(now)
		if got := to.Sub(from); got != c.want {
			t.Errorf("%q is %v long, want %v", c.q, got, c.want)
		}
	}
}
