package catalogweb

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const pageSize = 200

// filter is what the address of the list says.
type filter struct {
	Text  string
	Team  string
	Tier  int // 0 for all
	After string
	Limit int
}

// pick filters services and cuts one page of them: by tier, then by id, those
// without a tier last.
func pick(all []catalog.Service, f filter) (page []catalog.Service, next string) {
	text := strings.ToLower(strings.TrimSpace(f.Text))
	page = slices.DeleteFunc(slices.Clone(all), func(s catalog.Service) bool {
		return (f.Team != "" && s.Team != f.Team) || (f.Tier != 0 && s.Tier != f.Tier) ||
			(text != "" && !strings.Contains(strings.ToLower(s.ID+" "+s.Name+" "+s.Description+" "+s.Team), text))
	})
	rank := func(s catalog.Service) int { return cmp.Or(s.Tier, 9) }
	slices.SortStableFunc(page, func(a, b catalog.Service) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(a.ID, b.ID))
	})
	if i := slices.IndexFunc(page, func(s catalog.Service) bool { return s.ID == f.After }); i >= 0 {
		page = page[i+1:]
	}
	if f.Limit > 0 && len(page) > f.Limit {
		page = page[:f.Limit]
		next = page[len(page)-1].ID
	}
	return page, next
}

func ownedBy(all []catalog.Service, team string) (ids []string) {
	for _, s := range all {
		if s.Team == team {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// listView is the page of all services.
type listView struct {
	Head   webkit.Head
	Filter filter
	Teams  []webkit.Choice
	Tiers  []webkit.Choice
	Rows   []rowView
	Next   string
	Any    bool
}

// rowView is one service in a table.
type rowView struct {
	ID, Name, Href, About string
	Tier                  string
	Team, TeamHref        string
	State                 webkit.State
	SLO, SLOHref          string
	Alerts                string
	AlertsHref            string
	Loud                  bool // alerts are open
	OnCall                string
}

func viewRow(ctx context.Context, s catalog.Service, c Cells, teamName func(string) string) rowView {
	r := rowView{
		ID: s.ID, Name: s.Name, Href: href("/services/", s.ID), About: s.Description, Tier: tier(s.Tier), State: c.State,
		SLO: c.SLO, SLOHref: c.SLORef, OnCall: c.OnCall, Alerts: webkit.Number(ctx, int64(c.Alerts)), Loud: c.Alerts > 0,
		AlertsHref: "/alerts?service=" + url.QueryEscape(s.ID),
	}
	if s.Team != "" {
		r.Team, r.TeamHref = teamName(s.Team), href("/teams/", s.Team)
	}
	return r
}

func tier(n int) string {
	if n == 0 {
		return "—"
	}
	return strconv.Itoa(n)
}

func href(prefix, id string) string { return prefix + url.PathEscape(id) }

// listHead says how many services are in trouble.
func listHead(ctx context.Context, all []catalog.Service, cells func(catalog.Service) Cells) webkit.Head {
	bad, first := 0, ""
	for _, s := range all {
		if st := cells(s).State; st == webkit.Firing || st == webkit.Warning {
			bad++
			first = cmp.Or(first, s.Name)
		}
	}
	switch {
	case len(all) == 0:
		return webkit.Head{Sentence: webkit.T(ctx, "catalog.head.none")}
	case bad == 0:
		return webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "catalog.head.ok", len(all))}
	case bad == 1 && len(all) == 1:
		return webkit.Head{State: webkit.Firing, Sentence: webkit.T(ctx, "catalog.head.only", first)}
	case bad == 1:
		return webkit.Head{State: webkit.Firing, Sentence: webkit.T(ctx, "catalog.head.one", first, len(all)-1)}
	}
	return webkit.Head{State: webkit.Firing, Sentence: webkit.T(ctx, "catalog.head.bad", bad, len(all))}
}

// nodeView is a neighbour of a service.
type nodeView struct {
	Name, Href string
	Kind       string // "hard" or "soft", in words; "" for unknown
	Soft       bool
	State      webkit.State
	Tier       string
}

// showView is the page of one service.
type showView struct {
	ID, Name string
	Head     webkit.Head
	Needs    []nodeView // what it needs
	Needed   []nodeView // what needs it
	Facts    []webkit.Pair
	Links    []catalog.Link
	Owner    ownerView
	Panels   []webkit.Lazy
}

// ownerView answers "who owns this?".
type ownerView struct {
	Found   bool
	Problem string
	Service string
	Href    string
	Teams   []webkit.Crumb
	People  []string
	Names   []string
	Why     string
}

func (w *door) viewOwner(ctx context.Context, o catalog.Owner) ownerView {
	v := ownerView{Found: true, Service: o.Service, Names: o.Names, Why: o.Why}
	if o.Service != "" {
		v.Href = href("/services/", o.Service)
	}
	for _, t := range o.Teams {
		v.Teams = append(v.Teams, webkit.Crumb{Text: w.teamName(ctx, t), Href: href("/teams/", t)})
	}
	for _, p := range o.People {
		v.People = append(v.People, w.personName(ctx, p))
	}
	return v
}

func (w *door) teamName(ctx context.Context, id string) string {
	if t, err := w.Catalog.Team(ctx, id); err == nil {
		return t.Name
	}
	return id
}

func (w *door) personName(ctx context.Context, id string) string {
	if p, err := w.Catalog.Person(ctx, id); err == nil {
		return p.Name
	}
	return id
}

func showHead(ctx context.Context, s catalog.Service, c Cells) webkit.Head {
	h := webkit.Head{State: c.State, Title: s.Name, Sentence: c.SLO, Detail: s.Description, Evidence: "/log?service=" + url.QueryEscape(s.ID)}
	switch {
	case c.Alerts > 0:
		h.Sentence = webkit.T(ctx, "catalog.says.alerts", c.Alerts)
		if h.State != webkit.Warning {
			h.State = webkit.Firing
		}
		if c.SLO != "" {
			h.Sentence += " — " + c.SLO
		}
	case c.SLO == "":
		h.State, h.Sentence = webkit.Unknown, webkit.T(ctx, "catalog.says.nothing")
	}
	return h
}

func facts(ctx context.Context, s catalog.Service, c Cells) []webkit.Pair {
	out := []webkit.Pair{{Key: webkit.T(ctx, "catalog.fact.id"), Value: s.ID}}
	add := func(key, value, link string) {
		if value != "" {
			out = append(out, webkit.Pair{Key: webkit.T(ctx, "catalog.fact."+key), Value: value, Href: link})
		}
	}
	if s.Tier > 0 {
		out = append(out, webkit.Pair{Key: webkit.T(ctx, "catalog.fact.tier"), Value: webkit.T(ctx, "catalog.tier."+strconv.Itoa(s.Tier)), Definition: webkit.T(ctx, "catalog.def.tier")})
	}
	add("oncall", c.OnCall, "/oncall")
	add("hosts", strings.Join(s.Hosts, ", "), "")
	add("paths", strings.Join(s.Paths, ", "), "")
	add("source", s.Source, "/config")
	return out
}

// neighbours are the services that s needs and those that need it.
func (w *door) neighbours(ctx context.Context, s catalog.Service, cells func(catalog.Service) Cells) (needs, needed []nodeView) {
	node := func(id string, hard bool) nodeView {
		n := nodeView{Name: id, Href: href("/services/", id), Kind: webkit.T(ctx, "catalog.dep.hard")}
		if !hard {
			n.Kind, n.Soft = webkit.T(ctx, "catalog.dep.soft"), true
		}
		if v, err := w.Catalog.Service(ctx, id); err == nil {
			n.Name, n.State, n.Tier = v.Name, cells(v).State, tier(v.Tier)
		}
		return n
	}
	for _, d := range s.DependsOn {
		needs = append(needs, node(d.Service, d.Hard))
	}
	for _, id := range w.Catalog.Dependents(ctx, s.ID) {
		hard := true
		if v, err := w.Catalog.Service(ctx, id); err == nil {
			for _, d := range v.DependsOn {
				if d.Service == s.ID {
					hard = d.Hard
				}
			}
		}
		needed = append(needed, node(id, hard))
	}
	return needs, needed
}

// teamView is the page of one team.
type teamView struct {
	Head    webkit.Head
	Rows    []rowView
	Members []webkit.Pair
	Facts   []webkit.Pair
}

// guesses turns one line of text into the questions that it may be, the likely
// one first.
func guesses(text string, services []catalog.Service) []catalog.Question {
	text = strings.TrimSpace(text)
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return []catalog.Question{{Host: u.Hostname()}}
	}
	if slices.ContainsFunc(services, func(s catalog.Service) bool { return s.ID == text }) {
		return []catalog.Question{{Service: text}}
	}
	if strings.Contains(text, "/") {
		return []catalog.Question{{Path: text}}
	}
	return []catalog.Question{{Host: text}, {Path: text}}
}
