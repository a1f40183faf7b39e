package alertweb

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const maxSilenceForm = 1 << 20

// SilenceRoutes are the pages of silences and their forms.
func SilenceRoutes(d Deps) []httpd.Route {
	page := func(pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: httpd.Viewer, Handler: d.Kit.Page(fn)}
	}
	form := func(pattern string, fn http.HandlerFunc) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: httpd.Responder, MaxBody: maxSilenceForm, Handler: webkit.KeepAs(fn)}
	}
	return []httpd.Route{
		page("/silences", d.silenceList),
		page("/silences/new", d.newSilence),
		page("/silences/{id}", d.silencePage),
		form("/silences", d.postSilence),
		form("/silences/{id}/extend", d.postExtend),
		form("/silences/{id}/expire", d.Kit.Post(func(r *http.Request) (webkit.Done, error) {
			ctx := r.Context()
			err := d.Routes.Live.Expire(ctx, r.PathValue("id"), d.by(r))
			return webkit.Done{To: "/silences", Flash: webkit.T(ctx, "silences.done.expire")}, err
		}).ServeHTTP),
	}
}

func (d Deps) by(r *http.Request) string { return auth.Actor(r.Context(), webkit.AskedAs(r)) }

func silenceHref(id string) string { return "/silences/" + url.PathEscape(id) }

func (d Deps) silenceList(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	all, err := d.silences(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	return webkit.Page{
		Title: webkit.T(ctx, "silences.title"), Active: "alerts", Live: []string{"alert"},
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "silences.title")}}, Body: silenceListPage(viewSilences(ctx, all, d.names(ctx), r.URL.Query().Get("state"))),
	}, nil
}

// silenceForm is what somebody typed, or is offered.
type silenceForm struct {
	ID, Alert, Matchers, Comment string
	For                          string // "1h", "4h", "tomorrow" or "custom"
	Starts, Ends                 string // of a form; "" is now
	Offered                      []string
	Ticked                       []string // those of the offered that are meant
	Confirm                      bool
}

const formTime = "2006-01-02T15:04"

// lines are all matchers of the form.
func (f silenceForm) lines() string {
	return strings.Join(append(slices.Clone(f.Ticked), f.Matchers), "\n")
}

// readSilence reads a form, or the address of a prefilled one.
func readSilence(r *http.Request) silenceForm {
	f := silenceForm{
		ID: r.FormValue("id"), Alert: r.FormValue("alert"), Matchers: r.FormValue("matchers"), Comment: strings.TrimSpace(r.FormValue("comment")), For: r.FormValue("for"),
		Starts: r.FormValue("starts"), Ends: r.FormValue("ends"), Offered: r.Form["offered"], Ticked: r.Form["m"], Confirm: r.FormValue("confirm") == "true",
	}
	if !slices.Contains([]string{"1h", "4h", "tomorrow", "custom"}, f.For) {
		f.For = "1h"
	}
	return f
}

// silence is what the form means.
func (d Deps) silenceFrom(ctx context.Context, f silenceForm, by string) (dispatch.Silence, error) {
	now := d.Now()
	s := dispatch.Silence{ID: f.ID, StartsAt: now, CreatedBy: by, Comment: f.Comment}
	var err error
	if f.Starts != "" {
		if s.StartsAt, err = readTime(ctx, f.Starts); err != nil {
			return s, err
		}
	}
	if old, ok := d.Routes.State.Silence(f.ID); ok && old.State(now) == dispatch.SilenceActive {
		s.StartsAt = old.StartsAt
	}
	from := s.StartsAt
	if from.Before(now) {
		from = now
	}
	switch f.For {
	case "1h":
		s.EndsAt = from.Add(time.Hour)
	case "4h":
		s.EndsAt = from.Add(4 * time.Hour)
	case "tomorrow":
		s.EndsAt = tomorrow(from, webkit.Zone(ctx))
	default:
		if s.EndsAt, err = readTime(ctx, f.Ends); err != nil {
			return s, err
		}
	}
	s.StartsAt, s.EndsAt = s.StartsAt.UTC(), s.EndsAt.UTC()
	ms, err := am.ParseMatchers(f.lines())
	s.Matchers = am.OfMatchers(ms)
	return s, err
}

// newSilence offers a form: empty, made of an alert's labels, or like another
// silence.
func (d Deps) newSilence(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	if err := r.ParseForm(); err != nil {
		return webkit.Page{}, errs.New(errs.Invalid, "read the address: %w", err)
	}
	f := readSilence(r)
	if from := r.FormValue("from"); from != "" {
		s, ok := d.Routes.State.Silence(from)
		if !ok {
			return webkit.Page{}, errs.New(errs.NotFound, "silence %q does not exist", from)
		}
		f.Matchers, f.Comment = am.MatcherText(s.Matchers), s.Comment
	}
	if f.Alert != "" && len(f.Offered) == 0 {
		a, err := d.Inbox.Alert(ctx, f.Alert)
		if err != nil {
			return webkit.Page{}, err
		}
		f.Offered = offered(named(setOf(a)))
		f.Ticked = f.Offered
	}
	ask := silenceAsk{form: f}
	if strings.TrimSpace(f.lines()) != "" {
		if err := d.look(ctx, &ask, d.by(r)); err != nil && !mendable(err) {
			return webkit.Page{}, err
		}
	}
	return d.silenceFormPage(r, ask), nil
}

// offered are the matchers that say each label of an alert.
func offered(set dispatch.Set) (out []string) {
	for n, v := range set.All() {
		out = append(out, am.MatcherText([]dispatch.Matcher{{Name: n, Value: v}}))
	}
	return out
}

// silenceAsk is a form with what came of it.
type silenceAsk struct {
	form    silenceForm
	wrong   string
	preview *SilencePreview
	ends    time.Time
	row     *SilenceRow // of the silence that is changed
}

// look has a preview of the form.
func (d Deps) look(ctx context.Context, ask *silenceAsk, by string) error {
	s, err := d.silenceFrom(ctx, ask.form, by)
	if err == nil {
		var p SilencePreview
		if p, err = d.preview(ctx, s, by); err == nil {
			ask.preview, ask.ends = &p, s.EndsAt
		}
	}
	if err != nil {
		ask.wrong = err.Error()
	}
	return err
}

func (d Deps) silencePage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	detail, err := d.silenceDetail(ctx, r.PathValue("id"), d.by(r))
	if err != nil {
		return webkit.Page{}, err
	}
	f := silenceForm{
		ID: detail.ID, Matchers: strings.Join(detail.Matchers, "\n"), Comment: detail.Comment, For: "custom",
		Starts: detail.StartsAt.In(webkit.Zone(ctx)).Format(formTime), Ends: detail.EndsAt.In(webkit.Zone(ctx)).Format(formTime),
	}
	return d.silenceFormPage(r, silenceAsk{form: f, preview: &detail.Preview, ends: detail.EndsAt, row: &detail.SilenceRow}), nil
}

func (d Deps) silenceFormPage(r *http.Request, ask silenceAsk) webkit.Page {
	ctx := r.Context()
	if ask.row == nil && ask.form.ID != "" {
		if s, ok := d.Routes.State.Silence(ask.form.ID); ok {
			row := silenceRow(s, d.Now())
			ask.row = &row
		}
	}
	v := viewSilenceForm(ctx, ask, d.names(ctx))
	v.ActAs = d.actAs(r)
	p := webkit.Page{
		Title: v.Head.Sentence, Active: "alerts", Body: silenceFormBody(v),
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "silences.title"), Href: "/silences"}, {Text: v.Crumb}},
	}
	if ask.wrong != "" && r.Method == http.MethodPost {
		p.Status = http.StatusUnprocessableEntity
	}
	return p
}

// postSilence previews what is typed, or sets it.
func (d Deps) postSilence(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(d.Kit.Context(r))
	ctx := r.Context()
	if err := r.ParseForm(); err != nil {
		d.Kit.Fail(w, r, errs.New(errs.Invalid, "read the form: %w", err))
		return
	}
	ask := silenceAsk{form: readSilence(r)}
	show := func() {
		d.Kit.Page(func(r *http.Request) (webkit.Page, error) { return d.silenceFormPage(r, ask), nil }).ServeHTTP(w, r)
	}
	if r.PostFormValue("do") != "save" {
		if err := d.look(ctx, &ask, d.by(r)); err != nil && !mendable(err) {
			d.Kit.Fail(w, r, err)
			return
		}
		show()
		return
	}
	s, err := d.silenceFrom(ctx, ask.form, d.by(r))
	if err == nil && s.Comment == "" {
		err = errs.New(errs.Invalid, "%s", webkit.T(ctx, "silences.wrong.comment"))
	}
	var id string
	if err == nil {
		var p SilencePreview
		if id, p, err = d.setSilence(ctx, s, ask.form.Confirm); len(p.Warnings) > 0 {
			ask.preview, ask.ends = &p, s.EndsAt
		}
		if errs.KindOf(err) == errs.Conflict && ask.preview != nil {
			err = errs.New(errs.Invalid, "%s", webkit.T(ctx, "silences.wrong.confirm"))
		}
	}
	switch {
	case err == nil:
		webkit.SetFlash(w, webkit.Flash{State: webkit.OK, Text: webkit.T(ctx, "silences.done.set", s.EndsAt)})
		http.Redirect(w, r, silenceHref(id), http.StatusSeeOther)
	case mendable(err):
		ask.wrong = err.Error()
		show()
	default:
		d.Kit.Fail(w, r, err)
	}
}

// postExtend lets a silence last an hour longer; where that wants a confirmation,
// the form asks for it.
func (d Deps) postExtend(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(d.Kit.Context(r))
	ctx := r.Context()
	id, p, err := d.extend(ctx, r.PathValue("id"), d.by(r), false)
	s, _ := d.Routes.State.Silence(r.PathValue("id"))
	switch {
	case err == nil:
		s, _ = d.Routes.State.Silence(id)
		webkit.SetFlash(w, webkit.Flash{State: webkit.OK, Text: webkit.T(ctx, "silences.done.set", s.EndsAt)})
		http.Redirect(w, r, "/silences", http.StatusSeeOther)
	case len(p.Warnings) > 0:
		ends := s.EndsAt.Add(time.Hour)
		ask := silenceAsk{preview: &p, ends: ends, wrong: webkit.T(ctx, "silences.wrong.confirm"), form: silenceForm{
			ID: s.ID, Matchers: am.MatcherText(s.Matchers), Comment: s.Comment, For: "custom",
			Starts: s.StartsAt.In(webkit.Zone(ctx)).Format(formTime), Ends: ends.In(webkit.Zone(ctx)).Format(formTime),
		}}
		d.Kit.Page(func(r *http.Request) (webkit.Page, error) { return d.silenceFormPage(r, ask), nil }).ServeHTTP(w, r)
	default:
		d.Kit.Fail(w, r, err)
	}
}
