package ingest

// SourceChanged says that somebody made, changed or removed a source.
type SourceChanged struct {
	Source string `json:"source"`
	Kind   Kind   `json:"kind"`
	What   string `json:"what"` // created, edited, rotated, paused, resumed, deleted
	By     string `json:"by"`
}

// EventName implements event.Event.
func (SourceChanged) EventName() string { return "alert.source_changed" }

// Subject is the log's name for a source.
func Subject(name string) string { return "source/" + name }
