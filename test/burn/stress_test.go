package burn_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/ringfile"
)

// Several senders commit while objectives are replaced, loaded, counted again and
// asked for. At the end every event was counted, once.
func TestEverythingAtOnce(t *testing.T) {
	store, err := promstore.Open(t.Context(), promstore.Options{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	keep, err := ringfile.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(meter.Options{Reader: store, Engine: store, Keeper: keep, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	var all []slo.Objective
	for i := range 8 {
		o := with(t, slo.SLI{Counter: true, Bad: fmt.Sprintf(`storm_total{code="500",sender=~"[0-%d]"}`, i), Total: `sum by (sender) (storm_total)`})
		if i%2 == 0 {
			o.SLI.Total = "storm_total"
		} else {
			o.SLI.Bad = `sum by (sender) (storm_total{code="500"})`
		}
		o.ID = fmt.Sprintf("o%d", i)
		all = append(all, o)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for sender := range 3 {
		rnd := rand.New(rand.NewPCG(uint64(sender), 4))
		wg.Go(func() {
			v := 0.0
			for ctx.Err() == nil {
				v += float64(rnd.IntN(100))
				at := time.Now().Add(-time.Duration(rnd.IntN(3)) * time.Second) // some come late
				var batch []metrics.Series
				for _, code := range []string{"200", "500"} {
					batch = append(batch, metrics.Series{
						Labels: map[string]string{metrics.NameLabel: "storm_total", "sender": fmt.Sprint(sender), "code": code},
						Points: []metrics.Point{{T: at, V: v}},
					})
				}
				_ = store.Write(ctx, batch) // a second sample of one instant is refused
			}
		})
	}
	wg.Go(func() {
		for k := 0; ctx.Err() == nil; k++ {
			if err := m.Replace(all[:1+k%len(all)]); err != nil {
				t.Error(err)
			}
			if err := m.Upkeep(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			_ = m.Tick()
			_ = m.Touched()
			list, _ := m.Instances()
			for _, o := range list {
				if _, err := m.Windows(ctx, o, time.Now()); err != nil && ctx.Err() == nil {
					continue // it may have been replaced, or be loading
				}
			}
		}
	})
	<-time.After(4 * time.Second)
	stop()
	wg.Wait()
	if err := m.Replace(all); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := m.Upkeep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().Truncate(10 * time.Second).Add(10 * time.Second) // an edge that is to come holds all there is
	want, err := store.Instant(t.Context(), "sum(increase(storm_total[1h] anchored))", now)
	if err != nil || len(want) != 1 {
		t.Fatal(want, err)
	}
	got, err := m.Between(all[0], now.Add(-time.Hour), now)
	if err != nil || got.Total != int64(want[0].Points[0].V) {
		t.Errorf("counted %d, PromQL says %v, %v", got.Total, want[0].Points[0].V, err)
	}
}
