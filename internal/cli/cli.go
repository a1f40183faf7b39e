// Package cli is the command line: verbs over kinds. It starts app, or talks
// to a running server through client.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Version is set by the linker.
var Version = "dev" //nolint:gochecknoglobals // -ldflags "-X …" needs a variable

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// printf writes to a stream. Where its reader is gone, nobody is left to tell.
func printf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// errSilent ends a command with exit code 1 and no further word: it has said
// already what is wrong.
var errSilent = errors.New("silent")

// Main runs a command line and returns the exit code: 0 done, 1 failed, 2 the
// command line is wrong; a command that answers by its code has codes of its own.
func Main(ctx context.Context, args []string, s Streams, getenv func(string) string) int {
	root := newRoot(s, getenv) //nolint:contextcheck // ExecuteContext hands it to the command that runs
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
		return 1
	}
	if code, ok := errors.AsType[codeError](err); ok {
		return int(code)
	}
	printf(s.Err, "hinoban: %v\n", err)
	if e := (*client.Error)(nil); errors.As(err, &e) && e.Status == http.StatusUnauthorized {
		printf(s.Err, "put a token into HINOBAN_TOKEN; the page /settings of the server makes one\n")
	}
	if errs.KindOf(err) == errs.Internal && strings.Contains(err.Error(), "unknown") {
		return 2
	}
	return 1
}

func newRoot(s Streams, getenv func(string) string) *cobra.Command {
	root := &cobra.Command{
		Use:           "hinoban",
		Short:         "The working life of an SRE team in one binary",
		Long:          "Hinoban (火の番, the fire watch) measures, alerts, pages, runs incidents and writes\nthe postmortem with proof. Begin with `hinoban demo`.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       Version,
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.AddCommand(
		newServe(s, getenv), newBuddy(s, getenv), newDemo(s), newCheck(s), newPlan(s, getenv), newSchema(s), newSLO(s, getenv), newAlert(s, getenv), newAlertmanager(s), newOnCall(s, getenv), newLog(s, getenv), newAdminLink(s), newOpenAPI(s), newManual(s),
	)
	return root
}
