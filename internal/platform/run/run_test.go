package run_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinoban/hinoban/internal/platform/run"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

type counts struct{ ran, failed int }

func (c *counts) Ran(_ string, _ time.Duration, err error) {
	c.ran++
	if err != nil {
		c.failed++
	}
}

func TestLoopRunsByTheClockAndWhenWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		wake := make(chan struct{})
		rounds, obs := 0, &counts{}
		l := run.Loop{
			Name: "x", Every: time.Minute, Wake: func() <-chan struct{} { return wake },
			Do: func(context.Context) error {
				rounds++
				if rounds == 2 {
					return errors.New("once")
				}
				return nil
			},
		}
		done := make(chan error)
		go func() { done <- l.Worker(quiet(), obs, time.Now).Run(ctx) }()
		time.Sleep(time.Second)
		was := wake
		wake = make(chan struct{})
		close(was)
		time.Sleep(time.Second)
		if rounds != 2 {
			t.Errorf("after a wake: %d rounds, want 2", rounds)
		}
		time.Sleep(2 * time.Minute)
		if rounds != 4 {
			t.Errorf("after two minutes: %d rounds, want 4", rounds)
		}
		cancel()
		if err := <-done; err != nil || obs.ran != 4 || obs.failed != 1 {
			t.Errorf("got %v, %+v", err, *obs)
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
		starts := map[string]int{}
		worker := func(name string, fn func(context.Context) error) run.Worker {
			return run.Worker{Name: name, Run: func(ctx context.Context) error { starts[name]++; return fn(ctx) }}
		}
		err := run.All(ctx, quiet(), time.Second,
			worker("fails", func(context.Context) error { return errors.New("no") }),
			worker("steady", func(ctx context.Context) error { <-ctx.Done(); return nil }),
		)
		if err != nil || starts["steady"] != 1 || starts["fails"] < 5 || starts["fails"] > 12 {
			t.Errorf("got %v, starts %v", err, starts)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := run.All(ctx, quiet(), time.Second, worker("panics", func(context.Context) error { panic("a bug") })); err != nil || starts["panics"] < 2 {
			t.Errorf("got %v, starts %v", err, starts)
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
