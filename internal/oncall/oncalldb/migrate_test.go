package oncalldb_test

import (
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

// What was overridden before there were adjustments goes on as one.
func TestOverridesBecomeAdjustments(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		old, err := fs.ReadFile(oncalldb.Migrations, "migrations/0001_oncall.sql")
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(t.Context(), "oncall", fstest.MapFS{"migrations/0001_oncall.sql": {Data: old}}); err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(tx store.Tx) error {
			for _, q := range []string{
				`INSERT INTO oncall_override (id, rota, person, start, until, made_by, reason, created) VALUES ('o', 'r', 'aoi', 1000000, 2000000, 'ren', 'it''s "me"', 5)`,
				`INSERT INTO oncall_page (id, service, policy, summary, alerts, state, step, round, step_at, opened_at, acked_at, acked_by, closed_at) VALUES ('p', 's', 'x', 'y', '[]', 'calling', 0, 0, 1, 1, 0, '', 0)`,
				`INSERT INTO oncall_delivery (id, page, kind, person, device, channel, address, step, state, due_at, lease, attempts, sent_at, receipt, error) VALUES ('d', 'p', 'page', 'aoi', 'd1', 'inbox', 'aoi', 0, 'pending', 7, 0, 1, 0, '', '')`,
			} {
				if _, err := tx.ExecContext(t.Context(), q); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = db.Migrate(t.Context(), "oncall", oncalldb.Migrations)
		}
		if err != nil {
			t.Fatal(err)
		}
		s := oncalldb.New(db, bus.New(db, time.Now, id.New))
		as, err := s.Adjustments(t.Context(), time.Unix(0, 0), time.Unix(9, 0))
		if err != nil || len(as) != 1 || as[0].Kind != rota.Override || as[0].Of != rota.Everybody || as[0].Reason != `it's "me"` {
			t.Errorf("got %+v (%v), want the override", as, err)
		}
		p, ds, err := s.Page(t.Context(), "p")
		if err != nil || p.State != oncall.Calling || len(ds) != 1 || ds[0].Attempts != 1 || ds[0].State != oncall.Pending {
			t.Errorf("got %+v and %+v (%v), want the page and its delivery", p, ds, err)
		}
	}, testkit.Tables{Room: "bus", Files: bus.Migrations})
}

// Pages that are open when the server is upgraded go on.
func TestOpenPagesSurviveTheFirings(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		const last = "migrations/0007_firing.sql"
		old := fstest.MapFS{}
		names, err := fs.Glob(oncalldb.Migrations, "migrations/*.sql")
		if err != nil || !slices.Contains(names, last) {
			t.Fatalf("%v (%v)", names, err)
		}
		for _, n := range names[:slices.Index(names, last)] {
			text, err := fs.ReadFile(oncalldb.Migrations, n)
			if err != nil {
				t.Fatal(err)
			}
			old[n] = &fstest.MapFile{Data: text}
		}
		if err := db.Migrate(t.Context(), "oncall", old); err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(tx store.Tx) error {
			for id, rest := range map[string]string{"n": `'no_policy', 0, 0, 0, 1, 0, '', 0, '{}'`, "c": `'calling', 1, 0, 5, 1, 0, '', 0, '{}'`, "d": `'calling', 1, 0, 5, 1, 0, '', 0, '{"first":"x"}'`} {
				_, err := tx.ExecContext(t.Context(), `INSERT INTO oncall_page (id, service, policy, summary, alerts, state, step, round, step_at, opened_at, acked_at, acked_by, closed_at, doc) VALUES ($1, $1, 'all', 's', '["a"]', `+rest+`)`, id)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(t.Context(), "oncall", oncalldb.Migrations); err != nil {
			t.Fatal(err)
		}
		s := oncalldb.New(db, bus.New(db, func() time.Time { return t0 }, id.New))
		due, err := s.DuePages(t.Context(), t0)
		slices.Sort(due)
		if err != nil || fmt.Sprint(due) != "[c d n]" {
			t.Errorf("due are %v (%v), want all, and that without a policy too", due, err)
		}
		w := oncall.World{
			NewID: id.New, Plan: &oncall.Plan{Policies: []oncall.Policy{{ID: "all", Repeat: 1, Steps: []oncall.Step{{People: []string{"aoi"}, Wait: time.Minute}}}}},
			Person: func(string) (catalog.Person, error) {
				return catalog.Person{ID: "aoi", Devices: []catalog.Device{{ID: "d"}}}, nil
			},
		}
		for _, id := range due {
			p, err := s.Head(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if ds, _ := p.Advance(w, t0); len(ds) != 1 || (id == "d" && p.First != "x") {
				t.Errorf("%s calls %d devices: %+v", id, len(ds), p)
			}
		}
	}, testkit.Tables{Room: "bus", Files: bus.Migrations})
}
