package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// The server is killed at random moments while counters are written to it, restart
// of the counters included. Afterwards the budget's events are those of PromQL over
// the same store, which is what an engine that was never killed says.
func TestKilledCountsAreWhole(t *testing.T) {
	crashes := 12
	if testing.Short() {
		crashes = 3
	}
	data := t.TempDir()
	folder := config(t, map[string]string{
		"team.yaml": people("http://127.0.0.1:9/"),
		"slo.yaml":  slo("shop-up", "api", `ring_total{code="500"}`, "ring_total", ""),
	})
	rnd := rand.New(rand.NewPCG(9, 9))
	counters := make([]float64, 20)
	for range crashes {
		s := launch(t, data, "--config", folder)
		var wg sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		wg.Go(func() {
			for ctx.Err() == nil {
				push(ctx, s, counters, rnd)
			}
		})
		<-time.After(time.Duration(100+rnd.IntN(900)) * time.Millisecond)
		s.kill()
		stop()
		wg.Wait()
	}
	s := launch(t, data, "--config", folder)
	e := engineAt(t, s.url+"/prometheus")
	var got struct {
		Period struct {
			Good, Total int64
			Known       bool
		}
	}
	total, bad := -1.0, -1.0
	within(t, 20*time.Second, "the budget is counted as PromQL counts it", func() bool {
		res, err := http.Get(s.url + "/api/v1/slos/shop-up")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		if decode(res.Body, &got) != nil || !got.Period.Known {
			return false
		}
		total, _ = newest(t, e, `sum(increase(ring_total[30d] anchored))`)
		bad, _ = newest(t, e, `sum(increase(ring_total{code="500"}[30d] anchored))`)
		return got.Period.Total == int64(total) && got.Period.Total-got.Period.Good == int64(bad)
	})
	if t.Failed() {
		t.Fatalf("counted %d of which good %d; PromQL says %v of which bad %v", got.Period.Total, got.Period.Good, total, bad)
	}
	t.Logf("%d crashes: %v events, %v bad, none lost, none counted twice", crashes, total, bad)
}

// push sends one scrape of all counters; some begin anew. What is not acknowledged
// may or may not be stored.
func push(ctx context.Context, s *server, counters []float64, rnd *rand.Rand) {
	var all []metrics.Series
	for i := range counters {
		if counters[i] += float64(rnd.IntN(50)); rnd.IntN(100) == 0 {
			counters[i] = 0
		}
		code := "200"
		if i%4 == 0 {
			code = "500"
		}
		all = append(all, metrics.Series{
			Labels: map[string]string{metrics.NameLabel: "ring_total", "pod": fmt.Sprint(i), "code": code},
			Points: []metrics.Point{{T: time.Now(), V: counters[i]}},
		})
	}
	_ = send(ctx, s.url+"/prometheus", all...) // what is cut off is the test
}
