package composite

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/slo"
)

// Serial is the availability of what needs every part, if they fail independently.
func Serial(a ...float64) float64 {
	out := 1.0
	for _, v := range a {
		out *= v
	}
	return out
}

// Redundant is the availability of what needs any one part, if they fail
// independently.
func Redundant(a ...float64) float64 {
	fail := 1.0
	for _, v := range a {
		fail *= 1 - v
	}
	return 1 - fail
}

// KOfN is the availability of what needs k of the parts, if they fail
// independently. The parts need not be alike.
func KOfN(k int, a ...float64) float64 {
	up := make([]float64, len(a)+1) // up[j]: the chance that j are up
	up[0] = 1
	for i, v := range a {
		for j := i + 1; j > 0; j-- {
			up[j] = up[j]*(1-v) + up[j-1]*v
		}
		up[0] *= 1 - v
	}
	out := 0.0
	for j := max(0, k); j <= len(a); j++ {
		out += up[j]
	}
	return min(1, out)
}

// Bounds hold for what needs every part, whatever fails together:
// max(0, 1 - Σ(1 - aᵢ)) ≤ A ≤ min aᵢ.
func Bounds(a ...float64) (least, most float64) {
	least, most = 1, 1
	for _, v := range a {
		least -= 1 - v
		most = math.Min(most, v)
	}
	return math.Max(0, least), most
}

// Path is one way through a journey: its share of all journeys, and the
// availabilities of what it needs.
type Path struct {
	Share float64
	Needs []float64
}

// Journey is the availability of a journey that takes one of several paths.
func Journey(paths ...Path) float64 {
	out := 0.0
	for _, p := range paths {
		out += p.Share * Serial(p.Needs...)
	}
	return out
}

// ExtraNine reports whether a critical dependency is ten times better than what
// needs it: its budget is a tenth or less. It compares exact fractions.
func ExtraNine(service, dependency slo.Target) bool {
	return new(big.Rat).Mul(spare(dependency), big.NewRat(10, 1)).Cmp(spare(service)) <= 0
}

// Allocation says how a budget is divided among critical dependencies and the
// service's own faults.
type Allocation struct {
	Own   float64 // what is left for the service itself, as a share of its budget; below 0: too much is promised
	Parts map[string]float64
	Fits  bool // Σ Bᵢ ≤ B, exactly
}

// Allocate divides the budget of a target among its unique critical dependencies
// by what they promise.
func Allocate(target slo.Target, dependencies map[string]slo.Target) Allocation {
	all, sum := spare(target), new(big.Rat)
	out := Allocation{Parts: map[string]float64{}}
	for id, t := range dependencies {
		b := spare(t)
		sum.Add(sum, b)
		out.Parts[id], _ = new(big.Rat).Quo(b, all).Float64()
	}
	out.Fits = sum.Cmp(all) <= 0
	out.Own, _ = new(big.Rat).Sub(big.NewRat(1, 1), sum.Quo(sum, all)).Float64()
	return out
}

// spare is the budget of a target, exactly.
func spare(t slo.Target) *big.Rat {
	l := t.Limit()
	return new(big.Rat).SetFrac(new(big.Int).SetUint64(l.Num), new(big.Int).SetUint64(max(1, l.Den)))
}

// Group is services of which K must work; K is all of them for a critical one.
type Group struct {
	Services []string
	K        int
}

// Graph is what each service needs.
type Graph map[string][]Group

// GraphOf is the graph of a catalog: each hard dependency is critical.
func GraphOf(services []catalog.Service) Graph {
	out := Graph{}
	for _, s := range services {
		for _, d := range s.DependsOn {
			if d.Hard {
				out[s.ID] = append(out[s.ID], Group{[]string{d.Service}, 1})
			}
		}
	}
	return out
}

// Proof says that a target is more than its dependencies promise.
type Proof struct {
	Objective  string   `json:"objective"`
	Service    string   `json:"service"`
	Target     string   `json:"target"`     // percent
	Impossible bool     `json:"impossible"` // even if all that fails fails at once; else: if failures are independent
	Path       []string `json:"path"`       // from the service to the weakest dependency
	Most       float64  `json:"most"`       // at best: min aᵢ
	Likely     float64  `json:"likely"`     // independent: Π aᵢ
	Least      float64  `json:"least"`      // at worst: 1 - Σ(1 - aᵢ)
	En         string   `json:"en"`
	Ja         string   `json:"ja"`
}

// Impossible proves, for each objective that is above what the critical
// dependencies of its service promise, that it cannot be kept while they do just
// what they promise. Of a dependency the highest target counts, so that a strict
// latency target proves nothing; one without a target is looked through to what
// it needs itself.
func Impossible(objectives []slo.Objective, deps Graph) (out []Proof) {
	r := reachOf(objectives, deps)
	for _, o := range objectives {
		if p, ok := r.prove(o); ok {
			out = append(out, p)
		}
	}
	return out
}

// ImpossibleFor is [Impossible] for one objective.
func ImpossibleFor(o slo.Objective, objectives []slo.Objective, deps Graph) (Proof, bool) {
	return reachOf(objectives, deps).prove(o)
}

type reach struct {
	best map[string]slo.Target // the best promise of each service
	deps Graph
}

func reachOf(objectives []slo.Objective, deps Graph) reach {
	best := map[string]slo.Target{}
	for i := range objectives {
		o := &objectives[i]
		if t, ok := best[o.Service]; !ok || (t != o.Target && spare(o.Target).Cmp(spare(t)) < 0) {
			best[o.Service] = o.Target
		}
	}
	return reach{best: best, deps: deps}
}

// leaf is a promise that something rests on.
type leaf struct {
	path   []string
	target slo.Target
}

// critical are the promises that a service rests on, the weakest first, each
// service once. Groups of which fewer than all must work prove nothing: they
// may be as good as can be.
func (r reach) critical(service string) (out []leaf) {
	seen := map[string]bool{service: true}
	todo := [][]string{{service}}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		for _, g := range r.deps[path[len(path)-1]] {
			if g.K < len(g.Services) {
				continue
			}
			for _, s := range g.Services {
				if seen[s] {
					continue
				}
				seen[s] = true
				next := append(slices.Clone(path), s)
				if t, ok := r.best[s]; ok {
					out = append(out, leaf{next, t})
				}
				todo = append(todo, next)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b leaf) int { return spare(b.target).Cmp(spare(a.target)) })
	return out
}

// direct are the promises next to a service: a dependency that promises stands
// for all that it needs itself.
func (r reach) direct(all []leaf) (out []slo.Target) {
	for _, l := range all {
		inner := l.path[1 : len(l.path)-1]
		if !slices.ContainsFunc(inner, func(s string) bool { _, ok := r.best[s]; return ok }) {
			out = append(out, l.target)
		}
	}
	return out
}

func (r reach) prove(o slo.Objective) (Proof, bool) {
	all := r.critical(o.Service)
	if len(all) == 0 {
		return Proof{}, false
	}
	own, product, sum := spare(o.Target), big.NewRat(1, 1), new(big.Rat)
	for _, t := range r.direct(all) {
		b := spare(t)
		sum.Add(sum, b)
		product.Mul(product, new(big.Rat).Sub(big.NewRat(1, 1), b))
	}
	weakest := all[0]
	p := Proof{Objective: o.ID, Service: o.Service, Target: o.Target.Percent(), Path: weakest.path}
	p.Impossible = own.Cmp(spare(weakest.target)) < 0
	p.Most, _ = new(big.Rat).Sub(big.NewRat(1, 1), spare(weakest.target)).Float64()
	likely, _ := product.Float64()
	p.Likely = min(likely, p.Most) // a dependency may promise more than it can keep itself
	least, _ := new(big.Rat).Sub(big.NewRat(1, 1), sum).Float64()
	p.Least = min(max(0, least), p.Likely)
	if !p.Impossible && new(big.Rat).Sub(big.NewRat(1, 1), own).Cmp(product) <= 0 {
		return Proof{}, false
	}
	path, n := strings.Join(weakest.path, " → "), len(r.direct(all))
	if p.Impossible {
		p.En = fmt.Sprintf("%s promises %s %%, but %s promises only %s %%: while it does just that, %s cannot keep its target.", o.Service, p.Target, path, weakest.target.Percent(), o.Service)
		p.Ja = fmt.Sprintf("%s の目標は %s%% ですが、%s の目標は %s%% です。依存先が目標どおりなら、この目標は達成できません。", o.Service, p.Target, path, weakest.target.Percent())
		return p, true
	}
	p.En = fmt.Sprintf("%s promises %s %%, but its %d critical dependencies together promise %.6g %% if they fail independently; the weakest is %s.", o.Service, p.Target, n, 100*p.Likely, path)
	p.Ja = fmt.Sprintf("%s の目標は %s%% ですが、必須の依存先%d件が独立に故障すると合計は %.6g%% です。最も弱いのは %s です。", o.Service, p.Target, n, 100*p.Likely, path)
	return p, true
}
