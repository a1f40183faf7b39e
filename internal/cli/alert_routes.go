package cli

import (
	"cmp"
	"net/url"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func newAlertRoute(s Streams) *cobra.Command {
	asJSON, config, at := false, "", ""
	cmd := &cobra.Command{
		Use:     "route [DIR|alertmanager.yml] NAME=VALUE…",
		Short:   "Show the path of an alert through the routes",
		Long:    "Show what becomes of an alert with these labels at each node of the routing tree, and\nwho is told: in the Route documents and the alertmanager.yml of a folder, or in one\nalertmanager.yml. Without a name the folder or file is --config. The exit code is 1\nwhere nobody is told.",
		Example: "  hinoban alert route ./config service=shop severity=page\n  hinoban alert route --config alertmanager.yml alertname=FullDisk\n  hinoban alert route --json --at 2026-11-21T03:00:00+09:00 ./config service=shop",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if config == "" && !strings.Contains(args[0], "=") {
				config, args = args[0], args[1:]
			}
			when := time.Now()
			if at != "" {
				var err error
				if when, err = time.Parse(time.RFC3339, at); err != nil {
					return errs.New(errs.Invalid, "--at: write 2026-11-21T03:00:00Z: %w", err)
				}
			}
			out, problems, err := app.TestRoute(cmp.Or(config, "alertmanager.yml"), strings.Join(args, "\n"), when)
			for _, p := range problems {
				p.File = filepath.Join(config, p.File)
				printf(s.Err, "%s\n", p)
			}
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(s, out)
			} else {
				printRoute(s, out)
			}
			if err == nil && !told(out) {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&config, "config", "", "folder of documents, or an alertmanager.yml")
	cmd.Flags().StringVar(&at, "at", "", "what the time intervals say then, 2026-11-21T03:00:00Z; the default is now")
	return cmd
}

func told(a app.RouteTest) bool {
	for _, r := range a.Steps {
		if r.Outcome == "tells" && (len(r.Integrations) > 0 || r.Document != "") {
			return true
		}
	}
	return false
}

func printRoute(s Streams, a app.RouteTest) {
	for _, r := range a.Steps {
		text := strings.Repeat("  ", r.Depth) + r.Matchers + " → " + r.Receiver + ": "
		switch r.Outcome {
		case "tells":
			text += "TELLS, group " + r.GroupKey + ", first after " + span(r.Wait) + ", changes after " + span(r.Interval) + ", again after " + span(r.Repeat)
			if len(r.MutedBy) > 0 {
				text += ", muted by " + strings.Join(r.MutedBy, ", ")
			}
			if len(r.Integrations) == 0 && r.Document == "" {
				text += ", which is nobody"
			}
		case "fails":
			text += "no: " + r.Failed + " does not hold, it is " + quoted(r.Value)
		case "skipped":
			text += "not tried: a node before it matched"
		case "beyond":
			text += "not reached"
		default:
			text += "matches"
		}
		printf(s.Out, "%s\n", text)
	}
	printf(s.Out, "told: %s\n", cmp.Or(strings.Join(a.Receivers, ", "), "nobody"))
}

func span(n float64) string { return time.Duration(n * float64(time.Second)).String() }

func quoted(v string) string {
	if v == "" {
		return "not there"
	}
	return `"` + v + `"`
}

func newAlertExplain(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	asJSON := false
	cmd := &cobra.Command{
		Use:     "explain ID",
		Short:   "Say why an alert fired, which routes it matched, and who was told when",
		Long:    "Say of one alert why it fired, which routes it matched and what holds it back now, who\nwas told when and who is still to be, and whom the on-call room paged.",
		Example: "  hinoban alert explain 0199a1b2-0000-7000-8000-000000000001\n  hinoban alert explain --json 0199a1b2-0000-7000-8000-000000000001 | jq .notices",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := r.client(getenv)
			var out app.AlertExplained
			if err := c.Get(cmd.Context(), "/api/v1/alerts/"+url.PathEscape(args[0])+"/explain", &out); err != nil {
				return err
			}
			if asJSON {
				return printJSON(s, out)
			}
			return printExplained(s, out)
		},
	}
	r.bind(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

const clock = "2006-01-02 15:04:05"

func printExplained(s Streams, x app.AlertExplained) error {
	a := x.Alert
	printf(s.Out, "%s\n%s · %s · %s · %s · %s\n", cmp.Or(a.Summary, a.Rule), a.Service, a.Rule, a.Severity, a.Source, a.State())
	printf(s.Out, "opened %s, last heard %s, %d signal(s)\n", a.OpenedAt.Format(clock), a.LastAt.Format(clock), a.Count)
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	line := func(title string, f string, args ...any) { printf(t, title+"\t"+f+"\n", args...) }
	if x.First != "" {
		line("first", "%s", x.First)
	}
	if x.Playbook != "" {
		line("playbook", "%s", x.Playbook)
	}
	if a.Expr != "" {
		line("why", "%s", a.Expr)
	}
	for _, e := range a.Evidence {
		line("", "%s %s (limit %s)", e.Name, e.Value, cmp.Or(e.Limit, "-"))
	}
	for _, r := range x.Routes {
		line("route", "%s → %s, first after %s", r.Matchers, r.Receiver, span(r.Wait))
	}
	for _, h := range x.SilencedBy {
		line("silenced", "by %s until %s: %s {%s}", h.CreatedBy, h.EndsAt.Format(clock), h.Comment, strings.Join(h.Matchers, ", "))
	}
	for _, h := range x.InhibitedBy {
		line("inhibited", "by %s", h.Labels["alertname"])
	}
	for _, n := range x.Notices {
		if n.Error != "" {
			line("not told", "%s %s/%s, due %s, %d tries: %s", n.At.Format(clock), n.Receiver, n.Integration, n.Due.Format(clock), n.Attempts, n.Error)
			continue
		}
		line("told", "%s %s/%s, %s, %s after it was due, %d tries", n.At.Format(clock), n.Receiver, n.Integration, n.Reason, span(n.Late), n.Attempts)
	}
	for _, o := range x.Owed {
		line("owed", "%s/%s since %s, %d tries: %s", o.Receiver, o.Integration, o.Since.Format(clock), o.Attempts, cmp.Or(o.Error, "not tried yet"))
	}
	if len(x.Notices)+len(x.Owed) == 0 {
		line("told", "nobody along the routes")
	}
	for _, p := range x.Pages {
		line("on call", "%s %s %s", p.At.Format(clock), strings.TrimPrefix(p.Name, "oncall."), strings.Join(filled(p.Who, p.How, p.Said), " · "))
	}
	return t.Flush()
}

func filled(all ...string) (out []string) {
	for _, v := range all {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}
