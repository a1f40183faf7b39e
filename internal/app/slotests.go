package app

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promtest"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/correction"
	"github.com/hinoban/hinoban/internal/slo/dialect"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/slotest"
)

// TestReport is what came of test files.
type TestReport struct {
	Files  []TestedFile `json:"files"`
	Passed int          `json:"passed"` // tests
	Failed int          `json:"failed"` // tests, and files that could not be read
}

// TestedFile is what came of one test file.
type TestedFile struct {
	File     string       `json:"file"`
	OK       bool         `json:"ok"`
	Notes    []string     `json:"notes,omitempty"`
	Problems []string     `json:"problems,omitempty"` // why nothing of it was run
	Tests    []TestedCase `json:"tests,omitempty"`
}

// TestedCase is what came of one test.
type TestedCase struct {
	Name       string             `json:"name"`
	OK         bool               `json:"ok"`
	Mismatches []metrics.Mismatch `json:"mismatches,omitempty"`
}

// TestSLOs runs the tests of files whose names match run, all where it is nil. An
// error is only that of ctx: what is wrong with a file is in the report.
func TestSLOs(ctx context.Context, files []string, run *regexp.Regexp) (TestReport, error) {
	out := TestReport{Files: []TestedFile{}}
	for _, name := range files {
		f := testFile(ctx, name, run)
		if err := ctx.Err(); err != nil {
			return out, err
		}
		f.OK = len(f.Problems) == 0
		if !f.OK {
			out.Failed++
		}
		for _, t := range f.Tests {
			if t.OK {
				out.Passed++
				continue
			}
			out.Failed++
			f.OK = false
		}
		out.Files = append(out.Files, f)
	}
	return out, nil
}

func testFile(ctx context.Context, name string, run *regexp.Regexp) TestedFile {
	out := TestedFile{File: name}
	text, err := os.ReadFile(name) //nolint:gosec // the user names it
	if err != nil {
		out.Problems = []string{err.Error()}
		return out
	}
	f, problems := slotest.Parse(name, string(text))
	if len(problems) > 0 {
		out.Problems = linesOf(problems)
		return out
	}
	under, notes, err := gather(filepath.Dir(name), f.RuleFiles)
	out.Notes = notes
	if err == nil {
		err = under.build()
	}
	if err != nil {
		out.Problems = strings.Split(err.Error(), "\n")
		return out
	}
	for _, t := range f.Tests {
		if run != nil && !run.MatchString(t.Name) {
			continue
		}
		c := TestedCase{Name: t.Name, Mismatches: under.run(ctx, name, f, t)}
		c.OK = len(c.Mismatches) == 0
		out.Tests = append(out.Tests, c)
	}
	return out
}

func linesOf(problems ascode.Problems) (out []string) {
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// tested is what a test file tests.
type tested struct {
	rules       []promtest.RuleFile
	documents   map[string]string
	objectives  []slo.Objective
	corrections *correction.Book // nil where there is none
}

var (
	isDocument = regexp.MustCompile(`(?m)^(- )?(apiVersion|version):`)
	isRules    = regexp.MustCompile(`(?m)^groups:`)
)

// gather reads what the globs of a test file name: files of Prometheus rules,
// documents, and folders of both.
func gather(base string, globs []string) (*tested, []string, error) {
	u := &tested{documents: map[string]string{}}
	var notes []string
	seen := map[string]bool{}
	for _, g := range globs {
		pattern := g
		if !filepath.IsAbs(g) {
			pattern = filepath.Join(base, g)
		}
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, nil, errs.New(errs.Invalid, "rule_files: %q: %w", g, err)
		}
		if len(names) == 0 {
			notes = append(notes, "no file matches "+pattern)
		}
		for _, n := range names {
			if err := u.take(n, seen); err != nil {
				return nil, nil, err
			}
		}
	}
	return u, notes, nil
}

// take reads a file or a folder.
func (u *tested) take(name string, seen map[string]bool) error {
	info, err := os.Stat(name)
	if err != nil {
		return errs.New(errs.NotFound, "rule_files: %w", err)
	}
	if !info.IsDir() {
		return u.file(name, seen, false)
	}
	return filepath.WalkDir(name, func(p string, d fs.DirEntry, err error) error {
		switch base := d.Name(); {
		case err != nil:
			return errs.New(errs.NotFound, "rule_files: %w", err)
		case p != name && (base[0] == '.' || base[0] == '_'):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(base)):
			return nil
		}
		return u.file(p, seen, true)
	})
}

// file reads one file. Of a folder, what is neither rules nor documents is passed
// over.
func (u *tested) file(name string, seen map[string]bool, ofFolder bool) error {
	if seen[name] {
		return nil
	}
	seen[name] = true
	text, err := os.ReadFile(name) //nolint:gosec // the user names it
	switch {
	case err != nil:
		return errs.New(errs.NotFound, "rule_files: %w", err)
	case isDocument.Match(text):
		u.documents[name] = string(text)
	case !ofFolder || isRules.Match(text):
		u.rules = append(u.rules, promtest.RuleFile{Path: name, Text: string(text)})
	}
	return nil
}

// build reads the documents. Their services need none.
func (u *tested) build() error {
	if len(u.documents) == 0 {
		return nil
	}
	set, problems := ascode.Parse(u.documents, Kinds())
	anything := func(string) bool { return true }
	services, _ := catalog.Build(set) // what is wrong with services is no matter here; their tiers are
	built := dialect.Build(set, dialect.Deps{HasService: anything, Entry: entries(ratesOf(set, services))})
	corrected, bad := correction.Build(set, anything, anything)
	problems = slices.Concat(problems, built.Problems, composites(built.Objectives), bad)
	u.objectives = built.Objectives
	if len(corrected) > 0 {
		u.corrections = correction.NewBook(nil, nil, nil)
		u.corrections.Replace(corrected)
	}
	if err := problems.Err(); err != nil {
		return err
	}
	alerts, err := alertRules(u.documents)
	u.rules = append(u.rules, alerts...)
	return err
}

// run runs one test.
func (u *tested) run(ctx context.Context, file string, f slotest.File, t slotest.Test) []metrics.Mismatch {
	test, err := ruleTest(f, t)
	if err != nil {
		return []metrics.Mismatch{{Problem: file + ":" + err.Error()}}
	}
	var out []metrics.Mismatch
	if len(t.Alerts)+len(t.Exprs) > 0 || len(t.SLOs) == 0 {
		out = promtest.Run(ctx, test, u.rules)
	}
	if len(t.SLOs) == 0 {
		return out
	}
	test.Start = t.Started()
	engine := promtest.NewEngine(test)
	w := slotest.World{Objectives: u.objectives, Input: test.Input, Engine: engine}
	if u.corrections != nil {
		w.Corrected = u.corrected
	}
	found, err := t.Run(ctx, w)
	if err = cmp.Or(err, engine.Close()); err != nil {
		found = append(found, metrics.Mismatch{What: "slo_test", Problem: err.Error()})
	}
	return append(out, found...)
}

func (u *tested) corrected(o slo.Objective, from, to time.Time) (out []meter.Interval) {
	for _, i := range u.corrections.For(o, from, to) {
		out = append(out, meter.Interval{From: i.Start, To: i.End})
	}
	return out
}

// ruleTest is promtool's part of a test. An error begins with a line and a column.
func ruleTest(f slotest.File, t slotest.Test) (metrics.RuleTest, error) {
	out := metrics.RuleTest{
		Start: t.Start.Time, Interval: t.Interval.D, Every: f.Every.D, Order: f.Order,
		ExternalLabels: t.ExternalLabels, ExternalURL: t.ExternalURL, Fuzzy: f.FuzzyCompare,
	}
	values := 0
	for _, s := range t.Input {
		in, err := promtest.ParseSeries(s.Series, s.Values.Value)
		if values += len(in.Values); err == nil && values > promtest.MaxValues {
			err = errs.New(errs.Invalid, "the series of the test have more than %d values in all: end them earlier, or make the interval longer", promtest.MaxValues)
		}
		if err != nil {
			return out, fmt.Errorf("%d:%d: %w", s.Values.Line, s.Values.Column, err)
		}
		out.Input = append(out.Input, in)
	}
	for _, a := range t.Alerts {
		c := metrics.AlertCheck{At: a.At.D, Name: a.Alertname}
		for _, w := range a.Want {
			c.Want = append(c.Want, metrics.ExpectedAlert{Labels: w.Labels, Annotations: w.Annotations})
		}
		out.Alerts = append(out.Alerts, c)
	}
	for _, e := range t.Exprs {
		c := metrics.ExprCheck{At: e.At.D, Expr: e.Expr}
		for _, w := range e.Want {
			c.Want = append(c.Want, metrics.ExpectedSample{Labels: w.Labels, V: w.Value, Histogram: w.Histogram})
		}
		out.Exprs = append(out.Exprs, c)
	}
	return out, nil
}
