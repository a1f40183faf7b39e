package am

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	amroute "github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	commoncfg "github.com/prometheus/common/config"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Config is an alertmanager.yml that was read and found good.
type Config struct {
	Plan           *dispatch.Plan
	Original       string         // its text, secrets hidden
	ResolveTimeout time.Duration  // when what is not repeated ends
	Receivers      []Receiver     // in the order of the file
	File           *config.Config // as Alertmanager reads it
}

// Receiver is a receiver's name and labels.
type Receiver struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

// Options change how a file is read.
type Options struct {
	ExternalURL *url.URL // of this server, for links in messages
	Strict      bool     // Alertmanager's behaviour to the letter
	Log         *slog.Logger
	// Ask is the question below what a Route document sends; nil asks nothing.
	Ask  func(ctx context.Context, alerts []*amalert.Alert, channel, route string) notify.Ask
	HTTP []commoncfg.HTTPClientOption // of the clients that reach receivers

	bare bool // for a plan that nobody is told by: no files beside it, no channels
}

// Features sets how matchers and label names are read by the whole process:
// features is a comma-separated list as Alertmanager's --enable-feature takes it.
// Invalid where one is not known.
func Features(log *slog.Logger, features string) error {
	ff, err := featurecontrol.NewFlags(log, features)
	if err != nil {
		return errs.New(errs.Invalid, "features %q: %w", features, err)
	}
	compat.InitFromFlags(log, ff)
	return nil
}

// Load reads the file at path with the templates it names. Invalid, with
// Alertmanager's reason, where it cannot be used.
func Load(path string, o Options) (*Config, error) {
	file, err := config.LoadFile(path)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s: %w", path, err)
	}
	return build(file, o)
}

func build(file *config.Config, o Options) (*Config, error) {
	o.Log = logged(o.Log)
	c := &Config{
		Original: file.String(), ResolveTimeout: time.Duration(file.Global.ResolveTimeout), File: file,
		Plan: &dispatch.Plan{Root: amroute.NewRoute(file.Route, nil), Receivers: map[string][]dispatch.Integration{}, Intervals: map[string][]timeinterval.TimeInterval{}, Strict: o.Strict},
	}
	if err := c.receivers(o); err != nil {
		return nil, err
	}
	for i, r := range file.InhibitRules {
		if len(r.SourceMatch)+len(r.SourceMatchRE)+len(r.SourceMatchers)+len(r.TargetMatch)+len(r.TargetMatchRE)+len(r.TargetMatchers) == 0 {
			o.Log.Warn("an inhibition rule matches every alert", "index", i)
		}
		c.Plan.Inhibit = append(c.Plan.Inhibit, inhibit.NewInhibitRule(r))
	}
	for _, ti := range file.MuteTimeIntervals {
		c.Plan.Intervals[ti.Name] = ti.TimeIntervals
	}
	for _, ti := range file.TimeIntervals {
		c.Plan.Intervals[ti.Name] = ti.TimeIntervals
	}
	return c, nil
}

// receivers makes the integrations of the file.
func (c *Config) receivers(o Options) error {
	files := c.File.Templates
	if o.bare {
		files = nil
	}
	tmpl, err := template.FromGlobs(files)
	if err != nil {
		return errs.New(errs.Invalid, "failed to parse templates: %w", err)
	}
	tmpl.ExternalURL = o.ExternalURL
	if tmpl.ExternalURL == nil {
		tmpl.ExternalURL = &url.URL{Scheme: "http", Host: "localhost"}
	}
	for _, rcv := range c.File.Receivers {
		c.Receivers = append(c.Receivers, Receiver{Name: rcv.Name, Labels: orEmpty(rcv.Labels)})
		built, err := receiver.BuildReceiverIntegrations(rcv, tmpl, o.Log, o.HTTP...)
		if err != nil {
			return errs.New(errs.Invalid, "receiver %q: %w", rcv.Name, err)
		}
		list := make([]dispatch.Integration, 0, len(built))
		for i := range built {
			list = append(list, &built[i])
		}
		c.Plan.Receivers[rcv.Name] = list
	}
	return nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// String describes the configuration in a few words, for the log.
func (c *Config) String() string {
	n := 0
	for _, list := range c.Plan.Receivers {
		n += len(list)
	}
	return fmt.Sprintf("%d receivers with %d integrations, %d inhibition rules", len(c.Receivers), n, len(c.Plan.Inhibit))
}
