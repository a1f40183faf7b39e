package oncall_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// whoAt is who was on call in each rota at a time.
func (h *house) whoAt(at time.Time) string {
	h.t.Helper()
	now, err := h.pager.OnCallAt(h.t.Context(), at)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, n := range now {
		out = append(out, n.Rota+": "+strings.Join(n.People(), "+"))
	}
	return strings.Join(out, ", ")
}

// Neither a swap that is taken late nor an override of last week changes what was.
func TestNoAdjustmentChangesThePast(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		start := time.Now()
		a, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Swap, Rota: "first", Of: "aoi", Start: start, End: start.Add(48 * time.Hour), By: "aoi"})
		if err != nil {
			t.Fatal(err)
		}
		h.sleep(24 * time.Hour)
		if err := h.pager.TakeSwap(t.Context(), a.ID, "ren"); err != nil {
			t.Fatal(err)
		}
		if was, is := h.whoAt(start.Add(time.Hour)), h.whoAt(time.Now()); was != "first: aoi" || is != "first: ren" {
			t.Errorf("a swap taken a day late: yesterday %s, now %s", was, is)
		}
		if err := h.pager.EndAdjustment(t.Context(), a.ID, "aoi"); err != nil {
			t.Fatal(err)
		}
		h.sleep(time.Hour)
		of := func(from, to time.Duration, shifts ...rota.StaticShift) (oncall.Adjustment, error) {
			now := time.Now()
			a := oncall.Adjustment{Kind: rota.Override, Rota: "first", Of: rota.Everybody, Person: "ren", Start: now.Add(from), End: now.Add(to), By: "ren"}
			if len(shifts) > 0 {
				a.Kind, a.Shifts, a.Person, a.Of = rota.Temporary, shifts, "", ""
			}
			return h.pager.Adjust(t.Context(), a)
		}
		if _, err := of(-240*time.Hour, -12*time.Hour); errs.KindOf(err) != errs.Invalid {
			t.Errorf("an override of last week: %v, want Invalid", err)
		}
		now := time.Now()
		if _, err := of(-2*time.Hour, 2*time.Hour, rota.StaticShift{Person: "ren", Start: now.Add(-2 * time.Hour), End: now.Add(-time.Hour)}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("shifts that are over: %v, want Invalid", err)
		}
		if got, err := of(-30*time.Minute, time.Hour); err != nil || !got.Start.Equal(now) || h.whoAt(now.Add(-time.Minute)) != "first: aoi" || h.whoAt(now.Add(time.Minute)) != "first: ren" {
			t.Errorf("one that began before now: %+v (%v), want it from now on", got, err)
		}
	})
}

// Who was on call in a rota that is gone is still known.
func TestARotaThatIsRemovedKeepsItsPast(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		second := one("ren")
		second.ID, second.Name = "second", "second"
		h.replace(&oncall.Plan{Rotas: []oncall.Rota{one("aoi"), second}})
		begin := time.Now()
		if _, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Override, Rota: "second", Person: "ren", Of: rota.Everybody, Start: begin, End: begin.Add(48 * time.Hour), By: "aoi"}); err != nil {
			t.Fatal(err)
		}
		h.sleep(time.Hour)
		h.replace(&oncall.Plan{Rotas: []oncall.Rota{one("aoi")}}) // the override has nothing to override any more
		h.sleep(time.Hour)
		for at, want := range map[time.Time]string{begin: "first: aoi, second: ren", time.Now(): "first: aoi"} {
			if got := h.whoAt(at); got != want {
				t.Errorf("at %s: %s, want %s", at, got, want)
			}
		}
		h.replace(&oncall.Plan{Rotas: []oncall.Rota{one("aoi"), second}})
		if got := h.whoAt(time.Now()); got != "first: aoi, second: ren" {
			t.Errorf("when it is back: %s", got)
		}
	})
}

// forgetful cannot keep editions for now.
type forgetful struct {
	oncall.AdjustmentStore
	down bool
}

func (f *forgetful) KeepEditions(ctx context.Context, now time.Time, docs map[string]string) ([]oncall.KeptEdition, error) {
	if f.down {
		return nil, errs.New(errs.Unavailable, "disk full")
	}
	return f.AdjustmentStore.KeepEditions(ctx, now, docs)
}

// A plan whose editions could not be kept is in use, and they are kept later.
func TestEditionsAreKeptOnceTheyCanBe(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(&oncall.Plan{Rotas: []oncall.Rota{one("aoi")}})
		begin := time.Now()
		h.sleep(time.Hour)
		f := &forgetful{h.kept, true}
		h.pager = oncall.New(oncall.Default(), oncall.Deps{Store: h.kept, Ledger: h.kept, Adjustments: f, Key: make([]byte, 32), Alerts: h.inbox, Catalog: plain(), Channels: []notify.Channel{h.phone}, Now: time.Now, NewID: id.New})
		if err := h.pager.Replace(t.Context(), &oncall.Plan{Rotas: []oncall.Rota{one("ren")}}); errs.KindOf(err) != errs.Unavailable || h.whoAt(time.Now()) != "first: ren" {
			t.Fatalf("got %v, on call %s", err, h.whoAt(time.Now()))
		}
		f.down = false
		if err := h.pager.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := h.whoAt(begin); got != "first: aoi" {
			t.Errorf("before the edit: %s", got)
		}
	})
}
