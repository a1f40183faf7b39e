package sloweb

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/replay"
)

// Histories count what happened to an objective, in steps as fine as there are.
type Histories interface {
	History(ctx context.Context, o slo.Objective, from, to time.Time) (replay.History, error)
}

const (
	maxDays  = 400
	maxPlans = 40
)

// planNow is the name of what an objective has today.
const planNow = "now"

// rates are the catalogues in use.
func (w *door) rates() *catalogue.Set {
	if w.Rates != nil {
		if set := w.Rates(); set != nil {
			return set
		}
	}
	return catalogue.NewSet(nil)
}

// trial is what a back-test runs on.
type trial struct {
	standing  slo.Standing
	plans     []replay.Plan
	history   replay.History
	incidents []replay.Interval
}

// measured has a set match by the traffic that was counted.
func measured(set *catalogue.Set, s slo.Standing) *catalogue.Set {
	out := *set
	out.Traffic = func(o slo.Objective) (float64, bool) {
		if p := s.Status.Period; p.Known && o.ID == s.Objective.ID {
			return float64(p.Total) / float64(max(1, p.Unit)) / o.Window.Hours(), true
		}
		return 0, false
	}
	return &out
}

// plansOf are what is compared: the objective's own pairs, then the entries of the
// text that are for it or, without a text, of every catalogue.
func (w *door) plansOf(s slo.Standing, text string) ([]replay.Plan, error) {
	plans := []replay.Plan{{Name: planNow, Pairs: s.Objective.Pairs}}
	set := w.rates()
	if text != "" {
		own, problems := catalogue.Read("catalogue.yaml", text)
		if err := problems.Err(); err != nil {
			return nil, err
		}
		if len(own) == 0 {
			return nil, errs.New(errs.Invalid, "there is no BurnRateCatalogue in the text")
		}
		set = catalogue.NewSet(own)
	}
	set = measured(set, s)
	for _, c := range set.Matching(s.Objective) {
		if text != "" && c.Catalogue.Seed {
			continue
		}
		plans = append(plans, replay.Plan{Name: c.Ref(), Pairs: c.Entry.PairsFor(s.Objective.Target, s.Objective.Window)})
	}
	if text != "" && len(plans) == 1 {
		return nil, errs.New(errs.Invalid, "no entry is for %s: %s", s.Objective.ID, set.Why(set.All()[0], s.Objective))
	}
	return plans[:min(len(plans), maxPlans)], nil
}

// past reads what a trial needs to know of some days.
func (w *door) pastOf(ctx context.Context, s slo.Standing, days int) (trial, error) {
	t := trial{standing: s}
	if w.Past == nil {
		return t, errs.New(errs.Unavailable, "the past of objectives is not kept here")
	}
	if days < 1 || days > maxDays {
		return t, errs.New(errs.Invalid, "days lie between 1 and %d", maxDays)
	}
	now := w.Now().UTC()
	from := now.Add(-time.Duration(days) * 24 * time.Hour)
	h, err := w.Past.History(ctx, s.Objective, from, now)
	if err != nil {
		return t, err
	}
	if !h.Valid() {
		return t, errs.New(errs.Unavailable, "nothing was counted of %s in %d days", s.Objective.ID, days)
	}
	t.history = h
	t.incidents, err = w.incidents(ctx, s.Objective.Service, from, now)
	return t, err
}

// incidents are those of a service that the log holds: from declared to resolved.
func (w *door) incidents(ctx context.Context, service string, from, now time.Time) (out []replay.Interval, err error) {
	records, err := w.Events.Events(ctx, event.Query{Services: []string{service}, Names: []string{"incident.declared", "incident.resolved"}, From: from, Limit: 1000})
	if err != nil {
		return nil, err
	}
	open := map[string]int{}
	for _, r := range records {
		i, known := open[r.Subject]
		switch {
		case r.Name == "incident.declared" && !known:
			open[r.Subject] = len(out)
			out = append(out, replay.Interval{From: r.At, To: now})
		case r.Name == "incident.resolved" && known:
			out[i].To = r.At
		}
	}
	return out, nil
}

// backtest compares plans on the past of one objective.
func (w *door) backtest(ctx context.Context, id, text string, days int, zone *time.Location) (trial, []replay.Result, error) {
	s, err := w.find(id)
	if err != nil {
		return trial{}, nil, err
	}
	plans, err := w.plansOf(s, text)
	if err != nil {
		return trial{}, nil, err
	}
	t, err := w.pastOf(ctx, s, days)
	if err != nil {
		return t, nil, err
	}
	t.plans = plans
	return t, replay.Backtest(t.history, s.Objective, plans, t.incidents, replay.Options{Zone: zone, Slack: replay.DefaultSlack}), nil
}

// use is what refers to an entry.
type use struct {
	choice catalogue.Choice
	slos   []slo.Standing
}

// uses says which objectives have which entry; those without a catalogue, and those
// whose reference leads nowhere, are apart.
func (w *door) uses(set *catalogue.Set) (by map[string]*use, without []slo.Standing) {
	by = map[string]*use{}
	for _, s := range w.standings() {
		if s.Objective.BurnRates == "" {
			without = append(without, s)
			continue
		}
		c, err := set.Resolve(s.Objective.BurnRates, s.Objective)
		if err != nil {
			without = append(without, s)
			continue
		}
		key := entryKey(c.Catalogue, c.Entry)
		if by[key] == nil {
			by[key] = &use{choice: c}
		}
		by[key].slos = append(by[key].slos, s)
	}
	return by, without
}

// entryKey names an entry in addresses: std@3/tier1-30d.
func entryKey(c catalogue.Catalogue, e catalogue.Entry) string { return c.Ref() + "/" + e.ID }

const pagesOver = 28 * 24 * time.Hour

// pagesPerWeek counts, over four weeks of the log, how often each objective began
// to burn at the level of a page.
func (w *door) pagesPerWeek(ctx context.Context) (map[string]float64, error) {
	out := map[string]float64{}
	for after := int64(0); ; {
		records, err := w.Events.Events(ctx, event.Query{Names: []string{slo.Burning{}.EventName()}, From: w.Now().Add(-pagesOver), After: after, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if b, ok := burning(r); ok && b.Severity == "page" {
				out[b.Objective] += float64(7*24*time.Hour) / float64(pagesOver)
			}
			after = max(after, r.Seq)
		}
		if len(records) < 1000 {
			return out, nil
		}
	}
}

// judged is what people said of pages: worth it, or not.
type judged struct{ Right, All int }

// text is the precision with its n, or "no data".
func (j judged) text(ctx context.Context) string {
	if j.All == 0 {
		return webkit.T(ctx, "webkit.nodata")
	}
	return webkit.T(ctx, "slo.rates.precision.value", webkit.Percent(ctx, tenth(float64(j.Right)/float64(j.All))), j.Right, j.All)
}

func (u *use) judged(all map[string]judged) (out judged) {
	for _, s := range u.slos {
		j := all[s.Objective.ID]
		out.Right, out.All = out.Right+j.Right, out.All+j.All
	}
	return out
}

// judgements are what people said, over four weeks of the log, of the alerts of each
// objective.
func (w *door) judgements(ctx context.Context) (map[string]judged, error) {
	records, err := w.Events.Events(ctx, event.Query{Names: []string{"alert.judged"}, From: w.Now().Add(-pagesOver), Newest: true, Limit: 5000})
	if err != nil {
		return nil, err
	}
	out, seen := map[string]judged{}, map[string]bool{}
	for _, r := range records {
		var j struct {
			Rule       string `json:"rule"`
			Actionable *bool  `json:"actionable"`
		}
		// The newest word on an alert counts, and each comes first here.
		if json.Unmarshal(r.Payload, &j) != nil || seen[r.Subject] {
			continue
		}
		if seen[r.Subject] = true; j.Actionable == nil {
			continue
		}
		n := out[j.Rule]
		n.All++
		if *j.Actionable {
			n.Right++
		}
		out[j.Rule] = n
	}
	return out, nil
}
