package oncall_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

func (h *house) answer(a notify.Answer) string {
	h.t.Helper()
	a.Channel = "phone"
	said, err := h.pager.Answered(h.t.Context(), a)
	if err != nil {
		h.t.Fatal(err)
	}
	return said
}

func (h *house) ack(page, by string) {
	h.t.Helper()
	if _, err := h.pager.Ack(h.t.Context(), page, by, "web"); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) decline(by string) {
	h.t.Helper()
	if _, err := h.pager.Decline(h.t.Context(), h.page().ID, by); err != nil {
		h.t.Fatal(err)
	}
}

// Somebody who learned at the first step and is called at the second answers.
func TestAShadowWhoIsCalledLaterAnswers(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		if _, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Shadow, Rota: "first", Person: "ren", Mode: rota.Notify, Start: time.Now(), End: time.Now().Add(24 * time.Hour), By: "aoi"}); err != nil {
			t.Fatal(err)
		}
		h.signal("availability", true, alert.Page)
		h.run(time.Second)
		_, ds, err := h.pager.Page(t.Context(), h.page().ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds {
			for _, action := range []string{notify.Ack, notify.Decline} {
				if d.Kind == oncall.KindShadow {
					if said := h.answer(notify.Answer{Action: action, Token: h.pager.Token(d.ID)}); !strings.Contains(said, "shadow") {
						t.Errorf("the shadow's %s is told %q", action, said)
					}
				}
			}
		}
		h.run(5 * time.Minute)
		if said := h.answer(notify.Answer{Action: notify.Ack, Token: h.phone.last.Actions[0].Token}); !strings.HasPrefix(said, "You have it") {
			t.Errorf("told %q", said)
		}
		if p := h.page(); p.AckedBy != "ren" {
			t.Errorf("the page is %s, with %q", p.State, p.AckedBy)
		}
	})
}

// An answer by number is to the message that came last, not to one that is still
// to come.
func TestAnAnswerByNumberIsToWhatWasSaid(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(time.Hour, "aoi")}}))
		h.fire("one")
		h.run(150 * time.Second)
		h.fire("two")
		h.run(10 * time.Second)
		h.answer(notify.Answer{Action: notify.Ack, Address: "aoi2"})
		if one, two := h.pageOf("one"), h.pageOf("two"); one.State != oncall.Answered || two.State != oncall.Calling {
			t.Errorf("aoi2 was told of one only; one is %s, two is %s", one.State, two.State)
		}
	})
}

// An answer to several pages takes none from whoever has it, and says what it did.
func TestAnAnswerToSeveralLeavesWhatOthersHave(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(ren())
		for i := range 5 {
			h.fire(fmt.Sprint("svc", i))
		}
		h.run(0)
		carrier := h.phone.last.ID
		d, _, err := h.pager.Delivery(t.Context(), carrier)
		if err != nil {
			t.Fatal(err)
		}
		its, _, err := h.pager.Page(t.Context(), d.Page)
		if err != nil {
			t.Fatal(err)
		}
		others, err := h.pager.Bundle(t.Context(), carrier)
		if err != nil || len(others) != 3 {
			t.Fatalf("%d others in the message (%v)", len(others), err)
		}
		h.ack(others[0].ID, "aoi")
		h.over(its.Service)
		h.run(time.Second)
		said := h.answer(notify.Answer{Action: notify.Ack, Token: h.pager.Token(carrier)})
		if !strings.HasPrefix(said, "You have 2: ") {
			t.Errorf("ren is told %q", said)
		}
		if others, err = h.pager.Bundle(t.Context(), carrier); err != nil || others[0].AckedBy != "aoi" || others[1].AckedBy != "ren" || others[2].AckedBy != "ren" {
			t.Errorf("got %+v (%v), want aoi's left alone", others, err)
		}
		h.fire("alone")
		h.run(time.Minute)
		_, ds, err := h.pager.Page(t.Context(), h.pageOf("alone").ID)
		if err != nil {
			t.Fatal(err)
		}
		if said := h.answer(notify.Answer{Action: notify.Decline, Token: h.pager.Token(ds[0].ID)}); !strings.Contains(said, "There is nobody") {
			t.Errorf("declined, with nobody else: %q", said)
		}
	})
}

// Of several who must answer, one who does so in the inbox counts as one who does
// so by the page.
func TestSeveralAnswerInTheInbox(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Acks: 2, Repeat: 1, Steps: []oncall.Step{step(5*time.Minute, "aoi", "ren")}}))
		a := h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		h.expect("both", "0s page aoi1, 0s page ren1")
		if _, err := h.inbox.Ack(t.Context(), a.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(2 * time.Minute)
		h.expect("aoi's second phone", "")
		if _, err := h.inbox.Unack(t.Context(), a.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(time.Second)
		h.ack(h.page().ID, "ren")
		if p := h.page(); p.State != oncall.Calling || len(p.Acks) != 1 {
			t.Errorf("aoi took the answer back: the page is %s, answered by %v", p.State, p.Acks)
		}
	})
}

func TestWhoeverDeclinesIsLeftAlone(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		h.signal("availability", true, alert.Page)
		h.run(10 * time.Second)
		h.decline("aoi")
		h.run(3 * time.Minute)
		h.expect("aoi's second phone stays silent", "0s page aoi1, 10s page ren1")
	})
}

// Whoever has a page from its last step and gives it away has the first called.
func TestTheLastWhoGivesAPageAwayHasTheFirstCalled(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(5*time.Minute, "mio"), step(5*time.Minute, "ren")}}))
		h.equipAgain(t)
		h.signal("availability", true, alert.Page)
		h.run(6 * time.Minute)
		h.ack(h.page().ID, "ren")
		h.run(time.Minute)
		h.phone.take()
		h.decline("ren")
		h.run(20 * time.Minute)
		h.expect("mio again, and not ren", "7m0s page mio1")
		if a, err := h.inbox.Alert(t.Context(), h.page().Alerts[0]); err != nil || a.State() != alert.Open {
			t.Errorf("the alert is %s with %q (%v), want nobody's", a.State(), a.AckedBy, err)
		}
	})
}

// equipAgain gives the house three people and keeps its plan.
func (h *house) equipAgain(t *testing.T) {
	t.Helper()
	plan := h.pager.Plan()
	h.equip(h.phone, nil, plain())
	h.replace(plan)
}

// An answer that was forgotten can be given again where the alert is.
func TestAForgottenAnswerIsGivenAgainInTheInbox(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(policy(oncall.Policy{AckTimeout: 30 * time.Minute, Steps: []oncall.Step{step(5*time.Minute, "aoi"), step(5*time.Minute, "ren")}}))
		a := h.signal("availability", true, alert.Page)
		h.run(time.Second)
		for range 2 {
			if _, err := h.inbox.Ack(t.Context(), a.ID, "aoi", "web"); err != nil {
				t.Fatal(err)
			}
			h.run(time.Second)
			if p := h.page(); p.State != oncall.Answered {
				t.Fatalf("the page is %s", p.State)
			}
			h.run(30 * time.Minute)
			if p := h.page(); p.State != oncall.Calling {
				t.Fatalf("half an hour later the page is %s", p.State)
			}
		}
	})
}

// News that is heard again answers for nobody who sleeps.
func TestOldNewsAnswersForNobody(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(policy(oncall.Policy{AckTimeout: 30 * time.Minute, Steps: []oncall.Step{step(5*time.Minute, "aoi"), step(5*time.Minute, "ren")}}))
		h.signal("availability", true, alert.Page)
		h.run(time.Second)
		h.ack(h.page().ID, "aoi")
		h.run(30*time.Minute + 5*time.Second)
		h.phone.take()
		h.seen = 0
		h.run(10 * time.Minute)
		if got := h.phone.take(); !strings.Contains(got, "ren1") {
			t.Errorf("the page is %s by %q, rang %q", h.page().State, h.page().AckedBy, got)
		}
	})
}

// The echo of one's own answer does not undo that one has passed the page on.
func TestTheEchoOfAnAnswerDoesNotUndoADecline(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.signal("availability", true, alert.Page)
		h.run(time.Second)
		p := h.page()
		h.ack(p.ID, "aoi")
		// The log has taken the answer to the alert, and not yet the alert's echo.
		if err := h.pager.PageAcked(t.Context(), oncall.PageAcked{Page: p.ID, By: "aoi", Alerts: p.Alerts}); err != nil {
			t.Fatal(err)
		}
		h.decline("aoi")
		h.run(time.Minute)
		h.expect("passed on", "0s page aoi1, 1s page ren1")
		if q := h.page(); q.State != oncall.Calling {
			t.Errorf("the page is %s with %q", q.State, q.AckedBy)
		}
		// And that aoi's alert was freed does not take it from ren.
		h.ack(p.ID, "ren")
		h.run(time.Minute)
		h.expect("ren has it", "")
	})
}

// A message of the round before skips nobody who was called since.
func TestAnOldMessageSkipsNobody(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		h.replace(policy(oncall.Policy{Repeat: 1, Steps: []oncall.Step{{Rotas: []string{"first"}, Wait: 10 * time.Minute}, step(10*time.Minute, "mio")}}, always("first", "aoi")))
		if _, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Override, Rota: "first", Person: "ren", Of: rota.Everybody, Start: time.Now().Add(15 * time.Minute), End: time.Now().Add(10 * time.Hour), By: "aoi"}); err != nil {
			t.Fatal(err)
		}
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		token := h.phone.last.Actions[0].Token
		h.run(20 * time.Minute)
		h.expect("two rounds", "0s page aoi1, 10m0s page mio1, 20m0s page ren1")
		if said := h.answer(notify.Answer{Action: notify.Decline, Token: token}); !strings.Contains(said, "passed on already") {
			t.Errorf("told %q", said)
		}
		h.run(time.Second)
		h.expect("ren has nine minutes left", "")
	})
}

// A shadow goes with the person whom round robin chose, and is not called again
// after an answer.
func TestReverseShadowsGoWithWhoIsCalled(t *testing.T) {
	shadow := func(t *testing.T, h *house, of string) {
		t.Helper()
		if _, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Shadow, Rota: "first", Person: "mio", Of: of, Mode: rota.Reverse, Start: time.Now(), End: time.Now().Add(24 * time.Hour), By: "aoi"}); err != nil {
			t.Fatal(err)
		}
	}
	for of, want := range map[string]string{"ren": "0s page aoi1", "aoi": "0s page mio1, 2m0s page aoi1", "": "0s page mio1, 2m0s page aoi1"} {
		night(t, func(t *testing.T, h *house) {
			h.equip(h.phone, nil, plain())
			h.replace(policy(oncall.Policy{Steps: []oncall.Step{{Rotas: []string{"first"}, RoundRobin: true, Wait: time.Hour}}}, always("first", "aoi", "ren")))
			shadow(t, h, of)
			h.fire("checkout")
			h.run(3 * time.Minute)
			h.expect("the shadow of "+of, want)
		})
	}
	night(t, func(t *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		h.replace(policy(oncall.Policy{Acks: 2, Repeat: 1, Steps: []oncall.Step{{Rotas: []string{"first"}, Wait: 5 * time.Minute}}}, always("first", "aoi")))
		shadow(t, h, "")
		h.fire("checkout")
		h.run(time.Second)
		h.ack(h.page().ID, "mio")
		h.run(8 * time.Minute)
		h.expect("mio has answered", "0s page mio1, 2m0s page aoi1, 5m0s page aoi1")
	})
}

// Steps that begin again spare whoever has declined or answered just now.
func TestBeginningAgainSparesWhoSpoke(t *testing.T) {
	one := step(5*time.Minute, "aoi")
	night(t, func(_ *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{one, firstRota}}, always("first", "ren")))
		h.empty(4 * time.Minute)
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		h.decline("aoi")
		h.run(5 * time.Minute)
		h.expect("ren came, aoi is not available", "0s page aoi1, 4m0s page ren1")
	})
	night(t, func(_ *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{one}}))
		h.signal("r0", true, alert.Page)
		h.run(10 * time.Second)
		h.decline("aoi")
		for _, rule := range []string{"r1", "r2", "r3"} {
			h.signal(rule, true, alert.Page)
			h.run(time.Minute)
		}
		h.expect("more alerts", "0s page aoi1")
	})
	night(t, func(t *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		h.replace(policy(oncall.Policy{Acks: 2, Steps: []oncall.Step{one, firstRota}}, always("first", "ren")))
		h.empty(30 * time.Minute)
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		h.ack(h.page().ID, "aoi")
		h.run(40 * time.Minute)
		h.expect("aoi is one of the two", "0s page aoi1, 30m0s page ren1")
		h.ack(h.page().ID, "ren")
		if p := h.page(); p.State != oncall.Answered {
			t.Errorf("two have answered, the page is %s (%v)", p.State, p.Acks)
		}
	})
}

// slowAlerts is an inbox in which something happens before an answer arrives.
type slowAlerts struct {
	*alert.Inbox
	before func()
}

func (s *slowAlerts) Ack(ctx context.Context, id, by, source string) (alert.Alert, error) {
	if do := s.before; do != nil {
		s.before = nil
		do()
	}
	return s.Inbox.Ack(ctx, id, by, source)
}

// The alerts of a page are acknowledged a moment after it. Who declines within that
// moment does not get it back by that.
func TestTheAlertsOfADeclinedPageGiveItToNobody(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		s := &slowAlerts{Inbox: h.inbox}
		h.pager = oncall.New(oncall.Default(), oncall.Deps{Store: h.kept, Ledger: h.kept, Adjustments: h.kept, Key: make([]byte, 32), Alerts: s, Catalog: plain(), Channels: []notify.Channel{h.phone}, Now: time.Now, NewID: id.New})
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(5*time.Minute, "aoi"), step(5*time.Minute, "ren")}}))
		h.signal("availability", true, alert.Page)
		h.run(time.Second)
		h.ack(h.page().ID, "aoi")
		s.before = func() { h.decline("aoi"); h.sleep(10 * time.Millisecond) }
		h.run(time.Minute)
		h.expect("declined", "0s page aoi1, 1s page ren1")
	})
}

// Who answers after another gave the page back keeps it, though the log is slow.
func TestAnOlderUnackTakesNothingFromWhoAnsweredSince(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		a := h.signal("availability", true, alert.Page)
		h.run(time.Second)
		h.ack(h.page().ID, "aoi")
		h.run(time.Second)
		if _, err := h.inbox.Unack(t.Context(), a.ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		h.sleep(20 * time.Millisecond)
		h.ack(h.page().ID, "ren")
		h.run(time.Minute)
		h.expect("ren has it", "0s page aoi1")
		if got, err := h.inbox.Alert(t.Context(), a.ID); err != nil || got.AckedBy != "ren" {
			t.Errorf("the alert is with %q (%v)", got.AckedBy, err)
		}
	})
}

// A page that was declined at the buddy is not answered at home.
func TestWhateverSomebodyDidLastCountsOfTwoHosts(t *testing.T) {
	at := func(d time.Duration) time.Time {
		return time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC).Add(d)
	}
	here := oncall.Page{ID: "p", Service: "s", Policy: "all", Alerts: []string{"a"}, State: oncall.Answered, Step: 1, AckedBy: "aoi", AckedAt: at(0), OpenedAt: at(0), SetAt: at(0), PageNotes: oncall.PageNotes{Firing: 1, Of: 2}}
	there := here
	if _, err := there.Escalate("aoi", at(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := oncall.Adopt(there, &here, &here, nil, oncall.Policy{}, at(2*time.Minute)); got.Page.State != oncall.Calling {
		t.Errorf("declined there: %s by %q", got.Page.State, got.Page.AckedBy)
	}
	if got := oncall.Adopt(here, &there, &there, nil, oncall.Policy{}, at(2*time.Minute)); got.Page.State != oncall.Calling {
		t.Errorf("declined here: %s by %q", got.Page.State, got.Page.AckedBy)
	}
}

// A step that found nobody passes nothing on.
func TestADeclineAfterAStepThatFoundNobody(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(5*time.Minute, "aoi"), firstRota, step(5*time.Minute, "mio")}}, always("first", "ren")))
		h.empty(time.Hour)
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		token := h.phone.last.Actions[0].Token
		if said := h.answer(notify.Answer{Action: notify.Decline, Token: token}); !strings.HasPrefix(said, "Passed on") {
			t.Errorf("told %q", said)
		}
		h.run(time.Second)
		h.expect("the next who is there", "0s page aoi1, 1m0s page mio1")
	})
}

// asked is a phone whose provider is asked, while something else happens.
type asked struct {
	*phone
	do func()
}

func (p *asked) Find(context.Context, string, notify.Message) (notify.Receipt, bool, error) {
	p.do()
	return notify.Receipt{}, false, nil
}

// Asking a provider takes its time: what was answered meanwhile is not sent.
func TestWhatIsAnsweredWhileTheProviderIsAskedIsNotSent(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		ch := &asked{phone: h.phone}
		h.pager = oncall.New(oncall.Default(), oncall.Deps{Store: h.kept, Ledger: h.kept, Adjustments: h.kept, Key: make([]byte, 32), Alerts: h.inbox, Catalog: plain(), Channels: []notify.Channel{ch}, Now: time.Now, NewID: id.New})
		h.replace(ren())
		h.fire("checkout")
		h.hear()
		if ds, err := h.kept.Claim(t.Context(), time.Now(), time.Now().Add(20*time.Second), 9); err != nil || len(ds) != 1 {
			t.Fatalf("got %v (%v), want one", ds, err)
		}
		page := h.pageOf("checkout").ID
		asks := 0
		ch.do = func() { asks++; h.ack(page, "mio") }
		h.run(time.Minute)
		h.expect("mio has it", "")
		if asks != 1 {
			t.Errorf("asked %d times", asks)
		}
	})
}
