package demo

import (
	"context"
	_ "embed"
	"net/http"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

//go:embed text.json
var text []byte

// view is what the demo's page shows.
type view struct {
	Services []serviceView
	Next     []webkit.Pair
}

type serviceView struct {
	Name, Word string
	State      webkit.State
	Actions    []webkit.Action
}

// module is the demo's own page: the switches.
func (d *Demo) module() module.Module {
	return module.Module{
		Name: "demo", Text: text,
		Nav:   []webkit.NavItem{{Key: "demo", Href: "/demo", TextKey: "demo.title", Icon: "flag", Hotkey: "d", Order: 200}},
		Pages: d.pages,
	}
}

func (d *Demo) pages(kit *webkit.Kit, _ []module.Panel) []httpd.Route {
	return []httpd.Route{
		{Pattern: "GET /demo", Access: httpd.Viewer, Handler: kit.Page(func(r *http.Request) (webkit.Page, error) {
			ctx := r.Context()
			return webkit.Page{Title: webkit.T(ctx, "demo.title"), Active: "demo", Live: []string{"demo"}, Body: page(d.view(ctx))}, nil
		})},
		{Pattern: "POST /demo/faults", Access: httpd.Responder, Handler: kit.Post(func(r *http.Request) (webkit.Done, error) {
			ctx := r.Context()
			name, fault := r.PostFormValue("service"), Fault(r.PostFormValue("fault"))
			if err := d.Break(ctx, name, fault, "person/"+auth.Actor(ctx, "visitor")); err != nil {
				return webkit.Done{}, errs.New(errs.Invalid, "%w", err)
			}
			return webkit.Done{To: "/demo", Flash: webkit.T(ctx, "demo.done", name, webkit.T(ctx, "demo.fault."+string(fault)))}, nil
		})},
	}
}

func (d *Demo) view(ctx context.Context) view {
	v := view{Next: []webkit.Pair{
		{Key: webkit.T(ctx, "demo.next.now"), Value: "/", Href: "/"},
		{Key: webkit.T(ctx, "demo.next.aoi"), Value: "/inbox/aoi", Href: "/inbox/aoi"},
		{Key: webkit.T(ctx, "demo.next.ren"), Value: "/inbox/ren", Href: "/inbox/ren"},
		{Key: webkit.T(ctx, "demo.next.slo"), Value: "/slos/payment-availability", Href: "/slos/payment-availability"},
		{Key: webkit.T(ctx, "demo.next.log"), Value: "/log", Href: "/log"},
	}}
	for _, name := range []string{"storefront", "checkout", "payment"} {
		f := d.shop.FaultOf(name)
		s := serviceView{Name: name, Word: webkit.T(ctx, "demo.fault."+string(f)), State: webkit.Firing}
		if f == NoFault {
			s.State = webkit.OK
		}
		for _, to := range Faults() {
			if to == f {
				continue
			}
			b := webkit.Button{Text: webkit.T(ctx, "demo.do."+string(to)), Kind: webkit.Plain}
			if to == NoFault {
				b.Kind = webkit.Primary
			}
			s.Actions = append(s.Actions, webkit.Action{Button: b, To: "/demo/faults", Fields: [][2]string{{"service", name}, {"fault", string(to)}}})
		}
		v.Services = append(v.Services, s)
	}
	return v
}

// ready waits until the server answers.
func (d *Demo) ready(ctx context.Context) bool {
	client := &http.Client{Timeout: time.Second}
	for ctx.Err() == nil {
		if get(ctx, client, d.URL()+"/healthz") {
			return true
		}
		hold(ctx, 20*time.Millisecond)
	}
	return false
}
