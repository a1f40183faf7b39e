package alertdb_test

import (
	"fmt"
	"testing"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

func TestFiltersAreSeenByTheirOwnerAndTeam(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		ctx, s := t.Context(), alertdb.NewFilters(db)
		put := func(id, name, owner, team string) error {
			return s.PutFilter(ctx, alert.SavedFilter{ID: id, Name: name, Query: "q=" + id, Owner: owner, Team: team, CreatedAt: t0})
		}
		for _, f := range [][4]string{{"1", "b", "aoi", ""}, {"2", "a", "aoi", "shop"}, {"3", "a", "ren", "find"}} {
			if err := put(f[0], f[1], f[2], f[3]); err != nil {
				t.Fatal(err)
			}
		}
		seen := func(who string, teams ...string) (out string) {
			all, err := s.Filters(ctx, who, teams)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range all {
				out += f.ID
			}
			return out
		}
		if got := seen("aoi", "shop") + " " + seen("ren", "find", "shop") + " " + seen("mio"); got != "21 23 " {
			t.Errorf("seen %q", got)
		}
		if err := put("4", "a", "aoi", ""); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a name twice: %v", err)
		}
		err := s.ChangeFilter(ctx, "1", func(f alert.SavedFilter) (*alert.SavedFilter, error) { f.Name = "a"; return &f, nil })
		if errs.KindOf(err) != errs.Conflict {
			t.Errorf("renamed to a name that is there: %v", err)
		}
		if err := s.ChangeFilter(ctx, "1", func(alert.SavedFilter) (*alert.SavedFilter, error) { return nil, nil }); err != nil || seen("aoi") != "2" {
			t.Errorf("delete: %v, left %q", err, seen("aoi"))
		}
		if err := s.ChangeFilter(ctx, "1", nil); errs.KindOf(err) != errs.NotFound {
			t.Errorf("delete what is gone: %v", err)
		}
		for i := range 49 {
			if err := put(fmt.Sprint("x", i), fmt.Sprint("x", i), "aoi", ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := put("over", "over", "aoi", ""); errs.KindOf(err) != errs.Conflict {
			t.Errorf("the 51st: %v", err)
		}
	}, testkit.Tables{Room: "alert", Files: alertdb.Migrations})
}
