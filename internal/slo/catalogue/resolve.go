package catalogue

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
)

// Choice is what a reference means for one objective.
type Choice struct {
	Catalogue Catalogue
	Entry     Entry
	Newest    bool // the reference names no version of a catalogue that has some: the newest was taken
}

// Ref names the choice in full: std/tier1-30d@3.
func (c Choice) Ref() string {
	if len(c.Catalogue.Entries) == 1 {
		return c.Catalogue.Ref()
	}
	if c.Catalogue.Seed {
		return c.Catalogue.Name + "/" + c.Entry.ID
	}
	return c.Catalogue.Name + "/" + c.Entry.ID + "@" + strconv.Itoa(c.Catalogue.Version)
}

// Pairs are what a reference means for an objective: pairs, alerts of the budget,
// and when silence calls. NotFound where there is no such catalogue, version or
// entry; Invalid where none of the entries is for the objective.
func (s *Set) Pairs(ref string, o slo.Objective) ([]slo.Pair, []slo.BudgetAlert, slo.Absent, error) {
	c, err := s.Resolve(ref, o)
	if err != nil {
		return nil, nil, slo.Absent{}, err
	}
	pairs := c.Entry.PairsFor(o.Target, o.Window)
	return pairs, slices.Clone(c.Entry.Budgets), c.Entry.absentFor(o.Target, pairs), nil
}

// Resolve finds the entry that a reference means for an objective.
func (s *Set) Resolve(ref string, o slo.Objective) (Choice, error) {
	name, selector, version, err := parseRef(ref)
	if err != nil {
		return Choice{}, err
	}
	c, newest, err := s.find(name, version)
	if err != nil {
		return Choice{}, err
	}
	var why []string
	named := false
	for _, e := range c.Entries {
		if selector != "" && !e.selected(selector) {
			continue
		}
		named = true
		if not := s.differs(e, o, selector); not != "" {
			why = append(why, e.ID+" "+not)
			continue
		}
		return Choice{Catalogue: c, Entry: e, Newest: newest}, nil
	}
	if !named {
		return Choice{}, errs.New(errs.NotFound, "catalogue %s has no entry %q; it has %s", c.Ref(), selector, strings.Join(ids(c.Entries), ", "))
	}
	return Choice{}, errs.New(errs.Invalid, "no entry of %s is for this objective: %s%s", ref, strings.Join(why, "; "), s.others(o))
}

// others names seeds that are for the objective's period.
func (s *Set) others(o slo.Objective) string {
	var fit []string
	for _, c := range s.all {
		for _, e := range c.Entries {
			if s.differs(e, o, "") == "" {
				fit = append(fit, c.Name)
				break
			}
		}
	}
	if len(fit) == 0 {
		return ""
	}
	return "; for it are " + strings.Join(fit[:min(6, len(fit))], ", ")
}

func ids(entries []Entry) []string {
	out := make([]string, 0, len(entries))
	for _, e := range entries {
		out = append(out, e.ID)
	}
	return out
}

// parseRef reads name[/entry][@version].
func parseRef(ref string) (name, selector string, version int, err error) {
	rest, number, has := strings.Cut(ref, "@")
	if has {
		if version, err = strconv.Atoi(strings.TrimPrefix(number, "v")); err != nil || version < 1 {
			return "", "", 0, errs.New(errs.Invalid, "%q: after @ comes a version, such as @3", ref)
		}
	}
	name, selector, has = strings.Cut(rest, "/")
	if name == "" || (has && selector == "") || strings.Contains(selector, "/") {
		return "", "", 0, errs.New(errs.Invalid, "%q is no reference such as std/tier1@3, std/tier1 or google-30d", ref)
	}
	return name, selector, version, nil
}

func (s *Set) find(name string, version int) (c Catalogue, newest bool, err error) {
	var have []string
	known := map[string]bool{}
	for _, c := range s.all {
		known[c.Name] = true
		if c.Name != name {
			continue
		}
		if version == 0 || c.Version == version {
			return c, version == 0 && !c.Seed, nil
		}
		have = append(have, c.Ref())
	}
	if len(have) > 0 {
		return c, false, errs.New(errs.NotFound, "there is no version %d of catalogue %s; there is %s", version, name, strings.Join(have, ", "))
	}
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	return c, false, errs.New(errs.NotFound, "there is no burn-rate catalogue %q; there are %s", name, strings.Join(names, ", "))
}

// selected reports whether a reference's selector means e: by its id, the
// beginning of it (tier1 for tier1-30d), or a tier.
func (e Entry) selected(selector string) bool {
	return e.ID == selector || strings.HasPrefix(e.ID, selector+"-") || slices.ContainsFunc(e.Match.Tiers, func(t string) bool { return sameTier(t, selector) })
}

// sameTier takes 1 and tier1 for the same.
func sameTier(a, b string) bool {
	return strings.TrimPrefix(a, "tier") == strings.TrimPrefix(b, "tier")
}

// differs says why e is not for o, or "".
func (s *Set) differs(e Entry, o slo.Objective, selector string) string {
	m := e.Match
	if len(m.Periods) > 0 && !slices.Contains(m.Periods, o.Window) {
		return "is for " + spans(m.Periods) + ", and the objective's period is " + slo.Short(o.Window)
	}
	if m.Bounded && (o.Target.Budget() > m.From.Budget() || o.Target.Budget() < m.To.Budget()) {
		return fmt.Sprintf("is for targets from %s to %s %%, and the objective's is %s %%", m.From.Percent(), m.To.Percent(), o.Target.Percent())
	}
	if len(m.Tiers) > 0 && !slices.ContainsFunc(m.Tiers, func(t string) bool { return sameTier(t, selector) }) {
		tier := s.tier(o)
		if !slices.ContainsFunc(m.Tiers, func(t string) bool { return tier != "" && sameTier(t, tier) }) {
			return "is for tier " + strings.Join(m.Tiers, ", ") + ", and the service's is " + orUnknown(tier)
		}
	}
	return s.traffic(m, o)
}

func (s *Set) traffic(m Match, o slo.Objective) string {
	if m.MinEvents == 0 && !m.MaxEventsPresent {
		return ""
	}
	n, known := s.perHour(o)
	switch {
	case !known && m.MaxEventsPresent:
		return fmt.Sprintf("is for at most %s events an hour, and how many there are is not known: label the objective events-per-hour", slo.Number(m.MaxEvents))
	case known && m.MaxEventsPresent && n > m.MaxEvents:
		return fmt.Sprintf("is for at most %s events an hour, and there are %s", slo.Number(m.MaxEvents), slo.Number(n))
	case known && n < m.MinEvents:
		return fmt.Sprintf("is for %s events an hour and more, and there are %s", slo.Number(m.MinEvents), slo.Number(n))
	}
	return ""
}

func (s *Set) perHour(o slo.Objective) (float64, bool) {
	if s.Traffic != nil {
		if n, ok := s.Traffic(o); ok {
			return n, true
		}
	}
	n, err := strconv.ParseFloat(o.Labels["events-per-hour"], 64)
	return n, err == nil && n >= 0
}

func (s *Set) tier(o slo.Objective) string {
	if t := o.Labels["tier"]; t != "" || s.Tier == nil {
		return t
	}
	return s.Tier(o)
}

func orUnknown(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

func spans(ds []time.Duration) string {
	out := make([]string, 0, len(ds))
	for _, d := range ds {
		out = append(out, slo.Short(d))
	}
	return strings.Join(slices.Compact(out), ", ")
}

// Matching are the entries of all catalogues that are for an objective: of each
// catalogue the newest version, and of that the first entry that matches.
func (s *Set) Matching(o slo.Objective) (out []Choice) {
	seen := map[string]bool{}
	for _, c := range s.all {
		if seen[c.Name] {
			continue
		}
		seen[c.Name] = true
		for _, e := range c.Entries {
			if s.differs(e, o, "") == "" {
				out = append(out, Choice{Catalogue: c, Entry: e, Newest: !c.Seed})
				break
			}
		}
	}
	return out
}

// Why says for every entry of a catalogue why it is not for an objective.
func (s *Set) Why(c Catalogue, o slo.Objective) string {
	var why []string
	for _, e := range c.Entries {
		if not := s.differs(e, o, ""); not != "" {
			why = append(why, e.ID+" "+not)
		}
	}
	return strings.Join(why, "; ")
}
