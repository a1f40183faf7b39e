package dispatch

import (
	"maps"
	"slices"
	"strings"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"
)

// minTimeout is the least time that a flush has to tell its receivers.
const minTimeout = notify.MinTimeout

// LateAnnotation is set on what was over before it could be told.
const LateAnnotation = "told_late"

// Flush is what is to be told of a group at one moment.
type Flush struct {
	Key      string // Alertmanager's group key
	Route    *Route
	Labels   model.LabelSet
	At       time.Time
	Deadline time.Time // then the group is looked at anew
	Num      uint64
	Jobs     []*Job

	token    int64 // of the lease under which it was decided
	group    *group
	resolved []Alert // those of the group that were over, whether told or not
	failed   bool
	open     int // jobs not finished
}

// Job is what one integration is to be told in a flush.
type Job struct {
	Flush  *Flush
	Key    ToldKey
	To     Integration
	Reason Reason
	Alerts []*amalert.Alert // what is sent; empty: nothing is, only noted

	list             []*kept // the alerts it is about
	firing, resolved []uint64
	told             *Told // as it was when this was decided
}

// Sets are the labels of the alerts that j tells of.
func (j *Job) Sets() []Set {
	out := make([]Set, len(j.list))
	for i, k := range j.list {
		out[i] = k.Labels
	}
	return out
}

// Row is what a store keeps of a receiver and a group.
type Row struct {
	Key    ToldKey
	Hash   uint64 // of Key
	Told   Told
	Token  int64   // of the lease under which it was decided; 0: there is none
	Notice *Notice // where a message was delivered, or given up
}

// Notice is one message that a receiver took, or could not be given.
type Notice struct {
	At       time.Time
	Decided  time.Time // when it became due
	Reason   string    // "first notification", as Alertmanager says it
	Attempts int
	Error    string              // of what was given up
	Alerts   []model.Fingerprint // at most 100
}

const noticed = 100 // alerts that a Notice names

// notice describes j. The lock is held.
func (j *Job) notice(now time.Time, attempts int, text string) *Notice {
	if len(j.Alerts) == 0 {
		return nil
	}
	n := &Notice{At: now, Decided: j.Flush.At, Reason: j.Reason.String(), Attempts: attempts, Error: text}
	for _, a := range j.Alerts[:min(len(j.Alerts), noticed)] {
		n.Alerts = append(n.Alerts, a.Fingerprint())
	}
	return n
}

// Due returns what is to be told at now, and schedules each group's next look.
func (s *State) Due(now time.Time) (out []*Flush) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.heap) > 0 && !s.heap[0].due.After(now) {
		g := s.heap[0]
		if s.opts.Owns != nil && !s.opts.Owns(groupHash(g)) {
			s.heap.drop(g)
			s.parked[g] = struct{}{}
			continue
		}
		s.heap.at(g, now.Add(max(g.route.RouteOpts.GroupInterval, time.Millisecond)))
		if g.running {
			g.again = true
			continue
		}
		if f := s.flush(g, now); len(f.Jobs) > 0 {
			g.running = true
			s.inHand[g] = struct{}{}
			out = append(out, f)
		} else {
			s.finish(f, now)
		}
	}
	return out
}

func (s *State) flush(g *group, now time.Time) *Flush {
	g.flushed = true
	g.flushNum++
	f := &Flush{
		Key: g.key(), Route: g.route, Labels: g.labels.Map(), At: now, Num: g.flushNum, group: g,
		Deadline: now.Add(max(g.route.RouteOpts.GroupInterval, minTimeout)),
	}
	if s.opts.Token != nil {
		f.token = s.opts.Token(groupHash(g))
	}
	g.mutedBy = s.plan.muted(g.route, now)
	var tell, hidden []*kept // hidden: over, and muted while it ended
	for _, k := range g.alerts {
		over := k.ResolvedAt(now)
		set := k.match()
		switch {
		case len(g.mutedBy) > 0:
			if over && !s.plan.Strict && s.knows(g, f.Key, k) {
				continue // its end is told when the interval is over
			}
		case len(s.inhibitedBy(set, now)) > 0 || len(s.heldBy(k, now)) > 0:
			if over && !s.plan.Strict {
				hidden = append(hidden, k)
			}
		default:
			tell = append(tell, k)
		}
		if over {
			f.resolved = append(f.resolved, k.Alert)
		}
	}
	for _, to := range s.plan.Receivers[g.route.RouteOpts.Receiver] {
		if j := s.job(f, to, tell, hidden); j != nil {
			f.Jobs = append(f.Jobs, j)
		}
	}
	f.open = len(f.Jobs)
	return f
}

// toldOf returns what the row of an integration says, or nil.
func (s *State) toldOf(g *group, key string, to Integration) *Told {
	return s.told[toldKey(g, key, to).hash()]
}

func toldKey(g *group, key string, to Integration) ToldKey {
	return ToldKey{Group: key, Receiver: g.route.RouteOpts.Receiver, Integration: to.Name(), Index: to.Index()}
}

// knows reports whether a receiver of g believes that k fires.
func (s *State) knows(g *group, key string, k *kept) bool {
	h := k.Labels.hash()
	for _, to := range s.plan.Receivers[g.route.RouteOpts.Receiver] {
		if t := s.toldOf(g, key, to); t != nil && t.knows(h) {
			return true
		}
	}
	return false
}

func (s *State) job(f *Flush, to Integration, tell, hidden []*kept) *Job {
	t := s.toldOf(f.group, f.Key, to)
	list := tell
	if t != nil {
		for _, k := range hidden {
			if t.knows(k.Labels.hash()) {
				list = append(slices.Clip(list), k)
			}
		}
	}
	if len(list) == 0 {
		return nil
	}
	j := &Job{Flush: f, Key: toldKey(f.group, f.Key, to), To: to, list: list, told: t}
	j.sort(f.At)
	if j.Reason = Decide(t, j.firing, j.resolved, to.SendResolved(), !s.plan.Strict, f.Route.RouteOpts.RepeatInterval, f.At); j.Reason == notify.ReasonDoNotNotify {
		return nil
	}
	j.Alerts = s.message(j, f.At)
	return j
}

// sort tells what fires from what is over.
func (j *Job) sort(now time.Time) {
	j.firing, j.resolved = nil, nil
	for _, k := range j.list {
		if k.ResolvedAt(now) {
			j.resolved = append(j.resolved, k.Labels.hash())
		} else {
			j.firing = append(j.firing, k.Labels.hash())
		}
	}
}

// Renew brings the message of a job that failed up to date: what is over by now
// is told as that.
func (s *State) Renew(j *Job, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan.Strict || len(j.Alerts) == 0 {
		return
	}
	j.sort(now)
	j.Alerts = s.message(j, now)
}

// message are the alerts to send, in Alertmanager's order.
func (s *State) message(j *Job, now time.Time) []*amalert.Alert {
	out := make(amalert.AlertSlice, 0, len(j.list))
	for _, k := range j.list {
		over := k.ResolvedAt(now)
		owed := over && !s.plan.Strict && j.told != nil && slices.Contains(j.told.Owed, k.Labels.hash()) && !slices.Contains(j.told.Firing, k.Labels.hash())
		if over && !j.To.SendResolved() && !owed {
			continue
		}
		a := k.sent(now)
		if owed {
			a.Annotations = maps.Clone(a.Annotations)
			a.Annotations[LateAnnotation] = model.LabelValue(lateText(k.Alert, now))
		}
		out = append(out, a)
	}
	slices.SortStableFunc(out, func(a, b *amalert.Alert) int {
		if (amalert.AlertSlice{a, b}).Less(0, 1) {
			return -1
		}
		if (amalert.AlertSlice{b, a}).Less(0, 1) {
			return 1
		}
		return 0
	})
	return out
}

func lateText(a Alert, now time.Time) string {
	const clock = "2006-01-02 15:04:05 MST"
	return strings.Join([]string{
		"fired " + a.StartsAt.UTC().Format(clock), "resolved " + a.EndsAt.UTC().Format(clock), "could not be told until " + now.UTC().Format(clock),
	}, ", ")
}

// Owe returns the row that says, before the first attempt, what the receiver
// is owed; false where the row on disk says it already.
func (s *State) Owe(j *Job) (Row, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan.Strict || len(j.firing) == 0 || s.told[j.Key.hash()] != j.told {
		return Row{}, false // what is stale is decided anew
	}
	var t Told
	if j.told != nil {
		t = *j.told
	}
	var owed []uint64
	for _, h := range j.firing {
		if !slices.Contains(t.Firing, h) && !slices.Contains(t.Owed, h) {
			owed = append(owed, h)
		}
	}
	if len(owed) == 0 {
		return Row{}, false
	}
	t.Owed = append(slices.Clone(t.Owed), owed...)
	if t.Since.IsZero() {
		t.Since = j.Flush.At
	}
	t.Expires = j.Flush.At.Add(s.opts.Retention)
	return s.set(j, t), true
}

// set keeps t as what j's receiver was told.
func (s *State) set(j *Job, t Told) Row {
	h := j.Key.hash()
	kept := &t
	s.told[h] = kept
	j.told = kept
	return Row{Key: j.Key, Hash: h, Told: t, Token: j.Flush.token}
}

// Heard takes what another server told receivers, and returns the rows that were
// news, with their hashes.
func (s *State) Heard(rows []Row) (news []Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rows {
		r.Hash = r.Key.hash()
		if old := s.told[r.Hash]; old != nil && !old.At.Before(r.Told.At) {
			continue
		}
		s.told[r.Hash] = &r.Told
		news = append(news, r)
	}
	return news
}

// Stale reports whether its receiver was told something else since j was
// decided; then j must not be sent, and the group looks again.
func (s *State) Stale(j *Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[j.Key.hash()] == j.told && !j.Flush.group.gone {
		return false
	}
	j.Flush.failed, j.Flush.group.again = true, true
	return true
}

// Delivered says that the receiver has taken j's message, and returns the row to
// be kept.
func (s *State) Delivered(j *Job, attempts int, now time.Time) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := s.opts.Retention
	switch twice := 2 * j.Flush.Route.RouteOpts.RepeatInterval; {
	case !s.plan.Strict:
		keep = max(keep, twice)
	case twice > 0:
		keep = min(keep, twice) // then the original forgets that it was told
	}
	row := s.set(j, Told{Firing: j.stays(), Resolved: j.resolved, Held: s.heldBack(j), At: now, Expires: now.Add(keep)})
	row.Notice = j.notice(now, attempts, "")
	return row
}

// Failed says that j's receiver could not be told by the flush's deadline, or
// never will be, and returns the row to be kept.
func (s *State) Failed(j *Job, attempts int, err error, now time.Time) (Row, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.Flush.failed = true
	if s.plan.Strict {
		return Row{}, false
	}
	var t Told
	if now := s.told[j.Key.hash()]; now != nil {
		t = *now
	}
	t.Attempts += attempts
	t.Error = clip(err.Error(), 300)
	if t.Expires.IsZero() {
		t.Expires = j.Flush.At.Add(s.opts.Retention)
	}
	row := s.set(j, t)
	row.Notice = j.notice(now, attempts, t.Error)
	return row, true
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// Finish ends one job of a flush. After the last one the group goes on.
func (s *State) Finish(j *Job, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.Flush.open--; j.Flush.open == 0 {
		s.finish(j.Flush, now)
		s.rouse()
	}
}

// finish takes out of the group what was over and has been told.
func (s *State) finish(f *Flush, now time.Time) {
	g := f.group
	g.running = false
	delete(s.inHand, g)
	if g.gone {
		return
	}
	if !f.failed {
		for _, a := range f.resolved {
			k := s.alerts[a.Labels.Fingerprint()]
			if k != nil && k.UpdatedAt.Equal(a.UpdatedAt) && k.EndsAt.Equal(a.EndsAt) {
				s.leave(g, k, now)
			}
		}
	}
	if len(g.alerts) == 0 {
		s.end(g)
		return
	}
	if g.again {
		g.again = false
		s.heap.at(g, now)
	}
}
