package slodb_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/slodb"
)

func TestStoreKeepsBurnsWithTheirFacts(t *testing.T) {
	at := time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		log := bus.New(db, func() time.Time { return at }, id.New)
		s := slodb.New(db, log)
		burn := slo.Burn{Objective: "o", Service: "checkout", Name: "O", Severity: alert.Ticket, Pair: "3× over 1d and 2h", Since: at}
		change := func(next slo.Burn, facts ...event.Fact) (was slo.Burn) {
			t.Helper()
			err := s.Change(t.Context(), "o", func(b slo.Burn) (slo.Burn, []event.Fact) {
				was = b
				return next, facts
			})
			if err != nil {
				t.Fatal(err)
			}
			return was
		}
		if was := change(burn, event.Fact{Event: slo.Burning{Objective: "o"}, At: at, Service: "checkout", Subject: slo.Subject("o")}); was != (slo.Burn{}) {
			t.Errorf("before the first: got %+v", was)
		}
		page := burn
		page.Severity, page.Pair = alert.Page, "14.4× over 1h and 5m"
		if d := cmp.Diff(burn, change(page)); d != "" {
			t.Errorf("handed to fn: -want +got\n%s", d)
		}
		got, err := s.Burns(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(map[string]slo.Burn{"o": page}, got); d != "" {
			t.Errorf("burns: -want +got\n%s", d)
		}
		change(slo.Burn{Objective: "o"}, event.Fact{Event: slo.Recovered{Objective: "o"}, At: at, Subject: slo.Subject("o")})
		if got, err := s.Burns(t.Context()); err != nil || len(got) > 0 {
			t.Errorf("after it recovered: got %v, %v", got, err)
		}
		records, err := log.Events(t.Context(), event.Query{Subjects: []string{"slo/o"}})
		if err != nil || len(records) != 2 || records[0].Name != "slo.burning" || records[1].Name != "slo.recovered" {
			t.Errorf("log: got %v, %v", records, err)
		}
	}, testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "slo", Files: slodb.Migrations})
}
