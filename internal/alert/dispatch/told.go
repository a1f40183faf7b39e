package dispatch

import (
	"slices"
	"time"

	"github.com/prometheus/alertmanager/notify"
)

// Told is what one receiver of one group has been told, and what it is owed.
// It is Alertmanager's log of notifications and the outbox in one row.
type Told struct {
	Firing   []uint64  `json:"firing,omitempty"` // hashes of alerts it knows to fire
	Resolved []uint64  `json:"resolved,omitempty"`
	At       time.Time `json:"at,omitzero"` // when it was last told; zero: never
	Expires  time.Time `json:"expires"`     // may be forgotten then

	Held []uint64 `json:"held,omitempty"` // firing alerts it was told of before, held back when it was last told

	Owed     []uint64  `json:"owed,omitempty"` // firing alerts decided to be told, not told yet
	Since    time.Time `json:"since,omitzero"` // owed since
	Attempts int       `json:"attempts,omitempty"`
	Error    string    `json:"error,omitempty"` // of the last attempt
}

// knows reports whether the receiver believes, or is owed, that h fires.
func (t *Told) knows(h uint64) bool {
	return slices.Contains(t.Firing, h) || slices.Contains(t.Owed, h) || slices.Contains(t.Held, h)
}

// Reason says why a receiver is told something now.
type Reason = notify.NotifyReason

// late is no reason of Alertmanager's: it sends what it could not.
func late(t *Told, resolved []uint64) bool {
	return t != nil && slices.ContainsFunc(resolved, func(h uint64) bool { return slices.Contains(t.Owed, h) && !slices.Contains(t.Firing, h) })
}

// Decide says whether, and why, a receiver is told of a group: Alertmanager's
// rules, and where replay is set also of alerts that were over before they
// could be told.
func Decide(t *Told, firing, resolved []uint64, sendResolved, replay bool, repeat time.Duration, now time.Time) Reason {
	if replay && late(t, resolved) {
		if len(firing) == 0 {
			return notify.ReasonAllAlertsResolved
		}
		return notify.ReasonNewAlertsInGroup
	}
	switch {
	case t == nil || t.At.IsZero():
		if len(firing) > 0 {
			return notify.ReasonFirstNotification
		}
		return notify.ReasonDoNotNotify
	case !subset(firing, t.Firing):
		if len(t.Firing) == 0 {
			return notify.ReasonFirstNotification
		}
		return notify.ReasonNewAlertsInGroup
	case len(firing) == 0:
		if len(t.Firing) > 0 || slices.ContainsFunc(resolved, func(h uint64) bool { return slices.Contains(t.Held, h) }) {
			return notify.ReasonAllAlertsResolved
		}
		return notify.ReasonDoNotNotify
	case sendResolved && !subset(resolved, t.Resolved):
		return notify.ReasonNewResolvedAlerts
	case t.At.Before(now.Add(-repeat)):
		return notify.ReasonRepeatIntervalElapsed
	}
	return notify.ReasonDoNotNotify
}

// subset reports whether each of a is in b.
func subset(a, b []uint64) bool {
	if len(a) > 32 {
		in := make(map[uint64]struct{}, len(b))
		for _, h := range b {
			in[h] = struct{}{}
		}
		return !slices.ContainsFunc(a, func(h uint64) bool { _, ok := in[h]; return !ok })
	}
	return !slices.ContainsFunc(a, func(h uint64) bool { return !slices.Contains(b, h) })
}
