package rule

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// Level says how bad a lack is.
type Level string

// The levels.
const (
	Error   Level = "error"   // check refuses the rule
	Warning Level = "warning" // somebody should mend it
)

// Lack is something that a rule does not say and should, or says and should not.
type Lack struct {
	Rule    string `json:"rule"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Code    string `json:"code"` // owner, playbook, first-action, budget, test, duplicate, summary, severity, impact, always, range
	Level   Level  `json:"level"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// Problem is l as a problem of a document.
func (l Lack) Problem() ascode.Problem {
	return ascode.Problem{File: l.File, Line: max(1, l.Line), Column: 1, Message: l.Rule + ": " + l.Message, Fix: l.Fix}
}

// LintOptions say what is known beside the rules.
type LintOptions struct {
	Assumed Assumed
	Tests   []string // texts of *_test.yaml; nil: not looked for
	Fired   map[string][]Interval
}

// twinLimit is how alike two firing sets may be.
const twinLimit = 0.9

// Lint says what the rules of s lack. Of a rule that is a document of ours, what
// is an error is one for check too; of a rule of Prometheus it is a warning.
func Lint(s *Set, o LintOptions) []Lack {
	l := linter{o: o, tested: testedNames(o.Tests)}
	for _, r := range s.All() {
		l.rule = r
		l.words()
		l.budget()
		l.expression()
		if o.Tests != nil && r.What.Expr != "" && !l.tested[r.Name] {
			l.say("test", Warning, "name it under alertname in a *_test.yaml", "no test mentions %s", r.Name)
		}
	}
	for _, t := range Twins(o.Fired, twinLimit) {
		for _, r := range s.Named(t.A) {
			l.rule = r
			l.say("duplicate", l.hard(), "keep one of the two", "it fires with %s: %.0f %% of the time in which either fires", t.B, 100*t.Same)
		}
	}
	slices.SortStableFunc(l.out, func(a, b Lack) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(string(a.Level), string(b.Level)))
	})
	return l.out
}

type linter struct {
	o      LintOptions
	tested map[string]bool
	rule   Rule
	out    []Lack
}

func (l *linter) say(code string, level Level, fix, format string, args ...any) {
	l.out = append(l.out, Lack{Rule: l.rule.ID, File: l.rule.File, Line: l.rule.Line, Code: code, Level: level, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// hard is the level of what check refuses in documents of ours.
func (l *linter) hard() Level {
	if l.rule.Native {
		return Error
	}
	return Warning
}

// field is where a rule says something, in its own language.
func (l *linter) field(ours, theirs string) string {
	if l.rule.Native {
		return ours
	}
	return theirs
}

// words finds what a rule does not say.
func (l *linter) words() {
	r := l.rule
	page := r.When.Urgency == alert.Page
	if !r.Native && r.Labels["severity"] == "" {
		l.say("severity", Warning, "add the label severity: critical, warning or info", "it does not say how urgent it is, and is taken as a ticket")
	}
	if page && r.Who.Owner == "" {
		l.say("owner", l.hard(), l.field("add who.owner or who.path", "add the label owner or team"), "a page without an owner")
	}
	if page && r.How.Playbook == "" {
		l.say("playbook", l.hard(), l.field("add how.playbook", "add the annotation runbook_url"), "a page without a playbook")
	}
	if page && r.How.FirstAction == "" {
		l.say("first-action", l.hard(), l.field("add how.firstAction", "add the annotation first_action"), "a page that does not say what to do first")
	}
	if page && r.Why.Impact == "" && r.Why.SLO == "" && r.What.SLO == "" {
		l.say("impact", Warning, l.field("add why.slo or why.impact", "add the annotation impact"), "a page that does not say what users notice")
	}
	if r.What.Expr != "" && first(r.Notes, "summary", "title", "message", "description") == "" {
		l.say("summary", Warning, "add the annotation summary", "its alerts have no sentence for people")
	}
}

// budget holds the worst case against what is declared.
func (l *linter) budget() {
	b := l.rule.When.Budget
	if b == 0 {
		return
	}
	got := Computed(l.rule.Timing(l.o.Assumed))
	if got.Exceeds(b) && l.rule.When.Urgency == alert.Page {
		l.say("budget", l.hard(), "shorten for or every, or raise the budget: `hinoban alert latency` itemises it", "in the worst case a person hears of it after %s, and the budget is %s", short(got.Worst), short(b))
	}
}

// short writes a time without its zeros: 7m30s, 5m, 1h.
func short(d time.Duration) string {
	s := d.Round(100 * time.Millisecond).String()
	s = strings.TrimSuffix(s, "m0s") + map[bool]string{true: "m"}[strings.HasSuffix(s, "m0s")]
	if t, ok := strings.CutSuffix(s, "h0m"); ok {
		return t + "h"
	}
	return s
}

// expression finds what is wrong with a query for certain.
func (l *linter) expression() {
	if len(l.rule.Instances) == 0 {
		return
	}
	i := l.rule.Instances[0] // the others differ in their values alone
	q, err := metrics.Inspect(i.Expr)
	if i.Expr == "" || err != nil {
		return // what does not parse has been refused
	}
	if len(q.Parts) == 1 && !q.Filters && bareSelector.MatchString(strings.TrimSpace(i.Expr)) {
		l.say("always", Warning, "compare it with a limit", "it fires for every series of %s, whatever its value", strings.TrimSpace(i.Expr))
	}
	for _, p := range q.Parts {
		sample := l.o.Assumed.interval(p)
		if p.Range > 0 && sample > 0 && p.Range < sample && ratesOf.MatchString(i.Expr) {
			l.say("range", Warning, "use a range of at least four samples", "its range of %s never holds two samples, which come every %s: a rate over it answers nothing", short(p.Range), short(sample))
		}
	}
}

var (
	bareSelector = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}]*\})?$`)
	ratesOf      = regexp.MustCompile(`\b(rate|irate|increase|delta|idelta|deriv)\s*\(`)
	alertnames   = regexp.MustCompile(`(?m)alertname:\s*["']?([^"'\s,}]+)`)
)

func testedNames(texts []string) map[string]bool {
	out := map[string]bool{}
	for _, t := range texts {
		for _, m := range alertnames.FindAllStringSubmatch(t, -1) {
			out[m[1]] = true
		}
	}
	return out
}

// jobsOf are the jobs that the selectors of a query name; "" for those that name
// none.
func jobsOf(expr string) (out []string) {
	q, err := metrics.Inspect(expr)
	if err != nil {
		return nil
	}
	for _, p := range q.Parts {
		out = append(out, jobOf(p))
	}
	return out
}

func jobOf(p metrics.Part) string {
	for _, m := range p.Matchers {
		if m.Name == "job" && m.Op == "=" {
			return m.Value
		}
	}
	return ""
}

// interval is how often the series of a selector are sampled, where the
// configuration says so; else 0.
func (a Assumed) interval(p metrics.Part) time.Duration { return a.Jobs[jobOf(p)] }

// LintOne says what one rule lacks by itself.
func LintOne(r Rule) []Lack {
	return Lint(&Set{Rules: []Rule{r}}, LintOptions{Assumed: DefaultAssumed()})
}
