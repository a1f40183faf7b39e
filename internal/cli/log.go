package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
)

func newLog(s Streams, getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{Use: "log", Short: "Read and verify the one log"}
	cmd.AddCommand(newLogTail(s, getenv), newLogVerify(s), newLogParked(s))
	return cmd
}

func newLogVerify(s Streams) *cobra.Command {
	var f serverFlags
	asJSON := false
	cmd := &cobra.Command{
		Use:     "verify",
		Short:   "Recompute the log's hash chain and find edited, deleted or reordered rows",
		Long:    "Recompute the hash chain of the whole log, on the database itself; a server may\nrun meanwhile. The last hash is printed: keep it elsewhere, and nobody can rewrite\nthe end of the log without your noticing. The exit code is 1 where the log was changed.",
		Example: "  hinoban log verify --data ./data\n  hinoban log verify --json --database postgres://hinoban@db/hinoban",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rep, err := app.VerifyLog(cmd.Context(), f.cfg)
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				if err := printJSON(s, rep); err != nil {
					return err
				}
			case rep.Intact:
				printf(s.Out, "intact: %d events, head %s\n", rep.Events, rep.Head)
			default:
				printf(s.Err, "CHANGED at seq %d: %s\n", rep.BadSeq, rep.Problem)
			}
			if !rep.Intact {
				return errSilent
			}
			return nil
		},
	}
	f.bindData(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newLogParked(s Streams) *cobra.Command {
	var f serverFlags
	retry, asJSON := false, false
	cmd := &cobra.Command{
		Use:     "parked",
		Short:   "List the events that a room could not handle, and have them tried again",
		Long:    "List the events that a room could not handle after trying for about eleven minutes.\nWith --retry they are delivered again, with what came after them; a running server\ndoes so within a second.",
		Example: "  hinoban log parked --data ./data\n  hinoban log parked --data ./data --retry",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parked, err := app.Parked(cmd.Context(), f.cfg, retry)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(s, append([]bus.ParkedEvent{}, parked...))
			}
			for _, p := range parked {
				printf(s.Out, "%6d  %s  %-12s %s\n", p.Seq, p.At.Format("2006-01-02 15:04:05"), p.Subscriber, p.Reason)
			}
			word := "parked"
			if retry {
				word = "to be tried again"
			}
			printf(s.Out, "%d event(s) %s\n", len(parked), word)
			return nil
		},
	}
	f.bindData(cmd)
	cmd.Flags().BoolVar(&retry, "retry", false, "have them delivered again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newLogTail(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	service, asJSON, follow, n := "", false, false, 20
	cmd := &cobra.Command{
		Use:     "tail",
		Short:   "Print the newest records, and follow",
		Example: "  hinoban log tail\n  hinoban log tail --service payment --follow\n  hinoban log tail --json -n 100 | jq .name",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := r.client(getenv)
			page := func(query ...string) ([]event.Record, error) {
				var out app.LogPage
				err := c.Get(cmd.Context(), "/api/v1/log", &out, append(query, "service", service)...)
				return out.Records, err
			}
			records, err := page("newest", "true", "limit", strconv.Itoa(n))
			if err != nil {
				return err
			}
			last := int64(0)
			for _, rec := range slices.Backward(records) {
				printRecord(s, rec, asJSON)
				last = rec.Seq
			}
			for follow && cmd.Context().Err() == nil {
				sleep(cmd.Context(), 500*time.Millisecond)
				if records, err = page("after", strconv.FormatInt(last, 10), "limit", "1000"); err != nil && cmd.Context().Err() == nil {
					return err
				}
				for _, rec := range records {
					printRecord(s, rec, asJSON)
					last = rec.Seq
				}
			}
			return nil
		},
	}
	r.bind(cmd)
	cmd.Flags().StringVar(&service, "service", "", "only this service")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on as records arrive")
	cmd.Flags().IntVarP(&n, "lines", "n", n, "how many to begin with, at most 1000")
	return cmd
}

func printRecord(s Streams, r event.Record, asJSON bool) {
	if asJSON {
		if text, err := json.Marshal(r); err == nil {
			printf(s.Out, "%s\n", text)
		}
		return
	}
	printf(s.Out, "%6d  %s  %-24s %-12s %-24s %s\n", r.Seq, r.At.Format("2006-01-02 15:04:05"), r.Name, r.Service, r.Actor, r.Payload)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func newOpenAPI(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:    "openapi",
		Short:  "Print the description of the API (OpenAPI 3.1)",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := app.Describe(cmd.Context(), Version)
			if err != nil {
				return err
			}
			printf(s.Out, "%s\n", text)
			return nil
		},
	}
}
