package sim

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/postmortem"
	"github.com/hinoban/hinoban/internal/slo"
)

// A month of a team's life, across the change of the clocks in Chicago, for
// seeds that are kept. Every minute the invariants hold.
func TestVirtualMonth(t *testing.T) {
	days := 30
	if testing.Short() {
		days = 3
	}
	for _, seed := range []uint64{1, 20261120} {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			w := newWorld(t, seed)
			ctx := t.Context()
			for range days * 24 * 60 {
				w.minute(ctx)
				w.people(ctx)
				w.settle(ctx)
				w.everyMinute(t)
			}
			// What still burns is mended, and the house comes to rest.
			w.failing = map[string]int{"pay": 0, "web": 0}
			w.atTheEnd(t, days)
		})
	}
}

// everyMinute checks what must hold at all times.
func (w *world) everyMinute(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for _, o := range w.evaluator.Objectives() {
		s := w.evaluator.Status(o)
		c, err := w.Count(ctx, o, o.Window, w.now)
		if err != nil || math.IsNaN(s.Remaining) || math.IsInf(s.Remaining, 0) {
			t.Fatalf("%s: %s: remaining %v, %v", w.now, o.ID, s.Remaining, err)
		}
		// The count over the period may be two minutes old, never wrong.
		if s.Period.At.After(w.now) || w.now.Sub(s.Period.At) > 2*time.Minute {
			t.Fatalf("%s: %s counted at %s", w.now, o.ID, s.Period.At)
		}
		if s.Period.At.Equal(w.now) {
			if want := 1 - float64(c.Bad())/float64(c.Total)/0.001; math.Abs(s.Remaining-want) > 1e-9 {
				t.Fatalf("%s: %s: remaining %v, a recount says %v", w.now, o.ID, s.Remaining, want)
			}
		}
	}
	w.everyBurnCalls(t)
	now := w.now
	covered := time.Duration(0)
	for _, r := range w.plan.Rotas {
		for _, turn := range r.Turns(nil, now.Add(-time.Hour), now.Add(time.Hour)) {
			covered += turn.End.Sub(turn.Start)
		}
	}
	if covered != time.Duration(len(w.plan.Rotas))*2*time.Hour {
		t.Fatalf("%s: the turns cover %s of two hours", now, covered)
	}
}

// everyBurnCalls checks that whatever burns fast has a page that is open, and
// that somebody was told of it or has it since it was opened.
func (w *world) everyBurnCalls(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for _, o := range w.evaluator.Objectives() {
		if w.evaluator.Status(o).Health != slo.Fast {
			continue
		}
		pages, err := w.pager.Pages(ctx, oncall.PageQuery{Open: true, Service: o.Service})
		w.must(err)
		if len(pages) != 1 {
			t.Fatalf("%s: %s burns fast and has %d open pages", w.now, o.ID, len(pages))
		}
		p := pages[0]
		_, ledger, err := w.pager.Page(ctx, p.ID)
		w.must(err)
		if len(ledger) == 0 && w.now.Sub(p.OpenedAt) > time.Minute {
			t.Fatalf("%s: page %s is %s and called nobody", w.now, p.ID, p.State)
		}
		if p.State == oncall.Answered && p.AckedAt.Before(p.OpenedAt) {
			t.Fatalf("%s: page %s was answered before it was opened", w.now, p.ID)
		}
	}
}

// atTheEnd recounts the whole month from the log.
func (w *world) atTheEnd(t *testing.T, days int) {
	t.Helper()
	ctx := t.Context()
	rep, err := w.log.Verify(ctx)
	if err != nil || !rep.Intact {
		t.Fatalf("log: %+v, %v", rep, err)
	}
	var records []event.Record
	for {
		page, err := w.log.Events(ctx, event.Query{After: int64(len(records))})
		w.must(err)
		if len(page) == 0 {
			break
		}
		records = append(records, page...)
	}
	names := map[string]int{}
	for _, r := range records {
		names[r.Name]++
	}
	for key, n := range w.handled {
		if n != 1 {
			t.Errorf("%s was handled %d times", key, n)
		}
	}
	if n, err := w.log.Parked(ctx); err != nil || n != 0 {
		t.Errorf("%d events parked, %v", n, err)
	}
	w.noPageLost(t)
	if days >= 30 && (names["slo.burning"] == 0 || names["oncall.acked"] == 0 || names["incident.resolved"] == 0) {
		t.Errorf("a quiet month proves nothing: %v", names)
	}
	incidents, err := w.desk.Incidents(ctx, incident.Query{Limit: 500})
	w.must(err)
	for _, i := range incidents {
		if i.Status != incident.Resolved {
			continue
		}
		r, cites, err := w.writer.Report(ctx, i.ID)
		if err != nil {
			t.Errorf("incident %d has no postmortem: %v", i.Number, err)
			continue
		}
		if n, cited := r.Count(); n == 0 || n != cited || len(cites) != len(r.Cites()) {
			t.Errorf("incident %d: %d sentences, %d cited, %d of %d records found", i.Number, n, cited, len(cites), len(r.Cites()))
		}
		if r.Status != postmortem.DraftStatus {
			t.Errorf("incident %d: report is %s", i.Number, r.Status)
		}
	}
	t.Logf("%d events: %v", len(records), names)
}

// noPageLost checks that each page-level alert called somebody, and that no
// device got a message twice.
func (w *world) noPageLost(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	alerts, err := w.inbox.Alerts(ctx, alert.Query{Severity: alert.Page, Limit: 500})
	w.must(err)
	for _, a := range alerts {
		fired, err := w.log.Events(ctx, event.Query{Subjects: []string{alert.Subject(a.ID)}, Names: []string{"alert.fired"}})
		w.must(err)
		opened, err := w.log.Events(ctx, event.Query{Names: []string{"oncall.page_opened", "oncall.alert_joined"}, Text: a.ID})
		w.must(err)
		if len(fired) != 1 || len(opened) != 1 {
			t.Errorf("alert %s: fired %d times, paged %d times", a.ID, len(fired), len(opened))
		}
	}
	pages, err := w.pager.Pages(ctx, oncall.PageQuery{Limit: 500})
	w.must(err)
	for _, p := range pages {
		_, ledger, err := w.pager.Page(ctx, p.ID)
		w.must(err)
		if len(ledger) == 0 && p.State != oncall.Unheard && w.now.Sub(p.OpenedAt) > time.Minute {
			t.Errorf("page %s (%s) called nobody", p.ID, p.State)
		}
		for _, d := range ledger {
			if n := w.phone.took[d.ID]; n > 1 || (d.State == oncall.Sent) != (n == 1) {
				t.Errorf("delivery %s is %s and was taken %d times", d.ID, d.State, n)
			}
		}
	}
}
