package oncalldb_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/oncall/hookout"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

func TestMessagesOfHooks(t *testing.T) {
	each(t, func(t *testing.T, _ *oncalldb.Store, log *bus.Log, db *store.DB) {
		h := oncalldb.NewHooks(db, log)
		ctx := t.Context()
		message := func(id, sub, ev, page string, seq int64) hookout.Message {
			return hookout.Message{
				ID: id, Subscription: sub, Event: ev, Seq: seq, Page: page, Service: "checkout", Type: hookout.Triggered, Body: []byte(`{"名":"x"}`),
				State: hookout.Waiting, CreatedAt: t0, DueAt: t0,
			}
		}
		due := func(sub string, now time.Time, n int) (out string) {
			t.Helper()
			all, err := h.Due(ctx, sub, now, n)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range all {
				out += m.ID + " "
			}
			return out
		}
		since, err := h.Since(ctx, []string{"a", "b"}, t0)
		if err != nil || !since["a"].Equal(t0) {
			t.Fatalf("got %v, %v", since, err)
		}
		first := message("m1", "a", "e1", "p", 1)
		if err := h.Put(ctx, []hookout.Message{first, message("m2", "a", "e2", "p", 2), message("m3", "a", "e3", "q", 3), message("m4", "b", "e1", "p", 1)}); err != nil {
			t.Fatal(err)
		}
		if err := h.Put(ctx, []hookout.Message{message("m9", "a", "e1", "p", 1)}); err != nil { // said again
			t.Fatal(err)
		}
		if got := due("a", t0, 9) + "|" + due("a", t0, 1) + "|" + due("a", t0.Add(-time.Second), 9) + "|" + due("b", t0, 9); got != "m1 m3 |m1 ||m4 " {
			t.Errorf("due: got %q", got)
		}
		all, err := h.Due(ctx, "a", t0, 1)
		if diff := cmp.Diff([]hookout.Message{first}, all); err != nil || diff != "" {
			t.Errorf("it comes back as it was: %v %s", err, diff)
		}
		settle := func(id string, o hookout.Outcome, now time.Time) {
			t.Helper()
			if err := h.Settle(ctx, id, func(m *hookout.Message) []event.Fact { return m.Settle(o, now) }); err != nil {
				t.Fatal(err)
			}
		}
		settle("m1", hookout.Outcome{Status: 500, Err: errs.New(errs.Unavailable, "answered 500")}, t0)
		if got := due("a", t0, 9) + "|" + due("a", t0.Add(5*time.Second), 9); got != "m3 |m3 m1 " {
			t.Errorf("after a refusal: got %q", got)
		}
		settle("m1", hookout.Outcome{Status: 410, Err: errs.New(errs.NotFound, "gone")}, t0.Add(time.Minute))
		settle("m3", hookout.Outcome{Status: 200}, t0)
		if got := due("a", t0, 9); got != "m2 " {
			t.Errorf("after giving up: got %q", got)
		}
		failed, err := log.Events(ctx, event.Query{Names: []string{"oncall.hook_failed"}})
		if err != nil || len(failed) != 1 || failed[0].Subject != "page/p" {
			t.Errorf("log: got %+v, %v", failed, err)
		}
		standing, err := h.Standing(ctx)
		if err != nil || len(standing) != 2 || standing[0].Waiting != 1 || standing[0].GivenUp != 1 || standing[0].Last.ID != "m1" || !standing[0].OldestAt.Equal(t0) || standing[1].Last != nil {
			t.Errorf("got %+v, %v", standing, err)
		}
		if err := h.Prune(ctx, t0.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := h.Settle(ctx, "m3", func(*hookout.Message) []event.Fact { return nil }); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a pruned message: got %v", err)
		}
		if since, err = h.Since(ctx, []string{"a", "c"}, t0.Add(time.Hour)); err != nil || !since["a"].Equal(t0) || !since["c"].Equal(t0.Add(time.Hour)) || len(since) != 2 {
			t.Errorf("got %v, %v", since, err)
		}
		if got := due("b", t0, 9); got != "" {
			t.Errorf("of a subscription that is gone: got %q", got)
		}
	})
}
