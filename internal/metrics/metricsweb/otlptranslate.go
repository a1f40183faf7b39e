package metricsweb

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/model/value"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	otlppb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

// translation turns OTLP metrics into Prometheus samples, by the OpenTelemetry
// specification "Prometheus and OpenMetrics Compatibility".
type translation struct {
	in       *intake
	describe func(family string, m metadata.Metadata)
	hexIDs   bool // trace and span ids came as hex in JSON, where protobuf's JSON has base64

	identity []pair // job and instance of the resource
	scope    []pair
	latest   int64 // of the resource's samples, in ms
}

type pair struct{ name, value string }

// export takes a whole request. Only an error that dooms it comes back.
func (x *translation) export(req *otlppb.MetricsData) error {
	for _, rm := range req.GetResourceMetrics() {
		attrs := rm.GetResource().GetAttributes()
		x.identity, x.latest = identity(attrs), math.MinInt64
		for _, sm := range rm.GetScopeMetrics() {
			x.scope = scopeOf(sm.GetScope())
			for _, m := range sm.GetMetrics() {
				if err := x.metric(m); err != nil {
					return err
				}
			}
		}
		if err := x.targetInfo(attrs); err != nil {
			return err
		}
	}
	return nil
}

func identity(attrs []*commonpb.KeyValue) []pair {
	var name, space, instance string
	for _, kv := range attrs {
		switch kv.GetKey() {
		case "service.name":
			name = text(kv.GetValue())
		case "service.namespace":
			space = text(kv.GetValue())
		case "service.instance.id":
			instance = text(kv.GetValue())
		}
	}
	if space != "" && name != "" {
		name = space + "/" + name
	}
	var out []pair
	if name != "" {
		out = append(out, pair{model.JobLabel, name})
	}
	if instance != "" {
		out = append(out, pair{model.InstanceLabel, instance})
	}
	return out
}

func scopeOf(s *commonpb.InstrumentationScope) []pair {
	var out []pair
	if s.GetName() != "" {
		out = append(out, pair{"otel_scope_name", s.GetName()})
	}
	if s.GetVersion() != "" {
		out = append(out, pair{"otel_scope_version", s.GetVersion()})
	}
	return out
}

// targetInfo adds what else is known about the resource as target_info, which
// joins to its series by job and instance.
func (x *translation) targetInfo(attrs []*commonpb.KeyValue) error {
	if len(x.identity) == 0 || x.latest == math.MinInt64 {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(attrs), func(kv *commonpb.KeyValue) bool {
		return kv.GetKey() == "service.name" || kv.GetKey() == "service.namespace" || kv.GetKey() == "service.instance.id"
	})
	if len(rest) == 0 {
		return nil
	}
	x.scope = nil
	if err := x.in.series(x.labels("target_info", rest), promstore.Sample{T: x.latest, V: 1}); err != nil {
		return err
	}
	x.describe("target", metadata.Metadata{Type: model.MetricTypeInfo, Help: "Target metadata"})
	return nil
}

func (x *translation) metric(m *otlppb.Metric) error {
	name := metricName(m)
	typ, n, err := kindOf(m)
	if err == nil && name == "" {
		err = fmt.Errorf("a metric without a name")
	}
	if err != nil {
		x.in.refuse(n, err)
		return nil
	}
	x.describe(name, metadata.Metadata{Type: typ, Unit: m.GetUnit(), Help: m.GetDescription()})
	switch d := m.GetData().(type) {
	case *otlppb.Metric_Gauge:
		return each(d.Gauge.GetDataPoints(), func(p *otlppb.NumberDataPoint) error { return x.number(name, p) })
	case *otlppb.Metric_Sum:
		return each(d.Sum.GetDataPoints(), func(p *otlppb.NumberDataPoint) error { return x.number(name, p) })
	case *otlppb.Metric_Histogram:
		return each(d.Histogram.GetDataPoints(), func(p *otlppb.HistogramDataPoint) error { return x.classic(name, p) })
	case *otlppb.Metric_ExponentialHistogram:
		return each(d.ExponentialHistogram.GetDataPoints(), func(p *otlppb.ExponentialHistogramDataPoint) error { return x.native(name, p) })
	case *otlppb.Metric_Summary:
		return each(d.Summary.GetDataPoints(), func(p *otlppb.SummaryDataPoint) error { return x.summary(name, p) })
	}
	return nil
}

func each[T any](all []T, fn func(T) error) error {
	for _, p := range all {
		if err := fn(p); err != nil {
			return err
		}
	}
	return nil
}

// kindOf returns the type of m and how many points it has. The error says why
// its points cannot be held.
func kindOf(m *otlppb.Metric) (model.MetricType, int, error) {
	var typ model.MetricType
	var n int
	var temporality otlppb.AggregationTemporality
	switch d := m.GetData().(type) {
	case *otlppb.Metric_Gauge:
		return model.MetricTypeGauge, len(d.Gauge.GetDataPoints()), nil
	case *otlppb.Metric_Summary:
		return model.MetricTypeSummary, len(d.Summary.GetDataPoints()), nil
	case *otlppb.Metric_Sum:
		typ, n, temporality = model.MetricTypeGauge, len(d.Sum.GetDataPoints()), d.Sum.GetAggregationTemporality()
		if d.Sum.GetIsMonotonic() {
			typ = model.MetricTypeCounter
		}
	case *otlppb.Metric_Histogram:
		typ, n, temporality = model.MetricTypeHistogram, len(d.Histogram.GetDataPoints()), d.Histogram.GetAggregationTemporality()
	case *otlppb.Metric_ExponentialHistogram:
		typ, n, temporality = model.MetricTypeHistogram, len(d.ExponentialHistogram.GetDataPoints()), d.ExponentialHistogram.GetAggregationTemporality()
	default:
		return model.MetricTypeUnknown, 0, fmt.Errorf("metric %q holds no data of a known type", m.GetName())
	}
	if temporality != otlppb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		return typ, n, fmt.Errorf("metric %q has delta temporality, Prometheus counts from the start: set OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative, or put the collector's deltatocumulative processor before it", m.GetName())
	}
	return typ, n, nil
}

// labels builds the labels of a series: its attributes, then what the resource
// and the scope say, which wins.
func (x *translation) labels(name string, attrs []*commonpb.KeyValue, extra ...pair) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	seen := map[string]string{}
	sorted := slices.SortedFunc(slices.Values(attrs), func(a, b *commonpb.KeyValue) int { return strings.Compare(a.GetKey(), b.GetKey()) })
	for _, kv := range sorted {
		n, v := labelName(kv.GetKey()), text(kv.GetValue())
		if n == "" || v == "" {
			continue
		}
		if had, ok := seen[n]; ok { // two keys, one name: keep both values
			v = had + ";" + v
		}
		seen[n] = v
		b.Set(n, v)
	}
	for _, some := range [][]pair{x.scope, x.identity, extra} {
		for _, p := range some {
			b.Set(p.name, p.value)
		}
	}
	b.Set(model.MetricNameLabel, name)
	return b.Labels()
}

// text returns an attribute as a label value: lists and maps as JSON.
func text(v *commonpb.AnyValue) string {
	switch x := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return x.StringValue
	case nil:
		return ""
	}
	if s, ok := plain(v).(string); ok {
		return s
	}
	b, err := json.Marshal(plain(v))
	if err != nil { // NaN and infinities, which JSON has not
		return fmt.Sprint(plain(v))
	}
	return string(b)
}

func plain(v *commonpb.AnyValue) any {
	switch x := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return x.StringValue
	case *commonpb.AnyValue_BoolValue:
		return x.BoolValue
	case *commonpb.AnyValue_IntValue:
		return x.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return x.DoubleValue
	case *commonpb.AnyValue_BytesValue:
		return base64.StdEncoding.EncodeToString(x.BytesValue)
	case *commonpb.AnyValue_ArrayValue:
		out := []any{}
		for _, e := range x.ArrayValue.GetValues() {
			out = append(out, plain(e))
		}
		return out
	case *commonpb.AnyValue_KvlistValue:
		out := map[string]any{}
		for _, kv := range x.KvlistValue.GetValues() {
			out[kv.GetKey()] = plain(kv.GetValue())
		}
		return out
	}
	return nil
}

// point is what all kinds of data points have in common.
type point interface {
	GetTimeUnixNano() uint64
	GetStartTimeUnixNano() uint64
	GetFlags() uint32
	GetAttributes() []*commonpb.KeyValue
}

// base returns a sample with the times of p, and whether p says that the
// series has ended.
func (x *translation) base(name string, p point) (s promstore.Sample, ended, ok bool) {
	if p.GetTimeUnixNano() == 0 {
		x.in.refuse(1, fmt.Errorf("metric %q: a data point without a time", name))
		return s, false, false
	}
	s.T, s.Start = int64(p.GetTimeUnixNano()/1e6), int64(p.GetStartTimeUnixNano()/1e6)
	x.latest = max(x.latest, s.T)
	ended = p.GetFlags()&uint32(otlppb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK) != 0
	return s, ended, true
}

// stale is the value that ends a series.
func stale() float64 { return math.Float64frombits(value.StaleNaN) }

func (x *translation) number(name string, p *otlppb.NumberDataPoint) error {
	s, ended, ok := x.base(name, p)
	if !ok {
		return nil
	}
	switch v := p.GetValue().(type) {
	case *otlppb.NumberDataPoint_AsInt:
		s.V = float64(v.AsInt)
	case *otlppb.NumberDataPoint_AsDouble:
		s.V = v.AsDouble
	}
	if ended {
		s.V = stale()
	}
	s.Exemplars = x.exemplars(p.GetExemplars(), always)
	return x.in.series(x.labels(name, p.GetAttributes()), s)
}

func always(float64) bool { return true }

// exemplars translates those whose value wanted picks.
func (x *translation) exemplars(all []*otlppb.Exemplar, wanted func(float64) bool) []exemplar.Exemplar {
	var out []exemplar.Exemplar
	for _, e := range all {
		v := e.GetAsDouble()
		if n, ok := e.GetValue().(*otlppb.Exemplar_AsInt); ok {
			v = float64(n.AsInt)
		}
		if !wanted(v) {
			continue
		}
		b := labels.NewBuilder(labels.EmptyLabels())
		for _, kv := range e.GetFilteredAttributes() {
			if n := labelName(kv.GetKey()); n != "" {
				b.Set(n, text(kv.GetValue()))
			}
		}
		b.Set("trace_id", x.id(e.GetTraceId()))
		b.Set("span_id", x.id(e.GetSpanId()))
		out = append(out, exemplar.Exemplar{Labels: b.Labels(), Value: v, Ts: int64(e.GetTimeUnixNano() / 1e6), HasTs: e.GetTimeUnixNano() != 0})
	}
	sortExemplars(out)
	return out
}

func (x *translation) id(b []byte) string {
	if x.hexIDs && (len(b) == 24 || len(b) == 12) {
		return base64.StdEncoding.EncodeToString(b)
	}
	return hex.EncodeToString(b)
}

func (x *translation) summary(name string, p *otlppb.SummaryDataPoint) error {
	s, ended, ok := x.base(name, p)
	if !ok {
		return nil
	}
	rows := []row{{"_sum", nil, p.GetSum()}, {"_count", nil, float64(p.GetCount())}}
	for _, q := range p.GetQuantileValues() {
		rows = append(rows, row{"", []pair{{model.QuantileLabel, number(q.GetQuantile())}}, q.GetValue()})
	}
	return x.rows(name, p.GetAttributes(), s, ended, rows, nil)
}

// row is one of the series that a classic histogram or a summary consists of.
type row struct {
	suffix string
	extra  []pair
	v      float64
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
