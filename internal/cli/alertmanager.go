package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// newAlertmanager is the drop-in: Alertmanager's flags, its behaviour, its API.
func newAlertmanager(s Streams) *cobra.Command {
	cfg := app.AlertmanagerConfig{Version: Version}
	var level, format string
	cmd := &cobra.Command{
		Use:   "alertmanager",
		Short: "Run in the place of Alertmanager, with its flags",
		Long: `Run in the place of Alertmanager: its flags, its configuration file, its API,
its cluster. What was accepted survives a crash: alerts, silences and the log of
notifications are on disk before the answer is sent.

It behaves as Alertmanager does to the letter; --native makes the departures
that serve makes: a new page-level alert of a known group is told at once, what
was over before it could be told is told, and so is the end of what was silenced
meanwhile.`,
		Example: "  hinoban alertmanager --config.file=alertmanager.yml --storage.path=data/\n  hinoban alertmanager --config.file=alertmanager.yml --web.listen-address=:9093 --cluster.listen-address=",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := amLogger(s.Err, level, format)
			if err != nil {
				return err
			}
			ctx, stop := reloads(cmd.Context(), &cfg)
			defer stop()
			return app.RunAlertmanager(ctx, log, cfg)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&cfg.File, "config.file", "alertmanager.yml", "configuration file")
	fl.StringVar(&cfg.Data, "storage.path", "data/", "folder of the database")
	fl.StringVar(&cfg.Database, "database", "", "postgres://… to keep the state in, which servers share with the work; the default is a file in --storage.path")
	fl.BoolVar(&cfg.Native, "native", false, "make the departures from Alertmanager that serve makes")
	fl.DurationVar(&cfg.Retention, "data.retention", 120*time.Hour, "how long expired silences and what was told are kept")
	fl.DurationVar(&cfg.StartDelay, "dispatch.start-delay", 0, "tell nobody before this long after the start")
	fl.IntVar(&cfg.Limit, "alerts.per-alertname-limit", 0, "most alerts of one alertname; 0 is no limit")
	fl.StringArrayVar(&cfg.Listen, "web.listen-address", []string{":9093"}, "address to listen on (may be repeated)")
	fl.StringVar(&cfg.WebConfig, "web.config.file", "", "file with TLS and basic authentication of the web server")
	fl.StringVar(&cfg.ExternalURL, "web.external-url", "", "URL under which it is reached, for links in messages")
	fl.StringVar(&cfg.Prefix, "web.route-prefix", "", "prefix of all paths; the default is the path of --web.external-url")
	fl.StringVar(&cfg.CORS, "web.cors.origin", "", "regular expression of origins whose pages may call the API")
	fl.IntVar(&cfg.Gets, "web.get-concurrency", 0, "most GET requests served at once; 0 is the processors, at least 8")
	fl.DurationVar(&cfg.Timeout, "web.timeout", 0, "most time of a request; 0 is no limit")
	fl.StringVar(&cfg.Features, "enable-feature", "", "comma-separated: classic-mode, utf8-strict-mode, …")
	fl.StringVar(&level, "log.level", "info", "debug, info, warn or error")
	fl.StringVar(&format, "log.format", "logfmt", "logfmt or json")
	bindCluster(cmd, &cfg)
	// These tune what Alertmanager does by the clock and this does not need to; they
	// are taken so that its command lines work.
	for name, def := range map[string]time.Duration{"data.maintenance-interval": 15 * time.Minute, "alerts.gc-interval": 30 * time.Minute, "dispatch.maintenance-interval": 30 * time.Second} {
		fl.Duration(name, def, "taken and not needed: nothing here waits for a clean-up")
	}
	fl.Float64("auto-gomemlimit.ratio", 0.9, "taken and not needed")
	fl.Bool("log.silences", false, "taken and not needed: each silence is in the log")
	return cmd
}

func bindCluster(cmd *cobra.Command, cfg *app.AlertmanagerConfig) {
	c := &cfg.Cluster
	fl := cmd.Flags()
	fl.StringVar(&c.Bind, "cluster.listen-address", "0.0.0.0:9094", "address of the cluster; empty is no cluster")
	fl.StringVar(&c.Advertise, "cluster.advertise-address", "", "address that peers are told")
	fl.StringVar(&c.Name, "cluster.peer-name", "", "name in the cluster; the default is a random one")
	fl.StringArrayVar(&c.Peers, "cluster.peer", nil, "a peer to look for first (may be repeated)")
	fl.DurationVar(&c.PeerTimeout, "cluster.peer-timeout", 15*time.Second, "how long a message is left to each peer before this one")
	fl.DurationVar(&c.ResolveTimeout, "cluster.peers-resolve-timeout", 15*time.Second, "most time to resolve the names of peers")
	fl.DurationVar(&c.Interval, "cluster.gossip-interval", 200*time.Millisecond, "time between two messages of gossip")
	fl.DurationVar(&c.PushPull, "cluster.pushpull-interval", time.Minute, "time between two exchanges of everything")
	fl.DurationVar(&c.TCPTimeout, "cluster.tcp-timeout", 10*time.Second, "most time of an exchange with a peer")
	fl.DurationVar(&c.ProbeTimeout, "cluster.probe-timeout", 500*time.Millisecond, "how long a peer may take to answer a probe")
	fl.DurationVar(&c.ProbeEvery, "cluster.probe-interval", time.Second, "time between two probes")
	fl.DurationVar(&c.SettleTimeout, "cluster.settle-timeout", time.Minute, "most time to wait for the cluster before telling anybody")
	fl.DurationVar(&c.ReconnectEvery, "cluster.reconnect-interval", 10*time.Second, "time between two tries to reach a lost peer")
	fl.DurationVar(&c.ReconnectTimeout, "cluster.reconnect-timeout", 6*time.Hour, "how long a lost peer is looked for")
	fl.StringVar(&c.TLSConfig, "cluster.tls-config", "", "file with the TLS of the cluster")
	fl.BoolVar(&c.AllowInsecureAdvertise, "cluster.allow-insecure-public-advertise-address-discovery", false, "find and use a public address")
	fl.StringVar(&c.Label, "cluster.label", "", "name that keeps clusters apart")
}

func amLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, errs.New(errs.Invalid, "--log.level %q is none of debug, info, warn, error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch format {
	case "logfmt":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, errs.New(errs.Invalid, "--log.format %q is none of logfmt, json", format)
}

// reloads has SIGHUP read the configuration anew.
func reloads(ctx context.Context, cfg *app.AlertmanagerConfig) (context.Context, func()) {
	hup := make(chan os.Signal, 1)
	reload := make(chan struct{}, 1)
	signal.Notify(hup, syscall.SIGHUP)
	cfg.Reload = reload
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
				select {
				case reload <- struct{}{}:
				default:
				}
			}
		}
	}()
	return ctx, func() { signal.Stop(hup); cancel() }
}
