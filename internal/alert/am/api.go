package am

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

const (
	maxBody  = 10 << 20 // what one request may bring
	longBody = 1 << 20  // from here on a body is long, and so is one that does not say
	maxLong  = 8        // long bodies that are read at once, so that memory is bounded
)

// API speaks Alertmanager's API v2.
type API struct {
	State   *dispatch.State
	Live    *dispatch.Live
	Log     *slog.Logger
	Now     func() time.Time
	Version Version
	Uptime  time.Time
	Peers   func() Cluster                     // nil: there is no cluster
	Count   *Counters                          // may be nil
	Actor   func(*http.Request, string) string // who sets a silence: the name in it, unless somebody is signed in

	config atomic.Pointer[Config]
	large  atomic.Int32 // long bodies being read
}

// compatible is the version of Alertmanager whose behaviour this is: what asks for
// the version (amtool, karma) wants to know that.
const compatible = "0.34.2"

// VersionOf is what the status tells of this program, which is of version own.
func VersionOf(own string) Version {
	return Version{Version: compatible, Revision: own, Branch: "hinoban", BuildUser: "hinoban"}
}

// Version is what the status tells of the program.
type Version struct {
	Version   string `json:"version"`
	Revision  string `json:"revision"`
	Branch    string `json:"branch"`
	BuildUser string `json:"buildUser"`
	BuildDate string `json:"buildDate"`
	GoVersion string `json:"goVersion"`
}

// Cluster is what the status tells of the other servers.
type Cluster struct {
	Name   string `json:"name,omitempty"`
	Status string `json:"status"` // ready, settling or disabled
	Peers  []Peer `json:"peers"`
}

// Peer is one server of a cluster.
type Peer struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Use has the API go by c. It is safe while requests are served.
func (a *API) Use(c *Config) { a.config.Store(c) }

// Config is what the API goes by.
func (a *API) Config() *Config { return a.config.Load() }

// Routes returns the operations by pattern, below the prefix "/api/v2".
func (a *API) Routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /api/v2/status":          a.status,
		"GET /api/v2/receivers":       a.receivers,
		"GET /api/v2/silences":        a.silences,
		"POST /api/v2/silences":       a.postSilence,
		"GET /api/v2/silence/{id}":    a.silence,
		"DELETE /api/v2/silence/{id}": a.deleteSilence,
		"GET /api/v2/alerts":          a.alerts,
		"POST /api/v2/alerts":         a.postAlerts,
		"GET /api/v2/alerts/groups":   a.groups,
	}
}

func (a *API) answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if v == nil {
		return
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		a.Log.Debug("answer was not read", "err", err)
	}
}

// fail answers an error as Alertmanager does: its text as a JSON string.
func (a *API) fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch errs.KindOf(err) {
	case errs.Invalid:
		code = http.StatusBadRequest
	case errs.NotFound:
		a.answer(w, http.StatusNotFound, nil)
		return
	case errs.Unavailable:
		code = http.StatusServiceUnavailable
	case errs.Internal, errs.Conflict, errs.Unauthenticated, errs.Denied:
	}
	a.answer(w, code, err.Error())
}

// problem is the body of a request that cannot be read.
type problem struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// read decodes a body that is no longer than maxBody.
func (a *API) read(w http.ResponseWriter, r *http.Request, into any) bool {
	if r.ContentLength < 0 || r.ContentLength > longBody {
		defer a.large.Add(-1)
		if a.large.Add(1) > maxLong {
			w.Header().Set("Retry-After", "1")
			a.answer(w, http.StatusServiceUnavailable, problem{http.StatusServiceUnavailable, "too many long bodies at once, try again"})
			return false
		}
	}
	body := http.MaxBytesReader(w, r.Body, maxBody)
	b, err := io.ReadAll(body)
	if err != nil {
		code := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			code = http.StatusRequestEntityTooLarge
		}
		a.answer(w, code, problem{code, "reading body failed, because " + err.Error()})
		return false
	}
	if err := json.Unmarshal(b, into); err != nil {
		a.answer(w, http.StatusBadRequest, problem{http.StatusBadRequest, fmt.Sprintf("parsing body failed, because %v", err)})
		return false
	}
	return true
}

func (a *API) status(w http.ResponseWriter, _ *http.Request) {
	c := Cluster{Status: "disabled", Peers: []Peer{}}
	if a.Peers != nil {
		c = a.Peers()
	}
	v := a.Version
	v.GoVersion = runtime.Version()
	a.answer(w, http.StatusOK, struct {
		Cluster     Cluster           `json:"cluster"`
		Config      map[string]string `json:"config"`
		Uptime      time.Time         `json:"uptime"`
		VersionInfo Version           `json:"versionInfo"`
	}{c, map[string]string{"original": a.Config().Original}, a.Uptime, v})
}

func (a *API) receivers(w http.ResponseWriter, r *http.Request) {
	ms, err := matchers(r, "receiver_matchers")
	if err != nil {
		a.answer(w, http.StatusBadRequest, "failed to parse receiver_matchers param: "+err.Error())
		return
	}
	out := []Receiver{}
	for _, rcv := range a.Config().Receivers {
		if dispatch.Found(dispatch.NewSet(rcv.Labels), ms) {
			out = append(out, rcv)
		}
	}
	a.answer(w, http.StatusOK, out)
}

func matchers(r *http.Request, param string) (labels.Matchers, error) {
	var out labels.Matchers
	for _, text := range r.URL.Query()[param] {
		m, err := compat.Matcher(text, "api")
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// flag reads a query parameter that is true unless it says otherwise.
func flag(r *http.Request, name string) bool {
	v, err := strconv.ParseBool(r.URL.Query().Get(name))
	return err != nil || v
}

// ValidName reports whether a label may have that name, as Features set it.
func ValidName(name string) bool { return compat.IsValidLabelName(model.LabelName(name)) }

func (a *API) postAlerts(w http.ResponseWriter, r *http.Request) {
	var in []*dispatch.Posted
	if !a.read(w, r, &in) {
		return
	}
	now := a.Now()
	timeout := a.Config().ResolveTimeout
	good := make([]dispatch.Alert, 0, len(in))
	var bad error
	for i, p := range in {
		if p == nil {
			p = &dispatch.Posted{}
		}
		one, err := p.Alert(now, timeout, ValidName)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("alert %d: %w", i, err))
			continue
		}
		good = append(good, one)
	}
	a.Count.received(good, len(in)-len(good), now)
	if err := a.Live.Take(r.Context(), good...); err != nil {
		a.fail(w, err)
		return
	}
	if bad != nil {
		a.answer(w, http.StatusBadRequest, bad.Error())
		return
	}
	a.answer(w, http.StatusOK, nil)
}

// filter reads what alerts and groups are asked by.
func (a *API) filter(r *http.Request) (f dispatch.Filter, err error) {
	if f.Matchers, err = matchers(r, "filter"); err != nil {
		return f, err
	}
	if text := r.URL.Query().Get("receiver"); text != "" {
		if f.Receiver, err = regexp.Compile("^(?:" + text + ")$"); err != nil {
			return f, fmt.Errorf("failed to parse receiver param: %w", err)
		}
	}
	ms, err := matchers(r, "receiver_matchers")
	if err != nil {
		return f, fmt.Errorf("failed to parse receiver_matchers param: %w", err)
	}
	if len(ms) > 0 {
		has := map[string]bool{}
		for _, rcv := range a.Config().Receivers {
			has[rcv.Name] = dispatch.Found(dispatch.NewSet(rcv.Labels), ms)
		}
		f.Accept = func(name string) bool { return has[name] }
	}
	f.NoActive, f.NoSilenced, f.NoInhibited = !flag(r, "active"), !flag(r, "silenced"), !flag(r, "inhibited")
	return f, nil
}

// gettable is an alert as the API gives it.
type gettable struct {
	Annotations  map[string]string `json:"annotations"`
	EndsAt       time.Time         `json:"endsAt"`
	Fingerprint  string            `json:"fingerprint"`
	Receivers    []named           `json:"receivers"`
	StartsAt     time.Time         `json:"startsAt"`
	Status       status            `json:"status"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
	Labels       map[string]string `json:"labels"`
}

type named struct {
	Name string `json:"name"`
}

type status struct {
	InhibitedBy []string `json:"inhibitedBy"`
	MutedBy     []string `json:"mutedBy"`
	SilencedBy  []string `json:"silencedBy"`
	State       string   `json:"state"`
}

func viewed(v dispatch.View) gettable {
	g := gettable{
		Annotations: v.Alert.Annotations.Strings(), EndsAt: v.Alert.EndsAt, Fingerprint: v.Fingerprint.String(), Receivers: []named{},
		StartsAt: v.Alert.StartsAt, UpdatedAt: v.Alert.UpdatedAt, GeneratorURL: v.Alert.GeneratorURL, Labels: v.Alert.Labels.Strings(),
		Status: status{InhibitedBy: []string{}, MutedBy: []string{}, SilencedBy: []string{}, State: "active"},
	}
	for _, r := range v.Receivers {
		g.Receivers = append(g.Receivers, named{r})
	}
	g.Status.SilencedBy = append(g.Status.SilencedBy, v.SilencedBy...)
	g.Status.MutedBy = append(g.Status.MutedBy, v.MutedBy...)
	for _, fp := range v.InhibitedBy {
		g.Status.InhibitedBy = append(g.Status.InhibitedBy, fp.String())
	}
	if len(v.SilencedBy)+len(v.InhibitedBy)+len(v.MutedBy) > 0 {
		g.Status.State = "suppressed"
	}
	return g
}

func (a *API) alerts(w http.ResponseWriter, r *http.Request) {
	f, err := a.filter(r)
	if err != nil {
		a.answer(w, http.StatusBadRequest, err.Error())
		return
	}
	out := []gettable{}
	for _, v := range a.State.Alerts(a.Now(), f) {
		out = append(out, viewed(v))
	}
	a.answer(w, http.StatusOK, out)
}

// groupAnswer is a group as the API gives it.
type groupAnswer struct {
	Alerts      []gettable        `json:"alerts"`
	Labels      map[string]string `json:"labels"`
	Receiver    named             `json:"receiver"`
	RouteLabels map[string]string `json:"routeLabels,omitempty"`
}

func (a *API) groups(w http.ResponseWriter, r *http.Request) {
	f, err := a.filter(r)
	if err != nil {
		a.answer(w, http.StatusBadRequest, err.Error())
		return
	}
	out := []groupAnswer{}
	for _, g := range a.State.Groups(a.Now(), f) {
		if len(g.MutedBy) > 0 && !flag(r, "muted") {
			continue
		}
		one := groupAnswer{Alerts: make([]gettable, 0, len(g.Alerts)), Labels: plain(g.Labels), Receiver: named{g.Receiver}, RouteLabels: plain(g.Route.RouteOpts.Labels)}
		for _, v := range g.Alerts {
			one.Alerts = append(one.Alerts, viewed(v))
		}
		out = append(out, one)
	}
	a.answer(w, http.StatusOK, out)
}

func plain(m model.LabelSet) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[string(k)] = string(v)
	}
	return out
}
