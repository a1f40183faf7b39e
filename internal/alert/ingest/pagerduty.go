package ingest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// MaxPagerDuty is what an event of PagerDuty's Events API v2 may have, in bytes.
const MaxPagerDuty = 512 << 10

// pdEvent is an event of PagerDuty's Events API v2.
type pdEvent struct {
	RoutingKey string     `json:"routing_key"`
	Action     string     `json:"event_action"`
	DedupKey   string     `json:"dedup_key"`
	Payload    *pdPayload `json:"payload"`
	Images     []pdLink   `json:"images"`
	Links      []pdLink   `json:"links"`
	Client     string     `json:"client"`
	ClientURL  string     `json:"client_url"`
}

type pdPayload struct {
	Summary   string          `json:"summary"`
	Source    string          `json:"source"`
	Severity  string          `json:"severity"`
	Timestamp string          `json:"timestamp"`
	Component string          `json:"component"`
	Group     string          `json:"group"`
	Class     string          `json:"class"`
	Details   json.RawMessage `json:"custom_details"`
}

type pdLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
	Src  string `json:"src"`
	Alt  string `json:"alt"`
}

// InvalidEventError is an event that PagerDuty's API would not take: its errors are
// answered in that API's own form.
type InvalidEventError struct{ Errors []string }

func (e *InvalidEventError) Error() string { return strings.Join(e.Errors, "; ") }

// RoutingKey is the key in an event, or "" where the body has none.
func RoutingKey(body []byte) string {
	var e struct {
		RoutingKey string `json:"routing_key"`
	}
	if weigh(body, maxValues) != nil || json.Unmarshal(body, &e) != nil {
		return ""
	}
	return e.RoutingKey
}

func parsePagerDuty(src Source, d Delivery) (Batch, error) {
	if len(d.Body) > MaxPagerDuty {
		return Batch{}, errs.New(errs.Invalid, "the event has %d bytes, at most %d are taken", len(d.Body), MaxPagerDuty)
	}
	var e pdEvent
	if err := decode(d.Body, &e); err != nil {
		return Batch{}, err
	}
	if wrong := e.wrong(); len(wrong) > 0 {
		return Batch{}, errs.New(errs.Invalid, "%w", &InvalidEventError{wrong})
	}
	b := Batch{Key: clean(e.DedupKey)}
	if b.Key == "" { // only a trigger comes without
		b.Key = memberID(src, d.Body, d.At.UTC().Format(time.RFC3339Nano))
	}
	switch e.Action {
	case "acknowledge":
		b.Acks = []string{b.Key}
	case "resolve":
		s := e.signal(src, b.Key, d.At)
		s.Firing = false
		s.ID = signalID(src.Name, "resolve", b.Key, d.At.UTC().Format(time.RFC3339Nano))
		b.add("", s)
	case "trigger":
		s := e.signal(src, b.Key, d.At)
		s.Firing = true
		// Events have no id: the client retries within seconds, and what is said again
		// later counts again.
		s.ID = memberID(src, d.Body, d.At.UTC().Format("2006-01-02T15:04"), b.Key)
		b.add("", s)
	}
	return b, nil
}

// wrong lists what is wrong with e, in the words of PagerDuty's answers.
func (e pdEvent) wrong() (out []string) {
	switch e.Action {
	case "trigger":
	case "acknowledge", "resolve":
		if e.DedupKey == "" {
			out = append(out, "'dedup_key' is missing or blank")
		}
	case "":
		out = append(out, "'event_action' is missing or blank")
	default:
		out = append(out, "'event_action' must be one of trigger, acknowledge, resolve")
	}
	if len([]rune(e.DedupKey)) > 255 {
		out = append(out, "'dedup_key' is longer than 255 characters")
	}
	if e.Action != "trigger" {
		return out
	}
	if e.Payload == nil {
		return append(out, "'payload' is missing or blank")
	}
	if strings.TrimSpace(e.Payload.Summary) == "" {
		out = append(out, "'payload.summary' is missing or blank")
	}
	if strings.TrimSpace(e.Payload.Source) == "" {
		out = append(out, "'payload.source' is missing or blank")
	}
	switch e.Payload.Severity {
	case "critical", "error", "warning", "info":
	case "":
		out = append(out, "'payload.severity' is missing or blank")
	default:
		out = append(out, "'payload.severity' is invalid (must be one of critical, error, warning, info)")
	}
	if _, ok := pdTime(e.Payload.Timestamp); !ok {
		out = append(out, "'payload.timestamp' is not an ISO 8601 time")
	}
	return out
}

// pdTime reads a timestamp; none is a zero time.
func pdTime(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999-0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func (e pdEvent) signal(src Source, key string, now time.Time) alert.Signal {
	s := alert.Signal{Source: src.Name, Service: src.Service, Rule: "event", Severity: alert.Ticket, Key: key, At: now, Summary: "resolved by " + first(e.Client, "its sender")}
	if e.Payload == nil {
		return s
	}
	p := *e.Payload
	t, _ := pdTime(p.Timestamp)
	if e.Action == "trigger" {
		s.At = at(t, now)
	}
	details := detailsOf(p.Details)
	s.Summary, s.Rule = clip(p.Summary, 4096), clip(first(p.Class, p.Group, details["alertname"], "event"), 200)
	s.Service = clip(first(details["service"], p.Component, src.Service, p.Source), 200)
	s.Labels = map[string]string{"pd_source": p.Source, "component": p.Component, "group": p.Group, "class": p.Class, "pd_severity": p.Severity}
	s.Annotations = details
	s.Severity = alert.Info
	switch p.Severity {
	case "critical", "error":
		s.Severity = alert.Page
	case "warning":
		s.Severity = alert.Ticket
	}
	s.URL = e.ClientURL
	for i, l := range append(e.Links, e.Images...) {
		if i < 16 && l.Href != "" && isURL(l.Href) {
			s.Annotations[fmt.Sprintf("link_%d", i+1)] = clip(strings.TrimSpace(first(l.Text, l.Alt)+" "+l.Href), 2048)
			s.URL = first(s.URL, l.Href)
		}
	}
	return s
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// detailsOf flattens what a sender says besides: an object becomes names and
// texts, anything else one text.
func detailsOf(raw json.RawMessage) map[string]string {
	out := map[string]string{}
	if len(raw) == 0 || string(raw) == "null" {
		return out
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		out["details"] = clip(textOf(raw), 8192)
		return out
	}
	room := 48 << 10
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		text := clip(textOf(fields[k]), 8192)
		if room -= len(k) + len(text); room < 0 || len(out) == 64 {
			out["details_cut"] = "the sender said more"
			break
		}
		out[k] = text
	}
	return out
}

// textOf is a JSON value as text: of a string what it says, of others how they
// are written.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
