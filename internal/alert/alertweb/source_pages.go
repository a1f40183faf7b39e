package alertweb

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// SourceRoutes are the pages of sources and their forms.
func SourceRoutes(d SourceDeps) []httpd.Route {
	page := func(pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: httpd.Viewer, Handler: d.Kit.Page(fn)}
	}
	form := func(pattern string, h http.Handler) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: httpd.Responder, MaxBody: 2 << 20, Handler: webkit.KeepAs(h)}
	}
	act := func(verb string, do func(context.Context, string, string) (ingest.Source, error)) httpd.Route {
		return form("/sources/{name}/"+verb, d.Kit.Post(func(r *http.Request) (webkit.Done, error) {
			ctx := r.Context()
			s, err := do(ctx, r.PathValue("name"), d.by(r))
			return webkit.Done{To: sourceHref(s.Name), Flash: webkit.T(ctx, "sources.done."+verb, s.Name)}, err
		}))
	}
	return []httpd.Route{
		page("/sources", d.listPage),
		page("/sources/new", func(r *http.Request) (webkit.Page, error) { return d.newPage(r, "") }),
		form("/sources", http.HandlerFunc(d.create)),
		page("/sources/{name}", func(r *http.Request) (webkit.Page, error) { return d.page(r, pageAsk{}) }),
		form("/sources/{name}", http.HandlerFunc(d.edit)),
		form("/sources/{name}/try", d.Kit.Page(d.tryPage)),
		act("rotate", d.Registry.Rotate),
		act("pause", d.Registry.Pause),
		act("resume", d.Registry.Resume),
		form("/sources/{name}/delete", d.Kit.Post(func(r *http.Request) (webkit.Done, error) {
			name := r.PathValue("name")
			return webkit.Done{To: "/sources", Flash: webkit.T(r.Context(), "sources.done.delete", name)}, d.Registry.Delete(r.Context(), name, d.by(r))
		})),
	}
}

func (d SourceDeps) by(r *http.Request) string { return auth.Actor(r.Context(), webkit.AskedAs(r)) }

func sourceHref(name string) string { return "/sources/" + url.PathEscape(name) }

func (d SourceDeps) listPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	all, err := d.Registry.Sources(ctx)
	return webkit.Page{Title: webkit.T(ctx, "sources.title"), Active: "alerts", Live: []string{"alert"}, Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "sources.title")}}, Body: sourceListPage(viewSources(ctx, all))}, err
}

// newPage asks for the kind, and then for the rest.
func (d SourceDeps) newPage(r *http.Request, wrong string) (webkit.Page, error) {
	ctx := r.Context()
	v := viewNewSource(ctx, ingest.Kind(r.FormValue("kind")), formOf(r), wrong)
	v.Form.Services(d.services(ctx))
	p := webkit.Page{Title: webkit.T(ctx, "sources.new"), Active: "alerts", Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "sources.title"), Href: "/sources"}, {Text: webkit.T(ctx, "sources.new")}}, Body: newSourcePage(v)}
	if wrong != "" {
		p.Status = http.StatusUnprocessableEntity
	}
	return p, nil
}

func (d SourceDeps) services(ctx context.Context) []webkit.Choice {
	var out []webkit.Choice
	for _, s := range d.Catalog.Services(ctx) {
		out = append(out, webkit.Choice{Value: s.ID, Text: s.ID})
	}
	return out
}

// formOf reads what somebody typed.
func formOf(r *http.Request) sourceForm {
	f := sourceForm{
		Name: strings.TrimSpace(r.FormValue("name")), Service: r.FormValue("service"), Severity: r.FormValue("severity"),
		Every: strings.TrimSpace(r.FormValue("every")), Silence: r.FormValue("silence"), Secret: r.FormValue("secret"),
	}
	f.Mapping = ingest.Mapping{
		Each: r.FormValue("m_each"), Firing: r.FormValue("m_firing"), Rule: r.FormValue("m_rule"), Service: r.FormValue("m_service"), Key: r.FormValue("m_key"),
		Severity: r.FormValue("m_severity"), Summary: r.FormValue("m_summary"), Labels: r.FormValue("m_labels"), URL: r.FormValue("m_url"),
	}
	return f
}

func (f sourceForm) edit() (ingest.Edit, error) {
	return SourceFields{Service: f.Service, Severity: f.Severity, Every: f.Every, Silence: f.Silence, Secret: f.Secret, Mapping: f.Mapping}.edit()
}

func mendable(err error) bool {
	k := errs.KindOf(err)
	return k == errs.Invalid || k == errs.Conflict
}

func (d SourceDeps) create(w http.ResponseWriter, r *http.Request) {
	f := formOf(r)
	e, err := f.edit()
	if err == nil {
		s := ingest.Source{Name: f.Name, Kind: ingest.Kind(r.FormValue("kind")), Service: e.Service, Severity: e.Severity, Every: e.Every, Silence: e.Silence, Mapping: e.Mapping}
		_, _, err = d.Registry.Create(r.Context(), s, e.Secret, d.by(r))
	}
	switch {
	case err == nil:
		http.Redirect(w, r, sourceHref(f.Name), http.StatusSeeOther)
	case mendable(err):
		d.Kit.Page(func(r *http.Request) (webkit.Page, error) { return d.newPage(r, err.Error()) }).ServeHTTP(w, r)
	default:
		d.Kit.Fail(w, r, err)
	}
}

func (d SourceDeps) edit(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	err := d.change(r, name)
	switch {
	case err == nil:
		webkit.SetFlash(w, webkit.Flash{State: webkit.OK, Text: webkit.T(d.Kit.Context(r), "sources.done.edit", name)})
		http.Redirect(w, r, sourceHref(name), http.StatusSeeOther)
	case mendable(err):
		f := formOf(r)
		d.Kit.Page(func(r *http.Request) (webkit.Page, error) {
			return d.page(r, pageAsk{form: &f, wrong: err.Error()})
		}).ServeHTTP(w, r)
	default:
		d.Kit.Fail(w, r, err)
	}
}

// change saves the settings or, where the form says so, the mapping.
func (d SourceDeps) change(r *http.Request, name string) error {
	s, _, err := d.Registry.Source(r.Context(), name)
	if err != nil {
		return err
	}
	e, err := formOf(r).edit()
	if r.FormValue("part") == "mapping" {
		e = ingest.Edit{Service: s.Service, Severity: s.Severity, Every: s.Every, Silence: s.Silence, Mapping: e.Mapping}
	} else {
		e.Mapping = s.Mapping
	}
	if err != nil {
		return err
	}
	_, err = d.Registry.Edit(r.Context(), name, e, d.by(r))
	return err
}

// pageAsk is what a source's page shows besides the source.
type pageAsk struct {
	form  *sourceForm // what was typed and is not saved
	wrong string
	tried *trialView
}

func (d SourceDeps) page(r *http.Request, ask pageAsk) (webkit.Page, error) {
	ctx := r.Context()
	detail, err := d.detail(ctx, r.PathValue("name"))
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewSource(ctx, detail, ask)
	v.Form.Services(d.services(ctx))
	p := webkit.Page{
		Title: detail.Source.Name, Active: "alerts", Live: []string{"alert", ingest.Subject(detail.Source.Name)},
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "sources.title"), Href: "/sources"}, {Text: detail.Source.Name}}, Body: sourcePage(v),
	}
	if ask.wrong != "" {
		p.Status = http.StatusUnprocessableEntity
	}
	return p, nil
}

// tryPage reads a payload through the mapping in the form. Nothing is saved.
func (d SourceDeps) tryPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	s, _, err := d.Registry.Source(ctx, r.PathValue("name"))
	if err != nil {
		return webkit.Page{}, err
	}
	f := formOf(r)
	body := r.FormValue("payload")
	if body == "" {
		kept, err := d.Registry.Payloads(ctx, s.Name)
		if err != nil {
			return webkit.Page{}, err
		}
		for _, p := range kept {
			if p.ID == r.FormValue("payload_id") || r.FormValue("payload_id") == "" {
				body = string(p.Body)
				break
			}
		}
	}
	trial, err := d.try(ctx, s, f.Mapping, []byte(body))
	if err != nil && !errs.Permanent(err) {
		return webkit.Page{}, err
	}
	return d.page(r, pageAsk{form: &f, tried: viewTrial(ctx, trial, body, err)})
}
