package arch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/arch"
)

// Each sin is planted in a tree of its own, and must be reported in these words.
func TestSinsAreReported(t *testing.T) {
	t.Parallel()
	const head = "// Package x is for tests.\n"
	tests := []struct{ name, file, text, want string }{
		{"rank", "internal/slo/a.go", head + "package slo\nimport _ \"github.com/hinoban/hinoban/internal/incident\"", "slo (rank 3) may not know incident (rank 4)"},
		{"same rank", "internal/slo/a.go", head + "package slo\nimport _ \"github.com/hinoban/hinoban/internal/oncall\"", "slo (rank 3) may not know oncall (rank 3)"},
		{"another's cellar", "internal/slo/a.go", head + "package slo\nimport _ \"github.com/hinoban/hinoban/internal/alert/alertdb\"", "others may import only the core"},
		{"platform knows a room", "internal/platform/bus/a.go", head + "package bus\nimport _ \"github.com/hinoban/hinoban/internal/alert\"", "platform knows no room"},
		{"cli knows a room", "internal/cli/a.go", head + "package cli\nimport _ \"github.com/hinoban/hinoban/internal/alert\"", "cli talks to rooms over the API"},
		{"room knows app", "internal/slo/a.go", head + "package slo\nimport _ \"github.com/hinoban/hinoban/internal/app\"", "only cmd and cli may import app"},
		{"core does I/O", "internal/slo/a.go", head + "package slo\nimport _ \"net/http\"", "decides and does no I/O"},
		{"core does SQL", "internal/oncall/rota/a.go", head + "package rota\nimport _ \"database/sql\"", "decides and does no I/O"},
		{"clock in a core", "internal/slo/a.go", head + "package slo\nimport \"time\"\nvar _ = time.Now", "time.Now in a core"},
		{"one place", "internal/alert/alertweb/a.go", head + "package alertweb\nimport _ \"github.com/jackc/pgx/v5\"", "only internal/platform/store may import it"},
		{"foreign table", "internal/alert/alertdb/a.go", head + "package alertdb\nconst q = `SELECT id FROM oncall_page`", "its tables start with alert_"},
		{"init", "internal/slo/a.go", head + "package slo\nfunc init() {}", "no init functions"},
		{"sleep in a test", "internal/slo/a_test.go", "package slo\nimport \"time\"\nfunc f() { time.Sleep(1) }", "time.Sleep in a test"},
		{"vague name", "internal/platform/util/a.go", head + "package util", "says nothing"},
		{"no doc", "internal/slo/a.go", "package slo", "no doc comment"},
		{"long file", "internal/slo/a.go", head + "package slo\n" + strings.Repeat("// x\n", 501) + "var x = 1", "the limit is 500"},
		{"long function", "internal/slo/a.go", head + "package slo\nfunc f() {\n" + strings.Repeat("_ = 1\n", 90) + "}", "the limit is 80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			path := filepath.Join(root, filepath.FromSlash(tt.file))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			broken, err := arch.Check(root)
			if err != nil || !strings.Contains(strings.Join(broken, "\n"), tt.want) {
				t.Errorf("got %q, %v; want %q", broken, err, tt.want)
			}
		})
	}
}
