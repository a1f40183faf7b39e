package ascode_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

const ruleText = `# 最初の説明
apiVersion: hinoban/v1
kind: AlertRule
metadata: {name: queue-deep, displayName: "キューが深い"}
spec:
  when: {urgency: page} # wakes somebody
  what:
    expr: |
      queue > 10
---
groups:
- name: shop
  rules:
  - alert: HighErrors
    expr: errors > 1
    labels:
      severity: "page"
    annotations: {summary: x}

  # the second
  - alert: Slow
    for: 5m
    expr: latency > 1
- name: other
  rules: []
`

func TestRewrite(t *testing.T) {
	alertRule := func(v ascode.Value) bool {
		return v.Text("kind") == "AlertRule" && v.Text("metadata.name") == "queue-deep"
	}
	named := func(name string) func(ascode.Value) bool {
		return func(v ascode.Value) bool { return v.Text("alert") == name }
	}
	for _, tt := range []struct {
		name         string
		want         func(ascode.Value) bool
		field, value string
		diff         string
	}{
		{"in a line of its own mapping", alertRule, "spec.when.urgency", "ticket", "-  when: {urgency: page} # wakes somebody\n+  when: {urgency: ticket} # wakes somebody\n"},
		{"quoted", named("HighErrors"), "labels.severity", "ticket", "-      severity: \"page\"\n+      severity: ticket\n"},
		{"there", named("Slow"), "for", "15m", "-    for: 5m\n+    for: 15m\n"},
		{"not there", named("HighErrors"), "for", "15m", "+    for: 15m\n"},
		{"nor what it is in", named("Slow"), "labels.severity", "ticket", "+    labels:\n+      severity: ticket\n"},
		{"before a block", alertRule, "spec.what.for", "10m", "+    for: 10m\n"},
	} {
		at, ok := ascode.Find(ruleText, []string{"groups[].rules[]"}, tt.want)
		if !ok {
			t.Fatalf("%s: not found", tt.name)
		}
		got, err := ascode.Rewrite(ruleText, at, tt.field, tt.value)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d := changed(ascode.Unified("x.yaml", ruleText, got)); d != tt.diff {
			t.Errorf("%s: got\n%swant\n%s", tt.name, d, tt.diff)
		}
		again, ok := ascode.Find(got, []string{"groups[].rules[]"}, func(v ascode.Value) bool { return tt.want(v) && v.Text(tt.field) == tt.value })
		if !ok || again != at {
			t.Errorf("%s: the new text does not say %s: %s", tt.name, tt.field, tt.value)
		}
	}
	at, _ := ascode.Find(ruleText, nil, alertRule)
	if _, err := ascode.Rewrite(ruleText, at, "spec.when.hours", "day"); errs.KindOf(err) != errs.Invalid {
		t.Errorf("into a mapping of one line: got %v, want Invalid", err)
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct{ alert, diff string }{
		{"HighErrors", "-  - alert: HighErrors\n-    expr: errors > 1\n-    labels:\n-      severity: \"page\"\n-    annotations: {summary: x}\n"},
		{"Slow", "-  - alert: Slow\n-    for: 5m\n-    expr: latency > 1\n"},
	} {
		at, ok := ascode.Find(ruleText, []string{"groups[].rules[]"}, func(v ascode.Value) bool { return v.Text("alert") == tt.alert })
		got, err := ascode.Cut(ruleText, at)
		if !ok || err != nil {
			t.Fatalf("%s: %v, %v", tt.alert, ok, err)
		}
		if d := changed(ascode.Unified("x.yaml", ruleText, got)); d != tt.diff {
			t.Errorf("%s: got\n%swant\n%s", tt.alert, d, tt.diff)
		}
	}
	got, err := ascode.Cut(ruleText, ascode.Place{})
	if err != nil || !strings.HasPrefix(got, "---\ngroups:") {
		t.Errorf("a document: got %v\n%s", err, got)
	}
}

// patch applies what Unified writes.
func TestUnifiedIsAPatch(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	for _, tt := range [][2]string{{"a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\nX\nY\nf\ng\nh\n"}, {"a\nb", "a\nc"}, {"a\n", "a\nb"}, {"a\nb\n", "b\n"}} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "x.yaml"), tt[0])
		cmd := exec.CommandContext(t.Context(), "git", "apply", "--unidiff-zero", "-")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(ascode.Unified("x.yaml", tt[0], tt[1]))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v %s", tt, err, out)
		}
		if got := read(t, filepath.Join(dir, "x.yaml")); got != tt[1] {
			t.Errorf("got %q, want %q", got, tt[1])
		}
	}
}

func changed(diff string) string {
	var out []string
	for _, l := range strings.SplitAfter(diff, "\n") {
		if (strings.HasPrefix(l, "-") || strings.HasPrefix(l, "+")) && !strings.HasPrefix(l, "---") && !strings.HasPrefix(l, "+++") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}

func FuzzRewrite(f *testing.F) {
	f.Add(ruleText, "spec.when.urgency")
	f.Add("a: 1", "b")
	f.Add("- {a: 'x''y'}\n- b", "a")
	f.Fuzz(func(_ *testing.T, text, field string) {
		at, ok := ascode.Find(text, []string{"[]", "groups[].rules[]"}, func(v ascode.Value) bool { return v.Text("a") != "" || v.Text("alert") != "" })
		if !ok {
			return
		}
		if got, err := ascode.Rewrite(text, at, field, "x"); err == nil {
			ascode.Unified("f", text, got)
		}
		if got, err := ascode.Cut(text, at); err == nil {
			ascode.Unified("f", text, got)
		}
	})
}
