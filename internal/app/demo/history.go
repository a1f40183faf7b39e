package demo

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// Span is how far the history reaches back; step is between its samples.
const (
	Span = 30 * 24 * time.Hour
	step = time.Minute
)

// origin marks every series of the history.
const origin = "demo-history"

// trouble is a stretch of the past in which a service failed more than usual.
type trouble struct {
	service string
	ago     time.Duration
	length  time.Duration
	share   float64 // of requests that failed
}

func past() []trouble {
	const day = 24 * time.Hour
	return []trouble{
		{"payment", 23*day + 5*time.Hour, 40 * time.Minute, 0.16},
		{"payment", 11*day + 13*time.Hour, 18 * time.Minute, 0.22},
		{"payment", 4*day + 2*time.Hour, 9 * time.Minute, 0.10},
		{"checkout", 23*day + 5*time.Hour, 40 * time.Minute, 0.16},
		{"checkout", 15*day + 9*time.Hour, 25 * time.Minute, 0.30},
		{"storefront", 19*day + 20*time.Hour, 50 * time.Minute, 0.35},
		{"storefront", 6*day + 7*time.Hour, 30 * time.Minute, 0.20},
	}
}

// line is one series of the history: its labels and its value at each step.
type line struct {
	labels map[string]string
	values []float64
}

// history makes the lines of [from, from+Span): the same lines for the same
// times, so that a demo looks alike each day.
func history(from time.Time) []line {
	n := int(Span / step)
	var out []line
	for i, name := range []string{"storefront", "checkout", "payment"} {
		rnd := rand.New(rand.NewPCG(20261120, uint64(i)))
		base := map[string]float64{"storefront": 35, "checkout": 20, "payment": 20}[name]
		good, bad, fast := make([]float64, n), make([]float64, n), make([]float64, n)
		var g, b, f float64
		for k := range n {
			at := from.Add(time.Duration(k) * step)
			total := math.Round(rate(at, base, rnd) * step.Seconds())
			failed := math.Min(total, math.Round(total*failing(name, at, from.Add(Span))+poisson(rnd, total*0.00012)))
			g, b = g+total-failed, b+failed
			f += math.Round(total * (1 - 0.0025 - 0.002*rnd.Float64()))
			good[k], bad[k], fast[k] = g, b, f
		}
		label := func(metric, key, value string) map[string]string {
			return map[string]string{metrics.NameLabel: metric, "job": "shop", "service": name, "instance": "history", "origin": origin, key: value}
		}
		all := make([]float64, n)
		for k := range n {
			all[k] = good[k] + bad[k]
		}
		count := label("http_request_duration_seconds_count", "origin", origin)
		out = append(out,
			line{label("http_requests_total", "code", "200"), good},
			line{label("http_requests_total", "code", "500"), bad},
			line{label("http_request_duration_seconds_bucket", "le", "0.3"), fast},
			line{label("http_request_duration_seconds_bucket", "le", "+Inf"), all},
			line{count, all},
		)
	}
	return out
}

// rate is the traffic of a small shop in Japan: busy in the evening, half of
// it at night, a little more at the weekend.
func rate(at time.Time, base float64, rnd *rand.Rand) float64 {
	local := at.Add(9 * time.Hour)
	hour := float64(local.Hour()) + float64(local.Minute())/60
	day := 0.8 + 0.35*math.Sin((hour-14)/24*2*math.Pi)
	if w := local.Weekday(); w == time.Saturday || w == time.Sunday {
		day *= 1.15
	}
	return base * day * (0.95 + 0.1*rnd.Float64())
}

// failing is the share of requests that fail at a time because of trouble.
func failing(name string, at, end time.Time) float64 {
	for _, t := range past() {
		start := end.Add(-t.ago)
		if t.service == name && !at.Before(start) && at.Before(start.Add(t.length)) {
			return t.share
		}
	}
	return 0
}

func poisson(rnd *rand.Rand, mean float64) float64 {
	limit, k, p := math.Exp(-mean), 0.0, 1.0
	for {
		p *= rnd.Float64()
		if p <= limit {
			return k
		}
		k++
	}
}

// points yields the lines' points in [from, to).
func points(lines []line, start time.Time) func(from, to time.Time) iter.Seq[metrics.Series] {
	return func(from, to time.Time) iter.Seq[metrics.Series] {
		return func(yield func(metrics.Series) bool) {
			for _, l := range lines {
				s := metrics.Series{Labels: l.labels}
				first := max(0, int((from.Sub(start)+step-1)/step))
				for k := first; k < len(l.values); k++ {
					at := start.Add(time.Duration(k) * step)
					if !at.Before(to) {
						break
					}
					s.Points = append(s.Points, metrics.Point{T: at, V: l.values[k]})
				}
				if len(s.Points) > 0 && !yield(s) {
					return
				}
			}
		}
	}
}
