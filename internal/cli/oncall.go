package cli

import (
	"cmp"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func newOnCall(s Streams, getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{Use: "oncall", Short: "Who is on call, proven and tested"}
	cmd.AddCommand(newOnCallWho(s, getenv), newOnCallWhen(s, getenv), newOnCallProve(s, getenv), newOnCallTest(s), newOnCallExplain(s, getenv), newOnCallImport(s), newOnCallAdjust(s, getenv))
	return cmd
}

// day is how a table writes a time.
const day = "Mon 2006-01-02 15:04 MST"

// instant reads a time of a flag; nothing is now.
func instant(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Now(), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errs.New(errs.Invalid, "--%s: write 2026-12-24T02:00:00Z, or 2026-12-24 02:00 by this machine's clock", flag)
}

func newOnCallWho(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	asJSON, at, rota, config := false, "", "", ""
	cmd := &cobra.Command{
		Use:     "who",
		Short:   "Say who is on call, now or at any time",
		Long:    "Say who is on call in each rota and who is next, now or at any time: past times are\nanswered by the editions of that time. With --config it asks a folder of documents\nand not a server. The exit code is 1 where a rota that is asked for has nobody.",
		Example: "  hinoban oncall who\n  hinoban oncall who --rota shop-primary --at 2026-12-31T23:00:00+09:00\n  hinoban oncall who --config ./config --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			when, err := instant("at", at)
			if err != nil {
				return err
			}
			var out app.WhoReport
			if config != "" {
				out, err = app.WhoOf(config, when)
			} else {
				err = r.client(getenv).Get(cmd.Context(), "/api/v1/oncall/who", &out, "at", when.UTC().Format(time.RFC3339))
			}
			if err != nil {
				return err
			}
			return printWho(s, out, rota, asJSON)
		},
	}
	r.bind(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&at, "at", "", "a time; the default is now")
	cmd.Flags().StringVar(&rota, "rota", "", "only this rota")
	cmd.Flags().StringVar(&config, "config", "", "a folder of documents in the place of a server")
	return cmd
}

func printWho(s Streams, out app.WhoReport, rota string, asJSON bool) error {
	nobody, found := false, rota == ""
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	kept := out.Rotas[:0]
	for _, n := range out.Rotas {
		if rota != "" && !strings.EqualFold(n.Rota, rota) {
			continue
		}
		found = true
		kept = append(kept, n)
		nobody = nobody || len(n.People()) == 0
		zone, err := time.LoadLocation(n.Zone)
		if err != nil {
			zone = time.UTC
		}
		line := []string{n.Rota, cmp.Or(strings.Join(n.People(), ", "), "■ nobody"), "as far ahead as we look"}
		if !n.Until.IsZero() {
			line = append(line[:2], "until "+n.Until.In(zone).Format(day), "then "+cmp.Or(strings.Join(n.NextPeople(), ", "), "■ nobody"))
		}
		for _, v := range n.Shadows {
			line = append(line, "shadow of "+v.Of+": "+v.Person)
		}
		printf(t, "%s\n", strings.Join(line, "\t"))
	}
	if !found {
		return errs.New(errs.NotFound, "there is no rota %q", rota)
	}
	out.Rotas = kept
	if asJSON {
		if err := printJSON(s, out); err != nil {
			return err
		}
	} else if err := t.Flush(); err != nil {
		return err
	}
	if rota != "" && nobody {
		return errSilent
	}
	return nil
}

func newOnCallWhen(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	asJSON, config, days := false, "", 28
	cmd := &cobra.Command{
		Use:     "when PERSON",
		Short:   "List when somebody is on call",
		Example: "  hinoban oncall when aoi\n  hinoban oncall when aoi --days 90 --json\n  hinoban oncall when aoi --config ./config",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from := time.Now().UTC()
			to := from.AddDate(0, 0, days)
			var out app.OnCallTurns
			var err error
			if config != "" {
				out, err = app.TurnsOf(config, from, to)
			} else {
				err = r.client(getenv).Get(cmd.Context(), "/api/v1/oncall/turns", &out, "from", from.Format(time.RFC3339), "to", to.Format(time.RFC3339))
			}
			if err != nil {
				return err
			}
			return printTurns(s, out, args[0], asJSON)
		},
	}
	r.bind(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&config, "config", "", "a folder of documents in the place of a server")
	cmd.Flags().IntVar(&days, "days", 28, "how far ahead, at most 366")
	return cmd
}

func newOnCallExplain(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	asJSON := false
	cmd := &cobra.Command{
		Use:     "explain ALERT",
		Short:   "Say whom an alert paged, through which device, at which second, and who is next",
		Example: "  hinoban oncall explain 0199a1b2-0000-7000-8000-000000000001",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out app.PageExplained
			if err := r.client(getenv).Get(cmd.Context(), "/api/v1/oncall/explain/"+url.PathEscape(args[0]), &out); err != nil {
				return err
			}
			if asJSON {
				return printJSON(s, out)
			}
			return printPageExplained(s, out)
		},
	}
	r.bind(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
