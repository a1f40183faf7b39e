package mutate

import (
	"maps"
	"slices"

	"github.com/hinoban/hinoban/internal/metrics"
)

// errors makes a share of all events bad from a time on.
func (t Target) errors(from int64, share float64) []metrics.Points {
	line := t.totals[0].T
	all := growthOn(line, t.totals)
	part := map[string]bool{}
	for _, s := range t.series {
		part[metrics.Series{Labels: s.Labels}.Key()] = true
	}
	var others []metrics.Points // of the total, that are not of the part
	for _, s := range t.totals {
		if !part[metrics.Series{Labels: s.Labels}.Key()] {
			others = append(others, s)
		}
	}
	inside := len(others) < len(t.totals) || t.part.Metric == t.total.Metric
	mine, rest := share, 1-share
	if !t.bad {
		mine, rest = 1-share, share
	}
	chosen := t.series
	if len(chosen) == 0 {
		chosen = born(t.totals[0], t.part, true)
	}
	if inside && len(others) == 0 {
		others = born(t.totals[0], t.part, false)
	}
	if len(chosen) == 0 || (inside && len(others) == 0) {
		return nil
	}
	out := divided(chosen, line, all, mine, from)
	if inside {
		out = append(out, divided(others, line, all, rest, from)...)
	}
	return out
}

// divided lets series together grow by a share of what all grew by, in equal parts.
func divided(series []metrics.Points, line []int64, all []float64, share float64, from int64) (out []metrics.Points) {
	for _, s := range series {
		n := after(s, from)
		p := metrics.Points{Labels: s.Labels, T: append([]int64{}, s.T[:n]...), V: append([]float64{}, s.V[:n]...)}
		last := 0.0
		if n > 0 {
			last = p.V[n-1]
		}
		for k := after(metrics.Points{T: line}, from); k < len(line); k++ {
			last += share * all[k] / float64(len(series))
			p.T, p.V = append(p.T, line[k]), append(p.V, last)
		}
		out = append(out, p)
	}
	return out
}

// values are what labels say of events that went well, or did not.
func values() []string {
	return []string{"500", "503", "504", "429", "400", "200", "204", "5xx", "4xx", "2xx", "error", "errors", "failed", "failure", "fail", "timeout", "ko", "false", "success", "ok", "true", "unknown"}
}

// born makes a series that was never seen: of the part, or, where in is false, of
// the total alone. It was at 0 all the time.
func born(like metrics.Points, part metrics.Part, in bool) []metrics.Points {
	labels := maps.Clone(like.Labels)
	var ok bool
	if in {
		labels[metrics.NameLabel] = part.Metric
		ok = meet(labels, part.Matchers)
	} else {
		ok = differ(labels, part.Matchers)
	}
	if !ok {
		return nil
	}
	return []metrics.Points{{Labels: labels, T: like.T, V: make([]float64, len(like.T))}}
}

// meet changes labels so that they meet conditions; false where no value is known
// that would.
func meet(labels map[string]string, all metrics.Selector) bool {
	for _, m := range all {
		if m.Matches(labels[m.Name]) {
			continue
		}
		known := append([]string{m.Value}, values()...)
		i := slices.IndexFunc(known, m.Matches)
		if i < 0 {
			return false
		}
		labels[m.Name] = known[i]
	}
	return true
}

// differ changes one label, and none that says whose the series is, so that they do
// not meet the conditions.
func differ(labels map[string]string, all metrics.Selector) bool {
	for _, m := range all {
		if slices.Contains(owners(), m.Name) {
			continue
		}
		i := slices.IndexFunc(values(), func(v string) bool { return !m.Matches(v) && labels[m.Name] != v })
		if i >= 0 {
			labels[m.Name] = values()[i]
			return true
		}
	}
	return false
}
