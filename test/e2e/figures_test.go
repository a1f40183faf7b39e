package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// figures are printed for docs/manual/en/performance.md; nothing here asserts
// a wall time.
func figures(t *testing.T) {
	t.Helper()
	if os.Getenv("HINOBAN_FIGURES") == "" {
		t.Skip("figures: make figures")
	}
}

func say(format string, args ...any) { fmt.Printf("FIGURE "+format+"\n", args...) }

func slo(name, service, bad, total, policies string) string {
	return fmt.Sprintf(`---
apiVersion: openslo/v1
kind: SLO
metadata: {name: %s}
spec:
  service: %s
  budgetingMethod: Occurrences
  indicator: {spec: {ratioMetric: {counter: true, bad: {metricSource: {spec: {query: '%s'}}}, total: {metricSource: {spec: {query: '%s'}}}}}}
  objectives: [{targetPercent: 99.9}]
%s`, name, service, bad, total, policies)
}

// TestFiguresBinary prints the size of the stripped binary.
func TestFiguresBinary(t *testing.T) {
	figures(t)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	say("stripped binary: %.1f MB", float64(info.Size())/1e6)
}

// TestFiguresIdle prints the cold start and, with 100 objectives over series
// that are scraped each second, the memory and CPU at rest.
func TestFiguresIdle(t *testing.T) {
	figures(t)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 100 {
			_, _ = fmt.Fprintf(w, "app_requests_total{app=\"a%d\",code=\"200\"} %d\napp_requests_total{app=\"a%d\",code=\"500\"} 0\n", i, time.Now().Unix()%100000*10, i)
		}
	}))
	defer target.Close()
	var b strings.Builder
	b.WriteString(people("http://127.0.0.1:1/"))
	for i := range 100 {
		b.WriteString(slo("s"+strconv.Itoa(i), "api", fmt.Sprintf(`sum(app_requests_total{app="a%d",code="500"})`, i), fmt.Sprintf(`sum(app_requests_total{app="a%d"})`, i), ""))
	}
	folder := config(t, map[string]string{"all.yaml": b.String(), "prometheus.yml": "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: a\n  static_configs: [{targets: ['" + strings.TrimPrefix(target.URL, "http://") + "']}]\n"})
	data := t.TempDir()
	var starts []time.Duration
	for range 5 {
		begin := time.Now()
		s := launch(t, data, "--config", folder)
		within(t, 10*time.Second, "ready", func() bool { h, err := s.ready(); return err == nil && h.Ready })
		starts = append(starts, time.Since(begin))
		s.kill()
	}
	slices.Sort(starts)
	say("cold start to ready, 100 objectives, median of 5: %s (polled each 20–50 ms)", starts[2].Round(time.Millisecond))
	s := launch(t, data, "--config", folder)
	<-time.After(45 * time.Second)
	before := s.cpu()
	<-time.After(20 * time.Second)
	say("idle with 100 objectives, 1 s scrape of 200 series: RSS %d MB (private %d MB), CPU %.1f %% of one core", s.rss("VmRSS"), s.rss("RssAnon"), (s.cpu()-before)/20*100)
}

// cpu returns the CPU seconds that the process has used.
func (s *server) cpu() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')'):]))
	user, _ := strconv.ParseFloat(f[12-1], 64) // fields of proc(5), from the state on
	system, _ := strconv.ParseFloat(f[13-1], 64)
	return (user + system) / 100
}

// TestFiguresLatency prints how long it takes from the scrape target's first
// answer that crosses the threshold until a local receiver has the page, at a
// scrape each second.
func TestFiguresLatency(t *testing.T) {
	figures(t)
	const rounds = 60
	hook := newReceiver(t, true)
	var bad, total [rounds]atomic.Int64
	var crossed [rounds]atomic.Int64 // when the target first showed it
	var scrape sync.Mutex
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		scrape.Lock()
		defer scrape.Unlock()
		for i := range rounds {
			n := total[i].Add(100)
			if bad[i].Load() > 0 {
				bad[i].Add(1_000_000) // more than any threshold
				crossed[i].CompareAndSwap(0, time.Now().UnixNano())
			}
			_, _ = fmt.Fprintf(w, "lat_requests_total{app=\"a%d\",code=\"200\"} %d\nlat_requests_total{app=\"a%d\",code=\"500\"} %d\n", i, n, i, bad[i].Load())
		}
	}))
	defer target.Close()
	var b strings.Builder
	b.WriteString(people(hook.URL))
	for i := range rounds {
		fmt.Fprintf(&b, "---\napiVersion: hinoban/v1\nkind: Service\nmetadata: {name: svc%d}\nspec: {team: shop, tier: 2}\n", i)
		b.WriteString(slo(fmt.Sprintf("lat%d", i), fmt.Sprintf("svc%d", i), fmt.Sprintf(`sum(lat_requests_total{app="a%d",code="500"})`, i), fmt.Sprintf(`sum(lat_requests_total{app="a%d"})`, i), ""))
	}
	folder := config(t, map[string]string{"all.yaml": b.String(), "prometheus.yml": "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: a\n  static_configs: [{targets: ['" + strings.TrimPrefix(target.URL, "http://") + "']}]\n"})
	launch(t, t.TempDir(), "--config", folder)
	<-time.After(8 * time.Second) // some good traffic first
	var took []time.Duration
	for i := range rounds {
		// A sample that crosses: all of the next scrape's requests fail.
		bad[i].Store(1)
		have, _, _ := hook.count()
		deadline := time.Now().Add(30 * time.Second)
		for {
			if n, _, _ := hook.count(); n > have {
				took = append(took, time.Since(time.Unix(0, crossed[i].Load())))
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("round %d: no page within 30 s", i)
			}
			<-time.After(5 * time.Millisecond)
		}
		<-time.After(time.Duration(137*(i%7)) * time.Millisecond) // at every phase of the second
	}
	slices.Sort(took)
	say("crossing sample served → page at the receiver, 1 s scrape, %d rounds, %d objectives: p50 %s, p90 %s, p99 %s, max %s", rounds, rounds,
		took[rounds/2].Round(time.Millisecond), took[rounds*9/10].Round(time.Millisecond), took[rounds*99/100].Round(time.Millisecond), took[rounds-1].Round(time.Millisecond))
}

// TestFiguresLists prints the server time of the list pages at 10,000 rows.
func TestFiguresLists(t *testing.T) {
	figures(t)
	var b strings.Builder
	b.WriteString(people("http://127.0.0.1:1/"))
	for i := range 10_000 {
		b.WriteString(slo(fmt.Sprintf("s%d", i), "api", `sum(nothing_total{code="500"})`, `sum(nothing_total)`, ""))
	}
	data := t.TempDir()
	s := launch(t, data, "--config", config(t, map[string]string{"all.yaml": b.String()}), "--slo-interval", "10m")
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for i := c; i < 10_000; i += 8 {
				for {
					err := s.api.Post(context.Background(), "/api/v1/signals", map[string]any{"id": strconv.Itoa(i), "service": fmt.Sprintf("svc%d", i%500), "rule": fmt.Sprintf("r%d", i), "severity": "ticket", "summary": fmt.Sprintf("the queue of worker %d is full", i)}, nil)
					if err == nil {
						break
					}
					<-time.After(50 * time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
	for _, path := range []string{"/alerts", "/alerts?q=worker+99", "/slos", "/log", "/", "/api/v1/alerts", "/api/v1/slos", "/api/v1/log"} {
		var all []time.Duration
		size := 0
		for range 15 {
			begin := time.Now()
			res, err := http.Get(s.url + path)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %v", path, res.StatusCode, err)
			}
			all, size = append(all, time.Since(begin)), len(text)
		}
		slices.Sort(all)
		say("%s at 10,000 alerts and 10,000 objectives: median %s, max %s, %d KB", path, all[7].Round(100*time.Microsecond), all[14].Round(100*time.Microsecond), size/1024)
	}
	if out, err := exec.Command("du", "-sm", data).Output(); err == nil {
		say("data folder with 10,000 alerts: %s MB", strings.Fields(string(out))[0])
	}
}
