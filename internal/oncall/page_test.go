package oncall

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return t0.Add(d) }

// weekly is a rota that hands over on Mondays at 9.
func weekly(id string, members ...string) Rota {
	return weeklyIn(id, rota.NewZone(time.UTC), 1, 9, members...)
}

func weeklyIn(id string, z *rota.Zone, weeks, hour int, members ...string) Rota {
	r := rota.Rotation{Name: "rotation", Zone: z, Day: rota.DayOf(2026, time.November, 16), Minute: hour * 60, Every: weeks, Unit: rota.Weekly}
	for _, m := range members {
		var slot rota.Slot
		if m != "" {
			slot = rota.Slot{m}
		}
		r.Members = append(r.Members, slot)
	}
	return Rota{ID: id, Name: id, Editions: []Edition{{Schedule: rota.Schedule{ID: id, Zone: z, Rotations: []rota.Rotation{r}}}}}
}

// world has aoi with two devices, ren with one, and mio with none.
func world(steps ...Step) World {
	people := map[string]catalog.Person{
		"aoi": {ID: "aoi", Devices: []catalog.Device{{ID: "d1", Channel: "slack"}, {ID: "d2", Channel: "webhook", After: 2 * time.Minute}}},
		"ren": {ID: "ren", Devices: []catalog.Device{{ID: "d1", Channel: "mail"}}},
		"mio": {ID: "mio"},
	}
	n := 0
	return World{
		Plan: &Plan{
			Rotas:    []Rota{weekly("first", "aoi"), weekly("second", "ren"), weekly("empty", "")},
			Policies: []Policy{{ID: "shop", Steps: steps, Repeat: 1}},
		},
		Person: func(id string) (catalog.Person, error) {
			p, ok := people[id]
			if !ok {
				return p, errs.New(errs.NotFound, "no %s", id)
			}
			return p, nil
		},
		NewID: func() string { n++; return fmt.Sprint("d", n) },
	}
}

func calling() Page {
	return Page{ID: "p", Service: "checkout", Policy: "shop", Alerts: []string{"a1"}, State: Calling, StepAt: t0, OpenedAt: t0}
}

func told(ds []Delivery) string {
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%s/%s step %d at %s", d.Person, d.Device, d.Step, d.DueAt.Sub(t0)))
	}
	return strings.Join(out, ", ")
}

func named(facts []event.Fact) string {
	var out []string
	for _, f := range facts {
		out = append(out, strings.TrimPrefix(f.Event.EventName(), "oncall."))
	}
	return strings.Join(out, " ")
}

func TestAdvance(t *testing.T) {
	aoi, ren := Step{Rotas: []string{"first"}, Wait: 5 * time.Minute}, Step{Rotas: []string{"second"}, Wait: 10 * time.Minute}
	nobody, ghost, mio := Step{Rotas: []string{"empty"}, Wait: time.Hour}, Step{People: []string{"ghost"}, Wait: time.Hour}, Step{People: []string{"mio"}, Wait: time.Hour}
	page := func(step, round int, due time.Duration) Page {
		p := calling()
		p.Step, p.Round, p.StepAt, p.Told = step, round, at(due), []string{"aoi"}
		return p
	}
	gone := calling()
	gone.Policy = "gone"
	waiting := func(declined map[string]time.Time) Page {
		p := page(2, 0, time.Minute)
		p.State, p.Told, p.Declined = Unheard, nil, declined
		return p
	}
	answered := calling()
	answered.StepAt = time.Time{}
	answered.State = Answered
	tests := []struct {
		name       string
		steps      []Step
		page       Page
		now        time.Duration
		told, news string
		state      PageState
		step       int
		due        time.Duration // of the next step; -1 for none
	}{
		{"the first step", []Step{aoi, ren}, calling(), 0, "aoi/d1 step 0 at 0s, aoi/d2 step 0 at 2m0s", "step_fired", Calling, 1, 5 * time.Minute},
		{"not due", []Step{aoi, ren}, page(1, 0, 5*time.Minute), 4 * time.Minute, "", "", Calling, 1, 5 * time.Minute},
		{"silence escalates", []Step{aoi, ren}, page(1, 0, 5*time.Minute), 5 * time.Minute, "ren/d1 step 1 at 5m0s", "step_fired", Calling, 2, 15 * time.Minute},
		{"a gap goes on at once", []Step{nobody, ren}, calling(), 0, "ren/d1 step 1 at 0s", "step_fired step_fired", Calling, 2, 10 * time.Minute},
		{"somebody who has left is nobody", []Step{ghost, ren}, calling(), 0, "ren/d1 step 1 at 0s", "step_fired step_fired", Calling, 2, 10 * time.Minute},
		{"a person without a device is nobody", []Step{mio, ren}, calling(), 0, "ren/d1 step 1 at 0s", "step_fired step_fired", Calling, 2, 10 * time.Minute},
		{"nobody anywhere", []Step{nobody, ghost}, calling(), 0, "", "step_fired step_fired exhausted", Unheard, 2, lookAgain},
		{"still nobody", []Step{nobody, ghost}, waiting(nil), time.Minute, "", "", Unheard, 2, time.Minute + lookAgain},
		{"somebody at last", []Step{nobody, ren}, waiting(nil), time.Minute, "ren/d1 step 1 at 1m0s", "step_fired step_fired", Calling, 2, 11 * time.Minute},
		{"whoever declined is left alone", []Step{ren, aoi}, waiting(map[string]time.Time{"ren": t0, "aoi": t0}), time.Minute, "", "", Unheard, 2, time.Minute + lookAgain},
		{"for a while", []Step{ren}, waiting(map[string]time.Time{"ren": at(-respite)}), time.Minute, "ren/d1 step 0 at 1m0s", "step_fired", Calling, 1, 11 * time.Minute},
		{"each person once in a step", []Step{{Rotas: []string{"second"}, People: []string{"ren"}, Wait: time.Minute}}, calling(), 0, "ren/d1 step 0 at 0s", "step_fired", Calling, 1, time.Minute},
		{"the round is repeated", []Step{ren}, page(1, 0, 10*time.Minute), 10 * time.Minute, "ren/d1 step 0 at 10m0s", "step_fired", Calling, 1, 20 * time.Minute},
		{"the last round ends", []Step{ren}, page(1, 1, 20*time.Minute), 20 * time.Minute, "", "exhausted", Unheard, 1, -1},
		{"after a long stop one step fires, not all", []Step{aoi, ren}, page(1, 0, 5*time.Minute), 9 * time.Hour, "ren/d1 step 1 at 9h0m0s", "step_fired", Calling, 2, 9*time.Hour + 10*time.Minute},
		{"a policy that is gone", []Step{aoi}, gone, 0, "", "exhausted", Unheard, 0, lookAgain},
		{"a policy without steps", nil, calling(), 0, "", "exhausted", Unheard, 0, lookAgain},
		{"an answered page is left alone", []Step{aoi}, answered, time.Hour, "", "", Answered, 0, -1},
	}
	for _, tt := range tests {
		p := tt.page
		ds, facts := p.Advance(world(tt.steps...), at(tt.now))
		due := p.StepAt.Sub(t0)
		if p.StepAt.IsZero() {
			due = -1
		}
		if told(ds) != tt.told || named(facts) != tt.news || p.State != tt.state || p.Step != tt.step || due != tt.due {
			t.Errorf("%s:\n got told %q, news %q, %s, step %d in %s\nwant told %q, news %q, %s, step %d in %s",
				tt.name, told(ds), named(facts), p.State, p.Step, due, tt.told, tt.news, tt.state, tt.step, tt.due)
		}
	}
}

func TestAnswers(t *testing.T) {
	ack := func(who string) func(*Page) ([]event.Fact, error) {
		return func(p *Page) ([]event.Fact, error) { return p.Ack(who, at(time.Minute), "web", Policy{}) }
	}
	decline := func(who string) func(*Page) ([]event.Fact, error) {
		return func(p *Page) ([]event.Fact, error) { return p.Escalate(who, at(2*time.Minute)) }
	}
	resolve := func(p *Page) ([]event.Fact, error) { return p.resolve("a1", at(3*time.Minute)), nil }
	type step = func(*Page) ([]event.Fact, error)
	tests := []struct {
		name  string
		from  PageState
		steps []step
		news  string
		fails bool
		state PageState
		by    string
	}{
		{"ack", Calling, []step{ack("aoi")}, "acked", false, Answered, "aoi"},
		{"ack twice is no news", Calling, []step{ack("aoi"), ack("aoi")}, "", false, Answered, "aoi"},
		{"another takes over", Calling, []step{ack("aoi"), ack("ren")}, "acked", false, Answered, "ren"},
		{"ack of what nobody heard", Unheard, []step{ack("aoi")}, "acked", false, Answered, "aoi"},
		{"ack of what nobody was told", NoPolicy, []step{ack("aoi")}, "acked", false, Answered, "aoi"},
		{"ack too late", Calling, []step{resolve, ack("aoi")}, "", true, Closed, ""},
		{"decline calls the next", Calling, []step{decline("aoi")}, "declined", false, Calling, ""},
		{"decline of one's own answer", Calling, []step{ack("aoi"), decline("aoi")}, "declined", false, Calling, ""},
		{"decline of another's answer", Calling, []step{ack("ren"), decline("aoi")}, "", true, Answered, "ren"},
		{"decline with nobody to go on to", NoPolicy, []step{decline("aoi")}, "", true, NoPolicy, ""},
		{"decline too late", Calling, []step{resolve, decline("aoi")}, "", true, Closed, ""},
		{"the last alert closes", Calling, []step{resolve}, "page_closed", false, Closed, ""},
		{"the end of an answered page", Calling, []step{ack("aoi"), resolve}, "page_closed", false, Closed, "aoi"},
		{"an end twice is no news", Calling, []step{resolve, resolve}, "", false, Closed, ""},
	}
	for _, tt := range tests {
		p := calling()
		p.State = tt.from
		var facts []event.Fact
		var err error
		for _, s := range tt.steps {
			facts, err = s(&p)
		}
		if (err != nil) != tt.fails || (tt.fails && errs.KindOf(err) != errs.Conflict) || named(facts) != tt.news || p.State != tt.state || p.AckedBy != tt.by {
			t.Errorf("%s: got %q (%v), %s by %q; want %q, %s by %q", tt.name, named(facts), err, p.State, p.AckedBy, tt.news, tt.state, tt.by)
		}
		if (p.State == Answered || p.State == Closed) && !p.StepAt.IsZero() {
			t.Errorf("%s: a step is still due", tt.name)
		}
	}
}

func TestJoin(t *testing.T) {
	policy := Policy{ID: "shop", Steps: []Step{{People: []string{"aoi"}}}}
	tests := []struct {
		name   string
		from   PageState
		acked  time.Duration // before the alert joins
		policy Policy
		state  PageState
		step   int
	}{
		{"the steps go on", Calling, 0, policy, Calling, 3},
		{"a page answered just now does not call", Answered, attention - time.Second, policy, Answered, 3},
		{"one answered a while ago calls again", Answered, attention, policy, Calling, 0},
		{"an unheard page begins again", Unheard, 0, policy, Calling, 0},
		{"a mended configuration begins", NoPolicy, 0, policy, Calling, 0},
		{"one that is still missing does not", NoPolicy, 0, Policy{}, NoPolicy, 3},
	}
	for _, tt := range tests {
		p := calling()
		p.State, p.Step, p.Round, p.AckedAt = tt.from, 3, 1, at(time.Minute-tt.acked)
		if facts := p.join(AlertRef{ID: "a1"}, tt.policy, t0); facts != nil || p.State != tt.from {
			t.Errorf("%s: the same alert again: got %q, %s", tt.name, named(facts), p.State)
		}
		facts := p.join(AlertRef{ID: "a2"}, tt.policy, at(time.Minute))
		if named(facts) != "alert_joined" || p.State != tt.state || p.Step != tt.step || len(p.Alerts) != 2 {
			t.Errorf("%s: got %q, %s, step %d, %d alerts; want alert_joined, %s, step %d, 2", tt.name, named(facts), p.State, p.Step, len(p.Alerts), tt.state, tt.step)
		}
	}
}

func TestAPageOpensWithItsFirstStepDue(t *testing.T) {
	policy := Policy{ID: "shop", Steps: []Step{{People: []string{"aoi"}}}}
	p, facts := openPage("p", AlertRef{ID: "a", Service: "s"}, policy, true, t0)
	if p.State != Calling || !p.StepAt.Equal(t0) || named(facts) != "page_opened" {
		t.Errorf("got %+v, %q; want calling at once", p, named(facts))
	}
	p, facts = openPage("p", AlertRef{ID: "a", Service: "s"}, Policy{}, false, t0)
	if p.State != NoPolicy || !p.StepAt.Equal(at(lookAgain)) || named(facts) != "page_opened exhausted" {
		t.Errorf("got %+v, %q; want no policy, said so", p, named(facts))
	}
}

func TestSettle(t *testing.T) {
	again, never := errs.New(errs.Unavailable, "timeout"), errs.New(errs.Denied, "no such channel")
	tests := []struct {
		name     string
		attempts int // before this one
		err      error
		wait     time.Duration
		state    DeliveryState
		due      time.Duration
		news     string
	}{
		{"sent", 0, nil, 0, Sent, 0, "delivered"},
		{"sent at last", 4, nil, 0, Sent, 0, "delivered"},
		{"first failure", 0, again, 0, Pending, 15 * time.Second, "delivery_failed"},
		{"second", 1, again, 0, Pending, 30 * time.Second, ""},
		{"third", 2, again, 0, Pending, time.Minute, ""},
		{"fourth", 3, again, 0, Pending, 2 * time.Minute, ""},
		{"fifth", 4, again, 0, Pending, 5 * time.Minute, ""},
		{"and so on", 50, again, 0, Pending, 5 * time.Minute, ""},
		{"the provider's wait counts", 0, again, 10 * time.Minute, Pending, 10 * time.Minute, "delivery_failed"},
		{"but not for hours", 0, again, 10 * time.Hour, Pending, MaxPause, "delivery_failed"},
		{"a shorter one does not", 2, again, time.Second, Pending, time.Minute, ""},
		{"what cannot heal is not tried again", 0, never, 0, Failed, 0, "delivery_failed"},
		{"an error nobody classified is tried again", 0, errors.New("bug"), 0, Pending, 15 * time.Second, "delivery_failed"},
	}
	for _, tt := range tests {
		d := Delivery{ID: "d", Page: "p", State: Pending, MadeAt: t0, DueAt: t0, Lease: at(time.Minute), Attempts: tt.attempts}
		facts := d.Settle(notify.Receipt{ProviderID: "receipt"}, tt.err, tt.wait, t0)
		if d.State != tt.state || d.DueAt.Sub(t0) != tt.due || named(facts) != tt.news || !d.Lease.IsZero() || d.Attempts != tt.attempts+1 {
			t.Errorf("%s: got %s in %s, %q, lease %s; want %s in %s, %q, no lease", tt.name, d.State, d.DueAt.Sub(t0), named(facts), d.Lease, tt.state, tt.due, tt.news)
		}
		if (d.Error == "") != (tt.err == nil) || (d.State == Sent) != !d.SentAt.IsZero() {
			t.Errorf("%s: got error %q, sent at %s", tt.name, d.Error, d.SentAt)
		}
	}
}

func TestSpoken(t *testing.T) {
	for _, tt := range []struct {
		d      time.Duration
		en, ja string
	}{
		{0, "0 s", "0秒"}, {59*time.Second + 900*time.Millisecond, "59 s", "59秒"}, {18 * time.Minute, "18 min", "18分"}, {65 * time.Minute, "1 h 5 min", "1時間5分"}, {50 * time.Hour, "50 h 0 min", "50時間0分"},
	} {
		if en, ja := spoken("en", tt.d), spoken("ja", tt.d); en != tt.en || ja != tt.ja {
			t.Errorf("%s: got %q and %q, want %q and %q", tt.d, en, ja, tt.en, tt.ja)
		}
	}
}

// A clock that was set back by hours must not hold a page up until it has come
// round again: its deadlines go back with it. Clocks of two servers that differ by
// a little change nothing.
func TestAdvanceAfterTheClockWasSetBack(t *testing.T) {
	w := world(Step{People: []string{"aoi"}, Wait: 5 * time.Minute}, Step{People: []string{"ren"}, Wait: 5 * time.Minute})
	page := calling()
	page.OpenedAt, page.StepAt = at(3*time.Hour), at(3*time.Hour)
	page.Advance(w, at(3*time.Hour))
	for _, tt := range []struct {
		now  time.Duration
		told int
		next time.Duration
	}{
		{3*time.Hour - Skew, 0, 3*time.Hour + 5*time.Minute},
		{0, 0, 5 * time.Minute},
		{time.Millisecond, 0, 5 * time.Minute},
		{5 * time.Minute, 1, 10 * time.Minute},
	} {
		ds, _ := page.Advance(w, at(tt.now))
		if len(ds) != tt.told || !page.StepAt.Equal(at(tt.next)) {
			t.Errorf("at %s: %d deliveries, next step in %s; want %d, %s", tt.now, len(ds), page.StepAt.Sub(t0), tt.told, tt.next)
		}
	}
	if !page.OpenedAt.Equal(t0) {
		t.Errorf("opened at %s, want not after the clock", page.OpenedAt)
	}
}

// A condition of a step names what the sender's label says, or "page".
func TestSeverityOfAnAlert(t *testing.T) {
	for _, tt := range []struct {
		labels map[string]string
		want   string
	}{
		{nil, "page"},
		{map[string]string{"severity": "Critical"}, "critical"},
		{map[string]string{"severity": "page", "pd_severity": "error"}, "page"},
		{map[string]string{"pd_severity": "error"}, "error"},
		{map[string]string{"priority": "P1"}, "p1"},
		{map[string]string{"og_priority": "P2"}, "p2"},
	} {
		if got := severityOf(tt.labels); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.labels, got, tt.want)
		}
	}
}
