package webkittest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Normal puts HTML in a form that can be compared and reviewed: one tag a line,
// without the hashes of files, long paths and the points of charts.
func Normal(html string) string {
	html = regexp.MustCompile(`\?v=[0-9a-f]+`).ReplaceAllString(html, "")
	html = regexp.MustCompile(` d="[^"]{200,}"`).ReplaceAllString(html, ` d="…"`)
	html = regexp.MustCompile(`(?s)<tr data-x=.*?</tr>`).ReplaceAllString(html, "")
	return strings.TrimSpace(regexp.MustCompile(`>\s*<`).ReplaceAllString(html, ">\n<")) + "\n"
}

// Compare fails t where got is not what file holds; with rewrite it writes the
// file first.
func Compare(t *testing.T, file, got string, rewrite bool) {
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
