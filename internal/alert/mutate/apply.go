package mutate

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// Mutation is a kind of failure.
type Mutation string

// The mutations.
const (
	Drop      Mutation = "drop"      // one run does not happen; a flag falls
	Delay     Mutation = "delay"     // one run comes half a period late
	Halve     Mutation = "halve"     // half as much
	Flat      Mutation = "flat"      // it does not change any more
	Vanish    Mutation = "vanish"    // there are no samples any more
	Errors5   Mutation = "errors5"   // 5 % of all events are bad
	Errors100 Mutation = "errors100" // all are
	Tenfold   Mutation = "tenfold"   // ten times as late, or as much
)

// Mutations are all of them.
func Mutations() []Mutation {
	return []Mutation{Drop, Delay, Halve, Flat, Vanish, Errors5, Errors100, Tenfold}
}

// lookback is for how long PromQL still sees the last sample of what vanished.
const lookback = 5 * time.Minute

// of are the mutations that make sense of a target.
func (t Target) mutations() (out []Mutation) {
	switch t.Class {
	case Heartbeat, Runs:
		if t.Period == 0 {
			return []Mutation{Flat, Vanish}
		}
		return []Mutation{Drop, Delay, Flat, Vanish}
	case Traffic:
		return []Mutation{Halve, Flat, Vanish}
	case Errors:
		return []Mutation{Errors5, Errors100}
	case Failures, Latency:
		return []Mutation{Tenfold}
	case Flag:
		return []Mutation{Drop, Vanish}
	case Level:
		out = []Mutation{Flat, Vanish}
		if t.low {
			out = append(out, Halve)
		}
		if t.high {
			out = append(out, Tenfold)
		}
	}
	return out
}

// share is the share of bad events that m makes.
func (m Mutation) share() float64 {
	if m == Errors5 {
		return 0.05
	}
	return 1
}

// shows is how long a failure needs to show by its nature.
func (t Target) shows(m Mutation) time.Duration {
	switch m {
	case Drop, Delay:
		return t.Period
	case Flat:
		return 2 * t.Period
	case Vanish:
		return lookback
	case Halve, Errors5, Errors100, Tenfold:
	}
	return 0
}

// injected is a failure in samples.
type injected struct {
	fault   time.Time // when it begins to be one
	changed []metrics.Points
}

// apply injects m into t from at on. Enough has to happen until the time end: else
// ok is false, for the failure would be none.
func (t Target) apply(m Mutation, at, end time.Time) (in injected, ok bool) {
	from, to := at.UnixMilli(), end.UnixMilli()
	in.fault = at
	switch m {
	case Errors5, Errors100:
		in.changed = t.errors(from, m.share())
		return in, len(in.changed) > 0 && m.share()*grown(t.totals, from, to) >= 1
	case Drop, Delay, Flat:
		if t.Period > 0 {
			return t.run(m, from)
		}
		if m == Drop {
			return t.fall(in, from)
		}
		return t.freeze(in, from, to)
	case Tenfold:
		if t.Class == Latency {
			in.changed = t.slower(from)
			return in, grown(t.series, from, to) >= 20
		}
		return t.scaled(in, from, to, 10)
	case Halve:
		return t.scaled(in, from, to, 0.5)
	case Vanish:
		for _, s := range t.series {
			n := after(s, from)
			if n > 0 && n < len(s.T) {
				in.changed = append(in.changed, metrics.Points{Labels: s.Labels, T: s.T[:n], V: s.V[:n]})
			}
		}
	}
	return in, len(in.changed) > 0
}

// after is the place of the first sample after a time.
func after(s metrics.Points, at int64) int {
	return sort.Search(len(s.T), func(k int) bool { return s.T[k] > at })
}

// growth is by how much a counter grew with its i-th sample.
func growth(v []float64, i int) float64 {
	if i == 0 {
		return 0
	}
	if d := v[i] - v[i-1]; d >= 0 {
		return d
	}
	return v[i]
}

func grown(series []metrics.Points, from, to int64) (sum float64) {
	for _, s := range series {
		for i := after(s, from); i < len(s.T) && s.T[i] <= to; i++ {
			sum += growth(s.V, i)
		}
	}
	return sum
}

// with is s with other values from its n-th sample on.
func with(s metrics.Points, n int, value func(i int, before float64) float64) metrics.Points {
	v := slices.Clone(s.V)
	for i := n; i < len(v); i++ {
		before := 0.0
		if i > 0 {
			before = v[i-1]
		}
		v[i] = value(i, before)
	}
	return metrics.Points{Labels: s.Labels, T: s.T, V: v}
}

// run changes the first run after from: every series of a target runs by itself.
func (t Target) run(m Mutation, from int64) (in injected, ok bool) {
	for _, s := range t.series {
		first := changes(s, after(s, from))
		if first >= len(s.V) {
			continue
		}
		in.fault = time.UnixMilli(s.T[first]).UTC()
		in.changed = append(in.changed, with(s, first, t.ran(m, s, first)))
	}
	return in, len(in.changed) > 0
}

// changes is the first place from n on at which s changes, or its length.
func changes(s metrics.Points, n int) int {
	for n < len(s.V) && (n == 0 || s.V[n] == s.V[n-1]) {
		n++
	}
	return n
}

// ran is what s is where the run at its place first did not go as it did.
func (t Target) ran(m Mutation, s metrics.Points, first int) func(int, float64) float64 {
	old, step, next := s.V[first-1], s.V[first]-s.V[first-1], changes(s, first+1)
	late := (t.Period / 2).Milliseconds()
	if m == Flat {
		return func(int, float64) float64 { return old }
	}
	if m == Drop {
		return func(i int, _ float64) float64 {
			switch {
			case i < next:
				return old
			case t.Class == Runs:
				return s.V[i] - step
			}
			return s.V[i]
		}
	}
	return func(i int, _ float64) float64 {
		switch {
		case i < next && s.T[i] < s.T[first]+late:
			return old
		case i < next && t.Class == Heartbeat:
			return s.V[first] + float64(late)/1000
		}
		return s.V[i]
	}
}

// fall turns flags over.
func (t Target) fall(in injected, from int64) (injected, bool) {
	to := 0.0
	if t.high && !t.low {
		to = 1
	}
	for _, s := range t.series {
		n := after(s, from)
		if n > 0 && n < len(s.V) && s.V[n-1] != to && s.V[n] != to {
			in.changed = append(in.changed, with(s, n, func(int, float64) float64 { return to }))
		}
	}
	return in, len(in.changed) > 0
}

// freeze stops all change. What stood as long in the past does not fail by that.
func (t Target) freeze(in injected, from, to int64) (injected, bool) {
	moved := false
	for _, s := range t.series {
		n := after(s, from)
		if n == 0 || n == len(s.V) {
			continue
		}
		moved = moved || stood(s)*2 < to-from
		in.changed = append(in.changed, with(s, n, func(_ int, before float64) float64 { return before }))
	}
	return in, moved
}

// stood is the longest time in which s did not change.
func stood(s metrics.Points) (longest int64) {
	since := 0
	for i := 1; i < len(s.V); i++ {
		if s.V[i] != s.V[i-1] {
			since = i
		}
		longest = max(longest, s.T[i]-s.T[since])
	}
	return longest
}

// scaled multiplies what a counter grows by, or a level.
func (t Target) scaled(in injected, from, to int64, by float64) (injected, bool) {
	counter, most, some := t.Class == Traffic || t.Class == Failures, 0.0, false
	for _, s := range t.series {
		most = max(most, slices.Max(append([]float64{0}, s.V...)))
	}
	for _, s := range t.series {
		n := after(s, from)
		if n == 0 || n == len(s.V) {
			continue
		}
		some = some || s.V[n] != 0
		in.changed = append(in.changed, with(s, n, func(i int, before float64) float64 {
			switch {
			case counter && t.Class == Failures:
				return before + max(growth(s.V, i)*by, 1)
			case counter:
				return before + growth(s.V, i)*by
			case most <= 1: // a share has no more than all
				return min(1, s.V[i]*by)
			}
			return s.V[i] * by
		}))
	}
	if counter {
		some = t.Class == Failures || grown(t.series, from, to) >= 20
	}
	return in, some
}

// slower shifts the buckets of histograms: what was below a tenth of a limit is
// below it now.
func (t Target) slower(from int64) (out []metrics.Points) {
	groups := map[string][]metrics.Points{}
	for _, s := range t.series {
		of := maps.Clone(s.Labels)
		delete(of, "le")
		key := metrics.Series{Labels: of}.Key()
		groups[key] = append(groups[key], s)
	}
	limit := func(s metrics.Points) float64 {
		v, _ := strconv.ParseFloat(s.Labels["le"], 64) // what is none is 0, and stays as it is
		return v
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		all := groups[key]
		slices.SortFunc(all, func(a, b metrics.Points) int {
			if limit(a) < limit(b) {
				return -1
			}
			return 1
		})
		for _, s := range all[:len(all)-1] { // +Inf has all, still
			n, line := after(s, from), s.T
			below, share := 0, 0.0 // between the buckets below and below+1
			for below < len(all) && limit(all[below]) < limit(s)/10 {
				below++
			}
			low := 0.0
			if below > 0 {
				low = limit(all[below-1])
			}
			if high := limit(all[below]); high > low {
				share = (limit(s)/10 - low) / (high - low)
			}
			under := make([]float64, len(line))
			if below > 0 {
				under = growthOn(line, all[below-1:below])
			}
			above := growthOn(line, all[below:below+1])
			out = append(out, with(s, n, func(i int, before float64) float64 {
				return before + under[i] + share*max(0, above[i]-under[i])
			}))
		}
	}
	return out
}

// growthOn is what series grew by, gathered at the times of line.
func growthOn(line []int64, series []metrics.Points) []float64 {
	out := make([]float64, len(line))
	for _, s := range series {
		k := 0
		for i := range s.T {
			for k < len(line) && line[k] < s.T[i] {
				k++
			}
			if k < len(line) {
				out[k] += growth(s.V, i)
			}
		}
	}
	return out
}
