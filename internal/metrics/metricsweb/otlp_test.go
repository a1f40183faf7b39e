package metricsweb_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	otlppb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const cumulative = otlppb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE

func attr(k, v string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}}
}

func number(v float64, attrs ...*commonpb.KeyValue) *otlppb.NumberDataPoint {
	return &otlppb.NumberDataPoint{TimeUnixNano: uint64(epoch.UnixNano()), Attributes: attrs, Value: &otlppb.NumberDataPoint_AsDouble{AsDouble: v}}
}

func gauge(name, unit string, ps ...*otlppb.NumberDataPoint) *otlppb.Metric {
	return &otlppb.Metric{Name: name, Unit: unit, Data: &otlppb.Metric_Gauge{Gauge: &otlppb.Gauge{DataPoints: ps}}}
}

func sum(name, unit string, monotonic bool, ps ...*otlppb.NumberDataPoint) *otlppb.Metric {
	return &otlppb.Metric{Name: name, Unit: unit, Data: &otlppb.Metric_Sum{Sum: &otlppb.Sum{IsMonotonic: monotonic, AggregationTemporality: cumulative, DataPoints: ps}}}
}

func export(ms ...*otlppb.Metric) *otlppb.MetricsData {
	return &otlppb.MetricsData{ResourceMetrics: []*otlppb.ResourceMetrics{{
		Resource:     &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attr("service.name", "shop"), attr("service.namespace", "demo"), attr("service.instance.id", "i-1"), attr("host.name", "h")}},
		ScopeMetrics: []*otlppb.ScopeMetrics{{Metrics: ms}},
	}}}
}

func sendOTLP(t testing.TB, url string, req *otlppb.MetricsData) answer {
	t.Helper()
	b, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, "POST", url+"/v1/metrics", string(b), "Content-Type", "application/x-protobuf")
}

func TestOTLPNamesByTheSpecification(t *testing.T) {
	t.Parallel()
	_, srv := door(t)
	a := sendOTLP(t, srv.URL, export(
		gauge("system.memory.usage", "By", number(1)),
		gauge("cpu.utilization", "1", number(1)),
		gauge("speed", "m/s", number(1)),
		gauge("queue size!", "{items}", number(1)),
		gauge("2xx", "", number(1)),
		sum("http.requests", "{request}", true, number(1)),
		sum("bytes_total", "By", true, number(1)),
		sum("cpu.time", "s", true, number(1)),
		sum("in.flight", "", false, number(1)),
	))
	if a.code != 200 || a.body != "" {
		t.Fatalf("got %d %q, want 200 and an empty response", a.code, a.body)
	}
	names := send(t, "GET", srv.URL+"/prometheus/api/v1/label/__name__/values", "")
	diff(t, "names", `{"status":"success","data":["_2xx","bytes_total","cpu_time_seconds_total","cpu_utilization_ratio","http_requests_total","in_flight","queue_size","speed_meters_per_second","system_memory_usage_bytes","target_info"]}`, names.body)
	diff(t, "the resource", `[{"metric":{"__name__":"target_info","host_name":"h","instance":"i-1","job":"demo/shop"},"value":[1793534400,"1"]}]`, result(t, srv.URL, "target_info"))
	diff(t, "its series", `[{"metric":{"__name__":"in_flight","instance":"i-1","job":"demo/shop"},"value":[1793534400,"1"]}]`, result(t, srv.URL, "in_flight"))
}

func TestOTLPHistogramsAndSummaries(t *testing.T) {
	t.Parallel()
	_, srv := door(t)
	total, now := 9.5, uint64(epoch.UnixNano())
	classic := &otlppb.Metric{Name: "lat", Unit: "s", Data: &otlppb.Metric_Histogram{Histogram: &otlppb.Histogram{AggregationTemporality: cumulative, DataPoints: []*otlppb.HistogramDataPoint{{
		TimeUnixNano: now, Count: 6, Sum: &total, ExplicitBounds: []float64{0.5, 1}, BucketCounts: []uint64{1, 2, 3},
		Exemplars: []*otlppb.Exemplar{{TimeUnixNano: now, Value: &otlppb.Exemplar_AsDouble{AsDouble: 0.7}, TraceId: []byte{1, 2, 3}}},
	}}}}}
	native := &otlppb.Metric{Name: "exp", Data: &otlppb.Metric_ExponentialHistogram{ExponentialHistogram: &otlppb.ExponentialHistogram{AggregationTemporality: cumulative, DataPoints: []*otlppb.ExponentialHistogramDataPoint{{
		TimeUnixNano: now, Count: 7, Sum: &total, ZeroCount: 1, Scale: 0,
		Positive: &otlppb.ExponentialHistogramDataPoint_Buckets{Offset: -1, BucketCounts: []uint64{2, 0, 0, 3}},
		Negative: &otlppb.ExponentialHistogramDataPoint_Buckets{Offset: 1, BucketCounts: []uint64{1}},
	}}}}}
	fine := &otlppb.Metric{Name: "fine", Data: &otlppb.Metric_ExponentialHistogram{ExponentialHistogram: &otlppb.ExponentialHistogram{AggregationTemporality: cumulative, DataPoints: []*otlppb.ExponentialHistogramDataPoint{{
		TimeUnixNano: now, Count: 8, Sum: &total, Scale: 10,
		Positive: &otlppb.ExponentialHistogramDataPoint_Buckets{Offset: -2, BucketCounts: []uint64{1, 1, 1, 1, 1, 1, 1, 1}},
	}}}}}
	summary := &otlppb.Metric{Name: "sumry", Data: &otlppb.Metric_Summary{Summary: &otlppb.Summary{DataPoints: []*otlppb.SummaryDataPoint{{
		TimeUnixNano: now, Count: 3, Sum: 4, QuantileValues: []*otlppb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0.99, Value: 2}},
	}}}}}
	if a := sendOTLP(t, srv.URL, export(classic, native, fine, summary)); a.code != 200 || a.body != "" {
		t.Fatalf("got %d %q", a.code, a.body)
	}
	for q, want := range map[string]string{
		`sum without(job,instance) (lat_seconds_bucket{le="0.5"})`:  `"1"`,
		`sum without(job,instance) (lat_seconds_bucket{le="1"})`:    `"3"`,
		`sum without(job,instance) (lat_seconds_bucket{le="+Inf"})`: `"6"`,
		`sum(lat_seconds_count)`:                                    `"6"`,
		`sum(lat_seconds_sum)`:                                      `"9.5"`,
		`sum(histogram_count(exp))`:                                 `"7"`,
		`histogram_fraction(0.5, 1, sum(exp)) * 7`:                  `"2"`,
		`histogram_fraction(4, 8, sum(exp)) * 7`:                    `"3"`,
		`histogram_fraction(-4, -2, sum(exp)) * 7`:                  `"1"`,
		`sum(histogram_count(fine))`:                                `"8"`,
		`sum(sumry{quantile="0.99"})`:                               `"2"`,
		`sum(sumry_count)`:                                          `"3"`,
	} {
		if got := result(t, srv.URL, q); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", q, got, want)
		}
	}
	e := send(t, "GET", srv.URL+"/prometheus/api/v1/query_exemplars?query=lat_seconds_bucket", "")
	if !strings.Contains(e.body, `"le":"1"`) || !strings.Contains(e.body, `"trace_id":"010203"`) || strings.Contains(e.body, `"le":"0.5"`) {
		t.Errorf("the exemplar: got %s, want it at le=1 alone", e.body)
	}
}

func TestOTLPPartialSuccess(t *testing.T) {
	t.Parallel()
	_, srv := door(t)
	delta := sum("deltas", "", true, number(1), number(2))
	delta.GetSum().AggregationTemporality = otlppb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	timeless := gauge("timeless", "", &otlppb.NumberDataPoint{})
	a := sendOTLP(t, srv.URL, export(delta, timeless, gauge("good", "", number(4))))
	_, _, n := protowire.ConsumeTag(a.raw)
	msg, _ := protowire.ConsumeBytes(a.raw[n:])
	_, _, n = protowire.ConsumeTag(msg)
	rejected, m := protowire.ConsumeVarint(msg[n:])
	if a.code != 200 || rejected != 3 || !strings.Contains(string(msg[n+m:]), "delta temporality") {
		t.Errorf("got %d, %d rejected, %q, want 200, 3 and a word on delta", a.code, rejected, msg)
	}
	if got := result(t, srv.URL, "good"); !strings.Contains(got, `"4"`) {
		t.Errorf("the good point: got %s", got)
	}
}

func TestOTLPInJSONAndGzip(t *testing.T) {
	t.Parallel()
	_, srv := door(t)
	body := fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},"unknown":1,"scopeMetrics":[{"scope":{"name":"lib","version":"1"},"metrics":[
	 {"name":"j.hits","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"timeUnixNano":"%d","asInt":"3","attributes":[{"key":"a.b","value":{"intValue":"5"}},{"key":"a_b","value":{"boolValue":true}}],
	  "exemplars":[{"timeUnixNano":"%d","asDouble":1,"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}},
	 {"name":"d","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"timeUnixNano":"1","asInt":"3"}]}}]}]}]}`, epoch.UnixNano(), epoch.UnixNano())
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	fmt.Fprint(w, body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a := send(t, "POST", srv.URL+"/prometheus/api/v1/otlp/v1/metrics", z.String(), "Content-Type", "application/json", "Content-Encoding", "gzip")
	var got struct {
		PartialSuccess struct{ RejectedDataPoints, ErrorMessage string }
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.code != 200 || got.PartialSuccess.RejectedDataPoints != "1" {
		t.Fatalf("got %d %s (%v), want one rejected", a.code, a.body, err)
	}
	diff(t, "series", `[{"metric":{"__name__":"j_hits_total","a_b":"5;true","job":"s","otel_scope_name":"lib","otel_scope_version":"1"},"value":[1793534400,"3"]}]`, result(t, srv.URL, "j_hits_total"))
	e := send(t, "GET", srv.URL+"/prometheus/api/v1/query_exemplars?query=j_hits_total", "")
	if !strings.Contains(e.body, `"span_id":"eee19b7ec3c1b174","trace_id":"5b8efff798038103d269b633813fc60c"`) {
		t.Errorf("ids: got %s, want them as they were sent", e.body)
	}
	for name, c := range map[string]struct {
		body, ct, enc string
		want          int
	}{
		"not JSON":     {"{", "application/json", "", 400},
		"not protobuf": {"hello", "application/x-protobuf", "", 400},
		"text":         {"", "text/plain", "", 415},
		"brotli":       {"", "application/json", "br", 415},
		"not gzip":     {"x", "application/json", "gzip", 400},
		"nothing":      {"", "application/x-protobuf", "", 200},
	} {
		if a := send(t, "POST", srv.URL+"/v1/metrics", c.body, "Content-Type", c.ct, "Content-Encoding", c.enc); a.code != c.want {
			t.Errorf("%s: got %d %s, want %d", name, a.code, a.body, c.want)
		}
	}
}
