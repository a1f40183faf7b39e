package oncall_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
)

func TestAdoptGoesOnWithThePageThatWentFurther(t *testing.T) {
	at := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	page := func(id string, state oncall.PageState, step int, alerts ...string) oncall.Page {
		p := oncall.Page{ID: id, Service: "api", State: state, Step: step, Alerts: alerts, OpenedAt: at}
		if state == oncall.Answered {
			p.AckedBy, p.AckedAt = "aoi", at
		}
		if state == oncall.Closed {
			p.ClosedAt = at
		}
		return p
	}
	ptr := func(p oncall.Page) *oncall.Page { return &p }
	sent := []oncall.Delivery{{ID: "d", State: oncall.Sent}}
	waiting := []oncall.Delivery{{ID: "d", State: oncall.Pending}}
	said := func(p *oncall.Page) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprintf("%s %s %d %v", p.ID, p.State, p.Step, p.Alerts)
	}
	for name, tt := range map[string]struct {
		in     oncall.Page
		same   *oncall.Page
		local  *oncall.Page
		ledger []oncall.Delivery
		page   string
		here   string
		again  string
	}{
		"new":                            {page("b", oncall.Calling, 1, "x"), nil, nil, nil, "b calling 1 [x]", "-", "[]"},
		"it went on there":               {page("p", oncall.Calling, 2, "x"), ptr(page("p", oncall.Calling, 1, "x")), nil, nil, "p calling 2 [x]", "-", "[]"},
		"it went on here":                {page("p", oncall.Calling, 1, "x"), ptr(page("p", oncall.Calling, 2, "x")), nil, nil, "p calling 2 [x]", "-", "[]"},
		"answered there":                 {page("p", oncall.Answered, 1, "x"), ptr(page("p", oncall.Calling, 3, "x", "y")), nil, nil, "p answered 1 [x y]", "-", "[]"},
		"answered here":                  {page("p", oncall.Calling, 3, "x"), ptr(page("p", oncall.Answered, 1, "x")), nil, nil, "p answered 1 [x]", "-", "[]"},
		"over there, something new":      {page("p", oncall.Closed, 1), ptr(page("p", oncall.Calling, 1, "y")), nil, nil, "p closed 1 []", "-", "[y]"},
		"over here":                      {page("p", oncall.Calling, 3, "x"), ptr(page("p", oncall.Closed, 1)), nil, nil, "p closed 1 []", "-", "[]"},
		"ours has called nobody":         {page("b", oncall.Answered, 1, "x"), nil, ptr(page("p", oncall.Calling, 1, "y")), waiting, "b answered 1 [x]", "p closed 1 []", "[y]"},
		"both have called":               {page("b", oncall.Calling, 2, "x"), nil, ptr(page("p", oncall.Calling, 1, "y")), sent, "b closed 2 [x]", "p calling 1 [y x]", "[]"},
		"both, and theirs is somebody's": {page("b", oncall.Answered, 2, "x"), nil, ptr(page("p", oncall.Calling, 1, "y")), sent, "b closed 2 [x]", "p answered 1 [y x]", "[]"},
		"a record":                       {page("b", oncall.Closed, 2), nil, ptr(page("p", oncall.Calling, 1, "y")), sent, "b closed 2 []", "-", "[]"},
	} {
		got := oncall.Adopt(tt.in, tt.same, tt.local, tt.ledger, oncall.Policy{}, at)
		if p, l, a := said(&got.Page), said(got.Local), fmt.Sprint(got.Again); p != tt.page || l != tt.here || a != tt.again {
			t.Errorf("%s: got %s, here %s, again %s; want %s, %s, %s", name, p, l, a, tt.page, tt.here, tt.again)
		}
	}
}

func TestPreferAsksOnePolicyFirst(t *testing.T) {
	p := &oncall.Plan{Policies: []oncall.Policy{{ID: "all", Default: true}, {ID: "hinoban", Services: []string{"hinoban"}}, {ID: "ops"}}}
	if got, ok := p.Prefer("ops", "hinoban").PolicyFor("hinoban", ""); !ok || got.ID != "ops" {
		t.Errorf("got %q, want ops", got.ID)
	}
	if got, _ := p.PolicyFor("hinoban", ""); got.ID != "hinoban" || len(p.Policies) != 3 {
		t.Errorf("the plan itself has changed: %+v", p.Policies)
	}
}
