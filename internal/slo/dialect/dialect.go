// Package dialect reads every form in which teams write objectives, side by side
// in one folder, as the [slo.Objective]s of one set.
package dialect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/openslo"
	"github.com/hinoban/hinoban/internal/slo/pyrra"
	"github.com/hinoban/hinoban/internal/slo/sloth"
)

// Kinds are the documents of all dialects.
func Kinds() []ascode.Kind {
	return slices.Concat(openslo.Kinds(), sloth.Kinds(), pyrra.Kinds())
}

// Alerting is what an entry of a burn-rate catalogue gives an objective.
type Alerting struct {
	Pairs   []slo.Pair
	Budgets []slo.BudgetAlert
	Absent  slo.Absent
}

// Deps are what a set of objectives is checked against.
type Deps struct {
	HasService func(id string) bool                                      // of the catalog of the same set
	Entry      func(ref string, o slo.Objective) (a Alerting, err error) // of the burn-rate catalogue; nil where there is none
}

// Built are the objectives of a set, sorted by id, and what is to be said of it.
type Built struct {
	Objectives []slo.Objective
	Problems   ascode.Problems
	Notes      ascode.Problems // what was accepted leniently, beside the set's own notes
}

// Build makes the objectives of a set and checks what refers to what. It is
// pure.
func Build(set *ascode.Set, deps Deps) Built {
	var out Built
	for _, build := range []func(*ascode.Set, func(string) bool) ([]slo.Objective, ascode.Problems, ascode.Problems){openslo.Build, sloth.Build, pyrra.Build} {
		objectives, problems, notes := build(set, deps.HasService)
		out.Objectives = append(out.Objectives, objectives...)
		out.Problems = append(out.Problems, problems...)
		out.Notes = append(out.Notes, notes...)
	}
	slices.SortStableFunc(out.Objectives, func(a, b slo.Objective) int { return strings.Compare(a.ID, b.ID) })
	first := map[string]slo.Objective{}
	kept := out.Objectives[:0]
	for _, o := range out.Objectives {
		if was, twice := first[o.ID]; twice {
			out.Problems = append(out.Problems, problem(o, "rename one of the two", "the objective %q is already defined at %s", o.ID, was.Source))
			continue
		}
		first[o.ID] = o
		if err := deps.fill(&o); err != nil {
			out.Problems = append(out.Problems, problem(o, "name an entry of a BurnRateCatalogue, such as std/tier1@3", "%s: %v", o.ID, err))
		}
		kept = append(kept, o)
	}
	out.Objectives = kept
	return out
}

// fill gives o what its entry of the catalogue says. Where policies of its own
// override the entry, its pairs stay.
func (d Deps) fill(o *slo.Objective) error {
	if o.BurnRates == "" || d.Entry == nil {
		return nil
	}
	a, err := d.Entry(o.BurnRates, *o)
	if err != nil {
		return err
	}
	if o.Override == "" {
		o.Pairs = a.Pairs
	}
	o.Budgets = a.Budgets
	if o.Absent.After == 0 {
		o.Absent = a.Absent
	}
	return nil
}

// problem is one at the document of o.
func problem(o slo.Objective, fix, format string, args ...any) ascode.Problem {
	file, line := o.Source, 1
	if i := strings.LastIndexByte(o.Source, ':'); i >= 0 {
		if n, err := strconv.Atoi(o.Source[i+1:]); err == nil {
			file, line = o.Source[:i], n
		}
	}
	return ascode.Problem{File: file, Line: line, Column: 1, Message: fmt.Sprintf(format, args...), Fix: fix}
}
