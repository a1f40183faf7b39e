package oncall

import (
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// RotaSpec is the spec of a Rota document.
type RotaSpec struct {
	TimeZone string   `json:"timeZone" doc:"The IANA zone of the hand-over, such as Asia/Tokyo."`
	Start    string   `json:"start" doc:"The first hand-over, by the clock of the zone: 2026-11-16 09:00."`
	Weeks    int      `json:"weeks,omitempty" minimum:"1" maximum:"52" default:"1" doc:"Weeks between hand-overs."`
	Members  []string `json:"members" minItems:"1" doc:"Names of Person documents in turn; an empty string is a gap that keeps the cadence."`
}

// EscalationSpec is the spec of an Escalation document.
type EscalationSpec struct {
	Teams    []string   `json:"teams,omitempty" doc:"Pages of their services come here."`
	Services []string   `json:"services,omitempty" doc:"Pages of these services come here first."`
	Default  bool       `json:"default,omitempty" doc:"Pages that no other escalation covers come here."`
	Repeat   int        `json:"repeat,omitempty" minimum:"0" maximum:"5" doc:"How often to begin again after the last step."`
	Steps    []StepSpec `json:"steps" minItems:"1" maxItems:"20"`
}

// StepSpec is one step.
type StepSpec struct {
	Rotas  []string `json:"rotas,omitempty" doc:"Whoever is on call there when the step fires."`
	People []string `json:"people,omitempty"`
	Wait   string   `json:"wait,omitempty" default:"5m" doc:"For an answer, before the next step: 30s, 5m."`
}

// Kinds are the documents that the room reads.
func Kinds() []ascode.Kind {
	return []ascode.Kind{
		ascode.Define(catalog.APIVersion, "Rota", "A weekly on-call rotation.", rotaExample, checkRota),
		ascode.Define(catalog.APIVersion, "Escalation", "Who is told, in which order, until somebody answers.", escalationExample, checkEscalation),
	}
}

const rotaExample = `apiVersion: hinoban/v1
kind: Rota
metadata: {name: shop-primary, displayName: Shop primary}
spec:
  timeZone: Asia/Tokyo
  start: 2026-11-16 09:00
  members: [aoi, ren]
`

const escalationExample = `apiVersion: hinoban/v1
kind: Escalation
metadata: {name: shop}
spec:
  teams: [shop]
  repeat: 1
  steps:
  - {rotas: [shop-primary], wait: 5m}
  - {people: [ren], wait: 10m}
`

const startLayout = "2006-01-02 15:04"

func checkRota(e ascode.Envelope[RotaSpec]) (out []ascode.FieldError) {
	if _, err := time.LoadLocation(e.Spec.TimeZone); err != nil || e.Spec.TimeZone == "" {
		out = append(out, ascode.Fieldf("spec.timeZone", "use an IANA name such as Asia/Tokyo", "unknown time zone %q", e.Spec.TimeZone))
	}
	if _, err := time.Parse(startLayout, e.Spec.Start); err != nil {
		out = append(out, ascode.Fieldf("spec.start", "write it as 2026-11-16 09:00", "%q is not a date and a clock", e.Spec.Start))
	}
	return out
}

func checkEscalation(e ascode.Envelope[EscalationSpec]) (out []ascode.FieldError) {
	if len(e.Spec.Teams)+len(e.Spec.Services) == 0 && !e.Spec.Default {
		out = append(out, ascode.Fieldf("spec", "add teams:, services: or default: true", "the escalation covers nothing"))
	}
	for i, s := range e.Spec.Steps {
		if len(s.Rotas)+len(s.People) == 0 {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.steps[%d]", i), "add rotas: or people:", "the step tells nobody"))
		}
		if d, err := wait(s.Wait); err != nil || d < time.Second || d > 7*24*time.Hour {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.steps[%d].wait", i), "write 30s, 5m or 1h", "%q is not a wait between 1s and 7 days", s.Wait))
		}
	}
	return out
}

func wait(s string) (time.Duration, error) {
	if s == "" {
		return 5 * time.Minute, nil
	}
	return time.ParseDuration(s)
}

// Build makes the plan of a set and checks what refers to what.
func Build(set *ascode.Set) (*Plan, ascode.Problems) {
	plan := &Plan{}
	var problems ascode.Problems
	for _, d := range ascode.Of[RotaSpec](set) {
		zone, err := time.LoadLocation(d.Spec.TimeZone)
		if err != nil {
			continue // checkRota has said so
		}
		start, err := time.Parse(startLayout, d.Spec.Start)
		if err != nil {
			continue
		}
		plan.Rotas = append(plan.Rotas, Rota{ID: d.Metadata.Name, Name: d.Metadata.Title(), Source: fmt.Sprintf("%s:%d", d.File, d.Line), Weekly: rota.Weekly{
			Zone: zone, Year: start.Year(), Month: start.Month(), Day: start.Day(), Hour: start.Hour(), Minute: start.Minute(), Weeks: max(1, d.Spec.Weeks), Members: d.Spec.Members,
		}})
		for i, m := range d.Spec.Members {
			if m != "" && !has[catalog.PersonSpec](set, m) {
				problems = append(problems, d.At(fmt.Sprintf("spec.members[%d]", i), "add a Person document of this name, or mend the name", "there is no person %q", m))
			}
		}
	}
	byDefault := ""
	for _, d := range ascode.Of[EscalationSpec](set) {
		policy := Policy{ID: d.Metadata.Name, Name: d.Metadata.Title(), Teams: d.Spec.Teams, Services: d.Spec.Services, Default: d.Spec.Default, Repeat: d.Spec.Repeat, Source: fmt.Sprintf("%s:%d", d.File, d.Line)}
		for _, s := range d.Spec.Steps {
			pause, _ := wait(s.Wait) // checkEscalation has refused what does not parse
			policy.Steps = append(policy.Steps, Step{Rotas: s.Rotas, People: s.People, Wait: pause})
		}
		plan.Policies = append(plan.Policies, policy)
		problems = append(problems, references(set, plan, d)...)
		if d.Spec.Default && byDefault != "" {
			problems = append(problems, d.At("spec.default", "keep one default", "%s is the default already", byDefault))
		}
		if d.Spec.Default {
			byDefault = d.Metadata.Name
		}
	}
	return plan, problems
}

func has[T any](set *ascode.Set, name string) bool {
	return slices.ContainsFunc(ascode.Of[T](set), func(d ascode.Doc[T]) bool { return d.Metadata.Name == name })
}

func references(set *ascode.Set, plan *Plan, d ascode.Doc[EscalationSpec]) (out ascode.Problems) {
	missing := func(path, what, name string) {
		out = append(out, d.At(path, "add a "+what+" document of this name, or mend the name", "there is no %s %q", what, name))
	}
	for i, t := range d.Spec.Teams {
		if !has[catalog.TeamSpec](set, t) {
			missing(fmt.Sprintf("spec.teams[%d]", i), "Team", t)
		}
	}
	for i, s := range d.Spec.Services {
		if !has[catalog.ServiceSpec](set, s) {
			missing(fmt.Sprintf("spec.services[%d]", i), "Service", s)
		}
	}
	for i, s := range d.Spec.Steps {
		for j, r := range s.Rotas {
			if _, ok := plan.Rota(r); !ok {
				missing(fmt.Sprintf("spec.steps[%d].rotas[%d]", i, j), "Rota", r)
			}
		}
		for j, who := range s.People {
			if !has[catalog.PersonSpec](set, who) {
				missing(fmt.Sprintf("spec.steps[%d].people[%d]", i, j), "Person", who)
			}
		}
	}
	return out
}
