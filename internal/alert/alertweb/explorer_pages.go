package alertweb

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// ExplorerRoutes are the pages of routes.
func ExplorerRoutes(d Deps) []httpd.Route {
	return []httpd.Route{{Pattern: "GET /routes", Access: httpd.Viewer, Handler: d.Kit.Page(d.explorer)}}
}

type explorerView struct {
	Head   webkit.Head
	Labels webkit.Input
	At     webkit.Input
	Pick   webkit.ActAs
	Wrong  string
	Asked  bool
	Path   []webkit.Pair // Key is the state
	Steps  []stepView
	Lesson webkit.Lesson
}

type stepView struct {
	ID       string
	Depth    string // class
	State    webkit.State
	Word     string // "" where nothing was asked
	Why      string
	Matchers string
	Receiver string
	Document string
	To       string
	GroupBy  string
	GroupKey string
	Timers   string
	Muted    string
	Times    string
	Reached  bool
}

func (d Deps) explorer(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	ask := routeAsk{Labels: r.URL.Query().Get("labels"), Alert: r.URL.Query().Get("alert"), At: r.URL.Query().Get("at")}
	labels, at, err := d.asked(ctx, ask)
	wrong := ""
	if err != nil {
		if !mendable(err) {
			return webkit.Page{}, err
		}
		wrong, labels = err.Error(), nil
	}
	open, err := d.Inbox.Alerts(ctx, alert.Query{Unresolved: true, Limit: 50})
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewExplorer(ctx, d.explain(labels, at), ask, open)
	v.Wrong = wrong
	title := webkit.T(ctx, "routes.title")
	return webkit.Page{Title: title, Active: "alerts", Wide: true, Live: []string{"alert"}, Crumbs: []webkit.Crumb{{Text: title}}, Body: explorerPage(v)}, nil
}

func viewExplorer(ctx context.Context, a RouteAnswer, ask routeAsk, open []alert.Alert) explorerView {
	v := explorerView{Asked: len(a.Labels) > 0}
	text := ask.Labels
	if ask.Alert != "" {
		text = ""
		for _, n := range sortedKeys(a.Labels) {
			text += n + "=" + a.Labels[n] + "\n"
		}
	}
	v.Labels = webkit.Input{Name: "labels", Type: "textarea", Rows: 5, Label: webkit.T(ctx, "routes.labels"), Value: text, Help: webkit.T(ctx, "routes.labels.help"), Placeholder: "alertname=FullDisk\nservice=shop\nseverity=page"}
	v.At = webkit.Input{Name: "at", Type: "datetime-local", Label: webkit.T(ctx, "routes.at"), Value: ask.At, Help: webkit.T(ctx, "routes.at.help", webkit.Zone(ctx).String())}
	v.Pick = webkit.ActAs{Value: ask.Alert, Choices: []webkit.Choice{{Text: webkit.T(ctx, "routes.pick")}}}
	for _, o := range open {
		v.Pick.Choices = append(v.Pick.Choices, webkit.Choice{Value: o.ID, Text: short(strings.Trim(o.Service+" · "+o.Rule, " ·"))})
	}
	muted := 0
	for i, s := range a.Steps {
		v.Steps = append(v.Steps, viewStep(ctx, i, s))
		if len(s.MutedBy) > 0 {
			muted++
		}
	}
	v.Head = explorerHead(ctx, a, muted)
	v.Path = viewPath(ctx, a)
	if len(a.Steps) == 1 && !v.Asked {
		v.Lesson = webkit.Lesson{Title: webkit.T(ctx, "routes.empty.title"), Text: webkit.T(ctx, "routes.empty.text"), File: "routes.yaml", YAML: routeLesson, Command: "hinoban check ./config"}
	}
	return v
}

const routeLesson = `apiVersion: hinoban/v1
kind: Route
metadata: {name: shop-channel}
spec:
  urgency: actionable
  match: ['service=~"shop|cart"']
  to:
  - {channel: slack, address: "#shop-alerts"}`

func explorerHead(ctx context.Context, a RouteAnswer, muted int) webkit.Head {
	h := webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "routes.head.tree", len(a.Steps))}
	switch {
	case len(a.Labels) == 0 && muted > 0:
		h.Detail = webkit.T(ctx, "routes.head.muted", muted)
	case len(a.Labels) == 0:
	case len(a.SilencedBy) > 0:
		h = webkit.Head{State: webkit.Muted, Sentence: webkit.T(ctx, "routes.head.silenced", receivers(ctx, a))}
	case len(a.InhibitedBy) > 0:
		h = webkit.Head{State: webkit.Muted, Sentence: webkit.T(ctx, "routes.head.inhibited", receivers(ctx, a))}
	default:
		h.Sentence = webkit.T(ctx, "routes.head.told", receivers(ctx, a))
		for _, s := range a.Steps {
			if s.Outcome == "tells" && len(s.MutedBy) > 0 {
				h.State, h.Detail = webkit.Muted, webkit.T(ctx, "routes.head.interval", s.Receiver, strings.Join(s.MutedBy, ", "), a.At)
			}
		}
	}
	return h
}

// receivers are who is told, in words.
func receivers(ctx context.Context, a RouteAnswer) string {
	var out []string
	for _, s := range a.Steps {
		if s.Outcome != "tells" {
			continue
		}
		name := receiverText(s)
		if len(s.Integrations) == 0 {
			name += " (" + webkit.T(ctx, "routes.nobody") + ")"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

func receiverText(s RouteStep) string {
	if s.Document != "" {
		return s.Document
	}
	return s.Receiver
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func viewStep(ctx context.Context, i int, s RouteStep) stepView {
	v := stepView{
		ID: "node-" + strconv.Itoa(i), Depth: "depth-" + strconv.Itoa(min(s.Depth, 6)), Receiver: receiverText(s), Matchers: short(s.Matchers), GroupBy: strings.Join(s.GroupBy, ", "), GroupKey: s.GroupKey, State: webkit.Muted,
		Timers: webkit.T(ctx, "routes.timers", span(ctx, s.Wait), span(ctx, s.Interval), span(ctx, s.Repeat)), Reached: s.Outcome == "tells" || s.Outcome == "passes" || s.Outcome == "",
	}
	if s.Matchers == "{}" {
		v.Matchers = webkit.T(ctx, "routes.everything")
	}
	if s.Document != "" {
		v.Document = "Route/" + s.Document
	}
	if v.To = strings.Join(s.Integrations, ", "); v.To == "" {
		v.To = webkit.T(ctx, "routes.nobody")
	}
	switch v.GroupBy {
	case "":
		v.GroupBy = webkit.T(ctx, "routes.onegroup")
	case "...":
		v.GroupBy = webkit.T(ctx, "routes.alone")
	}
	if s.Continue {
		v.Timers += " " + webkit.T(ctx, "routes.continues")
	}
	for _, t := range []struct {
		key string
		of  []string
	}{{"routes.mute", s.Mute}, {"routes.active", s.Active}} {
		if len(t.of) > 0 {
			v.Times += webkit.T(ctx, t.key, strings.Join(t.of, ", ")) + " "
		}
	}
	if len(s.MutedBy) > 0 {
		v.Muted = webkit.T(ctx, "routes.mutedby", strings.Join(s.MutedBy, ", "))
	}
	if s.Outcome != "" {
		v.became(ctx, s)
	}
	return v
}

// became says what became of the alert at the node.
func (v *stepView) became(ctx context.Context, s RouteStep) {
	v.Word = webkit.T(ctx, "routes.outcome."+s.Outcome)
	switch s.Outcome {
	case "tells":
		v.State = webkit.OK
		v.Why = webkit.T(ctx, "routes.wait.new", span(ctx, s.Wait))
		if !s.Due.IsZero() {
			v.Why = webkit.T(ctx, "routes.wait.known", webkit.Relative(ctx, s.Due))
		}
	case "passes":
		v.State = webkit.Unknown
	case "fails":
		v.Why = webkit.T(ctx, "routes.failed", short(s.Failed), short(s.Value))
		if s.Value == "" {
			v.Why = webkit.T(ctx, "routes.failed.none", short(s.Failed))
		}
	}
}

// span writes seconds; none is "at once".
func span(ctx context.Context, seconds float64) string {
	if seconds == 0 {
		return webkit.T(ctx, "routes.atonce")
	}
	return webkit.Duration(ctx, time.Duration(seconds*float64(time.Second)))
}

// viewPath says what holds the alert back now, and for whom.
func viewPath(ctx context.Context, a RouteAnswer) (out []webkit.Pair) {
	for _, s := range a.SilencedBy {
		out = append(out, webkit.Pair{Key: webkit.T(ctx, "routes.silencedby"), Value: short(strings.Join(s.Matchers, ", ")) + " · " + webkit.T(ctx, "silences.until", s.EndsAt, webkit.Duration(ctx, s.EndsAt.Sub(webkit.Now(ctx)).Round(time.Minute))), Href: silenceHref(s.ID)})
	}
	for _, i := range a.InhibitedBy {
		out = append(out, webkit.Pair{Key: webkit.T(ctx, "routes.inhibitedby"), Value: short(dispatch.NewSet(i.Labels).Map().String())})
	}
	return out
}
