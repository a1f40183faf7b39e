package alert

import (
	"maps"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Severity says what an alert asks of people.
type Severity string

// The severities, the most urgent first.
const (
	Page   Severity = "page"   // wake somebody
	Ticket Severity = "ticket" // somebody, this week
	Info   Severity = "info"   // nobody: good to know
)

// SeverityOf reads the label by which senders say what an alert asks of people:
// page or critical wakes somebody; ticket, error or warning is somebody's, this
// week; everything else is good to know. No label at all is a ticket.
func SeverityOf(label string) Severity {
	switch strings.ToLower(label) {
	case "page", "critical":
		return Page
	case "ticket", "error", "warning", "":
		return Ticket
	}
	return Info
}

// Word is how bad an alert is in its sender's own word, "critical", "error", "P2",
// and the label that says so. Both are "" where none does.
func Word(labels map[string]string) (label, word string) {
	for _, l := range []string{"severity", "pd_severity", "og_priority", "priority"} { // the first that it has
		if w := labels[l]; w != "" {
			return l, w
		}
	}
	return "", ""
}

// CompareWords orders the words of senders: positive where a is worse than b. What
// nobody knows, and no word at all, is as bad as "page", and that as "error".
func CompareWords(a, b string) int { return wordRank(a) - wordRank(b) }

func wordRank(word string) int {
	switch strings.ToLower(word) {
	case "critical", "fatal", "emergency", "disaster", "p1", "sev1":
		return 5
	case "warning", "average", "moderate", "medium", "p3", "sev3":
		return 3
	case "minor", "low", "p4", "sev4":
		return 2
	case "info", "informational", "none", "ok", "p5", "sev5":
		return 1
	}
	return 4
}

func (s Severity) rank() int {
	switch s {
	case Page:
		return 3
	case Ticket:
		return 2
	case Info:
		return 1
	}
	return 0
}

// Evidence is one value that made the rule fire.
type Evidence struct {
	Name   string `json:"name"`            // "burn over 1h"
	Value  string `json:"value"`           // "21.4×"
	Limit  string `json:"limit,omitempty"` // "14.4×"
	Detail string `json:"detail,omitempty"`
}

// Signal is what is reported to the inbox.
type Signal struct {
	ID       string // decides whether it was taken before
	Firing   bool   // false resolves
	Source   string // "slo", "probe", "api" …
	Service  string
	Rule     string
	Severity Severity
	Summary  string
	Expr     string // the rule's expression, if it has one
	Evidence []Evidence
	URL      string // where the rule lives
	At       time.Time

	// Key tells apart what one rule says of several things: a sender's own key of
	// the matter, or "".
	Key string
	// Labels are what routes, silences and inhibitions match; see [Signal.LabelSet].
	Labels      map[string]string
	Annotations map[string]string
	// EndsAt resolves the alert by itself if it is not repeated before; zero: only
	// a resolving signal does.
	EndsAt time.Time
}

// Fingerprint names the alert that s belongs to.
func (s Signal) Fingerprint() string {
	if s.Key == "" {
		return s.Source + "/" + s.Service + "/" + s.Rule
	}
	return s.Source + "/" + s.Service + "/" + s.Rule + "/" + s.Key
}

// LabelSet is what routes match: the signal's labels, and where they are
// silent the labels alertname, service, severity and source made of its fields.
func (s Signal) LabelSet() map[string]string {
	return labelSet(s.Labels, s.Rule, s.Service, s.Source, s.Severity)
}

func labelSet(labels map[string]string, rule, service, source string, severity Severity) map[string]string {
	out := map[string]string{"alertname": rule, "service": service, "source": source, "severity": string(severity)}
	maps.Copy(out, labels)
	for k, v := range out {
		if v == "" {
			delete(out, k)
		}
	}
	return out
}

// Validate says what is wrong with s: an error of kind Invalid.
func (s Signal) Validate() error {
	switch {
	case s.ID == "" || len(s.ID) > 128:
		return errs.New(errs.Invalid, "a signal needs an id of at most 128 bytes")
	case s.Rule == "" || len(s.Rule) > 200:
		return errs.New(errs.Invalid, "a signal needs a rule of at most 200 bytes")
	case len(s.Service) > 200 || len(s.Source) > 64 || s.Source == "":
		return errs.New(errs.Invalid, "a signal needs a source of at most 64 bytes and a service of at most 200")
	case len(s.Summary) > 4096 || len(s.Expr) > 8192 || len(s.Evidence) > 64 || len(s.URL) > 2048:
		return errs.New(errs.Invalid, "summary ≤ 4096 bytes, expr ≤ 8192, url ≤ 2048, evidence ≤ 64 rows")
	case s.Severity.rank() == 0:
		return errs.New(errs.Invalid, "severity %q is none of page, ticket, info", s.Severity)
	case s.At.IsZero():
		return errs.New(errs.Invalid, "a signal needs a time")
	}
	return s.validLabels()
}

func (s Signal) validLabels() error {
	switch {
	case len(s.Key) > 300:
		return errs.New(errs.Invalid, "a key of at most 300 bytes")
	case tooMuch(s.Labels) || tooMuch(s.Annotations):
		return errs.New(errs.Invalid, "labels and annotations: at most 128 of each, together at most 64 KiB each")
	}
	return nil
}

func tooMuch(m map[string]string) bool {
	n := 0
	for k, v := range m {
		n += len(k) + len(v)
	}
	return len(m) > 128 || n > 64<<10
}

// Alert is one matter that needs, or needed, a person.
type Alert struct {
	ID          string     `json:"id"`
	Fingerprint string     `json:"fingerprint"`
	Source      string     `json:"source"`
	Service     string     `json:"service"`
	Rule        string     `json:"rule"`
	Severity    Severity   `json:"severity"`
	Summary     string     `json:"summary"`
	Expr        string     `json:"expr,omitempty"`
	Evidence    []Evidence `json:"evidence,omitempty"`
	URL         string     `json:"url,omitempty"`
	Count       int        `json:"count"` // signals folded into it
	OpenedAt    time.Time  `json:"opened_at"`
	LastAt      time.Time  `json:"last_at"`            // its last signal
	AckedAt     time.Time  `json:"acked_at,omitzero"`  // zero while nobody has it
	AckedBy     string     `json:"acked_by,omitempty"` // a person's id
	ResolvedAt  time.Time  `json:"resolved_at,omitzero"`
	ResolvedBy  string     `json:"resolved_by,omitempty"` // a person's id; "" when its source said so

	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	EndsAt      time.Time         `json:"ends_at,omitzero"` // resolves by itself then, if not repeated
}

// LabelSet is what routes, silences and inhibitions match; see [Signal.LabelSet].
func (a Alert) LabelSet() map[string]string {
	return labelSet(a.Labels, a.Rule, a.Service, a.Source, a.Severity)
}

// State is where an alert stands.
type State string

// The states.
const (
	Open     State = "open"
	Held     State = "acked"
	Resolved State = "resolved"
)

// State derives where a stands.
func (a Alert) State() State {
	switch {
	case !a.ResolvedAt.IsZero():
		return Resolved
	case !a.AckedAt.IsZero():
		return Held
	}
	return Open
}

// Take folds s into a (a new alert has only its id) and returns the news. It
// is pure. A resolving signal for an alert that is not open returns nothing
// and leaves a untouched.
func (a *Alert) Take(s Signal) []event.Fact {
	if !s.Firing {
		if a.Count == 0 {
			return nil
		}
		// A sender's clock may run behind: what ends does not end before it began.
		a.LastAt, a.ResolvedAt = later(a.LastAt, s.At), later(a.OpenedAt, s.At)
		return a.facts(s.At, s.Source, resolvedEvent(a, s.Summary))
	}
	a.Count++
	a.Summary, a.Expr, a.Evidence, a.URL = s.Summary, s.Expr, s.Evidence, s.URL
	a.LastAt, a.EndsAt = later(a.LastAt, s.At), s.EndsAt
	a.Annotations = s.Annotations
	if a.Count == 1 {
		a.Labels = s.Labels
		a.Fingerprint, a.Source, a.Service, a.Rule, a.Severity, a.OpenedAt = s.Fingerprint(), s.Source, s.Service, s.Rule, s.Severity, s.At
		return a.facts(s.At, s.Source, Fired{Alert: a.ID, Service: a.Service, Rule: a.Rule, Source: a.Source, Severity: a.Severity, Summary: a.Summary, Evidence: a.Evidence})
	}
	return a.rise(s.Severity, s.Labels, s.At, s.Source)
}

// rise takes the labels that an open alert is told with now, and how bad it is by
// them: that only rises, from one severity to another and, of what wakes people, in
// the sender's own word.
func (a *Alert) rise(to Severity, labels map[string]string, at time.Time, source string) []event.Fact {
	from, was := a.Severity, a.Labels
	label, old := Word(was)
	_, word := Word(labels)
	a.Labels = labels
	switch {
	case to.rank() > from.rank():
		if a.Severity = to; to == Page {
			a.AckedAt, a.AckedBy = time.Time{}, "" // who took a ticket was not asked to get up
		}
	case word != "" && from == Page && to == Page && CompareWords(word, old) > 0:
	default:
		if label != "" && labels[label] != was[label] { // routes know it by its labels
			a.Labels = maps.Clone(labels)
			if a.Labels == nil {
				a.Labels = map[string]string{}
			}
			a.Labels[label] = was[label]
		}
		return nil
	}
	return a.facts(at, source, Raised{Alert: a.ID, Service: a.Service, Rule: a.Rule, From: from, Severity: a.Severity, FromWord: old, Word: word, Summary: a.Summary})
}

func resolvedEvent(a *Alert, summary string) event.Event {
	return ResolvedEvent{Alert: a.ID, Service: a.Service, Rule: a.Rule, Summary: summary, By: a.ResolvedBy, OpenSeconds: a.ResolvedAt.Sub(a.OpenedAt).Seconds()}
}

// Ack gives the alert to a person. Repeating it by the same person is no news.
func (a *Alert) Ack(by string, at time.Time, source string) ([]event.Fact, error) {
	switch {
	case a.State() == Resolved:
		return nil, errs.New(errs.Conflict, "alert %s is resolved already", a.ID)
	case a.State() == Held && a.AckedBy == by:
		return nil, nil
	}
	a.AckedAt, a.AckedBy = at, by
	return a.by(by, a.facts(at, source, Acked{Alert: a.ID, Service: a.Service, By: by, AfterSeconds: max(0, at.Sub(a.OpenedAt).Seconds())})), nil
}

// Unack takes it back: nobody has it.
func (a *Alert) Unack(by string, at time.Time, source string) ([]event.Fact, error) {
	if a.State() != Held {
		return nil, errs.New(errs.Conflict, "alert %s is not acknowledged", a.ID)
	}
	a.AckedAt, a.AckedBy = time.Time{}, ""
	return a.by(by, a.facts(at, source, Unacked{Alert: a.ID, Service: a.Service, By: by})), nil
}

// Retell changes its summary, where one is given, and adds annotations.
func (a *Alert) Retell(summary string, annotations map[string]string) error {
	if a.State() == Resolved {
		return errs.New(errs.Conflict, "alert %s is resolved already", a.ID)
	}
	all := maps.Clone(a.Annotations)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, annotations)
	if len(summary) > 4096 || tooMuch(all) {
		return errs.New(errs.Invalid, "summary ≤ 4096 bytes; annotations: at most 128, together at most 64 KiB")
	}
	if summary != "" {
		a.Summary = summary
	}
	a.Annotations = all
	return nil
}

// ClosedByHand reports whether a person may resolve it. The source "slo" says
// itself when it is over, and would say nothing more of what burns if somebody
// closed it.
func (a Alert) ClosedByHand() bool { return a.Source != "slo" }

// Close resolves it by hand, where [Alert.ClosedByHand].
func (a *Alert) Close(by string, at time.Time, source string) ([]event.Fact, error) {
	switch {
	case a.State() == Resolved:
		return nil, errs.New(errs.Conflict, "alert %s is resolved already", a.ID)
	case !a.ClosedByHand():
		return nil, errs.New(errs.Conflict, "its objective still burns: acknowledge the alert; it resolves by itself when the burn is over")
	}
	a.ResolvedAt, a.ResolvedBy = later(a.OpenedAt, at), by
	return a.by(by, a.facts(at, source, resolvedEvent(a, "resolved by hand"))), nil
}

func (a *Alert) facts(at time.Time, source string, ev event.Event) []event.Fact {
	return []event.Fact{{Event: ev, At: at, Service: a.Service, Subject: Subject(a.ID), Actor: "alert.inbox", Source: source}}
}

func (a *Alert) by(person string, facts []event.Fact) []event.Fact {
	for i := range facts {
		facts[i].Actor = "person/" + person
	}
	return facts
}

// Subject is the log's name for an alert.
func Subject(id string) string { return "alert/" + id }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
