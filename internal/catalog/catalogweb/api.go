package catalogweb

import (
	"context"
	"strings"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// ServiceRow is a service and what other rooms know of it.
type ServiceRow struct {
	catalog.Service

	Standing Cells `json:"standing"`
}

// ServicePage is one page of services; Next is the cursor of the one after it.
type ServicePage struct {
	Services []ServiceRow `json:"services"`
	Next     string       `json:"next,omitempty"`
}

// ServiceDetail is a service, what needs it and who owns it.
type ServiceDetail struct {
	catalog.Service

	Standing   Cells         `json:"standing"`
	Dependents []string      `json:"dependents" doc:"The services that need it."`
	Owner      catalog.Owner `json:"owner"`
}

// TeamDetail is a team and what it owns.
type TeamDetail struct {
	catalog.Team

	Services []string `json:"services"`
}

type (
	nothing struct{}
	byID    struct {
		ID string `path:"id"`
	}
	listIn struct {
		Query string `query:"q" doc:"Part of an id, a name or a description."`
		Team  string `query:"team"`
		Tier  int    `query:"tier" minimum:"0" maximum:"4" doc:"1 the most important to 4; 0 for all."`
		After string `query:"after" doc:"The cursor: next of the page before."`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	ownersIn struct {
		Service string `query:"service"`
		Host    string `query:"host"`
		Path    string `query:"path" doc:"repository/path/to/file"`
	}
)

// API registers the room's operations.
func API(a *httpd.API, d Deps) {
	w := open(d)
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "catalog", Summary: summary} }
	httpd.Get(a, "/api/v1/services", op("list-services", "Services, their owners and how they stand"), w.apiServices)
	httpd.Get(a, "/api/v1/services/{id}", op("get-service", "One service, what needs it and who owns it"), w.apiService)
	httpd.Get(a, "/api/v1/teams", op("list-teams", "Teams and their members"), func(ctx context.Context, _ *nothing) ([]catalog.Team, error) {
		return listed(w.Catalog.Teams(ctx)), nil
	})
	httpd.Get(a, "/api/v1/teams/{id}", op("get-team", "One team and what it owns"), func(ctx context.Context, in *byID) (TeamDetail, error) {
		t, err := w.Catalog.Team(ctx, in.ID)
		return TeamDetail{Team: t, Services: listed(ownedBy(w.Catalog.Services(ctx), in.ID))}, err
	})
	httpd.Get(a, "/api/v1/catalog/people", op("list-catalog-people", "People who can be told, and their devices"), func(ctx context.Context, _ *nothing) ([]catalog.Person, error) {
		return listed(withoutAddresses(w.Catalog.People(ctx))), nil
	})
	httpd.Get(a, "/api/v1/owners", op("find-owner", "Who owns this, and why"), func(ctx context.Context, in *ownersIn) (catalog.Owner, error) {
		o, err := w.Catalog.Owner(ctx, catalog.Question{Service: in.Service, Host: in.Host, Path: in.Path})
		o.Teams, o.People = listed(o.Teams), listed(o.People)
		return o, err
	})
}

func (w *door) apiServices(ctx context.Context, in *listIn) (ServicePage, error) {
	cells := w.Columns(ctx)
	found, next := pick(w.Catalog.Services(ctx), filter{Text: in.Query, Team: in.Team, Tier: in.Tier, After: in.After, Limit: in.Limit})
	out := ServicePage{Services: []ServiceRow{}, Next: next}
	for _, s := range found {
		s.DependsOn = listed(s.DependsOn)
		out.Services = append(out.Services, ServiceRow{s, cells(s)})
	}
	return out, nil
}

func (w *door) apiService(ctx context.Context, in *byID) (ServiceDetail, error) {
	s, err := w.Catalog.Service(ctx, in.ID)
	if err != nil {
		return ServiceDetail{}, err
	}
	o, err := w.Catalog.Owner(ctx, catalog.Question{Service: s.ID})
	o.Teams, o.People = listed(o.Teams), listed(o.People)
	s.DependsOn = listed(s.DependsOn)
	return ServiceDetail{Service: s, Standing: w.Columns(ctx)(s), Dependents: listed(w.Catalog.Dependents(ctx, s.ID)), Owner: o}, err
}

// withoutAddresses hides what a device's address gives away: a webhook's URL is
// often its own password.
func withoutAddresses(people []catalog.Person) []catalog.Person {
	var out []catalog.Person
	for _, p := range people {
		devices := []catalog.Device{}
		for _, d := range p.Devices {
			d.Address = hidden(d)
			devices = append(devices, d)
		}
		p.Devices = devices
		out = append(out, p)
	}
	return out
}

func hidden(d catalog.Device) string {
	if scheme, rest, ok := strings.Cut(d.Address, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		return scheme + "://" + host + "/…"
	}
	return d.Address
}

// listed makes an empty list of none, so that JSON says [] and not null.
func listed[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
