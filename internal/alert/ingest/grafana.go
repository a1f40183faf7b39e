package ingest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// grafanaLegacy is what Grafana sent before its unified alerting.
type grafanaLegacy struct {
	Title       string            `json:"title"`
	RuleID      json.Number       `json:"ruleId"`
	RuleName    string            `json:"ruleName"`
	State       string            `json:"state"` // ok, paused, alerting, pending, no_data
	EvalMatches []grafanaMatch    `json:"evalMatches"`
	OrgID       json.Number       `json:"orgId"`
	DashboardID json.Number       `json:"dashboardId"`
	PanelID     json.Number       `json:"panelId"`
	Tags        map[string]string `json:"tags"`
	RuleURL     string            `json:"ruleUrl"`
	Message     string            `json:"message"`
}

type grafanaMatch struct {
	Value  json.RawMessage   `json:"value"`
	Metric string            `json:"metric"`
	Tags   map[string]string `json:"tags"`
}

// parseGrafana reads both shapes: that of unified alerting is Alertmanager's with
// more in it, the legacy one has a state of its own.
func parseGrafana(src Source, d Delivery) (Batch, error) {
	var kind struct {
		Alerts   json.RawMessage `json:"alerts"`
		RuleName json.RawMessage `json:"ruleName"`
	}
	if err := decode(d.Body, &kind); err != nil {
		return Batch{}, err
	}
	if kind.Alerts == nil && kind.RuleName != nil {
		return parseGrafanaLegacy(src, d)
	}
	return parseAlertmanager(src, d)
}

func parseGrafanaLegacy(src Source, d Delivery) (Batch, error) {
	var p grafanaLegacy
	if err := decode(d.Body, &p); err != nil {
		return Batch{}, err
	}
	if strings.TrimSpace(p.RuleName) == "" || len(p.RuleName) > 200 {
		return Batch{}, errs.New(errs.Invalid, "ruleName: 1 to 200 bytes are expected")
	}
	s := alert.Signal{
		Source: src.Name, Service: serviceOf(src, p.Tags), Rule: p.RuleName, Key: first(p.RuleID.String(), p.RuleName),
		Severity: severityOf(p.Tags["severity"], src.Severity), Summary: first(p.Message, p.Title, p.RuleName), URL: p.RuleURL, Labels: p.Tags, At: d.At,
	}
	switch p.State {
	case "alerting", "no_data":
		s.Firing = true
	case "ok":
	case "paused", "pending":
		return Batch{Notes: []string{fmt.Sprintf("state %s says neither that something is wrong nor that it is over", p.State)}}, nil
	default:
		return Batch{}, errs.New(errs.Invalid, "state: %q is none of alerting, no_data, ok, pending, paused", clip(p.State, 40))
	}
	for i, m := range p.EvalMatches {
		if i == 64 {
			break
		}
		s.Evidence = append(s.Evidence, alert.Evidence{Name: first(m.Metric, "value "+strconv.Itoa(i+1)), Value: string(m.Value)})
	}
	// The legacy shape has no time and no id of an episode: a delivery that is
	// repeated within the minute is the same.
	s.ID = memberID(src, d.Body, d.At.UTC().Format("2006-01-02T15:04"))
	var b Batch
	b.add("", s)
	return b, nil
}
