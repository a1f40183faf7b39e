package oncall

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// PageState is where a page stands.
type PageState string

// The states of a page.
const (
	Calling  PageState = "calling"   // telling people, step by step
	Answered PageState = "answered"  // somebody has it
	Unheard  PageState = "unheard"   // every step was taken and nobody answered
	Closed   PageState = "closed"    // its alerts are resolved
	NoPolicy PageState = "no_policy" // there is nobody to tell: a hole in the configuration
)

// Page is one call for help for one service.
type Page struct {
	ID       string    `json:"id"`
	Service  string    `json:"service"`
	Policy   string    `json:"policy"`
	Summary  string    `json:"summary"`
	Severity string    `json:"severity,omitempty"` // the worst that the labels of its alerts say
	Alerts   []string  `json:"alerts"`             // ids of the alerts that are not resolved
	State    PageState `json:"state"`
	Step     int       `json:"step"`    // the next step to fire
	Round    int       `json:"round"`   // how often the steps were begun again
	StepAt   time.Time `json:"step_at"` // when it fires, when an answer is forgotten, or when nobody is looked for again
	SetAt    time.Time `json:"set_at"`  // when StepAt was decided, by the clock of then
	OpenedAt time.Time `json:"opened_at"`
	AckedAt  time.Time `json:"acked_at,omitzero"`
	AckedBy  string    `json:"acked_by,omitempty"`
	ClosedAt time.Time `json:"closed_at,omitzero"`
	PageNotes
}

// PageNotes are what a page keeps that no page is searched by, but by Shadows: no
// list of people may stand behind those in JSON.
type PageNotes struct {
	Declined map[string]time.Time `json:"declined,omitempty"` // who is not available, since when
	Acks     []string             `json:"acks,omitempty"`     // who has answered, where several must
	Called   []string             `json:"called,omitempty"`   // who was called to act
	Told     []string             `json:"told,omitempty"`     // whom the round has called, while one of them may hear it
	Shadows  []string             `json:"shadows,omitempty"`  // who was told to learn
	Came     []time.Time          `json:"came,omitempty"`     // when its last alerts came
	First    string               `json:"first,omitempty"`    // the alert that opened it
	Firing   int                  `json:"firing,omitempty"`   // how many steps have called somebody since it was opened
	Since    int                  `json:"since,omitempty"`    // what Firing was when the round began
	Of       int                  `json:"of,omitempty"`       // how many steps the policy had when one was taken last
	Vain     int                  `json:"vain,omitempty"`     // how often in turn the steps ended and nobody could be told
	Until    time.Time            `json:"until,omitzero"`     // the next step waits for its hours until then
	BegunAt  time.Time            `json:"begun_at,omitzero"`  // when the steps were begun again; zero where they never were
}

// AlertRef is what a page keeps of an alert.
type AlertRef struct{ ID, Service, Summary, Severity string }

// Subject is the log's name for a page.
func Subject(id string) string { return "page/" + id }

func (p *Page) fact(at time.Time, actor string, ev event.Event) event.Fact {
	return event.Fact{Event: ev, At: at, Service: p.Service, Subject: Subject(p.ID), Actor: actor, Source: itself}
}

const (
	worker = "oncall.pager"
	itself = "oncall" // the source of what the pager says
)

// due says when the next thing happens.
func (p *Page) due(at, now time.Time) { p.StepAt, p.SetAt = at, now }

// openPage starts a page for an alert. Its first step is due at once.
func openPage(id string, a AlertRef, policy Policy, ok bool, now time.Time) (Page, []event.Fact) {
	p := Page{ID: id, Service: a.Service, Policy: policy.ID, Summary: a.Summary, Severity: a.Severity, Alerts: []string{a.ID}, State: Calling, OpenedAt: now, PageNotes: PageNotes{Came: []time.Time{now}, First: a.ID}}
	p.due(now, now)
	if !ok || len(policy.Steps) == 0 {
		p.State = NoPolicy
		p.due(now.Add(lookAgain), now)
		return p, []event.Fact{p.fact(now, worker, PageOpened{Page: id, Service: a.Service, Alert: a.ID, Summary: a.Summary}), p.fact(now, worker, Exhausted{Page: id, Service: a.Service, Reason: "no escalation policy covers this service"})}
	}
	return p, []event.Fact{p.fact(now, worker, PageOpened{Page: id, Service: a.Service, Alert: a.ID, Policy: policy.ID, Summary: a.Summary})}
}

const (
	// attention is how long an answer covers what else happens to the service.
	attention = 5 * time.Minute
	// respite is how long somebody who is not available is not called.
	respite = 10 * time.Minute
	// lookAgain is how often a page that found nobody looks for somebody.
	lookAgain = time.Minute
	// maxCame bounds the times that a page keeps of its alerts.
	maxCame = 100
)

// join adds an alert to an open page. The steps go on as they are; they begin
// again where they had ended without an answer, or had never begun for want of a
// policy, and where the alert is worse and a step is there for what is that bad.
func (p *Page) join(a AlertRef, policy Policy, now time.Time) []event.Fact {
	if slices.Contains(p.Alerts, a.ID) {
		return nil
	}
	p.Alerts, p.Vain = append(p.Alerts, a.ID), 0
	if p.Came = append(p.Came, now); len(p.Came) > maxCame {
		p.Came = slices.Clone(p.Came[1:])
	}
	if p.State == NoPolicy && policy.ID != "" && len(policy.Steps) > 0 {
		p.Policy, p.State = policy.ID, Unheard // somebody has mended the configuration
	}
	// Whoever answered just now is looking at it; later, something new is a new call.
	if p.State == Answered && now.Sub(p.AckedAt) >= attention {
		p.State = Unheard
	}
	if p.worsen(a, policy) || p.State == Unheard {
		p.beginAnew(now)
	}
	return []event.Fact{p.fact(now, worker, AlertJoined{Page: p.ID, Alert: a.ID, Summary: a.Summary})}
}

// worsen takes in how bad an alert is, and reports whether a step is there for that
// and for nothing that came before: then the page calls because of it.
func (p *Page) worsen(a AlertRef, policy Policy) bool {
	minds := slices.ContainsFunc(policy.Steps, func(s Step) bool { return s.minds(a.Severity) && !s.minds(p.Severity) })
	worse := alert.CompareWords(a.Severity, p.Severity)
	if worse < 0 || (worse == 0 && !minds) {
		return false
	}
	if p.Severity = a.Severity; minds {
		p.Summary = a.Summary
	}
	return minds
}

// raise takes in that one of its alerts is worse than it was. The steps begin again
// where one is there for that.
func (p *Page) raise(a AlertRef, policy Policy, now time.Time) []event.Fact {
	if alert.CompareWords(a.Severity, p.Severity) <= 0 || !p.worsen(a, policy) {
		return nil
	}
	f := p.fact(now, worker, Retriggered{Page: p.ID, Service: p.Service, By: p.AckedBy, Reason: "worse"})
	p.beginAnew(now)
	return []event.Fact{f}
}

// begin begins the steps again. Who has declined just now stays in peace, and one of
// several answers is one all the same.
func (p *Page) begin(now time.Time) {
	p.State, p.Step, p.Round, p.Told, p.Since, p.Until = Calling, 0, 0, nil, p.Firing, time.Time{}
	p.AckedAt, p.AckedBy = time.Time{}, ""
	p.BegunAt = now
	p.due(now, now)
}

// beginAnew begins the steps again, as if nobody had ever answered.
func (p *Page) beginAnew(now time.Time) {
	p.Acks, p.Vain = nil, 0
	p.begin(now)
}

// Learns reports whether somebody was told of the page to learn, and not to act.
func (p *Page) Learns(id string) bool {
	return slices.Contains(p.Shadows, id) && !slices.Contains(p.Called, id)
}

// spares reports whether somebody is not to be called: he has answered already,
// where several must, or has just said that he is not available.
func (p *Page) spares(id string, now time.Time) bool {
	at, declined := p.Declined[id]
	return slices.Contains(p.Acks, id) || (declined && now.Sub(at) < respite)
}

// told reports whether the round has called somebody who may still answer.
func (p *Page) told(now time.Time) bool {
	return slices.ContainsFunc(p.Told, func(id string) bool { return !p.spares(id, now) })
}

// Refused reports whether the round has called people, and none of the messages can
// reach anybody.
func (p *Page) Refused() bool { return len(p.Told) == 0 && p.Firing > p.Since }

// old reports whether an answer of somebody at a time is from before the page
// began to call again.
func (p *Page) old(by string, at time.Time) bool {
	since := later(p.BegunAt, p.Declined[by])
	return !since.IsZero() && !at.After(since)
}

// came counts the alerts that came since then.
func (p *Page) came(since time.Time) (n int) {
	for _, at := range p.Came {
		if at.After(since) {
			n++
		}
	}
	return n
}

// Ack records an answer. Repeating it by the same person is no news. Where the
// policy wants several to answer, the page goes on calling the others until
// they do. An answer of somebody who only learns is noted and stops nothing.
func (p *Page) Ack(by string, now time.Time, source string, policy Policy) ([]event.Fact, error) {
	fact := func(ev event.Event) []event.Fact {
		f := p.fact(now, "person/"+by, ev)
		f.Source = source
		return []event.Fact{f}
	}
	switch {
	case p.State == Closed:
		return nil, errs.New(errs.Conflict, "page %s is closed already", p.ID)
	case p.State == Answered && p.AckedBy == by, slices.Contains(p.Acks, by):
		return nil, nil
	case p.Learns(by):
		return fact(ShadowAcked{Page: p.ID, Service: p.Service, By: by}), nil
	}
	if policy.Acks > 1 && p.State != Answered {
		if p.Acks = append(p.Acks, by); len(p.Acks) < policy.Acks {
			return fact(PageJoined{Page: p.ID, Service: p.Service, By: by, Answered: len(p.Acks), Needed: policy.Acks}), nil
		}
	}
	p.State, p.AckedAt, p.AckedBy, p.Vain = Answered, now, by, 0
	p.due(time.Time{}, now)
	if policy.AckTimeout > 0 {
		p.due(now.Add(policy.AckTimeout), now)
	}
	return fact(PageAcked{Page: p.ID, Service: p.Service, By: by, Alerts: p.Alerts, AfterSeconds: now.Sub(p.OpenedAt).Seconds()}), nil
}

// Escalate fires the next step now: "I am not available". While somebody else
// has the page it is a Conflict.
func (p *Page) Escalate(by string, now time.Time) ([]event.Fact, error) {
	switch {
	case p.State == Closed:
		return nil, errs.New(errs.Conflict, "page %s is closed already", p.ID)
	case p.State == Answered && p.AckedBy != by:
		return nil, errs.New(errs.Conflict, "page %s is with %s", p.ID, p.AckedBy)
	case p.State == NoPolicy:
		return nil, errs.New(errs.Conflict, "page %s has nobody to go on to: no escalation policy covers %s", p.ID, p.Service)
	case p.Learns(by):
		return nil, errs.New(errs.Conflict, "%s shadows page %s: whoever is on call answers it", by, p.ID)
	}
	return p.callAgain(by, now), nil
}

// callAgain takes the answer away and makes the next step due: the first, where
// whoever had the page was of the last.
func (p *Page) callAgain(by string, now time.Time) []event.Fact {
	if p.State == Answered && p.Step >= p.Of {
		p.Step = 0
	}
	p.State, p.AckedAt, p.AckedBy = Calling, time.Time{}, ""
	p.due(now, now)
	p.Declined = maps.Clone(p.Declined)
	if p.Declined == nil {
		p.Declined = map[string]time.Time{}
	}
	p.Declined[by] = now
	p.Acks = slices.DeleteFunc(p.Acks, func(a string) bool { return a == by })
	return []event.Fact{p.fact(now, "person/"+by, Declined{Page: p.ID, Service: p.Service, By: by})}
}

// resolve takes a resolved alert off the page, and closes it with the last.
func (p *Page) resolve(alertID string, now time.Time) []event.Fact {
	i := slices.Index(p.Alerts, alertID)
	if i < 0 || p.State == Closed {
		return nil
	}
	p.Alerts = slices.Delete(p.Alerts, i, i+1)
	if len(p.Alerts) > 0 {
		return nil
	}
	p.State, p.ClosedAt = Closed, now
	p.due(time.Time{}, now)
	return []event.Fact{p.fact(now, worker, PageClosed{Page: p.ID, Service: p.Service, OpenSeconds: now.Sub(p.OpenedAt).Seconds()})}
}

func (p *Page) holds(alertID string) bool { return slices.Contains(p.Alerts, alertID) }

// severityOf is how bad an alert is in its sender's word, in small letters.
func severityOf(labels map[string]string) string {
	_, word := alert.Word(labels)
	return strings.ToLower(cmp.Or(word, "page")) // whatever opens a page is at least that
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%.*s…", n, s)
}
