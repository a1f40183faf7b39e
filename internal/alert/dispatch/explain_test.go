package dispatch_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/config"
	amroute "github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

const tree = `
route:
  receiver: root
  group_by: [alertname]
  routes:
  - {matchers: ['team="db"'], receiver: db, continue: true}
  - matchers: ['severity="page"']
    receiver: pager
    routes:
    - {matchers: ['region=~"eu-.*"'], receiver: eu, group_by: ['...'], mute_time_intervals: [always]}
    - {matchers: ['region="us"'], receiver: us}
  - {matchers: ['severity!="info"', 'service="shop"'], receiver: shop}
receivers: [{name: root}, {name: db}, {name: pager}, {name: eu}, {name: us}, {name: shop}]
time_intervals: [{name: always, time_intervals: [{}]}]
`

func planOf(t *testing.T, text string) *dispatch.Plan {
	t.Helper()
	c, err := config.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	p := &dispatch.Plan{Root: amroute.NewRoute(c.Route, nil), Intervals: map[string][]timeinterval.TimeInterval{}}
	for _, i := range c.TimeIntervals {
		p.Intervals[i.Name] = i.TimeIntervals
	}
	return p
}

func TestExplainSaysWhatBecameOfAnAlertAtEachNode(t *testing.T) {
	plan := planOf(t, tree)
	now := time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)
	for _, c := range []struct {
		labels map[string]string
		want   string
	}{
		{map[string]string{"alertname": "X"}, `root tells {}:{alertname="X"} | db fails team="db" has "" | pager fails severity="page" has "" | eu beyond | us beyond | shop fails service="shop" has ""`},
		{map[string]string{"severity": "page", "team": "db", "region": "eu-1"}, `root passes | db tells {}/{team="db"}:{} | pager passes | eu tells {}/{severity="page"}/{region=~"eu-.*"}:{region="eu-1", severity="page", team="db"} muted always | us skipped | shop skipped`},
		{map[string]string{"severity": "page", "region": "jp", "service": "shop"}, `root passes | db fails team="db" has "" | pager tells {}/{severity="page"}:{} | eu fails region=~"eu-.*" has "jp" | us fails region="us" has "jp" | shop skipped`},
		{map[string]string{"severity": "info", "service": "shop"}, `root tells {}:{} | db fails team="db" has "" | pager fails severity="page" has "info" | eu beyond | us beyond | shop fails severity!="info" has "info"`},
		{map[string]string{"service": "shop", "alertname": "Y", "@ack": "aoi"}, `root passes | db fails team="db" has "" | pager fails severity="page" has "" | eu beyond | us beyond | shop tells {}/{service="shop",severity!="info"}:{alertname="Y"}`},
	} {
		var got []string
		for _, s := range dispatch.Explain(plan, dispatch.NewSet(c.labels), now) {
			text := s.Route.RouteOpts.Receiver + " " + string(s.Outcome)
			if s.Failed != nil {
				text += fmt.Sprintf(" %s has %q", s.Failed, s.Value)
			}
			if s.GroupKey != "" {
				text += " " + s.GroupKey
			}
			if len(s.MutedBy) > 0 && s.Outcome == dispatch.Tells {
				text += " muted " + strings.Join(s.MutedBy, ",")
			}
			got = append(got, text)
		}
		if text := strings.Join(got, " | "); text != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.labels, text, c.want)
		}
	}
}

// What Explain says to tell is what the tree itself matches, in random trees.
func TestExplainTellsWhomTheTreeMatches(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	var node func(depth int) string
	node = func(depth int) string {
		pad := strings.Repeat("  ", depth)
		s := fmt.Sprintf("%s- receiver: r%d\n%s  continue: %t\n%s  matchers: ['%s%s\"%s\"']\n", pad, r.IntN(5), pad, r.IntN(3) == 0, pad, pick("a", "b", "c"), pick("=", "!=", "=~", "!~"), pick("1", "2", "", "1|2"))
		if n := r.IntN(4); depth < 4 && n > 0 {
			s += pad + "  routes:\n"
			for range n {
				s += node(depth + 2)
			}
		}
		return s
	}
	for i := range 300 {
		text := "route:\n  receiver: r0\n  routes:\n" + node(1) + node(1) + node(1) + "receivers: [{name: r0}, {name: r1}, {name: r2}, {name: r3}, {name: r4}]\n"
		plan := planOf(t, text)
		set := dispatch.NewSet(map[string]string{"a": pick("1", "2", "3"), "b": pick("1", "2"), "c": pick("1", "x")})
		var want, got []int
		for _, m := range plan.Root.Match(set.Map()) {
			want = append(want, m.Idx)
		}
		steps := dispatch.Explain(plan, set, time.Time{})
		for _, s := range dispatch.ToldBy(steps) {
			got = append(got, s.Route.Idx)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("tree %d, %v: Explain tells %v, the tree matches %v\n%s", i, set.Strings(), got, want, text)
		}
		all := 0
		plan.Root.Walk(func(*dispatch.Route) { all++ })
		if len(steps) != all {
			t.Fatalf("tree %d: %d steps for %d nodes", i, len(steps), all)
		}
	}
}
