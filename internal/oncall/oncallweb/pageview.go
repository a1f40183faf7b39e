package oncallweb

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type pageInput struct {
	page    oncall.Page
	ledger  []oncall.Delivery
	records []event.Record
	alerts  []alert.Alert // that are not resolved
	service catalog.Service
	ahead   []oncall.Call // while nobody answers
	ends    time.Time     // when they end
	names   names
}

type pageView struct {
	Title      string
	Head       webkit.Head
	Href       string
	ActAs      webkit.ActAs
	CanAck     bool
	CanTake    bool // somebody has it, and another may take it over
	CanDecline bool
	Firing     int
	Next       string // whom the next step tells
	NextAt     time.Time
	Runbook    string
	Links      []catalog.Link
	Service    string
	Alerts     []alertLine
	Steps      []webkit.Step
	Ledger     []deliveryView
	Over       bool
	Panels     []webkit.Lazy
}

type alertLine struct {
	Href, Summary, Evidence string
	State                   webkit.State
	Since                   time.Time
}

type deliveryView struct {
	ID, Person, Device, Channel, Kind, Word, Error string
	Step, Attempts                                 int
	State                                          webkit.State
	At                                             time.Time
}

// lookPage is a page's state as pages show it.
func lookPage(p oncall.Page) webkit.State {
	switch p.State {
	case oncall.Calling, oncall.Unheard, oncall.NoPolicy:
		return webkit.Firing
	case oncall.Answered:
		return webkit.Warning
	case oncall.Closed:
	}
	return webkit.OK
}

func viewPage(ctx context.Context, in pageInput) pageView {
	p := in.page
	v := pageView{
		Title: webkit.T(ctx, "oncall.page.title", p.Service), Href: pageHref(p.ID), Service: p.Service, Firing: p.Firing,
		CanAck: p.State != oncall.Closed && p.State != oncall.Answered, CanTake: p.State == oncall.Answered,
		CanDecline: p.State == oncall.Calling, Runbook: webLink(in.service.Runbook), Over: p.State == oncall.Closed,
		Steps: viewSteps(ctx, in),
	}
	for _, l := range in.service.Links {
		if webLink(l.URL) != "" {
			v.Links = append(v.Links, l)
		}
	}
	for _, s := range v.Steps {
		if s.Current {
			v.Next, v.NextAt = strings.Join(s.Targets, webkit.T(ctx, "oncall.and")), s.At
		}
	}
	v.Head = webkit.Head{State: lookPage(p), Title: p.Service, Sentence: p.Summary, Detail: standing(ctx, in)}
	if v.Head.Sentence == "" {
		v.Head.Sentence = v.Title
	}
	for _, a := range in.alerts {
		line := alertLine{Href: "/alerts/" + url.PathEscape(a.ID), Summary: a.Summary, State: webkit.Firing, Since: a.OpenedAt}
		if a.State() == alert.Held {
			line.State = webkit.Warning
		}
		var measured []string
		for _, e := range a.Evidence {
			measured = append(measured, strings.TrimSpace(e.Name+" "+e.Value))
		}
		line.Evidence = strings.Join(measured, " · ")
		v.Alerts = append(v.Alerts, line)
	}
	for _, d := range in.ledger {
		v.Ledger = append(v.Ledger, viewDelivery(ctx, d, in.names))
	}
	return v
}

// webLink is a link that a browser may follow, or "".
func webLink(u string) string {
	if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") || strings.HasPrefix(u, "/") {
		return u
	}
	return ""
}

// standing says in one line how the page stands.
func standing(ctx context.Context, in pageInput) string {
	p := in.page
	open := took(ctx, webkit.Now(ctx).Sub(p.OpenedAt))
	switch p.State {
	case oncall.Calling:
		return webkit.T(ctx, "oncall.standing.calling", open)
	case oncall.Answered:
		return webkit.T(ctx, "oncall.standing.answered", in.names.of(p.AckedBy), took(ctx, p.AckedAt.Sub(p.OpenedAt)))
	case oncall.Unheard:
		switch {
		case p.Refused():
			return webkit.T(ctx, "oncall.standing.refused", open)
		case !p.StepAt.IsZero():
			return webkit.T(ctx, "oncall.standing.looking", open)
		}
		return webkit.T(ctx, "oncall.standing.unheard", open)
	case oncall.NoPolicy:
		return webkit.T(ctx, "oncall.standing.nopolicy")
	case oncall.Closed:
	}
	open = took(ctx, p.ClosedAt.Sub(p.OpenedAt))
	if p.AckedBy != "" {
		return webkit.T(ctx, "oncall.standing.closed", p.ClosedAt, open, in.names.of(p.AckedBy))
	}
	return webkit.T(ctx, "oncall.standing.closed.alone", p.ClosedAt, open)
}

// took is a length of time in whole seconds.
func took(ctx context.Context, d time.Duration) string {
	if d = d.Round(time.Second); d < time.Second {
		return webkit.T(ctx, "oncall.instant")
	}
	return webkit.Duration(ctx, d)
}

func viewDelivery(ctx context.Context, d oncall.Delivery, n names) deliveryView {
	v := deliveryView{
		ID: d.ID, Person: n.of(d.Person), Device: d.Device, Channel: d.Channel, Kind: webkit.T(ctx, "oncall.kind."+string(d.Kind)),
		Word: webkit.T(ctx, "oncall.delivery."+string(d.State)), Error: d.Error, Step: d.Step + 1, Attempts: d.Attempts, At: d.SentAt,
	}
	switch d.State {
	case oncall.Sent, oncall.Arrived, oncall.Read, oncall.Bundled:
		v.State = webkit.OK
	case oncall.Failed:
		v.State, v.At = webkit.Firing, d.DueAt
	case oncall.Cancelled:
		v.State = webkit.Muted
	case oncall.Pending:
		v.State, v.At = webkit.Unknown, d.DueAt
	}
	return v
}

// viewSteps are the steps that fired, from the log, and those that will call
// somebody while nobody answers.
func viewSteps(ctx context.Context, in pageInput) []webkit.Step {
	var out []webkit.Step
	for _, r := range in.records {
		if s, ok := firedStep(ctx, r, in); ok {
			out = append(out, s)
		}
	}
	if in.page.State != oncall.Calling || in.ends.IsZero() {
		return out
	}
	return append(out, viewAhead(ctx, in, 40-len(out))...)
}

// viewAhead are at most n steps that will call somebody, and the end.
func viewAhead(ctx context.Context, in pageInput, n int) (out []webkit.Step) {
	for i, c := range in.ahead {
		same := func(o oncall.Call) bool { return o.Step == c.Step && o.Round == c.Round }
		if slices.ContainsFunc(in.ahead[:i], same) || len(out) >= n {
			continue
		}
		after := c.After
		var people []string
		for _, o := range in.ahead[i:] {
			if same(o) && o.Kind == oncall.KindPage && !slices.Contains(people, o.Person) {
				people = append(people, o.Person)
			}
			if same(o) {
				after = min(after, o.After)
			}
		}
		view := webkit.Step{After: after, Targets: in.names.all(people), At: in.page.OpenedAt.Add(after), Current: i == 0}
		if c.Step == 0 && c.Round > 0 {
			view.Text = webkit.T(ctx, "oncall.step.round", c.Round+1)
		}
		out = append(out, view)
	}
	return append(out, webkit.Step{After: in.ends.Sub(in.page.OpenedAt), Text: webkit.T(ctx, "oncall.step.end"), At: in.ends, Current: len(in.ahead) == 0})
}

func firedStep(ctx context.Context, r event.Record, in pageInput) (webkit.Step, bool) {
	s := webkit.Step{After: max(0, r.At.Sub(in.page.OpenedAt)).Round(time.Second), At: r.At, State: webkit.OK}
	who := in.names.of(strings.TrimPrefix(r.Actor, "person/"))
	switch r.Name {
	case "oncall.step_fired":
		var e oncall.StepFired
		if err := json.Unmarshal(r.Payload, &e); err != nil {
			return s, false // of another version: the log itself still has it
		}
		s.Targets, s.State = in.names.all(e.People), webkit.Muted
		switch {
		case len(e.People) == 0:
			s.State, s.Text = webkit.Firing, webkit.T(ctx, "oncall.step.nobody")
		case e.Devices == 0:
			s.State, s.Text = webkit.Firing, webkit.T(ctx, "oncall.step.nodevice")
		default:
			s.Text = webkit.T(ctx, "oncall.step.told", e.Devices)
		}
	case "oncall.acked":
		s.Targets, s.Text = []string{who}, webkit.T(ctx, "oncall.step.acked")
	case "oncall.declined":
		s.Targets, s.State, s.Text = []string{who}, webkit.Warning, webkit.T(ctx, "oncall.step.declined")
	case "oncall.alert_joined":
		var e oncall.AlertJoined
		_ = json.Unmarshal(r.Payload, &e) // a payload of another version has no summary to show
		s.State, s.Text = webkit.Warning, webkit.T(ctx, "oncall.step.joined", e.Summary)
	case "oncall.exhausted":
		s.State, s.Text = webkit.Firing, webkit.T(ctx, "oncall.step.exhausted")
	case "oncall.page_closed":
		s.Text = webkit.T(ctx, "oncall.step.closed")
	default:
		return rarerStep(ctx, r, in, s)
	}
	return s, true
}

// rarerStep is a step of a page whose policy has conditions, several who must
// answer or somebody who learns; s has its time.
func rarerStep(ctx context.Context, r event.Record, in pageInput, s webkit.Step) (webkit.Step, bool) {
	switch r.Name {
	case "oncall.page_joined":
		var e oncall.PageJoined
		_ = json.Unmarshal(r.Payload, &e) // as in firedStep
		s.Targets, s.Text = []string{in.names.of(e.By)}, webkit.T(ctx, "oncall.step.waiting", e.Answered, e.Needed)
	case "oncall.shadow_acked":
		s.Targets, s.State, s.Text = []string{in.names.of(strings.TrimPrefix(r.Actor, "person/"))}, webkit.Muted, webkit.T(ctx, "oncall.step.shadowed")
	case "oncall.retriggered":
		var e oncall.Retriggered
		_ = json.Unmarshal(r.Payload, &e) // as in firedStep
		s.State, s.Text = webkit.Firing, webkit.T(ctx, "oncall.step.again", webkit.T(ctx, "oncall.again."+e.Reason))
	case "oncall.step_passed":
		var e oncall.StepPassed
		_ = json.Unmarshal(r.Payload, &e) // as in firedStep
		s.State, s.Text = webkit.Muted, webkit.T(ctx, "oncall.step.passed", e.Step+1)
	case "oncall.step_put_off":
		var e oncall.StepPutOff
		_ = json.Unmarshal(r.Payload, &e) // as in firedStep
		s.State, s.Text = webkit.Muted, webkit.T(ctx, "oncall.step.putoff", e.Step+1)
	default:
		return s, false
	}
	return s, true
}

type pagesView struct {
	Head  webkit.Head
	Open  []pageRow
	Past  []pageRow
	Next  string
	Empty bool
}

type pageRow struct {
	ID, Href, Service, Summary, Word, Who string
	State                                 webkit.State
	Since                                 time.Time
	Answered, Took                        string
}

func viewPageRow(ctx context.Context, p oncall.Page, n names) pageRow {
	r := pageRow{
		ID: p.ID, Href: pageHref(p.ID), Service: p.Service, Summary: p.Summary, Word: webkit.T(ctx, "oncall.state."+string(p.State)), Who: n.of(p.AckedBy),
		State: lookPage(p), Since: p.OpenedAt, Answered: "—", Took: "—",
	}
	if !p.AckedAt.IsZero() {
		r.Answered = took(ctx, p.AckedAt.Sub(p.OpenedAt))
	}
	if !p.ClosedAt.IsZero() {
		r.Took = took(ctx, p.ClosedAt.Sub(p.OpenedAt))
	}
	return r
}

func viewPages(ctx context.Context, open, all []oncall.Page, next string, n names) pagesView {
	v := pagesView{Next: next, Empty: len(open)+len(all) == 0}
	seen, waiting := map[string]bool{}, 0
	for _, p := range open {
		seen[p.ID] = true
		if p.State != oncall.Answered {
			waiting++
		}
		v.Open = append(v.Open, viewPageRow(ctx, p, n))
	}
	for _, p := range all {
		if !seen[p.ID] {
			v.Past = append(v.Past, viewPageRow(ctx, p, n))
		}
	}
	switch {
	case waiting > 0:
		v.Head = webkit.Head{State: webkit.Firing, Sentence: webkit.T(ctx, "oncall.pages.waiting", waiting)}
	case len(open) > 0:
		v.Head = webkit.Head{State: webkit.Warning, Sentence: webkit.T(ctx, "oncall.pages.held", len(open))}
	default:
		v.Head = webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "oncall.pages.quiet")}
	}
	return v
}
