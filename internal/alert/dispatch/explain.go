package dispatch

import (
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
)

// Outcome is what became of an alert at one node of the routing tree.
type Outcome string

// The outcomes.
const (
	Tells   Outcome = "tells"   // its receiver is told
	Passes  Outcome = "passes"  // it matches, and nodes below it tell
	Fails   Outcome = "fails"   // a matcher does not hold: nodes below are not tried
	Skipped Outcome = "skipped" // a node before it, on its level, matched and does not continue
	Beyond  Outcome = "beyond"  // its parent was not entered
)

// Step is one node of the tree and what became of an alert there.
type Step struct {
	Route    *Route
	Depth    int // 0 is the root
	Outcome  Outcome
	Failed   *labels.Matcher // the first matcher that does not hold, where Outcome is Fails
	Value    string          // what the alert has in the place of Failed
	GroupKey string          // of the group it is in, where Outcome is Tells
	Group    Set             // that group's labels
	MutedBy  []string        // intervals that keep the node from telling at now
}

// Explain walks the whole tree of plan, parents before children, and says what
// becomes of an alert with these labels at each node. It is pure: what it says to
// tell is what a [State] tells.
func Explain(plan *Plan, set Set, now time.Time) []Step {
	e := &explanation{plan: plan, set: set, lset: set.Map(), now: now}
	e.visit(plan.Root, 0, "")
	return e.steps
}

// ToldBy are the nodes whose receivers are told.
func ToldBy(steps []Step) []Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.Outcome != Tells })
}

type explanation struct {
	plan  *Plan
	set   Set
	lset  model.LabelSet
	now   time.Time
	steps []Step
}

// visit notes r and the nodes below it, and reports whether r matches. given, where
// it is set, is what became of r before its matchers were asked.
func (e *explanation) visit(r *Route, depth int, given Outcome) bool {
	at := len(e.steps)
	e.steps = append(e.steps, Step{Route: r, Depth: depth, Outcome: given, MutedBy: e.plan.muted(r, e.now)})
	below := Beyond
	if given == "" {
		below = ""
		if m := unheld(r.Matchers, e.lset); m != nil {
			s := &e.steps[at]
			s.Outcome, s.Failed, s.Value, below = Fails, m, string(e.lset[model.LabelName(m.Name)]), Beyond
		}
	}
	told, over := false, false
	for _, child := range r.Routes {
		became := below
		if below == "" && over {
			became = Skipped
		}
		if e.visit(child, depth+1, became) {
			told, over = true, over || !child.Continue
		}
	}
	s := &e.steps[at]
	if s.Outcome != "" {
		return false
	}
	s.Outcome = Passes
	if !told {
		s.Outcome, s.Group = Tells, grouping(r, e.visible())
		s.GroupKey = r.Key() + ":" + s.Group.Map().String()
	}
	return true
}

// visible is the set without what no group is made by: who has the alert.
func (e *explanation) visible() Set {
	if e.set.Get(AckLabel) == "" {
		return e.set
	}
	m := e.set.Strings()
	delete(m, AckLabel)
	return NewSet(m)
}

// unheld is the first matcher that does not hold, or nil.
func unheld(ms labels.Matchers, lset model.LabelSet) *labels.Matcher {
	for _, m := range ms {
		if !m.Matches(string(lset[model.LabelName(m.Name)])) {
			return m
		}
	}
	return nil
}

// Matches reports whether all matchers hold for s.
func (s Set) Matches(ms labels.Matchers) bool { return s.matches(ms) }

// Held is what keeps an alert from being told now.
type Held struct {
	Silences []string // ids of active silences that match
	By       []Alert  // alerts that inhibit it
}

// HeldBy says what would keep an alert with these labels from being told at now.
func (s *State) HeldBy(set Set, now time.Time) (h Held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.Silences = s.silencedBy(set, now)
	for _, fp := range s.inhibitedBy(set, now) {
		if k := s.alerts[fp]; k != nil {
			h.By = append(h.By, k.Alert)
		}
	}
	return h
}

// Owing is what one integration is still to be told of an alert.
type Owing struct {
	Key      ToldKey
	Since    time.Time
	Attempts int
	Error    string    // of the last attempt; "": none was made
	Next     time.Time // when its group is looked at again
}

// Owed says, by alert, who was to be told that it fires and could not be yet.
func (s *State) Owed() map[model.Fingerprint][]Owing {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[model.Fingerprint][]Owing{}
	for _, g := range s.groups {
		key := g.key()
		for _, to := range s.plan.Receivers[g.route.RouteOpts.Receiver] {
			t := s.toldOf(g, key, to)
			if t == nil || len(t.Owed) == 0 {
				continue
			}
			for _, k := range g.alerts {
				if h := k.Labels.hash(); slices.Contains(t.Owed, h) && !slices.Contains(t.Firing, h) {
					out[k.fp] = append(out[k.fp], Owing{Key: toldKey(g, key, to), Since: t.Since, Attempts: t.Attempts, Error: t.Error, Next: g.due})
				}
			}
		}
	}
	return out
}

// GroupDue says when the group with that key is next looked at; false where there
// is none, so that its first alert waits for the route's group_wait.
func (s *State) GroupDue(key string) (due time.Time, flushed, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		if g.key() == key {
			return g.due, g.flushed, true
		}
	}
	return time.Time{}, false, false
}

// Match is the label set that matchers see: the labels, and who has the alert.
func (a Alert) Match() Set { return a.match() }
