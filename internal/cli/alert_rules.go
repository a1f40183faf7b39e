package cli

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// ruleProblems prints what keeps rules from being read.
func ruleProblems(s Streams, dir string, problems ascode.Problems) {
	for _, p := range problems {
		p.File = filepath.Join(dir, p.File)
		printf(s.Err, "%s\n", p)
	}
}

func newAlertLint(s Streams, getenv func(string) string) *cobra.Command {
	asJSON, since := false, ""
	var past app.Past
	cmd := &cobra.Command{
		Use:     "lint DIR",
		Short:   "Say what the alert rules of a folder lack",
		Long:    "Say of every AlertRule, and of every alerting rule of a Prometheus file under DIR, what\nit lacks: owner, playbook, first action, impact, a test, a latency within its budget.\nWith --since the rules are replayed over the past, and two that fire together in more\nthan 90 % of the time are told. The exit code is 1 where an AlertRule has an error;\n`hinoban check` refuses the same.",
		Example: "  hinoban alert lint ./config\n  hinoban alert lint --json ./config\n  hinoban alert lint --since 7d --url http://127.0.0.1:8119/prometheus ./config",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			fsys, err := folder(args[0])
			if err != nil {
				return err
			}
			if since != "" {
				if past.Since, err = app.ParseSpan(since); err != nil {
					return errs.New(errs.Invalid, "--since: %w", err)
				}
				if (past.URL == "") == (past.Data == "") {
					return errs.New(errs.Invalid, "--since needs the past: give either --url or --data")
				}
				past.Token = getenv("HINOBAN_TOKEN")
			}
			out, problems, err := app.LintRules(cmd.Context(), fsys, past)
			if err != nil {
				return err
			}
			ruleProblems(s, args[0], problems)
			if asJSON {
				err = printJSON(s, out)
			} else {
				printLint(s, args[0], out)
			}
			if err == nil && (len(problems) > 0 || out.Errors() > 0) {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&since, "since", "", "replay the rules over this long, 7d, and tell those that fire together")
	cmd.Flags().StringVar(&past.URL, "url", "", "where the past is: a server that speaks Prometheus' API, such as http://127.0.0.1:8119/prometheus. A token comes from $HINOBAN_TOKEN")
	cmd.Flags().StringVar(&past.Data, "data", "", "where the past is: the data folder of a server that does not run")
	return cmd
}

func printLint(s Streams, dir string, out app.RuleLint) {
	for _, l := range out.Lacks {
		fix := ""
		if l.Fix != "" {
			fix = " — " + l.Fix
		}
		printf(s.Out, "%s:%d: %s: %s: %s [%s]%s\n", filepath.Join(dir, l.File), l.Line, l.Level, l.Rule, l.Message, l.Code, fix)
	}
	for _, n := range out.Skipped {
		printf(s.Err, "not replayed: %s\n", n)
	}
	printf(s.Out, "%d rule(s): %d error(s), %d warning(s)\n", out.Rules, out.Errors(), len(out.Lacks)-out.Errors())
}

func newAlertLatency(s Streams) *cobra.Command {
	asJSON, sample := false, ""
	o := app.LatencyOptions{Send: time.Second, Provider: 5 * time.Second}
	cmd := &cobra.Command{
		Use:     "latency DIR",
		Short:   "Compute how late a person hears of each rule's fault",
		Long:    "Compute for every rule under DIR the best, the mean and the worst time from the fault to\na person, from the configuration alone, with the terms that make it up. The exit code is\n1 where the worst of one exceeds its budget. What an expression itself needs until it\ncrosses its limit depends on the fault and is not in it.",
		Example: "  hinoban alert latency ./config\n  hinoban alert latency --compat --provider 10s ./config\n  hinoban alert latency --route alertmanager.yml ./config\n  hinoban alert latency --json ./config",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			fsys, err := folder(args[0])
			if err != nil {
				return err
			}
			if sample != "" {
				if o.Sample, err = app.ParseSpan(sample); err != nil {
					return errs.New(errs.Invalid, "--interval: %w", err)
				}
			}
			out, problems, err := app.RuleLatencies(fsys, o)
			if err != nil {
				return err
			}
			ruleProblems(s, args[0], problems)
			if asJSON {
				err = printJSON(s, out)
			} else {
				err = printLatencies(s, out)
			}
			late := slices.ContainsFunc(out, func(l app.RuleLatency) bool { return l.Exceeds })
			if err == nil && (late || len(problems) > 0) {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&o.Compat, "compat", false, "notifications wait as Alertmanager's do: 30s for a new group, 5m for one more alert in it")
	cmd.Flags().StringVar(&o.Route, "route", "", "an alertmanager.yml whose routes say how long a notification waits")
	cmd.Flags().DurationVar(&o.Send, "send", o.Send, "the longest until a notification is handed over")
	cmd.Flags().DurationVar(&o.Provider, "provider", o.Provider, "the longest until the provider makes a device ring")
	cmd.Flags().StringVar(&sample, "interval", "", "how often metrics are sampled whose job prometheus.yml does not name; its global interval, or 1m")
	return cmd
}

func printLatencies(s Streams, all []app.RuleLatency) error {
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	printf(t, "RULE\tURGENCY\tBEST\tMEAN\tWORST\tBUDGET\tWORST IN TERMS\n")
	for _, l := range all {
		budget := "-"
		if l.Budget > 0 {
			budget = l.Budget.String()
		}
		if l.Exceeds {
			budget += " exceeded"
		}
		var terms []string
		for _, x := range l.Terms {
			terms = append(terms, x.Name+" "+x.Worst.Round(time.Millisecond).String())
		}
		for _, x := range l.Unknown {
			terms = append(terms, x+" ?")
		}
		if l.Next > l.Worst {
			terms = append(terms, "(one more in its group: "+l.Next.String()+")")
		}
		printf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Rule, l.Urgency, l.Best.Round(time.Millisecond), l.Mean.Round(time.Millisecond), l.Worst.Round(time.Millisecond), budget, strings.Join(terms, " + "))
	}
	return t.Flush()
}

func newAlertImport(s Streams) *cobra.Command {
	asJSON, dir := false, ""
	cmd := &cobra.Command{
		Use:     "import FILE|DIR",
		Short:   "Write AlertRule documents from Prometheus rule files",
		Long:    "Read Prometheus rule files, and PrometheusRule resources, and write an AlertRule document\nfor each alert: runbook_url becomes how.playbook, severity when.urgency, owner or team\nwho.owner; other labels and annotations stay. Recording rules stay as they are. What\neach rule does not say is reported. Without --out nothing is written: the report is all.",
		Example: "  hinoban alert import rules.yaml\n  hinoban alert import --out ./config/alerts ./rules\n  hinoban alert import --json ./rules",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := ruleTexts(s, args[0])
			if err != nil {
				return err
			}
			out, problems, err := app.ImportRules(files)
			if err != nil {
				return err
			}
			if dir != "" {
				if err := writeNew(dir, out.Files); err != nil {
					return err
				}
			}
			ruleProblems(s, "", problems)
			if asJSON {
				err = printJSON(s, out)
			} else {
				printImport(s, out, dir)
			}
			if err == nil && len(problems) > 0 {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().StringVar(&dir, "out", "", "write the documents into this folder; files that are there are not overwritten")
	return cmd
}

// ruleTexts reads a YAML file, or those of a folder. Those of a folder that cannot be
// read are told and passed over.
func ruleTexts(s Streams, name string) (map[string]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, errs.New(errs.NotFound, "read the rules: %w", err)
	}
	fsys, root := os.DirFS(filepath.Dir(name)), filepath.Base(name)
	if info.IsDir() {
		fsys, root = os.DirFS(name), "."
	}
	const limit = 4 << 20
	out := map[string]string{}
	err = fs.WalkDir(fsys, root, func(p string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(p); err != nil || d.IsDir() || (ext != ".yaml" && ext != ".yml" && p != root) {
			return err
		}
		text, err := ascode.ReadBeside(fsys, p, limit)
		switch {
		case err != nil && info.IsDir():
			printf(s.Err, "not read: %s: %v\n", p, err)
		case err != nil:
			return errs.New(errs.Invalid, "read %s: %w", p, err)
		default:
			out[p] = text
		}
		return nil
	})
	return out, err
}

func writeNew(dir string, files map[string]string) error {
	for _, n := range slices.Sorted(maps.Keys(files)) {
		p := filepath.Join(dir, filepath.FromSlash(n))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil { //nolint:gosec // rules are not secret
			return errs.New(errs.Unavailable, "write the documents: %w", err)
		}
		f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // rules are not secret
		if err != nil {
			return errs.New(errs.Conflict, "write the documents: %w", err)
		}
		_, err = f.WriteString(files[n])
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return errs.New(errs.Unavailable, "write %s: %w", p, err)
		}
	}
	return nil
}

func printImport(s Streams, out app.RuleImport, dir string) {
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	if len(out.Lacks) > 0 {
		printf(t, "PLACE\tRULE\tLACKS\n")
	}
	for i := 0; i < len(out.Lacks); {
		l, codes := out.Lacks[i], []string{}
		for ; i < len(out.Lacks) && out.Lacks[i].Rule == l.Rule && out.Lacks[i].Line == l.Line && out.Lacks[i].File == l.File; i++ {
			codes = append(codes, out.Lacks[i].Code)
		}
		printf(t, "%s:%d\t%s\t%s\n", l.File, l.Line, l.Rule, strings.Join(codes, ", "))
	}
	if err := t.Flush(); err != nil {
		return // nobody reads
	}
	for _, n := range out.Notes {
		printf(s.Err, "note: %s\n", n)
	}
	where := "nothing written: --out writes them"
	if dir != "" {
		where = "written to " + dir
	}
	printf(s.Out, "%d alerting and %d recording rule(s) in %d file(s); %s\n", out.Rules, out.Records, len(out.Files), where)
}
