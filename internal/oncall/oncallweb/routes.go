package oncallweb

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Routes are the pages, forms and panels.
func Routes(d Deps) []httpd.Route {
	page := func(pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: httpd.Viewer, Handler: d.Kit.Page(fn)}
	}
	post := func(pattern string, access httpd.Access, fn func(*http.Request) (webkit.Done, error)) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: access, Handler: webkit.KeepAs(d.Kit.Post(fn))}
	}
	return append(d.answerRoutes(), []httpd.Route{
		page("/oncall", d.schedule),
		page("/oncall/fairness", d.fairness),
		page("/oncall/change", d.change),
		page("/oncall/simulate", d.simulate),
		page("/oncall/deliveries", d.deliveries),
		page("/oncall/deliveries/{id}", d.delivery),
		page("/pages", d.pages),
		page("/pages/{id}", d.page),
		page("/inbox/{person}", d.box),
		page("/me", d.mine),
		page("/services/{id}/oncall", d.servicePanel),
		page("/alerts/{id}/page", d.alertPanel),
		post("/pages/{id}/ack", httpd.Responder, d.ack),
		post("/pages/{id}/decline", httpd.Responder, d.decline),
		{Pattern: "POST /oncall/changes", Access: httpd.Responder, Handler: webkit.KeepAs(http.HandlerFunc(d.makeChange))},
		post("/oncall/changes/{id}/end", httpd.Responder, d.endChange),
		post("/oncall/changes/{id}/take", httpd.Responder, d.takeSwap),
		post("/inbox/{person}/read", httpd.Viewer, d.read),
		post("/me/devices/{device}/test", httpd.Viewer, d.testDevice),
		post("/me/feed/revoke", httpd.Viewer, d.revokeFeed),
	}...)
}

func pageHref(id string) string { return "/pages/" + url.PathEscape(id) }

func (d Deps) pages(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	const shown = 50
	after := r.URL.Query().Get("after")
	var open []oncall.Page
	if after == "" {
		var err error
		if open, err = d.Pager.Pages(ctx, oncall.PageQuery{Open: true, Limit: 100}); err != nil {
			return webkit.Page{}, err
		}
	}
	all, err := d.Pager.Pages(ctx, oncall.PageQuery{Before: after, Limit: shown + 1})
	if err != nil {
		return webkit.Page{}, err
	}
	next := ""
	if len(all) > shown {
		all, next = all[:shown], all[shown-1].ID
	}
	return webkit.Page{
		Title: webkit.T(ctx, "oncall.pages"), Active: "oncall", Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "oncall.pages")}},
		Live: []string{"oncall"}, Body: pagesPage(viewPages(ctx, open, all, next, d.names(ctx))),
	}, nil
}

func (d Deps) page(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	in, err := d.pageInput(r, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewPage(ctx, in)
	v.ActAs = d.actAs(r, lastTold(in.ledger))
	for _, id := range alertsOf(in.records) {
		for _, p := range module.In(d.Panels, "oncall.page", id) {
			v.Panels = append(v.Panels, webkit.Lazy{Title: webkit.T(ctx, p.TitleKey), URL: p.URL})
		}
	}
	return webkit.Page{
		Title: v.Title, Active: "oncall", Live: []string{oncall.Subject(in.page.ID), "alert"},
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "oncall.pages"), Href: "/pages"}, {Text: in.page.Service}}, Body: pagePage(v),
	}, nil
}

// maxAsked is the number of a page's alerts for which other rooms show something.
const maxAsked = 5

// alertsOf are the alerts that a page called for, over or not, the first first.
func alertsOf(records []event.Record) (out []string) {
	for _, r := range records {
		var p struct {
			Alert string `json:"alert"`
		}
		if json.Unmarshal(r.Payload, &p) == nil && p.Alert != "" && !slices.Contains(out, p.Alert) && len(out) < maxAsked {
			out = append(out, p.Alert)
		}
	}
	return out
}

// pageInput gathers what a page shows.
func (d Deps) pageInput(r *http.Request, id string) (in pageInput, err error) {
	ctx := r.Context()
	in.names = d.names(ctx)
	if in.page, in.ledger, err = d.Pager.Page(ctx, id); err != nil {
		return in, err
	}
	if in.records, err = d.Events.Events(ctx, event.Query{Subjects: []string{oncall.Subject(id)}}); err != nil {
		return in, err
	}
	if in.ahead, in.ends, err = d.Pager.Ahead(ctx, in.page); err != nil {
		return in, err
	}
	for _, a := range in.page.Alerts {
		got, err := d.Alerts.Alert(ctx, a)
		if err != nil && errs.KindOf(err) != errs.NotFound {
			return in, err
		}
		if err == nil {
			in.alerts = append(in.alerts, got)
		}
	}
	in.service, err = d.Catalog.Service(ctx, in.page.Service)
	if errs.KindOf(err) == errs.NotFound {
		err = nil // a page for a service that the catalog does not know is still a page
	}
	return in, err
}

func (d Deps) ack(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	p, err := d.Pager.Ack(ctx, r.PathValue("id"), auth.Actor(ctx, webkit.AskedAs(r)), "web")
	return webkit.Done{To: pageHref(p.ID), Flash: webkit.T(ctx, "oncall.done.ack")}, err
}

// decline passes on the step that the reader saw: a second tap, or a tap after
// the next step has fired, skips nobody.
func (d Deps) decline(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	p, _, err := d.Pager.Page(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Done{}, err
	}
	done := webkit.Done{To: pageHref(p.ID), Flash: webkit.T(ctx, "oncall.done.decline")}
	if seen, err := strconv.Atoi(r.PostFormValue("firing")); err == nil && seen != p.Firing {
		return done, nil
	}
	_, err = d.Pager.Decline(ctx, p.ID, auth.Actor(ctx, webkit.AskedAs(r)))
	return done, err
}

func (d Deps) testDevice(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	me := d.me(r)
	if me == "" {
		return webkit.Done{}, errs.New(errs.Invalid, "%s", webkit.T(ctx, "oncall.me.unknown"))
	}
	device := r.PathValue("device")
	if err := d.Pager.TestDevice(ctx, me, device); err != nil {
		return webkit.Done{}, err
	}
	to := "/me"
	if local(r) {
		to += "?as=" + url.QueryEscape(me)
	}
	return webkit.Done{To: to, Flash: webkit.T(ctx, "oncall.done.tested", device)}, nil
}

// read marks what its reader has seen. It is the person's own to do.
func (d Deps) read(r *http.Request) (webkit.Done, error) {
	person := r.PathValue("person")
	if !local(r) && auth.From(r.Context()).ID != person {
		return webkit.Done{}, errs.New(errs.Denied, "only %s may mark this inbox as read", person)
	}
	err := d.Inbox.MarkRead(r.Context(), person, r.PostFormValue("up_to"), d.Now().UTC())
	return webkit.Done{To: "/inbox/" + url.PathEscape(person)}, err
}

func (d Deps) box(r *http.Request) (webkit.Page, error) {
	ctx, person := r.Context(), r.PathValue("person")
	who, err := d.Catalog.Person(ctx, person)
	if err != nil {
		return webkit.Page{}, err
	}
	messages, err := d.Inbox.Messages(ctx, person, 50)
	if err != nil {
		return webkit.Page{}, err
	}
	unread, err := d.Inbox.Unread(ctx, person)
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewInbox(ctx, who, messages, unread)
	v.Own = local(r) || auth.From(ctx).ID == person
	return webkit.Page{
		Title: v.Title, Active: "oncall", Live: []string{"inbox/" + person, "oncall"},
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "oncall.inbox.crumb")}, {Text: who.Name}}, Body: inboxPage(v),
	}, nil
}

func (d Deps) mine(r *http.Request) (webkit.Page, error) {
	ctx, me := r.Context(), d.me(r)
	title := webkit.T(ctx, "oncall.me")
	if me == "" {
		return webkit.Page{Title: title, Active: "oncall", Crumbs: []webkit.Crumb{{Text: title}}, Body: whoPage(d.actAs(r, ""), auth.From(ctx).ID)}, nil
	}
	who, err := d.Catalog.Person(ctx, me)
	if err != nil {
		return webkit.Page{}, err
	}
	now := webkit.Now(ctx)
	turns, adjusted, err := d.Pager.Turns(ctx, now.Add(-lookAround), now.Add(lookAround))
	if err != nil {
		return webkit.Page{}, err
	}
	own, err := d.Pager.Pages(ctx, oncall.PageQuery{Person: me, Limit: 30})
	if err != nil {
		return webkit.Page{}, err
	}
	in := meInput{who: who, plan: d.Pager.Plan(), turns: turns, adjusted: adjusted, pages: own, names: d.names(ctx)}
	if in.loads, err = d.loads(ctx, me, turns); err != nil {
		return webkit.Page{}, err
	}
	if in.unread, err = d.Inbox.Unread(ctx, me); err != nil {
		return webkit.Page{}, err
	}
	v := viewMe(ctx, in)
	if local(r) || auth.From(ctx).ID == me {
		if v.Feed.URL, err = d.Pager.FeedURL(ctx, "person", me); err != nil {
			return webkit.Page{}, err
		}
		v.Feed.Revoke = "/me/feed/revoke?as=" + url.QueryEscape(me)
	}
	if v.ActAs = d.actAs(r, me); local(r) {
		v.As = me
	}
	return webkit.Page{Title: title, Active: "oncall", Crumbs: []webkit.Crumb{{Text: title}}, Live: []string{"oncall", "inbox/" + me}, Body: mePage(v)}, nil
}

// loads are a person's loads of the last quarter, by the rotas they have turns in.
func (d Deps) loads(ctx context.Context, me string, turns map[string][]oncall.Turn) (out []meLoad, err error) {
	now := webkit.Now(ctx).Truncate(time.Hour)
	for _, r := range d.Pager.Plan().Rotas {
		if !slices.ContainsFunc(turns[r.ID], func(t oncall.Turn) bool { return t.Person == me }) {
			continue
		}
		f, err := d.Pager.Fairness(ctx, r.ID, now.Add(-quarter), now, now)
		if err != nil {
			return nil, err
		}
		for _, l := range f.Past {
			if l.Person == me {
				out = append(out, meLoad{rota: r, load: l})
			}
		}
	}
	return out, nil
}

// lastTold is the person who was told last: the likely reader.
func lastTold(ledger []oncall.Delivery) string {
	for _, d := range slices.Backward(ledger) {
		if d.Kind == "page" {
			return d.Person
		}
	}
	return ""
}

func (d Deps) servicePanel(r *http.Request) (webkit.Page, error) {
	ctx, service := r.Context(), r.PathValue("id")
	team := ""
	if s, err := d.Catalog.Service(ctx, service); err == nil {
		team = s.Team
	}
	open, err := d.Pager.Pages(ctx, oncall.PageQuery{Service: service, Open: true, Limit: 1})
	if err != nil {
		return webkit.Page{}, err
	}
	now := webkit.Now(ctx)
	turns, adjusted, err := d.Pager.Turns(ctx, now, now.Add(time.Minute))
	if err != nil {
		return webkit.Page{}, err
	}
	_ = turns // the plan answers for one instant; the overrides are what it needs
	policy, ok := d.Pager.Plan().PolicyFor(service, team)
	v := viewServicePanel(ctx, servicePanelInput{service: service, plan: d.Pager.Plan(), policy: policy, covered: ok, adjusted: adjusted, open: open, names: d.names(ctx)})
	return webkit.Page{Title: webkit.T(ctx, "oncall.panel.service") + " · " + service, Active: "oncall", Live: []string{"oncall"}, Body: servicePart(v)}, nil
}

func (d Deps) alertPanel(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	a, err := d.Alerts.Alert(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	// A page forgets the alerts that are resolved; the log does not.
	found, err := d.Events.Events(ctx, event.Query{Names: []string{"oncall.page_opened", "oncall.alert_joined"}, Services: []string{a.Service}, Text: a.ID, Newest: true, Limit: 1})
	if err != nil {
		return webkit.Page{}, err
	}
	out := webkit.Page{Title: webkit.T(ctx, "oncall.panel.alert"), Active: "oncall", Live: []string{"oncall"}, Body: alertPart(pageView{}, string(a.Severity))}
	if len(found) == 0 {
		return out, nil
	}
	in, err := d.pageInput(r, strings.TrimPrefix(found[0].Subject, "page/"))
	if err != nil {
		return webkit.Page{}, err
	}
	out.Body = alertPart(viewPage(ctx, in), string(a.Severity))
	return out, nil
}
