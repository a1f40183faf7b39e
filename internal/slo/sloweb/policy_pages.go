package sloweb

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo/policy"
)

// PolicyRoutes are the pages about policies, reviews and reports, and their forms.
func PolicyRoutes(d Deps) []httpd.Route {
	w := open(d)
	page := func(pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: httpd.Viewer, Handler: d.Kit.Page(fn)}
	}
	form := func(pattern string, fn func(*http.Request) (webkit.Done, error)) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: httpd.Responder, Handler: webkit.KeepAs(d.Kit.Post(fn))}
	}
	return []httpd.Route{
		page("/gate", w.gatePage),
		form("/gate/overrides", w.overrideForm),
		form("/gate/overrides/{id}/end", w.endOverrideForm),
		page("/slos/reviews", w.reviewsPage),
		page("/slos/reviews/of/{id}", w.reviewPage),
		form("/slos/reviews/of/{id}", w.holdForm),
		page("/slos/report", w.reportPage),
		{Pattern: "GET /slos/report.csv", Access: httpd.Viewer, Handler: http.HandlerFunc(w.reportCSV)},
	}
}

// PolicyNav is the entry of the gate in the rail.
func PolicyNav() []webkit.NavItem {
	return []webkit.NavItem{{Key: "gate", Href: "/gate", TextKey: "gate.nav", Icon: "deploy", Hotkey: "t", Order: 35}}
}

func (w *door) names(ctx context.Context) func(string) string {
	return func(id string) string { return w.Service(ctx, id) }
}

func (w *door) gatePage(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	all, err := w.Governed.Gate.Standings(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewGate(ctx, all, func(service string) string {
		p, err := w.Governed.Gate.PolicyFor(ctx, service)
		if err != nil {
			return "—"
		}
		return p.Name
	}, w.names(ctx))
	for _, s := range w.Governed.Services.Services(ctx) {
		v.Services = append(v.Services, webkit.Choice{Value: s.ID, Text: s.Name})
	}
	v.Try = tryView{Service: q.Get("service"), Class: q.Get("class")}
	if v.Try.Service != "" && v.Try.Class != "" {
		verdict, err := w.Governed.Gate.Try(ctx, policy.Change{Service: v.Try.Service, Class: v.Try.Class})
		switch {
		case err == nil:
			v.Try = viewTry(ctx, v.Try.Service, v.Try.Class, verdict)
		case errs.Permanent(err):
			v.Try.Problem = err.Error()
		default:
			return webkit.Page{}, err
		}
	}
	overrides, err := w.Governed.Gate.Overrides(ctx, "")
	if err != nil {
		return webkit.Page{}, err
	}
	v.Overrides = viewOverrides(ctx, overrides, w.names(ctx))
	v.Form = overrideForm{Service: q.Get("o_service"), Class: q.Get("o_class"), Reason: q.Get("o_reason"), Hours: q.Get("o_hours"), Failed: q.Get("o_failed")}
	if v.Form.Service == "" {
		v.Form.Service = v.Try.Service
	}
	if v.Form.Hours == "" {
		v.Form.Hours = "1"
	}
	v.ActAs = w.actAs(r)
	return webkit.Page{Title: webkit.T(ctx, "gate.nav"), Active: "gate", Live: []string{"slo", "config"}, Body: gatePage(v)}, nil
}

// actAs offers people where nobody is signed in.
func (w *door) actAs(r *http.Request) webkit.ActAs {
	if auth.From(r.Context()).Kind != auth.ByLocal || w.Governed.People == nil {
		return webkit.ActAs{}
	}
	return webkit.ActAs{Value: webkit.AskedAs(r), Choices: w.Governed.People(r.Context())}
}

func (w *door) overrideForm(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	class := r.PostFormValue("class")
	if class == "" {
		class = policy.Any
	}
	hours, err := strconv.Atoi(r.PostFormValue("hours"))
	if err != nil || hours < 1 || hours > 744 {
		hours = 0 // the gate says how long it may be
	}
	o := policy.Override{
		Service: r.PostFormValue("service"), Class: class, Reason: r.PostFormValue("reason"),
		Expires: w.Now().Add(time.Duration(hours) * time.Hour), Approver: auth.Actor(ctx, webkit.AskedAs(r)),
	}
	made, err := w.Governed.Gate.Override(ctx, o, "web")
	if err != nil && errs.Permanent(err) {
		back := url.Values{"o_service": {o.Service}, "o_class": {r.PostFormValue("class")}, "o_reason": {o.Reason}, "o_hours": {r.PostFormValue("hours")}, "o_failed": {err.Error()}}
		return webkit.Done{To: "/gate?" + back.Encode() + "#override"}, nil
	}
	return webkit.Done{To: "/gate", Flash: webkit.T(ctx, "gate.override.done", w.Service(ctx, made.Service))}, err
}

func (w *door) endOverrideForm(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	err := w.Governed.Gate.Revoke(ctx, r.PathValue("id"), auth.Actor(ctx, webkit.AskedAs(r)), "web")
	return webkit.Done{To: "/gate", Flash: webkit.T(ctx, "gate.override.ended")}, err
}
