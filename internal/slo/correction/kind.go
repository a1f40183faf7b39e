package correction

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo/period"
)

const apiVersion = "hinoban/v1"

// Spec is the spec of a BudgetCorrection document.
type Spec struct {
	Objectives []string          `json:"objectives,omitempty" doc:"Names of SLO documents."`
	Services   []string          `json:"services,omitempty" doc:"Names of Service documents."`
	Labels     map[string]string `json:"labels,omitempty" doc:"Labels that an SLO must have."`
	Start      string            `json:"start" doc:"The first time, 2026-12-06T02:00 in the zone."`
	Duration   string            `json:"duration" doc:"How long, such as 1h30m."`
	RRule      string            `json:"rrule,omitempty" doc:"How it repeats (RFC 5545): FREQ=WEEKLY;BYDAY=SU. Without it: once."`
	TimeZone   string            `json:"timeZone" doc:"An IANA zone, such as Asia/Tokyo."`
	Category   string            `json:"category" enum:"maintenance,outside_business_hours,deployment,load_test,fault_injection,other"`
	Reason     string            `json:"reason" minLength:"1" maxLength:"1000" doc:"Why it does not count. It is asked for in the review."`
}

// Kinds are the documents of this package.
func Kinds() []ascode.Kind {
	return []ascode.Kind{ascode.Define(apiVersion, "BudgetCorrection", "A stretch of time, once or again and again, that does not count against error budgets.", example, check)}
}

const example = `apiVersion: hinoban/v1
kind: BudgetCorrection
metadata: {name: database-window}
spec:
  services: [checkout]
  start: "2026-12-06T02:00"
  duration: 1h
  rrule: FREQ=MONTHLY;BYDAY=1SU
  timeZone: Asia/Tokyo
  category: maintenance
  reason: The database is patched on the first Sunday of each month.
`

func check(e ascode.Envelope[Spec]) []ascode.FieldError {
	_, out := parse(e.Metadata.Name, e.Spec)
	return out
}

func parse(name string, s Spec) (c period.Correction, out []ascode.FieldError) {
	c = period.Correction{
		ID: name, Objectives: s.Objectives, Services: s.Services, Labels: s.Labels, Rule: s.RRule, Zone: s.TimeZone,
		Category: period.Category(s.Category), Reason: s.Reason,
	}
	var err error
	if c.Start, err = period.ParseCivil(s.Start, s.TimeZone); err != nil {
		return c, []ascode.FieldError{ascode.Fieldf("spec.start", "for example 2026-12-06T02:00", "%v", err)}
	}
	if c.Duration, err = time.ParseDuration(s.Duration); err != nil {
		return c, []ascode.FieldError{ascode.Fieldf("spec.duration", "for example 1h30m", "%q is not a duration", s.Duration)}
	}
	if err := c.Validate(); err != nil {
		path := "spec"
		if c.Rule != "" && strings.Contains(err.Error(), "the rule ") {
			path = "spec.rrule"
		}
		out = append(out, ascode.Fieldf(path, "", "%v", err))
	}
	return c, out
}

// Build makes the corrections of a set and checks what refers to what.
func Build(set *ascode.Set, hasService, hasObjective func(string) bool) (out []period.Correction, problems ascode.Problems) {
	for _, d := range ascode.Of[Spec](set) {
		c, bad := parse(d.Metadata.Name, d.Spec)
		c.Source = fmt.Sprintf("%s:%d", d.File, d.Line)
		for i, s := range c.Services {
			if !hasService(s) {
				problems = append(problems, d.At(fmt.Sprintf("spec.services[%d]", i), "add a Service document of this name, or mend the name", "there is no service %q", s))
			}
		}
		for i, o := range c.Objectives {
			if !hasObjective(o) {
				problems = append(problems, d.At(fmt.Sprintf("spec.objectives[%d]", i), "add an SLO document of this name, or mend the name", "there is no SLO %q", o))
			}
		}
		if len(bad) == 0 { // check has told the rest
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b period.Correction) int { return strings.Compare(a.ID, b.ID) })
	return out, problems
}
