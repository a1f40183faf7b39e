package alertweb

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/feed"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Routed is what the pages ask of the routes: *dispatch.State.
type Routed interface {
	Alerts(now time.Time, f dispatch.Filter) []dispatch.View
	Groups(now time.Time, f dispatch.Filter) []dispatch.GroupView
	Silences(now time.Time) []dispatch.Silence
	Silence(id string) (dispatch.Silence, bool)
	HeldBy(set dispatch.Set, now time.Time) dispatch.Held
	Owed() map[model.Fingerprint][]dispatch.Owing
	GroupDue(key string) (due time.Time, flushed, ok bool)
}

// Silencer sets and ends silences: *dispatch.Live.
type Silencer interface {
	SetSilence(ctx context.Context, s dispatch.Silence, validName func(string) bool) (string, error)
	Expire(ctx context.Context, id, by string) error
}

// RouteBook is what the pages need of the part of the room that tells of alerts.
type RouteBook struct {
	State   Routed
	Live    Silencer
	Plan    func() *dispatch.Plan
	Notices func(ctx context.Context, fp model.Fingerprint, from, to time.Time) ([]Notice, error)
	Filters alert.FilterStore
}

// Notice is one message that told of an alert, or could not.
type Notice struct {
	Receiver    string    `json:"receiver"`
	Integration string    `json:"integration" doc:"slack, webhook, email …"`
	Group       string    `json:"group" doc:"Alertmanager's group key."`
	Due         time.Time `json:"due" doc:"When it was decided."`
	At          time.Time `json:"at" doc:"When it was taken, or given up."`
	Reason      string    `json:"reason"`
	Attempts    int       `json:"attempts"`
	Error       string    `json:"error,omitempty" doc:"Of what was given up."`
	Late        float64   `json:"late_seconds" doc:"From being due to being taken."`
}

// RouteStep is one node of the tree and what became of the alert there.
type RouteStep struct {
	Depth        int       `json:"depth" doc:"0 is the root."`
	Matchers     string    `json:"matchers" doc:"All must hold. {} matches everything."`
	Document     string    `json:"document,omitempty" doc:"The Route document that it is; else it is of alertmanager.yml."`
	Receiver     string    `json:"receiver"`
	Outcome      string    `json:"outcome,omitempty" enum:"tells,passes,fails,skipped,beyond" doc:"tells: its receiver is told. passes: it matches, and nodes below it tell. fails: a matcher does not hold. skipped: a node before it matched and does not continue. beyond: its parent was not entered."`
	Failed       string    `json:"failed,omitempty" doc:"The first matcher that does not hold."`
	Value        string    `json:"value,omitempty" doc:"What the alert has in its place."`
	GroupBy      []string  `json:"group_by"`
	GroupKey     string    `json:"group_key,omitempty"`
	Wait         float64   `json:"group_wait_seconds"`
	Interval     float64   `json:"group_interval_seconds"`
	Repeat       float64   `json:"repeat_interval_seconds"`
	Continue     bool      `json:"continue"`
	Mute         []string  `json:"mute_time_intervals,omitempty"`
	Active       []string  `json:"active_time_intervals,omitempty"`
	MutedBy      []string  `json:"muted_by,omitempty" doc:"Intervals that keep it from telling at the time asked for."`
	Integrations []string  `json:"integrations"`
	Due          time.Time `json:"due,omitzero" doc:"When the group that is there already is looked at next."`
}

// RouteAnswer is the tree and the path of one alert through it.
type RouteAnswer struct {
	Labels      map[string]string `json:"labels,omitempty"`
	At          time.Time         `json:"at"`
	Steps       []RouteStep       `json:"steps" doc:"Every node, parents before children."`
	Receivers   []string          `json:"receivers" doc:"Who is told, in order."`
	SilencedBy  []SilenceRow      `json:"silenced_by"`
	InhibitedBy []InhibitedBy     `json:"inhibited_by"`
}

// InhibitedBy is an alert that keeps another from being told.
type InhibitedBy struct {
	Fingerprint string            `json:"fingerprint"`
	Labels      map[string]string `json:"labels"`
}

// ExplainRoute says what becomes of an alert with these labels at each node of plan
// at a time. It is pure.
func ExplainRoute(plan *dispatch.Plan, labels map[string]string, at time.Time) RouteAnswer {
	out := RouteAnswer{Labels: labels, At: at, Steps: []RouteStep{}, Receivers: []string{}, SilencedBy: []SilenceRow{}, InhibitedBy: []InhibitedBy{}}
	for _, s := range dispatch.Explain(plan, dispatch.NewSet(labels), at) {
		step := routeStep(plan, s)
		if len(labels) == 0 {
			step.Outcome, step.Failed, step.Value, step.GroupKey = "", "", "", ""
		} else if s.Outcome == dispatch.Tells {
			out.Receivers = append(out.Receivers, step.Receiver)
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

func routeStep(plan *dispatch.Plan, s dispatch.Step) RouteStep {
	o := s.Route.RouteOpts
	out := RouteStep{
		Depth: s.Depth, Matchers: s.Route.Matchers.String(), Receiver: o.Receiver, Outcome: string(s.Outcome), GroupKey: s.GroupKey, GroupBy: []string{}, Integrations: []string{},
		Wait: o.GroupWait.Seconds(), Interval: o.GroupInterval.Seconds(), Repeat: o.RepeatInterval.Seconds(), Continue: s.Route.Continue,
		Mute: o.MuteTimeIntervals, Active: o.ActiveTimeIntervals, MutedBy: s.MutedBy,
	}
	if name, ok := strings.CutPrefix(o.Receiver, "route/"); ok && s.Depth == 1 {
		out.Document = name
	}
	if s.Failed != nil {
		out.Failed, out.Value = s.Failed.String(), s.Value
	}
	if out.GroupBy = names(o.GroupBy); o.GroupByAll {
		out.GroupBy = []string{"..."}
	}
	for _, i := range plan.Receivers[o.Receiver] {
		out.Integrations = append(out.Integrations, i.Name())
	}
	return out
}

func names(by map[model.LabelName]struct{}) []string {
	out := make([]string, 0, len(by))
	for n := range by {
		out = append(out, string(n))
	}
	slices.Sort(out)
	return out
}

// explain is ExplainRoute with what holds now.
func (d Deps) explain(labels map[string]string, at time.Time) RouteAnswer {
	now := d.Now()
	if at.IsZero() {
		at = now
	}
	out := ExplainRoute(d.Routes.Plan(), labels, at)
	if len(labels) == 0 {
		return out
	}
	for i, s := range out.Steps {
		if due, _, ok := d.Routes.State.GroupDue(s.GroupKey); ok && s.GroupKey != "" {
			out.Steps[i].Due = due
		}
	}
	held := d.Routes.State.HeldBy(dispatch.NewSet(labels), now)
	for _, id := range held.Silences {
		if s, ok := d.Routes.State.Silence(id); ok {
			out.SilencedBy = append(out.SilencedBy, silenceRow(s, now))
		}
	}
	for _, a := range held.By {
		out.InhibitedBy = append(out.InhibitedBy, InhibitedBy{a.Labels.Fingerprint().String(), a.Labels.Strings()})
	}
	return out
}

// setOf are the labels by which routes know an alert of the inbox.
func setOf(a alert.Alert) dispatch.Set {
	m := a.LabelSet()
	if a.Source == feed.Source {
		m = maps.Clone(a.Labels)
	}
	if a.AckedBy != "" && a.State() == alert.Held {
		m[dispatch.AckLabel] = a.AckedBy
	}
	return dispatch.NewSet(m)
}

// named are the labels without who has the alert: what names it.
func named(set dispatch.Set) dispatch.Set {
	m := set.Strings()
	if _, ok := m[dispatch.AckLabel]; !ok {
		return set
	}
	delete(m, dispatch.AckLabel)
	return dispatch.NewSet(m)
}

// routeAsk is what the explorer is asked.
type routeAsk struct {
	Labels string
	Alert  string
	At     string
}

func (d Deps) asked(ctx context.Context, in routeAsk) (labels map[string]string, at time.Time, err error) {
	if in.At != "" {
		if at, err = readTime(ctx, in.At); err != nil {
			return nil, at, err
		}
	}
	if in.Alert != "" {
		a, err := d.Inbox.Alert(ctx, in.Alert)
		return setOf(a).Strings(), at, err
	}
	if strings.TrimSpace(in.Labels) == "" {
		return nil, at, nil
	}
	labels, err = am.ParseLabels(in.Labels)
	return labels, at, err
}

// RouteAPI registers the operations on routes.
func RouteAPI(a *httpd.API, d Deps) {
	httpd.Get(a, "/api/v1/routes", httpd.Op{ID: "explain-routes", Tag: "alert", Summary: "The routing tree, and the path of an alert through it"}, func(ctx context.Context, in *struct {
		Labels string    `query:"labels" maxLength:"65536" doc:"Lines of name=value, a JSON object, or {name=\"value\"}. Empty: the tree alone."`
		Alert  string    `query:"alert" maxLength:"64" doc:"The id of an alert, in the place of labels."`
		At     time.Time `query:"at" doc:"What the time intervals say then; nothing means now."`
	},
	) (RouteAnswer, error) {
		labels, _, err := d.asked(ctx, routeAsk{Labels: in.Labels, Alert: in.Alert})
		if err != nil {
			return RouteAnswer{}, err
		}
		return d.explain(labels, in.At), nil
	})
}

// readTime reads a time as a form gives it, in the viewer's zone, or RFC 3339.
func readTime(ctx context.Context, text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, webkit.Zone(ctx)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errs.New(errs.Invalid, "%q is no time: write 2026-11-20T09:00 or 2026-11-20T09:00:00Z", text)
}
