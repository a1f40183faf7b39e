package app_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hinoban/hinoban/examples"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

func TestExamplesAreValid(t *testing.T) {
	for _, name := range []string{"alert-rules", "alertmanager", "demo-shop", "small-team", "slo-dialects"} {
		folder, err := fs.Sub(examples.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		set, problems := app.Check(folder)
		if len(problems) > 0 || len(set.Documents) == 0 {
			t.Errorf("%s: %d documents, problems:\n%v", name, len(set.Documents), problems)
		}
	}
}

func TestExampleOfEachKindIsOfThatKind(t *testing.T) {
	for _, k := range app.Kinds() {
		if k.File != "" {
			continue
		}
		set, problems := ascode.Parse(map[string]string{"example.yaml": k.Example}, []ascode.Kind{k})
		if len(problems) > 0 || len(set.Documents) != 1 {
			t.Errorf("%s: %v", k.Name, problems)
		}
		if _, err := k.JSONSchema(); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}

// What people get wrong, and what they are told: file, line, column, fix.
func TestProblems(t *testing.T) {
	const person = "apiVersion: hinoban/v1\nkind: Person\nmetadata: {name: p}\nspec: {}\n---\napiVersion: hinoban/v1\nkind: Team\nmetadata: {name: t}\nspec: {members: [p]}\n---\n"
	const service = person + "apiVersion: hinoban/v1\nkind: Service\nmetadata: {name: api}\nspec: {team: t, tier: 1}\n---\n"
	slo := func(target, query string) string {
		return service + "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: s}\nspec:\n  service: api\n  budgetingMethod: Occurrences\n  indicator:\n    spec:\n      ratioMetric:\n        counter: true\n        bad: {metricSource: {spec: {query: '" + query + "'}}}\n        total: {metricSource: {spec: {query: 'sum(b)'}}}\n  objectives:\n  - targetPercent: " + target + "\n"
	}
	tests := []struct{ name, text, want string }{
		{"not YAML", "a: [1\nb: 2\n", "f.yaml:1:1: not YAML"},
		{"not a mapping", "- 1\n", "f.yaml:1:1: a document must be a mapping"},
		{"no kind", "apiVersion: hinoban/v1\n", "f.yaml:1:1: apiVersion and kind must be given"},
		{"unknown kind", "apiVersion: hinoban/v1\nkind: Servce\n", `f.yaml:2:7: unknown kind hinoban/v1 Servce — did you mean "hinoban/v1 Service"?`},
		{"unknown field", person + "apiVersion: hinoban/v1\nkind: Service\nmetadata: {name: api}\nspec:\n  team: t\n  teir: 1\n  tier: 1\n", `f.yaml:16:3: unknown field "teir" — did you mean "tier"?`},
		{"wrong type", person + "apiVersion: hinoban/v1\nkind: Service\nmetadata: {name: api}\nspec: {team: t, tier: high}\n", "f.yaml:14:23: spec.tier: expected integer"},
		{"out of range", person + "apiVersion: hinoban/v1\nkind: Service\nmetadata: {name: api}\nspec: {team: t, tier: 9}\n", "f.yaml:14:23: spec.tier: expected number <= 4"},
		{"missing", person + "apiVersion: hinoban/v1\nkind: Service\nmetadata: {name: api}\nspec: {tier: 1}\n", "expected required property team to be present"},
		{"bad name", "apiVersion: hinoban/v1\nkind: Person\nmetadata: {name: Aoi Sato}\nspec: {}\n", "f.yaml:3:18: metadata.name: expected string to be a DNS label"},
		{"double name", person + "apiVersion: hinoban/v1\nkind: Person\nmetadata: {name: p}\nspec: {}\n", `f.yaml:13:18: Person "p" is already defined at f.yaml:1 — rename or delete one of the two`},
		{"double key", "apiVersion: hinoban/v1\nkind: Person\nkind: Team\nmetadata: {name: p}\nspec: {}\n", `f.yaml:3:1: key "kind" is given twice`},
		{"unknown team", "apiVersion: hinoban/v1\nkind: Service\nmetadata: {name: api}\nspec: {team: nope, tier: 1}\n", `f.yaml:4:14: there is no team "nope" — add a Team document`},
		{"target 100", slo("100", "sum(a)"), "f.yaml:29:20: spec.objectives[0].targetPercent: a target lies between 0 and 1"},
		{"query", slo("99.9", "sum(a"), "f.yaml:26:44: spec.indicator.spec.ratioMetric.bad.metricSource.spec.query: "},
		{"range in query", slo("99.9", "rate(a[5m])"), "the query has a range of its own"},
		{"out of reach", slo("90", "sum(a)"), ""},
		{"never fires", slo("0", "sum(a)"), "none of the default burn rates can fire"},
		{"many documents", strings.Repeat("apiVersion: hinoban/v1\nkind: Service\nmetadata: {name: api}\nspec: {team: nope, tier: 1}\n---\n", 20_000), `there is no team "nope"`},
		{"alias bomb", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\napiVersion: hinoban/v1\nkind: Person\nmetadata: {name: p}\nspec: {devices: *f}\n", "more than 200000 values"},
	}
	for _, tt := range tests {
		_, problems := app.Check(fstest.MapFS{"f.yaml": {Data: []byte(tt.text)}})
		all := problems.Error()
		if (tt.want == "") != (len(problems) == 0) || !strings.Contains(all, tt.want) {
			t.Errorf("%s: got\n%s\nwant %q", tt.name, all, tt.want)
		}
	}
}
