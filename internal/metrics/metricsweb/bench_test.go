package metricsweb_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/hinoban/hinoban/internal/metrics/metricsweb"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

const perRequest = 2000

// BenchmarkRemoteWrite sends requests of 2,000 samples, over 20,000 series, to
// the receiver. samples/core-s counts the processor time of the whole process
// while the receiver works, the collector included; making the bodies is not in
// it.
func BenchmarkRemoteWrite(b *testing.B) {
	for _, message := range []string{"v1", "v2"} {
		b.Run(message, func(b *testing.B) {
			s := store(b, promstore.Options{})
			var h http.Handler
			for _, r := range metricsweb.Routes(metricsweb.Options{Store: s, Now: time.Now}) {
				if r.Pattern == "POST /prometheus/api/v1/write" {
					h = r.Handler
				}
			}
			build, contentType := bodiesV1(b), "application/x-protobuf"
			if message == "v2" {
				build, contentType = bodiesV2(b), protoV2
			}
			start := time.Now().Add(-time.Hour).UnixMilli()
			bodies := make([]string, b.N)
			for n := range bodies {
				bodies[n] = build(n%10, start+int64(n/10))
			}
			runtime.GC()
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			for _, body := range bodies {
				req := httptest.NewRequestWithContext(b.Context(), "POST", "/prometheus/api/v1/write", strings.NewReader(body))
				req.Header.Set("Content-Encoding", "snappy")
				req.Header.Set("Content-Type", contentType)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, req)
				if w.Code != http.StatusNoContent {
					b.Fatal(w.Code, w.Body)
				}
			}
			b.ReportMetric(float64(b.N)*perRequest/(cpu(b)-before).Seconds(), "samples/core-s")
			b.ReportMetric(float64(b.N)*perRequest/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchLabels(i int) []prompb.Label {
	return []prompb.Label{
		{Name: "__name__", Value: "rw_total"},
		{Name: "instance", Value: fmt.Sprintf("h%d", i%100)},
		{Name: "job", Value: "api"},
		{Name: "route", Value: fmt.Sprintf("/r/%d", i)},
	}
}

func bodiesV1(b *testing.B) func(group int, ms int64) string {
	reqs := make([]prompb.WriteRequest, 10)
	for i := range 10 * perRequest {
		r := &reqs[i/perRequest]
		r.Timeseries = append(r.Timeseries, prompb.TimeSeries{Labels: benchLabels(i), Samples: make([]prompb.Sample, 1)})
	}
	return func(group int, ms int64) string {
		for i := range reqs[group].Timeseries {
			reqs[group].Timeseries[i].Samples[0] = prompb.Sample{Timestamp: ms, Value: float64(ms)}
		}
		return compress(marshal(b, &reqs[group]))
	}
}

func bodiesV2(b *testing.B) func(group int, ms int64) string {
	reqs := make([]writev2.Request, 10)
	for g := range reqs {
		table := writev2.NewSymbolTable()
		for i := range perRequest {
			var refs []uint32
			for _, l := range benchLabels(g*perRequest + i) {
				refs = append(refs, table.Symbolize(l.Name), table.Symbolize(l.Value))
			}
			reqs[g].Timeseries = append(reqs[g].Timeseries, writev2.TimeSeries{LabelsRefs: refs, Samples: make([]writev2.Sample, 1), Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER}})
		}
		reqs[g].Symbols = table.Symbols()
	}
	return func(group int, ms int64) string {
		for i := range reqs[group].Timeseries {
			reqs[group].Timeseries[i].Samples[0] = writev2.Sample{Timestamp: ms, Value: float64(ms)}
		}
		return compress(marshal(b, &reqs[group]))
	}
}
