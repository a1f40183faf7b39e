package oncallweb

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// OnCallState is who is on call now, who is next, and where nobody will be.
type OnCallState struct {
	Rotas []oncall.Now `json:"rotas"`
	Gaps  []OnCallGap  `json:"gaps" doc:"Of the next seven days."`
}

// OnCallGap is a stretch of time with nobody on call.
type OnCallGap struct {
	Rota  string    `json:"rota"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// OnCallSchedule is the turns of every rota over a stretch of time.
type OnCallSchedule struct {
	Turns     map[string][]oncall.Turn `json:"turns" doc:"By rota, without a hole; a turn without a person is a gap."`
	Overrides []oncall.Override        `json:"overrides"`
}

// SimulatedPage is what would happen if a service fired now.
type SimulatedPage struct {
	Service string          `json:"service"`
	Calls   []SimulatedCall `json:"calls"`
}

// SimulatedCall is one message that would be sent if nobody answered.
type SimulatedCall struct {
	AfterSeconds float64   `json:"after_seconds"`
	At           time.Time `json:"at"`
	Step         int       `json:"step" doc:"0 is the first."`
	Person       string    `json:"person"`
	Device       string    `json:"device"`
	Channel      string    `json:"channel"`
}

// PageList is one page of pages, newest first.
type PageList struct {
	Pages []oncall.Page `json:"pages"`
	Next  string        `json:"next,omitempty" doc:"The cursor of the next page: pass it as after."`
}

// PageDetail is a page with its ledger.
type PageDetail struct {
	Page       oncall.Page       `json:"page"`
	Deliveries []oncall.Delivery `json:"deliveries"`
}

// PageAnswer is a page after it was answered or declined.
type PageAnswer struct {
	Page oncall.Page `json:"page"`
}

// InboxMessages is an inbox, newest first.
type InboxMessages struct {
	Unread   int                   `json:"unread"`
	Messages []oncall.InboxMessage `json:"messages"`
}

// OverrideRemoved is the answer to a removal.
type OverrideRemoved struct {
	OK bool `json:"ok"`
}

type (
	nothing struct{}
	turnsIn struct {
		From time.Time `query:"from" doc:"Nothing means now."`
		To   time.Time `query:"to" doc:"Nothing means four weeks later; at most a year."`
	}
	overrideIn struct {
		Body struct {
			Rota   string    `json:"rota" minLength:"1" maxLength:"200"`
			Person string    `json:"person" minLength:"1" maxLength:"64"`
			Start  time.Time `json:"start"`
			End    time.Time `json:"end"`
			Reason string    `json:"reason,omitempty" maxLength:"500"`
			As     string    `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
		}
	}
	removeIn struct {
		ID string `path:"id" maxLength:"64"`
		As string `query:"as" maxLength:"64"`
	}
	simulateIn struct {
		Service string    `query:"service" required:"true" maxLength:"200"`
		At      time.Time `query:"at" doc:"Nothing means now."`
	}
	pagesIn struct {
		Open    bool   `query:"open" doc:"Only those that are not over."`
		Service string `query:"service" maxLength:"200"`
		After   string `query:"after" maxLength:"64"`
		Limit   int    `query:"limit" minimum:"1" maximum:"499" default:"100"`
	}
	pageIn struct {
		ID string `path:"id" maxLength:"64"`
	}
	answerIn struct {
		ID   string `path:"id" maxLength:"64"`
		Body *pageActor
	}
	pageActor struct {
		As string `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
	}
	inboxIn struct {
		Person string `path:"person" maxLength:"64"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
)

// as is the person named in the body, which need not be there.
func (a *pageActor) as() string {
	if a == nil {
		return ""
	}
	return a.As
}

// API registers the operations on rotas, pages and inboxes.
func API(a *httpd.API, d Deps) {
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "oncall", Summary: summary} }
	httpd.Get(a, "/api/v1/oncall", op("get-oncall", "Who is on call now and next"), d.apiNow)
	httpd.Get(a, "/api/v1/oncall/turns", op("list-turns", "Who is on call when"), d.apiTurns)
	httpd.Get(a, "/api/v1/oncall/simulate", op("simulate-page", "Who would be told, and when, if a service fired"), d.apiSimulate)
	httpd.Post(a, "/api/v1/oncall/overrides", op("create-override", "Put somebody else on call for a while"), d.apiOverride)
	httpd.Delete(a, "/api/v1/oncall/overrides/{id}", op("delete-override", "Take an override back"), func(ctx context.Context, in *removeIn) (OverrideRemoved, error) {
		err := d.Pager.RemoveOverride(ctx, in.ID, auth.Actor(ctx, in.As))
		return OverrideRemoved{err == nil}, err
	})
	httpd.Get(a, "/api/v1/pages", op("list-pages", "List pages, the newest first"), d.apiPages)
	httpd.Get(a, "/api/v1/pages/{id}", op("get-page", "A page and its deliveries"), func(ctx context.Context, in *pageIn) (PageDetail, error) {
		p, ds, err := d.Pager.Page(ctx, in.ID)
		return PageDetail{p, listed(ds)}, err
	})
	httpd.Post(a, "/api/v1/pages/{id}/ack", op("ack-page", "Answer a page"), func(ctx context.Context, in *answerIn) (PageAnswer, error) {
		p, err := d.Pager.Ack(ctx, in.ID, auth.Actor(ctx, in.Body.as()), "api")
		return PageAnswer{p}, err
	})
	httpd.Post(a, "/api/v1/pages/{id}/decline", op("decline-page", "Not available: call the next step at once"), func(ctx context.Context, in *answerIn) (PageAnswer, error) {
		p, err := d.Pager.Decline(ctx, in.ID, auth.Actor(ctx, in.Body.as()))
		return PageAnswer{p}, err
	})
	httpd.Get(a, "/api/v1/inbox/{person}", op("list-inbox", "A person's built-in inbox"), d.apiInbox)
}

func (d Deps) apiNow(ctx context.Context, _ *nothing) (OnCallState, error) {
	rotas, err := d.Pager.OnCallNow(ctx)
	if err != nil {
		return OnCallState{}, err
	}
	now := d.Now().UTC()
	soon, _, err := d.Pager.Turns(ctx, now, now.Add(ahead))
	if err != nil {
		return OnCallState{}, err
	}
	out := OnCallState{Rotas: listed(rotas), Gaps: []OnCallGap{}}
	for _, r := range d.Pager.Plan().Rotas {
		for _, t := range soon[r.ID] {
			if t.Person == "" {
				out.Gaps = append(out.Gaps, OnCallGap{Rota: r.ID, Start: t.Start, End: t.End})
			}
		}
	}
	return out, nil
}

func (d Deps) apiTurns(ctx context.Context, in *turnsIn) (OnCallSchedule, error) {
	from, to := in.From.UTC(), in.To.UTC()
	if from.IsZero() {
		from = d.Now().UTC()
	}
	if to.IsZero() {
		to = from.AddDate(0, 0, 28)
	}
	if !from.Before(to) || to.Sub(from) > 366*24*time.Hour {
		return OnCallSchedule{}, errs.New(errs.Invalid, "to: must come after from, within a year")
	}
	turns, overrides, err := d.Pager.Turns(ctx, from, to)
	return OnCallSchedule{turns, listed(overrides)}, err
}

func (d Deps) apiSimulate(ctx context.Context, in *simulateIn) (SimulatedPage, error) {
	at := in.At.UTC()
	if at.IsZero() {
		at = d.Now().UTC()
	}
	calls, err := d.Pager.Simulate(ctx, in.Service, at)
	out := SimulatedPage{Service: in.Service, Calls: []SimulatedCall{}}
	for _, c := range calls {
		out.Calls = append(out.Calls, SimulatedCall{AfterSeconds: c.After.Seconds(), At: at.Add(c.After), Step: c.Step, Person: c.Person, Device: c.Device, Channel: c.Channel})
	}
	return out, err
}

func (d Deps) apiOverride(ctx context.Context, in *overrideIn) (oncall.Override, error) {
	b := in.Body
	return d.Pager.Override(ctx, oncall.Override{Rota: b.Rota, Person: b.Person, Start: b.Start.UTC(), End: b.End.UTC(), Reason: b.Reason, By: auth.Actor(ctx, b.As)})
}

func (d Deps) apiPages(ctx context.Context, in *pagesIn) (PageList, error) {
	rows, err := d.Pager.Pages(ctx, oncall.PageQuery{Open: in.Open, Service: in.Service, Before: in.After, Limit: in.Limit + 1})
	out := PageList{Pages: listed(rows)}
	if len(rows) > in.Limit {
		out.Pages, out.Next = rows[:in.Limit], rows[in.Limit-1].ID
	}
	return out, err
}

func (d Deps) apiInbox(ctx context.Context, in *inboxIn) (InboxMessages, error) {
	if _, err := d.Catalog.Person(ctx, in.Person); err != nil {
		return InboxMessages{}, err
	}
	unread, err := d.Inbox.Unread(ctx, in.Person)
	if err != nil {
		return InboxMessages{}, err
	}
	ms, err := d.Inbox.Messages(ctx, in.Person, in.Limit)
	return InboxMessages{unread, listed(ms)}, err
}

// listed makes an empty list of none, so that JSON says [] and not null.
func listed[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
