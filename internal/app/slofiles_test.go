package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/dialect"
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

// An objective that was converted to OpenSLO and read again is the same, from
// whatever dialect it came; what Sloth has words for comes back from there too.
func TestConvertRoundTrips(t *testing.T) {
	inputs := map[string]string{}
	for _, pattern := range []string{slothData + "in/*.yaml", "../slo/pyrra/testdata/in/*.yaml", "../../examples/demo-shop/slos.yaml", "../../examples/slo-dialects/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal(pattern, err)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, "_test.yaml") })
		maps.Copy(inputs, read(t, names...))
	}
	for name, text := range inputs {
		was := objectives(t, text)
		if len(was) == 0 {
			continue
		}
		written, err := app.ConvertSLOs(map[string]string{name: text}, "openslo", "30d")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(was, objectives(t, string(written)), same...); diff != "" {
			t.Errorf("%s by OpenSLO: %s\n%s", name, diff, written)
		}
		if !strings.Contains(name, "/sloth/") || strings.Contains(name, "alpha") {
			continue
		}
		written, err = app.ConvertSLOs(map[string]string{name: text}, "sloth", "30d")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(was, objectives(t, string(written)), same...); diff != "" {
			t.Errorf("%s by Sloth: %s", name, diff)
		}
	}
}

var same = []cmp.Option{
	cmpopts.IgnoreFields(slo.Objective{}, "Doc", "Source"), cmp.Comparer(func(a, b slo.Target) bool { return a == b }),
}

func objectives(t *testing.T, text string) []slo.Objective {
	t.Helper()
	set, problems := ascode.Parse(map[string]string{"f.yaml": text}, app.Kinds())
	built := dialect.Build(set, dialect.Deps{HasService: func(string) bool { return true }})
	if problems = append(problems, built.Problems...); len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, text)
	}
	return built.Objectives
}

func TestRulesAcrossDialects(t *testing.T) {
	const openSLO = "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: api-errors}\nspec:\n  service: api\n  budgetingMethod: Occurrences\n  indicator: {spec: {ratioMetric: {counter: true, SIDE: {metricSource: {spec: {query: 'sum(e{a=\"b\"})'}}}, total: {metricSource: {spec: {query: 'sum(t)'}}}}}}\n  timeWindow: [WINDOW]\n  objectives: [{target: 0.99}]\n"
	tests := []struct{ side, window, dialect, want, fails string }{
		{"bad", "{duration: 30d, isRolling: true}", "sloth", "(sum(rate(e{a=\"b\"}[5m])))\n", ""},
		{"good", "{duration: 30d, isRolling: true}", "sloth", "((sum(rate(t[5m]))) - (sum(rate(e{a=\"b\"}[5m]))))\n", ""},
		{"bad", "{duration: 30d, isRolling: true}", "pyrra", `expr: sum(rate(e{a="b"}[5m])) / sum(rate(t[5m]))`, ""},
		{"good", "{duration: 30d, isRolling: true}", "pyrra", "", "Pyrra's ratios count errors"},
		{"bad", "{duration: 7d, isRolling: true}", "sloth", "", "run with --default-slo-period 1w"},
		{"bad", "{duration: 1M, calendar: {startTime: 2026-01-01 00:00:00, timeZone: UTC}}", "sloth", "", "its window is a calendar's"},
		{"bad", "{duration: 1M, calendar: {startTime: 2026-01-01 00:00:00, timeZone: UTC}}", "pyrra", "", "its window is a calendar's"},
	}
	for _, tt := range tests {
		text := strings.NewReplacer("SIDE", tt.side, "WINDOW", tt.window).Replace(openSLO)
		got, _, err := app.WriteRules(map[string]string{"f.yaml": text}, app.RuleOptions{Dialect: tt.dialect, Period: "30d"})
		if tt.fails != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%s %s for %s: got %v, want %q", tt.side, tt.window, tt.dialect, err, tt.fails)
			}
			continue
		}
		all := ""
		for _, d := range trees(t, string(got)) {
			all += fmt.Sprint(d)
		}
		if err != nil || !strings.Contains(all+string(got), tt.want) {
			t.Errorf("%s for %s: %v\n%s\nwant %q", tt.side, tt.dialect, err, got, tt.want)
		}
	}
	// Sloth's own files become Pyrra's rules where their queries are sums of one metric.
	got, notes, err := app.WriteRules(map[string]string{"f.yaml": "version: prometheus/v1\nservice: api\nslos:\n- name: errors\n  objective: 99\n  sli: {events: {error_query: 'sum(rate(e[{{.window}}]))', total_query: 'sum(rate(t[{{.window}}]))'}}\n  alerting: {name: A}\n"}, app.RuleOptions{Dialect: "pyrra", Period: "30d", CRD: true})
	if err != nil || len(notes) != 1 || !strings.Contains(string(got), "kind: PrometheusRule") {
		t.Errorf("%v %v\n%s", err, notes, got)
	}
}

// A reference to a catalogue that comes with the product gives the pairs.
func TestEntryOfACatalogue(t *testing.T) {
	text := func(ref string) map[string]string {
		return map[string]string{"f.yaml": "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: s, annotations: {hinoban.dev/burn-rates: " + ref + "}}\nspec:\n  service: s\n  budgetingMethod: Occurrences\n  indicator: {spec: {ratioMetric: {counter: true, bad: {metricSource: {spec: {query: sum(e)}}}, total: {metricSource: {spec: {query: sum(t)}}}}}}\n  objectives: [{target: 0.999}]\n"}
	}
	got, notes, err := app.WriteRules(text("google-30d"), app.RuleOptions{Dialect: "sloth", Period: "30d"})
	if err != nil || !strings.Contains(string(got), "14.4 * 0.0009999999999999432") {
		t.Errorf("%v %v\n%s", err, notes, got)
	}
	if _, _, err := app.WriteRules(text("nope/x"), app.RuleOptions{Dialect: "sloth", Period: "30d"}); err == nil || !strings.Contains(err.Error(), `f.yaml:1:1: s: there is no burn-rate catalogue "nope"`) {
		t.Errorf("got %v", err)
	}
}
