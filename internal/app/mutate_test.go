package app

import (
	"fmt"
	"os"
	"testing"
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
