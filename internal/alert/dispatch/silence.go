package dispatch

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Silence keeps alerts that match from being told for a while.
type Silence struct {
	ID          string            `json:"id"`
	Matchers    []Matcher         `json:"matchers"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	UpdatedAt   time.Time         `json:"updatedAt"`
	CreatedBy   string            `json:"createdBy"`
	Comment     string            `json:"comment"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Matcher is one condition of a silence, as Alertmanager's API writes it.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual *bool  `json:"isEqual,omitempty"` // nil: true
}

// Type is the matcher's operator.
func (m Matcher) Type() labels.MatchType {
	equal := m.IsEqual == nil || *m.IsEqual
	switch {
	case equal && m.IsRegex:
		return labels.MatchRegexp
	case equal:
		return labels.MatchEqual
	case m.IsRegex:
		return labels.MatchNotRegexp
	}
	return labels.MatchNotEqual
}

// Text writes the matchers as a person reads them: {a="b", c=~"d"}.
func (s Silence) Text() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range s.Matchers {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(m.Name + m.Type().String() + strconv.Quote(m.Value))
	}
	b.WriteByte('}')
	return b.String()
}

// SilenceState is where a silence stands.
type SilenceState string

// The states, as they sort.
const (
	SilenceActive  SilenceState = "active"
	SilencePending SilenceState = "pending"
	SilenceExpired SilenceState = "expired"
)

// State derives where s stands at now.
func (s Silence) State(now time.Time) SilenceState {
	switch {
	case now.Before(s.StartsAt):
		return SilencePending
	case now.Before(s.EndsAt):
		return SilenceActive
	}
	return SilenceExpired
}

// Compile makes the matchers, or says what is wrong with them: Invalid.
// validName says which label names are allowed.
func (s Silence) Compile(validName func(string) bool) (labels.Matchers, error) {
	if len(s.Matchers) == 0 {
		return nil, errs.New(errs.Invalid, "invalid silence: at least one matcher required")
	}
	if len(s.Matchers) > 256 {
		return nil, errs.New(errs.Invalid, "invalid silence: at most 256 matchers")
	}
	out := make(labels.Matchers, len(s.Matchers))
	allEmpty := true
	for i, m := range s.Matchers {
		if m.Name != AckLabel && !validName(m.Name) {
			return nil, errs.New(errs.Invalid, "invalid silence: invalid label matcher %d: invalid label name %q", i, m.Name)
		}
		c, err := labels.NewMatcher(m.Type(), m.Name, m.Value)
		if err != nil {
			return nil, errs.New(errs.Invalid, "invalid silence: invalid label matcher %d: invalid regular expression %q: %w", i, m.Value, err)
		}
		allEmpty = allEmpty && c.Matches("")
		out[i] = c
	}
	if allEmpty {
		return nil, errs.New(errs.Invalid, "invalid silence: at least one matcher must not match the empty string")
	}
	return out, nil
}

// Check refuses, as Invalid, times that no silence has.
func (s Silence) Check(now time.Time) error {
	switch {
	case !s.StartsAt.Before(s.EndsAt):
		return errs.New(errs.Invalid, "Failed to create silence: start time must be before end time")
	case s.EndsAt.Before(now):
		return errs.New(errs.Invalid, "Failed to create silence: end time can't be in the past")
	}
	return nil
}

// Succeeds reports whether next may replace s in place without changing what
// was silenced: the same matchers, and only times that are still to come. What
// may not is expired, and next becomes a silence of its own.
func (s Silence) Succeeds(next Silence, now time.Time) bool {
	same := slices.EqualFunc(s.Matchers, next.Matchers, func(a, b Matcher) bool {
		return a.Name == b.Name && a.Value == b.Value && a.Type() == b.Type()
	})
	switch s.State(now) {
	case SilenceActive:
		return same && s.StartsAt.Unix() == next.StartsAt.Unix() && !next.EndsAt.Before(now)
	case SilencePending:
		return same && !next.StartsAt.Before(now)
	case SilenceExpired:
	}
	return false
}

// SortSilences puts the active ones first, the next to end before the others,
// then the pending by their start, then the expired, the last one first.
func SortSilences(all []Silence, now time.Time) {
	rank := map[SilenceState]int{SilenceActive: 1, SilencePending: 2, SilenceExpired: 3}
	slices.SortStableFunc(all, func(a, b Silence) int {
		sa, sb := a.State(now), b.State(now)
		switch {
		case sa != sb:
			return cmp.Compare(rank[sa], rank[sb])
		case sa == SilencePending:
			return a.StartsAt.Compare(b.StartsAt)
		case sa == SilenceExpired:
			return b.EndsAt.Compare(a.EndsAt)
		}
		return a.EndsAt.Compare(b.EndsAt)
	})
}

// silence is a Silence with its matchers made.
type silence struct {
	Silence
	matchers labels.Matchers
}
