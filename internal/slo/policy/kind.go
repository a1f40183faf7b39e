package policy

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo/period"
)

const apiVersion = "hinoban/v1"

// Spec is the spec of an ErrorBudgetPolicy document.
type Spec struct {
	Services    []string                     `json:"services,omitempty" doc:"Names of Service documents. Without services and tiers the policy is for all."`
	Tiers       []int                        `json:"tiers,omitempty" doc:"Services of these tiers, where no policy names the service."`
	States      StatesSpec                   `json:"states,omitzero" doc:"Where the states end."`
	Actions     map[string]map[string]string `json:"actions,omitempty" doc:"State (healthy, caution, restricted, exhausted, unknown) to class of change to allow, warn or block; the class * is every other one. What is not said is as in the SRE Workbook."`
	Exempt      []string                     `json:"exempt,omitempty" doc:"Classes that are always allowed. Without it: p0 and security."`
	Approvers   []string                     `json:"approvers,omitempty" doc:"Who may override: ids of people. None: everybody who may act."`
	MaxOverride string                       `json:"maxOverride,omitempty" doc:"How long an override may last: 24h where nothing is said."`
	Calendar    []ExceptionSpec              `json:"calendar,omitempty" doc:"Days that are stricter."`
	Expires     string                       `json:"expires,omitempty" doc:"The day after which the built-in policy takes over, 2027-03-31."`
	Review      *CycleSpec                   `json:"review,omitempty" doc:"When the objectives of its services are reviewed."`
}

// StatesSpec says where the states end, in percent of the budget.
type StatesSpec struct {
	Caution    ascode.Decimal `json:"caution,omitempty" doc:"At and below this percentage: caution. 50 where nothing is said."`
	Restricted ascode.Decimal `json:"restricted,omitempty" doc:"At and below: restricted. 20."`
	Exhausted  ascode.Decimal `json:"exhausted,omitempty" doc:"Below: exhausted. 0."`
	Hysteresis ascode.Decimal `json:"hysteresis,omitempty" doc:"How far past a limit before a state is better again. 2."`
}

// ExceptionSpec is some days.
type ExceptionSpec struct {
	Name     string   `json:"name" minLength:"1" maxLength:"100"`
	From     string   `json:"from" doc:"The first day, 12-28 for each year or 2026-12-28 for one."`
	To       string   `json:"to" doc:"The last day, included."`
	TimeZone string   `json:"timeZone" doc:"An IANA zone, such as Asia/Tokyo."`
	Decision string   `json:"decision" enum:"warn,block"`
	Classes  []string `json:"classes,omitempty" doc:"Only changes of these classes."`
}

// CycleSpec is when something is due.
type CycleSpec struct {
	Start    string `json:"start" doc:"The first time, 2026-01-05T10:00 in the zone."`
	TimeZone string `json:"timeZone" doc:"An IANA zone."`
	RRule    string `json:"rrule" doc:"RFC 5545: FREQ=MONTHLY;BYDAY=1MO."`
}

// Cycle is the cycle that c describes.
func (c CycleSpec) Cycle() (period.Cycle, error) {
	start, err := period.ParseCivil(c.Start, c.TimeZone)
	if err != nil {
		return period.Cycle{}, err
	}
	out := period.Cycle{Start: start, Rule: c.RRule, Zone: c.TimeZone}
	return out, out.Validate()
}

// Kinds are the documents of this package.
func Kinds() []ascode.Kind {
	return []ascode.Kind{ascode.Define(apiVersion, "ErrorBudgetPolicy", "What may be changed while an error budget is as it is.", example, check)}
}

const example = `apiVersion: hinoban/v1
kind: ErrorBudgetPolicy
metadata: {name: standard, displayName: Standard}
spec:
  tiers: [1, 2]
  states: {caution: 50, restricted: 20, exhausted: 0, hysteresis: 2}
  actions:
    caution: {experiment: warn}
    restricted: {feature: block, "*": warn}
    exhausted: {"*": block}
  exempt: [p0, security, rollback]
  approvers: [aoi]
  maxOverride: 8h
  calendar:
  - {name: 年末年始, from: "12-28", to: "01-04", timeZone: Asia/Tokyo, decision: block}
  review: {start: "2026-01-05T10:00", timeZone: Asia/Tokyo, rrule: "FREQ=MONTHLY;BYDAY=1MO"}
`

func check(e ascode.Envelope[Spec]) []ascode.FieldError {
	_, out := parse(e.Metadata, e.Spec)
	return out
}

var (
	classForm = regexp.MustCompile(`^(\*|[a-z0-9]([-a-z0-9_]{0,62}[a-z0-9])?)$`)
	dayForm   = regexp.MustCompile(`^(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})$`)
)

// ValidClass reports whether s can be the class of a change.
func ValidClass(s string) bool { return s != Any && classForm.MatchString(s) }

type parser struct {
	p   Policy
	bad []ascode.FieldError
}

func (r *parser) say(path, fix, format string, args ...any) {
	r.bad = append(r.bad, ascode.Fieldf(path, fix, format, args...))
}

func parse(m ascode.Metadata, s Spec) (Policy, []ascode.FieldError) {
	r := &parser{p: Policy{ID: m.Name, Name: m.Title(), Services: s.Services, Tiers: s.Tiers, Exempt: s.Exempt, Approvers: s.Approvers, Actions: map[State]map[string]Decision{}}}
	if s.Exempt == nil {
		r.p.Exempt = Builtin().Exempt
	}
	r.limits(s.States)
	r.actions(s.Actions)
	r.lists(s)
	r.p.MaxOverride = Builtin().MaxOverride
	if s.MaxOverride != "" {
		d, err := time.ParseDuration(s.MaxOverride)
		if err != nil || d < time.Minute || d > 31*24*time.Hour {
			r.say("spec.maxOverride", "for example 8h", "%q is not a time between 1m and 744h", s.MaxOverride)
		}
		r.p.MaxOverride = d
	}
	if s.Expires != "" {
		t, err := time.Parse(time.DateOnly, s.Expires)
		if err != nil {
			r.say("spec.expires", "for example 2027-03-31", "%q is not a day", s.Expires)
		}
		r.p.Expires = t.AddDate(0, 0, 1)
	}
	for i, e := range s.Calendar {
		r.exception(fmt.Sprintf("spec.calendar[%d]", i), e)
	}
	if s.Review != nil {
		c, err := s.Review.Cycle()
		if err != nil {
			r.say("spec.review", "", "%v", err)
		}
		r.p.Review = &c
	}
	return r.p, r.bad
}

// lists checks what is exempt and which tiers are meant.
func (r *parser) lists(s Spec) {
	for i, c := range s.Exempt {
		if !ValidClass(c) {
			r.say(fmt.Sprintf("spec.exempt[%d]", i), "for example security", "%q is not a class of changes", c)
		}
	}
	for i, t := range s.Tiers {
		if t < 1 || t > 4 {
			r.say(fmt.Sprintf("spec.tiers[%d]", i), "1 the most important, 4 the least", "there is no tier %d", t)
		}
	}
}

func (r *parser) limits(s StatesSpec) {
	l := DefaultLimits()
	for _, f := range []struct {
		name string
		text ascode.Decimal
		into *Points
	}{{"caution", s.Caution, &l.Caution}, {"restricted", s.Restricted, &l.Restricted}, {"exhausted", s.Exhausted, &l.Exhausted}, {"hysteresis", s.Hysteresis, &l.Hysteresis}} {
		if f.text == "" {
			continue
		}
		v, ok := new(big.Rat).SetString(string(f.text))
		if !ok {
			r.say("spec.states."+f.name, "for example 20", "%q is not a percentage", f.text)
			continue
		}
		v.Mul(v, big.NewRat(100, 1))
		if !v.IsInt() || v.Cmp(big.NewRat(-1_000_000, 1)) < 0 || v.Cmp(big.NewRat(10_000, 1)) > 0 {
			r.say("spec.states."+f.name, "for example 20", "%s is not a percentage of at most two decimals, up to 100", f.text)
			continue
		}
		*f.into = Points(v.Num().Int64())
	}
	if l.Caution < l.Restricted || l.Restricted < l.Exhausted || l.Hysteresis < 0 {
		r.say("spec.states", "caution ≥ restricted ≥ exhausted, and hysteresis not below 0", "the states are not in their order")
	}
	r.p.Limits = l
}

func (r *parser) actions(in map[string]map[string]string) {
	for state, by := range in {
		if !slices.Contains(States(), State(state)) {
			r.say("spec.actions", "healthy, caution, restricted, exhausted or unknown", "%q is not a state", state)
			continue
		}
		out := map[string]Decision{}
		for class, d := range by {
			if !classForm.MatchString(class) {
				r.say("spec.actions."+state, "for example feature, or \"*\"", "%q is not a class of changes", class)
			}
			if Decision(d).hard() < 0 {
				r.say("spec.actions."+state, "allow, warn or block", "%q is not a decision", d)
			}
			out[class] = Decision(d)
		}
		r.p.Actions[State(state)] = out
	}
}

func (r *parser) exception(path string, s ExceptionSpec) {
	e := Exception{Name: s.Name, Zone: s.TimeZone, Decision: Decision(s.Decision), Classes: s.Classes}
	var ok1, ok2 bool
	e.First, ok1 = day(s.From)
	e.Last, ok2 = day(s.To)
	switch {
	case !ok1 || !ok2:
		r.say(path, "write 12-28 for each year, or 2026-12-28", "%s to %s are not days", s.From, s.To)
	case (e.First.Year > 0) != (e.Last.Year > 0):
		r.say(path, "", "give both days a year, or none")
	case e.First.Year > 0 && e.First.number(true) > e.Last.number(true):
		r.say(path, "", "%s comes after %s", s.From, s.To)
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "" || s.TimeZone == "Local" {
		r.say(path+".timeZone", "use an IANA name such as Asia/Tokyo", "unknown time zone %q", s.TimeZone)
	}
	r.p.Calendar = append(r.p.Calendar, e)
}

func day(s string) (Day, bool) {
	m := dayForm.FindStringSubmatch(s)
	if m == nil {
		return Day{}, false
	}
	text := s
	if m[1] == "" {
		text = "2024-" + s // a leap year: 02-29 is a day
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Day{}, false
	}
	d := Day{t.Year(), t.Month(), t.Day()}
	if m[1] == "" {
		d.Year = 0
	}
	return d, true
}

// Build makes the policies of a set and checks what refers to what.
func Build(set *ascode.Set, hasService func(string) bool) (out []Policy, problems ascode.Problems) {
	taken := map[string]string{}
	for _, d := range ascode.Of[Spec](set) {
		p, bad := parse(d.Metadata, d.Spec)
		p.Source = fmt.Sprintf("%s:%d", d.File, d.Line)
		for i, s := range p.Services {
			if !hasService(s) {
				problems = append(problems, d.At(fmt.Sprintf("spec.services[%d]", i), "add a Service document of this name, or mend the name", "there is no service %q", s))
			}
		}
		for _, key := range p.selectors() {
			if was, twice := taken[key]; twice {
				problems = append(problems, d.At("spec", "let one of the two decide", "%s has a policy already, at %s", key, was))
			}
			taken[key] = p.Source
		}
		if len(bad) == 0 { // check has told the rest
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Policy) int { return strings.Compare(a.ID, b.ID) })
	return out, problems
}

// selectors are what p claims, in words.
func (p Policy) selectors() (out []string) {
	for _, s := range p.Services {
		out = append(out, "service "+s)
	}
	for _, t := range p.Tiers {
		out = append(out, fmt.Sprintf("tier %d", t))
	}
	if len(out) == 0 {
		out = []string{"every service"}
	}
	return out
}
