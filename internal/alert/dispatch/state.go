package dispatch

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"
)

// Options change how a State works.
type Options struct {
	Retention time.Duration            // how long what was told, and an expired silence, are kept; 0 means 120 h
	StartAt   time.Time                // nobody is told before
	Owns      func(group uint64) bool  // whether this server tells of the group with that hash; nil: of all
	Token     func(group uint64) int64 // of the lease by which it does; nil: there is none
	Limit     int                      // alerts of one name that are taken; 0: no limit
}

// State is all that is known now: alerts, groups, silences, and what receivers
// were told. It decides and does nothing: a [Runner] acts. It is safe for
// concurrent use.
type State struct {
	opts Options

	mu       sync.Mutex
	plan     *Plan
	alerts   map[model.Fingerprint]*kept
	groups   map[groupID]*group
	heap     deadlines
	parked   map[*group]struct{} // due, and another server's to tell
	inHand   map[*group]struct{} // being told
	inhibit  []*inhibition
	silences map[string]*silence
	changes  uint64    // of which silences are active; what alerts remember of them holds for one number
	boundary time.Time // when a silence next begins or ends
	told     map[uint64]*Told
	forgot   map[uint64]Row // of which an alert was taken out, to be kept on disk
	named    map[string]int // alerts by name, where there is a limit
	refused  int
	wake     chan struct{}
}

// New returns an empty State that goes by plan.
func New(plan *Plan, opts Options) *State {
	if opts.Retention <= 0 {
		opts.Retention = 120 * time.Hour
	}
	s := &State{
		opts: opts, alerts: map[model.Fingerprint]*kept{}, silences: map[string]*silence{}, told: map[uint64]*Told{}, forgot: map[uint64]Row{},
		named: map[string]int{}, wake: make(chan struct{}, 1), inHand: map[*group]struct{}{},
	}
	s.use(plan)
	return s
}

func (s *State) use(plan *Plan) {
	s.plan, s.groups, s.heap, s.parked = plan, map[groupID]*group{}, nil, map[*group]struct{}{}
	s.inhibit = newInhibitions(plan.Inhibit)
}

// Reload goes by another plan: groups are made anew of the alerts that are
// there; what was told stays told.
func (s *State) Reload(plan *Plan, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		g.gone = true
	}
	s.use(plan)
	for _, k := range s.alerts {
		k.groups = nil
		s.note(k)
		s.route(k, now)
	}
	s.rouse()
}

// Plan is what the state goes by.
func (s *State) Plan() *Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plan
}

// Strict reports whether the plan keeps to Alertmanager's behaviour.
func (s *State) Strict() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plan.Strict
}

// Wake returns a channel that gets a value when something may have become due
// earlier than [State.Next] said.
func (s *State) Wake() <-chan struct{} { return s.wake }

func (s *State) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Put folds what senders say into what is known and returns each alert as it
// stands now, to be kept on disk. What the limit on names refuses is left out.
func (s *State) Put(now time.Time, in ...Alert) []Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Alert, 0, len(in))
	for _, a := range in {
		if k := s.put(now, a); k != nil {
			out = append(out, k.Alert)
		}
	}
	s.rouse()
	return out
}

func (s *State) put(now time.Time, a Alert) *kept {
	fp := a.Labels.Fingerprint()
	k := s.alerts[fp]
	anew, next := false, ""
	if k == nil {
		if s.opts.Limit > 0 {
			name := a.Labels.Get(model.AlertNameLabel)
			if s.named[name] >= s.opts.Limit {
				s.refused++
				return nil
			}
			s.named[name]++
		}
		k = &kept{Alert: a, fp: fp}
		s.alerts[fp] = k
	} else {
		was, is, again := k.Ack, a.Ack, k.ResolvedAt(now)
		switch {
		case overlap(k.Alert, a):
			a = merge(k.Alert, a, now)
		case a.UpdatedAt.Before(k.UpdatedAt):
			a = k.Alert // an older word that came late
		}
		a.Ack, a.Own = was, a.Own || k.Own
		k.Alert = a
		anew = again && was != is && !a.ResolvedAt(now)
		next = is
	}
	if anew {
		s.setAck(k, next, now) // who had it has not been asked about this time
		return k
	}
	s.note(k)
	s.route(k, now)
	return k
}

// note lets k inhibit others.
func (s *State) note(k *kept) {
	for _, n := range s.inhibit {
		n.add(k)
	}
}

// route puts k into the groups of its routes.
func (s *State) route(k *kept, now time.Time) {
	if len(k.groups) > 0 && (!k.left || k.ResolvedAt(now)) {
		return // its labels, and with them its groups, never change
	}
	k.left = false
	set := k.match()
	lset := set.Map()
	for _, r := range s.plan.Root.Match(lset) {
		id := groupID{route: r.Idx, labels: grouping(r, k.Labels)}
		g := s.groups[id]
		if g == nil {
			g = &group{route: r, labels: id.labels, place: -1}
			s.groups[id] = g
			due := now.Add(r.RouteOpts.GroupWait)
			if k.StartsAt.Add(r.RouteOpts.GroupWait).Before(now) {
				due = now
			}
			if due.Before(s.opts.StartAt) {
				due = s.opts.StartAt
			}
			g.add(k)
			s.heap.at(g, due)
			continue
		}
		if g.add(k) && !s.plan.Strict && g.flushed && k.Page() && !k.ResolvedAt(now) {
			s.hurry(g, now)
		}
	}
}

// hurry makes g due now.
func (s *State) hurry(g *group, now time.Time) {
	if g.running {
		g.again = true
		return
	}
	delete(s.parked, g)
	s.heap.at(g, now)
}

// grouping are the labels that r groups by.
func grouping(r *Route, all Set) Set {
	if r.RouteOpts.GroupByAll {
		return all
	}
	if len(r.RouteOpts.GroupBy) == 0 {
		return ""
	}
	by := make(map[string]string, len(r.RouteOpts.GroupBy))
	for n, v := range all.All() {
		if _, ok := r.RouteOpts.GroupBy[model.LabelName(n)]; ok {
			by[n] = v
		}
	}
	return NewSet(by)
}

// Ack says who has an alert ("" is nobody) and returns it; its routes may
// change by it. False where there is no such alert.
func (s *State) Ack(fp model.Fingerprint, by string, now time.Time) (Alert, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.alerts[fp]
	if k == nil || k.Ack == by {
		return Alert{}, false
	}
	s.setAck(k, by, now)
	s.rouse()
	return k.Alert, true
}

// setAck takes k out of where it was and puts it where it belongs by its new ack.
func (s *State) setAck(k *kept, by string, now time.Time) {
	for _, n := range s.inhibit {
		n.remove(k)
	}
	was := slices.Clone(k.groups)
	for _, g := range was {
		g.remove(k)
	}
	k.Ack, k.heldNum = by, 0
	s.note(k)
	s.route(k, now)
	for _, g := range was {
		s.forget(g, k)
	}
}

// Load takes what the disk keeps, before the first [State.Due].
func (s *State) Load(now time.Time, kept Kept) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.told, kept.Told)
	for _, one := range kept.Silences {
		if err := s.setSilence(one); err != nil {
			return err
		}
	}
	for _, a := range kept.Alerts {
		s.put(now, a)
		if k := s.alerts[a.Labels.Fingerprint()]; k != nil {
			k.Ack = a.Ack
		}
	}
	s.rouse()
	return nil
}

func (s *State) setSilence(one Silence) error {
	ms, err := one.Compile(func(string) bool { return true })
	if err != nil {
		return err
	}
	s.silences[one.ID] = &silence{Silence: one, matchers: ms}
	s.changes++
	s.boundary = time.Time{}
	return nil
}

// SetSilence adds or replaces a silence that is on disk.
func (s *State) SetSilence(one Silence) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setSilence(one)
}

// Next returns when something is due, or the zero time.
func (s *State) Next() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heap) == 0 {
		return time.Time{}
	}
	return s.heap[0].due
}

// heldBy is silencedBy for an alert, found once for each change of the silences.
func (s *State) heldBy(k *kept, now time.Time) []string {
	if len(s.silences) == 0 {
		return nil
	}
	if s.boundary.IsZero() || !now.Before(s.boundary) {
		s.changes++
		s.boundary = now.Add(24 * time.Hour)
		for _, one := range s.silences {
			for _, at := range []time.Time{one.StartsAt, one.EndsAt} {
				if at.After(now) && at.Before(s.boundary) {
					s.boundary = at
				}
			}
		}
	}
	if k.heldNum != s.changes {
		k.held, k.heldNum = s.silencedBy(k.match(), now), s.changes
	}
	return k.held
}

// silencedBy returns the ids of the active silences that match.
func (s *State) silencedBy(set Set, now time.Time) (ids []string) {
	for id, one := range s.silences {
		if one.State(now) == SilenceActive && set.matches(one.matchers) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// inhibitedBy returns the alerts that mute the one with set.
func (s *State) inhibitedBy(set Set, now time.Time) []model.Fingerprint {
	for _, n := range s.inhibit {
		if fp, ok := n.mutes(set, now); ok {
			return []model.Fingerprint{fp}
		}
	}
	return nil
}

// Sweep forgets what is long over: told rows past their time, and resolved
// alerts of groups that are another server's to tell.
func (s *State) Sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, t := range s.told {
		if t.Expires.Before(now) {
			delete(s.told, key)
		}
	}
	for id, one := range s.silences {
		if one.EndsAt.Add(s.opts.Retention).Before(now) {
			delete(s.silences, id)
		}
	}
	for g := range s.parked {
		for _, k := range slices.Clone(g.alerts) {
			if k.ResolvedAt(now.Add(-remembered)) {
				s.leave(g, k, now)
			}
		}
		if len(g.alerts) == 0 {
			s.end(g)
		}
	}
}

// leave takes k out of g, and out of memory where that was its last group.
func (s *State) leave(g *group, k *kept, now time.Time) {
	g.remove(k)
	if len(k.groups) > 0 || !k.ResolvedAt(now) {
		k.left = true
		return
	}
	delete(s.alerts, k.fp)
	for _, n := range s.inhibit {
		n.remove(k)
	}
	if s.opts.Limit > 0 {
		name := k.Labels.Get(model.AlertNameLabel)
		if s.named[name]--; s.named[name] <= 0 {
			delete(s.named, name)
		}
	}
}

// end forgets an empty group; what was told of it stays.
func (s *State) end(g *group) {
	g.gone = true
	s.heap.drop(g)
	delete(s.parked, g)
	delete(s.groups, groupID{route: g.route.Idx, labels: g.labels})
}
