package sloweb

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
)

// WhatIf is what another target would have meant.
type WhatIf struct {
	Objective string      `json:"objective"`
	Target    string      `json:"target" doc:"The target asked for, as a share."`
	InUse     string      `json:"in_use" doc:"The objective's own, as a share."`
	Seconds   float64     `json:"budget_seconds" doc:"Of total failure, over the whole window."`
	Allowed   float64     `json:"budget_events" doc:"Events that might be bad, in whole events; 0 where nothing is known."`
	Known     bool        `json:"known" doc:"Whether remaining is known."`
	Remaining float64     `json:"remaining" doc:"Share of the budget that would be left; below 0 when the target would have been missed."`
	Days      []WhatIfDay `json:"days" doc:"Each UTC day of the window, as far as it is in it."`
	Pairs     []Reach     `json:"pairs" doc:"The pairs in use, with this target."`
	Promise   []Promised  `json:"promise" doc:"Of the pairs that the objective would have."`
}

// WhatIfDay is one day.
type WhatIfDay struct {
	Day    string `json:"day" example:"2026-11-20"`
	Known  bool   `json:"known"`
	Good   int64  `json:"good" doc:"In parts of an event: divide by unit."`
	Total  int64  `json:"total" doc:"In parts of an event: divide by unit."`
	Unit   int64  `json:"unit"`
	Missed bool   `json:"missed" doc:"The day by itself misses the target."`
}

// Reach says whether a pair could fire.
type Reach struct {
	Pair      string  `json:"pair"`
	BadRatio  float64 `json:"bad_ratio" doc:"The share of bad events at which it burns; above 1 it never does."`
	Reachable bool    `json:"reachable"`
}

type whatIfIn struct {
	ID     string `path:"id"`
	Target string `query:"target" required:"true" maxLength:"16" doc:"In percent: 99.95."`
}

func (w *door) whatIfAPI(ctx context.Context, in *whatIfIn) (WhatIf, error) {
	s, err := w.find(in.ID)
	if err != nil {
		return WhatIf{}, err
	}
	target, err := slo.ParseTarget(in.Target, true)
	if err != nil {
		return WhatIf{}, errs.New(errs.Invalid, "target: %w", err)
	}
	o, c, now := s.Objective, s.Status.Period, w.Now().UTC()
	p := periodOf(o, now)
	out := WhatIf{
		Objective: o.ID, Target: target.String(), InUse: o.Target.String(), Days: []WhatIfDay{}, Pairs: []Reach{}, Promise: []Promised{},
		Seconds: p.Length().Seconds() * target.Budget(),
	}
	if c.Known {
		out.Allowed = float64(c.Total) / float64(unitOf(c.Unit)) * target.Budget()
		out.Remaining, out.Known = target.Left(c.Bad(), c.Total)
	}
	days, err := w.past.days(ctx, o, p.Start, now, time.UTC)
	if err != nil {
		return WhatIf{}, err
	}
	for _, d := range days {
		out.Days = append(out.Days, WhatIfDay{Day: d.Start.UTC().Format(time.DateOnly), Known: d.Known, Good: d.Good, Total: d.Total, Unit: unitOf(d.Unit), Missed: missed(target, d)})
	}
	for _, pair := range o.Pairs {
		out.Pairs = append(out.Pairs, Reach{Pair: pair.Name(), BadRatio: pair.Rate * target.Budget(), Reachable: pair.Reachable(target)})
	}
	o.Target, o.Pairs = target, w.pairsAt(o, target)
	out.Promise = promises(o)
	return out, nil
}
