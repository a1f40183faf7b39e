package budget

import (
	"fmt"
	"math"
	"strconv"
)

// significant reports whether P[X ≥ bad] ≤ alpha for X ~ Binomial(total, p);
// logAlpha is -ln alpha. Far from the answer a bound decides: at or below the
// mean never, and by Chernoff's bound, P ≤ exp(-total·KL(bad/total ‖ p)), surely.
// Between them the tail is summed until it is known on which side it falls.
func significant(bad, total int64, p, alpha, logAlpha float64) bool {
	mean := float64(total) * p
	switch {
	case p >= 1 || float64(bad) <= mean:
		return false // the median of a binomial is next to its mean: P is about a half or more
	case p <= 0:
		return true
	}
	n, x := float64(total), float64(bad)
	d := deviance(x, mean) + deviance(n-x, n-mean)
	if d >= logAlpha {
		return true
	}
	odds, term, sum := p/(1-p), mass(n, x, d), 0.0
	for x <= n {
		sum += term
		if sum > alpha {
			return false
		}
		ratio := (n - x) / (x + 1) * odds // of the next term to this one; it only shrinks
		if sum+term*ratio/(1-ratio) <= alpha {
			return true
		}
		term *= ratio
		x++
	}
	return sum <= alpha
}

// Tail is P[X ≥ bad] for X ~ Binomial(total, p): how often so many failures or
// more come by chance where each event fails with probability p.
func Tail(bad, total int64, p float64) float64 {
	switch {
	case bad <= 0 || (p >= 1 && bad <= total):
		return 1
	case bad > total || p <= 0:
		return 0
	case float64(bad) <= float64(total)*p:
		return 1 - Tail(total-bad+1, total, 1-p) // the other tail is the short one
	}
	n, x := float64(total), float64(bad)
	odds, term, sum := p/(1-p), mass(n, x, deviance(x, n*p)+deviance(n-x, n*(1-p))), 0.0
	for x <= n && term > sum*1e-17 {
		sum += term
		term *= (n - x) / (x + 1) * odds
		x++
	}
	return min(1, sum)
}

// Critical is the least number of bad events of total that is significant at
// alpha where each fails with probability p; total + 1 where none is.
func Critical(total int64, p, alpha float64) int64 {
	lo, hi := int64(0), total+1 // not significant at lo, significant at hi
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		if significant(mid, total, p, alpha, -math.Log(alpha)) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// mass is P[X = x] for a binomial of n, whose deviance d is given, by the saddle
// point (C. Loader, Fast and Accurate Computation of Binomial Probabilities,
// 2000): it keeps its digits where factorials lose them.
func mass(n, x, d float64) float64 {
	if x == n {
		return math.Exp(-d) // p^n: stirling's terms fall out
	}
	return math.Exp(stirling(n)-stirling(x)-stirling(n-x)-d) * math.Sqrt(n/(2*math.Pi*x*(n-x)))
}

// stirling is ln n! less Stirling's formula.
func stirling(n float64) float64 {
	if n < 16 {
		l, _ := math.Lgamma(n + 1)
		return l - (n+0.5)*math.Log(n) + n - 0.5*math.Log(2*math.Pi)
	}
	i := 1 / (n * n)
	return (1.0/12 - (1.0/360-(1.0/1260-i/1680)*i)*i) / n
}

// deviance is x·ln(x/m) + m - x without cancellation.
func deviance(x, m float64) float64 {
	if x == 0 {
		return m
	}
	if math.Abs(x-m) >= 0.1*(x+m) {
		return x*math.Log(x/m) + m - x
	}
	v := (x - m) / (x + m)
	s, e, v2 := (x-m)*v, 2*x*v, v*v
	for k := 3.0; ; k += 2 {
		e *= v2
		next := s + e/k
		if next == s {
			return s
		}
		s = next
	}
}

// Reason is a verdict with its figures, for people.
type Reason struct {
	Verdict

	Bad, Total int64   // of the long window
	Chance     float64 // how often as many failures come by chance; 0 where that is not asked
}

// Explain judges and says why. It costs more than [Rule.Judge].
func (r *Rule) Explain(w Seen) Reason {
	out := Reason{Verdict: r.Judge(w), Bad: min(w.Long.Bad, w.Long.Total), Total: w.Long.Total}
	if r.alpha > 0 && w.Long.Known {
		out.Chance = Tail(out.Bad, out.Total, r.p)
	}
	return out
}

// String is the verdict in one line: "3 of 50 failed; p=0.03, not paged".
func (r Reason) String() string {
	s := fmt.Sprintf("%d of %d failed", r.Bad, r.Total)
	switch {
	case !r.Known:
		return "no data"
	case !r.Reached:
		return s + "; within the rate"
	case r.Held == FewEvents:
		return s + "; too few events, not paged"
	case r.Held == FewFailures:
		return s + "; too few failures, not paged"
	}
	if r.Chance > 0 {
		s += "; p=" + strconv.FormatFloat(r.Chance, 'g', 1, 64)
	} else {
		s += "; over the rate"
	}
	if r.Burning {
		return s + ", burns"
	}
	return s + ", not paged"
}
