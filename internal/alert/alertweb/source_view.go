package alertweb

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// sourceForm is what somebody typed of a source.
type sourceForm struct {
	Name, Service, Severity, Every, Silence, Secret string
	Mapping                                         ingest.Mapping
}

type sourceListView struct {
	Head   webkit.Head
	Rows   []sourceRowView
	Lesson webkit.Lesson
	New    bool // a button to make one
}

type sourceRowView struct {
	Name, Href, Kind, Word, Accepted, Refused string
	State                                     webkit.State
	Heard                                     time.Time
}

type newSourceView struct {
	Head  webkit.Head
	Kinds []kindView // to choose from, where none is chosen
	Kind  ingest.Kind
	Wrong string
	Form  *sourceFormView
}

type kindView struct{ Name, Text, Href string }

// sourceFormView are the fields of a form.
type sourceFormView struct {
	Fields  []webkit.Input
	Mapping []webkit.Input
}

// Services offers the services of the catalog.
func (f *sourceFormView) Services(all []webkit.Choice) {
	if f == nil {
		return
	}
	for i, in := range f.Fields {
		if in.Name != "service" {
			continue
		}
		known := in.Value == ""
		for _, c := range all {
			known = known || c.Value == in.Value
		}
		if !known {
			all = append(all, webkit.Choice{Value: in.Value, Text: in.Value})
		}
		f.Fields[i].Choices = slices.Concat(in.Choices, all)
	}
}

type sourceView struct {
	Head     webkit.Head
	Href     string
	Waiting  bool
	MayAct   bool
	Paused   bool
	Paste    string // what to do with the snippets
	Snippets []webkit.Pair
	Facts    []webkit.Pair
	Payloads []payloadView
	Mapped   bool // it has a mapping
	Form     *sourceFormView
	Wrong    string
	Tried    *trialView
	Choices  webkit.Input // of payloads to try
	Typed    webkit.Input
}

type payloadView struct {
	ID, Size, Taken, Refused, Body string
	State                          webkit.State
	Word                           string
	At                             time.Time
	Alerts                         []webkit.Choice // href and text
	Reasons                        []string
	Notes                          []string
}

type trialView struct {
	Problem string
	Signals []triedView
	Reasons []string
	Body    string
}

// triedView is a signal that a mapping would make.
type triedView struct {
	Word, Rule, Service, Key, Severity, Summary, Labels string
	State                                               webkit.State
}

func sourceLook(s ingest.State) webkit.State {
	switch s {
	case ingest.Heard:
		return webkit.OK
	case ingest.Silent:
		return webkit.Firing
	case ingest.Paused:
		return webkit.Muted
	case ingest.Waiting:
	}
	return webkit.Unknown
}

func standingOf(ctx context.Context, s ingest.Source) string {
	switch s.State() {
	case ingest.Heard:
		return webkit.T(ctx, "sources.state.heard", webkit.Relative(ctx, s.HeardAt))
	case ingest.Silent:
		return webkit.T(ctx, "sources.state.silent", webkit.Relative(ctx, s.SilentAt))
	case ingest.Paused:
		return webkit.T(ctx, "sources.state.paused", webkit.Relative(ctx, s.PausedAt))
	case ingest.Waiting:
	}
	return webkit.T(ctx, "sources.state.waiting")
}

func viewSources(ctx context.Context, all []ingest.Source) sourceListView {
	v := sourceListView{New: auth.MayAct(ctx)}
	silent, waiting := 0, 0
	for _, s := range all {
		switch s.State() {
		case ingest.Silent:
			silent++
		case ingest.Waiting:
			waiting++
		case ingest.Heard, ingest.Paused:
		}
		v.Rows = append(v.Rows, sourceRowView{
			Name: s.Name, Href: sourceHref(s.Name), Kind: webkit.T(ctx, "sources.kind."+string(s.Kind)), State: sourceLook(s.State()), Word: standingOf(ctx, s),
			Heard: s.HeardAt, Accepted: webkit.Number(ctx, s.Accepted), Refused: webkit.Number(ctx, s.Refused),
		})
	}
	v.Head = webkit.Head{Title: webkit.T(ctx, "sources.title"), State: webkit.OK, Sentence: webkit.T(ctx, "sources.head.all", len(all))}
	switch {
	case len(all) == 0:
		v.Head.State, v.Head.Sentence = webkit.Unknown, webkit.T(ctx, "sources.head.none")
		v.Lesson = webkit.Lesson{Title: webkit.T(ctx, "sources.empty.title"), Text: webkit.T(ctx, "sources.empty.text")}
	case silent > 0:
		v.Head.State, v.Head.Sentence = webkit.Firing, webkit.T(ctx, "sources.head.silent", silent)
	case waiting > 0:
		v.Head.State, v.Head.Sentence = webkit.Unknown, webkit.T(ctx, "sources.head.waiting", waiting)
	}
	return v
}

func viewNewSource(ctx context.Context, kind ingest.Kind, f sourceForm, wrong string) newSourceView {
	v := newSourceView{Head: webkit.Head{Title: webkit.T(ctx, "sources.title"), Sentence: webkit.T(ctx, "sources.new")}, Wrong: wrong}
	for _, k := range ingest.Kinds() {
		v.Kinds = append(v.Kinds, kindView{Name: webkit.T(ctx, "sources.kind."+string(k)), Text: webkit.T(ctx, "sources.about."+string(k)), Href: "/sources/new?kind=" + url.QueryEscape(string(k))})
		if k == kind {
			v.Kind = k
		}
	}
	if v.Kind == "" {
		v.Head.Detail = webkit.T(ctx, "sources.new.choose")
		return v
	}
	v.Head.Sentence = webkit.T(ctx, "sources.new.of", webkit.T(ctx, "sources.kind."+string(kind)))
	v.Head.Detail = webkit.T(ctx, "sources.about."+string(kind))
	if f.Name == "" && wrong == "" {
		f.Name = string(kind)
		if kind == ingest.Heartbeat {
			f.Name, f.Every = "", "1h"
		}
	}
	v.Form = viewSourceForm(ctx, kind, f)
	v.Form.Fields = append([]webkit.Input{{Name: "name", Label: webkit.T(ctx, "sources.name"), Help: webkit.T(ctx, "sources.name.help"), Value: f.Name, Required: true, Autofocus: true, Complete: "off"}}, v.Form.Fields...)
	return v
}

func viewSourceForm(ctx context.Context, kind ingest.Kind, f sourceForm) *sourceFormView {
	t := func(k string) string { return webkit.T(ctx, "sources."+k) }
	var severities []webkit.Choice
	for _, s := range []alert.Severity{alert.Page, alert.Ticket, alert.Info} {
		severities = append(severities, webkit.Choice{Value: string(s), Text: severityWord(ctx, s)})
	}
	or := func(v string) string {
		if v == "" {
			return string(alert.Ticket)
		}
		return v
	}
	out := &sourceFormView{Fields: []webkit.Input{
		{Name: "service", Label: t("service"), Help: t("service.help"), Value: f.Service, Type: "select", Choices: []webkit.Choice{{Text: t("service.none")}}},
	}}
	if kind != ingest.Heartbeat && kind != ingest.CloudWatchStream {
		out.Fields = append(out.Fields, webkit.Input{Name: "severity", Label: t("severity"), Help: t("severity.help"), Value: or(f.Severity), Type: "select", Choices: severities})
	}
	if kind.Signs() {
		out.Fields = append(out.Fields, webkit.Input{Name: "secret", Label: t("secret"), Help: t("secret.help"), Type: "password", Complete: "off"})
	}
	out.Fields = append(out.Fields,
		webkit.Input{Name: "every", Label: t("every"), Help: t("every.help"), Value: f.Every, Placeholder: "15m", Required: kind == ingest.Heartbeat, Complete: "off"},
		webkit.Input{Name: "silence", Label: t("silence"), Value: or(f.Silence), Type: "select", Choices: severities})
	if kind == ingest.Generic {
		out.Mapping = viewMapping(ctx, f.Mapping)
	}
	return out
}

func viewMapping(ctx context.Context, m ingest.Mapping) []webkit.Input {
	def := ingest.DefaultMapping()
	in := func(name, value, usual string) webkit.Input {
		return webkit.Input{Name: "m_" + name, Label: webkit.T(ctx, "sources.map."+name), Value: value, Placeholder: usual, Complete: "off"}
	}
	return []webkit.Input{
		in("each", m.Each, def.Each), in("firing", m.Firing, def.Firing), in("rule", m.Rule, def.Rule), in("service", m.Service, def.Service), in("key", m.Key, def.Key),
		in("severity", m.Severity, def.Severity), in("summary", m.Summary, def.Summary), in("labels", m.Labels, def.Labels), in("url", m.URL, def.URL),
	}
}

// every writes a duration as people type it: 5m and not 5m0s.
func every(d ingest.Duration) string {
	if d == 0 {
		return ""
	}
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func viewSource(ctx context.Context, d SourceDetail, ask pageAsk) sourceView {
	s := d.Source
	v := sourceView{Href: sourceHref(s.Name), MayAct: auth.MayAct(ctx), Paused: d.State == ingest.Paused, Waiting: d.State == ingest.Waiting, Mapped: s.Kind == ingest.Generic, Wrong: ask.wrong, Tried: ask.tried}
	kind := webkit.T(ctx, "sources.kind."+string(s.Kind))
	v.Head = webkit.Head{State: sourceLook(d.State), Title: s.Name + " · " + kind, Sentence: standingOf(ctx, s), Detail: webkit.T(ctx, "sources.counts", s.Accepted, s.Refused)}
	v.Paste = webkit.T(ctx, "sources.paste."+string(s.Kind))
	for _, n := range d.Snippets {
		v.Snippets = append(v.Snippets, webkit.Pair{Key: n.Name, Value: n.Text})
	}
	v.Facts = sourceFacts(ctx, d)
	for _, p := range d.Payloads {
		v.Payloads = append(v.Payloads, viewPayload(ctx, p))
	}
	f := sourceForm{Service: s.Service, Severity: string(s.Severity), Every: every(s.Every), Silence: string(s.Silence), Mapping: s.Mapping}
	if ask.form != nil {
		mapped := f.Mapping
		f = *ask.form
		if ask.tried == nil && f.Mapping == (ingest.Mapping{}) {
			f.Mapping = mapped
		}
		if ask.tried != nil {
			f.Service, f.Severity, f.Every, f.Silence = s.Service, string(s.Severity), every(s.Every), string(s.Silence)
		}
	}
	v.Form = viewSourceForm(ctx, s.Kind, f)
	v.Choices = webkit.Input{Name: "payload_id", Label: webkit.T(ctx, "sources.try.payload"), Type: "select"}
	for _, p := range d.Payloads {
		v.Choices.Choices = append(v.Choices.Choices, webkit.Choice{Value: p.ID, Text: webkit.Stamp(ctx, p.At)})
	}
	v.Typed = webkit.Input{Name: "payload", Label: webkit.T(ctx, "sources.try.typed"), Type: "textarea", Rows: 6}
	return v
}

func sourceFacts(ctx context.Context, d SourceDetail) []webkit.Pair {
	s := d.Source
	t := func(k string) string { return webkit.T(ctx, "sources."+k) }
	out := []webkit.Pair{{Key: t("fact.kind"), Value: webkit.T(ctx, "sources.kind."+string(s.Kind))}}
	if s.Service != "" {
		out = append(out, webkit.Pair{Key: t("service"), Value: s.Service, Href: "/services/" + url.PathEscape(s.Service)})
	}
	out = append(out, webkit.Pair{Key: t("fact.heard"), Body: webkit.Ago(s.HeardAt)})
	if s.Every != 0 {
		out = append(out, webkit.Pair{Key: t("fact.every"), Value: webkit.Duration(ctx, time.Duration(s.Every))})
		if s.SilentAt.IsZero() && !d.DueAt.IsZero() {
			out = append(out, webkit.Pair{Key: t("fact.due"), Body: webkit.Time(d.DueAt)})
		}
	}
	return append(out,
		webkit.Pair{Key: t("fact.accepted"), Value: webkit.Number(ctx, s.Accepted), Definition: t("fact.accepted.means")},
		webkit.Pair{Key: t("fact.refused"), Value: webkit.Number(ctx, s.Refused), Definition: t("fact.refused.means")},
		webkit.Pair{Key: t("fact.created"), Body: webkit.Time(s.CreatedAt)})
}

func viewPayload(ctx context.Context, p SourcePayload) payloadView {
	v := payloadView{ID: p.ID, At: p.At, Size: webkit.Number(ctx, int64(p.Size)), Taken: webkit.Number(ctx, int64(p.Taken)), Refused: webkit.Number(ctx, int64(p.Lost)), Body: pretty(p.Body), Notes: p.Notes}
	v.State, v.Word = webkit.OK, webkit.T(ctx, "sources.became.taken", p.Taken)
	switch {
	case p.Lost > 0 && p.Taken == 0:
		v.State, v.Word = webkit.Firing, webkit.T(ctx, "sources.became.refused")
	case p.Lost > 0:
		v.State, v.Word = webkit.Warning, webkit.T(ctx, "sources.became.partly", p.Taken, p.Lost)
	case p.Taken == 0:
		v.State, v.Word = webkit.Muted, webkit.T(ctx, "sources.became.nothing")
	}
	for i, id := range p.Alerts {
		if i < 5 {
			v.Alerts = append(v.Alerts, webkit.Choice{Value: "/alerts/" + url.PathEscape(id), Text: webkit.T(ctx, "sources.alert", i+1)})
		}
	}
	v.Reasons = reasons(p.Refused)
	return v
}

func reasons(all []ingest.Refusal) (out []string) {
	for _, r := range all {
		out = append(out, strings.TrimPrefix(r.Path+": "+r.Reason, ": "))
	}
	return out
}

// pretty indents JSON; what is none is shown as it is.
func pretty(body string) string {
	var b bytes.Buffer
	if len(body) < 32<<10 && json.Indent(&b, []byte(body), "", "  ") == nil {
		return b.String()
	}
	return body
}

func viewTrial(ctx context.Context, t SourceTrial, body string, err error) *trialView {
	v := &trialView{Body: pretty(body), Reasons: reasons(t.Refused)}
	if err != nil {
		v.Problem = err.Error()
	}
	for _, s := range t.Signals {
		row := triedView{State: webkit.Firing, Word: webkit.T(ctx, "sources.try.firing"), Rule: s.Rule, Service: s.Service, Key: s.Key, Severity: severityWord(ctx, s.Severity), Summary: s.Summary}
		if !s.Firing {
			row.State, row.Word = webkit.OK, webkit.T(ctx, "alerts.state.resolved")
		}
		if b, err := json.Marshal(s.Labels); err == nil && len(s.Labels) > 0 {
			row.Labels = string(b)
		}
		v.Signals = append(v.Signals, row)
	}
	return v
}

func withNew(v sourceListView) webkit.Head {
	if v.New {
		v.Head.Actions = newSourceButton()
	}
	return v.Head
}

func withSourceActions(v sourceView) webkit.Head {
	if v.MayAct {
		v.Head.Actions = sourceActions(v)
	}
	return v.Head
}

// withLinks adds to the inbox's head the pages that stand beside it.
func withLinks(h webkit.Head) webkit.Head {
	h.Actions = inboxLinks()
	return h
}
