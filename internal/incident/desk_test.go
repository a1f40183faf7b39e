package incident_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/incident/incidentdb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

// alerts is the inbox as far as the desk sees it.
type alerts map[string]alert.Alert

func (a alerts) Alert(_ context.Context, id string) (alert.Alert, error) {
	if x, ok := a[id]; ok {
		return x, nil
	}
	return alert.Alert{}, errs.New(errs.NotFound, "alert %q", id)
}

type house struct {
	t      *testing.T
	now    time.Time
	alerts alerts
	db     *store.DB
	log    *bus.Log
	desk   *incident.Desk
}

func build(t *testing.T) *house {
	h := &house{t: t, now: time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC), alerts: alerts{}}
	h.db = testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "incident", Files: incidentdb.Migrations})
	n := 0
	newID := func() string { n++; return fmt.Sprintf("id%04d", n) }
	clock := func() time.Time { return h.now }
	h.log = bus.New(h.db, clock, newID)
	house := catalog.New()
	house.Replace(&catalog.Snapshot{
		Services: []catalog.Service{{ID: "payment", Tier: 1}, {ID: "search", Tier: 2}},
		People:   []catalog.Person{{ID: "aoi", Name: "Aoi"}, {ID: "ren", Name: "Ren"}},
	})
	h.desk = incident.New(incident.Deps{Store: incidentdb.New(h.db, h.log), Alerts: h.alerts, Services: house, Log: h.log, Now: clock, NewID: newID})
	return h
}

func (h *house) fire(id, service, source string, sev alert.Severity) {
	h.t.Helper()
	h.alerts[id] = alert.Alert{ID: id, Service: service, Rule: "rule-" + id, Source: source, Severity: sev, Summary: "Payments go through burns 21×", OpenedAt: h.now.Add(-time.Second)}
	for range 2 { // news may come twice
		if err := h.desk.AlertFired(h.t.Context(), id); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) over(id, service string) {
	h.t.Helper()
	for range 2 {
		if err := h.desk.AlertResolved(h.t.Context(), service, id); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) all() []incident.Incident {
	h.t.Helper()
	list, err := h.desk.Incidents(h.t.Context(), incident.Query{})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func TestWhichAlertDeclares(t *testing.T) {
	for _, c := range []struct {
		name            string
		service, source string
		severity        alert.Severity
		want            int
	}{
		{"a page of a tier-1 objective", "payment", "slo", alert.Page, 1},
		{"a ticket of it", "payment", "slo", alert.Ticket, 0},
		{"a page of something else", "payment", "alertmanager", alert.Page, 0},
		{"a page of a tier-2 objective", "search", "slo", alert.Page, 0},
		{"a page of a service nobody knows", "ghost", "slo", alert.Page, 0},
		{"a page of no service", "", "slo", alert.Page, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := build(t)
			h.fire("a1", c.service, c.source, c.severity)
			if got := h.all(); len(got) != c.want {
				t.Fatalf("got %d incidents, want %d", len(got), c.want)
			}
		})
	}
}

func TestAnAlertJoinsAndEndsItsIncident(t *testing.T) {
	h := build(t)
	h.fire("a1", "payment", "slo", alert.Page)
	h.now = h.now.Add(time.Minute)
	h.fire("a2", "payment", "alertmanager", alert.Ticket) // anything of the service joins
	i := h.all()[0]
	if !slices.Equal(i.Alerts, []string{"a1", "a2"}) || !slices.Equal(i.Objectives, []string{"rule-a1"}) || i.Title != "payment: “Payments go through” burns its error budget" || i.Severity != 2 {
		t.Fatalf("got %+v", i)
	}
	h.over("a1", "payment")
	if got := h.all()[0]; got.Status != incident.Investigating || !slices.Equal(got.Open, []string{"a2"}) {
		t.Fatalf("after the first: %s, open %v", got.Status, got.Open)
	}
	h.over("a2", "payment")
	if got := h.all()[0]; got.Status != incident.Resolved {
		t.Fatalf("after the last: %s", got.Status)
	}
	h.fire("a3", "payment", "slo", alert.Page)
	if got := h.all(); len(got) != 2 || got[0].Number != 2 {
		t.Fatalf("a new alert after the end: got %d incidents", len(got))
	}
}

func TestReopenTakesItBack(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	i, err := h.desk.Declare(ctx, incident.Declaration{Title: "cards fail", Service: "payment", Severity: 2, By: "aoi"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Reopen(ctx, i.ID, "no", "aoi"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("reopen what is open: got %v, want a conflict", err)
	}
	if _, err := h.desk.Resolve(ctx, "1", "aoi"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Resolve(ctx, "1", "ren"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("resolve twice: got %v, want a conflict", err)
	}
	i, err = h.desk.Reopen(ctx, "1", "it came back", "ren")
	if err != nil || i.Status != incident.Investigating || !i.ResolvedAt.IsZero() || !i.MitigatedAt.IsZero() {
		t.Fatalf("got %+v, %v", i, err)
	}
	if _, err := h.desk.Mitigate(ctx, "1", "rolled back", "ren"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Mitigate(ctx, "1", "again", "ren"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("mitigate twice: got %v, want a conflict", err)
	}
}

func TestRefusals(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	if _, err := h.desk.Declare(ctx, incident.Declaration{Title: "x", Service: "ghost", Severity: 2, By: "aoi"}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a service nobody knows: got %v", err)
	}
	if _, err := h.desk.Declare(ctx, incident.Declaration{Title: "x", Severity: 2, By: "aoi"}); err != nil {
		t.Errorf("no service at all: got %v", err)
	}
	if _, err := h.desk.SetRole(ctx, "1", incident.Scribe, "ghost", "aoi"); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a person nobody knows: got %v", err)
	}
	if i, err := h.desk.SetRole(ctx, "1", incident.Commander, "", "aoi"); err != nil || i.Roles[incident.Commander] != "" {
		t.Errorf("leaving a role: got %v, %v", i.Roles, err)
	}
	if _, err := h.desk.Note(ctx, "9", "x", "aoi"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("an incident nobody knows: got %v", err)
	}
}

func TestTimelineOfAnotherIncidentIsShort(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.fire("a1", "payment", "slo", alert.Page)
	if _, err := h.desk.Note(ctx, "1", "of the first", "aoi"); err != nil {
		t.Fatal(err)
	}
	h.over("a1", "payment")
	h.now = h.now.Add(5 * time.Minute)
	h.fire("a2", "payment", "slo", alert.Page)
	records, err := h.desk.Timeline(ctx, h.all()[0])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, r.Name)
	}
	if want := []string{"incident.declared", "incident.resolved", "incident.declared"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// told is news of the service that is nobody's own.
type told struct{ N int }

func (told) EventName() string { return "test.told" }

func TestTimelineHoldsEachRecordOnceAndItsEnd(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	publish := func(service string, n int) {
		var facts []event.Fact
		for k := range n {
			facts = append(facts, event.Fact{Event: told{k}, At: h.now, Service: service, Subject: "test/1"})
		}
		if err := h.db.Write(ctx, func(tx store.Tx) error { return h.log.Publish(ctx, tx, facts...) }); err != nil {
			t.Fatal(err)
		}
	}
	h.now = h.now.Add(-2 * time.Hour)
	publish("payment", 3) // too early
	h.now = h.now.Add(2 * time.Hour)
	h.fire("a1", "payment", "slo", alert.Page)
	publish("payment", 1200)
	publish("search", 5) // another service
	h.over("a1", "payment")
	h.now = h.now.Add(time.Hour)
	publish("payment", 4) // too late
	if _, err := h.desk.Note(ctx, "1", "afterwards", "aoi"); err != nil {
		t.Fatal(err)
	}
	got, err := h.desk.Timeline(ctx, h.all()[0])
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	count := map[string]int{}
	for n, r := range got {
		if seen[r.Seq] || (n > 0 && r.At.Before(got[n-1].At)) {
			t.Fatalf("record %d is twice, or out of order", r.Seq)
		}
		seen[r.Seq] = true
		count[r.Name]++
	}
	if count["test.told"] != 1200 || count["incident.resolved"] != 1 || got[len(got)-1].Name != "incident.note_added" {
		t.Errorf("got %v, the last %s", count, got[len(got)-1].Name)
	}
}
