package slo

import (
	"context"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// conditionMark stands between an objective's id and a condition's name in the key
// of what burns.
const conditionMark = "#"

// watched takes apart what a burn is of: the objective, and what is watched of it,
// "" for the burn rates.
func (b Burn) watched() (objective, condition string) {
	objective, condition, _ = strings.Cut(b.Objective, conditionMark)
	return objective, condition
}

// watch saves the changes of what is watched beside burn rates.
func (e *Evaluator) watch(ctx context.Context, l *look, s Status) error {
	for _, c := range s.Conditions {
		key := l.ID + conditionMark + c.Name
		e.mu.RLock()
		b := e.burns[key]
		e.mu.RUnlock()
		if !c.Known || c.Holds == (b.Severity != "") {
			continue
		}
		o := l.Objective
		fact := event.Fact{At: s.At, Service: o.Service, Subject: Subject(o.ID), Actor: worker, Source: "slo"}
		next := Burn{Objective: key}
		bad, total := s.Period.Events()
		if c.Holds {
			next = Burn{Objective: key, Service: o.Service, Name: o.Name, Severity: c.Severity, Pair: c.Name, Since: s.At}
			fact.Event = Burning{
				Objective: o.ID, Condition: c.Name, Name: o.Name, Service: o.Service, Severity: c.Severity, Pair: c.Name,
				Sentence: c.Name + ": " + s.Sentence(o), Evidence: Explain(o, s), Target: o.Target.Percent(), Window: Short(o.Window),
				Remaining: s.Remaining, Bad: bad, Total: total,
			}
		} else {
			fact.Event = Recovered{
				Objective: o.ID, Condition: c.Name, Name: o.Name, Service: o.Service, Since: b.Since, Seconds: s.At.Sub(b.Since).Seconds(),
				From: b.Since, Remaining: s.Remaining, Reason: "no longer so: " + c.Name,
			}
		}
		if err := e.save(ctx, key, next, []event.Fact{fact}); err != nil {
			return err
		}
	}
	return nil
}

// burnedBefore says since when a pair that burns at its first look has burned
// without a break: no timer lives only in memory.
func (e *Evaluator) burnedBefore(ctx context.Context, l *look, i int, now time.Time) time.Time {
	const steps = 30
	hold := l.Pairs[i].For
	since := now
	for k := 1; k <= steps; k++ {
		at := now.Add(-hold * time.Duration(k) / steps)
		seen := budget.Seen{}
		for _, side := range []struct {
			window time.Duration
			to     *budget.Sum
		}{{l.Pairs[i].Long, &seen.Long}, {l.Pairs[i].Short, &seen.Short}, {l.Window, &seen.Period}} {
			if side.window == 0 {
				continue
			}
			c, err := e.counter.Count(ctx, l.Objective, side.window, at)
			if err != nil {
				return since
			}
			*side.to = c.Sum()
		}
		if !l.judgePair(i, seen).Burning {
			return since
		}
		since = at
	}
	return since
}
