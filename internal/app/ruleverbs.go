package app

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/metrics/remotestore"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// Past says where the past is that rules are replayed over: a server that speaks
// Prometheus' API, or the data folder of one of ours that does not run.
type Past struct {
	Since time.Duration // 0: nothing is replayed
	URL   string
	Token string
	Data  string
}

// RuleLint is what the rules of a folder lack.
type RuleLint struct {
	Rules   int         `json:"rules"`
	Lacks   []rule.Lack `json:"lacks"`
	Skipped []string    `json:"skipped,omitempty"` // rules that could not be replayed
}

// Errors is how many lacks check would refuse.
func (r RuleLint) Errors() (n int) {
	for _, l := range r.Lacks {
		if l.Level == rule.Error {
			n++
		}
	}
	return n
}

// LintRules says what the rules of a folder lack. What is no rule is left to
// [Check]; problems are those that keep rules from being read.
func LintRules(ctx context.Context, folder fs.FS, past Past) (out RuleLint, problems ascode.Problems, err error) {
	set, problems := loadFolder(folder)
	p, more := buildLoose(set)
	problems = append(problems, more...)
	o := rule.LintOptions{Assumed: assumed(p)}
	if o.Tests, err = testTexts(folder); err != nil {
		return out, problems, errs.New(errs.Invalid, "read the tests: %w", err)
	}
	if past.Since > 0 {
		if o.Fired, out.Skipped, err = fired(ctx, p.rules, past); err != nil {
			return out, problems, err
		}
	}
	out.Rules, out.Lacks = len(p.rules.All()), append([]rule.Lack{}, rule.Lint(p.rules, o)...)
	return out, problems, nil
}

// buildLoose builds a set, and says only what keeps its rules from being built: what
// rules lack is told as lacks.
func buildLoose(set *ascode.Set) (plans, ascode.Problems) {
	p, problems := build(set)
	refused := map[string]bool{}
	for _, l := range lintRules(p) {
		refused[l.String()] = true
	}
	return p, slices.DeleteFunc(problems, func(x ascode.Problem) bool { return refused[x.String()] })
}

// replayStep is how finely the past is looked at.
const replayStep = time.Minute

// fired is when each rule would have fired.
func fired(ctx context.Context, all *rule.Set, past Past) (out map[string][]rule.Interval, skipped []string, err error) {
	engine, done, err := openPast(ctx, past)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	to := time.Now().Truncate(replayStep)
	out = map[string][]rule.Interval{}
	for _, r := range all.All() {
		var of []rule.Interval
		for _, i := range r.Instances {
			if i.Expr == "" {
				continue
			}
			step := max(replayStep, past.Since/10_000)
			answer, err := engine.Range(ctx, i.Expr, to.Add(-past.Since), to, step)
			switch {
			case errs.KindOf(err) == errs.Unavailable:
				return nil, nil, err
			case err != nil:
				skipped = append(skipped, fmt.Sprintf("%s: %v", i.ID, err))
			}
			of = append(of, rule.FiredIn(answer, r.What.For, r.What.KeepFiringFor, step)...)
		}
		out[r.ID] = append(out[r.ID], of...)
	}
	return out, skipped, nil
}

func openPast(ctx context.Context, past Past) (metrics.Engine, func(), error) {
	if past.URL != "" {
		e, err := remotestore.New(remotestore.Options{URL: past.URL, Bearer: past.Token})
		return e, func() {}, err
	}
	dir := filepath.Join(past.Data, "metrics")
	s, err := promstore.Open(ctx, promstore.Options{Dir: dir, Now: time.Now})
	if err != nil {
		return nil, nil, fmt.Errorf("open the metrics of %s, which no running server may hold (else give --url): %w", past.Data, err)
	}
	return s, func() { _ = s.Close() }, nil // it was only read
}

// RuleLatency is the latency of one rule.
type RuleLatency struct {
	Rule    string        `json:"rule"`
	File    string        `json:"file"`
	Line    int           `json:"line"`
	Urgency string        `json:"urgency"`
	Budget  time.Duration `json:"budget_ns,omitempty"`
	Exceeds bool          `json:"exceeds"`
	rule.Latency
}

// LatencyOptions say what a latency assumes.
type LatencyOptions struct {
	Compat         bool   // notifications wait as Alertmanager's do
	Route          string // an alertmanager.yml whose routes say how long they wait
	Send, Provider time.Duration
	Sample         time.Duration // of metrics whose job is not known; 0: as the folder says
}

// RuleLatencies computes the time from a fault to a person for each rule of a
// folder, the slowest first.
func RuleLatencies(folder fs.FS, o LatencyOptions) ([]RuleLatency, ascode.Problems, error) {
	set, problems := loadFolder(folder)
	p, more := buildLoose(set)
	a := assumed(p)
	a.Send, a.Provider = o.Send, o.Provider
	if o.Sample > 0 {
		a.Sample = o.Sample
	}
	if o.Compat {
		a.Waits = func(map[string]string) rule.Wait { return rule.AlertmanagerWait() }
	}
	if o.Route != "" {
		waits, err := waitsOf(o.Route, o.Compat)
		if err != nil {
			return nil, problems, err
		}
		a.Waits = waits
	}
	out := []RuleLatency{}
	for _, r := range p.rules.All() {
		l := rule.Computed(r.Timing(a))
		out = append(out, RuleLatency{Rule: r.ID, File: r.File, Line: r.Line, Urgency: string(r.When.Urgency), Budget: r.When.Budget, Exceeds: l.Exceeds(r.When.Budget), Latency: l})
	}
	slices.SortStableFunc(out, func(x, y RuleLatency) int { return int(min(1, max(-1, y.Worst-x.Worst))) })
	return out, append(problems, more...), nil
}

// waitsOf is how long the routes of an alertmanager.yml hold an alert back: of
// several that match, the slowest. A page that joins a group is sent at once, but
// for strict.
func waitsOf(file string, strict bool) (func(map[string]string) rule.Wait, error) {
	c, err := am.Load(file, am.Options{ExternalURL: &url.URL{Scheme: "http", Host: "localhost"}, Strict: strict, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return func(labels map[string]string) (w rule.Wait) {
		set := model.LabelSet{}
		for k, v := range labels {
			set[model.LabelName(k)] = model.LabelValue(v)
		}
		for _, r := range c.Plan.Root.Match(set) {
			w.First, w.Next = max(w.First, r.RouteOpts.GroupWait), max(w.Next, r.RouteOpts.GroupInterval)
		}
		if !strict && alert.SeverityOf(labels["severity"]) == alert.Page {
			w.Next = 0
		}
		return w
	}, nil
}

// RuleImport is what came of Prometheus rule files.
type RuleImport struct {
	Files   map[string]string `json:"-"` // of documents, path to text
	Rules   int               `json:"rules"`
	Records int               `json:"recording_rules"`
	Lacks   []rule.Lack       `json:"lacks"`
	Notes   []string          `json:"notes,omitempty"`
	Skipped []string          `json:"skipped,omitempty"` // files without rules
}

// ImportRules says Prometheus rule files (path to text) as AlertRule documents, and
// what each lacks. Files without rules are skipped; what is wrong with one is a
// problem.
func ImportRules(files map[string]string) (out RuleImport, problems ascode.Problems, err error) {
	out = RuleImport{Files: map[string]string{}, Lacks: []rule.Lack{}}
	taken := map[string]bool{}
	var names []string
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if !hasRules.MatchString(files[n]) {
			out.Skipped = append(out.Skipped, n)
			continue
		}
		set, bad := ascode.Parse(map[string]string{n: files[n]}, rule.Kinds())
		built, _ := rule.Build(set, rule.Deps{})
		if bad = append(bad, checkRules(set, built)...); len(bad) > 0 {
			problems = append(problems, bad...)
			continue
		}
		var read []rule.PromFile
		for _, d := range ascode.Of[rule.PromFile](set) {
			read = append(read, d.Spec)
		}
		for _, d := range ascode.Of[rule.Resource](set) {
			read = append(read, d.Spec.Spec)
		}
		im := rule.Import(read, taken)
		out.Rules += len(im.Documents)
		out.Notes = append(out.Notes, im.Notes...)
		out.Lacks = append(out.Lacks, rule.Lint(built, rule.LintOptions{Assumed: rule.DefaultAssumed()})...)
		if err := out.write(n, im); err != nil {
			return out, problems, err
		}
	}
	return out, problems, nil
}

// write adds the files that one input becomes.
func (out *RuleImport) write(name string, im rule.Imported) error {
	base := strings.TrimSuffix(name, path.Ext(name))
	if len(im.Documents) > 0 {
		var documents []any
		for _, d := range im.Documents {
			documents = append(documents, d)
		}
		text, err := ascode.Write(documents...)
		if err != nil {
			return err
		}
		out.Files[base+".yaml"] = string(text)
	}
	if len(im.Recording) == 0 {
		return nil
	}
	for _, g := range im.Recording {
		out.Records += len(g.Rules)
	}
	text, err := ascode.Write(rule.PromFile{Groups: im.Recording})
	out.Files[base+"-recording.yaml"] = string(text)
	return err
}

// ParseSpan reads a duration as Prometheus writes it: 30s, 7d.
func ParseSpan(s string) (time.Duration, error) { return rules.ParseDuration(s) }
