package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Status is where an incident stands.
type Status string

// The statuses, in order.
const (
	Investigating Status = "investigating"
	MitigatedNow  Status = "mitigated"
	Resolved      Status = "resolved"
)

// Role is what somebody does in an incident.
type Role string

// The roles.
const (
	Commander Role = "commander" // decides; does not fix
	Scribe    Role = "scribe"    // writes down
	Liaison   Role = "liaison"   // talks to customers and the house
)

// Roles are all roles.
func Roles() []Role { return []Role{Commander, Scribe, Liaison} }

// Incident is one matter that people work on together.
type Incident struct {
	ID          string          `json:"id"`
	Number      int             `json:"number"` // 1, 2, 3 …: what people say
	Title       string          `json:"title"`
	Service     string          `json:"service"`
	Severity    int             `json:"severity"` // 1 the worst to 4
	Status      Status          `json:"status"`
	Roles       map[Role]string `json:"roles"`
	Alerts      []string        `json:"alerts"`      // all that ever belonged to it
	Open        []string        `json:"open_alerts"` // those that are not resolved
	Objectives  []string        `json:"objectives"`  // whose alerts belong to it
	DeclaredBy  string          `json:"declared_by"` // a person's id; "" when an alert declared it
	DetectedAt  time.Time       `json:"detected_at"` // its first alert, or its declaration
	DeclaredAt  time.Time       `json:"declared_at"`
	AckedAt     time.Time       `json:"acked_at,omitzero"` // the first answer to its pages
	MitigatedAt time.Time       `json:"mitigated_at,omitzero"`
	ResolvedAt  time.Time       `json:"resolved_at,omitzero"`
}

// Subject is the log's name for an incident.
func Subject(id string) string { return "incident/" + id }

func (i *Incident) fact(at time.Time, by, source string, ev event.Event) event.Fact {
	actor := "incident.desk"
	if by != "" {
		actor = "person/" + by
	}
	return event.Fact{Event: ev, At: at, Service: i.Service, Subject: Subject(i.ID), Actor: actor, Source: source}
}

// Declaration is what it takes to declare an incident.
type Declaration struct {
	Title    string
	Service  string
	Severity int
	By       string // a person's id; "" for an alert
	Alert    string // the alert that declares it, if one does
	Rule     string // its rule: the objective, where its source is slo
	At       time.Time
	Detected time.Time
}

// Validate says what is wrong with d: an error of kind Invalid.
func (d Declaration) Validate() error {
	switch {
	case strings.TrimSpace(d.Title) == "" || len(d.Title) > 300:
		return errs.New(errs.Invalid, "an incident needs a title of at most 300 bytes")
	case d.Severity < 1 || d.Severity > 4:
		return errs.New(errs.Invalid, "severity %d is none of 1 to 4", d.Severity)
	}
	return nil
}

// declare starts an incident.
func declare(id string, number int, d Declaration) (Incident, []event.Fact) {
	i := Incident{
		ID: id, Number: number, Title: strings.TrimSpace(d.Title), Service: d.Service, Severity: d.Severity, Status: Investigating,
		Roles: map[Role]string{}, DeclaredBy: d.By, DeclaredAt: d.At, DetectedAt: d.Detected,
	}
	if i.DetectedAt.IsZero() {
		i.DetectedAt = d.At
	}
	if d.By != "" {
		i.Roles[Commander] = d.By
	}
	source := "web"
	if d.Alert != "" {
		source = "alert"
		i.Alerts, i.Open = []string{d.Alert}, []string{d.Alert}
		if d.Rule != "" {
			i.Objectives = []string{d.Rule}
		}
	}
	return i, []event.Fact{i.fact(d.At, d.By, source, Declared{Incident: id, Number: number, Title: i.Title, Service: i.Service, Severity: i.Severity, By: d.By, Alert: d.Alert})}
}

// attach adds an alert. A mitigated incident is worked on again.
func (i *Incident) attach(alertID, objective, summary string, at time.Time) []event.Fact {
	if slices.Contains(i.Alerts, alertID) {
		return nil
	}
	i.Alerts, i.Open = append(i.Alerts, alertID), append(i.Open, alertID)
	if objective != "" && !slices.Contains(i.Objectives, objective) {
		i.Objectives = append(i.Objectives, objective)
	}
	facts := []event.Fact{i.fact(at, "", "alert", AlertAttached{Incident: i.ID, Alert: alertID, Summary: summary})}
	if i.Status == MitigatedNow {
		i.Status, i.MitigatedAt = Investigating, time.Time{}
		facts = append(facts, i.fact(at, "", "alert", Reopened{Incident: i.ID, Reason: "another alert fired"}))
	}
	return facts
}

// alertResolved takes an alert off what is open.
func (i *Incident) alertResolved(alertID string, at time.Time) []event.Fact {
	n := slices.Index(i.Open, alertID)
	if n < 0 {
		return nil
	}
	i.Open = slices.Delete(i.Open, n, n+1)
	if len(i.Open) > 0 || i.Status == Resolved || i.DeclaredBy != "" {
		return nil
	}
	facts := i.mitigate("", "its last alert is resolved", at, "alert")
	return append(facts, i.resolve("", at, "alert")...)
}

// answered records the first answer, and makes whoever gave it the commander
// where there is none.
func (i *Incident) answered(by string, at time.Time) []event.Fact {
	if i.AckedAt.IsZero() {
		i.AckedAt = at
	}
	if i.Roles[Commander] != "" {
		return nil
	}
	i.Roles[Commander] = by
	return []event.Fact{i.fact(at, by, "oncall", RoleChanged{Incident: i.ID, Role: Commander, Person: by})}
}

func (i *Incident) mitigate(by, how string, at time.Time, source string) []event.Fact {
	if i.Status != Investigating {
		return nil
	}
	i.Status, i.MitigatedAt = MitigatedNow, at
	return []event.Fact{i.fact(at, by, source, Mitigated{Incident: i.ID, By: by, How: how, AfterSeconds: at.Sub(i.DetectedAt).Seconds()})}
}

func (i *Incident) resolve(by string, at time.Time, source string) []event.Fact {
	if i.Status == Resolved {
		return nil
	}
	// What is over no longer hurts: the log says so too.
	facts := i.mitigate(by, "", at, source)
	i.Status, i.ResolvedAt = Resolved, at
	return append(facts, i.fact(at, by, source, ResolvedEvent{Incident: i.ID, Number: i.Number, Service: i.Service, Title: i.Title, By: by, Seconds: at.Sub(i.DetectedAt).Seconds()}))
}

func (i *Incident) setRole(role Role, person, by string, at time.Time) ([]event.Fact, error) {
	if !slices.Contains(Roles(), role) {
		return nil, errs.New(errs.Invalid, "role %q is none of %v", role, Roles())
	}
	if i.Roles[role] == person {
		return nil, nil
	}
	i.Roles[role] = person
	return []event.Fact{i.fact(at, by, "web", RoleChanged{Incident: i.ID, Role: role, Person: person})}, nil
}

func (i *Incident) setSeverity(severity int, by string, at time.Time) ([]event.Fact, error) {
	if severity < 1 || severity > 4 {
		return nil, errs.New(errs.Invalid, "severity %d is none of 1 to 4", severity)
	}
	if severity == i.Severity {
		return nil, nil
	}
	from := i.Severity
	i.Severity = severity
	return []event.Fact{i.fact(at, by, "web", SeverityChanged{Incident: i.ID, From: from, To: severity})}, nil
}

func (i *Incident) note(text, by string, at time.Time) ([]event.Fact, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 10_000 {
		return nil, errs.New(errs.Invalid, "a note has 1 to 10,000 bytes")
	}
	return []event.Fact{i.fact(at, by, "web", NoteAdded{Incident: i.ID, By: by, Text: text})}, nil
}

// Span is the time that the timeline covers: from an hour before it was
// detected, because changes come before their effects, to a while after.
func (i Incident) Span(now time.Time) (from, to time.Time) {
	to = now
	if !i.ResolvedAt.IsZero() {
		to = i.ResolvedAt.Add(10 * time.Minute)
	}
	return i.DetectedAt.Add(-time.Hour), to
}
