package policy

import (
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/slo/period"
)

// Decision is what a policy says of a change.
type Decision string

// The decisions, from soft to hard.
const (
	Allow Decision = "allow"
	Warn  Decision = "warn"
	Block Decision = "block"
)

func (d Decision) hard() int { return slices.Index([]Decision{Allow, Warn, Block}, d) }

// stricter is the harder of two.
func stricter(a, b Decision) Decision {
	if b.hard() > a.hard() {
		return b
	}
	return a
}

// Any is the class that stands for every other.
const Any = "*"

// Policy says which changes a state allows.
type Policy struct {
	ID          string                        `json:"id"`
	Name        string                        `json:"name"`
	Services    []string                      `json:"services,omitempty"` // none and no tiers: all
	Tiers       []int                         `json:"tiers,omitempty"`
	Limits      Limits                        `json:"limits"`
	Actions     map[State]map[string]Decision `json:"actions"` // by class; Any for the rest
	Exempt      []string                      `json:"exempt"`  // classes that are always allowed
	Approvers   []string                      `json:"approvers,omitempty"`
	MaxOverride time.Duration                 `json:"max_override"`
	Calendar    []Exception                   `json:"calendar,omitempty"`
	Expires     time.Time                     `json:"expires,omitzero"`
	Review      *period.Cycle                 `json:"review,omitempty"`
	Source      string                        `json:"source"` // file:line; "" for the built-in one
}

// Builtin is the policy of the SRE Workbook (appendix B), in use where no other
// is: within the objective everything may be released; once the budget is spent,
// nothing but urgent repairs (p0) and security fixes, until it is back.
func Builtin() Policy {
	return Policy{
		ID: "workbook", Name: "SRE Workbook", Limits: DefaultLimits(), Exempt: []string{"p0", "security"}, MaxOverride: 24 * time.Hour,
		Actions: map[State]map[string]Decision{
			Healthy: {Any: Allow}, Caution: {Any: Allow}, Restricted: {Any: Warn}, Exhausted: {Any: Block}, Unknown: {Any: Warn},
		},
	}
}

// action is what p does with a class in a state: its own word, else the built-in
// policy's for the state.
func (p Policy) action(s State, class string) Decision {
	for _, from := range []map[string]Decision{p.Actions[s], Builtin().Actions[s]} {
		if d, ok := from[class]; ok {
			return d
		}
		if d, ok := from[Any]; ok {
			return d
		}
	}
	return Warn
}

// fits says how closely p is about a service: 2 by name, 1 by tier, 0 as about
// all; below 0 not at all.
func (p Policy) fits(service string, tier int) int {
	switch {
	case slices.Contains(p.Services, service):
		return 2
	case tier > 0 && slices.Contains(p.Tiers, tier):
		return 1
	case len(p.Services)+len(p.Tiers) == 0:
		return 0
	}
	return -1
}

// For is the policy of a service: one that names it before one for its tier
// before one for all before the built-in one.
func For(all []Policy, service string, tier int) Policy {
	best, nearest := Builtin(), -1
	for _, p := range all {
		if f := p.fits(service, tier); f > nearest {
			best, nearest = p, f
		}
	}
	return best
}

// Day is a day of a year, or of each year where Year is 0.
type Day struct {
	Year  int        `json:"year,omitempty"`
	Month time.Month `json:"month"`
	Day   int        `json:"day"`
}

func (d Day) number(withYear bool) int {
	n := int(d.Month)*100 + d.Day
	if withYear {
		n += d.Year * 10_000
	}
	return n
}

// Exception makes some days stricter: from the first to the last, both included.
type Exception struct {
	Name     string   `json:"name"`
	First    Day      `json:"first"`
	Last     Day      `json:"last"`
	Zone     string   `json:"zone"`
	Decision Decision `json:"decision"`
	Classes  []string `json:"classes,omitempty"` // none: all but exempt ones
}

// Covers reports whether now lies in the exception, by the date in its zone.
func (e Exception) Covers(now time.Time) bool {
	loc, err := time.LoadLocation(e.Zone)
	if err != nil {
		loc = time.UTC // Validate refuses it
	}
	y, m, d := now.In(loc).Date()
	withYear := e.First.Year > 0
	today, first, last := Day{y, m, d}.number(withYear), e.First.number(withYear), e.Last.number(withYear)
	if first <= last {
		return today >= first && today <= last
	}
	return today >= first || today <= last // over New Year
}

// Change is what somebody wants to do.
type Change struct {
	Service string    `json:"service"`
	Class   string    `json:"class"`
	Summary string    `json:"summary,omitempty"`
	URL     string    `json:"url,omitempty"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
}

// Override lets changes of a service through for a while.
type Override struct {
	ID       string    `json:"id"`
	Service  string    `json:"service"`
	Class    string    `json:"class"` // Any for all
	Reason   string    `json:"reason"`
	Approver string    `json:"approver"`
	Made     time.Time `json:"made"`
	Expires  time.Time `json:"expires"`
}

// covers reports whether o lets c through at now.
func (o Override) covers(c Change, now time.Time) bool {
	return o.Service == c.Service && (o.Class == Any || o.Class == c.Class) && !now.Before(o.Made) && now.Before(o.Expires)
}
