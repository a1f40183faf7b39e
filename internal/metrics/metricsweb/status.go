package metricsweb

import (
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/metrics"
)

// apiVersion is the Prometheus whose API this is: clients read it to know what
// they may ask. Grafana, for one, asks for labels by match[] from 2.24 on.
const apiVersion = "3.15.0"

func (a *api) buildInfo(*http.Request) (reply, error) {
	return jsonReply(map[string]string{
		"version": apiVersion, "revision": a.Version, "branch": "hinoban",
		"buildUser": "", "buildDate": "", "goVersion": runtime.Version(),
	})
}

func (a *api) runtimeInfo(*http.Request) (reply, error) {
	return jsonReply(map[string]any{
		"reloadConfigSuccess": a.Store.ConfigError() == nil,
		"goroutineCount":      runtime.NumGoroutine(),
		"GOMAXPROCS":          runtime.GOMAXPROCS(0),
		"serverTime":          a.Now().UTC(),
	})
}

func (a *api) statusConfig(*http.Request) (reply, error) {
	return jsonReply(map[string]string{"yaml": a.Store.ScrapeConfig()})
}

func (a *api) statusFlags(*http.Request) (reply, error) {
	return jsonReply(map[string]string{
		"web.enable-remote-write-receiver": "true",
		"web.enable-otlp-receiver":         "true",
		"web.enable-admin-api":             "false",
		"web.enable-lifecycle":             "false",
	})
}

func (a *api) statusTSDB(*http.Request) (reply, error) {
	st, err := a.Store.Stats()
	if err != nil {
		return reply{}, err
	}
	return jsonReply(map[string]any{
		"headStats": map[string]any{
			"numSeries": st.Series, "numLabelPairs": 0, "chunkCount": 0,
			"minTime": st.Oldest.UnixMilli(), "maxTime": st.Newest.UnixMilli(),
		},
		"seriesCountByMetricName": []any{}, "labelValueCountByLabelName": []any{},
		"memoryInBytesByLabelName": []any{}, "seriesCountByLabelValuePair": []any{},
	})
}

func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	if err := a.Store.Health(r.Context()); err != nil {
		http.Error(w, "the metrics store is not ready", http.StatusServiceUnavailable)
		return
	}
	w.Write([]byte("Hinoban's Prometheus API is ready.\n"))
}

// apiTarget is a target as the Prometheus API shows it.
type apiTarget struct {
	DiscoveredLabels   map[string]string `json:"discoveredLabels"`
	Labels             map[string]string `json:"labels"`
	ScrapePool         string            `json:"scrapePool"`
	ScrapeURL          string            `json:"scrapeUrl"`
	GlobalURL          string            `json:"globalUrl"`
	LastError          string            `json:"lastError"`
	LastScrape         time.Time         `json:"lastScrape"`
	LastScrapeDuration float64           `json:"lastScrapeDuration"`
	Health             metrics.Health    `json:"health"`
	ScrapeInterval     string            `json:"scrapeInterval"`
	ScrapeTimeout      string            `json:"scrapeTimeout"`
}

func (a *api) targets(r *http.Request) (reply, error) {
	active := []apiTarget{}
	pool, state := r.FormValue("scrapePool"), strings.ToLower(r.FormValue("state"))
	for _, t := range a.Store.Targets() {
		if (pool != "" && t.Job != pool) || state == "dropped" {
			continue
		}
		active = append(active, apiTarget{
			DiscoveredLabels: t.Discovered, Labels: t.Labels, ScrapePool: t.Job, ScrapeURL: t.URL, GlobalURL: t.URL,
			LastError: t.LastError, LastScrape: t.LastScrape, LastScrapeDuration: t.LastDuration.Seconds(), Health: t.Health,
			ScrapeInterval: model.Duration(t.Interval).String(), ScrapeTimeout: model.Duration(t.Timeout).String(),
		})
	}
	return jsonReply(map[string]any{
		"activeTargets": active, "droppedTargets": []any{}, "droppedTargetCounts": a.Store.Dropped(),
	})
}
