package alertweb

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type detailView struct {
	Head      webkit.Head
	Href      string
	CanAck    bool
	CanUnack  bool
	CanEnd    bool
	ActAs     webkit.ActAs
	Judge     judgeView
	Expr      string
	Evidence  []alert.Evidence
	Limits    bool // some evidence has a limit
	Details   bool
	Facts     []webkit.Pair
	Panels    []webkit.Lazy
	History   []webkit.Entry
	Similar   []similarView
	Habit     string // what the past says, with its n
	Elsewhere bool   // some of the past is of other services
	Told      toldView
}

type similarView struct {
	ID, Href, Service, Who string
	State                  webkit.State
	At                     time.Time
	Acked, Took            string
}

func viewDetail(ctx context.Context, a alert.Alert, past []alert.Alert, history []event.Record, names map[string]string) detailView {
	v := detailView{
		Href: "/alerts/" + url.PathEscape(a.ID), CanAck: a.State() == alert.Open, CanUnack: a.State() == alert.Held, CanEnd: a.State() != alert.Resolved && a.ClosedByHand() && auth.MayAct(ctx),
		Expr: a.Expr, Evidence: a.Evidence, Facts: viewFacts(ctx, a, names), Habit: habit(ctx, past),
	}
	v.Limits = slices.ContainsFunc(a.Evidence, func(e alert.Evidence) bool { return e.Limit != "" })
	v.Details = slices.ContainsFunc(a.Evidence, func(e alert.Evidence) bool { return e.Detail != "" })
	sentence := a.Summary
	if sentence == "" {
		sentence = a.Rule
	}
	v.Head = webkit.Head{State: look(a), Title: strings.Trim(a.Service+" · "+a.Rule, " ·"), Sentence: sentence, Detail: standing(ctx, a, names)}
	for _, r := range history {
		v.History = append(v.History, entry(ctx, r, names))
	}
	for _, p := range past {
		s := similarView{ID: p.ID, Href: "/alerts/" + url.PathEscape(p.ID), Service: p.Service, State: look(p), At: p.OpenedAt, Who: nameOf(names, p.AckedBy), Acked: "—", Took: "—"}
		if !p.AckedAt.IsZero() {
			s.Acked = webkit.Duration(ctx, max(0, p.AckedAt.Sub(p.OpenedAt)))
		}
		if p.State() == alert.Resolved {
			s.Took = webkit.Duration(ctx, p.ResolvedAt.Sub(p.OpenedAt))
		}
		v.Elsewhere = v.Elsewhere || p.Service != a.Service
		v.Similar = append(v.Similar, s)
	}
	return v
}

// standing says in one line how the alert stands.
func standing(ctx context.Context, a alert.Alert, names map[string]string) string {
	now := webkit.Now(ctx)
	switch a.State() {
	case alert.Resolved:
		took := webkit.Duration(ctx, a.ResolvedAt.Sub(a.OpenedAt))
		if a.ResolvedBy != "" {
			return webkit.T(ctx, "alerts.standing.closed", nameOf(names, a.ResolvedBy), a.ResolvedAt, took)
		}
		return webkit.T(ctx, "alerts.standing.resolved", a.ResolvedAt, took)
	case alert.Held:
		return webkit.T(ctx, "alerts.standing.held", nameOf(names, a.AckedBy), a.AckedAt, webkit.Duration(ctx, now.Sub(a.OpenedAt)))
	case alert.Open:
	}
	return webkit.T(ctx, "alerts.standing.open", webkit.Duration(ctx, now.Sub(a.OpenedAt)))
}

func viewFacts(ctx context.Context, a alert.Alert, names map[string]string) []webkit.Pair {
	key := func(k string) string { return webkit.T(ctx, "alerts.fact."+k) }
	facts := []webkit.Pair{
		{Key: key("state"), Body: webkit.Status(look(a), webkit.T(ctx, "alerts.state."+string(a.State())))},
		{Key: key("severity"), Value: webkit.T(ctx, "alerts.severity."+string(a.Severity)), Definition: webkit.T(ctx, "alerts.section."+string(a.Severity)+".explain")},
	}
	if a.Service != "" {
		facts = append(facts, webkit.Pair{Key: key("service"), Value: a.Service, Href: "/services/" + url.PathEscape(a.Service)})
	}
	rule := webkit.Pair{Key: key("rule"), Value: a.Rule}
	if strings.HasPrefix(a.URL, "/") || strings.HasPrefix(a.URL, "http://") || strings.HasPrefix(a.URL, "https://") {
		rule.Href = a.URL
	}
	facts = append(facts, rule, webkit.Pair{Key: key("source"), Value: a.Source},
		webkit.Pair{Key: key("opened"), Body: webkit.Time(a.OpenedAt)},
		webkit.Pair{Key: key("last"), Body: webkit.Time(a.LastAt)},
		webkit.Pair{Key: key("count"), Value: webkit.Number(ctx, int64(a.Count)), Definition: key("count.means")})
	if a.AckedBy != "" {
		facts = append(facts, webkit.Pair{Key: key("who"), Value: nameOf(names, a.AckedBy)})
	}
	return append(facts, webkit.Pair{Key: key("log"), Value: webkit.T(ctx, "alerts.fact.log.link"), Href: "/log?subject=" + url.QueryEscape(alert.Subject(a.ID))})
}

// habit says what people did before: medians, with their n.
func habit(ctx context.Context, past []alert.Alert) string {
	var acked, took []time.Duration
	for _, p := range past {
		if !p.AckedAt.IsZero() {
			acked = append(acked, max(0, p.AckedAt.Sub(p.OpenedAt)))
		}
		if p.State() == alert.Resolved {
			took = append(took, p.ResolvedAt.Sub(p.OpenedAt))
		}
	}
	if len(took) == 0 {
		return ""
	}
	if len(acked) == 0 {
		return webkit.T(ctx, "alerts.habit.unanswered", len(took), webkit.Duration(ctx, median(took)))
	}
	return webkit.T(ctx, "alerts.habit", len(took), webkit.Duration(ctx, median(took)), len(acked), webkit.Duration(ctx, median(acked)))
}

// median is the lower middle value: one that did happen.
func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[(len(ds)-1)/2]
}

// entry tells one record of the log.
func entry(ctx context.Context, r event.Record, names map[string]string) webkit.Entry {
	var p struct {
		By           string         `json:"by"`
		Summary      string         `json:"summary"`
		From         alert.Severity `json:"from"`
		Severity     alert.Severity `json:"severity"`
		FromWord     string         `json:"from_word"`
		Word         string         `json:"word"`
		AfterSeconds float64        `json:"after_seconds"`
		OpenSeconds  float64        `json:"open_seconds"`
		Verdict      alert.Verdict  `json:"verdict"`
		Note         string         `json:"note"`
	}
	_ = json.Unmarshal(r.Payload, &p) // a payload of another version tells less, and is still shown
	seconds := func(s float64) string {
		return webkit.Duration(ctx, time.Duration(s*float64(time.Second)).Round(time.Second))
	}
	e := webkit.Entry{ID: "e" + r.ID, At: r.At, Icon: "alerts", Source: r.Source, Actor: nameOf(names, strings.TrimPrefix(personOf(r.Actor), "person/"))}
	switch r.Name {
	case "alert.fired":
		e.State, e.Text = webkit.Firing, webkit.T(ctx, "alerts.event.fired", p.Summary)
	case "alert.raised":
		e.State, e.Text = webkit.Firing, webkit.T(ctx, "alerts.event.raised", severityWord(ctx, p.From), severityWord(ctx, p.Severity))
		if p.From == p.Severity {
			e.Text = webkit.T(ctx, "alerts.event.raised", cmp.Or(p.FromWord, severityWord(ctx, p.From)), p.Word)
		}
	case "alert.acked":
		e.Icon, e.Text = "check", webkit.T(ctx, "alerts.event.acked", seconds(p.AfterSeconds))
	case "alert.unacked":
		e.State, e.Text = webkit.Warning, webkit.T(ctx, "alerts.event.unacked")
	case "alert.resolved":
		e.State, e.Text = webkit.OK, webkit.T(ctx, "alerts.event.resolved", seconds(p.OpenSeconds))
	case "alert.judged":
		e.Icon, e.Text = "check", webkit.T(ctx, "judge.event", verdictWord(ctx, p.Verdict), p.Note)
	default:
		e.Text = r.Name
	}
	return e
}

func severityWord(ctx context.Context, s alert.Severity) string {
	if s == "" {
		return ""
	}
	return webkit.T(ctx, "alerts.severity."+string(s))
}

// personOf is the actor where it is a person.
func personOf(actor string) string {
	if strings.HasPrefix(actor, "person/") {
		return actor
	}
	return ""
}

type panelView struct {
	Service string
	Open    []rowView
	Past    []rowView
	All     string
}

func viewPanel(ctx context.Context, service string, open, past []alert.Alert, names map[string]string) panelView {
	v := panelView{Service: service, All: "/alerts?state=all&service=" + url.QueryEscape(service)}
	for _, a := range open {
		v.Open = append(v.Open, viewRow(ctx, a, names, ""))
	}
	for _, a := range past {
		v.Past = append(v.Past, viewRow(ctx, a, names, ""))
	}
	return v
}

// withActions is the head with its buttons; an alert that is over has none, nor has it any for who only looks.
func withActions(v detailView) webkit.Head {
	if v.Told.Silence != "" {
		v.Head.Actions = actions(v)
	}
	return v.Head
}

func similarColumns(ctx context.Context, elsewhere bool) []webkit.ColumnHead {
	out := []webkit.ColumnHead{{Text: webkit.T(ctx, "alerts.col.opened")}}
	if elsewhere {
		out = append(out, webkit.ColumnHead{Text: webkit.T(ctx, "alerts.col.service"), Wide: true})
	}
	return append(out,
		webkit.ColumnHead{Text: webkit.T(ctx, "alerts.col.acked"), Number: true}, webkit.ColumnHead{Text: webkit.T(ctx, "alerts.col.took"), Number: true},
		webkit.ColumnHead{Text: webkit.T(ctx, "alerts.col.who"), Wide: true})
}
