package sloweb

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/slo"
)

// SLO is an objective and how it stands.
type SLO struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	Service   string      `json:"service"`
	Parent    string      `json:"parent,omitempty" doc:"Of an instance of a grouped objective: the objective's id."`
	Group     string      `json:"group,omitempty" doc:"Of an instance: its labels."`
	Target    string      `json:"target" doc:"The share that must be good, as an exact decimal."`
	Window    string      `json:"window" example:"30d"`
	Source    string      `json:"source" doc:"file:line of its document"`
	Health    slo.Health  `json:"health" enum:"healthy,unknown,slow_burn,fast_burn,exhausted"`
	At        time.Time   `json:"at" doc:"When it was looked at last; year 1 before the first look."`
	Known     bool        `json:"known" doc:"Whether remaining is known."`
	Remaining float64     `json:"remaining" doc:"Share of the budget left; below 0 when overspent."`
	Period    Counted     `json:"period"`
	Windows   []Counted   `json:"windows"`
	Pairs     []BurnRates `json:"pairs"`
	Sentence  string      `json:"sentence"`
	Problem   string      `json:"problem,omitempty" doc:"Why what is said may be old."`
}

// Counted is what happened over one window.
type Counted struct {
	Window string  `json:"window"`
	Known  bool    `json:"known"`
	Good   int64   `json:"good" doc:"In parts of an event: divide by unit."`
	Total  int64   `json:"total" doc:"In parts of an event: divide by unit."`
	Unit   int64   `json:"unit" doc:"Parts that one event is counted in: 1, or 1000000 where the SLI is a share."`
	Burn   float64 `json:"burn" doc:"The burn rate; 0 where it is not known or nothing happened."`
}

// BurnRates is one pair and how near it is.
type BurnRates struct {
	Name      string  `json:"name"`
	Policy    string  `json:"policy,omitempty"`
	Severity  string  `json:"severity"`
	Rate      float64 `json:"rate"`
	Long      string  `json:"long"`
	Short     string  `json:"short,omitempty"`
	LongBurn  float64 `json:"long_burn"`
	ShortBurn float64 `json:"short_burn"`
	Known     bool    `json:"known"`
	Burning   bool    `json:"burning"`
	Pending   bool    `json:"pending,omitempty" doc:"At its rate, but not yet for long enough."`
	Held      string  `json:"held,omitempty" doc:"At its rate, but its gate lets it call nobody: few_events, few_failures or chance."`
}

// Page is one page of objectives; Next is the cursor of the one after it.
type Page struct {
	SLOs []SLO  `json:"slos"`
	Next string `json:"next,omitempty"`
}

// Detail is one objective with its definition and what it promises.
type Detail struct {
	SLO

	Expr    string     `json:"expr" doc:"The expression that is compared, over the window that decides."`
	Promise []Promised `json:"promise"`
	Doc     string     `json:"doc" doc:"Its document, as written."`
}

// Promised says what a pair does while a constant share of events is bad.
type Promised struct {
	Pair         string  `json:"pair"`
	Severity     string  `json:"severity"`
	BadRatio     float64 `json:"bad_ratio"`
	Fires        bool    `json:"fires"`
	AfterSeconds float64 `json:"after_seconds" doc:"From the first bad event until it fires."`
	ResetSeconds float64 `json:"reset_seconds" doc:"From the last bad event until it no longer burns."`
	Spent        float64 `json:"spent" doc:"Share of the budget that is gone when it fires."`
}

// Past is what happened in steps.
type Past struct {
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	StepSeconds float64   `json:"step_seconds"`
	Points      []Point   `json:"points"`
}

// Point is one step that ends at At.
type Point struct {
	At    time.Time `json:"at"`
	Known bool      `json:"known"`
	Good  int64     `json:"good" doc:"In parts of an event: divide by unit."`
	Total int64     `json:"total" doc:"In parts of an event: divide by unit."`
	Unit  int64     `json:"unit"`
	Left  *float64  `json:"left,omitempty" doc:"Share left of the budget of the stretch from..to."`
}

type listIn struct {
	Query   string `query:"q" doc:"Part of an id, a name or a service."`
	Service string `query:"service"`
	Parent  string `query:"parent" doc:"A grouped objective's id: its instances only."`
	State   string `query:"state" enum:"danger,nodata,ok" doc:"How they stand."`
	Sort    string `query:"sort" enum:"service,name,target,left,burn1h,burn6h,burn3d,-name,-target,-left,-burn1h,-burn6h,-burn3d"`
	After   string `query:"after" doc:"The cursor: next of the page before."`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type idIn struct {
	ID string `path:"id"`
}

type pastIn struct {
	ID   string    `path:"id"`
	From time.Time `query:"from" doc:"The window's beginning where it is not given."`
	To   time.Time `query:"to" doc:"Now where it is not given."`
}

// API registers the room's operations.
func API(a *httpd.API, d Deps) {
	w := open(d)
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "slo", Summary: summary} }
	httpd.Get(a, "/api/v1/slos", op("list-slos", "Objectives and how they stand; parts of composites are left out"), func(_ context.Context, in *listIn) (Page, error) {
		found, next := pick(w.standings(), filter{Text: in.Query, Service: in.Service, Parent: in.Parent, State: in.State, Sort: in.Sort, After: in.After, Limit: in.Limit})
		out := Page{SLOs: []SLO{}, Next: next}
		for _, s := range found {
			out.SLOs = append(out.SLOs, encode(s))
		}
		return out, nil
	})
	httpd.Get(a, "/api/v1/slos/{id}", op("get-slo", "One objective, its definition and what it promises"), func(_ context.Context, in *idIn) (Detail, error) {
		s, err := w.find(in.ID)
		if err != nil {
			return Detail{}, err
		}
		return Detail{SLO: encode(s), Expr: w.expr(s), Promise: promises(s.Objective), Doc: s.Objective.Doc}, nil
	})
	httpd.Get(a, "/api/v1/slos/{id}/history", op("get-slo-history", "What happened, in 120 steps"), w.history)
	httpd.Get(a, "/api/v1/slos/{id}/what-if", op("what-if-slo", "What another target would have meant; nothing is changed"), w.whatIfAPI)
	w.ratesAPI(a)
}

func (w *door) history(ctx context.Context, in *pastIn) (Past, error) {
	s, err := w.find(in.ID)
	if err != nil {
		return Past{}, err
	}
	to, from := in.To, in.From
	if to.IsZero() {
		to = w.Now().UTC()
	}
	if from.IsZero() {
		from = to.Add(-s.Objective.Window)
	}
	if !from.Before(to) || to.Sub(from) > 3660*24*time.Hour {
		return Past{}, errs.New(errs.Invalid, "from must be before to, by ten years at most")
	}
	step := max(time.Second, (to.Sub(from) / burnDownSteps).Truncate(time.Second))
	counts, err := w.History.Counts(ctx, s.Objective, slo.Ends{Window: step, From: from.Add(step), To: to, Step: step})
	if err != nil {
		return Past{}, err
	}
	out := Past{From: from, To: to, StepSeconds: step.Seconds(), Points: []Point{}}
	for i, l := range slo.BurnDown(s.Objective, counts) {
		p := Point{At: l.At.UTC(), Known: counts[i].Known, Good: counts[i].Good, Total: counts[i].Total, Unit: unitOf(counts[i].Unit)}
		if l.Known {
			p.Left = &l.Ratio
		}
		out.Points = append(out.Points, p)
	}
	return out, nil
}

func encode(s slo.Standing) SLO {
	o, st := s.Objective, s.Status
	out := SLO{
		ID: o.ID, Name: o.Name, Service: o.Service, Parent: o.Parent, Group: o.Group, Target: o.Target.String(), Window: slo.Short(o.Window), Source: o.Source,
		Health: st.Health, At: st.At.UTC(), Known: st.Known, Remaining: st.Remaining, Sentence: st.Sentence(o), Problem: st.Problem,
		Windows: []Counted{}, Pairs: []BurnRates{},
	}
	for _, w := range st.Windows {
		c := Counted{Window: w.Window, Known: w.Count.Known, Good: w.Good, Total: w.Total, Unit: unitOf(w.Unit), Burn: w.Burn}
		out.Windows = append(out.Windows, c)
		if w.Window == out.Window {
			out.Period = c
		}
	}
	for _, p := range st.Pairs {
		b := BurnRates{Name: p.Name(), Policy: p.Policy, Severity: string(p.Severity), Rate: p.Rate, Long: slo.Short(p.Long), LongBurn: p.LongBurn, ShortBurn: p.ShortBurn, Known: p.Known, Burning: p.Burning, Pending: p.Pending, Held: string(p.Held)}
		if p.Short > 0 {
			b.Short = slo.Short(p.Short)
		}
		out.Pairs = append(out.Pairs, b)
	}
	return out
}

func promises(o slo.Objective) []Promised {
	out := []Promised{}
	for _, row := range slo.Promises(o, shares()...) {
		for _, p := range row {
			out = append(out, encodePromise(p))
		}
	}
	return out
}

func encodePromise(p slo.Promise) Promised {
	return Promised{
		Pair: p.Pair.Name(), Severity: string(p.Pair.Severity), BadRatio: p.Bad, Fires: p.Fires,
		AfterSeconds: p.After.Seconds(), ResetSeconds: p.Reset.Seconds(), Spent: p.Spent,
	}
}
