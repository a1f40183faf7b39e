package alert

import (
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
)

// Adopt folds into a (a new alert has no fingerprint) what another host knows of
// the same matter, and returns the news. It is pure, repeating it is no news, and
// what people have done counts wherever they did it.
func (a *Alert) Adopt(in Alert) (facts []event.Fact) {
	if a.Fingerprint == "" {
		acked, resolved := in, in
		*a = in
		a.AckedAt, a.AckedBy, a.ResolvedAt, a.ResolvedBy = time.Time{}, "", time.Time{}, ""
		facts = a.facts(a.OpenedAt, a.Source, Fired{Alert: a.ID, Service: a.Service, Rule: a.Rule, Source: a.Source, Severity: a.Severity, Summary: a.Summary, Evidence: a.Evidence})
		return append(facts, a.adoptActs(acked, resolved)...)
	}
	if a.State() == Resolved {
		return nil
	}
	a.Count, a.LastAt = max(a.Count, in.Count), later(a.LastAt, in.LastAt)
	labels := a.Labels
	if facts = a.rise(in.Severity, in.Labels, in.LastAt, in.Source); len(facts) == 0 {
		a.Labels = labels
	}
	return append(facts, a.adoptActs(in, in)...)
}

// adoptActs takes over who has the alert and how it ended.
func (a *Alert) adoptActs(acked, resolved Alert) (facts []event.Fact) {
	if acked.AckedBy != "" && a.State() == Open {
		more, err := a.Ack(acked.AckedBy, acked.AckedAt, "buddy")
		if err == nil {
			facts = append(facts, more...)
		}
	}
	if resolved.State() == Resolved {
		a.ResolvedAt, a.ResolvedBy = later(a.OpenedAt, resolved.ResolvedAt), resolved.ResolvedBy
		facts = append(facts, a.facts(a.ResolvedAt, a.Source, resolvedEvent(a, resolved.Summary))...)
	}
	return facts
}

// Same reports whether an end that another host saw is the end of this alert: it
// is the same one, or nothing was heard of it since.
func (a Alert) Same(in Alert) bool {
	return a.ID == in.ID || in.State() != Resolved || !a.LastAt.After(in.ResolvedAt)
}
