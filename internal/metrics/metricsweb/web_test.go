package metricsweb_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/metricstest"
	"github.com/hinoban/hinoban/internal/metrics/metricsweb"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/metrics/remotestore"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// epoch is the time of all tests that do not need the real one.
var epoch = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func store(t testing.TB, o promstore.Options) *promstore.Store {
	t.Helper()
	o.Dir = t.TempDir()
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := promstore.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func serve(t testing.TB, o metricsweb.Options) *httptest.Server {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	mux := http.NewServeMux()
	for _, r := range metricsweb.Routes(o) {
		mux.Handle(r.Pattern, r.Handler)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

// door opens a store with a clock at epoch and its API.
func door(t testing.TB) (*promstore.Store, *httptest.Server) {
	t.Helper()
	now := func() time.Time { return epoch }
	s := store(t, promstore.Options{Now: now})
	return s, serve(t, metricsweb.Options{Store: s, Now: now, Version: "test"})
}

type answer struct {
	code   int
	header http.Header
	body   string // without space around it
	raw    []byte
}

func send(t testing.TB, method, url, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, strings.TrimSpace(string(b)), b}
}

func add(t testing.TB, s *promstore.Store, series ...metrics.Series) {
	t.Helper()
	b, err := s.Batch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range series {
		for _, p := range x.Points {
			if _, err := b.Add(0, labels.FromMap(x.Labels), promstore.Sample{T: p.T.UnixMilli(), V: p.V}); err != nil {
				t.Error(err)
			}
		}
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRemoteEngineConforms(t *testing.T) {
	t.Parallel()
	metricstest.Run(t, time.Now(), func(t *testing.T) (metrics.Engine, metricstest.Append) {
		s := store(t, promstore.Options{})
		srv := serve(t, metricsweb.Options{Store: s})
		far, err := remotestore.New(remotestore.Options{URL: srv.URL + "/prometheus/"})
		if err != nil {
			t.Fatal(err)
		}
		return far, func(t *testing.T, series ...metrics.Series) { add(t, s, series...) }
	})
}

func TestProxyConforms(t *testing.T) {
	t.Parallel()
	metricstest.Run(t, time.Now(), func(t *testing.T) (metrics.Engine, metricstest.Append) {
		s := store(t, promstore.Options{})
		behind := serve(t, metricsweb.Options{Store: s})
		far, err := remotestore.New(remotestore.Options{URL: behind.URL + "/prometheus"})
		if err != nil {
			t.Fatal(err)
		}
		front := serve(t, metricsweb.Options{Remote: far})
		through, err := remotestore.New(remotestore.Options{URL: front.URL + "/prometheus"})
		if err != nil {
			t.Fatal(err)
		}
		if a := send(t, "POST", front.URL+"/prometheus/api/v1/write", ""); a.code != 404 || !strings.Contains(a.body, "metrics.url") {
			t.Errorf("a write to a proxy: got %d %s, want 404 and why", a.code, a.body)
		}
		if a := send(t, "GET", front.URL+"/prometheus/api/v1/label/__name__/values", ""); a.code != 200 {
			t.Errorf("label values through the proxy: got %d %s", a.code, a.body)
		}
		return through, func(t *testing.T, series ...metrics.Series) { add(t, s, series...) }
	})
}

func TestAnswersInPrometheusForm(t *testing.T) {
	t.Parallel()
	s, srv := door(t)
	at := func(d time.Duration, v float64) metrics.Point { return metrics.Point{T: epoch.Add(d), V: v} }
	add(t, s,
		metrics.Series{Labels: map[string]string{"__name__": "up", "job": "a<b>&\"\n"}, Points: []metrics.Point{at(-time.Minute, 1), at(-500*time.Millisecond, 0)}},
		metrics.Series{Labels: map[string]string{"__name__": "odd"}, Points: []metrics.Point{at(-time.Minute, math.Inf(1)), at(-time.Second, math.NaN())}},
		metrics.Series{Labels: map[string]string{"__name__": "big"}, Points: []metrics.Point{at(-time.Second, 1e21)}},
	)
	b, err := s.Batch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := &histogram.Histogram{Schema: 0, Count: 3, Sum: 4.5, ZeroThreshold: 0.001, ZeroCount: 1, PositiveSpans: []histogram.Span{{Offset: 1, Length: 1}}, PositiveBuckets: []int64{2}}
	if _, err := b.Add(0, labels.FromStrings("__name__", "native"), promstore.Sample{T: epoch.Add(-time.Second).UnixMilli(), H: h}); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	const job = `a<b>&\"\n`
	for path, want := range map[string]string{
		"query?query=up":                 `200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"` + job + `"},"value":[1793534400,"0"]}]}}`,
		"query?query=up&time=1793534399": `200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"` + job + `"},"value":[1793534399,"1"]}]}}`,
		"query?query=1.5":                `200 {"status":"success","data":{"resultType":"scalar","result":[1793534400,"1.5"]}}`,
		`query?query="火"`:                `200 {"status":"success","data":{"resultType":"string","result":[1793534400,"火"]}}`,
		"query?query=odd":                `200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"odd"},"value":[1793534400,"NaN"]}]}}`,
		"query?query=big":                `200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"big"},"value":[1793534400,"1e+21"]}]}}`,
		"query?query=native":             `200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"native"},"histogram":[1793534400,{"count":"3","sum":"4.5","buckets":[[3,"-0.001","0.001","1"],[0,"1","2","2"]]}]}]}}`,
		"query?query=nobody":             `200 {"status":"success","data":{"resultType":"vector","result":[]}}`,
		"query?query=odd[70s]":           `200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"odd"},"values":[[1793534340,"+Inf"],[1793534399,"NaN"]]}]}}`,
		"query_range?query=up&start=1793534399.5&end=1793534400&step=0.5": `200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"` + job + `"},"values":[[1793534399.500,"0"],[1793534400,"0"]]}]}}`,
		"query?query=rate(up[5m])&limit=0":                                `200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"` + job + `"},"value":[1793534400,"0"]}]},"infos":["PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"up\" (1:6)"]}`,
		`query?query=sort({__name__=~"odd|big"})&limit=1`:                 `200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"big"},"value":[1793534400,"1e+21"]}]},"warnings":["results truncated due to limit"]}`,
		"query?query=up[":                                 `400 {"error":"invalid parameter \"query\": 1:4: parse error: unexpected end of input in duration expression","errorType":"bad_data","status":"error"}`,
		"query?query=up&time=x":                           `400 {"error":"invalid parameter \"time\": Invalid time value for 'time': cannot parse \"x\" to a valid timestamp","errorType":"bad_data","status":"error"}`,
		"query?query=up%2Bon(j)odd":                       `200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1793534400,"NaN"]}]}}`,
		"query_range?query=up&start=0&end=1000000&step=1": `400 {"error":"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)","errorType":"bad_data","status":"error"}`,
		"query_range?query=up&start=2&end=1&step=1":       `400 {"error":"invalid parameter \"end\": end timestamp must not be before start time","errorType":"bad_data","status":"error"}`,
		"query_range?query=up&start=1&end=2&step=0":       `400 {"error":"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer","errorType":"bad_data","status":"error"}`,
		"query?query=up&timeout=0.000000001":              `503 {"error":"query \"up\": query timed out in waiting for a free slot","errorType":"timeout","status":"error"}`,
		"labels":                                          `200 {"status":"success","data":["__name__","job"]}`,
		"labels?match[]=odd":                              `200 {"status":"success","data":["__name__"]}`,
		"labels?limit=1":                                  `200 {"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]}`,
		"label/__name__/values":                           `200 {"status":"success","data":["big","native","odd","up"]}`,
		"label/job/values?match[]=odd":                    `200 {"status":"success","data":[]}`,
		"label/job/values?start=1&end=2":                  `200 {"status":"success","data":[]}`,
		"series?match[]=odd&match[]=big":                  `200 {"status":"success","data":[{"__name__":"big"},{"__name__":"odd"}]}`,
		"series":                                          `400 {"error":"no match[] parameter provided","errorType":"bad_data","status":"error"}`,
		`series?match[]={a=""}`:                           `400 {"error":"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher","errorType":"bad_data","status":"error"}`,
		"metadata":                                        `200 {"status":"success","data":{}}`,
		"rules":                                           `200 {"status":"success","data":{"groups":[]}}`,
		"alerts":                                          `200 {"status":"success","data":{"alerts":[]}}`,
		"query_exemplars?query=up":                        `200 {"status":"success","data":[]}`,
		"format_query?query=sum(up)by(a)":                 `200 {"status":"success","data":"sum by (a) (up)"}`,
		"targets":                                         `200 {"status":"success","data":{"activeTargets":[],"droppedTargetCounts":{},"droppedTargets":[]}}`,
		"status/config":                                   `200 {"status":"success","data":{"yaml":""}}`,
	} {
		u := srv.URL + "/prometheus/api/v1/" + escape(path)
		a := send(t, "GET", u, "")
		if got := fmt.Sprint(a.code, " ", a.body); got != want {
			t.Errorf("%s\n got %s\nwant %s", path, got, want)
		}
		if !json.Valid([]byte(a.body)) || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: not JSON (%s): %s", path, a.header.Get("Content-Type"), a.body)
		}
	}
	a := send(t, "POST", srv.URL+"/prometheus/api/v1/query", "query=1.5&time=1", "Content-Type", "application/x-www-form-urlencoded")
	if want := `{"status":"success","data":{"resultType":"scalar","result":[1,"1.5"]}}`; a.body != want {
		t.Errorf("POST: got %s, want %s", a.body, want)
	}
}

// escape escapes the values of a readable query string.
func escape(path string) string {
	p, q, ok := strings.Cut(path, "?")
	if !ok {
		return path
	}
	parts := strings.Split(q, "&")
	for i, kv := range parts {
		k, v, _ := strings.Cut(kv, "=")
		if !strings.Contains(v, "%") {
			v = url.QueryEscape(v)
		}
		parts[i] = url.QueryEscape(k) + "=" + v
	}
	return p + "?" + strings.Join(parts, "&")
}

func TestFederatesTheNewestSamples(t *testing.T) {
	t.Parallel()
	s, srv := door(t)
	add(t, s,
		metrics.Series{Labels: map[string]string{"__name__": "b", "x": "q\"\\\n"}, Points: []metrics.Point{{T: epoch.Add(-time.Minute), V: 1}, {T: epoch.Add(-time.Second), V: 2.5}}},
		metrics.Series{Labels: map[string]string{"__name__": "a"}, Points: []metrics.Point{{T: epoch.Add(-time.Second), V: math.Inf(-1)}}},
		metrics.Series{Labels: map[string]string{"__name__": "old"}, Points: []metrics.Point{{T: epoch.Add(-10 * time.Minute), V: 1}}},
	)
	a := send(t, "GET", srv.URL+`/prometheus/federate?`+url.Values{"match[]": {`{__name__=~".+"}`}}.Encode(), "")
	want := "# TYPE a untyped\na -Inf 1793534399000\n# TYPE b untyped\nb{x=\"q\\\"\\\\\\n\"} 2.5 1793534399000"
	if a.code != 200 || a.body != want {
		t.Errorf("got %d\n%s\nwant\n%s", a.code, a.body, want)
	}
}

func TestRemoteIsUnavailableNotWrong(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"500":            func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) },
		"a login page":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"401":            func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"succ`) },
		"a bad point": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":["x","1"]}]}}`)
		},
		"a timeout": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"status":"error","errorType":"timeout","error":"query timed out"}`)
		},
	} {
		srv := httptest.NewServer(h)
		far, err := remotestore.New(remotestore.Options{URL: srv.URL, Bearer: "s3cret"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = far.Instant(t.Context(), "up", epoch)
		if errs.KindOf(err) != errs.Unavailable || strings.Contains(fmt.Sprint(err), "s3cret") {
			t.Errorf("%s: got %v, want Unavailable", name, err)
		}
		srv.Close()
		if err := far.Health(t.Context()); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("nobody there: got %v, want Unavailable", err)
		}
	}
	big := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte(" "), 5000)) }))
	defer big.Close()
	far, err := remotestore.New(remotestore.Options{URL: big.URL, MaxBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := far.Instant(t.Context(), "up", epoch); errs.KindOf(err) != errs.Invalid {
		t.Errorf("too large: got %v, want Invalid", err)
	}
	if _, err := remotestore.New(remotestore.Options{URL: "prometheus:9090"}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("no scheme: got %v, want Invalid", err)
	}
}

func compress(b []byte) string { return string(snappy.Encode(nil, b)) }

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: -want +got\n%s", what, d)
	}
}
