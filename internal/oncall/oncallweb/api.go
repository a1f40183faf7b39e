package oncallweb

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
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
	Turns       map[string][]oncall.Turn `json:"turns" doc:"By rota, without a hole; a turn without a person is a gap."`
	Adjustments []oncall.Adjustment      `json:"adjustments"`
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
	Kind         string    `json:"kind" doc:"page, or shadow for somebody who learns."`
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

// AdjustmentDone is the answer to a change of an adjustment.
type AdjustmentDone struct {
	OK bool `json:"ok"`
}

// RotaWho is who is on call in one rota.
type RotaWho struct {
	Rota   string   `json:"rota"`
	People []string `json:"people"`
}

// LedgerPage is one page of the delivery ledger, newest first.
type LedgerPage struct {
	Deliveries []oncall.Delivery `json:"deliveries"`
	Next       string            `json:"next,omitempty" doc:"The cursor of the next page: pass it as after."`
}

// DeliveryDetail is a delivery with its attempts.
type DeliveryDetail struct {
	Delivery oncall.Delivery  `json:"delivery"`
	Attempts []oncall.Attempt `json:"attempts"`
}

type (
	nothing struct{}
	turnsIn struct {
		From time.Time `query:"from" doc:"Nothing means now."`
		To   time.Time `query:"to" doc:"Nothing means four weeks later; at most a year."`
	}
	adjustIn struct {
		Body struct {
			Kind     string             `json:"kind" enum:"override,temporary,swap,absence,shadow"`
			Rota     string             `json:"rota,omitempty" maxLength:"200"`
			Person   string             `json:"person,omitempty" maxLength:"64" doc:"Who comes, takes the turns, is away or learns."`
			Of       string             `json:"of,omitempty" maxLength:"64" doc:"Who goes: a person, or * for all. Of a swap, whose turns. Of a shadow, from whom."`
			Start    time.Time          `json:"start"`
			End      time.Time          `json:"end"`
			Shifts   []rota.StaticShift `json:"shifts,omitempty" maxItems:"500" doc:"Of a temporary schedule."`
			Mode     string             `json:"mode,omitempty" enum:"silent,notify,reverse" doc:"Of a shadow."`
			Graduate int                `json:"graduate_after,omitempty" minimum:"0" maximum:"1000" doc:"Of a shadow: ends after so many pages."`
			Reason   string             `json:"reason,omitempty" maxLength:"500"`
			As       string             `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
		}
	}
	whoIn struct {
		Rota string    `path:"rota" maxLength:"200"`
		At   time.Time `query:"at" doc:"Nothing means now."`
	}
	ledgerIn struct {
		Person  string `query:"person" maxLength:"64"`
		Channel string `query:"channel" maxLength:"64"`
		State   string `query:"state" enum:"pending,sent,delivered,read,failed,cancelled,bundled"`
		Kind    string `query:"kind" enum:"page,shadow,resolved,canary"`
		After   string `query:"after" maxLength:"64"`
		Limit   int    `query:"limit" minimum:"1" maximum:"499" default:"100"`
	}
	deliveryIn struct {
		ID string `path:"id" maxLength:"64"`
	}
	removeIn struct {
		ID string `path:"id" maxLength:"64"`
		As string `query:"as" maxLength:"64"`
	}
	simulateIn struct {
		Service  string    `query:"service" required:"true" maxLength:"200"`
		Severity string    `query:"severity" maxLength:"100" doc:"What the alert's label severity says."`
		At       time.Time `query:"at" doc:"Nothing means now."`
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
	httpd.Get(a, "/api/v1/oncall/rotas/{rota}/who", op("who-is-on-call", "Who is on call in one rota"), d.apiWho)
	httpd.Post(a, "/api/v1/oncall/adjustments", op("create-adjustment", "Override, temporary schedule, swap, absence or shadow"), d.apiAdjust)
	httpd.Delete(a, "/api/v1/oncall/adjustments/{id}", op("end-adjustment", "Take an adjustment back; what it has been stays"), func(ctx context.Context, in *removeIn) (AdjustmentDone, error) {
		err := d.Pager.EndAdjustment(ctx, in.ID, auth.Actor(ctx, in.As))
		return AdjustmentDone{err == nil}, err
	})
	httpd.Post(a, "/api/v1/oncall/adjustments/{id}/take", op("take-swap", "Take the turns that somebody asks to give"), func(ctx context.Context, in *answerIn) (AdjustmentDone, error) {
		err := d.Pager.TakeSwap(ctx, in.ID, auth.Actor(ctx, in.Body.as()))
		return AdjustmentDone{err == nil}, err
	})
	httpd.Get(a, "/api/v1/oncall/deliveries", op("list-deliveries", "The delivery ledger, the newest first"), d.apiLedger)
	httpd.Get(a, "/api/v1/oncall/deliveries/{id}", op("get-delivery", "A delivery and its attempts"), func(ctx context.Context, in *deliveryIn) (DeliveryDetail, error) {
		one, attempts, err := d.Pager.Delivery(ctx, in.ID)
		return DeliveryDetail{one, listed(attempts)}, err
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
	d.proofAPI(a)
	d.fairnessAPI(a)
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
			if t.Person == "" && !r.Gaps {
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
	turns, adjusted, err := d.Pager.Turns(ctx, from, to)
	return OnCallSchedule{turns, listed(adjusted)}, err
}

func (d Deps) apiSimulate(ctx context.Context, in *simulateIn) (SimulatedPage, error) {
	at := in.At.UTC()
	if at.IsZero() {
		at = d.Now().UTC()
	}
	calls, err := d.Pager.Simulate(ctx, in.Service, in.Severity, at)
	out := SimulatedPage{Service: in.Service, Calls: []SimulatedCall{}}
	for _, c := range calls {
		out.Calls = append(out.Calls, SimulatedCall{AfterSeconds: c.After.Seconds(), At: at.Add(c.After), Step: c.Step, Kind: string(c.Kind), Person: c.Person, Device: c.Device, Channel: c.Channel})
	}
	return out, err
}

func (d Deps) apiAdjust(ctx context.Context, in *adjustIn) (oncall.Adjustment, error) {
	b := in.Body
	return d.Pager.Adjust(ctx, oncall.Adjustment{
		Kind: rota.Kind(b.Kind), Rota: b.Rota, Person: b.Person, Of: b.Of, Start: b.Start.UTC(), End: b.End.UTC(), Shifts: b.Shifts,
		Mode: rota.Mode(b.Mode), After: b.Graduate, Reason: b.Reason, By: auth.Actor(ctx, b.As),
	})
}

func (d Deps) apiWho(ctx context.Context, in *whoIn) (RotaWho, error) {
	out := RotaWho{Rota: in.Rota, People: []string{}}
	if in.At.IsZero() {
		duties, err := d.Pager.Who(in.Rota)
		for _, v := range duties {
			out.People = append(out.People, v.Person)
		}
		return out, err
	}
	all, err := d.Pager.OnCallAt(ctx, in.At.UTC())
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(all, func(n oncall.Now) bool { return strings.EqualFold(n.Rota, in.Rota) })
	if i < 0 {
		return out, errs.New(errs.NotFound, "there is no rota %q", in.Rota)
	}
	out.People = listed(all[i].People())
	return out, nil
}

func (d Deps) apiLedger(ctx context.Context, in *ledgerIn) (LedgerPage, error) {
	rows, err := d.Pager.Deliveries(ctx, oncall.LedgerQuery{Person: in.Person, Channel: in.Channel, State: oncall.DeliveryState(in.State), Kind: oncall.DeliveryKind(in.Kind), Before: in.After, Limit: in.Limit + 1})
	out := LedgerPage{Deliveries: listed(rows)}
	if len(rows) > in.Limit {
		out.Deliveries, out.Next = rows[:in.Limit], rows[in.Limit-1].ID
	}
	return out, err
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
