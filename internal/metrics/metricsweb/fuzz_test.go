package metricsweb_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	otlppb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/hinoban/hinoban/internal/metrics/metricsweb"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

// receiver returns what posts a body to path and fails on an answer that is
// not one of codes: in particular a 503, for no input may look like our fault.
func receiver(f *testing.F, path string, codes ...int) func(t *testing.T, body, contentType string) {
	now := func() time.Time { return epoch }
	s := store(f, promstore.Options{Now: now})
	mux := http.NewServeMux()
	for _, r := range metricsweb.Routes(metricsweb.Options{Store: s, Now: now, MaxDecoded: 1 << 20}) {
		mux.Handle(r.Pattern, r.Handler)
	}
	return func(t *testing.T, body, contentType string) {
		req := httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(body))
		req.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, req)
		if !slices.Contains(codes, w.Code) {
			t.Errorf("got %d %s, want one of %v", w.Code, w.Body, codes)
		}
		if err := s.Health(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func FuzzRemoteWriteV1(f *testing.F) {
	h := prompb.FromIntHistogram(nowMS, &histogram.Histogram{Count: 2, Sum: 3, PositiveSpans: []histogram.Span{{Offset: 1, Length: 1}}, PositiveBuckets: []int64{2}})
	f.Add(marshal(f, &prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{series(nowMS, 1, "__name__", "x", "a", "b"), {Labels: []prompb.Label{{Name: "__name__", Value: "h"}}, Histograms: []prompb.Histogram{h}}},
		Metadata:   []prompb.MetricMetadata{{MetricFamilyName: "x", Help: "h"}},
	}))
	f.Add([]byte{})
	post := receiver(f, "/prometheus/api/v1/write", 204, 400, 413)
	f.Fuzz(func(t *testing.T, body []byte) { post(t, compress(body), "application/x-protobuf") })
}

func FuzzRemoteWriteV2(f *testing.F) {
	f.Add(marshal(f, &writev2.Request{
		Symbols: []string{"", "__name__", "x"},
		Timeseries: []writev2.TimeSeries{
			{LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Timestamp: nowMS, Value: 1}}, Exemplars: []writev2.Exemplar{{LabelsRefs: []uint32{1, 2}, Timestamp: nowMS}}},
			{LabelsRefs: []uint32{1, 2}, Histograms: []writev2.Histogram{writev2.FromIntHistogram(0, nowMS, &histogram.Histogram{Count: 2, Sum: 3, PositiveSpans: []histogram.Span{{Offset: 1, Length: 1}}, PositiveBuckets: []int64{2}})}},
		},
	}))
	post := receiver(f, "/prometheus/api/v1/write", 204, 400, 413)
	f.Fuzz(func(t *testing.T, body []byte) { post(t, compress(body), protoV2) })
}

func FuzzRemoteWriteSnappy(f *testing.F) {
	f.Add([]byte(compress([]byte("hello"))))
	f.Add([]byte("\xff\xff\xff\xff\x0f"))
	post := receiver(f, "/prometheus/api/v1/write", 204, 400, 413)
	f.Fuzz(func(t *testing.T, body []byte) { post(t, string(body), "application/x-protobuf") })
}

func otlpSeed() *otlppb.MetricsData {
	v, now := 1.5, uint64(epoch.UnixNano())
	return export(
		gauge("g", "By", number(1, attr("a.b", "c"))), sum("s", "", true, number(2)),
		&otlppb.Metric{Name: "h", Data: &otlppb.Metric_Histogram{Histogram: &otlppb.Histogram{AggregationTemporality: cumulative, DataPoints: []*otlppb.HistogramDataPoint{{
			TimeUnixNano: now, Count: 3, Sum: &v, ExplicitBounds: []float64{1}, BucketCounts: []uint64{1, 2}, Exemplars: []*otlppb.Exemplar{{TimeUnixNano: now, TraceId: []byte{1}}},
		}}}}},
		&otlppb.Metric{Name: "e", Data: &otlppb.Metric_ExponentialHistogram{ExponentialHistogram: &otlppb.ExponentialHistogram{AggregationTemporality: cumulative, DataPoints: []*otlppb.ExponentialHistogramDataPoint{{
			TimeUnixNano: now, Count: 3, Sum: &v, Scale: 9, Positive: &otlppb.ExponentialHistogramDataPoint_Buckets{Offset: -3, BucketCounts: []uint64{1, 0, 2}},
		}}}}},
		&otlppb.Metric{Name: "y", Data: &otlppb.Metric_Summary{Summary: &otlppb.Summary{DataPoints: []*otlppb.SummaryDataPoint{{TimeUnixNano: now, Count: 1, QuantileValues: []*otlppb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0.5}}}}}}},
	)
}

func FuzzOTLP(f *testing.F) {
	b, err := proto.Marshal(otlpSeed())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	post := receiver(f, "/v1/metrics", 200, 400, 413)
	f.Fuzz(func(t *testing.T, body []byte) { post(t, string(body), "application/x-protobuf") })
}

func FuzzOTLPJSON(f *testing.F) {
	b, err := protojson.Marshal(otlpSeed())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Add(`{"resourceMetrics":[null]}`)
	post := receiver(f, "/v1/metrics", 200, 400, 413)
	f.Fuzz(func(t *testing.T, body string) { post(t, body, "application/json") })
}

// FuzzQueryParams asks with arbitrary parameters: an answer or a refusal, and
// always JSON.
func FuzzQueryParams(f *testing.F) {
	f.Add("up", "1", "2", "1", "5m", "3")
	f.Add("rate(x[5m])", "2026-11-01T12:00:00Z", "-1e300", "NaN", "1y", "-1")
	now := func() time.Time { return epoch }
	s := store(f, promstore.Options{Now: now, QueryTimeout: time.Second, MaxSamples: 10_000})
	srv := serve(f, metricsweb.Options{Store: s, Now: now})
	f.Fuzz(func(t *testing.T, query, from, to, step, timeout, limit string) {
		for _, path := range []string{"query_range?start=%s&end=%s&step=%s&timeout=%s&limit=%s&query=%s", "series?start=%s&end=%s&x=%s&y=%s&limit=%s&match[]=%s"} {
			q := fmt.Sprintf(path, esc(from), esc(to), esc(step), esc(timeout), esc(limit), esc(query))
			a := send(t, "GET", srv.URL+"/prometheus/api/v1/"+q, "")
			if a.code == 500 || !strings.HasPrefix(a.body, "{") {
				t.Errorf("%s: got %d %s", q, a.code, a.body)
			}
		}
	})
}

func esc(s string) string { return url.QueryEscape(s) }
