package oncall

import (
	"context"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
)

// Adopted is what becomes of a page that another host sends.
type Adopted struct {
	Page  Page         // as it is to be saved, under its id
	Local *Page        // the page of the same service that was open here, changed
	Facts []event.Fact // the news
	// Again are alerts that nobody was paged for yet: they are to fire again.
	Again []string
}

// Adopt decides how a page of another host goes together with what is here: the
// same page (nil where there is none), or the open page of its service with its
// ledger. Who was called there is not called again here.
func Adopt(in Page, same, local *Page, ledger []Delivery, policy Policy, now time.Time) Adopted {
	switch {
	case same != nil:
		return adoptSame(in, *same)
	case in.State == Closed || local == nil:
		return Adopted{Page: in, Facts: in.news()}
	case !slices.ContainsFunc(ledger, func(d Delivery) bool { return d.State.Taken() || d.Attempts > 0 }):
		// Ours has called nobody yet: theirs goes on, and takes ours in.
		gone := *local
		gone.State, gone.ClosedAt, gone.StepAt, gone.Alerts = Closed, now, time.Time{}, nil
		return Adopted{Page: in, Local: &gone, Facts: in.news(), Again: local.Alerts}
	}
	// Both have called: ours goes on, and knows of theirs.
	mine := *local
	for _, a := range in.Alerts {
		if !slices.Contains(mine.Alerts, a) {
			mine.Alerts = append(slices.Clone(mine.Alerts), a)
		}
	}
	out := Adopted{Page: in, Facts: in.news()}
	if in.State == Answered && mine.State != Answered {
		facts, err := mine.Ack(in.AckedBy, now, "buddy", policy)
		if err == nil {
			out.Facts = append(out.Facts, facts...)
		}
	}
	out.Page.State, out.Page.ClosedAt, out.Page.StepAt = Closed, now, time.Time{}
	out.Local = &mine
	return out
}

// adoptSame is what becomes of a page that both hosts know: whichever went further
// counts, and what people did counts wherever they did it.
func adoptSame(in, here Page) Adopted {
	if !further(in, here) {
		return Adopted{Page: here}
	}
	more := slices.DeleteFunc(slices.Clone(here.Alerts), func(a string) bool { return slices.Contains(in.Alerts, a) })
	if in.State == Closed {
		return Adopted{Page: in, Again: more}
	}
	out := Adopted{Page: in}
	if in.State == Answered && here.State != Answered {
		out.Facts = in.ackedFact()
	}
	out.Page.Alerts = append(slices.Clone(in.Alerts), more...)
	return out
}

// further reports whether a page has gone further than it has here.
func further(in, here Page) bool {
	rank := func(p Page) int {
		switch p.State {
		case Closed:
			return 2
		case Answered:
			return 1
		case Calling, Unheard, NoPolicy:
		}
		return 0
	}
	// Of pages that are open, whatever somebody did last counts.
	if a, b := in.movedAt(), here.movedAt(); in.State != Closed && here.State != Closed && !a.Equal(b) {
		return a.After(b)
	}
	if a, b := rank(in), rank(here); a != b {
		return a > b
	}
	if in.Firing != here.Firing {
		return in.Firing > here.Firing
	}
	if in.Round != here.Round {
		return in.Round > here.Round
	}
	return in.Step > here.Step
}

// movedAt is when the page was answered, declined or begun again last.
func (p *Page) movedAt() time.Time {
	at := later(p.AckedAt, p.BegunAt)
	for _, d := range p.Declined {
		at = later(at, d)
	}
	return at
}

// news is that of a page that was opened, and answered, elsewhere.
func (p *Page) news() []event.Fact {
	first := ""
	if len(p.Alerts) > 0 {
		first = p.Alerts[0]
	}
	facts := []event.Fact{p.fact(p.OpenedAt, worker, PageOpened{Page: p.ID, Service: p.Service, Alert: first, Policy: p.Policy, Summary: p.Summary})}
	return append(facts, p.ackedFact()...)
}

func (p *Page) ackedFact() []event.Fact {
	if p.AckedBy == "" {
		return nil
	}
	f := p.fact(p.AckedAt, "person/"+p.AckedBy, p.Acknowledged())
	f.Source = "buddy"
	return []event.Fact{f}
}

// Acknowledged is the news of a page's answer.
func (p *Page) Acknowledged() PageAcked {
	return PageAcked{Page: p.ID, Service: p.Service, By: p.AckedBy, Alerts: p.Alerts, AfterSeconds: p.AckedAt.Sub(p.OpenedAt).Seconds()}
}

// Rename has the page know an alert by another id, and reports whether it knew it.
func (p *Page) Rename(from, to string) bool {
	i := slices.Index(p.Alerts, from)
	if i < 0 {
		return false
	}
	out := slices.Delete(slices.Clone(p.Alerts), i, i+1)
	if !slices.Contains(out, to) {
		out = append(out, to)
	}
	p.Alerts = out
	return true
}

// Prefer returns the plan with a policy that is asked first for a service.
func (p *Plan) Prefer(policy, service string) *Plan {
	out := *p
	out.Policies = slices.Clone(p.Policies)
	for i, q := range out.Policies {
		if q.ID == policy {
			q.Services = append(slices.Clone(q.Services), service)
			out.Policies = slices.Concat([]Policy{q}, p.Policies[:i], p.Policies[i+1:])
			break
		}
	}
	return &out
}

// PolicyOf returns the policy of a page as it is now; one that is gone asks for
// nothing, unless another covers the service.
func (p *Pager) PolicyOf(ctx context.Context, page Page) Policy {
	plan := p.plan.Load()
	policy, ok := plan.Policy(page.Policy)
	if !ok {
		policy, _ = p.policyFor(ctx, plan, page.Service)
	}
	return policy
}
