package hookout

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// Spec is the spec of a WebhookSubscription document.
type Spec struct {
	URL       string   `json:"url" maxLength:"2000" doc:"Where to post: https://example.org/hooks/pages"`
	Events    []string `json:"events,omitempty" doc:"Such as incident.triggered; none: all."`
	Services  []string `json:"services,omitempty" doc:"Only pages of these services, or of the teams; neither: all."`
	Teams     []string `json:"teams,omitempty" doc:"Only pages of these teams' services, or of the services."`
	SecretEnv string   `json:"secretEnv,omitempty" doc:"The environment variable whose value signs: HINOBAN_HOOK_SECRET. None: nothing is signed."`
}

// Kinds are the documents of this package.
func Kinds() []ascode.Kind {
	return []ascode.Kind{ascode.Define(catalog.APIVersion, "WebhookSubscription", "Who is told what becomes of pages, in the form of PagerDuty's webhooks v3.", example, check)}
}

const example = `apiVersion: hinoban/v1
kind: WebhookSubscription
metadata: {name: ticket-bot}
spec:
  url: https://bot.example.org/pagerduty
  events: [incident.triggered, incident.acknowledged, incident.resolved]
  secretEnv: HINOBAN_HOOK_TICKET_BOT
`

var envRE = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,99}$`)

func check(e ascode.Envelope[Spec]) (out []ascode.FieldError) {
	u, err := url.Parse(e.Spec.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.Fragment != "" {
		out = append(out, ascode.Fieldf("spec.url", "write it as https://example.org/hooks/pages", "%q is no address to post to", e.Spec.URL))
	}
	for i, t := range e.Spec.Events {
		if !slices.Contains(known(), Type(t)) {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.events[%d]", i), "use "+names(Types()), "there is no event %q", t))
		}
	}
	if e.Spec.SecretEnv != "" && !envRE.MatchString(e.Spec.SecretEnv) {
		out = append(out, ascode.Fieldf("spec.secretEnv", "capital letters, digits and _; the secret itself does not belong here", "%q is no name of an environment variable", e.Spec.SecretEnv))
	}
	return out
}

// Subscription is who wants to be told.
type Subscription struct {
	Name      string
	URL       string
	Events    []Type // none: all
	Services  []string
	Teams     []string
	SecretEnv string // the name of the environment variable with the secret; "": nothing is signed
}

// Build makes the subscriptions of a set and checks what refers to what.
func Build(set *ascode.Set) (out []Subscription, problems ascode.Problems) {
	for _, d := range ascode.Of[Spec](set) {
		s := Subscription{Name: d.Metadata.Name, URL: d.Spec.URL, Services: d.Spec.Services, Teams: d.Spec.Teams, SecretEnv: d.Spec.SecretEnv}
		for _, t := range d.Spec.Events {
			s.Events = append(s.Events, Type(t))
		}
		out = append(out, s)
		for i, name := range s.Services {
			if !has[catalog.ServiceSpec](set, name) {
				problems = append(problems, d.At(fmt.Sprintf("spec.services[%d]", i), "add a Service document of this name, or mend the name", "there is no service %q", name))
			}
		}
		for i, name := range s.Teams {
			if !has[catalog.TeamSpec](set, name) {
				problems = append(problems, d.At(fmt.Sprintf("spec.teams[%d]", i), "add a Team document of this name, or mend the name", "there is no team %q", name))
			}
		}
	}
	return out, problems
}

func has[T any](set *ascode.Set, name string) bool {
	return slices.ContainsFunc(ascode.Of[T](set), func(d ascode.Doc[T]) bool { return d.Metadata.Name == name })
}

// Wants reports whether s is to be told of an event of a service that is a team's.
func (s Subscription) Wants(t Type, service, team string) bool {
	if len(s.Events) > 0 && !slices.Contains(s.Events, t) {
		return false
	}
	if len(s.Services)+len(s.Teams) == 0 {
		return true
	}
	return slices.Contains(s.Services, service) || (team != "" && slices.Contains(s.Teams, team))
}
