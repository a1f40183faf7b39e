package oncall_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

func (h *house) fire(service string) {
	h.t.Helper()
	_, err := h.inbox.Take(h.t.Context(), alert.Signal{ID: id.New(), Firing: true, Source: "slo", Service: service, Rule: "r", Severity: alert.Page, Summary: service + " is down", At: time.Now()})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) count(name string) (n int) {
	h.t.Helper()
	rs, err := h.log.Events(h.t.Context(), event.Query{Names: []string{name}, Limit: 500})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(rs)
}

// one is a rota with one member, whose document says so.
func one(member string) oncall.Rota {
	r := always("first", member)
	r.Spec = oncall.RotaSpec{TimeZone: "UTC", Rotations: []oncall.RotationSpec{{Name: "all", EveryMember: true, Members: []string{member}}}}
	return r
}

func TestAnEditDoesNotChangeThePast(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		who := func(at time.Time) string {
			t.Helper()
			now, err := h.pager.OnCallAt(t.Context(), at)
			if err != nil || len(now) != 1 {
				t.Fatalf("got %v (%v)", now, err)
			}
			return strings.Join(now[0].People(), "+")
		}
		h.replace(&oncall.Plan{Rotas: []oncall.Rota{one("aoi")}})
		begin := time.Now()
		h.sleep(time.Hour)
		h.replace(&oncall.Plan{Rotas: []oncall.Rota{one("ren")}})
		edited := time.Now()
		h.sleep(time.Hour)
		h.replace(&oncall.Plan{Rotas: []oncall.Rota{one("ren")}}) // the same again
		for at, want := range map[time.Time]string{begin: "aoi", edited.Add(-1): "aoi", edited: "ren", time.Now(): "ren", edited.AddDate(-1, 0, 0): "aoi"} {
			if got := who(at); got != want {
				t.Errorf("at %s: got %s, want %s", at, got, want)
			}
		}
		turns, _, err := h.pager.Turns(t.Context(), begin, time.Now())
		if err != nil || len(turns["first"]) != 2 || !turns["first"][0].End.Equal(edited) {
			t.Errorf("got %+v (%v), want aoi's turn and then ren's", turns, err)
		}
	})
}

func TestAStormIsSaidTogetherAndAnsweredAtOnce(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(&oncall.Plan{Policies: []oncall.Policy{{ID: "all", Default: true, Steps: []oncall.Step{{People: []string{"ren"}, Wait: time.Hour}}}}})
		for i := range 30 {
			h.fire(fmt.Sprint("svc", i))
		}
		h.run(0)
		if got := h.phone.take(); got != "0s page ren1, 0s page ren1" || !strings.HasPrefix(h.phone.last.Title, "29 services") {
			t.Fatalf("at once: %s, the last %q; want the first page alone, and all the others in one", got, h.phone.last.Title)
		}
		h.fire("late1")
		h.fire("late2")
		h.run(time.Second)
		h.fire("late3")
		h.run(time.Second)
		h.fire("late4")
		h.run(time.Second)
		h.fire("late5")
		h.run(2 * time.Minute)
		h.expect("from the fifth message within a minute", "0s page ren1, 1s page ren1, 21s page ren1")
		ds, err := h.pager.Deliveries(t.Context(), oncall.LedgerQuery{Person: "ren", Limit: 100})
		bundled, carrier := 0, ""
		for _, d := range ds {
			if !d.State.Taken() {
				t.Errorf("%s is %s", d.ID, d.State)
			}
			if d.State == oncall.Bundled {
				bundled++
				carrier = d.Bundle
			}
		}
		if err != nil || len(ds) != 35 || bundled < 20 {
			t.Fatalf("%d deliveries, %d bundled (%v)", len(ds), bundled, err)
		}
		inBundle, err := h.kept.Bundle(t.Context(), carrier)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.pager.Answered(t.Context(), notify.Answer{Channel: "phone", Action: notify.Ack, Token: h.pager.Token(carrier)}); err != nil {
			t.Fatal(err)
		}
		if n := h.count("oncall.acked"); n != len(inBundle)+1 {
			t.Errorf("one answer answered %d pages, want %d", n, len(inBundle)+1)
		}
	})
}

func TestAnswersByToken(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.fire("checkout")
		h.run(time.Second)
		token := h.phone.last.Actions[0].Token
		answer := func(a notify.Answer) string {
			t.Helper()
			a.Channel = "phone"
			said, err := h.pager.Answered(t.Context(), a)
			if err != nil {
				return fmt.Sprint("kind ", errs.KindOf(err))
			}
			return said
		}
		if got := answer(notify.Answer{Action: notify.Ack, Token: token + "x"}); got != fmt.Sprint("kind ", errs.Denied) {
			t.Errorf("a made-up token: %s", got)
		}
		if got := answer(notify.Answer{Action: "shout", Token: token}); got != fmt.Sprint("kind ", errs.Invalid) {
			t.Errorf("an unknown action: %s", got)
		}
		if got := answer(notify.Answer{Action: notify.Ack, Address: "nobody"}); got != fmt.Sprint("kind ", errs.NotFound) {
			t.Errorf("an address that got nothing: %s", got)
		}
		h.phone.take()
		for range 2 { // a second tap skips nobody
			if got := answer(notify.Answer{Action: notify.Decline, Token: token}); !strings.Contains(got, "checkout") {
				t.Errorf("declined: %s", got)
			}
		}
		h.run(time.Second)
		h.expect("after two taps", "1s page ren1")
		if got := answer(notify.Answer{Action: notify.Ack, Address: "ren1"}); !strings.Contains(got, "checkout") {
			t.Errorf("by number: %s", got)
		}
		if p := h.page(); p.AckedBy != "ren" {
			t.Errorf("the page is with %q, want ren", p.AckedBy)
		}
		h.sleep(oncall.AnswerLasts + time.Hour)
		if got := answer(notify.Answer{Action: notify.Ack, Token: token}); got != fmt.Sprint("kind ", errs.Denied) {
			t.Errorf("an old token: %s", got)
		}
	})
}

// A sender took a message and ended without a word. The provider is asked first.
func TestAMessageInDoubtIsAskedFor(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(&oncall.Plan{Policies: []oncall.Policy{{ID: "all", Default: true, Steps: []oncall.Step{{People: []string{"ren"}, Wait: time.Hour}}}}})
		h.fire("checkout")
		h.hear()
		taken, err := h.kept.Claim(t.Context(), time.Now(), time.Now().Add(20*time.Second), 9)
		if err != nil || len(taken) != 1 {
			t.Fatalf("got %v (%v), want one", taken, err)
		}
		h.phone.has = taken[0].ID
		h.run(time.Minute)
		h.expect("what the provider has", "")
		d, attempts, err := h.pager.Delivery(t.Context(), taken[0].ID)
		if err != nil || d.State != oncall.Sent || d.Receipt != "found" || len(attempts) != 1 {
			t.Errorf("got %+v, %v (%v), want it sent", d, attempts, err)
		}
		// A late word that puts off what another has in hand changes nothing either.
		h.fire("search")
		h.hear()
		first, err := h.kept.Claim(t.Context(), time.Now(), time.Now().Add(time.Second), 9)
		if err != nil || len(first) != 1 {
			t.Fatalf("got %v (%v), want one", first, err)
		}
		h.sleep(2 * time.Second)
		second, err := h.kept.Claim(t.Context(), time.Now(), time.Now().Add(time.Minute), 9)
		if err != nil || len(second) != 1 || !second[0].Doubt || second[0].Fence != first[0].Fence+1 {
			t.Fatalf("got %+v (%v), want the same in doubt", second, err)
		}
		putOff := oncall.Settlement{Delivery: first[0].ID, Fence: first[0].Fence, Do: func(d *oncall.Delivery) []event.Fact {
			d.DueAt, d.Lease = time.Now().Add(time.Hour), time.Time{}
			return nil
		}}
		if err := h.kept.Settle(t.Context(), putOff); err != nil {
			t.Fatal(err)
		}
		if d, _, err := h.pager.Delivery(t.Context(), first[0].ID); err != nil || !d.DueAt.Equal(first[0].DueAt) || d.Lease.IsZero() {
			t.Errorf("a late word put off what another has in hand: %+v (%v)", d, err)
		}
		// The first sender comes back, too late: its word changes nothing.
		late := oncall.Settlement{Delivery: d.ID, Fence: taken[0].Fence, Attempt: oncall.Attempt{At: time.Now(), Error: "timeout"}, Do: func(d *oncall.Delivery) []event.Fact {
			d.State = oncall.Pending
			return nil
		}}
		if err := h.kept.Settle(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		if d, attempts, err := h.pager.Delivery(t.Context(), d.ID); err != nil || d.State != oncall.Sent || len(attempts) != 2 || !attempts[1].Late {
			t.Errorf("after the late word: %+v, %+v (%v)", d, attempts, err)
		}
	})
}

func TestShadowsGraduate(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		a, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Shadow, Rota: "first", Person: "ren", Mode: rota.Notify, After: 2, Start: time.Now(), End: time.Now().Add(24 * time.Hour), By: "aoi"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			h.signal("r", true, alert.Page)
			h.run(time.Second)
			h.signal("r", false, alert.Page)
			h.run(time.Second)
			if err := h.pager.Tend(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := h.count("oncall.shadow_graduated"); n != i {
				t.Errorf("after %d pages: graduated %d times", i+1, n)
			}
		}
		if err := h.pager.EndAdjustment(t.Context(), a.ID, "aoi"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("ended again: %v, want Conflict", err)
		}
	})
}

func TestSwapsAreTakenOnce(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		a, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Swap, Rota: "first", Of: "aoi", Start: time.Now(), End: time.Now().Add(time.Hour), By: "aoi"})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			by   string
			kind errs.Kind
			who  string
		}{{"aoi", errs.Invalid, "aoi"}, {"nobody", errs.Invalid, "aoi"}, {"ren", 0, "ren"}, {"ren", 0, "ren"}} {
			if err := h.pager.TakeSwap(t.Context(), a.ID, tt.by); (err == nil) != (tt.kind == 0) || (err != nil && errs.KindOf(err) != tt.kind) {
				t.Errorf("%s takes it: %v", tt.by, err)
			}
			if on, err := h.pager.Who("first"); err != nil || len(on) != 1 || on[0].Person != tt.who {
				t.Errorf("after %s: got %v (%v), want %s", tt.by, on, err, tt.who)
			}
		}
	})
}

func TestAdjustmentsThatMakeNoSense(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		now := time.Now()
		for _, a := range []oncall.Adjustment{
			{Kind: rota.Override, Rota: "nowhere", Person: "ren"},
			{Kind: rota.Override, Rota: "first"},
			{Kind: rota.Override, Rota: "first", Person: "nobody"},
			{Kind: rota.Swap, Rota: "first"},
			{Kind: rota.Temporary, Rota: "first"},
			{Kind: rota.Temporary, Rota: "first", Shifts: []rota.StaticShift{{Person: "ren", Start: now.Add(-time.Hour), End: now}}},
			{Kind: rota.Absence},
			{Kind: rota.Shadow, Rota: "first", Person: "ren"},
			{Kind: rota.Shadow, Person: "ren", Of: "ren", Mode: rota.Silent},
			{Kind: "party", Rota: "first", Person: "ren"},
			{Kind: rota.Override, Rota: "first", Person: "ren", Start: now.Add(2 * time.Hour)},
		} {
			if a.Start.IsZero() {
				a.Start = now
			}
			a.End = now.Add(time.Hour)
			if _, err := h.pager.Adjust(t.Context(), a); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%+v: got %v, want Invalid", a, err)
			}
		}
	})
}

func TestCanariesComeByTheHour(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(&oncall.Plan{Canaries: []oncall.Canary{{ID: "c", Every: time.Hour, Devices: []catalog.Device{{ID: "c", Channel: "phone", Address: "canary"}, {ID: "c", Channel: "gone", Address: "x"}}}}})
		for range 3 * 60 {
			if err := h.pager.SendCanaries(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.run(0)
			h.sleep(time.Minute)
		}
		h.expect("three hours", "0s canary canary, 1h0m0s canary canary, 2h0m0s canary canary")
		got, err := h.pager.Health(t.Context())
		if err != nil || len(got.Month) != 2 || got.Month[0].Channel != "gone" || got.Month[0].Failed != 3 || got.Month[1].InTime != 3 || got.Good != 3 || got.Total != 6 {
			t.Errorf("got %+v (%v), want three of six in time", got, err)
		}
	})
}

func TestCalendars(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		url, err := h.pager.FeedURL(t.Context(), "person", "aoi")
		if err != nil {
			t.Fatal(err)
		}
		token := strings.TrimSuffix(url[strings.LastIndexByte(url, '/')+1:], ".ics")
		if _, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Override, Rota: "first", Person: "aoi", Of: rota.Everybody, Start: time.Now().Add(time.Hour), End: time.Now().Add(2 * time.Hour), By: "ren"}); err != nil {
			t.Fatal(err)
		}
		f, err := h.pager.Feed(t.Context(), token)
		if err != nil || len(f.Events) == 0 || f.Events[0].Summary != "first" {
			t.Errorf("got %+v (%v), want aoi's shifts", f, err)
		}
		if _, err := h.pager.Feed(t.Context(), token+"x"); errs.KindOf(err) != errs.Denied {
			t.Errorf("a wrong address: %v", err)
		}
		if err := h.pager.RevokeFeed(t.Context(), "person", "aoi"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.pager.Feed(t.Context(), token); errs.KindOf(err) != errs.Denied {
			t.Errorf("a revoked address: %v", err)
		}
		if again, err := h.pager.FeedURL(t.Context(), "person", "aoi"); err != nil || again == url {
			t.Errorf("the new address is %s (%v)", again, err)
		}
	})
}

func TestReportsGoForward(t *testing.T) {
	for _, tt := range []struct {
		from, want oncall.DeliveryState
		say        []notify.ReportState
		fence      int // a sender has had it in hand
	}{
		{oncall.Sent, oncall.Read, []notify.ReportState{notify.Read, notify.Delivered, notify.Accepted, notify.Delivered}, 0},
		{oncall.Sent, oncall.Arrived, []notify.ReportState{notify.Delivered, notify.Undelivered}, 0},
		{oncall.Sent, oncall.Failed, []notify.ReportState{notify.Undelivered, notify.Delivered}, 0},
		{oncall.Cancelled, oncall.Cancelled, []notify.ReportState{notify.Delivered}, 0},
		{oncall.Cancelled, oncall.Arrived, []notify.ReportState{notify.Delivered, notify.Accepted}, 1},
		{oncall.Pending, oncall.Pending, []notify.ReportState{notify.Delivered}, 0},
		{oncall.Pending, oncall.Arrived, []notify.ReportState{notify.Delivered, notify.Accepted}, 1},
		{oncall.Pending, oncall.Sent, []notify.ReportState{notify.Accepted, notify.Accepted}, 1},
		{oncall.Pending, oncall.Failed, []notify.ReportState{notify.Accepted, notify.Undelivered}, 1},
	} {
		d := oncall.Delivery{State: tt.from, Fence: tt.fence}
		for _, s := range tt.say {
			d.Report(notify.Report{State: s, Cost: "0.0079 USD"}, time.Unix(1, 0))
		}
		if d.State != tt.want || d.Cost == "" {
			t.Errorf("%s, then %v: got %s, want %s", tt.from, tt.say, d.State, tt.want)
		}
	}
}
