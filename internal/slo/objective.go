package slo

import (
	"slices"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo/budget"
	"github.com/hinoban/hinoban/internal/slo/period"
)

// The arithmetic lives in package budget; these are its words.
type (
	// Target is the share that must be good, as an exact decimal.
	Target = budget.Target
	// Pair is a burn rate that must not be exceeded over two windows at once.
	Pair = budget.Pair
	// Gate is what else must hold before a pair calls anybody.
	Gate = budget.Gate
	// Promise says what a pair does while a constant share of events is bad.
	Promise = budget.Promise
)

// ParseTarget reads a share, or a percentage: see [budget.ParseTarget].
func ParseTarget(s string, percent bool) (Target, error) { return budget.ParseTarget(s, percent) }

// DefaultPairs are the SRE Workbook's: see [budget.DefaultPairs].
func DefaultPairs(window time.Duration, t Target) []Pair { return budget.DefaultPairs(window, t) }

// Short writes a duration as windows are written: 5m, 1h, 3d, 4w.
func Short(d time.Duration) string { return budget.Short(d) }

// Objective is one promise.
type Objective struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Service   string            `json:"service"`
	Parent    string            `json:"parent,omitempty"`  // of an instance of a grouped objective: the objective's id
	Group     string            `json:"group,omitempty"`   // of an instance: region="eu", …
	PartOf    string            `json:"part_of,omitempty"` // of a part that a Composite alone has: the composite's id; it has no pairs, and no page of its own
	Text      string            `json:"description,omitempty"`
	Target    Target            `json:"target"`
	Window    time.Duration     `json:"window"`             // rolling; the nominal length where Calendar is set
	Calendar  *period.Calendar  `json:"calendar,omitempty"` // nil: a rolling window
	Method    Method            `json:"method"`
	Slice     Slice             `json:"slice,omitzero"` // of the slice methods
	NoData    NoData            `json:"no_data,omitempty"`
	SLI       SLI               `json:"sli"`
	Composite *Composite        `json:"composite,omitempty"` // instead of SLI
	Pairs     []Pair            `json:"pairs"`
	Budgets   []BudgetAlert     `json:"budget_alerts,omitempty"`
	Absent    Absent            `json:"absent,omitzero"`
	BurnRates string            `json:"burn_rates,omitempty"` // the entry of a catalogue that Pairs come from: "std/tier1@3"
	Override  string            `json:"override,omitempty"`   // why Pairs are not those of the catalogue
	Labels    map[string]string `json:"labels,omitempty"`
	Doc       string            `json:"doc,omitempty"` // its document, as written
	Source    string            `json:"source"`        // file:line
}

// PeriodStart is when the budget's window that contains at began.
func (o Objective) PeriodStart(at time.Time) time.Time {
	if o.Calendar != nil {
		return o.Calendar.At(at).Start
	}
	return at.Add(-o.Window)
}

// Million is how many parts one event is counted in where an objective counts
// shares.
const Million = 1_000_000

// Unit is how many parts one event of the budget is counted in: a million where
// shares are counted, else 1.
func (o Objective) Unit() int64 {
	switch {
	case o.Composite != nil, o.Method == RatioTimeslices:
		return Million
	case o.SLI.Raw == "", o.Method == Timeslices:
		return 1
	}
	if _, err := metrics.RatioTerms(o.SLI.Raw, o.SLI.RawFails); err == nil {
		return 1 // a ratio of counters counts their events
	}
	return Million
}

// Method says what counts as one event of the budget.
type Method string

// The methods of OpenSLO.
const (
	Occurrences     Method = "Occurrences"     // every event
	Timeslices      Method = "Timeslices"      // every slice: good or bad as a whole
	RatioTimeslices Method = "RatioTimeslices" // every slice, by its share of good events
)

// Slice is a stretch of time that counts as one.
type Slice struct {
	Length time.Duration `json:"length"`          // divides the window
	Target Target        `json:"target,omitzero"` // Timeslices: the share of good events that makes a slice good
}

// NoData says what a slice without data counts as.
type NoData string

// What a slice without data counts as. It is counted and shown in any case. With
// Occurrences nothing happened where there is no data: it is ignored.
const (
	NoDataIgnore NoData = "ignore"
	NoDataGood   NoData = "good"
	NoDataBad    NoData = "bad"
)

// SLI says how good and total events are counted. Exactly one form is set: Total
// with one of Good and Bad; Raw; or Threshold.
type SLI struct {
	Good      string      `json:"good,omitempty"`  // PromQL over counters, or over samples that are counts
	Bad       string      `json:"bad,omitempty"`   // the same
	Total     string      `json:"total,omitempty"` // the same
	Counter   bool        `json:"counter"`         // Good, Bad and Total are over counters
	Raw       string      `json:"raw,omitempty"`   // PromQL whose value is a share of events
	RawFails  bool        `json:"raw_fails,omitempty"`
	Threshold string      `json:"threshold,omitempty"` // PromQL of a gauge: a sample is good where it is Op Value
	Op        string      `json:"op,omitempty"`        // lt, lte, gt, gte
	Value     float64     `json:"value,omitempty"`
	First     FirstSample `json:"first,omitempty"`
}

// FirstSample says what the first sample of a counter's new series counts.
type FirstSample string

// What a first sample counts.
const (
	Anchored   FirstSample = ""            // nothing: as increase(x[W] anchored) has it
	ZeroOrigin FirstSample = "zero-origin" // its value, where the SLI had data before: the series was born since
)

// Composite is an objective made of others.
type Composite struct {
	Method string      `json:"method"` // weighted, worst, event-product, any-bad
	Parts  []Component `json:"parts"`
}

// Component is one part of a Composite.
type Component struct {
	Objective string  `json:"objective"`
	Weight    float64 `json:"weight"`
	Delayed   string  `json:"when_delayed,omitempty"` // a part without data: good, bad, ignore
}

// BudgetAlert calls for what the budget itself does. One of Remaining, Drop and
// ExhaustsIn is what it watches.
type BudgetAlert struct {
	Severity   alert.Severity `json:"severity"`
	Watch      string         `json:"watch"`           // "remaining", "drop" or "exhausts_in"
	Share      float64        `json:"share,omitempty"` // of the budget: remaining at or below, or dropped by
	ExhaustsIn time.Duration  `json:"exhausts_in,omitempty"`
	Over       time.Duration  `json:"over,omitempty"` // of drop and exhausts_in
}

// What a BudgetAlert watches.
const (
	WatchRemaining  = "remaining"   // Share of the budget is left, or less
	WatchDrop       = "drop"        // Share of the budget was spent over Over
	WatchExhaustsIn = "exhausts_in" // spent as over Over, the budget is gone in ExhaustsIn
)

// Name is how the alert is spoken of.
func (b BudgetAlert) Name() string {
	switch b.Watch {
	case WatchRemaining:
		return "remaining " + Number(100*b.Share) + " %"
	case WatchDrop:
		return "drop " + Number(100*b.Share) + " % in " + Short(b.Over)
	}
	return "exhausts in " + Short(b.ExhaustsIn) + " as over " + Short(b.Over)
}

// Decimal writes v as people write it: its shortest exact decimal.
func Decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Absent calls when an objective has had no data for a while. After 0 never calls.
type Absent struct {
	After    time.Duration  `json:"after"`
	Severity alert.Severity `json:"severity"`
}

// Name is how the alert is spoken of.
func (a Absent) Name() string { return "no data for " + Short(a.After) }

// Windows are all windows that the objective needs, the shortest first, each
// once: those of its pairs and alerts, those that people and dashboards look at, and
// its own.
func (o Objective) Windows() []time.Duration {
	out := []time.Duration{
		5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 72 * time.Hour, o.Window,
	}
	for _, p := range o.Pairs {
		out = append(out, p.Long)
		if p.Short > 0 {
			out = append(out, p.Short)
		}
	}
	for _, b := range o.Budgets {
		if b.Over > 0 {
			out = append(out, b.Over)
		}
	}
	if o.Absent.After > 0 {
		out = append(out, o.Absent.After)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
