package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/telemetry"
)

// serverFlags are what serve and its kin take.
type serverFlags struct {
	cfg   app.Config
	auth  string
	level string
}

// bindData binds what it takes to find the server's data.
func (f *serverFlags) bindData(cmd *cobra.Command) {
	f.cfg = app.Default()
	f.cfg.Version = Version
	fl := cmd.Flags()
	fl.StringVar(&f.cfg.Data, "data", f.cfg.Data, "folder of the database and the metrics")
	fl.StringVar(&f.cfg.Database, "database", "", "postgres://… or a file; the default is hinoban.db in the data folder")
	fl.StringVar(&f.cfg.BaseURL, "base-url", "", "where people reach the server, such as https://hinoban.example.org")
}

func (f *serverFlags) bind(cmd *cobra.Command) {
	f.bindData(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.cfg.Listen, "listen", f.cfg.Listen, "host:port to listen on")
	fl.StringVar(&f.cfg.Folder, "config", "", "folder of documents as code; it is followed while the server runs")
	fl.StringVar(&f.cfg.Lang, "lang", f.cfg.Lang, "language of what is written for everybody: en or ja")
	fl.StringVar(&f.cfg.MetricsURL, "metrics-url", "", "a Prometheus-compatible server to ask instead of the embedded store")
	fl.BoolVar(&f.cfg.RecordSLOs, "record-slo-series", true, "write the series that Sloth's rules record, for dashboards that show them")
	fl.DurationVar(&f.cfg.Retention, "metrics-retention", 0, "how long the embedded store keeps samples; the default is 400 days")
	fl.DurationVar(&f.cfg.SLO.Every, "slo-interval", f.cfg.SLO.Every, "how often every objective is looked at; one for which samples came is looked at within half a second")
	fl.BoolVar(&f.cfg.Webhook.AllowPrivate, "allow-private-webhooks", false, "let webhooks reach private and loopback addresses")
	fl.StringVar(&f.auth, "auth", "auto", "on, off (loopback only) or auto: on when listening beyond loopback")
	fl.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
}

// config completes the flags with what must not stand on a command line.
func (f *serverFlags) config(getenv func(string) string) (app.Config, *slog.LevelVar, error) {
	cfg := f.cfg
	level := &slog.LevelVar{}
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return cfg, nil, errs.New(errs.Invalid, "--log-level %q is none of debug, info, warn, error", f.level)
	}
	switch f.auth {
	case "on":
		cfg.Auth.Mode = auth.On
	case "off":
		cfg.Auth.Mode = auth.Off
	case "auto":
		cfg.Auth.Mode = auth.On
		// A base URL beyond this machine means a proxy in front of loopback.
		if app.Loopback(cfg.Listen) && (cfg.BaseURL == "" || app.LoopbackURL(cfg.BaseURL)) {
			cfg.Auth.Mode = auth.Off
		}
	default:
		return cfg, nil, errs.New(errs.Invalid, "--auth %q is none of on, off, auto", f.auth)
	}
	cfg.MetricsToken, cfg.Buddy.Secret = getenv("HINOBAN_METRICS_TOKEN"), getenv("HINOBAN_BUDDY_SECRET")
	if err := channelSettings(&cfg, getenv); err != nil {
		return cfg, nil, err
	}
	return cfg, level, nil
}

func newServe(s Streams, getenv func(string) string) *cobra.Command {
	var f serverFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is told to stop.

Secrets come from the environment. HINOBAN_METRICS_TOKEN is that of --metrics-url,
HINOBAN_BUDDY_SECRET that of a buddy on a second host (see ` + "`hinoban buddy`" + `);
the ways to reach people are set by

` + channelHelp + `The manual tells how to set each of them up: docs/manual/en/channels.md.`,
		Example: "  hinoban serve --config ./config\n  hinoban serve --listen 0.0.0.0:8119 --base-url https://hinoban.example.org --config /etc/hinoban",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, level, err := f.config(getenv)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), s, cfg, slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: level})))
		},
	}
	f.bind(cmd)
	return cmd
}

func serve(ctx context.Context, s Streams, cfg app.Config, log *slog.Logger) error {
	start := time.Now()
	a, err := app.New(ctx, log, cfg)
	if err != nil {
		return err
	}
	link, err := a.AdminLink(ctx)
	if err != nil {
		return err
	}
	if link != "" {
		printf(s.Err, "\nNobody can sign in yet. Make yourself the admin, once, within an hour:\n  %s\n\n", link)
	}
	printf(s.Err, "hinoban %s is ready after %s: %s\n", cfg.Version, time.Since(start).Round(time.Millisecond), a.URL())
	return a.Run(ctx)
}

func newAdminLink(s Streams) *cobra.Command {
	var f serverFlags
	cmd := &cobra.Command{
		Use:     "admin-link",
		Short:   "Print a one-time link that makes its holder an admin",
		Long:    "Print a one-time link, good for an hour, that makes its holder an admin. Whoever\nmay read the data folder may do this: it is the way back in when a password is lost.",
		Example: "  hinoban admin-link --data ./data --base-url https://hinoban.example.org",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			link, err := app.FreshAdminLink(cmd.Context(), telemetry.NewLogger(s.Err, slog.LevelWarn), f.cfg)
			if err != nil {
				return err
			}
			printf(s.Out, "%s\n", link)
			return nil
		},
	}
	f.bindData(cmd)
	return cmd
}
