package dispatch

import "slices"

// forget has the receivers of g no longer count as told of k, which an ack took
// to other routes: when it comes back, or fires anew, they are told again.
func (s *State) forget(g *group, k *kept) {
	key, h := g.key(), k.Labels.hash()
	to := g.route.RouteOpts.Receiver
	if slices.ContainsFunc(k.groups, func(o *group) bool { return o.route.RouteOpts.Receiver == to && o.key() == key }) {
		return
	}
	for _, one := range s.plan.Receivers[to] {
		name := toldKey(g, key, one)
		t := s.told[name.hash()]
		if t == nil || !t.knows(h) {
			continue
		}
		is := func(o uint64) bool { return o == h }
		next := *t
		next.Firing = slices.DeleteFunc(slices.Clone(t.Firing), is)
		next.Held = slices.DeleteFunc(slices.Clone(t.Held), is)
		next.Owed = slices.DeleteFunc(slices.Clone(t.Owed), is)
		row := Row{Key: name, Hash: name.hash()}
		s.told[row.Hash] = &next
		switch {
		case s.opts.Owns == nil:
			s.forgot[row.Hash] = row
		case s.opts.Owns(groupHash(g)):
			row.Token = s.opts.Token(groupHash(g))
			s.forgot[row.Hash] = row
		}
	}
}

// Forgotten returns, once, the rows as they stand out of which an alert was taken.
func (s *State) Forgotten() (out []Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h, row := range s.forgot {
		if t := s.told[h]; t != nil {
			row.Told = *t
			out = append(out, row)
		}
	}
	clear(s.forgot)
	return out
}

// stays returns the hashes of what j told of as firing, without what was taken
// out of its group meanwhile.
func (j *Job) stays() []uint64 {
	g := j.Flush.group
	if g.gone {
		return j.firing
	}
	moved := map[uint64]bool{}
	for _, k := range j.list {
		if g.find(k.fp) < 0 {
			moved[k.Labels.hash()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(j.firing), func(h uint64) bool { return moved[h] })
}

// heldBack returns the hashes of what j's receiver knows to fire, and was not told
// of now because it is silenced, inhibited or muted: its end is told all the same.
func (s *State) heldBack(j *Job) (out []uint64) {
	t, g := s.told[j.Key.hash()], j.Flush.group
	if s.plan.Strict || t == nil || len(t.Firing)+len(t.Held) == 0 || len(g.alerts) <= len(j.list) {
		return nil
	}
	told := make(map[*kept]bool, len(j.list))
	for _, k := range j.list {
		told[k] = true
	}
	for _, k := range g.alerts {
		if h := k.Labels.hash(); !told[k] && (slices.Contains(t.Firing, h) || slices.Contains(t.Held, h)) {
			out = append(out, h)
		}
	}
	return out
}
