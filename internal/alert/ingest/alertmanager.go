package ingest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// amPayload is version 4 of Alertmanager's webhook; incident.io's receiver sends
// the same body under another version, and Grafana one with more in it.
type amPayload struct {
	Version         string            `json:"version"`
	GroupKey        string            `json:"groupKey"`
	TruncatedAlerts int               `json:"truncatedAlerts"`
	Receiver        string            `json:"receiver"`
	Status          string            `json:"status"`
	Alerts          []json.RawMessage `json:"alerts"`
	ExternalURL     string            `json:"externalURL"`
	Reason          string            `json:"notification_reason"`
}

type amAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`

	// Grafana's own.
	Values       map[string]json.RawMessage `json:"values"`
	ValueString  string                     `json:"valueString"`
	DashboardURL string                     `json:"dashboardURL"`
	PanelURL     string                     `json:"panelURL"`
	SilenceURL   string                     `json:"silenceURL"`
}

func parseAlertmanager(src Source, d Delivery) (Batch, error) {
	var p amPayload
	if err := decode(d.Body, &p); err != nil {
		return Batch{}, err
	}
	if p.Alerts == nil {
		return Batch{}, errs.New(errs.Invalid, "alerts: missing: this is no webhook of Alertmanager")
	}
	if src.Kind == Alertmanager && p.Version != "4" {
		return Batch{}, errs.New(errs.Invalid, "version: %q, and known is \"4\"", p.Version)
	}
	return p.batch(src, d), nil
}

func (p amPayload) batch(src Source, d Delivery) Batch {
	var b Batch
	if p.TruncatedAlerts > 0 {
		b.note("%d more alerts of this group were left out by the sender (max_alerts)", p.TruncatedAlerts)
	}
	for i, raw := range p.Alerts {
		path := "alerts[" + strconv.Itoa(i) + "]"
		if i == MaxMembers {
			b.refuse(path, fmt.Sprintf("at most %d alerts are taken at once, and there are %d", MaxMembers, len(p.Alerts)))
			break
		}
		var a amAlert
		if err := member(raw, path, &a); err != nil {
			b.refuseError(path, err)
			continue
		}
		if why := a.wrong(); why != "" {
			r := splitRefusal(path, why)
			b.refuse(r.Path, r.Reason)
			continue
		}
		b.add(path, p.signal(src, a, raw, d.At))
	}
	return b
}

func splitRefusal(path, why string) Refusal {
	for i := range why {
		if why[i] == ':' {
			return Refusal{Path: path + "." + why[:i], Reason: clip(clean(why[i+2:]), 500)}
		}
	}
	return Refusal{Path: path, Reason: why}
}

func (a amAlert) wrong() string {
	switch {
	case a.Status != "firing" && a.Status != "resolved":
		return fmt.Sprintf("status: %q is neither firing nor resolved", clip(a.Status, 40))
	case len(a.Labels) == 0:
		return "labels: there are none"
	case len(a.Labels["alertname"]) > 200:
		return "labels.alertname: more than 200 bytes"
	case len(a.Labels["service"]) > 200:
		return "labels.service: more than 200 bytes"
	}
	return ""
}

func (p amPayload) signal(src Source, a amAlert, raw []byte, now time.Time) alert.Signal {
	mark := a.Fingerprint
	if mark == "" || len(mark) > 64 {
		mark = labelPrint(a.Labels)
	}
	notes := maps.Clone(a.Annotations)
	if notes == nil {
		notes = map[string]string{}
	}
	for k, v := range map[string]string{"dashboard_url": a.DashboardURL, "panel_url": a.PanelURL, "group_key": clip(p.GroupKey, 1000)} {
		if v != "" && notes[k] == "" {
			notes[k] = v
		}
	}
	if p.TruncatedAlerts > 0 {
		notes["truncated_alerts"] = strconv.Itoa(p.TruncatedAlerts)
	}
	s := alert.Signal{
		Firing: a.Status == "firing", Source: src.Name, Service: serviceOf(src, a.Labels), Rule: first(a.Labels["alertname"], "unnamed"), Key: mark,
		Severity: severityOf(a.Labels["severity"], src.Severity), Labels: a.Labels, Annotations: notes, At: at(a.StartsAt, now),
		Summary: first(notes["summary"], notes["description"], notes["message"], a.Labels["alertname"]),
		URL:     first(a.PanelURL, a.DashboardURL, a.GeneratorURL, p.ExternalURL), Evidence: a.evidence(),
	}
	if !s.Firing {
		s.At = at(a.EndsAt, now)
	}
	// An episode is told by its beginning: the same alert tomorrow is another one,
	// and the same words about the same episode were taken before.
	s.ID = signalID(src.Name, mark, a.Status, a.StartsAt.UTC().Format(time.RFC3339Nano), memberID(src, raw))
	return s
}

// evidence is what Grafana measured.
func (a amAlert) evidence() (out []alert.Evidence) {
	for _, k := range slices.Sorted(maps.Keys(a.Values)) {
		if len(out) == 64 {
			break
		}
		out = append(out, alert.Evidence{Name: k, Value: string(a.Values[k])})
	}
	if len(out) == 0 && a.ValueString != "" {
		out = append(out, alert.Evidence{Name: "values", Value: a.ValueString})
	}
	return out
}

// labelPrint is the fingerprint that Prometheus computes of labels: FNV-1a of 64
// bits over name, 0xFF, value, 0xFF in the order of names.
func labelPrint(labels map[string]string) string {
	h := fnv.New64a()
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		h.Write([]byte(k))
		h.Write([]byte{0xff})
		h.Write([]byte(labels[k]))
		h.Write([]byte{0xff})
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
