package promtest

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// What one series may hold: a year at ten seconds; a native histogram takes some
// hundred bytes a value.
const (
	MaxValues     = 4_000_000
	MaxHistograms = 100_000
)

// repeats is the count of a+bxn, axn and _xn.
var repeats = regexp.MustCompile(`x([0-9]+)`)

// ParseSeries reads one series of a test: its name and labels as PromQL has them,
// and its values in the notation a, a+bxn, a-bxn, axn, _, _xn, stale and
// {{schema:0 sum:1 count:1 buckets:[1]}}. The error is Invalid and says the place
// in the text and, where it asks for too many values, what to do.
func ParseSeries(series, values string) (metrics.InputSeries, error) {
	if err := bounded(values); err != nil {
		return metrics.InputSeries{}, errs.New(errs.Invalid, "series %q: %w", clip(series), err)
	}
	if strings.ContainsAny(series+values, "\n\r") {
		return metrics.InputSeries{}, errs.New(errs.Invalid, "series %q: it has more than one line: write the values on one, or fold them with >-", clip(series))
	}
	ls, seq, err := metrics.NewParser().ParseSeriesDesc(series + " " + values)
	if err != nil {
		return metrics.InputSeries{}, errs.New(errs.Invalid, "series %q: %w", clip(series), err)
	}
	out := metrics.InputSeries{Labels: ls.Map(), Values: make([]metrics.InputValue, len(seq))}
	for i, v := range seq {
		out.Values[i] = metrics.InputValue{V: v.Value, Missing: v.Omitted}
		if v.Histogram != nil {
			out.Values[i].Histogram = observations{v.Histogram}
		}
	}
	return out, nil
}

// bounded counts the values before they are made.
func bounded(values string) error {
	most := MaxValues
	if strings.Contains(values, "{{") {
		most = MaxHistograms
	}
	n := len(strings.Fields(values))
	for _, m := range repeats.FindAllStringSubmatch(values, -1) {
		k, err := strconv.Atoi(m[1])
		if err != nil || k > most || n+k > most {
			return errs.New(errs.Invalid, "%q asks for more than %d values: end the series earlier, or make the interval of the test longer", clip(m[0]), most)
		}
		n += k
	}
	if n > most {
		return errs.New(errs.Invalid, "it has more than %d values: end the series earlier, or make the interval of the test longer", most)
	}
	return nil
}

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}

// observations is a native histogram.
type observations struct{ h *histogram.FloatHistogram }

// Upto implements metrics.Observations as the store of samples counts them.
func (o observations) Upto(upper float64) float64 {
	switch {
	case value.IsStaleNaN(o.h.Sum):
		return o.h.Sum
	case math.IsInf(upper, 1) || o.h.Count == 0:
		return o.h.Count
	}
	share, _ := promql.HistogramFraction(math.Inf(-1), upper, o.h, "", posrange.PositionRange{})
	return share * o.h.Count
}

// histogramOf reads the one histogram of a text; "" is none.
func histogramOf(p parser.Parser, text string) (*histogram.FloatHistogram, error) {
	if text == "" {
		return nil, nil
	}
	if err := bounded(text); err != nil {
		return nil, err
	}
	_, seq, err := p.ParseSeriesDesc("{} " + text)
	switch {
	case err != nil:
		return nil, err
	case len(seq) != 1 || seq[0].Histogram == nil:
		return nil, errs.New(errs.Invalid, "%q is not one histogram", clip(text))
	}
	return seq[0].Histogram, nil
}

// written is how a histogram is compared; "" is none.
func written(h *histogram.FloatHistogram) string {
	if h == nil {
		return ""
	}
	return h.TestExpression()
}
