package slo

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo/budget"
)

// What is watched beside burn rates has alerts of its own, with an end of its own.
func TestBudgetAlertsAndSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := promised(t, "99", 30*day)
		o.Pairs = nil
		o.Budgets = []BudgetAlert{
			{Severity: alert.Ticket, Watch: WatchRemaining, Share: 0.5},
			{Severity: alert.Page, Watch: WatchDrop, Share: 0.1, Over: time.Hour},
			{Severity: alert.Ticket, Watch: WatchExhaustsIn, ExhaustsIn: 72 * time.Hour, Over: 10 * time.Minute},
		}
		o.Absent = Absent{After: 10 * time.Minute, Severity: alert.Ticket}
		b := newBench(t, o)
		burning := func() (out []string) {
			for k := range b.shelf.burns {
				out = append(out, k)
			}
			slices.Sort(out)
			return out
		}
		want := func(what string, names ...string) {
			t.Helper()
			if got := burning(); !slices.Equal(got, names) {
				t.Errorf("%s: got %q, want %q", what, got, names)
			}
		}
		_ = b.after(time.Second)
		want("healthy")
		b.dial.set(0.006, nil) // 0.6 % everywhere: 40 % of the budget is left, spent at 0.6×
		_ = b.after(time.Minute)
		want("below half", "o#remaining 50 %")
		b.dial.set(0.0095, nil)
		_ = b.after(time.Minute)
		want("5 % left, which lasts 1.6 days", "o#exhausts in 3d as over 10m", "o#remaining 50 %")
		b.dial.set(-1, nil) // silence
		_ = b.after(9 * time.Minute)
		_ = b.after(2 * time.Minute)
		want("silence is told beside what held", "o#exhausts in 3d as over 10m", "o#no data for 10m", "o#remaining 50 %")
		b.dial.set(0, nil)
		_ = b.after(time.Minute)
		want("all is well")
		facts := b.shelf.names()
		if n := len(facts); n != 6 || facts[0] != "slo.burning" || facts[5] != "slo.recovered" {
			t.Errorf("facts: %v", facts)
		}
		if e, ok := b.shelf.facts[0].Event.(Burning); !ok || e.Condition != "remaining 50 %" || e.Objective != "o" {
			t.Errorf("got %+v", b.shelf.facts[0].Event)
		}
	})
}

// A pair with a hold burns only once it has burned for so long; after a restart the
// past says for how long it has.
func TestAPairHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := promised(t, "99.9", 30*day)
		o.Pairs = []Pair{{Severity: alert.Page, Rate: 10, Long: time.Hour, Short: 5 * time.Minute, For: 5 * time.Minute}}
		b := newBench(t, o)
		_ = b.after(time.Second)
		b.dial.since = time.Now().Add(time.Minute)
		b.dial.set(0.5, nil)
		_ = b.after(2 * time.Minute)
		b.want(Exhausted) // half of all is bad, and nobody is called yet
		if _, s, _ := b.Objective("o"); !s.Pairs[0].Pending {
			t.Error("it is at its rate and not said to be pending")
		}
		_ = b.after(2 * time.Minute)
		b.want(Exhausted)
		_ = b.after(3 * time.Minute)
		b.want(Fast, "slo.burning")

		again := newBench(t, o)
		again.dial = b.dial
		again.Evaluator = New(Default(), b.dial, again.shelf, &ear{}, time.Now)
		again.Replace([]Objective{o})
		_ = again.Evaluate(t.Context())
		again.want(Fast, "slo.burning") // it has burned for six minutes, as the past says
	})
}

// What is no longer watched no longer burns, and what may only not be known yet does.
func TestWhatIsNoLongerWatchedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := promised(t, "99", 30*day)
		o.Budgets = []BudgetAlert{{Severity: alert.Ticket, Watch: WatchRemaining, Share: 0.5}}
		o.Absent = Absent{After: 10 * time.Minute, Severity: alert.Ticket}
		b := newBench(t, o)
		s := &stream{dial: b.dial, list: []Objective{o}}
		b.counter = s
		b.dial.set(1, nil)
		_ = b.after(time.Second)
		if len(b.shelf.burns) != 2 {
			t.Fatalf("got %v", b.shelf.burns)
		}
		s.use() // a restart that has not found the groups again
		_ = b.after(time.Minute)
		if len(b.shelf.burns) != 2 {
			t.Errorf("a group that is not found yet ends: %v", b.shelf.burns)
		}
		s.complete = true
		o.Budgets = nil
		s.use(o)
		_ = b.after(time.Minute)
		if _, ok := b.shelf.burns["o"]; !ok || len(b.shelf.burns) != 1 {
			t.Errorf("the alert was removed: got %v", b.shelf.burns)
		}
		if e, ok := b.shelf.facts[2].Event.(Recovered); !ok || e.Condition != "remaining 50 %" || e.Reason != "the alert was removed" {
			t.Errorf("got %+v", b.shelf.facts[2].Event)
		}
		o.Pairs = nil
		s.use(o)
		_ = b.after(time.Minute)
		if len(b.shelf.burns) != 0 {
			t.Errorf("the pairs were removed: got %v", b.shelf.burns)
		}
	})
}

// stream is a dial whose instances change.
type stream struct {
	*dial

	list     []Objective
	edition  int
	complete bool
}

func (s *stream) use(list ...Objective)                { s.list, s.edition = list, s.edition+1 }
func (s *stream) Tick() error                          { return nil }
func (s *stream) Touched() []string                    { return nil }
func (s *stream) Complete() bool                       { return s.complete }
func (s *stream) Instances() (list []Objective, n int) { return s.list, s.edition }

func (s *stream) Sums(*Objective, []time.Duration, time.Time, []budget.Sum) error { return nil }
