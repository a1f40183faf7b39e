package replay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/rule"
)

// Rules is what another set of rules makes of episodes.
type Rules struct {
	Old, New *rule.Set
	// Answered are the ids of new or changed rules whose expression the samples have
	// answered: their old episodes are left out, for those of [Fired] to take their
	// place. Others keep the episodes they had.
	Answered map[string]bool
}

// Asked are the instances of rules whose expression the old set has not: only
// samples say what they would have raised.
func (r Rules) Asked() (out []Asked) {
	old := map[string]bool{}
	for _, one := range r.Old.All() {
		for _, in := range one.Instances {
			old[one.Name+"\xff"+in.Expr] = true
		}
	}
	for _, one := range r.New.All() {
		for _, in := range one.Instances {
			if in.Expr != "" && !old[one.Name+"\xff"+in.Expr] {
				out = append(out, Asked{Rule: one, Instance: in})
			}
		}
	}
	return out
}

// Asked is one expression to ask the samples.
type Asked struct {
	Rule     rule.Rule
	Instance rule.Instance
}

// Fired makes episodes of what an asked expression would have raised.
func (a Asked) Fired(when []rule.Interval, until time.Time) (out []Episode) {
	labels := map[string]string{"alertname": a.Rule.Name, "service": a.Instance.Service, "source": rule.Source}
	maps.Copy(labels, a.Instance.Labels)
	for i, w := range when {
		severity := urgency(a.Rule, w.From)
		labels["severity"] = string(severity)
		e := Episode{
			ID: fmt.Sprintf("new/%s/%d", a.Instance.ID, i), Rule: a.Rule.Name, Service: a.Instance.Service, Source: rule.Source, Severity: severity,
			Labels: dispatch.NewSet(labels), From: w.From, To: w.To,
		}
		if !w.To.Before(until) {
			e.To = time.Time{}
		}
		out = append(out, e)
	}
	return out
}

func urgency(r rule.Rule, at time.Time) alert.Severity {
	if r.Native {
		return r.When.At(at)
	}
	return alert.SeverityOf(r.Labels["severity"])
}

// Raise is a [Config]'s.
func (r Rules) Raise(e Episode) (Episode, bool) {
	sig := alert.Signal{Source: e.Source, Rule: e.Rule, Service: e.Service, Severity: e.Severity, Labels: e.Labels.Strings(), At: e.From}
	was, had := r.Old.Of(sig)
	now, has := r.New.Of(sig)
	own := e.Source == rule.Source
	switch {
	case had && !has && own:
		return e, false // the rule is gone
	case !has:
		return e, true
	case own && r.Answered[now.ID]:
		return e, false
	}
	ok := true
	if own && had {
		e, ok = Longer(e, now.What.For-was.What.For)
	}
	severity := e.Severity
	switch next := urgency(now, e.From); {
	case own, calmer(next, severity) && now.Native, had && was.Native && now.Native && urgency(was, e.From) == severity:
		severity = next
	}
	if severity != e.Severity {
		e.Severity = severity
		labels := e.Labels.Strings()
		labels["severity"] = string(severity)
		e.Labels = dispatch.NewSet(labels)
	}
	return e, ok
}

func calmer(a, b alert.Severity) bool {
	order := []alert.Severity{alert.Info, alert.Ticket, alert.Page}
	return slices.Index(order, a) < slices.Index(order, b)
}

// Unsure says what kept alerts cannot show of the change.
func (r Rules) Unsure() (out []string) {
	for _, a := range r.Asked() {
		if !r.Answered[a.Rule.ID] {
			out = append(out, fmt.Sprintf("%s (%s): its expression is new, and the samples could not be asked; what it would have raised is not counted", a.Rule.Name, a.Rule.Place()))
		}
	}
	for _, one := range r.New.All() {
		for _, was := range r.Old.Named(one.ID) {
			if one.What.For < was.What.For {
				out = append(out, fmt.Sprintf("%s (%s): with a shorter wait it fires more often than kept alerts show", one.Name, one.Place()))
			}
		}
	}
	slices.SortFunc(out, strings.Compare)
	return slices.Compact(out)
}
