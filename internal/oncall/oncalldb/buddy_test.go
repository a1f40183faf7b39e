package oncalldb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/notify/webpush"
	"github.com/hinoban/hinoban/internal/platform/store"
)

func TestAPageOfAnotherHostIsAdoptedOnce(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		ctx := t.Context()
		page := oncall.Page{ID: "p", Service: "checkout", State: oncall.Calling, Step: 1, StepAt: t0.Add(time.Hour), OpenedAt: t0, Alerts: []string{"a"}}
		ledger := []oncall.Delivery{
			{ID: "d1", Page: "p", Kind: oncall.KindPage, Person: "aoi", Device: "w", Channel: "webhook", Address: "http://x", State: oncall.Sent, MadeAt: t0, DueAt: t0, SentAt: t0},
			{ID: "d2", Page: "p", Kind: oncall.KindPage, Person: "ren", Device: "w", Channel: "webhook", Address: "http://y", State: oncall.Pending, MadeAt: t0, DueAt: t0},
		}
		for range 2 {
			if again, err := s.AdoptPage(ctx, page, ledger, oncall.Policy{}, t0); err != nil || len(again) != 0 {
				t.Fatalf("got %v, %v", again, err)
			}
		}
		if got := states(t, s, "p"); got != "d1 sent ×0;d2 pending ×0;" {
			t.Errorf("got %s", got)
		}
		// What went out here meanwhile is not taken back.
		ledger[0].State = oncall.Pending
		page.Step = 2
		if _, err := s.AdoptPage(ctx, page, ledger, oncall.Policy{}, t0); err != nil {
			t.Fatal(err)
		}
		if got := states(t, s, "p"); got != "d1 sent ×0;d2 pending ×0;" {
			t.Errorf("got %s", got)
		}
		if err := s.RenameAlert(ctx, "checkout", "a", "b"); err != nil {
			t.Fatal(err)
		}
		// An answer cancels what is not sent.
		page.State, page.AckedBy, page.AckedAt = oncall.Answered, "aoi", t0
		if _, err := s.AdoptPage(ctx, page, nil, oncall.Policy{}, t0); err != nil {
			t.Fatal(err)
		}
		p, _, err := s.Page(ctx, "p")
		if got := states(t, s, "p"); err != nil || got != "d1 sent ×0;d2 cancelled ×0;" || p.AckedBy != "aoi" || fmt.Sprint(p.Alerts) != "[a b]" {
			t.Errorf("got %s, %+v, %v", got, p, err)
		}
	})
}

func TestWhatIsHandedBackIsOverHereAndForgottenLater(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		ctx := t.Context()
		page := oncall.Page{ID: "p", Service: "checkout", State: oncall.Calling, StepAt: t0, OpenedAt: t0, Alerts: []string{"a"}}
		ledger := []oncall.Delivery{{ID: "d1", Page: "p", Kind: oncall.KindResolved, Person: "aoi", Device: "w", Channel: "webhook", State: oncall.Pending, MadeAt: t0, DueAt: t0}}
		if _, err := s.AdoptPage(ctx, page, ledger, oncall.Policy{}, t0); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.HandOn(ctx, []string{"p"}, []string{"a"}, t0.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		pages, err := s.Handed(ctx, oncalldb.HandedPage)
		if got := states(t, s, "p"); err != nil || got != "d1 cancelled ×0;" || !pages["p"] {
			t.Errorf("got %s, %v, %v", got, pages, err)
		}
		if due, err := s.DuePages(ctx, t0.Add(time.Hour)); err != nil || len(due) != 0 {
			t.Errorf("due: %v, %v", due, err)
		}
		if err := s.ForgetHanded(ctx); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Page(ctx, "p"); err == nil {
			t.Error("the page is there still")
		}
		if alerts, err := s.Handed(ctx, oncalldb.HandedAlert); err != nil || len(alerts) != 0 {
			t.Errorf("got %v, %v", alerts, err)
		}
	})
}

func TestAPlansPartsReplaceWhatWasThere(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, db *store.DB) {
		ctx, subs := t.Context(), oncalldb.NewSubscriptions(db)
		for _, n := range []string{"1", "2"} {
			if err := s.ReplaceAdjustments(ctx, []oncall.Adjustment{{ID: n, Kind: "override", Person: "aoi", Start: t0, End: t0.Add(time.Hour), Created: t0}}); err != nil {
				t.Fatal(err)
			}
			if err := subs.Replace(ctx, []oncalldb.Subscriber{{Person: "aoi", Subscription: webpush.Subscription{Endpoint: "https://push.example/" + n, P256DH: []byte{4}, Auth: []byte{1}}, At: t0}}); err != nil {
				t.Fatal(err)
			}
			if err := s.PutBuddyDoc(ctx, "plan", n); err != nil {
				t.Fatal(err)
			}
		}
		all, err := s.Adjustments(ctx, t0, t0.Add(time.Hour))
		if err != nil || len(all) != 1 || all[0].ID != "2" {
			t.Errorf("adjustments: %+v, %v", all, err)
		}
		have, err := subs.All(ctx)
		if err != nil || len(have) != 1 || have[0].Endpoint != "https://push.example/2" {
			t.Errorf("subscriptions: %+v, %v", have, err)
		}
		if doc, err := s.BuddyDoc(ctx, "plan"); err != nil || doc != "2" {
			t.Errorf("doc: %q, %v", doc, err)
		}
	})
}
