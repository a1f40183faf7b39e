package cli

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
)

func newOnCallImport(s Streams) *cobra.Command {
	asJSON, from, dir, days := false, "", "", 90
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Read schedules and escalations of another product",
		Long: `Read saved answers of the API of PagerDuty, Opsgenie, Grafana OnCall or GoAlert, write
documents, name what cannot be the same, and compare for --diff-days who is on call by
the other product's own rules and by the documents. Nothing is overwritten. The exit
code is 1 where they differ or the documents have mistakes.`,
		Example: "  hinoban oncall import --from pagerduty --dir ./config users.json schedule.json policies.json\n  hinoban oncall import --from goalert --dir ./config --json export.json",
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
	cmd.Flags().StringVar(&from, "from", "", "pagerduty, opsgenie, grafana or goalert")
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
