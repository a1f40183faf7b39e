package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// codeError ends a command with a code of its own and no further word: it has
// said already what there is to say.
type codeError int

func (e codeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// The exit codes of the gate. What goes wrong is 1, as everywhere, and so never
// an answer.
const (
	errWarned  codeError = 10
	errBlocked codeError = 20
)

// gateFlags are what `hinoban slo gate` is asked.
type gateFlags struct {
	remote

	service, class, summary, link, lang string
	override, approver                  string
	lasts                               time.Duration
	dryRun, asJSON                      bool
}

// verdict is the part of the server's answer that is printed.
type verdict struct {
	Decision string `json:"decision"`
	State    string `json:"state"`
	Policy   string `json:"policy"`
	Reasons  []struct {
		En string `json:"en"`
		Ja string `json:"ja"`
	} `json:"reasons"`
	Override string           `json:"override,omitempty"`
	Evidence []map[string]any `json:"evidence"`
}

// newSLOGate are the commands about policies.
func newSLOGate(s Streams, getenv func(string) string) []*cobra.Command {
	f := gateFlags{}
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "Ask whether a change may be made now: exit code 0 allow, 10 warn, 20 block",
		Long: "Ask the error budget policy of a service whether a change of a class may be made\n" +
			"now. The answer and its reason are one line; it is recorded in the log. The exit\ncode is 0 for allow, 10 for warn, 20 for block, and 1 where there is no answer.",
		Example: "  hinoban slo gate --service checkout --change-class feature\n  hinoban slo gate --service checkout --change-class feature --json\n" +
			"  hinoban slo gate --service checkout --change-class feature --override \"the law changes tomorrow\" --approver aoi --lasts 2h",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, s, getenv) },
	}
	f.bind(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.service, "service", "", "the service that is changed")
	fs.StringVar(&f.class, "change-class", "", "the class of the change, such as feature, fix, config or security")
	fs.StringVar(&f.summary, "summary", "", "what the change is, for the log")
	fs.StringVar(&f.link, "link", "", "where it can be read, for the log")
	fs.StringVar(&f.lang, "lang", "en", "the language of the reason, en or ja")
	fs.StringVar(&f.override, "override", "", "override the policy for this reason, then ask")
	fs.StringVar(&f.approver, "approver", "", "who approves the override, where authentication is off; else it is who owns the token")
	fs.DurationVar(&f.lasts, "lasts", time.Hour, "how long the override lasts")
	fs.BoolVar(&f.dryRun, "dry-run", false, "ask, and record nothing")
	fs.BoolVar(&f.asJSON, "json", false, "print JSON")
	return []*cobra.Command{cmd}
}

func (f *gateFlags) run(cmd *cobra.Command, s Streams, getenv func(string) string) error {
	if err := f.check(); err != nil {
		return err
	}
	c := f.client(getenv)
	if f.override != "" {
		body := map[string]any{"service": f.service, "change_class": f.class, "reason": f.override, "expires": time.Now().Add(f.lasts).UTC(), "as": f.approver}
		if err := c.Post(cmd.Context(), "/api/v1/gate/overrides", body, nil); err != nil {
			return fmt.Errorf("override: %w", err)
		}
	}
	body := map[string]any{"service": f.service, "change_class": f.class, "summary": f.summary, "url": f.link, "dry_run": f.dryRun}
	var v verdict
	if err := c.Post(cmd.Context(), "/api/v1/gate", body, &v); err != nil {
		return err
	}
	if err := f.print(s, v); err != nil {
		return err
	}
	switch v.Decision {
	case "allow":
		return nil
	case "warn":
		return errWarned
	case "block":
		return errBlocked
	}
	return fmt.Errorf("the server answered %q, which this program does not know", v.Decision)
}

// check refuses what cannot be asked.
func (f *gateFlags) check() error {
	switch {
	case f.service == "" || f.class == "":
		return errs.New(errs.Invalid, "say --service and --change-class")
	case f.lang != "en" && f.lang != "ja":
		return errs.New(errs.Invalid, "--lang is en or ja")
	case f.override != "" && f.dryRun:
		return errs.New(errs.Invalid, "an override is recorded: leave out --dry-run")
	}
	return nil
}

// print writes the answer: JSON, or one line.
func (f *gateFlags) print(s Streams, v verdict) error {
	if f.asJSON {
		return printJSON(s, v)
	}
	printf(s.Out, "%s:", v.Decision)
	for _, r := range v.Reasons {
		text := r.En
		if f.lang == "ja" {
			text = r.Ja
		}
		printf(s.Out, " %s", text)
	}
	printf(s.Out, "\n")
	return nil
}
