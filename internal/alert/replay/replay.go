// Package replay runs the alerts of the past through another configuration: who
// would have been told, when, and of which incidents too late or not at all.
//
// # Words
//
// An [Episode] is one alert that was: what it said, from when to when. A [Config]
// is what decides: rules, which say whether and how urgently it is raised, and
// the plan of routes. An [Outcome] is what one Config makes of all episodes, and
// [Compare] says how two differ.
//
// # Rules
//
//   - The routes decide with the very code that decides in operation, on a clock
//     of their own: package dispatch.
//   - Receivers take everything at once: a replay compares decisions, not the
//     weather of the network.
//   - What kept alerts cannot show is said and not guessed: a changed expression
//     needs the samples, see [Change.Unsure].
package replay

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

// Episode is one alert that was.
type Episode struct {
	ID       string
	Rule     string
	Service  string
	Source   string
	Severity alert.Severity
	Labels   dispatch.Set // as routes see it
	From, To time.Time    // To is zero while it is open
}

// Config is what decides.
type Config struct {
	Plan *dispatch.Plan
	// Raise says what the rules make of an episode: with another severity, begun
	// later or earlier, or not at all. nil leaves it as it was.
	Raise func(Episode) (Episode, bool)
}

// Incident is what was worth being told of.
type Incident struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Service string    `json:"service"`
	At      time.Time `json:"at"` // declared
	Alerts  []string  `json:"alerts"`
}

// Outcome is what a Config makes of the episodes.
type Outcome struct {
	Alerts   int            `json:"alerts"` // raised
	Pages    int            `json:"pages"`  // of page level: somebody is woken
	Messages int            `json:"messages"`
	To       map[string]int `json:"to"` // messages by receiver
	ByRule   map[string]int `json:"-"`  // pages by rule

	first map[string]time.Time // when the first person or receiver heard of an episode
	paged map[string]time.Time // when it woke somebody
}

// step is something that happens.
type step struct {
	at   time.Time
	over bool
	i    int
}

// Run replays episodes, which need no order, until ctx ends; more are added as
// they are. progress, which may be nil, is told now and then how far it is, from 0
// to 1.
func Run(ctx context.Context, all []Episode, c Config, progress func(float64), more ...Episode) (Outcome, error) {
	out := Outcome{To: map[string]int{}, ByRule: map[string]int{}, first: make(map[string]time.Time, len(all)), paged: map[string]time.Time{}}
	raised := make([]Episode, 0, len(all))
	for _, e := range all {
		ok := true
		if c.Raise != nil {
			e, ok = c.Raise(e)
		}
		if ok {
			raised = append(raised, e)
		}
	}
	raised = append(raised, more...)
	steps := make([]step, 0, 2*len(raised))
	for i, e := range raised {
		out.Alerts++
		if e.Severity == alert.Page {
			out.Pages++
			out.ByRule[e.Rule]++
			out.paged[e.ID] = e.From
		}
		steps = append(steps, step{e.From, false, i})
		if !e.To.IsZero() {
			steps = append(steps, step{e.To, true, i})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	s := sim{out: &out, state: dispatch.New(c.Plan, dispatch.Options{}), raised: raised, open: map[dispatch.Set]int{}}
	for n, st := range steps {
		if n%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return out, err
			}
			if progress != nil {
				progress(float64(n) / float64(len(steps)))
			}
		}
		s.until(st.at)
		s.say(st)
	}
	if len(steps) > 0 {
		s.until(steps[len(steps)-1].at.Add(10 * time.Minute))
	}
	return out, nil
}

// sim is one replay on its way.
type sim struct {
	out    *Outcome
	state  *dispatch.State
	raised []Episode
	open   map[dispatch.Set]int // place of the open episode with those labels
}

// until has everything told that is due before t.
func (s *sim) until(t time.Time) {
	for {
		due := s.state.Next()
		if due.IsZero() || due.After(t) {
			return
		}
		for _, f := range s.state.Due(due) {
			for _, j := range f.Jobs {
				s.tell(j, due)
			}
		}
	}
}

func (s *sim) tell(j *dispatch.Job, now time.Time) {
	if len(j.Alerts) > 0 {
		s.out.Messages++
		s.out.To[j.Key.Receiver]++
		for _, set := range j.Sets() {
			if i, ok := s.open[set]; ok {
				s.heard(s.raised[i].ID, now)
			}
		}
	}
	s.state.Delivered(j, 1, now)
	s.state.Finish(j, now)
}

func (s *sim) heard(id string, now time.Time) {
	if _, ok := s.out.first[id]; !ok {
		s.out.first[id] = now
	}
}

func (s *sim) say(st step) {
	e := s.raised[st.i]
	a := dispatch.Alert{Labels: e.Labels, StartsAt: e.From, EndsAt: st.at.Add(1000 * time.Hour), UpdatedAt: st.at}
	if st.over {
		a.EndsAt = st.at
		if s.open[e.Labels] == st.i {
			delete(s.open, e.Labels)
		}
	} else {
		s.open[e.Labels] = st.i
	}
	s.state.Put(st.at, a)
}

// Change is what differs between two configurations over the same past.
type Change struct {
	From        time.Time  `json:"from"`
	To          time.Time  `json:"to"`
	Before      Outcome    `json:"before"`
	After       Outcome    `json:"after"`
	Rules       []RuleDiff `json:"rules"`     // by how much their pages change, the most first
	Incidents   int        `json:"incidents"` // that an alert told of before
	Missed      []Found    `json:"missed"`    // nobody would have been told of
	Quieter     []Found    `json:"quieter"`   // nobody would have been woken for
	Earlier     []Found    `json:"earlier"`
	Later       []Found    `json:"later"`
	LatencyP50  Shift      `json:"latency_p50"` // from an alert to the first receiver told, in seconds
	LatencyP99  Shift      `json:"latency_p99"`
	Unsure      []string   `json:"unsure"` // what kept alerts cannot show
	TookSeconds float64    `json:"took_seconds"`
}

// RuleDiff is the pages of a rule before and after.
type RuleDiff struct {
	Rule   string `json:"rule"`
	Before int    `json:"before"`
	After  int    `json:"after"`
}

// Found is an incident and when the first alert of it was told.
type Found struct {
	Incident
	Before time.Time `json:"before,omitzero"`
	After  time.Time `json:"after,omitzero"`
}

// Shift is a figure before and after, in seconds; -1 where there is none.
type Shift struct {
	Before float64 `json:"before"`
	After  float64 `json:"after"`
}

// Compare says how after differs from before.
func Compare(all []Episode, incidents []Incident, before, after Outcome) Change {
	c := Change{Before: before, After: after, Rules: diff(before.ByRule, after.ByRule)}
	for _, in := range incidents {
		c.find(in, before, after)
	}
	from := make(map[string]time.Time, len(all))
	for _, e := range all {
		from[e.ID] = e.From
		if c.From.IsZero() || e.From.Before(c.From) {
			c.From = e.From
		}
		c.To = last(c.To, cmp.Or(e.To, e.From))
	}
	b, a := waits(from, before.first), waits(from, after.first)
	c.LatencyP50 = Shift{quantile(b, .5), quantile(a, .5)}
	c.LatencyP99 = Shift{quantile(b, .99), quantile(a, .99)}
	return c
}

func last(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func diff(before, after map[string]int) (out []RuleDiff) {
	for r, n := range before {
		if n != after[r] {
			out = append(out, RuleDiff{r, n, after[r]})
		}
	}
	for r, n := range after {
		if _, ok := before[r]; !ok {
			out = append(out, RuleDiff{r, 0, n})
		}
	}
	size := func(d RuleDiff) int { return max(d.After-d.Before, d.Before-d.After) }
	slices.SortFunc(out, func(a, b RuleDiff) int { return cmp.Or(size(b)-size(a), cmp.Compare(a.Rule, b.Rule)) })
	return out
}

// find compares when an incident was known.
func (c *Change) find(in Incident, before, after Outcome) {
	b, a := before.known(in), after.known(in)
	f := Found{Incident: in, Before: b, After: a}
	if b.IsZero() && a.IsZero() {
		return // no alert told of it, then or now
	}
	if !b.IsZero() {
		c.Incidents++
	}
	switch {
	case a.IsZero():
		c.Missed = append(c.Missed, f)
	case b.IsZero() || a.Before(b):
		c.Earlier = append(c.Earlier, f)
	case a.After(b):
		c.Later = append(c.Later, f)
	}
	if before.woke(in) && !after.woke(in) {
		c.Quieter = append(c.Quieter, f)
	}
}

// known is when the first alert of an incident woke somebody or was told.
func (o Outcome) known(in Incident) (first time.Time) {
	for _, id := range in.Alerts {
		for _, at := range []time.Time{o.first[id], o.paged[id]} {
			if !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

func (o Outcome) woke(in Incident) bool {
	return slices.ContainsFunc(in.Alerts, func(id string) bool { _, ok := o.paged[id]; return ok })
}

func waits(from, first map[string]time.Time) (out []float64) {
	for id, at := range first {
		out = append(out, at.Sub(from[id]).Seconds())
	}
	slices.Sort(out)
	return out
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return -1
	}
	return sorted[int(q*float64(len(sorted)-1))]
}

// Longer is e as a rule would have raised it that waits longer by d, or, where d
// is negative, shorter: as far as e shows it.
func Longer(e Episode, d time.Duration) (Episode, bool) {
	e.From = e.From.Add(d)
	return e, e.To.IsZero() || e.From.Before(e.To)
}
