package webkittest

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
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
				compare(t, filepath.Join("testdata", name+".golden"), normal(w.Body.String()), *update)
			}
		}
	}
	if m := g.Kit.Missing(); len(m) > 0 {
		t.Errorf("missing text:\n%s", strings.Join(m, "\n"))
	}
}

func normal(html string) string {
	html = regexp.MustCompile(`\?v=[0-9a-f]+`).ReplaceAllString(html, "")
	html = regexp.MustCompile(` d="[^"]{200,}"`).ReplaceAllString(html, ` d="…"`)
	html = regexp.MustCompile(`(?s)<tr data-x=.*?</tr>`).ReplaceAllString(html, "")
	return strings.TrimSpace(regexp.MustCompile(`>\s*<`).ReplaceAllString(html, ">\n<")) + "\n"
}

func compare(t *testing.T, file, got string, rewrite bool) {
	t.Helper()
	if rewrite {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d: got %s\nwant %s\n(rewrite with -update and explain the change)", file, i+1, g[i], w[i])
		}
	}
	if len(g) != len(w) {
		t.Fatalf("%s: got %d lines, want %d", file, len(g), len(w))
	}
}
