package alertweb

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const similarShown = 20

// Routes are the pages, forms and panels.
func Routes(d Deps) []httpd.Route {
	page := func(pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: httpd.Viewer, Handler: d.Kit.Page(fn)}
	}
	form := func(pattern, said string, do func(ctx context.Context, id, by, source string) (alert.Alert, error)) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: httpd.Responder, Handler: webkit.KeepAs(d.Kit.Post(func(r *http.Request) (webkit.Done, error) {
			ctx := r.Context()
			// Where nobody signs in, an answer must not be nobody's: the alert's own page
			// asks for the name.
			if auth.From(ctx).Kind == auth.ByLocal && webkit.AskedAs(r) == "" {
				return webkit.Done{To: "/alerts/" + url.PathEscape(r.PathValue("id")), Flash: webkit.T(ctx, "alerts.choose")}, nil
			}
			a, err := do(ctx, r.PathValue("id"), auth.Actor(ctx, webkit.AskedAs(r)), "web")
			return webkit.Done{To: back(r, a.ID), Flash: webkit.T(ctx, said, a.Summary)}, err
		}))}
	}
	return append(append(JudgeRoutes(d), d.inboxForms()...),
		page("/alerts", d.list),
		page("/alerts/{id}", d.detail),
		page("/services/{id}/alerts", d.panel),
		form("/alerts/{id}/ack", "alerts.done.ack", d.Inbox.Ack),
		form("/alerts/{id}/unack", "alerts.done.unack", d.Inbox.Unack),
		form("/alerts/{id}/resolve", "alerts.done.resolve", d.Inbox.Resolve),
	)
}

// back is where a form leads: to where it stood, or to the alert.
func back(r *http.Request, id string) string {
	if to := r.PostFormValue("back"); strings.HasPrefix(to, "/alerts") || strings.HasPrefix(to, "/services/") {
		return to
	}
	return "/alerts/" + url.PathEscape(id)
}

func (d Deps) list(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	f := readFilter(r.URL.Query())
	counts, err := d.Inbox.Counts(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	pages, err := d.Inbox.Alerts(ctx, alert.Query{State: alert.Open, Severity: alert.Page, Limit: 1})
	if err != nil {
		return webkit.Page{}, err
	}
	pass, err := d.sieveOf(ctx, f.wider, d.by(r))
	wrong := ""
	if err != nil {
		if !mendable(err) {
			return webkit.Page{}, err
		}
		wrong = webkit.T(ctx, "alerts.filter.wrong", err.Error())
	}
	saved, err := d.saved(r)
	if err != nil {
		return webkit.Page{}, err
	}
	var sections []section
	for _, q := range f.queries() {
		rows, err := d.sieved(ctx, q.Query, pass)
		if err != nil {
			return webkit.Page{}, err
		}
		sections = append(sections, section{kind: q.kind, rows: rows, shown: q.shown, paged: q.paged})
	}
	said, err := d.verdictsOf(ctx, sections)
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewList(ctx, listInput{filter: f, said: said, counts: counts, unanswered: pages, sections: sections, names: d.names(ctx), services: d.Catalog.Services(ctx), back: r.URL.RequestURI(), grouping: d.grouping(ctx, f.wider)})
	v.Saved, v.Wrong, v.ActAs = saved, wrong, d.actAs(r)
	if f.wider.mine {
		v.Filter.ActAs = v.ActAs
		if len(d.teamsOf(ctx, d.by(r))) == 0 {
			v.Wrong = webkit.T(ctx, "alerts.filter.nobody")
		}
	}
	return webkit.Page{Title: webkit.T(ctx, "alerts.title"), Active: "alerts", Live: []string{"alert"}, Body: listPage(v)}, nil
}

func (d Deps) detail(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	a, err := d.Inbox.Alert(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	past, err := d.similar(ctx, a)
	if err != nil {
		return webkit.Page{}, err
	}
	history, err := d.Events.Events(ctx, event.Query{Subjects: []string{alert.Subject(a.ID)}})
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewDetail(ctx, a, past, history, d.names(ctx))
	v.ActAs = d.actAs(r)
	if v.Judge, err = d.judgement(r, a); err != nil {
		return webkit.Page{}, err
	}
	told, err := d.told(ctx, a)
	if err != nil {
		return webkit.Page{}, err
	}
	v.Told = viewTold(ctx, a, told)
	for _, p := range module.In(d.Panels, "alert.detail", a.ID) {
		v.Panels = append(v.Panels, webkit.Lazy{Title: webkit.T(ctx, p.TitleKey), URL: p.URL})
	}
	return webkit.Page{
		Title: a.Summary, Active: "alerts", Live: []string{alert.Subject(a.ID), "oncall"},
		Crumbs: []webkit.Crumb{{Text: a.Rule}}, Body: detailPage(v),
	}, nil
}

// similar returns earlier alerts of the same fingerprint, and where they are
// few, of the same rule elsewhere.
func (d Deps) similar(ctx context.Context, a alert.Alert) ([]alert.Alert, error) {
	past, err := d.Inbox.Alerts(ctx, alert.Query{Fingerprint: a.Fingerprint, Before: a.ID, Limit: similarShown})
	if err != nil || len(past) >= 5 {
		return past, err
	}
	others, err := d.Inbox.Alerts(ctx, alert.Query{Source: a.Source, Rule: a.Rule, Before: a.ID, Limit: similarShown})
	for _, o := range others {
		if o.Fingerprint != a.Fingerprint && len(past) < similarShown {
			past = append(past, o)
		}
	}
	return past, err
}

func (d Deps) panel(r *http.Request) (webkit.Page, error) {
	ctx, service := r.Context(), r.PathValue("id")
	open, err := d.Inbox.Alerts(ctx, alert.Query{Service: service, Unresolved: true, Limit: 10})
	if err != nil {
		return webkit.Page{}, err
	}
	past, err := d.Inbox.Alerts(ctx, alert.Query{Service: service, State: alert.Resolved, Limit: 5})
	if err != nil {
		return webkit.Page{}, err
	}
	return webkit.Page{Title: webkit.T(ctx, "alerts.panel") + " · " + service, Active: "alerts", Live: []string{"alert"}, Body: servicePanel(viewPanel(ctx, service, open, past, d.names(ctx)))}, nil
}

// names maps ids of people to their names.
func (d Deps) names(ctx context.Context) map[string]string {
	out := map[string]string{}
	for _, p := range d.Catalog.People(ctx) {
		out[p.ID] = p.Name
	}
	return out
}

// actAs offers the people of the catalog where nobody is signed in.
func (d Deps) actAs(r *http.Request) webkit.ActAs {
	if auth.From(r.Context()).Kind != auth.ByLocal {
		return webkit.ActAs{}
	}
	v := webkit.ActAs{Value: webkit.AskedAs(r)}
	for _, p := range d.Catalog.People(r.Context()) {
		v.Choices = append(v.Choices, webkit.Choice{Value: p.ID, Text: p.Name})
	}
	return v
}
