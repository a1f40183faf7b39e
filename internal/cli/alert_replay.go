package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// replayed is what the server answers to a replay.
type replayed struct {
	From, To      time.Time
	Before, After struct {
		Alerts, Pages, Messages int
		To                      map[string]int
	}
	Rules []struct {
		Rule          string
		Before, After int
	}
	Incidents                       int
	Missed, Quieter, Earlier, Later []foundIncident
	LatencyP50                      shift `json:"latency_p50"`
	LatencyP99                      shift `json:"latency_p99"`
	Unsure                          []string
	TookSeconds                     float64 `json:"took_seconds"`
}

type shift struct{ Before, After float64 }

type foundIncident struct {
	ID, Title, Service string
	At, Before, After  time.Time
}

func newAlertReplay(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	var since, dir string
	asJSON := false
	cmd := &cobra.Command{
		Use:   "replay --config DIR",
		Short: "Say what another folder would have made of the alerts of the past",
		Long: `Run the alerts that a server kept through the rules and routes of another folder,
on a clock of its own, and say what would have been different: pages and
messages, incidents that nobody would have been told of or that would have been
known earlier or later, and how long it took until somebody was told.

The expressions of new and changed rules are asked of the server's samples. The
exit code is 10 where an incident would have been missed.`,
		Example: "  hinoban alert replay --since 30d --config ./config-new\n  hinoban alert replay --since 7d --config . --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return errs.New(errs.Invalid, "--config is missing: name the folder to try")
			}
			fsys, err := folder(dir)
			if err != nil {
				return err
			}
			set, problems := app.Check(fsys)
			if len(problems) > 0 {
				report(s, dir, set, problems)
				return errSilent
			}
			var out replayed
			var raw any
			into := any(&out)
			if asJSON {
				into = &raw
			}
			if err := r.client(getenv).Post(cmd.Context(), "/api/v1/alerts/replay", map[string]any{"files": set.Files, "since": since}, into); err != nil {
				return err
			}
			if asJSON {
				return printJSON(s, raw)
			}
			printReplay(s, out)
			if len(out.Missed) > 0 {
				return codeError(10)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", "30d", "how far back")
	cmd.Flags().StringVar(&dir, "config", "", "folder of documents to try")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	r.bind(cmd)
	return cmd
}

const shownRules = 20 // rules whose pages change that are printed

func printReplay(s Streams, c replayed) {
	const day = "2006-01-02"
	printf(s.Out, "%d alerts from %s to %s\n\n", c.Before.Alerts, c.From.Format(day), c.To.Format(day))
	printf(s.Out, "%-28s %10s %10s\n", "", "before", "after")
	row := func(name string, before, after int) {
		printf(s.Out, "%-28s %10d %10d\n", name, before, after)
	}
	row("alerts", c.Before.Alerts, c.After.Alerts)
	row("pages", c.Before.Pages, c.After.Pages)
	row("messages", c.Before.Messages, c.After.Messages)
	seconds := func(name string, v shift) {
		printf(s.Out, "%-28s %10s %10s\n", name, inSeconds(v.Before), inSeconds(v.After))
	}
	seconds("first told after, median", c.LatencyP50)
	seconds("first told after, 99 %", c.LatencyP99)
	for i, d := range c.Rules {
		if i == 0 {
			printf(s.Out, "\nPages by rule\n")
		}
		if i == shownRules {
			printf(s.Out, "and %d rules more\n", len(c.Rules)-shownRules)
			break
		}
		row("  "+d.Rule, d.Before, d.After)
	}
	printf(s.Out, "\n%d incidents had an alert before.\n", c.Incidents)
	for _, part := range []struct {
		title string
		list  []foundIncident
	}{{"Nobody would have been told of", c.Missed}, {"Nobody would have been woken for", c.Quieter}, {"Known earlier", c.Earlier}, {"Known later", c.Later}} {
		printFound(s, part.title, part.list)
	}
	for _, u := range c.Unsure {
		printf(s.Out, "unsure: %s\n", u)
	}
}

func inSeconds(v float64) string {
	if v < 0 {
		return "–"
	}
	return time.Duration(v * float64(time.Second)).Round(time.Second).String()
}

func printFound(s Streams, title string, list []foundIncident) {
	if len(list) == 0 {
		return
	}
	printf(s.Out, "\n%s\n", title)
	for _, f := range list {
		by := ""
		if !f.Before.IsZero() && !f.After.IsZero() {
			by = f.After.Sub(f.Before).Round(time.Second).String()
		}
		printf(s.Out, "  %s  %-12s %s %s\n", f.At.Format("2006-01-02 15:04"), f.Service, strings.TrimSpace(f.Title), by)
	}
}
