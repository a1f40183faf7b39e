package score

import "math"

// Enough is the number of judgements below which nothing can be told.
const Enough = 5

// z is the normal quantile of a two-sided 95 % interval.
const z = 1.959963984540054

// Share is k of n with its 95 % interval.
type Share struct {
	K    int     `json:"k"`
	N    int     `json:"n"`
	Told bool    `json:"told"` // n is enough to tell
	At   float64 `json:"at"`   // k/n; 0 where n is 0
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// ShareOf returns k of n. The interval is Wilson's score interval
// (E. B. Wilson, JASA 22, 1927): it stays within 0 and 1 and is right for small
// n, where the usual one is not. n = 0 gives 0 to 1.
func ShareOf(k, n int) Share {
	s := Share{K: k, N: n, Told: n >= Enough, High: 1}
	if n <= 0 {
		return s
	}
	nf := float64(n)
	p := float64(k) / nf
	centre := (p + z*z/(2*nf)) / (1 + z*z/nf)
	half := z / (1 + z*z/nf) * math.Sqrt(p*(1-p)/nf+z*z/(4*nf*nf))
	s.At = p
	s.Low, s.High = math.Max(0, centre-half), math.Min(1, centre+half)
	// What rounding would take away from the ends.
	if k == 0 {
		s.Low = 0
	}
	if k == n {
		s.High = 1
	}
	return s
}
