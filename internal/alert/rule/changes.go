package rule

import (
	"maps"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// Changes says which instances of repeated rules come, go and change when next
// takes the place of now. A rule of one instance is its document, which the plan
// has already. Either may be nil.
func Changes(now, next *Set) (out []ascode.Change) {
	was, is := repeated(now), repeated(next)
	for id, i := range is {
		old, had := was[id]
		delete(was, id)
		c := ascode.Change{Op: "+", Kind: "AlertRule", Name: id, File: i.file}
		switch {
		case !had:
			out = append(out, c)
		case !slices.Equal(old.lines, i.lines):
			c.Op, c.Diff = "~", differ(old.lines, i.lines)
			out = append(out, c)
		}
	}
	for id, i := range was {
		out = append(out, ascode.Change{Op: "-", Kind: "AlertRule", Name: id, File: i.file})
	}
	slices.SortFunc(out, func(a, b ascode.Change) int { return strings.Compare(a.Name, b.Name) })
	return out
}

type written struct {
	file  string
	lines []string
}

func repeated(s *Set) map[string]written {
	out := map[string]written{}
	for _, r := range s.All() {
		if r.ForEach == "" {
			continue
		}
		for _, i := range r.Instances {
			out[i.ID] = written{r.File, append([]string{"every: " + short(r.What.Every), "for: " + short(r.What.For)}, i.text()...)}
		}
	}
	return out
}

// text is the instance in lines.
func (i Instance) text() []string {
	out := []string{"expr: " + strings.Join(strings.Fields(i.Expr), " ")}
	for _, part := range []struct {
		name string
		m    map[string]string
	}{{"labels.", i.Labels}, {"annotations.", i.Notes}} {
		for _, k := range slices.Sorted(maps.Keys(part.m)) {
			out = append(out, part.name+k+": "+part.m[k])
		}
	}
	return out
}

// differ are the lines that only one of the two has.
func differ(a, b []string) (out []string) {
	for _, l := range a {
		if !slices.Contains(b, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			out = append(out, "+ "+l)
		}
	}
	return out
}
