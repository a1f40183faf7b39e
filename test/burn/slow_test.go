package burn_test

import (
	"context"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
)

// slow is a store on another machine that does not answer until it is let.
type slow struct {
	*promstore.Store

	asked chan struct{}
	let   chan struct{}
}

// Tap hides that of the embedded store: this one brings nothing by itself.
func (slow) Tap() {}

func (s slow) Read(ctx context.Context, w metrics.Watch, from, to time.Time, fn func(metrics.Points) error) error {
	s.asked <- struct{}{}
	<-s.let
	return s.Store.Read(ctx, w, from, to, fn)
}

// While a server on another machine does not answer, all else goes on: what is
// known is told, and time passes.
func TestNobodyWaitsForASlowStore(t *testing.T) {
	w := newWorld(t, 1, 0)
	keep, err := ringfile.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	remote := slow{w.store, make(chan struct{}), make(chan struct{})}
	m, err := meter.New(meter.Options{Reader: remote, Engine: w.store, Keeper: keep, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	o := part(t, "a")
	if err := m.Replace([]slo.Objective{o}); err != nil {
		t.Fatal(err)
	}
	w.push(map[string]float64{"a_total": 1})
	done := make(chan error)
	go func() { done <- m.Upkeep(context.Background()) }()
	for reads := 0; ; {
		select {
		case <-remote.asked:
			reads++
			if err := m.Tick(); err != nil {
				t.Error(err)
			}
			_, _ = m.Between(o, w.now.Add(-time.Hour), w.now) // would never return if the lock were held
			remote.let <- struct{}{}
		case err := <-done:
			if err != nil || reads == 0 {
				t.Errorf("%d reads, %v", reads, err)
			}
			return
		}
	}
}
