package app_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/hinoban/hinoban/internal/app"
)

func read(t *testing.T, names ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, n := range names {
		text, err := os.ReadFile(filepath.Clean(n))
		if err != nil {
			t.Fatal(err)
		}
		out[n] = string(text)
	}
	return out
}

// trees are the YAML documents of a text, empty ones apart.
func trees(t *testing.T, text string) (out []any) {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var v any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if v != nil {
			out = append(out, v)
		}
	}
}

const slothData = "../slo/sloth/testdata/"

// What Sloth 0.16 itself wrote for the same files: every group, name, label and
// expression, in its order.
func TestRulesAreThoseOfSloth(t *testing.T) {
	goldens, err := filepath.Glob(slothData + "out/*.yaml")
	if err != nil || len(goldens) < 15 {
		t.Fatal(len(goldens), err)
	}
	for _, golden := range goldens {
		name, period, _ := strings.Cut(strings.TrimSuffix(filepath.Base(golden), ".yaml"), "-")
		opts := app.RuleOptions{Dialect: "sloth", Period: period}
		if period != "28d" && period != "30d" {
			opts.Windows = read(t, slothData+"windows/"+period+".yaml")
		}
		got, _, err := app.WriteRules(read(t, slothData+"in/"+name+".yaml"), opts)
		if err != nil {
			t.Errorf("%s: %v", golden, err)
			continue
		}
		want := read(t, golden)[golden]
		if diff := cmp.Diff(trees(t, want), trees(t, string(got))); diff != "" {
			t.Errorf("%s: -Sloth +ours\n%s", golden, diff)
		}
		if !bytes.HasPrefix(got, []byte("groups:\n")) && name != "resource" {
			t.Errorf("%s: begins with %.20q", golden, got)
		}
	}
}
