package mutate

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Alarm is one alert of a watch that pages or makes a ticket.
type Alarm struct {
	Watch    string
	Key      string // tells apart what one watch says of several series
	From, To time.Time
}

// Past evaluates watches over the past, and over a past in which changed stands in
// the place of the series of the same labels.
type Past interface {
	Alarms(ctx context.Context, watches []string, changed []metrics.Points, from, to time.Time) ([]Alarm, error)
	// Try does the same for a rule that is none yet.
	Try(ctx context.Context, p Proposal, changed []metrics.Points, from, to time.Time) ([]Alarm, error)
}

// Options say what is injected. The zero value injects all, with the seed 0.
type Options struct {
	From, To  time.Time // of the samples
	Seed      uint64
	Within    time.Duration            // every failure must be told within it; 0: within the reach of the watch
	Rules     []string                 // only what these watch
	Mutations []Mutation               // only these
	Most      int                      // cases; default 2,000
	Progress  func(done, of int)       // may be nil
	Zone      *time.Location           // whose nights; nil is UTC
	Skip      func(m metrics.Use) bool // what is recorded by a rule and so fails with its source; may be nil
}

// Report is what came of it.
type Report struct {
	Seed     uint64   `json:"seed"`
	Injected int      `json:"injected"` // failures: tries
	Caught   int      `json:"caught"`
	Named    int      `json:"named"` // not caught, with a rule that is proven to catch them
	Cases    []Case   `json:"cases"`
	Rules    []Result `json:"rules"`
	Notes    []string `json:"notes,omitempty"`
}

// Gaps are the cases that were not caught each time.
func (r Report) Gaps() (out []Case) {
	for _, c := range r.Cases {
		if c.Gap() {
			out = append(out, c)
		}
	}
	return out
}

// Share is the share of failures that were caught or named, and of those caught; 1
// where none was injected.
func (r Report) Share() (told, caught float64) {
	n := float64(max(1, r.Injected))
	if r.Injected == 0 {
		return 1, 1
	}
	return float64(r.Caught+r.Named) / n, float64(r.Caught) / n
}

// Result is what came of the failures of what one watch selects.
type Result struct {
	Rule     string `json:"rule" minLength:"1" maxLength:"200"`
	Injected int    `json:"injected" minimum:"0" doc:"Failures of what it selects."`
	Caught   int    `json:"caught" minimum:"0" doc:"Of those, what it or another told in time."`
	Gaps     []Gap  `json:"gaps" maxItems:"500"`
}

// Tested is the last result of a rule.
type Tested struct {
	Result

	At time.Time `json:"at"`
}

// Gap is a case that was not caught, for a page.
type Gap struct {
	Series   string   `json:"series" maxLength:"4000"`
	Mutation Mutation `json:"mutation" enum:"drop,delay,halve,flat,vanish,errors5,errors100,tenfold"`
	Missed   int      `json:"missed" minimum:"0"`
	Of       int      `json:"of" minimum:"0"`
	Proposal string   `json:"proposal,omitempty" maxLength:"16000" doc:"An AlertRule document that catches it."`
}

// Case is all tries of one mutation of one target.
type Case struct {
	Series   string    `json:"series"`
	Metric   string    `json:"metric"`
	Service  string    `json:"service,omitempty"`
	Class    Class     `json:"class"`
	Mutation Mutation  `json:"mutation"`
	Watches  []string  `json:"watches"` // that select it
	Tries    []Try     `json:"tries"`
	Proposal *Proposal `json:"proposal,omitempty"` // of a gap: it catches each try
}

// Try is one failure.
type Try struct {
	When   string        `json:"when"` // day, night or weekend
	Fault  time.Time     `json:"fault"`
	Caught bool          `json:"caught"`
	By     string        `json:"by,omitempty"`
	After  time.Duration `json:"after_ns,omitempty"`
	Late   bool          `json:"late,omitempty"` // By told, and later than it promises
}

// Missed is how many tries were not caught.
func (c Case) Missed() (n int) {
	for _, t := range c.Tries {
		if !t.Caught {
			n++
		}
	}
	return n
}

// Gap reports whether a try was not caught.
func (c Case) Gap() bool { return c.Missed() > 0 }

// job is a case to be tried.
type job struct {
	Target
	m Mutation
}

type runner struct {
	past    Past
	watches []Watch
	o       Options
}

// Run injects failures into the past of series and says which were caught. Invalid
// where nothing can be injected.
func Run(ctx context.Context, past Past, watches []Watch, series []metrics.Points, o Options) (Report, error) {
	r := runner{past, watches, o}
	out := Report{Seed: o.Seed, Cases: []Case{}, Rules: []Result{}}
	var jobs []job
	for _, t := range Targets(r.chosen(), series) {
		for _, m := range t.mutations() {
			if len(o.Mutations) == 0 || slices.Contains(o.Mutations, m) {
				jobs = append(jobs, job{t, m})
			}
		}
	}
	if len(jobs) == 0 {
		return out, errs.New(errs.Invalid, "nothing can be injected: no rule that was asked for selects a series of the past whose form is known")
	}
	if most := cmp.Or(o.Most, 2000); len(jobs) > most {
		out.Notes = append(out.Notes, fmt.Sprintf("%d of %d cases were tried: name rules or mutations to try the others", most, len(jobs)))
		jobs = jobs[:most]
	}
	skipped := 0
	for i, j := range jobs {
		c, err := r.try(ctx, j)
		if err != nil {
			return out, err
		}
		if len(c.Tries) == 0 {
			skipped++
		} else {
			out.add(c)
		}
		if o.Progress != nil {
			o.Progress(i+1, len(jobs))
		}
	}
	if skipped > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d cases could not be tried: the past is too short for them, or shows the same by itself", skipped))
	}
	out.rules()
	return out, nil
}

// chosen are the watches whose series fail.
func (r *runner) chosen() (out []Watch) {
	for _, w := range r.watches {
		if len(r.o.Rules) > 0 && !slices.Contains(r.o.Rules, w.ID) {
			continue
		}
		if r.o.Skip != nil {
			w.Uses = slices.DeleteFunc(slices.Clone(w.Uses), r.o.Skip)
		}
		out = append(out, w)
	}
	return out
}

// add counts a case.
func (r *Report) add(c Case) {
	r.Cases = append(r.Cases, c)
	r.Injected += len(c.Tries)
	r.Caught += len(c.Tries) - c.Missed()
	if c.Proposal != nil {
		r.Named += c.Missed()
	}
}

// rules gathers the cases by what watches them.
func (r *Report) rules() {
	at := map[string]int{}
	for _, c := range r.Cases {
		for _, w := range c.Watches {
			i, ok := at[w]
			if !ok {
				i = len(r.Rules)
				at[w], r.Rules = i, append(r.Rules, Result{Rule: w, Gaps: []Gap{}})
			}
			x := &r.Rules[i]
			x.Injected, x.Caught = x.Injected+len(c.Tries), x.Caught+len(c.Tries)-c.Missed()
			if !c.Gap() {
				continue
			}
			g := Gap{Series: c.Series, Mutation: c.Mutation, Missed: c.Missed(), Of: len(c.Tries)}
			if c.Proposal != nil {
				g.Proposal = c.Proposal.Document()
			}
			x.Gaps = append(x.Gaps, g)
		}
	}
	slices.SortFunc(r.Rules, func(a, b Result) int { return strings.Compare(a.Rule, b.Rule) })
}

// concerned are the watches that select one of series.
func (r *runner) concerned(series []metrics.Points) (out []Watch) {
	for _, w := range r.watches {
		if slices.ContainsFunc(w.Uses, func(u metrics.Use) bool {
			return slices.ContainsFunc(series, func(s metrics.Points) bool { return selects(u.Part, s.Labels) })
		}) {
			out = append(out, w)
		}
	}
	return out
}

// reach is the longest that w may take to tell of a failure.
func (r *runner) reach(w Watch, j job) time.Duration {
	if r.o.Within > 0 {
		return r.o.Within + j.shows(j.m)
	}
	if w.Burns != nil && j.Class == Errors {
		if after, ok := w.Burns(j.m.share()); ok {
			return after*5/4 + w.Reach // the formula is of steady traffic
		}
		return 0
	}
	return w.Reach + j.shows(j.m)
}

// longest bounds how long is waited for an alert.
const longest = 72 * time.Hour

// try injects one case at its times.
func (r *runner) try(ctx context.Context, j job) (Case, error) {
	c := Case{Series: j.Selector(), Metric: j.Metric, Service: j.Service, Class: j.Class, Mutation: j.m, Watches: []string{}, Tries: []Try{}}
	if j.Class == Errors {
		c.Series = selector(j.Metric, j.part.Matchers, j.Labels) + " / " + selector(j.total.Metric, j.total.Matchers, j.Labels)
	}
	horizon := r.horizon(j)
	var in []injected
	for _, at := range r.times(j, horizon) {
		x, ok := j.apply(j.m, at.at, at.at.Add(horizon))
		if !ok || x.fault.Add(horizon).After(r.o.To) {
			continue
		}
		t, err := r.one(ctx, j, x, horizon)
		if err != nil {
			return c, err
		}
		t.When = at.when
		for _, w := range r.concerned(x.changed) {
			if !slices.Contains(c.Watches, w.ID) {
				c.Watches = append(c.Watches, w.ID)
			}
		}
		c.Tries, in = append(c.Tries, t), append(in, x)
	}
	if c.Gap() {
		var err error
		if c.Proposal, err = r.propose(ctx, j, c, in); err != nil {
			return c, err
		}
	}
	return c, nil
}

// horizon is how long a failure lasts at least.
func (r *runner) horizon(j job) (out time.Duration) {
	for _, w := range r.concerned(append(slices.Clone(j.series), j.totals...)) {
		out = max(out, r.reach(w, j))
	}
	return min(max(out, 15*time.Minute), longest)
}

// one injects one failure and looks who tells of it.
func (r *runner) one(ctx context.Context, j job, x injected, horizon time.Duration) (Try, error) {
	t := Try{Fault: x.fault}
	var ids []string
	lead, reach := 2*time.Minute, map[string]time.Duration{}
	for _, w := range r.concerned(x.changed) {
		ids = append(ids, w.ID)
		lead = max(lead, w.Hold+2*time.Minute)
		reach[w.ID] = r.reach(w, j)
	}
	if len(ids) == 0 {
		return t, nil
	}
	from, to := x.fault.Add(-min(lead, 2*time.Hour)), x.fault.Add(horizon)
	before, err := r.past.Alarms(ctx, ids, nil, from, to)
	if err != nil {
		return t, err
	}
	now, err := r.past.Alarms(ctx, ids, x.changed, from, to)
	if err != nil {
		return t, err
	}
	for _, a := range fresh(before, now, x.fault) {
		after := a.From.Sub(x.fault)
		if on := after <= reach[a.Watch]; t.By == "" || (on && (t.Late || after < t.After)) {
			t.By, t.After, t.Late, t.Caught = a.Watch, after, !on, on
		}
	}
	return t, nil
}

// fresh are the alarms from a fault on that were none before.
func fresh(before, now []Alarm, fault time.Time) (out []Alarm) {
	for _, a := range now {
		if a.From.Before(fault) || slices.ContainsFunc(before, func(b Alarm) bool {
			return a.Watch == b.Watch && a.Key == b.Key && !b.From.After(a.From) && !b.To.Before(a.From)
		}) {
			continue
		}
		out = append(out, a)
	}
	return out
}

// moment is a time at which something fails.
type moment struct {
	when string
	at   time.Time
}

// history is what rules that look back for a day need.
const history = 26 * time.Hour

// times are some times by day, by night and at the weekend, as far as the past has
// them.
func (r *runner) times(j job, horizon time.Duration) (out []moment) {
	zone := r.o.Zone
	if zone == nil {
		zone = time.UTC
	}
	begin, end := r.o.From.Add(history), r.o.To.Add(-horizon-j.Period)
	if end.Sub(begin) < history {
		begin = r.o.From.Add(r.o.To.Sub(r.o.From) / 5)
	}
	kinds := map[string][]time.Time{}
	for at := begin.Truncate(time.Hour); at.Before(end); at = at.Add(time.Hour) {
		if at.Before(begin) {
			continue
		}
		l := at.In(zone)
		switch weekend := l.Weekday() == time.Saturday || l.Weekday() == time.Sunday; {
		case weekend:
			kinds["weekend"] = append(kinds["weekend"], at)
		case l.Hour() >= 9 && l.Hour() < 18:
			kinds["day"] = append(kinds["day"], at)
		case l.Hour() < 6 || l.Hour() >= 22:
			kinds["night"] = append(kinds["night"], at)
		}
	}
	dice := rand.New(rand.NewPCG(r.o.Seed, uint64(len(j.Metric)))) //nolint:gosec // a seed makes it the same again
	for _, k := range []string{"day", "night", "weekend"} {
		if all := kinds[k]; len(all) > 0 {
			out = append(out, moment{k, all[dice.IntN(len(all))].Add(time.Duration(dice.IntN(59)) * time.Minute).UTC()})
		}
	}
	return out
}
