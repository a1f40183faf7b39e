package webkit

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"time"
)

// axis maps values to pixels from the top of a plot.
type axis struct {
	min, max float64
	log      bool
	top, low float64 // pixels
}

// y returns the place of v; what is outside stays on the edge.
func (a axis) y(v float64) float64 {
	lo, hi := a.min, a.max
	if a.log {
		v, lo, hi = math.Log10(max(v, a.min)), math.Log10(lo), math.Log10(hi)
	}
	f := 0.0
	if hi > lo {
		f = min(1, max(0, (v-lo)/(hi-lo)))
	}
	return a.low - f*(a.low-a.top)
}

// ticks returns the round values to label: decades on a log axis, about four
// multiples of 1, 2 or 5 on a linear one.
func (a axis) ticks() []float64 {
	var out []float64
	if a.log {
		for e := math.Ceil(math.Log10(a.min) - 1e-9); e <= math.Log10(a.max)+1e-9; e++ {
			out = append(out, math.Pow(10, e))
		}
		return out
	}
	step := niceStep((a.max - a.min) / 4)
	for i := math.Ceil(a.min/step - 1e-9); i*step <= a.max+step*1e-9 && len(out) < 12; i++ {
		out = append(out, i*step)
	}
	return out
}

func niceStep(raw float64) float64 {
	if raw <= 0 || math.IsNaN(raw) || math.IsInf(raw, 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if raw <= m*p {
			return m * p
		}
	}
	return 10 * p
}

// stretch is the time that a picture shows, from left to right.
type stretch struct{ from, to time.Time }

// part is where t is, 0 at the left edge and 1 at the right, clamped.
func (s stretch) part(t time.Time) float64 {
	whole := s.to.Sub(s.from)
	if whole <= 0 {
		return 0
	}
	return min(1, max(0, float64(t.Sub(s.from))/float64(whole)))
}

func (s stretch) holds(t time.Time) bool { return !t.Before(s.from) && !t.After(s.to) }

// tick is a labelled place on a time axis. Minor ones are left out on a phone.
type tick struct {
	X     string // percent
	Text  string
	Minor bool
	Edge  string // "start" or "end" where a centred label would be cut
}

// ticks returns the round instants of the stretch in the viewer's zone.
func (s stretch) ticks(ctx context.Context) []tick {
	const most = 9
	step := 30 * 24 * time.Hour
	for _, d := range []time.Duration{
		time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour,
		12 * time.Hour, 24 * time.Hour, 2 * 24 * time.Hour, 5 * 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour,
	} {
		if s.to.Sub(s.from) <= most*d {
			step = d
			break
		}
	}
	var out []tick
	for i, t := 0, s.firstTick(Zone(ctx), step); !t.After(s.to) && i < 40; i, t = i+1, next(t, step) {
		p := s.part(t)
		tk := tick{X: percent(p), Text: tickText(ctx, t, step), Minor: i%2 == 1}
		if p < 0.02 {
			tk.Edge = "start"
		} else if p > 0.98 {
			tk.Edge = "end"
		}
		out = append(out, tk)
	}
	return out
}

func (t tick) anchor() string { return cmp.Or(t.Edge, "middle") }

func (s stretch) firstTick(zone *time.Location, step time.Duration) time.Time {
	l := s.from.In(zone)
	midnight := time.Date(l.Year(), l.Month(), l.Day(), 0, 0, 0, 0, zone)
	t := midnight
	for t.Before(s.from) {
		t = next(t, step)
	}
	return t
}

// next is step later; whole days are steps of the calendar, so that a change
// of the clocks does not shift midnight.
func next(t time.Time, step time.Duration) time.Time {
	if days := int(step / (24 * time.Hour)); days > 0 {
		return t.AddDate(0, 0, days)
	}
	return t.Add(step)
}

func tickText(ctx context.Context, t time.Time, step time.Duration) string {
	t = t.In(Zone(ctx))
	if step < 24*time.Hour && (t.Hour() != 0 || t.Minute() != 0) {
		return t.Format("15:04")
	}
	if Lang(ctx) == Japanese {
		return t.Format("1/2")
	}
	return t.Format("2 Jan")
}

func percent(part float64) string { return px(part*100) + "%" }

// px writes a coordinate with at most two digits after the point.
func px(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
