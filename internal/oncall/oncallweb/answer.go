package oncallweb

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// answerRoutes are where the buttons of messages lead: whoever holds the link may
// answer, and nobody signs in at night.
func (d Deps) answerRoutes() []httpd.Route {
	return []httpd.Route{
		{Pattern: "GET /a/{token}", Access: httpd.Public, Handler: http.HandlerFunc(d.askPage)},
		{Pattern: "POST /a/{token}", Access: httpd.Public, Handler: http.HandlerFunc(d.answerForm)},
	}
}

// answerInput is what the page of a link shows.
type answerInput struct {
	token    string
	do       string // the button that was tapped in the message
	delivery oncall.Delivery
	page     oncall.Page
	others   []oncall.Page // that the same message told of
	names    names
	said     string // after an answer
}

type answerView struct {
	Title, Service, Summary string
	State                   webkit.State
	Standing                string
	For                     string
	Since                   time.Time
	To, Page                string
	Said                    string
	Shadow                  bool
	Also                    []alsoPage
	Buttons                 []answerButton // the first is the large one
}

// alsoPage is a page that the same message told of.
type alsoPage struct {
	Service, Summary, Page, Standing string
	State                            webkit.State
}

type answerButton struct{ Do, Text string }

// viewAnswer says what the page of a link shows. It is pure.
func viewAnswer(ctx context.Context, in answerInput) answerView {
	p, d := in.page, in.delivery
	v := answerView{
		Title: webkit.T(ctx, "oncall.page.title", p.Service), Service: p.Service, Summary: p.Summary, State: lookPage(p), Said: in.said,
		Standing: standing(ctx, pageInput{page: p, names: in.names}), For: in.names.of(d.Person), Since: p.OpenedAt,
		To: "/a/" + url.PathEscape(in.token), Page: pageHref(p.ID), Shadow: d.Kind == oncall.KindShadow,
	}
	if v.Summary == "" {
		v.Summary = v.Title
	}
	open, calls := stands(p), p.State == oncall.Calling && !d.PassedOn(p)
	for _, o := range in.others {
		v.Also = append(v.Also, alsoPage{o.Service, o.Summary, pageHref(o.ID), standing(ctx, pageInput{page: o, names: in.names}), lookPage(o)})
		open, calls = open || stands(o), calls || o.State == oncall.Calling
	}
	if in.said != "" || !open {
		return v
	}
	v.Buttons = []answerButton{{notify.Ack, webkit.T(ctx, "oncall.ack")}}
	if calls && !v.Shadow {
		v.Buttons = append(v.Buttons, answerButton{notify.Decline, webkit.T(ctx, "oncall.decline")})
	}
	if in.do == notify.Decline && len(v.Buttons) == 2 {
		v.Buttons[0], v.Buttons[1] = v.Buttons[1], v.Buttons[0]
	}
	return v
}

// stands reports whether a page still wants an answer.
func stands(p oncall.Page) bool { return p.State != oncall.Closed && p.State != oncall.Answered }

// asked returns what a link leads to, and r in the language and by the clocks of
// whom it is for.
func (d Deps) asked(r *http.Request) (*http.Request, answerInput, error) {
	in := answerInput{token: r.PathValue("token"), do: r.FormValue("do")}
	var err error
	if in.delivery, err = d.Pager.Asked(r.Context(), in.token); err != nil {
		return r, in, err
	}
	if who, err := d.Catalog.Person(r.Context(), in.delivery.Person); err == nil {
		r = webkit.For(r, who.Lang, who.Zone)
	}
	in.names = d.names(r.Context())
	err = d.tells(r.Context(), &in)
	return r, in, err
}

// tells loads the pages that the message of a link told of.
func (d Deps) tells(ctx context.Context, in *answerInput) (err error) {
	if in.delivery.Page == "" {
		return nil // a canary
	}
	if in.page, _, err = d.Pager.Page(ctx, in.delivery.Page); err != nil {
		return err
	}
	in.others, err = d.Pager.Bundle(ctx, in.delivery.ID)
	return err
}

// askPage changes nothing: whoever looks at links before people do has not
// answered.
func (d Deps) askPage(w http.ResponseWriter, r *http.Request) {
	r, in, err := d.asked(r)
	d.Kit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.showAnswer(w, r, in, err) })).ServeHTTP(w, r)
}

// answerForm is what the buttons do: those of the page, of a notification, and of
// apps that post to the link of an action.
func (d Deps) answerForm(w http.ResponseWriter, r *http.Request) {
	r, in, err := d.asked(r)
	d.Kit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err == nil {
			in.said, err = d.answered(r, in)
		}
		if err == nil {
			err = d.tells(r.Context(), &in)
		}
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			d.showAnswer(w, r, in, err)
			return
		}
		status, text := http.StatusOK, in.said
		if err != nil {
			status, text = answerStatus(err), lost(r.Context(), err)
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text + "\n")) // the reader has gone; nobody is left to tell
	})).ServeHTTP(w, r)
}

func (d Deps) answered(r *http.Request, in answerInput) (string, error) {
	ctx := r.Context()
	via := r.PostFormValue("via")
	if via == "" {
		via = in.delivery.Channel
	}
	said, err := d.Pager.Answered(ctx, notify.Answer{Channel: notify.Line(via, 64), Action: in.do, Token: in.token})
	if err == nil && said == "" {
		said = webkit.T(ctx, "oncall.a.thanks") // a canary came back
	}
	return said, err
}

func (d Deps) showAnswer(w http.ResponseWriter, r *http.Request, in answerInput, err error) {
	ctx := r.Context()
	w.Header().Set("Cache-Control", "no-store")
	if errs.KindOf(err) == errs.Internal && err != nil {
		d.Kit.Fail(w, r, err)
		return
	}
	page := webkit.Page{Title: webkit.T(ctx, "oncall.a.lost"), Bare: true}
	switch {
	case err != nil:
		page.Status, page.Body = answerStatus(err), lostPage(lost(ctx, err))
	case in.delivery.Page == "":
		page.Title, page.Body = webkit.T(ctx, "oncall.kind.canary"), lostPage(webkit.T(ctx, "oncall.a.thanks"))
	default:
		v := viewAnswer(ctx, in)
		page.Title, page.Body = v.Title, answerPage(v)
	}
	d.Kit.Render(w, r, page)
}

// answerStatus is the status of a link that does not answer.
func answerStatus(err error) int {
	switch errs.KindOf(err) {
	case errs.Denied, errs.Unauthenticated:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Invalid:
		return http.StatusUnprocessableEntity
	case errs.Conflict:
		return http.StatusConflict
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	case errs.Internal:
	}
	return http.StatusInternalServerError
}

// lost says why a link does not answer.
func lost(ctx context.Context, err error) string {
	if errs.KindOf(err) == errs.NotFound {
		return webkit.T(ctx, "oncall.a.gone")
	}
	if errs.KindOf(err) == errs.Denied {
		return webkit.T(ctx, "oncall.a.denied")
	}
	if errs.KindOf(err) == errs.Invalid {
		return webkit.T(ctx, "oncall.a.invalid")
	}
	return webkit.T(ctx, "oncall.a.failed")
}
