package rule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// DefaultEvery is the time between two evaluations of a rule that says nothing.
const DefaultEvery = time.Minute

// parser makes a Rule of one document and says what is wrong with it alone.
type parser struct {
	r   Rule
	bad []ascode.FieldError
}

func (p *parser) say(path, fix, format string, args ...any) {
	p.bad = append(p.bad, ascode.Fieldf(path, fix, format, args...))
}

func parse(m ascode.Metadata, s Spec) (Rule, []ascode.FieldError) {
	p := &parser{r: Rule{
		ID: m.Name, Name: s.Alert, Title: m.Title(), Native: true, Service: s.Where.Service,
		Why: Why(s.Why), Who: Who{Owner: s.Who.Owner, Path: s.Who.Path, Escalate: s.Who.Escalate}, How: How(s.How),
		Labels: texts(s.Labels), Notes: texts(s.Annotations),
	}}
	if p.r.Name == "" {
		p.r.Name = m.Name
	}
	p.when(s.When)
	p.what(s.What)
	p.where(s.Where)
	p.names(s)
	return p.r, p.bad
}

func texts(in map[string]ascode.Text) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[k] = string(v)
	}
	return out
}

func (p *parser) when(s WhenSpec) {
	p.r.When.Urgency = map[string]alert.Severity{"page": alert.Page, "ticket": alert.Ticket, "log": alert.Info}[s.Urgency]
	p.r.When.Budget = p.duration("spec.when.budget", s.Budget, 0)
	if s.Urgency != "page" && p.r.Who.Escalate != "" {
		p.say("spec.who.escalate", "leave it out, or make it a page", "a rule whose urgency is %s wakes nobody, and so has nothing to escalate", s.Urgency)
	}
	h := s.Hours
	if h == nil {
		return
	}
	if s.Urgency != "page" {
		p.say("spec.when.hours", "leave it out", "only a page has hours: a %s waits for the day anyway", s.Urgency)
	}
	zone, err := time.LoadLocation(h.TimeZone)
	if err != nil || h.TimeZone == "" || h.TimeZone == "Local" {
		p.say("spec.when.hours.timeZone", "use an IANA name such as Asia/Tokyo", "unknown time zone %q", h.TimeZone)
		return
	}
	out := &Hours{Zone: zone}
	var ok1, ok2 bool
	out.From, ok1 = clock(h.From)
	out.To, ok2 = clock(h.To)
	if !ok1 || !ok2 || out.From == out.To {
		p.say("spec.when.hours", `for example from: "09:00", to: "18:00"`, "%s to %s are not two times of the day", h.From, h.To)
	}
	days := h.Days
	if len(days) == 0 {
		days = []string{"mon", "tue", "wed", "thu", "fri"}
	}
	for _, d := range days {
		if i := slices.Index(dayNames[:], d); i >= 0 {
			out.Days[i] = true
		}
	}
	p.r.When.Hours = out
}

func (p *parser) duration(path, s string, otherwise time.Duration) time.Duration {
	if s == "" {
		return otherwise
	}
	d, err := model.ParseDuration(s)
	if err != nil || d < 0 || time.Duration(d) > 366*24*time.Hour {
		p.say(path, "for example 30s, 5m or 1h", "%q is not a duration of at most a year", s)
	}
	return time.Duration(d)
}

func (p *parser) what(s WhatSpec) {
	w := What{Expr: strings.TrimSpace(s.Expr), SLO: s.SLO, Log: s.Log, Job: s.Job, Check: s.Check, Alert: s.Alert}
	n := 0
	for _, v := range []string{w.Expr, w.SLO, w.Log, w.Job, w.Check, w.Alert} {
		if v != "" {
			n++
		}
	}
	if n != 1 {
		p.say("spec.what", "give exactly one of expr, slo, log, job, check and alert", "it says %d things to watch", n)
	}
	otherwise := time.Duration(0)
	if w.Expr != "" {
		otherwise = DefaultEvery
	}
	w.For, w.KeepFiringFor = p.duration("spec.what.for", s.For, 0), p.duration("spec.what.keepFiringFor", s.KeepFiringFor, 0)
	w.Every = p.duration("spec.what.every", s.Every, otherwise)
	if s.Every != "" && w.Every < time.Second {
		p.say("spec.what.every", "for example 30s", "it is less than a second")
	}
	if w.Expr == "" && (s.For != "" || s.KeepFiringFor != "") {
		p.say("spec.what", "set it where the alert is raised", "for and keepFiringFor are of expr alone")
	}
	p.r.What = w
}

func (p *parser) where(s WhereSpec) {
	f := s.ForEach
	if f == nil {
		return
	}
	var kinds []string
	add := func(given bool, words string) {
		if given {
			kinds = append(kinds, words)
		}
	}
	add(f.Selector != nil, "services of the catalog")
	add(f.Glob != "", f.Glob)
	if f.Metric != nil {
		add(true, f.Metric.Label+" of "+f.Metric.Series)
	}
	if f.CSV != nil {
		add(true, f.CSV.File)
	}
	if f.Terraform != nil {
		add(true, f.Terraform.File+" "+f.Terraform.Output)
	}
	if len(kinds) != 1 {
		p.say("spec.where.forEach", "give exactly one of selector, metric, csv, glob and terraform", "it says %d things to repeat it for", len(kinds))
		return
	}
	if p.r.What.Expr == "" {
		p.say("spec.where.forEach", "write one document for each", "only a rule with expr is repeated")
	}
	p.r.ForEach = kinds[0]
}

// ours are the labels that are written for the rule.
var ours = []string{"severity", "owner", "escalation", "each", "alertname"} //nolint:gochecknoglobals // constant

func (p *parser) names(s Spec) {
	for k := range s.Labels {
		if slices.Contains(ours, k) {
			p.say("spec.labels."+k, "leave it out", "the label %s is written by the rule itself", k)
		}
		if !model.LegacyValidation.IsValidLabelName(k) {
			p.say("spec.labels", "letters, digits and _", "%q is not the name of a label", k)
		}
	}
	for k := range s.Annotations {
		if !model.LegacyValidation.IsValidLabelName(k) {
			p.say("spec.annotations", "letters, digits and _", "%q is not the name of an annotation", k)
		}
	}
	if p.r.Name == "" || strings.ContainsAny(p.r.Name, "\n\t") {
		p.say("spec.alert", "for example ShopErrors", "%q is not the name of an alert", p.r.Name)
	}
}

func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
