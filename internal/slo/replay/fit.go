package replay

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// Wish is what a plan has to keep.
type Wish struct {
	MaxPagesPerWeek float64
	MinRecall       float64
}

// Trade is one plan and what it costs.
type Trade struct {
	Plan         Plan          `json:"plan"`
	PagesPerWeek float64       `json:"pages_per_week"`
	Recall       float64       `json:"recall"`
	Precision    float64       `json:"precision"`
	Detection    time.Duration `json:"detection"` // mean over the incidents that were found
	SleepLost    time.Duration `json:"sleep_lost"`
}

// Fitted is the outcome of [Fit].
type Fitted struct {
	Best    Trade   `json:"best"`
	Kept    bool    `json:"kept"`  // Best keeps the wish; else it comes nearest
	Curve   []Trade `json:"curve"` // the plans that no other beats in pages, recall and detection at once; fewest pages first
	Tried   int     `json:"tried"`
	Derived bool    `json:"derived"` // no incidents were recorded: stretches that spent 2 % of the budget stand for them
}

// Fit tries a grid of plans — two page-level pairs by rate, window and gate — and
// proposes the one that finds incidents soonest among those that keep the wish.
// Without recorded incidents the stretches that spent much of the budget stand
// for them ([Spends]). Invalid where there is neither.
func Fit(h History, o slo.Objective, incidents []Interval, w Wish, opt Options) (Fitted, error) {
	out := Fitted{}
	incidents = within(h, incidents)
	if len(incidents) == 0 {
		incidents, out.Derived = Spends(h, o, 0.02), true
	}
	if len(incidents) == 0 {
		return out, errs.New(errs.Invalid, "no incident was recorded, and no outage spent 2 %% of the budget: there is nothing that a page could have found")
	}
	fast, slow := grid(h, o)
	var all []Trade
	for _, f := range fast {
		for _, s := range slow {
			if f.pair.Gate != s.pair.Gate || s.pair.Long <= f.pair.Long || s.pair.Rate >= f.pair.Rate {
				continue
			}
			all = append(all, weigh(h, f, s, incidents, opt))
		}
	}
	if len(all) == 0 {
		return out, errs.New(errs.Invalid, "with a target of %s %% over %s no pair of the grid can fire", o.Target.Percent(), slo.Short(o.Window))
	}
	out.Tried = len(all)
	out.Curve = front(all)
	out.Best, out.Kept = best(all, w)
	out.Best.Plan.Pairs = append(slices.Clone(out.Best.Plan.Pairs), tickets(o)...)
	return out, nil
}

// tried is a pair of the grid and when it fires.
type tried struct {
	pair  slo.Pair
	spans []span
}

// grid is every pair that is tried, run once.
func grid(h History, o slo.Objective) (fast, slow []tried) {
	gates := []budget.Gate{{}, {Confidence: 0.95}, {Confidence: 0.99}, {Confidence: 0.999}, {Confidence: 0.99999, Against: budget.Budget}}
	run := func(longs []time.Duration, shares []float64) (out []tried) {
		for _, long := range longs {
			for _, share := range shares {
				for _, g := range gates {
					rate := round3(share * float64(o.Window) / float64(long))
					p := slo.Pair{Severity: alert.Page, Rate: rate, Long: long, Short: (long / 12).Round(time.Minute), Gate: g}
					if rate < 1 || long > o.Window || rate*o.Target.Budget() > 0.8 {
						continue
					}
					out = append(out, tried{p, fires(h, p, o)})
				}
			}
		}
		return out
	}
	fast = run([]time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour}, []float64{0.005, 0.01, 0.02, 0.04, 0.08})
	slow = run([]time.Duration{6 * time.Hour, 12 * time.Hour}, []float64{0.02, 0.05, 0.1, 0.2})
	return fast, slow
}

func round3(f float64) float64 {
	var out float64
	if _, err := fmt.Sscanf(fmt.Sprintf("%.3g", f), "%g", &out); err != nil {
		return f
	}
	return out
}

// weigh says what two pairs cost together.
func weigh(h History, f, s tried, incidents []Interval, opt Options) Trade {
	r := Result{Pages: h.intervals(union(f.spans, s.spans))}
	r.agree(h, incidents, opt)
	t := Trade{Plan: Plan{Pairs: []slo.Pair{f.pair, s.pair}}, PagesPerWeek: r.PagesPerWeek, Detection: r.Detection, SleepLost: r.SleepLost}
	t.Plan.Name = f.pair.Name() + ", " + s.pair.Name()
	if g := f.pair.Gate; g.Confidence > 0 {
		t.Plan.Name += fmt.Sprintf(", confidence %g", g.Confidence)
		if g.Against != "" {
			t.Plan.Name += " against the " + g.Against
		}
	}
	if r.Recall != nil {
		t.Recall = *r.Recall
	}
	if r.Precision != nil {
		t.Precision = *r.Precision
	}
	return t
}

// best is the trade that keeps the wish and finds incidents soonest, or the one
// that misses it least: recall first, for what is not found is not answered.
func best(all []Trade, w Wish) (Trade, bool) {
	miss := func(t Trade) float64 {
		return max(0, w.MinRecall-t.Recall)*100 + max(0, t.PagesPerWeek-w.MaxPagesPerWeek)/max(1, w.MaxPagesPerWeek)
	}
	b := slices.MinFunc(all, func(a, b Trade) int {
		return cmp.Or(cmp.Compare(miss(a), miss(b)), cmp.Compare(a.Detection, b.Detection), cmp.Compare(a.PagesPerWeek, b.PagesPerWeek), cmp.Compare(b.Plan.Pairs[0].Rate, a.Plan.Pairs[0].Rate), cmp.Compare(a.Plan.Name, b.Plan.Name))
	})
	return b, miss(b) == 0
}

// front keeps the trades that no other beats: fewer or as many pages, as much
// recall or more, found as soon or sooner.
func front(all []Trade) []Trade {
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b Trade) int {
		return cmp.Or(cmp.Compare(a.PagesPerWeek, b.PagesPerWeek), cmp.Compare(b.Recall, a.Recall), cmp.Compare(a.Detection, b.Detection))
	})
	var out []Trade
	for _, t := range sorted {
		beaten := slices.ContainsFunc(out, func(o Trade) bool { return o.Recall >= t.Recall && o.Detection <= t.Detection })
		if !beaten && t.Recall > 0 {
			out = append(out, t)
		}
	}
	return out
}

// tickets are the slow pairs that a proposed plan keeps for the week.
func tickets(o slo.Objective) (out []slo.Pair) {
	for _, p := range slo.DefaultPairs(o.Window, o.Target) {
		if p.Severity != alert.Page {
			out = append(out, p)
		}
	}
	return out
}

// Spends are the stretches that spent a share of the period's budget or more,
// each at five times the rate that would just be enough, or more; breaks of half
// an hour do not divide them.
func Spends(h History, o slo.Objective, share float64) []Interval {
	look, gap := steps(10*time.Minute, h.Step), steps(30*time.Minute, h.Step)
	limit := slo.Pair{Rate: 5, Long: time.Hour}.Limit(o.Target)
	var hot []span
	for i := look; i < len(h.Total); i += look {
		w := h.sum(i, look)
		if !limit.Reached(w.Bad, w.Total) {
			continue
		}
		if n := len(hot); n > 0 && i-look-hot[n-1].to <= gap {
			hot[n-1].to = i
			continue
		}
		hot = append(hot, span{i - look, i})
	}
	whole := float64(h.Total[len(h.Total)-1]) * o.Target.Budget() * min(1, float64(o.Window)/float64(max(h.Length(), 1)))
	return h.intervals(slices.DeleteFunc(hot, func(s span) bool { return float64(h.Bad[s.to]-h.Bad[s.from]) < share*whole }))
}
