// Package incidentweb is the front door of the incident room: the list, the
// room of one incident, and the same as JSON.
package incidentweb

import (
	"cmp"
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Text is the room's catalogue.
//
//go:embed text.json
var Text []byte

// Catalog is the part of the catalog that the pages ask.
type Catalog interface {
	Service(ctx context.Context, id string) (catalog.Service, error)
	Services(ctx context.Context) []catalog.Service
	Person(ctx context.Context, id string) (catalog.Person, error)
	People(ctx context.Context) []catalog.Person
}

// Deps are what the pages need. The API works without Kit and Panels.
type Deps struct {
	Kit     *webkit.Kit
	Log     *slog.Logger
	Now     func() time.Time
	Desk    *incident.Desk
	Catalog Catalog
	Panels  []module.Panel // of all rooms
}

// Routes are the room's pages, forms and panel.
func Routes(d Deps) []httpd.Route {
	page := func(pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: httpd.Viewer, Handler: d.Kit.Page(fn)}
	}
	out := []httpd.Route{
		page("/incidents", d.listPage),
		page("/incidents/new", d.newPage),
		page("/incidents/{id}", d.roomPage),
		page("/incidents/of/{id}", d.ofService),
		{Pattern: "POST /incidents", Access: httpd.Responder, Handler: webkit.KeepAs(http.HandlerFunc(d.declare))},
	}
	for name, do := range d.deeds() {
		out = append(out, httpd.Route{Pattern: "POST /incidents/{id}/" + name, Access: httpd.Responder, Handler: webkit.KeepAs(d.deed(do))})
	}
	slices.SortFunc(out, func(a, b httpd.Route) int { return strings.Compare(a.Pattern, b.Pattern) })
	return out
}

func (d Deps) name(ctx context.Context) func(string) string {
	return func(id string) string {
		if p, err := d.Catalog.Person(ctx, id); err == nil {
			return cmp.Or(p.Name, p.ID)
		}
		return id
	}
}

// service is the name of a service by its id.
func (d Deps) service(ctx context.Context, id string) string {
	if s, err := d.Catalog.Service(ctx, id); err == nil {
		return cmp.Or(s.Name, s.ID)
	}
	return id
}

func escape(s string) string { return url.PathEscape(s) }

const pageRows = 50

func (d Deps) listPage(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	before, _ := strconv.Atoi(q.Get("after")) // what is no number is the first page
	severity, _ := strconv.Atoi(q.Get("severity"))
	f := filter{Open: q.Get("state") == "open", Service: q.Get("service"), Severity: severity}
	open, err := d.Desk.Incidents(ctx, incident.Query{Open: true})
	if err != nil {
		return webkit.Page{}, err
	}
	list, next, err := d.list(ctx, incident.Query{Open: f.Open, Service: f.Service, Severity: f.Severity, Before: before, Limit: pageRows})
	if err != nil {
		return webkit.Page{}, err
	}
	rows := d.rows(ctx, list)
	if before == 0 {
		rows = lift(rows, d.rows(ctx, open), f)
	}
	v := listView{
		Head: listHead(ctx, open, d.service), Months: months(ctx, rows), Next: next, Filter: f,
		Tabs: []webkit.Tab{
			{Text: webkit.T(ctx, "incident.all"), Href: webkit.WithQuery(ctx, "state", "", "after", ""), Current: !f.Open},
			{Text: webkit.T(ctx, "incident.open"), Href: webkit.WithQuery(ctx, "state", "open", "after", ""), Count: webkit.Number(ctx, int64(len(open))), Current: f.Open},
		},
		Services: d.serviceChoices(ctx, webkit.T(ctx, "incident.filter.service")), Severities: severityChoices(ctx, webkit.T(ctx, "incident.filter.severity")),
	}
	v.Head.Actions = declareButton()
	return webkit.Page{Title: webkit.T(ctx, "incident.nav"), Active: "incidents", Live: []string{"incident"}, Body: listBody(v)}, nil
}

func (d Deps) rows(ctx context.Context, list []incident.Incident) []rowView {
	out := make([]rowView, len(list))
	for n, i := range list {
		out[n] = row(ctx, i, d.service(ctx, i.Service), d.name(ctx))
	}
	return out
}

func (d Deps) serviceChoices(ctx context.Context, none string) []webkit.Choice {
	out := []webkit.Choice{{Text: none}}
	for _, s := range d.Catalog.Services(ctx) {
		out = append(out, webkit.Choice{Value: s.ID, Text: cmp.Or(s.Name, s.ID)})
	}
	return out
}

// people are the choices of "as"; none where people sign in.
func (d Deps) people(ctx context.Context) []webkit.Choice {
	if auth.From(ctx).Kind != auth.ByLocal {
		return nil
	}
	return d.everybody(ctx)
}

func (d Deps) everybody(ctx context.Context) []webkit.Choice {
	var out []webkit.Choice
	for _, p := range d.Catalog.People(ctx) {
		out = append(out, webkit.Choice{Value: p.ID, Text: cmp.Or(p.Name, p.ID)})
	}
	return out
}

func (d Deps) newPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	return d.form(ctx, declareView{Service: webkit.Query(ctx, "service"), Title: webkit.Query(ctx, "title"), Severity: "2", Likely: webkit.AskedAs(r)}), nil
}

func (d Deps) form(ctx context.Context, v declareView) webkit.Page {
	v.Services, v.People = d.serviceChoices(ctx, webkit.T(ctx, "incident.new.noservice")), d.people(ctx)
	title := webkit.T(ctx, "incident.new.title")
	return webkit.Page{Title: title, Active: "incidents", Crumbs: []webkit.Crumb{{Text: title}}, Body: declareBody(v)}
}

// declare takes the form; what is wrong in it is said in it.
func (d Deps) declare(w http.ResponseWriter, r *http.Request) {
	ctx := d.Kit.Context(r)
	v := declareView{Title: r.PostFormValue("title"), Service: r.PostFormValue("service"), Severity: r.PostFormValue("severity"), Likely: webkit.AskedAs(r)}
	severity, _ := strconv.Atoi(v.Severity) // 0 is refused
	i, err := d.Desk.Declare(ctx, incident.Declaration{Title: v.Title, Service: v.Service, Severity: severity, By: auth.Actor(ctx, r.PostFormValue("as"))})
	switch {
	case errs.KindOf(err) == errs.Invalid && err != nil:
		v.Error = err.Error()
		p := d.form(ctx, v)
		p.Status = http.StatusUnprocessableEntity
		d.Kit.Render(w, r, p)
	case err != nil:
		d.Kit.Fail(w, r, err)
	default:
		webkit.SetFlash(w, webkit.Flash{State: webkit.Warning, Text: webkit.T(ctx, "incident.declared", i.Number)})
		http.Redirect(w, r, href(i), http.StatusSeeOther)
	}
}

func href(i incident.Incident) string { return "/incidents/" + strconv.Itoa(i.Number) }

func (d Deps) roomPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	i, err := d.Desk.Incident(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	records, err := d.Desk.Timeline(ctx, i)
	if err != nil {
		return webkit.Page{}, err
	}
	svc, err := d.Catalog.Service(ctx, i.Service)
	if err != nil { // it has left the catalog, or there is none
		svc = catalog.Service{ID: i.Service, Name: i.Service}
	}
	v := room(ctx, material{Incident: i, Records: records, Service: svc, Name: d.name(ctx)})
	v.As, v.People, v.Likely = d.people(ctx), d.everybody(ctx), cmp.Or(webkit.AskedAs(r), v.Commander)
	for _, p := range module.In(d.Panels, slot, i.ID) {
		v.Panels = append(v.Panels, webkit.Lazy{Title: webkit.T(ctx, p.TitleKey), URL: p.URL})
	}
	if auth.MayAct(ctx) {
		v.Head.Actions = roomActions(v)
	}
	return webkit.Page{
		Title: v.Title, Active: "incidents", Crumbs: []webkit.Crumb{{Text: "#" + strconv.Itoa(i.Number)}},
		Live: []string{incident.Subject(i.ID), "incident", "alert", "oncall", "slo"}, Body: roomBody(v),
	}, nil
}

// deed is one form of the room: what it does, and what is said when it is done.
type deed struct {
	said string
	do   func(ctx context.Context, r *http.Request, id, by string) (incident.Incident, error)
}

func (d Deps) deeds() map[string]deed {
	return map[string]deed{
		"notes": {"incident.done.note", func(ctx context.Context, r *http.Request, id, by string) (incident.Incident, error) {
			return d.Desk.Note(ctx, id, r.PostFormValue("text"), by)
		}},
		"mitigate": {"incident.done.mitigate", func(ctx context.Context, r *http.Request, id, by string) (incident.Incident, error) {
			return d.Desk.Mitigate(ctx, id, strings.TrimSpace(r.PostFormValue("how")), by)
		}},
		"resolve": {"incident.done.resolve", func(ctx context.Context, _ *http.Request, id, by string) (incident.Incident, error) {
			return d.Desk.Resolve(ctx, id, by)
		}},
		"reopen": {"incident.done.reopen", func(ctx context.Context, r *http.Request, id, by string) (incident.Incident, error) {
			return d.Desk.Reopen(ctx, id, strings.TrimSpace(r.PostFormValue("reason")), by)
		}},
		"severity": {"incident.done.severity", func(ctx context.Context, r *http.Request, id, by string) (incident.Incident, error) {
			severity, _ := strconv.Atoi(r.PostFormValue("severity")) // 0 is refused
			return d.Desk.SetSeverity(ctx, id, severity, by)
		}},
		"roles": {"incident.done.role", func(ctx context.Context, r *http.Request, id, by string) (incident.Incident, error) {
			return d.Desk.SetRole(ctx, id, incident.Role(r.PostFormValue("role")), r.PostFormValue("person"), by)
		}},
	}
}

// deed answers a form of the room. Who comes second is shown what the first did.
func (d Deps) deed(x deed) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, id := d.Kit.Context(r), r.PathValue("id")
		i, err := x.do(ctx, r, id, auth.Actor(ctx, r.PostFormValue("as")))
		to := href(i)
		switch {
		case err != nil && errs.KindOf(err) == errs.Conflict:
			webkit.SetFlash(w, webkit.Flash{State: webkit.Warning, Text: webkit.T(ctx, "incident.conflict")})
			to = "/incidents/" + escape(id)
		case err != nil:
			d.Kit.Fail(w, r, err)
			return
		default:
			webkit.SetFlash(w, webkit.Flash{State: webkit.OK, Text: webkit.T(ctx, x.said)})
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
}
