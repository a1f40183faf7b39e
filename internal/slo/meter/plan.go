package meter

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo"
)

// Scale is how many parts a share of events is counted in, where the SLI is a
// share itself.
const Scale = slo.Million

// plan is an SLI taken apart.
type plan struct {
	terms []term
	by    []string
	bad   bool // the part counts bad events
	unit  int64
	why   string // why the SLI cannot be taken apart; then it is asked
}

// term is one selector of a plan.
type term struct {
	watch metrics.Watch
	key   string // equal for equal watches
	form  form
	sign  int64
	total bool // it adds to the total, else to the part
	zero  bool // a first sample counts: see slo.ZeroOrigin
	op    string
	value float64
}

// form says how a sample becomes events.
type form uint8

const (
	growth  form = iota // what a counter grew by
	value               // the sample's value
	each                // one
	holds               // one where the sample meets op and value, else none
	million             // the sample's value in millionths
)

// planOf takes the SLI of o apart.
func planOf(o slo.Objective) plan {
	s := o.SLI
	var p plan
	var err error
	switch {
	case s.Threshold != "":
		p, err = planThreshold(s)
	case s.Raw != "":
		p, err = planRaw(s)
	default:
		p, err = planRatio(s)
	}
	if err != nil {
		return plan{why: err.Error(), bad: s.Bad != "" || s.RawFails, unit: o.Unit()}
	}
	p.unit = o.Unit()
	for i := range p.terms {
		t := &p.terms[i]
		t.key = fmt.Sprintf("%s %t %g", t.watch.Selector, t.watch.Histogram, t.watch.Upper)
		t.zero = s.First == slo.ZeroOrigin
	}
	return p
}

func planRatio(s slo.SLI) (plan, error) {
	bare := metrics.Value
	if s.Counter {
		bare = metrics.Growth
	}
	side, bad := s.Good, false
	if s.Good == "" {
		side, bad = s.Bad, true
	}
	part, err := metrics.Terms(side, bare)
	if err != nil {
		return plan{}, err
	}
	total, err := metrics.Terms(s.Total, bare)
	if err != nil {
		return plan{}, err
	}
	return join(part, total, bad)
}

func join(part, total metrics.Sum, bad bool) (plan, error) {
	if !slices.Equal(part.By, total.By) {
		return plan{}, fmt.Errorf("the two sides are grouped by different labels: (%s) and (%s)", strings.Join(part.By, ", "), strings.Join(total.By, ", "))
	}
	p := plan{by: total.By, bad: bad}
	for _, t := range part.Terms {
		p.terms = append(p.terms, term{watch: t.Watch, form: formOf(t.Form), sign: t.Sign})
	}
	for _, t := range total.Terms {
		p.terms = append(p.terms, term{watch: t.Watch, form: formOf(t.Form), sign: t.Sign, total: true})
	}
	return p, nil
}

func formOf(f metrics.Form) form {
	return map[metrics.Form]form{metrics.Growth: growth, metrics.Value: value, metrics.Each: each}[f]
}

// planRaw takes a share apart: a ratio of sums, or a bare series whose samples are
// shares, each of one event.
func planRaw(s slo.SLI) (plan, error) {
	r, err := metrics.RatioTerms(s.Raw, s.RawFails)
	if err == nil {
		return join(r.Part, r.Total, r.Bad)
	}
	sum, serr := metrics.Terms(s.Raw, metrics.Value)
	if serr != nil || len(sum.Terms) != 1 || sum.Terms[0].Sign != 1 || sum.Terms[0].Form != metrics.Value || strings.Contains(s.Raw, "(") {
		return plan{}, err
	}
	w := sum.Terms[0].Watch
	return plan{bad: s.RawFails, terms: []term{{watch: w, form: million, sign: 1}, {watch: w, form: each, sign: Scale, total: true}}}, nil
}

func planThreshold(s slo.SLI) (plan, error) {
	sum, err := metrics.Terms(s.Threshold, metrics.Value)
	if err != nil {
		return plan{}, err
	}
	if len(sum.Terms) != 1 || sum.Terms[0].Sign != 1 || sum.Terms[0].Form != metrics.Value || strings.Contains(s.Threshold, "(") {
		return plan{}, fmt.Errorf("query %q: a threshold over more than one bare series cannot be counted as samples come", s.Threshold)
	}
	w := sum.Terms[0].Watch
	return plan{terms: []term{{watch: w, form: holds, sign: 1, op: s.Op, value: s.Value}, {watch: w, form: each, sign: 1, total: true}}}, nil
}

// meets reports whether v is good: a threshold's comparison.
func meets(v float64, op string, limit float64) bool {
	switch op {
	case "lt":
		return v < limit
	case "lte":
		return v <= limit
	case "gt":
		return v > limit
	case "gte":
		return v >= limit
	}
	return false
}

// whole is the part of a counter that is whole events.
func whole(v float64) int64 { return int64(math.Floor(min(max(v, -1<<61), 1<<61))) }

// fingerprint is equal while what is counted is the same.
func fingerprint(o slo.Objective) string {
	cal := ""
	if o.Calendar != nil {
		cal = "c"
	}
	if o.Composite != nil {
		cal += fmt.Sprintf("%+v", *o.Composite)
	}
	return fmt.Sprintf("%+v|%s|%d|%s|%s|%s|%s", o.SLI, o.Method, o.Slice.Length, o.Slice.Target, o.NoData, periodOf(o), cal)
}

// periodOf is how far back an objective's counts go: its window and a little; a
// calendar's longest, with the one before it.
func periodOf(o slo.Objective) time.Duration {
	if o.Calendar != nil {
		return 2*o.Window + 4*24*time.Hour
	}
	longest := o.Window
	for _, p := range o.Pairs {
		longest = max(longest, p.Long)
	}
	return max(longest, 3*24*time.Hour) + time.Hour
}
