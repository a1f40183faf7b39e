package slo

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// dial is a Counter whose share of bad events is set by hand.
type dial struct {
	mu      sync.Mutex
	bad     float64 // below 0: no data
	err     error
	counted func()    // called while something is being counted
	since   time.Time // what ends before is healthy
}

func (d *dial) set(bad float64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bad, d.err = bad, err
}

func (d *dial) Count(_ context.Context, _ Objective, w time.Duration, at time.Time) (Count, error) {
	d.mu.Lock()
	if at.Before(d.since) {
		defer d.mu.Unlock()
		return Count{Good: 100, Total: 100, Known: true}, nil
	}
	bad, err, counted := d.bad, d.err, d.counted
	d.mu.Unlock()
	if counted != nil {
		counted()
	}
	if bad < 0 {
		return Count{}, err
	}
	total := w.Minutes() * 100
	return Count{Good: whole(total * (1 - bad)), Total: whole(total), Known: err == nil}, err
}

func (d *dial) Windows(ctx context.Context, o Objective, at time.Time) (map[time.Duration]Count, error) {
	out := map[time.Duration]Count{}
	for _, w := range o.Windows() {
		c, err := d.Count(ctx, o, w, at)
		if err != nil {
			return nil, err
		}
		out[w] = c
	}
	return out, nil
}

func (d *dial) Expr(Objective, time.Duration) string { return "errors / requests" }

func whole(v float64) int64 { return int64(math.Round(v)) }

// shelf is a Store in memory that keeps the facts it was given.
type shelf struct {
	mu    sync.Mutex
	burns map[string]Burn
	facts []event.Fact
}

func (s *shelf) Burns(context.Context) (map[string]Burn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]Burn{}
	maps.Copy(out, s.burns)
	return out, nil
}

func (s *shelf) Change(_ context.Context, id string, fn func(Burn) (Burn, []event.Fact)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, facts := fn(s.burns[id])
	if next.Severity == "" {
		delete(s.burns, id)
	} else {
		s.burns[id] = next
	}
	s.facts = append(s.facts, facts...)
	return nil
}

func (s *shelf) names() (out []string) {
	for _, f := range s.facts {
		out = append(out, f.Event.EventName())
	}
	return out
}

type ear struct{ signals []alert.Signal }

func (e *ear) Take(_ context.Context, s alert.Signal) (alert.Alert, error) {
	e.signals = append(e.signals, s)
	return alert.Alert{}, s.Validate()
}

type bench struct {
	*Evaluator
	dial  *dial
	shelf *shelf
	t     *testing.T
}

func newBench(t *testing.T, objectives ...Objective) bench {
	b := bench{dial: &dial{}, shelf: &shelf{burns: map[string]Burn{}}, t: t}
	b.Evaluator = New(Default(), b.dial, b.shelf, &ear{}, time.Now)
	b.Replace(objectives)
	return b
}

// after lets time pass, then looks once.
func (b bench) after(d time.Duration) error {
	time.Sleep(d)
	synctest.Wait()
	return b.Evaluate(b.t.Context())
}

func (b bench) want(health Health, names ...string) {
	b.t.Helper()
	for _, o := range b.Objectives() {
		if got := b.Status(o).Health; got != health {
			b.t.Errorf("health: got %s, want %s", got, health)
		}
	}
	if got := b.shelf.names(); !slices.Equal(got, names) {
		b.t.Errorf("facts: got %v, want %v", got, names)
	}
}

func TestEvaluatorTellsBurningAndRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, promised(t, "99.9", 30*day))
		if err := b.after(time.Second); err != nil {
			t.Fatal(err)
		}
		b.want(Healthy)
		b.dial.set(0.5, nil)
		_ = b.after(3 * time.Minute)
		b.want(Fast, "slo.burning")
		began := b.shelf.burns["o"].Since
		_ = b.after(time.Second)
		b.want(Fast, "slo.burning") // no news is no fact
		b.dial.set(-1, nil)
		_ = b.after(3 * time.Minute)
		b.want(Unknown, "slo.burning") // what went silent still burns
		b.dial.set(0.00001, nil)
		_ = b.after(3 * time.Minute)
		b.want(Healthy, "slo.burning", "slo.recovered")
		r, ok := b.shelf.facts[1].Event.(Recovered)
		if !ok || !r.Since.Equal(began) || !r.Counted || r.Total == 0 || r.Seconds < 300 {
			t.Errorf("recovered: %+v", r)
		}
		if len(b.shelf.burns) > 0 {
			t.Errorf("still kept: %v", b.shelf.burns)
		}
	})
}

func TestEvaluatorSaysWhyItCannotLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, promised(t, "99.9", 30*day))
		b.dial.set(0.5, nil)
		_ = b.after(time.Second)
		b.dial.set(0, errors.New("the metrics are away"))
		if err := b.after(5 * time.Minute); err == nil {
			t.Error("got no error")
		}
		b.want(Fast, "slo.burning") // what was last known stays, with the problem beside it
		if _, s, _ := b.Objective("o"); s.Problem != "the metrics are away" {
			t.Errorf("problem: got %q", s.Problem)
		}
	})
}

func TestRemovedObjectiveRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, promised(t, "99.9", 30*day))
		b.dial.set(0.5, nil)
		_ = b.after(time.Second)
		b.Replace(nil)
		_ = b.after(time.Second)
		b.want(Unknown, "slo.burning", "slo.recovered")
		if r, ok := b.shelf.facts[1].Event.(Recovered); !ok || r.Reason != "the objective was removed" {
			t.Errorf("got %+v", b.shelf.facts[1].Event)
		}
	})
}

func TestBurnsOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, promised(t, "99.9", 30*day))
		b.dial.set(0.5, nil)
		_ = b.after(time.Second)
		b.Evaluator = New(Default(), b.dial, b.shelf, &ear{}, time.Now)
		b.Replace([]Objective{promised(t, "99.9", 30*day)})
		_ = b.after(time.Second)
		b.want(Fast, "slo.burning")
	})
}

// What was counted for a definition that is no longer in use is not kept.
func TestReplaceDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := promised(t, "99.9", 30*day)
		next := old
		next.SLI.Total = "other"
		b := newBench(t, old)
		b.dial.set(0.5, nil)
		b.dial.counted = sync.OnceFunc(func() { b.Replace([]Objective{next}) })
		_ = b.after(time.Second)
		if s := b.Status(next); s.Health != Unknown {
			t.Errorf("got %s from the old definition's counts, want unknown", s.Health)
		}
		_ = b.after(time.Second)
		b.want(Fast, "slo.burning")
	})
}

func TestNewsBecomeSignals(t *testing.T) {
	in := &ear{}
	e := New(Default(), &dial{}, &shelf{}, in, time.Now)
	ev := Burning{Objective: "o", Name: "O", Service: "checkout", Severity: alert.Page, Sentence: "burns"}
	if err := e.TellBurning(t.Context(), "1", noon, ev); err != nil {
		t.Fatal(err)
	}
	if err := e.TellRecovered(t.Context(), "2", noon, Recovered{Objective: "o", Name: "O", Service: "checkout", Reason: "well"}); err != nil {
		t.Fatal(err)
	}
	if len(in.signals) != 2 || !in.signals[0].Firing || in.signals[1].Firing || in.signals[0].Fingerprint() != in.signals[1].Fingerprint() {
		t.Errorf("got %+v", in.signals)
	}
}
