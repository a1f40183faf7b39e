package am

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// File is an alertmanager.yml as it was read.
type File struct {
	Path string
	Text string
}

// RouteSpec is the spec of a Route document: who else is told of alerts that
// match, beside the people on call.
type RouteSpec struct {
	Urgency       string        `json:"urgency" enum:"actionable,informational" doc:"actionable: alerts of severity page or ticket, which somebody must do something about. informational: all others. One route tells of one kind, so that the two never share a channel."`
	Match         []string      `json:"match,omitempty" maxItems:"64" doc:"Conditions that all must hold, as Alertmanager writes them: service=\"shop\", region=~\"eu-.*\". The label @ack is who has acknowledged the alert."`
	To            []RouteToSpec `json:"to" minItems:"1" maxItems:"32"`
	GroupBy       []string      `json:"groupBy,omitempty" maxItems:"64" doc:"Labels whose alerts are told of together; the default is alertname and service. [...] is every alert alone."`
	GroupWait     string        `json:"groupWait,omitempty" default:"0s" doc:"How long a new group waits for more of its kind."`
	GroupInterval string        `json:"groupInterval,omitempty" default:"5m" doc:"How long a group waits to tell of what changed. A new alert of page level never waits."`
	Repeat        string        `json:"repeat,omitempty" default:"4h" doc:"How long until what still fires is told again."`
	Continue      bool          `json:"continue,omitempty" doc:"Alerts that match go on to the routes after this one too."`
	Order         int           `json:"order,omitempty" doc:"Routes are tried from the lowest; those of one order by their names."`
}

// RouteToSpec is one address.
type RouteToSpec struct {
	Channel string `json:"channel" enum:"slack,mail,webhook,inbox"`
	Address string `json:"address" maxLength:"2048"`
}

const routeExample = `apiVersion: hinoban/v1
kind: Route
metadata: {name: shop-channel}
spec:
  urgency: actionable
  match: ['service=~"shop|cart"']
  groupBy: [alertname, service]
  to:
  - {channel: slack, address: "#shop-alerts"}
`

// fallback has matchers read as Alertmanager reads them unless Features says
// otherwise.
var fallback = sync.OnceValue(func() error { return Features(logged(nil), "") }) //nolint:gochecknoglobals // how a package of Alertmanager reads is global

// Kinds are the documents that say who is told.
func Kinds() []ascode.Kind {
	if err := fallback(); err != nil {
		panic("am: no features are refused: " + err.Error())
	}
	return []ascode.Kind{
		ascode.Native("alertmanager.yml", "AlertmanagerConfig", "Routes, receivers, inhibitions and time intervals, in Alertmanager's own form.", func(path string, text []byte) (File, ascode.Problems) {
			if _, err := config.Load(string(text)); err != nil {
				return File{}, ascode.Problems{{File: path, Line: line(err), Column: 1, Message: err.Error(), Fix: "every field of Alertmanager 0.34 is read"}}
			}
			return File{path, string(text)}, nil
		}),
		ascode.Define("hinoban/v1", "Route", "Who else is told of alerts that match.", routeExample, checkRoute),
	}
}

// line finds the line that a YAML error names.
func line(err error) int {
	_, after, ok := strings.Cut(err.Error(), "line ")
	n := 1
	if ok {
		if _, scanErr := fmt.Sscanf(after, "%d", &n); scanErr != nil {
			n = 1
		}
	}
	return n
}

func checkRoute(e ascode.Envelope[RouteSpec]) (out []ascode.FieldError) {
	for i, m := range e.Spec.Match {
		if _, err := compat.Matchers(m, "route"); err != nil {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.match[%d]", i), `write it as name="value", name!="value", name=~"regex" or name!~"regex"`, "%v", err))
		}
	}
	for field, text := range map[string]string{"groupWait": e.Spec.GroupWait, "groupInterval": e.Spec.GroupInterval, "repeat": e.Spec.Repeat} {
		if text == "" {
			continue
		}
		if d, err := model.ParseDuration(text); err != nil || d == 0 && field != "groupWait" {
			out = append(out, ascode.Fieldf("spec."+field, "use a duration such as 30s or 5m", "%q is no duration", text))
		}
	}
	return out
}

// Set is the Route documents and the file of a set of documents.
type Set struct {
	File   *File
	Routes []ascode.Doc[RouteSpec]
}

// Of checks the documents of a set against each other. It is pure.
func Of(set *ascode.Set) (s Set, problems ascode.Problems) {
	files := ascode.Of[File](set)
	if len(files) > 1 {
		problems = append(problems, files[1].At("", "keep one alertmanager.yml", "%s is read already", files[0].File))
	}
	if len(files) > 0 {
		s.File = &files[0].Spec
	}
	s.Routes = ascode.Of[RouteSpec](set)
	slices.SortStableFunc(s.Routes, func(a, b ascode.Doc[RouteSpec]) int {
		if a.Spec.Order != b.Spec.Order {
			return a.Spec.Order - b.Spec.Order
		}
		return strings.Compare(a.Metadata.Name, b.Metadata.Name)
	})
	urgency := map[RouteToSpec]ascode.Doc[RouteSpec]{}
	for _, r := range s.Routes {
		for i, to := range r.Spec.To {
			if first, ok := urgency[to]; ok && first.Spec.Urgency != r.Spec.Urgency {
				problems = append(problems, r.At(fmt.Sprintf("spec.to[%d].address", i), "send the two to different places", "%s %s gets %s alerts from %s and %s ones from here", to.Channel, to.Address, first.Spec.Urgency, first.Metadata.Name, r.Spec.Urgency))
			}
			urgency[to] = r
		}
	}
	return s, problems
}

// Problem is what Build says of a set, with the place where it can be mended.
func (s Set) Problem(err error) ascode.Problem {
	p := ascode.Problem{File: ".", Line: 1, Column: 1, Message: err.Error(), Fix: "mend the file, or what it names beside it"}
	if s.File != nil {
		p.File = s.File.Path
	} else if len(s.Routes) > 0 {
		p.File, p.Line = s.Routes[0].File, s.Routes[0].Line
	}
	return p
}

// NoRoutes is what tells nobody: alerts are in the inbox alone.
const NoRoutes = "route: {receiver: inbox, group_by: [alertname, service]}\nreceivers: [{name: inbox}]\n"

// Channels are the ways to reach addresses, by name.
type Channels map[string]notify.Channel

// Build makes the configuration of a set. path is where the folder is, for the
// templates that the file names.
func (s Set) Build(folder string, ch Channels, lang string, o Options) (*Config, error) {
	file, err := s.load(folder)
	if err != nil {
		return nil, errs.New(errs.Invalid, "alertmanager.yml: %w", err)
	}
	var own []*config.Route
	for _, r := range s.Routes {
		node, err := r.Spec.node(r.Metadata.Name)
		if err != nil {
			return nil, err
		}
		own = append(own, node)
	}
	file.Route.Routes = append(own, file.Route.Routes...)
	c, err := build(file, o)
	if err != nil {
		return nil, err
	}
	for _, r := range s.Routes {
		name := receiverName(r.Metadata.Name)
		c.Receivers = append(c.Receivers, Receiver{Name: name, Labels: map[string]string{}})
		for i, to := range r.Spec.To {
			if o.bare {
				c.Plan.Receivers[name] = append(c.Plan.Receivers[name], dispatch.StandIn(to.Channel))
				continue
			}
			channel, ok := ch[to.Channel]
			if !ok {
				return nil, errs.New(errs.Invalid, "Route %s: this server has no channel %s; mail needs HINOBAN_SMTP_HOST", r.Metadata.Name, to.Channel)
			}
			c.Plan.Receivers[name] = append(c.Plan.Receivers[name], &toChannel{channel: channel, address: to.Address, index: i, base: o.ExternalURL, lang: lang, ask: o.Ask, route: r.Metadata.Name})
		}
	}
	return c, nil
}

// Skeleton is the plan of a set to decide with, and to tell nobody: for a replay.
func (s Set) Skeleton() (*dispatch.Plan, error) {
	c, err := s.Build("", nil, "", Options{bare: true})
	if err != nil {
		return nil, err
	}
	return c.Plan, nil
}

// load reads the file where it stands, for what it names beside it; where there
// is no folder any more, its text has to do.
func (s Set) load(folder string) (*config.Config, error) {
	switch {
	case s.File == nil:
		return config.Load(NoRoutes)
	case folder == "":
		return config.Load(s.File.Text)
	}
	return config.LoadFile(filepath.Join(folder, filepath.FromSlash(s.File.Path)))
}

func receiverName(route string) string { return "route/" + route }

func duration(text string, def time.Duration) *model.Duration {
	d, err := model.ParseDuration(text)
	if err != nil || text == "" {
		d = model.Duration(def)
	}
	return &d
}

// actionable is what somebody must do something about.
const actionable = "page|critical|ticket|error|warning"

// node is the route in Alertmanager's tree.
func (s RouteSpec) node(name string) (*config.Route, error) {
	r := &config.Route{
		Receiver: receiverName(name), Continue: s.Continue,
		GroupWait: duration(s.GroupWait, 0), GroupInterval: duration(s.GroupInterval, 5*time.Minute), RepeatInterval: duration(s.Repeat, 4*time.Hour),
	}
	kind := labels.MatchRegexp
	if s.Urgency == "informational" {
		kind = labels.MatchNotRegexp
	}
	m, err := labels.NewMatcher(kind, "severity", actionable)
	if err != nil {
		return nil, err
	}
	r.Matchers = append(r.Matchers, m)
	for _, text := range s.Match {
		ms, err := compat.Matchers(text, "route")
		if err != nil {
			return nil, err
		}
		r.Matchers = append(r.Matchers, ms...)
	}
	by := s.GroupBy
	if len(by) == 0 {
		by = []string{"alertname", "service"}
	}
	if slices.Contains(by, "...") {
		r.GroupByAll = true
		return r, nil
	}
	for _, n := range by {
		r.GroupBy = append(r.GroupBy, model.LabelName(n))
	}
	return r, nil
}

// logged is a logger where there is none.
func logged(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
