package metricsweb

import (
	"net/http"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/metrics/promrules"
)

// The answers of /rules and /alerts, as Prometheus has them.
type (
	ruleGroup struct {
		Name           string    `json:"name"`
		File           string    `json:"file"`
		Rules          []anyRule `json:"rules"`
		Interval       float64   `json:"interval"`
		Limit          int       `json:"limit"`
		EvaluationTime float64   `json:"evaluationTime"`
		LastEvaluation time.Time `json:"lastEvaluation"`
	}
	anyRule struct {
		State          string            `json:"state,omitempty"`
		Name           string            `json:"name"`
		Query          string            `json:"query"`
		Duration       *float64          `json:"duration,omitempty"`
		KeepFiringFor  *float64          `json:"keepFiringFor,omitempty"`
		Labels         map[string]string `json:"labels"`
		Annotations    map[string]string `json:"annotations,omitempty"`
		Alerts         *[]ruleAlert      `json:"alerts,omitempty"`
		Health         string            `json:"health"`
		LastError      string            `json:"lastError,omitempty"`
		EvaluationTime float64           `json:"evaluationTime"`
		LastEvaluation time.Time         `json:"lastEvaluation"`
		Type           string            `json:"type"`
	}
	ruleAlert struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		State       string            `json:"state"`
		ActiveAt    time.Time         `json:"activeAt"`
		Value       string            `json:"value"`
	}
)

func (a *api) groups() []promrules.Group {
	if a.Rules == nil {
		return nil
	}
	return a.Rules()
}

func (a *api) rules(r *http.Request) (reply, error) {
	kind, out := r.URL.Query().Get("type"), []ruleGroup{}
	for _, g := range a.groups() {
		one := ruleGroup{Name: g.Name, File: g.File, Rules: []anyRule{}, Interval: g.Interval.Seconds(), Limit: g.Limit, EvaluationTime: g.Took.Seconds(), LastEvaluation: g.Last}
		for _, x := range g.Rules {
			if (kind == "alert" && x.Recording) || (kind == "record" && !x.Recording) {
				continue
			}
			one.Rules = append(one.Rules, ruleReply(x))
		}
		out = append(out, one)
	}
	return jsonReply(map[string]any{"groups": out})
}

func (a *api) alerts(*http.Request) (reply, error) {
	out := []ruleAlert{}
	for _, g := range a.groups() {
		for _, x := range g.Rules {
			out = append(out, alertReplies(x)...)
		}
	}
	return jsonReply(map[string]any{"alerts": out})
}

func ruleReply(x promrules.Rule) anyRule {
	out := anyRule{Name: x.Name, Query: x.Expr, Labels: x.Labels, Health: "ok", LastError: x.Error, EvaluationTime: x.Took.Seconds(), LastEvaluation: x.Last, Type: "recording"}
	switch {
	case x.Error != "":
		out.Health = "err"
	case x.Last.IsZero():
		out.Health = "unknown"
	}
	if x.Recording {
		return out
	}
	hold, keep, alerts := x.For.Seconds(), x.Keep.Seconds(), alertReplies(x)
	out.Type, out.State, out.Annotations, out.Duration, out.KeepFiringFor, out.Alerts = "alerting", "inactive", x.Notes, &hold, &keep, &alerts
	for _, one := range alerts {
		if one.State == "firing" || out.State == "inactive" {
			out.State = one.State
		}
	}
	return out
}

func alertReplies(x promrules.Rule) []ruleAlert {
	out := []ruleAlert{}
	for _, one := range x.Active {
		state := "pending"
		if one.Firing {
			state = "firing"
		}
		out = append(out, ruleAlert{Labels: one.Labels, Annotations: one.Notes, State: state, ActiveAt: one.Since, Value: strconv.FormatFloat(one.Value, 'e', -1, 64)})
	}
	return out
}
