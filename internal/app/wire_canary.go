package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promrules"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const (
	canarySeed   = 1
	canaryLast   = 1000 // faults that are summed up
	deadmanWaits = 3 * time.Second
)

// canaryPace is how fast canaries are looked after.
type canaryPace struct {
	tick   time.Duration // between two samples, and of the rules
	rest   time.Duration // least time between two faults, so that the alert of one is over
	settle time.Duration // after a fault's end, until it is missing
}

// canaryRoom is the part of the alert room that makes faults.
type canaryRoom struct {
	pace    canaryPace
	store   *alertdb.Store
	client  *http.Client
	seconds *prometheus.HistogramVec
	missing prometheus.Counter

	mu      sync.Mutex
	all     []canary.Canary
	began   map[string]time.Time // by name: since when this server knows it
	arrived map[string]time.Time // by name: the last arrival
	idle    bool                 // nothing is set up, and nothing is left to do
	pruned  time.Time
}

// wireCanary makes faults on purpose and measures how they arrive. Its table is the
// room alert's.
func (a *App) wireCanary() module.Module {
	r := &a.canaries
	r.store = alertdb.New(a.db, a.bus, id.New)
	r.pace = canaryPace{tick: 5 * time.Second, rest: 30 * time.Second, settle: 10 * time.Minute}
	r.client = httpc.New(httpc.Options{Timeout: deadmanWaits, AllowPrivate: a.cfg.Webhook.AllowPrivate})
	r.began, r.arrived = map[string]time.Time{}, map[string]time.Time{}
	r.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hinoban_canary_seconds", Help: "How long a stage took of the way of a fault that was made on purpose.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 11)}, []string{"stage"})
	r.missing = prometheus.NewCounter(prometheus.CounterOpts{Name: "hinoban_canary_missing_total", Help: "Faults made on purpose that no receiver took in time."})
	a.telemetry.Registry.MustRegister(r.seconds, r.missing)
	deps := alertweb.Deps{Log: a.log, Now: a.now, Canaries: a.canarySums}
	return module.Module{
		Name: "alert.canary",
		API:  func(api *httpd.API) { alertweb.CanaryAPI(api, deps) },
		Pages: func(kit *webkit.Kit, _ []module.Panel) []httpd.Route {
			deps.Kit = kit
			return alertweb.CanaryRoutes(deps)
		},
		Workers: []run.Worker{{Name: "alert.canary", Run: func(ctx context.Context) error {
			return run.Loop{Name: "alert.canary", Every: r.pace.tick, Do: a.canaryRound}.Worker(a.log, a.telemetry, a.now).Run(ctx)
		}}},
		Health: []httpd.HealthCheck{{Name: "canaries", Soft: true, Probe: func(context.Context) error {
			if a.tsdb == nil && len(r.list()) > 0 {
				return errs.New(errs.Unavailable, "canaries need the embedded metrics: none is made while metrics are remote")
			}
			return nil
		}}},
	}
}

func (r *canaryRoom) list() []canary.Canary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// use puts canaries to work.
func (r *canaryRoom) use(all []canary.Canary) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all, r.idle = all, false
}

// canaryFiles are the rules that alert on faults, where this server has the samples.
func (a *App) canaryFiles() []promrules.File {
	text := canary.Rules(a.canaries.list(), a.canaries.pace.tick)
	if text == "" || a.tsdb == nil {
		return nil
	}
	return []promrules.File{{Path: canary.File, Text: text}}
}

// unlessCanary does what is done about an alert, unless its fault was made on purpose:
// nobody is woken by it.
func (a *App) unlessCanary(do func(ctx context.Context, alertID string) error) func(context.Context, string) error {
	return func(ctx context.Context, alertID string) error {
		one, err := a.inbox.Alert(ctx, alertID)
		if err != nil || canary.Is(one) {
			return err
		}
		return do(ctx, alertID)
	}
}

// canaryRound writes the samples of all canaries, looks how far their faults have
// come, and says which do not arrive.
func (a *App) canaryRound(ctx context.Context) error {
	r, now := &a.canaries, a.now().UTC().Truncate(time.Millisecond)
	r.mu.Lock()
	all, idle := r.all, r.idle
	r.mu.Unlock()
	if idle || a.tsdb == nil {
		return nil
	}
	for _, c := range all {
		if err := a.canaryKnown(ctx, c, now); err != nil {
			return err
		}
	}
	open, err := r.store.OpenCanaries(ctx)
	if err != nil {
		return err
	}
	left, missErr := a.missCanaries(ctx, all, now)
	err = errors.Join(a.injectCanaries(ctx, all, now), a.measureCanaries(ctx, all, open, now), missErr)
	if err == nil && now.Sub(r.pruned) > time.Hour {
		r.pruned, err = now, r.store.PruneCanaries(ctx, now.Add(-noticesFor))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = err == nil && len(r.all) == 0 && len(open) == 0 && left == 0
	return err
}

// canaryKnown reads, the first time, when a canary arrived last.
func (a *App) canaryKnown(ctx context.Context, c canary.Canary, now time.Time) error {
	r := &a.canaries
	if _, known := r.began[c.Name]; known {
		return nil
	}
	past, err := r.store.Canaries(ctx, c.Name, canaryLast)
	if err != nil {
		return err
	}
	r.began[c.Name], r.arrived[c.Name] = now, canary.Sum(c, past).Last
	return nil
}

// injectCanaries writes 1 for each canary, and 0 while it has a fault.
func (a *App) injectCanaries(ctx context.Context, all []canary.Canary, now time.Time) error {
	r := &a.canaries
	var out []metrics.Series
	for _, c := range all {
		last, err := r.store.Canaries(ctx, c.Name, 1)
		if err != nil {
			return err
		}
		since, faulty := r.began[c.Name], false
		if len(last) > 0 {
			since, faulty = last[0].Until, now.Before(last[0].Until)
		}
		if at, lasts := c.Next(canarySeed, since, r.pace.rest); !faulty && !now.Before(at) {
			faulty = true
			if err := r.store.PutCanary(ctx, canary.Fault{ID: id.New(), Canary: c.Name, At: now, Until: now.Add(lasts)}); err != nil {
				return err
			}
		}
		v := 1.0
		if faulty {
			v = 0
		}
		out = append(out, metrics.Series{Labels: map[string]string{metrics.NameLabel: canary.Series, "canary": c.Name}, Points: []metrics.Point{{T: now, V: v}}})
	}
	if len(out) == 0 {
		return nil
	}
	return a.tsdb.Write(ctx, out)
}

// measureCanaries looks how far faults have come.
func (a *App) measureCanaries(ctx context.Context, all []canary.Canary, open []canary.Fault, now time.Time) error {
	if len(open) == 0 {
		return nil
	}
	alerts, err := a.inbox.Alerts(ctx, alert.Query{Source: rule.Source, Rule: canary.Rule, Limit: 500})
	if err != nil {
		return err
	}
	r := &a.canaries
	for _, f := range open {
		i := slices.IndexFunc(alerts, func(x alert.Alert) bool {
			return canary.Is(x) && x.Labels["canary"] == f.Canary && !x.OpenedAt.Before(f.At.Add(-time.Second)) && !x.OpenedAt.After(f.Until.Add(r.pace.rest))
		})
		next := f
		if i >= 0 {
			if next, err = a.cameTo(ctx, f, alerts[i]); err != nil {
				return err
			}
		}
		next.Settled = now.After(f.Until.Add(r.pace.settle))
		if next.Settled == f.Settled && len(next.Told) == len(f.Told) && next.Stored.Equal(f.Stored) {
			continue
		}
		if err := r.store.PutCanary(ctx, next); err != nil {
			return err
		}
		a.countCanary(f, next)
		if len(f.Told) == 0 && len(next.Told) > 0 {
			a.canaryArrived(ctx, all, next)
		}
	}
	return nil
}

// cameTo is f with what the log and the receivers say of its alert.
func (a *App) cameTo(ctx context.Context, f canary.Fault, one alert.Alert) (canary.Fault, error) {
	f.Fired, f.Told = one.OpenedAt, nil
	records, err := a.bus.Events(ctx, event.Query{Subjects: []string{alert.Subject(one.ID)}, Names: []string{alert.Fired{}.EventName()}, Limit: 1})
	if err != nil || len(records) == 0 {
		return f, err
	}
	f.Stored = records[0].RecordedAt
	told, err := a.kept.Notices(ctx, dispatch.NewSet(one.LabelSet()).Fingerprint(), f.Stored, f.Until.Add(a.canaries.pace.settle))
	if err != nil {
		return f, err
	}
	for _, n := range told { // the oldest first: of each receiver the first that succeeded
		name := fmt.Sprintf("%s/%s[%d]", n.Key.Receiver, n.Key.Integration, n.Key.Index)
		if n.Error == "" && !n.Decided.Before(f.Fired) && !slices.ContainsFunc(f.Told, func(t canary.Told) bool { return t.Receiver == name }) {
			f.Told = append(f.Told, canary.Told{Receiver: name, Decided: n.Decided, Handed: n.At})
		}
	}
	return f, nil
}

// countCanary counts what is new of a fault.
func (a *App) countCanary(was, is canary.Fault) {
	for _, t := range is.Told[min(len(was.Told), len(is.Told)):] {
		for stage, d := range is.Durations(t) {
			a.canaries.seconds.WithLabelValues(string(stage)).Observe(d.Seconds())
		}
	}
	if is.Settled && len(is.Told) == 0 {
		a.canaries.missing.Inc()
	}
}

// canaryArrived notes an arrival, and fetches the address of who watches.
func (a *App) canaryArrived(ctx context.Context, all []canary.Canary, f canary.Fault) {
	r := &a.canaries
	if at := f.Arrived(); at.After(r.arrived[f.Canary]) {
		r.arrived[f.Canary] = at
	}
	for _, c := range all {
		if c.Name != f.Canary || c.Deadman == "" {
			continue
		}
		if err := r.ping(ctx, c.Deadman); err != nil {
			a.log.WarnContext(ctx, "the deadman of a canary was not reached", "canary", c.Name, "err", err)
		}
	}
}

func (r *canaryRoom) ping(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := r.client.Do(req)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("it answered %s", answer.Status)
	}
	return nil
}

// missCanaries alerts on canaries that do not arrive, until one does. It returns how
// many such alerts there were.
func (a *App) missCanaries(ctx context.Context, all []canary.Canary, now time.Time) (left int, err error) {
	r := &a.canaries
	open, err := a.inbox.Alerts(ctx, alert.Query{Source: canary.Source, Rule: canary.Missing, Unresolved: true, Limit: 500})
	if err != nil {
		return 0, err
	}
	var signals []alert.Signal
	say := func(firing bool, name, sid, summary string) {
		signals = append(signals, alert.Signal{
			ID: sid, Firing: firing, Source: canary.Source, Rule: canary.Missing, Key: name, Severity: alert.Page, Summary: summary, At: now,
			URL: a.cfg.BaseURL + "/canaries", Labels: map[string]string{"missing": name},
		})
	}
	lacks := map[string]bool{}
	for _, x := range open {
		name := x.Labels["missing"]
		lacks[name] = true
		gone := !slices.ContainsFunc(all, func(c canary.Canary) bool { return c.Name == name })
		if gone || r.arrived[name].After(x.OpenedAt) {
			say(false, name, "canary/"+x.ID, "a canary arrived again, or none is awaited any more")
		}
	}
	for _, c := range all {
		since := r.began[c.Name]
		if last := r.arrived[c.Name]; last.After(since) {
			since = last
		}
		if !lacks[c.Name] && c.Overdue(since, now) {
			say(true, c.Name, fmt.Sprintf("canary/%s/%d", c.Name, since.UnixMicro()), fmt.Sprintf("No fault made on purpose by the canary %s has reached a receiver since %s: real alerts may not either", c.Name, since.Format(time.RFC3339)))
		}
	}
	if len(signals) == 0 {
		return len(open), nil
	}
	_, err = a.inbox.TakeAll(ctx, signals)
	return len(open), err
}

// canarySums is what was measured, by canary.
func (a *App) canarySums(ctx context.Context) ([]canary.Summary, error) {
	out := []canary.Summary{}
	for _, c := range a.canaries.list() {
		faults, err := a.canaries.store.Canaries(ctx, c.Name, canaryLast)
		if err != nil {
			return nil, err
		}
		out = append(out, canary.Sum(c, faults))
	}
	return out, nil
}
