package oncall_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// provider is a channel that takes its time, or does not answer at all.
type provider struct {
	takes   time.Duration
	hangs   bool   // until the time of the hand-over is up
	refuses string // an address
	sleep   func(time.Duration)

	mu   sync.Mutex
	rang []string
}

func (*provider) Name() string       { return "phone" }
func (*provider) Check(string) error { return nil }

func (p *provider) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if p.hangs {
		<-ctx.Done()
		return notify.Receipt{}, errs.New(errs.Unavailable, "timeout")
	}
	p.sleep(p.takes)
	if address == p.refuses {
		return notify.Receipt{}, errs.New(errs.Invalid, "no such number")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rang = append(p.rang, m.Title)
	return notify.Receipt{}, nil
}

// workFor is [house.run] without waiting for what is in hand.
func (h *house) workFor(d time.Duration) {
	h.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); h.sleep(500 * time.Millisecond) {
		h.hear()
		for _, do := range []func(context.Context) error{h.pager.Escalate, h.pager.Deliver} {
			if err := do(h.t.Context()); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// Messages that wait behind one that hangs outlive their lease. What becomes of
// them counts all the same, and the next person is called.
func TestWhatWaitsBehindAHangingPhoneGivesWay(t *testing.T) {
	for what, p := range map[string]*provider{"it hangs": {hangs: true}, "it refuses, slowly": {refuses: "aoi1", takes: 9 * time.Second}} {
		night(t, func(t *testing.T, h *house) {
			p.sleep = h.sleep
			h.equip(p, nil, plain())
			h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(3*time.Hour, "aoi"), step(time.Hour, "ren")}}))
			for i := range 5 {
				h.fire(fmt.Sprint("svc", i))
			}
			h.workFor(6 * time.Minute)
			ps, err := h.pager.Pages(t.Context(), oncall.PageQuery{Open: true})
			if err != nil || len(ps) != 5 {
				t.Fatalf("%d pages (%v)", len(ps), err)
			}
			for _, p := range ps {
				_, ds, err := h.pager.Page(t.Context(), p.ID)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(ds, func(d oncall.Delivery) bool { return d.Person == "ren" }) {
					t.Errorf("%s: %s did not call ren", what, p.Service)
				}
				for _, d := range ds {
					_, attempts, err := h.pager.Delivery(t.Context(), d.ID)
					if err != nil || slices.ContainsFunc(attempts, func(a oncall.Attempt) bool { return a.Late }) {
						t.Errorf("%s: an attempt for %s was late, though nobody else has it (%v)", what, d.Person, err)
					}
				}
				if _, err := h.pager.Ack(t.Context(), p.ID, "ren", "web"); err != nil {
					t.Fatal(err)
				}
			}
			h.drain()
		})
	}
}

// Draining waits for what is in hand, and gives back what waits: whoever delivers
// next has it at once.
func TestDrainGivesBackWhatWaits(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		night(t, func(t *testing.T, h *house) { drains(t, h, stopped) })
	}
}

func drains(t *testing.T, h *house, stopped bool) {
	t.Helper()
	p := &provider{hangs: true, sleep: h.sleep}
	h.equip(p, nil, plain())
	h.replace(ren())
	for i := range 30 {
		h.fire(fmt.Sprint("svc", i))
	}
	h.hear()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := h.pager.Deliver(ctx); err != nil {
		t.Fatal(err)
	}
	h.sleep(time.Second)
	start := time.Now()
	if stopped { // as the round does when the server stops
		cancel()
		h.sleep(time.Millisecond)
	}
	if err := h.pager.Drain(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > oncall.Default().Timeout {
		t.Errorf("took %s, longer than one hand-over", took)
	}
	again, err := h.kept.Claim(t.Context(), time.Now(), time.Now().Add(time.Minute), 100)
	doubts := 0
	for _, d := range again {
		if d.Doubt {
			doubts++
		}
	}
	if err != nil || len(again) != 29 || doubts > 0 {
		t.Errorf("%d given back, %d in doubt (%v); want the 29 that were not tried", len(again), doubts, err)
	}
}

// A message that was cancelled while it waited in its lane is not sent, though its
// page calls again.
func TestWhatWasCancelledInItsLaneIsNotSent(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		p := &provider{takes: 5 * time.Second, sleep: h.sleep}
		h.equip(p, nil, plain())
		h.replace(ren())
		h.fire("a")
		h.fire("b")
		h.hear()
		if err := h.pager.Deliver(t.Context()); err != nil { // a is in hand, b waits
			t.Fatal(err)
		}
		h.sleep(time.Second)
		b := h.pageOf("b")
		if _, err := h.pager.Ack(t.Context(), b.ID, "mio", "web"); err != nil {
			t.Fatal(err)
		}
		h.hear()
		if _, err := h.inbox.Unack(t.Context(), b.Alerts[0], "mio", "web"); err != nil {
			t.Fatal(err)
		}
		h.workFor(20 * time.Second)
		h.drain()
		if got := strings.Join(p.rang, ", "); got != "a needs you, b needs you" {
			t.Errorf("rang %q, want each once", got)
		}
	})
}

// A phone that was out of order through many rounds rings once when it works, and
// goes on by the rounds.
func TestARoundTakesThePlaceOfTheOneBefore(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Repeat: 3, Steps: []oncall.Step{step(5*time.Minute, "ren")}}))
		h.phone.broken = time.Now().Add(30 * time.Minute)
		h.signal("availability", true, alert.Page)
		h.run(50 * time.Minute)
		last := 25 * time.Minute
		for _, r := range h.phone.rang {
			if r.after-last < 5*time.Minute {
				t.Errorf("rang %v: twice within a round", h.phone.rang)
			}
			last = r.after
		}
		if len(h.phone.rang) < 2 {
			t.Errorf("rang %v, want from when it works", h.phone.rang)
		}
	})
}

// That messages of the first round arrived is no hope for those of the second.
func TestASecondRoundThatReachesNobodyGoesOn(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Repeat: 1, Steps: []oncall.Step{step(time.Hour, "ren"), step(time.Hour, "aoi")}}))
		h.signal("availability", true, alert.Page)
		h.run(119 * time.Minute)
		h.phone.broken = time.Now().Add(24 * time.Hour)
		h.run(4 * time.Minute)
		if p := h.page(); p.Round != 1 || p.Step != 2 {
			t.Errorf("ren cannot be reached: step %d of round %d, want aoi's", p.Step, p.Round)
		}
	})
}

// A message of several pages that will not arrive fails for all of them.
func TestABundleThatDoesNotArriveFailsAsAWhole(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(time.Hour, "ren"), step(time.Hour, "aoi")}}))
		for i := range 4 {
			h.fire(fmt.Sprint("svc", i))
		}
		h.run(0)
		carrier := h.phone.last.ID
		in, err := h.kept.Bundle(t.Context(), carrier)
		if err != nil || len(in) != 2 {
			t.Fatalf("%d in the bundle (%v)", len(in), err)
		}
		for range 2 { // reports come at least once
			if err := h.pager.Reported(t.Context(), notify.Report{Message: carrier, State: notify.Undelivered, Detail: "unreachable"}); err != nil {
				t.Fatal(err)
			}
		}
		if n := h.count("oncall.delivery_failed"); n != 3 {
			t.Errorf("said %d times that a message fails, want once of each", n)
		}
		h.run(10 * time.Second)
		for _, d := range in {
			if p, ds, err := h.pager.Page(t.Context(), d.Page); err != nil || p.Step != 2 || ds[0].State != oncall.Failed {
				t.Errorf("%s: step %d, its message %s (%v); want aoi called", p.Service, p.Step, ds[0].State, err)
			}
		}
	})
}

// hasty reports what becomes of a message before its sender has heard that it was
// taken: that it arrived or, at one address, that it will not.
type hasty struct {
	pager **oncall.Pager
	dead  string
	rang  []string
	do    func() // meanwhile
	after error  // of the hand-over
}

func (*hasty) Name() string       { return "phone" }
func (*hasty) Check(string) error { return nil }

func (s *hasty) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	s.rang = append(s.rang, address)
	if s.do != nil {
		s.do()
	}
	say := notify.Report{Message: m.ID, Channel: "phone", ProviderID: m.ID, State: notify.Delivered}
	if address == s.dead {
		say.State, say.Detail = notify.Undelivered, "no such number"
	}
	if err := (*s.pager).Reported(ctx, say); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{ProviderID: m.ID}, s.after
}

func TestAReportBeforeTheOutcomeCounts(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		ch := &hasty{pager: &h.pager, dead: "aoi1"}
		h.equip(ch, nil, plain())
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(time.Hour, "aoi"), step(time.Hour, "ren")}}))
		h.fire("checkout")
		h.run(time.Minute)
		_, ds, err := h.pager.Page(t.Context(), h.page().ID)
		if err != nil || ds[0].State != oncall.Failed || strings.Join(ch.rang, " ") != "aoi1 ren1" {
			t.Errorf("aoi's is %s, rang %v (%v); want it failed, and ren called", ds[0].State, ch.rang, err)
		}
	})
}

// What a provider says it has needs no answer: one that is lost, with its sender or
// without, repeats nothing, and the message is told of once.
func TestAReportIsAsGoodAsTheAnswer(t *testing.T) {
	for what, lost := range map[string]error{"the answer came": nil, "it was lost": errs.New(errs.Unavailable, "connection reset")} {
		night(t, func(t *testing.T, h *house) {
			ch := &hasty{pager: &h.pager, after: lost}
			h.equip(ch, nil, plain())
			h.replace(ren())
			h.fire("checkout")
			h.run(time.Hour)
			_, ds, err := h.pager.Page(t.Context(), h.page().ID)
			if err != nil || ds[0].State != oncall.Arrived || ds[0].Attempts != 1 || len(ch.rang) != 1 {
				t.Errorf("%s: it is %s after %d attempts, rang %v (%v); want it arrived, once", what, ds[0].State, ds[0].Attempts, ch.rang, err)
			}
			if n := h.count("oncall.delivered"); n != 1 {
				t.Errorf("%s: told %d times that it was delivered", what, n)
			}
		})
	}
	night(t, func(t *testing.T, h *house) { // somebody answers while it is sent
		ch := &hasty{pager: &h.pager}
		h.equip(ch, nil, plain())
		h.replace(ren())
		h.fire("checkout")
		ch.do = func() { h.ack(h.page().ID, "aoi") }
		h.run(time.Minute)
		_, ds, err := h.pager.Page(t.Context(), h.page().ID)
		if err != nil || ds[0].State != oncall.Arrived || h.count("oncall.delivered") != 1 {
			t.Errorf("it is %s (%v), told %d times; want it arrived, once", ds[0].State, err, h.count("oncall.delivered"))
		}
	})
	night(t, func(t *testing.T, h *house) {
		h.replace(ren())
		h.fire("checkout")
		h.hear()
		ds, err := h.kept.Claim(t.Context(), time.Now(), time.Now().Add(20*time.Second), 9) // and the sender died
		if err != nil || len(ds) != 1 {
			t.Fatalf("got %v (%v), want one", ds, err)
		}
		if err := h.pager.Reported(t.Context(), notify.Report{Message: ds[0].ID, Channel: "phone", ProviderID: "SM1", State: notify.Accepted}); err != nil {
			t.Fatal(err)
		}
		h.run(time.Hour)
		h.expect("its provider has it", "")
		if d, _, err := h.pager.Delivery(t.Context(), ds[0].ID); err != nil || d.State != oncall.Sent || d.Receipt != "SM1" || h.count("oncall.delivered") != 1 {
			t.Errorf("got %+v (%v), told %d times", d, err, h.count("oncall.delivered"))
		}
	})
}

// late takes a message at the second attempt.
type late struct {
	seen map[string]bool
	rang []string
}

func (*late) Name() string       { return "phone" }
func (*late) Check(string) error { return nil }

func (s *late) Send(_ context.Context, _ string, m notify.Message) (notify.Receipt, error) {
	if !s.seen[m.ID] {
		s.seen[m.ID] = true
		return notify.Receipt{}, errs.New(errs.Unavailable, "busy")
	}
	s.rang = append(s.rang, string(m.Kind)+" "+m.Title)
	return notify.Receipt{ProviderID: m.ID}, nil
}

// That paging does badly is paged once, and not for ever because that page is late
// too.
func TestPagingDoesNotPageAboutItsOwnPages(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		ch := &late{seen: map[string]bool{}}
		h.equip(ch, nil, plain())
		h.replace(ren())
		h.fire("svc1")
		h.fire("svc2")
		var burning []string
		alerts := 0
		for range 2 * 60 * 2 {
			h.run(0)
			g, err := h.pager.Health(t.Context(), burning...)
			if err != nil {
				t.Fatal(err)
			}
			if (len(burning) > 0) != (len(g.Burning) > 0) {
				alerts++
				now := time.Now()
				if _, err := h.inbox.Take(t.Context(), alert.Signal{ID: fmt.Sprint("paging-", now.UnixNano()), Firing: len(g.Burning) > 0, Source: "oncall", Service: oncall.Itself, Rule: "paging-burns", Severity: alert.Page, Summary: g.Sentence, At: now}); err != nil {
					t.Fatal(err)
				}
			}
			burning = g.Burning
			ps, err := h.pager.Pages(t.Context(), oncall.PageQuery{Open: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range ps { // everybody answers within a minute
				if p.State == oncall.Calling && time.Since(p.OpenedAt) > time.Minute {
					if _, err := h.pager.Ack(t.Context(), p.ID, "ren", "web"); err != nil {
						t.Fatal(err)
					}
				}
			}
			h.sleep(30 * time.Second)
		}
		if alerts != 2 || len(burning) > 0 {
			t.Errorf("two late messages in two hours: said %d times that paging burns or does not, at the end %v:\n%s", alerts, burning, strings.Join(ch.rang, "\n"))
		}
	})
}

// What went out more than a minute ago makes no storm: each of two pages is told
// by itself.
func TestAnOldPageMakesNoStorm(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		h.replace(ren())
		h.fire("svc0")
		h.run(2 * time.Minute)
		h.fire("svc1")
		h.fire("svc2")
		h.run(time.Second)
		h.expect("each by itself", "0s page ren1, 2m0s page ren1, 2m0s page ren1")
	})
}
