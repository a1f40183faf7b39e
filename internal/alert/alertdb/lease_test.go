package alertdb

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	amroute "github.com/prometheus/alertmanager/dispatch"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

func table32(holder func(seat int) string) (out []Seat) {
	for i := range seats {
		out = append(out, Seat{Seat: i, Holder: holder(i)})
	}
	return append(out, Seat{Seat: leaderSeat, Holder: "b"})
}

func TestSplit(t *testing.T) {
	all := func(name string) func(int) string { return func(int) string { return name } }
	for _, c := range []struct {
		what       string
		live       []string
		holder     func(int) string
		take, give int
	}{
		{"alone, all free", []string{"a"}, all(""), 32, 0},
		{"alone, all held by a dead one", []string{"a"}, all("x"), 32, 0},
		{"alone, all its own", []string{"a"}, all("a"), 0, 0},
		{"a second one comes", []string{"a", "b"}, all("a"), 0, 16},
		{"the second one finds nothing free", []string{"a", "b"}, all("b"), 0, 0},
		{"a third one comes: the first in order has one more", []string{"a", "b", "c"}, func(i int) string { return []string{"a", "b"}[i%2] }, 0, 5},
		{"of three one is dead", []string{"a", "b"}, func(i int) string { return []string{"a", "b", "x"}[i%3] }, 5, 0},
		{"all have their share", []string{"a", "b", "c"}, func(i int) string { return []string{"a", "b", "c"}[i%3] }, 0, 0},
		{"more servers than seats, the first", slices.Collect(names(40)), all("x"), 1, 0},
		{"named twice", []string{"a", "b", "b"}, all(""), 16, 0},
	} {
		take, give := Split("a", c.live, table32(c.holder))
		if len(take) != c.take || len(give) != c.give || slices.Contains(take, leaderSeat) {
			t.Errorf("%s: takes %v, gives %v; want %d and %d", c.what, take, give, c.take, c.give)
		}
	}
	if take, give := Split("z", append(slices.Collect(names(40)), "z"), table32(all("x"))); len(take)+len(give) != 0 {
		t.Errorf("the last of 41 takes %v", take)
	}
}

func names(n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := range n {
			name := "a"
			if i > 0 {
				name = fmt.Sprintf("a%02d", i)
			}
			if !yield(name) {
				return
			}
		}
	}
}

// Whatever the beginning, after a round of each all seats are held by those who
// live, and nobody has two more than another.
func TestSplitSettles(t *testing.T) {
	for n := 1; n <= 34; n++ {
		live := slices.Collect(names(n))
		all := table32(func(i int) string { return []string{"", "dead", live[0], live[n-1]}[i%4] })
		for range 2 {
			for _, me := range live {
				take, give := Split(me, live, all)
				for _, s := range take {
					all[s].Holder = me
				}
				for _, s := range give {
					all[s].Holder = ""
				}
			}
		}
		has := map[string]int{}
		for _, s := range all[:seats] {
			has[s.Holder]++
		}
		for _, me := range live {
			if has[me] < seats/n || has[me] > seats/n+1 {
				t.Errorf("of %d servers %s has %d seats", n, me, has[me])
			}
		}
	}
}

// Silence counts only while somebody looks.
func TestPulse(t *testing.T) {
	var p pulse
	at := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	p.look(at(100), map[string]int64{"x": 7})
	for s := 101.0; s < 110; s++ {
		p.look(at(s), map[string]int64{"x": 7})
		if p.dead("x", at(s)) {
			t.Fatalf("dead after %v s", s-100)
		}
	}
	p.look(at(110), map[string]int64{"x": 7})
	if !p.dead("x", at(110)) {
		t.Error("alive after 10 s without a beat")
	}
	p.look(at(110.5), map[string]int64{"x": 3})
	if p.dead("x", at(119)) {
		t.Error("any other beat is life")
	}
	p.look(at(130), map[string]int64{"x": 3}) // this one stood still, perhaps the other did too
	if p.dead("x", at(139.9)) {
		t.Error("dead without having been looked at")
	}
	if !p.dead("nobody", at(130)) {
		t.Error("who is not registered lives")
	}
}

// station is one server of a test: its clocks are turned by hand.
type station struct {
	*Crew
	clock time.Duration
	wall  time.Time
	fail  func(error)
}

func newStation(t *testing.T, db *store.DB, name string, wall time.Time) *station {
	t.Helper()
	s := &station{clock: time.Hour, wall: wall, fail: func(err error) { t.Helper(); t.Fatal(err) }}
	log := bus.New(db, func() time.Time { return s.wall }, id.New)
	live := NewLive(db, log, id.New, false)
	s.Crew = NewCrew(CrewOptions{ID: name, Live: live, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return s.wall }, Clock: func() time.Duration { return s.clock }})
	s.state = dispatch.New(&dispatch.Plan{Root: &amroute.Route{}}, dispatch.Options{Owns: s.Owns, Token: s.Token})
	if _, err := live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// pass lets time go by at all stations; those that are named look every half second.
func pass(t *testing.T, d time.Duration, all []*station, looking ...*station) {
	t.Helper()
	for range int(d / (500 * time.Millisecond)) {
		for _, s := range all {
			s.clock += 500 * time.Millisecond
			s.wall = s.wall.Add(500 * time.Millisecond)
		}
		for _, s := range looking {
			if err := s.step(t.Context()); err != nil {
				s.fail(err)
			}
		}
	}
}

func eachCrew(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	testkit.EachEngine(t, fn, testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: Migrations})
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// row is what a receiver was told of a group of seat 0 of the server with that token.
func rowAt(group string, token int64, errText string) dispatch.Row {
	r := dispatch.Row{Key: dispatch.ToldKey{Group: group, Receiver: "hook", Integration: "webhook"}, Token: token, Told: dispatch.Told{Error: errText, Expires: noon.Add(time.Hour)}}
	r.Hash = r.Key.GroupHash()
	return r
}

func toldText(t *testing.T, l *Live, r dispatch.Row) string {
	t.Helper()
	k, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := k.Told[r.Hash]; got != nil {
		return got.Error
	}
	return ""
}

// Two servers share; one falls silent, the other takes over, and what the first
// still writes is refused.
func TestCrewTakesOverAndFences(t *testing.T) {
	eachCrew(t, func(t *testing.T, db *store.DB) {
		a, b := newStation(t, db, "a", noon), newStation(t, db, "b", noon.Add(3*time.Hour)) // no clock has to be right
		both := []*station{a, b}
		pass(t, time.Second, both, a)
		if a.Seats() != 32 || !a.Leads() {
			t.Fatalf("alone it has %d seats, leads %v", a.Seats(), a.Leads())
		}
		pass(t, 6*time.Second, both, a, b)
		if a.Seats() != 16 || b.Seats() != 16 || b.Leads() {
			t.Fatalf("shared %d to %d", a.Seats(), b.Seats())
		}
		var group string
		for i := 0; ; i++ { // one of b's
			group = fmt.Sprint("g", i)
			if b.Owns(rowAt(group, 0, "").Key.GroupHash()) {
				break
			}
		}
		hash := rowAt(group, 0, "").Key.GroupHash()
		old := rowAt(group, b.Token(hash), "of b")
		if err := b.Live.PutTold(t.Context(), []dispatch.Row{old}); err != nil || toldText(t, b.Live, old) != "of b" {
			t.Fatalf("its own row is refused: %v", err)
		}
		held, release := b.Held(t.Context(), hash)
		defer release()

		pass(t, 8*time.Second, both, a) // b stands still
		if b.Owns(hash) || a.Owns(hash) {
			t.Errorf("after 8 s: b owns %v, a owns %v, want neither", b.Owns(hash), a.Owns(hash))
		}
		b.lapse()
		if held.Err() == nil {
			t.Error("what is in hand goes on when its lease cannot be relied on")
		}
		pass(t, 4*time.Second, both, a)
		if a.Seats() != 32 || !a.Owns(hash) || a.Token(hash) <= old.Token {
			t.Fatalf("a has %d seats, token %d after %d", a.Seats(), a.Token(hash), old.Token)
		}
		if err := a.Live.PutTold(t.Context(), []dispatch.Row{rowAt(group, a.Token(hash), "of a")}); err != nil {
			t.Fatal(err)
		}
		late := rowAt(group, old.Token, "late")
		if err := b.Live.PutTold(t.Context(), []dispatch.Row{late}); err != nil {
			t.Fatal(err)
		}
		if got := toldText(t, a.Live, late); got != "of a" || b.Live.Fenced() != 1 {
			t.Errorf("the late word stands: %q, %d fenced", got, b.Live.Fenced())
		}
		pass(t, 5*time.Second, both, a, b) // b is back
		if a.Seats() != 16 || b.Seats() != 16 || !a.Leads() || b.Leads() {
			t.Errorf("after its return %d to %d", a.Seats(), b.Seats())
		}
	})
}

// A clock that is set changes nothing for others; the server whose clock jumps
// ahead only waits for its next beat.
func TestCrewAndClocksThatAreSet(t *testing.T) {
	eachCrew(t, func(t *testing.T, db *store.DB) {
		a, b := newStation(t, db, "a", noon), newStation(t, db, "b", noon)
		both := []*station{a, b}
		pass(t, 8*time.Second, both, a, b)
		for _, jump := range []time.Duration{24 * time.Hour, -48 * time.Hour} {
			a.wall = a.wall.Add(jump)
			pass(t, 500*time.Millisecond, both, a, b)
			if b.Seats() != 16 || !b.Owns(hashOf(b)) {
				t.Fatalf("a's clock by %s: b has %d seats", jump, b.Seats())
			}
			pass(t, 12*time.Second, both, a, b)
			if a.Seats() != 16 || b.Seats() != 16 || !a.Owns(hashOf(a)) || !b.Owns(hashOf(b)) {
				t.Fatalf("a's clock by %s: shared %d to %d", jump, a.Seats(), b.Seats())
			}
		}
		// The even clock of a machine that sleeps stands still: then the wall clock says it.
		b.wall = b.wall.Add(time.Minute)
		if b.Owns(hashOf(b)) {
			t.Error("who slept a minute relies on its lease")
		}
	})
}

// hashOf is a group of the station.
func hashOf(s *station) uint64 {
	for g := range uint64(seats) {
		if h := s.held[int(g)]; h != nil && h.active { //nolint:gosec // small
			return g
		}
	}
	return 0
}

// Who is started again under its name goes on at once, under new tokens.
func TestCrewGoesOnAfterARestart(t *testing.T) {
	eachCrew(t, func(t *testing.T, db *store.DB) {
		a := newStation(t, db, "a", noon)
		pass(t, time.Second, []*station{a}, a)
		before := a.Token(5)
		again := newStation(t, db, "a", noon)
		pass(t, 500*time.Millisecond, []*station{again}, again)
		if again.Seats() != 32 || !again.Leads() || again.Token(5) != before+1 {
			t.Errorf("has %d seats, token %d after %d", again.Seats(), again.Token(5), before)
		}
		pass(t, 3*time.Second, []*station{a}, a) // the old one, if it should still run
		if a.Seats() != 0 || a.Owns(5) || a.Leads() {
			t.Errorf("two servers of one name: the older one has %d seats", a.Seats())
		}
		if err := again.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := newStation(t, db, "c", noon)
		pass(t, 500*time.Millisecond, []*station{c}, c)
		if c.Seats() != 32 {
			t.Errorf("after a farewell the next one has %d seats at once", c.Seats())
		}
	})
}

// News go to the others once, and one's own are none.
func TestCrewHearsNews(t *testing.T) {
	eachCrew(t, func(t *testing.T, db *store.DB) {
		a, b := newStation(t, db, "a", noon), newStation(t, db, "b", noon)
		var heard []string
		b.Heard = func(all []dispatch.Alert) {
			for _, x := range all {
				heard = append(heard, x.Labels.Get("n")+x.Ack)
			}
		}
		a.Heard = func([]dispatch.Alert) { t.Error("a hears itself") }
		one := func(n, ack string, at time.Time) dispatch.Alert {
			return dispatch.Alert{Labels: dispatch.NewSet(map[string]string{"n": n}), StartsAt: noon, EndsAt: noon.Add(time.Hour), UpdatedAt: at, Ack: ack}
		}
		ctx := context.WithoutCancel(t.Context())
		for i, x := range []dispatch.Alert{one("1", "", noon), one("2", "", noon), one("1", "hanako", noon.Add(time.Second))} {
			if err := a.Live.PutAlerts(ctx, []dispatch.Alert{x}); err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				pass(t, 500*time.Millisecond, []*station{a, b}, a, b)
			}
		}
		s := dispatch.Silence{ID: "s1", Matchers: []dispatch.Matcher{{Name: "n", Value: "2"}}, StartsAt: noon, EndsAt: noon.Add(time.Hour)}
		if err := a.Live.PutSilences(ctx, "taro", s); err != nil {
			t.Fatal(err)
		}
		pass(t, 500*time.Millisecond, []*station{a, b}, a, b)
		if want := []string{"1", "2", "1hanako"}; !slices.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
		if _, ok := b.state.Silence("s1"); !ok {
			t.Error("the silence is not known")
		}
		if all := b.state.Alerts(b.wall, dispatch.Filter{}); len(all) != 2 {
			t.Errorf("knows %d alerts", len(all))
		}
	})
}
