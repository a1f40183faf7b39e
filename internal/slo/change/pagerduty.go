package change

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// PagerDuty is a change event of PagerDuty's Events API v2, as its senders write
// it: POST /v2/change/enqueue.
type PagerDuty struct {
	RoutingKey string           `json:"routing_key"`
	Payload    PagerDutyPayload `json:"payload"`
	Links      []Link           `json:"links"`
	Images     json.RawMessage  `json:"images"` // read and not kept
}

// PagerDutyPayload is the event's own part.
type PagerDutyPayload struct {
	Summary       string                     `json:"summary"`
	Timestamp     string                     `json:"timestamp"` // ISO 8601
	Source        string                     `json:"source"`
	CustomDetails map[string]json.RawMessage `json:"custom_details"`
}

const (
	maxSummary = 1024 // PagerDuty's own limit
	maxDetails = 64
	maxDetail  = 2048
)

// Recorded is the change that p tells of, and when it was made. The service is
// custom_details.service, else the source where known says that it is one, else
// the routing key where it is one.
func (p PagerDuty) Recorded(now time.Time, known func(service string) bool) (Recorded, time.Time, error) {
	if strings.TrimSpace(p.Payload.Summary) == "" {
		return Recorded{}, time.Time{}, errors.New("payload.summary is missing")
	}
	at := now
	if p.Payload.Timestamp != "" {
		t, err := time.Parse(time.RFC3339, p.Payload.Timestamp)
		if err != nil {
			if t, err = time.Parse("2006-01-02T15:04:05.999-0700", p.Payload.Timestamp); err != nil {
				return Recorded{}, time.Time{}, fmt.Errorf("payload.timestamp %q is not a time such as 2026-07-17T08:42:58Z", p.Payload.Timestamp)
			}
		}
		at = t
	}
	r := Recorded{Kind: "deploy", Summary: cut(p.Payload.Summary, maxSummary), Source: cut(p.Payload.Source, 256), Links: p.Links[:min(len(p.Links), 32)], Details: map[string]string{}}
	for k, v := range p.Payload.CustomDetails {
		if len(r.Details) == maxDetails {
			break
		}
		var s string
		if json.Unmarshal(v, &s) != nil {
			s = string(v)
		}
		r.Details[cut(k, 128)] = cut(s, maxDetail)
	}
	if len(r.Links) > 0 {
		r.URL = r.Links[0].Href
	}
	for _, s := range []string{r.Details["service"], p.Payload.Source, p.RoutingKey} {
		if known(s) {
			r.Service = s
			break
		}
	}
	return r, at, nil
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
