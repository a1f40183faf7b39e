package oncall_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func TestFairnessProposesWholeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t)
		utc := rota.NewZone(time.UTC)
		year, month, day := time.Now().UTC().AddDate(0, 0, -91).Date()
		turn := rota.Rotation{Name: "rotation", Zone: utc, Day: rota.DayOf(year, month, day), Every: 1, Unit: rota.Weekly, Members: []rota.Slot{{"aoi"}, {"aoi"}, {"aoi"}, {"ren"}}}
		h.replace(&oncall.Plan{Rotas: []oncall.Rota{{ID: "shop", Name: "Shop", Editions: []oncall.Edition{{Schedule: rota.Schedule{ID: "shop", Zone: utc, Rotations: []rota.Rotation{turn}}}}}}})
		now := time.Now()
		f, err := h.pager.Fairness(t.Context(), "SHOP", now.AddDate(0, 0, -91), now, now.AddDate(0, 0, 91))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Past) != 2 || f.Past[0].Person != "aoi" || f.Past[0].Hours < 2*f.Past[1].Hours {
			t.Errorf("got %+v, want aoi with most of the load", f.Past)
		}
		if f.Whole > 0.9 || len(f.Moves) == 0 || f.Moves[len(f.Moves)-1].Index <= f.Whole {
			t.Fatalf("got index %.2f and moves %+v, want some that make it better", f.Whole, f.Moves)
		}
		for _, m := range f.Moves {
			if m.To != "ren" || m.Turn.Person != "aoi" || !m.Turn.Start.After(now) {
				t.Errorf("got %+v, want a later turn of aoi for ren", m)
			}
		}
		if _, err := h.pager.Fairness(t.Context(), "none", now, now, now); errs.KindOf(err) != errs.NotFound {
			t.Errorf("got %v, want NotFound", err)
		}
	})
}
