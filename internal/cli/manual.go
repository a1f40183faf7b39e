package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newManual prints docs/manual/en/cli.md.
func newManual(s Streams) *cobra.Command {
	return &cobra.Command{
		Use: "manual", Short: "Print the manual of the command line in Markdown", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			printf(s.Out, "# Command line\n\nWritten by `make gen` from the commands themselves. Exit code 0: done; 1: failed, or something is wrong; 2: the command line is wrong.\n")
			describe(s.Out, cmd.Root())
			return nil
		},
	}
}

func describe(w io.Writer, cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.HasSubCommands() {
			describe(w, c)
			continue
		}
		printf(w, "\n## %s\n\n", strings.TrimSuffix(c.UseLine(), " [flags]"))
		text := c.Long
		if text == "" {
			text = c.Short + "."
		}
		printf(w, "%s\n", text)
		if c.Example != "" {
			printf(w, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
		}
		rows := ""
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" {
				return
			}
			def := ""
			if f.DefValue != "" && f.DefValue != "0s" && f.DefValue != "false" {
				def = "`" + f.DefValue + "`"
			}
			rows += fmt.Sprintf("| `--%s` | %s | %s |\n", f.Name, def, f.Usage)
		})
		if rows != "" {
			printf(w, "\n| flag | default | |\n|---|---|---|\n%s", rows)
		}
	}
}
