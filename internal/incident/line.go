package incident

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
)

// Line says in a few words what a record means, or "" where it means nothing
// to a person. lang is "en" or "ja"; name turns a person's id into a name. It
// is one line, whatever people wrote.
func Line(r event.Record, lang string, name func(string) string) string {
	if r.Name == "config.applied" {
		return phrase(lang, "config")
	}
	read, ok := readers()[r.Name]
	if !ok {
		return ""
	}
	return strings.Join(strings.Fields(read(teller{lang, name}, r.Payload)), " ")
}

// teller finds the words of one language.
type teller struct {
	lang string
	name func(string) string
}

func (t teller) say(key string, args ...any) string {
	return fmt.Sprintf(phrase(t.lang, key), args...)
}

func (t teller) took(s float64) string {
	return Took(t.lang, time.Duration(s*float64(time.Second)))
}

// reader turns a payload into words.
type reader func(t teller, payload json.RawMessage) string

// reading is the reader of one kind of event; what cannot be read says nothing.
func reading[E event.Event](fn func(t teller, e E) string) (string, reader) {
	var zero E
	return zero.EventName(), func(t teller, payload json.RawMessage) string {
		var e E
		if json.Unmarshal(payload, &e) != nil {
			return ""
		}
		return fn(t, e)
	}
}

// readers are those of every event that people want to see.
func readers() map[string]reader {
	out := map[string]reader{}
	add := func(name string, r reader) { out[name] = r }
	add(reading(func(t teller, e slo.Burning) string {
		return t.say("burning", e.Name, slo.Number(e.Burn), Pair(t.lang, e.Pair))
	}))
	add(reading(func(t teller, e slo.Recovered) string { return t.say("recovered", e.Name, t.took(e.Seconds)) }))
	add(reading(func(t teller, e alert.Fired) string { return t.say("fired", Word(t.lang, string(e.Severity)), e.Rule) }))
	add(reading(func(t teller, e alert.Raised) string {
		if e.From == e.Severity {
			return t.say("raised_word", e.Rule, cmp.Or(e.FromWord, Word(t.lang, string(e.From))), e.Word)
		}
		return t.say("raised", e.Rule, Word(t.lang, string(e.Severity)))
	}))
	add(reading(func(t teller, e alert.ResolvedEvent) string {
		return t.say("alert_resolved", e.Rule, t.took(e.OpenSeconds))
	}))
	pageReaders(add)
	ownReaders(add)
	return out
}

func pageReaders(add func(string, reader)) {
	add(reading(func(t teller, _ oncall.PageOpened) string { return t.say("page_opened") }))
	add(reading(func(t teller, e oncall.StepFired) string {
		key := "step"
		if e.Devices == 1 {
			key = "step_device"
		}
		line := t.say(key, e.Step+1, t.people(e.People), e.Devices)
		if e.Round > 0 {
			line += t.say("round", e.Round+1)
		}
		return line
	}))
	add(reading(func(t teller, e oncall.Delivered) string {
		key := "delivered"
		if e.Kind == "resolved" {
			key = "delivered_resolved"
		}
		return t.say(key, t.name(e.Person), e.Channel)
	}))
	add(reading(func(t teller, e oncall.DeliveryFailed) string {
		return t.say("failed", t.name(e.Person), e.Channel, e.Error)
	}))
	add(reading(func(t teller, e oncall.PageAcked) string { return t.say("acked", t.name(e.By), t.took(e.AfterSeconds)) }))
	add(reading(func(t teller, e oncall.Declined) string { return t.say("declined", t.name(e.By)) }))
	add(reading(func(t teller, e oncall.Exhausted) string { return t.say("exhausted", Word(t.lang, e.Reason)) }))
}

func ownReaders(add func(string, reader)) {
	add(reading(func(t teller, e Declared) string { return t.say("declared", e.Number, e.Severity) }))
	add(reading(func(t teller, e RoleChanged) string {
		if e.Person == "" {
			return t.say("role_open", Word(t.lang, string(e.Role)))
		}
		return t.say("role", t.name(e.Person), Word(t.lang, string(e.Role)))
	}))
	add(reading(func(t teller, e SeverityChanged) string { return t.say("severity", e.From, e.To) }))
	add(reading(func(t teller, e NoteAdded) string { return t.say("note", t.name(e.By), e.Text) }))
	add(reading(func(t teller, e Mitigated) string {
		if e.How != "" {
			return t.say("mitigated_how", t.took(e.AfterSeconds), Word(t.lang, e.How))
		}
		return t.say("mitigated", t.took(e.AfterSeconds))
	}))
	add(reading(func(t teller, e ResolvedEvent) string { return t.say("resolved", e.Number, t.took(e.Seconds)) }))
	add(reading(func(t teller, e Reopened) string { return t.say("reopened", Word(t.lang, e.Reason)) }))
	add(reading(func(t teller, e AlertAttached) string { return t.say("attached", e.Summary) }))
}

func (t teller) people(ids []string) string {
	if len(ids) == 0 {
		return t.say("nobody")
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = t.name(id)
	}
	return strings.Join(names, t.say("comma"))
}
