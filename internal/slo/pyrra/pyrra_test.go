package pyrra_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/pyrra"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

var update = flag.Bool("update", false, "write the goldens")

func parse(kinds []ascode.Kind, text string) (*ascode.Set, string) {
	set, problems := ascode.Parse(map[string]string{"f.yaml": text}, kinds)
	return set, problems.Error()
}

func files(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("testdata/in/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal("no files", err)
	}
	out := map[string]string{}
	for _, n := range names {
		text, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(n), ".yaml")] = string(text)
	}
	return out
}

func TestRules(t *testing.T) {
	for name, text := range files(t) {
		set, bad := parse(pyrra.Kinds(), text)
		docs := ascode.Of[pyrra.Resource](set)
		if bad != "" || len(docs) != 1 {
			t.Fatalf("%s: %s", name, bad)
		}
		groups, err := pyrra.Rules(docs[0].Spec, pyrra.Options{Generic: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ascode.Write(rules.File{Groups: groups})
		if err != nil {
			t.Fatal(err)
		}
		golden := "testdata/out/" + name + ".yaml"
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil { //nolint:gosec // a golden
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden) //nolint:gosec // its name is a constant of the test
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		printed(t, name, groups)
	}
}

// printed holds expressions to the spelling of Prometheus' printer. The alerts
// on burn rates are the exception: the original puts them together as text.
func printed(t *testing.T, name string, groups []rules.Group) {
	t.Helper()
	p := parser.NewParser(parser.Options{})
	for _, g := range groups {
		for _, r := range g.Rules {
			expr, err := p.ParseExpr(r.Expr)
			if err != nil {
				t.Errorf("%s: %s: %v", name, r.Expr, err)
				continue
			}
			if want := expr.String(); want != r.Expr && !strings.Contains(r.Expr, " * (1-") {
				t.Errorf("%s: %s%s: got %s, want %s", name, r.Record, r.Alert, r.Expr, want)
			}
		}
	}
}

func TestObjectives(t *testing.T) {
	all := files(t)
	build := func(name string) slo.Objective {
		set, _ := parse(pyrra.Kinds(), all[name])
		out, problems, _ := pyrra.Build(set, func(string) bool { return true })
		if len(out) != 1 || len(problems) > 0 {
			t.Fatalf("%s: %d objectives, %v", name, len(out), problems)
		}
		return out[0]
	}
	o := build("grouped")
	want := []slo.Pair{
		{Severity: alert.Page, Rate: 14, Long: 64 * time.Minute, Short: 5 * time.Minute, For: 2 * time.Minute},
		{Severity: alert.Page, Rate: 7, Long: 386 * time.Minute, Short: 32 * time.Minute, For: 16 * time.Minute},
		{Severity: alert.Ticket, Rate: 2, Long: 1543 * time.Minute, Short: 129 * time.Minute, For: 64 * time.Minute},
		{Severity: alert.Ticket, Rate: 1, Long: 6171 * time.Minute, Short: 386 * time.Minute, For: 193 * time.Minute},
	}
	if diff := cmp.Diff(want, o.Pairs); diff != "" {
		t.Error(diff)
	}
	if o.SLI.Bad != `sum by (namespace, route) (request_errors_total{namespace="a",route=~"/v1/.*"})` || !o.SLI.Counter || o.Service != "api" || o.Absent != (slo.Absent{After: 3 * time.Minute, Severity: alert.Info}) {
		t.Errorf("got %+v", o)
	}
	if o := build("latency"); o.SLI.Good != `sum(http_request_duration_seconds_bucket{code=~"2..",job="checkout",le="0.3"})` || o.Window != 14*24*time.Hour {
		t.Errorf("latency: %+v", o.SLI)
	}
	if o := build("native"); o.SLI.Total != `histogram_count(sum(search_duration_seconds{job="search"}))` {
		t.Errorf("native: %+v", o.SLI)
	}
	if o := build("gauge"); o.SLI.Good != `sum(sum_over_time(up{instance!="old",job=~"node.*"}[{{.window}}]))` || len(o.Pairs) != 0 {
		t.Errorf("gauge: %+v", o)
	}
}

func TestFaults(t *testing.T) {
	good := files(t)["ratio"]
	tests := []struct{ name, old, by, want string }{
		{"target", `target: "99"`, `target: "100"`, "f.yaml:9:11: spec.target: a target lies between 0 and 100"},
		{"share", `target: "99"`, `target: "0.99"`, "the target is a percentage, not a share"},
		{"window", "window: 4w", "window: soon", `f.yaml:10:11: spec.window: "soon" is not a duration`},
		{"short window", "window: 4w", "window: 12h", "a window lies between 1d and 400d"},
		{"no selector", `'http_requests_total{job="checkout"}'`, `'sum(http_requests_total)'`, "is not the bare selector of one metric"},
		{"PromQL", `'http_requests_total{job="checkout"}'`, `'http_requests_total{job='`, "f.yaml:15:23: spec.indicator.ratio.total.metric: "},
		{"success", "errors: {", "success: {", `unknown field "success"`},
		{"out of reach", `target: "99"`, `target: "90"`, "14× over 1h and 5m can never fire: total failure burns at 10×"},
		{"service", "", "", `f.yaml:3:1: there is no service "checkout-errors" — add the label pyrra.dev/service`},
	}
	for _, tt := range tests {
		set, problems := parse(pyrra.Kinds(), strings.Replace(good, tt.old, tt.by, 1))
		_, more, notes := pyrra.Build(set, func(string) bool { return false })
		all := problems + "\n" + more.Error() + "\n" + notes.Error() + "\n" + set.Notes.Error()
		if !strings.Contains(all, tt.want) {
			t.Errorf("%s: got\n%s\nwant %q", tt.name, all, tt.want)
		}
	}
}

// Whatever the bytes are, reading ends, and what is accepted has rules that
// Prometheus can read.
func FuzzRead(f *testing.F) {
	kinds := pyrra.Kinds()
	f.Add(kinds[0].Example)
	f.Add(strings.Replace(kinds[0].Example, `job="checkout"`, "job=`a`,b=~'\\x41',__name__=\"q\"", 1))
	f.Fuzz(func(t *testing.T, text string) {
		set, problems := parse(kinds, text)
		if problems != "" {
			return
		}
		for _, d := range ascode.Of[pyrra.Resource](set) {
			groups, err := pyrra.Rules(d.Spec, pyrra.Options{Generic: true})
			if err != nil {
				t.Fatalf("accepted, but has no rules: %v", err)
			}
			p := parser.NewParser(parser.Options{})
			for _, g := range groups {
				for _, r := range g.Rules {
					if _, err := p.ParseExpr(r.Expr); err != nil {
						t.Fatalf("%s: %v", r.Expr, err)
					}
				}
			}
		}
	})
}
