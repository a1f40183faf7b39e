package cli

import (
	"context"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// errGaps ends a mutation test that found failures which nothing would have told.
const errGaps codeError = 10

func newAlertMutate(s Streams, getenv func(string) string) *cobra.Command {
	asJSON, verbose, since, keep := false, false, "7d", ""
	var o app.MutateOptions
	cmd := &cobra.Command{
		Use:     "mutate [DIR]",
		Short:   "Inject failures into the past and name those that no alert would have told",
		Long:    "Inject into a copy of the past what the rules and objectives under DIR claim to catch —\na run that is dropped or late, half the rows, a metric that does not change or is gone,\n5 % and 100 % of errors, ten times the latency — by day, by night and at the weekend,\nevaluate the rules and objectives that watch it as the server does, and name each\nfailure of which nobody would have heard within what its rules promise, with a rule\nthat catches it and stays silent without it. Nothing is written to the past. Without\nDIR a made-up week with known gaps is tried. The exit code is 10 where there are gaps.",
		Example: "  hinoban alert mutate --url http://127.0.0.1:8119/prometheus ./config\n  hinoban alert mutate --data ./data --since 14d --rule BackupLate ./config\n  hinoban alert mutate --series past_test.yaml --mutation vanish --json ./config\n  hinoban alert mutate",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.Past.Since, err = app.ParseSpan(since); err != nil {
				return errs.New(errs.Invalid, "--since: %w", err)
			}
			var fsys fs.FS
			dir := ""
			if len(args) == 1 {
				if dir = args[0]; count(o.Past.URL, o.Past.Data, o.Series) != 1 {
					return errs.New(errs.Invalid, "the past is needed: give one of --url, --data and --series")
				}
				if fsys, err = folder(dir); err != nil {
					return err
				}
			} else {
				printf(s.Err, "no folder: a made-up week of services and jobs is tried, not yours\n")
			}
			o.Past.Token = getenv("HINOBAN_TOKEN")
			o.Progress = progress(s)
			out, problems, err := app.MutateRules(cmd.Context(), fsys, o)
			ruleProblems(s, dir, problems)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(s, out)
			} else {
				err = printMutations(s, out, verbose)
			}
			if err == nil && keep != "" {
				err = keepMutations(cmd.Context(), client.New(keep, getenv("HINOBAN_TOKEN")), out)
			}
			if err == nil && len(out.Gaps()) > 0 {
				return errGaps
			}
			return err
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&asJSON, "json", false, "print JSON")
	fl.BoolVar(&verbose, "all", false, "print what was caught, too")
	fl.StringVar(&since, "since", since, "how much of the past is read, ending now")
	fl.StringVar(&o.Past.URL, "url", "", "where the past is: a server that speaks Prometheus' API, such as http://127.0.0.1:8119/prometheus. A token comes from $HINOBAN_TOKEN")
	fl.StringVar(&o.Past.Data, "data", "", "where the past is: the data folder of a server that does not run")
	fl.StringVar(&o.Series, "series", "", "where the past is: the input_series of the first test of a file in the format of promtool")
	fl.Uint64Var(&o.Seed, "seed", 1, "what chooses the times; the same seed tries the same failures")
	fl.DurationVar(&o.Within, "within", 0, "a failure must be told within this; without it within what its rule promises")
	fl.StringSliceVar(&o.Rules, "rule", nil, "only what this rule or objective watches; may be repeated")
	fl.StringSliceVar(&o.Mutations, "mutation", nil, "only this one: drop, delay, halve, flat, vanish, errors5, errors100, tenfold; may be repeated")
	fl.StringVar(&keep, "keep", "", "the server whose pages show the result, such as http://127.0.0.1:8119")
	return cmd
}

func count(given ...string) (n int) {
	for _, g := range given {
		if g != "" {
			n++
		}
	}
	return n
}

// progress says each twentieth that is done.
func progress(s Streams) func(done, of int) {
	last := 0
	return func(done, of int) {
		if part := 20 * done / max(of, 1); part > last {
			last = part
			printf(s.Err, "%d of %d cases\n", done, of)
		}
	}
}

// kept is the body that the API takes.
type kept struct {
	Rules any `json:"rules"`
}

func keepMutations(ctx context.Context, c *client.Client, out app.Mutations) error {
	var answer any
	return c.Post(ctx, "/api/v1/alerts/mutation-results", kept{out.Rules}, &answer)
}

func printMutations(s Streams, out app.Mutations, all bool) error {
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	printf(t, "FAILURE\tSERIES\tCAUGHT\tBY\tAFTER\n")
	for _, c := range out.Cases {
		if !all && !c.Gap() {
			continue
		}
		by, after, missed := "-", time.Duration(0), []string{}
		for _, x := range c.Tries {
			switch {
			case x.Caught:
				by, after = x.By, max(after, x.After)
			case x.Late:
				missed = append(missed, x.When+" "+x.Fault.Format(time.RFC3339)+", late: "+x.By+" after "+x.After.String())
			default:
				missed = append(missed, x.When+" "+x.Fault.Format(time.RFC3339))
			}
		}
		when := "-"
		if by != "-" {
			when = after.String()
		}
		if len(missed) > 0 {
			when += "  not: " + strings.Join(missed, "; ")
		}
		printf(t, "%s\t%s\t%d/%d\t%s\t%s\n", c.Mutation, c.Series, len(c.Tries)-c.Missed(), len(c.Tries), by, when)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, c := range out.Gaps() {
		if c.Proposal != nil {
			printf(s.Out, "---\n# catches %s of %s, and was silent without it\n%s", c.Mutation, c.Series, c.Proposal.Document())
		} else {
			printf(s.Out, "# %s of %s: no rule was found that catches it and is silent without it\n", c.Mutation, c.Series)
		}
	}
	for _, n := range out.Notes {
		printf(s.Err, "note: %s\n", n)
	}
	told, caught := out.Share()
	printf(s.Err, "%d failures in %d cases, seed %d: %.1f %% caught, %.1f %% caught or named with a rule that catches them, %d gap(s)\n", out.Injected, len(out.Cases), out.Seed, 100*caught, 100*told, len(out.Gaps()))
	return nil
}
