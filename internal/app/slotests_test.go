package app_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/app"
)

// The files that promtool itself is tested with, and its verdicts.
func TestPromtoolsOwnFiles(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus").Output()
	if err != nil {
		t.Fatal(err)
	}
	promtool, _ := exec.LookPath("promtool")
	// What promtool cannot read yet where it is older than these.
	newer := map[string]bool{"unittest.yml": true, "no-test-group-interval.yml": true, "start-time-test.yml": true}
	tests := []struct {
		file, run string
		ok        bool
	}{
		{"unittest.yml", "", true},
		{"long-period.yml", "", true},
		{"bad-input-series.yml", "", false},
		{"bad-promql.yml", "", false},
		{"bad-rules-syntax-test.yml", "", false},
		{"bad-rules-error-test.yml", "", false},
		{"failing.yml", "", false},
		{"at-modifier-test.yml", "", true},
		{"negative-offset-test.yml", "", true},
		{"no-test-group-interval.yml", "", true},
		{"start-time-test.yml", "", true},
		{"rules_run.yml", "", false},
		{"rules_run.yml", "correct", true},
		{"rules_run.yml", "wrong", false},
		{"rules_run_no_fuzzy.yml", "", false},
		{"rules_run_fuzzy.yml", "correct", true},
		{"rules_run_fuzzy.yml", "wrong", false},
	}
	for _, tt := range tests {
		file := filepath.Join(strings.TrimSpace(string(dir)), "cmd/promtool/testdata", tt.file)
		var run *regexp.Regexp
		if tt.run != "" {
			run = regexp.MustCompile(tt.run)
		}
		got, err := app.TestSLOs(t.Context(), []string{file}, run)
		if err != nil || (got.Failed == 0) != tt.ok {
			t.Errorf("%s %s: got %+v, %v, want ok %t", tt.file, tt.run, got, err, tt.ok)
		}
		if promtool == "" || tt.run != "" || newer[tt.file] {
			continue
		}
		err = exec.CommandContext(t.Context(), promtool, "test", "rules", file).Run()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if (err == nil) != tt.ok {
			t.Errorf("%s: promtool says %v, want ok %t", tt.file, err, tt.ok)
		}
	}
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const sloDocument = `version: prometheus/v1
service: shop
slos:
- name: NAME
  objective: 99
  sli: {events: {error_query: 'QUERY(rate(e[{{.window}}]))', total_query: 'QUERY(rate(t[{{.window}}]))'}}
  alerting: {name: A}
`

// Documents of a folder, a correction among them, and an SLI that has to be asked.
func TestSLOsOfAFolder(t *testing.T) {
	dir := write(t, map[string]string{
		"plain.yaml": strings.NewReplacer("NAME", "plain", "QUERY", "sum").Replace(sloDocument),
		"asked.yaml": strings.NewReplacer("NAME", "asked", "QUERY", "max").Replace(sloDocument),
		"rules.yaml": "groups: [{name: g, rules: [{record: e:sum, expr: sum(e)}]}]",
		"other.yaml": "a: b\n",
		"a_test.yaml": `rule_files: ["."]
tests:
- name: both
  interval: 30s
  input_series:
  - {series: e, values: 0+5x400}
  - {series: t, values: 0+50x400}
  promql_expr_test:
  - {expr: 'e:sum', eval_time: 1h, exp_samples: [{labels: 'e:sum', value: 600}]}
  slo_test:
  - {eval_time: 2h, slo: shop-plain, exp_burn: {1h: 10}, exp_bad: 1200, exp_total: 12000, exp_firing: [6h/30m, ticket], exp_state: fast_burn}
  - {eval_time: 2h, slo: shop-asked, exp_burn: {30m: 10}, exp_state: fast_burn}
`,
	})
	got, err := app.TestSLOs(t.Context(), []string{filepath.Join(dir, "a_test.yaml")}, nil)
	if err != nil || got.Failed != 0 || got.Passed != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsWrongWithATestFile(t *testing.T) {
	dir := write(t, map[string]string{
		"broken.yaml": "version: prometheus/v1\nservice: shop\nslos: 3\n",
		"t1.yaml":     "rule_files: [broken.yaml]\ntests: []\n",
		"t2.yaml":     "rule_files: [nothing*]\ntests: []\n",
		"t3.yaml":     "tests:\n- input_series: [{series: up, values: 1x1000000000}]\n",
		"t4.yaml":     "rule_files: ['[']\n",
		"t5.yaml":     "test: []\n",
	})
	for name, want := range map[string]string{
		"t1.yaml": "broken.yaml:3:7: slos: expected array",
		"t3.yaml": `t3.yaml:2:39: series "up": "x1000000000" asks for more than 4000000 values: end the series earlier`,
		"t4.yaml": "syntax error in pattern",
		"t5.yaml": `t5.yaml:1:1: unknown field "test" — known here: rule_files`,
		"t6.yaml": "no such file",
	} {
		got, err := app.TestSLOs(t.Context(), []string{filepath.Join(dir, name)}, nil)
		if err != nil || got.Failed != 1 {
			t.Errorf("%s: got %+v, %v", name, got, err)
			continue
		}
		text := strings.Join(got.Files[0].Problems, "\n")
		for _, c := range got.Files[0].Tests {
			text += c.Mismatches[0].Problem
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s: got %s, want %q", name, text, want)
		}
	}
	got, err := app.TestSLOs(t.Context(), []string{filepath.Join(dir, "t2.yaml")}, nil)
	if err != nil || got.Failed != 0 || len(got.Files[0].Notes) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The tests that come with the examples pass.
func TestExamplesPassTheirTests(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*_test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == "oncall_test.yaml" }) // of escalations
	if drilled, err := app.TestOnCall([]string{"../../examples"}); err != nil || drilled.Failed > 0 || drilled.Passed == 0 {
		t.Errorf("escalations: got %+v, %v", drilled, err)
	}
	got, err := app.TestSLOs(t.Context(), files, nil)
	if err != nil || got.Failed != 0 || got.Passed < len(files) {
		t.Errorf("got %+v, %v", got, err)
	}
}
