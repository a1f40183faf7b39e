package score_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert/score"
)

const promRules = `groups:
- name: shop
  rules:
  - record: x
    expr: y
  - alert: HighErrors
    for: 5m
    expr: errors > 1
    labels: {severity: page}
  - alert: Slow
    expr: latency > 1
    labels:
      severity: critical
`

const nativeRule = `apiVersion: hinoban/v1
kind: AlertRule
metadata:
  name: queue-deep
spec:
  when:
    urgency: page
  what:
    expr: queue > 10
    for: 1h30m
`

func TestPatch(t *testing.T) {
	rules := score.ReadRules(map[string]string{"rules/shop.yml": promRules, "queue.yaml": nativeRule, "broken.yaml": "alert: [", "other.yaml": "kind: Service\nalert: no\n"})
	if len(rules) != 3 {
		t.Fatalf("got %d rules, want 3", len(rules))
	}
	for _, tt := range []struct {
		rule   string
		change score.Change
		want   []string
	}{
		{"HighErrors", score.Change{Kind: score.Demote}, []string{"--- a/rules/shop.yml", "-    labels: {severity: page}", "+    labels: {severity: ticket}"}},
		{"HighErrors", score.Change{Kind: score.Longer, By: 10 * time.Minute}, []string{"-    for: 5m", "+    for: 15m"}},
		{"HighErrors", score.Change{Kind: score.Delete}, []string{"-  - alert: HighErrors", "-    labels: {severity: page}"}},
		{"Slow", score.Change{Kind: score.Longer, By: 90 * time.Second}, []string{"+    for: 90s"}},
		{"Slow", score.Change{Kind: score.Demote}, []string{"-      severity: critical", "+      severity: ticket"}},
		{"queue-deep", score.Change{Kind: score.Demote}, []string{"--- a/queue.yaml", "-    urgency: page", "+    urgency: ticket"}},
		{"queue-deep", score.Change{Kind: score.Longer, By: 30 * time.Minute}, []string{"-    for: 1h30m", "+    for: 2h"}},
	} {
		got, err := rules[tt.rule].Patch(tt.change)
		if err != nil {
			t.Errorf("%s %v: %v", tt.rule, tt.change, err)
		}
		for _, line := range tt.want {
			if !strings.Contains(got, line+"\n") {
				t.Errorf("%s %v: got\n%swant the line %q", tt.rule, tt.change, got, line)
			}
		}
	}
	again := score.ReadRules(map[string]string{"moved.yml": "# a comment\n" + strings.ReplaceAll(promRules, "    for: 5m", "    for:   5m")})
	if again["HighErrors"].Sum != rules["HighErrors"].Sum {
		t.Error("spaces, comments and the file's name change a rule")
	}
	if other := score.ReadRules(map[string]string{"x.yml": strings.ReplaceAll(promRules, "for: 5m", "for: 6m")}); other["HighErrors"].Sum == rules["HighErrors"].Sum {
		t.Error("a longer wait is no change")
	}
}
