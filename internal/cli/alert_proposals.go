package cli

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// proposed is the part of the server's answer that is printed.
type proposed struct {
	Proposals []struct {
		Source string `json:"source"`
		Rule   string `json:"rule"`
		Change struct {
			Kind string        `json:"kind"`
			By   time.Duration `json:"by"`
		} `json:"change"`
		Safe  bool `json:"safe"`
		Score struct {
			Precision struct {
				K int `json:"k"`
				N int `json:"n"`
			} `json:"precision"`
		} `json:"score"`
		Replay struct {
			Alerts int   `json:"alerts"`
			Gone   int   `json:"gone"`
			Lost   []any `json:"lost"`
			Late   []any `json:"late"`
			Unsure []any `json:"unsure"`
		} `json:"replay"`
		Patch   string `json:"patch"`
		Problem string `json:"problem"`
	} `json:"proposals"`
}

func newAlertProposals(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	rule, asJSON, onlySafe := "", false, false
	cmd := &cobra.Command{
		Use:     "proposals",
		Short:   "Print what to change about rules that people call noise, as patches",
		Long:    "Ask a server which rules to demote, to make wait longer or to delete, by what people\nsaid of their alerts. Each proposal says what would have been lost over the last 90\ndays; where the rule is in a file that the server reads, its patch follows and can\nbe piped to `git apply`.",
		Example: "  hinoban alert proposals\n  hinoban alert proposals --safe | git apply\n  hinoban alert proposals --rule HighErrors --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/api/v1/rule-proposals"
			if rule != "" {
				path += "?rule=" + url.QueryEscape(rule)
			}
			c := r.client(getenv)
			if asJSON {
				var all any
				if err := c.Get(cmd.Context(), path, &all); err != nil {
					return err
				}
				return printJSON(s, all)
			}
			var got proposed
			if err := c.Get(cmd.Context(), path, &got); err != nil {
				return err
			}
			printProposals(s, got, onlySafe)
			return nil
		},
	}
	r.bind(cmd)
	fs := cmd.Flags()
	fs.StringVar(&rule, "rule", "", "only of this rule")
	fs.BoolVar(&onlySafe, "safe", false, "only those by which nothing that mattered would have been lost")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// printProposals writes each as lines that a patch ignores, and its patch.
func printProposals(s Streams, got proposed, onlySafe bool) {
	for _, p := range got.Proposals {
		if onlySafe && !p.Safe {
			continue
		}
		change := p.Change.Kind
		if p.Change.By > 0 {
			change += " by " + p.Change.By.String()
		}
		printf(s.Out, "# %s/%s: %s; %d of %d actionable; of %d alerts %d would not have come", p.Source, p.Rule, change, p.Score.Precision.K, p.Score.Precision.N, p.Replay.Alerts, p.Replay.Gone)
		if p.Safe {
			printf(s.Out, "; safe\n")
		} else {
			printf(s.Out, "; NOT SAFE: %d lost, %d late, %d not judged\n", len(p.Replay.Lost), len(p.Replay.Late), len(p.Replay.Unsure))
		}
		if p.Problem != "" {
			printf(s.Out, "# no patch: %s\n", p.Problem)
		}
		printf(s.Out, "%s", p.Patch)
	}
}
