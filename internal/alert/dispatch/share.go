package dispatch

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// errLost says that another server may tell of the group from now on.
var errLost = errors.New("the lease on the group has ended")

// remembered is how long what is over, and another server's to tell, is kept in
// memory.
const remembered = 15 * time.Minute

// groupHash is what servers that share the work share it by.
func groupHash(g *group) uint64 {
	if g.hash == 0 {
		g.hash = Set(g.key()).hash()
	}
	return g.hash
}

// Gain is what a server has to know of groups that it tells from now on.
type Gain struct {
	Rows   map[uint64]*Told             // what receivers were told, by the hash of their key
	Alerts []Alert                      // that are long over, and owed
	Since  func(group uint64) time.Time // nobody may have looked at the group since then
	Take   func()                       // has Owns say so
}

// Gained makes parked groups due that this server tells from now on. What was to
// be told while no server looked, and is over by now, is owed.
func (s *State) Gained(now time.Time, in Gain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.told, in.Rows)
	for _, a := range in.Alerts {
		s.put(now, a)
	}
	in.Take()
	for g := range s.parked {
		hash := groupHash(g)
		if !s.opts.Owns(hash) {
			continue
		}
		if in.Since != nil && !s.plan.Strict {
			s.owe(g, in.Since(hash), now)
		}
		delete(s.parked, g)
		s.heap.at(g, now)
	}
	s.rouse()
}

// owe notes what of g became due after since, is over, and no receiver knows of.
func (s *State) owe(g *group, since, now time.Time) {
	missed := s.missed(g, since, now)
	if len(missed) == 0 || len(s.plan.muted(g.route, now)) > 0 {
		return
	}
	for _, to := range s.plan.Receivers[g.route.RouteOpts.Receiver] {
		key := toldKey(g, g.key(), to).hash()
		t := Told{Expires: now.Add(s.opts.Retention), Since: now}
		if old := s.told[key]; old != nil {
			t = *old
		}
		t.Owed = slices.Clone(t.Owed)
		for _, h := range missed {
			if !slices.Contains(t.Firing, h) && !slices.Contains(t.Resolved, h) && !slices.Contains(t.Owed, h) {
				t.Owed = append(t.Owed, h)
			}
		}
		s.told[key] = &t
	}
}

// missed are the alerts of g that became due after since, are over, and that
// nothing holds back.
func (s *State) missed(g *group, since, now time.Time) (missed []uint64) {
	for _, k := range g.alerts {
		due := k.StartsAt.Before(k.EndsAt) && !k.StartsAt.Add(g.route.RouteOpts.GroupWait).After(k.EndsAt)
		if !due || !k.ResolvedAt(now) || !k.EndsAt.After(since) {
			continue
		}
		if len(s.heldBy(k, now)) == 0 && len(s.inhibitedBy(k.match(), now)) == 0 {
			missed = append(missed, k.Labels.hash())
		}
	}
	return missed
}

// InHand returns the hashes of the groups that are being told.
func (s *State) InHand() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]uint64, 0, len(s.inHand))
	for g := range s.inHand {
		out = append(out, groupHash(g))
	}
	return out
}

// Rouse has the Runner look at what waits.
func (s *State) Rouse() { s.rouse() }

// Lost ends a job whose group another server tells of by now: it decides what the
// receiver is told.
func (s *State) Lost(j *Job, now time.Time) {
	s.mu.Lock()
	j.Flush.failed, j.Flush.group.again = true, true
	s.mu.Unlock()
	s.Finish(j, now)
}

// Unknown returns the hashes of the alerts that rows say receivers know of, or
// are owed, and that are not in memory.
func (s *State) Unknown(rows map[uint64]*Told) map[uint64]bool {
	out := map[uint64]bool{}
	for _, t := range rows {
		for _, h := range t.Firing {
			out[h] = true
		}
		for _, h := range t.Owed {
			out[h] = true
		}
	}
	if len(out) == 0 {
		return out
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.alerts {
		delete(out, k.Labels.hash())
	}
	return out
}

// Hash is the hash by which [Told] knows an alert.
func (a Alert) Hash() uint64 { return a.Labels.hash() }

// News takes what other servers have kept. Where own is set this server knows who
// has an alert: what differs from that is returned, to be put right on disk.
func (s *State) News(now time.Time, in []Alert, own bool) (wrong []Alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range in {
		k := s.put(now, a)
		switch {
		case k == nil || k.Ack == a.Ack:
		case own:
			wrong = append(wrong, k.Alert)
		default:
			s.setAck(k, a.Ack, now)
		}
	}
	s.rouse()
	return wrong
}
