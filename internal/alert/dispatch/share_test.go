package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// grip is a lease on everything, which a test gives and takes.
type grip struct {
	mu    sync.Mutex
	token int64 // 0: another server has it
	end   context.CancelFunc
}

func (g *grip) Owns(uint64) bool  { return g.Token(0) > 0 }
func (g *grip) Holds(uint64) bool { return g.Token(0) > 0 }

func (g *grip) Token(uint64) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.token
}

func (g *grip) Held(ctx context.Context, _ uint64) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.token == 0 {
		cancel()
	}
	g.end = cancel
	return ctx, cancel
}

func (g *grip) set(token int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.token = token
	if token == 0 && g.end != nil {
		g.end()
	}
}

// shareHouse is a house that is one of several on its store.
func shareHouse(t *testing.T) (*house, *grip) {
	t.Helper()
	h, g := &house{t: t, hooks: map[string]*hook{}, mem: newMemory()}, &grip{}
	h.state = New(h.plan(tree, false), Options{Owns: g.Owns, Token: g.Token})
	h.live = NewLive(h.state, h.mem, time.Now, func() string { return "s" }, nil)
	if err := h.live.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r := NewRunner(h.state, h.mem, g, nil, nobody{}, slog.New(slog.DiscardHandler), time.Now)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return h, g
}

// gain has the server take over with what the store keeps.
func (h *house) gain(g *grip, token int64, since time.Time) {
	h.t.Helper()
	k, err := h.mem.Load(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.state.Gained(time.Now(), Gain{Rows: k.Told, Since: func(uint64) time.Time { return since }, Take: func() { g.set(token) }})
	synctest.Wait()
}

// A server tells nobody of groups that are another's. When it takes them over it
// tells what is left to tell, and what began and ended while no server looked.
func TestTakingOverAGroup(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, g := shareHouse(t)
		defer h.stop()
		h.say("+", "old", "team=b")
		h.after(2*time.Second, "b")
		h.say("-", "old", "team=b")
		h.say("+", "on", "team=b")
		h.after(20*time.Second, "b")
		died := time.Now()
		h.say("+", "missed", "team=b")
		h.after(2*time.Second, "b")
		h.say("-", "missed", "team=b")
		h.say("+", "blink", "team=b")
		h.say("-", "blink", "team=b") // over before its group's wait
		h.after(time.Second, "b")
		h.gain(g, 1, died)
		got := h.hooks["b"].take() // two groups that are due at once
		slices.Sort(got)
		if want := []string{"00:00:25 +on (first notification)", "00:00:25 -missed late (all alerts resolved)"}; !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
	})
}

// What its last holder told is not told again.
func TestTakingOverWhatWasTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, g := shareHouse(t)
		defer h.stop()
		g.set(1)
		h.say("+", "x", "team=b")
		h.after(2*time.Second, "b", "00:00:01 +x (first notification)")
		g.set(0) // another server's from now on
		h.say("+", "x", "team=b", "i=2")
		h.after(10*time.Minute, "b")
		for _, told := range h.mem.told { // which tells of it
			for _, a := range h.mem.alerts {
				if a.Labels.Get("i") == "2" {
					told.Firing = append(told.Firing, a.Hash())
				}
			}
		}
		h.gain(g, 3, time.Now())
		h.after(time.Second, "b")
		h.say("-", "x", "team=b", "i=2")
		h.after(10*time.Minute, "b", "00:15:02 +x -x2 (some alerts resolved)")
	})
}

// A message in hand ends with its lease; nothing is noted of it, and it is told
// when the group is this server's again.
func TestALeaseEndsInTheMiddleOfAMessage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, g := shareHouse(t)
		defer h.stop()
		g.set(1)
		h.hooks["b"] = h.state.plan.Receivers["b"][0].(*hook)
		h.hooks["b"].set(func() { h.hooks["b"].block = make(chan struct{}) })
		h.say("+", "x", "team=b")
		h.after(2*time.Second, "b")
		if n := len(h.state.InHand()); n != 1 {
			t.Fatalf("%d groups in hand, want 1", n)
		}
		g.set(0)
		synctest.Wait()
		if n := len(h.state.InHand()); n != 0 {
			t.Errorf("%d groups in hand after the lease has ended", n)
		}
		h.hooks["b"].set(func() { h.hooks["b"].block = nil })
		h.after(time.Hour, "b")
		h.gain(g, 2, time.Now())
		h.after(time.Second, "b", "01:00:02 +x (first notification)")
	})
}

// A message that waits for another try does not keep the group from its next
// holder, nor from this server.
func TestALeaseEndsBetweenTwoTries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, g := shareHouse(t)
		defer h.stop()
		g.set(1)
		h.hooks["b"].set(func() { h.hooks["b"].down = errors.New("down") })
		h.say("+", "x", "team=b")
		h.after(30*time.Second, "b")
		g.set(0)
		h.state.Rouse()
		synctest.Wait()
		if n := len(h.state.InHand()); n != 0 {
			t.Errorf("%d groups in hand after the lease has ended", n)
		}
		h.hooks["b"].set(func() { h.hooks["b"].down = nil })
		h.after(time.Hour, "b")
		h.gain(g, 2, time.Now())
		h.after(time.Second, "b", "01:00:30 +x (first notification)")
	})
}

// News are folded in; who has an alert is known by one server, and corrected there.
func TestNewsOfOtherServers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, _ := shareHouse(t)
		defer h.stop()
		h.say("+", "x")
		a := Alert{Labels: NewSet(map[string]string{"alertname": "x"}), StartsAt: time.Now(), EndsAt: time.Now().Add(time.Hour), UpdatedAt: time.Now(), Ack: "hanako"}
		if wrong := h.state.News(time.Now(), []Alert{a}, true); len(wrong) != 1 || wrong[0].Ack != "" {
			t.Errorf("got %v, want the alert as this server knows it", wrong)
		}
		if wrong := h.state.News(time.Now(), []Alert{a}, false); len(wrong) != 0 {
			t.Errorf("got %v, want nothing", wrong)
		}
		if got := h.state.Alerts(time.Now(), Filter{}); len(got) != 1 || got[0].Alert.Ack != "hanako" {
			t.Errorf("got %v, want hanako to have it", got)
		}
	})
}
