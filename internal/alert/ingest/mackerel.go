package ingest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// mkrHook is a webhook of Mackerel.
type mkrHook struct {
	OrgName string    `json:"orgName"`
	Event   string    `json:"event"`
	Memo    string    `json:"memo"`
	Message string    `json:"message"`
	Host    *mkrHost  `json:"host"`
	Service *mkrNamed `json:"service"`
	Alert   *mkrAlert `json:"alert"`
}

type mkrHost struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	URL   string `json:"url"`
	Roles []struct {
		Fullname    string `json:"fullname"`
		ServiceName string `json:"serviceName"`
		RoleName    string `json:"roleName"`
	} `json:"roles"`
}

type mkrNamed struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type mkrAlert struct {
	ID                json.RawMessage `json:"id"`
	URL               string          `json:"url"`
	CreatedAt         int64           `json:"createdAt"` // ms since 1970
	Status            string          `json:"status"`    // critical, warning, unknown, ok
	IsOpen            *bool           `json:"isOpen"`
	Trigger           string          `json:"trigger"`
	MonitorName       string          `json:"monitorName"`
	MetricLabel       string          `json:"metricLabel"`
	MetricValue       json.RawMessage `json:"metricValue"`
	CriticalThreshold json.RawMessage `json:"criticalThreshold"`
	WarningThreshold  json.RawMessage `json:"warningThreshold"`
	MonitorOperator   string          `json:"monitorOperator"`
	Duration          json.RawMessage `json:"duration"`
}

func parseMackerel(src Source, d Delivery) (Batch, error) {
	var h mkrHook
	if err := decode(d.Body, &h); err != nil {
		return Batch{}, err
	}
	var b Batch
	if h.Event != "alert" {
		return h.besides()
	}
	a := h.Alert
	if a == nil || strings.TrimSpace(a.MonitorName) == "" || len(a.MonitorName) > 200 {
		return b, errs.New(errs.Invalid, "alert.monitorName: 1 to 200 bytes are expected")
	}
	s := alert.Signal{
		Source: src.Name, Service: src.Service, Rule: a.MonitorName, Severity: src.Severity, URL: a.URL, Key: first(scalar(a.ID), a.URL),
		Labels: map[string]string{"org": h.OrgName}, Annotations: map[string]string{"memo": clip(h.Memo, 4096), "trigger": a.Trigger}, At: d.At,
	}
	switch strings.ToLower(a.Status) {
	case "critical":
		s.Firing, s.Severity = true, alert.Page
	case "warning", "unknown":
		s.Firing, s.Severity = true, alert.Ticket
	case "ok":
	default:
		return b, errs.New(errs.Invalid, "alert.status: %q is none of critical, warning, unknown, ok", clip(a.Status, 40))
	}
	if a.IsOpen != nil && !*a.IsOpen {
		s.Firing = false
	}
	if s.Firing && a.CreatedAt > 0 && a.CreatedAt < 1<<45 {
		s.At = at(time.UnixMilli(a.CreatedAt), d.At)
	}
	h.about(&s)
	s.ID = memberID(src, d.Body)
	b.add("alert", s)
	return b, nil
}

// besides is what Mackerel sends that is no alert.
func (h mkrHook) besides() (b Batch, err error) {
	switch h.Event {
	case "sample", "hostStatus", "hostRegister", "hostRetire", "alertGroup":
		b.note("event %s is no alert", h.Event)
		return b, nil
	}
	return b, errs.New(errs.Invalid, "event: %q is none that Mackerel sends", clip(h.Event, 60))
}

// about fills in of what the alert is, and what was measured.
func (h mkrHook) about(s *alert.Signal) {
	a := h.Alert
	on := ""
	if h.Host != nil {
		s.Labels["host"], on = h.Host.Name, " on "+h.Host.Name
		if len(h.Host.Roles) > 0 {
			s.Labels["service"], s.Labels["role"] = h.Host.Roles[0].ServiceName, h.Host.Roles[0].RoleName
		}
	}
	if h.Service != nil && h.Service.Name != "" {
		s.Labels["service"], on = h.Service.Name, " of "+h.Service.Name
	}
	s.Service = clip(first(s.Labels["service"], s.Service), 200)
	s.Summary = a.MonitorName + on + " is " + strings.ToLower(a.Status)
	limit := a.CriticalThreshold
	if strings.EqualFold(a.Status, "warning") {
		limit = a.WarningThreshold
	}
	if v := rawText(a.MetricValue); v != "" {
		s.Evidence = []alert.Evidence{{Name: first(a.MetricLabel, "value"), Value: v, Limit: strings.TrimSpace(a.MonitorOperator + " " + rawText(limit))}}
		s.Expr = strings.TrimSpace(a.MetricLabel + " " + a.MonitorOperator + " " + rawText(limit))
	}
}
