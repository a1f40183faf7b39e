package webkit

import (
	"cmp"
	"context"
	"math"
	"strings"
	"time"
)

// Budget is what is left of an error budget.
type Budget struct {
	Left   float64 // ratio: 1 is untouched, 0 is gone, below 0 is overdrawn, NaN is no data
	Detail string  // "1,204 events · 18 m": the same in other units
	State  State   // "" follows Left: above a quarter ok, above 0 warning, else firing
}

func (b Budget) state() State {
	switch {
	case b.State != "":
		return b.State
	case math.IsNaN(b.Left):
		return Unknown
	case b.Left <= 0:
		return Firing
	case b.Left < 0.25:
		return Warning
	}
	return OK
}

// width is the length of the bar; an overdrawn budget fills it, hatched.
func (b Budget) width() string {
	if math.IsNaN(b.Left) {
		return "0%"
	}
	if b.Left < 0 {
		return percent(min(1, -b.Left))
	}
	return percent(min(1, b.Left))
}

func (b Budget) text(ctx context.Context) string {
	if math.IsNaN(b.Left) {
		return T(ctx, "webkit.nodata")
	}
	return Percent(ctx, math.Round(b.Left*1000)/1000)
}

// SparkLine is a line the size of a word. NaN is a gap.
type SparkLine struct {
	Values   []float64
	Label    string // what it shows, read aloud with the last value
	Min, Max float64
	State    State // of the last value; "" draws its end quietly
}

const (
	sparkWidth  = 96.0
	sparkHeight = 20.0
)

// path draws the values, and the last known one as a dot.
func (s SparkLine) path() (line string, endX, endY float64, known bool) {
	a := axis{min: s.Min, max: s.Max, top: 3, low: sparkHeight - 3}
	if a.min == 0 && a.max == 0 {
		a.min, a.max = math.Inf(1), math.Inf(-1)
		for _, v := range s.Values {
			if !math.IsNaN(v) {
				a.min, a.max = min(a.min, v), max(a.max, v)
			}
		}
	}
	if a.max <= a.min {
		a.min, a.max = a.min-1, a.max+1
	}
	var b strings.Builder
	pen := "M"
	for i, v := range s.Values {
		if math.IsNaN(v) {
			pen = "M"
			continue
		}
		x := 3 + (sparkWidth-6)*float64(i)/float64(max(1, len(s.Values)-1))
		b.WriteString(pen + px(x) + " " + px(a.y(v)))
		pen, endX, endY, known = "L", x, a.y(v), true
	}
	return b.String(), endX, endY, known
}

// Strip is a time axis with lanes of moments: the last 24 hours in one glance.
type Strip struct {
	Label    string
	From, To time.Time
	Lanes    []Lane
}

// Lane is one line of a [Strip].
type Lane struct {
	Text    string
	Href    string
	Moments []Moment
}

func (s Strip) stretch() stretch { return stretch{s.From, s.To} }

// in lists the moments of a lane that the strip shows.
func (s Strip) in(l Lane) []Moment { return Chart{From: s.From, To: s.To, Moments: l.Moments}.seen() }

// Week is a calendar of who is on call, one line per rota.
type Week struct {
	Label string
	Start time.Time // the first instant shown, midnight in the viewer's zone
	Days  int       // 0 is 7
	Rows  []WeekRow
}

// WeekRow is one rota, or one layer of one.
type WeekRow struct {
	Text   string
	Href   string
	Shifts []Shift
}

// Shift is a stretch of being on call, or a gap where nobody is.
type Shift struct {
	From, To time.Time
	Who      string
	Tone     int  // 0–3: tells neighbours apart
	Mine     bool // the viewer's own
	Override bool
	Gap      bool
	Href     string
}

func (w Week) days() int { return cmp.Or(w.Days, 7) }

// stretch runs over calendar days, which are not all 24 h long.
func (w Week) stretch(ctx context.Context) stretch {
	return stretch{w.Start, w.Start.In(Zone(ctx)).AddDate(0, 0, w.days())}
}

// weekDay is the head of one column.
type weekDay struct {
	X, Width   string
	Name, Date string
	Today      bool
	Rest       bool // Saturday or Sunday
	Kind       string
}

func (w Week) columns(ctx context.Context) []weekDay {
	st, out := w.stretch(ctx), []weekDay(nil)
	today := Now(ctx).In(Zone(ctx))
	for i := range w.days() {
		d := w.Start.In(Zone(ctx)).AddDate(0, 0, i)
		end := d.AddDate(0, 0, 1)
		out = append(out, weekDay{
			X: percent(st.part(d)), Width: percent(st.part(end) - st.part(d)),
			Name: weekday(d, Lang(ctx)), Date: itoa(d.Day()),
			Today: d.YearDay() == today.YearDay() && d.Year() == today.Year(),
			Rest:  d.Weekday() == time.Saturday || d.Weekday() == time.Sunday,
		})
	}
	return out
}

func (s Shift) class() string {
	switch {
	case s.Gap:
		return "shift shift-gap"
	case s.Mine:
		return "shift shift-mine"
	}
	return "shift tone-" + itoa(s.Tone&3)
}

func (s Shift) title(ctx context.Context) string {
	who := s.Who
	if s.Gap {
		who = T(ctx, "webkit.gap")
	}
	return T(ctx, "webkit.week.until", who, Day(ctx, s.From)+" "+Clock(ctx, s.From), Day(ctx, s.To)+" "+Clock(ctx, s.To))
}
