package run_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinoban/hinoban/internal/platform/run"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

type counts struct{ ran, failed atomic.Int64 }

func (c *counts) Ran(_ string, _ time.Duration, err error) {
	c.ran.Add(1)
	if err != nil {
		c.failed.Add(1)
	}
}

func TestLoopRunsByTheClockAndWhenWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var wake atomic.Pointer[chan struct{}]
		fresh := func() chan struct{} {
			c := make(chan struct{})
			wake.Store(&c)
			return c
		}
		first := fresh()
		var rounds atomic.Int64
		obs := &counts{}
		l := run.Loop{
			Name: "x", Every: time.Minute, Wake: func() <-chan struct{} { return *wake.Load() },
			Do: func(context.Context) error {
				if rounds.Add(1) == 2 {
					return errors.New("once")
				}
				return nil
			},
		}
		done := make(chan error)
		go func() { done <- l.Worker(quiet(), obs, time.Now).Run(ctx) }()
		time.Sleep(time.Second)
		fresh()
		close(first)
		time.Sleep(time.Second)
		if n := rounds.Load(); n != 2 {
			t.Errorf("after a wake: %d rounds, want 2", n)
		}
		time.Sleep(2 * time.Minute)
		if n := rounds.Load(); n != 4 {
			t.Errorf("after two minutes: %d rounds, want 4", n)
		}
		cancel()
		if err := <-done; err != nil || obs.ran.Load() != 4 || obs.failed.Load() != 1 {
			t.Errorf("got %v, %d rounds, %d failed", err, obs.ran.Load(), obs.failed.Load())
		}
	})
}

func TestLoopKeepsItsGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		woken := make(chan struct{})
		close(woken) // wakes all the time
		rounds := 0
		l := run.Loop{Name: "x", Every: time.Second, Gap: 500 * time.Millisecond, Wake: func() <-chan struct{} { return woken }, Do: func(context.Context) error { rounds++; return nil }}
		if err := l.Worker(quiet(), &counts{}, time.Now).Run(ctx); err != nil {
			t.Fatal(err)
		}
		if rounds != 21 {
			t.Errorf("%d rounds in ten seconds, want 21", rounds)
		}
	})
}

// A worker that fails, panics or returns is started again; the others go on.
func TestAllKeepsWorkersRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		starts := map[string]*atomic.Int64{"fails": {}, "steady": {}, "panics": {}}
		worker := func(name string, fn func(context.Context) error) run.Worker {
			return run.Worker{Name: name, Run: func(ctx context.Context) error { starts[name].Add(1); return fn(ctx) }}
		}
		err := run.All(ctx, quiet(), time.Second,
			worker("fails", func(context.Context) error { return errors.New("no") }),
			worker("steady", func(ctx context.Context) error { <-ctx.Done(); return nil }),
		)
		if err != nil || starts["steady"].Load() != 1 || starts["fails"].Load() < 5 || starts["fails"].Load() > 12 {
			t.Errorf("got %v, %d and %d starts", err, starts["steady"].Load(), starts["fails"].Load())
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := run.All(ctx, quiet(), time.Second, worker("panics", func(context.Context) error { panic("a bug") })); err != nil || starts["panics"].Load() < 2 {
			t.Errorf("got %v, %d starts", err, starts["panics"].Load())
		}
	})
}

func TestAllNamesWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		release := make(chan struct{})
		err := run.All(ctx, quiet(), time.Second, run.Worker{Name: "stuck", Run: func(context.Context) error { <-release; return nil }})
		if err == nil || !strings.Contains(err.Error(), "stuck") {
			t.Errorf("got %v, want one that names stuck", err)
		}
		close(release)
		synctest.Wait()
	})
}
