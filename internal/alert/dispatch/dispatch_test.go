package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/config"
	amroute "github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	compat.InitFromFlags(slog.New(slog.DiscardHandler), featurecontrol.NoopFlags{})
	m.Run()
}

// hook is a receiver that notes what it is told.
type hook struct {
	mu       sync.Mutex
	name     string
	index    int
	quiet    bool // does not want to hear of ends
	down     error
	final    bool // down for good
	block    chan struct{}
	takes    time.Duration
	said     []string
	inHand   int
	mostHand int
}

func (h *hook) Name() string       { return h.name }
func (h *hook) Index() int         { return h.index }
func (h *hook) SendResolved() bool { return !h.quiet }

func (h *hook) Notify(ctx context.Context, alerts ...*amalert.Alert) (bool, error) {
	h.mu.Lock()
	h.inHand++
	h.mostHand = max(h.mostHand, h.inHand)
	block, down, final := h.block, h.down, h.final
	takes := h.takes
	h.mu.Unlock()
	if takes > 0 {
		time.Sleep(takes)
	}
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			down = ctx.Err()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inHand--
	if down != nil {
		return !final, down
	}
	now, _ := notify.Now(ctx)
	var parts []string
	for _, a := range alerts {
		state := "+"
		if !a.EndsAt.IsZero() {
			state = "-"
		}
		text := state + string(a.Labels["alertname"]) + string(a.Labels["i"])
		if late := a.Annotations[LateAnnotation]; late != "" {
			text += " late"
		}
		parts = append(parts, text)
	}
	reason, _ := notify.NotificationReason(ctx)
	h.said = append(h.said, fmt.Sprintf("%s %s (%s)", now.UTC().Format("15:04:05"), strings.Join(parts, " "), reason))
	return false, nil
}

func (h *hook) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.said
	h.said = nil
	return out
}

func (h *hook) set(fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn()
}

// memory is a Store that keeps rows in memory, and can be down.
type memory struct {
	mu     sync.Mutex
	alerts map[Set]Alert
	told   map[uint64]*Told
	sil    map[string]Silence
	down   error
}

func newMemory() *memory {
	return &memory{alerts: map[Set]Alert{}, told: map[uint64]*Told{}, sil: map[string]Silence{}}
}

func (m *memory) Load(context.Context) (Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	told := map[uint64]*Told{}
	for k, t := range m.told {
		c := *t
		told[k] = &c
	}
	return Kept{Alerts: slices.Collect(maps.Values(m.alerts)), Silences: slices.Collect(maps.Values(m.sil)), Told: told}, nil
}

func (m *memory) PutAlerts(_ context.Context, all []Alert) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range all {
		m.alerts[a.Labels] = a
	}
	return m.down
}

func (m *memory) PutTold(_ context.Context, rows []Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range rows {
		m.told[r.Hash] = &r.Told
	}
	return m.down
}

func (m *memory) PutSilences(_ context.Context, _ string, all ...Silence) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range all {
		m.sil[s.ID] = s
	}
	return m.down
}

func (m *memory) Prune(context.Context, time.Time, time.Time) error { return nil }

type nobody struct{}

func (nobody) Tried(ToldKey, time.Duration, error)              {}
func (nobody) Told(*Flush, ToldKey, Reason, int, time.Duration) {}
func (nobody) GaveUp(*Flush, ToldKey, error)                    {}

// house is a dispatcher with its clock, its store and its receivers.
type house struct {
	t     *testing.T
	hooks map[string]*hook
	mem   *memory
	state *State
	live  *Live
	stop  func()
}

const tree = `
route:
  receiver: a
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
  - {receiver: b, matchers: [team="b"], group_wait: 1s}
  - {receiver: held, matchers: ['"@ack"!=""']}
  - {receiver: night, matchers: [team="night"], mute_time_intervals: [night], group_wait: 0s}
inhibit_rules:
- {source_matchers: [alertname="down"], target_matchers: [alertname="slow"], equal: [i]}
time_intervals:
- {name: night, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}
receivers: [{name: a}, {name: b}, {name: held}, {name: night}]
`

func newHouse(t *testing.T, text string, strict bool) *house {
	t.Helper()
	h := &house{t: t, hooks: map[string]*hook{}, mem: newMemory()}
	h.start(h.plan(text, strict))
	return h
}

func (h *house) plan(text string, strict bool) *Plan {
	h.t.Helper()
	c, err := config.Load(text)
	if err != nil {
		h.t.Fatal(err)
	}
	p := &Plan{Root: amroute.NewRoute(c.Route, nil), Receivers: map[string][]Integration{}, Intervals: map[string][]timeinterval.TimeInterval{}, Strict: strict}
	for _, r := range c.Receivers {
		if h.hooks[r.Name] == nil {
			h.hooks[r.Name] = &hook{name: "hook"}
		}
		p.Receivers[r.Name] = []Integration{h.hooks[r.Name]}
	}
	for _, r := range c.InhibitRules {
		p.Inhibit = append(p.Inhibit, inhibit.NewInhibitRule(r))
	}
	for _, ti := range c.TimeIntervals {
		p.Intervals[ti.Name] = ti.TimeIntervals
	}
	return p
}

func (h *house) start(p *Plan) {
	h.t.Helper()
	h.state = New(p, Options{})
	n := 0
	h.live = NewLive(h.state, h.mem, time.Now, func() string { n++; return fmt.Sprint("s", n) }, nil)
	if err := h.live.Start(h.t.Context(), nil); err != nil {
		h.t.Fatal(err)
	}
	r := NewRunner(h.state, h.mem, nil, nil, nobody{}, slog.New(slog.DiscardHandler), time.Now)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
}

// say has senders report labels, "name:i" with more after commas; state "-" is
// resolved.
func (h *house) say(state, name string, more ...string) {
	h.t.Helper()
	labels := map[string]string{"alertname": name}
	for _, m := range more {
		k, v, _ := strings.Cut(m, "=")
		labels[k] = v
	}
	now := time.Now()
	p := Posted{Labels: labels, StartsAt: now, EndsAt: now.Add(24 * time.Hour)}
	if old, ok := h.mem.alerts[NewSet(labels)]; ok {
		p.StartsAt = old.StartsAt
	}
	if state == "-" {
		p.EndsAt = now
	}
	a, err := p.Alert(now, 5*time.Minute, func(string) bool { return true })
	if err == nil {
		err = h.live.Take(h.t.Context(), a)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
}

// after lets time pass and returns what a receiver was told meanwhile.
func (h *house) after(d time.Duration, who string, want ...string) {
	h.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	if got := h.hooks[who].take(); !slices.Equal(got, want) {
		h.t.Errorf("after %s %s was told\n\t%s\nwant\n\t%s", d, who, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// bubble runs a story that begins on 1 January 2000, 00:00 UTC.
func bubble(t *testing.T, story func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, story)
}

func TestAGroupWaitsTellsAndRepeats(t *testing.T) {
	for _, strict := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			h := newHouse(t, tree, strict)
			defer h.stop()
			h.say("+", "x", "i=1")
			h.after(29*time.Second, "a")
			h.say("+", "x", "i=2")
			h.after(time.Second, "a", "00:00:30 +x1 +x2 (first notification)")
			h.say("+", "x", "i=3")
			h.after(5*time.Minute, "a", "00:05:30 +x1 +x2 +x3 (new alerts added)")
			h.say("-", "x", "i=1")
			h.after(5*time.Minute, "a", "00:10:30 -x1 +x2 +x3 (some alerts resolved)")
			h.after(4*time.Hour+5*time.Minute, "a", "04:15:30 +x2 +x3 (repeat interval elapsed)")
			h.say("-", "x", "i=2")
			h.say("-", "x", "i=3")
			h.after(5*time.Minute, "a", "04:20:30 -x2 -x3 (all alerts resolved)")
			if c := h.state.Counts(time.Now()); c.Alerts != 0 || c.Groups != 0 {
				t.Errorf("left over: %+v", c)
			}
			h.after(24*time.Hour, "a")
		})
	}
}

func TestAPageDoesNotWaitForTheInterval(t *testing.T) {
	for strict, want := range map[bool][]string{false: {"00:01:00 +x1 +x2 (new alerts added)"}, true: nil} {
		bubble(t, func(t *testing.T) {
			h := newHouse(t, tree, strict)
			defer h.stop()
			h.say("+", "x", "i=1")
			h.after(time.Minute, "a", "00:00:30 +x1 (first notification)")
			h.say("+", "x", "i=2", "severity=page")
			h.after(0, "a", want...)
			h.say("+", "x", "i=2", "severity=page") // repeated: no news
			h.after(time.Second, "a")
		})
	}
}

func TestWhatWasOverBeforeItCouldBeToldIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		h.hooks["a"].set(func() { h.hooks["a"].down = errors.New("503") })
		h.say("+", "x", "i=1")
		h.after(3*time.Minute, "a")
		h.say("-", "x", "i=1")
		h.after(20*time.Minute, "a") // through several deadlines of the group
		h.hooks["a"].set(func() { h.hooks["a"].down = nil })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		got := h.hooks["a"].take()
		if len(got) != 1 || !strings.Contains(got[0], "-x1 late") {
			t.Errorf("told %q, want one message of a late end", got)
		}
		h.after(time.Hour, "a")
	})
	bubble(t, func(t *testing.T) { // the original forgets it
		h := newHouse(t, tree, true)
		defer h.stop()
		h.hooks["a"].set(func() { h.hooks["a"].down = errors.New("503") })
		h.say("+", "x", "i=1")
		h.after(3*time.Minute, "a")
		h.say("-", "x", "i=1")
		h.after(20*time.Minute, "a")
		h.hooks["a"].set(func() { h.hooks["a"].down = nil })
		h.after(time.Hour, "a")
	})
}

// The process dies between the decision and the answer of the receiver, and
// the alert is over when it comes back.
func TestACrashForgetsNothingThatIsOwed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		h.hooks["a"].set(func() { h.hooks["a"].block = make(chan struct{}) })
		h.say("+", "x", "i=1")
		h.after(40*time.Second, "a") // in hand, no answer
		disk := h.mem
		kept, err := disk.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		close(h.hooks["a"].block)
		synctest.Wait()
		h.stop() // what it still does is not on the copy of the disk
		crashed := newMemory()
		for _, a := range kept.Alerts {
			crashed.alerts[a.Labels] = a
		}
		crashed.told = kept.Told
		again := &house{t: t, hooks: map[string]*hook{}, mem: crashed}
		time.Sleep(time.Minute)
		again.start(again.plan(tree, false))
		defer again.stop()
		again.say("-", "x", "i=1")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		got := again.hooks["a"].take()
		if len(got) == 0 {
			t.Error("nobody was told after the crash")
		}
	})
}

func TestTheEndOfWhatWasSilencedMeanwhileIsTold(t *testing.T) {
	for strict, want := range map[bool][]string{false: {"00:05:30 -x1 (all alerts resolved)"}, true: nil} {
		bubble(t, func(t *testing.T) {
			h := newHouse(t, tree, strict)
			defer h.stop()
			h.say("+", "x", "i=1")
			h.after(time.Minute, "a", "00:00:30 +x1 (first notification)")
			now := time.Now()
			id, err := h.live.SetSilence(t.Context(), Silence{Matchers: []Matcher{{Name: "i", Value: "1|2", IsRegex: true}}, StartsAt: now, EndsAt: now.Add(time.Hour), CreatedBy: "aoi", Comment: "deploy"}, func(string) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			h.say("+", "x", "i=2")
			h.say("-", "x", "i=1")
			h.after(5*time.Minute, "a", want...)
			if err := h.live.Expire(t.Context(), id, "aoi"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			if got := h.hooks["a"].take(); len(got) != 1 || !strings.Contains(got[0], "+x2") {
				t.Errorf("after the silence %q was told, want x2", got)
			}
		})
	}
}

func TestASourceInhibitsItsTargets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		h.say("+", "down", "i=1")
		h.say("+", "slow", "i=1")
		h.say("+", "slow", "i=2")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		got := h.hooks["a"].take()
		slices.Sort(got)
		if !slices.Equal(got, []string{"00:00:30 +down1 (first notification)", "00:00:30 +slow2 (first notification)"}) {
			t.Errorf("told %q", got)
		}
		h.say("-", "down", "i=1")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := strings.Join(h.hooks["a"].take(), ";"); !strings.Contains(got, "+slow1 +slow2") {
			t.Errorf("after the source was over %q was told, want both", got)
		}
	})
}

func TestAnAckIsAMatcher(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		h.say("+", "x", "i=1")
		h.after(time.Minute, "a", "00:00:30 +x1 (first notification)")
		set := NewSet(map[string]string{"alertname": "x", "i": "1"})
		if err := h.live.Acked(t.Context(), set, "aoi"); err != nil {
			t.Fatal(err)
		}
		h.after(time.Second, "held", "00:01:00 +x1 (first notification)")
		h.after(5*time.Hour, "a")
		h.hooks["held"].take()
		if err := h.live.Acked(t.Context(), set, ""); err != nil {
			t.Fatal(err)
		}
		h.after(time.Minute, "a", "05:01:01 +x1 (first notification)")
	})
}

func TestWhatEndedAtNightIsToldInTheMorning(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		time.Sleep(12 * time.Hour)
		h.say("+", "x", "i=1", "team=night")
		h.after(0, "night", "12:00:00 +x1 (first notification)")
		time.Sleep(12*time.Hour + 30*time.Minute)
		h.hooks["night"].take()
		h.say("-", "x", "i=1", "team=night")
		h.after(5*time.Hour, "night")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := h.hooks["night"].take(); len(got) != 1 || !strings.Contains(got[0], "-x1") {
			t.Errorf("in the morning %q was told, want the end", got)
		}
	})
}

func TestAFinalErrorIsNotTriedAgainUntilTheNextLook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		b := h.hooks["b"]
		b.set(func() { b.down, b.final = errors.New("400"), true })
		h.say("+", "x", "team=b")
		h.after(4*time.Minute, "b")
		b.set(func() { b.down, b.final = nil, false })
		h.after(2*time.Minute, "b", "00:05:01 +x (first notification)")
	})
}

// A receiver has one message in hand; only one that is slow has more.
func TestMessagesOfOneReceiver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		b := h.hooks["b"]
		for i := range 40 {
			h.say("+", fmt.Sprint("x", i), "team=b")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := b.take(); len(got) != 40 || b.mostHand != 1 {
			t.Errorf("a quick receiver took %d of 40, with %d in hand", len(got), b.mostHand)
		}
		b.set(func() { b.takes = 2 * time.Second })
		for i := range 200 {
			h.say("+", fmt.Sprint("y", i), "team=b")
		}
		time.Sleep(60 * time.Second)
		synctest.Wait()
		if got := b.take(); len(got) != 200 || b.mostHand > maxWidth {
			t.Errorf("a slow receiver took %d of 200 in a minute, with %d in hand", len(got), b.mostHand)
		}
		b.set(func() { b.takes, b.block = 0, make(chan struct{}) })
		h.say("+", "hangs", "team=b")
		time.Sleep(1500 * time.Millisecond)
		b.set(func() { close(b.block); b.block = nil })
	})
}

func TestAStoreThatIsDownDoesNotKeepAnybodyFromBeingTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		h.say("+", "x", "team=b")
		h.mem.mu.Lock()
		h.mem.down = errors.New("disk full")
		h.mem.mu.Unlock()
		h.after(2*time.Second, "b", "00:00:01 +x (first notification)")
		a, err := Posted{Labels: map[string]string{"alertname": "y"}}.Alert(time.Now(), time.Minute, func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		if err := h.live.Take(t.Context(), a); err == nil {
			t.Error("an alert was accepted that is not on disk")
		}
	})
}

func TestReloadKeepsWhatWasTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		h.say("+", "x", "i=1")
		h.after(time.Minute, "a", "00:00:30 +x1 (first notification)")
		h.state.Reload(h.plan(strings.ReplaceAll(tree, "group_interval: 5m", "group_interval: 1m"), false), time.Now())
		h.after(10*time.Minute, "a")
		h.say("+", "x", "i=2")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := h.hooks["a"].take(); len(got) != 1 || !strings.Contains(got[0], "+x1 +x2 (new alerts added)") {
			t.Errorf("told %q", got)
		}
	})
}

// A message is in hand while the configuration is read anew: the group made
// anew decides the same again, and its receiver is told once.
func TestReloadWhileAMessageIsInHandTellsOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		b := h.hooks["b"]
		b.set(func() { b.block = make(chan struct{}) })
		h.say("+", "x", "team=b")
		h.after(2*time.Second, "b") // in hand
		h.state.Reload(h.plan(tree, false), time.Now())
		h.after(3*time.Second, "b") // decided again, and waiting
		b.set(func() { close(b.block); b.block = nil })
		h.after(time.Minute, "b", "00:00:01 +x (first notification)")
	})
}

// What a Set hashes, and when a receiver is told, are Alertmanager's own.
func TestDecisionsAreAlertmanagers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log, err := nflog.New(nflog.Options{Retention: time.Hour, Metrics: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		recv := &nflogpb.Receiver{GroupName: "r", Integration: "hook"}
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,3}`), 1, 6, rapid.ID).Draw(t, "names")
		sendResolved := rapid.Bool().Draw(t, "send resolved")
		var told *Told
		hash := func(n string) uint64 { return NewSet(map[string]string{"alertname": n, "b": "c"}).hash() }
		// One notification is in the past; what is decided now is compared.
		if rapid.Bool().Draw(t, "told before") {
			told = &Told{At: time.Now()}
			for _, n := range names {
				switch rapid.IntRange(0, 2).Draw(t, n) {
				case 1:
					told.Firing = append(told.Firing, hash(n))
				case 2:
					told.Resolved = append(told.Resolved, hash(n))
				}
			}
			if err := log.Log(recv, "key", told.Firing, told.Resolved, nil, 0); err != nil {
				t.Fatal(err)
			}
		}
		var firing, resolved []uint64
		var alerts []*amalert.Alert
		for _, n := range names {
			a := &amalert.Alert{Alert: model.Alert{Labels: model.LabelSet{"alertname": model.LabelValue(n), "b": "c"}, StartsAt: time.Now().Add(-time.Minute)}}
			if got := NewSet(a.Labels).Fingerprint(); got != a.Labels.Fingerprint() {
				t.Fatalf("fingerprint %s, want %s", got, a.Labels.Fingerprint())
			}
			switch rapid.IntRange(0, 2).Draw(t, "now "+n) {
			case 0:
				continue
			case 1:
				firing = append(firing, hash(n))
			case 2:
				a.EndsAt = time.Now().Add(-time.Second)
				resolved = append(resolved, hash(n))
			}
			alerts = append(alerts, a)
		}
		if len(alerts) == 0 {
			return
		}
		ctx := notify.WithRepeatInterval(notify.WithGroupKey(context.Background(), "key"), time.Hour)
		ctx, out, err := notify.NewDedupStage(resolvedSender(sendResolved), log, recv).Exec(ctx, slog.New(slog.DiscardHandler), alerts...)
		if err != nil {
			t.Fatal(err)
		}
		want := notify.ReasonDoNotNotify
		if len(out) > 0 {
			want, _ = notify.NotificationReason(ctx)
			theirs, _ := notify.FiringAlerts(ctx)
			slices.Sort(theirs)
			slices.Sort(firing)
			if !slices.Equal(theirs, firing) {
				t.Fatalf("hashes %v, want %v", firing, theirs)
			}
		}
		if got := Decide(told, firing, resolved, sendResolved, false, time.Hour, time.Now()); got != want {
			t.Fatalf("told %+v, firing %v, resolved %v: %s, want %s", told, firing, resolved, got, want)
		}
	})
}

type resolvedSender bool

func (r resolvedSender) SendResolved() bool { return bool(r) }

func TestMergeIsAlertmanagers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := time.Now()
		draw := func(name string) Alert {
			at := func(field string) time.Time {
				return base.Add(time.Duration(rapid.IntRange(-60, 60).Draw(t, name+field)) * time.Second)
			}
			a := Alert{Labels: NewSet(map[string]string{"a": "b"}), StartsAt: at("start"), UpdatedAt: at("updated"), Timeout: rapid.Bool().Draw(t, name+"timeout")}
			a.EndsAt = a.StartsAt.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, name+"for")) * time.Second)
			return a
		}
		theirs := func(a Alert) *amalert.Alert {
			return &amalert.Alert{Alert: model.Alert{Labels: a.Labels.Map(), StartsAt: a.StartsAt, EndsAt: a.EndsAt}, UpdatedAt: a.UpdatedAt, Timeout: a.Timeout}
		}
		a, b := draw("a"), draw("b")
		got, want := merge(a, b, time.Now()), theirs(a).Merge(theirs(b))
		if !got.StartsAt.Equal(want.StartsAt) || !got.EndsAt.Equal(want.EndsAt) || got.Timeout != want.Timeout {
			t.Fatalf("%+v and %+v give %+v, want %+v", a, b, got, want)
		}
	})
}

func TestSilences(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	no := false
	base := Silence{ID: "1", Matchers: []Matcher{{Name: "a", Value: "b"}}, StartsAt: now.Add(-time.Hour), EndsAt: now.Add(time.Hour)}
	with := func(fn func(*Silence)) Silence { s := base; fn(&s); return s }
	for name, c := range map[string]struct {
		old, next Silence
		want      bool
	}{
		"longer":            {base, with(func(s *Silence) { s.EndsAt = now.Add(2 * time.Hour) }), true},
		"another start":     {base, with(func(s *Silence) { s.StartsAt = now }), false},
		"other matchers":    {base, with(func(s *Silence) { s.Matchers = []Matcher{{Name: "a", Value: "c"}} }), false},
		"other operator":    {base, with(func(s *Silence) { s.Matchers = []Matcher{{Name: "a", Value: "b", IsEqual: &no}} }), false},
		"end in the past":   {base, with(func(s *Silence) { s.EndsAt = now.Add(-time.Minute) }), false},
		"pending, moved":    {with(func(s *Silence) { s.StartsAt = now.Add(time.Minute) }), with(func(s *Silence) { s.StartsAt = now.Add(time.Hour) }), true},
		"pending to active": {with(func(s *Silence) { s.StartsAt = now.Add(time.Minute) }), base, false},
		"over":              {with(func(s *Silence) { s.EndsAt = now.Add(-time.Minute) }), base, false},
	} {
		if got := c.old.Succeeds(c.next, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for name, s := range map[string]Silence{
		"no matcher":     with(func(s *Silence) { s.Matchers = nil }),
		"matches all":    with(func(s *Silence) { s.Matchers = []Matcher{{Name: "a", Value: ".*", IsRegex: true}} }),
		"bad expression": with(func(s *Silence) { s.Matchers = []Matcher{{Name: "a", Value: "(", IsRegex: true}} }),
		"bad name":       with(func(s *Silence) { s.Matchers = []Matcher{{Name: "", Value: "x"}} }),
	} {
		if _, err := s.Compile(func(n string) bool { return n != "" }); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add("a", "b", "c", "")
	f.Add("alertname", "日本", "é", "\"")
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string) {
		m := map[string]string{n1: v1, n2: v2}
		p := Posted{Labels: maps.Clone(m)}
		a, err := p.Alert(time.Now(), time.Minute, func(n string) bool { return model.UTF8Validation.IsValidLabelName(n) })
		if err != nil {
			return
		}
		maps.DeleteFunc(m, func(_, v string) bool { return v == "" })
		if !maps.Equal(a.Labels.Strings(), m) || a.Labels.Fingerprint() != a.Labels.Map().Fingerprint() {
			t.Fatalf("%q became %q", m, a.Labels.Strings())
		}
	})
}

// What an alert remembers of silences is what they say, whatever changes.
func TestSilencesAreRememberedRightly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		s := New(&Plan{Root: amroute.NewRoute(&config.Route{Receiver: "r"}, nil), Receivers: map[string][]Integration{}}, Options{})
		s.put(base, Alert{Labels: NewSet(map[string]string{"a": "1"}), StartsAt: base, EndsAt: base.Add(time.Hour), UpdatedAt: base})
		k := s.alerts[NewSet(map[string]string{"a": "1"}).Fingerprint()]
		now := base
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "later")) * time.Second)
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				from := now.Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "from")) * time.Second)
				one := Silence{ID: rapid.StringMatching(`[a-d]`).Draw(t, "id"), Matchers: []Matcher{{Name: "a", Value: rapid.StringMatching(`[12]`).Draw(t, "value")}}, StartsAt: from, EndsAt: from.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "for")) * time.Second)}
				if err := s.SetSilence(one); err != nil {
					t.Fatal(err)
				}
			case 2:
				s.Ack(k.fp, rapid.StringMatching(`[xy]?`).Draw(t, "who"), now)
			}
			if got, want := s.heldBy(k, now), s.silencedBy(k.match(), now); !slices.Equal(got, want) {
				t.Fatalf("at %s: %v, want %v", now, got, want)
			}
		}
	})
}
