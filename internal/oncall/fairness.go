package oncall

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Fairness is how a rota shares out its load: what it asked, and what it will.
type Fairness struct {
	Rota  string      `json:"rota"`
	Name  string      `json:"name"`
	Zone  string      `json:"zone"`
	From  time.Time   `json:"from"`
	Now   time.Time   `json:"now"`
	To    time.Time   `json:"to"`
	Past  []rota.Load `json:"past"`  // [From, Now), with pages
	Next  []rota.Load `json:"next"`  // [Now, To), as it is planned
	Both  []rota.Load `json:"both"`  // the whole of it
	Index float64     `json:"index"` // Jain's, of Past
	Ahead float64     `json:"ahead"` // of Next
	Whole float64     `json:"whole"` // of Both: what Moves make better
	Moves []rota.Move `json:"moves"`
	Short bool        `json:"short"` // there were more messages than were counted
}

const (
	mostMoves   = 5
	mostTurns   = 500 // that moves are looked for in
	mostBatches = 10  // of deliveries, by person
	batch       = 500
)

// Fairness weighs the turns of a rota over [from, now) and [now, to), and
// proposes moves of whole turns that begin after now and would share the load of
// both more alike. NotFound where there is no such rota.
func (p *Pager) Fairness(ctx context.Context, rotaID string, from, now, to time.Time) (Fairness, error) {
	plan := p.plan.Load()
	r := plan.Rota(rotaID)
	if r == nil {
		return Fairness{}, errs.New(errs.NotFound, "there is no rota %q", rotaID)
	}
	all, err := p.adjustments.Adjustments(ctx, from, to)
	if err != nil {
		return Fairness{}, fmt.Errorf("load adjustments: %w", err)
	}
	past := r.Turns(all, from, now)
	pages, short, err := p.pagesOf(ctx, past, from)
	if err != nil {
		return Fairness{}, err
	}
	out := fairness(r, plan.Holidays(r.Spec.Holidays), past, r.Turns(all, now, to), pages, now)
	out.From, out.Now, out.To, out.Short = from, now, to, short
	return out, nil
}

// pagesOf counts the pages that people were told of during turns.
func (p *Pager) pagesOf(ctx context.Context, turns []Turn, from time.Time) (out map[string]int, short bool, err error) {
	out = map[string]int{}
	for _, person := range everybody(turns) {
		seen, last := map[string]bool{}, ""
		for n := range mostBatches {
			ds, err := p.ledger.Deliveries(ctx, LedgerQuery{Person: person, Kind: KindPage, Before: last, Limit: batch})
			if err != nil {
				return nil, false, fmt.Errorf("count the pages of %s: %w", person, err)
			}
			for _, d := range ds {
				last = d.ID
				if !seen[d.Page] && slices.ContainsFunc(turns, func(t Turn) bool { return t.Person == person && !d.MadeAt.Before(t.Start) && d.MadeAt.Before(t.End) }) {
					seen[d.Page] = true
				}
			}
			if len(ds) < batch || ds[len(ds)-1].MadeAt.Before(from) {
				break
			}
			short = short || n == mostBatches-1
		}
		out[person] = len(seen)
	}
	return out, short, nil
}

// everybody are the people of turns, each once, in order.
func everybody(turns []Turn) (out []string) {
	for _, t := range turns {
		if t.Person != "" && !slices.Contains(out, t.Person) {
			out = append(out, t.Person)
		}
	}
	slices.Sort(out)
	return out
}

// fairness weighs what was and what is planned. It is pure.
func fairness(r *Rota, h rota.Holidays, past, next []Turn, pages map[string]int, now time.Time) Fairness {
	weights := rota.DefaultWeights()
	loads := func(turns []Turn) []rota.Load {
		return rota.Loads(turns, func(string) *rota.Zone { return r.Zone() }, h, weights)
	}
	out := Fairness{Rota: r.ID, Name: r.Name, Zone: r.Zone().String()}
	out.Past = rota.WithPages(loads(past), pages, weights)
	out.Next = loads(next)
	out.Both = rota.WithPages(loads(slices.Concat(past, next)), pages, weights)
	out.Index, out.Ahead, out.Whole = rota.Jain(out.Past), rota.Jain(out.Next), rota.Jain(out.Both)
	weigh := func(t Turn, person string) float64 {
		t.Person = person
		return loads([]Turn{t})[0].Weighted
	}
	out.Moves = rota.Fairer(movable(next, now), out.Both, mostMoves, weigh, func(t Turn, person string) bool { return r.mayTake(next, t, person) })
	return out
}

// movable are the turns by rotation that have not begun.
func movable(turns []Turn, now time.Time) (out []Turn) {
	for _, t := range turns {
		if t.Person != "" && t.Source.Kind == "rotation" && t.Start.After(now) && len(out) < mostTurns {
			out = append(out, t)
		}
	}
	return out
}

// mayTake reports whether a person could take a turn of another: one of the same
// rotation who is not on call then.
func (r *Rota) mayTake(turns []Turn, t Turn, person string) bool {
	member := slices.ContainsFunc(r.at(t.Start).Rotations, func(v rota.Rotation) bool {
		return v.Name == t.Source.ID && slices.ContainsFunc(v.Members, func(s rota.Slot) bool { return slices.Contains(s, person) })
	})
	busy := slices.ContainsFunc(turns, func(o Turn) bool { return o.Person == person && o.Start.Before(t.End) && o.End.After(t.Start) })
	return member && !busy
}
