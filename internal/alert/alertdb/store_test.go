package alertdb_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 123000, time.UTC)

func each(t *testing.T, fn func(t *testing.T, in *alert.Inbox, s *alertdb.Store, log *bus.Log)) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		log := bus.New(db, func() time.Time { return t0 }, id.New)
		s := alertdb.New(db, log, id.New)
		fn(t, alert.NewInbox(s, func() time.Time { return t0.Add(time.Minute) }), s, log)
	}, testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: alertdb.Migrations})
}

func signal(n int) alert.Signal {
	return alert.Signal{
		ID: fmt.Sprint("s", n), Firing: true, Source: "api", Service: fmt.Sprint("svc", n%3), Rule: fmt.Sprint("rule", n), Severity: alert.Page,
		Summary: fmt.Sprintf("50%% of_requests fail %d", n), Expr: "x > 1", Evidence: []alert.Evidence{{Name: "x", Value: "2", Limit: "1"}}, URL: "https://x.example", At: t0,
	}
}

func take(t *testing.T, in *alert.Inbox, s alert.Signal) alert.Alert {
	t.Helper()
	a, err := in.Take(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAlertComesBackAsItWasKept(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, _ *alertdb.Store, log *bus.Log) {
		want := take(t, in, signal(1))
		if _, err := in.Ack(t.Context(), want.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		got, err := in.Alert(t.Context(), want.ID)
		if err != nil || !got.OpenedAt.Equal(t0) || got.AckedBy != "aoi" || got.Evidence[0].Limit != "1" || got.Expr != "x > 1" {
			t.Errorf("got %+v, %v", got, err)
		}
		rs, err := log.Events(t.Context(), event.Query{Subjects: []string{alert.Subject(want.ID)}})
		if err != nil || len(rs) != 2 || rs[0].Name != "alert.fired" || rs[1].Name != "alert.acked" || rs[1].Actor != "person/aoi" || rs[1].Service != "svc1" {
			t.Errorf("got %+v, %v; want fired, then acked by aoi", rs, err)
		}
	})
}

func TestASignalIsTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, _ *alertdb.Store, log *bus.Log) {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if a, err := in.Take(t.Context(), signal(1)); err != nil || a.Count != 1 {
					t.Errorf("got ×%d, %v; want ×1", a.Count, err)
				}
			})
		}
		wg.Wait()
		if rs, err := log.Events(t.Context(), event.Query{}); err != nil || len(rs) != 1 {
			t.Errorf("got %d events (%v), want 1", len(rs), err)
		}
	})
}

func TestAnEndForNothingIsRememberedAndOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, _ *alertdb.Store, _ *bus.Log) {
		s := signal(1)
		s.Firing = false
		if a := take(t, in, s); a.ID != "" {
			t.Errorf("got alert %q, want none", a.ID)
		}
		s.Firing = true // the same id again
		take(t, in, s)
		if as, err := in.Alerts(t.Context(), alert.Query{}); err != nil || len(as) != 0 {
			t.Errorf("got %d alerts (%v), want none", len(as), err)
		}
	})
}

func TestAResolvedAlertNeverOpensAgain(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, _ *alertdb.Store, _ *bus.Log) {
		first := take(t, in, signal(1))
		if _, err := in.Resolve(t.Context(), first.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		again := signal(1)
		again.ID = "other"
		if second := take(t, in, again); second.ID == first.ID || second.Count != 1 {
			t.Errorf("got %+v, want a new alert", second)
		}
	})
}

func TestWhatFailsKeepsNothing(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, s *alertdb.Store, log *bus.Log) {
		a := take(t, in, signal(1))
		boom := errors.New("boom")
		_, err := s.Update(t.Context(), a.ID, func(a *alert.Alert) ([]event.Fact, error) {
			a.Summary = "spoiled"
			return nil, boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("got %v, want boom", err)
		}
		got, err := in.Alert(t.Context(), a.ID)
		rs, _ := log.Events(t.Context(), event.Query{})
		if err != nil || got.Summary != a.Summary || len(rs) != 1 {
			t.Errorf("got %q and %d events (%v), want nothing changed", got.Summary, len(rs), err)
		}
		if _, err := in.Ack(t.Context(), "nothing", "aoi", "web"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("ack of nothing: got %v, want NotFound", err)
		}
	})
}

// What is told in other words is kept, though it is no news.
func TestRetellIsKept(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, _ *alertdb.Store, log *bus.Log) {
		a := take(t, in, signal(1))
		if _, err := in.Retell(t.Context(), a.ID, "in other words", map[string]string{"description": "much of it"}); err != nil {
			t.Fatal(err)
		}
		got, err := in.Alert(t.Context(), a.ID)
		rs, _ := log.Events(t.Context(), event.Query{})
		if err != nil || got.Summary != "in other words" || got.Annotations["description"] != "much of it" || len(rs) != 1 {
			t.Errorf("got %q, %v and %d events (%v)", got.Summary, got.Annotations, len(rs), err)
		}
	})
}

func TestAlertsPageAndFilter(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, _ *alertdb.Store, _ *bus.Log) {
		var ids []string
		for n := range 7 {
			ids = append(ids, take(t, in, signal(n)).ID)
		}
		if _, err := in.Ack(t.Context(), ids[0], "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Resolve(t.Context(), ids[1], "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			q    alert.Query
			want []int
		}{
			"all, newest first": {alert.Query{}, []int{6, 5, 4, 3, 2, 1, 0}},
			"a page":            {alert.Query{Before: ids[4], Limit: 2}, []int{3, 2}},
			"not resolved":      {alert.Query{Unresolved: true, Limit: 500}, []int{6, 5, 4, 3, 2, 0}},
			"open":              {alert.Query{State: alert.Open}, []int{6, 5, 4, 3, 2}},
			"held":              {alert.Query{State: alert.Held}, []int{0}},
			"resolved":          {alert.Query{State: alert.Resolved}, []int{1}},
			"of a service":      {alert.Query{Service: "svc0"}, []int{6, 3, 0}},
			"of a rule":         {alert.Query{Rule: "rule3", Source: "api"}, []int{3}},
			"of a fingerprint":  {alert.Query{Fingerprint: "api/svc2/rule5"}, []int{5}},
			"text":              {alert.Query{Text: "50% OF_requests fail 4"}, []int{4}},
			"no wildcard":       {alert.Query{Text: "50%fail"}, nil},
			"severity":          {alert.Query{Severity: alert.Info}, nil},
		} {
			got, err := in.Alerts(t.Context(), tt.q)
			var at []string
			for _, a := range got {
				at = append(at, a.ID)
			}
			var want []string
			for _, n := range tt.want {
				want = append(want, ids[n])
			}
			if err != nil || fmt.Sprint(at) != fmt.Sprint(want) {
				t.Errorf("%s: got %v (%v), want %v", name, at, err, want)
			}
		}
		if c, err := in.Counts(t.Context()); err != nil || c[alert.Page] != 6 {
			t.Errorf("got %v (%v), want 6 pages", c, err)
		}
	})
}
