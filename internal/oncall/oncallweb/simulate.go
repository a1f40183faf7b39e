package oncallweb

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type simulateInput struct {
	service, severity string
	at                time.Time
	typed             string // the time as it was asked for
	services          []catalog.Service
	calls             []oncall.Call
	uncovered         bool
	names             names
}

type simulateView struct {
	Head    webkit.Head
	Fields  []webkit.Input
	Asked   bool
	Service string
	Calls   []callView
}

type callView struct {
	After           string
	At              string // to the second
	Person, Channel string
	Device          string
	Step, Round     int
	First           bool // of its step
	Shadow          bool
}

// viewSimulate says who would be told. It is pure.
func viewSimulate(ctx context.Context, in simulateInput) simulateView {
	v := simulateView{Asked: in.service != "", Service: in.service, Fields: simulateFields(ctx, in)}
	title := webkit.T(ctx, "oncall.simulate")
	called, learns := 0, 0
	step, round := -1, -1
	for _, c := range in.calls {
		cv := callView{
			After: afterwards(ctx, c.After), At: webkit.Exact(ctx, in.at.Add(c.After)), Person: in.names.of(c.Person), Channel: c.Channel, Device: c.Device,
			Step: c.Step + 1, Round: c.Round + 1, First: c.Step != step || c.Round != round, Shadow: c.Kind == oncall.KindShadow,
		}
		if cv.Shadow {
			learns++
		} else {
			called++
		}
		step, round = c.Step, c.Round
		v.Calls = append(v.Calls, cv)
	}
	switch {
	case !v.Asked:
		v.Head = webkit.Head{State: webkit.Muted, Title: title, Sentence: webkit.T(ctx, "oncall.simulate.ask")}
	case in.uncovered:
		v.Head = webkit.Head{State: webkit.Firing, Title: title, Sentence: webkit.T(ctx, "oncall.simulate.uncovered", in.service), Detail: webkit.T(ctx, "oncall.simulate.uncovered.next")}
	case called == 0:
		v.Head = webkit.Head{State: webkit.Firing, Title: title, Sentence: webkit.T(ctx, "oncall.simulate.silent", in.service)}
	default:
		first := firstCall(in.calls)
		v.Head = webkit.Head{State: webkit.OK, Title: title, Sentence: webkit.T(ctx, "oncall.simulate.first", in.names.of(first.Person), afterwards(ctx, first.After), first.Device)}
		v.Head.Detail = webkit.T(ctx, "oncall.simulate.count", called, learns)
	}
	return v
}

// afterwards is how long after the alert a message follows.
func afterwards(ctx context.Context, d time.Duration) string {
	if d < time.Second {
		return webkit.T(ctx, "oncall.simulate.now")
	}
	return webkit.T(ctx, "oncall.simulate.after", webkit.Duration(ctx, d))
}

// firstCall is the first that asks somebody to act.
func firstCall(calls []oncall.Call) oncall.Call {
	for _, c := range calls {
		if c.Kind != oncall.KindShadow {
			return c
		}
	}
	return oncall.Call{}
}

func simulateFields(ctx context.Context, in simulateInput) []webkit.Input {
	services := []webkit.Choice{}
	for _, s := range in.services {
		services = append(services, webkit.Choice{Value: s.ID, Text: s.ID})
	}
	return []webkit.Input{
		{Name: "service", Label: webkit.T(ctx, "oncall.simulate.if"), Type: "select", Value: in.service, Choices: services},
		{Name: "severity", Label: webkit.T(ctx, "oncall.simulate.severity"), Value: in.severity, Placeholder: webkit.T(ctx, "oncall.simulate.severity.any")},
		{Name: "at", Label: webkit.T(ctx, "oncall.simulate.at"), Type: "datetime-local", Value: in.typed},
	}
}

func simulateHref(service string) string {
	return "/oncall/simulate?service=" + url.QueryEscape(service)
}

func (d Deps) simulate(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	in := simulateInput{service: q.Get("service"), severity: q.Get("severity"), typed: q.Get("at"), at: webkit.Now(ctx), services: d.Catalog.Services(ctx), names: d.names(ctx)}
	if at, err := time.ParseInLocation(clockLayout, in.typed, webkit.Zone(ctx)); err == nil {
		in.at = at.UTC()
	} else if at, err := time.Parse(time.RFC3339, in.typed); err == nil {
		in.at, in.typed = at.UTC(), at.In(webkit.Zone(ctx)).Format(clockLayout)
	}
	if in.service != "" {
		var err error
		in.calls, err = d.Pager.Simulate(ctx, in.service, in.severity, in.at)
		if errs.KindOf(err) == errs.NotFound {
			in.uncovered, err = true, nil
		}
		if err != nil {
			return webkit.Page{}, err
		}
	}
	title := webkit.T(ctx, "oncall.simulate")
	return webkit.Page{Title: title, Active: "oncall", Live: []string{"oncall", "config"}, Crumbs: []webkit.Crumb{{Text: title}}, Body: simulatePage(viewSimulate(ctx, in))}, nil
}
