package postmortemdb_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/postmortem"
	"github.com/hinoban/hinoban/internal/postmortem/postmortemdb"
)

var t0 = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func each(t *testing.T, fn func(t *testing.T, s *postmortemdb.Store, log *bus.Log)) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		n := 0
		log := bus.New(db, func() time.Time { return t0 }, func() string { n++; return fmt.Sprintf("ev%06d", n) })
		fn(t, postmortemdb.New(db, log), log)
	}, testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "postmortem", Files: postmortemdb.Migrations})
}

func report(n int) *postmortem.Report {
	return &postmortem.Report{
		ID: fmt.Sprintf("r%d", n), Incident: fmt.Sprintf("i%d", n), Number: n, Service: "payment", Title: "ポストモーテム", Lang: "ja", Status: postmortem.DraftStatus, DraftedAt: t0,
		Sections: []postmortem.Section{{Key: postmortem.Summary, Sentences: []postmortem.Sentence{{Text: "壊れた。", Kind: postmortem.Fact, Cites: []postmortem.Cite{{Seq: 1, ID: "e1"}}}}}},
	}
}

func facts(r *postmortem.Report) []event.Fact {
	return []event.Fact{{Event: postmortem.Drafted{Report: r.ID}, At: t0, Subject: postmortem.Subject(r.ID)}}
}

func put(t *testing.T, s *postmortemdb.Store, n int) {
	t.Helper()
	_, err := s.Put(t.Context(), fmt.Sprintf("i%d", n), func(*postmortem.Report) (*postmortem.Report, []event.Fact) { r := report(n); return r, facts(r) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestPutKeepsOneReportOfAnIncident(t *testing.T) {
	each(t, func(t *testing.T, s *postmortemdb.Store, log *bus.Log) {
		ctx := t.Context()
		put(t, s, 1)
		for _, key := range []string{"r1", "i1", "1"} {
			got, err := s.Report(ctx, key)
			if d := cmp.Diff(*report(1), got); err != nil || d != "" {
				t.Errorf("by %q: %v %s", key, err, d)
			}
		}
		for _, key := range []string{"r2", "2", "-1", "", "99999999999999999999"} {
			if _, err := s.Report(ctx, key); errs.KindOf(err) != errs.NotFound {
				t.Errorf("by %q: got %v, want not found", key, err)
			}
		}
		got, err := s.Put(ctx, "i1", func(have *postmortem.Report) (*postmortem.Report, []event.Fact) {
			if have == nil || have.ID != "r1" {
				t.Errorf("got %v, want r1", have)
			}
			return nil, nil
		})
		if err != nil || got.ID != "r1" {
			t.Errorf("left alone: got %q, %v", got.ID, err)
		}
		got, err = s.Put(ctx, "i1", func(have *postmortem.Report) (*postmortem.Report, []event.Fact) {
			have.Lang = "en"
			return have, facts(have)
		})
		if err != nil || got.Lang != "en" {
			t.Errorf("written again: got %q, %v", got.Lang, err)
		}
		if records, err := log.Events(ctx, event.Query{}); err != nil || len(records) != 2 {
			t.Errorf("log: got %d records, %v; want 2", len(records), err)
		}
	})
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, s *postmortemdb.Store, log *bus.Log) {
		ctx := t.Context()
		put(t, s, 1)
		broken := errors.New("broken")
		if _, err := s.Update(ctx, "1", func(r *postmortem.Report) ([]event.Fact, error) { r.Approver = "ren"; return facts(r), broken }); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if r, err := s.Report(ctx, "r1"); err != nil || r.Approver != "" {
			t.Errorf("after a failure: approver %q, %v", r.Approver, err)
		}
		if _, err := s.Update(ctx, "i1", func(r *postmortem.Report) ([]event.Fact, error) { return r.Publish("ren", nil, t0) }); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Report(ctx, "r1"); err != nil || r.Approver != "ren" || r.Status != postmortem.PublishedStatus {
			t.Errorf("got %+v, %v", r, err)
		}
		if _, err := s.Update(ctx, "r9", func(*postmortem.Report) ([]event.Fact, error) { return nil, nil }); errs.KindOf(err) != errs.NotFound {
			t.Errorf("got %v, want not found", err)
		}
		if records, err := log.Events(ctx, event.Query{Names: []string{"postmortem.published"}}); err != nil || len(records) != 1 {
			t.Errorf("log: got %d records, %v; want 1", len(records), err)
		}
	})
}

func TestReportsPage(t *testing.T) {
	each(t, func(t *testing.T, s *postmortemdb.Store, _ *bus.Log) {
		for n := 1; n <= 4; n++ {
			put(t, s, n)
		}
		for _, c := range []struct {
			q    postmortem.Query
			want []int
		}{
			{postmortem.Query{Limit: 10}, []int{4, 3, 2, 1}},
			{postmortem.Query{Limit: 2}, []int{4, 3}},
			{postmortem.Query{Limit: 2, Before: 3}, []int{2, 1}},
			{postmortem.Query{Limit: 2, Before: 1}, nil},
		} {
			list, err := s.Reports(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, r := range list {
				got = append(got, r.Number)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%+v: %s", c.q, d)
			}
		}
	})
}
