package sloweb

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budget"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/period"
)

// Counting says how objectives are counted.
type Counting interface {
	About(id string) (meter.About, bool)
	// Silent is how much of (from, to] had no data.
	Silent(o slo.Objective, from, to time.Time) (time.Duration, error)
}

// standings are the objectives that have a page of their own: what is only a part
// of a composite is shown there.
func (w *door) standings() []slo.Standing {
	all := w.SLOs.All()
	if !slices.ContainsFunc(all, part) {
		return all
	}
	out := make([]slo.Standing, 0, len(all))
	for _, s := range all {
		if !part(s) {
			out = append(out, s)
		}
	}
	return out
}

func part(s slo.Standing) bool { return s.Objective.PartOf != "" }

// unitOf is how many parts one event of a count is.
func unitOf(unit int64) int64 { return max(1, unit) }

// amount writes a number of events: with a digit where they are counted in parts.
func amount(ctx context.Context, n, unit int64) string {
	if unit = unitOf(unit); unit == 1 {
		return webkit.Number(ctx, n)
	}
	v := float64(n) / float64(unit)
	if math.Abs(v) >= 1000 {
		return webkit.Number(ctx, int64(math.Round(v)))
	}
	return trim(webkit.Decimal(ctx, v, 1))
}

// noun is the end of a text's key: an objective of slices has no events.
func noun(o slo.Objective) string {
	if o.Method == slo.Timeslices || o.Method == slo.RatioTimeslices {
		return ".slices"
	}
	return ""
}

// periodOf is the stretch that an objective's budget is for, now.
func periodOf(o slo.Objective, now time.Time) period.Period {
	if o.Calendar != nil {
		return o.Calendar.At(now)
	}
	return period.Rolling(o.Window, now)
}

// window writes an objective's window: "30 d", "month".
func window(ctx context.Context, o slo.Objective) string {
	c := o.Calendar
	switch {
	case c == nil, c.Unit == "h":
		return span(ctx, o.Window)
	case c.Every <= 1:
		return webkit.T(ctx, "slo.calendar."+c.Unit)
	}
	return webkit.T(ctx, "slo.calendar.n."+c.Unit, c.Every)
}

// paceView is how a calendar's period goes.
type paceView struct {
	Elapsed, Spent, Burn string
	End                  time.Time
}

// pace says which share of a calendar's period is over, which share of the budget
// is spent, and how much of it will be at the end. ok is false for rolling windows.
func pace(ctx context.Context, s slo.Standing, now time.Time) (v paceView, ok bool) {
	if s.Objective.Calendar == nil || !s.Status.Known {
		return v, false
	}
	p := periodOf(s.Objective, now)
	spent := 1 - s.Status.Remaining
	rate, ok := p.Projected(spent, now)
	if !ok {
		return v, false
	}
	return paceView{Elapsed: webkit.Percent(ctx, tenth(p.Elapsed(now))), Spent: webkit.Percent(ctx, tenth(spent)), Burn: times(ctx, rate), End: p.End}, true
}

// viewCounting says how an objective is counted.
func (w *door) viewCounting(ctx context.Context, o slo.Objective, now time.Time) (out []webkit.Pair) {
	add := func(key, value string) {
		out = append(out, webkit.Pair{Key: webkit.T(ctx, "slo.how."+key), Value: value, Definition: definition(ctx, key)})
	}
	if o.Composite == nil {
		add("method", methodText(ctx, o))
	}
	if w.Counting == nil {
		return out
	}
	a, ok := w.Counting.About(o.ID)
	if !ok {
		return out
	}
	switch {
	case o.Composite != nil:
		add("from", webkit.T(ctx, "slo.how.from.parts", len(o.Composite.Parts)))
	case a.Asked != "":
		add("from", webkit.T(ctx, "slo.how.from.asked"))
		out = append(out, webkit.Pair{Key: webkit.T(ctx, "slo.how.why"), Value: a.Asked})
	default:
		add("from", webkit.T(ctx, "slo.how.from.stream"))
		if o.SLI.Counter {
			key := "slo.how.first.anchored"
			if a.FirstSample == slo.ZeroOrigin {
				key = "slo.how.first.zero"
			}
			add("first", webkit.T(ctx, key))
		}
	}
	if !a.Live {
		add("live", webkit.T(ctx, "slo.how.live.loading"))
	}
	if a.Capped > 0 {
		add("capped", webkit.T(ctx, "slo.how.capped.value", a.Capped))
	}
	if o.Composite == nil {
		out = append(out, webkit.Pair{Key: webkit.T(ctx, "slo.how.last"), Body: webkit.Ago(a.Last), Definition: definition(ctx, "last")})
		add("silent", w.silence(ctx, o, now))
	}
	return out
}

// definition explains what a line of the counting says, where that needs words.
func definition(ctx context.Context, key string) string {
	switch key {
	case "method", "from", "first", "capped", "last", "silent":
		return webkit.T(ctx, "slo.def.how."+key)
	}
	return ""
}

// silence is how much of the period had no data, and what that counts as.
func (w *door) silence(ctx context.Context, o slo.Objective, now time.Time) string {
	p := periodOf(o, now)
	d, err := w.Counting.Silent(o, p.Start, now)
	if err != nil {
		return webkit.T(ctx, "webkit.nodata") + " · " + err.Error()
	}
	if d == 0 {
		return webkit.T(ctx, "slo.how.silent.none")
	}
	text := webkit.T(ctx, "slo.how.silent.value", webkit.Duration(ctx, d), ratio(ctx, float64(d)/float64(now.Sub(p.Start))))
	if noun(o) != "" {
		policy := o.NoData
		if policy == "" {
			policy = slo.NoDataIgnore
		}
		text += webkit.T(ctx, "slo.how.silent."+string(policy))
	}
	return text
}

func methodText(ctx context.Context, o slo.Objective) string {
	switch o.Method {
	case slo.Timeslices:
		return webkit.T(ctx, "slo.how.method.timeslices", webkit.Duration(ctx, o.Slice.Length), percent(ctx, o.Slice.Target))
	case slo.RatioTimeslices:
		return webkit.T(ctx, "slo.how.method.ratio", webkit.Duration(ctx, o.Slice.Length))
	case slo.Occurrences:
	}
	return webkit.T(ctx, "slo.how.method.occurrences")
}

// held says why a pair at its rate calls nobody: "3 of 50 failed; p=0.04, not
// paged", as [budget.Rule.Explain] has it.
func held(ctx context.Context, s slo.Standing, p slo.PairStatus) string {
	o, counts := s.Objective, s.Status.Counts
	rule := budget.NewRule(p.Pair, o.Target, o.Window, o.Slice.Length)
	why := rule.Explain(budget.Seen{Long: counts[p.Long].Sum(), Short: counts[p.Short].Sum(), Period: s.Status.Period.Sum()})
	unit := counts[p.Long].Unit
	text := webkit.T(ctx, "slo.held.failed", amount(ctx, why.Bad, unit), amount(ctx, why.Total, unit))
	if p.Held == budget.Chance {
		return text + webkit.T(ctx, "slo.held.chance", strconv.FormatFloat(why.Chance, 'g', 1, 64))
	}
	return text + webkit.T(ctx, "slo.held."+string(p.Held))
}

// conditionView is one thing that is watched beside burn rates.
type conditionView struct {
	Name, Severity string
	State          webkit.State
	Word           string
}

// viewConditions are the budget alerts and the absence, and whether they hold.
func viewConditions(ctx context.Context, s slo.Standing) (out []conditionView) {
	for _, c := range s.Status.Conditions {
		v := conditionView{Name: conditionText(ctx, s.Objective, c.Name), Severity: webkit.T(ctx, "slo.severity."+string(c.Severity)), State: webkit.OK, Word: webkit.T(ctx, "slo.condition.no")}
		switch {
		case !c.Known:
			v.State, v.Word = webkit.Unknown, webkit.T(ctx, "slo.pair.unknown")
		case c.Holds:
			v.State, v.Word = severityState(c.Severity), webkit.T(ctx, "slo.condition.yes")
		}
		out = append(out, v)
	}
	return out
}

// conditionText writes a condition in the viewer's language.
func conditionText(ctx context.Context, o slo.Objective, name string) string {
	for _, b := range o.Budgets {
		if b.Name() != name {
			continue
		}
		share := webkit.Percent(ctx, tenth(b.Share))
		switch b.Watch {
		case slo.WatchRemaining:
			return webkit.T(ctx, "slo.condition.remaining", share)
		case slo.WatchDrop:
			return webkit.T(ctx, "slo.condition.drop", share, span(ctx, b.Over))
		case slo.WatchExhaustsIn:
			return webkit.T(ctx, "slo.condition.exhausts", span(ctx, b.ExhaustsIn), span(ctx, b.Over))
		}
	}
	if o.Absent.After > 0 && strings.HasPrefix(name, "no data") {
		return webkit.T(ctx, "slo.condition.absent", span(ctx, o.Absent.After))
	}
	return name
}

// partView is one part of a composite.
type partView struct {
	Name, Href, Weight string
	Bad, Total, Left   string
	State              webkit.State
	Word               string
}

// viewParts are the parts of a composite and how they stand.
func (w *door) viewParts(ctx context.Context, o slo.Objective) (out []partView) {
	if o.Composite == nil {
		return nil
	}
	for _, c := range o.Composite.Parts {
		v := partView{Name: c.Objective, Weight: trim(webkit.Decimal(ctx, c.Weight, 1)), Bad: "—", Total: "—", Left: "—", State: webkit.Unknown, Word: webkit.T(ctx, "slo.health.unknown")}
		if own, st, ok := w.SLOs.Objective(c.Objective); ok {
			s := slo.Standing{Objective: own, Status: st}
			v.Name, v.State, v.Word = own.Name, state(st), word(ctx, st)
			if own.PartOf == "" {
				v.Href = "/slos/" + own.ID
			}
			if p := st.Period; p.Known {
				v.Bad, v.Total = amount(ctx, p.Bad(), p.Unit), amount(ctx, p.Total, p.Unit)
			}
			if st.Known {
				v.Left = webkit.Percent(ctx, tenth(s.Status.Remaining))
			}
		}
		out = append(out, v)
	}
	return out
}
