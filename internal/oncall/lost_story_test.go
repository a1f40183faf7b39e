package oncall_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// The stories of this file are ways in which a page could be lost: opened, and
// told to nobody.

// pageOf is the newest page of a service.
func (h *house) pageOf(service string) oncall.Page {
	h.t.Helper()
	ps, err := h.pager.Pages(h.t.Context(), oncall.PageQuery{Service: service})
	if err != nil || len(ps) == 0 {
		h.t.Fatalf("no page of %s (%v)", service, err)
	}
	return ps[0]
}

// over resolves what [house.fire] fired.
func (h *house) over(service string) {
	h.t.Helper()
	_, err := h.inbox.Take(h.t.Context(), alert.Signal{ID: id.New(), Source: "slo", Service: service, Rule: "r", Severity: alert.Page, Summary: service + " is up", At: time.Now()})
	if err != nil {
		h.t.Fatal(err)
	}
}

// equip gives the house another channel, journal and catalog.
func (h *house) equip(ch notify.Channel, j oncall.Journal, c oncall.Catalog) {
	h.pager = oncall.New(oncall.Default(), oncall.Deps{Store: h.kept, Ledger: h.kept, Adjustments: h.kept, Journal: j, Key: make([]byte, 32), Alerts: h.inbox, Catalog: c, Channels: []notify.Channel{ch}, Now: time.Now, NewID: id.New})
}

// plain are three people with a phone each.
func plain() *catalog.Catalog {
	people := catalog.New()
	var all []catalog.Person
	for _, who := range []string{"aoi", "ren", "mio"} {
		all = append(all, catalog.Person{ID: who, Devices: []catalog.Device{{ID: "d1", Channel: "phone", Address: who + "1"}}})
	}
	people.Replace(&catalog.Snapshot{Services: []catalog.Service{{ID: "checkout", Team: "shop"}}, People: all})
	return people
}

// policy is a plan of one policy for everything.
func policy(q oncall.Policy, rotas ...oncall.Rota) *oncall.Plan {
	q.ID, q.Default = "all", true
	return &oncall.Plan{Rotas: rotas, Policies: []oncall.Policy{q}}
}

func step(wait time.Duration, people ...string) oncall.Step {
	return oncall.Step{People: people, Wait: wait}
}

// ren is called for everything.
func ren() *oncall.Plan {
	return policy(oncall.Policy{Steps: []oncall.Step{step(time.Hour, "ren")}})
}

// What an earlier sender may have sent is asked for by itself: new pages behind it
// are not taken for told.
func TestADoubtHidesNoNewPage(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(ren())
		h.fire("svc0")
		h.run(time.Second)
		h.fire("svc1")
		h.hear()
		taken, err := h.kept.Claim(t.Context(), time.Now(), time.Now().Add(time.Second), 9)
		if err != nil || len(taken) != 1 {
			t.Fatalf("got %v (%v)", taken, err)
		}
		h.phone.has = taken[0].ID // the provider has it; the sender died
		h.sleep(2 * time.Second)
		h.fire("svc2")
		h.run(time.Minute)
		h.expect("svc0, and svc2 after it", "0s page ren1, 3s page ren1")
		if !strings.HasPrefix(h.phone.last.Title, "svc2") {
			t.Errorf("the last was %q, want svc2", h.phone.last.Title)
		}
	})
}

// book is a journal of a process that died.
type book map[string]string

func (book) Handed(...string) error { return nil }

func (b book) Took(id string) (string, bool) { carrier, ok := b[id]; return carrier, ok }

func TestTheJournalOfAStormHidesNoNewPage(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		b := book{}
		h.equip(h.phone, b, plain())
		h.replace(ren())
		for i := range 4 {
			h.fire(fmt.Sprint("old", i))
		}
		h.hear()
		taken, err := h.kept.Claim(t.Context(), time.Now(), time.Now().Add(time.Second), 9)
		if err != nil || len(taken) != 4 {
			t.Fatalf("got %v (%v)", taken, err)
		}
		for _, d := range taken { // all four were handed over in one, and noted; then the server died
			b[d.ID] = taken[0].ID
		}
		h.sleep(2 * time.Second)
		h.fire("new0")
		h.fire("new1")
		h.run(time.Minute)
		h.expect("what is new", "2s page ren1, 2s page ren1")
		if _, err := h.pager.Answered(t.Context(), notify.Answer{Channel: "phone", Action: notify.Ack, Token: h.pager.Token(taken[0].ID)}); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if p := h.pageOf(fmt.Sprint("old", i)); p.State != oncall.Answered {
				t.Errorf("the answer to what carried all four leaves %s %s", p.Service, p.State)
			}
		}
	})
}

func TestAPolicyThatIsRenamedGoesOn(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(5*time.Minute, "aoi")}}))
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		h.replace(&oncall.Plan{Policies: []oncall.Policy{{ID: "new", Teams: []string{"shop"}, Steps: []oncall.Step{step(5*time.Minute, "ren")}}}})
		h.run(time.Hour)
		h.expect("the policy that covers the service now", "0s page aoi1, 2m0s page aoi2, 5m0s page ren1")
	})
}

func TestAPolicyThatIsRemovedIsLookedForAgain(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		h.signal("availability", true, alert.Page)
		h.run(time.Second)
		h.replace(&oncall.Plan{})
		h.run(time.Hour)
		h.phone.take()
		h.replace(ren())
		h.run(2 * time.Minute)
		h.expect("once there is one again", "1h1m0s page ren1")
	})
}

func TestAConfigurationThatIsMendedCalls(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.replace(&oncall.Plan{})
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		if p := h.page(); p.State != oncall.NoPolicy {
			t.Fatalf("the page is %s", p.State)
		}
		h.replace(ren())
		h.run(2 * time.Minute)
		h.expect("mended", "2m0s page ren1")
		if n := h.count("oncall.exhausted"); n != 1 {
			t.Errorf("said %d times that there is nobody", n)
		}
	})
}

// Steps that were taken out of a policy take none of those that are left with them.
func TestAPolicyWithFewerStepsSkipsNone(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(5*time.Minute, "aoi"), step(5*time.Minute, "aoi")}}))
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		h.phone.take()
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(5*time.Minute, "ren")}}))
		h.run(10 * time.Minute)
		h.expect("the policy says ren", "2m0s page aoi2, 5m0s page ren1")
	})
}

// Nobody is on call for an hour: rounds that would call nobody do not count, and
// whoever comes on call is called.
func TestWhoeverComesOnCallIsCalled(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		if _, err := h.pager.Adjust(t.Context(), oncall.Adjustment{Kind: rota.Override, Rota: "first", Of: rota.Everybody, Start: time.Now(), End: time.Now().Add(time.Hour), By: "aoi"}); err != nil {
			t.Fatal(err)
		}
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{{Rotas: []string{"first"}, Wait: 5 * time.Minute}}}, always("first", "aoi")))
		h.signal("availability", true, alert.Page)
		h.run(3 * time.Hour)
		h.expect("from when aoi is on call", "1h0m0s page aoi1, 1h2m0s page aoi2")
		if p := h.page(); p.State != oncall.Unheard {
			t.Errorf("the page is %s, want unheard", p.State)
		}
	})
}

// An alert that was acknowledged before anybody was paged, and is given back, calls.
func TestAnAlertThatIsGivenBackCallsTheFirstTime(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		a := h.signal("availability", true, alert.Page)
		if _, err := h.inbox.Ack(t.Context(), a.ID, "ren", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(time.Minute)
		if _, err := h.inbox.Unack(t.Context(), a.ID, "ren", "web"); err != nil {
			t.Fatal(err)
		}
		h.run(time.Second)
		h.expect("given back", "1m0s page aoi1")
	})
}

// hooked does something while the pager looks at the catalog.
type hooked struct {
	*catalog.Catalog
	do func()
}

func (c *hooked) Service(ctx context.Context, s string) (catalog.Service, error) {
	if do := c.do; do != nil {
		c.do = nil
		do()
	}
	return c.Catalog.Service(ctx, s)
}

// What becomes of an alert while its page is being opened is seen, though the news
// of it found no page.
func TestWhatHappensWhileAPageIsOpenedIsSeen(t *testing.T) {
	for what, do := range map[oncall.PageState]func(*house, alert.Alert){
		oncall.Closed: func(h *house, _ alert.Alert) { h.signal("availability", false, alert.Page) },
		oncall.Answered: func(h *house, a alert.Alert) {
			if _, err := h.inbox.Ack(h.t.Context(), a.ID, "mio", "web"); err != nil {
				h.t.Fatal(err)
			}
		},
	} {
		night(t, func(t *testing.T, h *house) {
			c := &hooked{Catalog: plain()}
			h.equip(h.phone, nil, c)
			h.replace(ren())
			a := h.signal("availability", true, alert.Page)
			c.do = func() { do(h, a); h.hear() } // as other workers of the log, meanwhile
			if err := h.pager.AlertFired(t.Context(), a.ID); err != nil {
				t.Fatal(err)
			}
			h.run(2 * time.Hour)
			h.expect(string(what), "")
			if p := h.page(); p.State != what {
				t.Errorf("the page is %s, want %s", p.State, what)
			}
		})
	}
}

// A critical alert that joins what a warning began is a critical page.
func TestAWorseAlertCallsWhoeverIsThereForIt(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		critical := step(time.Hour, "aoi")
		critical.Severities = []string{"critical"}
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{critical, step(time.Hour, "ren")}}))
		put := func(rule, severity string) {
			t.Helper()
			if _, err := h.inbox.Take(t.Context(), alert.Signal{ID: id.New(), Firing: true, Source: "am", Service: "checkout", Rule: rule, Severity: alert.Page, Labels: map[string]string{"severity": severity}, Summary: rule, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		put("slow", "warning")
		h.run(time.Minute)
		put("slower", "warning")
		h.run(time.Second)
		h.expect("warnings", "0s page ren1")
		put("down", "critical")
		h.run(time.Second)
		h.expect("critical", "1m1s page aoi1")
		if _, err := h.pager.Ack(t.Context(), h.page().ID, "aoi", "web"); err != nil {
			t.Fatal(err)
		}
		put("slowest", "warning")
		h.run(time.Minute)
		h.expect("a warning more, of what is critical and answered", "")
		if p := h.page(); p.Severity != "critical" {
			t.Errorf("the page is %s, want critical", p.Severity)
		}
	})
}

// adjust makes an adjustment of the rota "first" over [from, to) from now.
func (h *house) adjust(a oncall.Adjustment, from, to time.Duration) {
	h.t.Helper()
	a.Rota, a.By, a.Start, a.End = "first", "aoi", time.Now().Add(from), time.Now().Add(to)
	if _, err := h.pager.Adjust(h.t.Context(), a); err != nil {
		h.t.Fatal(err)
	}
}

// empty has nobody on call in the rota "first" for so long.
func (h *house) empty(d time.Duration) {
	h.t.Helper()
	h.adjust(oncall.Adjustment{Kind: rota.Override, Of: rota.Everybody}, 0, d)
}

var firstRota = oncall.Step{Rotas: []string{"first"}, Wait: 5 * time.Minute}

// Whoever declines and has nobody behind him does not end the page: it waits for
// somebody else, and calls nobody who is not available.
func TestADeclineThatFindsNobodyGoesOnLooking(t *testing.T) {
	for what, tt := range map[string]struct {
		steps []oncall.Step
		comes func(*house) // ren
		ack   bool
		after time.Duration
	}{
		"the only one gives an answered page back": {[]oncall.Step{firstRota}, func(h *house) {
			h.adjust(oncall.Adjustment{Kind: rota.Override, Person: "ren", Of: rota.Everybody}, 10*time.Minute, 10*time.Hour)
		}, true, 7 * time.Minute},
		"and while it calls": {[]oncall.Step{step(5*time.Minute, "aoi"), firstRota}, func(h *house) {
			h.empty(8 * time.Minute)
			h.adjust(oncall.Adjustment{Kind: rota.Override, Person: "ren", Of: rota.Everybody}, 8*time.Minute, 10*time.Hour)
		}, false, 6 * time.Minute},
	} {
		night(t, func(t *testing.T, h *house) {
			h.equip(h.phone, nil, plain())
			h.replace(policy(oncall.Policy{Steps: tt.steps}, always("first", "aoi")))
			tt.comes(h)
			h.signal("availability", true, alert.Page)
			h.run(time.Minute)
			if tt.ack {
				h.ack(h.page().ID, "aoi")
				h.run(time.Minute)
			}
			h.phone.take()
			h.decline("aoi")
			h.run(tt.after)
			h.expect(what+": not available", "")
			h.run(30 * time.Minute)
			if got := h.phone.take(); !strings.Contains(got, "ren1") {
				t.Errorf("%s: rang %q, want ren once he is on call", what, got)
			}
		})
	}
}

// Whoever has no device, or has left, takes no turns.
func TestRoundRobinPassesOverWhoCannotBeReached(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		robin := firstRota
		robin.RoundRobin = true
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{robin}}, always("first", "ghost", "ren")))
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		h.expect("ghost is not in the catalog", "0s page ren1")
	})
}

// Where every message is refused nobody was told, and once they are taken again
// somebody is: ever less often.
func TestAPageThatIsRefusedEverywhereTriesAgain(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		p := &provider{refuses: "aoi1", sleep: h.sleep}
		h.equip(p, nil, plain())
		h.replace(policy(oncall.Policy{Repeat: 3, Steps: []oncall.Step{step(5*time.Minute, "aoi")}}))
		h.signal("availability", true, alert.Page)
		h.run(20 * time.Minute)
		_, ds, err := h.pager.Page(t.Context(), h.page().ID)
		if err != nil || len(ds) < 4 || len(ds) > 6 || len(p.rang) > 0 {
			t.Fatalf("%d messages (%v), rang %v; want a few, further and further apart", len(ds), err, p.rang)
		}
		if page := h.page(); !page.Refused() {
			t.Errorf("the page does not know that all its messages were refused: %+v", page)
		}
		p.refuses = ""
		h.run(17 * time.Minute)
		if len(p.rang) == 0 {
			t.Errorf("messages are taken again, and nobody was called: %+v", h.page())
		}
	})
}

// A step that waits for its hours keeps nobody away who comes on call before it.
func TestAStepThatWaitsForItsHoursHidesNobody(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		every := [7]bool{true, true, true, true, true, true, true}
		office := step(5*time.Minute, "mio")
		office.Hours = &oncall.Hours{Zone: rota.NewZone(time.UTC), Windows: []rota.Window{{From: 9 * 60, To: 17 * 60, Days: every}}, Pause: true}
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{firstRota, office}}, always("first", "ren")))
		h.empty(10 * time.Minute)
		h.signal("availability", true, alert.Page)
		h.run(10 * time.Hour)
		h.expect("from midnight", "10m0s page ren1, 9h0m0s page mio1")
		if n := h.count("oncall.step_put_off"); n != 2 {
			t.Errorf("said %d times that a step waits, want once before ren and once after", n)
		}
	})
}

// Two words of senders for what is equally bad.
func TestASeverityOfTheSameRankCallsWhoeverIsThereForIt(t *testing.T) {
	for _, c := range [][2]string{{"", "high"}, {"p1", "critical"}, {"error", "p2"}} {
		night(t, func(t *testing.T, h *house) {
			h.equip(h.phone, nil, plain())
			s := step(time.Hour, "aoi")
			s.Severities = []string{c[1]}
			h.replace(policy(oncall.Policy{Steps: []oncall.Step{s, step(time.Hour, "ren")}}))
			for i, severity := range c {
				labels := map[string]string{}
				if severity != "" {
					labels["severity"] = severity
				}
				if _, err := h.inbox.Take(t.Context(), alert.Signal{ID: id.New(), Firing: true, Source: "am", Service: "checkout", Rule: fmt.Sprint("r", i), Severity: alert.Page, Labels: labels, Summary: "s", At: time.Now()}); err != nil {
					t.Fatal(err)
				}
				h.run(time.Minute)
			}
			h.expect(c[0]+", then "+c[1], "0s page ren1, 1m0s page aoi1")
		})
	}
}

// A delayed device is called by its delay, however short the rounds are.
func TestRoundsPutNoDelayedDeviceOff(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		h.replace(policy(oncall.Policy{Repeat: 2, Steps: []oncall.Step{step(90*time.Second, "aoi")}}))
		h.signal("availability", true, alert.Page)
		h.run(4 * time.Minute)
		h.expect("aoi's second phone is for after two minutes", "0s page aoi1, 1m30s page aoi1, 2m0s page aoi2, 3m0s page aoi1")
	})
	night(t, func(_ *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		short := firstRota
		short.Wait = time.Minute
		h.replace(policy(oncall.Policy{Repeat: 2, Steps: []oncall.Step{short}}, always("first", "aoi")))
		h.adjust(oncall.Adjustment{Kind: rota.Shadow, Person: "mio", Mode: rota.Reverse}, 0, time.Hour)
		h.signal("availability", true, alert.Page)
		h.run(150 * time.Second)
		h.expect("behind a shadow", "0s page mio1, 1m0s page mio1, 2m0s page aoi1, 2m0s page mio1")
	})
}

// A policy whose steps were all taken out calls nobody, and whoever is in it again.
func TestAPolicyWithoutStepsWaitsForSome(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		h.equip(h.phone, nil, plain())
		h.replace(policy(oncall.Policy{Repeat: 3, Steps: []oncall.Step{step(5*time.Minute, "aoi")}}))
		h.fire("checkout")
		h.run(time.Minute)
		h.replace(policy(oncall.Policy{Repeat: 3}))
		h.run(10 * time.Minute)
		h.expect("aoi, before", "0s page aoi1")
		if p := h.pageOf("checkout"); p.State != oncall.Unheard {
			t.Errorf("the page is %s, want unheard", p.State)
		}
		h.fire("search")
		h.run(time.Second)
		if p := h.pageOf("search"); p.State != oncall.NoPolicy {
			t.Errorf("a new page is %s, want %s", p.State, oncall.NoPolicy)
		}
		h.replace(ren())
		h.run(2 * time.Minute)
		h.expect("the new one", "12m0s page ren1")
	})
}
