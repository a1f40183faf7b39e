package cli

import "github.com/spf13/cobra"

func newAlert(s Streams, getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{Use: "alert", Short: "Alerts: what rules lack and are worth, how late they are, who is told and why"}
	cmd.AddCommand(newAlertLint(s, getenv), newAlertLatency(s), newAlertImport(s), newAlertProposals(s, getenv), newAlertReplay(s, getenv), newAlertMutate(s, getenv), newAlertRoute(s), newAlertExplain(s, getenv))
	return cmd
}
