package webkit

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// frame is what the layout shows around a page.
type frame struct {
	CSS, JS, Favicon string
	Nav              []NavItem
	OnCall           string
	Back             string // where a preference form returns to
	SelfURL          string
	Palette          bool
	Hotkeys          string // "n=/ s=/services"
	LiveURL          string
}

func (k *Kit) frame(r *http.Request, p Page) frame {
	f := frame{
		CSS: k.assets.href("app.css"), JS: k.assets.href("app.js"), Favicon: k.assets.href("favicon.svg"),
		Nav: k.opts.Nav, OnCall: k.opts.OnCall(k.Context(r)),
		Back: r.URL.RequestURI(), SelfURL: r.URL.RequestURI(), Palette: k.opts.Palette,
	}
	if r.Method != http.MethodGet {
		f.Back = "/"
	}
	var keys []string
	for _, n := range k.opts.Nav {
		if n.Hotkey != "" {
			keys = append(keys, n.Hotkey+"="+n.Href)
		}
	}
	f.Hotkeys = strings.Join(keys, " ")
	if k.opts.Hub != nil && len(p.Live) > 0 {
		f.LiveURL = liveURL(p.Live)
	}
	return f
}

// crumbs is the path shown in the top bar: the nav item, then the page's own.
func (f frame) crumbs(p Page) (item NavItem, rest []Crumb) {
	for _, n := range f.Nav {
		if n.Key == p.Active {
			item = n
		}
	}
	if len(p.Crumbs) == 0 && p.Title != "" && item.Key == "" {
		return item, []Crumb{{Text: p.Title}}
	}
	return item, p.Crumbs
}

// bottom is what fits a phone's bar; the rest is behind "more".
func (f frame) bottom() (bar, more []NavItem) {
	const fit = 4
	byKey := map[string]NavItem{}
	for _, n := range f.Nav {
		byKey[n.Key] = n
	}
	for _, key := range []string{"now", "alerts", "oncall", "incidents"} {
		if n, ok := byKey[key]; ok {
			bar = append(bar, n)
			delete(byKey, key)
		}
	}
	for _, n := range f.Nav {
		if _, left := byKey[n.Key]; !left {
			continue
		}
		if len(bar) < fit {
			bar = append(bar, n)
			continue
		}
		more = append(more, n)
	}
	return bar, more
}

func titleOf(p Page) string {
	if p.Title == "" {
		return "Hinoban"
	}
	return p.Title + " · Hinoban"
}

func ariaCurrent(yes bool) string {
	if yes {
		return "page"
	}
	return "false"
}

func mainClass(p Page) string {
	if p.Wide {
		return "main wide"
	}
	return "main"
}

func navTitle(ctx context.Context, n NavItem) string {
	if n.Hotkey == "" {
		return T(ctx, n.TextKey)
	}
	return T(ctx, n.TextKey) + "  (g " + n.Hotkey + ")"
}

func pressed(yes bool) string {
	if yes {
		return "true"
	}
	return "false"
}

// initial is the first letter of a name, for the face in the top bar.
func initial(name string) string {
	for _, r := range name {
		return strings.ToUpper(string(r))
	}
	return "·"
}

func keysOf(s string) []string { return strings.Fields(s) }

func rangeSummary(ctx context.Context, r Range) string {
	for _, q := range quickRanges(ctx, r) {
		if q.Current {
			return T(ctx, "webkit.range.last", T(ctx, "webkit.range."+q.Label))
		}
	}
	return rangeLabel(ctx, r)
}

// otherQuery is the page's query without the time range and the place in a list.
func otherQuery(ctx context.Context) [][2]string {
	var out [][2]string
	q := viewerOf(ctx).url.Query()
	for _, k := range slices.Sorted(maps.Keys(q)) {
		if k != "from" && k != "to" && k != "after" {
			out = append(out, [2]string{k, q.Get(k)})
		}
	}
	return out
}
