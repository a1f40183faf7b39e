package cli

import "github.com/spf13/cobra"

func newAlert(s Streams, getenv func(string) string) *cobra.Command {
	cmd := &cobra.Command{Use: "alert", Short: "Rules of alerts: what they lack, how late they are"}
	cmd.AddCommand(newAlertLint(s, getenv), newAlertLatency(s), newAlertImport(s))
	cmd := &cobra.Command{Use: "alert", Short: "Rules of alerts: what they are worth"}
	cmd.AddCommand(newAlertProposals(s, getenv))
	return cmd
}
