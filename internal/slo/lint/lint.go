// Package lint finds what is wrong with objectives before anybody is woken by it:
// alerts that can never fire, budgets of less than one event, errors that are not
// part of the total. It is pure.
//
// # Rules
//
//   - An error can only be a mistake, and is refused. A warning is one as a rule. A
//     note is worth a thought.
//   - What cannot be told is not found: a finding is about what is written.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
)

// Severity says how sure a finding is to be a mistake.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Code names what was found. Codes are stable.
type Code string

// What is found.
const (
	Unreachable      Code = "unreachable"       // k·B ≥ 1: total failure does not fire the pair
	Margin           Code = "margin"            // k·B > 0.5
	Below1x          Code = "below-1x"          // calls while the promise is kept
	LongWindow       Code = "long-window"       // a window longer than the period
	SmallBudget      Code = "small-budget"      // a budget of less than one event
	ShortWindow      Code = "short-window"      // fewer than four scrapes in a window
	EmptyDenominator Code = "empty-denominator" // the total may be nothing at all
	AbsentTerm       Code = "absent-term"       // a sum of which one part may not be there yet
	NotSubset        Code = "not-subset"        // what is counted as bad or good is not part of the total
	MinuteForMonth   Code = "minute-for-month"  // 1m is a minute
	InvertedOp       Code = "inverted-op"       // good and bad are the wrong way round
	PastedTarget     Code = "pasted-target"     // one target on many services
	AboveDependency  Code = "above-dependency"  // promises more than what it stands on
	Target100        Code = "target-100"        // no budget
	StagedRollout    Code = "staged-rollout"    // no alert is fast enough
	OverrideReason   Code = "override-reason"   // pairs of its own beside a catalogue, and no reason
	NewestVersion    Code = "newest-version"    // a catalogue without a version
	UnknownRates     Code = "unknown-rates"     // a reference that leads nowhere
	CatalogueBroken  Code = "catalogue-broken"  // an entry that does not keep what it promises
)

// Finding is one thing that was found.
type Finding struct {
	Code      Code     `json:"code"`
	Severity  Severity `json:"severity"`
	Objective string   `json:"objective,omitempty"`
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Message   string   `json:"message"`
	Fix       string   `json:"fix"`
}

// String is file:line: severity: message (fix) [code].
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s — %s [%s]", f.File, f.Line, f.Severity, f.Message, f.Fix, f.Code)
}

// Dependency says that one service cannot work without another.
type Dependency struct{ Service, On string }

// Input is what is looked at. Only Objectives must be given.
type Input struct {
	Objectives     []slo.Objective
	Catalogues     *catalogue.Set
	ScrapeInterval time.Duration                                    // 0: not known
	PerHour        func(slo.Objective) (events float64, known bool) // nil: the label events-per-hour
	Dependencies   []Dependency                                     // those that are critical
}

// Check finds what is wrong, by file and line.
func Check(in Input) []Finding {
	var out []Finding
	for _, o := range in.Objectives {
		c := checker{in: in, o: o}
		c.file, c.line = place(o.Source)
		c.target()
		c.pairs()
		c.catalogue()
		c.events()
		c.query()
		out = append(out, c.out...)
	}
	out = append(out, pasted(in.Objectives)...)
	out = append(out, aboveDependencies(in)...)
	out = append(out, brokenCatalogues(in.Catalogues)...)
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(string(a.Code), string(b.Code)))
	})
	return out
}

// place takes file:line apart.
func place(source string) (string, int) {
	file, number, _ := strings.Cut(source, ":")
	line, err := strconv.Atoi(number)
	if err != nil {
		line = 1
	}
	return file, line
}

// checker looks at one objective.
type checker struct {
	in   Input
	o    slo.Objective
	file string
	line int
	out  []Finding
}

func (c *checker) say(code Code, s Severity, fix, format string, args ...any) {
	c.out = append(c.out, Finding{Code: code, Severity: s, Objective: c.o.ID, File: c.file, Line: c.line, Message: c.o.ID + ": " + fmt.Sprintf(format, args...), Fix: fix})
}

func (c *checker) target() {
	o := c.o
	if o.Window < time.Hour {
		c.say(MinuteForMonth, Error, "write 1M for a month, or 30d", "the period is %s: 1m is one minute", slo.Short(o.Window))
	}
	if b := o.Target.Budget(); b > 0 && b <= 0.00001*(1+1e-9) {
		lasts := time.Duration(b * float64(o.Window)).Round(time.Second)
		c.say(StagedRollout, Warning, "release to 1 % first, which gives 100 times as long, or choose a lower target",
			"with %s %% a total failure spends the budget of %s in %s: no alert is that fast, it needs staged rollout", o.Target.Percent(), slo.Short(o.Window), lasts)
	}
}

func (c *checker) pairs() {
	o := c.o
	for _, p := range o.Pairs {
		share := max(p.Rate, p.ShortRate) * o.Target.Budget()
		most := slo.Number(1 / o.Target.Budget())
		switch {
		case !p.Reachable(o.Target):
			c.say(Unreachable, Error, "choose a rate below "+most+", or a higher target",
				"%s can never fire: with a target of %s %% total failure burns at %s×", p.Name(), o.Target.Percent(), most)
		case p.Long > o.Window:
			c.say(LongWindow, Error, "choose windows within the period", "%s looks over more than the period of %s", p.Name(), slo.Short(o.Window))
		case p.Rate < 1:
			c.say(Below1x, Warning, "choose a rate of 1 or more, or a larger share of the budget", "%s calls below 1×: while the promise is kept", p.Name())
		case share > 0.5:
			c.say(Margin, Note, "choose a lower rate or a longer window", "%s needs %s %% of all events to fail", p.Name(), slo.Number(100*share))
		}
		c.scrapes(p)
	}
}

func (c *checker) scrapes(p slo.Pair) {
	w := p.Short
	if w == 0 {
		w = p.Long
	}
	if every := c.in.ScrapeInterval; every > 0 && w < 4*every {
		c.say(ShortWindow, Warning, "use windows of "+slo.Short(4*every)+" or more, or scrape more often",
			"the window %s of %s holds fewer than four scrapes, which come every %s", slo.Short(w), p.Name(), slo.Short(every))
	}
}

func (c *checker) catalogue() {
	o := c.o
	if o.BurnRates == "" || c.in.Catalogues == nil {
		return
	}
	choice, err := c.in.Catalogues.Resolve(o.BurnRates, o)
	if err != nil {
		c.say(UnknownRates, Error, "name one that is for this objective", "%v", err)
		return
	}
	if choice.Newest {
		c.say(NewestVersion, Note, "write "+choice.Ref()+" to move over when you want to", "%s means the newest version, today %s", o.BurnRates, choice.Catalogue.Ref())
	}
	if want := choice.Entry.PairsFor(o.Target, o.Window); !samePairs(want, o.Pairs) && strings.TrimSpace(o.Override) == "" {
		c.say(OverrideReason, Error, "say why, or take the entry as it is", "it has alerts of its own beside %s and gives no reason", o.BurnRates)
	}
}

func samePairs(a, b []slo.Pair) bool {
	return slices.EqualFunc(a, b, func(x, y slo.Pair) bool {
		x.Policy, y.Policy = "", ""
		return x == y
	})
}

func (c *checker) events() {
	n, known := c.perHour()
	if !known {
		return
	}
	if total := int64(n * c.o.Window.Hours()); c.o.Target.Fragile(total) {
		c.say(SmallBudget, Warning, "choose a longer period or a lower target, add synthetic traffic, or join services",
			"about %d events in %s leave a budget of %s events at %s %%: the first failure breaks the promise", total, slo.Short(c.o.Window), slo.Number(float64(total)*c.o.Target.Budget()), c.o.Target.Percent())
	}
}

func (c *checker) perHour() (float64, bool) {
	if c.in.PerHour != nil {
		if n, ok := c.in.PerHour(c.o); ok {
			return n, true
		}
	}
	n, err := strconv.ParseFloat(c.o.Labels["events-per-hour"], 64)
	return n, err == nil
}

// pasted finds one target on many services: a promise that nobody has thought of.
func pasted(all []slo.Objective) []Finding {
	services, byTarget := map[string]bool{}, map[string]map[string]bool{}
	first := map[string]slo.Objective{}
	for _, o := range all {
		key := o.Target.String() + " over " + slo.Short(o.Window)
		if byTarget[key] == nil {
			byTarget[key], first[key] = map[string]bool{}, o
		}
		byTarget[key][o.Service], services[o.Service] = true, true
	}
	for key, on := range byTarget {
		if len(on) < 6 || len(on)*10 < len(services)*9 {
			continue
		}
		o := first[key]
		file, line := place(o.Source)
		return []Finding{{
			Code: PastedTarget, Severity: Warning, Objective: o.ID, File: file, Line: line,
			Message: fmt.Sprintf("%d of %d services promise the same %s %% over %s", len(on), len(services), o.Target.Percent(), slo.Short(o.Window)),
			Fix:     "ask of each what its users need: the critical ones more, the others less",
		}}
	}
	return nil
}

// aboveDependencies finds objectives that promise more than a service that they
// cannot work without.
func aboveDependencies(in Input) (out []Finding) {
	best := map[string]slo.Objective{}
	for _, o := range in.Objectives {
		if b, ok := best[o.Service]; !ok || o.Target.Budget() < b.Target.Budget() {
			best[o.Service] = o
		}
	}
	for _, d := range in.Dependencies {
		mine, ok1 := best[d.Service]
		theirs, ok2 := best[d.On]
		if !ok1 || !ok2 || d.Service == d.On || mine.Target.Budget() >= theirs.Target.Budget()*(1-1e-9) {
			continue
		}
		file, line := place(mine.Source)
		out = append(out, Finding{
			Code: AboveDependency, Severity: Warning, Objective: mine.ID, File: file, Line: line,
			Message: fmt.Sprintf("%s: it promises %s %%, and %s, which it depends on, only %s %%", mine.ID, mine.Target.Percent(), d.On, theirs.Target.Percent()),
			Fix:     "lower the target, raise the dependency's, or soften the dependency",
		})
	}
	return out
}

// brokenCatalogues holds own catalogues to what they promise. Seeds are as they
// were published.
func brokenCatalogues(set *catalogue.Set) (out []Finding) {
	if set == nil {
		return nil
	}
	for _, c := range set.All() {
		if c.Seed {
			continue
		}
		file, line := place(c.Source)
		for _, f := range catalogue.Test(c) {
			out = append(out, Finding{Code: CatalogueBroken, Severity: Error, File: file, Line: line, Message: c.Ref() + ", entry " + f.Entry + ": " + f.Message, Fix: "mend the entry, or its range"})
		}
	}
	return out
}
