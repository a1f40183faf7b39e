package metricsweb_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/hinoban/hinoban/internal/metrics/metricsweb"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

const protoV2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"

func series(ms int64, v float64, kv ...string) prompb.TimeSeries {
	ts := prompb.TimeSeries{Samples: []prompb.Sample{{Timestamp: ms, Value: v}}}
	for i := 0; i < len(kv); i += 2 {
		ts.Labels = append(ts.Labels, prompb.Label{Name: kv[i], Value: kv[i+1]})
	}
	return ts
}

func marshal(t testing.TB, m interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeV1(t testing.TB, url string, req *prompb.WriteRequest) answer {
	t.Helper()
	return send(t, "POST", url+"/prometheus/api/v1/write", compress(marshal(t, req)),
		"Content-Encoding", "snappy", "Content-Type", "application/x-protobuf", "X-Prometheus-Remote-Write-Version", "0.1.0")
}

func writeV2(t testing.TB, url string, req *writev2.Request) answer {
	t.Helper()
	return send(t, "POST", url+"/prometheus/api/v1/write", compress(marshal(t, req)),
		"Content-Encoding", "snappy", "Content-Type", protoV2, "X-Prometheus-Remote-Write-Version", "2.0.0")
}

// result returns the result of an instant query as JSON.
func result(t testing.TB, url, query string) string {
	t.Helper()
	a := send(t, "GET", url+"/prometheus/api/v1/"+escape("query?query="+query), "")
	_, s, _ := strings.Cut(a.body, `"result":`)
	s, _, _ = strings.Cut(s, `},"infos"`)
	return strings.TrimSuffix(s, "}}")
}

var nowMS = epoch.UnixMilli()

func TestRemoteWriteV1(t *testing.T) {
	t.Parallel()
	_, srv := door(t)
	h := prompb.FromIntHistogram(nowMS, &histogram.Histogram{Count: 2, Sum: 3, PositiveSpans: []histogram.Span{{Offset: 1, Length: 1}}, PositiveBuckets: []int64{2}})
	fh := prompb.FromFloatHistogram(nowMS, &histogram.FloatHistogram{Count: 2.5, Sum: 3, PositiveSpans: []histogram.Span{{Offset: 1, Length: 1}}, PositiveBuckets: []float64{2.5}})
	withExemplar := series(nowMS, 7, "__name__", "hits_total", "a", "火")
	withExemplar.Exemplars = []prompb.Exemplar{{Value: 1, Timestamp: nowMS, Labels: []prompb.Label{{Name: "trace_id", Value: "abc"}}}}
	a := writeV1(t, srv.URL, &prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{
			withExemplar,
			series(nowMS, math.Float64frombits(value.StaleNaN), "__name__", "gone"),
			{Labels: []prompb.Label{{Name: "__name__", Value: "ih"}}, Histograms: []prompb.Histogram{h}},
			{Labels: []prompb.Label{{Name: "__name__", Value: "fh"}}, Histograms: []prompb.Histogram{fh}},
		},
		Metadata: []prompb.MetricMetadata{{MetricFamilyName: "hits_total", Type: prompb.MetricMetadata_COUNTER, Help: "Hits."}},
	})
	if a.code != 204 {
		t.Fatalf("got %d %s, want 204", a.code, a.body)
	}
	diff(t, "float", `[{"metric":{"__name__":"hits_total","a":"火"},"value":[1793534400,"7"]}]`, result(t, srv.URL, "hits_total"))
	diff(t, "a stale marker ends the series", `[]`, result(t, srv.URL, "gone"))
	diff(t, "int histogram", `[{"metric":{},"value":[1793534400,"2"]}]`, result(t, srv.URL, "histogram_count(ih)"))
	diff(t, "float histogram", `[{"metric":{},"value":[1793534400,"2.5"]}]`, result(t, srv.URL, "histogram_count(fh)"))
	m := send(t, "GET", srv.URL+"/prometheus/api/v1/metadata", "")
	diff(t, "metadata", `{"status":"success","data":{"hits_total":[{"type":"counter","unit":"","help":"Hits."}]}}`, m.body)
	e := send(t, "GET", srv.URL+"/prometheus/api/v1/query_exemplars?query=hits_total", "")
	diff(t, "exemplars", `{"status":"success","data":[{"seriesLabels":{"__name__":"hits_total","a":"火"},"exemplars":[{"labels":{"trace_id":"abc"},"value":"1","timestamp":1793534400}]}]}`, e.body)
}

func TestRemoteWriteKeepsTheGoodAndNamesTheBad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bad  prompb.TimeSeries
		want string
	}{
		"unsorted":      {series(nowMS, 1, "b", "1", "__name__", "x"), "not sorted"},
		"twice":         {series(nowMS, 1, "__name__", "x", "a", "1", "a", "2"), `label "a" twice`},
		"empty value":   {series(nowMS, 1, "__name__", "x", "a", ""), `label "a" is empty`},
		"empty name":    {series(nowMS, 1, "", "x", "__name__", "x"), "without a name"},
		"no metric":     {series(nowMS, 1, "a", "1"), "without a name"},
		"not UTF-8":     {series(nowMS, 1, "__name__", "x\xff"), "not UTF-8"},
		"too old":       {series(nowMS-3*3600e3, 1, "__name__", "good"), "too old"},
		"in the future": {series(nowMS+3600e3, 1, "__name__", "good"), "future"},
		"duplicate":     {series(nowMS-1000, 99, "__name__", "good"), "duplicate"},
		"two at once": {prompb.TimeSeries{
			Labels:  []prompb.Label{{Name: "__name__", Value: "y"}},
			Samples: []prompb.Sample{{Timestamp: nowMS, Value: 1}, {Timestamp: nowMS, Value: 2}},
		}, "duplicate"},
		"broken histogram": {prompb.TimeSeries{
			Labels:     []prompb.Label{{Name: "__name__", Value: "h"}},
			Histograms: []prompb.Histogram{prompb.FromIntHistogram(nowMS, &histogram.Histogram{Count: 99, PositiveSpans: []histogram.Span{{Length: 1}}, PositiveBuckets: []int64{1}})},
		}, "observations"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, srv := door(t)
			if a := writeV1(t, srv.URL, &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{series(nowMS-1000, 1, "__name__", "good")}}); a.code != 204 {
				t.Fatalf("got %d %s", a.code, a.body)
			}
			a := writeV1(t, srv.URL, &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{c.bad, series(nowMS, 5, "__name__", "good")}})
			if a.code != 400 || !strings.Contains(a.body, c.want) {
				t.Errorf("got %d %q, want 400 with %q", a.code, a.body, c.want)
			}
			diff(t, "the good sample", `[{"metric":{"__name__":"good"},"value":[1793534400,"5"]}]`, result(t, srv.URL, "good"))
		})
	}
}

func TestRemoteWriteV2(t *testing.T) {
	t.Parallel()
	_, srv := door(t)
	req := &writev2.Request{
		Symbols: []string{"", "__name__", "hits_total", "trace_id", "abc", "Hits.", "native", "late"},
		Timeseries: []writev2.TimeSeries{
			{
				LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Timestamp: nowMS - 1000, Value: 6, StartTimestamp: nowMS - 5000}, {Timestamp: nowMS, Value: 7}},
				Exemplars: []writev2.Exemplar{{LabelsRefs: []uint32{3, 4}, Value: 1, Timestamp: nowMS}},
				Metadata:  writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: 5},
			},
			{LabelsRefs: []uint32{1, 6}, Histograms: []writev2.Histogram{writev2.FromIntHistogram(0, nowMS, &histogram.Histogram{Count: 2, Sum: 3, PositiveSpans: []histogram.Span{{Offset: 1, Length: 1}}, PositiveBuckets: []int64{2}})}},
		},
	}
	a := writeV2(t, srv.URL, req)
	written := func(a answer) string {
		h := func(k string) string { return a.header.Get("X-Prometheus-Remote-Write-" + k + "-Written") }
		return fmt.Sprintf("%d samples %s histograms %s exemplars %s", a.code, h("Samples"), h("Histograms"), h("Exemplars"))
	}
	diff(t, "all good", "204 samples 2 histograms 1 exemplars 1", written(a))
	diff(t, "value", `[{"metric":{"__name__":"hits_total"},"value":[1793534400,"7"]}]`, result(t, srv.URL, "hits_total"))
	m := send(t, "GET", srv.URL+"/prometheus/api/v1/metadata?metric=hits_total", "")
	diff(t, "metadata", `{"status":"success","data":{"hits_total":[{"type":"counter","unit":"","help":"Hits."}]}}`, m.body)

	req.Timeseries = []writev2.TimeSeries{
		{LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Timestamp: nowMS, Value: 99}, {Timestamp: nowMS + 1, Value: 8}}},
		{LabelsRefs: []uint32{1, 77}, Samples: []writev2.Sample{{Timestamp: nowMS}}},
		{LabelsRefs: []uint32{1}, Samples: []writev2.Sample{{Timestamp: nowMS}}},
		{LabelsRefs: []uint32{1, 7}},
	}
	a = writeV2(t, srv.URL, req)
	diff(t, "one good of four", "400 samples 1 histograms 0 exemplars 0", written(a))
	for _, want := range []string{"duplicate", "outside of the 8 symbols", "odd number", "must hold a sample"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("got %q, want it to say %q", a.body, want)
		}
	}
	req.Symbols[0] = "x"
	if a = writeV2(t, srv.URL, req); a.code != 400 {
		t.Errorf("a first symbol that is not empty: got %d, want 400", a.code)
	}
}

func TestRemoteWriteRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return epoch }
	lim := promstore.DefaultLimits()
	lim.MaxBatch = 2
	s := store(t, promstore.Options{Now: now, Limits: lim})
	srv := serve(t, metricsweb.Options{Store: s, Now: now, MaxBody: 1000, MaxDecoded: 2000})
	ok := compress(marshal(t, &prompb.WriteRequest{}))
	bomb := compress(make([]byte, 5000))
	many := prompb.WriteRequest{}
	for i := range 3 {
		many.Timeseries = append(many.Timeseries, series(nowMS, 1, "__name__", fmt.Sprint("m", i)))
	}
	for name, c := range map[string]struct {
		body, enc, ct string
		want          int
	}{
		"empty request":   {ok, "snappy", "application/x-protobuf", 204},
		"1.0 by name":     {ok, "snappy", "application/x-protobuf;proto=prometheus.WriteRequest", 204},
		"no type":         {ok, "", "", 204},
		"gzip":            {ok, "gzip", "application/x-protobuf", 415},
		"JSON":            {ok, "snappy", "application/json", 415},
		"unknown message": {ok, "snappy", "application/x-protobuf;proto=x.Y", 415},
		"not snappy":      {"\xff\xff\xff", "snappy", "application/x-protobuf", 400},
		"not protobuf":    {compress([]byte("hello")), "snappy", "application/x-protobuf", 400},
		"claims 4 GB":     {"\xff\xff\xff\xff\x0f", "snappy", "application/x-protobuf", 413},
		"a bomb":          {bomb, "snappy", "application/x-protobuf", 413},
		"a long body":     {strings.Repeat("x", 2000), "snappy", "application/x-protobuf", 413},
		"many samples":    {compress(marshal(t, &many)), "snappy", "application/x-protobuf", 413},
	} {
		a := send(t, "POST", srv.URL+"/prometheus/api/v1/write", c.body, "Content-Encoding", c.enc, "Content-Type", c.ct)
		if a.code != c.want {
			t.Errorf("%s: got %d %s, want %d", name, a.code, a.body, c.want)
		}
	}
	diff(t, "nothing of a request that was too large", `[]`, result(t, srv.URL, "m0"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	a := writeV1(t, srv.URL, &prompb.WriteRequest{})
	if a.code != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("a closed store: got %d, want 503 and Retry-After", a.code)
	}
}
