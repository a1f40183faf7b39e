package dispatch

import (
	"context"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	amroute "github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/timeinterval"
)

// Route is a node of the routing tree: Alertmanager's own.
type Route = amroute.Route

// Integration is one way of one receiver: a webhook, a mail address, a channel.
// Notify returns whether it is worth trying again; it is safe for concurrent
// use, obeys ctx, and finds the group in it (package notify of Alertmanager).
type Integration interface {
	Notify(ctx context.Context, alerts ...*amalert.Alert) (retry bool, err error)
	SendResolved() bool
	Name() string
	Index() int
}

// Plan is a configuration that has been checked: who is told of what, when.
type Plan struct {
	Root      *Route
	Receivers map[string][]Integration // by name; an empty list is a receiver that tells nobody
	Inhibit   []*inhibit.InhibitRule
	Intervals map[string][]timeinterval.TimeInterval
	// Strict keeps to Alertmanager's behaviour to the letter: a new page-level alert of a
	// known group waits for the group's interval, what was over before it could be
	// told is not told, and neither is the end of what was silenced meanwhile.
	Strict bool
}

// muted returns the names of the intervals that keep r from telling at now.
func (p *Plan) muted(r *Route, now time.Time) []string {
	in := timeinterval.NewIntervener(p.Intervals)
	if active := r.RouteOpts.ActiveTimeIntervals; len(active) > 0 {
		if ok, _, err := in.Mutes(active, now); err == nil && !ok {
			return active
		}
	}
	if mute := r.RouteOpts.MuteTimeIntervals; len(mute) > 0 {
		if ok, by, err := in.Mutes(mute, now); err == nil && ok {
			return by
		}
	}
	return nil
}

// standIn is a receiver that takes everything.
type standIn struct{ name string }

// StandIn returns an integration that stands for a receiver in a replay.
func StandIn(receiver string) Integration { return standIn{receiver} }

// Notify implements Integration.
func (standIn) Notify(context.Context, ...*amalert.Alert) (bool, error) { return false, nil }

// SendResolved implements Integration.
func (standIn) SendResolved() bool { return true }

// Name implements Integration.
func (s standIn) Name() string { return s.name }

// Index implements Integration.
func (standIn) Index() int { return 0 }
