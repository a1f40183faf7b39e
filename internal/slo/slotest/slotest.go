// Package slotest runs tests of objectives: series go in as samples would, through
// the meter and the evaluator of the server, and at some times what they say is
// held against what a file expects.
//
// # Words
//
//   - File: a test file in promtool's format, with one more list in each test:
//     slo_test.
//   - Check: one item of that list: what an objective must be at a time.
//   - Source: the samples of a test, with a clock that the test turns.
//
// # Rules
//
//   - Time passes in steps: of each sample, of a minute where samples are further
//     apart, and of each check. At each step all objectives are looked at.
//   - What burns is what the server would hold to burn: with the times that pairs
//     must burn for, gates, corrections, and what burned and fell silent.
//   - A figure is compared as exactly as it can be written: to a millionth.
package slotest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/burn"
	"github.com/hinoban/hinoban/internal/slo/meter"
)

// maxLooks is how many steps a test may take.
const maxLooks = 5_000_000

// Begin is when a test begins that does not say so: a Monday, the first of a month
// and of a year, in UTC.
func Begin() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// World is what the checks of a test are held against.
type World struct {
	Objectives []slo.Objective
	Input      []metrics.InputSeries
	Engine     metrics.Engine // for SLIs that have to be asked; it may hold what is to come
	Corrected  func(o slo.Objective, from, to time.Time) []meter.Interval
}

// Started is the time at which the test begins.
func (t Test) Started() time.Time {
	if t.Start.IsZero() {
		return Begin()
	}
	return t.Start.UTC()
}

// Run holds the checks of a test against a world. No mismatch is a success; an
// error is Invalid where the test cannot be run.
func (t Test) Run(ctx context.Context, w World) ([]metrics.Mismatch, error) {
	if len(t.SLOs) == 0 {
		return nil, nil
	}
	if t.Started().UnixMilli() <= 0 {
		return nil, errs.New(errs.Invalid, "start_timestamp: objectives are counted from 1970 on: begin later")
	}
	s, err := newStage(t, w)
	if err != nil {
		return nil, err
	}
	return s.play(ctx)
}

// stage is a test at work.
type stage struct {
	checks   []Check
	source   *Source
	meter    *meter.Meter
	eval     *slo.Evaluator
	burns    *burns
	now      time.Time
	start    time.Time
	step     time.Duration
	asks     bool // some objective has to be asked
	kept     time.Time
	mismatch []metrics.Mismatch
}

func newStage(t Test, w World) (*stage, error) {
	s := &stage{checks: slices.Clone(t.SLOs), start: t.Started(), step: min(t.Interval.D, time.Minute), burns: &burns{}}
	s.now = s.start
	slices.SortStableFunc(s.checks, func(a, b Check) int { return int(min(1, max(-1, a.At.D-b.At.D))) })
	if last := s.checks[len(s.checks)-1].At.D; last/s.step > maxLooks {
		return nil, errs.New(errs.Invalid, "the objectives would be looked at more than %d times: make the interval of the test longer, or ask for an earlier eval_time", maxLooks)
	}
	objectives := t.wanted(w.Objectives)
	s.source = NewSource(s.start, t.Interval.D, w.Input)
	var err error
	clock := func() time.Time { return s.now }
	s.meter, err = meter.New(meter.Options{
		Reader: s.source, Engine: w.Engine, Keeper: memory{}, Now: clock, Corrected: w.Corrected,
	})
	if err != nil {
		return nil, err
	}
	// Every 0: each look is at all objectives.
	s.eval = slo.New(slo.Config{}, s.meter, s.burns, deaf{}, clock)
	return s, s.meter.Replace(objectives)
}

// wanted are the objectives that the checks are of, and what they are made of.
func (t Test) wanted(all []slo.Objective) (out []slo.Objective) {
	want := map[string]bool{}
	var take func(o slo.Objective)
	take = func(o slo.Objective) {
		if want[o.ID] {
			return
		}
		want[o.ID] = true
		if o.Composite == nil {
			return
		}
		for _, p := range o.Composite.Parts {
			for _, part := range all {
				if part.ID == p.Objective {
					take(part)
				}
			}
		}
	}
	for _, c := range t.SLOs {
		for _, o := range all {
			if c.of(o.ID) {
				take(o)
			}
		}
	}
	for _, o := range all {
		if want[o.ID] {
			out = append(out, o)
		}
	}
	return out
}

// play lets time pass.
func (s *stage) play(ctx context.Context) ([]metrics.Mismatch, error) {
	next := s.start
	for len(s.checks) > 0 {
		at := s.start.Add(s.checks[0].At.D)
		for ; !next.After(at); next = next.Add(s.step) {
			if err := s.look(ctx, next); err != nil {
				return nil, err
			}
		}
		if s.now.Before(at) {
			if err := s.look(ctx, at); err != nil {
				return nil, err
			}
		}
		if err := s.check(ctx, s.checks[0]); err != nil {
			return nil, err
		}
		s.checks = s.checks[1:]
	}
	return s.mismatch, nil
}

// upkeepEvery is how much time may pass between two rounds of upkeep, which
// settles rows: the hot ring reaches further.
const upkeepEvery = 10 * time.Minute

// look brings the samples up to a time, and looks at all objectives.
func (s *stage) look(ctx context.Context, at time.Time) error {
	s.now = at
	fresh := s.source.Advance(at)
	every := upkeepEvery
	if s.asks {
		every = time.Minute
	}
	if fresh || at.Sub(s.kept) >= every {
		if err := s.upkeep(ctx); err != nil {
			return err
		}
	}
	if err := s.eval.Evaluate(ctx); err != nil {
		return errs.New(errs.Invalid, "at %s: %w", slo.Short(at.Sub(s.start)), err)
	}
	return ctx.Err()
}

func (s *stage) upkeep(ctx context.Context) error {
	if err := s.meter.Tick(); err != nil {
		return err
	}
	if err := s.meter.Upkeep(ctx); err != nil {
		return errs.New(errs.Invalid, "at %s: %w", slo.Short(s.now.Sub(s.start)), err)
	}
	s.kept = s.now
	list, _ := s.meter.Instances()
	s.asks = slices.ContainsFunc(list, func(o slo.Objective) bool {
		a, ok := s.meter.About(o.ID)
		return ok && a.Asked != ""
	})
	return nil
}

// memory is a meter.Keeper that forgets.
type memory struct{}

// Open implements meter.Keeper.
func (memory) Open(int, burn.Tier) (burn.Rows, error) { return &burn.Memory{}, nil }

// Load implements meter.Keeper.
func (memory) Load() (meter.Checkpoint, error) { return meter.Checkpoint{}, nil }

// Save implements meter.Keeper.
func (memory) Save(meter.Checkpoint) error { return nil }

// burns is the slo.Store of a test.
type burns struct{ held map[string]slo.Burn }

// Burns implements slo.Store.
func (b *burns) Burns(context.Context) (map[string]slo.Burn, error) {
	b.held = map[string]slo.Burn{}
	return maps.Clone(b.held), nil
}

// Change implements slo.Store.
func (b *burns) Change(_ context.Context, key string, fn func(slo.Burn) (slo.Burn, []event.Fact)) error {
	next, _ := fn(b.held[key])
	if next.Severity == "" {
		delete(b.held, key)
		return nil
	}
	b.held[key] = next
	return nil
}

// deaf is an inbox that nobody reads: what is told is in the log, and the log is
// nowhere.
type deaf struct{}

// Take implements slo.Inbox.
func (deaf) Take(context.Context, alert.Signal) (alert.Alert, error) { return alert.Alert{}, nil }
