package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Live is what senders and people do with alerts and silences: it is on disk
// when a method returns nil. It is safe for concurrent use.
type Live struct {
	state *State
	store Store
	now   func() time.Time
	newID func() string
	heard func([]Alert) // told of each alert taken; may be nil
}

// NewLive returns a Live on state. heard, which may be nil, must not block.
func NewLive(state *State, st Store, now func() time.Time, newID func() string, heard func([]Alert)) *Live {
	return &Live{state: state, store: st, now: now, newID: newID, heard: heard}
}

// Start loads what is kept. It comes before everything else. j may be nil.
func (l *Live) Start(ctx context.Context, j Journal) error {
	kept, err := l.store.Load(ctx)
	if err != nil {
		return fmt.Errorf("load live alerts: %w", err)
	}
	if err := l.state.Load(l.now(), kept); err != nil {
		return fmt.Errorf("load live alerts: %w", err)
	}
	if j != nil {
		if news := l.state.Heard(j.Rows()); len(news) > 0 {
			if err := l.store.PutTold(ctx, news); err != nil {
				return fmt.Errorf("keep what the last process told: %w", err)
			}
		}
		if err := j.Clear(); err != nil {
			return fmt.Errorf("clear journal: %w", err)
		}
	}
	if l.heard != nil {
		l.heard(kept.Alerts)
	}
	return nil
}

// Take takes alerts as they stand, folding them into what is known.
func (l *Live) Take(ctx context.Context, in ...Alert) error {
	if len(in) == 0 {
		return nil
	}
	all := l.state.Put(l.now(), in...)
	if err := l.store.PutAlerts(ctx, all); err != nil {
		return fmt.Errorf("keep %d alerts: %w", len(all), err)
	}
	if l.heard != nil {
		l.heard(all)
	}
	return nil
}

// Acked says who has the alert with these labels; "" is nobody.
func (l *Live) Acked(ctx context.Context, set Set, by string) error {
	a, ok := l.state.Ack(set.Fingerprint(), by, l.now())
	if !ok {
		return nil
	}
	return l.store.PutAlerts(ctx, []Alert{a})
}

// SetSilence adds a silence, or changes the one with its ID: in place where that
// leaves history as it was, else the old one ends and a new one begins. It
// returns the id. Invalid, or NotFound where the id is unknown.
func (l *Live) SetSilence(ctx context.Context, s Silence, validName func(string) bool) (string, error) {
	now := l.now()
	if err := s.Check(now); err != nil {
		return "", err
	}
	if _, err := s.Compile(validName); err != nil {
		return "", err
	}
	var change []Silence
	s.UpdatedAt = now
	if s.ID != "" {
		old, ok := l.state.Silence(s.ID)
		switch {
		case !ok:
			return "", errs.New(errs.NotFound, "silence not found")
		case !old.Succeeds(s, now):
			if old.State(now) != SilenceExpired {
				change = append(change, ended(old, now))
			}
			s.ID = ""
		}
	}
	if s.ID == "" {
		s.ID = l.newID()
		if s.StartsAt.Before(now) {
			s.StartsAt = now
		}
	}
	change = append(change, s)
	return s.ID, l.keep(ctx, s.CreatedBy, change...)
}

func (l *Live) keep(ctx context.Context, by string, all ...Silence) error {
	if err := l.store.PutSilences(ctx, by, all...); err != nil {
		return fmt.Errorf("keep silence: %w", err)
	}
	for _, s := range all {
		if err := l.state.SetSilence(s); err != nil {
			return err
		}
	}
	return nil
}

func ended(s Silence, now time.Time) Silence {
	if s.StartsAt.After(now) {
		s.StartsAt = now
	}
	s.EndsAt, s.UpdatedAt = now, now
	return s
}

// Expire ends a silence now. NotFound, or Conflict where it is over already.
func (l *Live) Expire(ctx context.Context, id, by string) error {
	old, ok := l.state.Silence(id)
	now := l.now()
	switch {
	case !ok:
		return errs.New(errs.NotFound, "silence not found")
	case old.State(now) == SilenceExpired:
		return errs.New(errs.Conflict, "silence %s already expired", id)
	}
	return l.keep(ctx, by, ended(old, now))
}

// Prune drops from disk what has been over for longer than keep and no group
// still holds.
func (l *Live) Prune(ctx context.Context, keep, retention time.Duration) error {
	now := l.now()
	oldest := now.Add(-keep)
	if held := l.state.oldestEnd(now); !held.IsZero() && held.Before(oldest) {
		oldest = held
	}
	return l.store.Prune(ctx, oldest, now.Add(-retention))
}

// oldestEnd is the first end of an alert that is over and still in a group.
func (s *State) oldestEnd(now time.Time) (out time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.alerts {
		if k.ResolvedAt(now) && (out.IsZero() || k.EndsAt.Before(out)) {
			out = k.EndsAt
		}
	}
	return out
}

// Silence returns one silence.
func (s *State) Silence(id string) (Silence, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.silences[id]
	if !ok {
		return Silence{}, false
	}
	return one.Silence, true
}

// Silences returns all silences, as [SortSilences] sorts them.
func (s *State) Silences(now time.Time) []Silence {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Silence, 0, len(s.silences))
	for _, one := range s.silences {
		out = append(out, one.Silence)
	}
	SortSilences(out, now)
	return out
}

// View is an alert with what keeps it from being told.
type View struct {
	Alert       Alert
	Fingerprint model.Fingerprint
	Receivers   []string
	SilencedBy  []string
	InhibitedBy []model.Fingerprint
	MutedBy     []string // time intervals, of a group
}

// Filter says which alerts are looked for. The zero Filter finds all.
type Filter struct {
	Matchers                          labels.Matchers
	Receiver                          *regexp.Regexp // anchored
	Accept                            func(receiver string) bool
	NoActive, NoSilenced, NoInhibited bool
}

// Alerts returns the alerts that are not over, by fingerprint.
func (s *State) Alerts(now time.Time, f Filter) []View {
	out := s.alertViews(now, f)
	slices.SortFunc(out, func(a, b View) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	return out
}

func (s *State) alertViews(now time.Time, f Filter) (out []View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.alerts {
		var to []string
		for _, r := range s.plan.Root.Match(k.match().Map()) {
			to = append(to, r.RouteOpts.Receiver)
		}
		if !f.receivers(to) {
			continue
		}
		if v, ok := s.view(k, now, f); ok {
			v.Receivers = to
			out = append(out, v)
		}
	}
	return out
}

func (f Filter) receivers(to []string) bool {
	if f.Receiver != nil && !slices.ContainsFunc(to, f.Receiver.MatchString) {
		return false
	}
	return f.Accept == nil || slices.ContainsFunc(to, f.Accept)
}

func (s *State) view(k *kept, now time.Time, f Filter) (View, bool) {
	if !k.EndsAt.IsZero() && k.EndsAt.Before(now) || !Found(k.match(), f.Matchers) {
		return View{}, false
	}
	set := k.match()
	v := View{Alert: k.Alert, Fingerprint: k.fp, SilencedBy: s.heldBy(k, now), InhibitedBy: s.inhibitedBy(set, now)}
	held := len(v.SilencedBy) > 0 || len(v.InhibitedBy) > 0
	switch {
	case f.NoActive && !held, f.NoSilenced && len(v.SilencedBy) > 0, f.NoInhibited && len(v.InhibitedBy) > 0:
		return View{}, false
	}
	return v, true
}

// Found matches as the API's filter does, which tells a label that is there
// and empty from one that is not.
func Found(set Set, ms labels.Matchers) bool {
	if len(ms) == 0 {
		return true
	}
	all := set.Strings()
	for _, m := range ms {
		v, has := all[m.Name]
		negative := m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp
		if m.Value == "" && has == negative {
			continue
		}
		if !m.Matches(v) {
			return false
		}
	}
	return true
}

// GroupView is a group with those of its alerts that were looked for.
type GroupView struct {
	Key, Receiver string
	Route         *Route
	Labels        model.LabelSet
	MutedBy       []string
	Due           time.Time // its next look
	Flushed       bool      // it has been looked at once
	Alerts        []View
}

// Groups returns the groups with alerts that are not over, by their labels.
func (s *State) Groups(now time.Time, f Filter) []GroupView {
	out, receivers := s.groupViews(now, f)
	for i := range out {
		for n := range out[i].Alerts {
			a := &out[i].Alerts[n]
			a.Receivers = slices.Sorted(slices.Values(receivers[a.Fingerprint]))
		}
		slices.SortFunc(out[i].Alerts, func(a, b View) int { return order(a.Alert.Labels.Map(), b.Alert.Labels.Map()) })
	}
	slices.SortFunc(out, func(a, b GroupView) int {
		return cmp.Or(order(a.Labels, b.Labels), cmp.Compare(a.Receiver, b.Receiver))
	})
	return out
}

// order sorts label sets as Alertmanager does.
func order(a, b model.LabelSet) int {
	switch {
	case maps.Equal(a, b):
		return 0
	case a.Before(b):
		return -1
	}
	return 1
}

func (s *State) groupViews(now time.Time, f Filter) (out []GroupView, receivers map[model.Fingerprint][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	receivers = map[model.Fingerprint][]string{}
	for _, g := range s.groups {
		to := g.route.RouteOpts.Receiver
		if !f.receivers([]string{to}) {
			continue
		}
		v := GroupView{Key: g.key(), Receiver: to, Route: g.route, Labels: g.labels.Map(), MutedBy: g.mutedBy, Due: g.due, Flushed: g.flushed}
		for _, k := range g.alerts {
			if one, ok := s.view(k, now, f); ok {
				one.MutedBy = g.mutedBy
				receivers[k.fp] = append(receivers[k.fp], to)
				v.Alerts = append(v.Alerts, one)
			}
		}
		if len(v.Alerts) > 0 {
			out = append(out, v)
		}
	}
	return out, receivers
}

// Counts are sizes, for metrics.
type Counts struct {
	Alerts, Active, Suppressed, Groups, Silences, Refused int
}

// Counts returns the sizes now.
func (s *State) Counts(now time.Time) (c Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c = Counts{Alerts: len(s.alerts), Groups: len(s.groups), Silences: len(s.silences), Refused: s.refused}
	for _, k := range s.alerts {
		if k.ResolvedAt(now) {
			continue
		}
		c.Active++
		if len(s.heldBy(k, now)) > 0 || len(s.inhibitedBy(k.match(), now)) > 0 {
			c.Suppressed++
		}
	}
	return c
}
