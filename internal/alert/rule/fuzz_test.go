package rule_test

import (
	"testing"

	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// Whatever a document and its table hold: a problem or a rule, and never a panic.
func FuzzBuild(f *testing.F) {
	f.Add("when: {urgency: page}, what: {expr: 'up{a=\"${each.key}\"}'}, where: {forEach: {csv: {file: t.csv}}}", "h,n\na,1\n")
	f.Add("when: {urgency: ticket}, what: {expr: '${each.n} > `${each.key}` # ${x'}, where: {forEach: {terraform: {file: t.csv, output: o}}}", `{"o":{"value":[{"k":1}]}}`)
	f.Add("when: {urgency: log}, what: {expr: up}, where: {forEach: {glob: '[a'}}", "")
	kinds := rule.Kinds()
	f.Fuzz(func(_ *testing.T, spec, table string) {
		set, bad := ascode.Parse(map[string]string{"f.yaml": doc("r", spec)}, kinds)
		rules, more := rule.Build(set.WithBeside(map[string]string{"t.csv": table}), rule.Deps{})
		if len(bad)+len(more) > 0 {
			return
		}
		rule.Lint(rules, rule.LintOptions{Assumed: rule.DefaultAssumed()})
		rules.Files()
	})
}

// A file of Prometheus rules: what is read can be written as documents and read
// again.
func FuzzImport(f *testing.F) {
	f.Add("groups:\n- name: g\n  rules:\n  - {alert: A, expr: up == 0, for: 5m, labels: {severity: critical}}\n")
	f.Add("groups: [{name: '', rules: [{alert: \"\\x00\", expr: 1, annotations: {a: b}}]}]")
	kinds := rule.Kinds()
	f.Fuzz(func(t *testing.T, text string) {
		set, bad := ascode.Parse(map[string]string{"f.yaml": text}, kinds)
		if len(bad) > 0 {
			return
		}
		for _, d := range ascode.Of[rule.PromFile](set) {
			for _, doc := range rule.Import([]rule.PromFile{d.Spec}, nil).Documents {
				if _, err := ascode.Write(doc); err != nil {
					t.Fatalf("%q: %v", text, err)
				}
			}
		}
	})
}
