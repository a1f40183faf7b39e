package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/feed"
	"github.com/hinoban/hinoban/internal/alert/replay"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
)

const (
	replayMost  = 2_000_000 // alerts that one replay holds in memory
	replayTime  = 5 * time.Minute
	replayAsked = 200 // expressions that one replay asks the samples
)

type replayInput struct {
	Body struct {
		Since string            `json:"since,omitempty" default:"30d" doc:"How far back: 7d, 30d."`
		Files map[string]string `json:"files" doc:"Path to text of every file of the folder to try."`
	}
}

func (a *App) replayAPI(api *httpd.API) {
	op := httpd.Op{ID: "replay-alerts", Tag: "alert", Summary: "What another folder would have made of the alerts of the past; it shows lines of documents, and so takes an admin", Access: httpd.Admin}
	httpd.Post(api, "/api/v1/alerts/replay", op, func(ctx context.Context, in *replayInput) (replay.Change, error) {
		since, err := model.ParseDuration(in.Body.Since)
		if err != nil || since <= 0 {
			return replay.Change{}, errs.New(errs.Invalid, "since: %q is no duration such as 30d", in.Body.Since)
		}
		return a.replay(ctx, time.Duration(since), in.Body.Files)
	})
}

// replay runs the alerts of the past through the folder in use and another one.
func (a *App) replay(ctx context.Context, since time.Duration, files map[string]string) (replay.Change, error) {
	begin := a.now()
	ctx, cancel := context.WithTimeout(ctx, replayTime)
	defer cancel()
	set, problems := ascode.Parse(files, Kinds())
	p, more := build(set)
	if err := append(problems, more...).Err(); err != nil {
		return replay.Change{}, err
	}
	next, err := p.routes.Skeleton()
	if err != nil {
		return replay.Change{}, err
	}
	from := begin.Add(-since)
	all, err := a.episodes(ctx, from)
	if err != nil {
		return replay.Change{}, err
	}
	incidents, err := a.pastIncidents(ctx, from)
	if err != nil {
		return replay.Change{}, err
	}
	rules := replay.Rules{Old: a.rules.set.Load(), New: p.rules, Answered: map[string]bool{}}
	fresh, unsure := a.wouldHaveFired(ctx, rules, from, begin)
	var before, after replay.Outcome
	var errBefore, errAfter error
	done := make(chan struct{})
	go func() {
		defer close(done)
		before, errBefore = replay.Run(ctx, all, replay.Config{Plan: a.routing.state.Plan()}, nil)
	}()
	after, errAfter = replay.Run(ctx, all, replay.Config{Plan: next, Raise: rules.Raise}, nil, fresh...)
	<-done
	if err := errorsFirst(errBefore, errAfter); err != nil {
		return replay.Change{}, errs.New(errs.Unavailable, "replay %d alerts: %w", len(all), err)
	}
	c := replay.Compare(all, incidents, before, after)
	c.Unsure = append(rules.Unsure(), unsure...)
	c.TookSeconds = a.now().Sub(begin).Seconds()
	return c, nil
}

func errorsFirst(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// episodes are the alerts of the past as routes saw them.
func (a *App) episodes(ctx context.Context, from time.Time) (out []replay.Episode, err error) {
	err = alertdb.New(a.db, a.bus, id.New).Past(ctx, from, func(one alert.Alert) error {
		if len(out) == replayMost {
			return errs.New(errs.Invalid, "more than %d alerts since %s: replay a shorter time", replayMost, from.UTC().Format(time.RFC3339))
		}
		labels := one.LabelSet()
		if one.Source == feed.Source {
			labels = one.Labels
		}
		out = append(out, replay.Episode{
			ID: one.ID, Rule: one.Rule, Service: one.Service, Source: one.Source, Severity: one.Severity, Labels: dispatch.NewSet(labels), From: one.OpenedAt, To: one.ResolvedAt,
		})
		return nil
	})
	return out, err
}

// pastIncidents are the incidents since from with their alerts, as the log
// tells them.
func (a *App) pastIncidents(ctx context.Context, from time.Time) (out []replay.Incident, err error) {
	at := map[string]int{}
	q := event.Query{Names: []string{incident.Declared{}.EventName(), incident.AlertAttached{}.EventName()}, From: from}
	for {
		page, err := a.bus.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			q.After = r.Seq
			var e struct{ Incident, Title, Service, Alert string }
			if err := json.Unmarshal(r.Payload, &e); err != nil {
				return nil, fmt.Errorf("event %d: %w", r.Seq, err)
			}
			i, ok := at[e.Incident]
			if !ok {
				i = len(out)
				at[e.Incident] = i
				out = append(out, replay.Incident{ID: e.Incident, Title: e.Title, Service: e.Service, At: r.At})
			}
			if e.Alert != "" && !slices.Contains(out[i].Alerts, e.Alert) {
				out[i].Alerts = append(out[i].Alerts, e.Alert)
			}
		}
		if len(page) == 0 {
			return out, nil
		}
	}
}

// wouldHaveFired asks the samples what new expressions would have raised.
func (a *App) wouldHaveFired(ctx context.Context, rules replay.Rules, from, to time.Time) (out []replay.Episode, unsure []string) {
	asked := rules.Asked()
	if len(asked) > replayAsked {
		unsure = append(unsure, fmt.Sprintf("%d expressions are new; the first %d were asked", len(asked), replayAsked))
		asked = asked[:replayAsked]
	}
	for _, q := range asked {
		step := max(q.Rule.What.Every, time.Minute, to.Sub(from)/10_000)
		answers, err := a.engine.Range(ctx, q.Instance.Expr, from, to, step)
		if err != nil {
			unsure = append(unsure, fmt.Sprintf("%s (%s): %v", q.Rule.Name, q.Rule.Place(), err))
			continue
		}
		rules.Answered[q.Rule.ID] = true
		out = append(out, q.Fired(rule.FiredIn(answers, q.Rule.What.For, q.Rule.What.KeepFiringFor, step), to)...)
	}
	return out, unsure
}
