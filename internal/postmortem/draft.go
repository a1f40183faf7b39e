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
	sections map[Key][]Sentence
}

// Draft writes the report's sections from the records. It is pure: the same
// material gives the same words.
func Draft(m Material) []Section {
	d := &draft{Material: m, sections: map[Key][]Sentence{}}
	d.summary()
	d.impact()
	d.times()
	d.contributing()
	d.timeline()
	d.questions()
	var out []Section
	for _, k := range Keys() {
		out = append(out, Section{Key: k, Sentences: d.sections[k]})
	}
	return out
}

// say adds a sentence, and only if it can cite something.
func (d *draft) say(k Key, kind Kind, cites []event.Record, key string, args ...any) {
	if len(cites) == 0 {
		return
	}
	s := Sentence{Kind: kind, Text: fmt.Sprintf(phrase(d.Lang, key), args...)}
	for _, r := range cites {
		s.Cites = append(s.Cites, Cite{Seq: r.Seq, ID: r.ID})
	}
	d.sections[k] = append(d.sections[k], s)
}

func one(r event.Record) []event.Record { return []event.Record{r} }

// first returns the first record called name, decoded.
func first[E event.Event](records []event.Record) (r event.Record, e E, ok bool) {
	for _, r := range records {
		if r.Name == e.EventName() && json.Unmarshal(r.Payload, &e) == nil {
			return r, e, true
		}
	}
	return event.Record{}, e, false
}

// all returns every record called name, decoded.
func all[E event.Event](records []event.Record) (rs []event.Record, es []E) {
	var zero E
	for _, r := range records {
		var e E
		if r.Name == zero.EventName() && json.Unmarshal(r.Payload, &e) == nil {
			rs, es = append(rs, r), append(es, e)
		}
	}
	return rs, es
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func span(d time.Duration) string { return d.Round(time.Second).String() }

func (d *draft) summary() {
	if r, e, ok := first[slo.Burning](d.Records); ok {
		d.say(Summary, Fact, one(r), "sum_burning", clock(r.At), e.Name, e.Service, slo.Number(e.Burn), e.Pair)
	} else if r, e, ok := first[alert.Fired](d.Records); ok {
		d.say(Summary, Fact, one(r), "sum_fired", clock(r.At), e.Rule, e.Service)
	}
	if r, e, ok := first[incident.Declared](d.Records); ok {
		key := "sum_declared_alert"
		if e.By != "" {
			key = "sum_declared_person"
		}
		d.say(Summary, Fact, one(r), key, e.Number, e.Severity, clock(r.At))
	}
	steps, fired := all[oncall.StepFired](d.Records)
	if r, e, ok := first[oncall.PageAcked](d.Records); ok {
		before := steps[:0:0]
		people := 0
		for i, s := range steps {
			if s.At.After(r.At) {
				break
			}
			before, people = append(before, s), people+len(fired[i].People)
		}
		d.say(Summary, Fact, append(one(r), before...), "sum_acked", span(seconds(e.AfterSeconds)), len(before), people)
	} else if len(steps) > 0 {
		d.say(Summary, Fact, steps, "sum_silent", len(steps))
	}
	if r, e, ok := first[incident.ResolvedEvent](d.Records); ok {
		d.say(Summary, Fact, one(r), "sum_resolved", clock(r.At), span(seconds(e.Seconds)))
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (d *draft) impact() {
	rs, es := all[slo.Recovered](d.Records)
	for i, e := range es {
		if !e.Counted {
			d.say(Impact, Question, one(rs[i]), "imp_uncounted", e.Name)
			continue
		}
		share := 0.0
		if e.Total > 0 {
			share = 100 * e.Bad / e.Total
		}
		d.say(Impact, Fact, one(rs[i]), "imp_events", e.Name, slo.Number(e.Bad), slo.Number(e.Total), slo.Number(share), clock(e.From), clock(rs[i].At))
		d.say(Impact, Fact, one(rs[i]), "imp_budget", slo.Number(100*e.Spent), slo.Number(100*e.Remaining))
	}
	if len(es) == 0 {
		if r, _, ok := first[incident.Declared](d.Records); ok {
			d.say(Impact, Question, one(r), "imp_unknown")
		}
	}
}

// times writes each duration with its definition.
func (d *draft) times() {
	detected, _, hasDetected := first[alert.Fired](d.Records)
	if !hasDetected {
		detected, _, hasDetected = first[incident.Declared](d.Records)
	}
	opened, _, hasPage := first[oncall.PageOpened](d.Records)
	if told, e, ok := first[oncall.Delivered](d.Records); ok && hasPage {
		d.say(Times, Fact, []event.Record{opened, told}, "time_handed", span(told.At.Sub(opened.At)), e.Channel)
	}
	if acked, _, ok := first[oncall.PageAcked](d.Records); ok && hasPage {
		d.say(Times, Fact, []event.Record{opened, acked}, "time_ack", span(acked.At.Sub(opened.At)))
	}
	if declared, _, ok := first[incident.Declared](d.Records); ok && hasDetected {
		d.say(Times, Fact, []event.Record{detected, declared}, "time_declare", span(declared.At.Sub(detected.At)))
	}
	if mitigated, _, ok := first[incident.Mitigated](d.Records); ok && hasDetected {
		d.say(Times, Fact, []event.Record{detected, mitigated}, "time_mitigate", span(mitigated.At.Sub(detected.At)))
	}
	if resolved, _, ok := first[incident.ResolvedEvent](d.Records); ok && hasDetected {
		d.say(Times, Fact, []event.Record{detected, resolved}, "time_resolve", span(resolved.At.Sub(detected.At)))
	}
	if hasDetected {
		d.say(Times, Question, one(detected), "time_detect")
	}
}

func (d *draft) contributing() {
	before := len(d.sections[Contributing])
	for _, r := range d.Related {
		switch r.Name {
		case "config.applied":
			d.say(Contributing, Fact, one(r), "con_config", clock(r.At))
		case slo.Burning{}.EventName():
			var e slo.Burning
			if json.Unmarshal(r.Payload, &e) == nil {
				d.say(Contributing, Fact, one(r), "con_burning", e.Service, e.Name, clock(r.At), slo.Number(e.Burn))
			}
		case alert.Fired{}.EventName():
			var e alert.Fired
			if json.Unmarshal(r.Payload, &e) == nil && e.Source != "slo" {
				d.say(Contributing, Fact, one(r), "con_alert", e.Service, e.Rule, clock(r.At))
			}
		}
	}
	failedRecords, failed := all[oncall.DeliveryFailed](d.Records)
	for i, e := range failed {
		d.say(Contributing, Fact, one(failedRecords[i]), "con_delivery", e.Channel, clock(failedRecords[i].At))
	}
	if len(d.sections[Contributing]) == before {
		if r, _, ok := first[incident.Declared](d.Records); ok {
			d.say(Contributing, Question, one(r), "con_nothing")
		}
	}
}

// timeline is one sentence for each record that says something to a person.
func (d *draft) timeline() {
	for _, r := range d.Records {
		if text := Line(r, d.Lang, d.Name); text != "" {
			d.say(Timeline, Fact, one(r), "timeline", r.At.UTC().Format("15:04:05"), text)
		}
	}
}

func (d *draft) questions() {
	if r, e, ok := first[slo.Burning](d.Records); ok {
		d.say(Questions, Question, one(r), "q_cause", e.Service)
		d.say(Questions, Question, one(r), "q_sooner", e.Pair)
	} else if r, _, ok := first[incident.Declared](d.Records); ok {
		d.say(Questions, Question, one(r), "q_cause", d.Incident.Service)
	}
	steps, fired := all[oncall.StepFired](d.Records)
	for i := 1; i < len(steps); i++ {
		if fired[i].Page == fired[i-1].Page {
			d.say(Questions, Question, []event.Record{steps[i-1], steps[i]}, "q_step", fired[i-1].Step+1, span(steps[i].At.Sub(steps[i-1].At)))
		}
	}
	if r, e, ok := first[oncall.Exhausted](d.Records); ok {
		d.say(Questions, Question, one(r), "q_exhausted", e.Reason)
	}
	if r, e, ok := first[incident.Mitigated](d.Records); ok && e.By == "" {
		d.say(Questions, Question, one(r), "q_mitigation")
	}
	if r, _, ok := first[incident.ResolvedEvent](d.Records); ok {
		d.say(Questions, Question, one(r), "q_prevent")
	}
}

// Line says in a few words what a record means, or "" where it means nothing
// to a person. name turns a person's id into a name.
func Line(r event.Record, lang string, name func(string) string) string {
	var p map[string]any
	if json.Unmarshal(r.Payload, &p) != nil {
		return ""
	}
	text := func(k string) string {
		if s, ok := p[k].(string); ok {
			return s
		}
		return ""
	}
	number := func(k string) float64 {
		f, _ := p[k].(float64) // a field that is missing is 0
		return f
	}
	say := func(key string, args ...any) string { return fmt.Sprintf(phrase(lang, key), args...) }
	switch r.Name {
	case slo.Burning{}.EventName():
		return say("l_burning", text("name"), slo.Number(number("burn")), text("pair"))
	case slo.Recovered{}.EventName():
		return say("l_recovered", text("name"), span(seconds(number("seconds"))))
	case alert.Fired{}.EventName():
		return say("l_fired", text("severity"), text("rule"))
	case alert.Raised{}.EventName():
		return say("l_raised", text("rule"), text("severity"))
	case alert.ResolvedEvent{}.EventName():
		return say("l_alert_resolved", text("rule"), span(seconds(number("open_seconds"))))
	case oncall.StepFired{}.EventName():
		return say("l_step", int(number("step"))+1, strings.Join(names(p["people"], name), ", "), int(number("devices")))
	case oncall.Delivered{}.EventName():
		return say("l_delivered", text("kind"), name(text("person")), text("channel"))
	case oncall.DeliveryFailed{}.EventName():
		return say("l_failed", name(text("person")), text("channel"), text("error"))
	case oncall.PageAcked{}.EventName():
		return say("l_acked", name(text("by")), span(seconds(number("after_seconds"))))
	case oncall.Declined{}.EventName():
		return say("l_declined", name(text("by")))
	case oncall.Exhausted{}.EventName():
		return say("l_exhausted", text("reason"))
	}
	return incidentLine(r, text, number, say, name)
}

func incidentLine(r event.Record, text func(string) string, number func(string) float64, say func(string, ...any) string, name func(string) string) string {
	switch r.Name {
	case incident.Declared{}.EventName():
		return say("l_declared", int(number("number")), int(number("severity")))
	case incident.RoleChanged{}.EventName():
		return say("l_role", name(text("person")), text("role"))
	case incident.SeverityChanged{}.EventName():
		return say("l_severity", int(number("from")), int(number("to")))
	case incident.NoteAdded{}.EventName():
		return say("l_note", name(text("by")), text("text"))
	case incident.Mitigated{}.EventName():
		return say("l_mitigated", span(seconds(number("after_seconds"))))
	case incident.ResolvedEvent{}.EventName():
		return say("l_resolved", span(seconds(number("seconds"))))
	case incident.Reopened{}.EventName():
		return say("l_reopened", text("reason"))
	case incident.AlertAttached{}.EventName():
		return say("l_attached", text("summary"))
	case "config.applied":
		return say("l_config")
	}
	return ""
}

func names(v any, name func(string) string) []string {
	list, _ := v.([]any) // nil where nobody was told
	out := make([]string, 0, len(list))
	for _, e := range list {
		if id, ok := e.(string); ok {
			out = append(out, name(id))
		}
	}
	if len(out) == 0 {
		out = append(out, "–")
	}
	return slices.Clip(out)
}
