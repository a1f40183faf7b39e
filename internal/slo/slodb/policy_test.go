package slodb_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/correction"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
	"github.com/hinoban/hinoban/internal/slo/review"
	"github.com/hinoban/hinoban/internal/slo/slodb"
)

var at = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

// onEach runs fn with a store on each engine.
func onEach(t *testing.T, fn func(t *testing.T, s *slodb.Store, log *bus.Log)) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		log := bus.New(db, func() time.Time { return at }, id.New)
		fn(t, slodb.New(db, log), log)
	}, testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "slo", Files: slodb.Migrations})
}

func names(t *testing.T, log *bus.Log) (out []string) {
	t.Helper()
	records, err := log.Events(t.Context(), event.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		out = append(out, r.Name)
	}
	return out
}

func TestStoreKeepsStatesAndOverrides(t *testing.T) {
	onEach(t, func(t *testing.T, s *slodb.Store, log *bus.Log) {
		ctx := t.Context()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		fact := event.Fact{Event: policy.StateChanged{Service: "checkout", To: policy.Caution}, At: at, Service: "checkout", Subject: "gate/checkout"}
		check(s.SaveGate(ctx, "checkout", policy.Kept{State: policy.Caution, Since: at}, fact))
		check(s.SaveGate(ctx, "checkout", policy.Kept{State: policy.Restricted, Since: at.Add(time.Hour)}, fact))
		states, err := s.GateStates(ctx)
		check(err)
		if d := cmp.Diff(map[string]policy.Kept{"checkout": {State: policy.Restricted, Since: at.Add(time.Hour)}}, states); d != "" {
			t.Errorf("states: -want +got\n%s", d)
		}
		o := policy.Override{ID: "o1", Service: "checkout", Class: "*", Reason: "why", Approver: "aoi", Made: at, Expires: at.Add(time.Hour)}
		check(s.PutOverride(ctx, o, event.Fact{Event: policy.GateOverridden{Override: "o1"}, At: at, Subject: "gate/checkout"}))
		for _, tt := range []struct {
			service string
			after   time.Time
			want    int
		}{{"checkout", at, 1}, {"", at, 1}, {"search", at, 0}, {"checkout", at.Add(time.Hour), 0}} {
			got, err := s.Overrides(ctx, tt.service, tt.after)
			check(err)
			if len(got) != tt.want || (tt.want == 1 && got[0] != o) {
				t.Errorf("%+v: got %+v", tt, got)
			}
		}
		end := func() error {
			return s.EndOverride(ctx, "o1", at.Add(time.Minute), func(o policy.Override) []event.Fact {
				return []event.Fact{{Event: policy.OverrideRevoked{Override: o.ID, Service: o.Service}, At: at, Subject: "gate/checkout"}}
			})
		}
		check(end())
		if err := end(); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a second time: got %v", err)
		}
		if d := cmp.Diff([]string{"slo.budget_state_changed", "slo.budget_state_changed", "slo.gate_overridden", "slo.gate_override_revoked"}, names(t, log)); d != "" {
			t.Errorf("log: -want +got\n%s", d)
		}
	})
}

func TestStoreKeepsCorrections(t *testing.T) {
	onEach(t, func(t *testing.T, s *slodb.Store, log *bus.Log) {
		ctx, n := t.Context(), 0
		book := correction.NewBook(s, func() time.Time { return at }, func() string {
			n++
			return string(rune('a' - 1 + n))
		})
		o := slo.Objective{ID: "answers", Service: "checkout"}
		made, err := book.Make(ctx, o, period.Correction{Start: at.Add(-time.Hour), Duration: 7 * time.Minute, Zone: "Asia/Tokyo", Rule: "FREQ=DAILY", Category: period.LoadTest, Reason: " a test ", By: "aoi"}, "api")
		if err != nil {
			t.Fatal(err)
		}
		again := correction.NewBook(s, time.Now, id.New)
		if err := again.Load(ctx); err != nil {
			t.Fatal(err)
		}
		got := again.All(o)
		if len(got) != 1 || got[0].ID != made.ID || !got[0].Start.Equal(made.Start) || got[0].Rule != "FREQ=DAILY" || got[0].Reason != "a test" || got[0].Duration != 7*time.Minute {
			t.Errorf("after a restart: %+v", got)
		}
		before := book.Changes()
		in := book.For(o, at.Add(-2*time.Hour), at)
		want := []period.Interval{{Start: at.Truncate(time.Hour).Add(-time.Hour + 10*time.Minute), End: at.Truncate(time.Hour).Add(-time.Hour + 20*time.Minute)}}
		if d := cmp.Diff(want, in); d != "" {
			t.Errorf("edges on five minutes: -want +got\n%s", d)
		}
		if other := book.For(slo.Objective{ID: "other", Service: "checkout"}, at.Add(-2*time.Hour), at); len(other) != 0 {
			t.Errorf("another objective: %v", other)
		}
		if err := book.Remove(ctx, slo.Objective{ID: "other"}, made.ID, "ren", "", "api"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("removed by another objective: %v", err)
		}
		if err := book.Remove(ctx, o, made.ID, "ren", "wrong day", "api"); err != nil {
			t.Fatal(err)
		}
		if left := book.For(o, at.Add(-2*time.Hour), at); len(left) != 0 || book.Changes() == before {
			t.Errorf("after it was removed: %v, change %d", left, book.Changes())
		}
		if _, err := book.Make(ctx, o, period.Correction{Start: at, Duration: time.Minute, Zone: "UTC", Category: period.Other}, "api"); errs.KindOf(err) != errs.Invalid {
			t.Errorf("without a reason: %v", err)
		}
		if d := cmp.Diff([]string{"slo.corrected", "slo.correction_removed"}, names(t, log)); d != "" {
			t.Errorf("log: -want +got\n%s", d)
		}
		doc := period.Correction{ID: "doc", Services: []string{"checkout"}, Start: at, Duration: time.Hour, Zone: "UTC", Category: period.Maintenance, Reason: "x", Source: "a.yaml:1"}
		book.Replace([]period.Correction{doc})
		if err := book.Remove(ctx, o, "doc", "ren", "", "api"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a document's: %v", err)
		}
	})
}

func TestStoreKeepsReviewsAndWhatWasToldOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *slodb.Store, log *bus.Log) {
		ctx := t.Context()
		r := review.Record{ID: "r1", Service: "checkout", Due: at.Add(-time.Hour), Held: at, By: "aoi", Decision: "keep", Notes: "fine", Agenda: review.Agenda{Service: "checkout", At: at, Lines: []review.Line{{Objective: "answers", Target: "99.9"}}}}
		if err := s.PutReview(ctx, r, event.Fact{Event: review.Held{Review: "r1", Service: "checkout"}, At: at, Subject: "review/r1"}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Review(ctx, "r1")
		if d := cmp.Diff(r, got); err != nil || d != "" {
			t.Errorf("review: %v -want +got\n%s", err, d)
		}
		if _, err := s.Review(ctx, "nope"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("none: %v", err)
		}
		list, err := s.Reviews(ctx, "checkout", 10)
		if err != nil || len(list) != 1 || list[0].Decision != "keep" {
			t.Errorf("list: %+v, %v", list, err)
		}
		if list, err := s.Reviews(ctx, "search", 10); err != nil || len(list) != 0 {
			t.Errorf("of another service: %+v, %v", list, err)
		}
		last, err := s.LastReviews(ctx)
		if err != nil || !last["checkout"].Equal(at) {
			t.Errorf("last: %v, %v", last, err)
		}
		for range 2 {
			if err := s.Overspent(ctx, "incident/1", "answers", at, event.Fact{Event: ledger.Overspent{Incident: "incident/1"}, At: at, Subject: "slo/answers"}); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff([]string{"slo.review_held", "slo.overspent"}, names(t, log)); d != "" {
			t.Errorf("log: -want +got\n%s", d)
		}
	})
}
