// Package postmortemweb is the front door of the postmortem room: the list,
// the document with its proof, its editing, and the same as JSON and Markdown.
package postmortemweb

import (
	"cmp"
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/postmortem"
)

// Text is the room's catalogue.
//
//go:embed text.json
var Text []byte

// Incidents is the part of the incident room that the pages ask.
type Incidents interface {
	Incident(ctx context.Context, id string) (incident.Incident, error)
	Timeline(ctx context.Context, i incident.Incident) ([]event.Record, error)
}

// Catalog is the part of the catalog that the pages ask.
type Catalog interface {
	Service(ctx context.Context, id string) (catalog.Service, error)
	Person(ctx context.Context, id string) (catalog.Person, error)
	People(ctx context.Context) []catalog.Person
}

// Deps are what the pages need. The API works without Kit and Incidents.
type Deps struct {
	Kit       *webkit.Kit
	Log       *slog.Logger
	Now       func() time.Time
	Writer    *postmortem.Writer
	Incidents Incidents
	Catalog   Catalog
}

// Routes are the room's pages, forms, export and panel.
func Routes(d Deps) []httpd.Route {
	page := func(pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: httpd.Viewer, Handler: d.Kit.Page(fn)}
	}
	form := func(pattern string, h http.Handler) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: httpd.Responder, Handler: h}
	}
	return []httpd.Route{
		page("/postmortems", d.listPage),
		page("/postmortems/{id}", d.reportPage),
		page("/postmortems/{id}/edit/{section}", d.editPage),
		page("/panels/postmortems/{id}", d.ofIncident),
		{Pattern: "GET /postmortems/{id}/report.md", Access: httpd.Viewer, Handler: http.HandlerFunc(d.markdown)},
		form("/postmortems", d.Kit.Post(d.draft)),
		form("/postmortems/{id}/edit/{section}", webkit.KeepAs(http.HandlerFunc(d.edit))),
		form("/postmortems/{id}/publish", http.HandlerFunc(d.publish)),
	}
}

func (d Deps) name(ctx context.Context) func(string) string {
	return func(id string) string {
		if p, err := d.Catalog.Person(ctx, id); err == nil {
			return cmp.Or(p.Name, p.ID)
		}
		return id
	}
}

func (d Deps) service(ctx context.Context, id string) string {
	if s, err := d.Catalog.Service(ctx, id); err == nil {
		return cmp.Or(s.Name, s.ID)
	}
	return id
}

func escape(s string) string { return url.PathEscape(s) }

func href(r postmortem.Report) string { return "/postmortems/" + strconv.Itoa(r.Number) }

const pageRows = 50

func (d Deps) listPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	before, _ := strconv.Atoi(r.URL.Query().Get("after")) // what is no number is the first page
	list, next, err := d.list(ctx, before, pageRows)
	if err != nil {
		return webkit.Page{}, err
	}
	v := listView{Head: listHead(ctx, list), Next: next}
	for _, x := range list {
		v.Rows = append(v.Rows, rowOf(ctx, x, d.service(ctx, x.Service), d.name(ctx)))
	}
	return webkit.Page{Title: webkit.T(ctx, "postmortem.nav"), Active: "postmortems", Live: []string{"postmortem"}, Body: listBody(v)}, nil
}

// reportPage shows a report; an incident that has none yet is offered a draft.
func (d Deps) reportPage(r *http.Request) (webkit.Page, error) {
	ctx, id := r.Context(), r.PathValue("id")
	report, records, err := d.Writer.Report(ctx, id)
	if err != nil {
		i, missing := d.Incidents.Incident(ctx, id)
		if errs.KindOf(err) != errs.NotFound || missing != nil {
			return webkit.Page{}, err
		}
		title := webkit.T(ctx, "postmortem.none", strconv.Itoa(i.Number))
		return webkit.Page{Title: title, Active: "postmortems", Live: []string{"postmortem"}, Crumbs: crumbs(i.Number), Body: noneBody(title, i.ID)}, nil
	}
	v := document(ctx, report, records, d.name(ctx))
	v.Publish = publishing(ctx, report, d.Catalog.People(ctx), d.approver(ctx))
	v.Head.Actions = reportActions(v)
	return webkit.Page{Title: v.Title, Active: "postmortems", Crumbs: crumbs(report.Number), Live: []string{postmortem.Subject(report.ID)}, Wide: true, Body: reportBody(v)}, nil
}

func crumbs(number int) []webkit.Crumb { return []webkit.Crumb{{Text: "#" + strconv.Itoa(number)}} }

// approver is the person signed in, or "" where forms ask.
func (d Deps) approver(ctx context.Context) string {
	if auth.From(ctx).Kind == auth.ByLocal {
		return ""
	}
	return auth.Actor(ctx, "")
}

func (d Deps) editPage(r *http.Request) (webkit.Page, error) {
	report, _, err := d.Writer.Report(r.Context(), r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	key := postmortem.Key(r.PathValue("section"))
	text, ok := sectionText(report, key)
	if !ok {
		return webkit.Page{}, errs.New(errs.NotFound, "there is no section %q", key)
	}
	return d.form(r.Context(), report, editView{Key: key, Text: text, As: webkit.AskedAs(r)})
}

func (d Deps) form(ctx context.Context, report postmortem.Report, v editView) (webkit.Page, error) {
	i, err := d.Incidents.Incident(ctx, report.Incident)
	if err != nil {
		return webkit.Page{}, err
	}
	timeline, err := d.Incidents.Timeline(ctx, i)
	if err != nil {
		return webkit.Page{}, err
	}
	_, cited, err := d.Writer.Report(ctx, report.ID)
	if err != nil {
		return webkit.Page{}, err
	}
	v.Title, v.Heading, v.Base = report.Title, postmortem.Heading(report.Lang, v.Key), href(report)
	v.Published = report.Status == postmortem.PublishedStatus
	v.Blameless = v.Key == postmortem.Contributing || v.Key == postmortem.Questions
	v.Records = citable(report.Lang, timeline, cited, d.name(ctx))
	if auth.From(ctx).Kind == auth.ByLocal {
		v.People = choices(d.Catalog.People(ctx), "")
	}
	return webkit.Page{
		Title: v.Heading, Active: "postmortems",
		Crumbs: []webkit.Crumb{{Text: "#" + strconv.Itoa(report.Number), Href: href(report)}, {Text: v.Heading}}, Body: editBody(v),
	}, nil
}

// edit takes a section; what is wrong in it is said above it.
func (d Deps) edit(w http.ResponseWriter, r *http.Request) {
	ctx, key := d.Kit.Context(r), postmortem.Key(r.PathValue("section"))
	text, as := r.PostFormValue("text"), r.PostFormValue("as")
	report, err := d.Writer.Edit(ctx, r.PathValue("id"), key, text, auth.Actor(ctx, as))
	if err != nil && errs.KindOf(err) == errs.Invalid {
		d.again(w, r, editView{Key: key, Text: text, As: as, Error: err.Error()})
		return
	}
	if err != nil {
		d.Kit.Fail(w, r, err)
		return
	}
	webkit.SetFlash(w, webkit.Flash{State: webkit.OK, Text: webkit.T(ctx, "postmortem.done.edit")})
	http.Redirect(w, r, href(report)+"#"+string(key), http.StatusSeeOther)
}

// again shows the form with what was typed and what is wrong with it.
func (d Deps) again(w http.ResponseWriter, r *http.Request, v editView) {
	ctx := d.Kit.Context(r)
	report, _, err := d.Writer.Report(ctx, r.PathValue("id"))
	if err != nil {
		d.Kit.Fail(w, r, err)
		return
	}
	p, err := d.form(ctx, report, v)
	if err != nil {
		d.Kit.Fail(w, r, err)
		return
	}
	p.Status = http.StatusUnprocessableEntity
	d.Kit.Render(w, r, p)
}

// draft writes a report, or writes it again while nobody has changed it.
func (d Deps) draft(r *http.Request) (webkit.Done, error) {
	report, err := d.Writer.Draft(r.Context(), r.PostFormValue("incident"))
	if err != nil {
		return webkit.Done{}, err
	}
	n, cited := report.Count()
	return webkit.Done{To: href(report), Flash: webkit.T(r.Context(), "postmortem.done.draft", n, cited)}, nil
}

// publish makes a report final. A refusal is shown on the report.
func (d Deps) publish(w http.ResponseWriter, r *http.Request) {
	ctx, id := d.Kit.Context(r), r.PathValue("id")
	report, err := d.Writer.Publish(ctx, id, auth.Actor(ctx, r.PostFormValue("as")))
	to := href(report)
	switch kind := errs.KindOf(err); {
	case err == nil:
		webkit.SetFlash(w, webkit.Flash{State: webkit.OK, Text: webkit.T(ctx, "postmortem.done.publish", d.name(ctx)(report.Approver))})
	case kind == errs.Conflict, kind == errs.Invalid:
		webkit.SetFlash(w, webkit.Flash{State: webkit.Warning, Text: webkit.T(ctx, "postmortem.refused", err.Error())})
		to = "/postmortems/" + escape(id)
	default:
		d.Kit.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// markdown is the report as a file to keep elsewhere.
func (d Deps) markdown(w http.ResponseWriter, r *http.Request) {
	report, records, err := d.Writer.Report(r.Context(), r.PathValue("id"))
	if err != nil {
		d.Kit.Fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/markdown; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", `attachment; filename="postmortem-`+strconv.Itoa(report.Number)+`.md"`)
	_, _ = w.Write([]byte(report.Markdown(records))) // the reader has gone; nobody is left to tell
}
