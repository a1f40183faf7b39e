package app_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hinoban/hinoban/examples"
	"github.com/hinoban/hinoban/internal/app"
)

// generated is a folder of n alerting rules, as the field writes them.
func generated(n int) fstest.MapFS {
	out := fstest.MapFS{}
	for file := 0; file*50 < n; file++ {
		b := strings.Builder{}
		b.WriteString("groups:\n")
		for g := range 5 {
			fmt.Fprintf(&b, "- name: group%d.%d\n  rules:\n", file, g)
			for i := range 10 {
				fmt.Fprintf(&b, `  - alert: Alert%d_%d_%d
    expr: |
      sum by (namespace, job) (rate(http_requests_total{job="svc%d",code=~"5.."}[5m]))
        / sum by (namespace, job) (rate(http_requests_total{job="svc%d"}[5m])) > 0.0%d
    for: %dm
    labels: {severity: %s, team: "team-%d"}
    annotations:
      summary: "{{ $labels.job }} in {{ $labels.namespace }} answers with errors"
      description: "{{ $value | humanizePercentage }} of the requests of {{ $labels.job }} fail"
      runbook_url: https://runbooks.example.org/alert%d
`, file, g, i, i, i, 1+i%9, 1+i%15, []string{"critical", "warning", "info"}[i%3], i%7, i)
			}
		}
		out[fmt.Sprintf("rules-%02d.yaml", file)] = &fstest.MapFile{Data: []byte(b.String())}
	}
	return out
}

// Lint of 950 rules: to be below two seconds.
func BenchmarkLint950(b *testing.B) {
	folder := generated(950)
	for b.Loop() {
		out, problems, err := app.LintRules(b.Context(), folder, app.Past{})
		if err != nil || len(problems) > 0 || out.Rules != 950 {
			b.Fatal(out.Rules, problems, err)
		}
	}
}

func TestLintRules(t *testing.T) {
	folder, err := fs.Sub(examples.Files, "alert-rules")
	if err != nil {
		t.Fatal(err)
	}
	out, problems, err := app.LintRules(t.Context(), folder, app.Past{})
	if err != nil || len(problems) > 0 || out.Errors() > 0 || out.Rules != 5 {
		t.Fatalf("got %+v, %v, %v; want five rules without errors", out, problems, err)
	}
	codes := ""
	for _, l := range out.Lacks {
		codes += l.Rule + ":" + l.Code + " "
	}
	if want := "disk-fills:test host-absent:test HostDown:first-action HostDown:impact "; codes != want {
		t.Errorf("got %s, want %s", codes, want)
	}
}

const pageRule = `apiVersion: hinoban/v1
kind: AlertRule
metadata: {name: r}
spec:
  who: {owner: t}
  when: {urgency: page, budget: 2m}
  what: {expr: 'up{h="${each.key}"} == 0', for: 5m}
  where: {forEach: {csv: {file: t.csv}}}
  how: {playbook: docs/p.md}
`

// What check refuses in a page, and where it says so.
func TestCheckRefusesAnUnanswerablePage(t *testing.T) {
	_, problems := app.Check(fstest.MapFS{"t.yaml": {Data: []byte(small)}, "r.yaml": {Data: []byte(pageRule)}, "t.csv": {Data: []byte("h\na\n")}})
	text := problems.Error()
	for _, want := range []string{"r.yaml:1:1: r: a page that does not say what to do first", "hears of it after 7m6s, and the budget is 2m"} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s\nwant %q", text, want)
		}
	}
}

const small = "apiVersion: hinoban/v1\nkind: Person\nmetadata: {name: p}\nspec: {}\n---\napiVersion: hinoban/v1\nkind: Team\nmetadata: {name: t}\nspec: {members: [p]}\n"

// Files that rules refer to may not lead out of the folder, be missing or huge.
func TestFilesBesideRules(t *testing.T) {
	for name, tt := range map[string]struct{ file, data, want string }{
		"missing": {"other.csv", "h\na\n", "file does not exist"},
		"huge":    {"t.csv", strings.Repeat("x", 5<<20), "larger than"},
	} {
		_, problems := app.Check(fstest.MapFS{"t.yaml": {Data: []byte(small)}, "r.yaml": {Data: []byte(pageRule)}, tt.file: {Data: []byte(tt.data)}})
		if !strings.Contains(problems.Error(), tt.want) || !strings.Contains(problems.Error(), "r.yaml:8:") {
			t.Errorf("%s: got %v, want %q at its line", name, problems, tt.want)
		}
	}
}

// What Prometheus would refuse in a rule file is told at the rule.
func TestCheckReadsPrometheusRules(t *testing.T) {
	for text, want := range map[string]string{
		"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up ==\n":                                                                                               "could not parse expression",
		"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations: {s: '{{ $valu }}'}\n":                                                             "undefined variable",
		"groups:\n- name: g\n  rules:\n  - alert: A\n    exprs: up\n":                                                                                                 `unknown field "exprs"`,
		"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: r}\nspec:\n  groups:\n  - name: g\n    rules:\n    - {alert: A, expr: up ==}\n": "could not parse expression",
	} {
		_, problems := app.Check(fstest.MapFS{"r.yaml": {Data: []byte(text)}})
		if len(problems) == 0 || !strings.Contains(problems.Error(), want) || problems[0].Line < 4 {
			t.Errorf("%s: got %v, want %q at the rule", text, problems, want)
		}
	}
}

func TestImportRules(t *testing.T) {
	files := map[string]string{"no.yaml": "a: b\n"}
	for n, f := range generated(100) {
		files[n] = string(f.Data)
	}
	out, problems, err := app.ImportRules(files)
	if err != nil || len(problems) > 0 || out.Rules != 100 || len(out.Files) != 2 || len(out.Skipped) != 1 || len(out.Lacks) == 0 {
		t.Fatalf("got %d rules, %d files, skipped %v, %v, %v", out.Rules, len(out.Files), out.Skipped, problems, err)
	}
	folder := fstest.MapFS{}
	for n, text := range out.Files {
		folder[n] = &fstest.MapFile{Data: []byte(text)}
	}
	teams := small
	for i := range 7 {
		teams += fmt.Sprintf("---\napiVersion: hinoban/v1\nkind: Team\nmetadata: {name: team-%d}\nspec: {members: [p]}\n", i)
	}
	folder["teams.yaml"] = &fstest.MapFile{Data: []byte(teams)}
	again, problems, err := app.LintRules(t.Context(), folder, app.Past{})
	if err != nil || len(problems) > 0 || again.Rules != 100 {
		t.Errorf("got %d rules of what was written, %v, %v", again.Rules, problems, err)
	}
}
