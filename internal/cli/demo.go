package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app/demo"
	"github.com/hinoban/hinoban/internal/platform/telemetry"
)

// onceWithin is the longest that an unattended demo may take.
const onceWithin = 2 * time.Minute

func newDemo(s Streams) *cobra.Command {
	o := demo.Options{Version: Version}
	once, verbose := false, false
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the product on a small shop that breaks",
		Long: `Run the product with a shop of three real services on loopback, steady traffic,
thirty days of history and two people on call. After half a minute payment
begins to fail; everything that follows happens for real.

With --once it plays the story unattended: the first person stays silent, the
second answers. It ends with one line of JSON, and exit code 0 only if each
step was seen in the log.`,
		Example: "  hinoban demo\n  hinoban demo --listen 127.0.0.1:9000 --lang ja\n  hinoban demo --once",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := slog.LevelError
			if verbose {
				level = slog.LevelInfo
			}
			log := telemetry.NewLogger(s.Err, level)
			if once {
				if !cmd.Flags().Changed("fault-after") {
					o.FaultAfter = 8 * time.Second
				}
				return demoOnce(cmd.Context(), s, log, o)
			}
			return demoRun(cmd.Context(), s, log, o)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&o.Listen, "listen", "127.0.0.1:8119", "loopback address to listen on")
	fl.StringVar(&o.Data, "data", "", "keep the demo's data in this folder; the default is a temporary one")
	fl.StringVar(&o.Lang, "lang", "en", "language of the drafts: en or ja")
	fl.DurationVar(&o.FaultAfter, "fault-after", 30*time.Second, "when payment begins to fail; 0 never")
	fl.BoolVar(&once, "once", false, "play the story unattended and end")
	fl.BoolVar(&verbose, "verbose", false, "print the server's own log")
	return cmd
}

func demoRun(ctx context.Context, s Streams, log *slog.Logger, o demo.Options) error {
	d, err := demo.Open(ctx, log, o)
	if err != nil {
		return err
	}
	printf(s.Out, `
  火の番  hinoban demo

  Open             %[1]s
  Break something  %[1]s/demo
  Aoi's phone      %[1]s/inbox/aoi
  Ren's phone      %[1]s/inbox/ren

  Payment begins to fail in %[2]s. Stop with Ctrl-C.

`, d.URL(), o.FaultAfter)
	return d.Run(ctx)
}

func demoOnce(ctx context.Context, s Streams, log *slog.Logger, o demo.Options) error {
	ctx, cancel := context.WithTimeout(ctx, onceWithin)
	defer cancel()
	opts := o
	opts.FaultAfter = 0 // the story injects the fault itself
	d, err := demo.Open(ctx, log, opts)
	if err != nil {
		return err
	}
	runCtx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- d.Run(runCtx) }()
	story, err := d.Once(ctx, s.Out, o.FaultAfter)
	stop()
	err = errors.Join(err, <-done)
	return errors.Join(err, tell(s.Out, story), story.Complete())
}

func tell(w io.Writer, story demo.Story) error {
	text, err := json.Marshal(story)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}
