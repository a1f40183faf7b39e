package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func newOnCallImport(s Streams) *cobra.Command {
	asJSON, from, dir, days := false, "", "", 90
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Read schedules and escalations of another product",
		Long: `Read saved answers of the API of PagerDuty, Opsgenie, Grafana OnCall or GoAlert, or
iCalendar files, write documents, name what cannot be the same, and compare for --diff-days who is on call by
the other product's own rules and by the documents. Nothing is overwritten. The exit
code is 1 where they differ or the documents have mistakes.`,
		Example: "  hinoban oncall import --from pagerduty --dir ./config users.json schedule.json policies.json\n  hinoban oncall import --from goalert --dir ./config --json export.json\n  hinoban oncall import --from ics --dir ./config shop.ics",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			out, err := app.ImportOnCall(from, args, dir, time.Now().UTC(), days)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(s, out)
			} else {
				printImported(s, out, days)
			}
			if err == nil && len(out.Differences)+len(out.Problems) > 0 {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&from, "from", "", "pagerduty, opsgenie, grafana, goalert or ics")
	cmd.Flags().StringVar(&dir, "dir", ".", "folder that the documents are written to")
	cmd.Flags().IntVar(&days, "diff-days", 90, "how many days are compared")
	return cmd
}

func printImported(s Streams, out app.Imported, days int) {
	for _, f := range out.Files {
		printf(s.Out, "wrote %s\n", f)
	}
	for _, n := range out.Notes {
		printf(s.Out, "note: %s: %s — %s\n", strings.TrimPrefix(n.Rota+" "+n.Where, " "), n.Text, n.Remedy)
	}
	for _, a := range out.Adjustments {
		printf(s.Out, "adjustment: %s of %s, %s – %s: %s\n", a.Kind, a.Rota, a.Start.Format(day), a.End.Format(day), cmp.Or(a.Person, "fixed shifts"))
	}
	for _, d := range out.Differences {
		printf(s.Out, "differs: %s, %s – %s: %s there, %s here\n", d.Rota, d.Start.Format(day), d.End.Format(day), cmp.Or(strings.Join(d.Theirs, "+"), "nobody"), cmp.Or(strings.Join(d.Ours, "+"), "nobody"))
	}
	for _, p := range out.Problems {
		printf(s.Out, "%s\n", p)
	}
	printf(s.Out, "%d files, %d notes, %d differences in %d days, %d problems\n", len(out.Files), len(out.Notes), len(out.Differences), days, len(out.Problems))
}

// adjustment is what the API takes of one.
type adjustment struct {
	Kind   string          `json:"kind"`
	Rota   string          `json:"rota,omitempty"`
	Person string          `json:"person,omitempty"`
	Of     string          `json:"of,omitempty"`
	Start  time.Time       `json:"start"`
	End    time.Time       `json:"end"`
	Shifts json.RawMessage `json:"shifts,omitempty"`
	Mode   string          `json:"mode,omitempty"`
	After  int             `json:"graduate_after,omitempty"`
	Reason string          `json:"reason,omitempty"`
	As     string          `json:"as,omitempty"`
}

func newOnCallAdjust(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	as := ""
	cmd := &cobra.Command{
		Use:   "adjust FILE",
		Short: "Post overrides, temporary schedules, swaps, absences and shadows from a file",
		Long: `Post the adjustments of a file, such as the adjustments.json that import writes, to a
server that has their rotas. Each is posted by itself; those that the server refuses
are named, and the exit code is 1 then. What is over already is passed by.`,
		Example: "  hinoban oncall adjust ./config/adjustments.json --as aoi\n  echo '[{\"kind\":\"override\",\"rota\":\"web\",\"person\":\"hana\",\"of\":\"*\",\"start\":\"2026-12-24T09:00:00+09:00\",\"end\":\"2026-12-25T09:00:00+09:00\"}]' | hinoban oncall adjust -",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var text []byte
			var err error
			if args[0] == "-" {
				text, err = io.ReadAll(io.LimitReader(s.In, 8<<20))
			} else {
				text, err = os.ReadFile(args[0])
			}
			if err != nil {
				return errs.New(errs.NotFound, "%w", err)
			}
			var list []adjustment
			if err := json.Unmarshal(text, &list); err != nil {
				return errs.New(errs.Invalid, "%s: want a list of adjustments: %w", args[0], err)
			}
			return postAdjustments(cmd.Context(), s, r.client(getenv), list, as)
		},
	}
	r.bind(cmd)
	cmd.Flags().StringVar(&as, "as", "", "the person who acts, where authentication is off")
	return cmd
}

func postAdjustments(ctx context.Context, s Streams, c *client.Client, list []adjustment, as string) error {
	refused := 0
	for i, a := range list {
		if !a.End.After(time.Now()) {
			continue
		}
		a.As = as
		if err := c.Post(ctx, "/api/v1/oncall/adjustments", a, nil); err != nil {
			refused++
			printf(s.Err, "number %d, %s of %s: %v\n", i+1, a.Kind, a.Rota, err)
			continue
		}
		printf(s.Out, "%s of %s, %s – %s: %s\n", a.Kind, a.Rota, a.Start.Format(day), a.End.Format(day), cmp.Or(a.Person, "fixed shifts"))
	}
	if refused > 0 {
		return errSilent
	}
	return nil
}
