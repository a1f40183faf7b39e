package sloweb

import (
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/change"
)

func (w *door) list(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	f := filter{Text: q.Get("q"), Service: q.Get("service"), Parent: q.Get("parent"), State: q.Get("state"), Sort: q.Get("sort"), After: q.Get("after"), Limit: pageSize}
	return w.listOf(ctx, w.standings(), f), nil
}

// family is the list of the instances of a grouped objective, which has no page of
// its own.
func (w *door) family(r *http.Request, missing error) (webkit.Page, bool) {
	id, all := r.PathValue("id"), w.standings()
	if missing == nil || !slices.ContainsFunc(all, func(s slo.Standing) bool { return s.Objective.Parent == id }) {
		return webkit.Page{}, false
	}
	own, _ := pick(all, filter{Parent: id})
	p := w.listOf(r.Context(), own, filter{Parent: id, Sort: r.URL.Query().Get("sort"), After: r.URL.Query().Get("after"), Limit: pageSize})
	name := ownName(own[0].Objective)
	p.Title, p.Crumbs = name, []webkit.Crumb{{Text: name}}
	return p, true
}

func (w *door) listOf(ctx context.Context, all []slo.Standing, f filter) webkit.Page {
	v := viewList(ctx, all, f)
	v.Head.Actions = subnav("slos")
	for i := range v.Rows {
		v.Rows[i].Spark = w.sparkOf(ctx, v.Rows[i].standing)
		if v.Rows[i].Service != "" {
			v.Rows[i].Service = w.Service(ctx, v.Rows[i].Service)
		}
	}
	return webkit.Page{Title: webkit.T(ctx, "slo.nav"), Active: "slos", Live: []string{"slo", "config"}, Body: listPage(v)}
}

// sparkOf is a spark that is known already; nil has the browser ask for it.
func (w *door) sparkOf(ctx context.Context, s slo.Standing) *webkit.SparkLine {
	lefts, ok := w.past.sparkNow(s.Objective)
	if !ok {
		return nil
	}
	line := viewSpark(ctx, s, lefts)
	return &line
}

func (w *door) find(id string) (slo.Standing, error) {
	o, s, ok := w.SLOs.Objective(id)
	switch {
	case !ok:
		return slo.Standing{}, errs.New(errs.NotFound, "there is no SLO %q", id)
	case o.PartOf != "":
		return slo.Standing{}, errs.New(errs.NotFound, "%q is a part of the SLO %q, which shows it", id, o.PartOf)
	}
	return slo.Standing{Objective: o, Status: s}, nil
}

func (w *door) spark(r *http.Request) (webkit.Page, error) {
	s, err := w.find(r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	lefts, err := w.past.burnDown(r.Context(), s.Objective, sparkSteps)
	if err != nil {
		lefts = nil // the spark says "no data"; the page of the objective says why
	}
	return webkit.Page{Title: s.Objective.Name, Active: "slos", Body: webkit.Spark(viewSpark(r.Context(), s, lefts))}, nil
}

func (w *door) show(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	s, err := w.find(r.PathValue("id"))
	if v, grouped := w.family(r, err); grouped {
		return v, nil
	}
	if err != nil {
		return webkit.Page{}, err
	}
	now := w.Now().UTC()
	rng := webkit.ParseRange(r.URL.Query(), webkit.Range{From: "now-6h", To: "now"})
	service := w.Service(ctx, s.Objective.Service)
	v := detailView{
		ID: s.Objective.ID, Head: detailHead(ctx, s, service, now), Problem: s.Status.Problem, Facts: viewFacts(ctx, s, service, now),
		Promise: viewPromise(ctx, s.Objective), Pairs: viewPairs(ctx, s), Windows: viewWindows(ctx, s),
		Expr: w.expr(s), Source: s.Objective.Source, Doc: s.Objective.Doc,
	}
	v.Proof = w.proof(ctx, s.Objective)
	v.WhatIf = w.whatIf(ctx, s, r.URL.Query())
	v.Watched, v.Parts, v.How = viewConditions(ctx, s), w.viewParts(ctx, s.Objective), w.viewCounting(ctx, s.Objective, now)
	if err := w.addPast(ctx, s, rng, &v); err != nil {
		return webkit.Page{}, err
	}
	return webkit.Page{
		Title: s.Objective.Name, Active: "slos", Range: &rng, Body: detailPage(v),
		Live:   []string{slo.Subject(s.Objective.ID), "incident", "config"},
		Crumbs: []webkit.Crumb{{Text: service, Href: "/slos?service=" + s.Objective.Service}, {Text: s.Objective.Name}},
	}, nil
}

// expr is the expression that decides: the worst pair's, or the first one's.
func (w *door) expr(s slo.Standing) string {
	window := s.Objective.Window
	if len(s.Objective.Pairs) > 0 {
		window = s.Objective.Pairs[0].Long
	}
	if p, ok := s.Status.Worst(); ok {
		window = p.Long
	}
	return w.History.Expr(s.Objective, window)
}

// addPast adds what has to be counted or read: charts and ledger. A source that
// does not answer is said on the page and fails nothing else.
func (w *door) addPast(ctx context.Context, s slo.Standing, rng webkit.Range, v *detailView) error {
	now := w.Now().UTC()
	from, to := rng.Resolve(now)
	to = earlier(to, now)
	if span := to.Sub(from); span < 10*time.Minute {
		from = to.Add(-10 * time.Minute)
	}
	o := s.Objective
	records, err := w.happened(ctx, o, earlier(from, now.Add(-o.Window)))
	if err != nil {
		return err
	}
	marks := append(moments(ctx, records, now), w.corrected(ctx, o, earlier(from, now.Add(-o.Window)), now)...)

	lines := make([]burnLine, len(chartWindows(o)))
	var lefts []slo.Left
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	g.Go(func() error {
		l, err := w.past.burnDown(gctx, o, burnDownSteps)
		if err != nil {
			v.DownErr = err.Error()
		}
		lefts = l
		return nil
	})
	g.Go(func() error {
		l, err := w.spent(gctx, o)
		if err != nil {
			v.SpentErr = err.Error()
		}
		v.Ledger = l
		return nil
	})
	failed := make([]string, len(lines))
	for i, window := range chartWindows(o) {
		g.Go(func() error {
			c, err := w.past.burns(gctx, o, window, from, to)
			if err != nil {
				failed[i] = err.Error()
			}
			lines[i] = burnLine{window, c}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, f := range failed {
		if f != "" {
			v.BurnsErr = f
		}
	}
	v.BurnDown = burnDownChart(ctx, s, lefts, marks, now)
	v.Burns = burnChart(ctx, s, lines, from, to, marks)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// happened reads what the log holds about an objective and its service's
// incidents since a time, newest first.
func (w *door) happened(ctx context.Context, o slo.Objective, since time.Time) ([]event.Record, error) {
	own, err := w.Events.Events(ctx, event.Query{Subjects: []string{slo.Subject(o.ID)}, From: since, Newest: true, Limit: 200})
	if err != nil {
		return nil, err
	}
	incidents, err := w.Events.Events(ctx, event.Query{
		Services: []string{o.Service}, Names: []string{"incident.declared", "incident.resolved", change.Name}, From: since, Newest: true, Limit: 200,
	})
	return append(own, incidents...), err
}

// panel is a service's objectives, on the page of the service.
func (w *door) panel(r *http.Request) (webkit.Page, error) {
	ctx, id := r.Context(), r.PathValue("id")
	v := viewList(ctx, w.standings(), filter{Service: id, Limit: pageSize})
	for i := range v.Rows {
		v.Rows[i].Spark = w.sparkOf(ctx, v.Rows[i].standing)
	}
	name := w.Service(ctx, id)
	return webkit.Page{
		Title: name, Active: "slos", Live: []string{"slo"}, Body: panelBody(id, v),
		Crumbs: []webkit.Crumb{{Text: name, Href: "/services/" + id}, {Text: webkit.T(ctx, "slo.nav")}},
	}, nil
}
