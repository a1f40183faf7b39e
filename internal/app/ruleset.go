package app

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/metrics/promrules"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/metrics/promtest"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
)

const (
	maxBeside    = 32 << 20 // bytes of all files that documents refer to
	maxBesides   = 10_000
	maxTestBytes = 16 << 20
)

// loadFolder reads the documents of a folder and the files that they refer to.
func loadFolder(folder fs.FS) (*ascode.Set, ascode.Problems) {
	set, problems := ascode.Load(folder, Kinds())
	set, more := readBeside(folder, set)
	return set, append(problems, more...)
}

// readBeside adds to a set the files that its documents refer to.
func readBeside(folder fs.FS, set *ascode.Set) (*ascode.Set, ascode.Problems) {
	wants, problems := rule.Wants(set)
	files, size := map[string]string{}, 0
	for _, w := range wants {
		var err error
		var text string
		if w.Glob != "" {
			err = matching(folder, w.Glob, files)
		} else {
			text, err = ascode.ReadBeside(folder, w.Path, rule.MaxBeside)
			files[w.Path] = text
		}
		if size += len(text); err == nil && size > maxBeside {
			err = errors.New("the files that documents refer to are too large together")
		}
		if err != nil {
			at := w.At
			at.Message = w.Path + w.Glob + ": " + err.Error()
			problems = append(problems, at)
			delete(files, w.Path)
		}
	}
	return set.WithBeside(files), problems
}

// matching notes the files that match a pattern: their names are what counts.
func matching(folder fs.FS, pattern string, files map[string]string) error {
	names, err := fs.Glob(folder, pattern)
	if len(names) > maxBesides {
		return errs.New(errs.Invalid, "it matches more than %d files", maxBesides)
	}
	for _, n := range names {
		if _, have := files[n]; !have {
			files[n] = ""
		}
	}
	return err
}

// alertRules are the rules that AlertRule documents (path to text) become, for
// tests. Whatever they refer to is taken to be there.
func alertRules(documents map[string]string) ([]promtest.RuleFile, error) {
	root := ""
	for n := range documents {
		dir, err := filepath.Abs(filepath.Dir(n))
		if err != nil {
			return nil, errs.New(errs.Invalid, "%s: %w", n, err)
		}
		if root == "" {
			root = dir
		}
		for !within(dir, root) {
			root = filepath.Dir(root)
		}
	}
	files := map[string]string{}
	for n, text := range documents {
		full, err := filepath.Abs(n)
		if err == nil {
			full, err = filepath.Rel(root, full)
		}
		if err != nil {
			return nil, errs.New(errs.Invalid, "%s: %w", n, err)
		}
		files[filepath.ToSlash(full)] = text
	}
	set, _ := ascode.Parse(files, Kinds()) // what is wrong has been said with its own path
	set, problems := readBeside(os.DirFS(root), set)
	rules, bad := rule.Build(set, rule.Deps{})
	if err := append(problems, bad...).Err(); err != nil {
		return nil, err
	}
	var out []promtest.RuleFile
	for _, f := range rules.Files() {
		out = append(out, promtest.RuleFile(f))
	}
	return out, nil
}

func within(dir, root string) bool {
	rel, err := filepath.Rel(root, dir)
	return err == nil && filepath.IsLocal(rel)
}

// testTexts are the texts of the test files of a folder.
func testTexts(folder fs.FS) ([]string, error) {
	out, size := []string{}, 0
	err := fs.WalkDir(folder, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		base, ok := strings.CutSuffix(strings.TrimSuffix(d.Name(), path.Ext(d.Name())), "_test")
		if ext := path.Ext(d.Name()); base == "" || !ok || (ext != ".yaml" && ext != ".yml") {
			return nil
		}
		text, err := ascode.ReadBeside(folder, p, maxTestBytes)
		if size += len(text); err == nil && size <= maxTestBytes {
			out = append(out, text)
		}
		return err
	})
	return out, err
}

// buildRules makes the rules of a set whose other rooms are built.
func buildRules(set *ascode.Set, p plans, values func(series, label string) ([]string, bool)) (*rule.Set, ascode.Problems) {
	objectives, escalations := map[string]bool{}, map[string]bool{}
	for _, o := range p.objectives {
		objectives[o.ID], objectives[o.Parent] = true, true
	}
	for _, d := range ascode.Of[oncall.EscalationSpec](set) {
		escalations[d.Metadata.Name] = true
	}
	rules, problems := rule.Build(set, rule.Deps{
		Catalog: p.catalog, Values: values,
		HasEscalation: func(id string) bool { return escalations[id] }, HasSLO: func(id string) bool { return objectives[id] },
	})
	return rules, append(problems, checkRules(set, rules)...)
}

// checkRules says what Prometheus' own reader finds wrong with the rules.
func checkRules(set *ascode.Set, rules *rule.Set) (out ascode.Problems) {
	for _, f := range rules.Files() {
		faults := promrules.Check(promrules.File(f))
		if len(faults) == 0 {
			continue
		}
		d, prefix, groups := ruleDocument(set, f.Path)
		for _, x := range faults {
			field := prefix
			if i := slices.IndexFunc(groups, func(g rule.Group) bool { return g.Name == x.Group }); i >= 0 {
				field = prefix + rule.FieldOf(i, x.Rule)
			}
			out = append(out, d.At(field, "", "%s", x.Text))
		}
	}
	return out
}

// ruleDocument is the document that a file of rules came from, and where its groups
// are in it: none of an AlertRule.
func ruleDocument(set *ascode.Set, file string) (d ascode.Document, prefix string, groups []rule.Group) {
	for _, d := range ascode.Of[rule.PromFile](set) {
		if d.File == file {
			return d.Document, "", d.Spec.Groups
		}
	}
	for _, d := range ascode.Of[rule.Resource](set) {
		if rule.ResourcePath(d.Document) == file {
			return d.Document, "spec.", d.Spec.Spec.Groups
		}
	}
	for _, d := range ascode.Of[rule.Spec](set) {
		if rule.OwnPath(d.Metadata.Name) == file {
			return d.Document, "spec", nil
		}
	}
	return ascode.Document{File: file, Line: 1}, "", nil
}

// assumed is what latencies are computed with, as far as the set says it.
func assumed(p plans) rule.Assumed {
	out := rule.DefaultAssumed()
	if len(p.scrape) > 0 {
		s := p.scrape[0].Spec
		out.Sample, out.Jobs = promstore.ScrapeIntervals(s.path, []byte(s.text))
	}
	out.Burn = func(id string) (rule.Burn, bool) { return burnOf(p.objectives, id, out.Sample) }
	return out
}

// burnOf is how fast an objective pages while everything fails: by the fastest of
// its pairs that page.
func burnOf(objectives []slo.Objective, id string, sample time.Duration) (b rule.Burn, ok bool) {
	for _, o := range objectives {
		if o.ID != id && o.Parent != id {
			continue
		}
		for _, p := range o.Pairs {
			promise := slo.Promised(o, p, 1)
			if p.Severity != alert.Page || !promise.Fires || (ok && promise.After >= b.After) {
				continue
			}
			b, ok = rule.Burn{After: promise.After, Sample: sample, Eval: time.Second, Why: "while all events are bad: " + p.Name() + entryOf(o)}, true
		}
	}
	return b, ok
}

func entryOf(o slo.Objective) string {
	if o.BurnRates == "" {
		return ""
	}
	return " of " + o.BurnRates
}

// lintRules says which rules check refuses.
func lintRules(p plans) (out ascode.Problems) {
	for _, l := range rule.Lint(p.rules, rule.LintOptions{Assumed: assumed(p)}) {
		if l.Level == rule.Error {
			out = append(out, l.Problem())
		}
	}
	return out
}

// hasRules matches the text of files that hold rules of Prometheus.
var hasRules = regexp.MustCompile(`(?m)^groups:|^"?kind"?:\s*"?PrometheusRule"?\s*$`)
