package hookout

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Type is one of PagerDuty's types of event.
type Type string

// The types that are sent.
const (
	Triggered      Type = "incident.triggered"
	Acknowledged   Type = "incident.acknowledged"
	Unacknowledged Type = "incident.unacknowledged"
	Escalated      Type = "incident.escalated"
	Resolved       Type = "incident.resolved"
)

// Types are the types that are sent.
func Types() []Type { return []Type{Triggered, Acknowledged, Unacknowledged, Escalated, Resolved} }

// known are the types that a subscription may name: those that are sent, and those
// of PagerDuty's that nothing here makes.
func known() []Type {
	return append(Types(), "incident.reopened", "incident.reassigned", "incident.delegated", "incident.annotated", "incident.priority_updated")
}

func names(all []Type) string {
	out := make([]string, len(all))
	for i, t := range all {
		out[i] = string(t)
	}
	return strings.Join(out, ", ")
}

// News is what an event of the log means.
type News struct {
	Type   Type
	Page   string
	People []string // who has it, or is called now
	Agent  string   // as in the log: person/aoi, oncall.pager
}

// Heard are the names of the events that [Of] reads.
func Heard() []string {
	return []string{
		oncall.PageOpened{}.EventName(), oncall.PageAcked{}.EventName(), oncall.Declined{}.EventName(), oncall.StepFired{}.EventName(), oncall.PageClosed{}.EventName(),
	}
}

// Of says what r means. before is the last event of the page before it among
// [Heard], or nil. ok is false where it is nothing to tell: the first call belongs
// to the page's beginning, and whoever passes a page on is told with the step
// that follows.
func Of(r event.Record, before *event.Record) (n News, ok bool, err error) {
	n.Agent = r.Actor
	was := ""
	if before != nil {
		was = before.Name
	}
	acked := was == oncall.PageAcked{}.EventName()
	switch r.Name {
	case oncall.PageOpened{}.EventName():
		var e oncall.PageOpened
		err = read(r, &e)
		n.Type, n.Page = Triggered, e.Page
	case oncall.PageAcked{}.EventName():
		var e oncall.PageAcked
		err = read(r, &e)
		n.Type, n.Page, n.People = Acknowledged, e.Page, []string{e.By}
	case oncall.Declined{}.EventName():
		var e oncall.Declined
		err = read(r, &e)
		n.Type, n.Page = Unacknowledged, e.Page
		return n, acked && err == nil, err
	case oncall.StepFired{}.EventName():
		var e oncall.StepFired
		err = read(r, &e)
		n.Type, n.Page, n.People = Escalated, e.Page, e.People
		if was == (oncall.Declined{}).EventName() {
			n.Agent = before.Actor
		}
		if e.Step == 0 && e.Round == 0 {
			n.Type = Unacknowledged // something new while nobody looked any more
			return n, acked && err == nil, err
		}
	case oncall.PageClosed{}.EventName():
		var e oncall.PageClosed
		err = read(r, &e)
		n.Type, n.Page = Resolved, e.Page
	default:
		return n, false, nil
	}
	return n, err == nil, err
}

func read(r event.Record, v any) error {
	if err := json.Unmarshal(r.Payload, v); err != nil {
		return errs.New(errs.Invalid, "decode %s: %w", r.Name, err)
	}
	return nil
}

// status is where the incident stands after an event.
func (t Type) status() string {
	switch t {
	case Acknowledged:
		return "acknowledged"
	case Resolved:
		return "resolved"
	case Triggered, Unacknowledged, Escalated:
	}
	return "triggered"
}

// calls reports whether the people of a page after t are those who are called.
func (t Type) calls() bool { return slices.Contains([]Type{Triggered, Unacknowledged}, t) }
