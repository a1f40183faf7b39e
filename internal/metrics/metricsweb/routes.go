// Package metricsweb is the front door of metrics: the Prometheus HTTP API, the
// receivers of remote write and OTLP, and federation.
package metricsweb

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promrules"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/metrics/remotestore"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// Options say what stands behind the door: Store, or Remote, to which queries
// are passed on and which takes no samples through us.
type Options struct {
	Store      *promstore.Store
	Remote     *remotestore.Store
	Log        *slog.Logger
	Now        func() time.Time      // the clock
	Version    string                // of this program, for buildinfo
	MaxBody    int64                 // bytes of a write as sent; default 16 MiB
	MaxDecoded int                   // bytes of a write decompressed; default 64 MiB
	Registerer prometheus.Registerer // default nowhere

	Rules func() []promrules.Group // how the rules of this server stand; nil: it has none
}

const (
	root      = "/prometheus"
	apiRoot   = root + "/api/v1"
	maxPoints = 11_000  // per series of a range, as Prometheus has it
	formBody  = 1 << 20 // bytes of a POSTed query
)

type api struct {
	Options
	parser  parser.Parser
	tell    telemetry
	buffers sync.Pool // of *[]byte
}

// Routes returns the routes of the room. Queries are for Viewers, writes for
// Ingest.
func Routes(o Options) []httpd.Route {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBody == 0 {
		o.MaxBody = 16 << 20
	}
	if o.MaxDecoded == 0 {
		o.MaxDecoded = 64 << 20
	}
	a := &api{Options: o, parser: metrics.NewParser(), tell: newTelemetry(o.Registerer)}
	if o.Store == nil {
		return a.remoteRoutes()
	}
	return append(a.queryRoutes(), a.writeRoutes()...)
}

func (a *api) queryRoutes() []httpd.Route {
	var out []httpd.Route
	add := func(path string, fn answer, methods ...string) {
		for _, m := range methods {
			out = append(out, httpd.Route{Pattern: m + " " + path, Access: httpd.Viewer, Handler: a.handle(fn), MaxBody: formBody})
		}
	}
	both := []string{http.MethodGet, http.MethodPost}
	add(apiRoot+"/query", a.query, both...)
	add(apiRoot+"/query_range", a.queryRange, both...)
	add(apiRoot+"/query_exemplars", a.exemplars, both...)
	add(apiRoot+"/format_query", a.formatQuery, both...)
	add(apiRoot+"/labels", a.labelNames, both...)
	add(apiRoot+"/series", a.series, both...)
	add(apiRoot+"/label/{name}/values", a.labelValues, http.MethodGet)
	add(apiRoot+"/metadata", a.metadata, http.MethodGet)
	add(apiRoot+"/targets", a.targets, http.MethodGet)
	add(apiRoot+"/rules", a.rules, http.MethodGet)
	add(apiRoot+"/alerts", a.alerts, http.MethodGet)
	add(apiRoot+"/alertmanagers", constant(`{"activeAlertmanagers":[],"droppedAlertmanagers":[]}`), http.MethodGet)
	add(apiRoot+"/status/buildinfo", a.buildInfo, http.MethodGet)
	add(apiRoot+"/status/runtimeinfo", a.runtimeInfo, http.MethodGet)
	add(apiRoot+"/status/config", a.statusConfig, http.MethodGet)
	add(apiRoot+"/status/flags", a.statusFlags, http.MethodGet)
	add(apiRoot+"/status/tsdb", a.statusTSDB, http.MethodGet)
	out = append(out,
		httpd.Route{Pattern: "GET " + root + "/federate", Access: httpd.Viewer, Handler: http.HandlerFunc(a.federate)},
		httpd.Route{Pattern: "GET " + root + "/-/healthy", Access: httpd.Public, Handler: http.HandlerFunc(a.ready)},
		httpd.Route{Pattern: "GET " + root + "/-/ready", Access: httpd.Public, Handler: http.HandlerFunc(a.ready)},
	)
	return out
}

func (a *api) writeRoutes() []httpd.Route {
	out := []httpd.Route{{Pattern: "POST " + apiRoot + "/write", Handler: http.HandlerFunc(a.write)}}
	for _, p := range []string{"/v1/metrics", apiRoot + "/otlp/v1/metrics"} {
		out = append(out, httpd.Route{Pattern: "POST " + p, Handler: http.HandlerFunc(a.otlp)})
	}
	for i := range out {
		out[i].Access, out[i].MaxBody = httpd.Ingest, a.MaxBody
	}
	return out
}
