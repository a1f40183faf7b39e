package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// sentryHook is a webhook of a Sentry integration: of an issue alert, a metric
// alert, or an issue.
type sentryHook struct {
	Action string `json:"action"`
	Data   struct {
		Event            *sentryEvent  `json:"event"`
		TriggeredRule    string        `json:"triggered_rule"`
		Issue            *sentryIssue  `json:"issue"`
		MetricAlert      *sentryMetric `json:"metric_alert"`
		DescriptionText  string        `json:"description_text"`
		DescriptionTitle string        `json:"description_title"`
		WebURL           string        `json:"web_url"`
	} `json:"data"`
}

type sentryEvent struct {
	EventID     string              `json:"event_id"`
	IssueID     json.RawMessage     `json:"issue_id"`
	Title       string              `json:"title"`
	Culprit     string              `json:"culprit"`
	Level       string              `json:"level"`
	WebURL      string              `json:"web_url"`
	Environment string              `json:"environment"`
	Platform    string              `json:"platform"`
	Project     json.RawMessage     `json:"project"`
	Datetime    string              `json:"datetime"`
	Tags        [][]json.RawMessage `json:"tags"`
}

type sentryIssue struct {
	ID        json.RawMessage `json:"id"`
	ShortID   string          `json:"shortId"`
	Title     string          `json:"title"`
	Culprit   string          `json:"culprit"`
	Level     string          `json:"level"`
	Status    string          `json:"status"`
	WebURL    string          `json:"web_url"`
	Permalink string          `json:"permalink"`
	Project   struct {
		Slug string `json:"slug"`
	} `json:"project"`
}

type sentryMetric struct {
	ID          json.RawMessage `json:"id"`
	Title       string          `json:"title"`
	DateStarted string          `json:"date_started"`
	Projects    []string        `json:"projects"`
	AlertRule   struct {
		ID    json.RawMessage `json:"id"`
		Name  string          `json:"name"`
		Query string          `json:"query"`
	} `json:"alert_rule"`
}

func parseSentry(src Source, secret string, d Delivery) (Batch, error) {
	if err := sentrySigned(secret, d); err != nil {
		return Batch{}, err
	}
	var h sentryHook
	if err := decode(d.Body, &h); err != nil {
		return Batch{}, err
	}
	var b Batch
	var s alert.Signal
	var ok bool
	switch {
	case h.Data.MetricAlert != nil:
		s, ok = h.metric(src, d.At)
	case h.Data.Event != nil:
		s, ok = h.event(src, d.At)
	case h.Data.Issue != nil:
		s, ok = h.issue(src, d.At)
	case d.header("Sentry-Hook-Resource") == "installation":
		b.note("installation %s", clip(clean(h.Action), 60))
		return b, nil
	default:
		return b, errs.New(errs.Invalid, "data: neither an event nor an issue nor a metric_alert: send issue alerts, metric alerts and issues here")
	}
	if !ok {
		b.note("action %q says neither that something is wrong nor that it is over", clip(clean(h.Action), 60))
		return b, nil
	}
	s.ID = memberID(src, d.Body)
	b.add("data", s)
	return b, nil
}

// sentrySigned says whether d was signed with the client secret of the
// integration; Denied where it was not.
func sentrySigned(secret string, d Delivery) error {
	if secret == "" {
		return errs.New(errs.Denied, "the client secret of the integration is not known here: enter it on the source's page")
	}
	want, err := hex.DecodeString(d.header("Sentry-Hook-Signature"))
	if err != nil || len(want) == 0 {
		return errs.New(errs.Denied, "the header Sentry-Hook-Signature is missing or not hexadecimal")
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(d.Body)
	if !hmac.Equal(mac.Sum(nil), want) {
		return errs.New(errs.Denied, "the signature is not of this body: is the client secret the integration's?")
	}
	return nil
}

func sentrySeverity(level string, unsaid alert.Severity) alert.Severity {
	switch strings.ToLower(level) {
	case "fatal":
		return alert.Page
	case "error", "warning":
		return alert.Ticket
	case "":
		return unsaid
	}
	return alert.Info
}

func (h sentryHook) event(src Source, now time.Time) (alert.Signal, bool) {
	e := h.Data.Event
	labels := map[string]string{"level": e.Level, "environment": e.Environment, "platform": e.Platform, "project": rawText(e.Project)}
	for i, t := range e.Tags {
		if i < 64 && len(t) == 2 {
			if k := clip(rawText(t[0]), 200); labels[k] == "" {
				labels[k] = clip(rawText(t[1]), 500)
			}
		}
	}
	t, err := time.Parse(time.RFC3339, e.Datetime)
	if err != nil {
		t = time.Time{}
	}
	return alert.Signal{
		Firing: true, Source: src.Name, Service: first(labels["service"], src.Service), Rule: clip(first(h.Data.TriggeredRule, "issue"), 200),
		Key: first(scalar(e.IssueID), e.EventID), Severity: sentrySeverity(e.Level, src.Severity), Summary: first(e.Title, e.Culprit, "an issue"),
		Labels: labels, Annotations: map[string]string{"culprit": clip(e.Culprit, 1000), "event_id": e.EventID}, URL: e.WebURL, At: at(t, now),
	}, h.Action == "triggered"
}

func (h sentryHook) issue(src Source, now time.Time) (alert.Signal, bool) {
	i := h.Data.Issue
	s := alert.Signal{
		Source: src.Name, Service: src.Service, Rule: "issue", Key: first(scalar(i.ID), i.ShortID), Severity: sentrySeverity(i.Level, src.Severity),
		Summary: first(i.Title, i.ShortID, "an issue"), Labels: map[string]string{"level": i.Level, "project": i.Project.Slug},
		Annotations: map[string]string{"culprit": clip(i.Culprit, 1000), "short_id": i.ShortID}, URL: first(i.WebURL, i.Permalink), At: now,
	}
	switch h.Action {
	case "created", "unresolved":
		s.Firing = true
	case "resolved", "archived", "ignored":
	default:
		return s, false
	}
	return s, true
}

func (h sentryHook) metric(src Source, now time.Time) (alert.Signal, bool) {
	m := h.Data.MetricAlert
	s := alert.Signal{
		Source: src.Name, Service: src.Service, Rule: clip(first(m.AlertRule.Name, m.Title, "metric alert"), 200), Key: first(scalar(m.AlertRule.ID), scalar(m.ID)),
		Severity: alert.Ticket, Expr: m.AlertRule.Query, Summary: first(h.Data.DescriptionText, h.Data.DescriptionTitle, m.Title),
		Labels: map[string]string{"project": strings.Join(m.Projects[:min(8, len(m.Projects))], ",")}, Annotations: map[string]string{"title": clip(h.Data.DescriptionTitle, 1000)},
		URL: h.Data.WebURL, At: now,
	}
	switch h.Action {
	case "critical":
		s.Firing, s.Severity = true, alert.Page
	case "warning", "open":
		s.Firing = true
	case "resolved":
	default:
		return s, false
	}
	return s, true
}
