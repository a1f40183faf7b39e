package webkit

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func kit(t *testing.T, text string) *Kit {
	t.Helper()
	k, err := New(Options{Text: []Catalogue{Catalogue(text)}, Now: func() time.Time { return time.Date(2026, 11, 20, 2, 16, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ask(lang string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/slos?sort=-left", nil)
	r.Header.Set("Accept-Language", lang)
	return r
}

func TestOwnTextIsComplete(t *testing.T) {
	if got := kit(t, `{"x": {"en": "x", "ja": "x"}}`).Missing(); len(got) > 0 {
		t.Errorf("missing text:\n%s", strings.Join(got, "\n"))
	}
}

func TestMissingNamesEveryFault(t *testing.T) {
	k := kit(t, `{"a": {"en": "only English"}, "b": {"en": "{0} of {1}", "ja": "{0}"}, "c": {"en": "{0} {0|page|pages}", "ja": "{0}件"}}`)
	ctx := k.Context(ask("en"))
	if got := T(ctx, "nowhere"); got != "⟦nowhere⟧" {
		t.Errorf("an unknown key reads %q, want it visible", got)
	}
	want := []string{"a: no ja", "b: en uses [0 1], ja uses [0]", "nowhere: asked for, in no catalogue"}
	if got := k.Missing(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTwoCataloguesMayNotShareAKey(t *testing.T) {
	one := Catalogue(`{"a": {"en": "a", "ja": "a"}}`)
	if _, err := New(Options{Text: []Catalogue{one, one}}); err == nil {
		t.Error("got no error for a key in two catalogues")
	}
}

func TestSentences(t *testing.T) {
	k := kit(t, `{"n": {"en": "{0} {0|page|pages} in {1}", "ja": "{1}で{0}件"}}`)
	for _, c := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "1 page in 2 d 1 h"},
		{"en", 1204, "1,204 pages in 2 d 1 h"},
		{"ja", 1204, "2日1時間で1,204件"},
	} {
		got := strings.ReplaceAll(T(k.Context(ask(c.lang)), "n", c.n, 49*time.Hour), nbsp, " ")
		if got != c.want {
			t.Errorf("%s %d: got %q, want %q", c.lang, c.n, got, c.want)
		}
	}
}

func TestLanguageIsChosenByCookieThenHeader(t *testing.T) {
	for _, c := range []struct{ cookie, header, want string }{
		{"", "", "en"},
		{"", "fr, ja;q=0.8, en;q=0.5", "ja"},
		{"", "ja-JP,ja;q=0.9,en;q=0.8", "ja"},
		{"", "en;q=0.9, ja;q=0", "en"},
		{"ja", "en", "ja"},
		{"fr", "ja", "ja"},
	} {
		r := ask(c.header)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: cookieLang, Value: c.cookie})
		}
		if got := language(r); got != c.want {
			t.Errorf("cookie %q, header %q: got %s, want %s", c.cookie, c.header, got, c.want)
		}
	}
}

func TestNumbersAndTimes(t *testing.T) {
	k := kit(t, `{"x": {"en": "x", "ja": "x"}}`)
	en, ja := k.Context(ask("en")), k.Context(ask("ja"))
	now := Now(en)
	for _, c := range []struct{ got, want string }{
		{Number(en, -1234567), "−1,234,567"},
		{Number(en, 999), "999"},
		{Decimal(en, -0.001, 1), "0.0"},
		{Percent(en, 0.382), "38.2 %"},
		{Percent(en, 0.99), "99 %"},
		{Percent(en, 0.9995), "99.95 %"},
		{Percent(en, 0.99999), "99.999 %"},
		{Percent(ja, 1), "100%"},
		{Percent(en, -0.32), "−32 %"},
		{Duration(en, 49*time.Hour), "2 d 1 h"},
		{Duration(ja, 49*time.Hour), "2日1時間"},
		{Duration(en, 48*time.Hour+time.Minute), "2 d"},
		{Duration(en, 90*time.Second), "1 m 30 s"},
		{Duration(en, 0), "0 ms"},
		{Duration(en, 1500*time.Millisecond), "1 s"},
		{Duration(ja, 250*time.Millisecond), "250ミリ秒"},
		{Relative(en, now.Add(-3*time.Minute)), "3 m ago"},
		{Relative(en, now.Add(2*time.Hour)), "in 2 h"},
		{Relative(ja, now.Add(-3*time.Minute)), "3分前"},
		{Relative(ja, now.Add(50*time.Hour)), "2日後"},
		{Relative(en, now.Add(-2*time.Second)), "just now"},
		{Stamp(en, now), "02:16"},
		{Stamp(en, now.Add(-24*time.Hour)), "19 Nov 02:16"},
		{Stamp(ja, now.Add(-24*time.Hour)), "11/19 02:16"},
		{Day(ja, now), "11月20日(金)"},
		{Day(en, now.AddDate(-1, 0, 0)), "Thu 20 Nov 2025"},
		{WithQuery(en, "sort", "name", "q", "a b"), "/slos?q=a+b&sort=name"},
		{sortHref(en, ColumnHead{Sort: "left"}), "/slos?sort=left"},
	} {
		if got := strings.ReplaceAll(c.got, nbsp, " "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
