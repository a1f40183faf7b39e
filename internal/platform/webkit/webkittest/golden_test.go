package webkittest

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Components as HTML: one tag a line, with the hashes of files taken out.
func TestGalleryIsAsBefore(t *testing.T) {
	g, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer g.Hub.Close()
	for name, path := range map[string]string{"now": "/", "slos": "/slos?sort=left", "slo": "/slos/checkout", "oncall": "/oncall", "parts": "/incidents"} {
		for _, lang := range []string{"en", "ja"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Accept-Language", lang)
			if name != "now" { // the frame is compared once
				r.Header.Set("HX-Request", "true")
				r.Header.Set("HX-Target", "main#main")
			}
			w := httptest.NewRecorder()
			g.Handler.ServeHTTP(w, r)
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "⟦") {
				t.Errorf("%s in %s: status %d, or a key without text", path, lang, w.Code)
			}
			if lang == "en" {
				Compare(t, filepath.Join("testdata", name+".golden"), Normal(w.Body.String()), *update)
			}
		}
	}
	if m := g.Kit.Missing(); len(m) > 0 {
		t.Errorf("missing text:\n%s", strings.Join(m, "\n"))
	}
}
