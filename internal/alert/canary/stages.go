package canary

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Fault is one fault and how far it came.
type Fault struct {
	ID      string    `json:"id"`
	Canary  string    `json:"canary"`
	At      time.Time `json:"at"`              // the first bad sample
	Until   time.Time `json:"until"`           // samples are good again
	Fired   time.Time `json:"fired,omitzero"`  // the evaluation that found it
	Stored  time.Time `json:"stored,omitzero"` // it was in the log
	Told    []Told    `json:"told,omitempty"`  // the receivers that took it, the earliest first
	Settled bool      `json:"settled"`         // nothing more is awaited
}

// Told is one receiver that took a fault.
type Told struct {
	Receiver string    `json:"receiver"` // "team/webhook[0]"
	Decided  time.Time `json:"decided"`
	Handed   time.Time `json:"handed"`
}

// Arrived is when the first receiver took it: zero where none did.
func (f Fault) Arrived() (at time.Time) {
	for _, t := range f.Told {
		if at.IsZero() || t.Handed.Before(at) {
			at = t.Handed
		}
	}
	return at
}

// Stage is a part of the way.
type Stage string

// The stages, in their order, and their sum.
const (
	ToFire   Stage = "fired"   // from the first bad sample to the evaluation that found it
	ToStore  Stage = "stored"  // to the record in the log
	ToDecide Stage = "decided" // to the end of the waiting of its group
	ToHand   Stage = "handed"  // to the receiver's answer
	Total    Stage = "total"   // from the first bad sample to the receiver's answer
)

// Stages are all of them.
func Stages() []Stage { return []Stage{ToFire, ToStore, ToDecide, ToHand, Total} }

// Durations are how long the stages of a fault took to one receiver. It is never
// less than nothing: samples count milliseconds, and the log microseconds.
func (f Fault) Durations(t Told) map[Stage]time.Duration {
	return map[Stage]time.Duration{
		ToFire: max(0, f.Fired.Sub(f.At)), ToStore: max(0, f.Stored.Sub(f.Fired)), ToDecide: max(0, t.Decided.Sub(f.Stored)),
		ToHand: max(0, t.Handed.Sub(t.Decided)), Total: max(0, t.Handed.Sub(f.At)),
	}
}

// Measure is what was measured of one stage, in seconds.
type Measure struct {
	Stage Stage   `json:"stage" enum:"fired,stored,decided,handed,total"`
	P50   float64 `json:"p50_seconds"`
	P99   float64 `json:"p99_seconds"`
	N     int     `json:"n"`
}

// Way is what was measured on the way to one receiver.
type Way struct {
	Receiver string    `json:"receiver"`
	Stages   []Measure `json:"stages"`
}

// Summary is what faults of one canary say together.
type Summary struct {
	Name    string    `json:"name"`
	Every   float64   `json:"every_seconds"`
	Faults  int       `json:"faults" doc:"Of the last 1,000 that are kept."`
	Arrived int       `json:"arrived" doc:"At one receiver or more."`
	Missing int       `json:"missing" doc:"Nobody took them in time."`
	Last    time.Time `json:"last,omitzero" doc:"The last arrival."`
	Ways    []Way     `json:"ways" doc:"By receiver."`
}

// Sum sums up the faults of a canary.
func Sum(c Canary, faults []Fault) Summary {
	out := Summary{Name: c.Name, Every: c.Every.Seconds(), Faults: len(faults), Ways: []Way{}}
	took := map[string]map[Stage][]time.Duration{}
	for _, f := range faults {
		at := f.Arrived()
		switch {
		case !at.IsZero():
			out.Arrived++
			if at.After(out.Last) {
				out.Last = at
			}
		case f.Settled:
			out.Missing++
		}
		for _, t := range f.Told {
			if took[t.Receiver] == nil {
				took[t.Receiver] = map[Stage][]time.Duration{}
			}
			for s, d := range f.Durations(t) {
				took[t.Receiver][s] = append(took[t.Receiver][s], d)
			}
		}
	}
	for receiver, stages := range took {
		w := Way{Receiver: receiver}
		for _, s := range Stages() {
			w.Stages = append(w.Stages, Measure{s, Quantile(stages[s], 0.5).Seconds(), Quantile(stages[s], 0.99).Seconds(), len(stages[s])})
		}
		out.Ways = append(out.Ways, w)
	}
	slices.SortFunc(out.Ways, func(a, b Way) int { return cmp.Compare(a.Receiver, b.Receiver) })
	return out
}

// Quantile is the nearest-rank quantile: the least of all that q of them do not
// exceed. Of nothing it is 0.
func Quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(0, min(len(sorted), int(math.Ceil(q*float64(len(sorted)))))-1)]
}

// Overdue reports whether a canary whose last arrival, or beginning, was at since
// has not arrived for three times its mean.
func (c Canary) Overdue(since, now time.Time) bool { return now.Sub(since) > 3*c.Every }
