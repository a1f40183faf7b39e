package mutate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// Watch is a rule or an objective.
type Watch struct {
	ID    string
	Uses  []metrics.Use // of its expression, and of the rules that record what it selects
	Reach time.Duration // its computed latency and the longest range of its expression
	Hold  time.Duration // its for
	// Burns says how long an objective takes to burn at a share of bad events; ok is
	// false where it never does. nil of a rule.
	Burns func(bad float64) (after time.Duration, ok bool)
}

// Class says what the samples of a target are.
type Class string

// The classes.
const (
	Heartbeat Class = "heartbeat" // when something was done last, in seconds since 1970
	Runs      Class = "runs"      // a counter that grows seldom: jobs done
	Traffic   Class = "traffic"   // a counter that grows all the time
	Errors    Class = "errors"    // a share of bad events
	Failures  Class = "failures"  // a counter of what is bad, of nothing that is known
	Latency   Class = "latency"   // buckets of a histogram
	Flag      Class = "flag"      // 0 or 1
	Level     Class = "level"     // any other gauge
)

// Target is series that fail together.
type Target struct {
	Metric  string
	Labels  map[string]string // what its series have in common and others of the metric have not
	Class   Class
	Service string
	Period  time.Duration // between two runs; 0 where nothing runs

	series      []metrics.Points
	low, high   bool
	part, total metrics.Part // of Errors
	totals      []metrics.Points
	bad         bool // part is what is bad
}

// Selector is what selects the series of t.
func (t Target) Selector() string { return selector(t.Metric, nil, t.Labels) }

func selector(metric string, ms metrics.Selector, of map[string]string) string {
	var parts []string
	for _, m := range ms {
		parts = append(parts, m.Name+m.Op+strconv.Quote(m.Value))
	}
	for _, k := range slices.Sorted(maps.Keys(of)) {
		if !slices.ContainsFunc(ms, func(m metrics.Matcher) bool { return m.Name == k && m.Op == "=" }) {
			parts = append(parts, k+"="+strconv.Quote(of[k]))
		}
	}
	if len(parts) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(parts, ",") + "}"
}

// owners are the labels that say whose a series is, the first that is there counts.
func owners() []string { return []string{"service", "app", "job_name", "job"} }

// places are the labels that tell apart what does the same.
func places() []string { return []string{"instance", "pod", "node", "host", "replica"} }

// ownerOf is whose a series is: alone says that every label counts but for its place.
func ownerOf(labels map[string]string, all bool) map[string]string {
	out := map[string]string{}
	if all {
		for k, v := range labels {
			if k != metrics.NameLabel && !slices.Contains(places(), k) {
				out[k] = v
			}
		}
		return out
	}
	for _, o := range owners() {
		if v := labels[o]; v != "" {
			return map[string]string{o: v}
		}
	}
	return out
}

func serviceOf(labels map[string]string) string {
	for _, o := range owners() {
		if v := labels[o]; v != "" {
			return v
		}
	}
	return ""
}

func selects(p metrics.Part, labels map[string]string) bool {
	if p.Metric != "" && labels[metrics.NameLabel] != p.Metric {
		return false
	}
	return !slices.ContainsFunc(p.Matchers, func(m metrics.Matcher) bool { return !m.Matches(labels[m.Name]) })
}

func pick(p metrics.Part, all []metrics.Points) (out []metrics.Points) {
	for _, s := range all {
		if selects(p, s.Labels) {
			out = append(out, s)
		}
	}
	return out
}

// Targets finds what can fail of all that watches select.
func Targets(watches []Watch, series []metrics.Points) []Target {
	f := finder{byName: map[string][]metrics.Points{}, found: map[string]*Target{}}
	for _, s := range series {
		n := s.Labels[metrics.NameLabel]
		f.byName[n] = append(f.byName[n], s)
	}
	for _, w := range watches {
		for _, u := range w.Uses {
			f.use(u, mixed(w, u))
		}
		f.ratios(w)
	}
	out := make([]Target, 0, len(f.found))
	for _, k := range slices.Sorted(maps.Keys(f.found)) {
		out = append(out, *f.found[k])
	}
	return out
}

// mixed reports whether w compares a metric with itself, at another time: it is
// what is low then.
func mixed(w Watch, u metrics.Use) bool {
	return slices.ContainsFunc(w.Uses, func(x metrics.Use) bool { return x.Metric == u.Metric && x.Low != u.Low })
}

type finder struct {
	byName map[string][]metrics.Points
	found  map[string]*Target
}

// use adds the targets of one selector.
func (f *finder) use(u metrics.Use, mixed bool) {
	if u.Over && u.High && u.Ratio > 0 && !mixed {
		return // what is bad of a ratio is raised by [Errors]
	}
	for _, s := range pick(u.Part, f.byName[u.Metric]) {
		class, period := classOf(u, s)
		switch {
		case class == Runs && f.dense(s):
			class, period = Traffic, 0
		case class == Traffic && alone(u) && !mixed:
			class = Failures
		}
		t := f.target(u.Metric, class, s)
		t.Period = max(t.Period, period)
		t.low, t.high = t.low || u.Low, t.high || (u.High && !mixed)
	}
}

// alone reports whether a selector minds only that much happens, of no total.
func alone(u metrics.Use) bool { return u.High && !u.Low && u.Ratio == 0 }

// target is that of a series, which is new where none has been found.
func (f *finder) target(metric string, class Class, s metrics.Points) *Target {
	owner := ownerOf(s.Labels, class == Heartbeat || class == Runs || class == Level || class == Flag)
	t := &Target{Metric: metric, Labels: owner, Class: class, Service: serviceOf(s.Labels)}
	key := t.Selector() + "\xff" + string(class)
	if have, ok := f.found[key]; ok {
		return have
	}
	for _, x := range f.byName[metric] {
		if within(owner, x.Labels) {
			t.series = append(t.series, x)
		}
	}
	f.found[key] = t
	return t
}

// counts reports whether a selector is of a counter.
func counts(u metrics.Use) bool {
	return slices.Contains([]string{"rate", "increase", "irate"}, u.Func) || strings.HasSuffix(u.Metric, "_total") || strings.HasSuffix(u.Metric, "_count")
}

// dense reports whether a counter of the same owner grows all the time: what is seldom
// then is one kind of event among others, and no run.
func (f *finder) dense(s metrics.Points) bool {
	owner := ownerOf(s.Labels, false)
	return slices.ContainsFunc(f.byName[s.Labels[metrics.NameLabel]], func(x metrics.Points) bool {
		return within(owner, x.Labels) && periodOf(x) == 0 && grown([]metrics.Points{x}, 0, math.MaxInt64) > 0
	})
}

func within(part, labels map[string]string) bool {
	for k, v := range part {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// classOf says what a series is.
func classOf(u metrics.Use, s metrics.Points) (Class, time.Duration) {
	last := math.NaN()
	if n := len(s.V); n > 0 {
		last = s.V[n-1]
	}
	stamp := u.Age || strings.Contains(u.Metric, "timestamp") || strings.Contains(u.Metric, "last_success")
	switch {
	case strings.HasSuffix(u.Metric, "_bucket") && s.Labels["le"] != "":
		return Latency, 0
	case stamp && last > 1e9 && last < 1e11:
		return Heartbeat, periodOf(s)
	case counts(u):
		if p := periodOf(s); p > 0 {
			return Runs, p
		}
		return Traffic, 0
	case !slices.ContainsFunc(s.V, func(v float64) bool { return v != 0 && v != 1 }):
		return Flag, 0
	}
	return Level, 0
}

// periodOf is the median time between two changes of a series that changes seldom,
// less than in a tenth of its samples, and at even intervals; else 0.
func periodOf(s metrics.Points) time.Duration {
	var gaps []int64
	last := int64(-1)
	for i := 1; i < len(s.V); i++ {
		if s.V[i] == s.V[i-1] {
			continue
		}
		if last >= 0 {
			gaps = append(gaps, s.T[i]-last)
		}
		last = s.T[i]
	}
	if len(gaps) < 2 || len(gaps)*10 > len(s.V) {
		return 0
	}
	slices.Sort(gaps)
	if early, late := gaps[len(gaps)/10], gaps[len(gaps)*9/10]; late > 2*early {
		return 0 // it comes as it comes
	}
	return time.Duration(gaps[len(gaps)/2]) * time.Millisecond
}

// ratios adds the shares of bad events that w watches.
func (f *finder) ratios(w Watch) {
	for n := 1; ; n++ {
		var over, below []metrics.Use
		for _, u := range w.Uses {
			switch {
			case u.Ratio == n && u.Over:
				over = append(over, u)
			case u.Ratio == n:
				below = append(below, u)
			}
		}
		if len(over)+len(below) == 0 {
			return
		}
		if len(over) != 1 || len(below) != 1 || over[0].Matchers.String()+over[0].Metric == below[0].Matchers.String()+below[0].Metric {
			continue
		}
		f.ratio(over[0], below[0])
	}
}

func (f *finder) ratio(over, below metrics.Use) {
	byOwner := map[string][]metrics.Points{}
	owner := map[string]map[string]string{}
	for _, s := range pick(below.Part, f.byName[below.Metric]) {
		o := ownerOf(s.Labels, false)
		key := selector("", nil, o)
		byOwner[key], owner[key] = append(byOwner[key], s), o
	}
	for key, totals := range byOwner {
		t := &Target{
			Metric: over.Metric, Labels: owner[key], Class: Errors, Service: serviceOf(totals[0].Labels), totals: totals,
			part: over.Part, total: below.Part, bad: over.High || !over.Low,
		}
		for _, s := range pick(over.Part, f.byName[over.Metric]) {
			if within(owner[key], s.Labels) {
				t.series = append(t.series, s)
			}
		}
		id := cmp.Or(key, over.Metric) + "\xff" + selector(over.Metric, over.Matchers, nil)
		f.found[t.Selector()+"\xff"+id] = t
	}
}
