package replay_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/replay"
)

// Every cell of every seed: what an injected outage does is what the formulas
// promise, within one tick.
func TestDrillAgreesInEveryCell(t *testing.T) {
	cells, fired := 0, 0
	for _, c := range catalogue.Seeds() {
		for _, e := range c.Entries {
			periods := e.Match.Periods
			if len(periods) == 0 {
				periods = []time.Duration{28 * day, 30 * day}
			}
			for _, period := range periods {
				for _, percent := range []string{"99.9", "99"} {
					o := objective(t, percent, period)
					for _, cell := range replay.Drill(o, e.PairsFor(o.Target, period), replay.DrillShares()) {
						cells++
						if cell.Fired {
							fired++
						}
						if !cell.Agrees() {
							t.Errorf("%s/%s, %s %% over %s, %s at %g: promised %v after %s, reset %s; measured %v after %s, reset %s", c.Name, e.ID, percent, slo.Short(period),
								cell.Promise.Pair.Name(), cell.Promise.Bad, cell.Promise.Fires, cell.Promise.After, cell.Promise.Reset, cell.Fired, cell.After, cell.Reset)
						}
					}
				}
			}
		}
	}
	t.Logf("%d cells agree, %d of them fire", cells, fired)
	if cells < 700 || fired < 300 {
		t.Errorf("only %d cells, %d of which fire: are all seeds there?", cells, fired)
	}
}

// story is a history of steady traffic with outages.
func story(length time.Duration, perStep int64, outages ...outage) replay.History {
	n := int(length/replay.Tick) + 1
	h := replay.History{Start: time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC), Step: replay.Tick, Bad: make([]int64, n), Total: make([]int64, n)}
	for i := 1; i < n; i++ {
		h.Total[i], h.Bad[i] = h.Total[i-1]+perStep, h.Bad[i-1]
		at := time.Duration(i) * replay.Tick
		for _, o := range outages {
			if at > o.from && at <= o.from+o.lasts {
				h.Bad[i] += int64(o.bad * float64(perStep))
			}
		}
	}
	return h
}

type outage struct {
	from, lasts time.Duration
	bad         float64
}

func (o outage) incident(h replay.History) replay.Interval {
	return replay.Interval{From: h.Start.Add(o.from), To: h.Start.Add(o.from + o.lasts)}
}

func TestBacktestAgreesWithIncidents(t *testing.T) {
	o := objective(t, "99.9", 30*day)
	noon := outage{2*day + 12*time.Hour, 30 * time.Minute, 1}
	night := outage{4*day + 3*time.Hour, 20 * time.Minute, 0.5}
	blip := outage{6*day + 15*time.Hour, 3 * time.Minute, 1} // paged, and no incident
	missed := outage{8 * day, 2 * time.Hour, 0.002}          // an incident that no page sees
	h := story(14*day, 100, noon, night, blip, missed)
	incidents := []replay.Interval{noon.incident(h), night.incident(h), missed.incident(h), {From: h.Start.Add(-20 * day), To: h.Start.Add(-19 * day)}}
	r := replay.Backtest(h, o, []replay.Plan{{Name: "google", Pairs: slo.DefaultPairs(30*day, o.Target)}}, incidents, replay.Options{Slack: replay.DefaultSlack})[0]
	if len(r.Pages) != 3 || r.PagesPerWeek != 1.5 {
		t.Fatalf("got %d pages, %g a week; want 3, 1.5: %v", len(r.Pages), r.PagesPerWeek, r.Pages)
	}
	if r.Precision == nil || *r.Precision < 0.66 || *r.Precision > 0.67 || r.Recall == nil || *r.Recall < 0.66 || *r.Recall > 0.67 {
		t.Errorf("precision %v, recall %v; want two of three each", r.Precision, r.Recall)
	}
	if len(r.Incidents) != 3 || r.Incidents[0].Detection != time.Minute || !r.Incidents[1].Paged || r.Incidents[2].Paged {
		t.Errorf("incidents: %+v", r.Incidents)
	}
	if want := 30*time.Minute - 0; r.Incidents[0].Reset < 29*time.Minute || r.Incidents[0].Reset > want {
		t.Errorf("the slower page resets half an hour after the end: got %s", r.Incidents[0].Reset)
	}
	if r.NightPages != 1 || r.SleepLost < 40*time.Minute || r.SleepLost > 50*time.Minute {
		t.Errorf("sleep: %d pages, %s", r.NightPages, r.SleepLost)
	}
	if len(r.Fired) != 4 || r.Fired[0].Times != 3 || len(r.Tickets) == 0 {
		t.Errorf("pairs: %+v, %d tickets", r.Fired, len(r.Tickets))
	}
	none := replay.Backtest(h, o, []replay.Plan{{Name: "none"}}, nil, replay.Options{})[0]
	if none.Precision != nil || none.Recall != nil || len(none.Pages) != 0 {
		t.Errorf("without incidents and pages nothing is known: %+v", none)
	}
}

// What burns and goes silent still burns; For asks for an unbroken burn.
func TestSilenceAndFor(t *testing.T) {
	o := objective(t, "99.9", 30*day)
	h := story(6*time.Hour, 100, outage{time.Hour, 10 * time.Minute, 1})
	for i := 415; i < len(h.Total); i++ { // counters stand still from within the outage on
		if i < 1200 {
			h.Total[i], h.Bad[i] = h.Total[415], h.Bad[415]
		} else {
			h.Total[i], h.Bad[i] = h.Total[415]+int64(i-1200)*100, h.Bad[415]
		}
	}
	pair := slo.Pair{Severity: alert.Page, Rate: 14.4, Long: time.Hour, Short: 5 * time.Minute}
	r := replay.Backtest(h, o, []replay.Plan{{Name: "p", Pairs: []slo.Pair{pair}}}, nil, replay.Options{})[0]
	if len(r.Pages) != 1 || r.Pages[0].To.Before(h.Start.Add(1200*replay.Tick)) {
		t.Errorf("the page lasts until something is known again: %v", r.Pages)
	}
	pair.For = 20 * time.Minute
	short := story(6*time.Hour, 100, outage{time.Hour, 10 * time.Minute, 1})
	if r := replay.Backtest(short, o, []replay.Plan{{Name: "p", Pairs: []slo.Pair{pair}}}, nil, replay.Options{})[0]; len(r.Pages) != 0 {
		t.Errorf("a burn of 14 minutes does not last 20: %v", r.Pages)
	}
}

func TestSleepLost(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	page := func(clock string, lasts time.Duration) replay.Interval {
		at, err := time.ParseInLocation("2006-01-02 15:04", "2026-11-20 "+clock, tokyo)
		if err != nil {
			t.Fatal(err)
		}
		return replay.Interval{From: at, To: at.Add(lasts)}
	}
	for _, tt := range []struct {
		clock string
		lasts time.Duration
		want  time.Duration
	}{
		{"21:59", 5 * time.Hour, 0},
		{"22:00", time.Hour, time.Hour},
		{"23:50", time.Minute, 30 * time.Minute},
		{"03:00", 12 * time.Hour, 4 * time.Hour},
		{"06:50", time.Hour, 10 * time.Minute},
		{"07:00", time.Hour, 0},
	} {
		if got := replay.SleepLost(page(tt.clock, tt.lasts), tokyo); got != tt.want {
			t.Errorf("%s for %s: got %s, want %s", tt.clock, tt.lasts, got, tt.want)
		}
	}
}

// quarter is 90 days of noisy traffic with a dozen outages.
func quarter() (replay.History, []replay.Interval) {
	rnd := rand.New(rand.NewPCG(3, 5))
	var outages []outage
	for i := range 12 {
		outages = append(outages, outage{time.Duration(i)*7*day + time.Duration(rnd.IntN(6*24))*time.Hour, time.Duration(5+rnd.IntN(90)) * time.Minute, 0.03 + 0.9*rnd.Float64()})
	}
	h := story(90*day, 200, outages...)
	extra := int64(0)
	for i := range h.Bad {
		if rnd.IntN(20) == 0 {
			extra++
		}
		h.Bad[i] += extra
	}
	var incidents []replay.Interval
	for _, o := range outages {
		incidents = append(incidents, o.incident(h))
	}
	return h, incidents
}

// sixth keeps every sixth step: minutes.
func sixth(h replay.History) replay.History {
	out := replay.History{Start: h.Start, Step: 6 * h.Step}
	for i := 0; i < len(h.Total); i += 6 {
		out.Bad, out.Total = append(out.Bad, h.Bad[i]), append(out.Total, h.Total[i])
	}
	return out
}

func TestFitKeepsTheWish(t *testing.T) {
	o := objective(t, "99.9", 30*day)
	h, incidents := quarter()
	h = sixth(h)
	f, err := replay.Fit(h, o, incidents, replay.Wish{MaxPagesPerWeek: 2, MinRecall: 0.95}, replay.Options{Slack: replay.DefaultSlack})
	if err != nil {
		t.Fatal(err)
	}
	if !f.Kept || f.Best.PagesPerWeek > 2 || f.Best.Recall < 0.95 || len(f.Best.Plan.Pairs) != 4 || f.Derived {
		t.Errorf("best: %+v", f.Best)
	}
	for i := 1; i < len(f.Curve); i++ {
		a, b := f.Curve[i-1], f.Curve[i]
		if b.PagesPerWeek < a.PagesPerWeek || (b.Recall <= a.Recall && b.Detection >= a.Detection) {
			t.Errorf("%s is beaten by %s", b.Plan.Name, a.Plan.Name)
		}
	}
	again := replay.Backtest(h, o, []replay.Plan{f.Best.Plan}, incidents, replay.Options{Slack: replay.DefaultSlack})[0]
	if again.PagesPerWeek != f.Best.PagesPerWeek || *again.Recall != f.Best.Recall || again.Detection != f.Best.Detection {
		t.Errorf("what was proposed behaves otherwise: %+v, %+v", f.Best, again)
	}
	if f, err = replay.Fit(h, o, incidents, replay.Wish{MaxPagesPerWeek: 0.01, MinRecall: 1}, replay.Options{}); err != nil || f.Kept {
		t.Errorf("what cannot be kept is said: %+v, %v", f.Best, err)
	}
	if f, err = replay.Fit(h, o, nil, replay.Wish{MaxPagesPerWeek: 2, MinRecall: 0.9}, replay.Options{}); err != nil || !f.Derived || !f.Kept {
		t.Errorf("without incidents, what spent the budget stands for them: %+v, %v", f, err)
	}
	if _, err := replay.Fit(story(day, 10), o, nil, replay.Wish{}, replay.Options{}); err == nil {
		t.Error("a quiet day has nothing to find")
	}
}

// BenchmarkBacktest is the figure: 90 days in steps of 10 s, 12 entries.
func BenchmarkBacktest(b *testing.B) {
	o := objective(b, "99.9", 30*day)
	h, incidents := quarter()
	var plans []replay.Plan
	for _, c := range catalogue.Seeds() {
		if e := c.Entries[0]; len(plans) < 12 {
			plans = append(plans, replay.Plan{Name: c.Name, Pairs: e.PairsFor(o.Target, o.Window)})
		}
	}
	if len(plans) != 12 {
		b.Fatalf("%d plans", len(plans))
	}
	b.ReportAllocs()
	for b.Loop() {
		replay.Backtest(h, o, plans, incidents, replay.Options{})
	}
}

func BenchmarkFit(b *testing.B) {
	o := objective(b, "99.9", 30*day)
	h, incidents := quarter()
	for b.Loop() {
		if _, err := replay.Fit(h, o, incidents, replay.Wish{MaxPagesPerWeek: 2, MinRecall: 0.95}, replay.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
