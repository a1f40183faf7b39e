package alert_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func after(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func fire(sev alert.Severity, at time.Time) alert.Signal {
	return alert.Signal{ID: "s", Firing: true, Source: "slo", Service: "checkout", Rule: "availability", Severity: sev, Summary: "burns", At: at}
}

func ended(at time.Time) alert.Signal {
	s := fire(alert.Page, at)
	s.Firing = false
	return s
}

func names(facts []event.Fact) string {
	var out []string
	for _, f := range facts {
		out = append(out, f.Event.EventName())
	}
	return strings.Join(out, " ")
}

func TestTake(t *testing.T) {
	open := alert.Alert{ID: "1", Severity: alert.Ticket, Count: 1, OpenedAt: t0, LastAt: t0}
	held := open
	held.AckedAt, held.AckedBy = after(1), "aoi"
	heldPage := held
	heldPage.Severity = alert.Page
	tests := []struct {
		name     string
		a        alert.Alert
		s        alert.Signal
		news     string
		state    alert.State
		severity alert.Severity
		count    int
	}{
		{"the first opens", alert.Alert{ID: "1"}, fire(alert.Page, t0), "alert.fired", alert.Open, alert.Page, 1},
		{"a repeat is no news", open, fire(alert.Ticket, after(2)), "", alert.Open, alert.Ticket, 2},
		{"a rise is news", open, fire(alert.Page, after(2)), "alert.raised", alert.Open, alert.Page, 2},
		{"a rise to page takes the acknowledgement back", held, fire(alert.Page, after(2)), "alert.raised", alert.Open, alert.Page, 2},
		{"a fall is no news", heldPage, fire(alert.Info, after(2)), "", alert.Held, alert.Page, 2},
		{"a repeat leaves who has it", held, fire(alert.Ticket, after(2)), "", alert.Held, alert.Ticket, 2},
		{"the end resolves", open, ended(after(5)), "alert.resolved", alert.Resolved, alert.Ticket, 1},
		{"the end resolves what is held", held, ended(after(5)), "alert.resolved", alert.Resolved, alert.Ticket, 1},
		{"the end of nothing is nothing", alert.Alert{ID: "1"}, ended(t0), "", alert.Open, "", 0},
	}
	for _, tt := range tests {
		a := tt.a
		got := names(a.Take(tt.s))
		if got != tt.news || a.State() != tt.state || a.Severity != tt.severity || a.Count != tt.count {
			t.Errorf("%s: got news %q, %s, %s ×%d; want %q, %s, %s ×%d", tt.name, got, a.State(), a.Severity, a.Count, tt.news, tt.state, tt.severity, tt.count)
		}
	}
}

func TestTakeRenewsTheEvidence(t *testing.T) {
	a := alert.Alert{ID: "1"}
	a.Take(fire(alert.Page, t0))
	s := fire(alert.Page, after(3))
	s.Summary, s.Expr, s.URL, s.Evidence = "burns harder", "burn > 14.4", "https://x.example", []alert.Evidence{{Name: "burn", Value: "21×"}}
	a.Take(s)
	if a.Summary != s.Summary || a.Expr != s.Expr || a.URL != s.URL || len(a.Evidence) != 1 || !a.LastAt.Equal(s.At) || !a.OpenedAt.Equal(t0) {
		t.Errorf("got %+v, want what %+v says, open since %s", a, s, t0)
	}
}

func TestAnEndIsNeverBeforeItsBeginning(t *testing.T) {
	a := alert.Alert{ID: "1"}
	a.Take(fire(alert.Page, t0))
	facts := a.Take(ended(after(-9)))
	if ev := facts[0].Event.(alert.ResolvedEvent); !a.ResolvedAt.Equal(t0) || ev.OpenSeconds != 0 {
		t.Errorf("got resolved %s after %v s, want %s after 0", a.ResolvedAt, ev.OpenSeconds, t0)
	}
}

// What an objective reports ends when the burn does: closed by hand, it would
// call nobody any more.
func TestABurnIsNotClosedByHand(t *testing.T) {
	a := alert.Alert{ID: "1"}
	a.Take(fire(alert.Page, t0))
	if facts, err := a.Close("aoi", after(4), "web"); errs.KindOf(err) != errs.Conflict || len(facts) != 0 || a.State() != alert.Open {
		t.Errorf("got %v, %v, %s; want Conflict and nothing changed", facts, err, a.State())
	}
}

func TestPeopleJudge(t *testing.T) {
	ack := func(who string) func(*alert.Alert) ([]event.Fact, error) {
		return func(a *alert.Alert) ([]event.Fact, error) { return a.Ack(who, after(2), "web") }
	}
	unack := func(a *alert.Alert) ([]event.Fact, error) { return a.Unack("aoi", after(3), "web") }
	shut := func(a *alert.Alert) ([]event.Fact, error) { return a.Close("aoi", after(4), "web") }
	type step = func(*alert.Alert) ([]event.Fact, error)
	tests := []struct {
		name  string
		steps []step
		news  string // of the last step
		kind  errs.Kind
		state alert.State
		by    string
	}{
		{"ack", []step{ack("aoi")}, "alert.acked", errs.Internal, alert.Held, "aoi"},
		{"ack twice is no news", []step{ack("aoi"), ack("aoi")}, "", errs.Internal, alert.Held, "aoi"},
		{"another takes over", []step{ack("aoi"), ack("ren")}, "alert.acked", errs.Internal, alert.Held, "ren"},
		{"unack", []step{ack("aoi"), unack}, "alert.unacked", errs.Internal, alert.Open, ""},
		{"unack what nobody has", []step{unack}, "", errs.Conflict, alert.Open, ""},
		{"close", []step{shut}, "alert.resolved", errs.Internal, alert.Resolved, ""},
		{"close twice", []step{shut, shut}, "", errs.Conflict, alert.Resolved, ""},
		{"ack what is over", []step{shut, ack("ren")}, "", errs.Conflict, alert.Resolved, ""},
		{"unack what is over", []step{ack("ren"), shut, unack}, "", errs.Conflict, alert.Resolved, "ren"},
	}
	for _, tt := range tests {
		a := alert.Alert{ID: "1"}
		s := fire(alert.Page, t0)
		s.Source = "api"
		a.Take(s)
		var facts []event.Fact
		var err error
		for _, s := range tt.steps {
			facts, err = s(&a)
		}
		if (err != nil) != (tt.kind != errs.Internal) || (err != nil && errs.KindOf(err) != tt.kind) {
			t.Errorf("%s: got error %v, want kind %v", tt.name, err, tt.kind)
		}
		if names(facts) != tt.news || a.State() != tt.state || a.AckedBy != tt.by {
			t.Errorf("%s: got %q, %s by %q; want %q, %s by %q", tt.name, names(facts), a.State(), a.AckedBy, tt.news, tt.state, tt.by)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := fire(alert.Page, t0).Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*alert.Signal){
		"no id": func(s *alert.Signal) { s.ID = "" }, "long id": func(s *alert.Signal) { s.ID = strings.Repeat("x", 129) },
		"no rule": func(s *alert.Signal) { s.Rule = "" }, "no source": func(s *alert.Signal) { s.Source = "" },
		"no severity": func(s *alert.Signal) { s.Severity = "" }, "odd severity": func(s *alert.Signal) { s.Severity = "sev1" },
		"no time": func(s *alert.Signal) { s.At = time.Time{} }, "long summary": func(s *alert.Signal) { s.Summary = strings.Repeat("x", 4097) },
	} {
		s := fire(alert.Page, t0)
		spoil(&s)
		if errs.KindOf(s.Validate()) != errs.Invalid {
			t.Errorf("%s: got %v, want an Invalid error", name, s.Validate())
		}
	}
}

func TestGroupByService(t *testing.T) {
	at := func(id, svc string, sev alert.Severity) alert.Alert {
		return alert.Alert{ID: id, Service: svc, Severity: sev, Count: 1, OpenedAt: t0}
	}
	held := at("3", "b", alert.Page)
	held.AckedAt = t0
	over := at("4", "b", alert.Page)
	over.ResolvedAt = t0
	got := alert.GroupByService([]alert.Alert{held, at("1", "a", alert.Info), at("2", "b", alert.Ticket), over})
	want := "b worst 2 open 2 of 3, a worst 1 open 1 of 1"
	var said []string
	for _, g := range got {
		said = append(said, fmt.Sprintf("%s worst %s open %d of %d", g.Service, g.Worst.ID, g.Open, len(g.Alerts)))
	}
	if s := strings.Join(said, ", "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

// Whatever is sent in whatever order: at most one open alert per fingerprint,
// repeats fold, and a signal is taken once.
func TestInboxKeepsItsRules(t *testing.T) {
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"),
		testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: alertdb.Migrations})
	log := bus.New(db, func() time.Time { return t0 }, id.New)
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		inbox := alert.NewInbox(alertdb.New(db, log, id.New), func() time.Time { return t0 })
		service := fmt.Sprint("svc-", round)
		m := model{open: map[string]int{}, taken: map[string]bool{}}
		for i := range rapid.IntRange(1, 12).Draw(t, "signals") {
			rule := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "rule")
			s := fire(rapid.SampledFrom([]alert.Severity{alert.Page, alert.Ticket, alert.Info}).Draw(t, "severity"), after(i))
			s.Service, s.Rule, s.Firing = service, rule, rapid.IntRange(0, 3).Draw(t, "firing") > 0
			s.ID = fmt.Sprint(service, "-", rapid.IntRange(0, 8).Draw(t, "id"))
			if _, err := inbox.Take(context.Background(), s); err != nil {
				t.Fatal(err)
			}
			m.take(s)
		}
		m.compare(t, inbox, service)
	})
	var doubles int
	err := db.Read(t.Context(), func(tx store.Tx) error {
		return tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM (SELECT fingerprint FROM alert_alert WHERE resolved_at = 0 GROUP BY fingerprint HAVING COUNT(*) > 1) AS d`).Scan(&doubles)
	})
	if err != nil || doubles != 0 {
		t.Errorf("got %d fingerprints with two open alerts (%v), want none", doubles, err)
	}
}

// model is the inbox in ten lines: the count of each open alert, by rule.
type model struct {
	open  map[string]int
	taken map[string]bool
	ended int
}

func (m *model) take(s alert.Signal) {
	switch {
	case m.taken[s.ID]:
	case s.Firing:
		m.open[s.Rule]++
	case m.open[s.Rule] > 0:
		delete(m.open, s.Rule)
		m.ended++
	}
	m.taken[s.ID] = true
}

func (m *model) compare(t *rapid.T, inbox *alert.Inbox, service string) {
	got, err := inbox.Alerts(context.Background(), alert.Query{Service: service})
	if err != nil {
		t.Fatal(err)
	}
	over, open := 0, map[string]int{}
	for _, a := range got {
		if a.State() == alert.Resolved {
			over++
			continue
		}
		if open[a.Rule] > 0 {
			t.Fatalf("two open alerts of rule %s", a.Rule)
		}
		open[a.Rule] = a.Count
	}
	if over != m.ended || fmt.Sprint(open) != fmt.Sprint(m.open) {
		t.Fatalf("got %v open and %d ended, want %v and %d", open, over, m.open, m.ended)
	}
}
