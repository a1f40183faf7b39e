package sloweb

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
)

const pageSize = 100

// filter is what the address of the list says.
type filter struct {
	Text    string
	Service string
	Parent  string // a grouped objective: its instances only
	State   string // "danger", "nodata", "ok" or "" for all
	Sort    string // "service" (also ""), "name", "target", "left", "burn1h", "burn6h", "burn3d"; "-" turns it round
	After   string // the id after which the page begins
	Limit   int
}

// tally counts objectives by how they stand.
type tally struct{ All, Danger, NoData int }

// state is how a health looks.
func state(s slo.Status) webkit.State {
	if s.Problem != "" && s.Health == slo.Healthy {
		return webkit.Unknown
	}
	switch s.Health {
	case slo.Healthy:
		return webkit.OK
	case slo.Slow:
		return webkit.Warning
	case slo.Fast, slo.Exhausted:
		return webkit.Firing
	case slo.Unknown:
	}
	return webkit.Unknown
}

func danger(s slo.Status) bool {
	st := state(s)
	return st == webkit.Firing || st == webkit.Warning
}

func count(all []slo.Standing) (t tally) {
	for _, s := range all {
		t.All++
		switch {
		case danger(s.Status):
			t.Danger++
		case state(s.Status) == webkit.Unknown:
			t.NoData++
		}
	}
	return t
}

// pick filters, sorts and cuts one page out of all objectives. next is the
// cursor of the page after it.
func pick(all []slo.Standing, f filter) (page []slo.Standing, next string) {
	text := strings.ToLower(strings.TrimSpace(f.Text))
	found := make([]*slo.Standing, 0, len(all)) // pointers: a standing is large, and sorting moves it often
	for i := range all {
		if fits(&all[i], f, text) {
			found = append(found, &all[i])
		}
	}
	slices.SortStableFunc(found, order(f.Sort))
	if i := slices.IndexFunc(found, func(s *slo.Standing) bool { return s.Objective.ID == f.After }); i >= 0 {
		found = found[i+1:]
	}
	if f.Limit > 0 && len(found) > f.Limit {
		found = found[:f.Limit]
		next = found[len(found)-1].Objective.ID
	}
	for _, s := range found {
		page = append(page, *s)
	}
	return page, next
}

func fits(s *slo.Standing, f filter, text string) bool {
	o := s.Objective
	switch {
	case f.Service != "" && o.Service != f.Service,
		f.Parent != "" && o.Parent != f.Parent,
		text != "" && !strings.Contains(strings.ToLower(o.ID+" "+o.Name+" "+o.Service+" "+o.Group), text),
		f.State == "danger" && !danger(s.Status),
		f.State == "nodata" && state(s.Status) != webkit.Unknown,
		f.State == "ok" && state(s.Status) != webkit.OK:
		return false
	}
	return true
}

// order compares by the sort's key, then by service and id. What is unknown
// comes last either way.
func order(sort string) func(a, b *slo.Standing) int {
	key, down := strings.TrimPrefix(sort, "-"), strings.HasPrefix(sort, "-")
	byPlace := func(a, b *slo.Standing) int {
		return cmp.Or(cmp.Compare(a.Objective.Service, b.Objective.Service), cmp.Compare(family(a.Objective), family(b.Objective)), cmp.Compare(a.Objective.ID, b.Objective.ID))
	}
	number := func(of func(*slo.Standing) (float64, bool)) func(a, b *slo.Standing) int {
		return func(a, b *slo.Standing) int {
			x, xok := of(a)
			y, yok := of(b)
			switch {
			case xok != yok && xok:
				return -1
			case xok != yok:
				return 1
			case down:
				x, y = y, x
			}
			return cmp.Or(cmp.Compare(x, y), byPlace(a, b))
		}
	}
	switch key {
	case "left":
		return number(func(s *slo.Standing) (float64, bool) { return s.Status.Remaining, s.Status.Known })
	case "burn1h", "burn6h", "burn3d":
		over := map[string]time.Duration{"burn1h": time.Hour, "burn6h": 6 * time.Hour, "burn3d": 72 * time.Hour}[key]
		return number(func(s *slo.Standing) (float64, bool) { return burnOver(*s, over) })
	case "target":
		return number(func(s *slo.Standing) (float64, bool) { return -s.Objective.Target.Budget(), true })
	case "name":
		return func(a, b *slo.Standing) int {
			c := cmp.Compare(strings.ToLower(a.Objective.Name), strings.ToLower(b.Objective.Name))
			if down {
				c = -c
			}
			return cmp.Or(c, byPlace(a, b))
		}
	}
	return byPlace
}

// family is what the instances of a grouped objective have in common: its id.
func family(o slo.Objective) string { return cmp.Or(o.Parent, o.ID) }

// grouped reports whether a sort keeps the objectives of a service together.
func grouped(sort string) bool { return sort == "" || sort == "service" }

func burnOver(s slo.Standing, w time.Duration) (float64, bool) {
	return s.Status.Counts[w].Burn(s.Objective.Target)
}

// worst is the objective that needs somebody first: what pages before what is
// spent before what waits; among equals the one whose budget is gone soonest.
func worst(all []slo.Standing) (out slo.Standing, ok bool) {
	urgency := func(s slo.Standing) float64 {
		rank := map[slo.Health]float64{slo.Fast: 30, slo.Exhausted: 20, slo.Slow: 10}[s.Status.Health]
		p, burning := s.Status.Worst()
		if gone := s.Status.GoneIn(s.Objective.Window, p.LongBurn); burning && gone > 0 {
			return rank + 1/(1+gone.Hours())
		}
		return rank + 1
	}
	most := math.Inf(-1)
	for _, s := range all {
		if part(s) {
			continue
		}
		if u := urgency(s); danger(s.Status) && u > most {
			out, most, ok = s, u, true
		}
	}
	return out, ok
}
