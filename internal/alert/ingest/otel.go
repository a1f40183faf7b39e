package ingest

import (
	"strconv"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	otlppb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// otel reads a record in the format opentelemetry1.0: ExportMetricsServiceRequest
// messages, each after its length. MetricsData is the same message on the wire.
func (g gathering) otel(data []byte, path string) {
	for n := 1; len(data) > 0; n++ {
		at := path + " message " + strconv.Itoa(n)
		raw, size := protowire.ConsumeBytes(data)
		if size < 0 {
			g.b.refuse(at, "neither JSON nor a message after its length: the output format has to be json or opentelemetry1.0")
			return
		}
		data = data[size:]
		var m otlppb.MetricsData
		if err := proto.Unmarshal(raw, &m); err != nil {
			g.b.refuse(at, "not an ExportMetricsServiceRequest of OpenTelemetry 1.0")
			continue
		}
		g.resources(&m, at)
	}
}

func (g gathering) resources(m *otlppb.MetricsData, at string) {
	for _, r := range m.ResourceMetrics {
		base := streamed{}
		for _, kv := range r.GetResource().GetAttributes() {
			switch kv.GetKey() {
			case "cloud.account.id":
				base.Account = kv.GetValue().GetStringValue()
			case "cloud.region":
				base.Region = kv.GetValue().GetStringValue()
			}
		}
		for _, scope := range r.ScopeMetrics {
			for _, metric := range scope.Metrics {
				g.metric(base, metric, at)
			}
		}
	}
}

func (g gathering) metric(base streamed, m *otlppb.Metric, at string) {
	summary := m.GetSummary()
	if summary == nil {
		g.b.refuse(at, "metric "+clip(clean(m.GetName()), 200)+" is no summary, as those of CloudWatch are")
		return
	}
	// amazonaws.com/AWS/EC2/CPUUtilization
	full := strings.TrimPrefix(m.GetName(), "amazonaws.com/")
	for _, p := range summary.DataPoints {
		if g.b.Points > maxPoints {
			return
		}
		s := base
		s.Namespace, s.Metric, s.Dimensions = "", full, nil
		if i := strings.LastIndexByte(full, '/'); i > 0 {
			s.Namespace, s.Metric = full[:i], full[i+1:]
		}
		s.attributes(p.GetAttributes())
		s.Timestamp = int64(p.GetTimeUnixNano() / 1e6) //nolint:gosec // a time before the year 2262
		if s.Namespace == "" || s.Metric == "" || s.Timestamp <= 0 {
			g.b.refuse(at, "metric "+clip(clean(m.GetName()), 200)+": name or time is missing")
			continue
		}
		g.point(s, "count", float64(p.GetCount()))
		g.point(s, "sum", p.GetSum())
		for _, q := range p.GetQuantileValues() {
			g.point(s, quantileName(q.GetQuantile()), q.GetValue())
		}
	}
}

func (s *streamed) attributes(all []*commonpb.KeyValue) {
	for _, kv := range all {
		switch v := kv.GetValue(); kv.GetKey() {
		case "Namespace":
			s.Namespace = v.GetStringValue()
		case "MetricName":
			s.Metric = v.GetStringValue()
		case "Dimensions":
			s.Dimensions = map[string]string{}
			for _, d := range v.GetKvlistValue().GetValues() {
				s.Dimensions[d.GetKey()] = d.GetValue().GetStringValue()
			}
		}
	}
}

// quantileName is min, max, p99 or p99.9.
func quantileName(q float64) string {
	switch q {
	case 0:
		return "min"
	case 1:
		return "max"
	}
	return "p" + strconv.FormatFloat(q*100, 'g', 6, 64)
}
