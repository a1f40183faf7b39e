package slo

import (
	"fmt"
	"math"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Burn is what is kept of an objective while it burns.
type Burn struct {
	Objective string // or, where something else is watched of it, "objective#what"
	Service   string
	Name      string
	Severity  alert.Severity // "" while it does not burn
	Pair      string
	Since     time.Time // when it began
}

// Subject is the log's name for an objective.
func Subject(id string) string { return "slo/" + id }

const worker = "slo.evaluator"

// Change says whether s is news for an objective whose burn was b, and what
// the burn is now. It is pure. Unknown changes nothing: what burned and went
// silent still burns.
func Change(b Burn, o Objective, s Status, expr func() string) (next Burn, facts []event.Fact) {
	p, burning := s.Worst()
	switch {
	case burning && (b.Severity == "" || (b.Severity != alert.Page && p.Severity == alert.Page)):
		next = Burn{Objective: o.ID, Service: o.Service, Name: o.Name, Severity: p.Severity, Pair: p.Name(), Since: b.Since}
		if b.Severity == "" {
			next.Since = s.At
		}
		return next, []event.Fact{{Event: burningEvent(o, s, p, expr()), At: s.At, Service: o.Service, Subject: Subject(o.ID), Actor: worker, Source: "slo"}}
	case b.Severity != "" && s.quiet(b.Severity):
		// The caller adds Recovered with its counts. A slow burn that goes on after a
		// fast one begins anew with the next look, as a ticket of its own: else the
		// next fast one would be no news and call nobody.
		return Burn{Objective: o.ID}, nil
	}
	return b, nil
}

// quiet reports whether no pair of a severity, or of a worse one, burns, and
// each is known, so that "does not burn" is a fact and not a lack of data.
func (s Status) quiet(severity alert.Severity) bool {
	for _, p := range s.Pairs {
		if severity == alert.Page && p.Severity != alert.Page {
			continue
		}
		if !p.Known || p.Burning {
			return false
		}
	}
	return len(s.Pairs) > 0
}

func burningEvent(o Objective, s Status, p PairStatus, expr string) Burning {
	bad, total := s.Counts[p.Long].Events()
	return Burning{
		Objective: o.ID, Name: o.Name, Service: o.Service, Severity: p.Severity, Pair: p.Name(), Burn: p.LongBurn, Limit: p.Rate,
		Sentence: s.Sentence(o), Expr: expr, Evidence: Explain(o, s), Target: o.Target.Percent(), Window: Short(o.Window),
		Remaining: s.Remaining, Bad: bad, Total: total,
	}
}

// Explain lists the values that decide about an objective.
func Explain(o Objective, s Status) []alert.Evidence {
	var out []alert.Evidence
	for _, p := range s.Pairs {
		row := func(w time.Duration, burn float64) {
			c := s.Counts[w]
			e := alert.Evidence{Name: "burn over " + Short(w), Value: "unknown", Limit: Number(p.Rate) + "×"}
			if _, ok := c.Burn(o.Target); ok {
				e.Value = Number(burn) + "×"
				bad, total := c.Events()
				e.Detail = fmt.Sprintf("%s of %s events were bad", Decimal(math.Round(bad*100)/100), Decimal(math.Round(total*100)/100))
			}
			out = append(out, e)
		}
		row(p.Long, p.LongBurn)
		if p.Short > 0 {
			row(p.Short, p.ShortBurn)
		}
	}
	if s.Known {
		out = append(out, alert.Evidence{Name: "budget left of " + Short(o.Window), Value: Number(100*s.Remaining) + " %", Detail: fmt.Sprintf("target %s %%", o.Target.Percent())})
	}
	return out
}

// recoveredEvent says what the burn cost. c counts from the given time on.
func recoveredEvent(b Burn, o Objective, s Status, c Count, from time.Time) event.Fact {
	r := Recovered{Objective: b.Objective, Name: b.Name, Service: b.Service, Since: b.Since, Seconds: s.At.Sub(b.Since).Seconds(), From: from, Remaining: s.Remaining, Reason: "within the objective again"}
	if c.Known {
		r.Counted = true
		r.Bad, r.Total = c.Events()
		_, all := s.Period.Events()
		if allowed := all * o.Target.Budget(); allowed > 0 {
			r.Spent = r.Bad / allowed
		}
	}
	return event.Fact{Event: r, At: s.At, Service: b.Service, Subject: Subject(b.Objective), Actor: worker, Source: "slo"}
}
