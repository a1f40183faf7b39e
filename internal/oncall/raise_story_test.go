package oncall_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/id"
)

// say tells the inbox of one alert in a sender's word for how bad it is.
func (h *house) say(word string) alert.Alert {
	h.t.Helper()
	a, err := h.inbox.Take(h.t.Context(), alert.Signal{ID: id.New(), Firing: true, Source: "pd", Service: "checkout", Rule: "r", Severity: alert.Page, Labels: map[string]string{"pd_severity": word}, Summary: "checkout is " + word, At: time.Now()})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// aoi is called for what is critical, ren for everything.
func forCritical() *oncall.Plan {
	critical := step(time.Hour, "aoi")
	critical.Severities = []string{"critical"}
	return policy(oncall.Policy{Steps: []oncall.Step{critical, step(time.Hour, "ren")}})
}

// An alert that gets worse calls whoever is there for that, once.
func TestAnAlertThatGetsWorseCallsWhoeverIsThereForIt(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(forCritical())
		h.say("error")
		h.run(time.Minute)
		h.expect("an error", "0s page ren1")
		for _, word := range []string{"critical", "error", "critical", "Critical"} {
			h.say(word)
			h.run(time.Second)
		}
		h.expect("critical, and to and fro", "1m0s page aoi1")
		if p := h.page(); p.Severity != "critical" || len(p.Alerts) != 1 || !strings.Contains(h.phone.last.Body, "checkout is critical") {
			t.Errorf("the page is %s, of %d alerts; aoi was told %q", p.Severity, len(p.Alerts), h.phone.last.Body)
		}
	})
}

// Whoever has an error was not asked to mind what is critical.
func TestAnAnswerToAnErrorIsNoneToWhatIsCritical(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(forCritical())
		a := h.say("error")
		h.run(time.Minute)
		if _, err := h.inbox.Ack(t.Context(), a.ID, "ren", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(time.Minute)
		h.say("critical")
		h.run(time.Second)
		h.expect("critical", "0s page ren1, 2m0s page aoi1")
		if got, err := h.inbox.Alert(t.Context(), a.ID); err != nil || got.State() != alert.Open || h.page().State != oncall.Calling {
			t.Errorf("the alert is %s and the page %s (%v): ren had it", got.State(), h.page().State, err)
		}
		if n := h.count("oncall.retriggered"); n != 1 {
			t.Errorf("said %d times that it calls again", n)
		}
		if _, err := h.inbox.Ack(t.Context(), a.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(3 * time.Hour)
		h.expect("aoi has it", "")
		if p := h.page(); p.AckedBy != "aoi" {
			t.Errorf("the page is %s, with %q", p.State, p.AckedBy)
		}
	})
}

// Where no step is for what is critical, whoever has the page keeps it.
func TestAWorseAlertLeavesAnAnswerWhereNoStepMinds(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(ren())
		h.say("error")
		h.run(time.Minute)
		h.ack(h.page().ID, "ren")
		h.run(time.Second)
		h.say("critical")
		h.run(2 * time.Hour)
		h.expect("ren has it", "0s page ren1")
		if p := h.page(); p.State != oncall.Answered || p.Severity != "critical" {
			t.Errorf("the page is %s, %s", p.State, p.Severity)
		}
	})
}

// That an alert is there is told again after a restart, and is no news: two words for
// what is equally bad call nobody in turn.
func TestToTellAgainIsNoNews(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		first, second := step(time.Hour, "aoi"), step(time.Hour, "ren")
		first.Severities, second.Severities = []string{"critical"}, []string{"p1"}
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{first, second}}))
		var alerts []string
		for _, word := range []string{"critical", "p1"} {
			a, err := h.inbox.Take(t.Context(), alert.Signal{ID: id.New(), Firing: true, Source: "am", Service: "checkout", Rule: word, Severity: alert.Page, Labels: map[string]string{"severity": word}, Summary: word, At: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			alerts = append(alerts, a.ID)
			h.run(time.Second)
		}
		h.ack(h.page().ID, "ren")
		h.run(time.Second)
		h.phone.take()
		for _, a := range append(alerts, alerts...) {
			if err := h.pager.AlertFired(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		h.run(time.Minute)
		h.expect("ren has it", "")
		if p := h.page(); p.State != oncall.Answered || h.count("oncall.retriggered") != 0 {
			t.Errorf("the page is %s, called again %d times", p.State, h.count("oncall.retriggered"))
		}
	})
}
