package incidentdb_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/incident/incidentdb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func each(t *testing.T, fn func(t *testing.T, s *incidentdb.Store, log *bus.Log)) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		var mu sync.Mutex
		n := 0
		log := bus.New(db, func() time.Time { return t0 }, func() string {
			mu.Lock()
			defer mu.Unlock()
			n++
			return fmt.Sprintf("ev%06d", n)
		})
		fn(t, incidentdb.New(db, log), log)
	}, testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "incident", Files: incidentdb.Migrations})
}

func open(number int, service string, severity int) *incident.Incident {
	id := fmt.Sprintf("i%d", number)
	return &incident.Incident{
		ID: id, Number: number, Title: "cards fail: カード", Service: service, Severity: severity, Status: incident.Investigating,
		Roles: map[incident.Role]string{incident.Commander: "aoi"}, DetectedAt: t0, DeclaredAt: t0,
	}
}

func facts(i *incident.Incident) []event.Fact {
	return []event.Fact{{Event: incident.Declared{Incident: i.ID, Number: i.Number}, At: t0, Subject: incident.Subject(i.ID)}}
}

func TestDeclareNumbersAndKeeps(t *testing.T) {
	each(t, func(t *testing.T, s *incidentdb.Store, log *bus.Log) {
		ctx := t.Context()
		for want := 1; want <= 3; want++ {
			_, err := s.Declare(ctx, "", func(have *incident.Incident, number int) (*incident.Incident, []event.Fact) {
				if have != nil || number != want {
					t.Errorf("got %v and number %d, want nothing open and %d", have, number, want)
				}
				i := open(number, []string{"payment", "search", ""}[number-1], number)
				return i, facts(i)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range []string{"i2", "2"} {
			got, err := s.Incident(ctx, key)
			if d := cmp.Diff(*open(2, "search", 2), got); err != nil || d != "" {
				t.Errorf("by %q: %v %s", key, err, d)
			}
		}
		for _, key := range []string{"i9", "9", "-1", "99999999999999999999", ""} {
			if _, err := s.Incident(ctx, key); errs.KindOf(err) != errs.NotFound {
				t.Errorf("by %q: got %v, want not found", key, err)
			}
		}
		if got, err := log.Events(ctx, event.Query{Names: []string{"incident.declared"}}); err != nil || len(got) != 3 {
			t.Errorf("log: got %d records, %v; want 3", len(got), err)
		}
	})
}

func TestDeclareHandsTheOpenOneOfTheService(t *testing.T) {
	each(t, func(t *testing.T, s *incidentdb.Store, _ *bus.Log) {
		ctx := t.Context()
		put := func(service string, fn func(*incident.Incident, int) (*incident.Incident, []event.Fact)) incident.Incident {
			t.Helper()
			i, err := s.Declare(ctx, service, fn)
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
		fresh := func(_ *incident.Incident, n int) (*incident.Incident, []event.Fact) {
			i := open(n, "payment", 2)
			return i, facts(i)
		}
		put("payment", fresh)
		got := put("payment", func(have *incident.Incident, _ int) (*incident.Incident, []event.Fact) {
			if have == nil || have.ID != "i1" {
				t.Fatalf("got %v, want i1", have)
			}
			have.Status, have.ResolvedAt = incident.Resolved, t0.Add(time.Hour)
			return have, facts(have)
		})
		if got.Status != incident.Resolved {
			t.Errorf("got %s", got.Status)
		}
		put("payment", func(have *incident.Incident, _ int) (*incident.Incident, []event.Fact) {
			if have != nil {
				t.Errorf("got %s, which is resolved", have.ID)
			}
			return nil, nil
		})
	})
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, s *incidentdb.Store, log *bus.Log) {
		ctx := t.Context()
		if _, err := s.Declare(ctx, "", func(_ *incident.Incident, n int) (*incident.Incident, []event.Fact) {
			i := open(n, "payment", 2)
			return i, facts(i)
		}); err != nil {
			t.Fatal(err)
		}
		broken := errors.New("broken")
		if _, err := s.Update(ctx, "1", func(i *incident.Incident) ([]event.Fact, error) { i.Severity = 1; return facts(i), broken }); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if _, err := s.Update(ctx, "7", func(*incident.Incident) ([]event.Fact, error) { return nil, nil }); errs.KindOf(err) != errs.NotFound {
			t.Errorf("got %v, want not found", err)
		}
		i, err := s.Incident(ctx, "1")
		records, logErr := log.Events(ctx, event.Query{})
		if err != nil || logErr != nil || i.Severity != 2 || len(records) != 1 {
			t.Errorf("after a failure: severity %d, %d records, %v %v", i.Severity, len(records), err, logErr)
		}
		if _, err := s.Update(ctx, "1", func(i *incident.Incident) ([]event.Fact, error) { i.Severity = 1; return facts(i), nil }); err != nil {
			t.Fatal(err)
		}
		if i, err = s.Incident(ctx, "i1"); err != nil || i.Severity != 1 {
			t.Errorf("got severity %d, %v; want 1", i.Severity, err)
		}
	})
}

func TestIncidentsFilterAndPage(t *testing.T) {
	each(t, func(t *testing.T, s *incidentdb.Store, _ *bus.Log) {
		ctx := t.Context()
		for range 6 {
			_, err := s.Declare(ctx, "", func(_ *incident.Incident, n int) (*incident.Incident, []event.Fact) {
				i := open(n, []string{"payment", "search"}[n%2], n%3+1)
				if n > 4 {
					i.ResolvedAt = t0
				}
				return i, facts(i)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			q    incident.Query
			want []int
		}{
			{incident.Query{Limit: 10}, []int{6, 5, 4, 3, 2, 1}},
			{incident.Query{Limit: 2}, []int{6, 5}},
			{incident.Query{Limit: 2, Before: 5}, []int{4, 3}},
			{incident.Query{Limit: 10, Open: true}, []int{4, 3, 2, 1}},
			{incident.Query{Limit: 10, Service: "payment"}, []int{6, 4, 2}},
			{incident.Query{Limit: 10, Severity: 2}, []int{4, 1}},
			{incident.Query{Limit: 10, Open: true, Service: "search", Severity: 1}, []int{3}},
		} {
			list, err := s.Incidents(ctx, c.q)
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, i := range list {
				got = append(got, i.Number)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%+v: %s", c.q, d)
			}
		}
	})
}
