package sloweb

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/replay"
)

func burning(r event.Record) (b slo.Burning, ok bool) {
	return b, json.Unmarshal(r.Payload, &b) == nil
}

// RateCatalogue is one version of a catalogue.
type RateCatalogue struct {
	Ref      string      `json:"ref" example:"std@3"`
	Title    string      `json:"title"`
	Seed     bool        `json:"seed" doc:"Published elsewhere and built in."`
	Owner    string      `json:"owner,omitempty"`
	ReviewBy string      `json:"review_by,omitempty" doc:"The day by which somebody looks at it again."`
	Overdue  bool        `json:"overdue"`
	Source   string      `json:"source" doc:"file:line of its document; of a seed, who published it."`
	Entries  []RateEntry `json:"entries"`
}

// RateEntry is one entry with what follows from it.
type RateEntry struct {
	ID           string     `json:"id"`
	Rationale    string     `json:"rationale,omitempty"`
	Target       string     `json:"target" doc:"The target that pairs and promises are shown for."`
	Period       string     `json:"period"`
	Pairs        []RatePair `json:"pairs"`
	Problems     []string   `json:"problems" doc:"What is wrong with it."`
	UsedBy       []string   `json:"used_by" doc:"Ids of objectives."`
	PagesPerWeek float64    `json:"pages_per_week" doc:"Of all objectives that use it, over the last four weeks."`
}

// RatePair is one pair with what follows from it.
type RatePair struct {
	Name      string     `json:"name"`
	Severity  string     `json:"severity"`
	Rate      float64    `json:"rate"`
	BadRatio  float64    `json:"bad_ratio" doc:"The share of bad events at which it burns."`
	Reachable bool       `json:"reachable" doc:"Whether total failure would fire it."`
	Promise   []Promised `json:"promise"`
}

// RatesPage are all catalogues.
type RatesPage struct {
	Catalogues []RateCatalogue `json:"catalogues"`
	Without    []string        `json:"without" doc:"Ids of objectives that refer to no catalogue."`
}

// Backtested is what plans would have called.
type Backtested struct {
	Objective string           `json:"objective"`
	From      time.Time        `json:"from"`
	To        time.Time        `json:"to"`
	Step      float64          `json:"step_seconds"`
	Incidents int              `json:"incidents" doc:"Recorded in that time, of the objective's service."`
	Results   []BacktestResult `json:"results" doc:"The first is what the objective has now."`
}

// BacktestResult is what one plan would have called.
type BacktestResult struct {
	Name             string            `json:"name"`
	Pages            int               `json:"pages"`
	Tickets          int               `json:"tickets"`
	PagesPerWeek     float64           `json:"pages_per_week"`
	Precision        *float64          `json:"precision,omitempty" doc:"Share of the pages that belong to an incident; not there without pages or incidents."`
	Recall           *float64          `json:"recall,omitempty" doc:"Share of the incidents that were paged for; not there without incidents."`
	DetectionSeconds *float64          `json:"detection_seconds,omitempty" doc:"Mean from an incident's begin to its page; below 0 where the page came first."`
	ResetSeconds     *float64          `json:"reset_seconds,omitempty" doc:"Mean from an incident's end to the end of its page."`
	NightPages       int               `json:"night_pages" doc:"Between 22:00 and 07:00."`
	SleepLostMinutes float64           `json:"sleep_lost_minutes"`
	PageTimes        []replay.Interval `json:"page_times"`
	Fired            []PairFired       `json:"fired"`
}

// PairFired is how often one pair fired.
type PairFired struct {
	Pair     string `json:"pair"`
	Severity string `json:"severity"`
	Times    int    `json:"times"`
}

// FittedRates is what fits a wish.
type FittedRates struct {
	Objective string     `json:"objective"`
	Kept      bool       `json:"kept" doc:"Whether the best keeps the wish; else it comes nearest."`
	Derived   bool       `json:"derived" doc:"No incidents were recorded: outages that spent 2 % of the budget stand for them."`
	Tried     int        `json:"tried"`
	Best      TradeOff   `json:"best"`
	Catalogue string     `json:"catalogue" doc:"The best as a document."`
	Curve     []TradeOff `json:"curve" doc:"What no other beats in pages, recall and detection at once."`
}

// TradeOff is one plan and what it costs.
type TradeOff struct {
	Plan             string  `json:"plan"`
	PagesPerWeek     float64 `json:"pages_per_week"`
	Recall           float64 `json:"recall"`
	Precision        float64 `json:"precision"`
	DetectionSeconds float64 `json:"detection_seconds"`
	SleepLostMinutes float64 `json:"sleep_lost_minutes"`
}

type backtestIn struct {
	ID   string `path:"id"`
	Body struct {
		Days      int    `json:"days,omitempty" minimum:"1" maximum:"400" default:"90"`
		Catalogue string `json:"catalogue,omitempty" maxLength:"200000" doc:"BurnRateCatalogue documents to try; without them, every catalogue there is."`
		Zone      string `json:"zone,omitempty" doc:"Whose nights count: Asia/Tokyo. UTC where it is not given."`
	}
}

type fitIn struct {
	ID   string `path:"id"`
	Body struct {
		Days            int     `json:"days,omitempty" minimum:"1" maximum:"400" default:"90"`
		MaxPagesPerWeek float64 `json:"max_pages_per_week" minimum:"0"`
		MinRecall       float64 `json:"min_recall" minimum:"0" maximum:"1"`
		Zone            string  `json:"zone,omitempty"`
	}
}

type ratesIn struct {
	Target string `query:"target" doc:"In percent; an entry's own range comes first." default:"99.9"`
}

// ratesAPI registers what is about burn rates.
func (w *door) ratesAPI(a *httpd.API) {
	op := func(id, summary string) httpd.Op {
		return httpd.Op{ID: id, Tag: "slo", Summary: summary, Access: httpd.Viewer}
	}
	httpd.Get(a, "/api/v1/burn-rates", op("list-burn-rates", "Catalogues of burn rates, what they promise and who uses them"), w.listRates)
	httpd.Post(a, "/api/v1/slos/{id}/backtest", op("backtest-slo", "What burn rates would have called in the past"), func(ctx context.Context, in *backtestIn) (Backtested, error) {
		zone, err := zoneOf(in.Body.Zone)
		if err != nil {
			return Backtested{}, err
		}
		t, results, err := w.backtest(ctx, in.ID, in.Body.Catalogue, in.Body.Days, zone)
		if err != nil {
			return Backtested{}, err
		}
		return encodeBacktest(t, results), nil
	})
	httpd.Post(a, "/api/v1/slos/{id}/fit", op("fit-slo", "Burn rates that would have called seldom enough and still in time"), w.fit)
}

func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, errs.New(errs.Invalid, "zone %q: %w", name, err)
	}
	return zone, nil
}

func (w *door) fit(ctx context.Context, in *fitIn) (FittedRates, error) {
	zone, err := zoneOf(in.Body.Zone)
	if err != nil {
		return FittedRates{}, err
	}
	s, err := w.find(in.ID)
	if err != nil {
		return FittedRates{}, err
	}
	t, err := w.pastOf(ctx, s, in.Body.Days)
	if err != nil {
		return FittedRates{}, err
	}
	f, err := replay.Fit(t.history, s.Objective, t.incidents, replay.Wish{MaxPagesPerWeek: in.Body.MaxPagesPerWeek, MinRecall: in.Body.MinRecall}, replay.Options{Zone: zone, Slack: replay.DefaultSlack})
	if err != nil {
		return FittedRates{}, err
	}
	out := FittedRates{Objective: s.Objective.ID, Kept: f.Kept, Derived: f.Derived, Tried: f.Tried, Best: encodeTrade(f.Best), Curve: []TradeOff{}}
	out.Catalogue = catalogue.Write("fitted", "fitted", "fitted to the past of "+s.Objective.ID, f.Best.Plan.Pairs)
	for _, c := range f.Curve {
		out.Curve = append(out.Curve, encodeTrade(c))
	}
	return out, nil
}

func encodeTrade(t replay.Trade) TradeOff {
	return TradeOff{Plan: t.Plan.Name, PagesPerWeek: t.PagesPerWeek, Recall: t.Recall, Precision: t.Precision, DetectionSeconds: t.Detection.Seconds(), SleepLostMinutes: t.SleepLost.Minutes()}
}

func encodeBacktest(t trial, results []replay.Result) Backtested {
	out := Backtested{Objective: t.standing.Objective.ID, From: t.history.Start.UTC(), To: t.history.End().UTC(), Step: t.history.Step.Seconds(), Results: []BacktestResult{}}
	for _, r := range results {
		b := BacktestResult{
			Name: r.Name, Pages: len(r.Pages), Tickets: len(r.Tickets), PagesPerWeek: r.PagesPerWeek, Precision: r.Precision, Recall: r.Recall,
			NightPages: r.NightPages, SleepLostMinutes: r.SleepLost.Minutes(), PageTimes: append([]replay.Interval{}, r.Pages...), Fired: []PairFired{},
		}
		if r.Recall != nil && *r.Recall > 0 {
			detection, reset := r.Detection.Seconds(), r.Reset.Seconds()
			b.DetectionSeconds, b.ResetSeconds = &detection, &reset
		}
		for _, f := range r.Fired {
			b.Fired = append(b.Fired, PairFired{Pair: f.Pair, Severity: string(f.Severity), Times: f.Times})
		}
		out.Incidents = len(r.Incidents)
		out.Results = append(out.Results, b)
	}
	return out
}

func (w *door) listRates(ctx context.Context, in *ratesIn) (RatesPage, error) {
	target, err := slo.ParseTarget(in.Target, true)
	if err != nil {
		return RatesPage{}, errs.New(errs.Invalid, "target: %w", err)
	}
	pages, err := w.pagesPerWeek(ctx)
	if err != nil {
		return RatesPage{}, err
	}
	set := w.rates()
	by, without := w.uses(set)
	out := RatesPage{Catalogues: []RateCatalogue{}, Without: []string{}}
	for _, s := range without {
		out.Without = append(out.Without, s.Objective.ID)
	}
	for _, c := range set.All() {
		rc := RateCatalogue{Ref: c.Ref(), Title: c.Title, Seed: c.Seed, Owner: c.Owner, Overdue: c.Overdue(w.Now()), Source: c.Source, Entries: []RateEntry{}}
		if !c.ReviewBy.IsZero() {
			rc.ReviewBy = c.ReviewBy.Format(time.DateOnly)
		}
		for _, e := range c.Entries {
			re := encodeEntry(c, e, target)
			if u := by[entryKey(c, e)]; u != nil {
				for _, s := range u.slos {
					re.UsedBy = append(re.UsedBy, s.Objective.ID)
					re.PagesPerWeek += pages[s.Objective.ID]
				}
			}
			rc.Entries = append(rc.Entries, re)
		}
		out.Catalogues = append(out.Catalogues, rc)
	}
	return out, nil
}

func encodeEntry(c catalogue.Catalogue, e catalogue.Entry, target slo.Target) RateEntry {
	target, period := e.Shown(target)
	re := RateEntry{ID: e.ID, Rationale: e.Rationale, Target: target.Percent(), Period: slo.Short(period), Pairs: []RatePair{}, UsedBy: []string{}, Problems: problemsOf(c, e)}
	for _, l := range catalogue.Lines(target, period, e.PairsFor(target, period)) {
		rp := RatePair{Name: l.Pair.Name(), Severity: string(l.Pair.Severity), Rate: l.Pair.Rate, BadRatio: l.Share, Reachable: l.Reachable, Promise: []Promised{}}
		for _, p := range l.Cells {
			rp.Promise = append(rp.Promise, encodePromise(p))
		}
		re.Pairs = append(re.Pairs, rp)
	}
	return re
}

// problemsOf is what is wrong with one entry.
func problemsOf(c catalogue.Catalogue, e catalogue.Entry) []string {
	c.Entries = []catalogue.Entry{e}
	out := []string{}
	for _, f := range catalogue.Test(c) {
		out = append(out, f.Message)
	}
	return out
}
