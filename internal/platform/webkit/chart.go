package webkit

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"
)

// Point is one value at one instant. NaN is a gap.
type Point struct {
	At    time.Time
	Value float64
}

// Series is one line of a [Chart]. Points are in order of time.
type Series struct {
	Text      string
	Points    []Point
	Projected []Point // drawn dotted, after Points
	Area      bool    // fills what is below the line
}

// Threshold is a level to compare with.
type Threshold struct {
	Value float64
	Text  string
	State State
}

// Moment is something that happened: an instant, or a stretch where Until is
// set.
type Moment struct {
	At    time.Time
	Until time.Time
	State State
	Text  string
	Href  string
}

// Chart is a line chart over time, with its table.
type Chart struct {
	Title      string
	From, To   time.Time
	Series     []Series // at most four
	Thresholds []Threshold
	Moments    []Moment
	Log        bool                                  // a log axis; values ≤ 0 stay at its foot
	Min, Max   float64                               // both 0: from the data
	Height     int                                   // pixels; 0 is 200
	Format     func(context.Context, float64) string // of a value; nil is two digits at most
}

const (
	plotWidth = 1000 // units of the stretched inner drawing
	plotTop   = 16.0 // pixels kept free for the marks of moments
	plotLow   = 22.0 // pixels kept free for the time axis
	tableRows = 120  // at most, in a chart's table
)

func (c Chart) height() int { return cmp.Or(c.Height, 200) }

func (c Chart) stretch() stretch { return stretch{c.From, c.To} }

func (c Chart) axis() axis {
	a := axis{min: c.Min, max: c.Max, log: c.Log, top: plotTop, low: float64(c.height()) - plotLow}
	if a.min == 0 && a.max == 0 {
		a.min, a.max = c.bounds()
	}
	if c.Log {
		a.min = math.Pow(10, math.Floor(math.Log10(max(a.min, 1e-6))))
		a.max = max(a.max, a.min*10)
	}
	if a.max <= a.min {
		a.max = a.min + 1
	}
	return a
}

// bounds finds the least and greatest value; a linear axis holds 0.
func (c Chart) bounds() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	see := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) && (!c.Log || v > 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	for _, s := range c.Series {
		for _, p := range s.Points {
			see(p.Value)
		}
		for _, p := range s.Projected {
			see(p.Value)
		}
	}
	for _, t := range c.Thresholds {
		see(t.Value)
	}
	if lo > hi {
		return 0, 1
	}
	if c.Log {
		return lo, hi * 1.2
	}
	return min(lo, 0), hi + (hi-min(lo, 0))*0.06
}

func (c Chart) format(ctx context.Context, v float64) string {
	if math.IsNaN(v) {
		return T(ctx, "webkit.nodata")
	}
	if c.Format != nil {
		return c.Format(ctx, v)
	}
	s := Decimal(ctx, v, 2)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// linePath draws points; a NaN lifts the pen.
func linePath(st stretch, a axis, points []Point) string {
	var b strings.Builder
	pen := "M"
	for _, p := range points {
		if math.IsNaN(p.Value) || !st.holds(p.At) {
			pen = "M"
			continue
		}
		b.WriteString(pen + px(st.part(p.At)*plotWidth) + " " + px(a.y(p.Value)))
		pen = "L"
	}
	return b.String()
}

// areaPath fills from the line to the foot, one piece per unbroken run.
func areaPath(st stretch, a axis, points []Point) string {
	var b strings.Builder
	var run []Point
	flush := func() {
		if len(run) > 1 {
			foot := px(a.y(max(a.min, 0)))
			b.WriteString(linePath(st, a, run))
			b.WriteString("L" + px(st.part(run[len(run)-1].At)*plotWidth) + " " + foot)
			b.WriteString("L" + px(st.part(run[0].At)*plotWidth) + " " + foot + "z")
		}
		run = run[:0]
	}
	for _, p := range points {
		if math.IsNaN(p.Value) || !st.holds(p.At) {
			flush()
			continue
		}
		run = append(run, p)
	}
	flush()
	return b.String()
}

// projection joins the dotted part to the last known point.
func (s Series) projection() []Point {
	if len(s.Projected) == 0 {
		return nil
	}
	for _, p := range slices.Backward(s.Points) {
		if !math.IsNaN(p.Value) {
			return append([]Point{p}, s.Projected...)
		}
	}
	return s.Projected
}

// seen lists the moments that are in the picture.
func (c Chart) seen() []Moment {
	var out []Moment
	for _, m := range c.Moments {
		if c.stretch().holds(m.At) || (!m.Until.IsZero() && m.At.Before(c.To) && m.Until.After(c.From)) {
			out = append(out, m)
		}
	}
	return out
}

// chartRow is a line of a chart's table: an instant and a value per series.
type chartRow struct {
	At        time.Time
	X         string
	Projected bool
	Values    []float64
}

// rows thins the points so that the table stays readable.
func (c Chart) rows() []chartRow {
	at := map[int64]*chartRow{}
	var order []*chartRow
	add := func(i int, p Point, projected bool) {
		r, ok := at[p.At.UnixMicro()]
		if !ok {
			r = &chartRow{At: p.At, X: px(c.stretch().part(p.At) * plotWidth), Projected: projected, Values: make([]float64, len(c.Series))}
			for j := range r.Values {
				r.Values[j] = math.NaN()
			}
			at[p.At.UnixMicro()] = r
			order = append(order, r)
		}
		r.Values[i] = p.Value
	}
	for i, s := range c.Series {
		for _, p := range s.Points {
			add(i, p, false)
		}
		for _, p := range s.Projected {
			add(i, p, true)
		}
	}
	slices.SortStableFunc(order, func(a, b *chartRow) int { return a.At.Compare(b.At) })
	every := (len(order) + tableRows - 1) / tableRows
	var out []chartRow
	for i, r := range order {
		if every <= 1 || i%every == 0 || i == len(order)-1 {
			out = append(out, *r)
		}
	}
	return out
}

// lastValue is the newest known value of a series, for the legend.
func (s Series) lastValue() float64 {
	for _, p := range slices.Backward(s.Points) {
		if !math.IsNaN(p.Value) {
			return p.Value
		}
	}
	return math.NaN()
}
