package promstore

import (
	"fmt"
	"iter"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/hinoban/hinoban/internal/metrics"
)

// BenchmarkCommit shows what an acknowledgement that means "on disk" costs:
// batches of 2,000 samples, written only or durable, from 1 and from 16 senders.
func BenchmarkCommit(b *testing.B) {
	const size = 2000
	for _, durable := range []bool{false, true} {
		for _, senders := range []int{1, 16} {
			b.Run(fmt.Sprintf("durable=%v/senders=%d", durable, senders), func(b *testing.B) {
				s, err := Open(b.Context(), Options{Dir: b.TempDir()})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				start := time.Now().Add(-time.Hour).UnixMilli()
				b.ReportAllocs()
				work := make(chan int64)
				var wg sync.WaitGroup
				for w := range senders {
					sets := make([]labels.Labels, size)
					refs := make([]storage.SeriesRef, size)
					for i := range sets {
						sets[i] = labels.FromStrings("__name__", "bench_total", "instance", fmt.Sprintf("h%d", i%100), "job", "api", "route", fmt.Sprintf("/r/%d/%d", w, i))
					}
					wg.Go(func() {
						for at := range work {
							batch, err := s.Batch(b.Context())
							if err != nil {
								b.Error(err)
								return
							}
							for i, ls := range sets {
								if refs[i], err = batch.Add(refs[i], ls, Sample{T: at, V: float64(at)}); err != nil {
									b.Error(err)
								}
							}
							if durable {
								err = batch.Commit(b.Context())
							} else {
								err = s.commit(batch.app, batch.samples, &batch.heard)
								s.leave()
							}
							if err != nil {
								b.Error(err)
							}
						}
					})
				}
				n := int64(0)
				for b.Loop() {
					work <- start + n
					n++
				}
				close(work)
				wg.Wait()
				b.ReportMetric(float64(n)*size/b.Elapsed().Seconds(), "samples/s")
			})
		}
	}
}

// BenchmarkBackfill writes 30 days of 23 series every 30 s, as the demo does.
func BenchmarkBackfill(b *testing.B) {
	to := time.Now().Truncate(time.Minute)
	past := func(from, to time.Time) iter.Seq[metrics.Series] {
		return func(yield func(metrics.Series) bool) {
			for i := range 23 {
				s := metrics.Series{Labels: map[string]string{"__name__": "past_total", "i": fmt.Sprint(i)}}
				for at := from; at.Before(to); at = at.Add(30 * time.Second) {
					s.Points = append(s.Points, metrics.Point{T: at, V: float64(at.Unix() / int64(i+1))})
				}
				if !yield(s) {
					return
				}
			}
		}
	}
	b.ReportAllocs()
	total, dir, round := 0, b.TempDir(), 0
	for b.Loop() {
		n, err := Backfill(b.Context(), filepath.Join(dir, fmt.Sprint(round)), to.Add(-30*24*time.Hour), to, past)
		if err != nil {
			b.Fatal(err)
		}
		total, round = total+n, round+1
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "samples/s")
}
