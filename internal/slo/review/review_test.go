package review

import (
	"context"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func TestTest(t *testing.T) {
	a := func(left float64) Attained { return Attained{Known: true, Remaining: left, Met: left >= 0} }
	none := Attained{}
	tests := []struct {
		periods []Attained
		want    Fit
	}{
		{[]Attained{a(0.9), a(0.5), a(1), a(0.7)}, TooLoose},
		{[]Attained{a(0.9), a(0.49), a(1), a(0.7)}, Suits},
		{[]Attained{a(0.9), a(0.9), a(0.9)}, Suits},
		{[]Attained{a(0.9), none, a(1), a(0.7)}, Suits},
		{[]Attained{a(-0.1), a(0.9), a(-1), a(0.7)}, TooTight},
		{[]Attained{a(-0.1), none, none, a(-1)}, TooTight},
		{[]Attained{a(-0.1), a(0), a(0.2), a(0.7)}, Suits},
		{[]Attained{a(0.9), a(0.9), a(0.9), a(0.9), a(-1), a(-1)}, TooLoose},
		{nil, Suits},
	}
	for i, tt := range tests {
		if got := Test(tt.periods); got != tt.want {
			t.Errorf("case %d: got %q, want %q", i, got, tt.want)
		}
	}
}

func monthly() *period.Cycle {
	return &period.Cycle{Start: time.Date(2026, 1, 5, 1, 0, 0, 0, time.UTC), Rule: "FREQ=MONTHLY;BYDAY=1MO", Zone: "Asia/Tokyo"}
}

func TestStand(t *testing.T) {
	due := time.Date(2026, 11, 2, 1, 0, 0, 0, time.UTC) // 10:00 in Tokyo
	tests := []struct {
		last, now time.Time
		want      Status
	}{
		{time.Time{}, due, Due},
		{time.Time{}, due.Add(7 * 24 * time.Hour), Due},
		{time.Time{}, due.Add(8 * 24 * time.Hour), Overdue},
		{due, t0, Done},
		{due.Add(-time.Second), t0, Overdue},
		{due.Add(-time.Hour), due.Add(-time.Second), Done},
	}
	for i, tt := range tests {
		if got := Stand(monthly(), tt.last, tt.now); got.Status != tt.want {
			t.Errorf("case %d: got %+v, want %s", i, got, tt.want)
		}
	}
	if got := Stand(monthly(), due, t0); !got.Due.Equal(due) || !got.Next.Equal(time.Date(2026, 12, 7, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v", got)
	}
	if got := Stand(nil, due, t0); got.Status != NoCycle {
		t.Errorf("without a cycle: %+v", got)
	}
}

type world struct{ put []Record }

func (w *world) PolicyFor(context.Context, string) (policy.Policy, error) {
	p := policy.Builtin()
	p.Review = monthly()
	return p, nil
}

func (w *world) Ledger(_ context.Context, o slo.Objective, from, to time.Time) (ledger.Ledger, error) {
	if o.ID == "broken" {
		return ledger.Ledger{}, errs.New(errs.Unavailable, "connection refused")
	}
	return ledger.Close(o, from, to, time.Hour, []ledger.Slot{{Start: from, End: to, Bad: 3, Total: 10_000, Known: true}}, nil), nil
}

func (w *world) Events(context.Context, event.Query) ([]event.Record, error) { return nil, nil }

func (w *world) PutReview(_ context.Context, r Record, _ ...event.Fact) error {
	w.put = append(w.put, r)
	return nil
}
func (w *world) Reviews(context.Context, string, int) ([]Record, error) { return w.put, nil }
func (w *world) Review(context.Context, string) (Record, error)         { return w.put[0], nil }
func (w *world) LastReviews(context.Context) (map[string]time.Time, error) {
	return map[string]time.Time{"search": t0}, nil
}

func desk(t *testing.T, w *world) *Desk {
	t.Helper()
	target, err := slo.ParseTarget("99.9", true)
	if err != nil {
		t.Fatal(err)
	}
	o := func(id, service string) slo.Objective {
		return slo.Objective{ID: id, Name: id, Service: service, Target: target, Window: 30 * 24 * time.Hour}
	}
	all := []slo.Objective{o("answers", "checkout"), o("broken", "checkout"), o("finds", "search")}
	return &Desk{Gate: w, Ledgers: w, Events: w, Store: w, Objectives: func() []slo.Objective { return all }, Now: func() time.Time { return t0 }, NewID: func() string { return "r1" }}
}

func TestDesk(t *testing.T) {
	w := &world{}
	d, ctx := desk(t, w), t.Context()
	all, err := d.Standings(ctx)
	if err != nil || len(all) != 2 || all[0].Service != "checkout" || all[0].Status != Overdue || all[1].Status != Done {
		t.Fatalf("standings: %+v, %v", all, err)
	}
	r, err := d.Hold(ctx, "checkout", "tighten", " 99.95 from December ", "aoi", "web")
	if err != nil || r.Notes != "99.95 from December" || r.By != "aoi" || r.Due.IsZero() || len(r.Agenda.Lines) != 2 {
		t.Fatalf("held: %+v, %v", r, err)
	}
	l := r.Agenda.Lines[0]
	if len(l.Periods) != 4 || l.Fit != TooLoose || l.Periods[0].Remaining < 0.69 || len(l.Spend) != 1 || r.Agenda.Lines[1].Problem == "" {
		t.Errorf("agenda: %+v", r.Agenda.Lines)
	}
	if _, err := d.Hold(ctx, "checkout", "dance", "", "aoi", "web"); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a decision that is none: %v", err)
	}
	if _, err := d.Hold(ctx, "nope", "keep", "", "aoi", "web"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("nothing to review: %v", err)
	}
	p, name, err := ParsePeriod("", "Asia/Tokyo", t0)
	if err != nil || name != "2026-11" {
		t.Fatal(name, err)
	}
	rep, err := d.Report(ctx, name, p, "Asia/Tokyo", "")
	if err != nil || len(rep.Rows) != 3 || rep.Rows[0].Attained < 0.9996 || rep.Rows[0].TopCause != "unexplained" || rep.Rows[1].Problem == "" || !rep.Rows[0].Period.End.Equal(t0) {
		t.Errorf("report: %+v, %v", rep, err)
	}
}

func TestParsePeriod(t *testing.T) {
	for _, tt := range []struct{ text, from, to string }{
		{"2026", "2025-12-31T15:00", "2026-12-31T15:00"},
		{"2026-Q4", "2026-09-30T15:00", "2026-12-31T15:00"},
		{"2026-02", "2026-01-31T15:00", "2026-02-28T15:00"},
		{"2026-W01", "2025-12-28T15:00", "2026-01-04T15:00"},
		{"2026-W53", "2026-12-27T15:00", "2027-01-03T15:00"},
		{"2026-13", "", ""},
		{"2026-W54", "", ""},
		{"2025-W53", "", ""},
		{"2026-Q5", "", ""},
		{"soon", "", ""},
		{"2026-00", "", ""},
		{"2026-W00", "", ""},
		{"0001", "", ""},
	} {
		p, _, err := ParsePeriod(tt.text, "Asia/Tokyo", t0)
		const form = "2006-01-02T15:04"
		if (err != nil) != (tt.from == "") || (err == nil && (p.Start.UTC().Format(form) != tt.from || p.End.UTC().Format(form) != tt.to)) {
			t.Errorf("%s: got %s to %s, %v", tt.text, p.Start.UTC(), p.End.UTC(), err)
		}
	}
	if _, _, err := ParsePeriod("2026", "Tokyo", t0); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a zone that is none: %v", err)
	}
}

func TestPeriodsOfACalendar(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	o := slo.Objective{Calendar: &period.Calendar{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, tokyo), Every: 1, Unit: "M", Zone: "Asia/Tokyo"}}
	got := Periods(o, t0, 2)
	if len(got) != 2 || got[0].Start.Format("01-02") != "10-01" || got[1].Start.Format("01-02") != "09-01" {
		t.Errorf("got %+v", got)
	}
}
