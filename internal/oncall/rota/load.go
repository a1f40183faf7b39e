package rota

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Weights are what an hour on call counts. An hour counts the largest that
// applies to it.
type Weights struct {
	Night   float64 // 22:00 to 06:00 by the clocks of whoever is on call
	Weekend float64
	Holiday float64
	Page    float64 // hours that each page adds
}

// DefaultWeights are the usual ones.
func DefaultWeights() Weights { return Weights{Night: 2, Weekend: 1.5, Holiday: 2, Page: 1} }

// Load is what being on call asked, or will ask, of one person.
type Load struct {
	Person   string  `json:"person"`
	Hours    float64 `json:"hours"`
	Night    float64 `json:"night_hours"`
	Weekend  float64 `json:"weekend_hours"`
	Holiday  float64 `json:"holiday_hours"`
	Turns    int     `json:"turns"`
	Pages    int     `json:"pages"`
	Weighted float64 `json:"weighted_hours"` // by Weights
}

// Night is from 22:00 to 06:00.
const (
	nightEnds   = 6 * 60
	nightBegins = 22 * 60
)

// Loads adds up turns by person, the heaviest load first. zone is whose clocks
// tell night and weekend.
func Loads(turns []Turn, zone func(person string) *Zone, h Holidays, w Weights) []Load {
	by := map[string]*Load{}
	for _, t := range turns {
		if t.Person == "" {
			continue
		}
		l := by[t.Person]
		if l == nil {
			l = &Load{Person: t.Person}
			by[t.Person] = l
		}
		l.Turns++
		l.add(t, zone(t.Person), h, w)
	}
	out := make([]Load, 0, len(by))
	for _, l := range by {
		out = append(out, *l)
	}
	sortLoads(out)
	return out
}

// WithPages adds pages to loads.
func WithPages(loads []Load, pages map[string]int, w Weights) []Load {
	out := slices.Clone(loads)
	for i := range out {
		out[i].Pages = pages[out[i].Person]
		out[i].Weighted += float64(out[i].Pages) * w.Page
	}
	sortLoads(out)
	return out
}

func sortLoads(ls []Load) {
	slices.SortFunc(ls, func(a, b Load) int {
		return cmp.Or(cmp.Compare(b.Weighted, a.Weighted), strings.Compare(a.Person, b.Person))
	})
}

func (l *Load) add(t Turn, z *Zone, h Holidays, w Weights) {
	for d := z.DayAt(t.Start); ; d++ {
		day := z.First(d, 0)
		if !day.Before(t.End) {
			return
		}
		for _, part := range []struct {
			from, to int
			night    bool
		}{{0, nightEnds, true}, {nightEnds, nightBegins, false}, {nightBegins, 24 * 60, true}} {
			from, to := later(z.First(d, part.from), t.Start), sooner(z.First(d, part.to), t.End)
			if hours := to.Sub(from).Hours(); hours > 0 {
				l.count(hours, d, part.night, h, w)
			}
		}
	}
}

func (l *Load) count(hours float64, d Day, night bool, h Holidays, w Weights) {
	weight := 1.0
	l.Hours += hours
	if night {
		l.Night += hours
		weight = max(weight, w.Night)
	}
	if day := d.Weekday(); day == time.Saturday || day == time.Sunday {
		l.Weekend += hours
		weight = max(weight, w.Weekend)
	}
	if h != nil && h(d) != "" {
		l.Holiday += hours
		weight = max(weight, w.Holiday)
	}
	l.Weighted += hours * weight
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Jain is the fairness index of Jain, Chiu and Hawe (1984): (Σx)² / (n·Σx²). 1
// is all alike, 1/n all on one; nothing to share is 1.
func Jain(loads []Load) float64 {
	var sum, squares float64
	for _, l := range loads {
		sum += l.Weighted
		squares += l.Weighted * l.Weighted
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(loads)) * squares)
}

// Move is a proposal: this turn goes to somebody else.
type Move struct {
	Turn  Turn    `json:"turn"`
	To    string  `json:"to"`
	Index float64 `json:"index"` // Jain's index after this and the moves before it
}

// Fairer proposes at most n moves, each the one that makes the load most alike.
// may says who could take a turn. Moves that gain less than half a percent are
// not worth the trouble of two people.
func Fairer(turns []Turn, loads []Load, n int, weigh func(Turn, string) float64, may func(Turn, string) bool) (out []Move) {
	turns, loads = slices.Clone(turns), slices.Clone(loads)
	for len(out) < n {
		best, index := Move{Index: Jain(loads) + 0.005}, -1
		for i, t := range turns {
			from := slices.IndexFunc(loads, func(l Load) bool { return l.Person == t.Person })
			if from < 0 {
				continue
			}
			for to := range loads {
				if to == from || !may(t, loads[to].Person) {
					continue
				}
				if after := moved(loads, from, to, weigh(t, t.Person), weigh(t, loads[to].Person)); after > best.Index {
					best, index = Move{Turn: t, To: loads[to].Person, Index: after}, i
				}
			}
		}
		if index < 0 {
			return out
		}
		out = append(out, best)
		for i := range loads {
			switch loads[i].Person {
			case best.Turn.Person:
				loads[i].Weighted -= weigh(best.Turn, best.Turn.Person)
			case best.To:
				loads[i].Weighted += weigh(best.Turn, best.To)
			}
		}
		turns[index].Person = best.To
	}
	return out
}

// moved is Jain's index after one turn went from one to another.
func moved(loads []Load, from, to int, less, more float64) float64 {
	a, b := loads[from].Weighted, loads[to].Weighted
	loads[from].Weighted, loads[to].Weighted = a-less, b+more
	index := Jain(loads)
	loads[from].Weighted, loads[to].Weighted = a, b
	return index
}
