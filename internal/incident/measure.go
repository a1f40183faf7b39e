package incident

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Measure is one of an incident's durations and what it runs between. Vendors
// disagree on the names, so whoever shows it says from where to where.
type Measure struct {
	Name    string    `json:"name"` // "declare", "ack", "mitigate" or "resolve"
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Seconds float64   `json:"seconds"`
}

// Took is how long it was.
func (m Measure) Took() time.Duration { return m.To.Sub(m.From) }

// Measures are the durations that are known: to declare, to mitigate and to
// resolve from the detection, to acknowledge from the opening of its first
// page. records is its timeline.
func Measures(i Incident, records []event.Record) []Measure {
	var out []Measure
	add := func(name string, from, to time.Time) {
		if !to.IsZero() {
			out = append(out, Measure{Name: name, From: from, To: to, Seconds: to.Sub(from).Seconds()})
		}
	}
	add("declare", i.DetectedAt, i.DeclaredAt)
	add("ack", i.pagedAt(records), i.AckedAt)
	add("mitigate", i.DetectedAt, i.MitigatedAt)
	add("resolve", i.DetectedAt, i.ResolvedAt)
	return out
}

// pagedAt is when the first page of its alerts opened; when it was detected,
// where no such page is known.
func (i Incident) pagedAt(records []event.Record) time.Time {
	for _, r := range records {
		var e oncall.PageOpened
		if r.Name == e.EventName() && json.Unmarshal(r.Payload, &e) == nil && slices.Contains(i.Alerts, e.Alert) {
			return r.At
		}
	}
	return i.DetectedAt
}
