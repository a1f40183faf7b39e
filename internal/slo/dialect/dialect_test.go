package dialect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/dialect"
)

func build(text string, deps dialect.Deps) dialect.Built {
	set, problems := ascode.Parse(map[string]string{"a.yaml": text}, dialect.Kinds())
	out := dialect.Build(set, deps)
	out.Problems = append(problems, out.Problems...)
	return out
}

func anyService(string) bool { return true }

const openSLO = `apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout-requests, annotations: {hinoban.dev/burn-rates: std/tier1@3}}
spec:
  service: checkout
  budgetingMethod: Occurrences
  indicator: {spec: {ratioMetric: {counter: true, bad: {metricSource: {spec: {query: sum(e)}}}, total: {metricSource: {spec: {query: sum(t)}}}}}}
  objectives: [{target: 0.999}]
`

func entry(ref string, o slo.Objective) (dialect.Alerting, error) {
	if ref != "std/tier1@3" || o.ID != "checkout-requests" {
		return dialect.Alerting{}, errors.New("there is no such entry")
	}
	return dialect.Alerting{
		Pairs:   []slo.Pair{{Severity: alert.Page, Rate: 10, Long: time.Hour}},
		Budgets: []slo.BudgetAlert{{Severity: alert.Ticket, Watch: "remaining", Share: 0.5}},
		Absent:  slo.Absent{After: time.Hour, Severity: alert.Ticket},
	}, nil
}

func TestCatalogueGivesThePairs(t *testing.T) {
	out := build(openSLO, dialect.Deps{HasService: anyService, Entry: entry})
	if len(out.Problems) > 0 || len(out.Objectives) != 1 {
		t.Fatal(out.Problems)
	}
	if o := out.Objectives[0]; len(o.Pairs) != 1 || o.Pairs[0].Rate != 10 || len(o.Budgets) != 1 || o.Absent.After != time.Hour {
		t.Errorf("got %+v", o)
	}
	// With policies of its own and a reason, the rest of the entry still counts.
	own := strings.Replace(openSLO, "tier1@3}", "tier1@3, hinoban.dev/burn-rates-override: a trial}", 1) +
		"  alertPolicies: [{kind: AlertPolicy, spec: {conditions: [{kind: AlertCondition, spec: {severity: ticket, condition: {threshold: 2, lookbackWindow: 1d}}}]}}]\n"
	out = build(own, dialect.Deps{HasService: anyService, Entry: entry})
	if len(out.Problems) > 0 || out.Objectives[0].Pairs[0].Rate != 2 || len(out.Objectives[0].Budgets) != 1 || out.Objectives[0].Override != "a trial" {
		t.Errorf("override: %v %+v", out.Problems, out.Objectives)
	}
	out = build(strings.Replace(openSLO, "tier1@3", "nope", 1), dialect.Deps{HasService: anyService, Entry: entry})
	if want := "a.yaml:1:1: checkout-requests: there is no such entry — name an entry of a BurnRateCatalogue"; !strings.Contains(out.Problems.Error(), want) {
		t.Errorf("got %v, want %q", out.Problems, want)
	}
	out = build(openSLO, dialect.Deps{HasService: anyService})
	if len(out.Problems) > 0 || len(out.Objectives[0].Pairs) != 0 {
		t.Errorf("without a catalogue: %v %+v", out.Problems, out.Objectives)
	}
}

func TestOneIDInTwoDialects(t *testing.T) {
	sloth := "---\nversion: prometheus/v1\nservice: checkout\nslos:\n- {name: requests, objective: 99, sli: {raw: {error_ratio_query: 'x{w=\"{{ .window }}\"}'}}, alerting: {name: A}}\n"
	out := build(openSLO+sloth, dialect.Deps{HasService: anyService})
	if want := `a.yaml:10:1: the objective "checkout-requests" is already defined at a.yaml:1 — rename one of the two`; out.Problems.Error() != want {
		t.Errorf("got %v, want %q", out.Problems, want)
	}
	out = build(strings.TrimPrefix(sloth, "---\n"), dialect.Deps{HasService: func(string) bool { return false }})
	if len(out.Problems) != 1 || out.Objectives[0].SLI.Raw != `x{w="{{.window}}"}` {
		t.Errorf("got %v %+v", out.Problems, out.Objectives)
	}
}

// Two tools' files in one folder are objectives of one kind.
func ExampleBuild() {
	files := map[string]string{
		"sloth.yaml": "version: prometheus/v1\nservice: shop\nslos:\n- name: orders\n  objective: 99.9\n  sli: {events: {error_query: 'sum(rate(e[{{.window}}]))', total_query: 'sum(rate(t[{{.window}}]))'}}\n  alerting: {name: Orders}\n",
		"pyrra.yaml": "apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\nmetadata: {name: shop-up, labels: {pyrra.dev/service: shop}}\nspec: {target: '99', window: 4w, indicator: {bool_gauge: {metric: up}}}\n",
	}
	set, _ := ascode.Parse(files, dialect.Kinds())
	built := dialect.Build(set, dialect.Deps{HasService: func(id string) bool { return id == "shop" }})
	for _, o := range built.Objectives {
		fmt.Println(o.ID, o.Target.Percent(), slo.Short(o.Window), o.Pairs[0].Name())
	}
	// Output:
	// shop-orders 99.9 30d 14.4× over 1h and 5m
	// shop-up 99 28d 14× over 1h and 5m
}
