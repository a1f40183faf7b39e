package metricsweb

import (
	"fmt"
	"math"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	otlppb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

// rows adds the series of one data point, which counts as one sample: refused
// once when any of them is.
func (x *translation) rows(name string, attrs []*commonpb.KeyValue, s promstore.Sample, ended bool, rows []row, with func(i int) []exemplar.Exemplar) error {
	refused := x.in.refused
	for i, r := range rows {
		one := s
		one.V = r.v
		if ended {
			one.V = stale()
		} else if with != nil {
			one.Exemplars = with(i)
		}
		if err := x.in.series(x.labels(name+r.suffix, attrs, r.extra...), one); err != nil {
			return err
		}
	}
	x.in.refused = min(x.in.refused, refused+1)
	return nil
}

// classic translates a histogram with explicit bounds to _bucket, _sum and
// _count.
func (x *translation) classic(name string, p *otlppb.HistogramDataPoint) error {
	s, ended, ok := x.base(name, p)
	if !ok {
		return nil
	}
	bounds, counts := p.GetExplicitBounds(), p.GetBucketCounts()
	if len(counts) != 0 && len(counts) != len(bounds)+1 {
		x.in.refuse(1, fmt.Errorf("metric %q: %d buckets for %d bounds", name, len(counts), len(bounds)))
		return nil
	}
	var rows []row
	var sum uint64
	for i, b := range bounds {
		if i > 0 && b <= bounds[i-1] {
			x.in.refuse(1, fmt.Errorf("metric %q: the bounds are not in order", name))
			return nil
		}
		if i < len(counts) {
			sum += counts[i]
			rows = append(rows, row{"_bucket", []pair{{model.BucketLabel, number(b)}}, float64(sum)})
		}
	}
	rows = append(rows, row{"_bucket", []pair{{model.BucketLabel, "+Inf"}}, float64(p.GetCount())})
	buckets := len(rows)
	rows = append(rows, row{"_count", nil, float64(p.GetCount())})
	if p.Sum != nil {
		rows = append(rows, row{"_sum", nil, p.GetSum()})
	}
	return x.rows(name, p.GetAttributes(), s, ended, rows, func(i int) []exemplar.Exemplar {
		if len(p.GetExemplars()) == 0 || i >= buckets {
			return nil
		}
		return x.exemplars(p.GetExemplars(), within(bounds, i))
	})
}

// within picks the values that belong to bucket i.
func within(bounds []float64, i int) func(float64) bool {
	low, high := math.Inf(-1), math.Inf(1)
	if i > 0 && i <= len(bounds) {
		low = bounds[i-1]
	}
	if i < len(bounds) {
		high = bounds[i]
	}
	return func(v float64) bool { return v > low && v <= high }
}

// native translates an exponential histogram to a native histogram.
func (x *translation) native(name string, p *otlppb.ExponentialHistogramDataPoint) error {
	s, ended, ok := x.base(name, p)
	if !ok {
		return nil
	}
	h, err := nativeHistogram(p)
	if err != nil {
		x.in.refuse(1, fmt.Errorf("metric %q: %w", name, err))
		return nil
	}
	if ended {
		h = &histogram.Histogram{Sum: stale()}
	} else {
		s.Exemplars = x.exemplars(p.GetExemplars(), always)
	}
	s.H = h
	return x.in.series(x.labels(name, p.GetAttributes()), s)
}

// Scales below the first have buckets wider than Prometheus can hold.
const minScale, maxScale = -4, 8

// maxOffset is far beyond the bucket of the largest float64 at any scale that
// is in use.
const maxOffset = 1 << 30

// maxBuckets bounds the memory of one histogram; OpenTelemetry's own limit is
// 160 a side.
const maxBuckets = 10_000

func nativeHistogram(p *otlppb.ExponentialHistogramDataPoint) (*histogram.Histogram, error) {
	scale := p.GetScale()
	if scale < minScale || scale > 100 {
		return nil, fmt.Errorf("scale %d, Prometheus holds %d and above", scale, minScale)
	}
	if n := max(len(p.GetPositive().GetBucketCounts()), len(p.GetNegative().GetBucketCounts())); n > maxBuckets {
		return nil, fmt.Errorf("%d buckets, the limit is %d", n, maxBuckets)
	}
	for _, side := range []*otlppb.ExponentialHistogramDataPoint_Buckets{p.GetPositive(), p.GetNegative()} {
		if o := side.GetOffset(); o > maxOffset || o < -maxOffset {
			return nil, fmt.Errorf("bucket offset %d is beyond any number", o)
		}
	}
	down := max(0, scale-maxScale)
	h := &histogram.Histogram{
		Schema: scale - down, Sum: p.GetSum(), Count: p.GetCount(),
		ZeroThreshold: p.GetZeroThreshold(), ZeroCount: p.GetZeroCount(),
	}
	if h.ZeroThreshold == 0 {
		h.ZeroThreshold = 1e-128 // Prometheus' default: it has no bucket for exactly zero
	}
	h.PositiveSpans, h.PositiveBuckets = spans(p.GetPositive(), down)
	h.NegativeSpans, h.NegativeBuckets = spans(p.GetNegative(), down)
	return h, nil
}

// spans packs buckets, 2^down of them into one. OTLP counts buckets from the
// lower bound and Prometheus from the upper: hence the one.
func spans(b *otlppb.ExponentialHistogramDataPoint_Buckets, down int32) ([]histogram.Span, []int64) {
	var out []histogram.Span
	var deltas []int64
	var prev int64
	next := int32(0) // the index after the last bucket
	add := func(index int32, n int64) {
		if gap := index - next; len(out) == 0 || gap > 0 {
			out = append(out, histogram.Span{Offset: gap})
		}
		out[len(out)-1].Length++
		deltas = append(deltas, n-prev)
		prev, next = n, index+1
	}
	var held int64
	at, open := int32(0), false
	for i, n := range b.GetBucketCounts() {
		index := int32((int64(b.GetOffset())+int64(i))>>down) + 1
		if open && index != at && held > 0 {
			add(at, held)
		}
		if !open || index != at {
			at, held, open = index, 0, true
		}
		held += int64(n)
	}
	if open && held > 0 {
		add(at, held)
	}
	return out, deltas
}
