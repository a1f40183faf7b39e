package webkit

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const maxScript = 40 << 10 // bytes, gzipped, loaded on every page

func TestScriptStaysSmall(t *testing.T) {
	a, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	js, css := len(a.files["/static/app.js"].gzipped), len(a.files["/static/app.css"].gzipped)
	t.Logf("gzipped: app.js %d bytes, app.css %d bytes", js, css)
	if js == 0 || js > maxScript {
		t.Errorf("app.js is %d bytes gzipped, want 1 to %d", js, maxScript)
	}
}

func TestVendoredFilesAreAsPublished(t *testing.T) {
	list, err := os.ReadFile("VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("assets/vendored/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("vendored files: %v, %v", files, err)
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		if !strings.Contains(string(list), "| "+f+" |") || !strings.Contains(string(list), hex.EncodeToString(sum[:])) {
			t.Errorf("%s with sha256 %x is not in VENDOR.md", f, sum)
		}
	}
}

func TestStaticFilesAreKeptByTheBrowser(t *testing.T) {
	a, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	get := func(url, encoding, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, url, nil)
		r.Header.Set("Accept-Encoding", encoding)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	w := get(a.href("app.css"), "gzip, br", "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("a hashed address: got %d %v", w.Code, w.Header())
	}
	if w := get(a.href("app.css"), "gzip", w.Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("a known file: got %d, want 304", w.Code)
	}
	if w := get("/static/app.css?v=old", "", ""); strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("an old address: got %v, want a short life and no encoding", w.Header())
	}
	for _, bad := range []string{"/static/", "/static/../kit.go", "/static/none.js"} {
		if w := get(bad, "", ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", bad, w.Code)
		}
	}
}
