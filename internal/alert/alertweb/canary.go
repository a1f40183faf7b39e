package alertweb

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// CanaryList is what was measured with faults made on purpose, by canary.
type CanaryList struct {
	Canaries []canary.Summary `json:"canaries"`
}

// CanaryAPI registers the operation on canaries.
func CanaryAPI(a *httpd.API, d Deps) {
	httpd.Get(a, "/api/v1/canaries", httpd.Op{ID: "list-canaries", Tag: "alert", Summary: "How long faults that are made on purpose take to each receiver, by stage"}, func(ctx context.Context, _ *struct{}) (CanaryList, error) {
		all, err := d.Canaries(ctx)
		return CanaryList{listed(all)}, err
	})
}

// CanaryRoutes is the page of canaries.
func CanaryRoutes(d Deps) []httpd.Route {
	return []httpd.Route{{Pattern: "GET /canaries", Access: httpd.Viewer, Handler: d.Kit.Page(d.canaryPage)}}
}

type canaryView struct {
	Head   webkit.Head
	Lesson webkit.Lesson
	All    []canaryOne
}

type canaryOne struct {
	Name, Counts string
	State        webkit.State
	Last         time.Time
	Rows         []canaryRow
}

type canaryRow struct{ Receiver, Stage, P50, P99, N string }

func (d Deps) canaryPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	all, err := d.Canaries(ctx)
	return webkit.Page{Title: webkit.T(ctx, "canary.title"), Active: "alerts", Body: canaryPage(viewCanaries(ctx, all))}, err
}

func viewCanaries(ctx context.Context, all []canary.Summary) canaryView {
	v := canaryView{Head: webkit.Head{Title: webkit.T(ctx, "canary.title"), Detail: webkit.T(ctx, "canary.detail")}}
	if len(all) == 0 {
		v.Lesson = webkit.Lesson{Title: webkit.T(ctx, "canary.none"), Text: webkit.T(ctx, "canary.none.text"), File: "canary.yaml", YAML: canary.Example, Command: "hinoban check ."}
	}
	for _, s := range all {
		one := canaryOne{Name: s.Name, Last: s.Last, State: webkit.Muted, Counts: webkit.T(ctx, "canary.counts", strconv.Itoa(s.Arrived), strconv.Itoa(s.Faults), strconv.Itoa(s.Missing))}
		switch {
		case s.Missing > 0:
			one.State = webkit.Warning
		case s.Arrived > 0:
			one.State = webkit.OK
		}
		for _, w := range s.Ways {
			for _, m := range w.Stages {
				one.Rows = append(one.Rows, canaryRow{w.Receiver, webkit.T(ctx, "canary.stage."+string(m.Stage)), secondsText(m.P50), secondsText(m.P99), strconv.Itoa(m.N)})
			}
		}
		v.All = append(v.All, one)
	}
	return v
}

func secondsText(s float64) string { return strconv.FormatFloat(s, 'f', 3, 64) + " s" }
