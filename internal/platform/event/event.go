// Package event says what an event is. It is all a core needs to know of the bus.
package event

import (
	"encoding/json"
	"time"
)

// Event is news of something that has happened. Its name, such as
// "alert.fired", is stable: it is stored, and other versions read it.
type Event interface{ EventName() string }

// Fact is an event with what the log needs to file it.
type Fact struct {
	Event   Event
	At      time.Time // when it happened, UTC
	Service string    // the catalog's service id, or ""
	Subject string    // what it is about, "alert/0197…": order is kept per subject
	Actor   string    // the person or worker who did it, "person/aoi" or "slo.evaluator"
	Source  string    // where the news came from, "web", "api", "slo", "slack" …
}

// Record is a fact as the log keeps it.
type Record struct {
	Seq        int64           `json:"seq"` // 1, 2, 3 … without a hole
	ID         string          `json:"id"`  // UUIDv7
	Name       string          `json:"name"`
	At         time.Time       `json:"at"`
	RecordedAt time.Time       `json:"recorded_at"`
	Service    string          `json:"service,omitempty"`
	Subject    string          `json:"subject"`
	Actor      string          `json:"actor,omitempty"`
	Source     string          `json:"source,omitempty"`
	Payload    json.RawMessage `json:"payload"`
	Hash       string          `json:"hash"` // hex SHA-256 over the row before and this row
}

// Query asks the log. Zero fields do not restrict.
type Query struct {
	After, Before int64 // seq, exclusive
	From, To      time.Time
	IDs           []string
	Seqs          []int64
	Names         []string
	Services      []string
	Subjects      []string
	Text          string // anywhere in name, subject, actor, service or payload
	Newest        bool   // newest first
	Limit         int    // 0 means the most: 1,000
}
