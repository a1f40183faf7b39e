package score

import (
	"cmp"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// How far scores look back.
const (
	Day    = 24 * time.Hour
	Window = 90 * Day // of alerts that are counted
	Recent = 28 * Day // of pages per shift
	Shift  = 12 * time.Hour
	Silent = 180 * Day // a rule that fired last before that may be dead
)

// PagesAShift is the most pages of a shift that leave time to follow up each
// (Site Reliability Engineering, O'Reilly 2016, chapter 11).
const PagesAShift = 2.0

// Row is what is kept of an alert for counting.
type Row struct {
	ID         string
	Source     string
	Rule       string
	Service    string
	Severity   alert.Severity
	OpenedAt   time.Time
	AckedAt    time.Time // zero where nobody took it
	ResolvedAt time.Time // zero while open
	ByHand     bool      // a person resolved it
	Verdict    alert.Verdict
	JudgedAt   time.Time
	Incident   string // the incident it belongs to, or ""
}

// Key names a rule.
type Key struct {
	Source string `json:"source"`
	Rule   string `json:"rule"`
}

// Def is what is known of how a rule is written.
type Def struct {
	Since time.Time     // when it was changed last; what it said before counts no more
	For   time.Duration // how long it must hold before it fires
}

// Defs are the rules that are written down, by their names.
type Defs map[string]Def

// Key is the rule of r.
func (r Row) Key() Key { return Key{r.Source, r.Rule} }

// Lasted is how long it was open, at now where it still is.
func (r Row) Lasted(now time.Time) time.Duration {
	if r.ResolvedAt.IsZero() {
		return max(0, now.Sub(r.OpenedAt))
	}
	return max(0, r.ResolvedAt.Sub(r.OpenedAt))
}

// Alone reports whether it was over before anybody took it.
func (r Row) Alone() bool { return !r.ResolvedAt.IsZero() && r.AckedAt.IsZero() && !r.ByHand }

// Mattered reports whether it was worth waking somebody: a person says so, or an
// incident was made of it.
func (r Row) Mattered() bool { return r.Verdict == alert.Actionable || r.Incident != "" }

// Score is what a rule was worth over some days.
type Score struct {
	Key

	Services   []string `json:"services"`
	Paging     bool     `json:"paging"` // its newest alert was a page
	Alerts     int      `json:"alerts"`
	Pages      int      `json:"pages"`
	Judged     int      `json:"judged"`
	Actionable int      `json:"actionable"`
	Known      int      `json:"known"`
	Noise      int      `json:"noise"`
	WrongOwner int      `json:"wrong_owner"`
	Precision  Share    `json:"precision"`

	PagesPerShift float64       `json:"pages_per_shift"` // over the last 28 days
	Acked         int           `json:"acked"`
	AckMedian     time.Duration `json:"ack_median"` // nanoseconds; 0 where nobody took any
	AckP90        time.Duration `json:"ack_p90"`
	Alone         Share         `json:"alone"` // over before anybody took it

	Incidents   int     `json:"incidents"`    // that its alerts belong to
	PerIncident float64 `json:"per_incident"` // its alerts for each of them; 0 where there is none

	Since      time.Time `json:"since,omitzero"` // the rule was changed then, and is counted from there
	LastAt     time.Time `json:"last_at,omitzero"`
	LastJudged time.Time `json:"last_judged,omitzero"`
}

// Broken reports whether fewer than half of what it said was worth it.
func (s Score) Broken() bool { return s.Precision.Told && s.Precision.At < 0.5 }

// Of scores the rules of rows that opened in [from, to), the worst first: those
// that can be told by their precision, then the others by their pages.
//
// What a rule said before it was changed does not count; defs may be nil.
func Of(rows []Row, from, to time.Time, defs Defs) []Score {
	tallies := map[Key]*tally{}
	for i := range rows {
		r := &rows[i]
		if r.OpenedAt.Before(from) || !r.OpenedAt.Before(to) || r.OpenedAt.Before(defs[r.Rule].Since) {
			continue
		}
		t := tallies[r.Key()]
		if t == nil {
			t = &tally{Score: Score{Key: r.Key()}}
			tallies[r.Key()] = t
		}
		t.add(r, to)
	}
	out := make([]Score, 0, len(tallies))
	for _, t := range tallies {
		begin := from
		if at := defs[t.Rule].Since; at.After(begin) {
			begin, t.Since = at, at
		}
		out = append(out, t.score(begin, to))
	}
	slices.SortFunc(out, Worse)
	return out
}

// Worse orders scores, the worst first.
func Worse(a, b Score) int {
	told := func(s Score) int {
		if s.Precision.Told {
			return 0
		}
		return 1
	}
	if c := cmp.Compare(told(a), told(b)); c != 0 {
		return c
	}
	if a.Precision.Told {
		if c := cmp.Or(cmp.Compare(a.Precision.At, b.Precision.At), cmp.Compare(b.Noise, a.Noise)); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(b.Pages, a.Pages), cmp.Compare(b.Alerts, a.Alerts), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Rule, b.Rule))
}

// tally counts one rule.
type tally struct {
	Score

	recent, over, alone, joined int
	acks                        []time.Duration
	incidents                   map[string]bool
}

func (t *tally) add(r *Row, to time.Time) {
	t.Alerts++
	page := r.Severity == alert.Page
	if page {
		t.Pages++
		if r.OpenedAt.After(to.Add(-Recent)) {
			t.recent++
		}
	}
	if !slices.Contains(t.Services, r.Service) {
		t.Services = append(t.Services, r.Service)
	}
	if r.OpenedAt.After(t.LastAt) || t.LastAt.IsZero() {
		t.LastAt, t.Paging = r.OpenedAt, page
	}
	if !r.AckedAt.IsZero() {
		t.acks = append(t.acks, max(0, r.AckedAt.Sub(r.OpenedAt)))
	}
	if !r.ResolvedAt.IsZero() {
		t.over++
		if r.Alone() {
			t.alone++
		}
	}
	if r.Incident != "" {
		if t.incidents == nil {
			t.incidents = map[string]bool{}
		}
		t.incidents[r.Incident] = true
		t.joined++
	}
	t.judge(r)
}

func (t *tally) judge(r *Row) {
	switch r.Verdict {
	case alert.Actionable:
		t.Actionable++
	case alert.Known:
		t.Known++
	case alert.Noise:
		t.Noise++
	case alert.WrongOwner:
		t.WrongOwner++
	default:
		return
	}
	t.Judged++
	if r.JudgedAt.After(t.LastJudged) {
		t.LastJudged = r.JudgedAt
	}
}

func (t *tally) score(from, to time.Time) Score {
	s := t.Score
	slices.Sort(s.Services)
	s.Precision = ShareOf(s.Actionable, s.Actionable+s.Noise)
	s.Alone = ShareOf(t.alone, t.over)
	s.PagesPerShift = float64(t.recent) / shifts(from, to)
	s.Acked = len(t.acks)
	slices.Sort(t.acks)
	s.AckMedian, s.AckP90 = quantile(t.acks, 0.5), quantile(t.acks, 0.9)
	if s.Incidents = len(t.incidents); s.Incidents > 0 {
		s.PerIncident = float64(t.joined) / float64(s.Incidents)
	}
	return s
}

// shifts is the number of shifts that pages are counted over: those of the last
// 28 days, or of the whole time where that is shorter.
func shifts(from, to time.Time) float64 {
	return max(1, float64(min(Recent, to.Sub(from)))/float64(Shift))
}

// quantile is the lowest of the sorted values that at least the share q is not
// above: one that did happen. 0 of none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(q * float64(len(sorted)))
	if float64(i) == q*float64(len(sorted)) && i > 0 {
		i--
	}
	return sorted[min(i, len(sorted)-1)]
}
