package promstore

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/hinoban/hinoban/internal/metrics"
)

// ear is a tap that remembers.
type ear struct {
	mu      sync.Mutex
	watches map[int32]int
	heard   map[int][]float64 // by watch
}

func newEar() *ear { return &ear{watches: map[int32]int{}, heard: map[int][]float64{}} }

func (e *ear) Line(line int32, watch int, _ map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watches[line] = watch
}

func (e *ear) Committed(samples []metrics.Sample) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range samples {
		w := e.watches[s.Line]
		e.heard[w] = append(e.heard[w], s.V)
	}
}

func selecting(name string, more ...metrics.Matcher) metrics.Selector {
	return append(metrics.Selector{{Name: metrics.NameLabel, Op: "=", Value: name}}, more...)
}

// A tap hears exactly what is committed and selected, and a Reader reads the same
// again.
func TestTapHearsWhatIsCommitted(t *testing.T) {
	now := time.Now()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := newEar()
	s.Tap(e)
	all, _ := s.Watch(metrics.Watch{Selector: selecting("hits_total")})
	bad, _ := s.Watch(metrics.Watch{Selector: selecting("hits_total", metrics.Matcher{Name: "code", Op: "=~", Value: "5.."})})
	if _, err := s.Watch(metrics.Watch{Selector: selecting("x", metrics.Matcher{Name: "a", Op: "=~", Value: "("})}); err == nil {
		t.Error("a pattern that does not compile is watched")
	}
	write := func(commit bool, v float64) {
		b, err := s.Batch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range []string{"200", "500"} {
			if _, err := b.Add(0, labels.FromStrings(metrics.NameLabel, "hits_total", "code", code), Sample{T: now.UnixMilli(), V: v}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Add(0, labels.FromStrings(metrics.NameLabel, "other"), Sample{T: now.UnixMilli(), V: v}); err != nil {
			t.Fatal(err)
		}
		if !commit {
			b.Rollback()
			return
		}
		if err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	write(true, 1)
	now = now.Add(time.Second)
	write(false, 2)
	later, _ := s.Watch(metrics.Watch{Selector: selecting("hits_total", metrics.Matcher{Name: "code", Op: "=", Value: "200"})})
	s.Unwatch(bad)
	now = now.Add(time.Second)
	write(true, 3)
	for watch, want := range map[int][]float64{all: {1, 1, 3, 3}, later: {3}} {
		if !slices.Equal(e.heard[watch], want) {
			t.Errorf("watch %d heard %v, want %v", watch, e.heard[watch], want)
		}
	}
	var read []float64
	if err := s.Read(t.Context(), metrics.Watch{Selector: selecting("hits_total")}, now.Add(-2*time.Second), now, func(p metrics.Points) error {
		read = append(read, p.V...)
		return nil
	}); err != nil || !slices.Equal(read, []float64{3, 3}) {
		t.Errorf("read %v %v: want what is after the beginning, up to the end", read, err)
	}
}

// Of a native histogram a watch hears how many observations there were of at most
// a bound.
func TestTapCountsObservations(t *testing.T) {
	now := time.Now()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := newEar()
	s.Tap(e)
	count, _ := s.Watch(metrics.Watch{Selector: selecting("latency"), Histogram: true, Upper: math.Inf(1)})
	fast, _ := s.Watch(metrics.Watch{Selector: selecting("latency"), Histogram: true, Upper: 2})
	floats, _ := s.Watch(metrics.Watch{Selector: selecting("latency")})
	h := &histogram.Histogram{ // schema 0: buckets (0.5,1], (1,2], (2,4]
		Schema: 0, Count: 10, Sum: 15, ZeroThreshold: 0.001,
		PositiveSpans: []histogram.Span{{Offset: 0, Length: 3}}, PositiveBuckets: []int64{3, 1, -1}, // 3, 4, 3
	}
	b, _ := s.Batch(t.Context())
	if _, err := b.Add(0, labels.FromStrings(metrics.NameLabel, "latency"), Sample{T: now.UnixMilli(), H: h}); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for watch, want := range map[int][]float64{count: {10}, fast: {7}, floats: nil} {
		if !slices.Equal(e.heard[watch], want) {
			t.Errorf("watch %d heard %v, want %v", watch, e.heard[watch], want)
		}
	}
}
