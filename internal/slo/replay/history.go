package replay

import (
	"cmp"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// Interval is a stretch of time; To is not part of it.
type Interval struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Length is how long it lasts.
func (i Interval) Length() time.Duration { return i.To.Sub(i.From) }

// overlaps reports whether two stretches share an instant.
func (i Interval) overlaps(o Interval) bool { return i.From.Before(o.To) && o.From.Before(i.To) }

// History is what was counted of one objective. Bad[i] and Total[i] count from
// Start to Start + i·Step, so both begin with 0 and never fall, and have the same
// length.
type History struct {
	Start  time.Time
	Step   time.Duration
	Bad    []int64
	Total  []int64
	Silent []Interval // where nothing was known
}

// End is the instant up to which h counts.
func (h History) End() time.Time { return h.Start.Add(time.Duration(max(0, len(h.Total)-1)) * h.Step) }

// Length is how long h is.
func (h History) Length() time.Duration { return h.End().Sub(h.Start) }

// Valid reports whether h is as it has to be.
func (h History) Valid() bool {
	return h.Step >= time.Second && len(h.Bad) == len(h.Total) && len(h.Total) > 1
}

func (h History) at(i int) time.Time { return h.Start.Add(time.Duration(i) * h.Step) }

// sum is what the window that ends at step i holds.
func (h History) sum(i, steps int) budget.Sum {
	j := max(0, i-steps)
	total := h.Total[i] - h.Total[j]
	return budget.Sum{Bad: h.Bad[i] - h.Bad[j], Total: total, Known: total > 0}
}

// Plan is a list of pairs under a name.
type Plan struct {
	Name  string     `json:"name"`
	Pairs []slo.Pair `json:"pairs"`
}

// span is a stretch of steps, To not included.
type span struct{ from, to int }

// fires returns when a pair calls, in steps.
func fires(h History, p slo.Pair, o slo.Objective) []span {
	r := budget.NewRule(p, o.Target, o.Window, o.Slice.Length)
	long, short, period := steps(p.Long, h.Step), steps(p.Short, h.Step), steps(o.Window, h.Step)
	hold := int(p.For / h.Step)
	near := long // the window that is quiet first
	if p.Short > 0 {
		near = short
	}
	volume := p.Gate.Method == budget.Volume
	var out []span
	since, open := -1, false // the step at which it began to burn; whether out's last is still going on
	for i := 1; i < len(h.Total); i++ {
		j := max(0, i-near)
		burning := false
		if h.Bad[i] != h.Bad[j] {
			w := budget.Seen{Long: h.sum(i, long)}
			if p.Short > 0 {
				w.Short = h.sum(i, short)
			}
			if volume {
				w.Period = h.sum(i, period)
			}
			burning = r.Judge(w).Burning
		} else if h.Total[i] == h.Total[j] {
			continue // nothing is known: what burned still burns
		}
		switch {
		case !burning:
			if open {
				out[len(out)-1].to = i
			}
			since, open = -1, false
		case since < 0:
			since = i
		}
		if burning && !open && i-since >= hold {
			out = append(out, span{i, len(h.Total)})
			open = true
		}
	}
	return out
}

func steps(d, step time.Duration) int { return max(1, int(d/step)) }

// union merges stretches that overlap or touch.
func union(lists ...[]span) []span {
	var all []span
	for _, l := range lists {
		all = append(all, l...)
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range all {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

func (h History) intervals(spans []span) []Interval {
	out := make([]Interval, 0, len(spans))
	for _, s := range spans {
		out = append(out, Interval{h.at(s.from), h.at(min(s.to, len(h.Total)-1))})
	}
	return out
}

func pages(p slo.Pair) bool { return p.Severity == alert.Page }
