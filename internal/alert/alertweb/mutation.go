package alertweb

import (
	"context"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert/mutate"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Tests keeps the last mutation test of each rule.
type Tests interface {
	PutMutations(ctx context.Context, at time.Time, all []mutate.Result) error
	Mutations(ctx context.Context, after string, limit int) ([]mutate.Tested, error)
}

// MutationResults are the last mutation tests of rules, by their names.
type MutationResults struct {
	Rules []mutate.Tested `json:"rules"`
}

// MutationsKept is how many results were taken.
type MutationsKept struct {
	Kept int `json:"kept"`
}

type mutationsIn struct {
	Body struct {
		Rules []mutate.Result `json:"rules" maxItems:"5000"`
	}
}

type testedIn struct {
	After string `query:"after" maxLength:"200" doc:"Only rules whose name comes after it."`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// mutationAPI registers the operations on mutation tests.
func (d Deps) mutationAPI(a *httpd.API) {
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "alert", Summary: summary} }
	httpd.Post(a, "/api/v1/alerts/mutation-results", op("put-mutation-results", "Keep what came of a mutation test, as hinoban alert mutate found it"), func(ctx context.Context, in *mutationsIn) (MutationsKept, error) {
		err := d.Tests.PutMutations(ctx, d.Now(), in.Body.Rules)
		return MutationsKept{len(in.Body.Rules)}, err
	})
	httpd.Get(a, "/api/v1/alerts/mutation-results", op("list-mutation-results", "The last mutation test of each rule, with its gaps"), func(ctx context.Context, in *testedIn) (MutationResults, error) {
		all, err := d.Tests.Mutations(ctx, in.After, in.Limit)
		for i := range all {
			all[i].Gaps = listed(all[i].Gaps)
		}
		return MutationResults{listed(all)}, err
	})
}

// mostTested is how many rules' tests a page looks at.
const mostTested = 5000

// tested are the last tests by rule.
func (d Deps) tested(ctx context.Context) (map[string]mutate.Tested, error) {
	out := map[string]mutate.Tested{}
	if d.Tests == nil {
		return out, nil
	}
	all, err := d.Tests.Mutations(ctx, "", mostTested)
	for _, t := range all {
		out[t.Rule] = t
		if d.Rules.Set == nil {
			continue
		}
		for _, r := range d.Rules.Set().Named(t.Rule) { // its alerts may have another name
			if _, taken := out[r.Name]; !taken {
				out[r.Name] = t
			}
		}
	}
	return out, err
}

type testedView struct {
	State    webkit.State
	Text     string
	Sentence string
	At       time.Time // zero: never
	Gaps     []gapView
}

type gapView struct{ Text, Series, Proposal string }

func viewTested(ctx context.Context, all map[string]mutate.Tested, rule string) testedView {
	t, ok := all[rule]
	if !ok {
		return testedView{State: webkit.Unknown, Text: webkit.T(ctx, "mutation.never"), Sentence: webkit.T(ctx, "mutation.how")}
	}
	caught, of := strconv.Itoa(t.Caught), strconv.Itoa(t.Injected)
	v := testedView{State: webkit.OK, At: t.At, Text: webkit.T(ctx, "mutation.share", caught, of), Sentence: webkit.T(ctx, "mutation.sentence", caught, of)}
	if t.Caught < t.Injected {
		v.State = webkit.Warning
	}
	for _, g := range t.Gaps {
		v.Gaps = append(v.Gaps, gapView{webkit.T(ctx, "mutation.gap", webkit.T(ctx, "mutation."+string(g.Mutation)), strconv.Itoa(g.Missed), strconv.Itoa(g.Of)), g.Series, g.Proposal})
	}
	return v
}

type staleRow struct {
	Rule, Href string
	LastAt     time.Time // zero: never
}

// viewStale are the rules that fired last long ago, or never, and were never tested.
func viewStale(b *score.Board, tested map[string]mutate.Tested) (out []staleRow) {
	for _, f := range b.Silent() {
		if _, ok := tested[f.Rule]; !ok {
			out = append(out, staleRow{f.Rule, ruleHref(b, f.Key), f.LastAt})
		}
	}
	return out
}
