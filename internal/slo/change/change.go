// Package change records what was changed in production: deploys, configuration,
// feature flags. A change is a fact of the log and nothing else; pages mark it,
// and the ledger of a budget asks whether errors began with it.
package change

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
)

// Kinds are the kinds of change that have a name of their own.
func Kinds() []string {
	return []string{"deploy", "config", "feature_flag", "migration", "infrastructure", "other"}
}

// Recorded says that something was changed.
type Recorded struct {
	Service string            `json:"service"`
	Kind    string            `json:"kind"`
	Summary string            `json:"summary"`
	URL     string            `json:"url,omitempty"`
	By      string            `json:"by,omitempty"` // who changed it, in the words of the sender
	Source  string            `json:"source,omitempty"`
	Links   []Link            `json:"links,omitempty"`
	Details map[string]string `json:"details,omitempty"`
}

// Link is something worth a click.
type Link struct {
	Href string `json:"href"`
	Text string `json:"text,omitempty"`
}

// EventName implements event.Event.
func (Recorded) EventName() string { return Name }

// Name is the event's.
const Name = "change.recorded"

// Fact is the fact of a change at a time. It is Invalid where the change is.
func Fact(r Recorded, at, now time.Time, actor, source string) (event.Fact, error) {
	switch {
	case strings.TrimSpace(r.Summary) == "":
		return event.Fact{}, errors.New("a change needs a summary")
	case !slices.Contains(Kinds(), r.Kind):
		return event.Fact{}, fmt.Errorf("%q is not a kind of change: %s", r.Kind, strings.Join(Kinds(), ", "))
	case at.After(now.Add(5 * time.Minute)):
		return event.Fact{}, fmt.Errorf("%s is more than five minutes ahead of this server's clock, %s", at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case at.Before(now.AddDate(-10, 0, 0)):
		return event.Fact{}, errors.New("a change of ten years ago is nothing to mark")
	}
	return event.Fact{Event: r, At: at.UTC(), Service: r.Service, Subject: "change/" + r.Service, Actor: actor, Source: source}, nil
}

// Of reads the changes among records.
func Of(records []event.Record) (out []Seen) {
	for _, r := range records {
		var c Recorded
		if r.Name == Name && json.Unmarshal(r.Payload, &c) == nil {
			out = append(out, Seen{Recorded: c, At: r.At, Seq: r.Seq})
		}
	}
	return out
}

// Seen is a change as the log has it.
type Seen struct {
	Recorded

	At  time.Time
	Seq int64
}
