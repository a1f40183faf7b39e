package dispatch

import (
	"testing"
	"testing/synctest"
	"time"
)

const twice = `
route:
  receiver: a
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1m
  repeat_interval: 4h
  routes:
  - {receiver: a, continue: true}
  - {receiver: b, group_interval: 1h}
receivers: [{name: a}, {name: b}]
`

func TestWhatFiresAgainComesBackToTheGroupThatLeftIt(t *testing.T) {
	for _, strict := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			h := newHouse(t, twice, strict)
			defer h.stop()
			h.say("+", "x", "i=1")
			h.after(90*time.Second, "a", "00:00:00 +x1 (first notification)")
			h.say("-", "x", "i=1")
			h.after(time.Minute, "a", "00:02:00 -x1 (all alerts resolved)")
			h.say("+", "x", "i=1") // b has not looked yet: the alert is still in its group
			h.after(time.Minute, "a", "00:02:30 +x1 (first notification)")
		})
	}
}

func TestWhatFiresAgainAfterAnAckIsToldAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer func() { h.stop() }()
		h.say("+", "x", "i=1")
		h.after(time.Minute, "a", "00:00:30 +x1 (first notification)")
		set := NewSet(map[string]string{"alertname": "x", "i": "1"})
		if err := h.live.Acked(t.Context(), set, "aoi"); err != nil {
			t.Fatal(err)
		}
		h.after(time.Second, "held", "00:01:00 +x1 (first notification)")
		h.say("-", "x", "i=1")
		h.after(5*time.Minute, "held", "00:06:00 -x1 (all alerts resolved)")
		h.after(time.Hour, "a")
		h.stop()
		delete(h.mem.alerts, set) // it was pruned
		h.start(h.plan(tree, false))
		h.say("+", "x", "i=1")
		h.after(time.Minute, "a", "01:06:31 +x1 (first notification)")
	})
}

func TestAnAckEndsWithItsAlert(t *testing.T) {
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
		h.say("-", "x", "i=1")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		h.mem.mu.Lock()
		delete(h.mem.alerts, set)
		h.mem.mu.Unlock()
		h.say("+", "x", "i=1") // another time, before anybody was told of the end of the first
		h.after(5*time.Minute, "a", "00:05:30 +x1 (first notification)")
		if got := h.mem.alerts[set].Ack; got != "" {
			t.Errorf("the new alert is %s's on disk", got)
		}
	})
}

func TestTheEndOfWhatWasSilencedIsToldAfterOtherNews(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t, tree, false)
		defer h.stop()
		h.say("+", "x", "i=1")
		h.after(time.Minute, "a", "00:00:30 +x1 (first notification)")
		now := time.Now()
		if _, err := h.live.SetSilence(t.Context(), Silence{Matchers: []Matcher{{Name: "i", Value: "1"}}, StartsAt: now, EndsAt: now.Add(time.Hour), CreatedBy: "aoi", Comment: "c"}, func(string) bool { return true }); err != nil {
			t.Fatal(err)
		}
		h.say("+", "x", "i=2")
		h.after(5*time.Minute, "a", "00:05:30 +x2 (new alerts added)")
		h.say("-", "x", "i=2")
		h.after(5*time.Minute, "a", "00:10:30 -x2 (all alerts resolved)")
		h.say("-", "x", "i=1")
		h.after(5*time.Minute, "a", "00:15:30 -x1 (all alerts resolved)")
	})
}
