package promstore_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/metricstest"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func open(t testing.TB, o promstore.Options) *promstore.Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Now = time.Now
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

// put stores series in one batch and returns the errors of single samples.
func put(t testing.TB, s *promstore.Store, series ...metrics.Series) []error {
	t.Helper()
	b, err := s.Batch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var bad []error
	for _, x := range series {
		for _, p := range x.Points {
			if _, err := b.Add(0, labels.FromMap(x.Labels), promstore.Sample{T: p.T.UnixMilli(), V: p.V}); err != nil {
				bad = append(bad, err)
			}
		}
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return bad
}

func one(name string, at time.Time, v float64) metrics.Series {
	return metrics.Series{Labels: map[string]string{"__name__": name}, Points: []metrics.Point{{T: at, V: v}}}
}

func value(t *testing.T, e metrics.Engine, q string, at time.Time) (float64, bool) {
	t.Helper()
	got, err := e.Instant(t.Context(), q, at)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	if len(got) == 0 {
		return 0, false
	}
	p, ok := got[0].Last()
	return p.V, ok
}

// eventually polls until ok, for as long as the test may take.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(15 * time.Second)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("waited too long: %s", what)
		}
	}
}

func TestEngineConforms(t *testing.T) {
	t.Parallel()
	metricstest.Run(t, time.Now(), func(t *testing.T) (metrics.Engine, metricstest.Append) {
		s := open(t, promstore.Options{})
		return s, func(t *testing.T, series ...metrics.Series) {
			for _, err := range put(t, s, series...) {
				t.Error(err)
			}
		}
	})
}

func TestCommittedSamplesSurviveAnotherOpen(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now().Truncate(time.Second)
	s := open(t, promstore.Options{Dir: dir})
	put(t, s, one("kept", now, 7), one("kept", now.Add(-30*time.Minute), 6)) // the second arrives late
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, promstore.Options{Dir: dir})
	for at, want := range map[time.Time]float64{now: 7, now.Add(-30 * time.Minute): 6} {
		if v, ok := value(t, s, "kept", at); !ok || v != want {
			t.Errorf("kept at %s: got %v (%v), want %v", at, v, ok, want)
		}
	}
}

func TestBadSamplesAreRefusedAndGoodOnesKept(t *testing.T) {
	t.Parallel()
	now := time.Now()
	lim := promstore.DefaultLimits()
	lim.MaxLabels, lim.MaxLabelName, lim.MaxLabelValue = 3, 8, 8
	cases := map[string]struct {
		bad  metrics.Series
		want string
	}{
		"no name":        {metrics.Series{Labels: map[string]string{"a": "1"}, Points: []metrics.Point{{T: now}}}, "without a name"},
		"empty value":    {labelled("a", "", now), `label "a" is empty`},
		"long value":     {labelled("a", "123456789", now), "9 bytes, the limit is 8"},
		"long name":      {labelled("aaaaaaaaaaa", "1", now), "11 bytes, the limit is 8"},
		"not UTF-8":      {labelled("a", "\xff", now), "not UTF-8"},
		"too many names": {metrics.Series{Labels: map[string]string{"__name__": "x", "a": "1", "b": "1", "c": "1"}, Points: []metrics.Point{{T: now}}}, "4 labels, the limit is 3"},
		"too late":       {one("good", now.Add(-3*time.Hour), 1), "too old"},
		"of 1970":        {one("old", time.UnixMilli(1), 1), "too old"},
		"duplicate":      {one("good", now.Add(-time.Second), 99), "duplicate"},
		"in the future":  {one("good", now.Add(time.Hour), 1), "too far in the future"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, promstore.Options{Limits: lim})
			put(t, s, one("good", now.Add(-time.Second), 1))
			bad := put(t, s, c.bad, one("good", now, 2))
			if len(bad) != 1 || !strings.Contains(bad[0].Error(), c.want) || errs.KindOf(bad[0]) != errs.Invalid {
				t.Errorf("got %v, want one Invalid error with %q", bad, c.want)
			}
			if v, _ := value(t, s, "good", now); v != 2 {
				t.Errorf("the good sample: got %v, want 2", v)
			}
		})
	}
}

func labelled(name, val string, at time.Time) metrics.Series {
	return metrics.Series{Labels: map[string]string{"__name__": "x", name: val}, Points: []metrics.Point{{T: at}}}
}

func TestAncientSampleInAnEmptyStoreIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, promstore.Options{})
	if bad := put(t, s, one("old", time.UnixMilli(1), 1)); len(bad) != 1 || errs.KindOf(bad[0]) != errs.Invalid {
		t.Errorf("got %v, want one Invalid error", bad)
	}
	put(t, s, one("good", time.Now(), 1))
	if st, err := s.Stats(); err != nil || time.Since(st.Oldest) > time.Hour {
		t.Errorf("got %+v, %v, want no sample of 1970", st, err)
	}
}

func TestLabelExplosionIsStopped(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	lim := promstore.DefaultLimits()
	lim.MaxSeries = 10
	now := time.Now()
	dir := t.TempDir()
	s := open(t, promstore.Options{Dir: dir, Limits: lim, Registerer: reg})
	var many []metrics.Series
	for i := range 25 {
		many = append(many, labelled("user", fmt.Sprint(i), now))
	}
	bad := put(t, s, many...)
	if len(bad) != 15 || !strings.Contains(bad[0].Error(), "limit of 10 active series") || errs.KindOf(bad[0]) != errs.Invalid {
		t.Fatalf("got %d errors, first %v, want 15 Invalid about the limit", len(bad), bad)
	}
	if bad := put(t, s, labelled("user", "3", now.Add(time.Second))); len(bad) != 0 {
		t.Errorf("a series that exists: got %v, want it taken", bad)
	}
	want := "# HELP hinoban_metrics_samples_refused_total Samples that were not stored, by reason.\n# TYPE hinoban_metrics_samples_refused_total counter\nhinoban_metrics_samples_refused_total{reason=\"series_limit\"} 15\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "hinoban_metrics_samples_refused_total"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, promstore.Options{Dir: dir, Limits: lim})
	if st, err := s.Stats(); err != nil || st.Series != 10 {
		t.Errorf("after another open: got %+v, %v, want 10 series", st, err)
	}
}

func TestOnCommitIsCalledForSamplesOnly(t *testing.T) {
	t.Parallel()
	called := 0
	s := open(t, promstore.Options{OnCommit: func() { called++ }})
	put(t, s, one("a", time.Now(), 1))
	put(t, s)
	if called != 1 {
		t.Errorf("called %d times, want once: not for an empty batch", called)
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	s := open(t, promstore.Options{})
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("open: got %v, want healthy", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, qerr := s.Instant(t.Context(), "up", time.Now())
	_, berr := s.Batch(t.Context())
	for what, err := range map[string]error{"query": qerr, "batch": berr, "health": s.Health(t.Context()), "run": s.Run(t.Context())} {
		if errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%s: got %v, want Unavailable", what, err)
		}
	}
}

func TestLostFolderShowsInHealth(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "m")
	s, err := promstore.Open(t.Context(), promstore.Options{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Health(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	_ = s.Close() // whatever it says: there is nothing left to close
}

func TestOpenOnAFileIsUnavailable(t *testing.T) {
	t.Parallel()
	f := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(f, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := promstore.Open(t.Context(), promstore.Options{Dir: f, Now: time.Now}); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
}

func TestBatchesSideBySideAreAllKept(t *testing.T) {
	t.Parallel()
	s := open(t, promstore.Options{})
	now := time.Now()
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 10 {
				put(t, s, one(fmt.Sprintf("side_%d_%d", w, i), now, 1))
			}
		})
	}
	wg.Wait()
	if v, _ := value(t, s, `count({__name__=~"side_.*"})`, now); v != 160 {
		t.Errorf("got %v series, want 160", v)
	}
}

func TestQueryIsBounded(t *testing.T) {
	t.Parallel()
	s := open(t, promstore.Options{MaxSamples: 50})
	now := time.Now().Truncate(time.Second)
	for i := range 100 {
		put(t, s, one("many", now.Add(time.Duration(i-100)*time.Second), 1))
	}
	_, err := s.Instant(t.Context(), "sum_over_time(many[5m])", now)
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(fmt.Sprint(err), "too many samples") {
		t.Errorf("got %v, want Invalid: too many samples", err)
	}
}

func TestBackfillThenLive(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "metrics")
	now := time.Now().Truncate(time.Minute)
	from := now.Add(-10 * 24 * time.Hour)
	history := func(a, b time.Time) iter.Seq[metrics.Series] {
		return func(yield func(metrics.Series) bool) {
			for i := range 3 {
				s := metrics.Series{Labels: map[string]string{"__name__": "past_total", "i": fmt.Sprint(i)}}
				for at := a.Truncate(time.Minute); at.Before(b); at = at.Add(time.Minute) {
					if !at.Before(a) {
						s.Points = append(s.Points, metrics.Point{T: at, V: at.Sub(from).Minutes()})
					}
				}
				if !yield(s) {
					return
				}
			}
		}
	}
	n, err := promstore.Backfill(t.Context(), dir, from, now, history)
	if err != nil || n != 3*10*24*60 {
		t.Fatalf("got %d samples, %v, want %d", n, err, 3*10*24*60)
	}
	if _, err := promstore.Backfill(t.Context(), dir, from, now, history); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a second time: got %v, want Conflict", err)
	}
	s := open(t, promstore.Options{Dir: dir})
	if v, _ := value(t, s, "sum(count_over_time(past_total[10d]))", now.Add(-time.Minute)); v != float64(n) {
		t.Errorf("got %v samples in the store, want %d", v, n)
	}
	if bad := put(t, s, metrics.Series{Labels: map[string]string{"__name__": "past_total", "i": "0"}, Points: []metrics.Point{{T: now, V: 14400}}}); len(bad) != 0 {
		t.Errorf("the first live sample: %v", bad)
	}
	if v, _ := value(t, s, `increase(past_total{i="0"}[1h])`, now); v < 59 || v > 61 {
		t.Errorf("increase over the seam: got %v, want 60", v)
	}
}

func scrapeTarget(t *testing.T, body string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func TestScrapesAndReloads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	up := scrapeTarget(t, "# TYPE demo_total counter\n# HELP demo_total A demo.\ndemo_total{a=\"b\"} 5\n")
	write("prometheus.yml", "global: {scrape_interval: 100ms, scrape_timeout: 100ms}\nscrape_configs:\n- job_name: one\n  static_configs: [{targets: ['"+up+"', '127.0.0.1:1']}]\n")
	s := open(t, promstore.Options{Dir: filepath.Join(dir, "db"), ScrapeConfig: file})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "demo_total is scraped", func() bool { v, _ := value(t, s, "demo_total", time.Now()); return v == 5 })
	eventually(t, "one target is up, one is down and says why", func() bool {
		ts := s.Targets()
		return len(ts) == 2 && ts[0].Health == metrics.HealthDown && ts[0].LastError != "" &&
			ts[1].Health == metrics.HealthUp && ts[1].Labels["job"] == "one" && ts[1].Interval == 100*time.Millisecond
	})
	if m := s.Metadata()["demo_total"]; len(m) != 1 || m[0].Help != "A demo." {
		t.Errorf("metadata: got %v, want the help text", m)
	}

	write("prometheus.yml", "scrape_configs:\n- job_name: [\n")
	if err := s.Reload(t.Context()); errs.KindOf(err) != errs.Invalid || s.ConfigError() == nil || len(s.Targets()) != 2 {
		t.Errorf("a broken file: got %v, %d targets, want Invalid and the two targets of before", err, len(s.Targets()))
	}
	write("prometheus.yml", "global: {scrape_interval: 100ms, scrape_timeout: 100ms}\nscrape_configs:\n- job_name: two\n  file_sd_configs: [{files: ['sd/*.json']}]\n  relabel_configs: [{source_labels: [team], target_label: owner}]\n")
	if err := os.Mkdir(filepath.Join(dir, "sd"), 0o750); err != nil {
		t.Fatal(err)
	}
	write("sd/x.json", `[{"targets": ["`+up+`"], "labels": {"team": "火"}}]`)
	if err := s.Reload(t.Context()); err != nil || s.ConfigError() != nil {
		t.Fatalf("a good file: got %v, %v", err, s.ConfigError())
	}
	eventually(t, "the file's target is up with its label", func() bool {
		ts := s.Targets()
		return len(ts) == 1 && ts[0].Job == "two" && ts[0].Labels["owner"] == "火" && ts[0].Health == metrics.HealthUp
	})
	cancel()
	wg.Wait()
}

func TestScrapeConfigIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"scrape_configs:\n- job_name: k\n  kubernetes_sd_configs:\n  - role: pod\n": "p.yml:3: kubernetes_sd_configs: only static_configs",
		"scrape_configs:\n- job_nam: k\n":                                           "p.yml: yaml: unmarshal errors:\n  line 2: field job_nam not found",
		"scrape_configs: [":                                                         "p.yml: yaml: line 1",
		"scrape_configs:\n- job_name: a\n- job_name: a\n":                           "p.yml: ",
	} {
		err := promstore.CheckScrapeConfig("p.yml", []byte(text))
		if errs.KindOf(err) != errs.Invalid || !strings.HasPrefix(fmt.Sprint(err), want) {
			t.Errorf("%q: got %v, want Invalid that starts %q", text, err, want)
		}
	}
	const whole = "global: {external_labels: {a: b}}\nrule_files: ['*.rules']\nalerting: {alertmanagers: [{static_configs: [{targets: ['a:9093']}]}]}\nremote_write: [{url: 'http://x/'}]\nscrape_configs: [{job_name: j, static_configs: [{targets: ['a:1']}]}]\n"
	if err := promstore.CheckScrapeConfig("p.yml", []byte(whole)); err != nil {
		t.Errorf("a whole prometheus.yml: got %v", err)
	}
}
