package am

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

// ServerOptions are the parts of a server that stands alone.
type ServerOptions struct {
	Prefix  string // "/" or "/alertmanager"
	Reload  func() error
	Gather  prometheus.Gatherer
	Origin  func(origin string) bool // whose pages may call the API; nil: nobody's
	Timeout time.Duration            // of a request; 0: none
	Gets    int                      // GET requests served at once
}

// Handler serves what Alertmanager serves: the API, the hooks under /-/, the
// metrics, and a page that says what is on.
func (a *API) Handler(o ServerOptions) http.Handler {
	mux := http.NewServeMux()
	slots := make(chan struct{}, max(1, o.Gets))
	for pattern, fn := range a.Routes() {
		h := http.Handler(fn)
		if strings.HasPrefix(pattern, http.MethodGet) {
			h = limited(h, slots)
		}
		if o.Timeout > 0 {
			h = http.TimeoutHandler(h, o.Timeout, "Exceeded configured timeout of "+o.Timeout.String()+".\n")
		}
		mux.Handle(pattern, h)
	}
	mux.HandleFunc("/api/v1/", func(w http.ResponseWriter, _ *http.Request) {
		a.answer(w, http.StatusGone, map[string]string{"status": "deprecated", "error": "The Alertmanager v1 API was removed. Use /api/v2."})
	})
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "OK") }
	mux.HandleFunc("GET /-/healthy", ok)
	mux.HandleFunc("GET /-/ready", ok)
	mux.HandleFunc("POST /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		if err := o.Reload(); err != nil {
			http.Error(w, fmt.Sprintf("failed to reload config: %s", err), http.StatusInternalServerError)
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gather, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("GET /{$}", a.page(template.Must(template.New("page").Parse(pageText))))
	var h http.Handler = mux
	if o.Origin != nil {
		h = cors(mux, o.Origin)
	}
	prefix := strings.TrimSuffix(o.Prefix, "/")
	if prefix == "" {
		return h
	}
	outer := http.NewServeMux()
	outer.Handle(prefix+"/", http.StripPrefix(prefix, h))
	outer.Handle("GET /{$}", http.RedirectHandler(prefix+"/", http.StatusFound))
	return outer
}

// cors lets pages of the origins that allowed names call the API.
func cors(next http.Handler, allowed func(string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if !strings.HasPrefix(r.URL.Path, "/api/") || origin == "" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Origin")
		if !allowed(origin) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
			w.Header().Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
			w.Header().Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limited serves no more requests at once than there are slots.
func limited(h http.Handler, slots chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			h.ServeHTTP(w, r)
		default:
			http.Error(w, fmt.Sprintf("Limit of concurrent GET requests reached (%d), try again later.\n", cap(slots)), http.StatusServiceUnavailable)
		}
	})
}

const pageText = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>Alerts</title>
<style>body{font:14px/1.5 system-ui,"Hiragino Sans","Noto Sans JP",sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884;vertical-align:top}code{overflow-wrap:anywhere}</style>
<h1>{{len .Groups}} groups of alerts</h1>
{{range .Groups}}<h2><code>{{.Labels}}</code> → {{.Receiver}}</h2>
<table><tr><th>Alert<th>Since<th>State</tr>{{range .Alerts}}<tr><td><code>{{.Labels}}</code><td>{{.StartsAt}}<td>{{.State}}</tr>{{end}}</table>
{{else}}<p>No alert fires. Senders post to <code>api/v2/alerts</code>.</p>{{end}}
<h1>{{len .Silences}} silences</h1>
{{range .Silences}}<p><code>{{.Text}}</code> until {{.EndsAt}}, by {{.CreatedBy}}: {{.Comment}}</p>{{else}}<p>No silence is active. <code>amtool silence add alertname=…</code> sets one.</p>{{end}}
<p>Metrics: <a href="metrics">/metrics</a>. The inbox, its judgement and its history come with <code>hinoban serve</code>.</p>
</html>`

type pageAlert struct{ Labels, StartsAt, State string }

type pageGroup struct {
	Labels, Receiver string
	Alerts           []pageAlert
}

// page shows what is on, without the pages of the whole house.
func (a *API) page(tmpl *template.Template) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		if err := tmpl.Execute(w, a.overview()); err != nil {
			a.Log.DebugContext(r.Context(), "page was not read", "err", err)
		}
	}
}

type overview struct {
	Groups   []pageGroup
	Silences []dispatch.Silence
}

const pageGroups = 500 // groups that the page shows

func (a *API) overview() (v overview) {
	now := a.Now()
	for _, g := range a.State.Groups(now, dispatch.Filter{}) {
		one := pageGroup{Labels: g.Labels.String(), Receiver: g.Receiver}
		for _, x := range g.Alerts {
			one.Alerts = append(one.Alerts, pageAlert{x.Alert.Labels.Map().String(), x.Alert.StartsAt.UTC().Format(time.RFC3339), viewed(x).Status.State})
		}
		if v.Groups = append(v.Groups, one); len(v.Groups) == pageGroups {
			break
		}
	}
	for _, s := range a.State.Silences(now) {
		if s.State(now) == dispatch.SilenceActive {
			v.Silences = append(v.Silences, s)
		}
	}
	return v
}
