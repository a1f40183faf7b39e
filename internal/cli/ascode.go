package cli

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func folder(path string) (fs.FS, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errs.New(errs.NotFound, "read the folder: %w", err)
	}
	if !info.IsDir() {
		return nil, errs.New(errs.Invalid, "%s is no folder", path)
	}
	return os.DirFS(path), nil
}

func printJSON(s Streams, v any) error {
	enc := json.NewEncoder(s.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func newCheck(s Streams) *cobra.Command {
	asJSON, strict := false, false
	cmd := &cobra.Command{
		Use:     "check DIR",
		Short:   "Say what is wrong with a folder of documents",
		Long:    "Read every document under DIR and say what is wrong: file:line:column, what was\nexpected, and how to mend it. The exit code is 1 where something is wrong. What is\naccepted although its format does not allow it, or is a mistake as a rule, is a note;\n--strict makes it an error. What is only worth a thought is printed as such.",
		Example: "  hinoban check ./config\n  hinoban check --json ./config\n  hinoban check --strict ./config",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			fsys, err := folder(args[0])
			if err != nil {
				return err
			}
			set, problems := app.Check(fsys)
			if strict {
				problems, set.Notes = append(problems, set.Notes...), nil
			}
			if asJSON {
				err = printJSON(s, map[string]any{"documents": len(set.Documents), "problems": append([]ascode.Problem{}, problems...), "notes": append([]ascode.Problem{}, set.Notes...), "thoughts": append([]ascode.Problem{}, app.Thoughts(set)...)})
			} else {
				thoughts(s, args[0], app.Thoughts(set))
				report(s, args[0], set, problems)
			}
			if err == nil && len(problems) > 0 {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&strict, "strict", false, "refuse what is accepted leniently")
	return cmd
}

// thoughts prints what is no error and worth a thought.
func thoughts(s Streams, dir string, findings ascode.Problems) {
	for _, p := range findings {
		p.File = filepath.Join(dir, p.File)
		printf(s.Err, "thought: %s\n", p)
	}
}

func report(s Streams, dir string, set *ascode.Set, problems ascode.Problems) {
	for _, p := range set.Notes {
		p.File = filepath.Join(dir, p.File)
		printf(s.Err, "note: %s\n", p)
	}
	for _, p := range problems {
		p.File = filepath.Join(dir, p.File)
		printf(s.Err, "%s\n", p)
	}
	if len(problems) > 0 {
		printf(s.Err, "%d problem(s) in %d document(s)\n", len(problems), len(set.Documents))
		return
	}
	kinds := map[string]int{}
	for _, d := range set.Documents {
		kinds[d.Kind]++
	}
	var parts []string
	for k, n := range kinds {
		parts = append(parts, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(parts)
	printf(s.Out, "ok: %d documents (%s)\n", len(set.Documents), strings.Join(parts, ", "))
}

// remote are the flags of commands that talk to a running server.
type remote struct {
	url string
}

func (r *remote) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.url, "url", "", "the server; the default is $HINOBAN_URL or http://127.0.0.1:8119. A token comes from $HINOBAN_TOKEN")
}

func (r *remote) client(getenv func(string) string) *client.Client {
	url := r.url
	if url == "" {
		url = getenv("HINOBAN_URL")
	}
	if url == "" {
		url = "http://127.0.0.1:8119"
	}
	return client.New(url, getenv("HINOBAN_TOKEN"))
}

func newPlan(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	asJSON := false
	cmd := &cobra.Command{
		Use:     "plan DIR",
		Short:   "Show what a folder would change on a running server",
		Long:    "Compare the documents under DIR with those that a server uses: + added, - removed,\n~ changed, with the lines that differ. Nothing is changed.",
		Example: "  hinoban plan ./config\n  hinoban plan --json --url https://hinoban.example.org ./config",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			fsys, err := folder(args[0])
			if err != nil {
				return err
			}
			set, problems := app.Check(fsys)
			if len(problems) > 0 {
				report(s, args[0], set, problems)
				return errSilent
			}
			var out app.Planned
			if err := r.client(getenv).Post(cmd.Context(), "/api/v1/config/plan", map[string]any{"files": set.Files}, &out); err != nil {
				return err
			}
			if asJSON {
				return printJSON(s, out.Changes)
			}
			for _, c := range out.Changes {
				printf(s.Out, "%s %s %s (%s)\n", c.Op, c.Kind, c.Name, c.File)
				for _, line := range c.Diff {
					printf(s.Out, "    %s\n", line)
				}
			}
			printf(s.Out, "%d change(s)\n", len(out.Changes))
			return nil
		},
	}
	r.bind(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newSchema(s Streams) *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use:     "schema [KIND]",
		Short:   "Print the JSON Schema of the documents, for editors",
		Example: "  hinoban schema\n  hinoban schema hinoban/v1/Service\n  hinoban schema --dir ./schemas",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			want := ""
			if len(args) == 1 {
				want = args[0]
			}
			found := false
			for _, k := range app.Kinds() {
				name := k.APIVersion + "/" + k.Name
				if k.File != "" || (want != "" && want != name && want != k.Name) {
					continue
				}
				found = true
				if want == "" && dir == "" {
					printf(s.Out, "%-42s %s\n", name, k.Doc)
					continue
				}
				if err := writeSchema(s, dir, k); err != nil {
					return err
				}
			}
			if !found {
				return errs.New(errs.NotFound, "there is no kind %q: `hinoban schema` lists them", want)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write each schema to a file in this folder")
	return cmd
}

func writeSchema(s Streams, dir string, k ascode.Kind) error {
	text, err := k.JSONSchema()
	if err != nil {
		return err
	}
	if dir == "" {
		printf(s.Out, "%s\n", text)
		return nil
	}
	name := strings.NewReplacer("/", "-", ".", "-").Replace(k.APIVersion) + "-" + strings.ToLower(k.Name) + ".json"
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // schemas are public
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), append(text, '\n'), 0o644) //nolint:gosec // schemas are public
}
