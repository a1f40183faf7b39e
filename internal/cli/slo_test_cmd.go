package cli

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func newSLOTest(s Streams) *cobra.Command {
	asJSON := false
	var run []string
	cmd := &cobra.Command{
		Use:     "test FILE...",
		Short:   "Run tests of objectives and of Prometheus rules",
		Long:    "Run test files in the format of `promtool test rules`, with one more list in each test:\nslo_test says how an objective must stand at a time, while the series of the test go\nthrough the meter and the evaluator of the server. rule_files may name Prometheus\nrules, SLO documents of any dialect, and folders. The exit code is 1 where something\nis not as expected.",
		Example: "  hinoban slo test slos_test.yaml\n  hinoban slo test --run 'outage|deploy' tests/*_test.yaml\n  hinoban slo test --json slos_test.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var only *regexp.Regexp
			if len(run) > 0 {
				var err error
				if only, err = regexp.Compile(strings.Join(run, "|")); err != nil {
					return errs.New(errs.Invalid, "--run: %w", err)
				}
			}
			report, err := app.TestSLOs(cmd.Context(), args, only)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(s, report)
			} else {
				printTests(s, report)
			}
			if err == nil && report.Failed > 0 {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringArrayVar(&run, "run", nil, "run only tests whose names match this regular expression; may be given more than once")
	return cmd
}

// printTests prints a report as promtool does.
func printTests(s Streams, r app.TestReport) {
	for _, f := range r.Files {
		printf(s.Out, "Unit Testing: %s\n", f.File)
		for _, n := range f.Notes {
			printf(s.Err, "  WARNING: %s\n", n)
		}
		if f.OK {
			printf(s.Out, "  SUCCESS\n\n")
			continue
		}
		printf(s.Out, "  FAILED:\n")
		for _, p := range f.Problems {
			printf(s.Out, "    %s\n", p)
		}
		for _, t := range f.Tests {
			for _, m := range t.Mismatches {
				printf(s.Out, "    name: %s,\n", t.Name)
				switch head := strings.Trim(m.What+", time: "+m.At, ", "); {
				case m.What == "":
					printf(s.Out, "    %s\n", m.Problem)
				case m.At == "":
					printf(s.Out, "    %s, err: %s\n", m.What, m.Problem)
				case m.Problem != "":
					printf(s.Out, "    %s, err: %s\n", head, m.Problem)
				default:
					printf(s.Out, "    %s,\n        exp: %s\n        got: %s\n", head, indented(m.Want), indented(m.Got))
				}
			}
		}
		printf(s.Out, "\n")
	}
	printf(s.Out, "%d passed, %d failed\n", r.Passed, r.Failed)
}

func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n        ") }
