package cli

import (
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func printTurns(s Streams, all app.OnCallTurns, person string, asJSON bool) error {
	turns := all.Of(person)
	if asJSON {
		return printJSON(s, turns)
	}
	if len(turns) == 0 {
		printf(s.Out, "never in this time\n")
		return nil
	}
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for _, v := range turns {
		note := v.Source.Kind
		if note == "rotation" {
			note = ""
		}
		if v.Absent {
			note += " ▲ away"
		}
		printf(t, "%s\t– %s\t%s\t%s\t%s\n", v.Start.Local().Format(day), v.End.Local().Format(day), v.End.Sub(v.Start).Round(time.Minute), v.Rota, note)
	}
	return t.Flush()
}

func newOnCallProve(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	asJSON, config, days := false, "", 365
	var allow []string
	cmd := &cobra.Command{
		Use:   "prove",
		Short: "Prove that somebody reachable is always on call",
		Long: `Look at every turn of the days ahead and list each gap, each turn of somebody who is
away, unreachable or lacks a skill, who is in two rotas at a time, turns that are too
long, and loads that are not shared alike. The exit code is 1 where anything is
found that --allow does not name.`,
		Example: "  hinoban oncall prove --days 365\n  hinoban oncall prove --config ./config --allow twice,unfair\n  hinoban oncall prove --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > 366 {
				return errs.New(errs.Invalid, "--days: 1 to 366")
			}
			var out app.OnCallProof
			var err error
			from := time.Now().UTC()
			if config != "" {
				out, err = app.ProveFolder(config, from, from.AddDate(0, 0, days))
			} else {
				err = r.client(getenv).Get(cmd.Context(), "/api/v1/oncall/prove", &out, "days", strconv.Itoa(days))
			}
			if err != nil {
				return err
			}
			return printProof(s, out, allow, asJSON)
		},
	}
	r.bind(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&config, "config", "", "a folder of documents in the place of a server")
	cmd.Flags().IntVar(&days, "days", 365, "how far ahead, at most 366")
	cmd.Flags().StringSliceVar(&allow, "allow", nil, "kinds of finding that are listed and do not fail: twice,unfair")
	return cmd
}

func printProof(s Streams, p app.OnCallProof, allow []string, asJSON bool) error {
	bad := 0
	for _, f := range p.Findings {
		if !slices.Contains(allow, string(f.Kind)) {
			bad++
		}
	}
	if asJSON {
		if err := printJSON(s, p); err != nil {
			return err
		}
	} else {
		t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
		for _, f := range p.Findings {
			printf(t, "%s\t%s\t%s – %s\t%s\n", f.Kind, f.Rota, f.Start.Local().Format(day), f.End.Local().Format(day), f.Text)
		}
		if err := t.Flush(); err != nil {
			return err
		}
		printf(s.Out, "%d rotas, %d turns, %.4f %% covered from %s to %s: %d finding(s)\n", p.Rotas, p.Turns, 100*p.Covered, p.From.Local().Format(day), p.To.Local().Format(day), len(p.Findings))
	}
	if bad > 0 {
		return errSilent
	}
	return nil
}

func newOnCallTest(s Streams) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "test DIR|FILE…",
		Short: "Run tests of escalations",
		Long: `Run the tests of escalations in files, or in all *_test.yaml of folders: what fires,
who answers, and whom the server must have paged by then, to the second. The same
decisions as the server's run on a clock of their own. The exit code is 1 where
something is not as expected.

A test:

  world: {now: 2026-03-08T01:50:00, tz: America/Chicago, config: .}
  steps:
  - {at: 0s, alert: {service: checkout, key: k1, severity: critical}}
  - {at: 0s, expect: [{page: aoi, via: inbox, step: 0}]}
  - {at: 6m, ack: {key: k1, by: aoi}}
  never: [{page: carol}]`,
		Example: "  hinoban oncall test ./config\n  hinoban oncall test --json ./config/oncall_test.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			report, err := app.TestOnCall(args)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(s, report)
			} else {
				printDrills(s, report)
			}
			if err == nil && report.Failed > 0 {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printDrills(s Streams, r app.DrillReport) {
	for _, f := range r.Files {
		printf(s.Out, "%s\n", f.File)
		if f.Problem != "" {
			printf(s.Out, "  FAILED: %s\n", f.Problem)
		}
		for _, t := range f.Tests {
			if len(t.Failures) == 0 {
				printf(s.Out, "  ok      %s\n", t.Name)
				continue
			}
			printf(s.Out, "  FAILED  %s\n", t.Name)
			for _, v := range t.Failures {
				printf(s.Out, "          line %d, at %s: %s\n", v.Line, v.At, v.Text)
			}
		}
	}
	printf(s.Out, "%d passed, %d failed\n", r.Passed, r.Failed)
}

func printPageExplained(s Streams, x app.PageExplained) error {
	printf(s.Out, "%s: %s\npage %s · policy %s · %s %s\n", x.Page.Service, x.Page.Summary, x.Page.ID, x.Page.Policy, x.Page.State, x.Page.AckedBy)
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for _, e := range x.Events {
		printf(t, "%s\t+%s\t%s\t%s\n", e.At.Local().Format(time.TimeOnly), e.At.Sub(x.Page.OpenedAt).Round(time.Millisecond), e.Name, e.Actor)
	}
	for _, d := range x.Deliveries {
		at := d.SentAt
		if at.IsZero() {
			at = d.DueAt
		}
		printf(t, "%s\t+%s\t%s step %d\t%s/%s %s, %d tries %s\n", at.Local().Format(time.TimeOnly), at.Sub(x.Page.OpenedAt).Round(time.Millisecond), d.Kind, d.Step+1, d.Person, d.Device, d.State, d.Attempts, d.Error)
	}
	for _, c := range x.Ahead {
		printf(t, "%s\t+%s\twill %s, step %d\t%s/%s\n", c.At.Local().Format(time.TimeOnly), time.Duration(c.AfterSeconds*float64(time.Second)), c.Kind, c.Step+1, c.Person, c.Device)
	}
	return t.Flush()
}
