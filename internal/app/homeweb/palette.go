package homeweb

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
)

const (
	groupHits = 6 // of one group
	allHits   = 30
)

// hit is one line of the palette.
type hit struct {
	Group string `json:"group"`
	Title string `json:"title"`
	Sub   string `json:"sub"`
	Href  string `json:"href"`

	words string // what is searched besides title and sub
	score int
}

// match says how well a hit fits a search in lower case: 0 not at all; the
// beginning of the title counts most, then that of a word. Several words must
// all be found.
func (h hit) match(search string) int {
	if search == "" {
		return 1
	}
	title, all := strings.ToLower(h.Title), strings.ToLower(h.Title+" "+h.Sub+" "+h.words)
	for w := range strings.FieldsSeq(search) {
		if !strings.Contains(all, w) {
			return 0
		}
	}
	switch {
	case title == search:
		return 5
	case strings.HasPrefix(title, search):
		return 4
	case strings.Contains(" "+title, " "+search):
		return 3
	case strings.Contains(title, search):
		return 2
	}
	return 1
}

// rank keeps the best hits: groups by their best hit, each in its own order of
// fit. It is pure.
func rank(groups [][]hit, search string) []hit {
	search = strings.ToLower(strings.TrimSpace(search))
	var kept [][]hit
	for _, g := range groups {
		var out []hit
		for _, h := range g {
			if h.score = h.match(search); h.score > 0 {
				out = append(out, h)
			}
		}
		slices.SortStableFunc(out, func(a, b hit) int { return b.score - a.score })
		if len(out) > 0 {
			kept = append(kept, out[:min(len(out), groupHits)])
		}
	}
	slices.SortStableFunc(kept, func(a, b []hit) int { return b[0].score - a[0].score })
	return slices.Concat(kept...)
}

func (d Deps) palette(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	groups, err := d.hits(ctx)
	if err != nil {
		httpd.Fail(d.Log, w, r, err)
		return
	}
	found := rank(groups, r.URL.Query().Get("q"))
	found = found[:min(len(found), allHits)]
	if found == nil {
		found = []hit{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "private, no-store")
	_ = json.NewEncoder(w).Encode(found) // the reader may be gone
}

// hits is everything that can be found, in groups.
func (d Deps) hits(ctx context.Context) ([][]hit, error) {
	group := func(key string) string { return webkit.T(ctx, "home.palette."+key) }
	var services, slos, people, incidents, pages []hit
	for _, s := range d.Catalog.Services(ctx) {
		sub := s.Team
		if s.Tier > 0 {
			sub = webkit.T(ctx, "home.palette.tier", s.Tier) + " · " + s.Team
		}
		services = append(services, hit{Group: group("services"), Title: s.Name, Sub: sub, Href: "/services/" + s.ID, words: s.ID})
	}
	for _, s := range d.SLOs.All() {
		slos = append(slos, hit{Group: group("slos"), Title: s.Objective.Name, Sub: sloweb.Sentence(ctx, s), Href: "/slos/" + s.Objective.ID, words: s.Objective.ID + " " + s.Objective.Service})
	}
	now, err := d.onCall(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range d.Catalog.People(ctx) {
		h := hit{Group: group("people"), Title: p.Name, Sub: p.Email, Href: "/inbox/" + p.ID, words: p.ID}
		for _, o := range now {
			if o.Person == p.ID {
				h.Sub = webkit.T(ctx, "home.palette.oncall", o.Rota, o.Until)
			}
		}
		people = append(people, h)
	}
	list, err := d.Desk.Incidents(ctx, incident.Query{Limit: 200})
	if err != nil {
		return nil, err
	}
	for _, i := range list {
		n := strconv.Itoa(i.Number)
		incidents = append(incidents, hit{Group: group("incidents"), Title: "#" + n + " " + i.Title, Sub: webkit.T(ctx, "home.palette.incident."+string(i.Status)), Href: "/incidents/" + i.ID, words: n + " " + i.Service})
	}
	open, err := d.Pager.Pages(ctx, oncall.PageQuery{Open: true, Limit: 50})
	if err != nil {
		return nil, err
	}
	for _, p := range open {
		pages = append(pages, hit{Group: group("pages"), Title: p.Summary, Sub: p.Service, Href: "/pages/" + p.ID})
	}
	return [][]hit{pages, services, slos, incidents, people, d.commands(ctx)}, nil
}

// commands are what can be done or opened by name.
func (d Deps) commands(ctx context.Context) (out []hit) {
	for _, c := range []struct{ key, href string }{
		{"declare", "/incidents/new"},
		{"owner", "/owners"},
		{"verify", "/log/verify"},
		{"config", "/config"},
		{"health", "/health"},
		{"settings", "/settings"},
		{"people", "/people"},
		{"teams", "/teams"},
	} {
		out = append(out, hit{Group: webkit.T(ctx, "home.palette.commands"), Title: webkit.T(ctx, "home.do."+c.key), Href: c.href, words: c.key})
	}
	return out
}
