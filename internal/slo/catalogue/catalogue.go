package catalogue

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
)

// Catalogue is one version of a catalogue.
type Catalogue struct {
	Name     string
	Title    string
	Version  int // 0 for a seed
	Owner    string
	ReviewBy time.Time // zero: nobody has said
	Source   string    // file:line of its document; for a seed, who published it
	Seed     bool
	Entries  []Entry
}

// Ref is how documents refer to c: std@3, google-30d.
func (c Catalogue) Ref() string {
	if c.Seed {
		return c.Name
	}
	return c.Name + "@" + strconv.Itoa(c.Version)
}

// Overdue reports whether somebody should have looked at c again by now.
func (c Catalogue) Overdue(now time.Time) bool {
	return !c.ReviewBy.IsZero() && !now.Before(c.ReviewBy.AddDate(0, 0, 1))
}

// Entry is what calls for the objectives that it matches.
type Entry struct {
	ID        string
	Match     Match
	Pairs     []Row
	Budgets   []slo.BudgetAlert
	Absent    Absence
	Promises  []Promise
	ScaleFrom time.Duration // not 0: windows and For are for this period and scale with the objective's
	Rationale string
}

// Match says for which objectives an entry is. What is empty matches all.
type Match struct {
	Tiers            []string
	Periods          []time.Duration
	From, To         slo.Target // the lowest and the highest target
	Bounded          bool       // From and To are given
	MinEvents        float64    // an hour
	MaxEvents        float64    // an hour; 0: no limit
	MaxEventsPresent bool
}

// Row is a pair whose rate may be given as the share of the budget that is gone
// when it fires, or as the share of events that is bad.
type Row struct {
	slo.Pair

	Budget float64 // share; 0 where it is given otherwise
	Bad    float64 // share; 0 where it is given otherwise
}

// Absence says when silence calls. Auto takes the time that the entry's fastest
// page takes to notice total failure, as Pyrra does.
type Absence struct {
	Auto     bool
	After    time.Duration
	Severity alert.Severity
}

// Promise is what an entry must keep: a share of bad events is noticed in time.
type Promise struct {
	Bad      float64
	Within   time.Duration
	Severity alert.Severity
}

// PairsFor are the entry's pairs for a target over a period.
func (e Entry) PairsFor(t slo.Target, period time.Duration) []slo.Pair {
	out := make([]slo.Pair, 0, len(e.Pairs))
	for _, r := range e.Pairs {
		p := r.Pair
		if e.ScaleFrom > 0 {
			f := float64(period) / float64(e.ScaleFrom)
			p.Long, p.Short, p.For = scale(p.Long, f), scale(p.Short, f), scale(p.For, f)
		}
		switch {
		case r.Budget > 0 && p.Long > 0:
			p.Rate = digits(r.Budget * float64(period) / float64(p.Long))
		case r.Bad > 0 && t.Budget() > 0:
			p.Rate = digits(r.Bad / t.Budget())
		}
		out = append(out, p)
	}
	return out
}

// scale stretches a window, to whole minutes, one at least.
func scale(d time.Duration, f float64) time.Duration {
	if d == 0 {
		return 0
	}
	return max(time.Minute, time.Duration(float64(d)*f).Round(time.Minute))
}

// digits keeps nine: a rate is what people read, not what a float makes of it.
func digits(f float64) float64 {
	out, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 9, 64), 64)
	if err != nil {
		return f
	}
	return out
}

// absentFor is the entry's absence for an objective whose pairs are given:
// k·B·Wl + For of the first pair, in whole minutes, one at least.
func (e Entry) absentFor(t slo.Target, pairs []slo.Pair) slo.Absent {
	a := slo.Absent{After: e.Absent.After, Severity: e.Absent.Severity}
	if e.Absent.Auto && len(pairs) > 0 {
		p := pairs[0]
		a.After = max(time.Minute, (time.Duration(p.Rate*t.Budget()*float64(p.Long)) + p.For).Round(time.Minute))
	}
	return a
}

// Set are all catalogues there are: documents and seeds. It is not changed after
// it was made, and safe for concurrent use.
type Set struct {
	all []Catalogue
	// Traffic is how many events an objective has an hour; nil: what its label
	// events-per-hour says.
	Traffic func(slo.Objective) (perHour float64, known bool)
	// Tier is the tier of an objective's service; nil: what its label tier says.
	Tier func(slo.Objective) string
}

// NewSet returns catalogues with the seeds that none of them takes the place of.
func NewSet(own []Catalogue) *Set {
	s := &Set{all: slices.Clone(own)}
	for _, seed := range Seeds() {
		if !slices.ContainsFunc(own, func(c Catalogue) bool { return c.Name == seed.Name }) {
			s.all = append(s.all, seed)
		}
	}
	slices.SortStableFunc(s.all, func(a, b Catalogue) int {
		return cmp.Or(boolCompare(a.Seed, b.Seed), strings.Compare(a.Name, b.Name), cmp.Compare(b.Version, a.Version))
	})
	return s
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// All are the catalogues: own ones by name, the newest version first, then seeds.
func (s *Set) All() []Catalogue { return s.all }
