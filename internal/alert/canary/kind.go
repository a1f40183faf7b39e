package canary

import (
	"net/url"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// Spec is the spec of a Canary document.
type Spec struct {
	Every   string    `json:"every,omitempty" doc:"The mean time between two faults, 1m to 24h. 15m where nothing is said."`
	Lasts   LastsSpec `json:"lasts,omitzero" doc:"How long a fault lasts: longer than the group_wait of its route, or it is over before anybody is told."`
	Urgency string    `json:"urgency,omitempty" enum:"ticket,page" doc:"The severity by which routes tell its alerts apart: ticket where nothing is said. A page wakes nobody either."`
	Deadman string    `json:"deadman,omitempty" doc:"An address that is fetched each time a canary arrives: who watches it hears when none do."`
}

// LastsSpec bounds how long a fault lasts.
type LastsSpec struct {
	Min string `json:"min,omitempty" doc:"At least 10s. 30s where nothing is said."`
	Max string `json:"max,omitempty" doc:"At most 1h. 90s where nothing is said."`
}

// Example is a document that turns canaries on.
const Example = `apiVersion: hinoban/v1
kind: Canary
metadata: {name: shop}
spec:
  every: 15m
  lasts: {min: 45s, max: 90s}
  urgency: ticket
  deadman: https://watch.example.org/ping/shop
`

// Canary is one that is set up.
type Canary struct {
	Name     string
	Every    time.Duration // the mean between two faults
	Min, Max time.Duration // how long one lasts
	Urgency  alert.Severity
	Deadman  string // "" pings nothing
}

// Kinds are the documents of this package.
func Kinds() []ascode.Kind {
	return []ascode.Kind{ascode.Define("hinoban/v1", "Canary", "A fault made on purpose, by which the way of an alert is measured.", Example, func(e ascode.Envelope[Spec]) []ascode.FieldError {
		_, bad := parse(e.Metadata.Name, e.Spec)
		return bad
	})}
}

// Build returns the canaries of a set that was checked.
func Build(set *ascode.Set) (out []Canary) {
	for _, d := range ascode.Of[Spec](set) {
		c, _ := parse(d.Metadata.Name, d.Spec) // what is wrong was said when it was read
		out = append(out, c)
	}
	return out
}

func parse(name string, s Spec) (c Canary, bad []ascode.FieldError) {
	span := func(path, text string, usual, least, most time.Duration) time.Duration {
		if text == "" {
			return usual
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			bad = append(bad, ascode.Fieldf(path, "for example "+usual.String(), "%q is not a time between %s and %s", text, least, most))
			return usual
		}
		return d
	}
	c = Canary{
		Name: name, Urgency: alert.Ticket, Deadman: s.Deadman,
		Every: span("spec.every", s.Every, 15*time.Minute, time.Minute, 24*time.Hour),
		Min:   span("spec.lasts.min", s.Lasts.Min, 30*time.Second, 10*time.Second, time.Hour),
		Max:   span("spec.lasts.max", s.Lasts.Max, 90*time.Second, 10*time.Second, time.Hour),
	}
	if c.Min > c.Max {
		bad = append(bad, ascode.Fieldf("spec.lasts", "", "min %s is longer than max %s", c.Min, c.Max))
	}
	if s.Urgency == string(alert.Page) {
		c.Urgency = alert.Page
	}
	if u, err := url.Parse(s.Deadman); s.Deadman != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		bad = append(bad, ascode.Fieldf("spec.deadman", "for example https://watch.example.org/ping/shop", "%q is not an http or https address", s.Deadman))
	}
	return c, bad
}
