package cli

import "github.com/spf13/cobra"

func newAlert(s Streams, getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{Use: "alert", Short: "Rules of alerts: what they lack, how late they are, what they are worth"}
	cmd.AddCommand(newAlertLint(s, getenv), newAlertLatency(s), newAlertImport(s), newAlertProposals(s, getenv), newAlertReplay(s, getenv), newAlertMutate(s, getenv))
	return cmd
}
