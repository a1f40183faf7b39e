package oncallweb

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const ledgerRows = 100 // of a page

type ledgerInput struct {
	query  oncall.LedgerQuery
	rows   []oncall.Delivery // one more than shown where there are more
	plan   []string          // channels to choose from
	names  names
	health oncall.Health
}

type ledgerView struct {
	Head    webkit.Head
	Filters []webkit.Input
	Rows    []ledgerRow
	Next    string
	All     bool // nothing is filtered
	Health  []healthRow
	Target  string // what paging promises, and how it stands
}

// healthRow is how a channel did in the last 30 days.
type healthRow struct {
	Channel, Word, Share          string
	InTime, Late, Failed, Waiting int
	State                         webkit.State
}

// viewHealth says how paging itself stands by its objective. It is pure.
func viewHealth(ctx context.Context, h oncall.Health) (rows []healthRow, target string) {
	share := func(good, total int) string {
		if total == 0 {
			return "—"
		}
		return webkit.Percent(ctx, float64(good)/float64(total))
	}
	for _, c := range h.Month {
		r := healthRow{Channel: c.Channel, Share: share(c.InTime, c.Total()), InTime: c.InTime, Late: c.Taken - c.InTime, Failed: c.Failed, Waiting: c.Overdue, State: webkit.OK, Word: webkit.T(ctx, "oncall.health.ok")}
		switch {
		case slices.Contains(h.Burning, c.Channel):
			r.State, r.Word = webkit.Firing, webkit.T(ctx, "oncall.health.burning")
		case float64(c.InTime) < h.Target*float64(c.Total()):
			r.State, r.Word = webkit.Warning, webkit.T(ctx, "oncall.health.below")
		}
		rows = append(rows, r)
	}
	return rows, webkit.T(ctx, "oncall.health.target", webkit.Percent(ctx, h.Target), int(oncall.InTime/time.Second), share(h.Good, h.Total), h.Good, h.Total)
}

type ledgerRow struct {
	ID, Href, To, Device, Channel, Kind, Word string
	State                                     webkit.State
	At                                        time.Time
	Attempts                                  int
	Latency, Cost, Error, Page                string
}

// viewLedger says what of the ledger the page shows. It is pure.
func viewLedger(ctx context.Context, in ledgerInput) ledgerView {
	v := ledgerView{Head: webkit.Head{State: webkit.Muted, Title: webkit.T(ctx, "oncall.ledger"), Sentence: webkit.T(ctx, "oncall.deliveries.none")}}
	q := in.query
	v.All = q.Person == "" && q.Channel == "" && q.State == "" && q.Kind == ""
	rows := in.rows
	if len(rows) > ledgerRows {
		rows, v.Next = rows[:ledgerRows], rows[ledgerRows-1].ID
	}
	failed := 0
	for _, d := range rows {
		if d.State == oncall.Failed {
			failed++
		}
		v.Rows = append(v.Rows, viewLedgerRow(ctx, d, in.names))
	}
	switch {
	case failed > 0:
		v.Head.State, v.Head.Sentence = webkit.Warning, webkit.T(ctx, "oncall.deliveries.failed", failed, len(rows))
	case len(rows) > 0:
		v.Head.State, v.Head.Sentence = webkit.OK, webkit.T(ctx, "oncall.deliveries.ok", len(rows))
	}
	v.Filters = ledgerFilters(ctx, in)
	if v.All && q.Before == "" && in.health.Total > 0 {
		v.Health, v.Target = viewHealth(ctx, in.health)
	}
	if len(in.health.Burning) > 0 {
		v.Head.State, v.Head.Sentence = webkit.Firing, webkit.T(ctx, "oncall.health.burns", strings.Join(in.health.Burning, ", "))
	}
	return v
}

func viewLedgerRow(ctx context.Context, d oncall.Delivery, n names) ledgerRow {
	one := viewDelivery(ctx, d, n)
	r := ledgerRow{
		ID: d.ID, Href: "/oncall/deliveries/" + url.PathEscape(d.ID), To: one.Person, Device: d.Device, Channel: d.Channel, Kind: one.Kind, Word: one.Word,
		State: one.State, At: d.DueAt, Attempts: d.Attempts, Latency: "—", Cost: d.Cost, Error: d.Error,
	}
	if d.Page != "" {
		r.Page = pageHref(d.Page)
	}
	if r.To == "" {
		r.To = webkit.T(ctx, "oncall.deliveries.room")
	}
	if r.Cost == "" {
		r.Cost = "—"
	}
	if !d.SentAt.IsZero() {
		r.At, r.Latency = d.SentAt, latency(ctx, d.SentAt.Sub(d.DueAt))
	}
	return r
}

// latency is a length of time as the ledger shows it: short ones in seconds.
func latency(ctx context.Context, d time.Duration) string {
	if d < 0 {
		d = 0 // of a bundled message: another had said it before
	}
	if d < time.Minute {
		return webkit.T(ctx, "oncall.deliveries.seconds", webkit.Decimal(ctx, d.Seconds(), 2))
	}
	return webkit.Duration(ctx, d.Round(time.Second))
}

func ledgerFilters(ctx context.Context, in ledgerInput) []webkit.Input {
	all := webkit.Choice{Text: webkit.T(ctx, "oncall.deliveries.any")}
	people, channels := []webkit.Choice{all}, []webkit.Choice{all}
	ids := make([]string, 0, len(in.names))
	for id := range in.names {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		people = append(people, webkit.Choice{Value: id, Text: in.names.of(id)})
	}
	for _, c := range in.plan {
		channels = append(channels, webkit.Choice{Value: c, Text: c})
	}
	states, kinds := []webkit.Choice{all}, []webkit.Choice{all}
	for _, s := range []oncall.DeliveryState{oncall.Pending, oncall.Sent, oncall.Arrived, oncall.Read, oncall.Failed, oncall.Cancelled, oncall.Bundled} {
		states = append(states, webkit.Choice{Value: string(s), Text: webkit.T(ctx, "oncall.delivery."+string(s))})
	}
	for _, k := range []oncall.DeliveryKind{oncall.KindPage, oncall.KindShadow, oncall.KindResolved, oncall.KindCanary} {
		kinds = append(kinds, webkit.Choice{Value: string(k), Text: webkit.T(ctx, "oncall.kind."+string(k))})
	}
	q := in.query
	return []webkit.Input{
		{Name: "person", Label: webkit.T(ctx, "oncall.col.person"), Type: "select", Value: q.Person, Choices: people},
		{Name: "channel", Label: webkit.T(ctx, "oncall.col.channel"), Type: "select", Value: q.Channel, Choices: channels},
		{Name: "state", Label: webkit.T(ctx, "oncall.col.state"), Type: "select", Value: string(q.State), Choices: states},
		{Name: "kind", Label: webkit.T(ctx, "oncall.col.kind"), Type: "select", Value: string(q.Kind), Choices: kinds},
	}
}

func (d Deps) deliveries(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	in := ledgerInput{names: d.names(ctx), query: oncall.LedgerQuery{
		Person: q.Get("person"), Channel: q.Get("channel"), State: oncall.DeliveryState(q.Get("state")), Kind: oncall.DeliveryKind(q.Get("kind")),
		Before: q.Get("after"), Limit: ledgerRows + 1,
	}}
	var err error
	if in.rows, err = d.Pager.Deliveries(ctx, in.query); err != nil {
		return webkit.Page{}, err
	}
	if in.health, err = d.Pager.Health(ctx); err != nil {
		return webkit.Page{}, err
	}
	in.plan = d.channels(ctx, in.query.Channel, in.rows)
	title := webkit.T(ctx, "oncall.ledger")
	return webkit.Page{Title: title, Active: "oncall", Live: []string{"oncall", "page"}, Crumbs: []webkit.Crumb{{Text: title}}, Body: ledgerPage(viewLedger(ctx, in))}, nil
}

// channels are those that people have devices of, and those of the rows.
func (d Deps) channels(ctx context.Context, chosen string, rows []oncall.Delivery) []string {
	out := []string{}
	put := func(c string) {
		if c != "" && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	put(chosen)
	for _, who := range d.Catalog.People(ctx) {
		for _, v := range who.Devices {
			put(v.Channel)
		}
	}
	for _, row := range rows {
		put(row.Channel)
	}
	slices.Sort(out)
	return out
}

type deliveryDetailView struct {
	Head     webkit.Head
	Facts    []webkit.Pair
	Page     string
	Bundle   string // the delivery that said it
	Attempts []attemptView
}

type attemptView struct {
	N                   string
	At                  time.Time
	Took, Word, Receipt string
	State               webkit.State
	Error               string
}

// viewDeliveryDetail says what one line of the ledger shows. It is pure.
func viewDeliveryDetail(ctx context.Context, d oncall.Delivery, attempts []oncall.Attempt, n names) deliveryDetailView {
	row := viewLedgerRow(ctx, d, n)
	v := deliveryDetailView{Head: webkit.Head{State: row.State, Title: webkit.T(ctx, "oncall.ledger"), Sentence: webkit.T(ctx, "oncall.deliveries.one", row.Kind, row.To, row.Channel, row.Word), Detail: d.Error}, Page: row.Page}
	if d.Bundle != "" {
		v.Bundle = "/oncall/deliveries/" + url.PathEscape(d.Bundle)
	}
	fact := func(key, value string) {
		if value != "" && value != "—" {
			v.Facts = append(v.Facts, webkit.Pair{Key: webkit.T(ctx, key), Value: value})
		}
	}
	fact("oncall.col.device", d.Device)
	fact("oncall.col.step", strconv.Itoa(d.Step+1))
	fact("oncall.deliveries.made", webkit.Exact(ctx, d.MadeAt))
	fact("oncall.deliveries.due", webkit.Exact(ctx, d.DueAt))
	if !d.SentAt.IsZero() {
		fact("oncall.deliveries.sent", webkit.Exact(ctx, d.SentAt))
	}
	fact("oncall.col.latency", row.Latency)
	fact("oncall.col.cost", d.Cost)
	fact("oncall.deliveries.receipt", d.Receipt)
	for i, a := range attempts {
		av := attemptView{N: strconv.Itoa(i + 1), At: a.At, Took: latency(ctx, a.Took), Receipt: a.Receipt, Error: a.Error, State: webkit.OK, Word: webkit.T(ctx, "oncall.attempt.taken")}
		switch {
		case a.Error != "":
			av.State, av.Word = webkit.Firing, webkit.T(ctx, "oncall.attempt.failed")
		case a.Late:
			av.State, av.Word = webkit.Warning, webkit.T(ctx, "oncall.attempt.late")
		}
		v.Attempts = append(v.Attempts, av)
	}
	return v
}

func (d Deps) delivery(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	one, attempts, err := d.Pager.Delivery(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewDeliveryDetail(ctx, one, attempts, d.names(ctx))
	return webkit.Page{
		Title: v.Head.Sentence, Active: "oncall", Live: []string{"oncall", "page"},
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "oncall.ledger"), Href: "/oncall/deliveries"}, {Text: one.ID}}, Body: deliveryPage(v),
	}, nil
}
