package sloweb

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo/review"
)

const (
	heldShown  = 50
	reportTime = 60 * time.Second // then a report says that it takes too long
)

func (w *door) reviewsPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	all, err := w.Governed.Reviews.Standings(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	held, err := w.Governed.Reviews.Store.Reviews(ctx, "", heldShown)
	if err != nil {
		return webkit.Page{}, err
	}
	return webkit.Page{
		Title: webkit.T(ctx, "review.nav"), Active: "slos", Live: []string{"slo", "config"}, Body: reviewsPage(viewReviews(ctx, all, held, w.names(ctx))),
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "review.nav")}},
	}, nil
}

func (w *door) reviewPage(r *http.Request) (webkit.Page, error) {
	ctx, service := r.Context(), r.PathValue("id")
	held, err := w.Governed.Reviews.Store.Reviews(ctx, service, heldShown)
	if err != nil {
		return webkit.Page{}, err
	}
	var agenda review.Agenda
	var signed *heldView
	if id := r.URL.Query().Get("held"); id != "" {
		rec, err := w.Governed.Reviews.Store.Review(ctx, id)
		if err != nil {
			return webkit.Page{}, err
		}
		if rec.Service != service {
			return webkit.Page{}, errs.New(errs.NotFound, "review %q is not of %s", id, service)
		}
		agenda, signed = rec.Agenda, &viewHeld(ctx, []review.Record{rec}, w.names(ctx))[0]
	} else if agenda, err = w.Governed.Reviews.Agenda(ctx, service); err != nil {
		return webkit.Page{}, err
	}
	name := w.Service(ctx, service)
	v := viewAgenda(ctx, agenda, name)
	v.Held, v.Signed, v.ActAs = viewHeld(ctx, held, w.names(ctx)), signed, w.actAs(r)
	return webkit.Page{
		Title: webkit.T(ctx, "review.title", name), Active: "slos", Body: reviewPage(v),
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "review.nav"), Href: "/slos/reviews"}, {Text: name}},
	}, nil
}

func (w *door) holdForm(r *http.Request) (webkit.Done, error) {
	ctx, service := r.Context(), r.PathValue("id")
	rec, err := w.Governed.Reviews.Hold(ctx, service, r.PostFormValue("decision"), r.PostFormValue("notes"), auth.Actor(ctx, webkit.AskedAs(r)), "web")
	return webkit.Done{To: "/slos/reviews/of/" + url.PathEscape(service) + "?held=" + url.QueryEscape(rec.ID), Flash: webkit.T(ctx, "review.done", w.Service(ctx, service))}, err
}

// report makes the report that a query asks for.
func (w *door) report(ctx context.Context, name, zone, service string) (review.Report, error) {
	if zone == "" {
		zone = "UTC"
	}
	p, name, err := review.ParsePeriod(name, zone, w.Now())
	if err != nil {
		return review.Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	return w.Governed.Reviews.Report(ctx, name, p, zone, service)
}

func (w *door) reportPage(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	rep, err := w.report(ctx, q.Get("period"), q.Get("zone"), q.Get("service"))
	if err != nil {
		return webkit.Page{}, err
	}
	return webkit.Page{
		Title: webkit.T(ctx, "report.title", rep.Name), Active: "slos", Body: reportPage(viewReport(ctx, rep, q.Get("service"), w.names(ctx))),
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "report.title", rep.Name)}},
	}, nil
}

func (w *door) reportCSV(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	rep, err := w.report(r.Context(), q.Get("period"), q.Get("zone"), q.Get("service"))
	var text bytes.Buffer
	if err == nil {
		err = writeCSV(&text, rep)
	}
	if err != nil {
		httpd.Fail(w.Log, rw, r, err)
		return
	}
	rw.Header().Set("Content-Type", "text/csv; charset=utf-8")
	rw.Header().Set("Content-Disposition", `attachment; filename="slo-`+rep.Name+`.csv"`) // a period has no quotes
	rw.Write(text.Bytes())
}
