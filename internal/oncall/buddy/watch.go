package buddy

import (
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Role is what one of the two does.
type Role string

// The roles. A buddy is passive or active, a server active or handed over.
const (
	Passive    Role = "passive"
	Active     Role = "active"
	HandedOver Role = "handed_over"
)

// Config is how a buddy watches. Everything follows from one number.
type Config struct {
	DeadAfter time.Duration // without a good heartbeat, the server counts as dead
}

// The bounds of [Config.DeadAfter].
const (
	MinDeadAfter     = time.Second
	DefaultDeadAfter = 45 * time.Second
	MaxDeadAfter     = time.Minute
)

// Validate says what is wrong: an error of kind Invalid.
func (c Config) Validate() error {
	if c.DeadAfter < MinDeadAfter || c.DeadAfter > MaxDeadAfter {
		return errs.New(errs.Invalid, "dead after %s: want %s to %s", c.DeadAfter, MinDeadAfter, MaxDeadAfter)
	}
	return nil
}

// Every is the time between two heartbeats: 5 s of 45.
func (c Config) Every() time.Duration { return c.DeadAfter / 9 }

// Timeout is what a heartbeat may take: 3 s of 45.
func (c Config) Timeout() time.Duration { return max(c.DeadAfter/15, 750*time.Millisecond) }

// Settled is how long a server that came back has to be good: 15 s of 45.
func (c Config) Settled() time.Duration { return c.DeadAfter / 3 }

// Standing is where a buddy stands. The zero value has heard nothing.
type Standing struct {
	Role      Role      `json:"role"`
	Planned   bool      `json:"planned,omitempty"` // it was asked to take over
	Since     time.Time `json:"since,omitzero"`    // active since
	LastGood  time.Time `json:"last_good,omitzero"`
	GoodSince time.Time `json:"-"` // zero while nothing good is heard
	DeadSince time.Time `json:"dead_since,omitzero"`
}

// Heard notes a heartbeat, nil where none came.
func (s Standing) Heard(b *Beat, now time.Time) Standing {
	if b == nil || !b.Works {
		s.GoodSince = time.Time{}
		return s
	}
	s.LastGood = now
	if s.GoodSince.IsZero() {
		s.GoodSince = now
	}
	return s
}

// Step is what a buddy does next.
type Step string

// The steps.
const (
	Stay     Step = "stay"
	TakeOver Step = "take_over"
	HandBack Step = "hand_back"
)

// Decide says what a buddy does at now, where b is the heartbeat that it has just
// had, or nil; holds says that it has something that the server has not.
func (s Standing) Decide(c Config, b *Beat, holds bool, now time.Time) (step Step, planned bool) {
	good := b != nil && b.Works
	asked := b != nil && b.Planned && b.Role == HandedOver
	if s.Role == Active {
		if good && !asked && (s.Planned || now.Sub(s.GoodSince) >= c.Settled()) {
			return HandBack, s.Planned
		}
		return Stay, false
	}
	switch {
	case asked:
		return TakeOver, true
	case !good && now.Sub(s.LastGood) >= c.DeadAfter:
		return TakeOver, false
	case good && holds:
		return HandBack, false
	}
	return Stay, false
}

// Server is what a server knows of itself and of its buddy.
type Server struct {
	Planned   bool          `json:"planned,omitempty"` // it was asked to step back
	Known     bool          `json:"known,omitempty"`   // a buddy has called, ever
	DeadAfter time.Duration `json:"dead_after,omitempty"`
	URL       string        `json:"url,omitempty"` // of the buddy
	Started   time.Time     `json:"-"`
	Seen      time.Time     `json:"-"` // the buddy's last call since the start
	Buddy     Role          `json:"-"`
	Plan      string        `json:"-"` // that the buddy holds
}

// Role says whether the server pages at now. It does not while its buddy does, and
// not for a moment after a start, until it knows whether its buddy does. A buddy
// that is not heard of is not waited for.
func (s Server) Role(now time.Time) Role {
	lost := s.DeadAfter
	if lost <= 0 {
		lost = DefaultDeadAfter
	}
	switch {
	case !s.Known:
		return Active
	case s.Seen.IsZero():
		if now.Sub(s.Started) < lost/3 || (s.Planned && now.Sub(s.Started) < lost) {
			return HandedOver
		}
	case now.Sub(s.Seen) < lost && (s.Planned || s.Buddy == Active):
		return HandedOver
	}
	return Active
}
