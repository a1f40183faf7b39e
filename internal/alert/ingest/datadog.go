package ingest

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// ddPayload is what a webhook of Datadog sends: its default template has body,
// title, event_type, date, org and id; ours, which the source's page shows, the rest.
type ddPayload struct {
	ID         json.RawMessage `json:"id"`
	Title      string          `json:"title"`
	Body       string          `json:"body"`
	EventType  string          `json:"event_type"`
	Date       json.RawMessage `json:"date"` // ms since 1970
	AlertID    json.RawMessage `json:"alert_id"`
	AggregKey  string          `json:"aggreg_key"`
	AlertTitle string          `json:"alert_title"`
	Transition string          `json:"transition"`
	AlertType  string          `json:"alert_type"`
	Priority   string          `json:"priority"`
	Scope      string          `json:"scope"`
	Query      string          `json:"query"`
	Metric     string          `json:"metric"`
	Status     string          `json:"status"`
	Tags       string          `json:"tags"`
	Host       string          `json:"host"`
	Link       string          `json:"link"`
	Snapshot   string          `json:"snapshot"`
}

var bracketRE = regexp.MustCompile(`^\s*\[([^\]]{0,200})\]`)

func parseDatadog(src Source, d Delivery) (Batch, error) {
	var p ddPayload
	if err := decode(d.Body, &p); err != nil {
		return Batch{}, err
	}
	transition, title := p.transition()
	if title == "" {
		return Batch{}, errs.New(errs.Invalid, "title: missing: put the payload of the source's page into the webhook")
	}
	var b Batch
	firing, known := ddFiring(transition, p.AlertType)
	if !known {
		b.note("transition %q says neither that something is wrong nor that it is over", clip(clean(transition), 60))
		return b, nil
	}
	tags := ddTags(p.Tags)
	if p.Host != "" {
		tags["host"] = p.Host
	}
	s := alert.Signal{
		Firing: firing, Source: src.Name, Service: serviceOf(src, tags), Rule: clip(title, 200), Labels: tags,
		Key:      first(p.AggregKey, scalar(p.AlertID)+ddScope(p.Scope)),
		Severity: p.severity(src, transition), Expr: p.Query, URL: p.Link, At: at(ddTime(p.Date), d.At),
		Summary:     first(ddFirstLine(p.Body), p.Status, title),
		Annotations: map[string]string{"description": clip(p.Body, 16<<10), "snapshot": p.Snapshot, "scope": p.Scope, "status": p.Status, "metric": p.Metric, "event_type": p.EventType},
	}
	s.ID = memberID(src, d.Body)
	b.add("", s)
	return b, nil
}

// transition is what happened, and the title without it: where the template does
// not say it, the default title does, as in "[Triggered on {host:a}] CPU is high".
func (p ddPayload) transition() (what, title string) {
	what, title = p.Transition, first(p.AlertTitle, p.Title)
	for {
		m := bracketRE.FindStringSubmatch(title)
		if m == nil {
			return what, strings.TrimSpace(title)
		}
		word, _, _ := strings.Cut(m[1], " on ")
		if _, ok := ddFiring(word, ""); ok && what == "" {
			what = word
		}
		title = title[len(m[0]):]
	}
}

func ddFiring(transition, kind string) (firing, known bool) {
	switch strings.ToLower(strings.TrimSpace(transition)) {
	case "triggered", "re-triggered", "warn", "re-warn", "no data", "re-no data", "renotify", "re-notify", "alert":
		return true, true
	case "recovered", "ok", "success", "no data recovered", "warn recovered":
		return false, true
	case "":
		switch strings.ToLower(kind) {
		case "error", "warning":
			return true, true
		case "success":
			return false, true
		}
	}
	return false, false
}

func (p ddPayload) severity(src Source, transition string) alert.Severity {
	switch strings.ToUpper(p.Priority) {
	case "P1", "P2":
		return alert.Page
	case "P3":
		return alert.Ticket
	case "P4", "P5":
		return alert.Info
	}
	if strings.Contains(strings.ToLower(transition), "warn") {
		return alert.Ticket
	}
	switch strings.ToLower(p.AlertType) {
	case "error":
		return alert.Page
	case "warning":
		return alert.Ticket
	case "info":
		return alert.Info
	}
	return src.Severity
}

func ddScope(s string) string {
	if s == "" {
		return ""
	}
	return ":" + s
}

// ddTags reads "env:prod,service:checkout,urgent".
func ddTags(text string) map[string]string {
	out := map[string]string{}
	for t := range strings.SplitSeq(text, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(t), ":")
		if k == "" || len(out) == 100 {
			continue
		}
		if !ok {
			v = "true"
		}
		out[clip(k, 200)] = clip(v, 500)
	}
	return out
}

func ddTime(raw json.RawMessage) time.Time {
	var ms int64
	if json.Unmarshal([]byte(strings.Trim(string(raw), `"`)), &ms) != nil || ms <= 0 || ms > 1<<45 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// ddFirstLine is the first line of a message, without Datadog's fences.
func ddFirstLine(body string) string {
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(strings.Trim(strings.TrimSpace(line), "%"))
		if line != "" {
			return line
		}
	}
	return ""
}

// scalar is a number or a string of JSON as text.
func scalar(raw json.RawMessage) string {
	text := strings.Trim(string(raw), `"`)
	if text == "null" {
		return ""
	}
	return text
}
