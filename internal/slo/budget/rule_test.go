package budget

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/alert"
)

const day = 24 * time.Hour

func target(t interface{ Fatal(...any) }, percent string) Target {
	out, err := ParseTarget(percent, true)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func seen(bad, total int64) Seen {
	s := Sum{Bad: bad, Total: total, Known: true}
	return Seen{Long: s, Short: s, Period: s}
}

// least is the smallest number of bad events of n that makes the rule burn.
func least(r Rule, n int64) int64 {
	for bad := int64(0); bad <= n; bad++ {
		if r.Judge(seen(bad, n)).Burning {
			return bad
		}
	}
	return n + 1
}

// The published table of what a plain pair and a gated one page on.
func TestGateTable(t *testing.T) {
	tests := []struct {
		rate         float64
		n            int64
		naive, gated int64
	}{
		{14.4, 10, 1, 2},
		{14.4, 50, 1, 4},
		{14.4, 100, 2, 6},
		{14.4, 500, 8, 15},
		{14.4, 1000, 15, 25},
		{14.4, 5000, 73, 93},
		{6, 50, 1, 3},
		{6, 100, 1, 4},
		{6, 1000, 7, 13},
	}
	for _, tt := range tests {
		p := Pair{Severity: alert.Page, Rate: tt.rate, Long: time.Hour, Short: 5 * time.Minute}
		naive := NewRule(p, target(t, "99.9"), 30*day, 0)
		// The reference asks for more than k·B. Here k·B itself is the limit: where it
		// is a whole number of events, one less burns.
		want := tt.naive
		if limit := naive.long.limit; limit.Reached(want-1, tt.n) {
			want--
		}
		if got := least(naive, tt.n); got != want {
			t.Errorf("%gx, %d events: plain burns from %d bad ones, want %d", tt.rate, tt.n, got, want)
		}
		p.Gate.Confidence = 0.99
		gated := NewRule(p, target(t, "99.9"), 30*day, 0)
		if got := least(gated, tt.n); got != tt.gated {
			t.Errorf("%gx, %d events: gated burns from %d bad ones, want %d", tt.rate, tt.n, got, tt.gated)
		}
		if got := Critical(tt.n, tt.rate/1000, 0.01); got != tt.gated {
			t.Errorf("Critical(%d) = %d, want %d", tt.n, got, tt.gated)
		}
	}
}

func TestReasonsAreSaid(t *testing.T) {
	base := Pair{Severity: alert.Page, Rate: 14.4, Long: time.Hour, Short: 5 * time.Minute}
	tests := []struct {
		gate Gate
		seen Seen
		want string
		held Hold
	}{
		{Gate{Confidence: 0.99}, seen(3, 50), "3 of 50 failed; p=0.04, not paged", Chance},
		{Gate{Confidence: 0.99}, seen(4, 50), "4 of 50 failed; p=0.006, burns", NotHeld},
		{Gate{Confidence: 0.99, Against: Budget}, seen(2, 50), "2 of 50 failed; p=0.001, burns", NotHeld},
		{Gate{MinEvents: 60}, seen(50, 50), "50 of 50 failed; too few events, not paged", FewEvents},
		{Gate{MinFailures: 4}, seen(3, 50), "3 of 50 failed; too few failures, not paged", FewFailures},
		{Gate{}, seen(3, 50), "3 of 50 failed; over the rate, burns", NotHeld},
		{Gate{}, seen(0, 50), "0 of 50 failed; within the rate", NotHeld},
		{Gate{}, Seen{}, "no data", NotHeld},
	}
	for _, tt := range tests {
		p := base
		p.Gate = tt.gate
		r := NewRule(p, target(t, "99.9"), 30*day, 0)
		if got := r.Explain(tt.seen); got.String() != tt.want || got.Held != tt.held {
			t.Errorf("%+v of %+v: got %q, held %q; want %q, %q", tt.gate, tt.seen.Long, got, got.Held, tt.want, tt.held)
		}
	}
}

// A window that is quiet compared with the period burns by its share of events:
// e · (N_window / W) / (N_period / P) / B.
func TestVolumeMethod(t *testing.T) {
	p := Pair{Severity: alert.Page, Rate: 14.4, Long: time.Hour, Short: 5 * time.Minute, Gate: Gate{Method: Volume}}
	r := NewRule(p, target(t, "99.9"), 30*day, 0)
	period := Sum{Bad: 10, Total: 720_000, Known: true} // 1,000 an hour: the limit is 14.4 bad events an hour, 1.2 in 5 minutes
	tests := []struct {
		long, short Sum
		want        bool
	}{
		{Sum{10, 10, true}, Sum{2, 2, true}, false}, // total failure of a quiet night
		{Sum{14, 1000, true}, Sum{2, 80, true}, false},
		{Sum{15, 1000, true}, Sum{2, 80, true}, true},
		{Sum{15, 1000, true}, Sum{1, 80, true}, false},
		{Sum{15, 100_000, true}, Sum{2, 8000, true}, true}, // a busy hour burns as the budget feels it
	}
	for _, tt := range tests {
		if got := r.Judge(Seen{tt.long, tt.short, period}); got.Burning != tt.want {
			t.Errorf("%v and %v: got %+v, want burning %v", tt.long, tt.short, got, tt.want)
		}
	}
	if r.Judge(Seen{Sum{15, 100, true}, Sum{2, 8, true}, Sum{}}).Burning {
		t.Error("without a period nothing is known of its volume")
	}
}

// Elastic's: one bad event of one in an hour of minutes is 1/60 of the hour.
func TestSlicesMethod(t *testing.T) {
	p := Pair{Severity: alert.Page, Rate: 14.4, Long: time.Hour, Gate: Gate{Method: Slices}}
	r := NewRule(p, target(t, "99.9"), 30*day, time.Minute)
	if !r.Judge(seen(1, 1)).Burning { // 1/60 / 0.001 = 16.7x
		t.Error("1 of 1 in 60 slices burns 16.7 times: over 14.4")
	}
	p.Rate = 17
	if r := NewRule(p, target(t, "99.9"), 30*day, 0); r.Judge(seen(1, 1)).Burning || !r.Judge(seen(2, 2)).Burning {
		t.Error("1 of 1 in 60 slices burns 16.7 times, 2 of 2 burn 33.3 times: the limit is 17")
	}
}

// Reachability: k(1-T) < 1, compared exactly.
func TestReachable(t *testing.T) {
	tests := []struct {
		percent string
		rate    float64
		want    bool
	}{
		{"90", 9.99, true},
		{"90", 10, false},
		{"90", 14.4, false},
		{"95", 14.4, true},
		{"95", 20, false},
		{"99", 99.9, true},
		{"99", 100, false},
		{"99.9", 999, true},
		{"99.9", 1000, false},
	}
	for _, tt := range tests {
		if got := (Pair{Rate: tt.rate, Long: time.Hour}).Reachable(target(t, tt.percent)); got != tt.want {
			t.Errorf("%gx of %s %%: reachable %v, want %v", tt.rate, tt.percent, got, tt.want)
		}
	}
	if (Pair{Rate: 1, ShortRate: 10, Long: time.Hour, Short: time.Minute}).Reachable(target(t, "90")) {
		t.Error("a short rate out of reach keeps the pair from firing")
	}
}

// The workbook's single window: 36x over an hour resets 58 minutes after the end.
func TestPromiseOfOneAndOfUnequalWindows(t *testing.T) {
	one := Promised(target(t, "99.9"), 30*day, Pair{Rate: 36, Long: time.Hour}, 1)
	if one.Reset.Round(time.Minute) != 58*time.Minute || math.Abs(one.Spent-0.05) > 1e-12 {
		t.Errorf("36x over 1h: reset %s, spent %g", one.Reset, one.Spent)
	}
	slow := Pair{Rate: 1, Long: 48 * time.Hour, Short: 15 * time.Minute, ShortRate: 2}
	if got := slow.Name(); got != "1× over 2d and 2× over 15m" {
		t.Errorf("name: %q", got)
	}
	p := Promised(target(t, "99.9"), 28*day, slow, 0.01)
	if p.After != 48*time.Hour/10 || p.Reset != 12*time.Minute {
		t.Errorf("slow burn at 1 %%: after %s, reset %s", p.After, p.Reset)
	}
	if got := Promised(target(t, "99.9"), 28*day, slow, 0.0015); got.Fires || got.Minimum != 0.002 {
		t.Errorf("the short rate is out of reach at 0.15 %%: %+v", got)
	}
	gated := Pair{Rate: 10, Long: time.Hour, Gate: Gate{Confidence: 0.99}}
	if Promised(target(t, "99.9"), 30*day, gated, 0.01).Fires {
		t.Error("a share at the limit is never more than chance at the limit")
	}
}

func TestFragile(t *testing.T) {
	for total, want := range map[int64]bool{0: true, 999: true, 1000: false, 720: true, math.MaxInt64: false} {
		if got := target(t, "99.9").Fragile(total); got != want {
			t.Errorf("%d events: got %v, want %v", total, got, want)
		}
	}
}

// exact is P[X ≥ bad] in fractions.
func exact(bad, total int64, p *big.Rat) float64 {
	q, sum := new(big.Rat).Sub(big.NewRat(1, 1), p), new(big.Rat)
	power := func(b *big.Rat, e int64) *big.Rat {
		out := big.NewRat(1, 1)
		for range e {
			out.Mul(out, b)
		}
		return out
	}
	for i := bad; i <= total; i++ {
		term := new(big.Rat).SetInt(new(big.Int).Binomial(total, i))
		sum.Add(sum, term.Mul(term, power(p, i)).Mul(term, power(q, total-i)))
	}
	f, _ := sum.Float64()
	return f
}

func TestTailIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 120).Draw(t, "n")
		bad := rapid.Int64Range(0, n).Draw(t, "bad")
		p := big.NewRat(rapid.Int64Range(1, 999).Draw(t, "p"), 1000)
		f, _ := p.Float64()
		want := exact(bad, n, p)
		if got := Tail(bad, n, f); math.Abs(got-want) > 1e-12+1e-10*want {
			t.Fatalf("P[X ≥ %d | %d, %g]: got %g, want %g", bad, n, f, got, want)
		}
		for _, alpha := range []float64{0.05, 0.01, 1e-6} {
			if math.Abs(want-alpha) < 1e-9*alpha {
				continue
			}
			if got := significant(bad, n, f, alpha, -math.Log(alpha)); got != (want <= alpha && float64(bad) > float64(n)*f) {
				t.Fatalf("%d of %d at %g: significant at %g is %v, and p is %g", bad, n, f, alpha, got, want)
			}
		}
	})
}

// Beyond what fractions can do, the two tails still make a whole, and what is
// significant is what the tail says.
func TestTailOfManyEvents(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := int64(math.Exp(rnd.Float64() * 20))
		p := math.Exp(-rnd.Float64() * 9)
		mean, sd := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
		bad := min(n, max(0, int64(mean+rnd.NormFloat64()*3*sd)))
		if got := Tail(bad, n, p) + Tail(n-bad+1, n, 1-p); math.Abs(got-1) > 1e-6 {
			t.Errorf("%d of %d at %g: the two tails sum to %.9f", bad, n, p, got)
		}
		if tail := Tail(bad, n, p); math.Abs(tail-0.01) > 1e-6 && significant(bad, n, p, 0.01, -math.Log(0.01)) != (tail <= 0.01) {
			t.Errorf("%d of %d at %g: the tail is %g", bad, n, p, tail)
		}
	}
}

func TestJudgeAllocatesNothing(t *testing.T) {
	r := NewRule(Pair{Rate: 14.4, Long: time.Hour, Short: time.Minute, Gate: Gate{Confidence: 0.99}}, target(t, "99.9"), 30*day, 0)
	for _, bad := range []int64{0, 15, 24, 25, 900} {
		s := seen(bad, 1000)
		if n := testing.AllocsPerRun(100, func() { r.Judge(s) }); n > 0 {
			t.Errorf("%d bad: %g allocations", bad, n)
		}
	}
}

// BenchmarkJudge: quiet, an outage, and the slowest there is: one event from the
// critical number.
func BenchmarkJudge(b *testing.B) {
	gated := Pair{Rate: 14.4, Long: time.Hour, Short: time.Minute, Gate: Gate{Confidence: 0.99}}
	r := NewRule(gated, target(b, "99.9"), 30*day, 0)
	for _, bb := range []struct {
		name string
		seen Seen
	}{
		{"quiet", seen(0, 1000)},
		{"below", seen(10, 1000)},
		{"outage", seen(900, 1000)},
		{"critical-1e2", seen(5, 100)},
		{"critical-1e3", seen(24, 1000)},
		{"critical-1e4", seen(Critical(10_000, 0.0144, 0.01)-1, 10_000)},
		{"critical-1e6", seen(Critical(1_000_000, 0.0144, 0.01)-1, 1_000_000)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Judge(bb.seen)
			}
		})
	}
}
