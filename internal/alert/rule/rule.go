package rule

import (
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// Source is the source of the signals that this server's own rules raise.
const Source = "rule"

// Rule is one rule.
type Rule struct {
	ID     string // the document's name; of a Prometheus file the alert's name
	Name   string // of the alerts it raises
	Title  string
	Group  string // of a Prometheus file
	File   string
	Line   int
	Native bool // an AlertRule; else of a Prometheus file

	Why       Why
	Who       Who
	When      When
	What      What
	How       How
	Service   string // what it is about
	ForEach   string // what it is repeated for, in words; "" for one instance
	Labels    map[string]string
	Notes     map[string]string // annotations
	Instances []Instance
}

// Why says what it is for.
type Why struct {
	SLO        string `json:"slo,omitempty"`
	Impact     string `json:"impact,omitempty"`
	CostOfMiss string `json:"cost_of_miss,omitempty"`
}

// Who says who answers.
type Who struct {
	Owner    string `json:"owner,omitempty"` // a team or a person
	Path     string `json:"path,omitempty"`  // that CODEOWNERS gives to the owner
	Why      string `json:"why,omitempty"`   // what decided about the owner
	Escalate string `json:"escalate,omitempty"`
}

// When says how soon.
type When struct {
	Urgency alert.Severity `json:"urgency"`
	Hours   *Hours         `json:"hours,omitempty"`
	Budget  time.Duration  `json:"budget,omitempty"` // from the fault to a person; 0 where none is declared
}

// What says what is watched: exactly one of Expr, SLO, Log, Job, Check and
// Alert.
type What struct {
	Expr, SLO, Log, Job, Check, Alert string

	For, KeepFiringFor, Every time.Duration
}

// Kind is which of them it is, and its text.
func (w What) Kind() (kind, text string) {
	for _, k := range [][2]string{{"expr", w.Expr}, {"slo", w.SLO}, {"log", w.Log}, {"job", w.Job}, {"check", w.Check}, {"alert", w.Alert}} {
		if k[1] != "" {
			return k[0], k[1]
		}
	}
	return "", ""
}

// How says what to do.
type How struct {
	Playbook    string `json:"playbook,omitempty"`
	FirstAction string `json:"first_action,omitempty"`
	Auto        string `json:"auto,omitempty"`
}

// Instance is a rule for one resource.
type Instance struct {
	ID      string            `json:"id"` // name, or name[key]
	Key     string            `json:"key,omitempty"`
	Expr    string            `json:"expr,omitempty"`
	Service string            `json:"service,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	Notes   map[string]string `json:"annotations,omitempty"`
}

// Place is file:line.
func (r Rule) Place() string { return place(r.File, r.Line) }

// Set is all rules of a configuration. It is not changed after [Build].
type Set struct {
	Rules   []Rule
	files   []File
	named   map[string][]int // alert's name -> places in Rules
	watched map[string]int   // see What.watchKey
}

// File is a file of Prometheus rules to evaluate.
type File struct {
	Path string
	Text string
}

// Named returns the rules with an id or an alert's name.
func (s *Set) Named(name string) (out []Rule) {
	if s == nil {
		return nil
	}
	for _, r := range s.Rules {
		if r.ID == name || r.Name == name {
			out = append(out, r)
		}
	}
	return out
}

// All returns the rules by name.
func (s *Set) All() []Rule {
	if s == nil {
		return nil
	}
	return s.Rules
}

func (s *Set) sort() {
	slices.SortStableFunc(s.Rules, func(a, b Rule) int {
		if c := strings.Compare(a.ID, b.ID); c != 0 {
			return c
		}
		return strings.Compare(a.Place(), b.Place())
	})
	s.named, s.watched = map[string][]int{}, map[string]int{}
	for i, r := range s.Rules {
		if k := r.What.watchKey(); k != "" {
			s.watched[k] = i
		}
		s.named[r.Name] = append(s.named[r.Name], i)
	}
}
