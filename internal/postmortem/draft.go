package postmortem

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
)

// Material is all that a draft is made of.
type Material struct {
	Incident incident.Incident
	Records  []event.Record      // its timeline, in order
	Related  []event.Record      // what happened to its dependencies and the configuration meanwhile
	Name     func(string) string // a person's name by id
	Lang     string
}

// draft writes sentences into sections.
type draft struct {
	Material
	own      own
	sections map[Key][]Sentence
}

// Draft writes the report's sections from the records. It is pure: the same
// material gives the same words.
func Draft(m Material) []Section {
	d := &draft{Material: m, own: choose(m), sections: map[Key][]Sentence{}}
	d.summary()
	d.impact()
	d.times()
	d.contributing()
	d.timeline()
	d.questions()
	var out []Section
	for _, k := range Keys() {
		out = append(out, Section{Key: k, Sentences: append([]Sentence{}, d.sections[k]...)})
	}
	return out
}

// hit is a record with its payload read.
type hit[E event.Event] struct {
	event.Record
	Event E
}

// pick returns the records of one kind that keep wants.
func pick[E event.Event](records []event.Record, keep func(hit[E]) bool) []hit[E] {
	var zero E
	var out []hit[E]
	for _, r := range records {
		h := hit[E]{Record: r}
		if r.Name == zero.EventName() && json.Unmarshal(r.Payload, &h.Event) == nil && keep(h) {
			out = append(out, h)
		}
	}
	return out
}

// head returns the first and whether there is one.
func head[E event.Event](hits []hit[E]) (h hit[E], ok bool) {
	if len(hits) == 0 {
		return h, false
	}
	return hits[0], true
}

// own are the records of the incident itself, picked from a timeline that also
// holds what else happened to its service.
type own struct {
	burning   []hit[slo.Burning] // the one that led to it first
	recovered []hit[slo.Recovered]
	fired     []hit[alert.Fired]
	declared  []hit[incident.Declared]
	mitigated []hit[incident.Mitigated]     // the last of each: it may have been reopened
	resolved  []hit[incident.ResolvedEvent] //
	opened    []hit[oncall.PageOpened]
	steps     []hit[oncall.StepFired]
	told      []hit[oncall.Delivered]
	failed    []hit[oncall.DeliveryFailed]
	acked     []hit[oncall.PageAcked]
	exhausted []hit[oncall.Exhausted]
}

func choose(m Material) own {
	i := m.Incident
	mine := func(id string) bool { return slices.Contains(i.Alerts, id) }
	var o own
	o.fired = pick(m.Records, func(h hit[alert.Fired]) bool { return mine(h.Event.Alert) })
	o.declared = pick(m.Records, func(h hit[incident.Declared]) bool { return h.Event.Incident == i.ID })
	o.mitigated = last(pick(m.Records, func(h hit[incident.Mitigated]) bool { return h.Event.Incident == i.ID }))
	o.resolved = last(pick(m.Records, func(h hit[incident.ResolvedEvent]) bool { return h.Event.Incident == i.ID }))
	o.burning = pick(m.Records, func(h hit[slo.Burning]) bool { return slices.Contains(i.Objectives, h.Event.Objective) })
	// An earlier fire of the same objective is none of this incident's.
	for len(o.burning) > 1 && !o.burning[1].At.After(i.DetectedAt) {
		o.burning = o.burning[1:]
	}
	o.recovered = pick(m.Records, func(h hit[slo.Recovered]) bool {
		return slices.Contains(i.Objectives, h.Event.Objective) && !h.At.Before(i.DetectedAt)
	})
	o.pages(m.Records, mine)
	return o
}

// pages picks what the pages of the incident's alerts did.
func (o *own) pages(records []event.Record, mine func(string) bool) {
	var pages []string
	o.opened = pick(records, func(h hit[oncall.PageOpened]) bool { return mine(h.Event.Alert) })
	for _, h := range o.opened {
		pages = append(pages, h.Event.Page)
	}
	for _, h := range pick(records, func(h hit[oncall.AlertJoined]) bool { return mine(h.Event.Alert) }) {
		pages = append(pages, h.Event.Page)
	}
	of := func(page string) bool { return slices.Contains(pages, page) }
	o.opened = pick(records, func(h hit[oncall.PageOpened]) bool { return of(h.Event.Page) })
	o.steps = pick(records, func(h hit[oncall.StepFired]) bool { return of(h.Event.Page) })
	o.told = pick(records, func(h hit[oncall.Delivered]) bool { return of(h.Event.Page) && h.Event.Kind == "page" })
	o.failed = pick(records, func(h hit[oncall.DeliveryFailed]) bool { return of(h.Event.Page) })
	o.acked = pick(records, func(h hit[oncall.PageAcked]) bool { return of(h.Event.Page) })
	o.exhausted = pick(records, func(h hit[oncall.Exhausted]) bool { return of(h.Event.Page) })
}

func last[E event.Event](hits []hit[E]) []hit[E] { return hits[max(0, len(hits)-1):] }

// say adds a sentence, and only if it can cite something. A sentence is one
// line, and what people wrote in it cannot pass for a citation.
func (d *draft) say(k Key, kind Kind, cites []event.Record, key string, args ...any) {
	if len(cites) == 0 {
		return
	}
	text := strings.Join(strings.Fields(fmt.Sprintf(phrase(d.Lang, key), args...)), " ")
	s := Sentence{Kind: kind, Text: citation.ReplaceAllString(text, " (#$1)")}
	for _, r := range cites {
		s.Cites = append(s.Cites, Cite{Seq: r.Seq, ID: r.ID})
	}
	d.sections[k] = append(d.sections[k], s)
}

func one(r event.Record) []event.Record { return []event.Record{r} }

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func (d *draft) took(t time.Duration) string { return incident.Took(d.Lang, t) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// many writes a number with what it counts.
func (d *draft) many(n int, what string) string {
	key := what + "_n"
	if n == 1 {
		key = what + "_1"
	}
	return fmt.Sprintf(phrase(d.Lang, key), n)
}

func (d *draft) summary() {
	if h, ok := head(d.own.burning); ok {
		e := h.Event
		d.say(Summary, Fact, one(h.Record), "sum_burning", clock(h.At), e.Name, e.Service, slo.Number(e.Burn), incident.Pair(d.Lang, e.Pair))
	} else if h, ok := head(d.own.fired); ok {
		d.say(Summary, Fact, one(h.Record), "sum_fired", clock(h.At), h.Event.Rule, h.Event.Service)
	}
	if h, ok := head(d.own.declared); ok {
		key := "sum_declared_alert"
		if h.Event.By != "" {
			key = "sum_declared_person"
		}
		d.say(Summary, Fact, one(h.Record), key, h.Event.Number, h.Event.Severity, clock(h.At))
	}
	d.answer()
	if h, ok := head(d.own.mitigated); ok && h.Event.By != "" && h.Event.How != "" {
		d.say(Summary, Fact, one(h.Record), "sum_mitigated", clock(h.At), h.Event.How)
	}
	if h, ok := head(d.own.resolved); ok {
		d.say(Summary, Fact, one(h.Record), "sum_resolved", clock(h.At), d.took(seconds(h.Event.Seconds)))
	}
}

// answer says whom it took to get an answer.
func (d *draft) answer() {
	acked, answered := head(d.own.acked)
	var cites []event.Record
	people := map[string]bool{}
	for _, s := range d.own.steps {
		if answered && (s.At.After(acked.At) || s.Event.Page != acked.Event.Page) {
			continue
		}
		cites = append(cites, s.Record)
		for _, p := range s.Event.People {
			people[p] = true
		}
	}
	steps := d.many(len(cites), "step")
	switch {
	case answered && len(cites) > 0:
		d.say(Summary, Fact, append(one(acked.Record), cites...), "sum_acked", d.took(seconds(acked.Event.AfterSeconds)), steps, d.many(len(people), "person"))
	case answered:
		d.say(Summary, Fact, one(acked.Record), "sum_acked_at_once", d.took(seconds(acked.Event.AfterSeconds)))
	default:
		d.say(Summary, Fact, cites, "sum_silent", steps)
	}
}

func (d *draft) impact() {
	for _, h := range d.own.recovered {
		e := h.Event
		if !e.Counted {
			d.say(Impact, Question, one(h.Record), "imp_uncounted", e.Name)
			continue
		}
		share := 0.0
		if e.Total > 0 {
			share = 100 * e.Bad / e.Total
		}
		d.say(Impact, Fact, one(h.Record), "imp_events", e.Name, slo.Number(e.Bad), slo.Number(e.Total), slo.Number(share), clock(e.From), clock(h.At))
		d.say(Impact, Fact, one(h.Record), "imp_budget", slo.Number(100*e.Spent), slo.Number(100*e.Remaining))
	}
	if len(d.own.recovered) > 0 {
		return
	}
	if h, ok := head(d.own.declared); ok {
		d.say(Impact, Question, one(h.Record), "imp_unknown")
	}
}

// times writes each duration with its definition.
func (d *draft) times() {
	declared, hasDeclared := head(d.own.declared)
	detected, hasDetected := declared.Record, hasDeclared
	if h, ok := head(d.own.fired); ok {
		detected, hasDetected = h.Record, true
	}
	since := func(r event.Record, key string, args ...any) {
		if hasDetected {
			d.say(Times, Fact, []event.Record{detected, r}, key, append([]any{d.took(r.At.Sub(detected.At))}, args...)...)
		}
	}
	if opened, ok := head(d.own.opened); ok {
		if told, ok := head(d.own.told); ok {
			d.say(Times, Fact, []event.Record{opened.Record, told.Record}, "time_handed", d.took(told.At.Sub(opened.At)), told.Event.Channel)
		}
		if acked, ok := head(d.own.acked); ok {
			d.say(Times, Fact, []event.Record{opened.Record, acked.Record}, "time_ack", d.took(acked.At.Sub(opened.At)))
		}
	}
	if hasDeclared && detected.Seq != declared.Seq {
		since(declared.Record, "time_declare")
	}
	if h, ok := head(d.own.mitigated); ok {
		since(h.Record, "time_mitigate")
	}
	if h, ok := head(d.own.resolved); ok {
		since(h.Record, "time_resolve")
	}
	if hasDetected {
		d.say(Times, Question, one(detected), "time_detect")
	}
}

func (d *draft) contributing() {
	before := len(d.sections[Contributing])
	for _, r := range d.Related {
		if end := d.Incident.ResolvedAt; end.IsZero() || !r.At.After(end) {
			d.related(r)
		}
	}
	for _, h := range d.own.failed {
		d.say(Contributing, Fact, one(h.Record), "con_delivery", h.Event.Channel, clock(h.At))
	}
	if len(d.sections[Contributing]) == before {
		if h, ok := head(d.own.declared); ok {
			d.say(Contributing, Question, one(h.Record), "con_nothing")
		}
	}
}

func (d *draft) related(r event.Record) {
	if r.Name == "config.applied" {
		d.say(Contributing, Fact, one(r), "con_config", clock(r.At))
	}
	for _, h := range pick(one(r), func(hit[slo.Burning]) bool { return true }) {
		d.say(Contributing, Fact, one(r), "con_burning", h.Event.Service, h.Event.Name, clock(r.At), slo.Number(h.Event.Burn))
	}
	for _, h := range pick(one(r), func(h hit[alert.Fired]) bool { return h.Event.Source != "slo" }) {
		d.say(Contributing, Fact, one(r), "con_alert", h.Event.Service, h.Event.Rule, clock(r.At))
	}
}

// timeline is one sentence for each record that says something to a person.
// Another day than that of the detection is named.
func (d *draft) timeline() {
	day := d.Incident.DetectedAt.UTC().Format(time.DateOnly)
	for _, r := range d.Records {
		layout := time.TimeOnly
		if r.At.UTC().Format(time.DateOnly) != day {
			layout = time.DateTime
		}
		if text := incident.Line(r, d.Lang, d.Name); text != "" {
			d.say(Timeline, Fact, one(r), "timeline", r.At.UTC().Format(layout), text)
		}
	}
}

func (d *draft) questions() {
	if h, ok := head(d.own.burning); ok {
		d.say(Questions, Question, one(h.Record), "q_cause", h.Event.Service)
		d.say(Questions, Question, one(h.Record), "q_sooner", incident.Pair(d.Lang, h.Event.Pair))
	} else if h, ok := head(d.own.declared); ok && d.Incident.Service != "" {
		d.say(Questions, Question, one(h.Record), "q_cause", d.Incident.Service)
	} else if ok {
		d.say(Questions, Question, one(h.Record), "q_cause_unknown")
	}
	for n := 1; n < len(d.own.steps); n++ {
		a, b := d.own.steps[n-1], d.own.steps[n]
		if a.Event.Page == b.Event.Page && a.Event.Round == 0 { // later rounds ask the same
			d.say(Questions, Question, []event.Record{a.Record, b.Record}, "q_step", a.Event.Step+1, d.took(b.At.Sub(a.At)))
		}
	}
	if h, ok := head(d.own.exhausted); ok {
		d.say(Questions, Question, one(h.Record), "q_exhausted", incident.Word(d.Lang, h.Event.Reason))
	}
	if h, ok := head(d.own.mitigated); ok && h.Event.By == "" {
		d.say(Questions, Question, one(h.Record), "q_mitigation")
	}
	if h, ok := head(d.own.resolved); ok {
		d.say(Questions, Question, one(h.Record), "q_prevent")
	}
}
