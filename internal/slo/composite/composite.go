package composite

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budgeting"
)

// The methods of slo.Composite.
const (
	Weighted     = "weighted"      // Σ wᵢ·rᵢ / Σ wᵢ
	Worst        = "worst"         // the least of the parts
	EventProduct = "event-product" // Π rᵢ: an event passes every part
	AnyBad       = "any-bad"       // bad as a whole where any part is below its target
	OpenSLOSum   = "openslo-sum"   // 1 - Σ wᵢ·(1 - rᵢ), not below 0
)

// Methods are all of them.
func Methods() []string { return []string{Weighted, Worst, EventProduct, AnyBad, OpenSLOSum} }

// MaxDepth is how deep a composite of composites may be.
const MaxDepth = 5

// Part is what one component did in a slice.
type Part struct {
	Slot   budgeting.Slot
	Target slo.Target // of AnyBad: the share of good events that makes the part good
	Weight int64      // in thousandths: 1,000 is 1
	// Delayed is what the part counts as without data: good, bad, or ignore (also "").
	Delayed slo.NoData
}

// Weight is a document's weight as a [Part] has it; not said is 1.
func Weight(w float64) int64 {
	if w <= 0 {
		return 1000
	}
	return int64(w*1000 + 0.5)
}

// share is a part's share of good events in millionths; ok is false where the
// part is left out.
func (p Part) share() (m int64, ok bool) {
	if p.Slot.Known && p.Slot.Total > 0 {
		return budgeting.Share(p.Slot.Good, p.Slot.Total), true
	}
	switch p.Delayed {
	case slo.NoDataGood:
		return budgeting.Million, true
	case slo.NoDataBad:
		return 0, true
	case slo.NoDataIgnore:
	}
	return 0, false
}

// Slice is the composite's slice, in millionths: Total is [budgeting.Million]. It
// is not known where no part is.
func Slice(method string, parts []Part) budgeting.Slot {
	var shares, weights []int64
	bad := false
	for _, p := range parts {
		m, ok := p.share()
		if !ok {
			continue
		}
		shares, weights = append(shares, m), append(weights, max(0, p.Weight))
		bad = bad || !budgeting.Reaches(budgeting.Slot{Good: m, Total: budgeting.Million, Known: true}, p.Target)
	}
	if len(shares) == 0 {
		return budgeting.Slot{}
	}
	out := budgeting.Slot{Total: budgeting.Million, Known: true}
	switch method {
	case Worst:
		out.Good = slices.Min(shares)
	case EventProduct:
		out.Good = budgeting.Million
		for _, m := range shares {
			out.Good = out.Good * m / budgeting.Million
		}
	case AnyBad:
		if !bad {
			out.Good = budgeting.Million
		}
	case OpenSLOSum:
		out.Good = budgeting.Million
		for i, m := range shares {
			out.Good -= mulDiv(weights[i], budgeting.Million-m, 1000)
		}
		out.Good = max(0, out.Good)
	default:
		var sum, all int64
		for i, m := range shares {
			sum, all = sum+weights[i]*m, all+weights[i]
		}
		if all == 0 {
			return budgeting.Slot{}
		}
		out.Good = sum / all
	}
	return out
}

func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return budgeting.Million
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, budgeting.Million))
}

// BurnSum is OpenSLO's composite burn for Occurrences: Σ wᵢ·burnᵢ. A part that is
// not known adds nothing; ok is false where none is known.
func BurnSum(weights, burns []float64, known []bool) (burn float64, ok bool) {
	for i, b := range burns {
		if known[i] {
			burn, ok = burn+weights[i]*b, true
		}
	}
	return burn, ok
}

// Fault is what is wrong with a composite.
type Fault struct {
	Objective string
	Message   string
}

// Check finds composites that refer to nothing, loop, go too deep, or weigh
// nothing. Each objective has at most one fault.
func Check(objectives []slo.Objective) (out []Fault) {
	by := map[string]slo.Objective{}
	for _, o := range objectives {
		by[o.ID] = o
	}
	for _, o := range objectives {
		if o.Composite == nil {
			continue
		}
		if m := fault(by, o); m != "" {
			out = append(out, Fault{o.ID, m})
		}
	}
	return out
}

func fault(by map[string]slo.Objective, o slo.Objective) string {
	c := o.Composite
	if !slices.Contains(Methods(), c.Method) {
		return fmt.Sprintf("%q is not a method: %s", c.Method, strings.Join(Methods(), ", "))
	}
	if len(c.Parts) == 0 {
		return "a composite needs parts"
	}
	seen := map[string]bool{}
	for _, p := range c.Parts {
		switch _, ok := by[p.Objective]; {
		case !ok:
			return fmt.Sprintf("there is no SLO %q", p.Objective)
		case seen[p.Objective]:
			return fmt.Sprintf("%s is a part twice", p.Objective)
		case p.Weight < 0 || p.Weight > 1000:
			return fmt.Sprintf("the weight of %s lies between 0 and 1000", p.Objective)
		}
		seen[p.Objective] = true
	}
	return follow(by, o.ID, []string{o.ID})
}

// follow walks the parts of an objective and says where they loop or go too deep.
func follow(by map[string]slo.Objective, id string, path []string) string {
	c := by[id].Composite
	if c == nil {
		return ""
	}
	if len(path) > MaxDepth {
		return fmt.Sprintf("composites go %d deep at most: %s", MaxDepth, strings.Join(path, " → "))
	}
	for _, p := range c.Parts {
		next := append(slices.Clone(path), p.Objective)
		if slices.Contains(path, p.Objective) {
			return "a composite is a part of itself: " + strings.Join(next, " → ")
		}
		if m := follow(by, p.Objective, next); m != "" {
			return m
		}
	}
	return ""
}
