package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hinoban/hinoban/internal/alert/mutate"
)

func TestMutationNamesEveryPlantedGap(t *testing.T) {
	began := time.Now()
	const seed = 7
	got, problems, err := MutateRules(t.Context(), nil, MutateOptions{Seed: seed})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	planted := mutate.NewCorpus(seed).Planted
	known := map[string]bool{}
	for _, p := range planted {
		key := p.Service + "/" + p.Metric + "/" + string(p.Mutation)
		known[key] = true
		found := false
		for _, c := range got.Gaps() {
			found = found || (c.Service == p.Service && c.Metric == p.Metric && c.Mutation == p.Mutation)
		}
		if !found {
			t.Errorf("the gap %s is not named: %s", key, p.Why)
		}
	}
	tries := 0
	for _, c := range got.Gaps() {
		key := c.Service + "/" + c.Metric + "/" + string(c.Mutation)
		if !known[key] {
			tries += c.Missed()
			t.Logf("%s: not caught %d of %d, and not planted: %+v", key, c.Missed(), len(c.Tries), c.Tries)
		}
		if c.Proposal == nil {
			t.Logf("%s: no rule is proposed", key)
		}
	}
	told, caught := got.Share()
	if told < 0.95 {
		t.Errorf("caught or named %.3f, want 0.95", told)
	}
	if os.Getenv("HINOBAN_FIGURES") != "" {
		fmt.Printf("FIGURE | failures injected | %d in %d cases |\n", got.Injected, len(got.Cases))
		fmt.Printf("FIGURE | caught by the rules | %.1f %% |\n", 100*caught)
		fmt.Printf("FIGURE | caught, or named with a rule that was evaluated and catches it | %.1f %% |\n", 100*told)
		fmt.Printf("FIGURE | gaps planted, and named | %d |\n", len(planted))
		fmt.Printf("FIGURE | missed and not planted | %d |\n", tries)
		fmt.Printf("FIGURE | time | %.1f s |\n", time.Since(began).Seconds())
	}
}

func TestMutationReadsSeriesAndIsKept(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "past_test.yaml")
	text := "evaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n  - {series: 'up{job=\"x\"}', values: '1x5000'}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{"r.yaml": {Data: []byte("groups: [{name: a, rules: [{alert: Down, expr: 'up == 0', for: 1m, labels: {severity: page}}]}]")}}
	got, problems, err := MutateRules(t.Context(), folder, MutateOptions{Series: file})
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if gaps := got.Gaps(); len(got.Cases) != 2 || len(gaps) != 1 || gaps[0].Mutation != mutate.Vanish || gaps[0].Proposal == nil || gaps[0].Proposal.Expr != `absent(up{job="x"})` {
		t.Errorf("got %+v", got)
	}
	for _, o := range []MutateOptions{{Series: file, Rules: []string{"Nope"}}, {Series: file, Mutations: []string{"nope"}}, {Series: dir + "/nope"}} {
		if _, _, err := MutateRules(t.Context(), folder, o); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}

	a := ruled(t)
	if err := a.judging.store.PutMutations(t.Context(), time.Now(), []mutate.Result{{Rule: "disk-fills", Injected: 3, Caught: 2, Gaps: []mutate.Gap{{Series: "up", Mutation: mutate.Vanish, Missed: 1, Of: 3, Proposal: "kind: AlertRule"}}}}); err != nil {
		t.Fatal(err)
	}
	page := fetch(a, "/rules/DiskFills", "en").Body.String()
	for _, want := range []string{"caught 2 of 3", "There are no samples any more: nothing told in 1 of 3 tries", "kind: AlertRule"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the rule lacks %q", want)
		}
	}
	if list := fetch(a, "/api/v1/alerts/mutation-results", "en").Body.String(); !strings.Contains(list, `"caught":2`) {
		t.Errorf("got %s", list)
	}
}
