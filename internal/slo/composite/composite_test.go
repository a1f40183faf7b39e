package composite

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budgeting"
)

func goal(t testing.TB, percent string) slo.Target {
	t.Helper()
	out, err := slo.ParseTarget(percent, true)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func part(t testing.TB, good, total int64, weight float64) Part {
	return Part{Slot: budgeting.Slot{Good: good, Total: total, Known: true}, Target: goal(t, "95"), Weight: Weight(weight)}
}

func TestSlice(t *testing.T) {
	parts := []Part{part(t, 99, 100, 3), part(t, 90, 100, 1)}
	silent := Part{Weight: 1000, Target: goal(t, "95")}
	as := func(d slo.NoData) []Part {
		p := silent
		p.Delayed = d
		return append([]Part{p}, parts...)
	}
	tests := []struct {
		method string
		parts  []Part
		want   int64
	}{
		{Weighted, parts, 967_500},
		{Worst, parts, 900_000},
		{EventProduct, parts, 891_000},
		{AnyBad, parts, 0},
		{AnyBad, parts[:1], 1_000_000},
		{OpenSLOSum, parts, 870_000},
		{OpenSLOSum, []Part{part(t, 0, 100, 2)}, 0},
		{Weighted, as(slo.NoDataIgnore), 967_500},
		{Weighted, as(""), 967_500},
		{Weighted, as(slo.NoDataGood), 974_000},
		{Weighted, as(slo.NoDataBad), 774_000},
		{Worst, as(slo.NoDataBad), 0},
		{AnyBad, as(slo.NoDataBad)[:2], 0},
		{AnyBad, as(slo.NoDataGood)[:2], 1_000_000},
	}
	for _, tt := range tests {
		if got := Slice(tt.method, tt.parts); got.Good != tt.want || got.Total != budgeting.Million || !got.Known {
			t.Errorf("%s: got %+v, want %d", tt.method, got, tt.want)
		}
	}
	if got := Slice(Weighted, []Part{silent}); got.Known {
		t.Errorf("of nothing: got %+v", got)
	}
	if burn, ok := BurnSum([]float64{0.5, 2, 1}, []float64{4, 1, 100}, []bool{true, true, false}); !ok || burn != 4 {
		t.Errorf("OpenSLO's burn: got %g", burn)
	}
}

// A composite lies between its worst part and its best, but for products and sums.
func TestSliceStaysWithinItsParts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var parts []Part
		low, high := int64(budgeting.Million), int64(0)
		for range rapid.IntRange(1, 6).Draw(r, "n") {
			total := rapid.Int64Range(1, 1_000_000_000).Draw(r, "total")
			p := part(t, rapid.Int64Range(0, total).Draw(r, "good"), total, rapid.Float64Range(0.001, 100).Draw(r, "weight"))
			m := budgeting.Share(p.Slot.Good, total)
			low, high = min(low, m), max(high, m)
			parts = append(parts, p)
		}
		weighted, worst, product := Slice(Weighted, parts).Good, Slice(Worst, parts).Good, Slice(EventProduct, parts).Good
		if weighted < low || weighted > high || worst != low || product > low || product < 0 {
			r.Fatalf("weighted %d, worst %d, product %d of %d to %d", weighted, worst, product, low, high)
		}
	})
}

func of(id string, method string, parts ...string) slo.Objective {
	c := &slo.Composite{Method: method}
	for _, p := range parts {
		c.Parts = append(c.Parts, slo.Component{Objective: p, Weight: 1})
	}
	return slo.Objective{ID: id, Composite: c}
}

func TestCheck(t *testing.T) {
	leaf := slo.Objective{ID: "leaf"}
	tests := []struct {
		all  []slo.Objective
		want string // the first fault, or ""
	}{
		{[]slo.Objective{leaf, of("a", Weighted, "leaf"), of("b", Worst, "a", "leaf")}, ""},
		{[]slo.Objective{leaf, of("a", "average", "leaf")}, "not a method"},
		{[]slo.Objective{of("a", Weighted)}, "needs parts"},
		{[]slo.Objective{of("a", Weighted, "nope")}, "no SLO"},
		{[]slo.Objective{leaf, of("a", Weighted, "leaf", "leaf")}, "twice"},
		{[]slo.Objective{of("a", Weighted, "a")}, "a → a"},
		{[]slo.Objective{of("a", Weighted, "b"), of("b", Weighted, "c"), of("c", Weighted, "a")}, "a → b → c → a"},
		{[]slo.Objective{leaf, of("1", Worst, "2"), of("2", Worst, "3"), of("3", Worst, "4"), of("4", Worst, "5"), of("5", Worst, "6"), of("6", Worst, "leaf")}, "5 deep at most"},
	}
	for i, tt := range tests {
		got := Check(tt.all)
		if (tt.want == "") != (len(got) == 0) || (len(got) > 0 && !strings.Contains(got[0].Message, tt.want)) {
			t.Errorf("case %d: got %v, want %q", i, got, tt.want)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

func TestDependencyArithmetic(t *testing.T) {
	if !near(Serial(0.999, 0.99), 0.98901) || !near(Redundant(0.9, 0.9), 0.99) || !near(KOfN(2, 0.9, 0.9, 0.9), 0.972) || !near(KOfN(1, 0.9, 0.8), Redundant(0.9, 0.8)) || !near(KOfN(2, 0.9, 0.8), Serial(0.9, 0.8)) {
		t.Error("serial, redundant or k of n")
	}
	if !near(Journey(Path{0.7, []float64{0.999}}, Path{0.3, []float64{0.999, 0.99}}), 0.7*0.999+0.3*0.98901) {
		t.Error("journey")
	}
	if !ExtraNine(goal(t, "99.9"), goal(t, "99.99")) || ExtraNine(goal(t, "99.9"), goal(t, "99.98")) {
		t.Error("rule of the extra 9")
	}
	a := Allocate(goal(t, "99.9"), map[string]slo.Target{"db": goal(t, "99.95"), "dns": goal(t, "99.99")})
	if !a.Fits || !near(a.Own, 0.4) || !near(a.Parts["db"], 0.5) || !near(a.Parts["dns"], 0.1) {
		t.Errorf("allocation: %+v", a)
	}
	if a := Allocate(goal(t, "99.9"), map[string]slo.Target{"db": goal(t, "99.85")}); a.Fits || a.Own >= 0 {
		t.Errorf("too much is promised: %+v", a)
	}
}

func TestBoundsHold(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 6).Draw(r, "a")
		least, most := Bounds(a...)
		if s := Serial(a...); least > s+1e-12 || s > most+1e-12 {
			r.Fatalf("%v: %g is not within %g and %g", a, s, least, most)
		}
		for k := 1; k < len(a); k++ {
			if KOfN(k, a...) < KOfN(k+1, a...)-1e-12 {
				r.Fatalf("%v: %d of them are less likely than %d", a, k, k+1)
			}
		}
	})
}

func TestImpossible(t *testing.T) {
	o := func(id, service, percent string) slo.Objective {
		return slo.Objective{ID: id, Service: service, Target: goal(t, percent)}
	}
	all := func(ids ...string) Group { return Group{ids, len(ids)} }
	tests := []struct {
		name       string
		objectives []slo.Objective
		deps       Graph
		want       string // objective:path, "!" where impossible
	}{
		{"fits", []slo.Objective{o("a", "web", "99.9"), o("b", "db", "99.99")}, Graph{"web": {all("db")}}, ""},
		{"equal is possible", []slo.Objective{o("a", "web", "99.9"), o("b", "db", "99.9")}, Graph{"web": {all("db")}}, ""},
		{"more than the database", []slo.Objective{o("a", "web", "99.95"), o("b", "db", "99.9")}, Graph{"web": {all("db")}}, "a:web → db!"},
		{"through one that promises nothing", []slo.Objective{o("a", "web", "99.95"), o("b", "db", "99.9")}, Graph{"web": {all("api")}, "api": {all("db")}}, "a:web → api → db!"},
		{"the dependency's own is impossible too", []slo.Objective{o("a", "web", "99.95"), o("b", "api", "99.99"), o("c", "db", "99.9")}, Graph{"web": {all("api")}, "api": {all("db")}}, "a:web → api → db! b:api → db!"},
		{"two together", []slo.Objective{o("a", "web", "99.9"), o("b", "db", "99.9"), o("c", "dns", "99.95")}, Graph{"web": {all("db"), all("dns")}}, "a:web → db"},
		{"redundant", []slo.Objective{o("a", "web", "99.9"), o("b", "m1", "99"), o("c", "m2", "99")}, Graph{"web": {{[]string{"m1", "m2"}, 1}}}, ""},
		{"a loop", []slo.Objective{o("a", "web", "99.9"), o("b", "db", "99")}, Graph{"web": {all("db")}, "db": {all("web")}}, "a:web → db!"},
		{"its best promise counts", []slo.Objective{o("a", "web", "99.9"), o("slow", "db", "95"), o("b", "db", "99.99")}, Graph{"web": {all("db")}}, ""},
		{"nobody promises", []slo.Objective{o("a", "web", "99.9")}, Graph{"web": {all("db")}}, ""},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range Impossible(tt.objectives, tt.deps) {
			mark := ""
			if p.Impossible {
				mark = "!"
			}
			got = append(got, p.Objective+":"+strings.Join(p.Path, " → ")+mark)
			if p.En == "" || p.Ja == "" || p.Least > p.Likely || p.Likely > p.Most {
				t.Errorf("%s: %+v", tt.name, p)
			}
		}
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, text, tt.want)
		}
	}
}
