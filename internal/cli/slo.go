package cli

import (
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// newSLO is the group of commands about objectives. Each is one line of its
// list.
func newSLO(s Streams, getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slo",
		Short: "Work with objectives: write rules, convert, test, try burn rates, ask the gate",
		Long:  "Write the rules of Sloth or Pyrra, convert between dialects, and run tests of\nobjectives; try burn rates on the past of a server, and hold them to their promise; ask\na server whether a change may be made.",
	}
	cmd.AddCommand(
		newSLOGenerate(s),
		newSLOConvert(s),
		newSLOTest(s),
	)
	cmd.AddCommand(newSLOGate(s, getenv)...)
	cmd.AddCommand(newSLORates(s, getenv)...)
	return cmd
}

// readFiles reads files by name; "-" is what stands at the input.
func readFiles(s Streams, names []string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range names {
		var text []byte
		var err error
		if name == "-" {
			text, err = io.ReadAll(s.In)
			name = "stdin.yaml"
		} else {
			text, err = os.ReadFile(name) //nolint:gosec // the user names it
		}
		if err != nil {
			return nil, errs.New(errs.NotFound, "read %s: %w", name, err)
		}
		out[name] = string(text)
	}
	return out, nil
}

func newSLOGenerate(s Streams) *cobra.Command {
	var opts app.RuleOptions
	var windows []string
	cmd := &cobra.Command{
		Use:   "generate FILE...",
		Short: "Write the Prometheus rules of SLO files, as Sloth or Pyrra do",
		Long: "Write the Prometheus rules that Sloth or Pyrra would write for SLO files: the same\ngroups, names, labels and expressions. The files may be of any dialect: OpenSLO, Sloth\nor Pyrra; - is the input. What the other tool has no words for is refused." +
			"\nA PrometheusServiceLevel becomes a PrometheusRule, as with Sloth.",
		Example: "  hinoban slo generate --dialect sloth slos.yaml > rules.yaml\n  hinoban slo generate --dialect sloth --default-slo-period 7d --windows windows/7d.yaml slos.yaml\n  hinoban slo generate --dialect pyrra --crd --generic-rules slo.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{"sloth", "pyrra"}, opts.Dialect) {
				return errs.New(errs.Invalid, "--dialect is sloth or pyrra")
			}
			files, err := readFiles(s, args)
			if err != nil {
				return err
			}
			if opts.Windows, err = readFiles(s, windows); err != nil {
				return err
			}
			text, notes, err := app.WriteRules(files, opts)
			if err != nil {
				return err
			}
			for _, n := range notes {
				printf(s.Err, "note: %s\n", n)
			}
			printf(s.Out, "%s", text)
			return nil
		},
	}
	cmd.Flags().StringVar(&opts.Dialect, "dialect", "", "whose rules: sloth or pyrra")
	cmd.Flags().StringVar(&opts.Period, "default-slo-period", "30d", "the period of Sloth's SLOs; 28d and 30d are built in")
	cmd.Flags().StringSliceVar(&windows, "windows", nil, "an AlertWindows file of Sloth; may be given more than once, and takes the place of the built-in windows")
	cmd.Flags().BoolVar(&opts.CRD, "crd", false, "write PrometheusRule objects for the Prometheus operator")
	cmd.Flags().BoolVar(&opts.Generic, "generic-rules", false, "write Pyrra's generic series too")
	return cmd
}

func newSLOConvert(s Streams) *cobra.Command {
	to, period := "", ""
	cmd := &cobra.Command{
		Use:     "convert FILE...",
		Short:   "Convert SLO files to another dialect",
		Long:    "Convert SLO files of any dialect to OpenSLO v1 or to Sloth's prometheus/v1; - is the\ninput. What OpenSLO has no words for becomes an annotation under hinoban.dev/; what\nSloth has no words for is refused.",
		Example: "  hinoban slo convert --to openslo sloth.yaml > slos.yaml\n  hinoban slo convert --to sloth - < slos.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{"openslo", "sloth"}, to) {
				return errs.New(errs.Invalid, "--to is openslo or sloth")
			}
			files, err := readFiles(s, args)
			if err != nil {
				return err
			}
			text, err := app.ConvertSLOs(files, to, period)
			if err != nil {
				return err
			}
			printf(s.Out, "%s", strings.TrimPrefix(string(text), "---\n"))
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the dialect: openslo or sloth")
	cmd.Flags().StringVar(&period, "default-slo-period", "30d", "the period that Sloth will be run with")
	return cmd
}
