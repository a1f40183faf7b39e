package alerts_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// peers are the programs to measure: ours, and the original where it is
// installed (the package prometheus-alertmanager of Debian).
func peers(t *testing.T) map[string][]string {
	t.Helper()
	if os.Getenv("HINOBAN_FIGURES") == "" {
		t.Skip("set HINOBAN_FIGURES=1: it measures for minutes")
	}
	out := map[string][]string{"hinoban": {binary(t), "alertmanager"}}
	if path, err := exec.LookPath("prometheus-alertmanager"); err == nil {
		out["alertmanager"] = []string{path}
	}
	return out
}

func figure(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Logf("FIGURE "+format, args...)
}

type sent struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	URL         string            `json:"generatorURL"`
}

func anAlert(n int, now time.Time) sent {
	return sent{
		Labels: map[string]string{
			"alertname": fmt.Sprintf("HighErrorRate%d", n%200), "instance": fmt.Sprintf("10.%d.%d.%d:9100", n>>16, n>>8&255, n&255),
			"job": "node", "severity": "warning", "cluster": "tokyo-1", "namespace": fmt.Sprintf("team-%d", n%50),
		},
		Annotations: map[string]string{"summary": "More than 5 % of requests fail", "description": "The share of failed requests was 7.3 % over the last five minutes.", "runbook_url": "https://runbooks.example/high-error-rate"},
		StartsAt:    now, EndsAt: now.Add(4 * time.Hour), URL: "http://prometheus.example:9090/graph?g0.expr=rate",
	}
}

func batchOf(from, n int, now time.Time) []byte {
	list := make([]sent, n)
	for i := range list {
		list[i] = anAlert(from+i, now)
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return b
}

// flood posts bodies over workers connections and returns how long it took.
func flood(t *testing.T, url string, bodies [][]byte, workers int) time.Duration {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	var next atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return
				}
				if code, err := postBytes(t.Context(), client, url+"/api/v2/alerts", bodies[i]); err != nil || code != http.StatusOK {
					t.Errorf("post: %d, %v", code, err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}

const quiet = "route: {receiver: hook, group_by: ['...'], group_wait: 1h, group_interval: 1h, repeat_interval: 4h}\nreceivers: [{name: hook, webhook_configs: [{url: '%s'}]}]\n"

// Memory and goroutines of 50,000 groups; and how fast their alerts are taken,
// new and repeated, in batches as Prometheus sends them and one by one.
func TestFiguresGroups(t *testing.T) {
	const groups = 50_000
	for name, program := range peers(t) {
		p := start(t, program, fmt.Sprintf(quiet, "http://127.0.0.1:1/"), t.TempDir())
		now := time.Now()
		idle := p.rss()
		for _, c := range []struct {
			what  string
			size  int
			total int
		}{{"new, batches of 64", 64, groups}, {"repeated, batches of 64", 64, groups}, {"repeated, one by one", 1, 20_000}} {
			var bodies [][]byte
			for i := 0; i < c.total; i += c.size {
				bodies = append(bodies, batchOf(i, min(c.size, c.total-i), now.Add(time.Duration(len(c.what))*time.Millisecond)))
			}
			before := p.cpu()
			took := flood(t, p.url, bodies, 16)
			figure(t, "%-12s %-24s %8.0f alerts/s, %5.0f µs of processor each", name, c.what, float64(c.total)/took.Seconds(), float64((p.cpu()-before).Microseconds())/float64(c.total))
		}
		<-time.After(3 * time.Second) // lets the garbage collector of the other process rest
		figure(t, "%-12s %d groups: %.0f MB (%.0f MB idle), %.0f goroutines", name, groups, p.rss(), idle, p.metric("go_goroutines"))
		p.kill()
	}
}

// How long from a new alert, accepted, to its webhook, at 1,000 a second, each
// a group of its own.
func TestFiguresLatency(t *testing.T) {
	const rate, seconds = 1000, 15
	for name, program := range peers(t) {
		var mu sync.Mutex
		handed := map[string]time.Time{}
		hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			at := time.Now()
			var in struct {
				Alerts []struct{ Labels map[string]string }
			}
			b, err := io.ReadAll(r.Body)
			if err != nil || json.Unmarshal(b, &in) != nil {
				t.Errorf("webhook: %v %s", err, b)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, a := range in.Alerts {
				if _, ok := handed[a.Labels["instance"]]; !ok {
					handed[a.Labels["instance"]] = at
				}
			}
		}))
		p := start(t, program, fmt.Sprintf(strings.ReplaceAll(quiet, "group_wait: 1h", "group_wait: 0s"), hook.URL), t.TempDir())
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		posted := make([]time.Time, rate*seconds)
		var wg sync.WaitGroup
		begin := time.Now()
		before := p.cpu()
		for i := range posted {
			<-time.After(time.Until(begin.Add(time.Duration(i) * time.Second / rate))) // an even load
			wg.Go(func() {
				body := batchOf(i, 1, time.Now())
				posted[i] = time.Now()
				if code, err := postBytes(t.Context(), client, p.url+"/api/v2/alerts", body); err != nil || code != http.StatusOK {
					t.Errorf("post: %d, %v", code, err)
				}
			})
		}
		wg.Wait()
		<-time.After(3 * time.Second) // the last ones are on their way
		used := p.cpu() - before
		mu.Lock()
		var late []time.Duration
		for i, at := range posted {
			if got, ok := handed[anAlert(i, at).Labels["instance"]]; ok {
				late = append(late, got.Sub(at))
			}
		}
		mu.Unlock()
		slices.Sort(late)
		at := func(q float64) float64 {
			return math.Round(late[int(q*float64(len(late)-1))].Seconds()*1e5) / 100
		}
		figure(t, "%-12s %d alerts/s to webhook: %d of %d handed, p50 %.1f ms, p99 %.1f ms, max %.1f ms; %.0f %% of a core", name, rate, len(late), len(posted), at(.5), at(.99), at(1), 100*used.Seconds()/seconds)
		p.kill()
		hook.Close()
	}
}
