package oncallweb

import (
	"context"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// Explained is why an alert paged whom it did, and whom it will.
type Explained struct {
	Alert      string            `json:"alert"`
	Page       oncall.Page       `json:"page"`
	Events     []event.Record    `json:"events" doc:"What the log has of the page."`
	Deliveries []oncall.Delivery `json:"deliveries"`
	Ahead      []SimulatedCall   `json:"ahead" doc:"What follows while nobody answers."`
}

// OnCallPeople is who is on call in every rota at a time.
type OnCallPeople struct {
	At    time.Time    `json:"at"`
	Rotas []oncall.Now `json:"rotas"`
}

// FeedAddress is where a calendar is read.
type FeedAddress struct {
	URL string `json:"url"`
}

type (
	feedIn struct {
		Rota string `path:"rota" maxLength:"200"`
	}
	proveIn struct {
		Days int `query:"days" minimum:"1" maximum:"366" default:"90"`
	}
	explainIn struct {
		Alert string `path:"alert" maxLength:"64"`
	}
	atIn struct {
		At time.Time `query:"at" doc:"Nothing means now."`
	}
)

func (d Deps) proofAPI(a *httpd.API) {
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "oncall", Summary: summary} }
	httpd.Get(a, "/api/v1/oncall/who", op("list-on-call", "Who is on call in every rota"), func(ctx context.Context, in *atIn) (OnCallPeople, error) {
		at := in.At.UTC()
		if in.At.IsZero() {
			at = d.Now().UTC()
		}
		rotas, err := d.Pager.OnCallAt(ctx, at)
		return OnCallPeople{at, listed(rotas)}, err
	})
	httpd.Get(a, "/api/v1/oncall/rotas/{rota}/feed", op("get-rota-feed", "The address of a rota's calendar; whoever has it may read it"), func(ctx context.Context, in *feedIn) (FeedAddress, error) {
		if d.Pager.Plan().Rota(in.Rota) == nil {
			return FeedAddress{}, errs.New(errs.NotFound, "there is no rota %q", in.Rota)
		}
		to, err := d.Pager.FeedURL(ctx, "rota", d.Pager.Plan().Rota(in.Rota).ID)
		return FeedAddress{to}, err
	})
	httpd.Get(a, "/api/v1/oncall/health", op("get-paging-health", "How paging itself does, by its own ledger"), func(ctx context.Context, _ *nothing) (oncall.Health, error) {
		return d.Pager.Health(ctx)
	})
	httpd.Get(a, "/api/v1/oncall/prove", op("prove-oncall", "Gaps, double bookings, unqualified and unreachable people, unfair load"), func(ctx context.Context, in *proveIn) (oncall.Proof, error) {
		now := d.Now().UTC()
		return d.Pager.Prove(ctx, now, now.AddDate(0, 0, in.Days))
	})
	httpd.Get(a, "/api/v1/oncall/explain/{alert}", op("explain-page", "Why an alert paged whom, through which device, at which second"), d.apiExplain)
}

func (d Deps) apiExplain(ctx context.Context, in *explainIn) (Explained, error) {
	out := Explained{Alert: in.Alert, Events: []event.Record{}, Ahead: []SimulatedCall{}}
	one, err := d.Alerts.Alert(ctx, in.Alert)
	if err != nil {
		return out, err
	}
	// A page forgets the alerts that are resolved; the log does not.
	found, err := d.Events.Events(ctx, event.Query{Names: []string{"oncall.page_opened", "oncall.alert_joined"}, Services: []string{one.Service}, Text: one.ID, Newest: true, Limit: 1})
	if err != nil {
		return out, err
	}
	if len(found) == 0 {
		return out, errs.New(errs.NotFound, "alert %s has paged nobody: it is of severity %s", one.ID, one.Severity)
	}
	id := strings.TrimPrefix(found[0].Subject, "page/")
	if out.Page, out.Deliveries, err = d.Pager.Page(ctx, id); err != nil {
		return out, err
	}
	out.Deliveries = listed(out.Deliveries)
	if out.Events, err = d.Events.Events(ctx, event.Query{Subjects: []string{oncall.Subject(id)}}); err != nil {
		return out, err
	}
	calls, _, err := d.Pager.Ahead(ctx, out.Page)
	for _, c := range calls {
		out.Ahead = append(out.Ahead, SimulatedCall{AfterSeconds: c.After.Seconds(), At: out.Page.OpenedAt.Add(c.After), Step: c.Step, Kind: string(c.Kind), Person: c.Person, Device: c.Device, Channel: c.Channel})
	}
	return out, err
}
