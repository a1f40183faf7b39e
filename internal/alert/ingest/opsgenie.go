package ingest

import (
	"encoding/json"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// MaxOpsgenie is what a request of Opsgenie's alert API may have, in bytes.
const MaxOpsgenie = 512 << 10

// Ask is what the address of a request asks, in protocols that say it there.
type Ask struct {
	Verb string // close, acknowledge …; "" is what the body says
	By   By
	Of   string
}

// Ping is the verb of a heartbeat: that the source is heard is all it says.
const Ping = "ping"

// ogAlert is a request of Opsgenie's alert API: the fields of all its verbs.
type ogAlert struct {
	Message     string          `json:"message"`
	Alias       string          `json:"alias"`
	Description string          `json:"description"`
	Responders  json.RawMessage `json:"responders"`
	VisibleTo   json.RawMessage `json:"visibleTo"`
	Actions     []string        `json:"actions"`
	Tags        []string        `json:"tags"`
	Details     json.RawMessage `json:"details"`
	Entity      string          `json:"entity"`
	Source      string          `json:"source"`
	Priority    string          `json:"priority"`
	User        string          `json:"user"`
	Note        string          `json:"note"`
}

// NotProcessableError is a request that Opsgenie's API would not take: what is
// wrong by field, for an answer in that API's own form.
type NotProcessableError struct{ Fields map[string]string }

func (e *NotProcessableError) Error() string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(e.Fields)) {
		out = append(out, k+": "+e.Fields[k])
	}
	return strings.Join(out, "; ")
}

func parseOpsgenie(src Source, d Delivery) (Batch, error) {
	if d.Ask.Verb == Ping {
		return Batch{}, nil
	}
	var o ogAlert
	if d.Ask.Verb == "" || len(d.Body) > 0 { // verbs come with an empty body too
		if err := decode(d.Body, &o); err != nil {
			return Batch{}, err
		}
	}
	if wrong := o.wrong(d.Ask); len(wrong) > 0 {
		return Batch{}, errs.New(errs.Invalid, "%w", &NotProcessableError{wrong})
	}
	if d.Ask.Verb == "" {
		return o.create(src, d), nil
	}
	var b Batch
	b.note("%s %s=%s", d.Ask.Verb, d.Ask.By, clip(clean(d.Ask.Of), 200))
	b.Acts = o.acts(d)
	return b, nil
}

// acts are what a verb asks, and the note that may come with it.
func (o ogAlert) acts(d Delivery) (out []Act) {
	act := Act{By: d.Ask.By, Of: d.Ask.Of}
	note := act
	note.Verb, note.Annotations, note.Append = Retell, map[string]string{"note": o.noted(d.At)}, true
	switch d.Ask.Verb {
	case "close":
		act.Verb, act.Why = Close, "closed by "+clip(clean(first(o.User, o.Source, "its sender")), 200)
		if o.Note != "" {
			out = append(out, note) // while it is open
		}
		return append(out, act)
	case "notes":
		return []Act{note}
	case "acknowledge":
		act.Verb = Acknowledge
	case "unacknowledge":
		act.Verb = Unacknowledge
	case "message":
		act.Verb, act.Summary = Retell, o.Message
	case "description":
		act.Verb, act.Annotations = Retell, map[string]string{"description": clip(o.Description, 15000)}
	}
	out = append(out, act)
	if o.Note != "" {
		out = append(out, note)
	}
	return out
}

// noted is a note with its time and who wrote it.
func (o ogAlert) noted(at time.Time) string {
	return at.UTC().Format("2006-01-02 15:04") + " " + clip(first(o.User, o.Source, "its sender"), 100) + ": " + clip(o.Note, 2048)
}

// wrong is what is wrong with o by field, in the words of Opsgenie's answers.
func (o ogAlert) wrong(ask Ask) map[string]string {
	out := map[string]string{}
	switch ask.Verb {
	case "close", "acknowledge", "unacknowledge":
	case "message", "":
		if strings.TrimSpace(o.Message) == "" {
			out["message"] = "Message can not be empty."
		}
	case "description":
		if strings.TrimSpace(o.Description) == "" {
			out["description"] = "Description can not be empty."
		}
	case "notes":
		if strings.TrimSpace(o.Note) == "" {
			out["note"] = "Note can not be empty."
		}
	case "snooze", "escalate":
		out["action"] = ask.Verb + " is not offered here: acknowledge the alert, or silence it for a while."
	default:
		out["action"] = "must be one of close, acknowledge, unacknowledge, notes, message, description"
	}
	if utf8.RuneCountInString(o.Alias) > 512 {
		out["alias"] = "Alias can not be longer than 512 characters."
	}
	if p := o.Priority; p != "" && !slices.Contains([]string{"P1", "P2", "P3", "P4", "P5"}, p) {
		out["priority"] = "should be one of [ P1, P2, P3, P4, P5 ]"
	}
	return out
}

func (o ogAlert) create(src Source, d Delivery) Batch {
	alias := first(clean(o.Alias), clean(o.Message))
	b := Batch{Key: alias}
	b.note("create alias=%s", clip(alias, 200))
	if n := utf8.RuneCountInString(o.Message); n > 130 {
		b.note("the message has %d characters and was taken: Opsgenie takes 130", n)
	}
	s := alert.Signal{
		Firing: true, Source: src.Name, Key: alias, At: d.At.UTC(), Summary: o.Message, Severity: src.Severity,
		Labels:      map[string]string{"og_source": clip(o.Source, 100), "og_entity": clip(o.Entity, 512), "og_priority": o.Priority},
		Annotations: detailsOf(o.Details), ID: memberID(src, d.Body, d.At.UTC().Format("2006-01-02T15:04"), alias),
	}
	s.Rule = clip(first(s.Annotations["alertname"], s.Annotations["rule"], "alert"), 200)
	s.Service = clip(first(serviceOf(Source{}, s.Annotations), o.Entity, src.Service, o.Source), 200)
	s.URL = first(s.Annotations["url"], s.Annotations["link"], s.Annotations["runbook_url"])
	switch o.Priority {
	case "P1", "P2":
		s.Severity = alert.Page
	case "P3":
		s.Severity = alert.Ticket
	case "P4", "P5":
		s.Severity = alert.Info
	}
	for k, v := range map[string]string{
		"alias": clip(alias, 2048), "description": clip(o.Description, 15000), "tags": clip(strings.Join(o.Tags[:min(len(o.Tags), 20)], ","), 1020),
		"actions": clip(strings.Join(o.Actions[:min(len(o.Actions), 10)], ","), 600), "responders": named(o.Responders), "visible_to": named(o.VisibleTo),
	} {
		if v != "" {
			s.Annotations[k] = v
		}
	}
	if o.Note != "" {
		s.Annotations["note"] = o.noted(d.At)
	}
	if s.Severity == "" {
		s.Severity = alert.Ticket
	}
	fit(s.Annotations)
	b.add("", s)
	return b
}

// fit cuts the description, and then what else is long, until the inbox takes the
// annotations.
func fit(notes map[string]string) {
	const most, least = 56 << 10, 64
	size := 0
	for k, v := range notes {
		size += len(k) + len(v)
	}
	names := slices.SortedFunc(maps.Keys(notes), func(a, b string) int { return len(notes[b]) - len(notes[a]) })
	for _, k := range append([]string{"description"}, names...) {
		if over := size - most; over > 0 && len(notes[k]) > least {
			was := len(notes[k])
			notes[k] = clip(notes[k], max(least, was-over))
			size -= was - len(notes[k])
		}
	}
}

// named lists responders: "team ops, user aoi@example.com". Who is called is
// decided here, by rotas and escalations: these are to read.
func named(raw json.RawMessage) string {
	var all []struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Username string `json:"username"`
		Type     string `json:"type"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &all) != nil {
		return ""
	}
	var out []string
	for _, r := range all[:min(len(all), 50)] {
		out = append(out, strings.TrimSpace(r.Type+" "+first(r.Name, r.Username, r.ID)))
	}
	return clip(strings.Join(out, ", "), 4096)
}

// TinyID is a short number for an alert, as Opsgenie's API has one.
func TinyID(alertID string) string {
	h := fnv.New32a()
	h.Write([]byte(alertID))
	return strconv.FormatUint(uint64(h.Sum32()), 10)
}

// HeartbeatName is the name of the source that a heartbeat of Opsgenie's means: in
// lower case, with dashes.
func HeartbeatName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return strings.Trim(clip(name, 48), "-")
}
