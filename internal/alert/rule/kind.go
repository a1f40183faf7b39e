package rule

import (
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

const apiVersion = "hinoban/v1"

// Spec is the spec of an AlertRule document.
type Spec struct {
	Alert       string                 `json:"alert,omitempty" maxLength:"180" doc:"The name that its alerts have, the label alertname; metadata.name where nothing is said."`
	Why         WhySpec                `json:"why,omitzero" doc:"What it is for: an SLO or an impact."`
	Who         WhoSpec                `json:"who,omitzero" doc:"Who answers."`
	When        WhenSpec               `json:"when" doc:"How soon."`
	What        WhatSpec               `json:"what" doc:"What is watched: one of expr, slo, log, job, check and alert."`
	Where       WhereSpec              `json:"where,omitzero" doc:"What it is about."`
	How         HowSpec                `json:"how,omitzero" doc:"What to do."`
	Labels      map[string]ascode.Text `json:"labels,omitempty" doc:"Labels of its alerts, besides severity, service, owner, escalation and each, which are written for you."`
	Annotations map[string]ascode.Text `json:"annotations,omitempty" doc:"Annotations of its alerts, with Prometheus' templates: {{ $value }}, {{ $labels.instance }}."`
}

// WhySpec is why.
type WhySpec struct {
	SLO        string `json:"slo,omitempty" maxLength:"200" doc:"The objective that suffers."`
	Impact     string `json:"impact,omitempty" maxLength:"2000" doc:"What users notice."`
	CostOfMiss string `json:"costOfMiss,omitempty" maxLength:"2000" doc:"What it costs when nobody hears of it."`
}

// WhoSpec is who.
type WhoSpec struct {
	Owner    string `json:"owner,omitempty" maxLength:"200" doc:"A Team or Person."`
	Path     string `json:"path,omitempty" maxLength:"1000" doc:"A path whose owner, by CODEOWNERS or a Service's paths, is the owner."`
	Escalate string `json:"escalate,omitempty" maxLength:"63" doc:"An Escalation; only of what pages."`
}

// WhenSpec is when.
type WhenSpec struct {
	Urgency string     `json:"urgency" enum:"page,ticket,log" doc:"page wakes somebody, ticket waits for the day, log is for nobody to act on."`
	Hours   *HoursSpec `json:"hours,omitempty" doc:"Outside of these hours a page is a ticket."`
	Budget  string     `json:"budget,omitempty" doc:"The longest time from the fault to a person, 5m: check refuses a page that may take longer."`
}

// HoursSpec is some hours of the week.
type HoursSpec struct {
	Days     []string `json:"days,omitempty" enum:"mon,tue,wed,thu,fri,sat,sun" doc:"Without it: mon to fri."`
	From     string   `json:"from" doc:"09:00"`
	To       string   `json:"to" doc:"18:00; before from it is of the next day."`
	TimeZone string   `json:"timeZone" doc:"An IANA zone, such as Asia/Tokyo."`
}

// WhatSpec is what.
type WhatSpec struct {
	Expr          string `json:"expr,omitempty" maxLength:"8000" doc:"PromQL: it alerts for each series that it answers. ${each.key} and the like stand for the resource."`
	SLO           string `json:"slo,omitempty" maxLength:"180" doc:"An objective whose burning it describes."`
	Log           string `json:"log,omitempty" maxLength:"180" doc:"A rule on logs."`
	Job           string `json:"job,omitempty" maxLength:"180" doc:"A batch job."`
	Check         string `json:"check,omitempty" maxLength:"180" doc:"A synthetic check."`
	Alert         string `json:"alert,omitempty" maxLength:"180" doc:"An alert that another system sends, by its alertname."`
	For           string `json:"for,omitempty" doc:"How long expr must answer before it alerts, 5m."`
	KeepFiringFor string `json:"keepFiringFor,omitempty" doc:"How long it goes on after expr stopped answering."`
	Every         string `json:"every,omitempty" doc:"Between two evaluations; 1m where nothing is said. Of a job, check or log: between two runs."`
}

// WhereSpec is where.
type WhereSpec struct {
	Service string       `json:"service,omitempty" maxLength:"200" doc:"The Service that it is about. With forEach it may be ${each.key}."`
	ForEach *ForEachSpec `json:"forEach,omitempty" doc:"One rule for many resources: one of selector, metric, csv, glob and terraform."`
}

// ForEachSpec is what a rule is repeated for.
type ForEachSpec struct {
	Selector  *SelectorSpec  `json:"selector,omitempty" doc:"Services of the catalog."`
	Metric    *MetricSpec    `json:"metric,omitempty" doc:"Values of a label in the metrics, looked up every minute."`
	CSV       *CSVSpec       `json:"csv,omitempty" doc:"Rows of a table."`
	Glob      string         `json:"glob,omitempty" maxLength:"500" doc:"Files beside the document: hosts/*.tf. The key is the file's name without its ending."`
	Terraform *TerraformSpec `json:"terraform,omitempty" doc:"What terraform output -json wrote."`
}

// SelectorSpec picks services.
type SelectorSpec struct {
	Tiers  []int             `json:"tiers,omitempty" doc:"1 to 4."`
	Teams  []string          `json:"teams,omitempty"`
	Labels map[string]string `json:"labels,omitempty" doc:"Labels of the Service's metadata."`
}

// MetricSpec picks the values of a label.
type MetricSpec struct {
	Series string `json:"series" minLength:"1" maxLength:"2000" doc:"A selector: up{job=\"node\"}."`
	Label  string `json:"label" minLength:"1" maxLength:"200"`
}

// CSVSpec names a table.
type CSVSpec struct {
	File string `json:"file" minLength:"1" maxLength:"500" doc:"Beside the document; its first line names the columns."`
	Key  string `json:"key,omitempty" doc:"The column that names a row; the first where nothing is said."`
}

// TerraformSpec names an output.
type TerraformSpec struct {
	File   string `json:"file" minLength:"1" maxLength:"500" doc:"Beside the document."`
	Output string `json:"output" minLength:"1" maxLength:"200" doc:"A list or a map."`
	Key    string `json:"key,omitempty" doc:"Of a list of objects: the field that names one."`
}

// HowSpec is how.
type HowSpec struct {
	Playbook    string `json:"playbook,omitempty" maxLength:"1000" doc:"A URL, or a path in the repository."`
	FirstAction string `json:"firstAction,omitempty" maxLength:"2000" doc:"What to do first, in one sentence."`
	Auto        string `json:"auto,omitempty" maxLength:"2000" doc:"What has been automated, for people to know; Hinoban does not run it."`
}

const example = `apiVersion: hinoban/v1
kind: AlertRule
metadata: {name: shop-errors, displayName: Orders fail}
spec:
  why: {impact: Customers cannot pay., costOfMiss: 40 orders a minute}
  who: {owner: shop, escalate: shop}
  when:
    urgency: page
    hours: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00", timeZone: Asia/Tokyo}
    budget: 10m
  what:
    expr: sum by (service) (rate(http_requests_total{code=~"5..",service="${each.key}"}[5m])) > 1
    for: 2m
    every: 30s
  where:
    service: ${each.key}
    forEach: {selector: {tiers: [1], teams: [shop]}}
  how:
    playbook: https://wiki.example.org/playbooks/shop-errors
    firstAction: Roll the last release back.
  annotations: {summary: "${each.key}: {{ $value }} errors a second"}
`

// Kinds are the documents of this package.
func Kinds() []ascode.Kind {
	return []ascode.Kind{
		ascode.Define(apiVersion, "AlertRule", "An alert that answers why, who, when, what, where and how.", example, check),
		ascode.Foreign("prometheus", "Rules", "A file of Prometheus rules; its alerts come into the inbox.", rulesExample, func(PromFile) ascode.Metadata { return ascode.Metadata{} }, nil).KnownByList("groups"),
		ascode.Foreign("monitoring.coreos.com/v1", "PrometheusRule", "Rules of the Prometheus operator.", resourceExample, resourceMeta, nil),
	}
}

func check(e ascode.Envelope[Spec]) []ascode.FieldError {
	_, bad := parse(e.Metadata, e.Spec)
	return bad
}
