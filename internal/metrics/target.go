package metrics

import "time"

// Health says how the last scrape of a target went.
type Health string

// The healths. A target that was not scraped yet is unknown, never up.
const (
	HealthUnknown Health = "unknown"
	HealthUp      Health = "up"
	HealthDown    Health = "down"
)

// Target is one endpoint that is scraped.
type Target struct {
	Job          string            `json:"job"` // of the scrape configuration
	URL          string            `json:"url"`
	Labels       map[string]string `json:"labels"`     // as its series carry them
	Discovered   map[string]string `json:"discovered"` // before relabelling
	Health       Health            `json:"health"`
	LastError    string            `json:"last_error,omitempty"`
	LastScrape   time.Time         `json:"last_scrape"` // zero before the first one
	LastDuration time.Duration     `json:"last_duration_ns"`
	Interval     time.Duration     `json:"interval_ns"`
	Timeout      time.Duration     `json:"timeout_ns"`
}
