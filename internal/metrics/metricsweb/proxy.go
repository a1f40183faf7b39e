package metricsweb

import (
	"net/http"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// remoteRoutes pass on what a remote server answers in our place. Nothing else
// goes through: its admin interface, for one, is not ours to open.
func (a *api) remoteRoutes() []httpd.Route {
	var out []httpd.Route
	for _, p := range []string{
		"/query", "/query_range", "/query_exemplars", "/format_query", "/labels", "/series",
		"/label/{name}/values", "/metadata", "/targets", "/rules", "/alerts", "/status/buildinfo",
	} {
		for _, m := range []string{http.MethodGet, http.MethodPost} {
			out = append(out, httpd.Route{Pattern: m + " " + apiRoot + p, Access: httpd.Viewer, Handler: http.HandlerFunc(a.pass), MaxBody: formBody})
		}
	}
	for _, p := range []string{apiRoot + "/write", "/v1/metrics", apiRoot + "/otlp/v1/metrics"} {
		out = append(out, httpd.Route{Pattern: "POST " + p, Access: httpd.Ingest, Handler: http.HandlerFunc(writeElsewhere)})
	}
	return out
}

// pass asks the remote server the same question and hands its answer on.
func (a *api) pass(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formBody)
	if err := r.ParseForm(); err != nil {
		a.fail(w, r, &apiError{badData, err})
		return
	}
	got, err := a.Remote.Ask(r.Context(), r.Method, strings.TrimPrefix(r.URL.Path, root), r.Form)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if got.Status == http.StatusUnauthorized || got.Status == http.StatusForbidden {
		// Our credentials there, not the caller's here.
		a.fail(w, r, &apiError{notReady, errRefused})
		return
	}
	if t := got.ContentType; t != "" {
		w.Header().Set("Content-Type", t)
	}
	w.WriteHeader(got.Status)
	w.Write(got.Body)
}

func writeElsewhere(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "metrics.url is set: this server keeps no samples, write to that one", http.StatusNotFound)
}
