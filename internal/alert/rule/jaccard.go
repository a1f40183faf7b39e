package rule

import (
	"cmp"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// Interval is when a rule fired: from From to To, To excluded.
type Interval struct{ From, To time.Time }

// Union merges intervals into those that do not touch, in their order. Empty ones
// are left out.
func Union(in []Interval) (out []Interval) {
	in = slices.Clone(in)
	slices.SortFunc(in, func(a, b Interval) int { return a.From.Compare(b.From) })
	for _, i := range in {
		switch last := len(out) - 1; {
		case !i.From.Before(i.To):
		case last >= 0 && !i.From.After(out[last].To):
			if i.To.After(out[last].To) {
				out[last].To = i.To
			}
		default:
			out = append(out, i)
		}
	}
	return out
}

func total(in []Interval) (d time.Duration) {
	for _, i := range in {
		d += i.To.Sub(i.From)
	}
	return d
}

// Jaccard is how alike two firing sets are: the time in which both fired, divided
// by the time in which either did. 0 where neither ever fired.
func Jaccard(a, b []Interval) float64 {
	a, b = Union(a), Union(b)
	either := total(Union(slices.Concat(a, b)))
	if either == 0 {
		return 0
	}
	return float64(total(a)+total(b)-either) / float64(either)
}

// FiredIn is when a rule would have fired, given what its expression answered at
// each step: a series fires once it has answered for hold without a gap, and
// until it has not answered for keep.
func FiredIn(answers []metrics.Series, hold, keep, step time.Duration) (out []Interval) {
	for _, s := range answers {
		var since, last time.Time
		flush := func() {
			if !since.IsZero() {
				out = append(out, Interval{since.Add(hold), last.Add(step + keep)})
			}
		}
		for _, p := range s.Points {
			if since.IsZero() || p.T.Sub(last) > step {
				flush()
				since = p.T
			}
			last = p.T
		}
		if !since.IsZero() && last.Sub(since) >= hold {
			flush()
		}
	}
	return Union(slices.DeleteFunc(out, func(i Interval) bool { return !i.From.Before(i.To) }))
}

// Twin is a pair of rules that fire together.
type Twin struct {
	A, B string // ids
	Same float64
}

// Twins are the pairs whose firing sets are more alike than limit, the most alike
// first.
func Twins(fired map[string][]Interval, limit float64) (out []Twin) {
	var ids []string
	for id, list := range fired {
		if len(list) > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	totals := map[string]time.Duration{}
	for _, id := range ids {
		totals[id] = total(Union(fired[id]))
	}
	for i, a := range ids {
		for _, b := range ids[i+1:] {
			less, more := min(totals[a], totals[b]), max(totals[a], totals[b])
			if float64(less) <= limit*float64(more) { // they cannot be that alike
				continue
			}
			if same := Jaccard(fired[a], fired[b]); same > limit {
				out = append(out, Twin{a, b, same})
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Twin) int { return cmp.Compare(y.Same, x.Same) })
	return out
}
