package alertweb

import (
	"context"
	"net/http"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// AlertAnswer is one alert.
type AlertAnswer struct {
	Alert alert.Alert `json:"alert"`
}

// AlertList is one page of alerts, newest first.
type AlertList struct {
	Alerts []alert.Alert `json:"alerts"`
	Next   string        `json:"next,omitempty" doc:"The cursor of the next page: pass it as after."`
}

// AlertDetail is one alert with its history and its like.
type AlertDetail struct {
	Alert   alert.Alert    `json:"alert"`
	History []event.Record `json:"history" doc:"The log's records of the alert, the oldest first."`
	Similar []alert.Alert  `json:"similar" doc:"Earlier alerts of the same rule, the newest first."`
	Told
}

type (
	listIn struct {
		State    string `query:"state" enum:"open,acked,resolved,unresolved,all" default:"unresolved"`
		Severity string `query:"severity" enum:"page,ticket,info"`
		Service  string `query:"service" maxLength:"200"`
		Query    string `query:"q" maxLength:"200" doc:"Text in summary, rule or service."`
		After    string `query:"after" maxLength:"64"`
		Limit    int    `query:"limit" minimum:"1" maximum:"499" default:"100"`
	}
	oneIn struct {
		ID string `path:"id" maxLength:"64"`
	}
	judgeIn struct {
		ID   string `path:"id" maxLength:"64"`
		Body *alertActor
	}
	alertActor struct {
		As string `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
	}
	signalIn struct {
		Body struct {
			ID       string           `json:"id,omitempty" maxLength:"128" doc:"Names the signal: one that was taken before is not taken again. Without an id each request is a new signal, so a retry counts twice."`
			Firing   *bool            `json:"firing,omitempty" default:"true" doc:"false resolves the open alert of the same source, service and rule."`
			Source   string           `json:"source,omitempty" maxLength:"64" default:"api"`
			Service  string           `json:"service,omitempty" maxLength:"200" doc:"A service of the catalog. An unknown one is taken as it is."`
			Rule     string           `json:"rule" minLength:"1" maxLength:"200" doc:"What fired. Source, service and rule together name the alert."`
			Severity string           `json:"severity,omitempty" enum:"page,ticket,info" default:"page"`
			Summary  string           `json:"summary,omitempty" maxLength:"4096" doc:"One sentence for a person who was just woken."`
			Expr     string           `json:"expr,omitempty" maxLength:"8192"`
			Evidence []alert.Evidence `json:"evidence,omitempty" maxItems:"64" doc:"The values that made it fire, with their limits."`
			URL      string           `json:"url,omitempty" maxLength:"2048"`
			At       time.Time        `json:"at,omitzero" doc:"When it was measured; nothing means now."`
		}
	}
)

// as is the person named in the body, which need not be there.
func (a *alertActor) as() string {
	if a == nil {
		return ""
	}
	return a.As
}

// API registers the operations on alerts.
func API(a *httpd.API, d Deps) {
	JudgeAPI(a, d)
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "alert", Summary: summary} }
	httpd.Get(a, "/api/v1/alerts", op("list-alerts", "List alerts, the newest first"), d.apiList)
	httpd.Get(a, "/api/v1/alerts/{id}", op("get-alert", "An alert, its history and its like"), d.apiGet)
	httpd.Get(a, "/api/v1/alerts/{id}/explain", op("explain-alert", "Why an alert fired, which routes it matched, who was told and paged when"), func(ctx context.Context, in *oneIn) (Explained, error) {
		return d.explained(ctx, in.ID)
	})
	judge := func(verb, summary string, do func(context.Context, string, string, string) (alert.Alert, error)) {
		httpd.Post(a, "/api/v1/alerts/{id}/"+verb, op(verb+"-alert", summary), func(ctx context.Context, in *judgeIn) (AlertAnswer, error) {
			got, err := do(ctx, in.ID, auth.Actor(ctx, in.Body.as()), "api")
			return AlertAnswer{got}, err
		})
	}
	inboxAPI(a, d)
	judge("ack", "Take an alert", d.Inbox.Ack)
	judge("unack", "Give an alert back: nobody has it", d.Inbox.Unack)
	judge("resolve", "Close an alert by hand", d.Inbox.Resolve)
	httpd.Post(a, "/api/v1/signals", httpd.Op{
		ID: "send-signal", Tag: "alert", Access: httpd.Ingest, Status: http.StatusAccepted,
		Summary: "Report one signal; answered once it is on disk. Idempotent by id, and not without one",
	}, d.apiSignal)
}

func (d Deps) apiList(ctx context.Context, in *listIn) (AlertList, error) {
	q := alert.Query{Severity: alert.Severity(in.Severity), Service: in.Service, Text: in.Query, Before: in.After, Limit: in.Limit + 1}
	switch in.State {
	case "open", "acked", "resolved":
		q.State = alert.State(in.State)
	case "unresolved":
		q.Unresolved = true
	}
	rows, err := d.Inbox.Alerts(ctx, q)
	out := AlertList{Alerts: listed(rows)}
	if len(rows) > in.Limit {
		out.Alerts, out.Next = rows[:in.Limit], rows[in.Limit-1].ID
	}
	return out, err
}

func (d Deps) apiGet(ctx context.Context, in *oneIn) (AlertDetail, error) {
	a, err := d.Inbox.Alert(ctx, in.ID)
	if err != nil {
		return AlertDetail{}, err
	}
	past, err := d.similar(ctx, a)
	if err != nil {
		return AlertDetail{}, err
	}
	history, err := d.Events.Events(ctx, event.Query{Subjects: []string{alert.Subject(a.ID)}})
	if err != nil {
		return AlertDetail{}, err
	}
	told, err := d.told(ctx, a)
	return AlertDetail{Alert: a, History: listed(history), Similar: listed(past), Told: told}, err
}

func (d Deps) apiSignal(ctx context.Context, in *signalIn) (AlertAnswer, error) {
	b := in.Body
	s := alert.Signal{
		ID: b.ID, Firing: b.Firing == nil || *b.Firing, Source: b.Source, Service: b.Service, Rule: b.Rule, Severity: alert.Severity(b.Severity),
		Summary: b.Summary, Expr: b.Expr, Evidence: b.Evidence, URL: b.URL, At: b.At.UTC(),
	}
	now := d.Now().UTC()
	if s.ID == "" {
		s.ID = d.NewID()
	}
	if s.At.IsZero() {
		s.At = now
	}
	if s.At.After(now.Add(5 * time.Minute)) {
		return AlertAnswer{}, errs.New(errs.Invalid, "at: %s is more than five minutes ahead of this server's clock, %s", s.At.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	a, err := d.Inbox.Take(ctx, s)
	return AlertAnswer{a}, err
}

// listed makes an empty list of none, so that JSON says [] and not null.
func listed[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
