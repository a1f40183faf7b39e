package browser

import (
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hinoban/hinoban/internal/platform/webkit/webkittest"
)

func gallery(t *testing.T) *webkittest.Gallery {
	t.Helper()
	g, err := webkittest.New()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// serve serves the gallery; its streams end before the server does.
func serve(t *testing.T, g *webkittest.Gallery) string {
	t.Helper()
	s := httptest.NewServer(g.Handler)
	t.Cleanup(s.Close)
	t.Cleanup(g.Hub.Close)
	return s.URL
}

func TestGalleryFitsEveryScreen(t *testing.T) {
	ctx, url := open(t), serve(t, gallery(t))
	pages := map[string]string{"now": "/", "slos": "/slos?sort=left", "slo": "/slos/checkout", "oncall": "/oncall", "parts": "/incidents"}
	for _, l := range []look{
		{"light", 1280, "light", "en"}, {"dark", 1280, "dark", "en"}, {"ja", 1280, "light", "ja"},
		{"phone", 360, "dark", "en"}, {"phone-ja", 360, "light", "ja"},
	} {
		l.set(t, ctx)
		for name, path := range pages {
			do(t, ctx, chromedp.Navigate(url+path), chromedp.WaitReady("html.js"))
			shoot(t, ctx, name+"-"+l.Name)
			if over := run(t, ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`)); over > 0 {
				t.Errorf("%s at %d px is %d px too wide", path, l.Width, over)
			}
		}
	}
}
