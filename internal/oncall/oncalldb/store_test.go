package oncalldb_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func each(t *testing.T, fn func(t *testing.T, s *oncalldb.Store, log *bus.Log, db *store.DB)) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		log := bus.New(db, func() time.Time { return t0 }, id.New)
		fn(t, oncalldb.New(db, log), log, db)
	}, testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "oncall", Files: oncalldb.Migrations})
}

func open(t *testing.T, s *oncalldb.Store, id, service string) {
	t.Helper()
	err := s.OpenPage(t.Context(), service, func(p *oncall.Page) (*oncall.Page, []oncall.Delivery, []event.Fact) {
		if p != nil {
			t.Fatalf("page %s is open already", p.ID)
		}
		return &oncall.Page{ID: id, Service: service, Policy: "shop", Alerts: []string{"a"}, State: oncall.Calling, StepAt: t0, OpenedAt: t0}, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, s *oncalldb.Store, page string, ids ...string) {
	t.Helper()
	update(t, s, page, func(*oncall.Page) []oncall.Delivery {
		var ds []oncall.Delivery
		for _, d := range ids {
			ds = append(ds, oncall.Delivery{ID: d, Page: page, Kind: "page", Person: "aoi", Device: "d1", Channel: "inbox", Address: "aoi", State: oncall.Pending, MadeAt: t0, DueAt: t0})
		}
		return ds
	})
}

func update(t *testing.T, s *oncalldb.Store, page string, fn func(*oncall.Page) []oncall.Delivery) {
	t.Helper()
	_, err := s.UpdatePage(t.Context(), page, func(p *oncall.Page, _ []oncall.Delivery) ([]oncall.Delivery, []event.Fact, error) {
		return fn(p), nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func states(t *testing.T, s *oncalldb.Store, page string) string {
	t.Helper()
	_, ds, err := s.Page(t.Context(), page)
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, d := range ds {
		out += fmt.Sprintf("%s %s ×%d;", d.ID, d.State, d.Attempts)
	}
	return out
}

func TestOnePageOfAServiceIsOpen(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				err := s.OpenPage(t.Context(), "checkout", func(p *oncall.Page) (*oncall.Page, []oncall.Delivery, []event.Fact) {
					if p == nil {
						p = &oncall.Page{ID: fmt.Sprint("p", i), Service: "checkout", State: oncall.Calling, OpenedAt: t0}
					}
					p.Alerts = append(p.Alerts, fmt.Sprint("a", i))
					return p, nil, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		ps, err := s.Pages(t.Context(), oncall.PageQuery{Open: true, Limit: 10})
		if err != nil || len(ps) != 1 || len(ps[0].Alerts) != 20 {
			t.Fatalf("got %d pages (%v), want one with 20 alerts", len(ps), err)
		}
		update(t, s, ps[0].ID, func(p *oncall.Page) []oncall.Delivery { p.State, p.ClosedAt = oncall.Closed, t0; return nil })
		open(t, s, "q", "checkout") // a closed one is not in its way
	})
}

func TestClaimLeasesToOneSender(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		open(t, s, "p", "checkout")
		add(t, s, "p", "d1", "d2", "d3")
		claim := func(now time.Time) int {
			t.Helper()
			ds, err := s.Claim(t.Context(), now, now.Add(20*time.Second), 2)
			if err != nil {
				t.Fatal(err)
			}
			return len(ds)
		}
		for i, tt := range []struct {
			after time.Duration
			want  int
		}{{-time.Second, 0}, {0, 2}, {time.Second, 1}, {2 * time.Second, 0}, {20 * time.Second, 2}, {21 * time.Second, 1}} {
			if got := claim(t0.Add(tt.after)); got != tt.want {
				t.Errorf("claim %d after %s: got %d, want %d", i, tt.after, got, tt.want)
			}
		}
	})
}

func TestAnAnswerCancelsWhatIsNotSent(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, log *bus.Log, _ *store.DB) {
		open(t, s, "p", "checkout")
		add(t, s, "p", "d1", "d2", "d3")
		if _, err := s.Claim(t.Context(), t0, t0.Add(time.Minute), 2); err != nil { // two are being sent
			t.Fatal(err)
		}
		update(t, s, "p", func(p *oncall.Page) []oncall.Delivery { p.State = oncall.Answered; return nil })
		settle := func(id string, err error) {
			t.Helper()
			o := oncall.Settlement{Delivery: id, Fence: 1, Do: func(d *oncall.Delivery) []event.Fact {
				return d.Settle(notify.Receipt{ProviderID: "r"}, err, 0, t0)
			}}
			if err := s.Settle(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		settle("d1", nil)                                   // it had gone out: say so
		settle("d2", errs.New(errs.Unavailable, "timeout")) // it had not: leave it
		if got, want := states(t, s, "p"), "d1 sent ×1;d2 cancelled ×1;d3 cancelled ×0;"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if ds, err := s.Claim(t.Context(), t0.Add(time.Hour), t0.Add(2*time.Hour), 9); err != nil || len(ds) != 0 {
			t.Errorf("got %d deliveries (%v) after the answer, want none", len(ds), err)
		}
		rs, err := log.Events(t.Context(), event.Query{})
		if err != nil || len(rs) != 1 || rs[0].Name != "oncall.delivered" || rs[0].Service != "checkout" || rs[0].Subject != "page/p" {
			t.Errorf("got %+v (%v), want one delivery to the service", rs, err)
		}
	})
}

func TestWhatFailsKeepsNothing(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		open(t, s, "p", "checkout")
		boom := errors.New("boom")
		_, err := s.UpdatePage(t.Context(), "p", func(p *oncall.Page, _ []oncall.Delivery) ([]oncall.Delivery, []event.Fact, error) {
			p.State = oncall.Answered
			return []oncall.Delivery{{ID: "d", Page: "p"}}, nil, boom
		})
		p, ds, perr := s.Page(t.Context(), "p")
		if !errors.Is(err, boom) || perr != nil || p.State != oncall.Calling || len(ds) != 0 {
			t.Errorf("got %v, %s and %d deliveries (%v), want boom and nothing changed", err, p.State, len(ds), perr)
		}
		if _, _, err := s.Page(t.Context(), "nothing"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("page that is not there: got %v, want NotFound", err)
		}
		if err := s.Settle(t.Context(), oncall.Settlement{Delivery: "nothing"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("delivery that is not there: got %v, want NotFound", err)
		}
	})
}

func TestDuePagesAndLists(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		for _, n := range []string{"1", "2", "3"} {
			open(t, s, "p"+n, "svc"+n)
		}
		update(t, s, "p2", func(p *oncall.Page) []oncall.Delivery { p.StepAt = t0.Add(time.Minute); return nil })
		update(t, s, "p3", func(p *oncall.Page) []oncall.Delivery { p.State, p.StepAt = oncall.Answered, time.Time{}; return nil })
		if ids, err := s.DuePages(t.Context(), t0); err != nil || fmt.Sprint(ids) != "[p1]" {
			t.Errorf("got %v (%v), want p1", ids, err)
		}
		ps, err := s.Pages(t.Context(), oncall.PageQuery{Before: "p3", Limit: 1})
		if err != nil || len(ps) != 1 || ps[0].ID != "p2" || !ps[0].OpenedAt.Equal(t0) || !ps[0].AckedAt.IsZero() {
			t.Errorf("got %+v (%v), want p2", ps, err)
		}
		if ps, err := s.Pages(t.Context(), oncall.PageQuery{Service: "svc1", Limit: 9}); err != nil || len(ps) != 1 {
			t.Errorf("got %d pages of svc1 (%v), want 1", len(ps), err)
		}
	})
}

func TestAdjustments(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, log *bus.Log, _ *store.DB) {
		a := oncall.Adjustment{
			ID: "o1", Kind: rota.Temporary, Rota: "r", Person: "aoi", Of: "*", Start: t0, End: t0.Add(time.Hour), By: "ren", Reason: "swap", Created: t0,
			Mode: rota.Notify, After: 3, Shifts: []rota.StaticShift{{Person: "mio", Start: t0, End: t0.Add(time.Minute)}},
		}
		if err := s.PutAdjustment(t.Context(), a, event.Fact{Event: oncall.AdjustmentMade{Adjustment: "o1"}, Subject: "rota/r"}); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			from, to time.Duration
			want     int
		}{{-time.Hour, 0, 0}, {-time.Hour, time.Second, 1}, {59 * time.Minute, 2 * time.Hour, 1}, {time.Hour, 2 * time.Hour, 0}} {
			got, err := s.Adjustments(t.Context(), t0.Add(tt.from), t0.Add(tt.to))
			if err != nil || len(got) != tt.want || (len(got) == 1 && !cmp.Equal(got[0], a)) {
				t.Errorf("%s to %s: got %+v (%v), want %d", tt.from, tt.to, got, err, tt.want)
			}
		}
		end := func(at time.Time) error {
			return s.UpdateAdjustment(t.Context(), "o1", func(a *oncall.Adjustment) ([]event.Fact, error) {
				a.End = at
				return []event.Fact{{Event: oncall.AdjustmentEnded{Adjustment: "o1"}, Subject: "rota/r"}}, nil
			})
		}
		if err := end(t0.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Adjustments(t.Context(), t0, t0.Add(time.Hour)); err != nil || len(got) != 1 || !got[0].End.Equal(t0.Add(time.Minute)) {
			t.Errorf("ended early: got %+v (%v)", got, err)
		}
		if err := end(t0); err != nil { // it never was
			t.Fatal(err)
		}
		if err := end(t0); errs.KindOf(err) != errs.NotFound {
			t.Errorf("taken back twice: got %v, want NotFound", err)
		}
		if rs, err := log.Events(t.Context(), event.Query{}); err != nil || len(rs) != 3 {
			t.Errorf("got %d events (%v), want 3", len(rs), err)
		}
	})
}

func TestEditionsOfRotasAreKept(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		keep := func(at time.Time, docs map[string]string) string {
			t.Helper()
			kept, err := s.KeepEditions(t.Context(), at, docs)
			if err != nil {
				t.Fatal(err)
			}
			out := ""
			for _, k := range kept {
				since := "always"
				if !k.Since.IsZero() {
					since = k.Since.Sub(t0).String()
				}
				out += k.Rota + "=" + k.Doc + " " + since + "; "
			}
			return out
		}
		for i, tt := range []struct {
			docs map[string]string
			want string
		}{
			{map[string]string{"a": "1"}, "a=1 always; "},
			{map[string]string{"a": "1"}, "a=1 always; "},
			{map[string]string{"a": "2"}, "a=1 always; a=2 2h0m0s; "},
			{map[string]string{"a": "2", "b": "1"}, "a=1 always; a=2 2h0m0s; b=1 always; "},
			{map[string]string{"b": "1"}, "a=1 always; a=2 2h0m0s; b=1 always; a= 4h0m0s; "}, // a is removed
			{map[string]string{"a": "2", "b": "1"}, "a=1 always; a=2 2h0m0s; a= 4h0m0s; b=1 always; a=2 5h0m0s; "},
		} {
			if got := keep(t0.Add(time.Duration(i)*time.Hour), tt.docs); got != tt.want {
				t.Errorf("round %d: got %s, want %s", i, got, tt.want)
			}
		}
	})
}

func TestInbox(t *testing.T) {
	each(t, func(t *testing.T, _ *oncalldb.Store, _ *bus.Log, db *store.DB) {
		b := oncalldb.NewInbox(db)
		for i := range 3 {
			m := notify.Message{ID: fmt.Sprint("m", i), Kind: notify.Page, Title: fmt.Sprint("title ", i), At: t0, Links: []notify.Link{{URL: "http://x.example/pages/1"}}}
			for range 2 { // handed over twice, kept once
				if err := b.Put(t.Context(), "aoi", m); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := b.MarkRead(t.Context(), "aoi", "m1", t0.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		ms, err := b.Messages(t.Context(), "aoi", 2)
		if err != nil || len(ms) != 2 || ms[0].ID != "m2" || !ms[0].ReadAt.IsZero() || ms[1].ReadAt.IsZero() || ms[0].Link != "http://x.example/pages/1" {
			t.Errorf("got %+v (%v), want m2 unread and m1 read", ms, err)
		}
		if n, err := b.Unread(t.Context(), "aoi"); err != nil || n != 1 {
			t.Errorf("got %d unread (%v), want 1", n, err)
		}
		if ms, err := b.Messages(t.Context(), "ren", 9); err != nil || len(ms) != 0 {
			t.Errorf("ren has %d messages (%v), want none", len(ms), err)
		}
	})
}

// Every field that a page can change is there after a save and a load.
func TestUpdatePageKeepsEveryField(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		ctx := t.Context()
		opened := oncall.Page{ID: "p", Service: "api", State: oncall.NoPolicy, Alerts: []string{"a"}, OpenedAt: time.Unix(100, 0).UTC()}
		if err := s.OpenPage(ctx, "api", func(*oncall.Page) (*oncall.Page, []oncall.Delivery, []event.Fact) { return &opened, nil, nil }); err != nil {
			t.Fatal(err)
		}
		at := func(n int64) time.Time { return time.Unix(n, 0).UTC() }
		want := oncall.Page{ID: "p", Service: "api", Policy: "shop", Summary: "s", Alerts: []string{"a", "b"}, State: oncall.Calling, Step: 2, Round: 1, StepAt: at(5), OpenedAt: at(4), AckedAt: at(3), AckedBy: "aoi", SetAt: at(6), Severity: "critical", PageNotes: oncall.PageNotes{
			Acks: []string{"aoi"}, Called: []string{"aoi", "ren"}, Shadows: []string{"mio"}, Declined: map[string]time.Time{"ren": at(7)}, Came: []time.Time{at(4)}, First: "a", Firing: 4, Of: 2, Told: []string{"ren"}, Since: 3, Vain: 1, Until: at(9), BegunAt: at(8),
		}}
		if _, err := s.UpdatePage(ctx, "p", func(p *oncall.Page, _ []oncall.Delivery) ([]oncall.Delivery, []event.Fact, error) {
			*p = want
			return nil, nil, nil
		}); err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Page(ctx, "p")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// What waited in hand until its lease ran out is another's where another has taken
// it, and else this server's for longer.
func TestHoldIsOfWhoeverClaimedLast(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, log *bus.Log, db *store.DB) {
		open(t, s, "p", "checkout")
		add(t, s, "p", "d1", "d2", "d3")
		claim := func(s *oncalldb.Store, now time.Time, n int) []oncall.Delivery {
			t.Helper()
			ds, err := s.Claim(t.Context(), now, now.Add(20*time.Second), n)
			if err != nil || len(ds) != n {
				t.Fatalf("claimed %d (%v), want %d", len(ds), err, n)
			}
			return ds
		}
		hold := func(s *oncalldb.Store, least time.Duration, ds []oncall.Delivery) string {
			t.Helper()
			held, err := s.Hold(t.Context(), t0.Add(least), t0.Add(least+time.Minute), ds)
			if err != nil {
				t.Fatal(err)
			}
			out := ""
			for _, d := range held {
				out += fmt.Sprintf("%s %s %t; ", d.ID, d.Lease.Sub(t0), d.Doubt)
			}
			return out
		}
		mine := claim(s, t0, 3)
		if got, want := hold(s, 10*time.Second, mine), "d1 20s false; d2 20s false; d3 20s false; "; got != want {
			t.Errorf("with time left: %s, want %s", got, want)
		}
		update(t, s, "p", func(*oncall.Page) []oncall.Delivery {
			d := mine[2]
			d.State = oncall.Cancelled
			return []oncall.Delivery{d}
		})
		other := oncalldb.New(db, log)
		theirs := claim(other, t0.Add(21*time.Second), 1)
		if got, want := hold(s, 31*time.Second, mine), "d2 1m31s false; "; got != want {
			t.Errorf("one cancelled, one with another: %s, want %s", got, want)
		}
		if got, want := hold(other, 31*time.Second, theirs), "d1 41s true; "; got != want {
			t.Errorf("the other's: %s, want %s", got, want)
		}
	})
}

// What a clock that was ahead put off, or leased, is due.
func TestClaimMindsTheClock(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		open(t, s, "p", "checkout")
		day := t0.Add(26 * time.Hour)
		made := func(id string, made, due, lease time.Time, attempts int) {
			update(t, s, "p", func(*oncall.Page) []oncall.Delivery {
				return []oncall.Delivery{{ID: id, Page: "p", Kind: "page", Person: "aoi", Device: id, Channel: "inbox", Address: "aoi", State: oncall.Pending, MadeAt: made, DueAt: due, Lease: lease, Attempts: attempts}}
			})
		}
		made("made", day, day, time.Time{}, 0)
		made("tried", t0, day, time.Time{}, 1)
		made("storm", t0, day, time.Time{}, 0)
		made("leased", t0, t0, day, 0)
		made("later", t0, t0.Add(oncall.MaxAfter-time.Minute), time.Time{}, 0)
		made("again", t0, t0.Add(oncall.MaxPause), time.Time{}, 3)
		ds, err := s.Claim(t.Context(), t0, t0.Add(20*time.Second), 9)
		got := ""
		for _, d := range ds {
			got += d.ID + " "
		}
		if err != nil || got != "leased made storm tried " {
			t.Errorf("claimed %s(%v), want what the clock put off", got, err)
		}
		made("delayed", t0.Add(6*time.Second), t0.Add(6*time.Second+2*time.Minute), time.Time{}, 0)
		for _, tt := range []struct {
			after, lease time.Duration
			want         int
		}{{0, time.Minute, 0}, {2*time.Minute - time.Second, time.Minute, 4}, {2 * time.Minute, 2 * time.Minute, 1}, {121 * time.Second, time.Second, 0}} {
			if ds, err := s.Claim(t.Context(), t0.Add(tt.after), t0.Add(tt.after+tt.lease), 9); err != nil || len(ds) != tt.want {
				t.Errorf("after %s: claimed %d (%v), want %d: the delayed one after two minutes, and none from a lease of another length", tt.after, len(ds), err, tt.want)
			}
		}
	})
}

// Who declined a page did not shadow it.
func TestShadowedCountsThoseWhoLearned(t *testing.T) {
	each(t, func(t *testing.T, s *oncalldb.Store, _ *bus.Log, _ *store.DB) {
		open(t, s, "p", "checkout")
		update(t, s, "p", func(p *oncall.Page) []oncall.Delivery {
			p.PageNotes = oncall.PageNotes{Shadows: []string{"mio"}, Called: []string{"aoi"}, Told: []string{"aoi"}, Acks: []string{"ren"}, Declined: map[string]time.Time{"aoi": t0}}
			return nil
		})
		for who, want := range map[string]int{"mio": 1, "aoi": 0, "ren": 0} {
			if n, err := s.Shadowed(t.Context(), who, t0.Add(-time.Hour)); err != nil || n != want {
				t.Errorf("%s: %d (%v), want %d", who, n, err, want)
			}
		}
	})
}
