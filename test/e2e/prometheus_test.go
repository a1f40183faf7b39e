// Package e2e runs the house together with the programs that it has to get on
// with.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/prompb"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/metricstest"
	"github.com/hinoban/hinoban/internal/metrics/metricsweb"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/metrics/remotestore"
)

// patience is how long a test waits for another program.
const patience = 40 * time.Second

// peer returns the path of another project's program. Without it the test is
// skipped, or fails where HINOBAN_REQUIRE_PEERS=1 says that it must be there.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("HINOBAN_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is needed: %v", name, err)
	}
	t.Skipf("SKIPPED, NOT TESTED: %s is not installed (apt-get install prometheus): %v", name, err)
	return ""
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(patience)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("waited %s: %s", patience, what)
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// realPrometheus starts the real one with a configuration and returns its URL.
// It ends with the test.
func realPrometheus(t *testing.T, config string) string {
	t.Helper()
	bin, dir, addr := peer(t, "prometheus"), t.TempDir(), freeAddr(t)
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--web.enable-remote-write-receiver", "--log.level=warn")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		// Interrupted by us: whatever it says about that is no news.
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", out.String())
		}
	})
	eventually(t, "prometheus is ready", func() bool {
		res, err := http.Get("http://" + addr + "/-/ready")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return "http://" + addr
}

// ours starts our store with its API.
func ours(t *testing.T) (*promstore.Store, string) {
	t.Helper()
	s, err := promstore.Open(t.Context(), promstore.Options{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range metricsweb.Routes(metricsweb.Options{Store: s, Now: time.Now}) {
		mux.Handle(r.Pattern, r.Handler)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, srv.URL
}

func scraped(t *testing.T, body string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// write sends series by remote write 1.0 to any server.
func write(t *testing.T, to string, series ...metrics.Series) {
	t.Helper()
	if err := send(t.Context(), to, series...); err != nil {
		t.Fatal(err)
	}
}

func send(ctx context.Context, to string, series ...metrics.Series) error {
	var req prompb.WriteRequest
	for _, s := range series {
		var ts prompb.TimeSeries
		for n, v := range s.Labels {
			ts.Labels = append(ts.Labels, prompb.Label{Name: n, Value: v})
		}
		slices.SortFunc(ts.Labels, func(a, b prompb.Label) int { return strings.Compare(a.Name, b.Name) })
		for _, p := range s.Points {
			ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: p.T.UnixMilli(), Value: p.V})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	raw, err := req.Marshal()
	if err != nil {
		return err
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"/api/v1/write", bytes.NewReader(snappy.Encode(nil, raw)))
	if err != nil {
		return err
	}
	hr.Header.Set("Content-Encoding", "snappy")
	hr.Header.Set("Content-Type", "application/x-protobuf")
	hr.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	res, err := http.DefaultClient.Do(hr)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("write to %s: %d %s", to, res.StatusCode, body)
	}
	return nil
}

func engineAt(t *testing.T, at string) *remotestore.Store {
	t.Helper()
	e, err := remotestore.New(remotestore.Options{URL: at})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// newest returns the value of a query that answers one series.
func newest(t *testing.T, e metrics.Engine, q string) (float64, bool) {
	t.Helper()
	got, err := e.Instant(t.Context(), q, time.Now())
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	if len(got) != 1 {
		return 0, false
	}
	p, ok := got[0].Last()
	return p.V, ok
}

func TestRealPrometheusConforms(t *testing.T) {
	t.Parallel()
	metricstest.Run(t, time.Now(), func(t *testing.T) (metrics.Engine, metricstest.Append) {
		at := realPrometheus(t, "global: {scrape_interval: 1h}\n")
		return engineAt(t, at), func(t *testing.T, series ...metrics.Series) { write(t, at, series...) }
	})
}

func TestRealPrometheusWritesToUsAndFederatesFromUs(t *testing.T) {
	t.Parallel()
	s, at := ours(t)
	target := scraped(t, "# HELP shop_orders_total Orders.\n# TYPE shop_orders_total counter\nshop_orders_total{city=\"東京\"} 42\n")
	write(t, at+"/prometheus", metrics.Series{Labels: map[string]string{"__name__": "only_here", "a": "b"}, Points: []metrics.Point{{T: time.Now(), V: 7}}})
	theirs := realPrometheus(t, `
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
- job_name: shop
  static_configs: [{targets: ['`+target+`']}]
- job_name: hinoban
  honor_labels: true
  metrics_path: /prometheus/federate
  params: {'match[]': ['{__name__="only_here"}']}
  static_configs: [{targets: ['`+strings.TrimPrefix(at, "http://")+`']}]
remote_write:
- url: `+at+`/prometheus/api/v1/write
  queue_config: {batch_send_deadline: 200ms}
  metadata_config: {send_interval: 500ms}
`)
	eventually(t, "a scraped sample reaches us", func() bool {
		v, _ := newest(t, s, `shop_orders_total{city="東京",job="shop"}`)
		return v == 42
	})
	eventually(t, "several scrapes reach us", func() bool {
		v, _ := newest(t, s, `count_over_time(up{job="shop"}[1m])`)
		return v >= 5
	})
	eventually(t, "metadata reaches us", func() bool { return len(s.Metadata()["shop_orders_total"]) == 1 })
	far := engineAt(t, theirs)
	eventually(t, "it federates from us", func() bool {
		v, ok := newest(t, far, `only_here{a="b"}`)
		return ok && v == 7
	})
}

func TestOursAnswersAsTheRealOneDoes(t *testing.T) {
	t.Parallel()
	_, at := ours(t)
	theirs := realPrometheus(t, "global: {scrape_interval: 1h}\n")
	end := time.Now().Truncate(time.Minute)
	var all []metrics.Series
	for i := range 5 {
		s := metrics.Series{Labels: map[string]string{"__name__": "req_total", "code": fmt.Sprint(200 + 100*i), "le": fmt.Sprint(i)}}
		for m := range 30 {
			// Never on the minute: Prometheus 3 leaves out the sample on the left
			// edge of a range, the 2.42 of Debian does not.
			s.Points = append(s.Points, metrics.Point{T: end.Add(time.Duration(m-30)*time.Minute + 7*time.Second), V: float64((m*m*(i+1))%977) / 3})
		}
		all = append(all, s)
	}
	write(t, at+"/prometheus", all...)
	write(t, theirs, all...)
	here, there := engineAt(t, at+"/prometheus"), engineAt(t, theirs)
	for _, q := range []string{
		"req_total", "rate(req_total[5m])", "sum by (code) (increase(req_total[10m]))", "req_total / 3", "1/0", "vector(1e-9)", "time()", "histogram_quantile(0.9, req_total)",
		"topk(2, req_total)", "max_over_time(req_total[15m])", "absent(nothing)", "deriv(req_total[10m] offset 5m)", "quantile(0.3, req_total)", "label_replace(req_total, \"a\", \"$1\", \"code\", \"(.).*\")",
	} {
		same(t, q, func(e metrics.Engine) ([]metrics.Series, error) { return e.Instant(t.Context(), q, end) }, here, there)
		same(t, "range "+q, func(e metrics.Engine) ([]metrics.Series, error) {
			return e.Range(t.Context(), q, end.Add(-20*time.Minute), end, time.Minute)
		}, here, there)
	}
	when := fmt.Sprint(end.Unix())
	for _, c := range []struct {
		path string
		form url.Values
	}{
		{"query", url.Values{"query": {"sort(req_total)"}, "time": {when}}},
		{"query", url.Values{"query": {"-1/0"}, "time": {when + ".5"}}},
		{"query", url.Values{"query": {"0/0"}, "time": {when}}},
		{"query", url.Values{"query": {`"x"`}, "time": {when}}},
		{"query", url.Values{"query": {`req_total{code="200"}[3m]`}, "time": {when}}},
		{"query", url.Values{"query": {"nothing"}, "time": {when}}},
		{"query", url.Values{"query": {"req_total"}, "time": {"x"}}},
		{"query_range", url.Values{"query": {"req_total"}, "start": {"0"}, "end": {when}, "step": {"1"}}},
		{"labels", url.Values{}},
		{"series", url.Values{"match[]": {`{code=~"2..|3.."}`}}},
		{"series", url.Values{}},
	} {
		if got, want := ask(t, at+"/prometheus", c.path, c.form), ask(t, theirs, c.path, c.form); got != want {
			t.Errorf("%s %v\n got %.500s\nwant %.500s", c.path, c.form, got, want)
		}
	}
}

func same(t *testing.T, what string, run func(metrics.Engine) ([]metrics.Series, error), here, there metrics.Engine) {
	t.Helper()
	got, err := run(here)
	want, werr := run(there)
	if err != nil || werr != nil {
		t.Errorf("%s: ours %v, theirs %v", what, err, werr)
	}
	byKey := cmpopts.SortSlices(func(a, b metrics.Series) bool { return a.Key() < b.Key() })
	if d := cmp.Diff(want, got, byKey, cmpopts.EquateApprox(1e-9, 0), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s: -theirs +ours\n%.1500s", what, d)
	}
}

// ask returns the answer of an API as it came, status first.
func ask(t *testing.T, base, path string, form url.Values) string {
	t.Helper()
	res, err := http.PostForm(base+"/api/v1/"+path, form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var all map[string]any
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(all) // the order of the keys is nobody's promise
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(res.StatusCode, " ", string(b))
}

func TestPromtoolQueriesUs(t *testing.T) {
	t.Parallel()
	tool := peer(t, "promtool")
	_, at := ours(t)
	end := time.Now().Truncate(time.Second)
	write(t, at+"/prometheus", metrics.Series{Labels: map[string]string{"__name__": "pt", "a": "b"}, Points: []metrics.Point{{T: end.Add(-time.Minute), V: 1}, {T: end, V: 2}}})
	base, stamp := at+"/prometheus", fmt.Sprint(end.Unix())
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"instant": {[]string{"query", "instant", "--time=" + stamp, base, `pt * 2`}, `{a="b"} => 4 @[` + stamp},
		"range":   {[]string{"query", "range", "--start=" + fmt.Sprint(end.Unix()-60), "--end=" + stamp, "--step=1m", base, "pt"}, "1 @["},
		"labels":  {[]string{"query", "labels", base, "__name__"}, "pt"},
		"series":  {[]string{"query", "series", "--match=pt", base}, `{__name__="pt", a="b"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := exec.CommandContext(ctx, tool, c.args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("promtool %s: %v\n%s\nwant %q", strings.Join(c.args, " "), err, out, c.want)
			}
		})
	}
}
