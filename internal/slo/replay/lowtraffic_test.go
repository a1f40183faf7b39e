package replay_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/replay"
)

const day = 24 * time.Hour

func objective(t testing.TB, percent string, period time.Duration) slo.Objective {
	t.Helper()
	target, err := slo.ParseTarget(percent, true)
	if err != nil {
		t.Fatal(err)
	}
	return slo.Objective{ID: "o", Service: "s", Target: target, Window: period}
}

// poisson is traffic of perHour events an hour, each of which is bad with the
// share that badAt says for its step.
func poisson(rnd *rand.Rand, perHour float64, step, length time.Duration, badAt func(i int) float64) replay.History {
	n := int(length/step) + 1
	h := replay.History{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Step: step, Bad: make([]int64, n), Total: make([]int64, n)}
	for at := rnd.ExpFloat64() / perHour; ; at += rnd.ExpFloat64() / perHour {
		i := int(at/step.Hours()) + 1
		if i >= n {
			break
		}
		h.Total[i]++
		if rnd.Float64() < badAt(i) {
			h.Bad[i]++
		}
	}
	for i := 1; i < n; i++ {
		h.Total[i] += h.Total[i-1]
		h.Bad[i] += h.Bad[i-1]
	}
	return h
}

// page is the part of a plan that pages.
func page(p replay.Plan) replay.Plan {
	out := replay.Plan{Name: p.Name}
	for _, pair := range p.Pairs {
		if pair.Severity == alert.Page {
			out.Pairs = append(out.Pairs, pair)
		}
	}
	return out
}

// ungated is a plan without its gates.
func ungated(p replay.Plan) replay.Plan {
	out := replay.Plan{Name: p.Name + " ungated"}
	for _, pair := range p.Pairs {
		pair.Gate = slo.Gate{}
		out.Pairs = append(out.Pairs, pair)
	}
	return out
}

func plan(t testing.TB, ref string, o slo.Objective, perHour float64) replay.Plan {
	t.Helper()
	set := catalogue.NewSet(nil)
	set.Traffic = func(slo.Objective) (float64, bool) { return perHour, true }
	pairs, _, _, err := set.Pairs(ref, o)
	if err != nil {
		t.Fatal(err)
	}
	return replay.Plan{Name: ref, Pairs: pairs}
}

// A service that just keeps its target is paged for at most once in ten years,
// with as little traffic as one event an hour; and where half of the events fail
// or more, the page comes at most a tenth later than without the gate.
func TestLowTrafficPagesSeldomAndInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 10 years for each rate")
	}
	const years = 10
	for _, percent := range []string{"99.9", "99"} {
		o := objective(t, percent, 30*day)
		healthy := func(int) float64 { return o.Target.Budget() }
		pages, google, slowest := 0, 0, 0.0
		rates := []float64{1, 2, 5, 10, 20, 50, 100}
		for _, perHour := range rates {
			rnd := rand.New(rand.NewPCG(uint64(perHour), 1001))
			p := plan(t, "std-low-traffic", o, perHour)
			own := 0
			h := poisson(rnd, perHour, time.Minute, years*365*day, healthy)
			own += len(replay.Backtest(h, o, []replay.Plan{page(p)}, nil, replay.Options{})[0].Pages)
			google += len(replay.Backtest(h, o, []replay.Plan{page(plan(t, "google-30d", o, perHour))}, nil, replay.Options{})[0].Pages)
			pages += own
			if share := float64(own) / years; share > 0.1 {
				t.Errorf("%s %%, %g an hour: %.2f false pages a year, want 0.1 at most", percent, perHour, share)
			}
			for _, bad := range []float64{0.5, 1} {
				gated, plain, book := detection(rnd, t, o, p, perHour, bad)
				ratio := gated.Minutes() / plain.Minutes()
				slowest = max(slowest, ratio)
				if ratio > 1.1 {
					t.Errorf("%s %%, %g an hour, %g bad: found after %s, without the gate after %s: %.0f %% later", percent, perHour, bad, gated, plain, 100*(ratio-1))
				}
				t.Logf("%s %%, %3g an hour, %3g bad: %s; without the gate %s; google-30d %s; false pages in %d years %d", percent, perHour, bad, gated, plain, book, years, own)
			}
		}
		t.Logf("%s %%: %.3f false pages a year (google-30d: %.0f), at most %.0f %% later than without the gate", percent,
			float64(pages)/years/float64(len(rates)), float64(google)/years/float64(len(rates)), 100*(slowest-1))
	}
}

// detection is the mean time to the page of outages that begin in quiet traffic.
func detection(rnd *rand.Rand, t *testing.T, o slo.Objective, p replay.Plan, perHour, bad float64) (gated, plain, google time.Duration) {
	t.Helper()
	const before, during, trials = day, 36 * time.Hour, 100
	plans := []replay.Plan{page(p), page(ungated(p)), page(plan(t, "google-30d", o, perHour))}
	var sum [3]time.Duration
	n := 0
	for range trials {
		start := int(before / replay.Tick)
		h := poisson(rnd, perHour, replay.Tick, before+during, func(i int) float64 {
			if i > start {
				return bad
			}
			return o.Target.Budget()
		})
		from := h.Start.Add(before)
		var found [3]time.Duration
		clean := true
		for i, r := range replay.Backtest(h, o, plans, nil, replay.Options{}) {
			found[i] = during
			for _, page := range r.Pages {
				if page.To.After(from) {
					found[i] = page.From.Sub(from)
					break
				}
			}
			clean = clean && (i == 2 || found[i] >= 0)
		}
		if !clean {
			continue // a page of the healthy time goes on: nothing was detected
		}
		n++
		for i := range sum {
			sum[i] += max(0, found[i])
		}
	}
	mean := func(d time.Duration) time.Duration { return (d / time.Duration(n)).Round(time.Second) }
	return mean(sum[0]), mean(sum[1]), mean(sum[2])
}
