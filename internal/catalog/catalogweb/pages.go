package catalogweb

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

func (w *door) list(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	f := filter{Text: q.Get("q"), Team: q.Get("team"), After: q.Get("after"), Limit: pageSize}
	f.Tier, _ = strconv.Atoi(q.Get("tier")) // what is no number shows all
	all, cells := w.Catalog.Services(ctx), w.Columns(ctx)
	v := listView{Head: listHead(ctx, all, cells), Filter: f, Any: len(all) > 0}
	page, next := pick(all, f)
	v.Next = next
	for _, s := range page {
		v.Rows = append(v.Rows, viewRow(ctx, s, cells(s), func(id string) string { return w.teamName(ctx, id) }))
	}
	v.Teams = []webkit.Choice{{Text: webkit.T(ctx, "catalog.filter.team")}}
	for _, t := range w.Catalog.Teams(ctx) {
		v.Teams = append(v.Teams, webkit.Choice{Value: t.ID, Text: t.Name})
	}
	v.Tiers = []webkit.Choice{{Text: webkit.T(ctx, "catalog.filter.tier")}}
	for n := range 4 {
		v.Tiers = append(v.Tiers, webkit.Choice{Value: strconv.Itoa(n + 1), Text: webkit.T(ctx, "catalog.tier."+strconv.Itoa(n+1))})
	}
	return webkit.Page{Title: webkit.T(ctx, "catalog.nav"), Active: "services", Live: []string{"slo", "alert", "config"}, Body: listPage(v)}, nil
}

func (w *door) show(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	s, err := w.Catalog.Service(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	cells := w.Columns(ctx)
	c := cells(s)
	v := showView{ID: s.ID, Name: s.Name, Head: showHead(ctx, s, c), Facts: facts(ctx, s, c), Links: links(ctx, s)}
	v.Needs, v.Needed = w.neighbours(ctx, s, cells)
	o, err := w.Catalog.Owner(ctx, catalog.Question{Service: s.ID})
	if err != nil {
		return webkit.Page{}, err
	}
	v.Owner = w.viewOwner(ctx, o)
	for _, p := range module.In(w.Panels, "catalog.service", s.ID) {
		v.Panels = append(v.Panels, webkit.Lazy{Title: webkit.T(ctx, p.TitleKey), URL: p.URL})
	}
	return webkit.Page{
		Title: s.Name, Active: "services", Live: []string{"slo", "alert", "incident", "oncall", "config"},
		Crumbs: []webkit.Crumb{{Text: s.Name}}, Body: showPage(v),
	}, nil
}

// links are the runbook and the service's own links.
func links(ctx context.Context, s catalog.Service) []catalog.Link {
	var out []catalog.Link
	if s.Runbook != "" {
		out = append(out, catalog.Link{Title: webkit.T(ctx, "catalog.runbook"), URL: s.Runbook})
	}
	return append(out, s.Links...)
}

func (w *door) teams(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	var rows []webkit.Pair
	for _, t := range w.Catalog.Teams(ctx) {
		var names []string
		for _, m := range t.Members {
			names = append(names, w.personName(ctx, m))
		}
		owns := len(ownedBy(w.Catalog.Services(ctx), t.ID))
		rows = append(rows, webkit.Pair{Key: t.Name, Href: href("/teams/", t.ID), Value: webkit.T(ctx, "catalog.team.line", owns, strings.Join(names, ", "))})
	}
	return webkit.Page{
		Title: webkit.T(ctx, "catalog.teams"), Active: "services", Live: []string{"config"},
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "catalog.teams")}}, Body: teamsPage(rows),
	}, nil
}

func (w *door) team(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	t, err := w.Catalog.Team(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	all, cells := w.Catalog.Services(ctx), w.Columns(ctx)
	var own []catalog.Service
	for _, s := range all {
		if s.Team == t.ID {
			own = append(own, s)
		}
	}
	v := teamView{Head: listHead(ctx, own, cells)}
	v.Head.Title = t.Name
	page, _ := pick(own, filter{})
	for _, s := range page {
		row := viewRow(ctx, s, cells(s), func(string) string { return "" })
		v.Rows = append(v.Rows, row)
	}
	for _, id := range t.Members {
		p, err := w.Catalog.Person(ctx, id)
		if err != nil {
			p = catalog.Person{ID: id, Name: id}
		}
		v.Members = append(v.Members, webkit.Pair{Key: p.Name, Value: p.Email})
	}
	v.Facts = []webkit.Pair{{Key: webkit.T(ctx, "catalog.fact.id"), Value: t.ID}}
	if len(t.Aliases) > 0 {
		v.Facts = append(v.Facts, webkit.Pair{Key: webkit.T(ctx, "catalog.fact.aliases"), Value: strings.Join(t.Aliases, ", ")})
	}
	v.Facts = append(v.Facts, webkit.Pair{Key: webkit.T(ctx, "catalog.fact.source"), Value: t.Source, Href: "/config"})
	return webkit.Page{
		Title: t.Name, Active: "services", Live: []string{"slo", "alert", "config"}, Body: teamPage(v),
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "catalog.teams"), Href: "/teams"}, {Text: t.Name}},
	}, nil
}

// owners answers "who owns this?": of ?q= by guessing what it is, or of exactly
// one of path, host and service.
func (w *door) owners(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	asked := strings.TrimSpace(q.Get("q") + q.Get("path") + q.Get("host") + q.Get("service"))
	var v ownerView
	if asked != "" {
		questions := []catalog.Question{{Service: q.Get("service"), Host: q.Get("host"), Path: q.Get("path")}}
		if q.Get("q") != "" {
			questions = guesses(q.Get("q"), w.Catalog.Services(ctx))
		}
		var err error
		if v, err = w.answer(ctx, questions); err != nil {
			return webkit.Page{}, err
		}
	}
	title := webkit.T(ctx, "catalog.owners")
	return webkit.Page{Title: title, Active: "services", Crumbs: []webkit.Crumb{{Text: title}}, Body: ownersPage(asked, v)}, nil
}

func (w *door) answer(ctx context.Context, questions []catalog.Question) (v ownerView, err error) {
	for _, q := range questions {
		o, err := w.Catalog.Owner(ctx, q)
		switch {
		case err == nil:
			return w.viewOwner(ctx, o), nil
		case errs.KindOf(err) != errs.NotFound && errs.KindOf(err) != errs.Invalid:
			return v, err
		}
		v.Problem = err.Error()
	}
	return v, nil
}
