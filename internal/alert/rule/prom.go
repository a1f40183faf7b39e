package rule

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// PromFile is a file of Prometheus rules.
type PromFile struct {
	Groups []Group `json:"groups"`
}

// Group is one group of it.
type Group struct {
	Name        string                 `json:"name" minLength:"1"`
	Interval    ascode.Text            `json:"interval,omitempty"`
	QueryOffset ascode.Text            `json:"query_offset,omitempty"`
	Limit       int                    `json:"limit,omitempty" minimum:"0"`
	Labels      map[string]ascode.Text `json:"labels,omitempty"`
	Rules       []PromRule             `json:"rules,omitempty"`
}

// PromRule records a series or raises alerts.
type PromRule struct {
	Record        string                 `json:"record,omitempty"`
	Alert         string                 `json:"alert,omitempty"`
	Expr          ascode.Text            `json:"expr"`
	For           ascode.Text            `json:"for,omitempty"`
	KeepFiringFor ascode.Text            `json:"keep_firing_for,omitempty"`
	Labels        map[string]ascode.Text `json:"labels,omitempty"`
	Annotations   map[string]ascode.Text `json:"annotations,omitempty"`
}

// Resource is a PrometheusRule of the Prometheus operator.
type Resource struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Metadata   ResourceMeta `json:"metadata"`
	Spec       PromFile     `json:"spec"`
}

// ResourceMeta is its metadata, as far as it is read.
type ResourceMeta struct {
	_         struct{} `json:"-" additionalProperties:"true"`
	Name      string   `json:"name" pattern:"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$" patternDescription:"a name of Kubernetes: lower-case letters, digits, - and ."`
	Namespace string   `json:"namespace,omitempty"`
}

func resourceMeta(r Resource) ascode.Metadata {
	name := r.Metadata.Name
	if r.Metadata.Namespace != "" {
		name = r.Metadata.Namespace + "/" + name
	}
	return ascode.Metadata{Name: name}
}

const rulesExample = `groups:
- name: node
  interval: 30s
  rules:
  - record: instance:cpu_busy:ratio
    expr: 1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))
  - alert: HostDown
    expr: up{job="node"} == 0
    for: 5m
    labels: {severity: critical}
    annotations:
      summary: "{{ $labels.instance }} does not answer"
      runbook_url: https://wiki.example.org/playbooks/host-down
`

const resourceExample = `apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: node, namespace: monitoring}
spec:
  groups:
  - name: node
    rules:
    - {alert: HostDown, expr: 'up{job="node"} == 0', for: 5m, labels: {severity: critical}}
`

// RulesOf returns the alerting rules of a Prometheus file, as far as they can be
// read: at says the place of a field.
func RulesOf(path string, f PromFile, at func(field string) int) (out []Rule) {
	for gi, g := range f.Groups {
		every := span(g.Interval, DefaultEvery)
		for ri, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			one := fromProm(g, r)
			one.File, one.Line, one.What.Every = path, at(FieldOf(gi, ri)), every
			out = append(out, one)
		}
	}
	return out
}

func span(t ascode.Text, otherwise time.Duration) time.Duration {
	d, err := model.ParseDuration(string(t))
	if err != nil || d == 0 {
		return otherwise // what does not parse has been refused
	}
	return time.Duration(d)
}

// fromProm says one alerting rule of Prometheus in our words.
func fromProm(g Group, r PromRule) Rule {
	labels := texts(g.Labels)
	for k, v := range r.Labels {
		labels[k] = string(v)
	}
	notes := texts(r.Annotations)
	out := Rule{
		ID: r.Alert, Name: r.Alert, Title: r.Alert, Group: g.Name, Labels: labels, Notes: notes,
		When: When{Urgency: alert.SeverityOf(labels["severity"])},
		What: What{Expr: strings.TrimSpace(string(r.Expr)), For: span(r.For, 0), KeepFiringFor: span(r.KeepFiringFor, 0)},
		How:  How{Playbook: first(notes, "playbook", "runbook_url", "runbook", "runbookUrl", "playbook_url"), FirstAction: first(notes, "first_action", "action")},
		Why:  Why{Impact: first(notes, "impact"), CostOfMiss: first(notes, "cost_of_miss")},
		Who:  Who{Owner: first(labels, "owner", "team")},
	}
	if s := labels["service"]; !strings.Contains(s, "{{") {
		out.Service = s
	}
	if d, err := model.ParseDuration(first(notes, "latency_budget")); err == nil {
		out.When.Budget = time.Duration(d)
	}
	out.Instances = []Instance{{ID: r.Alert, Expr: out.What.Expr, Service: out.Service, Labels: labels, Notes: notes}}
	return out
}

func first(m map[string]string, keys ...string) string {
	for _, k := range keys {
		if m[k] != "" {
			return m[k]
		}
	}
	return ""
}

// text writes the rules of f as Prometheus reads them.
func (f PromFile) text() string {
	b, err := json.Marshal(f) // JSON is YAML
	if err != nil {
		return "" // strings and numbers always encode
	}
	return string(b)
}
