package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// askTime is what a planned change may take.
const askTime = time.Minute

func newBuddy(s Streams, getenv func(string) string) *cobra.Command {
	f := serverFlags{cfg: app.Default()}
	var of app.BuddyConfig
	cmd := &cobra.Command{
		Use:   "buddy",
		Short: "Run beside a server, and page when it is dead",
		Long: `Run on a second, small host beside a server. While the server lives, the buddy
keeps its plan: who is on call for the next 14 days, how to reach them, the keys of
senders, and what is open. When nothing good is heard of it for --dead-after, the
buddy pages whoever is on call that the pager is dead, takes what senders post, and
pages in its place. When the server is back it hands over what it took.

HINOBAN_BUDDY_SECRET, of at least 32 characters, is the same on both hosts. The ways
to reach people are set on both by the same variables:

` + channelHelp + `The manual tells how to set it up and to try it: docs/manual/en/buddy.md.`,
		Example: "  hinoban buddy --of https://hinoban.example.org --data /var/lib/hinoban-buddy --listen 0.0.0.0:8119 --base-url https://buddy.example.org\n  hinoban buddy takeover --of https://hinoban.example.org\n  hinoban buddy giveback --of https://hinoban.example.org",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, level, err := f.config(getenv)
			if err != nil {
				return err
			}
			if of.Of == "" {
				return errs.New(errs.Invalid, "--of says whose buddy this is, as in --of https://hinoban.example.org")
			}
			of.Secret = cfg.Buddy.Secret
			cfg.Buddy, cfg.RecordSLOs = of, false
			return serve(cmd.Context(), s, cfg, slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: level})))
		},
	}
	f.cfg.Version, f.cfg.Data = Version, "./buddy"
	cmd.PersistentFlags().StringVar(&of.Of, "of", "", "address of the server, such as https://hinoban.example.org")
	fl := cmd.Flags()
	fl.StringVar(&f.cfg.Data, "data", f.cfg.Data, "folder of the buddy's own database")
	fl.StringVar(&f.cfg.Listen, "listen", f.cfg.Listen, "host:port to listen on")
	fl.StringVar(&f.cfg.BaseURL, "base-url", "", "where people and the server reach the buddy, such as https://buddy.example.org")
	fl.StringVar(&f.cfg.Lang, "lang", f.cfg.Lang, "language of what is written for everybody: en or ja")
	fl.DurationVar(&of.DeadAfter, "dead-after", f.cfg.Buddy.DeadAfter, "without a good heartbeat the server is dead; at most 1m")
	fl.StringVar(&of.Policy, "policy", "", "escalation policy that tells that the pager is dead; without one the default policy")
	fl.BoolVar(&f.cfg.Webhook.AllowPrivate, "allow-private-webhooks", false, "let webhooks reach private and loopback addresses")
	fl.StringVar(&f.auth, "auth", "auto", "on, off (loopback only) or auto: on when listening beyond loopback")
	fl.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	cmd.AddCommand(
		newBuddyAsk(s, getenv, &of, app.BuddyTakeover, "Have the buddy page, before the server is stopped on purpose"),
		newBuddyAsk(s, getenv, &of, app.BuddyGiveback, "Have the server page again after a takeover"),
	)
	return cmd
}

func newBuddyAsk(s Streams, getenv func(string) string, of *app.BuddyConfig, ask app.BuddyAsk, short string) *cobra.Command {
	return &cobra.Command{
		Use:     string(ask),
		Short:   short,
		Long:    short + ". It asks the server, with\nHINOBAN_BUDDY_SECRET, and returns when it is done: nothing is lost in between.",
		Example: "  hinoban buddy " + string(ask) + " --of https://hinoban.example.org",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), askTime)
			defer cancel()
			of.Secret = getenv("HINOBAN_BUDDY_SECRET")
			if err := app.AskServer(ctx, *of, ask); err != nil {
				return err
			}
			printf(s.Out, "done: %s\n", map[app.BuddyAsk]string{app.BuddyTakeover: "the buddy pages", app.BuddyGiveback: "the server pages"}[ask])
			return nil
		},
	}
}
